"""What people do with dlt's client for Dremio; prints what they get, as JSON.

`pydremio_scenarios.py SCENARIO URL MODULE`, where MODULE is dlt's own, or ours in its place.
"""

import datetime
import decimal
import json
import sys
from pathlib import Path
from typing import Any

import dlt.destinations.impl.dremio as package

if sys.argv[3] == "ours":
    sys.path.insert(0, str(Path(__file__).parents[2]))
    from firebolt_like.flight import dremio as ours

    package.pydremio = sys.modules[f"{package.__name__}.pydremio"] = ours

from dlt.common.destination import DestinationCapabilitiesContext
from dlt.destinations import dremio
from dlt.destinations.impl.dremio import pydremio
from dlt.destinations.impl.dremio.configuration import DremioCredentials
from dlt.destinations.impl.dremio.sql_client import DremioSqlClient

HOST, PORT = sys.argv[2].rpartition("/")[2].split(":")


def connect(password: str = "lovelace") -> Any:
    login = {"username": "ada", "password": password}
    return pydremio.connect(f"grpc+tcp://{HOST}:{PORT}", login)


def module() -> Any:
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE t (a int, b text, c timestamp)")
        day = datetime.datetime(2020, 1, 2, 3, 4, 5)
        cursor.execute("INSERT INTO t VALUES (%s, %s, %s)", (1, "it's", day))
        cursor.execute(b"SELECT * FROM t")
        names = [column[0] for column in cursor.description]
        row = [str(value) for value in cursor.fetchone()]
        cursor.execute("SELECT a FROM range(100000) AS t(a)")
        sizes = [len(cursor.fetchmany(10)), len(cursor.iter_arrow_tables(1000))]
        left = cursor.fetch_arrow_table().num_rows
        cursor.execute("SELECT a FROM range(100000) AS t(a)")
        count = len(cursor.fetchall())
    try:
        connect("wrong")
    except Exception as error:  # noqa: BLE001  # its kind is what is asked for
        refused = type(error).__name__
    return [names, row, sizes, left, count, refused]


def opened() -> DremioSqlClient:
    credentials = DremioCredentials()
    credentials.host, credentials.port = HOST, int(PORT)
    credentials.username, credentials.password = "ada", "lovelace"
    credentials.database = "firebolt"
    capabilities: DestinationCapabilitiesContext = dremio().capabilities()
    return DremioSqlClient("data", "staging", credentials, capabilities)


def sql_client() -> Any:
    errors = []
    with opened() as client:
        client.execute_sql("CREATE SCHEMA data")
        client.create_dataset()
        table = client.make_qualified_table_name("people")
        client.execute_sql(f"CREATE TABLE {table} (id int, name text)")
        client.execute_sql(f"INSERT INTO {table} VALUES (%s, %s), (2, 'Grace')", 1, "Ada")
        found = client.execute_sql(f"SELECT * FROM {table} WHERE id < %s ORDER BY id", 3)
        with client.execute_query(f"SELECT * FROM {table} ORDER BY id") as cursor:
            frame = cursor.df().to_dict("list")
        with client.execute_query(f"SELECT * FROM {table} ORDER BY id") as cursor:
            sizes = [len(part) for part in cursor.iter_arrow(1)]
        with client.execute_query(f"SELECT * FROM {table} ORDER BY id") as cursor:
            parts = [cursor.arrow(1).to_pylist(), *map(list, cursor.iter_fetch(1))]
        with client.execute_query(f"SELECT * FROM {table} ORDER BY id") as cursor:
            parts += [part.to_dict("list") for part in cursor.iter_df(1)], cursor.df(1)
        with client.begin_transaction():
            day = datetime.datetime(2020, 1, 2, tzinfo=datetime.UTC)
            name = "it's 5 % \\"
            client.execute_sql(f"INSERT INTO {table} VALUES (%s, %s)", 3, name)
            parts += client.execute_sql(f"SELECT name FROM {table} WHERE name = %s", name)
            parts.append(client.execute_sql("SELECT timestamp '2020-01-02' = %s", day))
        for sql in (["SELECT * FROM nix"], ["SELECT %s, %s", 1], ["SELEC"]):
            try:
                client.execute_sql(*sql)
            except Exception as error:  # noqa: BLE001  # its kind is what is asked for
                errors.append(type(error).__name__)
        client.drop_tables("people", "nix")
        left = client.execute_sql("SELECT table_name FROM information_schema.tables")
        client.execute_sql("DROP TABLE IF EXISTS data._dlt_sentinel_table")
    return [found, frame, sizes, parts, errors, left]


def beyond() -> Any:
    """Do what dlt's own module cannot: most types of parameters, missing columns."""
    values = (None, b"a", datetime.date(2020, 1, 2), decimal.Decimal("1.50"), [1, 2])
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT %s, %s, %s, %s, %s", values)
        equal = cursor.fetchone() == values
    with opened() as client:
        try:
            client.execute_sql("SELECT nothing FROM (SELECT 1 AS a) t")
        except Exception as error:  # noqa: BLE001  # its kind is what is asked for
            return [equal, type(error).__name__]
    return None


SCENARIOS = (module, sql_client, beyond)

if __name__ == "__main__":
    scenario = next(one for one in SCENARIOS if one.__name__ == sys.argv[1])
    print(json.dumps(scenario()))
