"""What a stream holds in memory, by counting: rows that are alive, bytes that Arrow holds."""

import dataclasses
import json
import tracemalloc
import weakref
from typing import ClassVar

import httpx
import pyarrow as pa
import pytest

from tests.db.test_streams import FINISH, START

BATCHES, ROWS = 20, 500


@dataclasses.dataclass(eq=False)
class CountedRow:
    """A row that can be counted as long as anything holds it."""

    n: int
    alive: ClassVar = weakref.WeakSet()

    def __post_init__(self):
        self.alive.add(self)


class Made(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body whose pieces are made when they are asked for."""

    def __init__(self, make):
        self._make = make

    def __iter__(self):
        yield from self._make()

    async def __aiter__(self):
        for piece in self._make():
            yield piece


def json_lines():
    yield json.dumps(START).encode()
    for batch in range(BATCHES):
        rows = [[batch * ROWS + number] for number in range(ROWS)]
        yield b"\n" + json.dumps({"message_type": "DATA", "data": rows}).encode()
    yield b"\n" + json.dumps(FINISH).encode()


async def by_iteration(cursor):
    async for row in cursor:
        yield row


async def by_fetchone(cursor):
    while (row := await cursor.fetchone()) is not None:
        yield row


async def by_fetchmany(cursor):
    while rows := await cursor.fetchmany(7):
        while rows:
            yield rows.pop(0)


@pytest.mark.parametrize("fetch", [by_iteration, by_fetchone, by_fetchmany])
def test_rows_of_one_batch_are_alive_at_a_time(face, connect, script, fetch):
    """However rows are taken, a batch is let go of before the next one is read."""
    script.entries.append(httpx.Response(200, stream=Made(json_lines)))

    async def scenario():
        async with connect(row_factory=CountedRow) as connection:
            cursor = await connection.cursor().execute_stream("SELECT n")
            expected = most = 0
            async for row in fetch(cursor):
                assert row.n == expected
                expected += 1
                most = max(most, len(CountedRow.alive))
            return expected, most

    count, most = face.run(scenario)
    assert count == BATCHES * ROWS
    # fetchmany may hold rows of the last batch while it adds those of the next
    assert ROWS <= most <= ROWS + 7


def test_few_batches_of_arrow_are_held_at_a_time(face, connect, script):
    """Of a stream of twenty record batches the bytes of a few are in memory, never of all."""
    batch = pa.record_batch({"n": pa.array(range(50_000), pa.int64())})

    def arrow_stream():
        yield batch.schema.serialize().to_pybytes()
        for _ in range(BATCHES):
            yield batch.serialize().to_pybytes()
        yield b"\xff\xff\xff\xff\0\0\0\0"

    script.entries.append(httpx.Response(200, stream=Made(arrow_stream)))

    async def scenario():
        async with connect() as connection:
            cursor = await connection.cursor().execute_arrow("SELECT n")
            batches = cursor.fetch_record_batch()
            if face.blocking:
                return sum(one.num_rows for one in batches)
            return sum([one.num_rows async for one in batches])

    tracemalloc.start()
    try:
        assert face.run(scenario) == BATCHES * 50_000
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert batch.nbytes < most < 5 * batch.nbytes
