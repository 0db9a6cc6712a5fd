"""Letting go of rows that nobody will read: servers keep them, and some stand still because of it.

What may live here: how a server is told, and which answers nobody reads any more.
"""

import weakref
from collections import deque
from collections.abc import Iterable

import msgspec

from firebolt_like.client.retry import Budget
from firebolt_like.errors import DatabaseError, Error, QueryTimeoutError, ServerConnectionError
from firebolt_like.flight.caller import Caller, Operation
from firebolt_like.flight.info import FlightInfo
from firebolt_like.protocol import flight
from firebolt_like.protocol.flight import (
    Action,
    CancelFlightInfoRequest,
    CancelFlightInfoResult,
    CancelStatus,
    FlightEndpoint,
)
from firebolt_like.protocol.protobuf import decode, encode

__all__ = ["Releaser"]

_WITHIN = 5.0  # seconds that letting go may take, whatever the server does
_DONE = (CancelStatus.CANCELLED, CancelStatus.CANCELLING)


class Releaser:
    """Knows what was asked for and not read, and tells the server when nobody will read it."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._cancels = True  # until the server says that it has no such action
        self._waiting: dict[bytes, flight.FlightInfo] = {}
        self._abandoned: deque[flight.FlightInfo] = deque()

    def watch(self, info: FlightInfo) -> None:
        """Take note of an answer; when nobody holds it any more, it is abandoned."""
        for endpoint in info.endpoints:
            self._waiting[_ticket(endpoint)] = info.message
        weakref.finalize(info, self._abandon, info.message).atexit = False

    def take(self, endpoints: Iterable[FlightEndpoint]) -> None:
        """Take note that rows are asked for."""
        for endpoint in endpoints:
            self._waiting.pop(_ticket(endpoint), None)

    async def abandoned(self) -> None:
        """Tell the server what nobody can ask for any more."""
        while self._abandoned:
            info = self._abandoned.popleft()
            await self.release(info, info.endpoint)

    async def everything(self) -> None:
        """Tell the server that nothing more will be read."""
        for info in list(self._waiting.values()):
            self._abandon(info)
        await self.abandoned()

    async def release(self, info: flight.FlightInfo, endpoints: Iterable[FlightEndpoint]) -> None:
        """Tell the server that some endpoints of an answer will not be read, nor its others."""
        endpoints = list(endpoints)
        if not endpoints:
            return
        with self._caller.io.shield(_WITHIN):
            operation = Operation(Budget(self._caller.io, _WITHIN), (), None)
            try:
                if not (self._cancels and await self._cancelled(info, operation)):
                    for endpoint in endpoints:
                        await self._drop(endpoint, operation)
            except Error:
                pass  # a server that cannot be reached keeps nothing for us to let go of

    def abandon(self, info: flight.FlightInfo, endpoints: Iterable[FlightEndpoint]) -> None:
        """Take note of endpoints that nobody can read any more; the next call tells the server."""
        if found := tuple(endpoints):
            self._abandoned.append(msgspec.structs.replace(info, endpoint=found))

    def _abandon(self, info: flight.FlightInfo) -> None:
        found = [e for e in info.endpoint if self._waiting.pop(_ticket(e), None) is not None]
        self.abandon(info, found)

    async def _cancelled(self, info: flight.FlightInfo, operation: Operation) -> bool:
        action = Action("CancelFlightInfo", encode(CancelFlightInfoRequest(info)))
        try:
            bodies = await self._caller.do(
                "DoAction", lambda t, call: t.do_action(action, call), operation
            )
        except (QueryTimeoutError, ServerConnectionError):
            raise
        except DatabaseError:
            self._cancels = False
            return False
        return bool(bodies) and decode(CancelFlightInfoResult, bodies[0]).status in _DONE

    async def _drop(self, endpoint: FlightEndpoint, operation: Operation) -> None:
        """Begin to read, and hang up."""
        if endpoint.ticket is None:
            return
        caller = self._caller
        reader = await caller.do_get(endpoint.ticket, caller.home, operation, ahead=False)
        try:
            # a call that is cancelled before it reached the server would change nothing there
            await reader.schema(operation.budget.left())
        except (QueryTimeoutError, ServerConnectionError):
            raise
        except DatabaseError:
            pass  # such as a ticket that is used up
        finally:
            await reader.close()


def _ticket(endpoint: FlightEndpoint) -> bytes:
    return endpoint.ticket.ticket if endpoint.ticket is not None else b""
