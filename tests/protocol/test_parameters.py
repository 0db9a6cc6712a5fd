"""Parameters come back equal from an engine, or are refused before anything is sent."""

import enum
import json
import math
import re
import uuid
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal

import duckdb
import numpy
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from firebolt_like.errors import DataError, InterfaceError, ProgrammingError
from firebolt_like.protocol.parameters import bind, to_query_parameters
from firebolt_like.protocol.sql import Kind, tokens

TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
BIGINTS = st.integers(-(2**63), 2**63 - 1)
NUMERICS = st.builds(
    lambda unscaled, scale: Decimal(f"{unscaled}E-{scale}"),
    st.integers(-(10**38) + 1, 10**38 - 1),
    st.integers(0, 38),
) | st.builds(
    lambda unscaled, zeros: Decimal(f"{unscaled}E+{zeros}"),
    st.integers(-(10**28) + 1, 10**28 - 1),
    st.integers(0, 10),
)
# The finest offset that SQL text can tell is a second.
ZONES = st.integers(-86_399, 86_399).map(lambda s: timezone(timedelta(seconds=s)))
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def engine():
    """Give an engine that has no wire between it and the test."""
    with duckdb.connect() as connection:
        yield connection


def value_of(engine, sql, *values):
    return engine.execute(sql, list(values)).fetchone()[0]


def json_value(parameter):
    """Give what the server gets for $1."""
    [entry] = json.loads(to_query_parameters("SELECT $1", [parameter]))
    assert entry["name"] == "$1"
    return entry["value"]


def same(left, right):
    """Equal, where nan is nan and zero keeps its sign."""
    if isinstance(right, float):
        return (math.isnan(left) and math.isnan(right)) or (
            left == right and math.copysign(1, left) == math.copysign(1, right)
        )
    return left == right and type(left) is type(right)


# --- ? : values ---


@given(TEXTS | BIGINTS | st.floats() | st.booleans() | st.none())
@example(-0.0)
@example(5e-324)
@example(-(2**63))
@example("\\' ? $1 -- /*")
def test_plain_values_come_back(engine, value):
    """Text, integers, floats, bool and None come back equal, and of the same type."""
    assert same(value_of(engine, bind("SELECT ?", [value])), value)


@given(st.integers(-(10**38) + 1, 10**38 - 1))
def test_wide_integers_come_back(engine, value):
    """An integer beyond BIGINT comes back equal."""
    assert value_of(engine, bind("SELECT ?", [value])) == value


@given(NUMERICS)
@example(Decimal("0E-60"))
@example(Decimal("0E+60"))
@example(Decimal("-0.00"))
@example(Decimal("1E+37"))
@example(Decimal("0." + "9" * 38))
@example(Decimal("1." + "0" * 60))
def test_decimals_come_back(engine, value):
    """A Decimal comes back equal and as a Decimal, never through a binary float."""
    returned = value_of(engine, bind("SELECT ?", [value]))
    assert isinstance(returned, Decimal)
    assert returned == value


@given(st.binary())
@example(b"")
def test_bytes_come_back(value):
    """Bytes are an E'' string of one hex escape a byte."""
    literal = bind("SELECT ?", [value]).removeprefix("SELECT ")
    assert re.fullmatch(r"E'(\\x[0-9a-f]{2})*'", literal)
    assert bytes(int(code, 16) for code in re.findall(r"\\x(..)", literal)) == value


@given(st.dates())
def test_dates_come_back(engine, value):
    """A date comes back, whichever the century."""
    assert value_of(engine, bind("SELECT CAST(? AS DATE)", [value])) == value


@given(st.datetimes())
def test_naive_datetimes_come_back(engine, value):
    """A naive datetime comes back to the microsecond."""
    assert value_of(engine, bind("SELECT CAST(? AS TIMESTAMP)", [value])) == value


@given(st.datetimes(timezones=ZONES).filter(lambda value: 1 < value.year < 9999))
def test_aware_datetimes_keep_their_instant(engine, value):
    """An aware datetime is the same instant to the engine, whatever its offset."""
    micros = value_of(engine, bind("SELECT epoch_us(CAST(? AS TIMESTAMPTZ))", [value]))
    assert EPOCH + timedelta(microseconds=micros) == value


def test_offset_is_kept_in_the_text():
    """The offset of an aware datetime is written, not converted away."""
    zone = timezone(timedelta(hours=5, minutes=30))
    assert bind("?", [datetime(2024, 1, 1, tzinfo=zone)]) == "'2024-01-01 00:00:00+05:30'"


def nested(items):
    return st.lists(st.lists(items | st.none(), min_size=1) | st.none(), min_size=1)


