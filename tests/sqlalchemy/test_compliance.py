"""SQLAlchemy's own compliance suite, against the embedded engine."""

import contextlib
import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest
import sqlalchemy

from firebolt_like.db import connect
from firebolt_like.local import LocalServer
from tests.sqlalchemy.compliance.features import AT_LEAST

SUITE = Path(__file__).with_name("compliance")


URLS = {
    # dialect: how it reaches a server
    "firebolt_like": lambda server: f"firebolt?url={quote(server.url)}",
    "firebolt_like+async": lambda server: f"firebolt?url={quote(server.url)}",
    "datafusion+flightsql": lambda server: (
        server.flight_url.removeprefix("grpc://") + "?insecure=true"
    ),
}


@pytest.fixture(scope="module")
def runs():
    """Run the suite by all dialects at once, each on a server and in a process of its own."""
    with contextlib.ExitStack() as stack:
        started = {}
        for dialect, rest in URLS.items():
            server = stack.enter_context(LocalServer(flight_port=0))
            with connect(server.url) as connection:
                connection.cursor().execute("CREATE SCHEMA test_schema")
                connection.cursor().execute("CREATE SCHEMA test_schema_2")
            started[dialect] = stack.enter_context(start_suite(f"{dialect}://{rest(server)}"))
        yield started


def start_suite(url):
    """SQLAlchemy's plugin takes pytest over, which is why it is another process."""
    command = [sys.executable, "-m", "pytest", "-q", "--tb=short", "--dburi", url]
    command += ["-c", str(SUITE / "setup.cfg"), f"--rootdir={SUITE}", str(SUITE / "suite.py")]
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONPATH": str(SUITE.parents[2])},
    )


@pytest.mark.parametrize("dialect", URLS)
def test_sqlalchemys_own_suite_passes(runs, dialect):
    """No test of the suite fails, and as many pass as the page on SQLAlchemy says."""
    output, _ = runs[dialect].communicate(timeout=900)
    assert runs[dialect].returncode == 0, output[-10_000:]
    passed = int(re.search(r"(\d+) passed", output)[1])
    version = ".".join(sqlalchemy.__version__.split(".")[:2])
    assert passed >= AT_LEAST[version]
