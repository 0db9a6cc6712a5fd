"""What goes wrong on the way: a clear error of ours or success, no hang, no thread left behind."""

import gc
import signal
import subprocess
import sys
import textwrap
import threading
import time

import anyio
import pytest
import trustme

from firebolt_like.errors import (
    InterfaceError,
    OperationalError,
    QueryTimeoutError,
    ServerConnectionError,
)
from firebolt_like.flight import Cancellation, FlightSQLClient
from firebolt_like.local import LocalServer
from tests.flight.conftest import Face, free_port
from tests.flight.scripted_server import ScriptedServer, batches, generated, stream


class Hanging(ScriptedServer):
    """Hangs in `GetFlightInfo` of the query "hang" until the call is cancelled."""

    def __init__(self, **options):
        super().__init__(**options)
        self.begun = threading.Semaphore(0)
        self.ended = threading.Semaphore(0)

    def get_flight_info(self, context, descriptor):
        if b"hang" not in descriptor.command:
            return super().get_flight_info(context, descriptor)
        self.wait(context)
        return None

    def wait(self, context):
        self.begun.release()
        limit = time.monotonic() + 60
        while not context.is_cancelled() and time.monotonic() < limit:
            time.sleep(0.01)
        if context.is_cancelled():
            self.ended.release()

    def rows(self, context):
        """Give rows, and then hang."""

        def make():
            yield from batches([1])
            self.wait(context)

        return generated(make)


@pytest.fixture
def server():
    with Hanging() as server:
        server.offer("q", {"t": []})
        server.offer("rows", {"rows": []})
        server.streams[b"t"] = lambda _: stream([1])
        server.streams[b"rows"] = server.rows
        yield server


def test_a_server_that_does_not_answer(face, server):
    """A timeout ends a call that hangs, on the server too."""

    async def scenario():
        async with face.client(server.url) as client:
            with pytest.raises(QueryTimeoutError):
                await client.query("hang", timeout=0.3)

    face.run(scenario)
    assert server.ended.acquire(timeout=20)


def test_rows_that_do_not_come(face, server):
    """A timeout ends a stream that hangs, on the server too."""

    async def scenario():
        async with face.client(server.url, timeout=2) as client:
            result = await client.query("rows")
            assert (await result.read_batch()).num_rows == 1
            with pytest.raises(QueryTimeoutError):
                await result.read_batch()
            assert result.finished

    face.run(scenario)
    assert server.ended.acquire(timeout=20)


async def _when_begun(server, cancel):
    await anyio.to_thread.run_sync(server.begun.acquire)
    cancel()


@pytest.mark.parametrize("name", ["asyncio", "trio"])
@pytest.mark.parametrize("query", ["hang", "rows"])
def test_a_cancelled_task_ends_its_call(server, name, query):
    """Cancelling a task that waits ends its query on the server, and the client goes on."""

    async def scenario():
        async with face.client(server.url) as client:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(_when_begun, server, tasks.cancel_scope.cancel)
                async with await client.query(query) as result:
                    await result.read_all()
            assert await anyio.to_thread.run_sync(lambda: server.ended.acquire(timeout=20))
            async with await client.query("q") as result:
                assert (await result.read_all()).num_rows == 1

    face = Face(name, "grpc")
    face.run(scenario)


@pytest.mark.parametrize("query", ["hang", "rows"])
def test_a_cancellation_from_another_thread(cancelling_face, server, query):
    """`Cancellation.cancel` ends what waits, in any way of waiting, from any thread."""
    cancellation = Cancellation()
    other = threading.Thread(target=lambda: (server.begun.acquire(), cancellation.cancel()))

    async def scenario():
        async with cancelling_face.client(server.url) as client:
            with pytest.raises(OperationalError, match="cancelled"):
                async with await client.query(query, cancellation=cancellation) as result:
                    await result.read_all()
            async with await client.query("q") as result:
                assert (await result.read_all()).num_rows == 1
            with pytest.raises(OperationalError, match="cancelled"):
                await client.query("q", cancellation=cancellation)

    other.start()
    cancelling_face.run(scenario)
    other.join()
    assert server.ended.acquire(timeout=20)


