"""Faults on demand, as stock HTTP clients meet them."""

import gzip
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from firebolt_like.errors import ConfigurationError
from firebolt_like.local import Clock, LocalServer
from tests.local.conftest import Asker, sent


@pytest.fixture(autouse=True)
def table(ask: Asker) -> Iterator[None]:
    ask.answer("CREATE OR REPLACE TABLE struck (a INT)")
    yield
    ask.answer("DROP TABLE struck")


def _inserted(ask: Asker) -> int:
    return ask.rows("SELECT count(*)::INT FROM struck")[0][0]


_INSERT = "INSERT INTO struck VALUES (1)"


@pytest.mark.parametrize(("when", "ran"), [(None, 0), ("before", 0), ("after", 1)])
def test_a_dropped_request_has_run_or_not(
    server: LocalServer, ask: Asker, when: Any, ran: int
) -> None:
    """Nothing is answered; the statement ran if the fault says after, and the next one is well."""
    with (
        server.fault("drop", when=when, sql="insert INTO") as fault,
        pytest.raises(httpx.RemoteProtocolError, match="without sending a response"),
    ):
        ask.send(_INSERT)
    assert (fault.hits, _inserted(ask)) == (1, ran)


@pytest.mark.parametrize("sql", ["SELECT 'some text'", "SELECT * FROM range(1000000)"])
def test_an_answer_is_dropped_half_way(server: LocalServer, ask: Asker, sql: str) -> None:
    """The head comes, and a piece of the body; then the connection is gone."""
    server.fault("drop", when="during")
    received = b""
    with ask.http.stream("POST", "/", content=sql) as reply:
        assert reply.status_code == 200
        with pytest.raises(httpx.RemoteProtocolError, match="closed connection"):
            for piece in reply.iter_raw():
                received += piece
    assert received
    assert ask.http.post("/", content=sql).content.startswith(received)


def test_an_answer_without_a_body_is_dropped_whole(server: LocalServer, ask: Asker) -> None:
    """It would be complete with its head; the statement ran."""
    server.fault("drop", when="during")
    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        ask.http.post("/", content=_INSERT, params={"output_format": "TabSeparated"})
    assert _inserted(ask) == 1


@pytest.mark.parametrize("sql", ["SELECT 'some text'", "SELECT * FROM range(1000000)"])
def test_an_answer_is_cut_as_if_it_were_whole(server: LocalServer, ask: Asker, sql: str) -> None:
    """HTTP says that all is well; what came is the beginning of the answer, and no more."""
    server.fault("cut")
    part, whole = ask.http.post("/", content=sql), ask.http.post("/", content=sql)
    assert part.status_code == 200
    assert 0 < len(part.content) < len(whole.content)
    assert whole.content.startswith(part.content)
    _until(lambda: not server.running_queries())


@pytest.mark.parametrize(("when", "ran"), [("before", 0), ("after", 1)])
@pytest.mark.parametrize("status", [401, 429, 500, 503])
def test_a_status_is_answered(
    server: LocalServer, ask: Asker, status: int, when: Any, ran: int
) -> None:
    """Instead of the answer, whether the statement is run or not, with Retry-After."""
    server.fault(status, when=when, sql="insert", retry_after=0.5)
    reply = ask.send(_INSERT)
    assert (reply.status_code, reply.headers["retry-after"]) == (status, "0.5")
    assert reply.text == f"The server was told to answer {status}."
    assert _inserted(ask) == ran


@pytest.mark.parametrize("when", ["before", "during", "after"])
def test_a_stalled_request_goes_on_when_the_fault_is_removed(
    server: LocalServer, ask: Asker, when: Any
) -> None:
    """A client that waits gets its whole answer after all, also where that has no body."""
    for sql, end in (("SELECT 'some text'", "some text\n"), (_INSERT, "")):
        with ThreadPoolExecutor(1) as threads:
            with server.fault("stall", when=when, path="/query") as fault:
                job = threads.submit(ask.http.post, "/query", content=sql)
                _until(lambda fault=fault: fault.stalled)
                assert ask.rows("SELECT 1") == [(1,)]
                assert not job.done()
            assert job.result(10).text.endswith(end)


