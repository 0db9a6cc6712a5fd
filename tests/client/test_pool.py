"""The pools: limits, reuse, and that no connection is lost or shared on the way."""

import threading
from concurrent.futures import ThreadPoolExecutor

import anyio
import anyio.lowlevel
import httpx
import pytest

from firebolt_like.client.client import Client
from firebolt_like.client.pool import AsyncConnectionPool, ConnectionPool

URL = "https://api.example.com/"


class Line(httpx.AsyncBaseTransport):
    """One connection: it answers when told to, and knows how it was treated."""

    def __init__(self, lines):
        lines.append(self)
        self.answers = anyio.Event()
        self.served = self.at_once = self.most = 0
        self.closed = False

    async def handle_async_request(self, request):
        self.served += 1
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        try:
            if request.url.path == "/slow":
                await self.answers.wait()
            if request.url.path == "/broken":
                raise httpx.ReadError("broken")
            return httpx.Response(200, stream=httpx.ByteStream(b"answer"))
        finally:
            self.at_once -= 1

    async def aclose(self):
        self.closed = True


@pytest.fixture(params=["asyncio", "trio"])
def with_pool(request):
    """Run a scenario with a client over a pool of lines."""

    def use(scenario, **limits):
        async def main():
            lines = []
            pool = AsyncConnectionPool(lambda: Line(lines), httpx.Limits(**limits))
            async with httpx.AsyncClient(transport=pool, timeout=0.05, base_url=URL) as client:
                await scenario(client, lines)
            assert all(line.closed and line.most <= 1 for line in lines)

        anyio.run(main, backend=request.param)

    return use


def test_requests_in_turn_share_a_connection(with_pool):
    """A connection that is free again serves the next request."""

    async def scenario(client, lines):
        for _ in range(3):
            assert (await client.get("/")).text == "answer"
        assert [line.served for line in lines] == [3]

    with_pool(scenario)


def test_requests_at_once_have_a_connection_each(with_pool):
    """No request waits for another while the limit allows it."""

    async def scenario(client, lines):
        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(client.get, "/slow")
            with anyio.fail_after(5):
                while len(lines) < 5:
                    await anyio.lowlevel.checkpoint()
            for line in lines:
                line.answers.set()
        assert [line.served for line in lines] == [1] * 5

    with_pool(scenario)


def test_beyond_the_limit_a_request_waits_its_turn_or_times_out(with_pool):
    """max_connections is obeyed, and the pool timeout is the usual error of httpx."""

    async def scenario(client, lines):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client.get, "/slow")
            await anyio.wait_all_tasks_blocked()
            with pytest.raises(httpx.PoolTimeout):
                await client.get("/")
            lines[0].answers.set()
        assert (await client.get("/")).text == "answer"
        assert len(lines) == 1

    with_pool(scenario, max_connections=1)


def test_tasks_have_their_turn_in_the_order_they_came(with_pool):
    """Nobody waits while those who came later are served: the slowest is not much slower."""

    async def scenario(client, lines):
        served = []

        async def ask(number):
            await client.get("/", timeout=20)
            served.append(number)

        async with anyio.create_task_group() as tasks, client.stream("GET", "/"):
            for number in range(5):
                tasks.start_soon(ask, number)
                await anyio.wait_all_tasks_blocked()
            assert served == []
        assert served == [0, 1, 2, 3, 4]

    with_pool(scenario, max_connections=1)


def test_a_request_that_fails_or_is_cancelled_frees_its_place(with_pool):
    """Neither an error nor a cancelled task costs a connection."""

    async def scenario(client, lines):
        for _ in range(3):
            with pytest.raises(httpx.ReadError):
                await client.get("/broken")
            with anyio.move_on_after(0.01):
                await client.get("/slow")
        assert (await client.get("/")).text == "answer"

    with_pool(scenario, max_connections=1)


def test_an_unread_response_frees_its_place_when_it_is_closed(with_pool):
    """Until then its connection serves nobody else."""

    async def scenario(client, lines):
        async with client.stream("GET", "/"):
            with pytest.raises(httpx.PoolTimeout):
                await client.get("/")
        assert (await client.get("/")).text == "answer"

    with_pool(scenario, max_connections=1)


