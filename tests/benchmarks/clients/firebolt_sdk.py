"""firebolt-sdk, in an environment of its own; without a login, which is its fastest way."""

import asyncio
from typing import Any

from firebolt import async_db, db
from firebolt.client.auth import FireboltCore


class Client:
    """Both faces; the async one runs in an event loop of its own."""

    def __init__(self, url: str) -> None:
        self._runner = asyncio.Runner()
        place: dict[str, Any] = {"auth": FireboltCore(), "url": url, "database": "db"}
        self._sync = db.connect(**place)
        self._async = self._runner.run(self._connect(place))

    async def _connect(self, place: dict[str, Any]) -> Any:
        return await async_db.connect(**place)

    def close(self) -> None:
        self._sync.close()
        self._runner.run(self._async.aclose())
        self._runner.close()

    def fetchall(self, sql: str) -> int:
        return len(self._rows(sql))

    def stream(self, sql: str) -> int:
        rows = 0
        cursor = self._sync.cursor()
        cursor.execute_stream(sql)
        for _ in cursor:
            rows += 1
        return rows

    def arrow(self, sql: str) -> int:
        """What its users write: it has no Arrow itself."""
        import pyarrow as pa  # noqa: PLC0415  # for Arrow only

        cursor = self._sync.cursor()
        cursor.execute(sql)
        columns = [pa.array(column) for column in zip(*cursor.fetchall(), strict=True)]
        return pa.table(columns, [column.name for column in cursor.description]).num_rows

    def async_fetchall(self, sql: str) -> int:
        return self._runner.run(self._one(sql))

    def tasks(self, sql: str, tasks: int) -> int:
        return self._runner.run(self._tasks(sql, tasks))

    def _rows(self, sql: str) -> list[Any]:
        cursor = self._sync.cursor()
        cursor.execute(sql)
        return cursor.fetchall()

    async def _tasks(self, sql: str, tasks: int) -> int:
        return sum(await asyncio.gather(*(self._one(sql) for _ in range(tasks))))

    async def _one(self, sql: str) -> int:
        cursor = self._async.cursor()
        await cursor.execute(sql)
        return len(await cursor.fetchall())
