"""The two forms of IO over httpx's clients, blocking and async.

This is the one edge where httpx's errors become ours. What may live here: how requests are waited
for, and nothing that knows what they ask.
"""

import contextlib
import functools
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, TypeVar

import anyio
import anyio.to_thread
import httpx

from firebolt_like.client.body import body_stream
from firebolt_like.client.io import Reply, Request
from firebolt_like.errors import (
    ConfigurationError,
    Error,
    QueryTimeoutError,
    ServerConnectionError,
    ServerResponseError,
)

__all__ = ["AsyncIO", "BlockingIO"]

T = TypeVar("T")


@contextlib.contextmanager
def _our_errors(request: Request | None = None) -> Iterator[None]:
    """Turn what httpx raises into our errors."""
    try:
        yield
    except Error:
        raise
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError) as error:
        where = f" at {_origin(request.url)}" if request else ""
        raise ServerConnectionError(
            f"The server{where} could not be reached: {str(error) or type(error).__name__}",
            hint="Check the address, the network and the proxy settings.",
            retryable=request is not None,
        ) from error
    except httpx.TimeoutException as error:
        raise QueryTimeoutError("The server did not answer within the timeout.") from error
    except httpx.DecodingError as error:
        raise ServerResponseError(f"The answer's compression is broken: {error}") from error
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        raise ConfigurationError(f"The server's address is not usable: {error}") from error
    except (httpx.LocalProtocolError, UnicodeError):
        # not chained: the original shows the header, which may be the one with the token
        raise ConfigurationError(
            "The request is not valid HTTP: check that the token and the headers hold no line "
            "ends, no control characters and nothing but ASCII."
        ) from None
    except (httpx.TooManyRedirects, httpx.HTTPStatusError) as error:
        raise ServerResponseError(f"The answer is not usable: {error}") from error
    except (httpx.HTTPError, httpx.StreamError) as error:
        reason = str(error) or type(error).__name__
        raise ServerConnectionError(
            f"The connection broke before the answer was complete: {reason}",
            hint="It is not known whether the statement ran.",
        ) from error


def _origin(url: str) -> str:
    parts = httpx.URL(url)
    return str(parts.copy_with(path="/", query=None, fragment=None, username=None, password=None))


_LONG_URL = 1_000  # characters: longer ones hold the values of one statement


@functools.lru_cache(maxsize=64)
def _parsed(url: str) -> httpx.URL:
    """Parse a URL once: statements go to few of them, again and again."""
    return httpx.URL(url)


def _build(
    client: httpx.Client | httpx.AsyncClient, request: Request, within: float | None
) -> httpx.Request:
    """Do what `client.build_request` does, without looking at what no request of ours has."""
    url = _parsed(request.url) if len(request.url) < _LONG_URL else httpx.URL(request.url)
    timeouts = client.timeout.as_dict()
    built = httpx.Request(
        request.method,
        url.copy_merge_params(client.params) if client.params else url,
        headers=client.headers,
        cookies=client.cookies or None,
        stream=body_stream(request.body),
        extensions={"timeout": timeouts if within is None else _Countdown(timeouts, within)},
    )
    body, headers = request.body, built.headers
    if request.headers:
        headers.update(request.headers)
    headers.setdefault("Host", url.netloc.decode("ascii"))
    if body or request.method == "POST":
        headers["Content-Length"] = str(len(body) if isinstance(body, bytes) else body.size)
    if isinstance(body, bytes):
        built.read()  # as httpx does, for hooks that look at it
    return built


_LONGEST = 1_000_000.0  # seconds; sockets take neither infinity nor centuries


class _Countdown(dict[str, float | None]):
    """The timeouts of one request, cut to the rest of its budget whenever a phase asks for its own.

    Connecting, writing and reading each begin with a look at their timeout; so together they take
    no longer than one budget.
    """

    def __init__(self, timeouts: dict[str, float | None], within: float) -> None:
        super().__init__(timeouts)
        self._end = time.monotonic() + min(within, _LONGEST)

    def get(self, key: str, default: Any = None) -> float:
        own = super().get(key, default)
        rest = max(0.001, self._end - time.monotonic())
        return rest if own is None else min(own, rest)

    def copy(self) -> "_Countdown":
        twin = _Countdown(self, 0.0)
        twin._end = self._end
        return twin


def _auth(request: Request) -> Any:
    return httpx.USE_CLIENT_DEFAULT if request.auth else None


class _Head:
    """What both replies have."""

    def __init__(self, response: httpx.Response) -> None:
        self._response = response
        self.status = response.status_code
        self.headers = response.headers.multi_items()


