"""aiohttp's connections under httpx: the faster way for asyncio, where the extra is installed.

What may live here: one connection of aiohttp's, and what its errors are in httpx.
"""

import contextlib
import socket
import ssl
import weakref
from collections.abc import AsyncIterator, Iterable
from typing import Any, cast

import aiohttp
import anyio  # noqa: TID251  # hanging up is not cancelled itself
import anyio.lowlevel  # noqa: TID251  # a closed socket is closed in the loop's next turn
import httpcore
import httpx
import yarl
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection

from firebolt_like.client.http11 import AsyncHTTP11Transport
from firebolt_like.client.sockets import is_readable

__all__ = ["AiohttpTransport"]

_SHORT = 64 * 1024  # bytes that a socket takes at once, so that no write has to be waited for
_READ = 256 * 1024  # bytes of an answer that wait to be taken
_LINE = 100 * 1024  # bytes that a line of an answer's head may have
_FOREVER = 1e9  # seconds; aiohttp has no other word for it


class AiohttpTransport(httpx.AsyncBaseTransport):
    """A connection to one origin, for one request at a time; it belongs to its event loop.

    Short requests go over aiohttp. Uploads, logins (whose bodies may be read once) and requests
    that aiohttp knows no form for go over a connection of our own.
    """

    def __init__(
        self,
        *,
        verify: ssl.SSLContext,
        socket_options: Iterable[tuple[int, int, int]],
        keepalive_expiry: float | None,
    ) -> None:
        options = tuple(socket_options)
        self._other = AsyncHTTP11Transport(
            verify=verify, socket_options=options, keepalive_expiry=keepalive_expiry
        )
        self._context = verify
        self._sockets = _Sockets(options)
        self._expiry = keepalive_expiry
        self._session: aiohttp.ClientSession | None = None
        self._protocol: ResponseHandler | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request."""
        body = await _short_body(request)
        if body is None:
            return await self._other.handle_async_request(request)
        try:
            kept = self._session is not None and not self._hung_up()
            if not kept:
                await self._close_session()
                self._session = self._new_session()
            assert self._session is not None  # noqa: S101  # for the checker
            answer = await _send(self._session, request, body, kept=kept)
            self._protocol = answer.protocol
        except _FOREIGN as error:
            await self._close_session()
            raise _as_httpx(error) from error
        except BaseException:
            await self._close_session()
            raise
        return httpx.Response(
            answer.status,
            headers=answer.raw_headers,
            stream=_Body(answer),
            extensions={
                "http_version": b"HTTP/1.1",
                "reason_phrase": (answer.reason or "").encode("ascii", "replace"),
                "network_stream": _NetworkStream(self._sockets.last),
            },
        )

    async def aclose(self) -> None:
        """Hang up."""
        await self._other.aclose()
        await self._close_session()

    def _hung_up(self) -> bool:
        # the loop may have had no turn yet to hear of it
        last, protocol = self._sockets.last, self._protocol
        if last is None or is_readable(last.fileno()):
            return True
        # or it has had one, and took what nobody asked for as the next answer
        return protocol is not None and protocol.should_close

    def _new_session(self) -> aiohttp.ClientSession:
        self._context.set_alpn_protocols(["http/1.1"])
        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                ssl=self._context,
                limit=1,
                keepalive_timeout=_FOREVER if self._expiry is None else self._expiry,
                socket_factory=self._sockets.make,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),  # cookies, headers and codings are httpx's
            skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
            auto_decompress=False,
            response_class=_Response,
            read_bufsize=_READ,
            max_line_size=_LINE,
            max_field_size=_LINE,
        )
        self._dropping = weakref.finalize(self, _drop, session)
        return session

    async def _close_session(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            self._dropping.detach()
            with anyio.CancelScope(shield=True):
                await session.close()
                await anyio.lowlevel.checkpoint()


class _Sockets:
    """Makes sockets, and knows the last one; it does not know whom they serve."""

    def __init__(self, options: tuple[tuple[int, int, int], ...]) -> None:
        self.last: socket.socket | None = None
        self._options = options

    def make(self, address: aiohttp.AddrInfoType) -> socket.socket:
        self.last = socket.socket(address[0], address[1], address[2])
        for option in self._options:
            self.last.setsockopt(*option)
        return self.last


def _drop(session: aiohttp.ClientSession) -> None:
    """Hang up where nobody closed; our connections say so, and aiohttp has nothing to add."""
    connector = session.connector
    if connector is None:
        return
    session.detach()
    closing = connector.close().__await__()
    with contextlib.suppress(StopIteration):  # as far as it goes without waiting
        next(closing)


async def _short_body(request: httpx.Request) -> bytes | None:
    """Give the body of a request that goes over aiohttp."""
    if "target" in request.extensions or not isinstance(request.stream, httpx.ByteStream):
        return None
    body = await request.aread()
    headers = request.headers
    # aiohttp would cut a body that is longer than a caller said, and wait for a shorter one's rest
    told = headers.get("Content-Length", "0") == str(len(body))
    return body if len(body) <= _SHORT and told and "Transfer-Encoding" not in headers else None


async def _send(
    session: aiohttp.ClientSession, request: httpx.Request, body: bytes, *, kept: bool
) -> "_Response":
    timeouts = request.extensions.get("timeout", {})
    connect = timeouts.get("connect")
    answer = await session.request(
        request.method,
        yarl.URL(str(request.url), encoded=True),
        headers=request.headers.multi_items(),
        data=aiohttp.BytesPayload(body) if body else None,
        allow_redirects=False,
        server_hostname=request.extensions.get("sni_hostname"),
        timeout=aiohttp.ClientTimeout(
            total=None,
            connect=None if kept else connect,  # starts a clock, which costs
            sock_connect=connect,
            sock_read=timeouts.get("read"),
        ),
    )
    if answer.status == 101:
        answer.close()
        raise httpx.RemoteProtocolError("The server changed to another protocol.")
    return cast("_Response", answer)


class _Response(aiohttp.ClientResponse):
    """An answer that knows what it came over, and may be left unread."""

    protocol: ResponseHandler | None = None

    async def start(self, connection: Connection) -> aiohttp.ClientResponse:
        """Read the head."""
        self.protocol = connection.protocol
        return await super().start(connection)

    def __del__(self, *modules: Any) -> None:
        # it hangs up by the event loop, which may have ended first
        with contextlib.suppress(RuntimeError):
            super().__del__(*modules)


class _Body(httpx.AsyncByteStream):
    """The body of an answer; its iterator is no generator, which could be left unfinished."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._answer = answer

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        try:
            piece = await self._answer.content.readany()
        except _FOREIGN as error:
            raise _as_httpx(error) from error
        if not piece:
            raise StopAsyncIteration
        return piece

    async def aclose(self) -> None:
        if not self._answer.closed:
            self._answer.close()
            with anyio.CancelScope(shield=True):
                await anyio.lowlevel.checkpoint()


