"""TPC-H through the server: the rows that DuckDB gives directly."""

import shutil
import subprocess
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import httpx
import pytest

from firebolt_like.local import LocalServer
from tests.local.conftest import Asker
from tests.local.tpch import QUERIES


@pytest.fixture(scope="module")
def tpch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[dict[int, Any], Asker]]:
    """The rows that DuckDB gives directly, and a server on the same file."""
    folder = tmp_path_factory.mktemp("tpch")
    command = shutil.which("tpchgen-cli", path=sysconfig.get_path("scripts"))
    assert command is not None, "tpchgen-cli comes with the extra `test`"
    run = [command, "parquet", "--scale-factor=0.1", f"--output-dir={folder}"]
    subprocess.run(run, check=True, capture_output=True)
    file = folder / "tpch.duckdb"
    with duckdb.connect(file) as database:
        for table in folder.glob("*.parquet"):
            database.execute(f"CREATE TABLE {table.stem} AS FROM '{table}'")
        expected = {number: database.execute(sql).fetchall() for number, sql in QUERIES.items()}
    with LocalServer(Path(file)) as server, httpx.Client(base_url=server.url, timeout=60) as http:
        yield expected, Asker(http)


@pytest.mark.parametrize("number", QUERIES)
def test_a_query_gives_the_rows_of_duckdb(
    tpch: tuple[dict[int, list[tuple[Any, ...]]], Asker], number: int
) -> None:
    """Through REST and translation the rows are equal, doubles in all but their last digits."""
    expected, ask = tpch
    rows = ask.rows(QUERIES[number])
    assert len(rows) == len(expected[number])
    for row, wanted in zip(rows, expected[number], strict=True):
        for value, known in zip(row, wanted, strict=True):
            exact = pytest.approx(known, rel=1e-12) if isinstance(known, float) else known
            assert value == exact
