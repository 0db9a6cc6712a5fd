"""Parameters that the server binds: `$1` in the statement, `query_parameters` beside it."""

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firebolt_like.protocol.sql import quote_string
from tests.local.conftest import Asker


def _named(*values: Any) -> str:
    return json.dumps([{"name": f"${n}", "value": value} for n, value in enumerate(values, 1)])


@pytest.mark.parametrize(
    ("value", "name", "text"),
    [
        (5, "bigint", "5"),
        (-5, "bigint", "-5"),
        (1.5, "double precision", "1.5"),
        (1e300, "double precision", "1e+300"),
        (True, "boolean", "true"),
        (None, "text", None),
        ("it's", "text", "it's"),
        ([1, "a"], "text", '[\n  1,\n  "a"\n]'),
    ],
)
def test_json_values_have_the_types_of_the_real_server(
    ask: Asker, value: object, name: str, text: str | None
) -> None:
    """Integers are bigint, fractions double, null untyped, lists their pretty-printed text."""
    params = {"query_parameters": _named(value)}
    answer = ask.answer("SELECT $1 AS x", **params)
    assert answer.columns[0].type.name == name
    assert ask.rows("SELECT CAST($1 AS VARCHAR)", **params) == [(text,)]


def test_strings_coerce_where_they_are_used(ask: Asker) -> None:
    """A string parameter is an untyped literal: it becomes a date in a column of dates."""
    ask.send("CREATE OR REPLACE TABLE coerced (d DATE, n NUMERIC(9, 2), b BOOLEAN, l BIGINT)")
    values = _named("2020-01-02", "1.50", "true", "7")
    ask.answer("INSERT INTO coerced VALUES ($1, $2, $3, $4)", query_parameters=values)
    assert [str(v) for v in ask.rows("SELECT * FROM coerced")[0]] == [
        *("2020-01-02", "1.50", "True", "7"),
    ]
    found = "SELECT count(*) FROM coerced WHERE d = $1 AND n = $2"
    assert ask.rows(found, query_parameters=values) == [(1,)]
    refused = ask.error("INSERT INTO coerced (d) VALUES ($1)", query_parameters=_named("x"))
    assert "Unable to cast TEXT 'x' to date" in refused["description"]


@pytest.mark.parametrize("sql", ["SELECT $1::bytea", "SELECT CAST($1 AS BYTEA)"])
@pytest.mark.parametrize("value", [b"", b"\x00\xff'", b"ab"])
def test_bytes_travel_as_hex(ask: Asker, sql: str, value: bytes) -> None:
    r"""`\x...` cast to bytea gives the bytes."""
    assert ask.rows(sql, query_parameters=_named(r"\x" + value.hex())) == [(value,)]


def test_bytes_travel_as_hex_into_columns_of_bytes(ask: Asker) -> None:
    r"""`\x6162` becomes bytes in a bytea column and stays text in a text column."""
    ask.answer("CREATE OR REPLACE TABLE hexed (t TEXT, n INT, b BYTEA)")
    params = {"query_parameters": _named(r"\x6162", r"\x00ff27")}
    ask.answer("INSERT INTO hexed VALUES ($1, 1 + (2), $1), ($2, length('a,b'), $2)", **params)
    ask.answer(r"INSERT INTO hexed (b, t) VALUES ('\x6162', '\x6162'), (NULL, $2)", **params)
    assert ask.rows("SELECT t, b FROM hexed") == [
        (r"\x6162", b"ab"),
        (r"\x00ff27", b"\x00\xff'"),
        (r"\x6162", b"ab"),
        (r"\x00ff27", None),
    ]


def test_ten_is_not_one_and_a_zero(ask: Asker) -> None:
    """`$10` is the tenth parameter; the order and number of uses are free; unused ones are fine."""
    params = _named(*"abcdefghijkl")
    assert ask.rows("SELECT $10, $1, $1, '$2' -- $3", query_parameters=params) == [
        ("j", "a", "a", "$2")
    ]


def test_a_missing_parameter_is_named(ask: Asker) -> None:
    """The error's text is the one that clients look for."""
    error = ask.error("SELECT $1, $2", query_parameters=_named(1))
    assert error["description"] == ("Query referenced positional parameter $2, but it was not set")


def test_other_forms_of_query_parameters(ask: Asker) -> None:
    """One object alone is allowed, and named entries are reached with param('name') as text."""
    assert ask.rows("SELECT $1", query_parameters='{"name": "$1", "value": 5}') == [(5,)]
    named = '[{"name": "foo", "value": 5}]'
    assert ask.rows("SELECT param( 'foo' ) || 'x'", query_parameters=named) == [("5x",)]


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, None), (True, "true"), (1.5, "1.5"), ("it's", "it's"), (["a", None], '["a",null]')],
)
def test_named_parameters_are_text(ask: Asker, value: object, text: str | None) -> None:
    """What JSON has is written as JSON does it; null is NULL."""
    named = json.dumps([{"name": "foo", "value": value}])
    answer = ask.answer("SELECT param('foo') AS x", query_parameters=named)
    assert answer.columns[0].type.name == "text"
    ((found,),) = ask.rows("SELECT param('foo')", query_parameters=named)
    assert (found and re.sub(r"\s", "", found)) == text


@pytest.mark.parametrize("value", ["it's, 1=1; é% \n", 5, [1, "a"]])
def test_parameters_may_be_set_for_the_session(ask: Asker, value: object) -> None:
    """SET hands them to the client in a form that has neither commas nor anything else to split."""
    statement = "SET query_parameters = " + quote_string(_named(value))
    reply = ask.send(statement)
    _, _, told = reply.headers["firebolt-update-parameters"].partition("=")
    assert set(told).isdisjoint(", =;'\"")
    expected = ask.rows("SELECT $1", query_parameters=_named(value))
    assert ask.within(reply).rows("SELECT $1") == expected
    at_once = ask.send(f"{statement}; SELECT count($1)", output_format="TabSeparated")
    assert at_once.text.split() == ["1"]
    assert "not a JSON" in ask.error("SET query_parameters = '['")["description"]


@pytest.mark.parametrize(
    "text",
    [
        "[",
        "5",
        '{"name": "$1", "value": ' + "[" * 3000 + "]" * 3000 + "}",
        '[{"value": 1}]',
        '[{"name":"$1","value":1},{"name":"$1","value":2}]',
    ],
)
def test_malformed_query_parameters_are_refused(ask: Asker, text: str) -> None:
    """What is no list of names and values, or names one twice, is an error."""
    assert ask.error("SELECT 1", query_parameters=text)["description"]


_value = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
)


@settings(max_examples=40, deadline=None)
@given(st.lists(_value, min_size=1, max_size=12))
def test_any_parameters_come_back_equal(ask_once: Asker, values: list[Any]) -> None:
    """Values bound by the server come back equal, whatever is in them."""
    sql = "SELECT " + ", ".join(f"${n}" for n in range(1, len(values) + 1))
    assert ask_once.rows(sql, query_parameters=_named(*values)) == [tuple(values)]
