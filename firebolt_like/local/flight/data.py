"""Rows that a client puts, as a table that one statement can read.

What may live here: the reading of what is put, and the view that stands for it.
"""

from typing import Any, Final

import duckdb
import pyarrow as pa

from firebolt_like.local.flight.calls import Call
from firebolt_like.local.refusal import not_supported
from firebolt_like.local.uploads import UploadFolders, Uploads
from firebolt_like.protocol.sql import Statement

__all__ = ["DATA", "Data", "read_table"]

_VIEW: Final = "flight_data"
_MOST_DIGITS: Final = 38
DATA: Final = f"temp.{_VIEW}"
"""What a statement calls it; its columns are p1, p2 ... where it is a table of parameters."""


def read_table(call: Call, reader: Any) -> pa.Table:
    """Read all that a client puts. Raises `Refusal` when it has hung up before the end."""
    if not reader.schema.names:
        return pa.schema([]).empty_table()
    table = reader.read_all()
    call.check()
    return table.rename_columns([f"p{number}" for number in range(1, table.num_columns + 1)])


def _readable(data: Any) -> Any:
    """Give a table, or a stream, in types that DuckDB reads: it has no half floats."""
    fields = [field.with_type(_readable_type(field.type)) for field in data.schema]
    if [field.type for field in fields] == data.schema.types:
        return data
    schema = pa.schema(fields)
    if isinstance(data, pa.Table):
        return data.cast(schema)
    return pa.RecordBatchReader.from_batches(schema, (batch.cast(schema) for batch in data))


def _readable_type(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_float16(kind):
        return pa.float32()
    if pa.types.is_decimal256(kind) and kind.precision <= _MOST_DIGITS:
        return pa.decimal128(kind.precision, kind.scale)
    return kind


class Data(Uploads):
    """Lets one statement read Arrow data, a table or a stream; see `Uploads`."""

    def __init__(self, data: Any) -> None:
        super().__init__(UploadFolders(None), {})
        self._data = _readable(data)

    def prepare(
        self, cursor: duckdb.DuckDBPyConnection, statement: Statement
    ) -> tuple[Statement, list[str]]:
        """See `Uploads`."""
        try:
            cursor.register(_VIEW, self._data)
        except duckdb.Error as error:
            raise not_supported(f"A column of the rows ({error})") from error
        return statement, [_VIEW]

    def forget(self, cursor: duckdb.DuckDBPyConnection, views: list[str]) -> None:
        """See `Uploads`."""
        for view in views:
            cursor.unregister(view)
