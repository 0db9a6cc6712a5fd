"""What a statement gave: all rows at once, or a stream of batches.

What may live here: results, which own their reply and close it. They know no cursor.
"""

from collections.abc import Iterator
from typing import Any, Protocol

from firebolt_like.client.io import Reply
from firebolt_like.client.retry import Budget
from firebolt_like.dbapi.batch import Batch, JsonBatch
from firebolt_like.errors import ServerResponseError
from firebolt_like.protocol import json_compact, json_lines
from firebolt_like.protocol.json_rows import count_rows
from firebolt_like.protocol.types import Column

__all__ = ["BufferedResult", "Result", "StreamedResult"]


class Result(Protocol):
    """The answer to one statement; `columns` are empty for a statement that gives no rows."""

    columns: tuple[Column, ...]
    query_id: str | None
    statistics: dict[str, Any]
    finished: bool

    @property
    def rowcount(self) -> int:
        """The number of rows; -1 while it is not known, and where there are none."""

    async def batch(self) -> Batch | None:
        """Give the next rows, None at the end."""

    def count(self, rows: int) -> None:
        """Take note that the last batch held so many rows."""

    async def close(self) -> None:
        """Let go of the server; an unfinished query is cancelled there."""


class BufferedResult:
    """A whole answer in JSON_Compact; its rows are decoded when they are first asked for."""

    finished = True

    def __init__(self, body: bytes) -> None:
        # engines of password accounts answer statements without rows with an empty body
        answer = json_compact.decode(body or b'{"meta": []}')
        self.columns = answer.columns
        self.query_id = answer.query_id
        self.statistics = answer.statistics
        self._data = answer.data if answer.columns else None
        self._rowcount = -1

    @property
    def rowcount(self) -> int:
        """See `Result`."""
        if self._data is not None and self._rowcount < 0:
            self._rowcount = count_rows(self._data)
        return self._rowcount

    async def batch(self) -> Batch | None:
        """Give all rows, once."""
        data, self._data = self._data, None
        return None if data is None else JsonBatch(self.columns, data)

    def count(self, rows: int) -> None:
        """See `Result`."""
        self._rowcount = rows

    async def close(self) -> None:
        """Nothing is open."""


class StreamedResult:
    """An answer in JSONLines_Compact, one batch in memory at a time."""

    def __init__(self, reply: Reply, budget: Budget) -> None:
        self.columns: tuple[Column, ...] = ()
        self.query_id: str | None = None
        self.statistics: dict[str, Any] = {}
        self.rowcount = -1
        self.finished = False
        self._reply = reply
        self._budget = budget
        self._decoder = json_lines.Decoder()
        self._events: Iterator[json_lines.Started | json_lines.Rows | json_lines.Finished] = iter(
            ()
        )
        self._count = 0

    async def start(self) -> None:
        """Read up to the columns, so that an error in planning is raised by execute."""
        event = await self._next_event()
        if not isinstance(event, json_lines.Started):
            raise ServerResponseError("The stream does not begin with its columns.")
        self.columns, self.query_id = event.columns, event.query_id
        if not self.columns:
            await self.batch()
        self._budget.pause()

    async def batch(self) -> Batch | None:
        """Give the next rows as they came, None at the end. Closes itself there and on errors."""
        if self.finished:
            return None
        self._budget.resume()
        try:
            batch = await self._next_batch()
        except BaseException:
            await self.close()
            raise
        self._budget.pause()
        return batch

    def count(self, rows: int) -> None:
        """See `Result`."""
        self._count += rows

    async def close(self) -> None:
        """Hang up; a query that is not finished is cancelled by that."""
        self.finished = True
        await self._reply.close()

    async def _next_batch(self) -> Batch | None:
        event = await self._next_event()
        if isinstance(event, json_lines.Rows):
            return JsonBatch(self.columns, event.data)
        if isinstance(event, json_lines.Finished):
            await self._finish(event)
        return None

    async def _finish(self, event: json_lines.Finished) -> None:
        self.statistics = event.statistics
        self.rowcount = self._count if self.columns else -1
        # reading to the very end gives the connection back instead of closing it
        while await self._reply.chunk(self._budget.left()):
            pass
        await self.close()

    async def _next_event(self) -> json_lines.Started | json_lines.Rows | json_lines.Finished:
        while True:
            for event in self._events:
                return event
            chunk = await self._reply.chunk(self._budget.left())
            self._events = self._decoder.feed(chunk) if chunk else self._decoder.close()
