"""Waiting: `run`, both forms of IO, and the edge where httpx's errors become ours."""

import asyncio
import contextlib
import gc
import socket
import sys
import threading

import anyio
import anyio.lowlevel
import anyio.to_thread
import httpx
import pytest

from firebolt_like.client.auth import Token
from firebolt_like.client.client import AsyncClient, Client
from firebolt_like.client.httpx_io import AsyncIO, BlockingIO
from firebolt_like.client.io import Request, run
from firebolt_like.errors import (
    ConfigurationError,
    Error,
    OperationalError,
    QueryTimeoutError,
    ServerConnectionError,
    ServerResponseError,
)

URL = "https://user:hidden@engine.example.com/query?database=d"
STATEMENT = Request("POST", URL, b"SELECT 1", {"X-Mine": "1"})


def test_run_gives_the_result():
    """A coroutine over a blocking IO is finished in one step."""

    async def work(io):
        async with io.lock():
            await io.sleep(0)
            with io.shield(1):
                return await io.call(threading.get_ident)

    with httpx.Client() as client:
        assert run(work(BlockingIO(client))) == threading.get_ident()


def test_run_raises_what_the_work_raises():
    """An error passes through as it is."""

    async def work():
        raise KeyError("x")

    with pytest.raises(KeyError):
        run(work())


def test_run_is_loud_when_something_suspends():
    """Work that awaits an event loop is an error in the program, and is cleaned up."""
    closed = []

    async def work():
        try:
            await asyncio.sleep(0)
        finally:
            closed.append(True)

    with pytest.raises(RuntimeError, match="work") as caught:
        run(work())
    assert closed == [True]
    assert caught.tb is not None  # which kept the work alive until here


class Server:
    """A real server for one connection; `script` gets the socket after the request."""

    def __init__(self, script=None):
        self.script = script
        self.hung_up = threading.Event()

    def __enter__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(10)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()
        return self

    def __exit__(self, *error):
        # a connection of our own ends the wait for one that did not come
        with contextlib.suppress(OSError):
            socket.create_connection(self._listener.getsockname(), timeout=1).close()
        self._thread.join()
        self._listener.close()

    def _serve(self):
        with contextlib.suppress(OSError):
            peer, _ = self._listener.accept()
            with peer:
                peer.settimeout(10)
                if peer.recv(65536) and self.script is not None:
                    self.script(peer)
                while peer.recv(65536):
                    pass
        self.hung_up.set()


# The error map: whatever httpx may raise, raised by a transport at every place.


def subclasses(kind):
    for sub in kind.__subclasses__():
        if sub.__module__ == "httpx":
            yield sub
            yield from subclasses(sub)


def made(kind):
    request = httpx.Request("POST", "https://engine.example.com")
    if issubclass(kind, httpx.HTTPStatusError):
        return kind("oops", request=request, response=httpx.Response(500, request=request))
    if issubclass(kind, httpx.StreamConsumed | httpx.StreamClosed):
        return kind()
    if issubclass(kind, httpx.ResponseNotRead | httpx.RequestNotRead):
        return kind()
    return kind("oops")


KINDS = [*subclasses(httpx.HTTPError), *subclasses(httpx.StreamError), httpx.InvalidURL]
NOTHING_WAS_SENT = {httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError}
OURS = {
    **dict.fromkeys(NOTHING_WAS_SENT, ServerConnectionError),
    httpx.TimeoutException: QueryTimeoutError,
    httpx.ReadTimeout: QueryTimeoutError,
    httpx.WriteTimeout: QueryTimeoutError,
    httpx.DecodingError: ServerResponseError,
    httpx.TooManyRedirects: ServerResponseError,
    httpx.HTTPStatusError: ServerResponseError,
    httpx.InvalidURL: ConfigurationError,
    httpx.UnsupportedProtocol: ConfigurationError,
    httpx.LocalProtocolError: ConfigurationError,
}


