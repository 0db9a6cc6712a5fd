"""The rows of a result that were not given yet, as tuples or as Arrow.

What may live here: the buffer of a cursor, and the way from Arrow's columns to Python's values.
"""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from firebolt_like.errors import DataError
from firebolt_like.flight.rows import FlightResult
from firebolt_like.protocol.arrow_rows import decode_column

__all__ = ["Rows"]

_PIECE = 8192  # rows that become tuples at once, where not all are wanted

Tuples = list[tuple[Any, ...]]


class Rows:
    """What is left of a result. It is read as far as rows are asked for.

    `here` are the rows that are read and not given.
    """

    def __init__(self, result: FlightResult) -> None:
        self._result = result
        self._batch: pa.RecordBatch = pa.RecordBatch.from_pylist([], result.schema)
        self._tuples: Tuples = []  # what `_batch` begins with, once it is asked for so
        self._at = 0
        self._seen = 0
        self._ended = False

    @property
    def schema(self) -> pa.Schema:
        """The columns."""
        return self._result.schema

    @property
    def here(self) -> pa.Table:
        """The rows that are read and not given."""
        return pa.Table.from_batches([self._batch.slice(self._at)])

    @property
    def count(self) -> int:
        """The number of all rows: as the server said, or as they were read, -1 until then."""
        if self._result.total_records >= 0:
            return self._result.total_records
        return self._seen if self._ended else -1

    def tuples(self, most: int) -> Tuples:
        """Give the next rows, at most so many."""
        found: Tuples = []
        while len(found) < most and self._more():
            if self._at >= len(self._tuples):
                self._batch, self._at = self._batch.slice(self._at), 0
                self._tuples = _tuples(self._batch.slice(0, _PIECE))
            part = self._tuples[self._at : self._at + most - len(found)]
            self._at += len(part)
            found.extend(part)
        return found

    def all_tuples(self) -> Tuples:
        """Give all rows that are left."""
        found: Tuples = []
        for batch in self._batches():
            found.extend(_tuples(batch))
        return found

    def table(self, most: int | None = None) -> pa.Table:
        """Give the next rows, at most so many, or all that are left."""
        batches: list[pa.RecordBatch] = []
        while most is None or most > 0:
            if not self._more():
                break
            batch = self._batch.slice(self._at, most)
            self._at += batch.num_rows
            batches.append(batch)
            most = None if most is None else most - batch.num_rows
        return pa.Table.from_batches(batches, self.schema)

    def close(self) -> None:
        """Let go of the server."""
        self._result.close()

    def _batches(self) -> Iterator[pa.RecordBatch]:
        while self._more():
            batch, self._at = self._batch.slice(self._at), self._batch.num_rows
            yield batch

    def _more(self) -> bool:
        """Wait until there are rows here; False at the end."""
        while self._at >= self._batch.num_rows:
            batch = self._result.read_batch()
            if batch is None:
                self._ended = True
                return False
            self._batch, self._tuples, self._at = batch, [], 0
            self._seen += batch.num_rows
        return True


def _tuples(batch: pa.RecordBatch) -> Tuples:
    values = []
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        try:
            values.append(_values(column))
        except (pa.ArrowException, ValueError, OverflowError) as error:
            raise DataError(
                f"Column {name!r}: a value of type {column.type} has no form in Python: {error}",
                hint="Python's years are 1 to 9999: cast the column to text, or fetch Arrow.",
            ) from error
    return list(zip(*values, strict=True)) if values else [()] * batch.num_rows


def _values(column: pa.Array) -> list[Any]:
    """Give the values that `to_pylist` gives, and times never as a class of pandas."""
    kind = column.type
    if pa.types.is_timestamp(kind) and kind.unit == "ns":
        column = column.cast(pa.timestamp("us", kind.tz), safe=False)
    naive = pa.types.is_timestamp(kind) and kind.tz is None
    if naive or pa.types.is_date(kind) or pa.types.is_decimal(kind):
        return decode_column(column)
    values: list[Any] = column.to_pylist()
    return values
