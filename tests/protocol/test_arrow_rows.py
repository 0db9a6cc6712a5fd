"""Rows from Arrow columns: the values that JSON would give."""

import datetime
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebolt_like.errors import DataError
from firebolt_like.protocol.arrow_rows import decode_rows

DAY = datetime.date(2024, 2, 29)
NOON = datetime.datetime(2024, 2, 29, 12, 0, 0, 5)
VALUES = [
    (pa.int32(), [1, None], [1, None]),
    (pa.uint64(), [2**64 - 1], [2**64 - 1]),
    (pa.float32(), [0.1, None, float("inf")], [0.1, None, float("inf")]),
    (pa.float64(), [0.1], [0.1]),
    (pa.decimal128(38, 9), [Decimal("1.1"), None], [Decimal("1.100000000"), None]),
    (pa.decimal256(76, 0), [Decimal(10) ** 75], [Decimal("1" + "0" * 75)]),
    (pa.string(), ["a\x00b", ""], ["a\x00b", ""]),
    (pa.large_string(), ["a"], ["a"]),
    (pa.binary(), [b"\x00\xff", None], [b"\x00\xff", None]),
    (pa.date32(), [DAY, datetime.date.min, datetime.date.max], [DAY, datetime.date.min,
                                                                 datetime.date.max]),
    (pa.date64(), [DAY], [DAY]),
    (pa.timestamp("us"), [NOON, datetime.datetime.min, datetime.datetime.max],
     [NOON, datetime.datetime.min, datetime.datetime.max]),
    (pa.timestamp("s"), [NOON.replace(microsecond=0)], [NOON.replace(microsecond=0)]),
    (pa.timestamp("us", tz="UTC"), [NOON], [NOON.replace(tzinfo=datetime.UTC)]),
    (pa.timestamp("ms", tz="Europe/Vienna"), [0],
     [datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)]),
    (
        pa.month_day_nano_interval(),
        [(0, 0, 0), (-13, 0, 0), (24, 1, 1000), (0, 0, -360_000_500_000_000), None],
        ["00:00:00", "-1 year -1 month", "2 years 1 day 00:00:00.000001", "-100:00:00.5", None],
    ),
    (pa.bool_(), [True, None, False], [True, None, False]),
    (pa.list_(pa.float32()), [[0.1, None], None, []], [[0.1, None], None, []]),
    (pa.struct([("x", pa.float32()), ("t", pa.timestamp("ns"))]), [{"x": 0.1, "t": NOON}],
     [{"x": 0.1, "t": NOON}]),
    (pa.list_(pa.decimal128(5, 2)), [[Decimal("1.50")]], [[Decimal("1.50")]]),
    (pa.null(), [None], [None]),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "given", "expected"), VALUES, ids=lambda value: str(value)[:30])
def test_each_type_gives_exact_values(kind, given, expected):
    """Class, value and digits are those that JSON gives."""
    rows = decode_rows(pa.table({"c": pa.array(given, kind)}))
    assert [value for (value,) in rows] == expected
    assert [(type(v), str(v)) for (v,) in rows] == [(type(v), str(v)) for v in expected]


def test_words_from_a_dictionary_are_texts():
    """How an engine packs its texts makes no difference."""
    words = pa.array(["a", "b", None, "a"]).dictionary_encode()
    assert decode_rows(pa.table({"c": words})) == [("a",), ("b",), (None,), ("a",)]


def test_a_type_without_a_sql_type_is_text():
    """As a type that is not known in JSON."""
    assert decode_rows(pa.table({"c": pa.array([5], pa.duration("s"))})) == [("5",)]


def test_rows_without_columns_are_counted():
    """Nothing gets lost."""
    assert decode_rows(pa.table({"c": [1, 2]}).select([])) == [(), ()]


@pytest.mark.parametrize("kind", [pa.date32(), pa.timestamp("us")])
def test_a_date_outside_of_pythons_calendar_names_its_column(kind):
    """As with JSON, the way out is to cast the column."""
    far = pa.array([4_000_000 * (1 if kind == pa.date32() else 86_400_000_000)]).cast(pa.int64())
    far = far.cast(pa.int32()).cast(kind) if kind == pa.date32() else far.cast(kind)
    with pytest.raises(DataError, match="'when'") as caught:
        decode_rows(pa.table({"when": far}))
    assert "cast" in str(caught.value.hint)


@given(
    st.sampled_from([pa.date32(), pa.timestamp("us"), pa.timestamp("us", "UTC")]).flatmap(
        lambda kind: st.tuples(
            st.just(kind),
            st.lists(st.none() | (st.dates() if pa.types.is_date(kind) else st.datetimes())),
        )
    ),
    st.integers(0, 3),
)
def test_times_are_those_of_pyarrow(kind_and_values, start):
    """Values and classes, in a slice and in chunks, from the first of Python's days to the last."""
    kind, values = kind_and_values
    array = pa.array(values, kind)
    for column in (array.slice(start), pa.chunked_array([array, array[start:]], kind)):
        found = [value for (value,) in decode_rows(pa.table({"t": column}))]
        assert found == column.to_pylist()
        assert [*map(type, found)] == [*map(type, column.to_pylist())]
