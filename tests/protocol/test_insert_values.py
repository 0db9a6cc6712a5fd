"""Rows in one INSERT arrive as they would one by one, in statements that are not too long."""

from datetime import date
from decimal import Decimal

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebolt_like.errors import DataError, ProgrammingError
from firebolt_like.protocol.insert_values import Target, cut, insert_into, read_insert, read_target
from firebolt_like.protocol.parameters import bind
from tests.protocol.test_parameters import BIGINTS, NUMERICS, TEXTS

SCALARS = st.none() | BIGINTS | st.booleans() | NUMERICS | TEXTS | st.floats(allow_nan=False)
VALUES = SCALARS | st.lists(st.integers(-9, 9), max_size=3)
ROWS = st.lists(st.tuples(VALUES, VALUES), max_size=12)


@given(ROWS, st.integers(1, 400))
def test_rows_are_cut_into_statements_without_loss(rows, limit):
    """Every row is in one statement, in order, and only a row alone makes one too long."""
    insert = insert_into(["t"], ["a", "b"])
    statements = list(cut(insert, rows, limit=limit))
    assert sum(statement.rows for statement in statements) == len(rows)
    for statement in statements:
        assert len(statement.text.encode()) <= limit or statement.rows == 1
    written = [bind("(?, ?)", row) for row in rows]
    texts = ", ".join(statement.text.removeprefix(insert.head) for statement in statements)
    assert texts == ", ".join(written)


@given(st.lists(SCALARS, min_size=1, max_size=9))
def test_sharing_a_statement_changes_no_value(values):
    """Each value has in VALUES of many rows what it is alone."""
    with duckdb.connect() as engine:
        engine.execute("CREATE TABLE t (a JSON)")
        got = []
        for statement in cut(insert_into(["t"], ["a"]), [[value] for value in values], limit=10**6):
            tuples = statement.text.partition(" VALUES ")[2]
            shared = engine.execute(f"SELECT * FROM (VALUES {tuples}) AS t(a)").fetchall()
            got += [value for (value,) in shared]
        alone = [engine.execute(bind("SELECT ?", [value])).fetchone()[0] for value in values]
        assert got == alone
        assert [type(value) for value in got] == [type(value) for value in alone]


@pytest.mark.parametrize(
    ("values", "counts"),
    [
        ([1, None, 2, None], [4]),
        ([1, "a", "b", 2], [1, 2, 1]),
        ([1, 2**63], [1, 1]),
        (["2024-01-01", date(2024, 1, 1)], [2]),
        ([Decimal("1.5"), Decimal("1E+20")], [2]),
        ([Decimal("1.5"), Decimal("1E+36")], [2]),
        ([Decimal("1.55"), Decimal("1E+36")], [1, 1]),
        ([[1], [None], [], [2]], [4]),
        ([[1], ["a"]], [1, 1]),
        ([[1, "a"], [1, "a"]], [1, 1]),
        ([{"a": 1}, {"a": None}, {"b": 1}, {"b": "x"}], [2, 1, 1]),
        ([{"a": 1}, 1, None], [1, 2]),
    ],
)
def test_a_statement_ends_where_values_share_no_type(values, counts):
    """NULL shares a type with all, a number with no text."""
    statements = cut(insert_into(["t"], ["a"]), [[value] for value in values], limit=10**6)
    assert [statement.rows for statement in statements] == counts


@pytest.mark.parametrize(
    ("sql", "row"),
    [
        ("INSERT INTO t VALUES (?)", ("(", ")")),
        ('insert\ninto "a ""t" values(?,?)', ("(", ",", ")")),
        ('INSERT INTO s."?" (a, "b?") VALUES (?, NULL) ', ("(", ", NULL)")),
        ("INSERT INTO t VALUES ('?', -1.5, ?, true)", ("('?', -1.5, ", ", true)")),
        ("INSERT INTO t VALUES ('it''s', ?)", ("('it''s', ", ")")),
    ],
)
def test_inserts_that_can_take_many_rows(sql, row):
    """One row of placeholders and constants, and nothing else."""
    insert = read_insert(sql)
    assert insert is not None
    assert insert.row == row
    assert insert.head + "?".join(row) == sql.rstrip()


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT ?",
        "INSERT INTO t SELECT ?",
        "INSERT INTO t VALUES (?), (?)",
        "INSERT INTO t VALUES (?) ON CONFLICT DO NOTHING",
        "INSERT INTO t VALUES (?) RETURNING a",
        "INSERT INTO t VALUES (upper(?))",
        "INSERT INTO t VALUES ((SELECT max(a) FROM t) + ?)",
        "INSERT INTO t VALUES (?::int)",
        "INSERT INTO t VALUES (? + 1)",
        "INSERT INTO t VALUES ($1)",
        "INSERT INTO t VALUES (?); DELETE FROM t",
        "INSERT INTO t VALUES (? -- one\n)",
        "WITH a AS (SELECT 1) INSERT INTO t VALUES (?)",
        "INSERT INTO t VALUES (?",
        "INSERT INTO t VALUES (a)",
    ],
)
def test_inserts_that_go_one_by_one(sql):
    """What could do another thing with many rows than with one after the other."""
    assert read_insert(sql) is None


@given(st.text(max_size=60))
def test_any_text_can_be_looked_at(text):
    """What is read is the text itself, in pieces."""
    insert = read_insert("INSERT INTO t VALUES (" + text)
    assert insert is None or "?".join(insert.row) == "(" + text.rstrip()


@pytest.mark.parametrize(
    ("sql", "target"),
    [
        ("INSERT INTO T VALUES (?)", Target(("t",), ())),
        ('insert into "A b" . C\nvalues(?,\n?)', Target(("A b", "c"), ())),
        ('INSERT INTO t ("a ""b", C) VALUES (?, ?)', Target(("t",), ('a "b', "c"))),
        ("INSERT INTO t VALUES (?, 1)", None),
        ("INSERT INTO t VALUES (?, '')", None),
    ],
)
def test_what_an_insert_fills(sql, target):
    """The table and the columns, as the engine reads their names; where all is placeholders."""
    assert read_target(read_insert(sql)) == target


def test_errors_name_the_row():
    """Counted from the first of all rows, not of the statement."""
    insert = insert_into(["t"], ["a", "b"])
    with pytest.raises(ProgrammingError, match="Row 12 has 1 values; the statement takes 2"):
        list(cut(insert, [(1, 2), (1,)], limit=100, first=11))
    with pytest.raises(DataError, match="Row 2, value 1: A object has no SQL form"):
        list(cut(insert, [(1, 2), (object(), 1)], limit=100))
    with pytest.raises(DataError, match=r"Row 1, value 2: .*NUL"):
        list(cut(insert, [("a", "secret\0")], limit=100))


def test_names_are_quoted():
    """Whatever characters they have."""
    head = insert_into(["s p", 'a"b'], ["c,d", "E"]).head
    assert head == 'INSERT INTO "s p"."a""b" ("c,d", "E") VALUES '
