"""What tests/peers/test_firebolt_sdk.py has the public SDK do: one scenario, its answers as JSON.

This runs in an environment that has firebolt-sdk, and neither pytest nor this package.
"""

import asyncio
import json
import socket
import sys
import time
from typing import Any

from firebolt import async_db
from firebolt.client.auth import ClientCredentials, FireboltCore, ServiceAccount, UsernamePassword
from firebolt.db import connect
from firebolt.service.manager import ResourceManager

lookup = socket.getaddrinfo
TYPED = """
    SELECT 1 AS i, 2::bigint AS b, 1.50::numeric(9, 2) AS n, 'x' AS t, true AS o,
        '2020-01-02'::date AS d, '2020-01-02 03:04:05'::timestamp AS s, [1, 2] AS a, NULL AS z
"""


def find(host: Any, *rest: Any, **more: Any) -> Any:
    """Resolve *.localhost, as some systems do: the SDK logs in at a host beside the API's."""
    name = host.decode() if isinstance(host, bytes) else host
    return lookup("127.0.0.1" if str(name).endswith(".localhost") else host, *rest, **more)


class Place:
    """How each kind of account is connected to."""

    def __init__(self, port: str) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.api = f"http://api.localhost:{port}"

    def core(self, **more: Any) -> dict[str, Any]:
        return {"auth": FireboltCore(), "url": self.url, "database": "firebolt", **more}

    def v1(self, **more: Any) -> dict[str, Any]:
        auth = UsernamePassword("ada@example.com", "lovelace", use_token_cache=False)
        return {"auth": auth, "api_endpoint": self.url, "account_name": "acme", **more}

    def v2(self, **more: Any) -> dict[str, Any]:
        auth = ClientCredentials("robot", "s3cret", use_token_cache=False)
        return {"auth": auth, "api_endpoint": self.api, "account_name": "acme", **more}


def rows(connection: Any, sql: str, *parameters: Any) -> list[list[Any]]:
    cursor = connection.cursor()
    cursor.execute(sql, *parameters)
    return [list(row) for row in cursor.fetchall()]


def refused(cursor: Any, sql: str) -> str:
    try:
        cursor.execute(sql)
    except Exception as error:  # noqa: BLE001  # whatever it is, it is told
        return f"{type(error).__name__}: {error}"
    return "not refused"


def queries(place: dict[str, Any]) -> dict[str, Any]:
    """Sync queries: types, parameters, settings, errors."""
    with connect(**place) as connection:
        cursor = connection.cursor()
        cursor.execute(TYPED)
        found = {
            "names": [column.name for column in cursor.description],
            "row": [repr(value) for value in cursor.fetchone()],
            "parameters": rows(connection, "SELECT ?, ?", ["a\\b", "it's"]),
            "error": refused(connection.cursor(), "SELECT * FROM nix"),
            "database": rows(connection, "SELECT current_database()"),
        }
        cursor.execute("CREATE TABLE people (id INT, name TEXT)")
        cursor.executemany("INSERT INTO people VALUES (?, ?)", [(1, "Ada"), (2, "Grace")])
        found["people"] = rows(connection, "SELECT * FROM people ORDER BY id")
        cursor.execute("DROP TABLE people")
        cursor.execute("SET timezone = 'Asia/Tokyo'")
        cursor.execute("SELECT '2020-01-01 00:00:00+00'::timestamptz::text")
        found["zone"] = cursor.fetchone()
        return found


def core(place: Place) -> Any:
    return queries(place.core())


def v1(place: Place) -> Any:
    return queries(place.v1(database="sales"))


def v2(place: Place) -> Any:
    return queries(place.v2(database="sales", engine_name="embedded"))


async def _concurrently(place: dict[str, Any]) -> Any:
    async with await async_db.connect(**place) as connection:

        async def one(number: int) -> Any:
            cursor = connection.cursor()
            await cursor.execute("SELECT ?", [number])
            return (await cursor.fetchone())[0]

        cursor = connection.cursor()
        await cursor.execute_stream("SELECT range FROM range(100000)")
        total = 0
        async for row in cursor:
            total += row[0]
        return {"numbers": await asyncio.gather(*map(one, range(20))), "total": total}


def awaited(place: Place) -> Any:
    return asyncio.run(_concurrently(place.v2(database="sales", engine_name="embedded")))


def transactions(place: Place) -> Any:
    with connect(**place.core()) as writer, connect(**place.core(autocommit=False)) as connection:
        rows_of = "SELECT a FROM t ORDER BY a"
        writer.cursor().execute("CREATE TABLE t (a INT)")
        connection.cursor().execute("INSERT INTO t VALUES (1)")
        unseen = rows(writer, rows_of)
        connection.commit()
        connection.cursor().execute("INSERT INTO t VALUES (2)")
        connection.rollback()
        connection.cursor().execute("INSERT INTO t VALUES (3)")
        connection.commit()
        cursor = writer.cursor()
        cursor.execute_stream("SELECT range FROM range(100000)")
        total = sum(row[0] for row in cursor)
        return {"unseen": unseen, "kept": rows(writer, rows_of), "total": total}


