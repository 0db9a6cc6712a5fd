"""Stopping over Flight: a query by its FlightInfo, by hanging up, by time, and with the server."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pyarrow.flight as fl
import pytest

from firebolt_like.local import LocalServer
from firebolt_like.protocol import flight_sql as messages
from firebolt_like.protocol.flight import (
    CancelFlightInfoRequest,
    CancelFlightInfoResult,
    CancelStatus,
    FlightInfo,
)
from firebolt_like.protocol.protobuf import decode, encode
from tests.local.flight_asker import FlightAsker

# runs for minutes, and gives its first row at the end
LONG = "SELECT count(*) FROM range(100000) a(x), range(100000) b(y), range(9) c(z) WHERE x + y = z"
ENDLESS = "SELECT a, repeat('x', 100) AS b FROM range(1000000000000) AS t(a)"


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with LocalServer(flight_port=0) as server:
        yield server


@pytest.fixture
def ask(server: LocalServer) -> Iterator[FlightAsker]:
    asker = FlightAsker.of(server)
    yield asker
    asker.close()


def eventually(condition: Callable[[], bool]) -> bool:
    """Wait until something is so, ten seconds at most."""
    waited = threading.Event()
    until = time.monotonic() + 10
    while not condition() and time.monotonic() < until:
        waited.wait(0.01)
    return condition()


def is_idle() -> bool:
    """Say whether this process, with its servers, does nothing: they wait for their clients."""
    before = time.process_time()
    threading.Event().wait(0.2)
    return time.process_time() - before < 0.02


def running(server: LocalServer) -> list[str]:
    return [query.state for query in server.running_queries()]


@pytest.mark.parametrize("action", ["CancelFlightInfo", "CancelQuery"])
def test_cancel_by_flight_info(server: LocalServer, ask: FlightAsker, action: str) -> None:
    """Its fetch ends with an error within a second, and its ticket is worth nothing any more."""
    info = ask.info(LONG)
    with ThreadPoolExecutor(1) as pool:
        fetching = pool.submit(ask.fetch, info)
        assert eventually(lambda: running(server) == ["RUNNING"])
        begun = time.monotonic()
        assert _cancel(ask, action, info) == CancelStatus.CANCELLED
        with pytest.raises(fl.FlightCancelledError, match="cancelled by a request"):
            fetching.result(10)
        assert time.monotonic() - begun < 1
    assert _cancel(ask, action, info) == CancelStatus.NOT_CANCELLABLE
    with pytest.raises(pa.ArrowInvalid, match="ticket is unknown"):
        ask.fetch(info)
    assert running(server) == []


def _cancel(ask: FlightAsker, action: str, info: fl.FlightInfo) -> int:
    if action == "CancelQuery":
        request = messages.ActionCancelQueryRequest(info.serialize())
        (answer,) = ask.act(action, request)
        result = messages.unpack(answer)
        assert isinstance(result, messages.ActionCancelQueryResult)
        return result.result
    body = encode(CancelFlightInfoRequest(decode(FlightInfo, info.serialize())))
    return decode(CancelFlightInfoResult, ask.act(action, body)[0]).status


def test_a_client_that_hangs_up(server: LocalServer) -> None:
    """Its query ends within a second, whether it computes or waits for the client to read."""
    for sql in (LONG, ENDLESS):
        script = (
            "import sys, pyarrow.flight as fl\n"
            "client = fl.connect(sys.argv[1])\n"
            "info = client.get_flight_info(fl.FlightDescriptor.for_command(sys.argv[2]))\n"
            "reader = client.do_get(info.endpoints[0].ticket)\n"
            "reader.read_chunk()\n"
            "sys.stdin.read()\n"
        )
        command = [sys.executable, "-c", script, server.flight_url, sql]
        with subprocess.Popen(command, stdin=subprocess.PIPE) as client:
            assert eventually(lambda: running(server) == ["RUNNING"])
            client.kill()
            begun = time.monotonic()
        assert eventually(lambda: running(server) == [])
        assert time.monotonic() - begun < 1.5


def test_a_cancelled_fetch(server: LocalServer, ask: FlightAsker) -> None:
    """`cancel()` on the client's side ends the query on the server, and what it has open."""
    reader = ask.client.do_get(ask.info(ENDLESS).endpoints[0].ticket)
    reader.read_chunk()
    assert running(server) == ["RUNNING"]
    reader.cancel()
    assert eventually(lambda: running(server) == [])
    assert ask.rows("SELECT 1") == [(1,)]


