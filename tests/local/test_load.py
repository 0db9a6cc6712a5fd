"""Large results and slow clients: memory is bounded, and others are served meanwhile."""

import contextlib
import gc

import httpx
import pytest

from firebolt_like.local import LocalServer
from firebolt_like.local.batches import Batch
from tests.local.conftest import Asker

_LARGE = "SELECT i, repeat('x', 100) AS t FROM range(300000) r(i)"  # about 33 MB of text
_FORMATS = ["JSON_Compact", "JSONLines_Compact", "ArrowStream", "TabSeparated"]


def _alive() -> int:
    """Count the batches that the server, in this process, holds at this moment."""
    return sum(isinstance(thing, Batch) for thing in gc.get_objects())


@pytest.mark.parametrize("output_format", _FORMATS)
def test_a_large_result_is_never_whole_in_memory(ask: Asker, output_format: str) -> None:
    """A few batches of about 1 MB at once, from the first byte to the last."""
    params = {"output_format": output_format}
    most = size = 0
    with ask.http.stream("POST", "/", content=_LARGE, params=params) as reply:
        for number, piece in enumerate(reply.iter_raw(1_000_000)):
            size += len(piece)
            if number % 10 == 0:
                most = max(most, _alive())
    assert size > 30_000_000
    assert most <= 6  # of more than 30


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
