"""Pools that keep one httpx transport for each connection, and hand out the one used last.

httpcore's own pool looks at every connection for each request, so its cost for a request grows with
the number of connections; and it may close a connection that it has just given to another thread.
Here a request costs the same whatever that number is, and a connection belongs to one request.

What may live here: the two pools, and the store of free connections that they share. How a
transport is made is in `transport`.
"""

import itertools
import threading
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from time import monotonic
from typing import Generic, TypeVar

import anyio
import anyio.lowlevel
import httpx

__all__ = ["AsyncConnectionPool", "ConnectionPool"]

T = TypeVar("T")


class _Free(Generic[T]):
    """The connections that serve nobody, the one used last on top."""

    def __init__(self, make: Callable[[], T], limits: httpx.Limits) -> None:
        self._make = make
        self._most = limits.max_keepalive_connections
        self._expiry = limits.keepalive_expiry
        self._stack: deque[tuple[float, T]] = deque()
        self._lock = threading.Lock()

    def take(self) -> T:
        """Give a connection, a new one where none is free."""
        with self._lock:
            if self._stack:
                return self._stack.pop()[1]
        return self._make()

    def put(self, transport: T) -> list[T]:
        """Keep a connection; give those that are to be closed, as too many or idle too long."""
        with self._lock:
            self._stack.append((monotonic(), transport))
            surplus = []
            while self._stack and self._is_surplus(self._stack[0][0]):
                surplus.append(self._stack.popleft()[1])
            return surplus

    def clear(self) -> list[T]:
        """Give all of them, and keep none from now on."""
        with self._lock:
            self._most = 0
            transports = [transport for _, transport in self._stack]
            self._stack.clear()
            return transports

    def _is_surplus(self, since: float) -> bool:
        if self._most is not None and len(self._stack) > self._most:
            return True
        return self._expiry is not None and monotonic() - since > self._expiry


def _timeout(request: httpx.Request) -> float | None:
    seconds: float | None = request.extensions.get("timeout", {}).get("pool")
    return seconds


def _pool_timeout(request: httpx.Request) -> httpx.PoolTimeout:
    return httpx.PoolTimeout("Every connection is in use.", request=request)


class ConnectionPool(httpx.BaseTransport):
    """Sends each request over a connection of its own; threads may share the pool.

    `make` gives a transport that holds one connection. `limits` mean what they mean in httpx; a
    request that waits for a free connection longer than its pool timeout raises
    `httpx.PoolTimeout`.
    """

    def __init__(self, make: Callable[[], httpx.BaseTransport], limits: httpx.Limits) -> None:
        most = limits.max_connections
        self._free = _Free(make, limits)
        self._places = None if most is None else threading.Semaphore(most)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; its connection is free again when the response is closed."""
        if self._places is not None and not self._places.acquire(timeout=_timeout(request)):
            raise _pool_timeout(request)
        transport = self._free.take()
        try:
            response = transport.handle_request(request)
        except BaseException:
            self._give_back(transport)
            raise
        assert isinstance(response.stream, httpx.SyncByteStream)  # noqa: S101  # for the checker
        response.stream = _Body(response.stream, lambda: self._give_back(transport))
        return response

    def close(self) -> None:
        """Close every free connection; those in use close with their responses."""
        for transport in self._free.clear():
            transport.close()

    def _give_back(self, transport: httpx.BaseTransport) -> None:
        surplus = self._free.put(transport)
        if self._places is not None:
            self._places.release()
        for one in surplus:
            one.close()


class _Body(httpx.SyncByteStream):
    """A response's body that says when it is closed."""

    def __init__(self, inner: httpx.SyncByteStream, closed: Callable[[], None]) -> None:
        self._inner = inner
        self._closed: Callable[[], None] | None = closed

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._inner)

    def close(self) -> None:
        closed, self._closed = self._closed, None
        try:
            self._inner.close()
        finally:
            if closed is not None:
                closed()


class _Share:
    """What an event loop has of an async pool: its connections live and die with it."""

    def __init__(self, make: Callable[[], httpx.AsyncBaseTransport], limits: httpx.Limits) -> None:
        self.free = _Free(make, limits)
        self.token: anyio.lowlevel.RunvarToken[_Share] | None = None
        self.places: anyio.Semaphore | None = None
        if limits.max_connections is not None:
            self.places = anyio.Semaphore(limits.max_connections, fast_acquire=True)

    async def take_place(self, request: httpx.Request) -> None:
        """Wait until the limit allows one more."""
        if self.places is None:
            return
        try:
            self.places.acquire_nowait()
        except anyio.WouldBlock:
            await self._wait_for_place(self.places, request)

    async def _wait_for_place(self, places: anyio.Semaphore, request: httpx.Request) -> None:
        with anyio.move_on_after(_timeout(request)):
            await places.acquire()
            return
        raise _pool_timeout(request)

    async def give_back(self, transport: httpx.AsyncBaseTransport) -> None:
        """Free a connection and its place."""
        surplus = self.free.put(transport)
        if self.places is not None:
            self.places.release()
        if surplus:
            with anyio.CancelScope(shield=True):
                for one in surplus:
                    await one.aclose()


_numbers = itertools.count()


class AsyncConnectionPool(httpx.AsyncBaseTransport):
    """Sends each request over a connection of its own; tasks may share the pool.

    Arguments and errors as in `ConnectionPool`. A pool may serve one event loop after another, or
    several; the limits are for each.
    """

    def __init__(self, make: Callable[[], httpx.AsyncBaseTransport], limits: httpx.Limits) -> None:
        self._make = make
        self._limits = limits
        # older versions of anyio tell these variables apart by their names
        self._shares = anyio.lowlevel.RunVar[_Share](f"connections of pool {next(_numbers)}")

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; its connection is free again when the response is closed."""
        share = self._share()
        await share.take_place(request)
        transport = share.free.take()
        try:
            response = await transport.handle_async_request(request)
        except BaseException:
            await share.give_back(transport)
            raise
        assert isinstance(response.stream, httpx.AsyncByteStream)  # noqa: S101  # for the checker
        response.stream = _AsyncBody(response.stream, lambda: share.give_back(transport))
        return response

    async def aclose(self) -> None:
        """Close this event loop's free connections; those in use close with their responses."""
        share = self._shares.get(None)
        if share is None:
            return
        assert share.token is not None  # noqa: S101  # for the checker
        self._shares.reset(share.token)  # or the loop would remember every pool it ever had
        for transport in share.free.clear():
            await transport.aclose()

    def _share(self) -> _Share:
        share = self._shares.get(None)
        if share is None:
            share = _Share(self._make, self._limits)
            share.token = self._shares.set(share)
        return share


class _AsyncBody(httpx.AsyncByteStream):
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
