"""One HTTP/1.1 connection: h11's grammar over httpcore's sockets, and nothing between the two.

httpx's own transport looks for a free connection, locks, and traces each step, which costs a short
request more than its network. Here a connection has one user at a time, whom the pool chose.

What may live here: a connection, written once over httpcore's async interface, and its two faces.
"""

import contextlib
import re
import ssl
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Iterable,
    Iterator,
    Mapping,
)
from os import getpid
from time import monotonic
from typing import Any, cast

import anyio  # noqa: TID251  # hanging up is not cancelled itself
import h11
import httpcore
import httpx

from firebolt_like.client.io import run
from firebolt_like.client.sockets import is_readable

__all__ = ["AsyncHTTP11Transport", "HTTP11Transport"]

_HEAD = 100 * 1024  # bytes that the head of an answer may have
_WIRE_BYTES = re.compile(r" b['\"].*", re.DOTALL)
_PACKET = 64 * 1024  # bytes that are copied to spare a system call
_READ = 64 * 1024  # bytes; for more the allocator asks the system each time


class _Connection:
    """A connection to one origin, made by the first request and by those that find it closed."""

    def __init__(
        self,
        backend: httpcore.AsyncNetworkBackend,
        *,
        verify: ssl.SSLContext,
        socket_options: Iterable[tuple[int, int, int]],
        keepalive_expiry: float | None,
    ) -> None:
        self.stream: httpcore.AsyncNetworkStream | None = None
        self._backend = backend
        self._context = verify
        self._socket_options = socket_options
        self._expiry = keepalive_expiry
        self._idle_since = 0.0
        self._socket: Any = None
        self._process = 0
        self._grammar = h11.Connection(h11.CLIENT, max_incomplete_event_size=_HEAD)
        self._timeouts: Mapping[str, float | None] = {}

    async def send(self, request: httpx.Request, body: AsyncIterable[bytes]) -> h11.Response:
        """Send a request; give the head of its answer, whose body `chunk` reads."""
        self._timeouts = request.extensions.get("timeout", {})
        try:
            if self.stream is None or self._is_stale():
                await self.close()
                await self._open(request)
            # a server may refuse a request before it has read it all, and say why
            with contextlib.suppress(httpcore.WriteError):
                await self._write(request, body)
            while not isinstance(head := await self._event(), h11.Response):
                if head is h11.PAUSED:
                    raise httpx.RemoteProtocolError("The server changed to another protocol.")
        except h11.LocalProtocolError as error:
            # not chained, and without the header that it shows: that may be the one with the token
            raise httpx.LocalProtocolError(_WIRE_BYTES.sub("", str(error))) from None
        except _FOREIGN as error:
            raise _as_httpx(error) from error
        return head

    async def chunk(self) -> bytes:
        """Give the next piece of the body, empty at its end."""
        if self._grammar.their_state is not h11.SEND_BODY:
            return b""
        try:
            event = await self._event()
        except _FOREIGN as error:
            raise _as_httpx(error) from error
        return bytes(event.data) if isinstance(event, h11.Data) else b""

    async def release(self) -> None:
        """Be ready for the next request, or close where this one was not read to its end."""
        grammar = self._grammar
        ended = grammar.our_state is h11.DONE and grammar.their_state is h11.DONE
        if ended and not grammar.trailing_data[0]:
            grammar.start_next_cycle()
            self._idle_since = monotonic()
        else:
            await self.close()

    async def close(self) -> None:
        """Hang up."""
        stream, self.stream = self.stream, None
        if stream is not None:
            await stream.aclose()

    async def _open(self, request: httpx.Request) -> None:
        url, secure = request.url, request.url.scheme == "https"
        self._grammar = h11.Connection(h11.CLIENT, max_incomplete_event_size=_HEAD)
        host = url.raw_host.decode("ascii")
        self.stream = await self._backend.connect_tcp(
            host,
            url.port or (443 if secure else 80),
            timeout=self._timeouts.get("connect"),
            socket_options=self._socket_options,
        )
        if secure:
            self._context.set_alpn_protocols(["http/1.1"])
            self.stream = await self.stream.start_tls(
                self._context,
                server_hostname=request.extensions.get("sni_hostname") or host,
                timeout=self._timeouts.get("connect"),
            )
        self._socket = self.stream.get_extra_info("socket")
        self._process = getpid()

    def _is_stale(self) -> bool:
        if getpid() != self._process:
            return True  # the parent goes on with it
        if self._expiry is not None and monotonic() - self._idle_since > self._expiry:
            return True
        # what an idle server has to say is that it hung up
        return is_readable(self._socket.fileno())

    async def _write(self, request: httpx.Request, body: AsyncIterable[bytes]) -> None:
        target = request.extensions.get("target") or request.url.raw_path
        event = h11.Request(method=request.method, target=target, headers=request.headers.raw)
        head = self._grammar.send(event) or b""
        parts = aiter(body)
        try:
            async for part in parts:
                head = await self._put(head, self._grammar.send(h11.Data(data=part)) or b"")
        finally:
            # a generator that is not at its end would be finished in no task
            if isinstance(parts, AsyncGenerator):
                await parts.aclose()
        await self._put(head, self._grammar.send(h11.EndOfMessage()) or b"")

    async def _put(self, head: bytes, data: bytes) -> bytes:
        """Send the head and the first part in one packet; nothing is left of it then."""
        assert self.stream is not None  # noqa: S101  # for the checker
        if head and len(data) > _PACKET:
            await self.stream.write(head, self._timeouts.get("write"))
            head = b""
        if unsent := head + data:
            # of a view the rest is cut without a copy
            view = cast("bytes", memoryview(unsent))
            await self.stream.write(view, self._timeouts.get("write"))
        return b""

    async def _event(self) -> Any:
        while (event := self._grammar.next_event()) is h11.NEED_DATA:
            assert self.stream is not None  # noqa: S101  # for the checker
            data = await self.stream.read(_READ, self._timeouts.get("read"))
            if not data and self._grammar.their_state is h11.SEND_RESPONSE:
                raise httpx.RemoteProtocolError("Server disconnected without sending a response.")
            self._grammar.receive_data(data)
        return event


