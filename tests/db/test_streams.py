"""execute_stream: batches as they come, and what happens when they do not."""

import json
import tracemalloc

import anyio
import httpx
import pytest

from firebolt_like import async_db, errors
from tests.db.conftest import answer

START = {"message_type": "START", "result_columns": [{"name": "n", "type": "int"}]}
FINISH = {"message_type": "FINISH_SUCCESSFULLY", "statistics": {"elapsed": 0.5}}
FAILED = {"message_type": "FINISH_WITH_ERRORS", "errors": [{"description": "division by zero"}]}


def data(*values: int):
    return {"message_type": "DATA", "data": [[value] for value in values]}


class Body(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that counts what was taken of it and knows whether it was closed."""

    def __init__(self, *messages) -> None:
        self.parts = [
            part if isinstance(part, (bytes, Exception)) else json.dumps(part).encode() + b"\n"
            for part in messages
        ]
        self.taken = 0
        self.closed = False

    def _next(self):
        if self.closed:
            raise httpx.ReadError("closed")
        part = self.parts[self.taken]
        self.taken += 1
        if isinstance(part, Exception):
            raise part
        return part

    def __iter__(self):
        while self.taken < len(self.parts):
            yield self._next()

    async def __aiter__(self):
        while self.taken < len(self.parts):
            yield self._next()

    def close(self):
        self.closed = True

    async def aclose(self):
        self.closed = True


@pytest.fixture
def stream(script):
    def use(*messages):
        body = Body(*messages)
        script.entries.append(httpx.Response(200, stream=body))
        return body

    return use


class LongBody(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A hundred batches of about 150 KB, each made when it is asked for."""

    def __iter__(self):
        yield json.dumps(START | {"result_columns": [{"name": "t", "type": "text"}]}).encode()
        for batch in range(100):
            rows = [[f"{batch} {row} {'x' * 250}"] for row in range(500)]
            yield b"\n" + json.dumps({"message_type": "DATA", "data": rows}).encode()
        yield b"\n" + json.dumps(FINISH).encode()

    async def __aiter__(self):
        for piece in self:
            yield piece


def test_a_stream_holds_one_batch_in_memory(face, connect, script):
    """Of a result of 15 MB no more than a few batches are ever in memory."""
    script.entries.append(httpx.Response(200, stream=LongBody()))

    async def scenario():
        async with connect() as connection:
            cursor = connection.cursor()
            await cursor.execute_stream("SELECT t FROM texts")
            await cursor.fetchone()  # what is imported or compiled once is not of the stream
            tracemalloc.start()
            count = 1
            async for _ in cursor:
                count += 1
            return count

    try:
        assert face.run(scenario) == 50_000
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1_500_000


def test_one_batch_is_taken_at_a_time(face, connect, script, stream):
    """The first row is here after the first batch; later batches are still on the wire."""
    body = stream(START, data(1, 2), data(3), FINISH)

    async def scenario():
        async with connect() as connection:
            cursor = await connection.cursor().execute_stream("SELECT n")
            assert (body.taken, cursor.rowcount) == (1, -1)
            first = await cursor.fetchone()
            assert body.taken == 2
            rest = await cursor.fetchall()
            return [first, *rest], cursor.rowcount, cursor.statistics

    assert face.run(scenario) == ([(1,), (2,), (3,)], 3, {"elapsed": 0.5})
    assert script.parameters[0]["output_format"] == "JSONLines_Compact"
    assert body.closed


def test_a_stream_is_iterated(face, connect, stream):
    """`for` and `async for` give every row."""
    stream(START, data(1, 2), data(), data(3), FINISH)

    async def scenario():
        async with connect() as connection:
            cursor = await connection.cursor().execute_stream("SELECT n")
            return [row async for row in cursor]

    assert face.run(scenario) == [(1,), (2,), (3,)]


def test_fetchmany_crosses_batches(face, connect, stream):
    """A size is a size, however the rows were cut on the wire."""
    stream(START, data(1), data(2, 3, 4), data(5), FINISH)

    async def scenario():
        async with connect() as connection:
            cursor = await connection.cursor().execute_stream("SELECT n")
            return [await cursor.fetchmany(2) for _ in range(4)]

    assert face.run(scenario) == [[(1,), (2,)], [(3,), (4,)], [(5,)], []]


@pytest.mark.parametrize(
    ("tail", "error"),
    [
        ((), errors.ServerResponseError),
        ((data(2),), errors.ServerResponseError),
        ((b'{"message_type": "DATA", "da',), errors.ServerResponseError),
        ((b"<html>\n",), errors.ServerResponseError),
        ((FAILED,), errors.DataError),
        ((httpx.ReadError("reset"),), errors.ServerConnectionError),
        ((httpx.RemoteProtocolError("cut"),), errors.ServerConnectionError),
    ],
)
def test_a_stream_that_breaks_is_an_error(face, connect, stream, tail, error):
    """Without its end marker a stream raises after the rows that came, each time it is asked."""
    body = stream(START, data(1), *tail)

    async def scenario():
        async with connect() as connection:
            cursor = await connection.cursor().execute_stream("SELECT n")
            assert await cursor.fetchone() == (1,)
            with pytest.raises(error):
                await cursor.fetchall()
            assert body.closed
            with pytest.raises(errors.InterfaceError, match="broken off"):
                await cursor.fetchmany(2)
            return await (await connection.cursor().execute("SELECT 1")).fetchall()

    assert face.run(scenario) == [(1,)]


def test_an_error_in_planning_is_raised_by_execute(face, connect, stream):
    """What the server says before any row comes from execute_stream itself."""
    body = stream(FAILED)

    async def scenario():
        async with connect() as connection:
            with pytest.raises(errors.DataError, match="division by zero"):
                await connection.cursor().execute_stream("SELECT 1/0")

    face.run(scenario)
    assert body.closed


def test_closing_the_cursor_hangs_up(face, connect, stream):
    """An unfinished stream is closed with its cursor, and the connection goes on."""
    body = stream(START, data(1), data(2), FINISH)

    async def scenario():
        async with connect() as connection:
            async with connection.cursor() as cursor:
                await cursor.execute_stream("SELECT n")
                await cursor.fetchone()
            assert (body.closed, body.taken) == (True, 2)
            return await (await connection.cursor().execute("SELECT 1")).fetchall()

    assert face.run(scenario) == [(1,)]


def test_the_next_execute_hangs_up(face, connect, stream):
    """A cursor that runs another statement lets go of its unfinished stream."""
    body = stream(START, data(1), data(2), FINISH)

    async def scenario():
        async with connect() as connection:
            cursor = await connection.cursor().execute_stream("SELECT n")
            await cursor.execute("SELECT 1")
            assert body.closed
            return await cursor.fetchall()

    assert face.run(scenario) == [(1,)]


def test_closing_the_connection_hangs_up(face, connect, stream):
    """Streams do not outlive their connection."""
    body = stream(START, data(1), data(2), FINISH)

    async def scenario():
        async with connect() as connection:
            cursor = await connection.cursor().execute_stream("SELECT n")
        with pytest.raises(errors.ConnectionClosedError):
            await cursor.fetchone()

    face.run(scenario)
    assert body.closed


def test_of_several_statements_each_streams_when_its_turn_comes(face, connect, script, stream):
    """nextset sends the next statement; the one before it is let go of."""
    first = stream(START, data(1), data(2), FINISH)
    stream(START, data(3), FINISH)

    async def scenario():
        async with connect() as connection:
            cursor = await connection.cursor().execute_stream("SELECT 1; SELECT 2")
            assert script.statements == ["SELECT 1"]
            assert await cursor.nextset()
            assert first.closed
            return await cursor.fetchall(), await cursor.nextset()

    assert face.run(scenario) == ([(3,)], None)


def test_a_transaction_runs_nothing_beside_an_open_stream(face, connect, script, stream):
    """Instead of waiting for itself for ever, the second statement raises."""
    script.entries.append(answer(Firebolt_Update_Parameters="transaction_id=t"))
    stream(START, data(1), data(2), FINISH)

    async def scenario():
        async with connect() as connection:
            cursor = connection.cursor()
            await cursor.execute("BEGIN")
            await cursor.execute_stream("SELECT n")
            other = connection.cursor()
            with pytest.raises(errors.InterfaceError, match="stream"):
                await other.execute("SELECT 1")
            await cursor.fetchall()
            await other.execute("SELECT 1")

    face.run(scenario)
    assert script.statements[:3] == ["BEGIN", "SELECT n", "SELECT 1"]


def test_rollback_closes_the_streams_of_its_transaction(face, connect, script, stream):
    """Who gives up a transaction need not read what it was reading."""
    script.entries.append(answer(Firebolt_Update_Parameters="transaction_id=t"))
    body = stream(START, data(1), data(2), FINISH)

    async def scenario():
        async with connect(autocommit=False) as connection:
            cursor = await connection.cursor().execute_stream("SELECT n")
            await connection.rollback()
            assert body.closed
            assert not connection.in_transaction
            with pytest.raises(errors.InterfaceError, match="broken off"):
                await cursor.fetchall()
            await cursor.close()

    face.run(scenario)
    assert script.statements == ["BEGIN", "SELECT n", "ROLLBACK"]


def test_a_statement_without_rows_may_be_streamed(face, connect, stream):
    """No columns: no description, and nothing stays open."""
    body = stream({"message_type": "START", "result_columns": []}, FINISH)

    async def scenario():
        async with connect() as connection:
            cursor = await connection.cursor().execute_stream("CREATE TABLE t (a int)")
            return cursor.description, cursor.rowcount

    assert face.run(scenario) == (None, -1)
    assert body.closed


class Gate(httpx.AsyncByteStream):
    """A body whose second piece comes when the test says so."""

    def __init__(self) -> None:
        self.open = anyio.Event()

    async def __aiter__(self):
        yield json.dumps(START).encode() + b"\n"
        await self.open.wait()
        yield b"".join(json.dumps(part).encode() + b"\n" for part in (data(1), FINISH))


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_two_tasks_cannot_fetch_from_one_cursor_at_once(script, backend):
    """The second one is told so, and the first gets its rows."""

    async def scenario():
        body = Gate()
        script.entries.append(httpx.Response(200, stream=body))
        async with async_db.connect("http://core.test", transport=script.transport) as connection:
            cursor = await connection.cursor().execute_stream("SELECT n")
            rows = []

            async def first():
                rows.extend(await cursor.fetchall())

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(first)
                await anyio.wait_all_tasks_blocked()
                with pytest.raises(errors.InterfaceError, match="cursor of its own"):
                    await cursor.fetchall()
                body.open.set()
            return rows

    assert anyio.run(scenario, backend=backend) == [(1,)]
