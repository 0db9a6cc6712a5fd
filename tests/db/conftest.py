"""The ways to use a connection, so that one test serves all, and a scripted server.

There are three, `face`: sync, asyncio and trio; tests that `over_both` marks run over REST and over
Flight, others over REST alone.
"""

import inspect
import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self
from urllib.parse import parse_qs

import anyio
import httpx
import pytest

from firebolt_like import async_db, db
from firebolt_like.client.io import run
from firebolt_like.local import LocalServer


class Awaitable:
    """A sync object behind the async face's shape: what is awaited there does not suspend here."""

    def __init__(self, wrapped: Any, twin: type) -> None:
        self.wrapped = wrapped
        self._twin = twin

    def __getattr__(self, name: str) -> Any:
        value = getattr(self.wrapped, name)
        if name == "cursor":
            return lambda **keywords: Awaitable(value(**keywords), async_db.Cursor)
        if not inspect.iscoroutinefunction(getattr(self._twin, name, None)):
            return value

        async def call(*args: Any, **keywords: Any) -> Any:
            result = value(*args, **keywords)
            return self if result is self.wrapped else result

        return call

    def __setattr__(self, name: str, value: Any) -> None:
        if name in ("wrapped", "_twin"):
            object.__setattr__(self, name, value)
        else:
            setattr(self.wrapped, name, value)

    async def __aenter__(self) -> Self:
        self.wrapped.__enter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        self.wrapped.__exit__(*error)

    async def __aiter__(self) -> Any:
        for row in self.wrapped:
            yield row


class Connecting:
    """`db.connect` in the shape of `async_db.connect`."""

    def __init__(self, make: Callable[[], db.Connection]) -> None:
        self._make = make

    def __await__(self) -> Any:
        return self._open().__await__()

    async def _open(self) -> Awaitable:
        return Awaitable(self._make(), async_db.Connection)

    async def __aenter__(self) -> Awaitable:
        self._opened = await self._open()
        return await self._opened.__aenter__()

    async def __aexit__(self, *error: object) -> None:
        await self._opened.__aexit__(*error)


class Face:
    """One of the ways to use a connection."""

    def __init__(self, name: str, protocol: str = "rest") -> None:
        self.name = name
        self.protocol = protocol
        self.blocking = name == "sync"

    def local(self, dsn: str = "local:", **keywords: Any) -> Any:
        """Connect to the embedded engine of this process, over the protocol of the test."""
        return self.connect(dsn, protocol=self.protocol, **keywords)

    def to(self, server: LocalServer, **keywords: Any) -> Any:
        """Connect to a server that speaks both protocols, over the one of the test."""
        url = server.url if self.protocol == "rest" else server.flight_url
        return self.connect(url, **keywords)

    def connect(self, *args: Any, **keywords: Any) -> Any:
        if self.blocking:
            return Connecting(lambda: db.connect(*args, **keywords))
        return async_db.connect(*args, **keywords)

    def run(self, scenario: Callable[[], Any]) -> Any:
        return run(scenario()) if self.blocking else anyio.run(scenario, backend=self.name)

    async def together(self, *scenarios: Callable[[], Any]) -> list[Any]:
        """Run scenarios in threads or tasks at once; give their results in order."""
        if self.blocking:
            with ThreadPoolExecutor(len(scenarios)) as threads:
                jobs = [threads.submit(lambda work: run(work()), work) for work in scenarios]
                return [job.result(60) for job in jobs]
        results: list[Any] = [None] * len(scenarios)

        async def one(number: int, work: Callable[[], Any]) -> None:
            results[number] = await work()

        async with anyio.create_task_group() as tasks:
            for number, work in enumerate(scenarios):
                tasks.start_soon(one, number, work)
        return results


PROTOCOLS = ["rest", "flight"]
over_both = pytest.mark.parametrize("protocol", PROTOCOLS)


@pytest.fixture
def protocol():
    return "rest"


@pytest.fixture(params=["sync", "asyncio", "trio"])
def face(request, protocol):
    return Face(request.param, protocol)


