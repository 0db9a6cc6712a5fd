"""All rows of an answer, wherever they are: endpoints, locations, tries, and what is let go of."""

import gc
import threading

import pyarrow as pa
import pytest
from pyarrow import flight as pf

from firebolt_like.errors import (
    DataError,
    NotSupportedError,
    ProgrammingError,
    ServerConnectionError,
)
from firebolt_like.flight import FlightSQLClient
from firebolt_like.protocol import flight_sql as sql
from tests.flight.conftest import free_port
from tests.flight.scripted_server import NUMBERS, ScriptedServer, batches, generated, stream


@pytest.fixture
def server():
    with ScriptedServer() as server:
        yield server


async def fetch(client, name, **options):
    async with await client.query(name, **options) as result:
        return (await result.read_all()).column("n").to_pylist()


def read(face, server, name, **keywords):
    async def scenario():
        async with face.client(server.url, **keywords) as client:
            return await fetch(client, name)

    return face.run(scenario)


def test_every_endpoint_is_read_in_order(face, server):
    """The rows of all endpoints come, in the order of an ordered answer."""
    server.offer("q", {str(n): [] for n in range(20)})
    for n in range(20):
        server.streams[str(n).encode()] = lambda _, n=n: stream([2 * n], [2 * n + 1])
    assert read(face, server, "q") == list(range(40))


def test_every_endpoint_of_an_unordered_answer_is_read(face, server):
    """Where the server gives no order, all rows come all the same."""
    server.offer("q", {str(n): [] for n in range(20)}, ordered=False)
    for n in range(20):
        server.streams[str(n).encode()] = lambda _, n=n: stream([2 * n], [2 * n + 1])
    assert sorted(read(face, server, "q")) == list(range(40))


@pytest.mark.parametrize("ordered", [True, False])
def test_endpoints_are_read_together(face, server, ordered):
    """Endpoints of which each waits for the others are read, so all are asked for at once."""
    together = threading.Barrier(5)

    def rows(n):
        def make():
            together.wait(20)
            yield from batches([n])

        return generated(make)

    server.offer("q", {str(n): [] for n in range(5)}, ordered=ordered)
    for n in range(5):
        server.streams[str(n).encode()] = lambda _, n=n: rows(n)
    assert sorted(read(face, server, "q")) == list(range(5))


def test_few_endpoints_are_open_at_once(face, server):
    """Of a thousand endpoints no more than eight are asked for before their turn."""
    server.offer("q", {str(n): [] for n in range(1000)})
    for n in range(1000):
        server.streams[str(n).encode()] = lambda _: stream([1])

    async def scenario():
        async with face.client(server.url) as client:
            result = await client.query("q")
            await result.read_batch()
            opened = len(server.taken)
            assert sum([batch.num_rows async for batch in result]) == 999
            return opened

    assert face.run(scenario) <= 9


def test_locations_are_tried_in_turn(face, server):
    """An endpoint is read at the next location where one does not answer."""
    with ScriptedServer() as other:
        nobody = f"grpc://127.0.0.1:{free_port()}"
        server.offer("q", {"t": [nobody, "http://example.com/t", other.url]})
        other.streams[b"t"] = lambda _: stream([1, 2])
        assert read(face, server, "q") == [1, 2]
        assert server.taken == []


@pytest.mark.parametrize(
    "location",
    ["", "grpc://0.0.0.0:1", "grpc+tcp://[::]:1", "arrow-flight-reuse-connection://?"],
)
def test_locations_that_mean_here(server, location, transport):
    """No location, one of every interface, and one that says so mean the current channel."""
    server.offer("q", {"t": []})
    server.streams[b"t"] = lambda _: stream([1])
    with FlightSQLClient(server.url, transport=transport) as client:
        caller = client._core.caller
        assert caller.at(location) is caller.home


def test_the_reuse_location_on_the_wire(face, server):
    """A server that names the current channel is read there."""
    server.offer("q", {"t": ["arrow-flight-reuse-connection://?"], "u": ["grpc://0.0.0.0:1"]})
    server.streams[b"t"] = server.streams[b"u"] = lambda _: stream([1])
    assert read(face, server, "q") == [1, 1]


def test_locations_that_nobody_can_read(face, server):
    """An endpoint that is only elsewhere than on Flight is refused, and not left out."""
    server.offer("q", {"t": ["https://example.com/part.parquet"]})
    with pytest.raises(NotSupportedError, match="example"):
        read(face, server, "q")


def test_an_endpoint_that_fails_at_first_is_read_again(face, server):
    """A connection that breaks before the first row loses nothing."""

    def rows(context):
        if len(server.taken) == 1:
            raise pf.FlightUnavailableError("going away")
        return stream([1, 2])

    server.offer("q", {"t": []})
    server.streams[b"t"] = rows
    assert read(face, server, "q") == [1, 2]
    assert server.taken == [b"t", b"t"]


def test_an_endpoint_that_fails_for_good(face, server):
    """It is tried once more, and then it is an error."""

    def rows(context):
        raise pf.FlightUnavailableError("going away")

    server.offer("q", {"t": []})
    server.streams[b"t"] = rows
    with pytest.raises(ServerConnectionError, match="going away"):
        read(face, server, "q")
    assert server.taken == [b"t", b"t"]


def test_an_endpoint_that_fails_later_is_an_error(face, server):
    """After the first rows nothing is read again: rows would come twice."""

    def make():
        yield from batches([1])
        raise pf.FlightUnavailableError("going away")

    server.offer("q", {"t": []})
    server.streams[b"t"] = lambda _: generated(make)
    with pytest.raises(ServerConnectionError, match="going away"):
        read(face, server, "q")
    assert server.taken == [b"t"]


