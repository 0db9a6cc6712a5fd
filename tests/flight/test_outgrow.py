"""The program of the page "Outgrowing the embedded engine", wherever it can run."""

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[2] / "docs" / "outgrow.py"


def output(dsn, rows=70_000):
    """Run the program in a process of its own."""
    command = [sys.executable, str(PROGRAM), dsn, str(rows)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert not done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def expected():
    return output("local:")


def test_the_numbers_are_right(expected):
    """What the program prints on the embedded engine is what Python counts."""
    assert "roof: 10000 readings" in expected
    checksum = sum(n * (n * 3 % 101) for n in range(7_000))
    assert f"7000 rows were fetched, their checksum is {checksum}" in expected


def test_the_embedded_engine_over_flight(expected):
    """The DSN's option chooses the protocol."""
    assert output("local:?protocol=flight") == expected


@pytest.mark.parametrize("server", ["roapi", "sail", "sail_cluster"])
def test_servers(request, expected, server):
    """The same program, unchanged, gives the same on servers and on a cluster."""
    assert output(request.getfixturevalue(server)) == expected
