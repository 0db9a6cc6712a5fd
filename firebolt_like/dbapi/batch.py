"""Rows as they arrived: bytes that become tuples, or columns, when somebody asks for them.

What may live here: one class for each form that rows arrive in, and what makes their reading fast.
"""

import contextlib
import gc
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from firebolt_like.protocol import json_rows
from firebolt_like.protocol.json_rows import check_required
from firebolt_like.protocol.types import Column

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["ArrowBatch", "Batch", "JsonBatch", "garbage_collection_paused"]


_MANY = 4_000_000
"""Bytes of rows from which on it pays to keep the collector away."""


@contextlib.contextmanager
def garbage_collection_paused(batch: "Batch") -> Iterator[None]:
    """Keep the collector from walking again and again over new rows, all of which are alive.

    Afterwards they count as old, as if it had walked over them, which costs as much as all the
    walks that were saved. Where the program itself has frozen objects, nothing is changed.
    """
    if batch.size < _MANY or not gc.isenabled() or gc.get_freeze_count():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.unfreeze()
        gc.enable()


class Batch(Protocol):
    """Some rows of a result, all of them in a result that is not streamed."""

    @property
    def size(self) -> int:
        """The bytes that the rows take as they arrived."""

    def rows(self, required: Mapping[int, str]) -> list[tuple[Any, ...]]:
        """Decode the rows; `required` columns may not be NULL, and name what needs them."""

    def table(self) -> "pa.Table":
        """Give the rows as Arrow columns."""


class JsonBatch:
    """The JSON text of a list of lists."""

    def __init__(self, columns: tuple[Column, ...], data: msgspec.Raw) -> None:
        self._columns = columns
        self._data = data

    @property
    def size(self) -> int:
        """See `Batch`."""
        return memoryview(self._data).nbytes

    def rows(self, required: Mapping[int, str]) -> list[tuple[Any, ...]]:
        """See `Batch`."""
        return json_rows.decode_rows(self._columns, self._data, required)

    def table(self) -> "pa.Table":
        """See `Batch`."""
        from firebolt_like.protocol.json_arrow import decode_table  # noqa: PLC0415  # for Arrow only

        return decode_table(self._columns, self._data)


class ArrowBatch:
    """A record batch."""

    def __init__(self, columns: tuple[Column, ...], batch: "pa.RecordBatch") -> None:
        self._columns = columns
        self._batch = batch

    @property
    def size(self) -> int:
        """See `Batch`."""
        return int(self._batch.nbytes)

    def rows(self, required: Mapping[int, str]) -> list[tuple[Any, ...]]:
        """See `Batch`."""
        from firebolt_like.protocol.arrow_rows import decode_rows  # noqa: PLC0415  # for Arrow only

        rows = decode_rows(self._batch)
        nulls = {i: what for i, what in required.items() if self._batch.column(i).null_count}
        check_required(self._columns, rows, nulls)
        return rows

    def table(self) -> "pa.Table":
        """See `Batch`."""
        import pyarrow as pa  # noqa: PLC0415  # optional

        return pa.Table.from_batches([self._batch])
