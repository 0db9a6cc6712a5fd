"""Transactions: one DuckDB connection each, found by the id that the client sends back."""

from collections.abc import Iterator

import httpx
import pytest

from firebolt_like.local import LocalServer
from tests.local.conftest import Asker


@pytest.fixture
def table(ask: Asker) -> Iterator[str]:
    ask.answer("CREATE OR REPLACE TABLE moved (a INT)")
    yield "moved"
    ask.answer("DROP TABLE IF EXISTS moved")


def _begin(ask: Asker, sql: str = "BEGIN") -> Asker:
    return ask.within(ask.send(sql))


@pytest.mark.parametrize("word", ["", " TRANSACTION", " WORK", " /* now */ transaction"])
def test_begin_and_commit(ask: Asker, table: str, word: str) -> None:
    """BEGIN gives two parameters, id first; own writes are seen, others see them after COMMIT."""
    reply = ask.send("BEGIN" + word)
    lines = reply.headers.get_list("firebolt-update-parameters")
    assert [line.split("=")[0] for line in lines] == ["transaction_id", "transaction_sequence_id"]
    inside = ask.within(reply)
    inside = inside.within(inside.send("INSERT INTO moved VALUES (1)"))
    before = inside.send("SELECT count(*) FROM moved")
    assert before.json()["data"] == [["1"]]
    inside = inside.within(before)
    assert ask.rows("SELECT count(*) FROM moved") == [(0,)]
    end = inside.send("COMMIT" + word)
    assert end.headers.get_list("firebolt-remove-parameters") == [
        *("transaction_id", "transaction_sequence_id"),
    ]
    assert ask.rows("SELECT count(*) FROM moved") == [(1,)]


def test_rollback_undoes_data_and_tables(ask: Asker, table: str) -> None:
    """ROLLBACK undoes DML and DDL alike; a new table is not seen by others before COMMIT."""
    inside = _begin(ask)
    inside = inside.within(inside.send("INSERT INTO moved VALUES (1)"))
    inside = inside.within(inside.send("CREATE TABLE made_inside (a INT)"))
    assert "made_inside" in ask.error("SELECT * FROM made_inside")["description"]
    inside.answer("ROLLBACK")
    assert ask.rows("SELECT count(*) FROM moved") == [(0,)]
    assert "made_inside" in ask.error("SELECT * FROM made_inside")["description"]


def test_two_transactions_insert_into_one_table(ask: Asker, table: str) -> None:
    """Both commit, and neither sees the other before."""
    one, two = _begin(ask), _begin(ask)
    one = one.within(one.send("INSERT INTO moved VALUES (1)"))
    two = two.within(two.send("INSERT INTO moved VALUES (2)"))
    count = two.send("SELECT count(*) FROM moved")
    assert count.json()["data"] == [["1"]]
    one.answer("COMMIT")
    two.within(count).answer("COMMIT")
    assert ask.rows("SELECT a FROM moved ORDER BY a") == [(1,), (2,)]


def test_the_texts_of_wrong_ends_and_beginnings(ask: Asker) -> None:
    """The texts are those that clients look for."""
    for word in ("COMMIT", "ROLLBACK"):
        text = f"Cannot {word} transaction: no transaction is in progress"
        assert ask.error(word)["description"] == text
    inside = _begin(ask)
    text = "Cannot BEGIN transaction: a transaction is already in progress"
    assert inside.error("BEGIN")["description"] == text
    assert inside.rows("SELECT 1") == [(1,)]


def test_a_failed_statement_aborts_the_transaction(ask: Asker, table: str) -> None:
    """All is rolled back at once; later statements and COMMIT fail, ROLLBACK leaves it."""
    inside = _begin(ask)
    inside = inside.within(inside.send("INSERT INTO moved VALUES (1)"))
    assert inside.error("SELECT nosuch")
    assert "aborted" in inside.error("SELECT 1")["description"]
    assert "aborted" in inside.error("COMMIT")["description"]
    assert inside.send("ROLLBACK").status_code == 200
    assert ask.rows("SELECT count(*) FROM moved") == [(0,)]


def test_sequence_ids_keep_the_order(ask: Asker) -> None:
    """A statement that comes again, or too late, is refused by its sequence id."""
    inside = _begin(ask)
    assert inside.send("SELECT 1").status_code == 200
    assert "transaction_sequence_id" in inside.error("SELECT 1")["description"]
    assert inside.send("ROLLBACK").status_code == 200


def test_use_database_inside_stays_inside(ask: Asker) -> None:
    """USE DATABASE in a transaction changes that transaction only."""
    inside = _begin(ask)
    reply = inside.send("USE DATABASE second")
    assert not any("database" in h for h in reply.headers.get_list("firebolt-update-parameters"))
    inside = inside.within(reply)
    assert inside.rows("SELECT current_database()") == [("second",)]
    assert ask.rows("SELECT current_database()") == [("firebolt",)]


def test_conflicting_writes_fail_with_an_error(ask: Asker, table: str) -> None:
    """Of two transactions that change the same rows one is refused."""
    ask.answer("INSERT INTO moved VALUES (1)")
    one, two = _begin(ask), _begin(ask)
    one = one.within(one.send("UPDATE moved SET a = 2"))
    assert "onflict" in two.error("UPDATE moved SET a = 3")["description"]
    two.answer("ROLLBACK")
    one.answer("COMMIT")
    assert ask.rows("SELECT a FROM moved") == [(2,)]


def test_an_idle_transaction_is_rolled_back() -> None:
    """After the idle time it is gone: statements say so, its locks are free, ROLLBACK succeeds."""
    now = [1000.0]
    with (
        LocalServer(clock=lambda: now[0], transaction_idle=60) as server,
        httpx.Client(base_url=server.url) as http,
    ):
        ask = Asker(http)
        ask.answer("CREATE TABLE moved (a INT)")
        inside = _begin(ask)
        inside = inside.within(inside.send("INSERT INTO moved VALUES (1)"))
        now[0] += 59
        inside = inside.within(inside.send("SELECT 1"))
        now[0] += 61
        assert "does not exist" in inside.error("SELECT 1")["description"]
        assert inside.send("ROLLBACK").status_code == 200
        assert ask.rows("SELECT count(*) FROM moved") == [(0,)]


def test_a_stream_in_a_transaction(ask: Asker, table: str) -> None:
    """A long result reads inside the transaction, which goes on after it."""
    inside = _begin(ask)
    reply = inside.send(
        "SELECT i, repeat('x', 50) FROM range(100000) r(i)", output_format="JSONLines_Compact"
    )
    assert "FINISH_SUCCESSFULLY" in reply.text
    inside = inside.within(reply)
    inside = inside.within(inside.send("INSERT INTO moved VALUES (1)"))
    inside.answer("COMMIT")
    assert ask.rows("SELECT count(*) FROM moved") == [(1,)]
