"""Arrow data becomes what engines read, without a change of value."""

import datetime
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebolt_like.errors import DataError
from firebolt_like.protocol.arrow_ingest import (
    convert,
    data_columns,
    from_values,
    parquet,
    stream_pieces,
    stream_size,
    to_rows,
)
from firebolt_like.protocol.table_ddl import sent_columns
from firebolt_like.protocol.types import Column, parse_type

VALUES = st.lists(st.none() | st.integers(-(2**31), 2**31 - 1), max_size=30)
TEXTS = st.lists(st.none() | st.text(st.characters(exclude_categories=["Cs"])), max_size=30)
BATCHES = st.lists(
    st.tuples(VALUES, TEXTS).map(
        lambda pair: pa.record_batch(
            [
                pa.array(pair[0][: min(map(len, pair))], pa.int64()),
                pa.array(pair[1][: min(map(len, pair))], pa.string()),
            ],
            ["n", "t"],
        )
    ),
    min_size=1,
    max_size=4,
)


@given(BATCHES, st.integers(0, 3))
def test_streams_are_as_long_as_announced_and_read_back(batches, start):
    """Batches that are slices of others, too."""
    batches = [batch.slice(min(start, batch.num_rows)) for batch in batches]
    stream = b"".join(stream_pieces(batches))
    assert len(stream) == stream_size(batches)
    assert pa.ipc.open_stream(stream).read_all() == pa.Table.from_batches(batches)
    assert pa.parquet.read_table(pa.BufferReader(parquet(batches))) == pa.Table.from_batches(
        batches
    )


INTEGERS = st.sampled_from([pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint64()])


@given(INTEGERS.flatmap(lambda kind: st.tuples(st.just(kind), st.lists(st.integers(0, 127)))))
def test_integers_of_all_sizes_are_kept(drawn):
    """As themselves, and in each type that holds them."""
    kind, values = drawn
    batch = pa.record_batch([pa.array(values, kind)], ["n"])
    for target in ("int", "bigint", "numeric(38, 30)", "numeric(5, 1)", "double"):
        columns = sent_columns(data_columns(batch.schema), [Column("n", parse_type(target))])
        assert [value for (value,) in to_rows(convert(batch, columns))] == values


@pytest.mark.parametrize(
    "array",
    [
        pa.array(["a", None]).dictionary_encode(),
        pa.array(["a", None]).cast(pa.string_view()),
        pa.DictionaryArray.from_arrays([0, None], pa.array(["a"]).cast(pa.string_view())),
        pa.array([b"a", None]).cast(pa.binary_view()),
        pa.array([[1], None], pa.list_view(pa.int64())),
        pa.array([[1, 2], None], pa.list_(pa.int64(), 2)),
        pa.array([["a"], None], pa.large_list(pa.large_string())),
        pa.array([["a"], None], pa.list_(pa.dictionary(pa.int8(), pa.string()))),
        pa.array([{"a": "x"}], pa.struct([("a", pa.string_view())])),
        pa.compute.run_end_encode(pa.array([1, 1, 2])),
        pa.array(["{}", None], pa.json_()),
        pa.array([1.5, None], pa.float16()),
        pa.array([datetime.date(2024, 1, 31)], pa.date64()),
        pa.array([Decimal("1.5")], pa.decimal256(20, 2)),
    ],
    ids=lambda array: str(array.type),
)
def test_other_forms_become_the_plain_one(array):
    """Values are what they were, in types that any engine reads."""
    batch = pa.record_batch([array], ["v"])
    sent = convert(batch, data_columns(batch.schema))
    assert [value for (value,) in to_rows(sent)] == array.to_pylist()
    assert str(sent.schema.field("v").type) in {
        "string", "binary", "list<item: int64>", "list<item: string>", "struct<a: string>",
        "int64", "float", "date32[day]", "decimal128(20, 2)",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("array", "target"),
    [
        (pa.array([2**63], pa.uint64()), "bigint"),
        (pa.array([2**31]), "int"),
        (pa.array([1000]), "numeric(3, 1)"),
        (pa.array([Decimal("1.55")]), "numeric(5, 1)"),
        (pa.array([Decimal("1.5")]), "int"),
        (pa.array([1], pa.timestamp("ns")), "timestamp"),
        (pa.array([2**53 + 1]), "double"),
        (pa.array([2**62], pa.timestamp("s")), "timestamp"),
    ],
)
def test_a_value_that_would_change_names_its_column(array, target):
    """Instead of changing."""
    batch = pa.record_batch([array], ["the column"])
    columns = sent_columns(data_columns(batch.schema), [Column("c", parse_type(target))])
    with pytest.raises(DataError, match="Column 'the column' cannot be sent as"):
        convert(batch, columns)


@pytest.mark.parametrize(
    "array",
    [
        pa.array(["a", "b\0"]),
        pa.array(["b\0"]).dictionary_encode(),
        pa.array([["a", None], None, ["\0"]]),
        pa.array([{"t": None}, {"t": ["\0"]}]),
    ],
    ids=lambda array: str(array.type),
)
def test_text_that_engines_cannot_store_names_its_column(array):
    """Wherever it is; what a slice leaves out is not looked at."""
    batch = pa.record_batch([array], ["the column"])
    columns = data_columns(batch.schema)
    with pytest.raises(DataError, match="'the column': text with a NUL"):
        convert(batch, columns)
    assert convert(batch.slice(0, len(array) - 1), columns).num_rows == len(array) - 1


def test_values_beyond_python_and_beyond_their_type():
    """Both are refused by the column's name."""
    far = pa.record_batch([pa.array([2**60], pa.timestamp("us"))], ["far"])
    with pytest.raises(DataError, match="'far'"):
        to_rows(far)
    with pytest.raises(DataError, match="Column 'n' is int32"):
        from_values([[2**31]], [Column("n", parse_type("int"))])
