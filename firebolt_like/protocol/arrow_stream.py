"""ArrowStream: an answer as one Arrow IPC stream, read message by message as its bytes come.

    schema -> (dictionary | record batch) ... -> end of stream

Source: the Arrow columnar format, "IPC Streaming Format" and "Encapsulated message format".

What may live here: where messages begin and end. What is in them, pyarrow reads; it is an optional
package: only functions import it.
"""

import struct
from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from firebolt_like.errors import ServerResponseError
from firebolt_like.protocol import json_lines
from firebolt_like.protocol.arrow_types import columns_of
from firebolt_like.protocol.json_lines import Finished

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Decoder", "RecordBatch", "Started", "read_metadata"]

_CONTINUATION = b"\xff\xff\xff\xff"
_HEAD = 8  # the continuation mark, and the length of the metadata
_SCHEMA, _RECORD_BATCH = 1, 3  # of the union MessageHeader
_HEADER_TYPE, _BODY_LENGTH = 1, 3  # places of fields in the table Message


class Started(json_lines.Started, frozen=True):
    """The stream announced its schema, which is None where no bytes came."""

    schema: Any


class RecordBatch(NamedTuple):
    """Some rows, as columns."""

    batch: "pa.RecordBatch"


class Decoder:
    """Turn the bytes of a stream, cut anywhere, into `Started`, `RecordBatch` and `Finished`.

    Raises `ServerResponseError` for what is not of this format. Call `close` when the bytes end: a
    stream without its end marker is an error, never fewer rows. No bytes at all are the answer to
    a statement that gives no rows.

    >>> import pyarrow as pa
    >>> table, sink = pa.table({"n": [1, 2]}), pa.BufferOutputStream()
    >>> with pa.ipc.new_stream(sink, table.schema) as writer:
    ...     writer.write_table(table)
    >>> body, decoder = sink.getvalue().to_pybytes(), Decoder()
    >>> pieces = body[:9], body[9:]
    >>> [type(event).__name__ for piece in pieces for event in decoder.feed(piece)]
    ['Started', 'RecordBatch', 'Finished']
    """

    def __init__(self) -> None:
        self._pieces = _Pieces()
        self._message: list[bytes] = []  # head, metadata, body: as many as have come
        self._wanted = _HEAD
        self._kind = 0
        self._pipe = _Pipe()
        self._reader: Any = None
        self.finished = False

    def feed(self, chunk: bytes) -> Iterator[Started | RecordBatch | Finished]:
        """Take the next bytes; give what they complete."""
        self._pieces.add(chunk)
        while not self.finished and (part := self._pieces.take(self._wanted)) is not None:
            self._message.append(part)
            yield from self._step(part)

    def close(self) -> Iterator[Started | RecordBatch | Finished]:
        """Say that the bytes have ended."""
        if self._reader is None and not self._message and not self._pieces.size:
            self.finished = True
            yield Started((), None, None)
            yield Finished({})
        if not self.finished:
            raise ServerResponseError(
                "The stream ended before its end marker: the rows so far are not the whole result."
            )

    def _step(self, part: bytes) -> Iterator[Started | RecordBatch | Finished]:
        if len(self._message) == 1:
            self._wanted = _metadata_length(part)
            if not self._wanted:
                self.finished = True
                yield Finished({})
        elif len(self._message) == 2:
            self._kind, self._wanted = read_metadata(part)
        else:
            self._pipe.parts.extend(self._message)
            self._message, self._wanted = [], _HEAD
            yield from self._read(self._kind)

    def _read(self, kind: int) -> Iterator[Started | RecordBatch]:
        """Let pyarrow read the messages that are here: it waits for none, as all of it is here."""
        import pyarrow as pa  # noqa: PLC0415  # optional

        if (kind == _SCHEMA) != (self._reader is None):
            raise ServerResponseError("The Arrow stream has a message out of place.")
        try:
            if kind == _SCHEMA:
                self._reader = pa.ipc.open_stream(pa.PythonFile(self._pipe, mode="r"))
                schema = self._reader.schema
                yield Started(columns_of(schema), None, schema)
            elif kind == _RECORD_BATCH:
                batch = self._reader.read_next_batch()
                batch.validate()
                yield RecordBatch(batch)
        except (pa.ArrowException, OSError, ValueError) as error:
            raise ServerResponseError(f"The Arrow stream is broken: {error}") from error


def _metadata_length(head: bytes) -> int:
    mark, length = struct.unpack("<4si", head)
    if mark != _CONTINUATION or length < 0:
        raise ServerResponseError(f"The answer is not an Arrow stream: it begins with {head!r}.")
    return int(length)


def read_metadata(metadata: bytes | memoryview) -> tuple[int, int]:
    """Read a message's kind and the length of its body from its flatbuffer.

    Raises `ServerResponseError` for what is none.
    """
    try:
        (root,) = struct.unpack_from("<I", metadata)
        (back,) = struct.unpack_from("<i", metadata, root)
        (size,) = struct.unpack_from("<H", metadata, root - back)
        slots = struct.unpack_from(f"<{size // 2}H", metadata, root - back)[2:]
        (kind,) = struct.unpack_from("<B", metadata, root + slots[_HEADER_TYPE])
        length = 0  # a field that has its default is left out
        if len(slots) > _BODY_LENGTH and slots[_BODY_LENGTH]:
            (length,) = struct.unpack_from("<q", metadata, root + slots[_BODY_LENGTH])
    except (struct.error, IndexError) as error:
        raise ServerResponseError(f"The Arrow stream is broken: {error}") from error
    if length < 0:
        raise ServerResponseError("The Arrow stream is broken: a message has a negative length.")
    return kind, length


class _Pieces:
    """Bytes as they came, handed out in the lengths that are asked for; each is copied once."""

    def __init__(self) -> None:
        self._pieces: deque[memoryview] = deque()
        self.size = 0

    def add(self, piece: bytes) -> None:
        """Take the next bytes."""
        self._pieces.append(memoryview(piece))
        self.size += len(piece)

    def take(self, length: int) -> bytes | None:
        """Give so many bytes, None while they are not here."""
        if self.size < length:
            return None
        self.size -= length
        taken: list[memoryview] = []
        while length:
            piece = self._pieces.popleft()
            taken.append(piece[:length])
            if len(piece) > length:
                self._pieces.appendleft(piece[length:])
            length -= len(taken[-1])
        return b"".join(taken)


class _Pipe:
    """A file that holds whole messages for pyarrow's reader."""

    closed = False

    def __init__(self) -> None:
        self.parts: deque[bytes] = deque()

    def read(self, length: int) -> bytes:
        """Give the next bytes; a reader asks for no more than a part holds."""
        while self.parts and not self.parts[0]:
            self.parts.popleft()
        if not self.parts:
            return b""
        part = self.parts.popleft()
        if len(part) > length:
            self.parts.appendleft(part[length:])
        return part[:length]
