"""JSON_Compact: one JSON document an answer, decoded by the client and encoded by the engine.

What may live here: the document. Its rows are decoded in `json_rows`.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from firebolt_like.errors import ServerResponseError
from firebolt_like.protocol.server_error import read_details, read_query_id, server_error
from firebolt_like.protocol.types import Column, parse_type

__all__ = ["Answer", "WireColumn", "decode", "encode_head", "encode_tail", "statistics"]


class WireColumn(msgspec.Struct):
    """A column as both JSON formats name it."""

    name: str
    type: str


class _Document(msgspec.Struct):
    meta: list[WireColumn] | None = None
    data: msgspec.Raw = msgspec.Raw(b"[]")
    # what is not needed to read rows may have any shape
    statistics: Any = None
    query: Any = None
    errors: Any = None


_decoder = msgspec.json.Decoder(_Document)


class Answer(msgspec.Struct, frozen=True):
    """A decoded document: `data` is still the JSON text of the rows, a list of lists."""

    columns: tuple[Column, ...]
    data: msgspec.Raw
    statistics: dict[str, Any]
    query_id: str | None


def decode(body: bytes) -> Answer:
    """Read a whole body; extra members are ignored, missing ones have defaults.

    Raises `ServerResponseError` for a body that is cut or is not of this format, and the server's
    own error for a body that carries `errors` under status 200.

    >>> decode(b'{"meta": [{"name": "n", "type": "int"}], "data": [[1]]}').columns[0].name
    'n'
    """
    try:
        document = _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ServerResponseError(
            f"The answer ({len(body)} bytes) is cut off or is not JSON_Compact: {error}"
        ) from error
    query_id = read_query_id({"query": document.query})
    details = read_details(document.errors)
    if details:
        raise server_error(400, b"", errors=details, query_id=query_id)
    if document.meta is None:
        raise ServerResponseError("The answer is JSON, but has no 'meta': it is not a result.")
    figures = document.statistics if isinstance(document.statistics, dict) else {}
    return Answer(columns(document.meta), document.data, figures, query_id)


def columns(meta: Sequence[WireColumn]) -> tuple[Column, ...]:
    """Read the columns that either JSON format announces."""
    return tuple(Column(column.name, parse_type(column.type)) for column in meta)


def statistics(elapsed: float, rows: int, size: int) -> dict[str, Any]:
    """Name the figures of an answer exactly as stock clients demand: no key more, no key less."""
    return {
        "elapsed": elapsed,
        "rows_read": rows,
        "bytes_read": size,
        "time_before_execution": 0.0,
        "time_to_execute": elapsed,
        "scanned_bytes_cache": 0,
        "scanned_bytes_storage": 0,
    }


def encode_head(meta: Sequence[Column], *, query_id: str, label: str | None = None) -> bytes:
    """Write a document up to the `[` that opens the rows."""
    query = {"query_id": query_id, "request_id": query_id, "query_label": label}
    wire = [{"name": column.name, "type": column.type.json_compact} for column in meta]
    return b'{"query":%b,"meta":%b,"data":[' % (
        msgspec.json.encode(query),
        msgspec.json.encode(wire),
    )


def encode_tail(rows: int, figures: dict[str, Any]) -> bytes:
    """Write the rest of a document, from the `]` that closes the rows."""
    return b'],"rows":%d,"statistics":%b}\n' % (rows, msgspec.json.encode(figures))
