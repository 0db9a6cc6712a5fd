"""What the REST face costs over DuckDB in process: `python -m tests.benchmarks.rest_overhead`.

One-row answers, and 1 M rows of 8 columns, made by the query and then read from a table, in turns;
printed are medians, their ratios to the first line, and the CPU time of the server, a process of
its own (where DuckDB works in process, that is the CPU time of measuring).
`server_*` are the server alone: the client is a socket that drops what it receives, on the same
machine, whose cores it shares; for one row it stays open. `httpx_*` and `our_client_*` have the
client's time in them, too.
"""

import os
import statistics
import time
from collections.abc import Callable
from functools import partial

import duckdb
import httpx

from firebolt_like import db
from tests.benchmarks.served import Drain, Served, served

ROWS = 1_000_000
ONE = "SELECT 1 AS n, 'x' AS t"
MANY = f"""SELECT range AS id, 'name ' || range AS name, range * 0.5::double AS v,
    range::decimal(38, 9) AS d, date '2024-01-01' AS dt, timestamp '2024-01-01 12:34:56.789' AS ts,
    true AS b, CASE WHEN range % 3 = 0 THEN range END AS n FROM range({ROWS})"""


def in_process(database: duckdb.DuckDBPyConnection, sql: str) -> None:
    database.execute(sql).fetchall()


def as_arrow(database: duckdb.DuckDBPyConnection, sql: str) -> None:
    database.sql(sql).to_arrow_table()


def raw(client: httpx.Client, sql: str, form: str) -> None:
    answer = client.post("/", params={"output_format": form}, content=sql)
    answer.raise_for_status()


def drained(url: str, sql: str, form: str) -> None:
    with Drain(url) as drain:
        drain.ask(sql, form)


def rows(connection: db.Connection, sql: str) -> None:
    connection.cursor().execute(sql).fetchall()


def compare(name: str, turns: int, server: Served, **ways: Callable[[], object]) -> None:
    """Run the ways in turns; print medians, and ratios to the first."""
    for work in ways.values():
        work()
    times: dict[str, list[float]] = {way: [] for way in ways}
    cpu = dict.fromkeys(ways, 0.0)
    for _ in range(turns):
        for way, work in ways.items():
            before = server.usage().cpu
            start = time.perf_counter()
            work()
            times[way].append(time.perf_counter() - start)
            cpu[way] += server.usage().cpu - before
    medians = {way: statistics.median(taken) for way, taken in times.items()}
    first = next(iter(medians.values()))
    for way, median in medians.items():
        print(
            f"{name:8} {way:22} {median * 1e3:9.2f} ms  x{median / first:.1f}"
            f"  server's CPU {cpu[way] / turns * 1e3:8.2f} ms"
        )


def main() -> None:
    """Print both tables."""
    print("load", *(f"{load:.1f}" for load in os.getloadavg()))
    with (
        served() as server,
        Drain(server.url) as drain,
        duckdb.connect() as database,
        httpx.Client(base_url=server.url, timeout=60) as client,
        db.connect(server.url) as connection,
    ):
        compare(
            "one row",
            500,
            server,
            duckdb_fetchall=partial(in_process, database, ONE),
            server_json=partial(drain.ask, ONE, "JSON_Compact"),
            httpx_json=partial(raw, client, ONE, "JSON_Compact"),
            our_client_fetchall=partial(rows, connection, ONE),
        )
        compare(
            "1M x 8",
            5,
            server,
            duckdb_fetchall=partial(in_process, database, MANY),
            duckdb_arrow=partial(as_arrow, database, MANY),
            server_json=partial(drained, server.url, MANY, "JSON_Compact"),
            server_json_lines=partial(drained, server.url, MANY, "JSONLines_Compact"),
            server_arrow=partial(drained, server.url, MANY, "ArrowStream"),
            httpx_json=partial(raw, client, MANY, "JSON_Compact"),
            our_client_fetchall=partial(rows, connection, MANY),
        )
        # what making the rows costs is left out
        drained(server.url, f"CREATE TABLE stored AS {MANY}", "JSON_Compact")
        compare(
            "stored",
            9,
            server,
            server_json=partial(drained, server.url, "SELECT * FROM stored", "JSON_Compact"),
            server_arrow=partial(drained, server.url, "SELECT * FROM stored", "ArrowStream"),
        )


if __name__ == "__main__":
    main()
