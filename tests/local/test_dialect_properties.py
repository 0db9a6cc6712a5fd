"""Translation changes only what has to change, whatever the statement."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import duckdb
import pytest
from hypothesis import example, given, reject, settings
from hypothesis import strategies as st

from firebolt_like.local.edits import Edit, Translation, apply
from firebolt_like.local.refusal import Refusal
from firebolt_like.local.translate import translate
from firebolt_like.protocol.sql import split, tokens
from tests.benchmarks.translate import STATEMENTS, cost, microseconds

_TABLE = (
    'CREATE TABLE t AS SELECT i, i::VARCHAR AS "float", i * 2 AS decimal, i AS pgdate, i AS fact'
    " FROM range(5) r(i)"
)


def _translated(sql: str) -> Translation:
    return translate(sql, split(sql)[0], {}, {})


@pytest.fixture(scope="module")
def database() -> Iterator[Any]:
    # hypothesis keeps annotations to the very end, when DuckDB complains of what is kept of it
    with duckdb.connect() as connection:
        connection.execute(_TABLE)
        yield connection


_blanks = st.sampled_from([" ", "\n", " /* ::float 1.5 */ ", " -- pgdate 'x'\n", "\t"])
_texts = st.sampled_from(
    [
        "'1.5'",
        "'a ''float'' b'",
        "'PRIMARY INDEX a'",
        "$$checksum(*)$$",
        "E'a\\n1.5'",
        "'::decimal'",
    ]
)
_atoms = st.one_of(
    st.integers(0, 99).map(str),
    st.sampled_from(["i", '"float"', "decimal", "pgdate", "t.fact", "NULL", "1e3", "TRUE"]),
    st.sampled_from(["1.25::NUMERIC(9, 2)", "CAST(0.5 AS DOUBLE)", "[1.5, 2]::NUMERIC(3, 1)[]"]),
    _texts,
)


def _compound(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.tuples(inner, _blanks, _blanks, inner).map(
            lambda p: f"({p[0]}{p[1]}IS DISTINCT FROM{p[2]}{p[3]})"
        ),
        inner.map(lambda x: f"[{x}]"),
        inner.map(lambda x: f"{{'float': {x}, 'k': 1}}"),
        inner.map(lambda x: f"CASE WHEN {x} IS NULL THEN {x} END"),
        inner.map(lambda x: f"({x})::VARCHAR"),
        inner.map(lambda x: f"CAST({x} AS TEXT) || '1.5'"),
        inner.map(lambda x: f"count({x}) OVER (PARTITION BY i ORDER BY i)"),
        inner.map(lambda x: f"ARRAY(SELECT {x})"),
        inner.map(lambda x: f"(SELECT max(i::DECIMAL(9, 1)) FROM t WHERE {x} IS NOT NULL)"),
        inner.map(lambda x: f"list_transform([{x}], lambda decimal: decimal)"),
    )


_expressions = st.recursive(_atoms, _compound, max_leaves=5)


@settings(max_examples=200)
@given(st.lists(_expressions, min_size=1, max_size=3), _blanks)
def test_what_duckdb_understands_means_the_same(
    database: Any, expressions: list[str], blank: str
) -> None:
    """Without a construct that the two read differently, names, types and rows are unchanged."""
    items = ", ".join(f"{text}{blank}AS c{at}" for at, text in enumerate(expressions))
    sql = f"SELECT {items} FROM t ORDER BY t.i"
    try:
        before = database.sql(sql)
        rows = before.fetchall()
    except duckdb.Error:
        reject()
    after = database.sql(_translated(sql).text)
    assert (before.columns, before.types, rows) == (after.columns, after.types, after.fetchall())


_WORDS = """
    SELECT CREATE FACT TABLE FLOAT DECIMAL PGDATE GEOGRAPHY PRIMARY INDEX PARTITION BY AGGREGATING
    CHECKSUM CAST AS ARRAY STRUCT ON ( ) [ ] { } * , . :: 1.5 .5 a 'x' "y" E'\\x61' INSERT INTO
    VALUES NULL -- /* */ DROP INDEX UNPIVOT DEFAULT @
"""
_pieces = st.lists(st.sampled_from(_WORDS.split()) | st.text(max_size=5), min_size=1, max_size=12)


@settings(max_examples=300)
@given(_pieces)
@example(["DROP AGGREGATING INDEX @ x"])
@example(["CREATE TABLE t (a decimal) UNPIVOT DEFAULT WITH"])
def test_all_that_is_not_changed_is_verbatim(pieces: list[str]) -> None:
    """Any text is refused with a place in it, or comes out with all pieces where they are told."""
    body = " ".join(pieces)
    for statement in split(body):
        try:
            made = translate(body, statement, {f"${n}": n for n in range(99)}, {})
        except Refusal:
            continue
        ends = [start for start, _, _ in made.places[1:]] + [len(made.text)]
        for (here, there, verbatim), end in zip(made.places, ends, strict=True):
            if verbatim:
                assert made.text[here:end] == body[there : there + end - here]


@given(
    st.text(max_size=40),
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 5), st.text(max_size=3))),
)
def test_edits_are_applied_in_order_and_places_found_again(
    text: str, changes: list[tuple[int, int, str]]
) -> None:
    """Each character that stays is found at its line and column of the original."""
    edits = [
        Edit(min(start, len(text)), min(start + length, len(text)), new)
        for start, length, new in changes
    ]
    made = apply(edits, text, text, 0)
    if not edits:
        assert made.text == text
    for here, there, verbatim in made.places:
        if verbatim and here < len(made.text):
            lines = made.text[:here].split("\n")
            place = made.locate(len(lines), len(lines[-1]) + 1)
            before = text[:there].split("\n")
            assert (place.line, place.column) == (len(before), len(before[-1]) + 1)


@pytest.mark.parametrize("sql", STATEMENTS)
def test_a_statement_that_needs_no_translation_pays_little(sql: str, database: Any) -> None:
    """Less than 50 us where cutting the longest one into tokens takes 5 us, as on most machines."""
    cut = microseconds(lambda: list(tokens(max(STATEMENTS, key=len))))
    assert cost(sql, database) < 50 * max(1, cut / 5)


def test_statements_without_the_dialect_do_not_load_its_parser() -> None:
    """sqlglot is loaded by the first statement that needs it, and by no other."""
    program = (
        "import sys\n"
        "from firebolt_like.local.translate import translate\n"
        "from firebolt_like.protocol.sql import split\n"
        "for sql in sys.argv[1:]:\n"
        "    translate(sql, split(sql)[0], {}, {})\n"
        "    print('sqlglot' in sys.modules)\n"
    )
    statements = [
        "SELECT a, 1.5 FROM t JOIN u ON t.i = u.i WHERE x = 'float' -- pgdate",
        "SELECT sum(x) OVER (PARTITION BY y) FROM t, indexes",
        "CREATE TABLE t (a array(int null) null, b numeric(9, 2))",
        "CREATE FACT TABLE t (a int)",
    ]
    run = [sys.executable, "-c", program, *statements]
    told = subprocess.run(run, capture_output=True, text=True, check=True).stdout.split()
    assert told == ["False", "False", "False", "True"]
