"""Runs the examples of the README, of the pages in docs/ and of the docstrings as tests.

The Python blocks of a page are one program, read from top to bottom.
"""

import doctest
import os
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from sybil import Sybil
from sybil.parsers.doctest import DocTestParser
from sybil.parsers.markdown import PythonCodeBlockParser

# how long one example takes tells how busy the machine is, nothing about the code
hypothesis.settings.register_profile("no deadline", deadline=None)
hypothesis.settings.load_profile("no deadline")

OPTIONS: dict[str, Any] = {
    "fixtures": ["machine_of_a_newcomer"],
    "teardown": dict.clear,  # what an example left open is let go of when its page ends
}
pages = Sybil(
    [PythonCodeBlockParser()],
    patterns=["README.md", "docs/*.md"],
    excludes=["docs/testing-your-application.md"],  # files for pytest, which a test runs
    **OPTIONS,
)
docstrings = Sybil(
    [DocTestParser(doctest.ELLIPSIS)], path="firebolt_like", pattern="*.py", **OPTIONS
)

pytest_collect_file = (pages + docstrings).pytest()


@pytest.fixture
def machine_of_a_newcomer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings in the environment, an empty token cache, an empty folder."""
    for name in os.environ:
        if name.startswith("FIREBOLT_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