def test_no_more_than_the_limit_are_kept(with_pool):
    """Of many connections that are free only max_keepalive_connections stay open."""

    async def scenario(client, lines):
        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(client.get, "/slow")
            await anyio.wait_all_tasks_blocked()
            for line in lines:
                line.answers.set()
        assert sum(not line.closed for line in lines) == 2

    with_pool(scenario, max_keepalive_connections=2)


def test_connections_that_were_idle_for_too_long_are_closed(with_pool):
    """keepalive_expiry ends the ones that nobody used."""

    async def scenario(client, lines):
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(client.get, "/slow")
            await anyio.wait_all_tasks_blocked()
            for line in lines:
                line.answers.set()
        assert all(line.closed for line in lines)

    with_pool(scenario, keepalive_expiry=0)


def test_an_async_connection_in_use_closes_with_its_response(with_pool):
    """What is given back after the client was closed is not kept open."""

    async def scenario(client, lines):
        async with client.stream("GET", "/"):
            await client.aclose()
            assert [line.closed for line in lines] == [False]
        assert [line.closed for line in lines] == [True]

    with_pool(scenario)


@pytest.mark.parametrize("most", [1, 3, 100])
def test_threads_may_share_a_client(serve, most):
    """Whatever the limit, no thread gets another's connection, or one that was closed for it."""
    server = serve(lambda _method, path, *_rest: (200, {}, path.encode()))
    together = threading.Barrier(24)

    with Client(
        api_endpoint=server.url, limits=httpx.Limits(max_connections=most), timeout=20
    ) as client:

        def ask(number):
            together.wait(10)
            return [client.get(f"/{number}/{turn}").text for turn in range(10)]

        with ThreadPoolExecutor(24) as threads:
            answers = list(threads.map(ask, range(24)))
    assert answers == [[f"/{number}/{turn}" for turn in range(10)] for number in range(24)]


class Wire(httpx.BaseTransport):
    """One blocking connection that knows how it was treated."""

    def __init__(self, wires):
        wires.append(self)
        self.closed = False

    def handle_request(self, request):
        if request.url.path == "/broken":
            raise httpx.ReadError("broken")
        return httpx.Response(200, stream=httpx.ByteStream(b"answer"))

    def close(self):
        self.closed = True


def test_the_blocking_pool_keeps_its_limits():
    """A place is taken until the response is closed, and freed by errors; the rest times out."""
    wires: list[Wire] = []
    pool = ConnectionPool(lambda: Wire(wires), httpx.Limits(max_connections=1))
    with httpx.Client(transport=pool, timeout=0.05, base_url=URL) as client:
        with client.stream("GET", "/"), pytest.raises(httpx.PoolTimeout):
            client.get("/")
        for _ in range(3):
            with pytest.raises(httpx.ReadError):
                client.get("/broken")
        assert client.get("/").text == "answer"
    assert [wire.closed for wire in wires] == [True]


def test_the_blocking_pool_closes_what_it_does_not_keep():
    """Free connections beyond max_keepalive_connections are closed."""
    wires: list[Wire] = []
    limits = httpx.Limits(max_keepalive_connections=1)
    pool = ConnectionPool(lambda: Wire(wires), limits)
    with httpx.Client(transport=pool, base_url=URL) as client:
        with client.stream("GET", "/"), client.stream("GET", "/"), client.stream("GET", "/"):
            assert len(wires) == 3
        assert sum(wire.closed for wire in wires) == 2


def test_a_pool_serves_one_event_loop_after_another():
    """A client that outlives its loop opens new connections in the next, and keeps to its limit."""
    lines = []
    pool = AsyncConnectionPool(lambda: Line(lines), httpx.Limits(max_connections=1))
    client = httpx.AsyncClient(transport=pool, base_url=URL)

    async def main():
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(client.get, "/")

    for backend in ("asyncio", "trio", "asyncio"):
        anyio.run(main, backend=backend)
    assert [line.served for line in lines] == [3, 3, 3]
    anyio.run(client.aclose)
