"""Programs of others, in environments of their own, as their users install them."""

import json
import os
import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

Install = Callable[..., Path]
Run = Callable[..., Any]


@pytest.fixture(scope="session")
def install() -> Install:
    """Make an environment with these packages, and give its interpreter.

    It is kept for the next run, below the folder for temporary files.
    """

    def make(name: str, *packages: str) -> Path:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        folder = Path(tempfile.gettempdir()) / f"firebolt_like-peer-{name}-{version}"
        python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
        complete = folder / "complete.json"
        with FileLock(f"{folder}.lock"):
            if not complete.exists() or json.loads(complete.read_text()) != list(packages):
                venv.create(folder, with_pip=True, clear=True)
                command = [python, "-m", "pip", "install", "--quiet", *packages]
                subprocess.run(command, check=True, timeout=300)
                complete.write_text(json.dumps(packages))
        return python

    return make


@pytest.fixture(scope="session")
def run() -> Run:
    """Run a script by another interpreter, and give what it prints, which is JSON."""

    def execute(python: Path, script: Path, *arguments: str) -> Any:
        done = subprocess.run(
            [python, script, *arguments], check=False, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return execute