INTERRUPTED = """
    import sys
    from firebolt_like.flight import FlightSQLClient

    with FlightSQLClient(sys.argv[1], timeout=60) as client:
        try:
            client.query(sys.argv[2]).read_all()
        except KeyboardInterrupt:
            sys.exit(7)
"""


@pytest.mark.parametrize("query", ["hang", "rows"])
def test_ctrl_c(server, query):
    """An interrupt ends a call that waits at once, on the server too."""
    command = [sys.executable, "-c", textwrap.dedent(INTERRUPTED), server.url, query]
    with subprocess.Popen(command) as program:
        assert server.begun.acquire(timeout=60)
        program.send_signal(signal.SIGINT)
        assert program.wait(20) == 7
    assert server.ended.acquire(timeout=20)


def test_a_result_is_cancelled_while_it_is_read(face, server):
    """`cancel` of a result ends its reading in another thread with a clear error."""

    async def scenario():
        async with face.client(server.url) as client:
            result = await client.query("rows")
            other = threading.Thread(target=lambda: (server.begun.acquire(), result.cancel()))
            other.start()
            with pytest.raises(OperationalError, match="cancelled"):
                await result.read_all()
            other.join()

    face.run(scenario)
    assert server.ended.acquire(timeout=20)


def test_a_result_that_is_forgotten(face, server):
    """A result that nobody holds any more ends on the server."""

    async def scenario():
        async with face.client(server.url) as client:
            result = await client.query("rows")
            assert (await result.read_batch()).num_rows == 1
            del result
            gc.collect()
            assert await anyio.to_thread.run_sync(lambda: server.ended.acquire(timeout=20))

    if face.blocking:
        with FlightSQLClient(server.url, transport=face.transport) as client:
            result = client.query("rows")
            assert result.read_batch().num_rows == 1
            del result
            gc.collect()
            assert server.ended.acquire(timeout=20)
    else:
        face.run(scenario)


def test_two_readers_of_one_result(cancelling_face, server):
    """A result that is being read says so to a second reader, and goes on with the first."""

    async def scenario():
        async with cancelling_face.client(server.url) as client:
            result = await client.query("rows")
            await result.read_batch()

            async def reader():
                try:
                    await result.read_batch()
                except InterfaceError:
                    result.cancel()
                    return "refused"
                except OperationalError:
                    return "cancelled"

            told = await cancelling_face.together(reader, reader)
            assert sorted(told) == ["cancelled", "refused"]

    cancelling_face.run(scenario)


def test_nobody_listens(face):
    """A server that is not there is a ServerConnectionError that may be tried again."""

    async def scenario():
        async with face.client(f"grpc://127.0.0.1:{free_port()}", timeout=1) as client:
            with pytest.raises(ServerConnectionError, match="could not be reached") as caught:
                await client.query("select 1")
            assert caught.value.retryable

    face.run(scenario)


DYING = """
    import os
    from tests.flight.scripted_server import ScriptedServer, batches, generated

    def make():
        yield from batches([1])
        yield from batches(list(range(1000)))
        os._exit(1)

    server = ScriptedServer()
    server.offer("q", {"t": []})
    server.streams[b"t"] = lambda _: generated(make)
    print(server.url, flush=True)
    server.serve()
"""


