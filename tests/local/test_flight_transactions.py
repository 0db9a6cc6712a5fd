"""Transactions over Flight, by actions and by SQL in a session that a cookie names."""

from collections.abc import Iterator

import httpx
import pyarrow as pa
import pyarrow.flight as fl
import pytest

from firebolt_like.local import Clock, LocalServer
from firebolt_like.protocol import flight_sql as messages
from firebolt_like.protocol.flight_sql import (
    CommandPreparedStatementUpdate,
    CommandStatementQuery,
    CommandStatementUpdate,
)
from tests.local.conftest import Asker
from tests.local.flight_asker import FlightAsker

COMMIT, ROLLBACK = messages.EndTransaction.COMMIT, messages.EndTransaction.ROLLBACK


@pytest.fixture(scope="module")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def server(clock: Clock) -> Iterator[LocalServer]:
    with LocalServer(databases=["firebolt", "second"], flight_port=0, clock=clock) as server:
        yield server


@pytest.fixture
def ask(server: LocalServer) -> Iterator[FlightAsker]:
    asker = FlightAsker.of(server)
    yield asker
    asker.close()


def test_commit_and_rollback(ask: FlightAsker, server: LocalServer) -> None:
    """What a transaction changes is seen inside of it, and elsewhere once it is committed."""
    ask.update("CREATE TABLE parts (a int)")
    count = "SELECT count(*) FROM parts"
    for how, seen in ((ROLLBACK, 0), (COMMIT, 2)):
        transaction = ask.begin()
        ask.update(CommandStatementUpdate("INSERT INTO parts VALUES (1), (2)", transaction))
        assert ask.rows(CommandStatementQuery(count, transaction)) == [(2,)]
        assert ask.rows(count) == [(0,)]
        ask.end(transaction, how)
        assert ask.rows(count) == [(seen,)]
    with httpx.Client(base_url=server.url) as http:
        assert Asker(http).rows(count) == [(2,)]


def test_a_query_sees_what_was_there(ask: FlightAsker) -> None:
    """In a transaction a query runs with its FlightInfo: no later statement changes its rows."""
    ask.update("CREATE TABLE order_of (a int)")
    transaction = ask.begin()
    before = ask.info(CommandStatementQuery("SELECT count(*) AS n FROM order_of", transaction))
    ask.update(CommandStatementUpdate("INSERT INTO order_of VALUES (1)", transaction))
    ask.end(transaction, COMMIT)
    assert ask.fetch(before).to_pylist() == [{"n": 0}]


def test_a_failed_statement_aborts(ask: FlightAsker) -> None:
    """Nothing but its end goes on in a transaction after an error, and nothing of it is kept."""
    ask.update("CREATE TABLE aborted (a int)")
    transaction = ask.begin()
    ask.update(CommandStatementUpdate("INSERT INTO aborted VALUES (1)", transaction))
    with pytest.raises(pa.ArrowInvalid, match="nix"):
        ask.get(CommandStatementQuery("SELECT nix", transaction))
    with pytest.raises(pa.ArrowInvalid, match="transaction is aborted"):
        ask.get(CommandStatementQuery("SELECT 1", transaction))
    ask.end(transaction, ROLLBACK)
    assert ask.rows("SELECT count(*) FROM aborted") == [(0,)]


def test_a_transaction_that_is_not_there(ask: FlightAsker, clock: Clock) -> None:
    """One that has ended, was never begun or was idle for too long says so; ROLLBACK ends any."""
    transaction = ask.begin()
    clock.advance(301)
    with pytest.raises(pa.ArrowInvalid, match="does not exist"):
        ask.get(CommandStatementQuery("SELECT 1", transaction))
    with pytest.raises(pa.ArrowInvalid, match="does not exist"):
        ask.end(b"\xff nix", COMMIT)
    with pytest.raises(pa.ArrowInvalid, match="wants the id"):
        ask.end(b"", COMMIT)
    with pytest.raises(pa.ArrowInvalid, match=r"COMMIT \(1\) or ROLLBACK \(2\), not 0"):
        ask.act("EndTransaction", messages.ActionEndTransactionRequest(transaction))
    ask.end(transaction, ROLLBACK)


def test_a_statement_prepared_before(ask: FlightAsker, server: LocalServer) -> None:
    """A statement goes on in the next transaction of its connection, and in no other's."""
    ask.update("CREATE TABLE again (a int)")
    first = ask.begin()
    handle = ask.prepare("INSERT INTO again VALUES (1)", first).prepared_statement_handle
    insert = CommandPreparedStatementUpdate(handle)
    assert ask.update(insert) == 1
    ask.end(first, COMMIT)
    other = FlightAsker.of(server)
    others = other.begin()
    with pytest.raises(pa.ArrowInvalid, match="does not exist"):
        ask.update(insert)
    second = ask.begin()
    assert ask.update(insert) == 1
    ask.end(second, ROLLBACK)
    other.end(others, COMMIT)
    other.close()
    assert ask.rows("SELECT count(*) FROM again") == [(1,)]


def test_savepoints_are_refused(ask: FlightAsker) -> None:
    """DuckDB has none; the server says so, in SqlInfo, too."""
    request = messages.ActionBeginSavepointRequest(ask.begin(), "here")
    with pytest.raises(pa.ArrowNotImplementedError, match="A savepoint is not supported"):
        ask.act("BeginSavepoint", request)


class _Cookies(fl.ClientMiddlewareFactory):
    def __init__(self) -> None:
        super().__init__()
        self.kept: list[str] = []

    def start_call(self, info: fl.CallInfo) -> fl.ClientMiddleware:
        return _Cookie(self.kept)


class _Cookie(fl.ClientMiddleware):
    def __init__(self, kept: list[str]) -> None:
        super().__init__()
        self.kept = kept

    def received_headers(self, headers: dict[str, list[str]]) -> None:
        self.kept += [line.partition(";")[0] for line in headers.get("set-cookie", ())]

    def sending_headers(self) -> dict[str, str]:
        return {"cookie": "; ".join(["other=1", *self.kept])} if self.kept else {}


def test_a_session_by_its_cookie(server: LocalServer, ask: FlightAsker) -> None:
    """SET, USE and BEGIN hold for the calls with the cookie, which is given once, and no others."""
    cookies = _Cookies()
    with fl.connect(server.flight_url, middleware=[cookies]) as client:
        session = FlightAsker(client)
        session.get("SET timezone = Asia/Tokyo")
        session.get("USE DATABASE second")
        sql = "SELECT current_database() AS d, TIMESTAMPTZ '2020-01-01 00:00:00'::text AS z"
        assert session.rows(sql) == [("second", "2020-01-01 00:00:00+09")]
        assert ask.rows(sql) == [("firebolt", "2020-01-01 00:00:00+00")]
        session.update("CREATE TABLE kept (a int)")
        session.get("BEGIN")
        session.update("INSERT INTO kept VALUES (1)")
        assert session.rows("SELECT count(*) FROM kept") == [(1,)]
        assert ask.rows("SELECT count(*) FROM second.public.kept") == [(0,)]
        session.get("ROLLBACK")
        assert session.rows("SELECT count(*) FROM kept") == [(0,)]
        assert len(set(cookies.kept)) == 1