class Failing(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Raises an error at once, or while the body is read."""

    def __init__(self, error, *, in_body):
        self.error = error
        self.in_body = in_body

    def handle_request(self, request):
        if not self.in_body:
            raise self.error
        return httpx.Response(200, stream=FailingStream(self.error))

    async def handle_async_request(self, request):
        return self.handle_request(request)


class FailingStream(httpx.SyncByteStream, httpx.AsyncByteStream):
    def __init__(self, error):
        self.error = error

    def __iter__(self):
        yield b"begin"
        raise self.error

    async def __aiter__(self):
        yield b"begin"
        raise self.error


async def fail(io, where):
    reply = await io.send(STATEMENT)
    try:
        if where == "read":
            await reply.read()
        assert await reply.chunk() == b"begin"
        await reply.chunk()
    finally:
        await reply.close()


def is_ours(error, kind, original, where):
    assert type(error) is OURS.get(kind, ServerConnectionError)
    if kind is not httpx.LocalProtocolError:
        assert error.__cause__ is original
    assert error.retryable is (kind in NOTHING_WAS_SENT and where == "send")
    assert "hidden" not in str(error)


@pytest.mark.parametrize("where", ["send", "read", "chunk"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_error_of_httpx_becomes_ours_in_threads(kind, where):
    """No error of httpx reaches a user, and it stays as the cause."""
    original = made(kind)
    transport = Failing(original, in_body=where != "send")
    with httpx.Client(transport=transport) as client, pytest.raises(Error) as caught:
        run(fail(BlockingIO(client), where))
    is_ours(caught.value, kind, original, where)


@pytest.mark.anyio
@pytest.mark.parametrize("where", ["send", "read", "chunk"])
@pytest.mark.parametrize("kind", KINDS)
async def test_every_error_of_httpx_becomes_ours_in_tasks(kind, where):
    """The async form has the same map, on asyncio and trio."""
    original = made(kind)
    transport = Failing(original, in_body=where != "send")
    async with httpx.AsyncClient(transport=transport) as client:
        with pytest.raises(Error) as caught:
            await fail(AsyncIO(client), where)
    is_ours(caught.value, kind, original, where)


def test_an_error_of_ours_passes_as_it_is():
    """What an auth class raises is not wrapped a second time."""
    ours = OperationalError("mine")
    client = httpx.Client(transport=Failing(ours, in_body=False))
    with client, pytest.raises(OperationalError) as caught:
        run(fail(BlockingIO(client), "send"))
    assert caught.value is ours
    assert caught.value.__cause__ is None


def test_a_server_that_cannot_be_reached_is_named():
    """The message has scheme, host and port, and neither password nor parameters."""
    client = httpx.Client(transport=Failing(httpx.ConnectError("refused"), in_body=False))
    with client, pytest.raises(ServerConnectionError) as caught:
        run(fail(BlockingIO(client), "send"))
    assert str(caught.value).startswith("The server at https://engine.example.com/ could")
    assert "database" not in str(caught.value)


@pytest.mark.parametrize("token", ["hidden\nX: y", "hid\x00den", "hidden\u20ac"])
def test_a_token_that_is_no_header_is_not_shown(token):
    """A token with a line end is an error that does not repeat it, nor chain what does."""
    with Server() as server, httpx.Client(trust_env=False) as client:
        request = Request("POST", server.url, headers={"Authorization": f"Bearer {token}"})
        with pytest.raises(ConfigurationError) as caught:
            run(BlockingIO(client).send(request))
    error = caught.value
    assert "token" in str(error)
    assert error.__cause__ is None
    assert error.__suppress_context__


@pytest.mark.parametrize("url", ["https://[::1", "https://a:b", "ftp://a", "nothing"])
def test_an_address_that_is_not_usable_is_a_clear_error(url):
    """A typing error in an address is told as such."""
    with httpx.Client(trust_env=False) as client, pytest.raises(ConfigurationError):
        run(BlockingIO(client).send(Request("GET", url)))


HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Twice: 1\r\nX-Twice: 2\r\n\r\n"
MANY_CHUNKS = b"3\r\nabc\r\n" * 5000


def answer(*parts):
    """A script that sends parts of an answer, and then waits for the client to hang up."""

    def script(peer):
        for part in parts:
            peer.sendall(part)

    return script


@pytest.mark.parametrize("script", [answer(), answer(HEAD[:20])], ids=["silent", "half a head"])
def test_a_server_that_does_not_answer_is_a_timeout_in_threads(script):
    """`within` bounds the wait for the head of an answer."""
    with (
        Server(script) as server,
        httpx.Client(trust_env=False) as client,
        pytest.raises(QueryTimeoutError) as caught,
    ):
        run(BlockingIO(client).send(Request("POST", server.url), within=0.05))
    assert isinstance(caught.value, TimeoutError)
    assert not caught.value.retryable


@pytest.mark.parametrize("method", ["read", "chunk"])
def test_a_body_that_does_not_end_is_a_timeout_in_threads(method):
    """`within` bounds the wait for the body."""
    with Server(answer(HEAD)) as server, httpx.Client(trust_env=False) as client:
        reply = run(BlockingIO(client).send(Request("POST", server.url), within=0.1))
        with pytest.raises(QueryTimeoutError):
            run(getattr(reply, method)(0.1))
        run(reply.close())


def test_a_body_that_trickles_is_a_timeout_in_threads():
    """Pieces that keep coming do not lengthen the time that a body may take."""

    def trickle(peer):
        peer.sendall(HEAD)
        while not server.hung_up.wait(0.01):
            peer.sendall(b"1\r\na\r\n")

    with Server(trickle) as server, httpx.Client(trust_env=False) as client:
        reply = run(BlockingIO(client).send(Request("POST", server.url), within=5))
        with pytest.raises(QueryTimeoutError):
            run(reply.read(0.1))
        run(reply.close())
        server.hung_up.set()


@pytest.mark.anyio
@pytest.mark.parametrize("where", ["send", "read", "chunk"])
async def test_waiting_too_long_is_a_timeout_in_tasks(where):
    """`within` bounds head and body on asyncio and trio."""
    with Server(answer(b"" if where == "send" else HEAD)) as server:
        async with httpx.AsyncClient(trust_env=False, timeout=None) as client:
            io = AsyncIO(client)
            if where == "send":
                with pytest.raises(QueryTimeoutError):
                    await io.send(Request("POST", server.url), within=0.05)
                return
            reply = await io.send(Request("POST", server.url))
            with pytest.raises(QueryTimeoutError) as caught:
                await getattr(reply, where)(0.05)
            await reply.close()
    assert isinstance(caught.value, TimeoutError)


@pytest.mark.parametrize("within", [1e12, float("inf")])
def test_a_very_long_timeout_is_taken(within):
    """No number of seconds is too much for a socket."""
    script = answer(HEAD, MANY_CHUNKS, b"0\r\n\r\n")
    with Server(script) as server, httpx.Client(trust_env=False, timeout=None) as client:
        reply = run(BlockingIO(client).send(Request("POST", server.url), within=within))
        assert run(reply.read(within)) == b"abc" * 5000


def test_an_answer_is_read_in_pieces_in_threads():
    """The head is there before the body; an empty piece is the end."""
    script = answer(HEAD, MANY_CHUNKS, b"0\r\n\r\n")
    with Server(script) as server, httpx.Client(trust_env=False) as client:
        reply = run(BlockingIO(client).send(Request("POST", server.url)))
        assert reply.status == 200
        assert [value for name, value in reply.headers if name == "x-twice"] == ["1", "2"]
        pieces = []
        while piece := run(reply.chunk()):
            pieces.append(piece)
        assert b"".join(pieces) == b"abc" * 5000
        assert run(reply.chunk()) == b""
        run(reply.close())


@pytest.mark.anyio
async def test_an_answer_is_read_in_pieces_in_tasks():
    """The async form gives the same."""
    script = answer(HEAD, MANY_CHUNKS, b"0\r\n\r\n")
    with Server(script) as server:
        async with httpx.AsyncClient(trust_env=False) as client:
            reply = await AsyncIO(client).send(Request("POST", server.url))
            pieces = []
            while piece := await reply.chunk():
                pieces.append(piece)
            assert b"".join(pieces) == b"abc" * 5000
            assert await reply.chunk() == b""
            await reply.close()


@contextlib.contextmanager
def generators():
    """Collect the async generators that begin to run."""
    found = []
    before = sys.get_asyncgen_hooks()

    def begin(generator):
        found.append(generator)
        if before.firstiter is not None:
            before.firstiter(generator)

    sys.set_asyncgen_hooks(firstiter=begin)
    try:
        yield found
    finally:
        sys.set_asyncgen_hooks(*before)


class Endless(httpx.AsyncByteStream):
    """A stream of a transport in memory, which closing does not stop."""

    async def __aiter__(self):
        while True:
            await anyio.lowlevel.checkpoint()
            yield b"more"


@pytest.mark.anyio
@pytest.mark.parametrize("pieces", [0, 1, 2])
@pytest.mark.parametrize("kind", ["few", "many", "endless"])
async def test_closing_an_unfinished_answer_leaves_no_generator(kind, pieces):
    """What httpx began is ended by close(), and not by the garbage collector in no task."""
    endless = httpx.MockTransport(lambda _: httpx.Response(200, stream=Endless()))
    parts = (HEAD, MANY_CHUNKS) if kind == "many" else (HEAD, b"3\r\nabc\r\n" * pieces)
    with Server(answer(*parts)) as server, generators() as begun:
        transport = endless if kind == "endless" else httpx.AsyncHTTPTransport(trust_env=False)
        async with httpx.AsyncClient(transport=transport) as client:
            reply = await AsyncIO(client).send(Request("POST", server.url))
            for _ in range(min(pieces, 1) if kind == "few" else pieces):
                assert await reply.chunk()
            await reply.close()
            await reply.close()
            assert [generator for generator in begun if generator.ag_frame is not None] == []
    gc.collect()


@pytest.mark.anyio
async def test_a_cancelled_task_closes_its_answer():
    """A server sees at once that nobody wants the rest, so that it can cancel the query."""
    with Server(answer(HEAD, b"3\r\nabc\r\n")) as server:
        async with httpx.AsyncClient(trust_env=False) as client:
            with anyio.CancelScope() as scope:
                reply = await AsyncIO(client).send(Request("POST", server.url))
                try:
                    assert await reply.chunk() == b"abc"
                    scope.cancel()
                    await reply.chunk()
                finally:
                    await reply.close()
            assert scope.cancelled_caught
            assert await anyio.to_thread.run_sync(server.hung_up.wait, 5)


class SlowToClose(httpx.AsyncByteStream):
    """A stream that has to wait for its closing."""

    closed = False

    async def __aiter__(self):
        yield b"abc"

    async def aclose(self):
        await anyio.lowlevel.checkpoint()
        self.closed = True


@pytest.mark.anyio
async def test_closing_is_not_cancelled_itself():
    """A transport that waits for its closing gets the time, though the task is cancelled."""
    stream = SlowToClose()
    transport = httpx.MockTransport(lambda _: httpx.Response(200, stream=stream))
    async with httpx.AsyncClient(transport=transport) as client:
        with anyio.CancelScope() as scope:
            reply = await AsyncIO(client).send(STATEMENT)
            scope.cancel()
            await reply.close()
    assert stream.closed


@pytest.mark.anyio
async def test_a_task_cancelled_while_it_waits_for_the_head_hangs_up():
    """Before the answer too, the server sees that nobody waits."""
    with Server(answer()) as server:
        async with httpx.AsyncClient(trust_env=False) as client:
            with anyio.move_on_after(0.05) as scope:
                await AsyncIO(client).send(Request("POST", server.url))
            assert scope.cancelled_caught
            assert await anyio.to_thread.run_sync(server.hung_up.wait, 5)


def test_closing_an_unfinished_answer_hangs_up_in_threads():
    """The blocking form ends the server's query too."""
    script = answer(HEAD, b"3\r\nabc\r\n")
    with Server(script) as server, httpx.Client(trust_env=False) as client:
        reply = run(BlockingIO(client).send(Request("POST", server.url)))
        assert run(reply.chunk()) == b"abc"
        run(reply.close())
        assert server.hung_up.wait(5)


@pytest.mark.anyio
async def test_blocking_functions_run_beside_the_loop():
    """`call` gives the result of a function that ran in a worker thread."""
    async with httpx.AsyncClient() as client:
        assert await AsyncIO(client).call(threading.get_ident) != threading.get_ident()


@pytest.mark.anyio
async def test_a_lock_is_held_by_one_task():
    """Tasks take turns."""
    inside, most = 0, 0
    async with httpx.AsyncClient() as client:
        lock = AsyncIO(client).lock()

        async def work():
            nonlocal inside, most
            async with lock:
                inside += 1
                most = max(most, inside)
                await anyio.lowlevel.checkpoint()
                inside -= 1

        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(work)
    assert most == 1


@pytest.mark.anyio
async def test_a_shield_lets_its_block_finish():
    """What must be told to the server is told, though the task is cancelled."""
    finished = False
    async with httpx.AsyncClient() as client:
        with anyio.CancelScope() as scope:
            scope.cancel()
            with AsyncIO(client).shield(5):
                await anyio.lowlevel.checkpoint()
                finished = True
            with AsyncIO(client).shield(0.01) as limited:
                await AsyncIO(client).sleep(60)
    assert finished
    assert limited.cancelled_caught


def seen_with(auth):
    """The Authorization header of a request with or without credentials, from both faces."""
    headers = []

    def take(request):
        headers.append(request.headers.get("Authorization"))
        return httpx.Response(200)

    request = Request("GET", "https://a.example.com", auth=auth)
    keywords = {"auth": Token("t"), "transport": httpx.MockTransport(take)}
    with Client(**keywords) as client:
        run(BlockingIO(client).send(request))

    async def in_task():
        async with AsyncClient(**keywords) as client:
            await AsyncIO(client).send(request)

    anyio.run(in_task)
    return headers


def test_credentials_go_with_requests_that_want_them():
    """A discovery document is asked for without a token."""
    assert seen_with(auth=True) == ["Bearer t", "Bearer t"]
    assert seen_with(auth=False) == [None, None]


@pytest.mark.parametrize("body", [b"", b"SELECT 1"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_requests_are_those_that_the_client_builds(method, body):
    """Headers, cookies and timeouts of the user's client go with every request, and parameters."""
    seen = []
    transport = httpx.MockTransport(lambda request: seen.append(request) or httpx.Response(200))
    url = "https://engine.example.com:8443/?database=db"
    with httpx.Client(
        transport=transport,
        cookies={"c": "2"},
        headers={"X-Name": "value", "Accept": "nothing"},
        timeout=7,
    ) as client:
        run(BlockingIO(client).send(Request(method, url, body, {"X-Own": "1"})))
        usual = client.build_request(method, url, content=body, headers={"X-Own": "1"})
        client.params = {"a": "1"}
        run(BlockingIO(client).send(Request(method, url, body)))
    assert seen[0].url == usual.url
    assert seen[0].headers == usual.headers
    assert seen[0].content == usual.content == body
    assert seen[0].extensions == usual.extensions
    assert dict(seen[1].url.params) == {"database": "db", "a": "1"}  # httpx would drop the first
