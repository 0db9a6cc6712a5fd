"""Measurements that need no canned server: programs of their own, which print what they find.

What may live here: their names and arguments, and how they are run.
"""

import subprocess
import sys

from tests.benchmarks.cases import PEER
from tests.benchmarks.measure import PROJECT, Interpreters

__all__ = ["SCRIPTS", "output"]

SCRIPTS: dict[str, tuple[str, ...]] = {
    # name: arguments; what follows `--peer` is known when it is run
    "point_queries": ("--turns", "3", "--peer"),
    "imports": (),
    "ingest": ("--turns", "1", "--peer"),
    "rest_overhead": (),
    "rest_memory": (),
}


def output(name: str, interpreters: Interpreters) -> str | None:
    """Run a script; give what it printed, or why it failed; None where its peer is missing."""
    command = [sys.executable, "-m", f"tests.benchmarks.{name}", *SCRIPTS[name]]
    if command[-1] == "--peer":
        if PEER not in interpreters:
            return None
        command.append(str(interpreters[PEER]))
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else f"failed: {done.stderr.strip()[-500:]}"
