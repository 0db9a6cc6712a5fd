"""Record batches in the messages of Flight: out and in again, and what is no such message."""

import contextlib

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebolt_like.errors import DataError, ServerResponseError
from firebolt_like.flight.framing import Decoder, encode_stream, read_schema, with_schema
from firebolt_like.protocol.flight import DescriptorType, FlightData, FlightDescriptor
from firebolt_like.protocol.protobuf import decode, encode

DESCRIPTOR = FlightDescriptor(DescriptorType.CMD, b"select 1")
WORDS = st.lists(st.none() | st.text(), min_size=1, max_size=8)
COLUMNS = st.fixed_dictionaries(
    {
        "text": WORDS.map(lambda v: pa.array(v, pa.string())),
        "dictionary": WORDS.map(lambda v: pa.array(v, pa.string()).dictionary_encode()),
        "number": st.lists(
            st.none() | st.integers(-(2**31), 2**31 - 1), min_size=1, max_size=8
        ).map(lambda v: pa.array(v, pa.int32())),
        "list": WORDS.map(lambda v: pa.array([v], pa.list_(pa.string()))),
        "decimal": st.just(pa.array([None], pa.decimal128(38, 3))),
    }
)


def read(messages):
    decoder = Decoder()
    chunks = [decoder.feed(message) for message in messages]
    return decoder.schema, [chunk.batch for chunk in chunks if chunk is not None]


@given(st.lists(COLUMNS, max_size=4))
def test_batches_survive(columns):
    """What is encoded is decoded: columns of any type, dictionaries that change, no batches."""
    batches = []
    for each in columns:
        size = min(len(column) for column in each.values())
        batches.append(
            pa.record_batch({name: c.slice(0, size) for name, c in sorted(each.items())})
        )
    schema = batches[0].schema if batches else pa.schema([("n", pa.int8())])
    found, decoded = read(list(encode_stream(DESCRIPTOR, schema, batches)))
    assert found == schema
    assert [b.to_pylist() for b in decoded] == [b.to_pylist() for b in batches]
    for batch in decoded:
        batch.validate(full=True)


def test_the_first_message_says_what_is_put():
    """The descriptor goes with the schema, and with nothing after it."""
    batch = pa.record_batch({"n": [1]})
    first, second = (
        decode(FlightData, m) for m in encode_stream(DESCRIPTOR, batch.schema, [batch])
    )
    assert first.flight_descriptor == DESCRIPTOR
    assert second.flight_descriptor is None


@given(st.integers(0, 64))
def test_buffers_are_aligned(size):
    """Buffers begin where Arrow wants them, wherever they were in a message."""
    batch = pa.record_batch({"n": pa.array([1.5, None], pa.float64())})
    messages = [
        encode(
            FlightData(data_header=m.data_header, app_metadata=b"x" * size, data_body=m.data_body)
        )
        for m in (decode(FlightData, m) for m in encode_stream(DESCRIPTOR, batch.schema, [batch]))
    ]
    _, [found] = read(messages)
    assert all(b is None or b.address % 8 == 0 for b in found.column(0).buffers())
    assert found == batch


@given(st.lists(st.binary(), max_size=4), st.booleans())
def test_bytes_that_are_no_stream(messages, schema_first):
    """Bytes from anywhere are an error of ours, or nothing."""
    decoder = Decoder()
    if schema_first:
        decoder.feed(next(encode_stream(DESCRIPTOR, pa.schema([("n", pa.int8())]), [])))
    with contextlib.suppress(ServerResponseError):
        for message in messages:
            chunk = decoder.feed(message)
            assert chunk is None or chunk.batch is None


@given(data=st.data())
def test_headers_that_are_broken(data):
    """A message whose metadata or body is cut or changed is an error of ours, or other rows."""
    batch = pa.record_batch({"n": [1, 2, 3]})
    first, second = encode_stream(DESCRIPTOR, batch.schema, [batch])
    message = decode(FlightData, second)
    header = bytearray(message.data_header)
    header[data.draw(st.integers(0, len(header) - 1))] ^= data.draw(st.integers(1, 255))
    body = bytes(message.data_body)[: data.draw(st.integers(0, 64))]
    decoder = Decoder()
    decoder.feed(first)
    with contextlib.suppress(ServerResponseError):
        decoder.feed(encode(FlightData(data_header=bytes(header), data_body=body)))


def test_a_batch_before_its_schema():
    """Rows without columns are an error."""
    batch = pa.record_batch({"n": [1]})
    _, second = encode_stream(DESCRIPTOR, batch.schema, [batch])
    with pytest.raises(ServerResponseError, match="out of place"):
        Decoder().feed(second)


def test_batches_of_other_columns():
    """A stream has one schema: what differs by more than nullability is refused."""
    batch = pa.record_batch({"n": [1]})
    nullable = pa.schema([pa.field("n", pa.int64(), nullable=False)])
    assert with_schema(batch, nullable).schema == nullable
    for other in (pa.schema([("m", pa.int64())]), pa.schema([("n", pa.int32())])):
        with pytest.raises(DataError):
            with_schema(batch, other)


def test_a_schema_alone():
    """A schema is read from its bytes; none is none, and anything else an error."""
    schema = pa.schema([("n", pa.int8())])
    assert read_schema(schema.serialize().to_pybytes()) == schema
    assert read_schema(b"") is None
    with pytest.raises(ServerResponseError):
        read_schema(b"not a schema")