_NAMES: dict[type[Exception], type[httpx.TransportError]] = {
    # what the sockets and the grammar raise: what httpx calls it
    httpcore.ConnectTimeout: httpx.ConnectTimeout,
    httpcore.ConnectError: httpx.ConnectError,
    httpcore.ReadTimeout: httpx.ReadTimeout,
    httpcore.ReadError: httpx.ReadError,
    httpcore.WriteTimeout: httpx.WriteTimeout,
    httpcore.WriteError: httpx.WriteError,
    h11.LocalProtocolError: httpx.LocalProtocolError,
    h11.RemoteProtocolError: httpx.RemoteProtocolError,
    # under asyncio httpcore lets it through, as when TLS 1.3 refuses a certificate
    ssl.SSLError: httpx.ReadError,
}
_FOREIGN = tuple(_NAMES)


def _as_httpx(error: Exception) -> httpx.TransportError:
    name = next(name for kind, name in _NAMES.items() if isinstance(error, kind))
    return name(str(error))


def _response(
    head: h11.Response, body: httpx.SyncByteStream | httpx.AsyncByteStream, stream: Any
) -> httpx.Response:
    return httpx.Response(
        head.status_code,
        headers=head.headers.raw_items(),
        stream=body,
        extensions={
            "http_version": b"HTTP/" + head.http_version,
            "reason_phrase": head.reason,
            "network_stream": stream,
        },
    )


class AsyncHTTP11Transport(httpx.AsyncBaseTransport):
    """One connection for tasks of asyncio or trio."""

    def __init__(self, **options: Any) -> None:
        self._connection = _Connection(httpcore.AnyIOBackend(), **options)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request."""
        assert isinstance(request.stream, httpx.AsyncByteStream)  # noqa: S101  # for the checker
        try:
            head = await self._connection.send(request, request.stream)
        except BaseException:
            await self._hang_up()
            raise
        return _response(head, _AsyncBody(self._connection), self._connection.stream)

    async def aclose(self) -> None:
        """Hang up."""
        await self._hang_up()

    async def _hang_up(self) -> None:
        with anyio.CancelScope(shield=True):
            await self._connection.close()


class _AsyncBody(httpx.AsyncByteStream):
    """The body of an answer; its iterator is no generator, which could be left unfinished."""

    def __init__(self, connection: _Connection) -> None:
        self._connection: _Connection | None = connection

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if self._connection is not None and (piece := await self._connection.chunk()):
            return piece
        raise StopAsyncIteration

    async def aclose(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with anyio.CancelScope(shield=True):
                await connection.release()


class HTTP11Transport(httpx.BaseTransport):
    """One connection for one thread at a time."""

    def __init__(self, **options: Any) -> None:
        self._connection = _Connection(_BlockingBackend(), **options)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request."""
        assert isinstance(request.stream, httpx.SyncByteStream)  # noqa: S101  # for the checker
        try:
            head = run(self._connection.send(request, _Parts(iter(request.stream))))
        except BaseException:
            self.close()
            raise
        stream = self._connection.stream
        assert isinstance(stream, _BlockingStream)  # noqa: S101  # for the checker
        return _response(head, _Body(self._connection), stream.inner)

    def close(self) -> None:
        """Hang up."""
        run(self._connection.close())


class _Body(httpx.SyncByteStream):
    def __init__(self, connection: _Connection) -> None:
        self._connection: _Connection | None = connection

    def __iter__(self) -> Iterator[bytes]:
        while self._connection is not None and (piece := run(self._connection.chunk())):
            yield piece

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            run(connection.release())


class _Parts:
    """An iterator for `async for` that never suspends."""

    def __init__(self, parts: Iterator[bytes]) -> None:
        self._parts = parts

    def __aiter__(self) -> "_Parts":
        return self

    async def __anext__(self) -> bytes:
        for part in self._parts:
            return part
        raise StopAsyncIteration


class _BlockingStream(httpcore.AsyncNetworkStream):
    """A blocking socket behind the async interface; its coroutines never suspend."""

    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self.inner = inner

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109  # httpcore's
        return self.inner.read(max_bytes, timeout)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109  # httpcore's
        self.inner.write(buffer, timeout)

    async def aclose(self) -> None:
        self.inner.close()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109  # httpcore's
    ) -> "_BlockingStream":
        return _BlockingStream(self.inner.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        return self.inner.get_extra_info(info)


class _BlockingBackend(httpcore.AsyncNetworkBackend):
    async def connect_tcp(self, *address: Any, **options: Any) -> _BlockingStream:
        return _BlockingStream(httpcore.SyncBackend().connect_tcp(*address, **options))
