"""Values of every type, from SQL to the client's decoder."""

import datetime
import math
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firebolt_like.local import LocalServer
from firebolt_like.protocol.parameters import bind
from tests.local.conftest import Asker

_UTC = datetime.UTC


def _zone(hours: int, minutes: int = 0, seconds: int = 0) -> datetime.timezone:
    return datetime.timezone(datetime.timedelta(hours=hours, minutes=minutes, seconds=seconds))


@pytest.mark.parametrize(
    ("sql", "name", "value"),
    [
        ("TRUE", "boolean", True),
        ("7::TINYINT", "integer", 7),
        ("7::UINTEGER", "bigint", 7),
        ("9223372036854775807", "bigint", 2**63 - 1),
        ("170141183460469231731687303715884105727::HUGEINT", "numeric(38, 0)", Decimal(2**127 - 1)),
        ("18446744073709551615::UBIGINT", "numeric(38, 0)", Decimal(2**64 - 1)),
        ("1.10::NUMERIC(10, 2)", "numeric(10, 2)", Decimal("1.10")),
        ("0.1::REAL", "real", 0.1),
        ("0.1::DOUBLE PRECISION", "double precision", 0.1),
        ("'inf'::DOUBLE", "double precision", math.inf),
        ("'-inf'::REAL", "real", -math.inf),
        ("'text \\ \"quoted\"'", "text", 'text \\ "quoted"'),
        ("DATE '0001-01-01'", "date", datetime.date(1, 1, 1)),
        ("DATE '9999-12-31'", "date", datetime.date(9999, 12, 31)),
        ("'2020-01-01 10:20:30.5'::TIMESTAMP", "timestamp",
         datetime.datetime(2020, 1, 1, 10, 20, 30, 500000)),
        ("'2020-01-01 10:20:30'::TIMESTAMP_S", "timestamp",
         datetime.datetime(2020, 1, 1, 10, 20, 30)),
        ("'2020-01-01 10:20:30.123456789'::TIMESTAMP_NS", "timestamp",
         datetime.datetime(2020, 1, 1, 10, 20, 30, 123457)),
        ("'2020-01-01 10:20:30+02'::TIMESTAMPTZ", "timestamptz",
         datetime.datetime(2020, 1, 1, 8, 20, 30, tzinfo=_UTC)),
        ("'\\x00\\xff'::BLOB", "bytea", b"\x00\xff"),
        ("E'\\x00\\xff'::bytea", "bytea", b"\x00\xff"),
        ("E'\\x61'", "bytea", b"a"),
        ("'\\x00ff'::bytea", "bytea", b"\x00\xff"),
        ("NULL", "text", None),
        ("'{\"a\": 1}'::JSON", "json", '{"a": 1}'),
        ("'a'::ENUM('a', 'b')", "text", "a"),
        ("INTERVAL 1 DAY", "text", "1 day"),
        ("MAP {'a': 1}", "text", "{a=1}"),
        ("[1, NULL]", "array(integer null)", [1, None]),
        ("[1, 2]::INT[2]", "array(integer null)", [1, 2]),
        ("[[1.5::NUMERIC(2, 1)], NULL]", "array(array(numeric(2, 1) null) null)",
         [[Decimal("1.5")], None]),
        ("[99999999999]", "array(bigint null)", [99999999999]),
        ("'[[1, 2]]'::array(array(int null) null)", "array(array(integer null) null)", [[1, 2]]),
        ("{'a': 1, 'b c': ['\\x61'::BLOB]}", "struct(a integer null, `b c` array(bytea null) null)",
         {"a": 1, "b c": [b"a"]}),
        ("[{'a': 99999999999}, NULL]", "array(struct(a bigint null) null)",
         [{"a": 99999999999}, None]),
        ("NULL::STRUCT(a INT)", "struct(a integer null)", None),
        ("pgdate '2020-01-02'", "date", datetime.date(2020, 1, 2)),
        ("'2020-01-02'::timestampntz", "timestamp", datetime.datetime(2020, 1, 2)),
    ],
)  # fmt: skip
def test_types_and_values(ask: Asker, sql: str, name: str, value: object) -> None:
    """Each DuckDB type arrives under its protocol name, exact."""
    answer = ask.answer(f"SELECT {sql} AS x")
    assert str(answer.columns[0].type).removesuffix(" null") == name
    assert ask.rows(f"SELECT {sql} AS x") == [(value,)]


def test_nan_is_nan(ask: Asker) -> None:
    """Both nans of DuckDB arrive as nan."""
    ((plain, negative),) = ask.rows("SELECT 'nan'::DOUBLE, -('nan'::REAL)")
    assert math.isnan(plain)
    assert math.isnan(negative)


def test_values_outside_of_pythons_calendar_are_sent(ask: Asker) -> None:
    """Dates that Python cannot hold are answered as text of their kind; the server lives on."""
    values = (
        "'-44-03-15'::DATE, 'infinity'::TIMESTAMP, '12000-01-01'::DATE, 'infinity'::TIMESTAMPTZ"
    )
    sql = f"SELECT {values}"
    assert ask.send(sql).json()["data"] == [
        ["0045-03-15 (BC)", "infinity", "12000-01-01", "infinity"]
    ]


def test_timestamptz_is_written_in_the_zone_of_the_request(ask: Asker) -> None:
    """timezone= sets the zone of one request, to the second; the next is UTC again."""
    sql = "SELECT '1111-01-01 00:00:00+00'::TIMESTAMPTZ, '2020-01-01 00:00:00+00'::TIMESTAMPTZ"
    kolkata = ask.send(sql, timezone="Asia/Calcutta").json()["data"]
    assert kolkata == [["1111-01-01 05:53:28+05:53:28", "2020-01-01 05:30:00+05:30"]]
    york = ask.send(sql, time_zone="America/New_York").json()["data"]
    assert york == [["1110-12-31 19:03:58-04:56:02", "2019-12-31 19:00:00-05"]]
    assert ask.send(sql).json()["data"][0][1] == "2020-01-01 00:00:00+00"
    assert ask.rows(sql, timezone="Asia/Calcutta") == ask.rows(sql)


_scalars: dict[str, st.SearchStrategy[Any]] = {
    "INTEGER": st.integers(-(2**31), 2**31 - 1),
    "BIGINT": st.integers(-(2**63), 2**63 - 1),
    "DOUBLE": st.floats(allow_nan=False),
    "NUMERIC(38, 9)": st.decimals(
        allow_nan=False, allow_infinity=False, places=9, min_value=-(10**28), max_value=10**28
    ),
    "TEXT": st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
    "BLOB": st.binary(),
    "BOOLEAN": st.booleans(),
    "DATE": st.dates(),
    "TIMESTAMP": st.datetimes(),
    "TIMESTAMPTZ": st.datetimes(
        min_value=datetime.datetime(1, 1, 3),
        max_value=datetime.datetime(9999, 12, 29),
        timezones=st.just(_zone(5, 30)),
    ),
}


@settings(max_examples=25, deadline=None)
@given(st.data())
@pytest.mark.parametrize("name", _scalars)
@pytest.mark.parametrize("shape", ["{}", "{}[]"])
def test_any_value_comes_back_equal(
    server: LocalServer, ask_once: Asker, name: str, shape: str, data: st.DataObject
) -> None:
    """What the client writes into SQL comes back equal, alone and in arrays."""
    one = st.none() | _scalars[name]
    value = data.draw(one if shape == "{}" else st.none() | st.lists(one, max_size=3))
    sql = bind(f"SELECT CAST(? AS {shape.format(name)}) AS x", [value])
    assert ask_once.rows(sql) == [(value,)]
