"""Connections as they break, stall and end: what callers get, and that nothing is sent twice.

Ours, and aiohttp's where it is installed.
"""

import contextlib
import functools
import gzip
import itertools
import os
import socket
import subprocess
import sys
import threading

import anyio
import anyio.lowlevel
import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firebolt_like.client.client import AsyncClient, Client
from firebolt_like.client.httpx_io import AsyncIO, BlockingIO
from firebolt_like.client.io import Request
from firebolt_like.client.retry import Budget, Retry, send
from firebolt_like.errors import ConfigurationError, OperationalError

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Script:
    """A server that reads a request and then does what it is told; it counts both kinds of things.

    `act(connection, request)` gives whether the connection goes on.
    """

    def __init__(self, act, listener=None):
        self.act = act
        self.requests = []
        self.connections = 0
        self.closing = threading.Event()
        self._listener = listener or socket.create_server(("127.0.0.1", 0))
        self._open = []
        self._thread = threading.Thread(target=self._serve)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/"

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *error):
        self.closing.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()
        for connection, thread in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            thread.join()
            connection.close()

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                thread = threading.Thread(target=self._talk, args=(connection,))
                self._open.append((connection, thread))
                thread.start()

    def _talk(self, connection):
        with contextlib.suppress(OSError):
            while request := read_request(connection):
                self.requests.append(request)
                if not self.act(connection, request):
                    break
            connection.shutdown(socket.SHUT_RDWR)


def read_request(connection):
    """Read a head and the body that it announces, of a length or in chunks."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            return b""
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
    if b"transfer-encoding" in fields:
        while not body.endswith(b"0\r\n\r\n"):
            body += connection.recv(65536)
    while len(body) < int(fields.get(b"content-length", 0)):
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def sends(*pieces, go_on=True):
    def act(connection, request):
        for piece in pieces:
            connection.sendall(piece)
        return go_on

    return act


def post(face, url, times=1, **keywords):
    """Send the same request some times over one client; give the last answer."""

    async def scenario():
        async with face.client(**keywords) as client:
            for _ in range(times):
                answer = await client.post(url, content=b"SELECT 1")
            return answer

    return face.run(scenario)


FAULTS = {
    "before the answer": (sends(go_on=False), httpx.RemoteProtocolError),
    "in the head": (sends(OK[:30], go_on=False), httpx.RemoteProtocolError),
    "in the body": (sends(OK[:-1], go_on=False), httpx.RemoteProtocolError),
    "in a chunk": (
        sends(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", go_on=False),
        httpx.RemoteProtocolError,
    ),
    "with something else": (sends(b"SSH-2.0-OpenSSH_9\r\n\r\n"), httpx.RemoteProtocolError),
    "by changing the protocol": (
        sends(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"),
        httpx.RemoteProtocolError,
    ),
    "by silence": (sends(), httpx.ReadTimeout),
    "by silence in the head": (sends(OK[:30]), httpx.ReadTimeout),
    "by silence in the body": (sends(OK[:-1]), httpx.ReadTimeout),
}


def patience(kind):
    """Give timeouts under which a slow machine takes no fault for another."""
    return httpx.Timeout(20, read=0.1 if kind is httpx.ReadTimeout else 20)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_request_that_breaks_is_sent_once(face, fault):
    """Whatever a server does to a request, it is not sent again, and the error is httpx's."""
    act, kind = FAULTS[fault]
    with Script(act) as server:
        with pytest.raises(kind) as caught:
            post(face, f"{server.url}?value=hush", timeout=patience(kind))
        assert "hush" not in str(caught.value)
        assert len(server.requests) <= server.connections <= 1  # a slow server may see none yet


