"""Many tasks for a while under faults: SOAK_SECONDS says how long, 15 by default."""

import asyncio
import contextlib
import gc
import multiprocessing
import os
import threading
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import httpx
import pytest

from firebolt_like import async_db, errors
from firebolt_like.client.auth import ClientCredentials
from firebolt_like.client.transport import AsyncTransport, TransportSettings
from firebolt_like.local.server import LocalServer

SECONDS = float(os.environ.get("SOAK_SECONDS", "15"))
TASKS = 200


class Tally:
    """What the tasks counted."""

    def __init__(self) -> None:
        self.right = self.lost = self.expired = 0
        self.wrong: list[object] = []


async def ask(connection: async_db.Connection, number: int) -> object:
    async with connection.cursor() as cursor:
        if number % 10:
            await cursor.execute("SELECT ? + 1, ?", [number, f"text {number}"])
            return await cursor.fetchall() == [(number + 1, f"text {number}")]
        await cursor.execute_stream("SELECT range FROM range(?) ORDER BY 1", [number])
        return [n async for (n,) in cursor] == list(range(number))


async def work(connection: async_db.Connection, first: int, end: float, tally: Tally) -> None:
    number = first
    while time.monotonic() < end:
        try:
            right = await ask(connection, number)
        except (errors.ServerConnectionError, errors.ServerResponseError):
            tally.lost += 1  # the fault is told, and the statement is not repeated
        except errors.AuthenticationError:
            tally.expired += 1  # the new token was too old as well when it came to be checked
        else:
            tally.right += bool(right)
            if not right:
                tally.wrong.append(number)
        number += TASKS


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


class LoginWatch(httpx.AsyncBaseTransport):
    """Counts logins and renewals, and those that overlap."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self.logins = self.most_at_once = 0
        self._inner = inner
        self._at_once = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path not in ("/oauth/token", "/auth/v1/refresh"):
            return await self._inner.handle_async_request(request)
        self.logins += 1
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            return await self._inner.handle_async_request(request)
        finally:
            self._at_once -= 1

    async def aclose(self) -> None:
        await self._inner.aclose()


def serve(pipe: Connection) -> None:
    """Run the engine with its faults until the other end of the pipe speaks."""
    with LocalServer(
        service_accounts={"id": "secret"}, accounts=["acme"], token_lifetime=1.0
    ) as server:
        often: dict[str, Any] = {"share": 0.004, "times": None}
        drops = [
            server.fault("drop", when="before", seed=1, **often),
            server.fault("drop", when="during", seed=2, **often),
            server.fault("drop", when="after", seed=3, **often),
        ]
        refusals = [
            server.fault(503, retry_after=0, seed=4, **often),
            server.fault(429, retry_after=0, seed=5, **often),
        ]
        pipe.send(server.url)
        pipe.recv()
        dropped, refused = (sum(fault.hits for fault in some) for some in (drops, refusals))
        pipe.send((dropped, refused, len(server.running_queries())))


@contextlib.contextmanager
def faulty_server(counted: list[tuple[int, int, int]]) -> Iterator[str]:
    """Run the server in a process of its own, so that what is left here is the client's."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(there,))
    process.start()
    yield here.recv()
    here.send("the end")
    counted.append(here.recv())
    process.join()
    process.close()
    here.close()
    there.close()


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="files are counted in /proc")
def test_soak(tmp_path, monkeypatch):
    """No wrong row, no second login at once, no task, thread, socket, file or query left."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    tally = Tally()
    counted: list[tuple[int, int, int]] = []
    with faulty_server(counted) as url:
        threads, files = threading.active_count(), open_files()
        watch = asyncio.run(soak(url, tally))
        gc.collect()
        assert threading.active_count() <= threads
        assert open_files() <= files
    dropped, refused, running = counted[0]
    print(
        f"\n{SECONDS:g} s: {tally.right} right, {tally.lost} told as lost, "
        f"{tally.expired} expired twice, {refused} refused, {dropped} dropped, "
        f"{watch.logins} logins and renewals"
    )
    assert tally.wrong == []
    assert watch.most_at_once == 1
    assert running == 0
    assert tally.right > 10 * SECONDS
    assert min(tally.lost, dropped, refused) > 0
    assert watch.logins > SECONDS / 2


async def soak(url: str, tally: Tally) -> LoginWatch:
    # the one that connections have by default, so that its pool takes part
    inner = AsyncTransport(TransportSettings(limits=httpx.Limits(max_connections=TASKS)))
    watch = LoginWatch(inner)
    auth = ClientCredentials("id", "secret", auth_endpoint=url)
    async with async_db.connect(
        auth=auth,
        account_name="acme",
        api_endpoint=url,
        auth_endpoint=url,
        disable_cache=True,
        transport=watch,
    ) as connection:
        end = time.monotonic() + SECONDS
        async with asyncio.TaskGroup() as tasks:
            for first in range(TASKS):
                tasks.create_task(work(connection, first, end, tally))
    assert len(asyncio.all_tasks()) == 1
    return watch
