"""Engines of SQLAlchemy on servers of their own."""

from collections.abc import AsyncIterator, Iterator

import pytest
from sqlalchemy import Engine, create_engine
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from firebolt_like.local import LocalServer


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with LocalServer() as running:
        yield running


@pytest.fixture
def engine(server: LocalServer) -> Iterator[Engine]:
    made = create_engine(f"firebolt_like://firebolt?url={server.url}")
    yield made
    made.dispose()


@pytest.fixture
async def async_engine(server: LocalServer) -> AsyncIterator[AsyncEngine]:
    made = create_async_engine(f"firebolt_like+async://firebolt?url={server.url}")
    yield made
    await made.dispose()


@pytest.fixture
def anyio_backend() -> str:
    """SQLAlchemy's asyncio extension runs under asyncio only."""
    return "asyncio"
