"""What the REST face costs over DuckDB in process: `python -m tests.benchmarks.rest_overhead`.

One-row answers, and 1 M rows of 8 columns, in turns; printed are medians and their ratios.
"""

import statistics
import time
from collections.abc import Callable
from functools import partial

import duckdb
import httpx

from firebolt_like import db
from firebolt_like.local import LocalServer

ROWS = 1_000_000
ONE = "SELECT 1 AS n, 'x' AS t"
MANY = f"""SELECT range AS id, 'name ' || range AS name, range * 0.5::double AS v,
    range::decimal(38, 9) AS d, date '2024-01-01' AS dt, timestamp '2024-01-01 12:34:56.789' AS ts,
    true AS b, CASE WHEN range % 3 = 0 THEN range END AS n FROM range({ROWS})"""


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def in_process(database: duckdb.DuckDBPyConnection, sql: str) -> None:
    database.execute(sql).fetchall()


def as_arrow(database: duckdb.DuckDBPyConnection, sql: str) -> None:
    database.sql(sql).to_arrow_table()


def raw(client: httpx.Client, sql: str, form: str) -> None:
    answer = client.post("/", params={"output_format": form}, content=sql)
    answer.raise_for_status()


def rows(connection: db.Connection, sql: str) -> None:
    connection.cursor().execute(sql).fetchall()


def compare(name: str, turns: int, **ways: Callable[[], object]) -> None:
    """Run the ways in turns; print medians, and ratios to the first."""
    for work in ways.values():
        work()
    times: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(turns):
        for way, work in ways.items():
            times[way].append(seconds(work))
    medians = {way: statistics.median(taken) for way, taken in times.items()}
    first = next(iter(medians.values()))
    for way, median in medians.items():
        print(f"{name:10} {way:22} {median * 1e3:10.2f} ms  x{median / first:.1f}")


def main() -> None:
    """Print both tables."""
    with (
        LocalServer() as server,
        duckdb.connect() as database,
        httpx.Client(base_url=server.url, timeout=60) as client,
        db.connect(server.url) as connection,
    ):
        compare(
            "one row",
            300,
            duckdb_fetchall=partial(in_process, database, ONE),
            rest_bytes=partial(raw, client, ONE, "JSON_Compact"),
            our_client_fetchall=partial(rows, connection, ONE),
        )
        compare(
            "1M x 8",
            5,
            duckdb_fetchall=partial(in_process, database, MANY),
            duckdb_arrow=partial(as_arrow, database, MANY),
            rest_json_bytes=partial(raw, client, MANY, "JSON_Compact"),
            rest_arrow_bytes=partial(raw, client, MANY, "ArrowStream"),
            our_client_fetchall=partial(rows, connection, MANY),
        )


if __name__ == "__main__":
    main()
