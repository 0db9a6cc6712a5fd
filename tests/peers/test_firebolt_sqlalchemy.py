"""The public SQLAlchemy dialect, as its users install it, against the embedded engine."""

from pathlib import Path

from firebolt_like.local import LocalServer
from tests.peers.conftest import Install, Run

_SCRIPT = Path(__file__).with_name("firebolt_sqlalchemy_scenarios.py")
_PACKAGES = ("firebolt-sqlalchemy==1.1.2", "firebolt-sdk==1.19.1")


def test_queries_and_reflection(install: Install, run: Run) -> None:
    """Tables are reflected, made, filled and asked by SQLAlchemy's own expressions."""
    python = install("firebolt-sqlalchemy", *_PACKAGES)
    with LocalServer() as server:
        found = run(python, _SCRIPT, server.url)
    assert found == {
        "columns": [
            ["id", "INTEGER"],
            ["name", "TEXT"],
            ["wage", "NUMERIC"],  # it reads no precision
            ["tags", "ARRAY"],
        ],
        "tables": ["made", "names", "people"],
        "has": [True, False],
        "row": ["1", "Ada", "1.5000000000", "['x', 'y']"],
        "rows": ["\\", "it's"],
        "count": 1,
    }
