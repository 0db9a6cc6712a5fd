"""Rows as messages of an Arrow IPC stream: the schema before the first rows, then record batches.

What may live here: the types that columns get, and the reading of DuckDB's batches. pyarrow is slow
to import, and most servers never need it: functions import it.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

import duckdb

from firebolt_like.local.batches import BATCH_SIZE, Batch
from firebolt_like.local.types import duckdb_name, sql_type
from firebolt_like.protocol.types import Column

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["END", "ArrowBatches", "empty_schema"]

END = b"\xff\xff\xff\xff\0\0\0\0"
"""What ends a stream. Source: Arrow columnar format, "IPC Streaming Format"."""

_ROWS = 1024  # at once: fewer take more time, more are much memory where they are long


def empty_schema() -> bytes:
    """Write the first message of a stream without columns."""
    import pyarrow as pa  # noqa: PLC0415  # see above

    return _bytes(pa.schema([]))


def _bytes(part: Any) -> bytes:
    message: bytes = part.serialize().to_pybytes()
    return message


class ArrowBatches:
    """The rows of ArrowStream; see `RowEncoder`.

    Each value has the Arrow type of its column's type in the protocol: what the protocol has no
    type for (UUID, TIME, MAP ...) is text, as in the JSON formats.
    """

    def select(self, types: Sequence[Any], source: str) -> str:
        """See `RowEncoder`."""
        names = [f"c{number}" for number in range(len(types))]
        values = ", ".join(
            f"{name}::{duckdb_name(sql_type(kind))}"
            for kind, name in zip(types, names, strict=True)
        )
        return f"SELECT {values} FROM {source} AS t({', '.join(names)})"  # noqa: S608  # no user's name is in it

    def batches(
        self,
        cursor: duckdb.DuckDBPyConnection,
        sql: str,
        columns: Sequence[Column],
        check: Callable[[], None],
    ) -> Iterator[Batch]:
        """See `RowEncoder`."""
        import pyarrow as pa  # noqa: PLC0415  # see above

        reader = cursor.sql(sql).to_arrow_reader(_ROWS)
        fields = [
            pa.field(column.name, _in_utc(kind), column.type.nullable)
            for column, kind in zip(columns, reader.schema.types, strict=True)
        ]
        return _cut(reader, pa.schema(fields), check)


def _cut(
    reader: "pa.RecordBatchReader", schema: "pa.Schema", check: Callable[[], None]
) -> Iterator[Batch]:
    head, last = _bytes(schema), False
    pieces = chain.from_iterable(map(_shorten, reader))
    while not last:
        parts: list[pa.RecordBatch] = []
        size = 0
        while size < BATCH_SIZE and not last:
            check()
            part = next(pieces, None)
            last = part is None
            if part is not None:
                parts.append(part)
                size += part.nbytes
        count = sum(part.num_rows for part in parts)
        yield Batch(head + _encode(parts, schema), count, last)
        head = b""


def _shorten(part: "pa.RecordBatch") -> Iterator["pa.RecordBatch"]:
    """Cut a record batch of long rows."""
    step = max(1, BATCH_SIZE * part.num_rows // max(1, part.nbytes))
    for start in range(0, part.num_rows, step):
        yield part.slice(start, step)


def _encode(parts: "list[pa.RecordBatch]", schema: "pa.Schema") -> bytes:
    import pyarrow as pa  # noqa: PLC0415  # see above

    if not parts:
        return b""
    whole = parts[0] if len(parts) == 1 else pa.concat_batches(parts)
    renamed = pa.RecordBatch.from_arrays(whole.columns, names=schema.names)
    return _bytes(renamed.cast(schema))


def _in_utc(kind: "pa.DataType") -> "pa.DataType":
    """Give the type in which instants, which DuckDB gives in the session's zone, are in UTC."""
    import pyarrow as pa  # noqa: PLC0415  # see above

    if pa.types.is_timestamp(kind) and kind.tz is not None:
        return pa.timestamp(kind.unit, "UTC")
    if pa.types.is_list(kind):
        return pa.list_(_in_utc(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([(field.name, _in_utc(field.type)) for field in kind])
    return kind
