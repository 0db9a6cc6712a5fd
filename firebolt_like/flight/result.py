"""The rows of a flight: every endpoint is read, at whichever of its locations answers.

What may live here: endpoints, and the order in which they are read.
"""

from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from firebolt_like.errors import (
    AuthenticationError,
    InterfaceError,
    NotSupportedError,
    OperationalError,
    QueryTimeoutError,
    ServerConnectionError,
)
from firebolt_like.flight.caller import Caller, Operation, Place
from firebolt_like.flight.framing import with_schema
from firebolt_like.flight.release import Releaser
from firebolt_like.flight.transport import Chunk, Reader
from firebolt_like.protocol.flight import FlightEndpoint, FlightInfo, Ticket

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["ResultCore"]

_AT_ONCE = 8
"""Endpoints that are open at once. Each holds no more than gRPC's window of bytes that were not
asked for, some megabytes at most; the server waits beyond it."""


class _Part:
    """An endpoint that is being read."""

    def __init__(self, endpoint: FlightEndpoint, places: list[Place]) -> None:
        self.endpoint = endpoint
        self.places = places
        self.tries = 0
        self.renewed = False
        self.reader: Reader | None = None
        self.token_seen: str | None = None
        self.heard = False
        self.begun = False

    @property
    def place(self) -> Place:
        return self.places[min(self.tries, len(self.places) - 1)]

    def may_try_again(self, error: OperationalError) -> bool:
        """Tell whether it is worth it, at the next place or, after a broken connection, here."""
        if self.begun or isinstance(error, QueryTimeoutError) or error.code == "CANCELLED":
            return False
        self.tries += 1
        if self.tries < len(self.places):
            return True
        return self.tries == len(self.places) and isinstance(error, ServerConnectionError)


class ResultCore:
    """What both faces' results are made of. `start` finds the schema."""

    def __init__(
        self,
        caller: Caller,
        releaser: Releaser,
        info: FlightInfo,
        operation: Operation,
        find_schema: Callable[[], Awaitable["pa.Schema | None"]] | None = None,
    ) -> None:
        self.info = info
        self.schema: pa.Schema = None
        self.finished = False
        self._caller = caller
        self._releaser = releaser
        self._operation = operation
        self._find_schema = find_schema
        self._waiting = deque(info.endpoint)
        self._open: deque[_Part] = deque()
        self._reading = False

    async def start(self, announced: "pa.Schema | None") -> None:
        """Wait for the schema, so that errors of the statement are raised here."""
        try:
            await self._open_more()
            found = await self._begin(self._open[0]) if self._open else announced
            if (found is None or not len(found)) and self._find_schema is not None:
                found = await self._find_schema() or found
            if found is None:
                import pyarrow as pa  # noqa: PLC0415  # optional

                found = pa.schema([])
            self.schema = found
        except BaseException:
            await self.close()
            raise
        self._operation.budget.pause()

    async def chunk(self) -> Chunk | None:
        """Give the next message with rows or metadata; None at the end."""
        if self.finished:
            return None
        if self._reading:
            raise InterfaceError(
                "Two tasks or threads read one result at once: give each a result of its own."
            )
        self._reading = True
        self._operation.budget.resume()
        try:
            found = await self._next()
        except BaseException:
            await self.close()
            raise
        finally:
            self._reading = False
        self._operation.budget.pause()
        return found

    async def batch(self) -> "pa.RecordBatch | None":
        """Give the next rows; None at the end."""
        while (found := await self.chunk()) is not None:
            if found.batch is not None:
                return found.batch
        return None

    async def read_all(self) -> "pa.Table":
        """Give the rest of the rows."""
        import pyarrow as pa  # noqa: PLC0415  # optional

        batches = []
        while (batch := await self.batch()) is not None:
            batches.append(batch)
        return pa.Table.from_batches(batches, self.schema)

    def cancel(self) -> None:
        """End the query, from any thread; whoever reads gets an error."""
        self._operation.cancellation.cancel()

    async def close(self) -> None:
        """Let go of the server: what was not read is cancelled there."""
        if self.finished:
            return
        self.finished = True
        parts, self._open = self._open, deque()
        for part in parts:
            if part.reader is not None:
                await part.reader.close()
        # endpoints of which the server perhaps never heard: it may hold their rows for ever
        unheard = [part.endpoint for part in parts if not part.heard]
        await self._releaser.release(self.info, [*unheard, *self._waiting])
        self._waiting.clear()

    def forget(self) -> None:
        """End the streams of a result that nobody holds any more, without waiting."""
        if self.finished:
            return
        self.finished = True
        for part in self._open:
            if part.reader is not None:
                part.reader.cancel()
        unheard = [part.endpoint for part in self._open if not part.heard]
        self._releaser.abandon(self.info, [*unheard, *self._waiting])

    async def _next(self) -> Chunk | None:
        while self._open:
            part = self._open[0]
            found = await self._chunk_of(part)
            if found is None:
                self._open.popleft()
                await self._open_more()
                continue
            if not self.info.ordered:
                self._open.rotate(-1)  # all servers send at once
            if found.batch is None:
                return found
            if not found.batch.num_columns and len(self.schema) and not found.batch.num_rows:
                continue  # an empty answer of a server that forgets its columns then
            return Chunk(with_schema(found.batch, self.schema), found.app_metadata)
        self.finished = True
        return None

    async def _open_more(self) -> None:
        while self._waiting and len(self._open) < _AT_ONCE:
            part = _Part(self._waiting[0], self._places(self._waiting[0]))
            several = bool(self._open) or len(self._waiting) > 1
            await self._reopen(part, ahead=several)
            self._waiting.popleft()
            self._open.append(part)

    def _places(self, endpoint: FlightEndpoint) -> list[Place]:
        if not endpoint.location:
            return [self._caller.home]
        found: list[Place] = []
        for location in endpoint.location:
            place = self._caller.at(location.uri)
            if place is not None and place not in found:
                found.append(place)
        if not found:
            named = ", ".join(location.uri for location in endpoint.location)
            raise NotSupportedError(
                f"An endpoint of the answer is at no location that can be read: {named}"
            )
        return found

    async def _begin(self, part: _Part) -> "pa.Schema":
        """Wait until the schema of an endpoint is here."""
        while True:
            try:
                if part.reader is None:
                    await self._reopen(part, ahead=False)
                part.heard = True  # what is waited for was sent
                return await _reader(part).schema(self._operation.budget.left())
            except OperationalError as error:
                await self._recover(part, error)

    async def _chunk_of(self, part: _Part) -> Chunk | None:
        while True:
            if part.reader is None:
                await self._begin(part)
            try:
                part.heard = True
                found = await _reader(part).chunk(self._operation.budget.left())
            except OperationalError as error:
                await self._recover(part, error)
                continue
            part.begun = True
            return found

    async def _recover(self, part: _Part, error: OperationalError) -> None:
        """Get ready to begin an endpoint again, or raise why that is not done."""
        if part.reader is not None:
            await part.reader.close()
            part.reader = None
        if isinstance(error, AuthenticationError) and not (part.begun or part.renewed):
            part.renewed = True
            if await self._caller.renew(part.token_seen, self._operation):
                return
        if not part.may_try_again(error):
            raise error

    async def _reopen(self, part: _Part, *, ahead: bool) -> None:
        part.reader = await self._caller.do_get(
            part.endpoint.ticket or Ticket(), part.place, self._operation, ahead=ahead
        )
        part.token_seen = self._caller.token


def _reader(part: _Part) -> Reader:
    assert part.reader is not None  # noqa: S101  # whoever calls this opened it
    return part.reader
