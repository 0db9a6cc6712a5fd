"""dlt, which writes and reads by our SQLAlchemy dialect."""

from pathlib import Path

from firebolt_like.local import LocalServer
from tests.peers.conftest import Install, Run

_SCRIPT = Path(__file__).with_name("dlt_by_sqlalchemy.py")
_PROJECT = Path(__file__).parents[2]


def test_a_pipeline_replaces_merges_and_reads(install: Install, run: Run) -> None:
    """Rows and their child tables are loaded, merged by their key, and read as a source."""
    python = install("dlt", "dlt[sqlalchemy]==1.31.0", "-e", f"{_PROJECT}[sqlalchemy]")
    with LocalServer() as server:
        # dlt tells places apart by the host and the database of a URL
        found = run(python, _SCRIPT, f"firebolt_like://localhost/firebolt?url={server.url}")
    assert found == {
        "merged": [[1, "Ada L."], [2, "Grace"], [3, "Barbara"]],
        "tags": [],  # the row that had it was replaced by one without
        "read": ["Ada L.", "Barbara", "Grace"],
    }