@pytest.mark.parametrize("when", ["before", "during", "after"])
def test_a_client_may_give_a_stalled_request_up(server: LocalServer, ask: Asker, when: Any) -> None:
    """It hangs up; no query is left, and one that stalled before it ran never runs."""
    with server.fault("stall", when=when, sql="insert") as fault:
        with sent(server, f"{_INSERT} RETURNING a"):
            _until(lambda: fault.stalled)
        _until(lambda: not fault.stalled and not server.running_queries())
    assert fault.hits == 1
    assert _inserted(ask) == (0 if when == "before" else 1)


def test_a_server_with_stalled_requests_stops() -> None:
    """Whoever waits for an answer learns that there is none, and the statement is not run."""
    with ThreadPoolExecutor(1) as threads:
        with LocalServer() as server:
            fault = server.fault("stall")
            job = threads.submit(httpx.post, server.url, content="SELECT 1", timeout=20)
            _until(lambda: fault.hits)
        assert isinstance(job.exception(10), httpx.TransportError)


def test_faults_strike_what_they_were_made_for(server: LocalServer, ask: Asker) -> None:
    """By path and by text, so many times, the oldest first; until they are removed."""
    everywhere = server.fault(503, path="/*y", times=None)
    twice = server.fault(500, sql="FIND me", times=2)
    later = server.fault(502, sql="find me")
    statuses = [ask.send("SELECT 'Find Me'").status_code for _ in range(4)]
    assert statuses == [500, 500, 502, 200]
    assert ask.http.post("/query", content="SELECT 1").status_code == 503
    assert ask.send("SELECT 1").status_code == 200
    everywhere.remove()
    everywhere.remove()
    assert ask.http.post("/query", content="SELECT 1").status_code == 200
    assert (everywhere.hits, twice.hits, later.hits) == (1, 2, 1)


def test_compressed_requests_are_struck_by_their_text(server: LocalServer, ask: Asker) -> None:
    """`sql` is looked for in what the body holds, however it was sent."""
    headers = {"Content-Encoding": "gzip"}
    with server.fault(503, sql="find me", times=None) as fault:
        for sql in ("SELECT 'find me'", "SELECT 'nobody'"):
            ask.http.post("/", content=gzip.compress(sql.encode()), headers=headers)
        broken = ask.http.post("/", content=b"find me", headers=headers)
    assert (fault.hits, broken.status_code) == (1, 400)


def test_a_seed_strikes_the_same_requests_each_time(server: LocalServer, ask: Asker) -> None:
    """A share of the requests fails: the same ones with one seed, others with another."""

    def struck(seed: int) -> list[int]:
        with server.fault(503, times=None, share=0.3, seed=seed) as fault:
            statuses = [ask.send("SELECT 1").status_code for _ in range(40)]
        assert fault.hits == statuses.count(503)
        return statuses

    first = struck(1)
    assert 2 < first.count(503) < 25
    assert struck(1) == first
    assert struck(2) != first


def test_a_clock_is_put_forward() -> None:
    """Tokens expire without anybody sleeping."""
    clock = Clock()
    with LocalServer(users={"ada": "lovelace"}, token_lifetime=3600, clock=clock) as server:
        login = {"username": "ada", "password": "lovelace"}
        token = httpx.post(f"{server.url}/auth/v1/login", json=login).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        before = httpx.post(server.url, content="SELECT 1", headers=headers)
        clock.advance(3601)
        after = httpx.post(server.url, content="SELECT 1", headers=headers)
    assert (before.status_code, after.status_code) == (200, 401)


@pytest.mark.parametrize(
    ("what", "keywords"),
    [
        ("dorp", {}),
        (200, {}),
        (503, {"when": "during"}),
        ("cut", {"when": "before"}),
        ("drop", {"when": "never"}),
        ("drop", {"times": 0}),
        ("drop", {"share": 0.0}),
        ("drop", {"share": 1.5}),
        ("drop", {"retry_after": 1}),
    ],
)
def test_faults_that_make_no_sense_are_refused(
    server: LocalServer, what: Any, keywords: dict[str, Any]
) -> None:
    """Before anything is struck."""
    with pytest.raises(ConfigurationError):
        server.fault(what, **keywords)


def _until(done: Any) -> None:
    """Wait for what another thread does."""
    end, pause = time.monotonic() + 10, threading.Event()
    while not done():
        assert time.monotonic() < end
        pause.wait(0.005)
