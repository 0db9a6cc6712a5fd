"""Record batches in and out of the messages that Flight sends them in.

A message is one of Arrow IPC, cut into its metadata (`data_header`) and its body. Reading puts it
together again for pyarrow's own stream reader, which knows dictionaries and compression.

Source: the Arrow columnar format, "Encapsulated message format"; "Arrow Flight RPC".

What may live here: messages and batches; nothing that waits.
"""

import struct
from collections import deque
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from firebolt_like.errors import DataError, ServerResponseError
from firebolt_like.flight.transport import Chunk
from firebolt_like.protocol.arrow_stream import read_metadata
from firebolt_like.protocol.flight import FlightData, FlightDescriptor
from firebolt_like.protocol.protobuf import decode, encode

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Decoder", "encode_stream", "read_schema", "with_schema"]

_SCHEMA, _RECORD_BATCH = 1, 3  # of the union MessageHeader
_PREFIX = struct.Struct("<4si")
_CONTINUATION = b"\xff\xff\xff\xff"
_ALIGNMENT = 8  # bytes, of metadata and of buffers


class Decoder:
    """Turn the messages of a stream into its schema and its chunks.

    Raises `ServerResponseError` for what is not of this format.
    """

    def __init__(self) -> None:
        self.schema: pa.Schema | None = None
        self._pipe = _Pipe()
        self._reader: Any = None

    def feed(self, message: bytes) -> Chunk | None:
        """Take a message; give what it completes, None for a schema or a dictionary."""
        import pyarrow as pa  # noqa: PLC0415  # optional

        data = decode(FlightData, message)
        if not data.data_header:
            return Chunk(None, data.app_metadata) if data.app_metadata else None
        kind, _ = read_metadata(data.data_header)
        self._pipe.put(data.data_header, data.data_body)
        try:
            if kind == _SCHEMA and self._reader is None:
                self._reader = pa.ipc.open_stream(pa.PythonFile(self._pipe, mode="r"))
                self.schema = self._reader.schema
                return None
            if self._reader is None or kind == _SCHEMA:
                raise ServerResponseError("The Flight stream has a message out of place.")
            if kind == _RECORD_BATCH:
                return Chunk(self._reader.read_next_batch(), data.app_metadata)
        except (pa.ArrowException, OSError, ValueError, StopIteration) as error:
            raise ServerResponseError(f"The Flight stream is broken: {error}") from error
        return None


class _Pipe:
    """A file that holds whole messages for pyarrow's reader, part by part as it asks for them."""

    closed = False

    def __init__(self) -> None:
        self._parts: deque[bytes | memoryview] = deque()

    def put(self, header: bytes | memoryview, body: bytes | memoryview) -> None:
        padding = bytes(-len(header) % _ALIGNMENT)
        prefix = _PREFIX.pack(_CONTINUATION, len(header) + len(padding))
        metadata = bytes(header) + padding
        # a copy of a body begins where an object of C may, which a slice of a message need not;
        # buffers of Arrow are read in place, and must not begin elsewhere
        self._parts += prefix[:4], prefix[4:], metadata, bytes(body)

    def read(self, length: int) -> bytes | memoryview:
        while self._parts and not self._parts[0]:
            self._parts.popleft()
        if not self._parts:
            return b""
        part = self._parts.popleft()
        if len(part) > length:
            self._parts.appendleft(memoryview(part)[length:])
            part = memoryview(part)[:length]
        return part


def encode_stream(
    descriptor: FlightDescriptor, schema: "pa.Schema", batches: Iterable["pa.RecordBatch"]
) -> Iterator[bytes]:
    """Write the messages that put rows; the first carries the descriptor and the schema."""
    (first, *_) = _messages(schema, None)
    yield encode(FlightData(descriptor, *first))
    for batch in batches:
        _, *rest = _messages(schema, with_schema(batch, schema))
        for header, body in rest:
            yield encode(FlightData(None, header, data_body=body))


def with_schema(batch: "pa.RecordBatch", schema: "pa.Schema") -> "pa.RecordBatch":
    """Give a batch whose columns may be nullable or described otherwise than a stream has them.

    Raises `DataError` for columns of other names or types.
    """
    import pyarrow as pa  # noqa: PLC0415  # optional

    own = batch.schema
    if own is schema or own.equals(schema):
        return batch
    if own.names != schema.names or own.types != schema.types:
        raise DataError("The batches of a stream have different columns.")
    return pa.RecordBatch.from_arrays(batch.columns, schema=schema)


def _messages(schema: "pa.Schema", batch: "pa.RecordBatch | None") -> list[tuple[Any, Any]]:
    import pyarrow as pa  # noqa: PLC0415  # optional

    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        if batch is not None:
            writer.write_batch(batch)
    reader = pa.ipc.MessageReader.open_stream(sink.getvalue())
    return [(memoryview(m.metadata), memoryview(m.body or b"")) for m in reader]


def read_schema(data: bytes) -> "pa.Schema | None":
    """Read a schema in the form of Arrow IPC; None for no schema.

    Raises `ServerResponseError` for what is none.
    """
    import pyarrow as pa  # noqa: PLC0415  # optional

    if not data:
        return None
    try:
        return pa.ipc.read_schema(pa.py_buffer(data))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise ServerResponseError(f"The schema of an answer is broken: {error}") from error