@given(nested(BIGINTS) | nested(TEXTS) | nested(st.floats(allow_nan=False)) | nested(st.booleans()))
def test_nested_lists_come_back(engine, value):
    """Lists of lists come back equal, with None in every place."""
    assert value_of(engine, bind("SELECT ?", [value])) == value


@pytest.mark.parametrize("value", [(), (1, "a"), [b"\x00", None], [[Decimal("1.5")], ()]])
def test_tuples_are_lists(value):
    """A tuple is written as a list of the same items."""

    def as_list(item):
        return [as_list(i) for i in item] if isinstance(item, tuple | list) else item

    assert bind("?", [value]) == bind("?", [as_list(value)])


class Color(enum.IntEnum):
    RED = 1


class Word(str, enum.Enum):  # noqa: UP042  # the older form, whose str() is not its value
    YES = "it's"


class Name(str):
    __slots__ = ()

    def __str__(self):
        return "something else"


@pytest.mark.parametrize(
    ("value", "literal"),
    [
        (None, "NULL"),
        (True, "true"),
        (False, "false"),
        (1, "1"),
        (-1, "(-1)"),
        (1.5, "1.5e0"),
        (-1.5, "(-1.5e0)"),
        (1e300, "1e+300"),
        (math.inf, "CAST('inf' AS DOUBLE)"),
        (-math.inf, "CAST('-inf' AS DOUBLE)"),
        (math.nan, "CAST('nan' AS DOUBLE)"),
        (Decimal("-1.50"), "CAST('-1.50' AS NUMERIC(3, 2))"),
        (Decimal("0.05"), "CAST('0.05' AS NUMERIC(2, 2))"),
        (Decimal("1E+2"), "CAST('100' AS NUMERIC(3, 0))"),
        (2**63, "CAST('9223372036854775808' AS NUMERIC(19, 0))"),
        (Color.RED, "1"),
        (Word.YES, "'it''s'"),
        (Name("a"), "'a'"),
        (b"ab", r"E'\x61\x62'"),
        (bytearray(b"a"), r"E'\x61'"),
        (memoryview(b"a"), r"E'\x61'"),
        (uuid.UUID(int=1), "'00000000-0000-0000-0000-000000000001'"),
        (date(1, 2, 3), "'0001-02-03'"),
        (datetime.fromisoformat("2024-01-01T02:03:04.000005"), "'2024-01-01 02:03:04.000005'"),
        ([1, [None, "a"]], "[1, [NULL, 'a']]"),
        ([], "[]"),
    ],
)
def test_literals(value, literal):
    """Each Python type has one SQL form; a subclass has the form of its value."""
    assert bind("?", [value]) == literal


def test_numpy_scalars_and_arrays():
    """numpy's numbers are written as the Python numbers they stand for; wider ones are refused."""
    values = [numpy.int64(-1), numpy.float32(0.5), numpy.float64(0.1), numpy.bool_(1)]
    assert bind("?, ?, ?, ?", values) == "(-1), 0.5e0, 0.1e0, true"
    assert bind("?", [numpy.array([[1, 2], [3, 4]])]) == "[[1, 2], [3, 4]]"
    with pytest.raises(DataError, match="longdouble"):
        bind("?", [numpy.longdouble(1)])
    with pytest.raises(DataError, match="datetime64"):
        bind("?", [numpy.datetime64("2024-01-01T00:00:00.000000001")])


@given(TEXTS)
def test_backslashes_are_escaped_for_engines_that_read_them(text):
    """For V1 engines the literal is one token, and unescapes to the text."""
    literal = bind("?", [text], backslash_escapes=True)
    assert [t.kind for t in tokens(literal, backslash_escapes=True)] == [Kind.STRING]
    assert re.sub(r"\\(.)|''", lambda m: m[1] or "'", literal[1:-1], flags=re.DOTALL) == text


# --- ? : places ---


@pytest.mark.parametrize(
    "text", ["'?'", '"?"', "-- ?\n", "/* ? /* ? */ ? */", "$$?$$", "$a$ ? $a$", r"E'\'?'", "'\\?'"]
)
def test_question_marks_in_quotes_and_comments_are_text(text):
    """Only a ? that stands in the statement itself is a placeholder."""
    assert bind(f"SELECT {text}, ? FROM t", [1]) == f"SELECT {text}, 1 FROM t"


@given(st.sampled_from([-1, -1.5, Decimal("-1.5"), -(2**62), -(2**70), 2, 0.5]))
def test_a_number_after_a_minus_sign(engine, value):
    """A negative number after a minus is subtracted, and starts no comment."""
    assert value_of(engine, bind("SELECT 1-?\n+ 1", [value])) == 2 - value
    assert value_of(engine, bind("SELECT -?", [value])) == -value


def test_a_cast_takes_the_sign_too(engine):
    """A cast behind a placeholder casts the whole number: the least SMALLINT fits SMALLINT."""
    assert value_of(engine, bind("SELECT ?::smallint", [-(2**15)])) == -(2**15)


