"""SQL types as Arrow types, and back."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebolt_like.protocol.arrow_types import arrow_schema, arrow_type, columns_of, sql_type
from firebolt_like.protocol.types import Column, SqlType, parse_type

ARROW = {
    # SQL type: Arrow type
    "int": pa.int32(),
    "long": pa.int64(),
    "real": pa.float32(),
    "double": pa.float64(),
    "numeric(38, 9)": pa.decimal128(38, 9),
    "numeric(39, 9)": pa.decimal256(39, 9),
    "numeric": pa.decimal128(38, 9),
    "numeric(100, 9)": pa.string(),
    "text": pa.string(),
    "geography": pa.string(),
    "json": pa.string(),
    "vector(3)": pa.string(),
    "array": pa.string(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
    "timestamptz": pa.timestamp("us", tz="UTC"),
    "boolean": pa.bool_(),
    "bytea": pa.binary(),
    "array(array(int null) null)": pa.list_(pa.list_(pa.int32())),
    "struct(a int, `b c` text null)": pa.struct([("a", pa.int32()), ("b c", pa.string())]),
    "array(struct(d numeric(5, 2)))": pa.list_(pa.struct([("d", pa.decimal128(5, 2))])),
}


@pytest.mark.parametrize("kind", ARROW)
def test_each_sql_type_is_an_arrow_type(kind):
    """The type that ArrowStream has for it; what is not known is a string."""
    assert arrow_type(parse_type(kind)) == ARROW[kind]


def test_only_columns_that_may_be_null_are_nullable():
    """Nullability is what the wire says of a column."""
    columns = [Column("a", parse_type("int")), Column("b", parse_type("int null"))]
    assert [field.nullable for field in arrow_schema(columns)] == [False, True]


KINDS = st.recursive(
    st.sampled_from(
        ["integer", "bigint", "real", "double precision", "text", "date", "timestamp"]
    ).map(lambda name: SqlType(name, nullable=True))
    | st.tuples(st.integers(1, 76), st.integers(0, 9)).map(
        lambda size: SqlType("numeric", nullable=True, precision=size[0], scale=size[1])
    ),
    lambda inner: (
        inner.map(lambda item: SqlType("array", nullable=True, item=item))
        | st.lists(st.tuples(st.text(min_size=1), inner), min_size=1, max_size=3).map(
            lambda fields: SqlType("struct", nullable=True, fields=tuple(fields))
        )
    ),
    max_leaves=5,
)


@given(KINDS)
def test_a_type_comes_back_from_arrow(kind):
    """What the engine sent as Arrow has the type that it would have in JSON."""
    assert sql_type(arrow_type(kind), nullable=True) == kind


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (pa.int8(), "integer"),
        (pa.uint32(), "bigint"),
        (pa.float16(), "real"),
        (pa.large_string(), "text"),
        (pa.string_view(), "text"),
        (pa.binary(4), "bytea"),
        (pa.timestamp("ns", tz="Europe/Vienna"), "timestamptz"),
        (pa.date64(), "date"),
        (pa.dictionary(pa.int8(), pa.string()), "text"),
        (pa.large_list(pa.int32()), "array(integer null)"),
        (pa.null(), "text"),
        (pa.duration("s"), "duration[s]"),
    ],
)
def test_other_arrow_types_have_the_nearest_sql_type(kind, name):
    """An engine may send any Arrow type; one without a SQL type keeps its own name."""
    assert str(sql_type(kind)) == name


def test_columns_have_the_names_and_the_nullability_of_the_schema():
    """`description` after ArrowStream says what it says after JSON."""
    schema = pa.schema([pa.field("n", pa.int32(), nullable=False), pa.field("s", pa.string())])
    assert columns_of(schema) == (
        Column("n", SqlType("integer")),
        Column("s", SqlType("text", nullable=True)),
    )
