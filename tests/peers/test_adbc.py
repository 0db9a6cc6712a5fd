"""ADBC's driver for Flight SQL, as its users install it, against the embedded engine."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from firebolt_like.local import LocalServer
from tests.peers.conftest import Install, Run

_SCRIPT = Path(__file__).with_name("adbc_scenarios.py")
Play = Callable[[str], Any]


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with LocalServer(flight_port=0) as server:
        yield server


@pytest.fixture
def closed_server() -> Iterator[LocalServer]:
    with LocalServer(users={"ada": "lovelace"}, token="fixed", flight_port=0) as server:
        yield server


@pytest.fixture(scope="session")
def python(install: Install) -> Path:
    packages = ("adbc-driver-flightsql==1.13.0", "adbc-driver-manager==1.13.0", "pyarrow==26.0.1")
    return install("adbc", *packages)


@pytest.fixture
def play(python: Path, run: Run, server: LocalServer) -> Play:
    return lambda name: run(python, _SCRIPT, name, _url(server))


def _url(server: LocalServer) -> str:
    return server.flight_url.replace("grpc://", "grpc+tcp://")


def test_queries(play: Play) -> None:
    """Statements, counts, partitions, schemas ahead of a query, errors by their kind."""
    count, rows, names, parts, expected, wanted, mistakes = play("queries")
    assert count == 2
    assert rows == [[1, "x"], [2, "y"], [3, None]]
    assert names == "['a', 'b']"
    assert parts == [[1], [2], [3]]
    assert expected == ["int32", "string"]
    assert wanted == ["int32", "string"]
    assert [kind for kind, _ in mistakes] == ["ProgrammingError", "NotSupportedError"]
    assert 'Referenced column "nix"' in mistakes[0][1]
    assert not any("Traceback" in text for _, text in mistakes)


def test_parameters(play: Play) -> None:
    """Every type that the driver sends comes back, by both kinds of placeholder."""
    wrong, interval = play("parameters")
    assert wrong == []
    assert interval == [0, 0, 5_000_000_000]


def test_objects(play: Play) -> None:
    """`adbc_get_objects` down to the columns, facts and table types."""
    catalog, schema, tables, vendor, types = play("objects")
    assert (catalog, schema, vendor, types) == (
        *("firebolt", "public", "firebolt_like"),
        ["TABLE", "VIEW"],
    )
    assert tables == {"parent": [["id", "integer"], ["name", "text"]], "child": [["id", "integer"]]}


def test_ingest(play: Play) -> None:
    """All modes; what exists and what is temporary is refused."""
    counts, found, errors = play("ingest")
    assert counts == [2] * 5
    assert found == [[1, "a"], [1, "a"], [2, None], [2, None]]
    assert errors == ["ProgrammingError", "NotSupportedError"]


def test_transactions(play: Play) -> None:
    """Commit and rollback, a result that is still open, and an error in the middle."""
    counts, last, failed = play("transactions")
    assert counts == [1, 0, 0, 1, 1, 1]
    assert last == [99999]
    assert failed == "ProgrammingError"


def test_logins(python: Path, run: Run, closed_server: LocalServer) -> None:
    """A name and a password, a token, and settings that hold by a cookie."""
    zone, one, refused = run(python, _SCRIPT, "logins", _url(closed_server))
    assert (zone, one) == ("2020-01-01 00:00:00+09", 1)
    assert "Wrong credentials" in refused
