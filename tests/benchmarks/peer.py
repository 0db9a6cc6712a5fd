"""The environment of the client that ours is compared with.

What may live here: how it is made. It is kept below the folder for temporary files.
"""

import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

__all__ = ["PACKAGES", "environment"]

PACKAGES = ("firebolt-sdk==1.19.1", "pyarrow")


def environment() -> Path:
    """Make an environment with firebolt-sdk where there is none; give its interpreter."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    folder = Path(tempfile.gettempdir()) / f"firebolt_like-benchmarks-{version}"
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    complete = folder / "complete"
    if not complete.exists() or complete.read_text() != " ".join(PACKAGES):
        venv.create(folder, with_pip=True, clear=True)
        command = [python, "-m", "pip", "install", "--quiet", *PACKAGES]
        subprocess.run(command, check=True, timeout=300)
        complete.write_text(" ".join(PACKAGES))
    return python
