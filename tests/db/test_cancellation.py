"""Whoever stops waiting stops the query on the server, and can go on with the connection."""

import asyncio
import signal
import threading
import time

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest

from firebolt_like import async_db, db, errors
from firebolt_like.local.server import LocalServer
from tests.db.conftest import Face, over_both

MINUTES = "SELECT sum(sin(a.range * b.range)) FROM range(10000000) a, range(1000000) b"
ROWS = "SELECT a.range AS n, repeat('x', 100) AS x FROM range(100000000) a"


@pytest.fixture(scope="module")
def server():
    with LocalServer(flight_port=0) as running:
        yield running


def until(condition, seconds=20.0):
    """Wait for a state of the server that comes by itself, not longer than `seconds`."""
    end = time.monotonic() + seconds
    tick = threading.Event()
    while not condition():
        assert time.monotonic() < end, "it did not come to that"
        tick.wait(0.005)


def idle(server):
    return lambda: not server.running_queries()


def busy(server):
    return lambda: bool(server.running_queries())


async def still_usable(connection):
    cursor = await connection.cursor().execute("SELECT 1")
    assert await cursor.fetchall() == [(1,)]


@over_both
@pytest.mark.parametrize("sql", [MINUTES, f"CREATE TABLE never AS {MINUTES}"])
def test_a_timeout_cancels_the_query_on_the_server(face, server, sql):
    """QueryTimeoutError, also a TimeoutError; reads and writes end on the server as well."""

    async def scenario():
        async with face.to(server) as connection:
            with pytest.raises(TimeoutError) as caught:
                await connection.cursor().execute(sql, timeout=0.2)
            assert isinstance(caught.value, errors.QueryTimeoutError)
            until(idle(server))
            await still_usable(connection)
            with pytest.raises(errors.ProgrammingError, match="never"):
                await connection.cursor().execute("SELECT * FROM never")

    face.run(scenario)


@over_both
def test_the_timeout_of_the_connection_holds_for_every_statement(face, server):
    """`timeout=` of connect is each call's total, and execute may give its own."""

    async def scenario():
        async with face.to(server, timeout=0.2) as connection:
            with pytest.raises(errors.QueryTimeoutError):
                await connection.cursor().execute(MINUTES)
            cursor = connection.cursor()
            await cursor.execute("SELECT count(*) FROM range(1000000)", timeout=60)

    face.run(scenario)
    until(idle(server))


@over_both
def test_the_timeout_is_a_total_over_all_statements(face, server):
    """Several statements share one budget."""

    async def scenario():
        async with face.to(server) as connection:
            with pytest.raises(errors.QueryTimeoutError):
                await connection.cursor().execute(f"SELECT 1; SELECT 2; {MINUTES}", timeout=0.3)

    face.run(scenario)
    until(idle(server))


@over_both
def test_a_stream_that_stalls_times_out(face, server):
    """Waiting for the next batch counts; what the caller does in between does not."""
    slow = f"SELECT n FROM (VALUES (1)) t(n) UNION ALL {MINUTES.replace('sum', 'count')}"

    async def scenario():
        async with face.to(server) as connection, connection.cursor() as cursor:
            with pytest.raises(errors.QueryTimeoutError):
                await cursor.execute_stream(slow, timeout=0.3)
                await cursor.fetchall()
            until(idle(server))
            await still_usable(connection)

    face.run(scenario)


@over_both
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("sql", [MINUTES, f"CREATE TABLE never AS {MINUTES}"])
def test_cancelling_the_task_cancels_the_query(server, backend, protocol, sql):
    """The query ends on the server, and the connection goes on."""

    async def scenario():
        async with Face(backend, protocol).to(server) as connection:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(connection.cursor().execute, sql)
                await anyio.to_thread.run_sync(until, busy(server))
                tasks.cancel_scope.cancel()
            await anyio.to_thread.run_sync(until, idle(server))
            await still_usable(connection)

    anyio.run(scenario, backend=backend)


@over_both
def test_ctrl_c_cancels_the_query(server, protocol):
    """KeyboardInterrupt in a script ends the query, and the connection goes on."""
    main = threading.main_thread().ident
    assert main is not None

    def press():
        until(busy(server))
        signal.pthread_kill(main, signal.SIGINT)

    with db.connect(server.url if protocol == "rest" else server.flight_url) as connection:
        presser = threading.Thread(target=press)
        presser.start()
        with pytest.raises(KeyboardInterrupt):
            connection.cursor().execute(MINUTES)
        presser.join()
        until(idle(server))
        assert connection.cursor().execute("SELECT 1").fetchall() == [(1,)]


@over_both
def test_closing_an_unfinished_cursor_cancels_its_query(face, server):
    """What was not read of a stream is not computed either."""

    async def scenario():
        async with face.to(server) as connection:
            async with connection.cursor() as cursor:
                await cursor.execute_stream(ROWS)
                assert len(await cursor.fetchmany(3)) == 3
                assert server.running_queries()
            until(idle(server))
            await still_usable(connection)

    face.run(scenario)


@over_both
def test_a_cancelled_statement_of_a_transaction_can_be_rolled_back(face, server):
    """After a timeout inside of a transaction rollback works, and nothing is left of it."""

    async def scenario():
        async with face.to(server, autocommit=False) as connection:
            cursor = connection.cursor()
            await cursor.execute("CREATE TABLE gone (n int)")
            with pytest.raises(errors.QueryTimeoutError):
                await cursor.execute(MINUTES, timeout=0.2)
            await connection.rollback()
            await still_usable(connection)
            with pytest.raises(errors.ProgrammingError, match="gone"):
                await cursor.execute("SELECT * FROM gone")
            await connection.rollback()

    face.run(scenario)


@over_both
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_leaving_the_block_by_cancellation_rolls_back(server, backend, protocol):
    """A cancelled task's transaction does not stay open on the server."""
    face = Face(backend, protocol)

    async def scenario():
        with anyio.CancelScope() as scope:
            async with face.to(server, autocommit=False) as connection:
                await connection.cursor().execute("CREATE TABLE left_over (n int)")
                scope.cancel()
                await anyio.lowlevel.checkpoint()
        async with face.to(server) as connection:
            await connection.cursor().execute("CREATE TABLE left_over (n int)")
            await connection.cursor().execute("DROP TABLE left_over")

    anyio.run(scenario, backend=backend)


async def visit():
    async with async_db.connect("local:") as connection:
        await connection.cursor().execute("SELECT 1")


async def visit_for(seconds):
    with anyio.move_on_after(seconds):
        await visit()


async def visit_until_cancelled(seconds):
    task = asyncio.ensure_future(visit())
    await asyncio.wait([task], timeout=seconds)
    task.cancel()
    await asyncio.wait([task])


@pytest.mark.parametrize(
    ("backend", "attempt"),
    [
        pytest.param("asyncio", visit_until_cancelled, id="Task.cancel"),
        pytest.param("asyncio", visit_for, id="asyncio"),
        pytest.param("trio", visit_for, id="trio"),
    ],
)
def test_cancelling_a_connection_to_the_embedded_engine_leaves_no_engine(backend, attempt):
    """Wherever connect(), the statement or close() is cancelled, the engine ends with its users."""

    async def scenario():
        for step in range(12):
            await attempt(step * 0.008)

    def engines():
        return [thread for thread in threading.enumerate() if "firebolt_like" in thread.name]

    before = len(engines())
    anyio.run(scenario, backend=backend)
    until(lambda: len(engines()) <= before)
