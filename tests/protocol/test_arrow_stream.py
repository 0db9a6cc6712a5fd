"""ArrowStream: bytes cut anywhere become batches, and nothing is lost in silence."""

import contextlib

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firebolt_like.errors import ServerResponseError
from firebolt_like.protocol.arrow_stream import Decoder, RecordBatch, Started
from firebolt_like.protocol.json_lines import Finished

END = b"\xff\xff\xff\xff\x00\x00\x00\x00"


def encode(*batches: pa.RecordBatch, schema=None, **options) -> bytes:
    sink = pa.BufferOutputStream()
    schema = schema or batches[0].schema
    with pa.ipc.new_stream(sink, schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        for batch in batches:
            writer.write_batch(batch)
    return sink.getvalue().to_pybytes()


def numbers(*values):
    texts = pa.array([str(value) * 5 for value in values], pa.string())
    return pa.record_batch({"n": pa.array(values, pa.int32()), "s": texts})


def words(*values):
    return pa.record_batch({"w": pa.array(values).dictionary_encode()})


STREAMS = {
    "plain": [numbers(1, 2), numbers(), numbers(3)],
    "one": [numbers(*range(1000))],
    "dictionaries": [words("a", "b"), words("c", "a")],
}


def read(*pieces):
    decoder = Decoder()
    events = [event for piece in pieces for event in decoder.feed(piece)]
    return [*events, *decoder.close()]


@pytest.mark.parametrize("compression", [None, "lz4", "zstd"])
@pytest.mark.parametrize("name", STREAMS)
def test_batches_come_back(name, compression):
    """Compressed or not, with dictionaries or without."""
    batches = STREAMS[name]
    started, *rest, finished = read(encode(*batches, compression=compression))
    assert isinstance(started, Started)
    assert started.schema == batches[0].schema
    assert [event.batch.to_pylist() for event in rest] == [batch.to_pylist() for batch in batches]
    assert isinstance(finished, Finished)


@settings(deadline=None)
@given(st.data())
def test_bytes_may_be_cut_anywhere(data):
    """A batch is here as soon as its last byte is, however the bytes come."""
    body = encode(*STREAMS[data.draw(st.sampled_from(sorted(STREAMS)))])
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)))))
    pieces = [body[a:b] for a, b in zip([0, *cuts], [*cuts, len(body)], strict=True)]
    whole, cut = read(body), read(*pieces)
    assert [type(event) for event in cut] == [type(event) for event in whole]
    batches = [event.batch for event in cut if isinstance(event, RecordBatch)]
    assert batches == [event.batch for event in whole if isinstance(event, RecordBatch)]


@settings(deadline=None)
@given(st.data())
def test_a_stream_that_is_cut_is_an_error(data):
    """Wherever a stream breaks off, the rows so far are not taken for all rows."""
    body = encode(*STREAMS[data.draw(st.sampled_from(sorted(STREAMS)))])
    end = data.draw(st.integers(1, len(body) - 1))
    with pytest.raises(ServerResponseError, match="end marker"):
        read(body[:end])


def test_no_bytes_are_no_rows():
    """What an engine answers to a statement without rows."""
    started, finished = read(b"")
    assert (started.columns, type(finished)) == ((), Finished)


def test_a_schema_alone_is_an_empty_result():
    """Columns are known without any row."""
    started, finished = read(encode(schema=numbers().schema))
    assert [column.name for column in started.columns] == ["n", "s"]
    assert isinstance(finished, Finished)


@pytest.mark.parametrize(
    "body",
    [
        b'{"errors": []}',
        b"<html></html>",
        b"\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\xff\xff\xff\xff\x08\x00\x00\x00" + bytes(8),
        b"\xff\xff\xff\xff\x08\x00\x00\x00" + b"\xff" * 8,
        encode(numbers(1)).replace(END, b"") + encode(numbers(1)),
    ],
)
def test_what_is_no_arrow_stream_is_an_error(body):
    """A page of a proxy, broken bytes and a second schema are said to be what they are."""
    with pytest.raises(ServerResponseError):
        read(body)


@settings(deadline=None)
@given(st.data())
def test_broken_bytes_raise_nothing_of_pyarrows(data):
    """Any bytes give an error of ours, or batches."""
    body = bytearray(encode(*STREAMS["plain"]))
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(ServerResponseError):
        read(bytes(body))
