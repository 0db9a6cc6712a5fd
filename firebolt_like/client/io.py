"""All that shared code may await: the IO protocol, its blocking and its async form, and `run`.

Every behaviour of this package is written once, as `async def` over `IO`. The async face awaits it;
the sync face hands the coroutine to `run`, which finishes it in one step, because `BlockingIO`
never suspends. This is also the one edge where httpx's errors become ours.

What may live here: waiting, and nothing that knows what is waited for.
"""

import contextlib
import functools
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any, NamedTuple, Protocol, TypeVar, cast

import anyio
import anyio.to_thread
import httpx

from firebolt_like.client.body import Pieces, body_stream
from firebolt_like.errors import (
    ConfigurationError,
    Error,
    QueryTimeoutError,
    ServerConnectionError,
    ServerResponseError,
)

__all__ = ["IO", "AsyncIO", "BlockingIO", "Reply", "Request", "run"]

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    """Finish `work`, whose IO blocks instead of suspending.

    >>> async def answer() -> int:
    ...     return 42
    >>> run(answer())
    42
    """
    try:
        work.send(None)
    except StopIteration as finished:
        return cast("T", finished.value)
    work.close()
    raise RuntimeError(f"{work!r} awaited something that is not its IO")


class Request(NamedTuple):
    """A request as shared code describes it; `auth=False` sends no credentials."""

    method: str
    url: str
    body: bytes | Pieces = b""
    headers: dict[str, str] = {}  # noqa: RUF012  # never changed
    auth: bool = True


class Reply(Protocol):
    """An open answer: its head has arrived, its body is read in pieces or as a whole."""

    status: int
    headers: list[tuple[str, str]]

    async def chunk(self, within: float | None = None) -> bytes:
        """Give the next piece of the body; empty at its end."""

    async def read(self, within: float | None = None) -> bytes:
        """Give the rest of the body."""

    async def close(self) -> None:
        """Let go of the answer, also where the task is cancelled; unread, it ends the query."""


class IO(Protocol):
    """What shared code may await."""

    async def send(self, request: Request, within: float | None = None) -> Reply:
        """Send a request; give its answer as soon as the head is there.

        `within` is in seconds. Raises `QueryTimeoutError`, and `ServerConnectionError`, whose
        `retryable` says that nothing was sent.
        """

    async def sleep(self, seconds: float) -> None:
        """Wait."""

    @staticmethod
    async def call(function: Callable[[], T]) -> T:
        """Call a function that may block: inline, or in a worker thread."""

    @staticmethod
    async def finish(function: Callable[[], None]) -> None:
        """Call a function that may block, also where the task is cancelled; perhaps twice."""

    def lock(self) -> contextlib.AbstractAsyncContextManager[Any]:
        """Make a lock."""

    def shield(self, seconds: float) -> contextlib.AbstractContextManager[Any]:
        """Let the block finish though the task is cancelled, but not longer than `seconds`."""

    def now(self) -> float:
        """Give the time in seconds, from any start, never going back."""

    async def close(self) -> None:
        """Close the client."""


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
    body, headers = request.body, request.headers
    if not isinstance(body, bytes):
        headers = {**headers, "Content-Length": str(body.size)}
    url = _parsed(request.url) if len(request.url) < _LONG_URL else httpx.URL(request.url)
    built = client.build_request(request.method, url, content=body, headers=headers)
    built.stream = body_stream(body)
    if within is not None:
        built.extensions["timeout"] = _Countdown(built.extensions["timeout"], within)
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


@contextlib.contextmanager
def _deadline(seconds: float | None) -> Iterator[None]:
    if seconds is None:
        yield
        return
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
