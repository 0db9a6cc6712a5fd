"""The seam between Flight as messages and the libraries that carry it.

Everything above it (sessions, endpoints, statements) knows only these protocols; everything below
it (`grpc_transport`, `pyarrow_transport`) knows nothing of SQL. A transport for blocking callers
never suspends, so that `client.io.run` finishes what is written over it.

What may live here: the protocols, and what a call is.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from firebolt_like.protocol.flight import Action, FlightDescriptor, FlightInfo, Ticket

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Call", "Chunk", "Pair", "Reader", "Transport", "service_path"]

Pair = tuple[str, str | bytes]
"""A header; bytes for names that end with `-bin`."""


def service_path(method: str) -> str:
    """Give the path that a method of Flight has on the wire."""
    return f"/arrow.flight.protocol.FlightService/{method}"


def _ignore(headers: Iterable[Pair]) -> None:
    pass


class Call:
    """One call: what goes with it, how long it may take, and the way to end it early.

    `within` is in seconds; for a stream it is the time that each wait may take. `received` is told
    the headers that come back. `cancel` may be called from any thread, at any time, repeatedly.
    """

    def __init__(
        self,
        metadata: Sequence[Pair] = (),
        within: float | None = None,
        received: Callable[[Iterable[Pair]], None] = _ignore,
    ) -> None:
        self.metadata = tuple(metadata)
        self.within = within
        self.received = received
        self.cancelled = False
        self.expired = False
        self._end: Callable[[], object] | None = None

    def attach(self, end: Callable[[], object]) -> None:
        """Say what ends the call, now that it has begun."""
        self._end = end
        if self.cancelled:
            end()

    def cancel(self) -> None:
        """End the call, on the server too; whoever waits for it gets an error."""
        self.cancelled = True
        if self._end is not None:
            self._end()

    def expire(self) -> None:
        """End the call because its time is over."""
        self.expired = True
        self.cancel()


class Chunk(NamedTuple):
    """One message of a stream: rows, metadata of the application, or both."""

    batch: "pa.RecordBatch | None"
    app_metadata: bytes


class Reader(Protocol):
    """A stream that is being read; it has begun on the server when it is made."""

    async def schema(self, within: float | None) -> "pa.Schema":
        """Wait for the schema."""

    async def chunk(self, within: float | None) -> Chunk | None:
        """Wait for the next message; None at the end."""

    def cancel(self) -> None:
        """End the stream, from any thread."""

    async def close(self) -> None:
        """Let go of the stream; one that is not at its end is cancelled on the server."""


class Transport(Protocol):
    """A channel to one server. All methods raise the package's own errors, by `failure`."""

    async def get_flight_info(self, descriptor: FlightDescriptor, call: Call) -> FlightInfo:
        """Ask how to get a flight."""

    async def get_schema(self, descriptor: FlightDescriptor, call: Call) -> bytes:
        """Ask for the schema of a flight, in the form of Arrow IPC."""

    def do_get(self, ticket: Ticket, call: Call, *, ahead: bool = False) -> Reader:
        """Begin a stream; `ahead` says that it will not be read at once."""

    async def do_put(
        self,
        descriptor: FlightDescriptor,
        schema: "pa.Schema",
        batches: Iterable["pa.RecordBatch"],
        call: Call,
    ) -> list[bytes]:
        """Send rows; give the metadata of all answers."""

    async def do_action(self, action: Action, call: Call) -> list[bytes]:
        """Call an action; give the bodies of all answers."""

    async def handshake(self, username: str, password: str, call: Call) -> None:
        """Log in by name and password; the token is among the headers that come back."""

    async def close(self) -> None:
        """Close the channel, and end what is running on it."""