def test_a_server_that_is_not_there_is_told_so(face):
    """A refused connection is the error after which anything may be sent again."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound but not listening: connections are refused
        with pytest.raises(httpx.ConnectError, match=r"(?i)fail|refused") as caught:
            post(face, f"http://127.0.0.1:{taken.getsockname()[1]}/?value=hush")
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_kept_connection_that_breaks_sends_once(face, fault):
    """So too on a connection which served before; the next request has a new one."""
    act, kind = FAULTS[fault]

    def faulty(connection, request):
        return (act if request.endswith(b"2") else sends(OK))(connection, request)

    with Script(faulty) as server:

        async def scenario():
            async with face.client(timeout=20) as client:
                assert (await client.post(server.url, content=b"1")).text == "ok"
                with pytest.raises(kind):
                    await client.post(server.url, content=b"2", timeout=patience(kind))
                assert (await client.post(server.url, content=b"3")).text == "ok"

        face.run(scenario)
        bodies = [request[-1:] for request in server.requests]
        assert [bodies.count(body) for body in (b"1", b"3")] == [1, 1]
        assert bodies.count(b"2") <= 1  # a slow server may not have seen it yet
        assert server.connections == 2


@pytest.mark.parametrize("fault", FAULTS)
def test_a_statement_that_breaks_is_sent_once(face, fault):
    """The policy of retries, too, takes none of this for a statement that did not run."""
    act, kind = FAULTS[fault]

    async def scenario():
        async with face.client(timeout=patience(kind)) as client:
            io = BlockingIO(client.sync) if face.blocking else AsyncIO(client)
            statement = Request("POST", server.url, b"INSERT INTO t VALUES (1)")
            budget = Budget(io, None)
            with pytest.raises(OperationalError) as caught:
                reply = await send(io, statement, retry=Retry(base=0), budget=budget)
                try:
                    await reply.read()
                finally:
                    await reply.close()
            assert not caught.value.retryable

    with Script(act) as server:
        face.run(scenario)
        assert len(server.requests) <= server.connections <= 1


def test_a_server_that_hung_up_meanwhile_costs_no_request(face):
    """An idle connection that the server closed is not used: the request goes over a new one."""
    gone = threading.Event()

    class Leaving(Script):
        def _talk(self, connection):
            super()._talk(connection)
            gone.set()

    with Leaving(sends(OK, go_on=False)) as server:

        async def scenario():
            async with face.client() as client:
                await client.post(server.url, content=b"1")
                gone.wait(20)
                return (await client.post(server.url, content=b"2")).text

        assert face.run(scenario) == "ok"
        assert (len(server.requests), server.connections) == (2, 2)


def test_nothing_left_over_answers_the_next_request(face):
    """Bytes after an answer end its connection; they are never read as another answer."""
    with Script(sends(OK + OK.replace(b"ok", b"no"))) as server:
        assert post(face, server.url, times=2).text == "ok"
        assert server.connections == 2


def test_what_an_idle_server_says_answers_nothing(face):
    """Bytes that come late, on a connection that is kept, end it; they are no answer either."""
    answered, late = threading.Event(), threading.Event()

    def act(connection, request):
        connection.sendall(OK)
        if len(server.requests) == 1:
            answered.wait(20)
            connection.sendall(OK.replace(b"ok", b"no"))
            late.set()
        return True

    with Script(act) as server:

        async def scenario():
            async with face.client(timeout=20) as client:
                await client.post(server.url, content=b"1")
                answered.set()
                late.wait(20)
                for _ in range(0 if face.blocking else 3):  # turns, in which the loop may read them
                    await anyio.lowlevel.checkpoint()
                return (await client.post(server.url, content=b"2")).text

        assert face.run(scenario) == "ok"
        assert server.connections == 2


def test_a_request_cancelled_at_any_moment_answers_no_other(face):
    """Whatever a cancelled request had sent or read, the next one gets its own answer."""
    if face.blocking:
        pytest.skip("nothing cancels a thread")

    def echo(connection, request):
        body = request.partition(b"\r\n\r\n")[2]
        answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
        for place in range(0, len(answer), 9):
            connection.sendall(answer[place : place + 9])
        return True

    async def scenario():
        async with face.client(timeout=20) as client:
            for turns in range(60):
                async with anyio.create_task_group() as group:
                    group.start_soon(functools.partial(client.post, server.url, content=b"left"))
                    for _ in range(turns):
                        await anyio.lowlevel.checkpoint()
                    group.cancel_scope.cancel()
                own = b"%d" % turns
                assert (await client.post(server.url, content=own)).content == own

    with Script(echo) as server:
        face.run(scenario)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform has no fork")
def test_a_forked_process_has_connections_of_its_own():
    """Two processes never read each other's answers."""
    program = """
import os, sys, warnings
from firebolt_like import Client
warnings.simplefilter("ignore")
client = Client()
client.post(sys.argv[1], content=b"1")
child = os.fork()
if not child:
    os._exit(client.post(sys.argv[1], content=b"2").text != "ok")
assert os.waitpid(child, 0)[1] == 0
assert client.post(sys.argv[1], content=b"3").text == "ok"
"""
    with Script(sends(OK)) as server:
        subprocess.run([sys.executable, "-c", program, server.url], check=True)
        assert (len(server.requests), server.connections) == (3, 2)


