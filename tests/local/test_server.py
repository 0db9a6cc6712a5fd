"""The server's life: start, stop, files, the one that a process shares, the command."""

import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest

from firebolt_like.errors import ConfigurationError
from firebolt_like.local import LocalServer
from firebolt_like.local.shared_server import (
    SharedServer,
    acquire_shared_server,
    release_shared_server,
)


def _ask(server: LocalServer, sql: str) -> str:
    headers = {} if server.token is None else {"Authorization": f"Bearer {server.token}"}
    reply = httpx.post(server.url, content=sql, headers=headers)
    assert reply.status_code == 200, reply.text
    return reply.text.split("\n", 2)[-1].strip()


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_it_is_an_async_context_manager(anyio_backend: str) -> None:
    """`async with` starts and stops it, on asyncio and trio."""
    async with LocalServer() as server, httpx.AsyncClient() as http:
        reply = await http.post(server.url, content="SELECT 1 AS a")
        assert reply.text == "a\nint\n1\n"
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", server.port)) != 0


def _seconds_to_stop() -> float:
    server = LocalServer()
    server.start()
    sql = "SELECT i, repeat('x', 100) FROM range(10000000000) r(i)"
    with httpx.stream("POST", server.url, content=sql) as reply:
        next(reply.iter_raw())
        begun = time.perf_counter()
        server.stop()
        seconds = time.perf_counter() - begun
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", server.port)) != 0
    server.stop()
    return seconds


def test_it_stops_fast_and_leaves_nothing() -> None:
    """Stopping takes less than half a second, with a query running, and ends all threads."""
    before = set(threading.enumerate())
    assert min(_seconds_to_stop() for _ in range(3)) < 0.5
    assert set(threading.enumerate()) == before


def test_a_file_keeps_its_data(tmp_path: Path) -> None:
    """What one server wrote, the next one reads; two may not have the file at once."""
    file = tmp_path / "it's a.db"
    with LocalServer(file) as server:
        _ask(server, "CREATE TABLE t AS SELECT 5 AS a")
        with pytest.raises(ConfigurationError, match="cannot be opened"):
            LocalServer(file).start()
    with LocalServer(databases={"other_name": file, "memory": None}) as server:
        assert _ask(server, "SELECT a FROM t") == "5"


def test_connections_see_the_same_data() -> None:
    """Several clients of one server see what the others wrote."""
    with LocalServer() as server:
        _ask(server, "CREATE TABLE t (a INT)")
        for n in range(3):
            _ask(server, f"INSERT INTO t VALUES ({n})")
        assert _ask(server, "SELECT count(*) FROM t") == "3"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.com"])
def test_it_listens_elsewhere_only_with_credentials(host: str) -> None:
    """Without credentials only loopback is allowed."""
    with pytest.raises(ConfigurationError, match="credentials"):
        LocalServer(host=host)
    assert LocalServer(host=host, token="a token")


def test_it_says_when_it_cannot_listen() -> None:
    """A port that is taken is a clear error, which names it."""
    with (
        LocalServer() as server,
        pytest.raises(ConfigurationError, match=f"port {server.port}"),
    ):
        LocalServer(port=server.port).start()


@pytest.mark.parametrize(
    "arguments",
    [
        {"database": "a.db", "databases": ["b"]},
        {"databases": []},
        {"databases": ["a,b"]},
        {"databases": ["a\nb"]},
        {"engines": {"e": "nix"}},
        {"engines": [""]},
    ],
)
def test_contradictory_arguments_are_refused(arguments: dict[str, object]) -> None:
    """Before anything is started."""
    with pytest.raises(ConfigurationError):
        LocalServer(**arguments)  # type: ignore[arg-type]  # that is what is tested


def test_a_missing_extra_is_named() -> None:
    """Without DuckDB or Starlette the error says what to install; importing works without."""
    program = """
import sys
sys.modules["duckdb"] = None
from firebolt_like.errors import ConfigurationError
from firebolt_like.local import LocalServer
try:
    LocalServer().start()
except ConfigurationError as error:
    print(error, error.hint)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert "'duckdb'" in done.stdout
    assert 'pip install "firebolt_like[local]"' in done.stdout


def test_bodies_have_a_limit() -> None:
    """A statement that is too long is 413, and the server lives on."""
    with LocalServer(max_body=1000) as server:
        assert httpx.post(server.url, content=b" " * 2000).status_code == 413
        assert _ask(server, "SELECT 1") == "1"


def test_a_process_shares_one_server_a_path(tmp_path: Path) -> None:
    """The same path is the same server, from many threads; the last release stops it."""
    servers: list[LocalServer] = []

    def acquire() -> None:
        servers.append(acquire_shared_server(tmp_path / "sub" / ".." / "shared.db"))

    (tmp_path / "sub").mkdir()
    threads = [threading.Thread(target=acquire) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    memory = acquire_shared_server(None)
    assert len(set(map(id, servers))) == 1
    assert memory is not servers[0]
    release_shared_server(memory)
    for server in servers:
        assert _ask(server, "SELECT 1") == "1"
        release_shared_server(server)
    with pytest.raises(httpx.ConnectError):
        httpx.get(servers[0].url)


def test_the_shared_server_wants_its_token() -> None:
    """Other users of the machine cannot use it: the token is random, and in no repr."""
    server = acquire_shared_server(None)
    try:
        assert server.token
        assert server.token not in repr(server)
        assert httpx.post(server.url, content="SELECT 1").status_code == 401
        assert _ask(server, "SELECT 1") == "1"
    finally:
        release_shared_server(server)


_COMMAND = [sys.executable, "-c", "from firebolt_like.cli.main import app; app()"]


def test_a_use_that_ended_before_it_began_leaves_nothing(tmp_path: Path) -> None:
    """A task that was cancelled lets go of a server that a thread is still starting for it."""
    use = SharedServer(tmp_path / "file.db")
    use.end()
    use.begin()
    with LocalServer(tmp_path / "file.db") as alone:
        assert _ask(alone, "SELECT 1 AS a") == "1"
    use.end()


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX")
@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_the_command_serves_until_it_is_ended(ending: signal.Signals, tmp_path: Path) -> None:
    """It prints one line with its URL, answers, and ends with code 0."""
    files = ["--database", str(tmp_path / "served.db"), "--folder", str(tmp_path / "kept")]
    arguments = ["serve", "--port", "0", *files]
    with subprocess.Popen(
        [*_COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        line = process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+", line)
        assert found is not None
        assert httpx.post(found[0], content="SELECT 1 AS a").text == "a\nint\n1\n"
        process.send_signal(ending)
        assert process.wait(10) == 0
        assert process.stdout.read() == ""
        assert process.stderr.read() == ""
    assert (tmp_path / "kept" / "server.json").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX")
@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM] * 3)
def test_the_command_may_be_ended_as_soon_as_it_speaks(ending: signal.Signals) -> None:
    """Who reads its line and ends it at once gets code 0 all the same."""
    with subprocess.Popen(
        [*_COMMAND, "serve", "--port", "0"], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(ending)
        assert process.wait(10) == 0


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["--version"], 0, "firebolt-like 0."),
        (["serve", "--host", "0.0.0.0"], 2, "credentials"),
        (["serve", "--user", "anna"], 2, "password"),
        (["serve", "--port", "99999"], 2, "port 99999"),
    ],
)
def test_the_command_says_what_is_wrong(arguments: list[str], code: int, text: str) -> None:
    """The version on request; a bad combination is one sentence and code 2."""
    done = subprocess.run([*_COMMAND, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert text in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