class _NetworkStream(httpcore.AsyncNetworkStream):
    """What httpx documents for those who want to know the socket; using it is aiohttp's."""

    def __init__(self, connected: socket.socket | None) -> None:
        self._socket = connected

    def get_extra_info(self, info: str) -> Any:
        if self._socket is None or self._socket.fileno() < 0:
            return self._socket if info == "socket" else None
        facts = {
            "socket": lambda known: known,
            "client_addr": socket.socket.getsockname,
            "server_addr": socket.socket.getpeername,
        }
        return facts[info](self._socket) if info in facts else None


_NAMES: tuple[tuple[type[Exception], type[httpx.TransportError]], ...] = (
    # what aiohttp raises: what httpx calls it. The first three come before a request is sent: who
    # adds to them lets statements run twice.
    (aiohttp.ConnectionTimeoutError, httpx.ConnectTimeout),
    (aiohttp.ClientConnectorError, httpx.ConnectError),
    (aiohttp.InvalidURL, httpx.UnsupportedProtocol),
    (TimeoutError, httpx.ReadTimeout),
    (aiohttp.ServerDisconnectedError, httpx.RemoteProtocolError),
    (aiohttp.ClientResponseError, httpx.RemoteProtocolError),
    (aiohttp.ClientPayloadError, httpx.RemoteProtocolError),
    (aiohttp.ClientError, httpx.ReadError),
    (OSError, httpx.ReadError),
    (ValueError, httpx.LocalProtocolError),  # a header with a line end
)
_FOREIGN = tuple(kind for kind, _ in _NAMES)


def _as_httpx(error: Exception) -> httpx.TransportError:
    name = next(name for kind, name in _NAMES if isinstance(error, kind))
    return name(_reason(error) or name.__name__)


def _reason(error: Exception) -> str:
    """Say what happened without the URL, whose parameters may be nobody else's business."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return str(error.certificate_error)
    if isinstance(error, aiohttp.ClientConnectorError):
        return str(error.os_error)
    if isinstance(error, aiohttp.ClientResponseError):
        return error.message
    return "" if isinstance(error, TimeoutError | aiohttp.InvalidURL) else str(error)
