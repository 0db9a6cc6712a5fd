"""Real faults between a client and a server: a proxy that hangs up, and answers of 503."""

import asyncio
import contextlib
import random
import threading
from typing import Self

import httpx


class DroppingProxy:
    """Forwards TCP to a port of this machine, and hangs up on a share of the answers.

    It hangs up before, in the middle of, or after a piece of an answer, chosen by `seed`.
    """

    def __init__(self, port: int, *, share: float, seed: int) -> None:
        self.dropped = 0
        self._target = port
        self._share = share
        self._random = random.Random(seed)
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main()))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, *error: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    async def _main(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=1024)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        upstream, downstream = await asyncio.open_connection("127.0.0.1", self._target)
        ways = [
            asyncio.create_task(self._forward(reader, downstream, share=0.0)),
            asyncio.create_task(self._forward(upstream, writer, share=self._share)),
        ]
        try:
            # cancelled at the end of the proxy: a callback of asyncio's own must not hear of it
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            for end in (writer, downstream):
                end.transport.abort()
            self._tasks.discard(task)

    async def _forward(
        self, source: asyncio.StreamReader, target: asyncio.StreamWriter, *, share: float
    ) -> None:
        with contextlib.suppress(OSError):
            while piece := await source.read(65536):
                drop = self._random.random() < share
                target.write(piece[: self._random.choice((0, len(piece) // 2))] if drop else piece)
                await target.drain()
                if drop:
                    self.dropped += 1
                    return


class Unavailable(httpx.AsyncBaseTransport):
    """Answers a share of the requests with 503 itself; watches logins that overlap."""

    def __init__(self, inner: httpx.AsyncBaseTransport, *, share: float, seed: int) -> None:
        self.refused = self.logins = self.most_logins_at_once = 0
        self._inner = inner
        self._share = share
        self._random = random.Random(seed)
        self._logging_in = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self._random.random() < self._share:
            self.refused += 1
            return httpx.Response(503, headers={"Retry-After": "0"}, text="try again")
        if request.url.path not in ("/oauth/token", "/auth/v1/refresh"):
            return await self._inner.handle_async_request(request)
        self.logins += 1
        self._logging_in += 1
        self.most_logins_at_once = max(self.most_logins_at_once, self._logging_in)
        try:
            return await self._inner.handle_async_request(request)
        finally:
            self._logging_in -= 1

    async def aclose(self) -> None:
        await self._inner.aclose()
