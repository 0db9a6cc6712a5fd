"""Columns of Python values have the SQL type that holds them."""

import enum
import uuid
from datetime import UTC, date, datetime
from decimal import Decimal

import numpy
import pandas
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebolt_like.errors import DataError
from firebolt_like.protocol import arrow_ingest
from firebolt_like.protocol.python_types import column_type, plain_column
from firebolt_like.protocol.types import Column

LOCAL = st.datetimes()
KINDS = st.sampled_from(
    [
        st.booleans(),
        st.integers(-(2**63), 2**63 - 1),
        st.integers(-(10**37), 10**37),
        st.floats(allow_nan=False),
        st.decimals(-(10**9), 10**9, places=4),
        st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
        st.binary(),
        st.dates(),
        LOCAL,
        LOCAL.map(lambda moment: moment.replace(tzinfo=UTC)),
        st.lists(st.none() | st.integers(-9, 9)),
        st.lists(st.lists(st.text("ab"))),
        st.fixed_dictionaries({"a": st.integers(-9, 9) | st.none(), "b": st.dates()}),
    ]
)
COLUMNS = KINDS.flatmap(lambda kind: st.lists(st.none() | kind, min_size=1, max_size=20))


@given(COLUMNS)
def test_values_fit_the_type_that_is_found_for_them(values):
    """As Arrow they are what they were."""
    column = Column("v", column_type(plain_column(values)))
    batch = arrow_ingest.from_values([values], [column])
    assert [value for (value,) in arrow_ingest.to_rows(batch)] == values


class Color(str, enum.Enum):  # noqa: UP042  # str() of its members is their name
    RED = "red"


class Size(enum.IntEnum):
    LARGE = 3


@pytest.mark.parametrize(
    ("values", "plain", "kind"),
    [
        ([Color.RED, "x"], ["red", "x"], "text"),
        ([Size.LARGE], [3], "bigint"),
        ([uuid.UUID(int=1)], ["00000000-0000-0000-0000-000000000001"], "text"),
        ([bytearray(b"a"), memoryview(b"b")], [b"a", b"b"], "bytea"),
        ([numpy.int16(1), numpy.uint64(2)], [1, 2], "bigint"),
        ([numpy.float32(0.5), numpy.float64(1)], [0.5, 1.0], "double precision"),
        ([numpy.bool_(True)], [True], "boolean"),
        ([numpy.array([1, 2])], [[1, 2]], "array(bigint null)"),
        ([pandas.Timestamp("2024-01-31")], [datetime(2024, 1, 31)], "timestamp"),
        ([(1, 2)], [(1, 2)], "array(bigint null)"),
        ([1, Decimal("0.5")], [1, Decimal("0.5")], "numeric(38, 1)"),
        ([Decimal("1E-50")], [Decimal("1E-50")], "numeric(38, 38)"),
        ([[1], [2.5]], [[1], [2.5]], "array(double precision null)"),
        ([{"a": 1}, {"b": "x"}], [{"a": 1}, {"b": "x"}], "struct(a bigint null, b text null)"),
        ([None], [None], "null"),
    ],
)
def test_values_of_other_classes(values, plain, kind):
    """They become one of a few, and then have a type."""
    found = plain_column(values)
    assert list(found) == plain
    assert list(map(type, found)) == list(map(type, plain)) or kind == "timestamp"
    assert str(column_type(found)) == f"{kind} null"


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([1, "a"], "no SQL type holds int and str together"),
        ([True, 1], "bool and int"),
        ([[1], ["a"]], "int and str"),
        ([date(2024, 1, 1), datetime(2024, 1, 1)], "date and datetime"),
        ([datetime(2024, 1, 1), datetime(2024, 1, 1, tzinfo=UTC)], "some datetimes have a zone"),
        ([Decimal("nan")], "no nan"),
        ([{}], "at least one field"),
        ([{1: 2}], "names are text"),
        ([object()], "a object has no SQL type"),
        ([[object()]], "a object has no SQL type"),
        ([pandas.Timestamp(1)], "nanoseconds"),
        ([numpy.datetime64("2024-01-01")], "datetime64 has no SQL type"),
    ],
)
def test_values_without_a_type(values, text):
    """They are refused, in words that `ingest` completes with the column."""
    with pytest.raises(DataError, match=text):
        column_type(plain_column(values))
