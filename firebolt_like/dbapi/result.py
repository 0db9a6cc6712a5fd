"""What a statement gave: all rows at once, or a stream of batches.

What may live here: results, which own their reply and close it. They know no cursor.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol

from firebolt_like.client.io import Reply
from firebolt_like.client.retry import Budget
from firebolt_like.dbapi.batch import ArrowBatch, Batch, JsonBatch
from firebolt_like.errors import InterfaceError, ServerResponseError
from firebolt_like.protocol import arrow_stream, json_compact, json_lines
from firebolt_like.protocol.json_rows import count_rows
from firebolt_like.protocol.types import Column

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["ArrowResult", "BufferedResult", "NoResult", "Result", "StreamedResult"]


class Result(Protocol):
    """The answer to one statement; `columns` are empty for a statement that gives no rows."""

    columns: tuple[Column, ...]
    query_id: str | None
    statistics: dict[str, Any]
    finished: bool

    @property
    def rowcount(self) -> int:
        """The number of rows; -1 while it is not known, and where there are none."""

    def schema(self) -> "pa.Schema":
        """Give the Arrow schema of the columns."""

    async def batch(self) -> Batch | None:
        """Give the next rows, None at the end."""

    def count(self, rows: int) -> None:
        """Take note that the last batch held so many rows."""

    async def close(self) -> None:
        """Let go of the server; an unfinished query is cancelled there."""


def _schema(columns: tuple[Column, ...]) -> "pa.Schema":
    from firebolt_like.protocol.arrow_types import arrow_schema  # noqa: PLC0415  # for Arrow only

    return arrow_schema(columns)


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

    def schema(self) -> "pa.Schema":
        """See `Result`."""
        return _schema(self.columns)

    async def batch(self) -> Batch | None:
        """Give all rows, once."""
        data, self._data = self._data, None
        return None if data is None else JsonBatch(self.columns, data)

    def count(self, rows: int) -> None:
        """See `Result`."""
        self._rowcount = rows

    async def close(self) -> None:
        """Nothing is open."""


class _Decoder(Protocol):
    """Turns the bytes of a stream into `json_lines.Started`, batches of rows, and `Finished`."""

    def feed(self, chunk: bytes) -> Iterator[Any]:
        """Take the next bytes; give what they complete."""

    def close(self) -> Iterator[Any]:
        """Say that the bytes have ended."""


class StreamedResult:
    """An answer in JSONLines_Compact, one batch in memory at a time."""

    def __init__(self, reply: Reply, budget: Budget) -> None:
        self.columns: tuple[Column, ...] = ()
        self.query_id: str | None = None
        self.statistics: dict[str, Any] = {}
        self.rowcount = -1
        self.finished = False
        self._reading = False
        self._reply = reply
        self._budget = budget
        self._decoder: _Decoder = json_lines.Decoder()
        self._events: Iterator[Any] = iter(())
        self._count = 0

    async def start(self) -> None:
        """Read up to the columns, so that an error in planning is raised by execute."""
        event = await self._next_event()
        if not isinstance(event, json_lines.Started):
            raise ServerResponseError("The stream does not begin with its columns.")
        self._take_columns(event)
        while not self.columns and not self.finished:
            await self.batch()
        self._budget.pause()

    def schema(self) -> "pa.Schema":
        """See `Result`."""
        return _schema(self.columns)

    async def batch(self) -> Batch | None:
        """Give the next rows as they came, None at the end. Closes itself there and on errors."""
        if self.finished:
            return None
        if self._reading:
            raise InterfaceError(
                "Two tasks or threads fetch from one cursor at once: give each a cursor of its own."
            )
        self._reading = True
        self._budget.resume()
        try:
            batch = await self._next_batch()
        except BaseException:
            await self.close()
            raise
        finally:
            self._reading = False
        self._budget.pause()
        return batch

    def count(self, rows: int) -> None:
        """See `Result`."""
        self._count += rows

    async def close(self) -> None:
        """Hang up; a query that is not finished is cancelled by that."""
        self.finished = True
        await self._reply.close()

    def _take_columns(self, event: json_lines.Started) -> None:
        self.columns, self.query_id = event.columns, event.query_id

    def _take_rows(self, event: Any) -> Batch:
        return JsonBatch(self.columns, event.data)

    async def _next_batch(self) -> Batch | None:
        event = await self._next_event()
        if isinstance(event, json_lines.Finished):
            await self._finish(event)
            return None
        return self._take_rows(event)

    async def _finish(self, event: json_lines.Finished) -> None:
        self.statistics = event.statistics
        self.rowcount = self._count if self.columns else -1
        # reading to the very end gives the connection back instead of closing it
        while await self._reply.chunk(self._budget.left()):
            pass
        await self.close()

    async def _next_event(self) -> Any:
        while True:
            for event in self._events:
                return event
            chunk = await self._reply.chunk(self._budget.left())
            self._events = self._decoder.feed(chunk) if chunk else self._decoder.close()


class ArrowResult(StreamedResult):
    """An answer in ArrowStream, one record batch in memory at a time."""

    def __init__(self, reply: Reply, budget: Budget) -> None:
        super().__init__(reply, budget)
        self._decoder = arrow_stream.Decoder()
        self._schema: Any = None

    def schema(self) -> "pa.Schema":
        """See `Result`."""
        return self._schema

    def _take_columns(self, event: Any) -> None:
        super()._take_columns(event)
        self._schema = event.schema

    def _take_rows(self, event: Any) -> Batch:
        return ArrowBatch(self.columns, event.batch)


class NoResult:
    """What is left of statements whose answers are not kept: SET, and rows that were sent."""

    columns: tuple[Column, ...] = ()
    finished = True

    def __init__(self, rowcount: int = -1, query_id: str | None = None) -> None:
        self.rowcount = rowcount
        self.query_id = query_id
        self.statistics: dict[str, Any] = {}

    def schema(self) -> "pa.Schema":
        """See `Result`."""
        return _schema(self.columns)

    async def batch(self) -> Batch | None:
        """Give none."""
        return None

    def count(self, rows: int) -> None:
        """No rows come."""

    async def close(self) -> None:
        """Nothing is open."""
