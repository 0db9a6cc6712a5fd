"""Servers that others wrote: DataFusion as ROAPI serves it, and Sail, alone and as a cluster."""

import gc
import threading

import pytest

from firebolt_like.errors import (
    AuthenticationError,
    DataError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
    QueryTimeoutError,
)
from firebolt_like.flight import Cancellation, FlightSQLClient, SqlInfo

SERVERS = ["roapi", "sail", "sail_cluster"]


@pytest.fixture(params=SERVERS)
def url(request):
    return request.getfixturevalue(request.param)


async def fetch(client, sql, **options):
    async with await client.query(sql, **options) as result:
        table = await result.read_all()
    return [tuple(row.values()) for row in table.to_pylist()]


def test_a_query(face, url):
    """Rows of a query, with their names and NULLs."""

    async def scenario():
        async with face.client(url) as client:
            info = await client.execute("select 1 as a, 'x' as b, cast(null as int) as c")
            assert info.schema.names == ["a", "b", "c"]
            async with await client.do_get(info) as result:
                assert (await result.read_all()).to_pylist() == [{"a": 1, "b": "x", "c": None}]

    face.run(scenario)


def test_many_rows(face, url, numbers, request):
    """All rows of a file come, batch by batch."""
    in_roapi = request.node.callspec.params["url"] == "roapi"
    table = "numbers" if in_roapi else f"parquet.`{numbers}`"

    async def scenario():
        async with (
            face.client(url) as client,
            await client.query(f"select id, name from {table}") as result,
        ):
            ids = [n async for batch in result for n in batch.column(0).to_pylist()]
            assert sorted(ids) == list(range(20_000))

    face.run(scenario)


@pytest.mark.parametrize(
    ("sql", "kind"),
    [
        ("selec 1", ProgrammingError),
        ("select * from no_such_table", ProgrammingError),
        ("select no_such_column from (select 1 as x) t", ProgrammingError),
    ],
)
def test_errors_in_sql(face, url, sql, kind):
    """What is wrong with a statement is a ProgrammingError, whatever code the server gives it."""

    async def scenario():
        async with face.client(url) as client:
            with pytest.raises(kind) as caught:
                await client.query(sql)
            assert "gRPC" not in str(caught.value)

    face.run(scenario)


def test_a_value_that_cannot_be(face, roapi):
    """What goes wrong with a value is a DataError."""

    async def scenario():
        async with face.client(roapi) as client:
            with pytest.raises(DataError):
                await fetch(client, "select 1 / (id - id) as x from numbers")

    face.run(scenario)


def test_no_rows_of_roapi_have_columns(face, roapi):
    """ROAPI forgets the columns of an empty answer; its prepared statement knows them."""

    async def scenario():
        async with face.client(roapi) as client:
            sql = "select id, name from numbers where id < 0"
            async with await client.query(sql) as result:
                assert result.schema.names == ["id", "name"]
                assert (await result.read_all()).num_rows == 0

    face.run(scenario)


def test_metadata_of_roapi(face, roapi):
    """What ROAPI has of metadata is read, and what it does not have is refused clearly."""

    async def scenario():
        async with face.client(roapi) as client:
            info = await client.get_tables(table_name_filter_pattern="num%", include_schema=True)
            async with await client.do_get(info) as result:
                tables = await result.read_all()
            assert tables.column("table_name").to_pylist() == ["numbers"]
            facts = await client.read_sql_info()
            assert "RoAPI" in facts[SqlInfo.FLIGHT_SQL_SERVER_NAME]
            with pytest.raises(NotSupportedError):
                await client.get_primary_keys("numbers")
            with pytest.raises(NotSupportedError):
                await client.begin_transaction()

    face.run(scenario)