class BlockingReply(_Head):
    """A reply whose coroutines never suspend."""

    _chunks: Iterator[bytes] | None = None

    async def chunk(self, within: float | None = None) -> bytes:
        with _our_errors():
            self._chunks = self._chunks or self._response.iter_bytes()
            started = time.monotonic()
            piece = next(self._chunks, b"")
        if within is not None and time.monotonic() - started > within:
            raise QueryTimeoutError("The answer was not complete within the timeout.")
        return piece

    async def read(self, within: float | None = None) -> bytes:
        if within is None:
            with _our_errors():
                return self._response.read()
        end = time.monotonic() + within
        pieces = []
        while piece := await self.chunk(end - time.monotonic()):
            pieces.append(piece)
        return b"".join(pieces)

    async def close(self) -> None:
        with contextlib.suppress(httpx.HTTPError, httpx.StreamError):
            self._response.close()


class BlockingIO:
    """IO for the sync face: every wait blocks its thread."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client

    async def send(self, request: Request, within: float | None = None) -> Reply:
        with _our_errors(request):
            built = _build(self.client, request, within)
            return BlockingReply(self.client.send(built, stream=True, auth=_auth(request)))

    async def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    @staticmethod
    async def call(function: Callable[[], T]) -> T:
        return function()

    @staticmethod
    async def finish(function: Callable[[], None]) -> None:
        function()

    def lock(self) -> contextlib.AbstractAsyncContextManager[Any]:
        return _BlockingLock()

    def shield(self, seconds: float) -> contextlib.AbstractContextManager[Any]:  # noqa: ARG002  # nothing cancels a thread
        return contextlib.nullcontext()

    def now(self) -> float:
        return time.monotonic()

    async def close(self) -> None:
        self.client.close()


class _BlockingLock:
    def __init__(self) -> None:
        self._lock = threading.Lock()

    async def __aenter__(self) -> None:
        self._lock.acquire()

    async def __aexit__(self, *error: object) -> None:
        self._lock.release()


class AsyncReply(_Head):
    """A reply read by asyncio or trio."""

    _chunks: AsyncIterator[bytes] | None = None

    async def chunk(self, within: float | None = None) -> bytes:
        with _our_errors(), _deadline(within):
            self._chunks = self._chunks or self._response.aiter_bytes()
            return await anext(self._chunks, b"")

    async def read(self, within: float | None = None) -> bytes:
        with _our_errors(), _deadline(within):
            return await self._response.aread()

    async def close(self) -> None:
        if self._chunks is None and self._response.is_closed:
            return
        with anyio.CancelScope(shield=True):
            with contextlib.suppress(httpx.HTTPError, httpx.StreamError):
                await self._response.aclose()
            if self._chunks is not None:
                await _end(self._chunks)


_MOST_PIECES = 100_000  # more than one read of a socket can hold


async def _end(chunks: AsyncIterator[bytes]) -> None:
    """End the generators inside of httpx, whose stream is closed, here and now.

    Left to the garbage collector they would be finished in no task.
    """
    with contextlib.suppress(httpx.HTTPError, httpx.StreamError), anyio.CancelScope() as scope:
        # what was read before the closing still comes; waiting for more ends them
        scope.cancel()
        for _ in range(_MOST_PIECES):
            if not await anext(chunks, b""):
                break


def _deadline(seconds: float | None) -> contextlib.AbstractContextManager[None]:
    return _UNLIMITED if seconds is None else _limited(seconds)


_UNLIMITED = contextlib.nullcontext()


@contextlib.contextmanager
def _limited(seconds: float) -> Iterator[None]:
    try:
        with anyio.fail_after(seconds):
            yield
    except TimeoutError as error:
        if isinstance(error, Error):
            raise
        raise QueryTimeoutError("The answer was not complete within the timeout.") from error


class AsyncIO:
    """IO for the async face, on asyncio or trio."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def send(self, request: Request, within: float | None = None) -> Reply:
        with _our_errors(request), _deadline(within):
            built = _build(self.client, request, within)
            return AsyncReply(await self.client.send(built, stream=True, auth=_auth(request)))

    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(seconds)

    @staticmethod
    async def call(function: Callable[[], T]) -> T:
        return await anyio.to_thread.run_sync(function)

    @staticmethod
    async def finish(function: Callable[[], None]) -> None:
        begun = False

        def work() -> None:
            nonlocal begun
            begun = True
            function()

        try:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(work)
        finally:
            # asyncio's own cancellation comes through the shield, also before a thread is found
            if not begun:
                function()

    def lock(self) -> contextlib.AbstractAsyncContextManager[Any]:
        return anyio.Lock()

    def shield(self, seconds: float) -> contextlib.AbstractContextManager[Any]:
        return anyio.move_on_after(seconds, shield=True)

    def now(self) -> float:
        return time.monotonic()

    async def close(self) -> None:
        with anyio.CancelScope(shield=True):
            await self.client.aclose()
