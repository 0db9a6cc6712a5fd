"""What a statement gave over Flight: all rows at once, or a stream of batches.

What may live here: results of Flight; see `result`.
"""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from firebolt_like.dbapi.batch import ArrowBatch, Batch
from firebolt_like.flight.result import ResultCore
from firebolt_like.protocol.arrow_types import columns_of

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["FlightResult", "TableResult"]


class FlightResult:
    """Rows as they come, one record batch in memory at a time; see `Result`.

    `release` lets go of what the rows are made by.
    """

    def __init__(self, core: ResultCore, release: Callable[[], Awaitable[None]]) -> None:
        self.columns = columns_of(core.schema)
        self.query_id: str | None = None
        self.statistics: dict[str, Any] = {}
        self.rowcount = -1
        self.finished = False
        self._core = core
        self._release = release
        self._count = 0

    def schema(self) -> "pa.Schema":
        """See `Result`."""
        return self._core.schema

    async def batch(self) -> Batch | None:
        """Give the next rows as they came, None at the end. Closes itself there and on errors."""
        if self.finished:
            return None
        try:
            batch = await self._core.batch()
        except BaseException:
            if self._core.finished:  # else another task reads on
                await self.close()
            raise
        if batch is None:
            self.rowcount = self._count
            await self.close()
            return None
        return ArrowBatch(self.columns, batch)

    def count(self, rows: int) -> None:
        """See `Result`."""
        self._count += rows

    async def close(self) -> None:
        """Let go of the server; an unfinished query is cancelled there."""
        if not self.finished:
            self.finished = True
            await self._core.close()
            await self._release()


class TableResult:
    """All rows, as columns; see `Result`."""

    finished = True

    def __init__(self, table: "pa.Table") -> None:
        self.columns = columns_of(table.schema)
        self.query_id: str | None = None
        self.statistics: dict[str, Any] = {}
        self.rowcount: int = table.num_rows
        self._schema = table.schema
        self._table: pa.Table | None = table

    def schema(self) -> "pa.Schema":
        """See `Result`."""
        return self._schema

    async def batch(self) -> Batch | None:
        """Give all rows, once."""
        table, self._table = self._table, None
        return None if table is None else _TableBatch(self.columns, table)

    def count(self, rows: int) -> None:
        """Do nothing: the number is known."""

    async def close(self) -> None:
        """Nothing is open."""


class _TableBatch(ArrowBatch):
    def table(self) -> "pa.Table":
        """See `Batch`."""
        return self._batch
