"""Transactions as they go over the wire; what they do to data is shown on the embedded engine."""

import pytest

from firebolt_like import errors
from tests.db.conftest import answer, refusal


def begun(number: int = 1):
    return answer(Firebolt_Update_Parameters=f"transaction_id=t{number},transaction_sequence_id=1")


def ended():
    return answer(Firebolt_Remove_Parameters="transaction_id,transaction_sequence_id")


def test_without_autocommit_the_first_statement_begins_a_transaction(face, connect, script):
    """BEGIN goes first, its ids go with every later statement, COMMIT ends it."""
    script.entries = [begun(), answer(), answer(), ended(), begun(2)]

    async def scenario():
        async with connect(autocommit=False) as connection:
            cursor = connection.cursor()
            await cursor.execute("INSERT INTO t SELECT 1")
            assert connection.in_transaction
            await connection.cursor().execute("INSERT INTO t SELECT 2")
            await connection.commit()
            assert not connection.in_transaction
            await cursor.execute("SELECT 1")

    face.run(scenario)
    first = ["BEGIN", "INSERT INTO t SELECT 1", "INSERT INTO t SELECT 2", "COMMIT"]
    assert script.statements == [*first, "BEGIN", "SELECT 1", "COMMIT"]
    ids = [p.get("transaction_id") for p in script.parameters]
    assert ids == [None, "t1", "t1", "t1", None, "t2", "t2"]


def test_an_explicit_begin_works_with_autocommit(face, connect, script):
    """BEGIN, COMMIT and ROLLBACK as SQL are honoured in both modes."""
    script.entries = [begun(), answer(), ended(), answer()]

    async def scenario():
        async with connect() as connection:
            cursor = connection.cursor()
            await cursor.execute("begin transaction")
            await connection.cursor().execute("INSERT INTO t SELECT 1")
            await cursor.execute("ROLLBACK")
            await cursor.execute("SELECT 1")

    face.run(scenario)
    assert [p.get("transaction_id") for p in script.parameters] == [None, "t1", "t1", None]


def test_a_new_sequence_id_replaces_the_old_one(face, connect, script):
    """What an answer updates is what the next statement carries."""
    script.entries = [begun(), answer(Firebolt_Update_Parameters="transaction_sequence_id=7")]

    async def scenario():
        async with connect() as connection:
            cursor = connection.cursor()
            await cursor.execute("BEGIN")
            await cursor.execute("SELECT 1")
            await cursor.execute("SELECT 2")
            await connection.rollback()

    face.run(scenario)
    assert [p.get("transaction_sequence_id") for p in script.parameters] == [None, "1", "7", "7"]


def test_a_begin_that_fails_runs_nothing(face, connect, script):
    """When the transaction cannot begin, the statement is not run outside of one."""
    script.entries = [refusal("no transactions today")]

    async def scenario():
        async with connect(autocommit=False) as connection:
            with pytest.raises(errors.ProgrammingError, match="no transactions"):
                await connection.cursor().execute("INSERT INTO t SELECT 1")

    face.run(scenario)
    assert script.statements == ["BEGIN"]


def test_leaving_the_block_commits(face, connect, script):
    """A block that ends well commits what it did."""
    script.entries = [begun(), answer(), ended()]

    async def scenario():
        async with connect(autocommit=False) as connection:
            await connection.cursor().execute("INSERT INTO t SELECT 1")

    face.run(scenario)
    assert script.statements[-1] == "COMMIT"


def test_leaving_the_block_by_an_error_rolls_back(face, connect, script):
    """A block that fails undoes what it did, and its error is raised on."""
    script.entries = [begun(), answer(), ended()]

    async def scenario():
        with pytest.raises(ZeroDivisionError):
            async with connect(autocommit=False) as connection:
                await connection.cursor().execute("INSERT INTO t SELECT 1")
                raise ZeroDivisionError

    face.run(scenario)
    assert script.statements[-1] == "ROLLBACK"


