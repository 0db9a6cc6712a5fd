"""Rows into the embedded engine, beside firebolt-sdk: `python -m tests.benchmarks.ingest`.

A million rows of 8 columns by `ingest` and by `executemany`, and a tenth of them by the other's
`executemany(bulk_insert=True)`, which takes minutes. Printed are medians, how many times as many
rows a second ours sends, and the load of the machine. What may live here: both, and the rows that
both send.
"""

import argparse
import datetime
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parents[2]
TABLE = """CREATE OR REPLACE TABLE measured (id bigint, n int, v double, name text, flag boolean,
    day date, moment timestamp, price numeric(18, 2))"""
INSERT = "INSERT INTO measured VALUES (?, ?, ?, ?, ?, ?, ?, ?)"


def rows(count: int) -> list[tuple[Any, ...]]:
    """Make rows of 8 columns."""
    day = datetime.date(2024, 1, 1)
    days = [day + datetime.timedelta(days=number) for number in range(1000)]
    start = datetime.datetime(2024, 1, 1)
    return [
        (
            number,
            number % 1000,
            number / 7,
            f"name {number}",
            number % 2 == 0,
            days[number % 1000],
            start + datetime.timedelta(milliseconds=number),
            Decimal(number).scaleb(-2),
        )
        for number in range(count)
    ]


def seconds(work: Callable[[], object]) -> float:
    """Measure one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def ours(url: str, count: int) -> Iterator[tuple[str, int, float]]:
    """Measure each way once: its name, its rows, seconds."""
    import pyarrow as pa  # noqa: PLC0415  # the other's environment may have none

    from firebolt_like import db  # noqa: PLC0415  # likewise

    data = rows(count)
    table = pa.table(list(zip(*data, strict=True)), names=list("abcdefgh"))
    columns = ["id", "n", "v", "name", "flag", "day", "moment", "price"]
    table = table.rename_columns(columns)
    with db.connect(url) as connection, connection.cursor() as cursor:
        ways = {
            "ingest of an Arrow table": lambda: cursor.ingest("measured", table),
            "ingest of tuples": lambda: cursor.ingest("measured", data),
            "executemany": lambda: cursor.executemany(INSERT, data),
        }
        for name, work in ways.items():
            cursor.execute(TABLE)
            yield name, count, seconds(work)
            check(cursor, count)


def theirs(url: str, count: int) -> float:
    """Measure firebolt-sdk; runs in its environment."""
    from firebolt.client.auth import FireboltCore  # noqa: PLC0415  # not in ours
    from firebolt.db import connect  # noqa: PLC0415  # not in ours

    data = rows(count)
    with connect(auth=FireboltCore(), url=url, database="firebolt") as connection:
        cursor = connection.cursor()
        cursor.execute(TABLE)
        taken = seconds(lambda: cursor.executemany(INSERT, data, bulk_insert=True))
        check(cursor, count)
    return taken


def check(cursor: Any, count: int) -> None:
    """Raise where rows are missing."""
    cursor.execute("SELECT count(*), sum(id) FROM measured")
    found = [int(figure) for figure in cursor.fetchone()]
    if found != [count, sum(range(count))]:
        raise RuntimeError(f"{found[0]} rows arrived of {count}")


def in_turns(url: str, peer: Path | str, count: int, turns: int) -> dict[str, list[float]]:
    """Give microseconds a row, by way."""
    taken: dict[str, list[float]] = {}
    command = [str(peer), "-m", "tests.benchmarks.ingest", "--theirs", url, str(count // 10)]
    for _ in range(turns):
        for name, sent, each in ours(url, count):
            taken.setdefault(name, []).append(each / sent * 1e6)
        done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(done.stderr[-500:])
        name = "firebolt-sdk, executemany(bulk_insert=True)"
        taken.setdefault(name, []).append(float(done.stdout) / (count // 10) * 1e6)
    return taken


def main() -> None:
    """Print a line for each way."""
    from tests.benchmarks.peer import environment  # noqa: PLC0415  # not where theirs runs
    from tests.benchmarks.served import served  # noqa: PLC0415  # likewise

    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.ingest")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--peer", help="an interpreter with firebolt-sdk; by default one is made")
    options = parser.parse_args()
    with served() as server:
        peer = options.peer or environment()
        taken = in_turns(server.url, peer, options.rows, options.turns)
    medians = {name: statistics.median(times) for name, times in taken.items()}
    slowest = list(medians.values())[-1]
    for name, median in medians.items():
        print(f"{name:45} {median:10.2f} us a row  x{slowest / median:.0f}")
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--theirs"]:
        print(theirs(sys.argv[2], int(sys.argv[3])))
    else:
        main()
