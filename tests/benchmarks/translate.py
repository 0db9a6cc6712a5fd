"""What translation costs a statement that needs none: `python -m tests.benchmarks.translate`."""

import timeit
from functools import partial

from firebolt_like.local.translate import translate
from firebolt_like.protocol.sql import split

STATEMENTS = (
    "SELECT 1",
    "SELECT a, b FROM t WHERE x > 3 AND y = 'a' ORDER BY a LIMIT 10",
    (
        "SELECT l.a, sum(r.b) OVER (PARTITION BY l.c ORDER BY l.d) AS total FROM left_table l"
        " JOIN right_table r ON l.id = r.id WHERE l.name = 'x' AND r.kind IN ('a', 'b', 'c')"
        " GROUP BY l.a HAVING count(*) > 10"
    ),
)


def main() -> None:
    """Print the best of many short runs, which other programs on this machine disturb least."""
    for sql in STATEMENTS:
        (statement,) = split(sql)
        times = timeit.repeat(partial(translate, sql, statement, {}, {}), number=20, repeat=200)
        print(f"{min(times) / 20 * 1e6:6.1f} us  {sql[:60]}")


if __name__ == "__main__":
    main()
