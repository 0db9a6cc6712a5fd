"""What a program leaves open when it ends, and what it shares with processes that it forks."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

CONNECTION = """
from firebolt_like import db
connection = db.connect("local:")
cursor = connection.cursor().execute("SELECT 1")
"""
STREAM = """
from firebolt_like import db
connection = db.connect("local:")
cursor = connection.cursor().execute_stream("SELECT i, repeat('x', 100) FROM range(10000000) r(i)")
cursor.fetchone()
"""
ASYNC_STREAM = """
import sys, anyio
from firebolt_like import async_db
async def main():
    global connection, cursor
    connection = await async_db.connect("local:")
    sql = "SELECT i, repeat('x', 100) FROM range(10000000) r(i)"
    cursor = await connection.cursor().execute_stream(sql)
    await cursor.fetchone()
anyio.run(main, backend=sys.argv[1])
"""
SERVER = """
from firebolt_like import db
from firebolt_like.local import LocalServer
server = LocalServer()
server.start()
connection = db.connect(server.url, autocommit=False)
cursor = connection.cursor().execute("CREATE TABLE t (a int)")
"""
FORK = """
import os
from firebolt_like import db
connection = db.connect("local:")
cursor = connection.cursor().execute("CREATE TABLE t AS SELECT 42 AS a")
child = os.fork()
if not child:
    with db.connect("local:") as own:
        assert own.cursor().execute("SELECT 1").fetchone() == (1,)
    connection.close()
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
assert cursor.execute("SELECT a FROM t").fetchone() == (42,)
connection.close()
"""


def _run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONPATH": path},
    )


@pytest.mark.parametrize(
    ("program", "arguments"),
    [
        pytest.param(CONNECTION, [], id="connection"),
        pytest.param(STREAM, [], id="stream"),
        pytest.param(ASYNC_STREAM, ["asyncio"], id="asyncio"),
        pytest.param(ASYNC_STREAM, ["trio"], id="trio"),
        pytest.param(SERVER, [], id="server"),
    ],
)
def test_a_program_may_end_with_everything_open(program: str, arguments: list[str]) -> None:
    """Whoever forgets to close gets no traceback and no noise at the end of the program."""
    ended = _run(program, *arguments)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform has no fork")
def test_a_forked_process_leaves_its_parents_engine_alone() -> None:
    """A child that closes what it got by fork does not crash, and the parent goes on."""
    ended = _run(FORK)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
