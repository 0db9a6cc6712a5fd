"""Connections to servers that others wrote, by the same `connect()` and the same cursor.

What they share with REST is tested in `tests/db`; here is what these servers do in their own way.
"""

import datetime
import signal
import threading
from decimal import Decimal

import anyio
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firebolt_like import db
from firebolt_like.errors import (
    ConfigurationError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
    QueryTimeoutError,
)
from firebolt_like.rows import dict_row
from tests.db.conftest import Face
from tests.flight.test_real_servers import ENDLESS, SERVERS

UTC = datetime.UTC


@pytest.fixture
def face(way):
    return Face(way)


@pytest.fixture(params=SERVERS)
def url(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def endless(request):
    return ENDLESS.get(request.node.callspec.params["url"], ENDLESS["sail"])


@pytest.fixture(scope="module", params=SERVERS)
def connection(request):
    with db.connect(request.getfixturevalue(request.param), timeout=60) as connection:
        yield connection


def test_rows_in_every_way(face, url):
    """Tuples, rows of a factory, streams and Arrow come from one cursor."""
    sql = "SELECT 1 AS n, 'it' AS s UNION ALL SELECT 2, NULL ORDER BY n"

    async def scenario():
        async with face.connect(url) as connection, connection.cursor() as cursor:
            await cursor.execute(sql)
            assert [column[0] for column in cursor.description] == ["n", "s"]
            assert (cursor.description[0][1], cursor.description[1][1]) == (db.NUMBER, db.STRING)
            assert cursor.rowcount == 2
            assert await cursor.fetchall() == [(1, "it"), (2, None)]
            await cursor.execute_stream(sql)
            assert await cursor.fetchmany(1) == [(1, "it")]
            await cursor.execute_arrow(sql)
            assert (await cursor.fetch_arrow_table()).num_rows == 2
            await cursor.execute("SELECT 1; SELECT 2 AS m")
            assert await cursor.nextset()
            assert await cursor.fetchall() == [(2,)]
        async with face.connect(url, row_factory=dict_row) as connection:
            cursor = await connection.cursor().execute("SELECT 1 AS n")
            assert await cursor.fetchone() == {"n": 1}

    face.run(scenario)


VALUES = [
    *(0, -1, 2**40, -(2**63), 1.5, -0.0, float("inf"), True, None, Decimal("-0.10"), ""),
    *("it's", "a''b", "back\\slash", "\\'; DROP TABLE t --", "é\n\t", b"\x00\xff", b""),
    *(datetime.date(1, 1, 1), datetime.date(9999, 12, 31)),
    *(datetime.datetime(1, 1, 1), datetime.datetime(9999, 12, 31, 23, 59, 59, 999999)),
    datetime.datetime(2024, 7, 1, 12, tzinfo=datetime.timezone(datetime.timedelta(hours=2))),
    *([1, None], ["it's", "\\"], [[1], []], {"a b": 1, "c": "it's"}),
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_parameter_comes_back_equal(connection, value):
    """The client writes it as this engine reads it, with its type."""
    (found,) = connection.cursor().execute("SELECT ? AS x", [value]).fetchone()
    assert found == value
    assert type(found) is type(value)


def test_any_text_comes_back_equal(connection):
    """Quotes and backslashes, of which engines make different things, change nothing."""
    cursor = connection.cursor()

    @settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.lists(st.text("'\\\"`?;a-/*\n"), min_size=1, max_size=20))
    def comes_back(texts):
        marks = ", ".join(f"? AS c{number}" for number in range(len(texts)))
        assert cursor.execute(f"SELECT {marks}", texts).fetchone() == tuple(texts)

    comes_back()


def test_tables_are_made_filled_and_dropped(face, url):
    """DDL and INSERT run as these servers have it, and the number of rows is the true one."""

    async def scenario():
        async with face.connect(url) as connection, connection.cursor() as cursor:
            await cursor.execute("DROP TABLE IF EXISTS made")
            await cursor.execute("CREATE TABLE made (a BIGINT, b VARCHAR(9))")
            assert (cursor.rowcount, cursor.description) == (-1, None)
            await cursor.execute("INSERT INTO made VALUES (1, 'x'), (2, 'y')")
            assert (cursor.rowcount, cursor.description) == (2, None)
            await cursor.executemany("INSERT INTO made VALUES (?, ?)", [(3, "it's"), (4, None)])
            assert cursor.rowcount == 2
            report = await cursor.ingest("made", pa.table({"a": [5], "b": ["\\"]}))
            assert report.rows == 1
            await cursor.execute("SELECT * FROM made ORDER BY a")
            rows = await cursor.fetchall()
            await cursor.execute("DROP TABLE made")
            with pytest.raises(ProgrammingError):
                await cursor.execute("SELECT * FROM made")
            return rows

    assert face.run(scenario) == [(1, "x"), (2, "y"), (3, "it's"), (4, None), (5, "\\")]


def test_a_table_is_made_from_data(connection):
    """Ingest names types as the engine does."""
    moment = datetime.datetime(2024, 1, 31, 12, 30)
    row = (1, "x", 1.5, True, b"b", moment.date(), moment, moment.replace(tzinfo=UTC), [1, 2])
    names = list("abcdefghi")
    cursor = connection.cursor()
    cursor.ingest("from_data", [row, (None,) * 9], columns=names, mode="create")
    assert cursor.execute("SELECT * FROM from_data WHERE a = 1").fetchall() == [row]
    cursor.execute("DROP TABLE from_data")


@pytest.mark.parametrize("statement", ["UPDATE held SET n = 2", "DELETE FROM held"])
def test_an_update_that_is_not_done_is_not_reported(connection, statement):
    """What the server would answer without doing it is an error, and the rows are as before."""
    cursor = connection.cursor()
    cursor.execute("DROP TABLE IF EXISTS held")
    cursor.execute("CREATE TABLE held AS SELECT 1 AS n")
    with pytest.raises(NotSupportedError):
        cursor.execute(statement)
    assert cursor.execute("SELECT n FROM held").fetchall() == [(1,)]
    cursor.execute("DROP TABLE held")


def test_what_there_is_not_is_said_before_anything_is_sent(face, url):
    """Transactions, and parameters that the server would have to bind."""

    async def scenario():
        with pytest.raises(NotSupportedError, match="no transactions"):
            await face.connect(url, autocommit=False)
        async with face.connect(url) as connection, connection.cursor() as cursor:
            with pytest.raises(NotSupportedError, match="no transactions"):
                await cursor.execute("BEGIN")
            with pytest.raises(NotSupportedError, match="no transactions"):
                await connection.rollback()
        async with face.connect(url, paramstyle="numeric_dollar") as connection:
            with pytest.raises(NotSupportedError, match="qmark"):
                await connection.cursor().execute("SELECT $1", [1])

    face.run(scenario)


def test_a_timeout_ends_a_query_of_minutes(face, url, endless):
    """And the connection goes on."""

    async def scenario():
        async with face.connect(url) as connection:
            with pytest.raises(QueryTimeoutError):
                await connection.cursor().execute(endless, timeout=0.5)
            cursor = await connection.cursor().execute("SELECT 1")
            return await cursor.fetchall()

    assert face.run(scenario) == [(1,)]


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_cancelling_the_task_ends_a_query_of_minutes(backend, url, endless):
    """At once, and the connection goes on."""

    async def scenario():
        async with Face(backend).connect(url) as connection:
            with anyio.move_on_after(0.5) as scope, anyio.fail_after(20):
                await connection.cursor().execute(endless)
            assert scope.cancelled_caught
            with anyio.fail_after(20):
                cursor = await connection.cursor().execute("SELECT 1")
                return await cursor.fetchall()

    assert anyio.run(scenario, backend=backend) == [(1,)]


def test_ctrl_c_ends_a_query_of_minutes(url, endless):
    """KeyboardInterrupt in a script; the connection goes on."""
    main = threading.main_thread().ident
    assert main is not None
    with db.connect(url) as connection:
        presser = threading.Timer(0.5, signal.pthread_kill, (main, signal.SIGINT))
        presser.start()
        with pytest.raises(KeyboardInterrupt):
            connection.cursor().execute(endless)
        presser.join()
        assert connection.cursor().execute("SELECT 1").fetchall() == [(1,)]


def test_closed_cursors_let_go_of_their_rows(face, sail_cluster):
    """However many are left unread, the cluster goes on."""

    async def scenario():
        async with face.connect(sail_cluster, timeout=60) as connection:
            for _ in range(12):
                async with connection.cursor() as cursor:
                    await cursor.execute_stream("SELECT * FROM range(1000000)")
                    assert len(await cursor.fetchmany(3)) == 3
            cursor = await connection.cursor().execute("SELECT 1")
            return await cursor.fetchall()

    assert face.run(scenario) == [(1,)]


@pytest.mark.parametrize("transport", ["grpc", "pyarrow"])
def test_either_transport_carries_a_connection(face, url, transport):
    """`transport=` chooses."""

    async def scenario():
        async with face.connect(url, transport=transport) as connection:
            cursor = await connection.cursor().execute("SELECT 1")
            return await cursor.fetchall()

    assert face.run(scenario) == [(1,)]


@pytest.mark.parametrize(
    "keywords",
    [
        {"account_name": "acme"},
        {"engine_url": "engine.example.com"},
        {"verify": False},
        {"protocol": "rest"},
        {"transport": "smoke"},
    ],
    ids=lambda keywords: next(iter(keywords)),
)
def test_arguments_that_cannot_be_meant_are_refused(face, keywords):
    """Before anything is sent."""

    async def scenario():
        with pytest.raises(ConfigurationError, match=next(iter(keywords))):
            await face.connect("grpc://127.0.0.1:1", **keywords)

    face.run(scenario)


def test_a_server_that_is_not_there_is_an_error_of_ours(face):
    """At the connect, with the address."""

    async def scenario():
        with pytest.raises(OperationalError, match=r"127\.0\.0\.1:1"):
            await face.connect("grpc://127.0.0.1:1", timeout=5)

    face.run(scenario)