def test_closing_rolls_back(face, connect, script):
    """What was not committed when a connection is closed is undone."""
    script.entries = [begun(), answer(), ended()]

    async def scenario():
        connection = await connect(autocommit=False)
        await connection.cursor().execute("INSERT INTO t SELECT 1")
        await connection.close()
        await connection.close()

    face.run(scenario)
    assert script.statements[-1] == "ROLLBACK"
    assert script.statements.count("ROLLBACK") == 1


def test_commit_and_rollback_without_a_transaction_send_nothing(face, connect, script):
    """There is nothing to end, so the server is not asked."""

    async def scenario():
        async with connect(autocommit=False) as connection:
            await connection.commit()
            await connection.rollback()

    face.run(scenario)
    assert script.requests == []


def test_a_commit_that_fails_leaves_a_usable_connection(face, connect, script):
    """The error is raised, and the next statement begins a new transaction."""
    script.entries = [begun(), answer(), refusal("conflict"), begun(2), answer(), ended()]

    async def scenario():
        async with connect(autocommit=False) as connection:
            cursor = await connection.cursor().execute("INSERT INTO t SELECT 1")
            with pytest.raises(errors.ProgrammingError, match="conflict"):
                await connection.commit()
            await cursor.execute("INSERT INTO t SELECT 2")

    face.run(scenario)
    assert [p.get("transaction_id") for p in script.parameters][-1] == "t2"


def test_statements_of_a_transaction_do_not_overlap(face, connect, script):
    """Tasks and threads that share a transaction take turns on the wire."""
    under_way: list[str] = []
    most: list[int] = []

    def watched(request):
        under_way.append(request.content.decode())
        most.append(len(under_way))
        under_way.pop()
        return answer()

    script.entries = [begun(), *[watched] * 8]

    async def scenario():
        async with connect(autocommit=False) as connection:

            async def work():
                await connection.cursor().execute("INSERT INTO t SELECT 1")

            await face.together(*[work] * 8)

    face.run(scenario)
    assert max(most) == 1
    assert script.statements.count("BEGIN") == 1


def test_use_opens_no_transaction(face, connect, script):
    """USE is of the session, so it takes effect though nothing is committed."""

    async def scenario():
        async with connect(autocommit=False) as connection:
            await connection.cursor().execute("USE DATABASE other")

    face.run(scenario)
    assert script.statements == ["USE DATABASE other"]


def test_autocommit_cannot_change_in_a_transaction(face, connect, script):
    """The switch is refused while a transaction is open, and works before."""
    script.entries = [begun()]

    async def scenario():
        async with connect() as connection:
            connection.autocommit = False
            await connection.cursor().execute("SELECT 1")
            with pytest.raises(errors.InterfaceError, match="commit or roll back"):
                connection.autocommit = True

    face.run(scenario)


def test_password_accounts_have_no_transactions(face, script):
    """autocommit=False and rollback are refused; commit has nothing to do."""

    async def scenario():
        account = {
            "auth": ("user", "password"),
            "database": "db",
            "engine_url": "engine.test",
            "transport": script.transport,
        }
        with pytest.raises(errors.NotSupportedError):
            await face.connect(**account, autocommit=False)
        async with face.connect(**account) as connection:
            await connection.commit()
            with pytest.raises(errors.NotSupportedError):
                await connection.rollback()

    face.run(scenario)
    assert script.requests == []


def test_a_transaction_ends_where_it_began(face, connect, script):
    """COMMIT goes to the engine that a cursor chose by USE, not to the connection's first one."""
    script.entries = [answer(Firebolt_Update_Parameters="engine=e"), begun(), answer(), ended()]

    async def scenario():
        async with connect(autocommit=False) as connection:
            cursor = connection.cursor()
            await cursor.execute("USE ENGINE e")
            await cursor.execute("INSERT INTO t SELECT 1")
            await connection.commit()

    face.run(scenario)
    assert script.statements == ["USE ENGINE e", "BEGIN", "INSERT INTO t SELECT 1", "COMMIT"]
    assert [p.get("engine") for p in script.parameters] == [None, "e", "e", "e"]
