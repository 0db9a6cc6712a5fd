"""Parameters of the module for Dremio: values in place of `%s`."""

import datetime
import decimal
import enum
import math
import uuid

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebolt_like.errors import DataError, ProgrammingError
from firebolt_like.flight import dremio

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")) | st.text(
    "'\"\\%s- "
)
DECIMALS = st.tuples(st.integers(-(10**38) + 1, 10**38 - 1), st.integers(-38, 0)).map(
    lambda parts: decimal.Decimal(parts[0]).scaleb(parts[1], decimal.Context(prec=38))
)
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**37), 10**37),
    st.floats(allow_nan=False),
    TEXT,
    st.binary(),
    DECIMALS,
    st.dates(),
    st.datetimes(),
    st.times(),
    st.lists(TEXT, min_size=1),
)


@pytest.fixture(scope="module")
def cursor(embedded):
    with dremio.connect(embedded.flight_url) as connection, connection.cursor() as cursor:
        yield cursor


@given(values=st.lists(VALUES, min_size=1, max_size=6))
def test_values_come_back(cursor, values):
    """Whatever a value is, the engine gives it back equal and of its own kind."""
    row = cursor.execute(f"SELECT {', '.join(['%s'] * len(values))}", values).fetchone()
    for value, found in zip(values, row, strict=True):
        assert found == value
        if value is not None and not isinstance(value, int):
            assert type(found) is type(value)


@pytest.fixture(scope="module")
def escaping_cursor(embedded):
    """Of a session that reads a backslash in text as an escape."""
    settings = {"standard_conforming_strings": "off"}
    with dremio.connect(embedded.flight_url, None, settings) as connection:
        yield connection.cursor()


@given(values=st.lists(TEXT, min_size=1, max_size=3))
def test_text_where_backslashes_escape(escaping_cursor, values):
    """A server that reads text otherwise is found out, and gets no other text for it."""
    sql = f"SELECT {', '.join(['%s'] * len(values))}, 'it\\'s'"
    row = escaping_cursor.execute(sql, values).fetchone()
    assert row == (*values, "it's")


@pytest.fixture(scope="module")
def sail_cursor(sail):
    with dremio.connect(sail) as connection:
        yield connection.cursor()


@given(text=TEXT)
def test_text_for_spark(sail_cursor, text):
    """Sail takes messages, and there only a backslash protects a quote: text comes back."""
    sail_cursor.execute("SELECT %s AS a, 1 IN %s AS b", (text, (1, 2)))
    assert sail_cursor.fetchall() == [(text, True)]


@given(text=TEXT)
def test_text_is_found_by_itself(cursor, text):
    """A text beside percent signs and quotes of the statement matches itself and nothing more."""
    sql = "SELECT %s, 'it''s 5 %%', \"a\" FROM (SELECT 7 AS a) t -- 100%%\n WHERE %s = %s"
    assert cursor.execute(sql, (text, text, text)).fetchall() == [(text, "it's 5 %", 7)]


def test_rare_values(cursor):
    """Infinities, bytes of other classes, names, members of enumerations, and aware times."""

    class Colour(enum.StrEnum):
        RED = "r'd"

    name = uuid.UUID(int=7)
    moment = datetime.datetime(
        2024, 1, 31, 12, tzinfo=datetime.timezone(datetime.timedelta(hours=2))
    )
    cursor.execute(
        "SELECT %s, %s, %s, %s, %s", (math.inf, bytearray(b"a"), name, Colour.RED, moment)
    )
    assert cursor.fetchone() == (
        math.inf,
        b"a",
        str(name),
        "r'd",
        datetime.datetime(2024, 1, 31, 10),
    )
    assert math.isnan(cursor.execute("SELECT %s", (math.nan,)).fetchone()[0])


def test_a_list_for_in(cursor):
    """A tuple is what IN takes."""
    sql = "SELECT a FROM (VALUES (1), (2), (3)) t(a) WHERE a IN %s ORDER BY a"
    assert cursor.execute(sql, ((1, 3),)).fetchall() == [(1,), (3,)]


def test_literals_do_not_fuse_with_their_neighbours(cursor):
    """A sign, a letter or a literal before a placeholder makes no comment and no escape of it."""
    assert cursor.execute("SELECT 1-%s", (-1,)).fetchone() == (2,)
    assert dremio.parameterize_query("E%s%s", ("\\", "b")) == "E '\\' 'b'"


def test_a_statement_without_parameters(cursor):
    """Without parameters a percent sign in a literal needs no other; two are one."""
    assert cursor.execute("SELECT 'a' LIKE '%s%', 7 % 4, 7 %% 4").fetchone() == (False, 3, 3)
    assert cursor.execute("SELECT '%%'", ()).fetchone() == ("%",)


@pytest.mark.parametrize(
    ("sql", "parameters", "words"),
    [
        ("SELECT %s, %s", (1,), "statement: 2; parameters given: 1"),
        ("SELECT %s", None, "statement: 1; parameters given: 0"),
        ("SELECT 1", (1,), "statement: 0; parameters given: 1"),
        ("SELECT '%s'", ("x' OR 1=1",), "character 9 is inside of quotes"),
        ('SELECT "%s"', (1,), "inside of quotes"),
        ("SELECT 1 -- %s", (1,), "inside of quotes or a comment"),
        ("SELECT %(a)s", {"a": 1}, "not a dict"),
        ("SELECT %s", "x", "not a str"),
    ],
)
def test_placeholders_that_do_not_fit(cursor, sql, parameters, words):
    """A statement whose placeholders and parameters do not fit is refused, and not sent."""
    with pytest.raises(dremio.MalformedQueryError, match=words) as caught:
        cursor.execute(sql, parameters)
    assert isinstance(caught.value, ProgrammingError)


@pytest.mark.parametrize(
    "value",
    [
        "\0",
        "\ud800",
        object(),
        {"a": 1},
        decimal.Decimal("nan"),
        decimal.Decimal("1e39"),
        [[object()]],
        datetime.time(tzinfo=datetime.UTC),
    ],
)
def test_values_without_a_literal(value):
    """A value that would not arrive as it is is refused, as Arrow's users expect it."""
    with pytest.raises(DataError) as caught:
        dremio.format_parameter(value)
    assert isinstance(caught.value, pa.lib.ArrowInvalid)


def test_texts_of_single_values():
    """The functions that write one value."""
    assert dremio.quote_string("it's") == "'it''s'"
    moment = datetime.datetime(2024, 1, 31, 12, 30, 1, 2500)
    assert dremio.format_datetime(moment) == "2024-01-31 12:30:01.002500"
    assert dremio.format_parameter(moment) == "TIMESTAMP '2024-01-31 12:30:01.002500'"
    assert dremio.format_parameter(b"\x00a") == "FROM_HEX('0061')"