@pytest.fixture(autouse=True)
def no_environment(tmp_path, monkeypatch):
    """No setting or token file of who runs the tests reaches them."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in (*(f"{s}_PROXY" for s in ("HTTP", "HTTPS", "ALL")), "FIREBOLT_PROFILE"):
        monkeypatch.delenv(name, raising=False)


def answer(
    rows: list[list[Any]] | None = None, columns: dict[str, str] | None = None, **headers: str
) -> httpx.Response:
    """A JSON_Compact answer; underscores in header names stand for hyphens."""
    meta = [{"name": name, "type": kind} for name, kind in (columns or {}).items()]
    body = {"meta": meta, "data": rows or [], "rows": len(rows or []), "statistics": {"elapsed": 0}}
    return httpx.Response(
        200, json=body, headers={name.replace("_", "-"): value for name, value in headers.items()}
    )


class Script:
    """A server in memory: answers statements in the order of its script, and keeps requests.

    An entry is a response, an exception to raise, or a function of the request. When the script
    is used up, every statement gets one row with the number 1.
    """

    def __init__(self) -> None:
        self.entries: list[Any] = []
        self.requests: list[httpx.Request] = []
        self._lock = threading.Lock()

    @property
    def statements(self) -> list[str]:
        return [request.content.decode() for request in self.requests]

    @property
    def parameters(self) -> list[dict[str, str]]:
        return [
            {name: values[0] for name, values in parse_qs(request.url.query.decode()).items()}
            for request in self.requests
        ]

    def __call__(self, request: httpx.Request) -> httpx.Response:
        with self._lock:
            self.requests.append(request)
            entry = self.entries.pop(0) if self.entries else answer([[1]], {"n": "int"})
        if isinstance(entry, Exception):
            raise entry
        return entry(request) if callable(entry) else entry

    @property
    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self)


@pytest.fixture
def script():
    return Script()


@pytest.fixture
def connect(face, script):
    """Connect to the scripted server, as to a self-hosted engine."""
    return lambda **keywords: face.connect(
        "http://core.test/db", transport=script.transport, **keywords
    )


def refusal(text: str, status: int = 400, **members: Any) -> httpx.Response:
    """An error answer as engines write it."""
    return httpx.Response(
        status, content=json.dumps({"errors": [{"description": text, **members}]})
    )


class WithoutUploads(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """The network to an engine that reads no forms, as older ones do."""

    def _refusal(self, request):
        if request.headers.get("Content-Type", "").startswith("multipart/"):
            return refusal("Line 2, Column 8: syntax error, unexpected '-' in Content-Disposition")
        return None

    def handle_request(self, request):
        request.read()
        if not hasattr(self, "network"):
            self.network = httpx.HTTPTransport()
        return self._refusal(request) or self.network.handle_request(request)

    async def handle_async_request(self, request):
        await request.aread()
        if not hasattr(self, "network"):
            self.network = httpx.AsyncHTTPTransport()
        return self._refusal(request) or await self.network.handle_async_request(request)

    def close(self):
        if hasattr(self, "network"):
            self.network.close()

    async def aclose(self):
        if hasattr(self, "network"):
            await self.network.aclose()


@pytest.fixture(scope="module")
def local_server():
    with LocalServer(flight_port=0) as running:
        yield running


@pytest.fixture(params=["upload", "values", "flight"])
def way(request):
    """The way that rows go: an engine of either kind, or Flight's own."""
    return request.param


@pytest.fixture
def engine(face, local_server, way):
    """Connect to an engine, of which tests share the tables' names one after the other."""
    url = local_server.flight_url if way == "flight" else local_server.url
    keywords = {"transport": WithoutUploads()} if way == "values" else {}
    return lambda **more: face.connect(url, **keywords, **more)


async def rows_of(cursor, sql="SELECT x, label FROM t ORDER BY x"):
    """Run a query and give its rows."""
    await cursor.execute(sql)
    return await cursor.fetchall()
