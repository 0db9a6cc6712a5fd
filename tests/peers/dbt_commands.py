"""What tests/peers/test_dbt.py has dbt do: build a project twice, then document it; all as JSON.

This runs in an environment that has dbt-firebolt, and neither pytest nor this package.
"""

import contextlib
import json
import os
import socket
import sys
from pathlib import Path
from typing import Any

from dbt.cli.main import dbtRunner
from firebolt_sdk_scenarios import find


def play(project: Path, target: str, *command: str) -> Any:
    folders = ["--project-dir", str(project), "--profiles-dir", str(project)]
    with contextlib.redirect_stdout(sys.stderr):
        done = dbtRunner().invoke([*command, "--target", target, *folders])
    if not done.success:
        sys.exit(f"dbt {' '.join(command)} failed: {done.exception}")
    return done.result


def build(project: Path, target: str) -> dict[str, str]:
    """Give what became of each seed, model and test."""
    return {one.node.name: str(one.status) for one in play(project, target, "build")}


def document(project: Path, target: str) -> dict[str, dict[str, str]]:
    """Give the types of each relation's columns."""
    play(project, target, "docs", "generate")
    catalog = json.loads((project / "target" / "catalog.json").read_text())
    return {
        node["metadata"]["name"]: {name: one["type"] for name, one in node["columns"].items()}
        for node in catalog["nodes"].values()
    }


def main(target: str, port: str, folder: str) -> dict[str, Any]:
    project = Path(folder)
    socket.getaddrinfo = find
    os.environ["PORT"] = port
    os.environ["XDG_DATA_HOME"] = str(project / "tokens")  # the SDK keeps them for its next run
    return {
        "first": build(project, target),
        "second": build(project, target),
        "columns": document(project, target),
    }


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
