"""Values and rows of a caller as the Arrow batches that are sent for them.

What may live here: that one way. pyarrow is an optional package: only functions import it.
"""

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from firebolt_like.errors import DataError, InterfaceError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Rows", "Sending", "rows_of"]


class Rows(NamedTuple):
    """Batches of one schema; `again` says that they can be sent twice."""

    schema: "pa.Schema"
    batches: Iterable["pa.RecordBatch"]
    again: bool


def rows_of(data: Any, wanted: "pa.Schema | None" = None) -> Rows:
    """Give the rows that `data` holds.

    It is a table, a batch, a reader or any object with `__arrow_c_stream__`; or a tuple of values,
    which is one row, or a list of such tuples. `wanted` gives names and types to values. Raises
    `DataError` for a value that does not fit, `InterfaceError` for what holds no rows.

    >>> rows_of([(1, "a"), (2, None)]).schema.types
    [DataType(int64), DataType(string)]
    """
    import pyarrow as pa  # noqa: PLC0415  # optional

    if data is None:
        return Rows(pa.schema([]), (), again=True)
    if isinstance(data, pa.RecordBatch):
        return Rows(data.schema, (data,), again=True)
    if isinstance(data, pa.Table):
        return Rows(data.schema, data.to_batches(max_chunksize=_MOST_ROWS), again=True)
    if isinstance(data, tuple):
        return _of_values([data], wanted)
    if isinstance(data, list):
        return _of_values(data, wanted)
    if hasattr(data, "__arrow_c_stream__"):
        reader = pa.RecordBatchReader.from_stream(data)
        return Rows(reader.schema, reader, again=False)
    raise InterfaceError(
        f"An object of {type(data).__name__} holds no rows.",
        hint="Give an Arrow table, batch or stream, a tuple of values, or a list of tuples.",
    )


class Sending:
    """Rows on their way: whether they can be sent once more, and what their making failed with."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._begun = False
        self._failure: Exception | None = None

    @property
    def again(self) -> bool:
        """Whether nothing is lost by sending them from the start."""
        return self._failure is None and (self._rows.again or not self._begun)

    def once(self) -> "Iterator[pa.RecordBatch]":
        """Give the batches; a transport ends the call where this raises."""
        try:
            for batch in self._rows.batches:
                self._begun = True
                yield batch
        except Exception as error:
            self._failure = error
            raise

    def raise_failure(self) -> None:
        """Raise what the rows failed with, if they did."""
        import pyarrow as pa  # noqa: PLC0415  # optional

        failure = self._failure
        if isinstance(failure, pa.ArrowException):
            raise DataError(f"The rows to send could not be read: {failure}") from failure
        if failure is not None:
            raise failure


_MOST_ROWS = 65_536  # of a message: servers limit its size


def _of_values(rows: Sequence[Any], wanted: "pa.Schema | None") -> Rows:
    import pyarrow as pa  # noqa: PLC0415  # optional

    widths = {len(row) if isinstance(row, tuple | list) else -1 for row in rows}
    if len(widths) > 1 or -1 in widths:
        raise InterfaceError("Each row is a tuple, and all have the same number of values.")
    width = widths.pop() if widths else 0
    fields = list(wanted) if wanted is not None and len(wanted) == width else [None] * width
    columns, names = [], []
    for number, (values, field) in enumerate(zip(zip(*rows, strict=True), fields, strict=True)):
        columns.append(_column(values, field, number + 1))
        names.append(str(number + 1) if field is None else field.name)
    if not columns:
        return Rows(pa.schema([]), (), again=True)
    batch = pa.RecordBatch.from_arrays(columns, names)
    return Rows(batch.schema, (batch,), again=True)


def _column(values: Sequence[Any], field: "pa.Field | None", number: int) -> "pa.Array":
    """Give values of the type that the server said, else of their own, which it may convert."""
    import pyarrow as pa  # noqa: PLC0415  # optional

    errors = (pa.ArrowException, TypeError, ValueError, OverflowError)
    if field is not None:
        with contextlib.suppress(*errors):
            return pa.array(values, field.type)
    try:
        return pa.array(values)
    except errors as error:
        raise DataError(f"Parameter {number}: its value cannot be sent: {error}") from error
