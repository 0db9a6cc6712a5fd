"""The quickstart does what the README says of it."""

import re
import subprocess
import sys

from tests.docs.start import README

QUICKSTART = README.parent / "docs" / "quickstart.py"


def test_the_quickstart_runs_and_shows_real_numbers():
    """It prints the accounts, a table of airlines, and how long each query took; all rows count."""
    run = subprocess.run(
        [sys.executable, "-W", "error", str(QUICKSTART)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    script, service = re.findall(r"Client: +account (\S+)", run.stdout)
    assert script == service
    flights = re.findall(r"^\S.+? +([\d,]+) +-?[\d.]+ min$", run.stdout, re.MULTILINE)
    # the one airline of fewer than 100 flights is left out
    assert len(flights) == 15
    assert sum(int(number.replace(",", "")) for number in flights) == 336_776 - 32
    assert re.search(r"(\n\d+\.\d{3} s  SELECT .+){3}\n\Z", run.stdout)


def test_the_quickstart_is_short():
    """At most 60 lines, none too long to read."""
    lines = QUICKSTART.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 60
    assert max(map(len, lines)) <= 100
