"""Hanging up: what HTTP servers never offer and networks do all the time.

What may live here: uvicorn's protocol class, told by us what becomes of its transport; the request
finds it under `connection` in the `state` of its ASGI scope.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

from firebolt_like.local.one_write import Gathering

__all__ = ["Connection", "Protocol"]

_PATIENCE = 0.5  # seconds, of the one that the server gives its clients


class Connection:
    """The TCP connection of a request."""

    def __init__(self) -> None:
        self.transport: Gathering | None = None
        self._closed = asyncio.Event()
        self._listeners: list[Callable[[], object]] = []

    async def abort(self) -> None:
        """Hang up at once; what the client has not been sent, it never gets."""
        if self.transport is not None:
            self.transport.abort()
            await self._closed.wait()  # an answer that is missing is no error from here on

    def on_close(self, tell: Callable[[], object]) -> None:
        """Call `tell` when it is closed, by whichever side."""
        self._listeners.append(tell)
        if self._closed.is_set():
            tell()

    def close(self) -> None:
        """Take note that it is closed."""
        self._closed.set()
        for tell in self._listeners:
            tell()


class Protocol(AutoHTTPProtocol):  # type: ignore[misc, valid-type]  # uvicorn chooses it when it is imported
    """uvicorn's own protocol, with a `Connection` in the state of every request."""

    def __init__(self, *, app_state: dict[str, Any], **uvicorn: Any) -> None:
        self._connection = Connection()
        state = {**app_state, "connection": self._connection}
        super().__init__(app_state=state, **uvicorn)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        if isinstance(transport, asyncio.Transport):
            self._connection.transport = Gathering(transport)
        super().connection_made(self._connection.transport or transport)

    def shutdown(self) -> None:
        """End it with the server, also when its client does not read on."""
        super().shutdown()
        asyncio.get_running_loop().call_later(_PATIENCE, self.transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell who waits."""
        super().connection_lost(exc)
        self._connection.close()