BEFORE = [
    "",
    "e",
    "E",
    "u&",
    "N",
    "x",
    "a1",
    "é",
    "1",
    "1.",
    ".",
    "$",
    "-",
    "/",
    "'a'",
    '"a"',
    "$$b$$",
]
AFTER = ["", "e5", "x1", "from", "é", "1", ".5", "$1", "-", "--", "/*", "'a'", '"a"', "?"]
VALUES = [0, -1, 0.5, "b", "", b"c", None, True, [1], Decimal(1), "é'", -(2**63)]


def lexemes(sql):
    """The words, numbers, literals and operators of a text, blanks aside."""
    pieces = []
    for token in tokens(sql):
        text = sql[token.start : token.end]
        pieces += re.findall(r"[\w$.]+|\S", text) if token.kind is Kind.TEXT else [text]
    return [piece for piece in pieces if piece.strip()]


@given(st.sampled_from(BEFORE), st.sampled_from(AFTER), st.sampled_from(VALUES))
def test_literals_do_not_fuse_with_the_text_around_them(before, after, value):
    """Whatever touches the placeholder, the literal stays a piece of its own."""
    values = [value] * (1 + after.count("?"))
    literal = bind("?", [value])
    after_bound = bind(after, values[1:])
    expected = lexemes(before) + lexemes(literal) + lexemes(after_bound)
    assert lexemes(bind(before + "?" + after, values)) == expected


def test_text_around_a_placeholder_stays_as_it_is():
    """No blank is put in where none is needed."""
    assert bind("f(?,?)=[?]::x;", [1, "a", None]) == "f(1,'a')=[NULL]::x;"


# --- $1 ---


@given(
    TEXTS | BIGINTS | st.floats(allow_nan=False, allow_infinity=False) | st.booleans() | st.none()
)
def test_server_bound_plain_values_come_back(value):
    """What JSON can tell exactly is sent as JSON."""
    assert same(json_value(value), value)


@given(st.floats())
@example(math.inf)
@example(math.nan)
def test_server_bound_floats_come_back(engine, value):
    """Every float, finite or not, comes back through a cast."""
    assert same(value_of(engine, "SELECT CAST($1 AS DOUBLE)", json_value(value)), value)


@given(NUMERICS | st.integers(2**63, 10**38 - 1))
def test_server_bound_numbers_keep_all_digits(value):
    """A Decimal and a wide integer are text of all their digits, without an exponent."""
    text = json_value(value)
    assert re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", text)
    assert Decimal(text) == value


@given(st.binary())
def test_server_bound_bytes_come_back(value):
    """Bytes are hex text, which a cast to BYTEA reads."""
    text = json_value(value)
    assert text.startswith("\\x")
    assert bytes.fromhex(text[2:]) == value


@given(st.dates() | st.datetimes() | st.datetimes(timezones=ZONES))
def test_server_bound_dates_come_back(value):
    """Dates and datetimes are ISO text, with the offset of an aware one."""
    assert type(value).fromisoformat(json_value(value)) == value


@pytest.mark.parametrize(
    ("items", "sql_type"),
    [
        (BIGINTS, "BIGINT"),
        (TEXTS, "VARCHAR"),
        (st.floats(allow_nan=False), "DOUBLE"),
        (st.booleans(), "BOOLEAN"),
        (st.dates(), "DATE"),
        (st.decimals(-(10**18), 10**18, places=9), "DECIMAL(38, 9)"),
    ],
)
def test_server_bound_lists_come_back(engine, items, sql_type):
    """A list is an array literal, which a cast reads back equal, nested and with None."""

    @given(nested(items))
    def check(value):
        text = json_value(value)
        assert value_of(engine, f"SELECT CAST($1 AS {sql_type}[][])", text) == value

    check()


def test_server_bound_list_text():
    """An array literal is compact; strings in it are quoted, with their quotes escaped."""
    value = [1, None, True, -1.5, Decimal("1.50"), math.inf, 'a"\\', b"a", date.min, (), [2]]
    literal = r'[1,null,true,-1.5,1.50,inf,"a\"\\","\\x61","0001-01-01",[],[2]]'
    assert json_value(value) == literal


def test_placeholders_may_repeat_and_hide():
    """A placeholder may be named twice; $n in a string or in an identifier is none."""
    sql = "SELECT $1, $2, $1, '$3', a$4, $$ $5 $$ -- $6"
    assert json.loads(to_query_parameters(sql, [1, "é"])) == [
        {"name": "$1", "value": 1},
        {"name": "$2", "value": "é"},
    ]


