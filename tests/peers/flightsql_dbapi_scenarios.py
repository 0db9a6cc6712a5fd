"""What people do with flightsql-dbapi; prints what they get, as JSON."""

import json
import sys
from typing import Any
from urllib.parse import urlsplit

import flightsql
import flightsql.flightsql_pb2 as messages
import flightsql.sqlalchemy  # registers its dialect
import pyarrow as pa
import sqlalchemy

SERVER = urlsplit(sys.argv[2])


def client(**options: Any) -> flightsql.FlightSQLClient:
    return flightsql.FlightSQLClient(
        host=SERVER.hostname, port=SERVER.port, insecure=True, **options
    )


def rows(asked: flightsql.FlightSQLClient, info: Any) -> list[list[Any]]:
    table = asked.do_get(info.endpoints[0].ticket).read_all()
    return [list(row.values()) for row in table.to_pylist()]


def statements() -> Any:
    with_token = client(token="any", metadata={"database": "second"})
    counts = [
        with_token.execute_update("CREATE TABLE t (a int PRIMARY KEY, b text)"),
        with_token.execute_update("INSERT INTO t VALUES (1, 'x'), (2, NULL)"),
    ]
    connection = flightsql.connect(with_token)
    cursor = connection.cursor()
    back = [
        cursor.execute("SELECT ? AS x", [value]).fetchone()[0] for value in (5, "it's", 1.5, True)
    ]
    binary = cursor.execute("SELECT ? AS x", [b"\x00a"]).fetchone()[0] == b"\x00a"
    found = cursor.execute("SELECT * FROM t WHERE a = ? AND b = ?", (1, "x")).fetchall()
    cursor.executemany("INSERT INTO t VALUES (?, ?)", [(3, "q"), (4, "r")])
    count = cursor.execute("SELECT count(*) FROM t").fetchall()
    return [counts, back, binary, found, count]


def metadata() -> Any:
    asked = client(token="any")
    asked.execute_update("CREATE TABLE t (a int PRIMARY KEY, b text)")
    asked.execute_update("CREATE TABLE u (a int REFERENCES t(a))")
    connection = flightsql.connect(asked)
    table, other = flightsql.TableRef(table="t"), flightsql.TableRef(table="u")
    return [
        [[one["name"], str(one["type"]), one["nullable"]] for one in _columns(connection)],
        connection.flightsql_get_table_names(),
        connection.flightsql_get_schema_names(),
        list(connection.flightsql_get_sql_info([messages.FLIGHT_SQL_SERVER_NAME, 504]).values()),
        [key["column_name"] for key in connection.flightsql_get_primary_keys("t")],
        [key["pk_table_name"] for key in connection.flightsql_get_foreign_keys("u")],
        rows(asked, asked.get_catalogs()),
        rows(asked, asked.get_table_types()),
        len(rows(asked, asked.get_exported_keys(table))),
        len(rows(asked, asked.get_cross_reference(table, other))),
    ]


def _columns(connection: Any) -> Any:
    return connection.flightsql_get_columns("t")


def with_sqlalchemy() -> Any:
    url = f"datafusion+flightsql://{SERVER.hostname}:{SERVER.port}?insecure=True&token=any"
    engine = sqlalchemy.create_engine(url)
    with engine.connect() as connection:
        connection.execute(sqlalchemy.text("CREATE TABLE t (a int, b text)"))
        connection.execute(sqlalchemy.text("INSERT INTO t VALUES (1, 'x')"))
        found = [list(row) for row in connection.execute(sqlalchemy.text("SELECT * FROM t"))]
    inspector = sqlalchemy.inspect(engine)
    columns = [[one["name"], str(one["type"])] for one in inspector.get_columns("t")]
    return [found, inspector.get_table_names(), columns]


def logins() -> Any:
    asked = client(user="ada", password="lovelace")
    found = rows(asked, asked.execute("SELECT 1 AS a"))
    errors = []
    for options in ({"user": "ada", "password": "wrong"}, {"token": "nix"}):
        try:
            client(**options).execute("SELECT 1")
        except pa.ArrowException as error:
            errors.append(type(error).__name__)
    return [found, errors]


SCENARIOS = (statements, metadata, with_sqlalchemy, logins)

if __name__ == "__main__":
    scenario = next(one for one in SCENARIOS if one.__name__ == sys.argv[1])
    print(json.dumps(scenario()))