@pytest.mark.parametrize("face", ["query", "update"])
def test_a_deadline(server: LocalServer, ask: FlightAsker, face: str) -> None:
    """When the client's deadline is over, nothing goes on for it on the server."""
    ask.update("CREATE TABLE counts (n bigint)")
    ask.options = fl.FlightCallOptions(timeout=0.5)
    with pytest.raises(fl.FlightTimedOutError):
        ask.get(LONG) if face == "query" else ask.update(f"INSERT INTO counts {LONG}")
    assert eventually(lambda: running(server) == [])
    ask.options = fl.FlightCallOptions(timeout=30)
    assert ask.rows("SELECT count(*) FROM counts") == [(0,)]


def test_statement_timeout(server: LocalServer) -> None:
    """The setting ends a query as it does over REST."""
    ask = FlightAsker.of(server, statement_timeout="200")
    with pytest.raises(fl.FlightTimedOutError, match="longer than statement_timeout"):
        ask.get(LONG)
    ask.close()


def test_cancel_by_sql(server: LocalServer, ask: FlightAsker) -> None:
    """A query over Flight is on the list of queries, and CANCEL QUERY ends it."""
    with ThreadPoolExecutor(1) as pool:
        fetching = pool.submit(ask.get, LONG)
        assert eventually(lambda: running(server) == ["RUNNING"])
        (query,) = server.running_queries()
        ask.update(f"CANCEL QUERY WHERE query_id = '{query.query_id}'")
        with pytest.raises(fl.FlightCancelledError, match="CANCEL QUERY"):
            fetching.result(10)


def test_nothing_holds_up_the_end() -> None:
    """A server ends though clients do not read, and its threads with it."""
    before = {thread.name for thread in threading.enumerate()}
    with LocalServer(flight_port=0) as server:
        asker = FlightAsker.of(server)
        reader = asker.client.do_get(asker.info(ENDLESS).endpoints[0].ticket)
        reader.read_chunk()
        assert eventually(is_idle)
        with ThreadPoolExecutor(1) as pool:
            fetching = pool.submit(asker.get, LONG)
            assert eventually(lambda: len(running(server)) == 2)
            begun = time.monotonic()
            server.stop()
            assert time.monotonic() - begun < 5
            with pytest.raises(fl.FlightError):
                fetching.result(10)
        with pytest.raises(fl.FlightError):
            reader.read_all()
    asker.close()
    after = {thread.name for thread in threading.enumerate() if "firebolt" in thread.name}
    assert after <= before


@pytest.mark.parametrize("sql", ["INSERT INTO t VALUES (?)", "DELETE FROM t WHERE a = ?", ""])
def test_a_client_that_never_ends_its_rows(sql: str) -> None:
    """Parameters and ingests that somebody is still putting do not hold up the end."""
    rows = pa.table({"a": [1, 2]})
    with LocalServer(flight_port=0) as server:
        asker = FlightAsker.of(server)
        asker.update("CREATE TABLE t (a int)")
        command: messages.Message = messages.CommandStatementIngest(
            messages.TableDefinitionOptions(1, 2), "t"
        )
        if sql:
            handle = asker.prepare(sql).prepared_statement_handle
            command = messages.CommandPreparedStatementUpdate(handle)
        descriptor = fl.FlightDescriptor.for_command(messages.pack(command))
        writer, _ = asker.client.do_put(descriptor, rows.schema)
        writer.write_table(rows)
        assert eventually(is_idle)
        begun = time.monotonic()
    assert time.monotonic() - begun < 5
    with pytest.raises(pa.ArrowException):
        writer.close()
    asker.close()


def test_a_client_that_never_reads() -> None:
    """A stalled client of another process loses its connection when the server ends."""
    script = (
        "import sys, pyarrow.flight as fl\n"
        "client = fl.connect(sys.argv[1])\n"
        "info = client.get_flight_info(fl.FlightDescriptor.for_command(sys.argv[2]))\n"
        "reader = client.do_get(info.endpoints[0].ticket)\n"
        "reader.read_chunk()\n"
        "print('stalls', flush=True)\n"
        "sys.stdin.readline()\n"
        "try:\n"
        "    reader.read_all()\n"
        "except BaseException as error:\n"  # pyarrow may say KeyboardInterrupt
        "    print(type(error).__name__)\n"
    )
    with LocalServer(flight_port=0) as server:
        command = [sys.executable, "-c", script, server.flight_url, ENDLESS]
        client = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert client.stdout is not None
        assert client.stdout.readline() == "stalls\n"
        assert eventually(is_idle)
        begun = time.monotonic()
    assert time.monotonic() - begun < 5
    rest, _ = client.communicate("\n", timeout=20)
    assert rest
