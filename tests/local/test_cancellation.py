"""Queries end when their client is gone, their time is over, or somebody cancels them."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from firebolt_like.local import LocalServer
from tests.local.conftest import Asker, sent

_MINUTES = "SELECT count(*) FROM range(10000000000) a, range(1000) b"
_MINUTES_OF_ROWS = "SELECT i, repeat('x', 100) FROM range(10000000000) r(i)"


def _until(condition: Callable[[], bool]) -> None:
    """Wait, at most ten seconds, until it is so."""
    end = time.monotonic() + 10
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < end, "it never came to be"
        pause.wait(0.005)


def _start_and_hang_up(server: LocalServer, sql: str, **params: str) -> None:
    """Hang up once the query runs."""
    with sent(server, sql, **params):
        _until(lambda: [(q.text, q.state) for q in server.running_queries()] == [(sql, "RUNNING")])


@pytest.mark.parametrize("policy", ["TYPE_DEPENDENT", "ALL"])
def test_a_query_ends_when_its_client_hangs_up(server: LocalServer, policy: str) -> None:
    """Before the first byte: a query that would run for minutes is interrupted."""
    _start_and_hang_up(server, _MINUTES, cancel_query_on_connection_drop=policy)
    _until(lambda: not server.running_queries())


def test_a_stream_ends_when_its_client_hangs_up(server: LocalServer, ask: Asker) -> None:
    """In the middle of a stream, too."""
    params = {"output_format": "JSONLines_Compact"}
    with ask.http.stream("POST", "/", content=_MINUTES_OF_ROWS, params=params) as reply:
        pieces = reply.iter_raw()  # dropped at once, it would hang up
        next(pieces)
        assert [query.state for query in server.running_queries()] == ["RUNNING"]
    _until(lambda: not server.running_queries())


def test_a_statement_with_effects_survives_its_client(server: LocalServer, ask: Asker) -> None:
    """TYPE_DEPENDENT, the default, lets an INSERT finish; so does NONE a SELECT."""
    ask.answer("CREATE OR REPLACE TABLE survived (a BIGINT)")
    sql = "INSERT INTO survived SELECT count(*) FROM range(300000) a, range(10000) b"
    _start_and_hang_up(server, sql)
    _until(lambda: not server.running_queries())
    assert ask.rows("SELECT count(*) FROM survived") == [(1,)]


def test_all_ends_a_statement_with_effects(server: LocalServer, ask: Asker) -> None:
    """With ALL an INSERT is interrupted, and leaves nothing."""
    ask.answer("CREATE OR REPLACE TABLE undone (a BIGINT)")
    sql = "INSERT INTO undone " + _MINUTES
    _start_and_hang_up(server, sql, cancel_query_on_connection_drop="ALL")
    _until(lambda: not server.running_queries())
    assert ask.rows("SELECT count(*) FROM undone") == [(0,)]


def test_none_lets_a_select_run_on(server: LocalServer, ask: Asker) -> None:
    """With NONE the query goes on without its client; CANCEL QUERY still ends it."""
    _start_and_hang_up(server, _MINUTES, cancel_query_on_connection_drop="NONE")
    (query,) = server.running_queries()
    assert query.state == "RUNNING"
    ask.answer(f"CANCEL QUERY WHERE query_id = '{query.query_id}'")
    _until(lambda: not server.running_queries())


@pytest.mark.parametrize("form", ["CANCEL QUERY WHERE query_id='{}'", "CANCEL QUERY '{}'"])
def test_cancel_query_ends_another_one(server: LocalServer, ask: Asker, form: str) -> None:
    """The cancelled statement answers with an error that says so; others run on."""
    with ThreadPoolExecutor(1) as pool:
        cancelled = pool.submit(ask.send, _MINUTES)
        _until(lambda: [q.state for q in server.running_queries()] == ["RUNNING"])
        (query,) = server.running_queries()
        with httpx.Client(base_url=server.url) as other:
            assert Asker(other).rows("SELECT 1") == [(1,)]
            Asker(other).answer(form.format(query.query_id))
        reply = cancelled.result(10)
    assert reply.status_code == 400
    assert "query was cancelled" in reply.json()["errors"][0]["description"]
    assert "does not exist" in ask.error(form.format("nix"))["description"]


@pytest.mark.parametrize("setting", [{"statement_timeout": "100"}, {"max_execution_time": "1"}])
def test_a_statement_timeout_ends_a_query(ask: Asker, setting: dict[str, str]) -> None:
    """statement_timeout is in milliseconds, max_execution_time in seconds."""
    error = ask.error(_MINUTES, **setting)
    assert "statement_timeout" in error["description"]


def test_a_cancelled_statement_aborts_its_transaction(ask: Asker) -> None:
    """What was done before it is rolled back."""
    ask.answer("CREATE OR REPLACE TABLE kept (a INT)")
    inside = ask.within(ask.send("BEGIN"))
    inside = inside.within(inside.send("INSERT INTO kept VALUES (1)"))
    assert inside.error(_MINUTES, statement_timeout="50")
    assert "aborted" in inside.error("SELECT 1")["description"]
    inside.answer("ROLLBACK")
    assert ask.rows("SELECT count(*) FROM kept") == [(0,)]


def test_waiting_queries_wait_and_can_be_cancelled() -> None:
    """With all workers busy a query waits, and is seen to; a cancelled one leaves the queue."""
    with (
        LocalServer(workers=1) as server,
        httpx.Client(base_url=server.url, timeout=20) as http,
        ThreadPoolExecutor(2) as pool,
    ):
        ask = Asker(http)
        first = pool.submit(ask.send, _MINUTES)
        _until(lambda: [q.state for q in server.running_queries()] == ["RUNNING"])
        second = pool.submit(ask.send, "SELECT 2")
        _until(lambda: [q.state for q in server.running_queries()] == ["RUNNING", "WAITING"])
        _, waiting = server.running_queries()
        http.post("/cancel", params={"query_id": waiting.query_id})
        assert second.result(10).status_code == 400
        assert not first.done()
        server.stop()
        assert first.result(10).status_code == 400


def test_many_at_once_get_their_own_answers(server: LocalServer) -> None:
    """Forty clients at once, more than there are workers: each gets its rows."""
    limits = httpx.Limits(max_connections=40)
    with (
        httpx.Client(base_url=server.url, timeout=30, limits=limits) as http,
        ThreadPoolExecutor(40) as pool,
    ):
        ask = Asker(http)
        answers = pool.map(lambda n: ask.rows(f"SELECT {n} FROM range(3)"), range(200))
        assert list(answers) == [[(n,)] * 3 for n in range(200)]
