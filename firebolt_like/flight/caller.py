"""Calls of one client: logged in, with its headers, within a budget, and where a location says.

What may live here: what is the same for every call. What calls mean is in `statements`.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from firebolt_like.client.auth.bearer import fetch_bearer
from firebolt_like.client.io import IO
from firebolt_like.client.retry import Budget, Retry
from firebolt_like.errors import (
    AuthenticationError,
    ConnectionClosedError,
    ServerConnectionError,
)
from firebolt_like.flight.headers import Bearer, Headers
from firebolt_like.flight.target import Target
from firebolt_like.flight.transport import Call, Pair, Reader, Transport, service_path
from firebolt_like.protocol.flight import Ticket

__all__ = ["Caller", "Cancellation", "Credentials", "Operation", "Place"]

T = TypeVar("T")


class Cancellation:
    """A way to end what a client does, from any thread.

    Give it to a method as `cancellation=`; its `cancel` ends the call on the server, and the
    method raises `OperationalError`.
    """

    def __init__(self) -> None:
        self.cancelled = False
        self._calls: set[Call] = set()

    def cancel(self) -> None:
        """End what is running, and what begins later."""
        self.cancelled = True
        for call in self._calls.copy():
            call.cancel()

    def follow(self, call: Call) -> None:
        """Take note of a call."""
        self._calls.add(call)
        if self.cancelled:
            call.cancel()

    def forget(self, call: Call) -> None:
        """Take note that a call is over."""
        self._calls.discard(call)


class Operation:
    """What one call of a public method has: its time, its headers, and the way to end it."""

    def __init__(
        self, budget: Budget, headers: Sequence[Pair], cancellation: Cancellation | None
    ) -> None:
        self.budget = budget
        self.headers = headers
        self.cancellation = cancellation or Cancellation()


class Credentials:
    """How a client logs in: one of a name with a password, an auth object, a token, or nothing."""

    def __init__(self, basic: tuple[str, str] | None = None, *, auth: bool = False) -> None:
        self.basic = basic
        self.auth = auth

    def __repr__(self) -> str:
        return "Credentials(****)"


class Place:
    """One server: its channel, and what its headers left behind."""

    def __init__(self, target: Target, transport: Transport, headers: Headers) -> None:
        self.target = target
        self.transport = transport
        self.headers = headers


_ASK_AGAIN = 30.0  # seconds after which an auth object is asked whether its token is still good


class Caller:
    """Makes the calls of one client."""

    def __init__(
        self,
        io: IO,
        target: Target,
        make: Callable[[Target], Transport],
        *,
        credentials: Credentials,
        token: str | None,
        metadata: Sequence[Pair],
        retry: Retry,
    ) -> None:
        self.io = io
        self.closed = False
        self._make = make
        self._credentials = credentials
        self._metadata = tuple(metadata)
        self._retry = retry
        self._bearer = Bearer(token)
        self._places: dict[Target, Place] = {}
        self.home = self._place(target)
        self._lock = io.lock()
        self._logged_in = False
        self._given: str | None = None  # the last token of the auth object
        self._asked = float("-inf")

    async def do(
        self,
        method: str,
        work: Callable[[Transport, Call], Awaitable[T]],
        operation: Operation,
        *,
        again: Callable[[], bool] = lambda: True,
    ) -> T:
        """Make a call at home; again after a new login, or where nothing was sent.

        `again` says whether what goes with it can be sent twice.
        """
        attempt, renewed = 1, False
        while True:
            await self._log_in(operation)
            token = self._bearer.token
            call = self.call(method, self.home, operation)
            try:
                return await work(self.home.transport, call)
            except AuthenticationError:
                if renewed or not again() or not await self.renew(token, operation):
                    raise
                renewed = True
            except ServerConnectionError as error:
                pause = self._retry.wait(attempt)
                event = "not sent" if error.retryable else "lost"
                may = self._retry.allows(event, attempt, repeatable=False)
                if not (may and again() and operation.budget.allows(pause)):
                    raise
                attempt += 1
                await self.io.sleep(pause)
            finally:
                operation.cancellation.forget(call)

    async def log_in(self, operation: Operation, basic: tuple[str, str] | None = None) -> None:
        """Log in now rather than with the first call, by another name where `basic` gives one."""
        if basic is not None:
            self._credentials = Credentials(basic)
            self._logged_in = False
        await self._log_in(operation)

    async def do_get(
        self, ticket: Ticket, place: Place, operation: Operation, *, ahead: bool
    ) -> Reader:
        """Begin a stream."""
        await self._log_in(operation)
        call = self.call("DoGet", place, operation)
        return place.transport.do_get(ticket, call, ahead=ahead)

    def call(self, method: str, place: Place, operation: Operation) -> Call:
        """Make a call that can be cancelled by its operation."""
        if self.closed:
            raise ConnectionClosedError("The Flight client is closed.")
        path = service_path(method)
        given = {name for name, _ in operation.headers}
        metadata = [pair for pair in self._metadata if pair[0] not in given]
        metadata += operation.headers
        if not any(name == "authorization" for name, _ in metadata):
            metadata += self._bearer.send()
        metadata += place.headers.cookies.send(path)
        call = Call(
            metadata,
            operation.budget.left(),
            lambda headers: place.headers.receive(headers, path),
        )
        operation.cancellation.follow(call)
        return call

    def at(self, location: str) -> Place | None:
        """Give the place that a location names, None for one that is not usable."""
        target = self.home.target.at(location)
        return None if target is None else self._place(target)

    async def renew(self, refused: str | None, operation: Operation) -> bool:
        """Get another token than one that was refused; False where there is no way to."""
        credentials = self._credentials
        if not (credentials.auth or credentials.basic):
            return False
        async with self._lock:
            if self._bearer.token != refused:
                return True  # someone else did
            if credentials.auth:
                self._given = None
                await self._ask(refused, operation)
            else:
                await self._shake_hands(operation)
        return True

    @property
    def token(self) -> str | None:
        """The bearer token that calls are sent with now."""
        return self._bearer.token

    async def close(self) -> None:
        """Close all channels."""
        self.closed = True
        try:
            for place in list(self._places.values()):
                await place.transport.close()
        finally:
            await self.io.close()

    def _place(self, target: Target) -> Place:
        place = self._places.get(target)
        if place is None:
            made = Place(target, self._make(target), Headers(self._bearer))
            place = self._places.setdefault(target, made)
        return place

    async def _log_in(self, operation: Operation) -> None:
        if self._credentials.auth:
            if self.io.now() - self._asked > _ASK_AGAIN:
                async with self._lock:
                    if self.io.now() - self._asked > _ASK_AGAIN:
                        await self._ask(None, operation)
        elif self._credentials.basic and not self._logged_in:
            async with self._lock:
                if not self._logged_in:
                    await self._shake_hands(operation)

    async def _ask(self, refused: str | None, operation: Operation) -> None:
        token = await fetch_bearer(self.io, refused, operation.budget.left())
        self._asked = self.io.now()
        if token != self._given:  # else the one that the server gave in return stays
            self._given = self._bearer.token = token

    async def _shake_hands(self, operation: Operation) -> None:
        basic = self._credentials.basic
        assert basic is not None  # noqa: S101  # whoever calls this looked
        self._bearer.token = None
        call = self.call("Handshake", self.home, operation)
        try:
            await self.home.transport.handshake(*basic, call)
        finally:
            operation.cancellation.forget(call)
        self._logged_in = True
