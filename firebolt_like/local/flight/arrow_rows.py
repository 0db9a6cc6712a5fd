"""Rows as Arrow record batches: the schema that is known before a query runs, and its rows.

What may live here: the `RowEncoder` of Flight. Where the others give bytes, its batches hold Arrow
data, which Flight writes by itself.
"""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import duckdb
import pyarrow as pa

from firebolt_like.local.batches import Batch
from firebolt_like.local.flight.wire_types import WireType, wire_type
from firebolt_like.protocol.types import Column

__all__ = ["NO_COLUMNS", "ArrowBatch", "ArrowRows", "rows_of"]

NO_COLUMNS = pa.schema([])
_ROWS = 8192  # of a batch: few enough that the first one comes early
_SIZE = 4_000_000  # bytes, about, that are read in one go


@dataclasses.dataclass(frozen=True, slots=True)
class ArrowBatch(Batch):
    """Some rows."""

    parts: tuple[pa.RecordBatch, ...] = ()


def rows_of(batch: Batch) -> tuple[pa.RecordBatch, ...]:
    """Give the record batches; none of a statement without a result set."""
    return batch.parts if isinstance(batch, ArrowBatch) else ()


class ArrowRows:
    """The rows of one statement; see `RowEncoder`.

    With `only_schema`, a query is bound and not run; whatever else gives rows does run, because
    that is the only way to know them. `ran` says so, and `schema` is known once there are batches.
    """

    def __init__(self, *, only_schema: bool = False) -> None:
        self.schema = NO_COLUMNS
        self.ran = True
        self._only_schema = only_schema
        self._types: list[WireType] = []

    def select(self, types: Sequence[Any], source: str) -> str:
        """See `RowEncoder`."""
        self._types = [wire_type(kind) for kind in types]
        names = [f"c{number}" for number in range(len(types))]
        values = ", ".join(
            name if wire.sql is None else f"{name}::{wire.sql} AS {name}"
            for name, wire in zip(names, self._types, strict=True)
        )
        self.ran = not (self._only_schema and source.startswith("("))  # others are rows already
        return f"SELECT {values} FROM {source} AS t({', '.join(names)})"  # noqa: S608  # no user's name is in it

    def batches(
        self,
        cursor: duckdb.DuckDBPyConnection,
        sql: str,
        columns: Sequence[Column],
        check: Callable[[], None],
    ) -> Iterator[Batch]:
        """See `RowEncoder`."""
        self.schema = pa.schema(
            [
                pa.field(column.name, wire.arrow, column.type.nullable)
                for column, wire in zip(columns, self._types, strict=True)
            ]
        )
        if not self.ran:
            return iter([ArrowBatch(b"", 0, last=True)])
        return _read(cursor.sql(sql).to_arrow_reader(_ROWS), self.schema, check)


def _read(
    reader: pa.RecordBatchReader, schema: pa.Schema, check: Callable[[], None]
) -> Iterator[Batch]:
    """Read one batch alone, so that it is on its way early, and then several at once."""
    most, last = 1, False
    same = reader.schema.types == schema.types
    while not last:
        parts: list[pa.RecordBatch] = []
        size = 0
        # a short batch is the last one: to see the end with it saves a turn
        while not last and (size < most or parts[-1].num_rows < _ROWS):
            check()
            part = next(reader, None)
            last = part is None
            if part is not None:
                parts.append(_renamed(part, schema, same=same))
                size += part.nbytes
        yield ArrowBatch(b"", sum(part.num_rows for part in parts), last, tuple(parts))
        most = _SIZE


def _renamed(part: pa.RecordBatch, schema: pa.Schema, *, same: bool) -> pa.RecordBatch:
    columns = part.columns
    if not same:
        columns = [column.cast(kind) for column, kind in zip(columns, schema.types, strict=True)]
    return pa.RecordBatch.from_arrays(columns, schema=schema)
