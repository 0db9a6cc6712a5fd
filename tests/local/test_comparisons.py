"""Numbers with a point beside a NUMERIC column are compared digit by digit."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firebolt_like.local.comparisons import exact_places
from tests.local.conftest import Asker

_LONG = "12345678901234567890.123456789"  # more digits than a double has
_NEAR = "12345678901234567890.12345679"


@pytest.fixture(scope="module")
def prices(ask_once: Asker) -> Asker:
    ask_once.answer(
        "CREATE OR REPLACE TABLE prices"
        " (n numeric(38, 9), r real, d double, t text, i int, other numeric(38, 9))"
    )
    ask_once.answer(f"INSERT INTO prices VALUES ({_LONG}, 0.1, 0.1, '1.51', 2, 0.5)")
    ask_once.answer("CREATE OR REPLACE VIEW seen AS SELECT n FROM prices")
    return ask_once


@pytest.mark.parametrize(
    "condition",
    [
        "n = {}",
        "{} = n",
        "prices.n = {} AND 1 = 1",
        'public.prices."n" IS NOT DISTINCT FROM {}',
        "n IN (1.5, {})",
        "n BETWEEN {} AND {}",
        "NOT n <> {}",
        "{} <= prices . n AND n >= {}",
        "n /* cents */ = {} -- 1.5",
    ],
)
def test_a_numeric_column_is_compared_exactly(prices: Asker, condition: str) -> None:
    """With this value, and not with one that is the same as a double."""
    for value, count in [(_LONG, 1), (_NEAR, 0)]:
        sql = f"SELECT count(*) FROM prices WHERE {condition.replace('{}', value)}"
        assert prices.rows(sql) == [(count,)]


def test_wherever_the_column_is(prices: Asker) -> None:
    """Through a view, in an update, a delete and a join, and within a transaction."""
    assert prices.rows(f"SELECT count(*) FROM seen WHERE n = {_NEAR}") == [(0,)]
    inside = prices.within(prices.send("BEGIN"))
    inside = inside.within(inside.send("CREATE TABLE inside (n numeric(38, 9))"))
    inside = inside.within(inside.send(f"INSERT INTO inside SELECT n FROM seen WHERE n = {_LONG}"))
    inside = inside.within(inside.send(f"UPDATE inside SET n = {_NEAR} WHERE n = {_LONG}"))
    inside = inside.within(inside.send(f"DELETE FROM inside WHERE n = {_LONG}"))
    left = inside.send(f"SELECT count(*) FROM inside i JOIN prices p ON i.n = {_NEAR}")
    assert left.json()["data"] == [["1"]]
    inside.within(left).answer("ROLLBACK")


def test_a_view_of_what_is_gone_changes_nothing(prices: Asker) -> None:
    """Where the statement has its name for something else."""
    prices.answer("CREATE OR REPLACE TABLE gone (n numeric(38, 9))")
    prices.answer("CREATE OR REPLACE VIEW left_over AS SELECT n FROM gone")
    prices.answer("DROP TABLE gone")
    sql = f"SELECT count(*) AS left_over FROM prices WHERE n = {_NEAR}"
    assert prices.rows(sql) == [(0,)]
    prices.answer("DROP VIEW left_over")


@pytest.mark.parametrize(
    ("condition", "count"),
    [
        ("r = 0.1", 0),  # the nearest number of four bytes is another than the nearest of eight
        ("d = 0.1", 1),
        ("t = 1.5", 0),
        ("i > 1.5", 1),
        ("n + 0.5 > 1.5", 1),
        ("n < 0.12345678901234567890123", 0),  # DuckDB has no type for both
        ("other = 0.1 + 0.4", 1),
        ("n > 1.5::numeric(3, 1)", 1),
    ],
)
def test_any_other_comparison_is_of_doubles(prices: Asker, condition: str, count: int) -> None:
    """As the dialect types such a number."""
    assert prices.rows(f"SELECT count(*) FROM prices WHERE {condition}") == [(count,)]


_digits = st.decimals(-(10**28), 10**28, allow_nan=False, places=9)


@settings(deadline=None, max_examples=30)
@given(_digits, _digits)
def test_any_two_values(prices: Asker, one: Decimal, other: Decimal) -> None:
    """They compare as Python's decimals do."""
    sql = (
        f"SELECT n = {other:f}, n < {other:f}, {other:f} >= n"
        f" FROM (SELECT '{one:f}'::numeric(38, 9) AS n), (SELECT 1 FROM prices)"
    )
    assert prices.rows(sql) == [(one == other, one < other, other >= one)]


@pytest.fixture(scope="module")
def database() -> Iterator[Any]:
    # hypothesis keeps annotations to the very end, when DuckDB complains of what is kept of it
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE n (n NUMERIC(9, 2))")
        yield connection


_pieces = st.lists(
    st.sampled_from(
        [
            *("n", '"n"', ".", " ", "=", "<", "-", "1.5", ".5", "(", ")", ",", "in", "between"),
            *("and", "'", "not", "from", "\n", "::", "'1.5'", "/*", "$$", "é", "\0"),
        ]
    )
)


@settings(deadline=None)
@given(_pieces)
def test_only_numbers_are_found(database: Any, pieces: list[str]) -> None:
    """Whatever the statement, and no error comes of looking."""
    sql = "".join(pieces)
    assert {sql[end - 1] for end in exact_places(database, sql)} <= set("5.")
