"""The two ways that rows go to an engine: as files beside a statement, or in its text.

What may live here: when enough rows are together for a statement. Sending it is the caller's.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from firebolt_like.client.io import IO
from firebolt_like.dbapi.ingest_sources import Block
from firebolt_like.protocol.insert_values import Insert, Values, cut
from firebolt_like.protocol.types import Column

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["MOST_VALUES_BYTES", "Uploads", "ValuesStatements", "Way"]

MOST_VALUES_BYTES = 1 << 20
"""An engine parses a statement, which takes much more memory than its text."""


class Way(Protocol):
    """Takes blocks, and sends what has come together."""

    async def add(self, block: Block) -> None:
        """Take a block; send what is enough for a statement."""

    async def finish(self) -> None:
        """Send the rest."""


class Uploads:
    """Gathers record batches up to so many bytes; see `Way`.

    Never more is held than a statement's batches and the block that is being added.
    """

    def __init__(
        self,
        io: IO,
        table: Sequence[Column],
        limit: int,
        send: "Callable[[list[pa.RecordBatch], Sequence[Column]], Awaitable[None]]",
    ) -> None:
        self._io = io
        self._table = table
        self._limit = limit
        self._send = send
        self._batches: list[pa.RecordBatch] = []
        self._size = 0

    async def add(self, block: Block) -> None:
        """See `Way`."""
        batch = await self._io.call(lambda: block.arrow(self._table))
        rows = max(1, batch.num_rows * self._limit // max(1, batch.nbytes))
        for start in range(0, batch.num_rows, rows):
            await self._add(batch.slice(start, rows))

    async def _add(self, batch: "pa.RecordBatch") -> None:
        full = self._size + batch.nbytes > self._limit
        if self._batches and (full or batch.schema != self._batches[0].schema):
            await self.finish()
        self._batches.append(batch)
        self._size += batch.nbytes

    async def finish(self) -> None:
        """See `Way`."""
        batches, self._batches, self._size = self._batches, [], 0
        if batches:
            await self._send(batches, self._table)


class ValuesStatements:
    """Writes rows into statements; see `Way`."""

    def __init__(
        self,
        io: IO,
        table: Sequence[Column],
        insert: Insert,
        limit: int,
        send: Callable[[Values], Awaitable[None]],
        *,
        backslash_escapes: bool,
        write: Callable[[object], str] | None,
    ) -> None:
        self._io = io
        self._table = table
        self._insert = insert
        self._limit = min(limit, MOST_VALUES_BYTES)
        self._send = send
        self._escapes = backslash_escapes
        self._write = write
        self._count = 0

    async def add(self, block: Block) -> None:
        """See `Way`."""
        rows = await self._io.call(lambda: block.values(self._table))
        statements = cut(
            self._insert,
            rows,
            limit=self._limit,
            first=self._count + 1,
            backslash_escapes=self._escapes,
            write=self._write,
        )
        self._count += block.count
        while (values := await self._io.call(lambda: next(statements, None))) is not None:
            await self._send(values)

    async def finish(self) -> None:
        """See `Way`: nothing waits."""