def test_a_server_that_dies_while_it_sends(face):
    """A stream that breaks off is an error, never fewer rows."""
    command = [sys.executable, "-c", textwrap.dedent(DYING)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as dying:
        url = dying.stdout.readline().strip()

        async def scenario():
            async with face.client(url) as client, await client.query("q") as result:
                with pytest.raises(ServerConnectionError):
                    await result.read_all()

        face.run(scenario)


def test_a_cell_of_64_mebibytes(face, embedded):
    """No size of a message is too large."""

    async def scenario():
        async with (
            face.client(embedded.flight_url) as client,
            await client.query("select repeat('x', 64 * 1024 * 1024) as x") as result,
        ):
            [value] = (await result.read_all()).column("x")
            return len(value.as_py())

    assert face.run(scenario) == 64 * 1024 * 1024


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture(scope="module")
def secure(authority, tmp_path_factory):
    """An engine with a certificate for 127.0.0.1."""
    folder = tmp_path_factory.mktemp("tls")
    certificate = authority.issue_cert("127.0.0.1", "localhost")
    chain, key = folder / "chain.pem", folder / "key.pem"
    chain.write_bytes(b"".join(blob.bytes() for blob in certificate.cert_chain_pems))
    key.write_bytes(certificate.private_key_pem.bytes())
    with LocalServer(flight_port=0, flight_tls=(chain, key)) as server:
        yield server.flight_url


def test_a_certificate_that_is_trusted(face, secure, authority):
    """`tls_root_certs` says whom to trust, as PEM or a file."""

    async def scenario():
        roots = authority.cert_pem.bytes()
        async with (
            face.client(secure, tls_root_certs=roots) as client,
            await client.query("select 1 as x") as result,
        ):
            assert (await result.read_all()).num_rows == 1

    face.run(scenario)


def test_a_certificate_that_is_not_trusted(face, secure):
    """A wrong certificate is a ServerConnectionError that says what to look at."""
    other = trustme.CA().cert_pem.bytes()

    async def scenario():
        async with face.client(secure, tls_root_certs=other, timeout=2) as client:
            with pytest.raises(ServerConnectionError) as caught:
                await client.query("select 1")
            assert "certificate" in str(caught.value.hint)

    face.run(scenario)


@pytest.mark.parametrize("way", ["sync", "asyncio", "trio"])
def test_a_certificate_that_is_not_checked(way, secure):
    """`disable_server_verification` trusts any certificate, by the transport that can."""
    face = Face(way, None)

    async def scenario():
        async with (
            face.client(secure, disable_server_verification=True) as client,
            await client.query("select 1 as x") as result,
        ):
            assert (await result.read_all()).num_rows == 1

    face.run(scenario)


def test_a_certificate_of_the_client(face, authority):
    """Where the server wants a certificate, the client shows its own."""
    server, client = authority.issue_cert("127.0.0.1"), authority.issue_cert("client@example.com")
    pair = server.cert_chain_pems[0].bytes(), server.private_key_pem.bytes()
    roots = authority.cert_pem.bytes()
    with ScriptedServer(
        location="grpc+tls://127.0.0.1:0",
        tls_certificates=[pair],
        verify_client=True,
        root_certificates=roots,
    ) as listening:
        listening.offer("q", {"t": []})
        listening.streams[b"t"] = lambda _: stream([1])
        url = f"grpc+tls://127.0.0.1:{listening.port}"

        async def scenario():
            own = {
                "tls_client_cert": client.cert_chain_pems[0].bytes(),
                "tls_client_key": client.private_key_pem.bytes(),
            }
            async with (
                face.client(url, tls_root_certs=roots, **own) as shown,
                await shown.query("q") as result,
            ):
                assert (await result.read_all()).num_rows == 1
            async with face.client(url, tls_root_certs=roots, timeout=1) as hidden:
                with pytest.raises(OperationalError):
                    await hidden.query("q")

        face.run(scenario)


def test_no_thread_is_left(transport, server):
    """A closed client leaves no thread of its own behind."""
    before = set(threading.enumerate())
    with FlightSQLClient(server.url, transport=transport) as client:
        server.offer("many", {"t": [], "u": []})
        server.streams[b"u"] = server.streams[b"t"]
        assert client.query("many").read_all().num_rows == 2
    for thread in set(threading.enumerate()) - before:
        if "firebolt_like" in thread.name:
            thread.join(20)
            assert not thread.is_alive(), thread