def test_an_address_of_ipv6_is_reached(face):
    """Brackets are the URL's, not the host's."""
    try:
        listener = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("this machine has no IPv6")
    with Script(sends(OK), listener) as server:
        assert post(face, f"http://[::1]:{listener.getsockname()[1]}/").text == "ok"
        assert b"host: [::1]:" in server.requests[0].lower()


@pytest.mark.parametrize("close", [b"Connection: close\r\n", b""])
def test_a_connection_is_kept_unless_the_server_says_no(face, close):
    """`Connection: close` is obeyed."""
    with Script(sends(OK.replace(b"OK\r\n", b"OK\r\n" + close))) as server:
        post(face, server.url, times=3)
        assert server.connections == (3 if close else 1)


def test_interim_answers_are_passed_over(face):
    """100 and 103 come before the answer, and are none."""
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
    with Script(sends(interim + OK)) as server:
        assert post(face, server.url).text == "ok"


def test_a_refusal_while_the_body_is_sent_is_heard(face):
    """A server that answers and hangs up before it has read all is understood."""
    refusal = b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    answered = threading.Event()

    class Refusing(Script):
        def _talk(self, connection):
            connection.recv(10)
            connection.sendall(refusal)
            connection.close()
            answered.set()

    def parts():
        yield b"a"
        answered.wait(20)
        for _ in range(100):
            yield b"b" * 100_000

    async def slowly():
        for part in parts():
            yield part

    with Refusing(None) as server:

        async def scenario():
            async with face.client() as client, contextlib.aclosing(slowly()) as tasks_body:
                body = parts() if face.blocking else tasks_body
                return (await client.post(server.url, content=body)).status_code

        with contextlib.suppress(httpx.ReadError):  # a reset may overtake the refusal
            assert face.run(scenario) == 413


def test_bodies_may_come_piece_by_piece(face):
    """A body of parts is sent in chunks, and each as soon as it is there."""
    arrived = threading.Event()

    class Waiting(Script):
        def _talk(self, connection):
            seen = b""
            while b"first" not in seen:
                seen += connection.recv(65536)
            arrived.set()
            while b"0\r\n\r\n" not in seen:
                seen += connection.recv(65536)
            self.requests.append(seen)
            connection.sendall(OK)

    def parts():
        yield b"first"
        assert arrived.wait(20)
        yield b"second" * 100_000

    async def slowly():
        yield b"first"
        assert await anyio.to_thread.run_sync(arrived.wait, 20)
        yield b"second" * 100_000

    with Waiting(None) as server:

        async def scenario():
            async with face.client() as client:
                body = parts() if face.blocking else slowly()
                return (await client.post(server.url, content=body)).text

        assert face.run(scenario) == "ok"
        assert server.requests[0].endswith(
            b"5\r\nfirst\r\n927c0\r\n" + b"second" * 100_000 + b"\r\n0\r\n\r\n"
        )


