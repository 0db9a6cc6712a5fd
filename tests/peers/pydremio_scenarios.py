"""What people do with dlt's client for Dremio; prints what they get, as JSON."""

import datetime
import json
import sys
from typing import Any

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


def sql_client() -> Any:
    credentials = DremioCredentials()
    credentials.host, credentials.port = HOST, int(PORT)
    credentials.username, credentials.password = "ada", "lovelace"
    credentials.database = "firebolt"
    capabilities: DestinationCapabilitiesContext = dremio().capabilities()
    errors = []
    with DremioSqlClient("data", "staging", credentials, capabilities) as client:
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
        for sql in (["SELECT * FROM nix"], ["SELECT %s, %s", 1], ["SELEC"]):
            try:
                client.execute_sql(*sql)
            except Exception as error:  # noqa: BLE001  # its kind is what is asked for
                errors.append(type(error).__name__)
        client.drop_tables("people", "nix")
        left = client.execute_sql("SELECT table_name FROM information_schema.tables")
    return [found, frame, sizes, errors, left]


SCENARIOS = (module, sql_client)

if __name__ == "__main__":
    scenario = next(one for one in SCENARIOS if one.__name__ == sys.argv[1])
    print(json.dumps(scenario()))