def without_client(place: Place) -> Any:
    """Server-side async: begun, watched, cancelled."""
    with connect(**place.v2(database="sales", engine_name="embedded")) as connection:
        cursor = connection.cursor()
        cursor.execute_async("CREATE TABLE made AS SELECT 42 AS a")
        token = cursor.async_query_token
        deadline = time.monotonic() + 30
        while connection.is_async_query_running(token) and time.monotonic() < deadline:
            time.sleep(0.05)
        succeeded = connection.is_async_query_successful(token)
        made = rows(connection, "SELECT a FROM made")
        cursor.execute_async("CREATE TABLE endless AS SELECT count(*) FROM range(10000000000000)")
        connection.cancel_async_query(cursor.async_query_token)
        token = cursor.async_query_token
        while connection.is_async_query_running(token) and time.monotonic() < deadline:
            time.sleep(0.05)
        connection.cursor().execute("DROP TABLE made")
        return [succeeded, made, connection.is_async_query_successful(token)]


def manager_v1(place: Place) -> Any:
    manager = ResourceManager(**place.v1(default_region="local"))
    database = manager.databases.create("shop", description="d")
    created = [database.name, database.description, database.get_attached_engines()]
    updated = database.update("new").description
    engine = manager.engines.get_by_name("spare")
    database.attach_to_engine(engine, is_default_engine=True)
    bound = [one.name for one in manager.databases.get_by_name("shop").get_attached_engines()]
    stopped = engine.stop(wait_for_stop=True).current_status_summary.name
    with connect(**place.v1(database="shop", engine_name="spare")) as connection:
        error = refused(connection.cursor(), "SELECT 1")
        started = engine.start().current_status_summary.name
        ran = rows(connection, "SELECT current_database(), current_engine()")
    names = [one.name for one in manager.databases.get_many(order_by="DATABASE_ORDER_NAME_DESC")]
    database.delete()
    return {
        "created": created,
        "updated": updated,
        "bound": bound,
        "states": [stopped, started],
        "error": error,
        "ran": ran,
        "names": names,
        "left": [one.name for one in manager.databases.get_many()],
    }


def manager_v2(place: Place) -> Any:
    manager = ResourceManager(**place.v2())
    database = manager.databases.create("shop", description="it's")
    created = [database.name, database.description, database.create_actor]
    database.update("new")
    engine = manager.engines.create("fast", spec="S", scale=2, auto_stop=30)
    engine.attach_to_database("shop")
    engine.refresh()
    made = [engine.name, engine.spec.name, engine.scale, engine.auto_stop, engine.database.name]
    stopped = engine.stop().current_status.value
    started = engine.start().current_status.value
    engine.update(scale=3)
    engine.update(name="faster")
    with engine.get_connection() as connection:
        ran = rows(connection, "SELECT current_database(), current_engine()")
        connection.cursor().execute("CREATE TABLE t (a INT)")
        cursor = connection.cursor()
        cursor.execute("USE ENGINE system")
        error = refused(cursor, "INSERT INTO t VALUES (1)")
    found = [one.name for one in manager.engines.get_many(name_contains="fast")]
    engine.delete()
    description = manager.databases.get("shop").description
    manager.databases.get("shop").delete()
    return {
        "created": created,
        "made": made,
        "states": [stopped, started],
        "ran": ran,
        "error": error,
        "found": found,
        "description": description,
        "left": [[one.name for one in manager.databases.get_many()], engine.name],
    }


def service_accounts(place: Place) -> Any:
    with connect(**place.v2()) as connection:
        nowhere = rows(connection, "SELECT current_database(), current_engine()")
        tables = refused(connection.cursor(), "SHOW TABLES")
        connection.cursor().execute("CREATE SERVICE ACCOUNT \"bot\" WITH DESCRIPTION = 'd'")
        ((name, id_, secret),) = rows(connection, "CALL fb_GENERATESERVICEACCOUNTKEY('bot')")
        login = place.v2(auth=ClientCredentials(id_, secret, use_token_cache=False))
        try:
            connect(**login).close()
            unlinked = "connected"
        except Exception as error:  # noqa: BLE001  # whatever it is, it is told
            unlinked = type(error).__name__
        connection.cursor().execute('CREATE USER "bots" WITH SERVICE_ACCOUNT = bot')
        with connect(**login) as own:
            linked = rows(own, "SELECT 1")
        connection.cursor().execute('DROP SERVICE ACCOUNT "bot"')
    auth = ServiceAccount("robot", "s3cret", use_token_cache=False)
    with connect(**place.v1(auth=auth, database="sales")) as old:
        v1_rows = rows(old, "SELECT 1")
    return {
        "nowhere": nowhere,
        "tables": tables,
        "name": name,
        "unlinked": unlinked,
        "linked": linked,
        "v1": v1_rows,
    }


SCENARIOS = {
    scenario.__name__: scenario
    for scenario in (
        *(core, v1, v2, awaited, transactions, without_client),
        *(manager_v1, manager_v2, service_accounts),
    )
}

if __name__ == "__main__":
    socket.getaddrinfo = find
    print(json.dumps(SCENARIOS[sys.argv[1]](Place(sys.argv[2]))))