def test_answers_without_a_body(face):
    """HEAD, 204 and 304 end with their head, whatever length they announce."""
    with Script(sends(b"HTTP/1.1 204 No Content\r\n\r\n")) as server:
        assert post(face, server.url, times=2).content == b""
        assert server.connections == 1
    with Script(sends(OK[:-2])) as server:

        async def scenario():
            async with face.client(timeout=20) as client:
                answers = [await client.request("HEAD", server.url) for _ in range(2)]
                return [answer.headers["Content-Length"] for answer in answers]

        assert face.run(scenario) == ["2", "2"]
        assert server.connections == 1


def test_extensions_of_httpx_work(face):
    """`target` and `trace` mean what httpx documents; the answer names its version and reason."""
    steps = []

    def step(name, info):
        steps.append(name)

    async def asynchronous_step(name, info):
        steps.append(name)

    with Script(sends(OK.replace(b"200 OK", b"200 Fine"))) as server:

        async def scenario():
            async with face.client() as client:
                trace = step if face.blocking else asynchronous_step
                await client.request("POST", server.url, extensions={"trace": trace})
                asked = {"target": b"*"}
                answer = await client.request("OPTIONS", server.url, extensions=asked)
                return answer.http_version, answer.reason_phrase

        assert face.run(scenario) == ("HTTP/1.1", "Fine")
        assert server.requests[1].startswith(b"OPTIONS * HTTP/1.1\r\n")
        assert "http11.send_request_headers.complete" in steps


@pytest.mark.parametrize("value", ["a\r\nb: c", "a\nb", "a\0b"])
def test_a_header_cannot_smuggle_another(face, value):
    """A line end in a header is refused before anything is sent."""
    with Script(sends(OK)) as server:
        with pytest.raises(httpx.LocalProtocolError) as caught:
            post(face, server.url, headers={"X-Name": f"hush{value}"})
        error = caught.value
        causes = [error, error.__cause__, None if error.__suppress_context__ else error.__context__]
        assert "hush" not in "".join(map(str, causes))
        assert server.requests == []


@pytest.mark.parametrize("length", ["1", "5"])
def test_a_body_of_another_length_than_announced_is_an_error(face, length):
    """A request is never cut, nor left half sent, because of a header that its caller gave."""
    with Script(sends(OK)) as server:
        with pytest.raises(httpx.LocalProtocolError, match="Content-Length"):
            post(face, server.url, headers={"Content-Length": length}, timeout=20)
        assert server.requests == []


def cut(data, places):
    edges = [0, *sorted(place % len(data) for place in places), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(edges)]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    body=st.binary(max_size=200),
    form=st.sampled_from(["length", "chunks", "end"]),
    sizes=st.lists(st.integers(1, 50), min_size=1),
    places=st.lists(st.integers(0, 10_000), max_size=8),
)
def test_answers_arrive_whole_wherever_they_are_cut(body, form, sizes, places):
    """A body of a length, in chunks, or up to the end is read as it was sent, byte for byte."""
    head = b"HTTP/1.1 200 OK\r\nX-Name: value\r\n"
    if form == "length":
        answer = head + b"Content-Length: %d\r\n\r\n" % len(body) + body
    elif form == "end":
        answer = head + b"\r\n" + body
    else:
        chunks, rest = b"", body
        while rest:
            size = sizes[len(rest) % len(sizes)]
            piece, rest = rest[:size], rest[size:]
            chunks += b"%x\r\n%b\r\n" % (len(piece), piece)
        answer = head + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"
    with Script(sends(*cut(answer, places), go_on=form != "end")) as server:
        with Client(timeout=20) as client:
            for _ in range(2):
                got = client.post(server.url, content=b"SELECT 1")
                assert (got.content, got.headers["x-name"]) == (body, "value")
        assert server.connections == (2 if form == "end" else 1)