@pytest.mark.parametrize(
    ("sql", "parameters", "message"),
    [
        ("SELECT $1, $2", [1], r"uses \$2, 1 parameter was given"),
        ("SELECT $10", list(range(9)), r"uses \$10, 9 parameters were given"),
        ("SELECT $1", [], r"uses \$1, 0 parameters were given"),
        ("SELECT $0", [1], r"uses \$0"),
        ("SELECT $" + "9" * 5000, [1], r"uses \$9"),
        ("SELECT $1", [1, 2, 3], r"does not use \$2, 3 parameters were given"),
        ("SELECT '$1'", [1], r"does not use \$1"),
        ("SELECT ?", [1], r"does not use \$1"),
    ],
)
def test_server_bound_names_and_parameters_must_match(sql, parameters, message):
    """A placeholder without parameter, and a parameter without placeholder, are errors."""
    with pytest.raises(ProgrammingError, match=message):
        to_query_parameters(sql, parameters)


# --- what is refused, by both ---


@pytest.mark.parametrize(
    ("sql", "parameters", "message"),
    [
        ("SELECT ?, ?", [1, 2, 3], "has 2 placeholders, 3 parameters were given"),
        ("SELECT ?, ?", [1], "has 2 placeholders, 1 parameter was given"),
        ("SELECT ?", [], "has 1 placeholder, 0 parameters were given"),
        ("SELECT '?'", [1], "has 0 placeholders, 1 parameter was given"),
        ("SELECT $1", [1], "has 0 placeholders, 1 parameter was given"),
    ],
)
def test_question_marks_and_parameters_must_match(sql, parameters, message):
    """Too few and too many parameters are errors that give both counts."""
    with pytest.raises(ProgrammingError, match=message):
        bind(sql, parameters)


WRITERS = pytest.mark.parametrize(
    "write",
    [lambda v: bind("SELECT ?, ?", [0, v]), lambda v: to_query_parameters("SELECT $1, $2", [0, v])],
    ids=["bind", "to_query_parameters"],
)


@WRITERS
@pytest.mark.parametrize(
    ("value", "message"),
    [
        (object(), "object"),
        ({1}, "set"),
        (time(1), "time"),
        (timedelta(1), "timedelta"),
        (1j, "complex"),
        ([1, [object()]], "object"),
        ("a\0b", "NUL"),
        ("\ud800", "surrogate"),
        (["\0"], "NUL"),
        (Decimal("nan"), "nan"),
        (Decimal("-inf"), "infinity"),
        (Decimal(10) ** 38, "39 digits"),
        (Decimal("1E-39"), "39 digits"),
        (Decimal("1E+999999"), "digits"),
        pytest.param(10**5000, "5001 digits", id="wide"),
        (datetime(2024, 1, 1, tzinfo=timezone(timedelta(microseconds=1))), "offset"),
    ],
)
def test_values_that_would_not_arrive_equal(write, value, message):
    """A value that has no SQL form, or would change on the way, is refused by its position."""
    with pytest.raises(DataError, match=f"Parameter 2: .*{message}"):
        write(value)


@given(st.dictionaries(TEXTS.filter(bool), TEXTS | BIGINTS, min_size=1, max_size=5))
def test_dicts_are_structs(engine, fields):
    """Names and values come back, whatever characters the names have; they differ beyond case."""
    fields = {name.lower(): value for name, value in fields.items()}
    fields = {name: value for name, value in fields.items() if name.casefold() == name}
    if fields:
        assert value_of(engine, bind("SELECT ?", [fields])) == fields


@pytest.mark.parametrize("value", [{}, {1: 2}])
def test_dicts_that_are_no_structs(value):
    """A struct has fields, and their names are text."""
    with pytest.raises(DataError, match="Parameter 1: A struct has"):
        bind("SELECT ?", [value])


def test_structs_stay_in_the_sql():
    """The server takes no struct apart from the SQL."""
    with pytest.raises(DataError, match="Parameter 1: A struct cannot be sent apart"):
        to_query_parameters("SELECT $1", [{"a": 1}])


@WRITERS
def test_lists_that_hold_themselves(write):
    """A list without a bottom is refused."""
    endless = []
    endless.append(endless)
    with pytest.raises(DataError, match="nested too deeply"):
        write(endless)


@pytest.mark.parametrize("parameters", [{"a": 1}, "ab", b"ab", {1, 2}, iter([1]), 1, None])
def test_parameters_are_a_sequence(parameters):
    """Mappings, sets, iterators, and single values are refused as parameters."""
    for write in (bind, to_query_parameters):
        with pytest.raises(InterfaceError, match=type(parameters).__name__):
            write("SELECT ?", parameters)


def test_no_value_is_shown_in_an_error():
    """A parameter may be a secret: errors tell its place and type only."""
    with pytest.raises(DataError) as refused:
        bind("?", [["hunter2\0"]])
    assert "hunter2" not in str(refused.value)
