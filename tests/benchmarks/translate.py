"""What translation costs a statement that needs none: `python -m tests.benchmarks.translate`.

All that is done to a statement between its arrival and DuckDB is in the figure, as the time of the
processor: the search for the schema `public`, for bytes and for NUMERIC columns, and the lexer's.
"""

import os
import time
from collections.abc import Callable

import duckdb

from firebolt_like.local.comparisons import exact_places
from firebolt_like.local.inserts import bytea_places
from firebolt_like.local.public_schema import with_main_schema
from firebolt_like.local.translate import translate
from firebolt_like.protocol.sql import split

_REPEATS = 200
_RUNS = 20

STATEMENTS = (
    "SELECT 1",
    "SELECT c1, c2, c3, c4, c5, c6, c7, c8 FROM sales WHERE c1 = 42",
    "SELECT a, b FROM t WHERE x > 3 AND y = 'a' ORDER BY a LIMIT 10",
    (
        "SELECT id, name, price, quantity, created, updated, status, note FROM orders"
        " WHERE id = 42 AND status IN ('open', 'closed') ORDER BY created DESC LIMIT 100"
    ),
    (
        "SELECT l.a, sum(r.b) OVER (PARTITION BY l.c ORDER BY l.d) AS total FROM left_table l"
        " JOIN right_table r ON l.id = r.id WHERE l.name = 'x' AND r.kind IN ('a', 'b', 'c')"
        " GROUP BY l.a HAVING count(*) > 10"
    ),
    "INSERT INTO t (a, b, c, d) VALUES (1, 'a', NULL, TRUE), (2, 'b', '2020-01-01', FALSE)",
    "UPDATE t SET a = a + 1, b = 'x' WHERE c = 5",
    "CREATE TABLE t (a INT NOT NULL, b TEXT, c DATE, d DOUBLE PRECISION, e NUMERIC(9, 2))",
)


def cost(sql: str, cursor: duckdb.DuckDBPyConnection) -> float:
    """Give the microseconds of the processor that translating a statement takes."""

    def run() -> None:
        statement = with_main_schema(split(sql)[0])
        bytea = bytea_places(cursor, statement.text, {})
        exact = exact_places(cursor, statement.text)
        translate(sql, statement, {}, {}, bytea, exact)

    return microseconds(run)


def microseconds(run: Callable[[], object]) -> float:
    """Give the least time of many short runs, which other programs disturb least."""
    times = []
    for _ in range(_REPEATS):
        start = time.thread_time_ns()
        for _ in range(_RUNS):
            run()
        times.append(time.thread_time_ns() - start)
    return min(times) / _RUNS / 1000


def main() -> None:
    """Print a line for each statement."""
    print(f"load {' '.join(f'{load:.1f}' for load in os.getloadavg())}")
    with duckdb.connect() as cursor:
        for sql in STATEMENTS:
            print(f"{cost(sql, cursor):6.1f} us  {sql[:70]}")


if __name__ == "__main__":
    main()