def test_aiohttp_can_be_asked_for_and_switched_off(serve):
    """Under asyncio its connections are used by default; True insists on them, False keeps ours."""
    server = serve(lambda *_: (200, {}, b"ok"))

    async def used(**keywords):
        async with AsyncClient(**keywords) as client:
            answer = await client.post(server.url, content=b"SELECT 1")
            return type(answer.extensions["network_stream"]).__module__

    ours = anyio.run(functools.partial(used, aiohttp=False))
    assert anyio.run(used) == anyio.run(functools.partial(used, aiohttp=True)) != ours
    assert anyio.run(used, backend="trio") == ours
    http2 = functools.partial(used, http2=True)
    assert anyio.run(http2) == ours


def test_aiohttp_is_for_async_clients_and_has_to_be_there():
    """Both mistakes are told when the client is made."""
    with pytest.raises(ConfigurationError, match="AsyncClient"):
        Client(aiohttp=True)
    Client(aiohttp=False).close()
    code = """
import sys
sys.modules["aiohttp"] = None
from firebolt_like import AsyncClient
from firebolt_like.errors import ConfigurationError
AsyncClient()
try:
    AsyncClient(aiohttp=True)
except ConfigurationError as error:
    print(error.hint)
"""
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert told.stdout == 'pip install "firebolt_like[aiohttp]"\n'


FORGETFUL = """
import gc, sys, anyio
from firebolt_like import AsyncClient

async def main():
    client = AsyncClient()
    await client.post(sys.argv[2], content=b"1")
    answer = await client.send(client.build_request("POST", sys.argv[2]), stream=True)
    if sys.argv[3] == "in the loop":
        del client, answer
        gc.collect()
        await anyio.sleep(0)
    else:
        globals().update(client=client, answer=answer)

anyio.run(main, backend=sys.argv[1])
"""


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("when", ["in the loop", "at the end"])
def test_a_client_that_nobody_closed_makes_no_noise(backend, when):
    """An answer left unread and a client left open are let go without a word on the screen."""
    with Script(sends(OK)) as server:
        arguments = [sys.executable, "-c", FORGETFUL, backend, server.url, when]
        ended = subprocess.run(arguments, check=True, capture_output=True, text=True)
    assert (ended.stdout, ended.stderr) == ("", "")


@pytest.mark.parametrize(
    ("head", "body", "kept"),
    [
        pytest.param(b"HTTP/1.0 200 OK\r\n\r\n", b"ok", False, id="HTTP/1.0 to the end"),
        pytest.param(
            b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n", b"ok", False, id="HTTP/1.0 of a length"
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n",
            b"2;name=value\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n",
            True,
            id="trailers",
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"%x\r\n%b\r\n0\r\n\r\n" % (len(gzip.compress(b"ok")), gzip.compress(b"ok")),
            True,
            id="gzip",
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 60_000 + b"\r\nContent-Length: 2\r\n\r\n",
            b"ok",
            True,
            id="long header",
        ),
    ],
)
def test_every_form_of_an_answer_is_read(face, head, body, kept):
    """Old, chunked, compressed and long answers give their text; old ones keep no connection."""
    with Script(sends(head, body, go_on=kept)) as server:
        assert post(face, server.url, times=2, timeout=20).text == "ok"
        assert server.connections == (1 if kept else 2)


def test_a_head_without_end_is_refused(face):
    """A server cannot fill the memory with the head of an answer."""
    endless = b"HTTP/1.1 200 OK\r\n" + b"X: " + b"x" * 2_000_000
    with Script(sends(endless)) as server, pytest.raises(httpx.RemoteProtocolError):
        post(face, server.url, timeout=20)
