"""Fixtures of pytest for whoever tests an application against the embedded engine.

What may live here: the fixtures. pytest loads this module in every run of everybody who has the
package installed: what a fixture needs is imported when a test asks for that fixture. It stands on
top of the layers, beside the command, because it uses both faces and the engine.
"""

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from firebolt_like import async_db, db
    from firebolt_like.local import Clock, Fault, LocalServer

__all__ = [
    "firebolt_like_async_connection",
    "firebolt_like_clock",
    "firebolt_like_connection",
    "firebolt_like_database",
    "firebolt_like_fault",
    "firebolt_like_server",
    "firebolt_like_url",
]


@pytest.fixture(scope="session")
def firebolt_like_clock() -> "Clock":
    """Give the clock of the server; `advance(seconds)` puts it forward."""
    from firebolt_like.local import Clock  # noqa: PLC0415  # see the top of the module

    return Clock()


@pytest.fixture(scope="session")
def firebolt_like_server(firebolt_like_clock: "Clock") -> "Iterator[LocalServer]":
    """Run the embedded engine on a free port: one for all tests of a process."""
    from firebolt_like.local import LocalServer  # noqa: PLC0415  # see the top of the module

    with LocalServer(clock=firebolt_like_clock) as server:
        yield server


@pytest.fixture
def firebolt_like_database(firebolt_like_server: "LocalServer") -> Iterator[str]:
    """Name a database that only this test has: empty, and dropped after it."""
    name = f"test_{uuid.uuid4().hex}"
    _run(firebolt_like_server.url, f"CREATE DATABASE {name}")
    yield name
    _run(firebolt_like_server.url, f"DROP DATABASE {name}")


@pytest.fixture
def firebolt_like_url(firebolt_like_server: "LocalServer", firebolt_like_database: str) -> str:
    """Give the DSN of the test's database: what an application gets instead of its real one."""
    return f"{firebolt_like_server.url}/{firebolt_like_database}"


@pytest.fixture
def firebolt_like_connection(firebolt_like_url: str) -> "Iterator[db.Connection]":
    """Connect to the test's database, until the test ends."""
    with _connect(firebolt_like_url) as connection:
        yield connection


@pytest.fixture
def firebolt_like_async_connection(firebolt_like_url: str) -> "async_db.Connecting":
    """Connect when it is entered, in async tests: `async with firebolt_like_async_connection as c`.

    It belongs to no event loop until then, so that every plugin that runs async tests can be used.
    """
    from firebolt_like import async_db  # noqa: PLC0415  # see the top of the module

    # no proxy of the environment stands between a test and its server
    return async_db.connect(firebolt_like_url, trust_env=False)


@pytest.fixture
def firebolt_like_fault(
    firebolt_like_server: "LocalServer",
    firebolt_like_database: str,  # noqa: ARG001  # it is dropped when the faults have ended
) -> "Iterator[Callable[..., Fault]]":
    """Give `LocalServer.fault`; the faults end with the test."""
    with ExitStack() as faults:

        def fault(*args: Any, **keywords: Any) -> "Fault":
            return faults.enter_context(firebolt_like_server.fault(*args, **keywords))

        yield fault


def _connect(url: str) -> "db.Connection":
    from firebolt_like import db  # noqa: PLC0415  # see the top of the module

    return db.connect(url, trust_env=False)


def _run(url: str, sql: str) -> None:
    with _connect(url) as connection:
        connection.cursor().execute(sql)
