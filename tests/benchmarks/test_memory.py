"""The memory of the embedded engine's server while a gigabyte goes through it."""

from pathlib import Path

import pytest

from tests.benchmarks.rest_memory import ALL, PICKED, growth


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read in /proc")
@pytest.mark.parametrize("sql", [ALL, PICKED], ids=["all", "picked"])
def test_a_gigabyte_of_json_takes_less_than_150_mb(sql: str) -> None:
    """A large result streams: the server's process grows by a small part of it."""
    size, grown = growth(sql, "JSON_Compact")
    assert size > 1_000_000_000
    assert grown < 150_000_000
