"""What people do with ADBC's driver for Flight SQL; prints what they get, as JSON."""

import datetime
import json
import sys
from decimal import Decimal
from typing import Any

import adbc_driver_flightsql
import adbc_driver_flightsql.dbapi
import adbc_driver_manager
import pyarrow as pa

URL = sys.argv[2]
Connection = adbc_driver_flightsql.dbapi.Connection


def connect(**options: Any) -> Connection:
    return adbc_driver_flightsql.dbapi.connect(URL, **options)


def failure(connection: Connection, sql: str) -> list[str]:
    try:
        with connection.cursor() as cursor:
            cursor.execute(sql)
            cursor.fetchall()
    except adbc_driver_manager.Error as error:
        return [type(error).__name__, str(error)]
    return []


def queries() -> Any:
    with connect(autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE adbc (a int, b text)")
        cursor.execute("INSERT INTO adbc VALUES (1, 'x')")
        cursor.executemany("INSERT INTO adbc VALUES (?, ?)", [(2, "y"), (3, None)])
        count = cursor.rowcount
        rows = cursor.execute("SELECT * FROM adbc ORDER BY a").fetchall()
        schema = str(connection.adbc_get_table_schema("adbc").names)
        partitions, _ = cursor.adbc_execute_partitions("SELECT a FROM adbc ORDER BY a")
        parts = []
        for partition in partitions:
            cursor.adbc_read_partition(partition)
            parts += cursor.fetchall()
        expected = [str(field.type) for field in cursor.adbc_execute_schema("SELECT 1, 'x'")]
        wanted = [
            str(field.type) for field in cursor.adbc_prepare("INSERT INTO adbc VALUES (?, ?)")
        ]
        mistakes = [
            failure(connection, sql) for sql in ("SELECT nix", "CREATE TEMP TABLE t (a int)")
        ]
    return [count, rows, schema, parts, expected, wanted, mistakes]


VALUES = [
    *(5, "it's", 1.5, True, b"\x00a", None, [1, None], Decimal("1.50")),
    *(datetime.date(2020, 1, 2), datetime.time(1, 2, 3)),
    datetime.datetime(2020, 1, 2, 3, 4, 5, 6),
    datetime.datetime(2020, 1, 2, tzinfo=datetime.UTC),
]


def parameters() -> Any:
    with connect(autocommit=True) as connection, connection.cursor() as cursor:
        wrong = []
        for value in VALUES:
            for mark in ("?", "$1"):
                ((got,),) = cursor.execute(f"SELECT {mark} AS x", [value]).fetchall()
                if got != value or type(got) is not type(value):
                    wrong.append(repr((value, got)))
        ((interval,),) = cursor.execute("SELECT ?", [datetime.timedelta(seconds=5)]).fetchall()
    return [wrong, list(interval)]


def objects() -> Any:
    with connect(autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE parent (id int PRIMARY KEY, name text)")
        cursor.execute("CREATE TABLE child (id int REFERENCES parent(id))")
        (catalog,) = (
            connection.adbc_get_objects(
                depth="all", table_name_filter="%", table_types_filter=["TABLE"]
            )
            .read_all()
            .to_pylist()
        )
        (schema,) = catalog["catalog_db_schemas"]
        tables = {
            table["table_name"]: [
                [column["column_name"], column["xdbc_type_name"]]
                for column in table["table_columns"]
            ]
            for table in schema["db_schema_tables"]
        }
        facts = connection.adbc_get_info()
        types = connection.adbc_get_table_types()
    return [catalog["catalog_name"], schema["db_schema_name"], tables, facts["vendor_name"], types]


def ingest() -> Any:
    rows = pa.table({"id": [1, 2], "name": ["a", None]})
    with connect(autocommit=True) as connection, connection.cursor() as cursor:
        counts = [
            cursor.adbc_ingest("people", rows, mode=mode)
            for mode in ("create", "append", "create_append", "replace")
        ]
        counts.append(cursor.adbc_ingest("people", rows, "append", db_schema_name="public"))
        found = cursor.execute("SELECT * FROM people ORDER BY 1").fetchall()
        errors = []
        for options in ({"mode": "create"}, {"mode": "create", "temporary": True}):
            try:
                cursor.adbc_ingest("people", rows, **options)
            except adbc_driver_manager.Error as error:
                errors.append(type(error).__name__)
    return [counts, found, errors]


def transactions() -> Any:
    counts = []

    def count(connection: Connection) -> None:
        with connection.cursor() as cursor:
            ((found,),) = cursor.execute("SELECT count(*) FROM kept").fetchall()
            counts.append(found)

    connection, other = connect(), connect(autocommit=True)
    with connection, other, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE kept (a int)")
        connection.commit()
        cursor.execute("INSERT INTO kept VALUES (1)")
        count(connection)
        count(other)
        connection.rollback()
        count(connection)
        cursor.execute("INSERT INTO kept VALUES (1)")
        connection.commit()
        count(other)
        cursor.execute("SELECT a FROM range(100000) AS t(a)")
        count(connection)
        last = cursor.fetchall()[-1]
        cursor.execute("INSERT INTO kept VALUES (1)")
        failed = failure(connection, "SELECT nix")[0]
        connection.rollback()
        count(connection)
    return [counts, last, failed]


def logins() -> Any:
    options = adbc_driver_flightsql.DatabaseOptions
    cookies = {options.WITH_COOKIE_MIDDLEWARE.value: "true"}
    login = {"username": "ada", "password": "lovelace"}
    connection = connect(db_kwargs=login | cookies, autocommit=True)
    with connection, connection.cursor() as cursor:
        cursor.execute("SET timezone = Asia/Tokyo")
        sql = "SELECT TIMESTAMPTZ '2020-01-01 00:00:00'::text AS z"
        ((zone,),) = cursor.execute(sql).fetchall()
    token = {options.AUTHORIZATION_HEADER.value: "Bearer fixed"}
    with connect(db_kwargs=token, autocommit=True) as connection, connection.cursor() as cursor:
        ((one,),) = cursor.execute("SELECT 1").fetchall()
    try:
        connect(db_kwargs={"username": "ada", "password": "wrong"})
    except adbc_driver_manager.Error as error:
        refused = str(error)
    return [zone, one, refused]


SCENARIOS = (queries, parameters, objects, ingest, transactions, logins)

if __name__ == "__main__":
    scenario = next(one for one in SCENARIOS if one.__name__ == sys.argv[1])
    print(json.dumps(scenario(), default=str))
