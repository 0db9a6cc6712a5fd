"""A scripted warehouse, the four ways to use a client, and a cache folder of the test's own."""

import contextlib
import http.server
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Self

import anyio
import anyio.lowlevel
import httpx
import pytest

from firebolt_like.client.client import AsyncClient, Client
from firebolt_like.client.io import run


@pytest.fixture(autouse=True)
def cache_home(tmp_path, monkeypatch):
    """The folder that token files go to; never the one of who runs the tests."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(autouse=True)
def quiet_environment(monkeypatch):
    """No proxy and no authority of whoever runs the tests."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


LOGINS = ("/oauth/token", "/auth/v1/login")


class Warehouse(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """A server in memory: gives tokens, and lets in who carries one that it did not withdraw.

    `answers` overrides what a path answers; a function there gets the request.
    """

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []
        self.answers: dict[str, Any] = {}
        self.live: set[str] = set()
        self.lifetime: float | None = 3600
        self.refresh_tokens = False
        self.second_login = threading.Event()
        self.linger = False

    def to(self, *paths: str) -> list[httpx.Request]:
        return [request for request in list(self.requests) if request.url.path in paths]

    @property
    def logins(self) -> list[httpx.Request]:
        return self.to(*LOGINS)

    def withdraw(self) -> None:
        self.live.clear()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        body = b"".join(request.stream)
        self.requests.append(request)
        if self.linger and request.url.path in LOGINS:
            # a login that comes at the same time ends the wait, and is counted
            if len(self.logins) > 1:
                self.second_login.set()
            self.second_login.wait(0.1)
        return self.answer(request, body)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        body = b"".join([part async for part in request.stream])
        self.requests.append(request)
        for _ in range(20):
            await anyio.lowlevel.checkpoint()
        answer = self.answer(request, body)
        return await answer if not isinstance(answer, httpx.Response) else answer

    def answer(self, request: httpx.Request, body: bytes) -> Any:
        path = request.url.path
        if path in self.answers:
            answer = self.answers[path]
            return answer(request) if callable(answer) else httpx.Response(*answer)
        if path in LOGINS:
            return httpx.Response(200, json=self.new_token())
        if path == "/auth/v1/refresh":
            answer = self.new_token()
            answer.pop("refresh_token", None)
            return httpx.Response(200, json=answer)
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if token not in self.live:
            return httpx.Response(401, text="no")
        return httpx.Response(200, json={"token": token, "body": body.decode()})

    def new_token(self) -> dict[str, Any]:
        token = f"token-{len(self.to(*LOGINS, '/auth/v1/refresh'))}"
        self.live.add(token)
        answer: dict[str, Any] = {"access_token": token, "token_type": "Bearer"}
        if self.lifetime is not None:
            answer["expires_in"] = self.lifetime
        if self.refresh_tokens:
            answer["refresh_token"] = "the-refresh-token"
        return answer


@pytest.fixture
def warehouse():
    return Warehouse()


class Face:
    """One of the four ways to use a client, so that one test serves all."""

    def __init__(self, name: str) -> None:
        self.aiohttp = name == "aiohttp"
        self.name = "asyncio" if self.aiohttp else name
        self.blocking = name == "sync"

    def run(self, scenario: Callable[[], Any]) -> Any:
        if self.blocking:
            return run(scenario())
        return anyio.run(scenario, backend=self.name)

    def client(self, **keywords: Any) -> Any:
        keywords.setdefault("api_endpoint", "https://api.example.com")
        if self.blocking:
            return _Awaitable(Client)(**keywords)
        if "transport" not in keywords:
            keywords.setdefault("aiohttp", self.aiohttp)
        return AsyncClient(**keywords)

    def plain_client(self, **keywords: Any) -> Any:
        return (_Awaitable(httpx.Client) if self.blocking else httpx.AsyncClient)(**keywords)

    async def at_once(self, count: int, work: Callable[[], Any]) -> list[Any]:
        """Run `work` in threads or tasks that start together; give results or exceptions."""
        if self.blocking:
            together = threading.Barrier(count)

            def in_thread() -> Any:
                together.wait(10)
                return run(_outcome(work))

            with ThreadPoolExecutor(count) as threads:
                return [f.result(20) for f in [threads.submit(in_thread) for _ in range(count)]]
        outcomes: list[Any] = []

        async def in_task() -> None:
            outcomes.append(await _outcome(work))

        async with anyio.create_task_group() as tasks:
            for _ in range(count):
                tasks.start_soon(in_task)
        return outcomes


async def _outcome(work: Callable[[], Any]) -> Any:
    try:
        return await work()
    except Exception as error:  # noqa: BLE001  # an outcome to look at
        return error


class _Awaitable:
    """A sync client whose methods and account_id are awaited, and do not suspend."""

    def __init__(self, kind: Any) -> None:
        self._kind = kind

    def __call__(self, **keywords: Any) -> "_Awaitable":
        self._client = self._kind(**keywords)
        return self

    def __getattr__(self, name: str) -> Any:
        if name == "account_id":
            return self._account_id()
        value = getattr(self._client, name)
        return partial(self._call, value) if name in _AWAITED else value

    @property
    def sync(self) -> Any:
        return self._client

    async def _account_id(self) -> str:
        return self._client.account_id

    async def _call(self, method: Any, *args: Any, **keywords: Any) -> Any:
        return method(*args, **keywords)

    async def aclose(self) -> None:
        self._client.close()

    async def __aenter__(self) -> Self:
        self._client.__enter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        self._client.__exit__(*error)


_AWAITED = {"get", "post", "put", "request", "send"}


@pytest.fixture(params=["sync", "asyncio", "trio", "aiohttp"])
def face(request):
    return Face(request.param)


class LocalServer(http.server.ThreadingHTTPServer):
    """A real server on loopback that answers by a function and keeps what it was asked."""

    daemon_threads = True
    allow_reuse_address = False

    def __init__(self, answer: Callable[[str, str, Any, bytes], Any]) -> None:
        self.answer = answer
        self.lock = threading.Lock()
        self.asked: list[tuple[str, str]] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def port(self) -> int:
        return self.server_address[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is part of some tests."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: LocalServer

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with self.server.lock:
            self.server.asked.append((self.command, self.path))
        status, headers, content = self.server.answer(self.command, self.path, self.headers, body)
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_CONNECT = _serve  # noqa: N815  # named by http.server

    def log_message(self, *args: Any) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def serve():
    """Start real servers on loopback; they end with the test."""
    with contextlib.ExitStack() as stack:

        def start(answer: Any, wrap: Any = None) -> LocalServer:
            server = LocalServer(answer)
            if wrap is not None:
                server.socket = wrap(server.socket)
            stack.enter_context(_running(server))
            return server

        yield start


@contextlib.contextmanager
def _running(server: LocalServer) -> Iterator[None]:
    thread = threading.Thread(target=partial(server.serve_forever, poll_interval=0.01))
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
