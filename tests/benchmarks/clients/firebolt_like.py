"""Our own client, with all that a user gets: login, error handling, cancellation."""

import asyncio
import dataclasses
import datetime
import decimal
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import msgspec

from firebolt_like import async_db, db
from firebolt_like.client.auth import ClientCredentials


class Struct(msgspec.Struct):
    """A row of the kind `mixed`."""

    id: int
    name: str
    v: float
    d: decimal.Decimal
    dt: datetime.date
    ts: datetime.datetime
    b: bool
    n: int | None


@dataclasses.dataclass
class Data:
    """The same."""

    id: int
    name: str
    v: float
    d: decimal.Decimal
    dt: datetime.date
    ts: datetime.datetime
    b: bool
    n: int | None


class Named(NamedTuple):
    """The same."""

    id: int
    name: str
    v: float
    d: decimal.Decimal
    dt: datetime.date
    ts: datetime.datetime
    b: bool
    n: int | None


class Client:
    """Both faces; the async one runs in an event loop of its own."""

    def __init__(self, url: str) -> None:
        self._runner = asyncio.Runner()
        place: dict[str, Any] = {"account_name": "acme", "api_endpoint": url, "disable_cache": True}
        auth = ClientCredentials("id", "secret", auth_endpoint=url)
        self._sync = db.connect(auth=auth, **place)
        self._async = self._runner.run(self._connect(auth, place))

    async def _connect(self, auth: ClientCredentials, place: dict[str, Any]) -> Any:
        return await async_db.connect(auth=auth, **place)

    def close(self) -> None:
        self._sync.close()
        self._runner.run(self._async.aclose())
        self._runner.close()

    def fetchall(self, sql: str) -> int:
        return len(self._sync.cursor().execute(sql).fetchall())

    def fetchmany(self, sql: str) -> int:
        cursor, rows = self._sync.cursor().execute(sql), 0
        while many := cursor.fetchmany(1000):
            rows += len(many)
        return rows

    def fetchone(self, sql: str) -> int:
        cursor, rows = self._sync.cursor().execute(sql), 0
        while cursor.fetchone() is not None:
            rows += 1
        return rows

    def iterate(self, sql: str) -> int:
        rows = 0
        for _ in self._sync.cursor().execute(sql):
            rows += 1
        return rows

    def structs(self, sql: str) -> int:
        return len(self._sync.cursor(row_factory=Struct).execute(sql).fetchall())

    def dataclasses(self, sql: str) -> int:
        return len(self._sync.cursor(row_factory=Data).execute(sql).fetchall())

    def named_tuples(self, sql: str) -> int:
        return len(self._sync.cursor(row_factory=Named).execute(sql).fetchall())

    def dicts(self, sql: str) -> int:
        return len(self._sync.cursor(row_factory=dict).execute(sql).fetchall())

    def stream(self, sql: str) -> int:
        rows = 0
        for _ in self._sync.cursor().execute_stream(sql):
            rows += 1
        return rows

    def stream_fetchall(self, sql: str) -> int:
        return len(self._sync.cursor().execute_stream(sql).fetchall())

    def first_of_stream(self, sql: str) -> int:
        with self._sync.cursor() as cursor:
            return cursor.execute_stream(sql).fetchone() is not None

    def arrow(self, sql: str) -> int:
        return self._sync.cursor().execute(sql).fetch_arrow_table().num_rows

    def arrow_stream(self, sql: str) -> int:
        return self._sync.cursor().execute_arrow(sql).fetch_arrow_table().num_rows

    def async_fetchall(self, sql: str) -> int:
        return self._in_loop(self._fetchall, sql)

    def async_fetchmany(self, sql: str) -> int:
        return self._in_loop(self._fetchmany, sql)

    def async_fetchone(self, sql: str) -> int:
        return self._in_loop(self._fetchone, sql)

    def async_iterate(self, sql: str) -> int:
        return self._in_loop(self._iterate, sql)

    def async_stream(self, sql: str) -> int:
        return self._in_loop(self._stream, sql)

    def tasks(self, sql: str, tasks: int) -> int:
        return self._runner.run(self._tasks(sql, tasks))

    def _in_loop(self, work: Callable[[Any, str], Awaitable[int]], sql: str) -> int:
        async def within() -> int:
            return await work(self._async.cursor(), sql)

        return self._runner.run(within())

    async def _tasks(self, sql: str, tasks: int) -> int:
        return sum(await asyncio.gather(*(self._one(sql) for _ in range(tasks))))

    async def _one(self, sql: str) -> int:
        return await self._fetchall(self._async.cursor(), sql)

    async def _fetchall(self, cursor: Any, sql: str) -> int:
        return len(await (await cursor.execute(sql)).fetchall())

    async def _fetchmany(self, cursor: Any, sql: str) -> int:
        rows = 0
        await cursor.execute(sql)
        while many := await cursor.fetchmany(1000):
            rows += len(many)
        return rows

    async def _fetchone(self, cursor: Any, sql: str) -> int:
        rows = 0
        await cursor.execute(sql)
        while await cursor.fetchone() is not None:
            rows += 1
        return rows

    async def _iterate(self, cursor: Any, sql: str) -> int:
        rows = 0
        async for _ in await cursor.execute(sql):
            rows += 1
        return rows

    async def _stream(self, cursor: Any, sql: str) -> int:
        rows = 0
        async for _ in await cursor.execute_stream(sql):
            rows += 1
        return rows