def test_a_prepared_statement_of_roapi(face, roapi):
    """ROAPI prepares statements without parameters."""

    async def scenario():
        async with (
            face.client(roapi) as client,
            await client.prepare("select count(*) as n from numbers") as prepared,
        ):
            assert prepared.dataset_schema.names == ["n"]
            async with await prepared.query() as result:
                assert (await result.read_all()).to_pylist() == [{"n": 20_000}]

    face.run(scenario)


def test_a_login_at_roapi(face, roapi_with_login):
    """ROAPI lets in by name and password, and refuses wrong ones and none."""

    async def scenario():
        url = roapi_with_login
        async with face.client(url, user="ada", password="secret") as client:
            assert await fetch(client, "select 1") == [(1,)]
        for wrong in ({"user": "ada", "password": "wrong"}, {"token": "wrong"}, {}):
            async with face.client(url, **wrong) as client:
                with pytest.raises(AuthenticationError):
                    await fetch(client, "select 1")

    face.run(scenario)


def test_what_sail_does_not_have(face, sail):
    """Sail refuses what it does not have, and goes on."""

    async def scenario():
        async with face.client(sail) as client:
            for call in (client.get_catalogs, client.get_sql_info, client.begin_transaction):
                with pytest.raises(NotSupportedError):
                    await call()
            with pytest.raises(NotSupportedError):
                await client.execute_update("create table t (n int)")
            assert await fetch(client, "select 1") == [(1,)]

    face.run(scenario)


def test_a_login_that_gives_nothing(face, sail):
    """Sail takes any name and gives no token: calls go on without one."""

    async def scenario():
        async with face.client(sail, user="ada", password="secret") as client:
            assert await fetch(client, "select 1") == [(1,)]

    face.run(scenario)


@pytest.mark.parametrize("server", ["sail", "sail_cluster"])
def test_answers_that_nobody_reads(request, face, server):
    """Sail stands still when answers are asked for and not read: so they are let go of."""
    url = request.getfixturevalue(server)

    async def scenario():
        async with face.client(url) as client:
            for _ in range(12):
                await client.execute("select * from range(1000000)")
            gc.collect()
            for _ in range(4):
                result = await client.query("select * from range(1000000)")
                await result.read_batch()
                await result.close()
            assert await fetch(client, "select 1") == [(1,)]

    face.run(scenario)


ENDLESS = {
    # of a kind that a server looks up from: a join of DataFusion is deaf while it multiplies
    "roapi": "select sum(value % 7) from generate_series(1, 300000000000)",
    "sail": "select sum(id % 7) from range(300000000000)",
}


@pytest.fixture
def endless(request):
    return ENDLESS.get(request.node.callspec.params["url"], ENDLESS["sail"])


def test_a_query_of_minutes_is_cancelled(cancelling_face, url, endless):
    """A query that would run for minutes ends at once when it is cancelled, and others run."""
    cancellation = Cancellation()
    timer = threading.Timer(0.5, cancellation.cancel)

    async def scenario():
        async with cancelling_face.client(url) as client:
            timer.start()
            with pytest.raises(OperationalError, match="cancelled"):
                await fetch(client, endless, cancellation=cancellation)
            assert await fetch(client, "select 1") == [(1,)]

    cancelling_face.run(scenario)


def test_a_query_of_minutes_has_its_time(face, url, endless):
    """A timeout ends a query that would run for minutes, and others run."""

    async def scenario():
        async with face.client(url) as client:
            with pytest.raises(QueryTimeoutError):
                await fetch(client, endless, timeout=0.5)
            assert await fetch(client, "select 1") == [(1,)]

    face.run(scenario)


def test_threads_share_a_client(transport, url):
    """Many threads ask through one client."""
    with FlightSQLClient(url, transport=transport, timeout=60) as client:
        found = []

        def ask(number):
            for _ in range(5):
                with client.query(f"select {number} as n") as result:
                    found.append(result.read_all().column(0)[0].as_py())

        threads = [threading.Thread(target=ask, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(found) == sorted([n for n in range(8) for _ in range(5)])
