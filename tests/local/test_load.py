"""Large results and slow clients: memory is bounded, and others are served meanwhile."""

import contextlib
import gc
import socket

import httpx
import pytest

from firebolt_like.local import LocalServer
from firebolt_like.local.answer import Answer
from firebolt_like.local.batches import Batch
from tests.local.conftest import Asker

_LARGE = "SELECT i, repeat('x', 100) AS t FROM range(300000) r(i)"  # about 33 MB of text
_PICKED = f"{_LARGE} WHERE i >= 0"  # the same, whose rows are fetched, not read as Arrow
_WAYS = [
    ("JSON_Compact", _LARGE),
    ("JSON_Compact", _PICKED),
    ("JSONLines_Compact", _LARGE),
    ("ArrowStream", _LARGE),
    ("TabSeparated", _PICKED),
]


def _alive() -> int:
    """Count the batches that the server, in this process, holds at this moment."""
    return sum(isinstance(thing, Batch) for thing in gc.get_objects())


def _written() -> int:
    """Count the bytes that the answers of this process have written, to be sent or sent."""
    return sum(thing.size for thing in gc.get_objects() if isinstance(thing, Answer))


@pytest.mark.parametrize(("output_format", "sql"), _WAYS)
def test_a_large_result_is_never_whole_in_memory(ask: Asker, output_format: str, sql: str) -> None:
    """A few batches of about 1 MB at once, from the first byte to the last."""
    params = {"output_format": output_format}
    most = size = 0
    with ask.http.stream("POST", "/", content=sql, params=params) as reply:
        for number, piece in enumerate(reply.iter_raw(1_000_000)):
            size += len(piece)
            if number % 10 == 0:
                most = max(most, _alive())
    assert size > 30_000_000
    assert most <= 6  # of more than 30


@pytest.mark.parametrize(("output_format", "sql"), _WAYS)
def test_a_client_that_does_not_read_on_costs_a_few_megabytes(output_format: str, sql: str) -> None:
    """No more rows are made than have been taken, or wait in buffers of the system."""
    params = {"output_format": output_format}
    small = [(socket.SOL_SOCKET, socket.SO_RCVBUF, 100_000)]
    with (
        LocalServer(workers=1) as server,
        httpx.Client(base_url=server.url, timeout=20) as http,
        httpx.Client(
            base_url=server.url, timeout=20, transport=httpx.HTTPTransport(socket_options=small)
        ) as slow,
        slow.stream("POST", "/", content=sql, params=params) as reply,
    ):
        pieces = reply.iter_raw()
        size = len(next(pieces))
        for number in range(60):  # in turns with the batches of the other, until that is stuck
            assert Asker(http).rows(f"SELECT {number}") == [(number,)]
        assert len(server.running_queries()) == 1
        assert _written() - size < 12_000_000  # of more than 30
        assert size + sum(map(len, pieces)) > 30_000_000


def test_others_are_served_while_clients_are_slow() -> None:
    """A client that does not read on holds no worker, and makes no more rows."""
    with (
        LocalServer(workers=1) as server,
        httpx.Client(base_url=server.url, timeout=20) as http,
        contextlib.ExitStack() as stack,
    ):
        params = {"output_format": "JSONLines_Compact"}
        slow = []
        for _ in range(5):
            reply = stack.enter_context(http.stream("POST", "/", content=_LARGE, params=params))
            pieces = reply.iter_raw()
            slow.append((pieces, len(next(pieces))))
        ask = Asker(http)
        for number in range(20):
            assert ask.rows(f"SELECT {number}") == [(number,)]
            assert _alive() <= 4 * len(slow)
        for pieces, size in slow:
            assert size + sum(map(len, pieces)) > 30_000_000
        assert ask.rows("SELECT 1") == [(1,)]


def test_a_server_ends_though_a_client_does_not_read(caplog: pytest.LogCaptureFixture) -> None:
    """Stopping a server is silent, and waits for no client."""
    params = {"output_format": "JSONLines_Compact"}
    with contextlib.ExitStack() as clients:
        with LocalServer(workers=1) as server:
            http = clients.enter_context(httpx.Client(base_url=server.url, timeout=20))
            clients.enter_context(http.stream("POST", "/", content=_LARGE, params=params))
            for number in range(50):  # in turns with the batches of the other, until it is stuck
                assert Asker(http).rows(f"SELECT {number}") == [(number,)]
        assert server.running_queries() == []
    assert caplog.messages == []
