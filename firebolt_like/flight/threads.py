"""A transport for tasks, on any event loop, made of one for threads.

What may live here: the way into worker threads and back, and how a cancelled task ends the call
that its thread waits for.
"""

from collections.abc import Callable, Coroutine, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

import anyio
import anyio.to_thread

from firebolt_like.client.io import run
from firebolt_like.flight.transport import Call, Chunk, Reader, Transport
from firebolt_like.protocol.flight import Action, FlightDescriptor, FlightInfo, Ticket

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["ThreadedTransport"]

T = TypeVar("T")


async def _in_thread(work: Callable[[], Coroutine[Any, Any, T]], cancel: Callable[[], None]) -> T:
    """Do blocking work; where the task is cancelled, `cancel` ends it."""
    try:
        return await anyio.to_thread.run_sync(
            lambda: run(work()),
            abandon_on_cancel=True,  # `cancel` ends it soon
            limiter=anyio.CapacityLimiter(1),  # as many threads as there are calls
        )
    except anyio.get_cancelled_exc_class():
        cancel()
        raise


class ThreadedTransport:
    """Each call waits in a worker thread."""

    def __init__(self, blocking: Transport) -> None:
        self._blocking = blocking

    async def get_flight_info(self, descriptor: FlightDescriptor, call: Call) -> FlightInfo:
        """See `Transport`."""
        work = self._blocking.get_flight_info
        return await _in_thread(lambda: work(descriptor, call), call.cancel)

    async def get_schema(self, descriptor: FlightDescriptor, call: Call) -> bytes:
        """See `Transport`."""
        work = self._blocking.get_schema
        return await _in_thread(lambda: work(descriptor, call), call.cancel)

    def do_get(self, ticket: Ticket, call: Call, *, ahead: bool = False) -> Reader:
        """See `Transport`."""
        return _ThreadedReader(self._blocking.do_get(ticket, call, ahead=ahead))

    async def do_put(
        self,
        descriptor: FlightDescriptor,
        schema: "pa.Schema",
        batches: Iterable["pa.RecordBatch"],
        call: Call,
    ) -> list[bytes]:
        """See `Transport`."""
        work = self._blocking.do_put
        return await _in_thread(lambda: work(descriptor, schema, batches, call), call.cancel)

    async def do_action(self, action: Action, call: Call) -> list[bytes]:
        """See `Transport`."""
        work = self._blocking.do_action
        return await _in_thread(lambda: work(action, call), call.cancel)

    async def handshake(self, username: str, password: str, call: Call) -> None:
        """See `Transport`."""
        work = self._blocking.handshake
        await _in_thread(lambda: work(username, password, call), call.cancel)

    async def close(self) -> None:
        """See `Transport`."""
        with anyio.CancelScope(shield=True):
            await _in_thread(self._blocking.close, lambda: None)


class _ThreadedReader:
    def __init__(self, blocking: Reader) -> None:
        self._blocking = blocking

    async def schema(self, within: float | None) -> "pa.Schema":
        return await _in_thread(lambda: self._blocking.schema(within), self._blocking.cancel)

    async def chunk(self, within: float | None) -> Chunk | None:
        return await _in_thread(lambda: self._blocking.chunk(within), self._blocking.cancel)

    def cancel(self) -> None:
        self._blocking.cancel()

    async def close(self) -> None:
        run(self._blocking.close())