def test_an_error_of_the_statement_is_not_tried_again(face, server):
    """What the server says of the statement is said once."""

    def rows(context):
        raise pa.ArrowInvalid("no such function")

    server.offer("q", {"t": []})
    server.streams[b"t"] = rows
    with pytest.raises(ProgrammingError, match="no such function") as caught:
        read(face, server, "q")
    assert "scripted_server" not in str(caught.value)
    assert server.taken == [b"t"]


def test_endpoints_of_different_columns(face, server):
    """Rows of other columns than the first endpoint's are an error."""
    server.offer("q", {"t": [], "u": []})
    server.streams[b"t"] = lambda _: stream([1])
    server.streams[b"u"] = lambda _: pf.RecordBatchStream(pa.table({"other": ["x"]}))
    with pytest.raises(DataError, match="different columns"):
        read(face, server, "q")


def test_no_endpoint_is_no_rows(face, server):
    """An answer of no endpoints has its columns and no rows."""
    server.offer("q", {})
    assert read(face, server, "q") == []


def test_an_answer_that_is_dropped_is_let_go_of(face, server):
    """The rows of a FlightInfo that nobody holds any more are asked for and cancelled."""
    server.offer("q", {"t": []})
    server.offer("r", {"u": []})
    server.streams[b"t"] = server.streams[b"u"] = lambda _: stream([1])

    async def scenario():
        async with face.client(server.url) as client:
            await client.execute("q")
            gc.collect()
            assert await fetch(client, "r") == [1]
            assert server.taken == [b"t", b"u"]
            kept = await client.execute("q")
        assert server.taken == [b"t", b"u", b"t"]  # closing lets go of what is kept, too
        assert kept.schema == NUMBERS

    face.run(scenario)


def test_a_result_that_is_closed_early_is_let_go_of(face, server):
    """The streams of a result are cancelled, and endpoints that it did not begin are let go of."""
    begun, ended = [], threading.Semaphore(0)

    def make():
        begun.append(True)
        try:
            while True:
                yield from batches(list(range(10_000)))
        finally:
            ended.release()

    server.offer("q", {str(n): [] for n in range(12)})
    for n in range(12):
        server.streams[str(n).encode()] = lambda _: generated(make)

    async def scenario():
        async with face.client(server.url) as client:
            async with await client.query("q") as result:
                await result.read_batch()
            assert result.finished
            assert await result.read_batch() is None

    face.run(scenario)
    assert set(server.taken) == {str(n).encode() for n in range(12)}
    for _ in begun:
        assert ended.acquire(timeout=20)


def test_columns_that_the_server_forgot(face, server):
    """A query that is answered without columns has those of the prepared statement."""
    handle = sql.ActionCreatePreparedStatementResult(b"h", NUMBERS.serialize().to_pybytes())
    server.actions["CreatePreparedStatement"] = lambda _: [sql.pack(handle)]
    server.actions["ClosePreparedStatement"] = lambda _: []
    for name in ("select n from t where false", "create table t (n int)"):
        server.offer(name, {"t": []}, schema=pa.schema([]))
    server.streams[b"t"] = lambda _: pf.RecordBatchStream(pa.table({}))

    async def scenario():
        async with face.client(server.url) as client:
            async with await client.query("select n from t where false") as result:
                assert result.schema == NUMBERS
                assert (await result.read_all()).schema == NUMBERS
            # what is not a query is never prepared: some servers run it for that
            async with await client.query("create table t (n int)") as result:
                assert result.schema == pa.schema([])

    face.run(scenario)
    assert len(server.headers("DO_ACTION", "user-agent")) == 2


def test_columns_that_nobody_knows(face, server):
    """A server that cannot prepare leaves an answer without columns."""
    server.offer("select 1", {"t": []}, schema=pa.schema([]))
    server.streams[b"t"] = lambda _: pf.RecordBatchStream(pa.table({}))

    async def scenario():
        async with face.client(server.url) as client, await client.query("select 1") as result:
            assert result.schema == pa.schema([])
            assert await result.read_batch() is None

    face.run(scenario)


def test_metadata_of_the_application(face, server):
    """`read_chunk` gives what a server adds to rows, and between them."""

    def make():
        yield batches([1])[0], b"first"
        yield batches([2])[0]

    server.offer("q", {"t": []})
    server.streams[b"t"] = lambda _: generated(make)

    async def scenario():
        async with face.client(server.url) as client, await client.query("q") as result:
            chunks = []
            while (chunk := await result.read_chunk()) is not None:
                chunks.append((chunk.batch.num_rows, chunk.app_metadata))
            return chunks

    assert face.run(scenario) == [(1, b"first"), (1, b"")]


def test_dictionaries(face, server):
    """A column that is sent as a dictionary, under an announced text, is read."""
    names = pa.array(["a", "b", "a", None]).dictionary_encode()
    table = pa.table({"s": pa.chunked_array([names, pa.array(["c"]).dictionary_encode()])})
    server.offer("q", {"t": []}, schema=pa.schema([("s", pa.string())]))
    server.streams[b"t"] = lambda _: pf.RecordBatchStream(table.unify_dictionaries())

    async def scenario():
        async with face.client(server.url) as client, await client.query("q") as result:
            return (await result.read_all()).column("s").to_pylist()

    assert face.run(scenario) == ["a", "b", "a", None, "c"]
