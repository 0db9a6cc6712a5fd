"""dlt's client for Dremio, as its users install it, against the embedded engine.

It sends SQL text as it is, where Flight SQL sends messages.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from firebolt_like.local import LocalServer
from tests.peers.conftest import Install, Run

_SCRIPT = Path(__file__).with_name("pydremio_scenarios.py")
Play = Callable[[str], Any]


@pytest.fixture
def play(install: Install, run: Run) -> Iterator[Play]:
    python = install("dlt", "dlt==1.31.0", "pyarrow==26.0.1", "pandas==3.1.1")
    with LocalServer(users={"ada": "lovelace"}, flight_port=0) as server:
        yield lambda name: run(python, _SCRIPT, name, server.flight_url)


def test_the_module(play: Play) -> None:
    """Login by handshake, parameters, every way of fetching."""
    names, row, sizes, left, count, refused = play("module")
    assert names == ["a", "b", "c"]
    assert row == ["1", "it's", "2020-01-02 03:04:05"]
    assert (sizes, left, count) == ([10, 1000], 100_000 - 1010, 100_000)
    assert refused == "FlightUnauthenticatedError"


def test_the_sql_client(play: Play) -> None:
    """dlt's own client on it: a dataset, tables, frames, and errors of the kinds that dlt knows."""
    found, frame, sizes, errors, left = play("sql_client")
    assert found == [[1, "Ada"], [2, "Grace"]]
    assert frame == {"id": [1, 2], "name": ["Ada", "Grace"]}
    assert sizes == [1, 1]
    assert errors == [
        "DatabaseUndefinedRelation",
        "DatabaseTransientException",
        "DatabaseTerminalException",
    ]
    assert left == [["_dlt_sentinel_table"]]
