"""dlt's client for Dremio, as its users install it, and ours in its place.

Both send SQL text to the embedded engine as it is, where Flight SQL sends messages.
"""

import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from firebolt_like.local import LocalServer
from tests.peers.conftest import Install, Run

_SCRIPT = Path(__file__).with_name("pydremio_scenarios.py")
_PROJECT = Path(__file__).parents[2]
Play = Callable[[str], Any]


def _our_needs() -> list[str]:
    """Give what this package needs: it is itself read from where the tests are."""
    project = tomllib.loads((_PROJECT / "pyproject.toml").read_text())["project"]
    return [*project["dependencies"], *project["optional-dependencies"]["flight"]]


@pytest.fixture(params=["theirs", "ours"])
def module(request: pytest.FixtureRequest) -> str:
    """Whose module dlt uses."""
    return str(request.param)


@pytest.fixture
def play(install: Install, run: Run, module: str) -> Iterator[Play]:
    python = install("pydremio", "dlt==1.31.0", "pyarrow==26.0.1", "pandas==3.1.1", *_our_needs())
    with LocalServer(users={"ada": "lovelace"}, flight_port=0) as server:
        yield lambda name: run(python, _SCRIPT, name, server.flight_url, module)


def test_the_module(play: Play, module: str) -> None:
    """Login by handshake, parameters, every way of fetching."""
    names, row, sizes, left, count, refused = play("module")
    assert names == ["a", "b", "c"]
    assert row == ["1", "it's", "2020-01-02 03:04:05"]
    assert (sizes, left, count) == ([10, 1000], 100_000 - 1010, 100_000)
    refusals = {"theirs": "FlightUnauthenticatedError", "ours": "DremioAuthError"}
    assert refused == refusals[module]


def test_the_sql_client(play: Play) -> None:
    """dlt's own client on it: a dataset, tables, frames, and errors of the kinds that dlt knows."""
    found, frame, sizes, parts, errors, left = play("sql_client")
    assert found == [[1, "Ada"], [2, "Grace"]]
    assert frame == {"id": [1, 2], "name": ["Ada", "Grace"]}
    assert sizes == [1, 1]
    assert parts == [
        [{"id": 1, "name": "Ada"}],
        [[2, "Grace"]],
        [{"id": [1], "name": ["Ada"]}, {"id": [2], "name": ["Grace"]}],
        None,
        ["it's 5 % \\"],
        [[True]],
    ]
    assert errors == [
        "DatabaseUndefinedRelation",
        "DatabaseTransientException",
        "DatabaseTerminalException",
    ]
    assert left == [["_dlt_sentinel_table"]]


@pytest.mark.parametrize("module", ["ours"], indirect=True)
def test_what_only_ours_does(play: Play) -> None:
    """Parameters of any type come back; a missing column is not taken for a missing table."""
    assert play("beyond") == [True, "DatabaseTerminalException"]
