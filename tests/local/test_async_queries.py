"""Queries that run without their client, and what is told of queries."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import httpx
import pytest

from firebolt_like.local import Clock, LocalServer
from tests.local.conftest import Asker

_MINUTES = "SELECT count(*) FROM range(10000000000) a, range(1000) b"


def _until(condition: Callable[[], bool]) -> None:
    """Wait, at most twenty seconds, until it is so."""
    end = time.monotonic() + 20
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < end, "it never came to be"
        pause.wait(0.005)


def _begin(ask: Asker, sql: str, **params: str) -> str:
    reply = ask.send(sql, **{"async": "true"}, **params)
    assert reply.status_code == 202, reply.text
    body = reply.json()
    assert set(body) == {"message", "monitorSql", "token"}
    assert body["monitorSql"] == f"CALL fb_GetAsyncStatus('{body['token']}');"
    token: str = body["token"]
    return token


def _status(ask: Asker, token: str) -> dict[str, Any]:
    answer = ask.answer(f"CALL fb_GetAsyncStatus('{token}');")
    (row,) = ask.rows(f"CALL fb_GetAsyncStatus('{token}')")
    return dict(zip([column.name for column in answer.columns], row, strict=True))


def _ended(ask: Asker, token: str) -> dict[str, Any]:
    _until(lambda: _status(ask, token)["status"] != "RUNNING")
    return _status(ask, token)


def test_a_statement_runs_without_its_client(server: LocalServer, ask: Asker) -> None:
    """Its token tells any connection how it goes, by the columns and types of the protocol."""
    ask.answer("CREATE OR REPLACE TABLE later (a BIGINT)")
    token = _begin(ask, "INSERT INTO later SELECT * FROM range(1000)")
    with httpx.Client(base_url=server.url, timeout=20) as http:
        other = Asker(http)
        status = _ended(other, token)
        assert other.rows("SELECT count(*) FROM later") == [(1000,)]
        columns = other.answer(f"CALL fb_GetAsyncStatus('{token}')").columns
    assert [(column.name, column.type.json_compact) for column in columns] == [
        ("account_name", "text null"),
        ("user_name", "text null"),
        ("submitted_time", "timestamptz null"),
        ("start_time", "timestamptz null"),
        ("end_time", "timestamptz null"),
        ("status", "text null"),
        ("request_id", "text null"),
        ("query_id", "text null"),
        ("error_message", "text null"),
        ("scanned_bytes", "long null"),
        ("scanned_rows", "long null"),
        ("retries", "long null"),
    ]
    assert (status["status"], status["error_message"]) == ("ENDED_SUCCESSFULLY", "")
    assert status["submitted_time"] <= status["start_time"] <= status["end_time"]


def test_errors_of_syntax_come_at_once_and_others_later(ask: Asker) -> None:
    """Only what can be told from the words alone is an error of the request."""
    assert "syntax error" in ask.error("MALFORMED QUERY", **{"async": "true"})["description"]
    status = _ended(ask, _begin(ask, "SELECT * FROM no_such_table"))
    assert status["status"] == "EXECUTION_ERROR"
    assert "no_such_table" in status["error_message"]


@pytest.mark.parametrize("sql", ["", "SELECT 1; SELECT 2", "BEGIN", "SET timezone=UTC"])
def test_only_one_statement_runs_alone(ask: Asker, sql: str) -> None:
    """Neither none, nor several, nor what changes a session."""
    assert "async=true" in ask.error(sql, **{"async": "true"})["description"]


def test_an_unknown_token_is_an_error(ask: Asker) -> None:
    """And not a status without rows."""
    assert "Token not found" in ask.error("CALL fb_GetAsyncStatus('nix')")["description"]


@pytest.mark.parametrize(
    "cancel", ["CANCEL QUERY WHERE query_id='{}'", "CANCEL QUERY '{}'", "/cancel?query_id={}"]
)
def test_every_way_of_cancelling(ask: Asker, cancel: str) -> None:
    """A cancelled query is not running, not successful, and has changed nothing."""
    ask.answer("CREATE OR REPLACE TABLE never (a BIGINT)")
    token = _begin(ask, f"INSERT INTO never {_MINUTES}")
    status = _status(ask, token)
    assert (status["status"], status["end_time"]) == ("RUNNING", None)
    action = cancel.format(status["query_id"])
    if action.startswith("/"):
        assert ask.http.post(action).status_code == 200
    else:
        ask.answer(action)
    status = _ended(ask, token)
    assert status["status"] == "CANCELED_EXECUTION"
    assert "cancelled" in status["error_message"]
    assert ask.rows("SELECT count(*) FROM never") == [(0,)]
    assert ask.http.post("/cancel?query_id=" + status["query_id"]).status_code == 404


def test_a_timeout_ends_it(ask: Asker) -> None:
    """statement_timeout counts without a client, too."""
    status = _ended(ask, _begin(ask, _MINUTES, statement_timeout="50"))
    assert "statement_timeout" in status["error_message"]


def test_times_are_of_the_servers_clock() -> None:
    """A test may put it forward: an hour passes without sleeping."""
    clock = Clock()
    with LocalServer(clock=clock) as server, httpx.Client(base_url=server.url, timeout=20) as http:
        ask = Asker(http)
        token = _begin(ask, _MINUTES)
        _until(lambda: _status(ask, token)["start_time"] is not None)
        clock.advance(3600)
        (took,) = ask.rows(
            "SELECT duration_us > 3599000000 FROM information_schema.engine_running_queries"
            f" WHERE async_token = '{token}'"
        )
        assert took == (True,)
        ask.answer(f"CANCEL QUERY '{_status(ask, token)['query_id']}'")
        status = _ended(ask, token)
        assert status["end_time"] - status["start_time"] >= timedelta(hours=1)


def _history(ask: Asker, label: str, columns: str) -> list[tuple[Any, ...]]:
    return ask.rows(
        f"SELECT {columns} FROM information_schema.engine_query_history"
        f" WHERE query_label = '{label}'"
    )


@pytest.mark.parametrize(
    ("sql", "end"),
    [
        ("SELECT * FROM range(5)", "ENDED_SUCCESSFULLY"),
        ("SELEC 1", "PARSE_ERROR"),
        ("SELECT 'x'::INT", "EXECUTION_ERROR"),
    ],
)
def test_the_history_has_two_rows_a_query(ask: Asker, sql: str, end: str) -> None:
    """One for the start and one for the end, as soon as the client has its answer."""
    label = f"label of {end}"
    ask.send(sql, query_label=label)
    rows = _history(ask, label, "status, query_text, error_message <> '', returned_rows, end_time")
    first, second = rows
    assert first == ("STARTED_EXECUTION", sql, None, None, None)
    assert second[:3] == (end, sql, end != "ENDED_SUCCESSFULLY")
    assert second[3] == (5 if end == "ENDED_SUCCESSFULLY" else 0)
    assert second[4] is not None


def test_queries_of_one_shape_have_one_normalized_text(ask: Asker) -> None:
    """Without literals, comments and extra blanks."""
    ask.answer("SELECT 1,  'a' -- one", query_label="shape")
    ask.answer("SELECT 22, 'b'", query_label="shape")
    rows = _history(ask, "shape", "query_text_normalized, query_text_normalized_hash")
    assert len(rows) == 4
    assert len(set(rows)) == 1
    assert rows[0][0] == "SELECT ?, ?"


def test_the_history_keeps_the_beginning_of_a_long_statement(ask: Asker) -> None:
    """Of megabytes it remembers 10,000 characters."""
    ask.answer(f"SELECT '{'x' * 1_000_000}'", query_label="long text")
    rows = _history(ask, "long text", "length(query_text), left(query_text, 9)")
    assert rows == [(10_000, "SELECT 'x")] * 2


def test_a_server_stops_while_a_query_runs_alone() -> None:
    """At once: nobody waits for it."""
    with LocalServer() as server, httpx.Client(base_url=server.url, timeout=20) as http:
        _begin(Asker(http), _MINUTES)
        _until(lambda: [query.state for query in server.running_queries()] == ["RUNNING"])
        begun = time.monotonic()
    assert time.monotonic() - begun < 10


def test_a_query_that_ran_into_its_clients_timeout_is_cancelled(ask: Asker) -> None:
    """The history says so."""
    with pytest.raises(httpx.ReadTimeout):
        ask.http.post("/", content=_MINUTES, params={"query_label": "gone"}, timeout=0.3)
    _until(lambda: len(_history(ask, "gone", "status")) == 2)
    assert _history(ask, "gone", "status") == [("STARTED_EXECUTION",), ("CANCELED_EXECUTION",)]


def test_running_queries_are_seen_by_sql(ask: Asker) -> None:
    """With label, text and status; what asks is one of them."""
    token = _begin(ask, _MINUTES, query_label="long")
    sql = "SELECT query_text, status FROM information_schema.engine_running_queries WHERE "
    assert ask.rows(f"{sql} query_label = 'long'") == [(_MINUTES, "RUNNING")]
    assert ask.rows(f"{sql} query_label = 'me'", query_label="me")[0][1] == "RUNNING"
    ask.answer(f"CANCEL QUERY '{_status(ask, token)['query_id']}'")
    _ended(ask, token)
    assert ask.rows(f"{sql} query_label = 'long'") == []


def test_a_full_queue_says_when_to_come_again() -> None:
    """429 with Retry-After, at once; a place that gets free is given away."""
    with (
        LocalServer(workers=1, queue=1) as server,
        httpx.Client(base_url=server.url, timeout=20) as http,
        ThreadPoolExecutor(2) as pool,
    ):
        ask = Asker(http)
        busy = [pool.submit(ask.send, _MINUTES) for _ in range(2)]
        _until(lambda: len(server.running_queries()) == 2)
        reply = ask.send("SELECT 1")
        assert (reply.status_code, reply.headers["retry-after"]) == (429, "1")
        assert "busy" in reply.text
        for query in server.running_queries():
            assert http.post("/cancel", params={"query_id": query.query_id}).status_code == 200
        assert [task.result(20).status_code for task in busy] == [400, 400]
        _until(lambda: not server.running_queries())
        assert ask.rows("SELECT 1") == [(1,)]


def test_two_hundred_connections_at_once(server: LocalServer) -> None:
    """Each gets its own answer."""
    limits = httpx.Limits(max_connections=200, max_keepalive_connections=200)
    start = threading.Barrier(200, timeout=30)

    def query(number: int) -> list[tuple[Any, ...]]:
        start.wait()
        return Asker(http).rows(f"SELECT {number} FROM range(2)")

    with (
        httpx.Client(base_url=server.url, timeout=60, limits=limits) as http,
        ThreadPoolExecutor(200) as pool,
    ):
        assert list(pool.map(query, range(200))) == [[(n,)] * 2 for n in range(200)]
