"""flightsql-dbapi, as its users install it, against the embedded engine."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from firebolt_like.local import LocalServer
from tests.peers.conftest import Install, Run

_SCRIPT = Path(__file__).with_name("flightsql_dbapi_scenarios.py")
Play = Callable[[str], Any]


@pytest.fixture(scope="session")
def python(install: Install) -> Path:
    packages = ("flightsql-dbapi==0.2.2", "sqlalchemy<2", "pyarrow==26.0.1", "pandas==3.1.1")
    return install("flightsql-dbapi", *packages)


@pytest.fixture
def play(python: Path, run: Run) -> Iterator[Play]:
    with LocalServer(databases=["firebolt", "second"], flight_port=0) as server:
        yield lambda name: run(python, _SCRIPT, name, server.flight_url)


def test_statements(play: Play) -> None:
    """Counts, its five types of parameters (dense unions), many of them, metadata headers."""
    counts, back, binary, found, count = play("statements")
    assert counts == [0, 2]
    assert back == [5, "it's", 1.5, True]
    assert binary
    assert found == [[1, "x"]]
    assert count == [[4]]


def test_metadata(play: Play) -> None:
    """Columns, tables, schemas, facts and keys."""
    columns, tables, schemas, facts, primary, foreign, *rest = play("metadata")
    assert [(name, nullable) for name, _, nullable in columns] == [("a", False), ("b", True)]
    assert (tables, schemas, facts) == (["t", "u"], ["public"] * 2, ["firebolt_like", '"'])
    assert (primary, foreign) == (["a"], ["t"])
    assert rest == [[["firebolt"], ["second"]], [["TABLE"], ["VIEW"]], 1, 1]


def test_its_sqlalchemy_dialect(play: Play) -> None:
    """Statements and reflection through SQLAlchemy 1."""
    found, tables, columns = play("with_sqlalchemy")
    assert (found, tables) == ([[1, "x"]], ["t"])
    assert columns == [["a", "INTEGER"], ["b", "TEXT"]]


def test_logins(python: Path, run: Run) -> None:
    """A name and a password by handshake; wrong ones and unknown tokens are refused."""
    with LocalServer(users={"ada": "lovelace"}, flight_port=0) as server:
        found, errors = run(python, _SCRIPT, "logins", server.flight_url)
    assert found == [[1]]
    assert errors == ["FlightUnauthenticatedError"] * 2
