"""A pool that keeps one httpx transport for each connection, and hands out the one used last.

httpcore's own pool looks at every connection for each request, so its cost for a request grows with
the number of connections. Here a request costs the same whatever that number is.

What may live here: the pool. How a transport is made is in `transport`.
"""

from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from time import monotonic
from typing import NamedTuple

import anyio
import httpx

__all__ = ["ConnectionPool"]


class _Idle(NamedTuple):
    transport: httpx.AsyncBaseTransport
    since: float


class ConnectionPool(httpx.AsyncBaseTransport):
    """Sends each request over a connection of its own; those that are done wait for the next one.

    `make` gives a transport that holds one connection. `limits` mean what they mean in httpx; a
    request that waits for a free connection longer than its pool timeout raises
    `httpx.PoolTimeout`.
    """

    def __init__(self, make: Callable[[], httpx.AsyncBaseTransport], limits: httpx.Limits) -> None:
        self._make = make
        self._limits = limits
        self._idle: deque[_Idle] = deque()
        self._places: anyio.Semaphore | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; its connection is free again when the response is closed."""
        await self._take_place(request)
        transport = self._idle.pop().transport if self._idle else self._make()
        try:
            response = await transport.handle_async_request(request)
        except BaseException:
            await self._give_back(transport)
            raise
        assert isinstance(response.stream, httpx.AsyncByteStream)  # noqa: S101  # for the checker
        stream = _Stream(response.stream, lambda: self._give_back(transport))
        return httpx.Response(
            response.status_code,
            headers=response.headers,
            stream=stream,
            extensions=response.extensions,
        )

    async def aclose(self) -> None:
        """Close every connection that waits; those in use close with their responses."""
        while self._idle:
            await self._idle.pop().transport.aclose()

    async def _take_place(self, request: httpx.Request) -> None:
        if self._limits.max_connections is None:
            return
        if self._places is None:
            self._places = anyio.Semaphore(self._limits.max_connections, fast_acquire=True)
        patience = request.extensions.get("timeout", {}).get("pool")
        with anyio.move_on_after(patience):
            await self._places.acquire()
            return
        raise httpx.PoolTimeout("Every connection is in use.", request=request)

    async def _give_back(self, transport: httpx.AsyncBaseTransport) -> None:
        self._idle.append(_Idle(transport, monotonic()))
        if self._places is not None:
            self._places.release()
        while self._idle and self._is_too_much(self._idle[0]):
            with anyio.CancelScope(shield=True):
                await self._idle.popleft().transport.aclose()

    def _is_too_much(self, oldest: _Idle) -> bool:
        most, expiry = self._limits.max_keepalive_connections, self._limits.keepalive_expiry
        if most is not None and len(self._idle) > most:
            return True
        return expiry is not None and monotonic() - oldest.since > expiry


class _Stream(httpx.AsyncByteStream):
    """A response's body that says when it is closed."""

    def __init__(self, inner: httpx.AsyncByteStream, closed: Callable[[], Awaitable[None]]) -> None:
        self._inner = inner
        self._closed: Callable[[], Awaitable[None]] | None = closed

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._inner.__aiter__()

    async def aclose(self) -> None:
        closed, self._closed = self._closed, None
        try:
            await self._inner.aclose()
        finally:
            if closed is not None:
                await closed()
