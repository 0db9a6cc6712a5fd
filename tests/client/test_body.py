"""Bodies that are made while they are sent."""

import socket
import threading

import anyio
import httpx
import pytest

from firebolt_like.client.client import AsyncClient, Client
from firebolt_like.client.httpx_io import AsyncIO, BlockingIO
from firebolt_like.client.io import Request, run


class Counting:
    """Numbers as text; keeps how many were made."""

    def __init__(self, count):
        self.count = count
        self.size = 3 * count
        self.made = 0

    def __iter__(self):
        for number in range(self.count):
            self.made += 1
            yield b"%03d" % number


class Echo(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Gives back what it gets, and keeps how many pieces were made before they were taken."""

    def __init__(self, body):
        self.body = body
        self.lengths = []
        self.most_ahead = 0

    def _answer(self, request, content):
        self.lengths.append(request.headers["Content-Length"])
        return httpx.Response(200, content=content)

    def handle_request(self, request):
        pieces = []
        for piece in request.stream:
            self.most_ahead = max(self.most_ahead, self.body.made - len(pieces))
            pieces.append(piece)
        return self._answer(request, b"".join(pieces))

    async def handle_async_request(self, request):
        pieces = []
        async for piece in request.stream:
            self.most_ahead = max(self.most_ahead, self.body.made - len(pieces))
            pieces.append(piece)
        return self._answer(request, b"".join(pieces))


def _exchange(kind, body, transport):
    async def work(io):
        reply = await io.send(Request("POST", "http://engine.test/", body))
        try:
            return await reply.read()
        finally:
            await reply.close()

    async def main():
        async with AsyncClient(transport=transport) as client:
            return await work(AsyncIO(client))

    if kind == "threads":
        with Client(transport=transport) as client:
            return run(work(BlockingIO(client)))
    return anyio.run(main, backend=kind)


@pytest.mark.parametrize("kind", ["threads", "asyncio", "trio"])
def test_pieces_are_made_when_they_are_sent(kind):
    """One is alive at a time, the length is told before, and each sending makes them anew."""
    body = Counting(50)
    transport = Echo(body)
    expected = b"".join(b"%03d" % number for number in range(50))
    assert _exchange(kind, body, transport) == expected
    assert transport.most_ahead == 1
    body.made = 0
    assert _exchange(kind, body, transport) == expected
    assert transport.lengths == ["150", "150"]


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_cancelled_sending_makes_no_more_pieces(backend):
    """A server that reads nothing holds the sending up; the task can leave it."""
    piece = b"x" * 1_000_000

    class Endless:
        size = len(piece) * 1000

        def __iter__(self):
            for _ in range(1000):
                made.append(1)
                yield piece

    made = []

    async def main():
        with socket.create_server(("127.0.0.1", 0)) as server:
            url = f"http://127.0.0.1:{server.getsockname()[1]}/"
            async with AsyncClient() as client:
                with anyio.move_on_after(0.3) as scope:
                    await AsyncIO(client).send(Request("POST", url, Endless()))
            return scope.cancelled_caught

    assert anyio.run(main, backend=backend)
    assert len(made) < 100


def test_tasks_make_pieces_in_a_thread():
    """A body may read a file, which a task must not wait for."""
    threads = []

    class Telling(Counting):
        def __iter__(self):
            for piece in super().__iter__():
                threads.append(threading.get_ident())
                yield piece

    body = Telling(3)
    _exchange("asyncio", body, Echo(body))
    assert len(threads) == 3
    assert threading.get_ident() not in threads
