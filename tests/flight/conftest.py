"""The ways to use a client: sync, asyncio and trio, each over both transports; and real servers."""

import contextlib
import inspect
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self

import anyio
import pyarrow as pa
import pyarrow.parquet
import pytest

from firebolt_like.client.io import run
from firebolt_like.errors import AuthenticationError, OperationalError
from firebolt_like.flight import (
    AsyncFlightResult,
    AsyncFlightSQLClient,
    AsyncPreparedStatement,
    AsyncTransaction,
    FlightResult,
    FlightSQLClient,
    PreparedStatement,
    Transaction,
)
from firebolt_like.local import LocalServer

TWINS: dict[type, type] = {
    FlightSQLClient: AsyncFlightSQLClient,
    FlightResult: AsyncFlightResult,
    PreparedStatement: AsyncPreparedStatement,
    Transaction: AsyncTransaction,
}


class Awaitable:
    """A sync object behind the async face's shape: what is awaited there does not suspend here."""

    def __init__(self, wrapped: Any) -> None:
        self.wrapped = wrapped

    def __getattr__(self, name: str) -> Any:
        value = getattr(self.wrapped, name)
        twin = getattr(TWINS[type(self.wrapped)], name, None)
        if not inspect.iscoroutinefunction(twin):
            return value

        async def call(*args: Any, **keywords: Any) -> Any:
            args = tuple(_bare(arg) for arg in args)
            keywords = {key: _bare(arg) for key, arg in keywords.items()}
            result = value(*args, **keywords)
            return Awaitable(result) if type(result) in TWINS else result

        return call

    async def __aenter__(self) -> Self:
        self.wrapped.__enter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        self.wrapped.__exit__(*error)

    async def __aiter__(self) -> Any:
        for each in self.wrapped:
            yield each


def _bare(value: Any) -> Any:
    return value.wrapped if isinstance(value, Awaitable) else value


class Face:
    """One way to use a client."""

    def __init__(self, name: str, transport: str) -> None:
        self.name = name
        self.transport = transport
        self.blocking = name == "sync"

    def client(self, *args: Any, **keywords: Any) -> Any:
        keywords.setdefault("transport", self.transport)
        keywords.setdefault("timeout", 30)
        if self.blocking:
            return Awaitable(FlightSQLClient(*args, **keywords))
        return AsyncFlightSQLClient(*args, **keywords)

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


@pytest.fixture(params=["sync", "asyncio", "trio"])
def way(request):
    return request.param


@pytest.fixture(params=["grpc", "pyarrow"])
def transport(request):
    return request.param


@pytest.fixture
def face(way, transport):
    return Face(way, transport)


@pytest.fixture
def cancelling_face(way):
    """Over grpcio alone: pyarrow.flight cannot cancel a call that waits for its first answer."""
    return Face(way, "grpc")


@pytest.fixture(autouse=True)
def quiet_environment(tmp_path, monkeypatch):
    """No proxy and no token file of who runs the tests."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture(scope="session")
def embedded() -> Iterator[LocalServer]:
    with LocalServer(flight_port=0) as server:
        yield server


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@contextlib.contextmanager
def process(command: list[str], port: int, folder: Path, **environment: str) -> Iterator[str]:
    """Run a server until the block ends; give its URL as soon as it answers."""
    url = f"grpc://127.0.0.1:{port}"
    with (folder / f"{port}.log").open("w") as log:
        server = subprocess.Popen(
            command, stdout=log, stderr=log, cwd=folder, env={**os.environ, **environment}
        )
        try:
            _wait_for(url, server)
            yield url
        finally:
            server.kill()
            server.wait(20)


def _wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 60
    with FlightSQLClient(url, timeout=30) as client:
        while True:
            try:
                client.query("select 1").close()
            except AuthenticationError:
                return  # it answers
            except OperationalError:
                assert server.poll() is None, "the server ended"
                assert time.monotonic() < end
            else:
                return


def _program(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


@pytest.fixture(scope="session")
def numbers(tmp_path_factory) -> Path:
    """A file of 20,000 rows."""
    rows = range(20_000)
    table = pa.table({"id": pa.array(rows), "name": [f"name {n}" for n in rows]})
    path = tmp_path_factory.mktemp("data") / "numbers.parquet"
    pyarrow.parquet.write_table(table, path)
    return path


@pytest.fixture(scope="session")
def roapi(tmp_path_factory, numbers) -> Iterator[str]:
    """DataFusion, as ROAPI serves it."""
    port = free_port()
    http, postgres = free_port(), free_port()
    command = [_program("roapi"), "--addr-flight-sql", f"127.0.0.1:{port}"]
    command += ["--addr-http", f"127.0.0.1:{http}", "--addr-postgres", f"127.0.0.1:{postgres}"]
    command += ["--table", f"numbers={numbers}"]
    with process(command, port, tmp_path_factory.mktemp("roapi")) as url:
        yield url


@pytest.fixture(scope="session")
def roapi_with_login(tmp_path_factory, numbers) -> Iterator[str]:
    """ROAPI that lets in the user "ada" with the password "secret"."""
    port = free_port()
    folder = tmp_path_factory.mktemp("roapi_with_login")
    settings = {
        "addr": {
            "http": f"127.0.0.1:{free_port()}",
            "postgres": f"127.0.0.1:{free_port()}",
            "flight_sql": f"127.0.0.1:{port}",
        },
        "flight_sql_config": {"auth_basic": {"username": "ada", "password": "secret"}},
        "tables": [{"name": "numbers", "uri": str(numbers)}],
    }
    (folder / "roapi.yml").write_text(json.dumps(settings))  # JSON is YAML
    with process([_program("roapi"), "-c", "roapi.yml"], port, folder) as url:
        yield url


@pytest.fixture(scope="session")
def sail(tmp_path_factory) -> Iterator[str]:
    """Sail in one process."""
    port = free_port()
    command = [_program("sail"), "flight", "server", "--port", str(port)]
    with process(command, port, tmp_path_factory.mktemp("sail")) as url:
        yield url


@pytest.fixture(scope="session")
def sail_cluster(tmp_path_factory) -> Iterator[str]:
    """Sail as a cluster: a driver and its workers."""
    port = free_port()
    command = [_program("sail"), "flight", "server", "--port", str(port)]
    folder = tmp_path_factory.mktemp("sail_cluster")
    with process(command, port, folder, SAIL_MODE="local-cluster") as url:
        yield url
