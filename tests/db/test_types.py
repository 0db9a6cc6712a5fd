"""Every type there and back: bound by the client, bound by the server, buffered and streamed."""

import datetime
import decimal
import math
import string

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firebolt_like import db
from tests.db.conftest import PROTOCOLS

D = decimal.Decimal
UTC = datetime.UTC


def zone(**offset):
    return datetime.timezone(datetime.timedelta(**offset))


LITERALS = {
    # SQL on the embedded engine: the exact Python value
    "1::int": 1,
    "9223372036854775807::bigint": 2**63 - 1,
    "12345678901234567890123456789012345678::hugeint": D("12345678901234567890123456789012345678"),
    "0.1::real": 0.1,
    "0.1::double": 0.1,
    "'inf'::double": math.inf,
    "'-inf'::double": -math.inf,
    "1.10::decimal(10, 2)": D("1.10"),
    "'12345678901234567890123456789.123456789'::decimal(38, 9)": D(
        "12345678901234567890123456789.123456789"
    ),
    "'naïve \\ \"quoted\" \n\t日本語'": 'naïve \\ "quoted" \n\t日本語',
    "''": "",
    "true": True,
    "date '0001-01-01'": datetime.date.min,
    "date '9999-12-31'": datetime.date.max,
    "timestamp '2020-02-29 12:34:56.789'": datetime.datetime(2020, 2, 29, 12, 34, 56, 789000),
    "timestamp '9999-12-31 23:59:59.999999'": datetime.datetime.max,
    "timestamptz '2020-02-29 12:00:00+05:30'": datetime.datetime(2020, 2, 29, 6, 30, tzinfo=UTC),
    "'\\x00ff'::bytea": b"\x00\xff",
    "[1, NULL, 3]": [1, None, 3],
    "[['a'], [], NULL]": [["a"], [], None],
    "[1.5::decimal(3, 1)]": [D("1.5")],
    "{'a': 1, 'b c': date '2020-01-01', 'n': [{'x': 1.50::decimal(4, 2)}]}": {
        "a": 1,
        "b c": datetime.date(2020, 1, 1),
        "n": [{"x": D("1.50")}],
    },
    "NULL": None,
    "NULL::decimal(5, 2)": None,
}


@pytest.mark.parametrize("way", ["execute", "execute_stream", "execute_arrow"])
@pytest.mark.parametrize("sql", LITERALS)
def test_a_value_arrives_exact(local, sql, way):
    """Class and value are those that the table promises, buffered, streamed and as Arrow."""
    with local.cursor() as cursor:
        (value,) = getattr(cursor, way)(f"SELECT {sql}").fetchone()
    expected = LITERALS[sql]
    assert value == (pytest.approx(expected) if sql.endswith("::real") else expected)
    assert type(value) is type(expected)


def test_nan_arrives(local):
    """Not-a-number is a float, though it equals nothing."""
    (value,) = local.cursor().execute("SELECT 'nan'::double").fetchone()
    assert math.isnan(value)


@pytest.fixture(scope="module", params=PROTOCOLS)
def local(request):
    with db.connect("local:", protocol=request.param) as connection:
        yield connection


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
FLOATS = st.floats(allow_nan=False)
DECIMALS = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**19), max_value=10**19)
EXACT = DECIMALS.filter(lambda d: -18 <= d.as_tuple().exponent <= 0)
MOMENTS = st.datetimes()
AWARE = st.datetimes(
    min_value=datetime.datetime(2, 1, 1),
    max_value=datetime.datetime(9998, 12, 31),
    timezones=st.sampled_from([UTC, zone(hours=5, minutes=30), zone(hours=-8)]),
)
CASES = {
    # SQL type: values of it
    "bigint": st.integers(-(2**63), 2**63 - 1),
    "double precision": FLOATS,
    "numeric(38, 18)": EXACT,
    "text": TEXTS,
    "boolean": st.booleans(),
    "date": st.dates(),
    "timestamp": MOMENTS,
    "timestamptz": AWARE,
    "bytea": st.binary(),
    "array(bigint)": st.lists(st.integers(-(2**63), 2**63 - 1) | st.none(), max_size=5),
    "array(text)": st.lists(TEXTS | st.none(), max_size=5),
    "array(array(date))": st.lists(st.lists(st.dates(), max_size=3), max_size=3),
}


@pytest.mark.parametrize("paramstyle", ["qmark", "numeric_dollar"])
@pytest.mark.parametrize("kind", CASES)
def test_any_value_comes_back_equal(local, kind, paramstyle):
    """Whatever is bound, in either style, is what is fetched."""
    mark = "?" if paramstyle == "qmark" else "$1"
    sql = f"SELECT CAST({mark} AS {kind})"

    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(CASES[kind])
    def comes_back(value):
        cursor = local.cursor(paramstyle=paramstyle)
        assert cursor.execute(sql, [value]).fetchall() == [(value,)]

    comes_back()


def test_a_bare_placeholder_keeps_its_value(local):
    """Without a cast the client alone says what the value is."""

    @settings(max_examples=60, deadline=None)
    @given(value=st.one_of(TEXTS, FLOATS, st.integers(-(2**70), 2**70), EXACT, st.booleans()))
    def keeps(value):
        (found,) = local.cursor().execute("SELECT ?", [value]).fetchone()
        assert found == value
        assert isinstance(found, bool) == isinstance(value, bool)

    keeps()


def test_an_aware_datetime_keeps_its_instant_in_any_session_zone(local):
    """The offset goes along, so the session's time zone changes nothing."""
    moment = datetime.datetime(2024, 7, 1, 12, 0, tzinfo=zone(hours=2))
    cursor = local.cursor()
    cursor.execute("SET timezone = 'America/New_York'")
    (found,) = cursor.execute("SELECT ?::timestamptz", [moment]).fetchone()
    assert found == moment
    in_arrow = "grpc" in repr(local)  # whose instants are in UTC
    assert found.utcoffset() == datetime.timedelta(hours=0 if in_arrow else -4)


def test_any_column_name_arrives(local):
    """A column may be called anything."""

    @settings(max_examples=50, deadline=None)
    @given(name=st.text(string.printable, min_size=1, max_size=20))
    def arrives(name):
        quoted = name.replace('"', '""')
        cursor = local.cursor().execute(f'SELECT 1 AS "{quoted}"')
        assert cursor.description is not None
        assert cursor.description[0][0] == name

    arrives()
