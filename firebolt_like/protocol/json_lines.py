"""JSONLines_Compact: a stream of messages, one JSON object a line.

    START (columns) -> DATA (rows) ... -> FINISH_SUCCESSFULLY | FINISH_WITH_ERRORS

What may live here: the messages, their encoding, and the decoder that is fed bytes as they come.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from firebolt_like.errors import ServerResponseError
from firebolt_like.protocol.json_compact import WireColumn, columns
from firebolt_like.protocol.server_error import (
    ErrorDetail,
    read_details,
    read_query_id,
    server_error,
)
from firebolt_like.protocol.types import Column

__all__ = [
    "Decoder",
    "Finished",
    "Rows",
    "Started",
    "encode_data",
    "encode_error",
    "encode_finish",
    "encode_start",
]


class Started(msgspec.Struct, frozen=True):
    """The stream announced its columns."""

    columns: tuple[Column, ...]
    query_id: str | None


class Rows(msgspec.Struct, frozen=True):
    """A batch of rows, still as the JSON text of a list of lists."""

    data: msgspec.Raw


class Finished(msgspec.Struct, frozen=True):
    """The stream is complete."""

    statistics: dict[str, Any]


class _Message(msgspec.Struct):
    message_type: str = ""
    result_columns: list[WireColumn] | None = None
    data: msgspec.Raw = msgspec.Raw(b"[]")
    # what is not needed to read rows may have any shape
    errors: Any = None
    statistics: Any = None
    query_id: Any = None


_message_decoder = msgspec.json.Decoder(_Message)


class Decoder:
    r"""Turn the bytes of a stream, cut anywhere, into `Started`, `Rows` and `Finished`.

    Raises `ServerResponseError` for what is not of this format, and the server's own error for
    FINISH_WITH_ERRORS. Call `close` when the bytes end: a stream without its end marker is an
    error, never fewer rows.

    >>> decoder = Decoder()
    >>> line = b'{"message_type": "START", "result_columns": [{"name": "n", "type": "int"}]}\n'
    >>> list(decoder.feed(line[:20]))
    []
    >>> [type(event).__name__ for event in decoder.feed(line[20:])]
    ['Started']
    """

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._query_id: str | None = None
        self._started = False
        self.finished = False

    def feed(self, chunk: bytes) -> Iterator[Started | Rows | Finished]:
        """Take the next bytes; give the messages that they complete."""
        start = 0
        while (end := chunk.find(b"\n", start)) >= 0:
            line = chunk[start:end]
            if self._parts:
                line = b"".join((*self._parts, line))
                self._parts.clear()
            start = end + 1
            yield from self._message(line)
        if start < len(chunk):
            self._parts.append(chunk[start:])

    def close(self) -> Iterator[Started | Rows | Finished]:
        """Say that the bytes have ended; give what the last line held, if it had no newline."""
        line = b"".join(self._parts)
        self._parts.clear()
        yield from self._message(line)
        if not self.finished:
            raise ServerResponseError(
                "The stream ended before its end marker: the rows so far are not the whole result.",
                query_id=self._query_id,
            )

    def _message(self, line: bytes) -> Iterator[Started | Rows | Finished]:
        if not line.strip():
            return
        message = self._decode(line)
        kind, started = message.message_type, self._started
        query_id = read_query_id({"query_id": message.query_id}) or self._query_id
        details = read_details(message.errors)
        if details or kind in ("FINISH_WITH_ERRORS", "ERROR"):
            raise server_error(400, line, errors=details, query_id=query_id)
        if kind == "START" and not started:
            self._started, self._query_id = True, query_id
            yield Started(columns(message.result_columns or ()), query_id)
        elif kind == "DATA" and started and not self.finished:
            yield Rows(message.data)
        elif kind == "FINISH_SUCCESSFULLY" and started and not self.finished:
            self.finished = True
            yield Finished(message.statistics if isinstance(message.statistics, dict) else {})
        else:
            raise ServerResponseError(
                f"The stream has a {kind[:40]!r} message out of place.", query_id=query_id
            )

    def _decode(self, line: bytes) -> _Message:
        try:
            return _message_decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise ServerResponseError(
                f"A line of the stream ({len(line)} bytes) is cut off or is not "
                f"JSONLines_Compact: {error}",
                query_id=self._query_id,
            ) from error


def encode_start(meta: Sequence[Column], *, query_id: str, label: str | None = None) -> bytes:
    """Write the START line."""
    wire = [{"name": column.name, "type": column.type.json_lines} for column in meta]
    return _line({"message_type": "START", "result_columns": wire, **_ids(query_id, label)})


def encode_data(rows: bytes) -> bytes:
    """Write a DATA line around the JSON texts of rows, joined by commas."""
    return b'{"message_type":"DATA","data":[%b]}\n' % rows


def encode_finish(figures: dict[str, Any]) -> bytes:
    """Write the FINISH_SUCCESSFULLY line."""
    return _line({"message_type": "FINISH_SUCCESSFULLY", "statistics": figures})


def encode_error(
    errors: Sequence[ErrorDetail],
    figures: dict[str, Any],
    *,
    query_id: str,
    label: str | None = None,
) -> bytes:
    """Write the FINISH_WITH_ERRORS line."""
    message = {"message_type": "FINISH_WITH_ERRORS", "errors": errors, "statistics": figures}
    return _line(message | _ids(query_id, label))


def _ids(query_id: str, label: str | None) -> dict[str, Any]:
    return {"query_id": query_id, "request_id": query_id, "query_label": label}


def _line(message: dict[str, Any]) -> bytes:
    return msgspec.json.encode(message) + b"\n"
