"""Rows that a client puts, as a table that one statement can read.

What may live here: the reading of what is put, and the view that stands for it.
"""

import itertools
from collections.abc import Iterable
from typing import Final

import duckdb
import pyarrow as pa

from firebolt_like.local.flight.calls import Call
from firebolt_like.local.refusal import invalid, not_supported
from firebolt_like.local.uploads import UploadFolders, Uploads
from firebolt_like.protocol.sql import Statement

__all__ = ["DATA", "Data", "numbered_columns", "peek", "read_table"]

_VIEW: Final = "flight_data"
_MOST_DIGITS: Final = 38
DATA: Final = f"temp.{_VIEW}"
"""What a statement calls it; its columns are p1, p2 ... where it is a table of parameters."""


def read_table(call: Call, stream: pa.RecordBatchReader) -> pa.Table:
    """Read all that a client puts.

    Raises `Refusal` when it has hung up before the end, and for more than may be in a request.
    """
    batches: list[pa.RecordBatch] = []
    size, most = 0, call.shared.max_body
    for batch in stream:
        size += batch.nbytes
        batches.append(batch)
        if size > most:
            raise invalid(f"The parameters take more than {most} bytes: put the rows by ingest.")
    call.check()
    return pa.Table.from_batches(batches, stream.schema)


def peek(stream: pa.RecordBatchReader) -> tuple[bool, pa.RecordBatchReader]:
    """Say whether a stream has more than one row, and give the stream anew."""
    head = list(itertools.islice(stream, 2))
    has_more = len(head) > 1 or sum(batch.num_rows for batch in head) > 1
    return has_more, _stream(stream.schema, itertools.chain(head, stream))


def numbered_columns(stream: pa.RecordBatchReader) -> pa.RecordBatchReader:
    """Call the columns p1, p2 ..."""
    schema = pa.schema(
        [field.with_name(f"p{number}") for number, field in enumerate(stream.schema, 1)]
    )
    renamed = (pa.RecordBatch.from_arrays(batch.columns, schema=schema) for batch in stream)
    return _stream(schema, renamed)


def _stream(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> pa.RecordBatchReader:
    return pa.RecordBatchReader.from_batches(schema, batches)


def _readable(stream: pa.RecordBatchReader) -> pa.RecordBatchReader:
    """Give a stream in types that DuckDB reads: it has no half floats."""
    fields = [field.with_type(_readable_type(field.type)) for field in stream.schema]
    if [field.type for field in fields] == stream.schema.types:
        return stream
    schema = pa.schema(fields)
    return _stream(schema, (batch.cast(schema) for batch in stream))


def _readable_type(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_float16(kind):
        return pa.float32()
    if pa.types.is_decimal256(kind) and kind.precision <= _MOST_DIGITS:
        return pa.decimal128(kind.precision, kind.scale)
    return kind


class Data(Uploads):
    """Lets one statement read a stream of Arrow data; see `Uploads`."""

    def __init__(self, stream: pa.RecordBatchReader) -> None:
        super().__init__(UploadFolders(None), {})
        self._stream = _readable(stream)

    def prepare(
        self, cursor: duckdb.DuckDBPyConnection, statement: Statement
    ) -> tuple[Statement, list[str]]:
        """See `Uploads`."""
        try:
            cursor.register(_VIEW, self._stream)
        except duckdb.Error as error:
            raise not_supported(f"A column of the rows ({error})") from error
        return statement, [_VIEW]

    def forget(self, cursor: duckdb.DuckDBPyConnection, views: list[str]) -> None:
        """See `Uploads`."""
        for view in views:
            cursor.unregister(view)
