"""Connections: transactions, streams, pools and what happens when a server goes."""

import anyio
import pytest
from sqlalchemy import create_engine, inspect, literal, select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncSession

from firebolt_like.db import Connection
from firebolt_like.dbapi.result import StreamedResult
from firebolt_like.errors import NotSupportedError
from firebolt_like.local import LocalServer

NUMBERS = text("SELECT n FROM generate_series(1, 50000) s(n)")


def count(connection):
    return connection.execute(text("SELECT count(*) FROM t")).scalar()


def test_a_transaction_is_rolled_back_and_autocommit_is_not(engine):
    """What is not committed is gone; with AUTOCOMMIT everything stays."""
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE t (a int)"))
    for level, rows in (("SNAPSHOT", 0), ("AUTOCOMMIT", 1)):
        with engine.execution_options(isolation_level=level).connect() as connection:
            assert connection.get_isolation_level() == level
            connection.execute(text("INSERT INTO t VALUES (1)"))
            connection.rollback()
            assert count(connection) == rows
    with engine.connect() as connection:
        assert connection.get_isolation_level() == "SNAPSHOT"


def test_savepoints_are_refused(engine):
    """begin_nested() says what the engine lacks."""
    with (
        engine.begin() as connection,
        pytest.raises(NotSupportedError, match="no savepoints"),
    ):
        connection.begin_nested()


@pytest.mark.parametrize("option", [{"stream_results": True}, {"yield_per": 100}])
def test_streams_hold_one_batch(engine, option):
    """stream_results and yield_per have the driver stream, and give all rows."""
    with engine.connect() as connection:
        result = connection.execution_options(**option).execute(NUMBERS)
        assert isinstance(result.cursor._core.result, StreamedResult)
        assert sum(n for (n,) in result) == 1250025000


def test_a_dead_connection_is_replaced():
    """With pool_pre_ping a pool lets go of connections whose server has gone."""
    with LocalServer() as server:
        port = server.port
        engine = create_engine(f"firebolt_like://?url={server.url}", pool_pre_ping=True)
        with engine.connect() as connection:
            assert connection.scalar(text("SELECT 1")) == 1
    with LocalServer(port=port), engine.connect() as connection:
        assert connection.scalar(text("SELECT 2")) == 2
    engine.dispose()


def test_a_server_that_went_is_a_disconnect():
    """The error of a server that is gone invalidates the pool's connections."""
    with LocalServer() as server:
        engine = create_engine(f"firebolt_like://?url={server.url}", connect_args={"timeout": 5})
        connection = engine.connect()
        connection.execute(text("SELECT 1"))
        connection.rollback()
    with pytest.raises(OperationalError) as raised:
        connection.execute(text("SELECT 1"))
    assert raised.value.connection_invalidated
    connection.close()
    engine.dispose()


def test_the_engine_is_known_by_its_version(engine):
    """An engine's version and kind are there after the first connection."""
    with engine.connect() as connection:
        assert isinstance(connection.connection.driver_connection, Connection)
    assert engine.dialect.server_version_info >= (0, 1)
    assert engine.dialect.sub_dialect.name == "embedded"


def test_a_password_account_has_autocommit_alone():
    """Where there are no transactions, statements take effect at once, and results are whole."""
    with LocalServer(users={"ada@example.com": "pw"}, databases=["sales"]) as server:
        engine = create_engine(
            "firebolt_like://ada%40example.com:pw@sales/embedded?disable_cache=true"
            f"&api_endpoint={server.url}"
        )
        with engine.connect() as connection:
            assert connection.get_isolation_level() == "AUTOCOMMIT"
            connection.execute(text("CREATE TABLE t (a int)"))
            connection.rollback()
            streamed = connection.execution_options(stream_results=True)
            assert streamed.execute(text("SELECT count(*) FROM t")).scalar() == 0
            for value in ("\\'; DROP TABLE t; --", b"\\'"):
                written = select(literal(value)).compile(
                    engine, compile_kwargs={"literal_binds": True}
                )
                assert connection.execute(select(literal(value))).scalar() == value
                assert connection.exec_driver_sql(str(written)).scalar() == value
        engine.dispose()


@pytest.mark.anyio
async def test_the_async_dialect_streams_and_reflects(async_engine):
    """Sessions, streams, reflection and rollback work in the program's own loop."""
    async with async_engine.begin() as connection:
        await connection.execute(text("CREATE TABLE t (a int)"))
        names = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
        assert names == ["t"]
    async with AsyncSession(async_engine) as session:
        result = await session.stream(NUMBERS)
        assert sum([row.n async for row in result]) == 1250025000
        await session.execute(text("INSERT INTO t VALUES (1)"))
        await session.rollback()
        assert (await session.execute(text("SELECT count(*) FROM t"))).scalar() == 0


@pytest.mark.anyio
async def test_async_connections_run_at_once(async_engine):
    """Connections of one async engine do not wait for each other."""
    found = []

    async def ask(number):
        async with async_engine.connect() as connection:
            found.append(await connection.scalar(text("SELECT :n"), {"n": number}))

    async with anyio.create_task_group() as tasks:
        for number in range(8):
            tasks.start_soon(ask, number)
    assert sorted(found) == list(range(8))
