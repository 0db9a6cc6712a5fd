"""The client's methods, against the embedded engine: everything that Flight SQL has."""

import datetime
import inspect

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firebolt_like.errors import (
    ConnectionClosedError,
    DataError,
    InterfaceError,
    NotSupportedError,
    ProgrammingError,
)
from firebolt_like.flight import (
    AsyncFlightSQLClient,
    CancelStatus,
    FlightSQLClient,
    IfExists,
    IfNotExist,
    SqlInfo,
    read_schema,
)
from tests.flight.conftest import TWINS


def rows(table):
    return [tuple(row.values()) for row in table.to_pylist()]


async def fetch(client, sql, **options):
    async with await client.query(sql, **options) as result:
        return rows(await result.read_all())


def test_a_statement_gives_a_flight_info(face, embedded):
    """`execute` answers with schema and endpoints, which `do_get` reads."""

    async def scenario():
        async with face.client(embedded.flight_url) as client:
            info = await client.execute("select 1 as x")
            assert info.schema.names == ["x"]
            assert (len(info.endpoints), info.ordered, info.total_records) == (1, True, -1)
            async with await client.do_get(info) as result:
                assert rows(await result.read_all()) == [(1,)]
            assert result.finished

    face.run(scenario)


def test_a_ticket_gives_its_stream(face, embedded):
    """`do_get` takes a ticket in any of its forms."""

    async def scenario():
        async with face.client(embedded.flight_url) as client:
            info = await client.execute("select 7 as x")
            for ticket in (info.endpoints[0].ticket, info.endpoints[0].ticket.ticket):
                async with await client.do_get(ticket) as result:
                    assert rows(await result.read_all()) == [(7,)]
            with pytest.raises(InterfaceError):
                await client.do_get("a text")

    face.run(scenario)


def test_batches_come_one_by_one(face, embedded):
    """A result is read batch by batch, to its end."""

    async def scenario():
        async with (
            face.client(embedded.flight_url) as client,
            await client.query("select * from generate_series(1, 100000) t(n)") as result,
        ):
            counts = [batch.num_rows async for batch in result]
            assert len(counts) > 1
            assert sum(counts) == 100_000
            assert await result.read_batch() is None

    face.run(scenario)


def test_a_result_is_an_arrow_stream(embedded, transport):
    """A sync result goes into any library that takes Arrow streams."""
    with FlightSQLClient(embedded.flight_url, transport=transport) as client:
        assert rows(pa.table(client.query("select 1 as x"))) == [(1,)]
        assert client.query("select 2 as x").to_reader().read_all().num_rows == 1


def test_updates_say_how_many(face, embedded):
    """`execute_update` gives the number of rows that changed."""

    async def scenario():
        async with face.client(embedded.flight_url) as client:
            await client.execute_update("create or replace table updated (n int)")
            assert await client.execute_update("insert into updated values (1), (2)") == 2
            assert await fetch(client, "select sum(n) from updated") == [(3,)]

    face.run(scenario)


def test_errors_are_ours(face, embedded):
    """An error of the statement is a ProgrammingError with the server's words alone."""

    async def scenario():
        async with face.client(embedded.flight_url) as client:
            with pytest.raises(ProgrammingError, match="nothing") as caught:
                await client.query("select * from nothing")
            assert "Traceback" not in str(caught.value)
            assert "gRPC" not in str(caught.value)
            assert caught.value.__cause__ is not None

    face.run(scenario)


def test_the_schema_of_a_statement(face, embedded):
    """`get_schema` tells the columns without running anything."""

    async def scenario():
        async with face.client(embedded.flight_url) as client:
            schema = await client.get_schema("select 1::bigint as a, 'x' as b")
            assert schema.names == ["a", "b"]
            assert schema.field("a").type == pa.int64()

    face.run(scenario)


def test_catalogs_schemas_and_tables(face, embedded):
    """Metadata comes as tables, filtered by patterns, with the tables' own schemas."""

    async def scenario():
        async with face.client(embedded.flight_url) as client:
            await client.execute_update("create or replace table listed (n int not null)")

            async def read(info):
                async with await client.do_get(info) as result:
                    return await result.read_all()

            assert (await read(await client.get_catalogs())).num_rows >= 1
            schemas = await read(await client.get_db_schemas(db_schema_filter_pattern="pub%"))
            assert schemas.column("db_schema_name").to_pylist() == ["public"]
            tables = await read(
                await client.get_tables(
                    table_name_filter_pattern="list_d",
                    table_types=["BASE TABLE", "TABLE"],
                    include_schema=True,
                )
            )
            assert tables.column("table_name").to_pylist() == ["listed"]
            assert read_schema(tables.column("table_schema")[0].as_py()).names == ["n"]
            assert "TABLE" in str(await read(await client.get_table_types()))
            assert (await read(await client.get_xdbc_type_info())).num_rows > 5

    face.run(scenario)


def test_keys(face, embedded):
    """Keys are asked for by the names of tables."""

    async def scenario():
        async with face.client(embedded.flight_url) as client:
            await client.execute_update("create or replace table parent (n int primary key)")

            async def read(info):
                async with await client.do_get(info) as result:
                    return (await result.read_all()).to_pylist()

            [key] = await read(await client.get_primary_keys("parent"))
            assert (key["table_name"], key["column_name"]) == ("parent", "n")
            assert await read(await client.get_exported_keys("parent")) == []
            assert await read(await client.get_imported_keys("parent")) == []
            assert await read(await client.get_cross_reference("parent", "parent")) == []

    face.run(scenario)


def test_sql_info_by_name(face, embedded):
    """Facts are asked for by name, number or `SqlInfo`, and found by any of the last two."""

    async def scenario():
        async with face.client(embedded.flight_url) as client:
            names = ["SQL_IDENTIFIER_QUOTE_CHAR", 0, SqlInfo.FLIGHT_SQL_SERVER_TRANSACTION]
            facts = await client.read_sql_info(names)
            assert facts[SqlInfo.SQL_IDENTIFIER_QUOTE_CHAR] == facts[504] == '"'
            assert set(facts) == {504, 0, 8}
            info = await client.get_sql_info(["FLIGHT_SQL_SERVER_NAME"])
            async with await client.do_get(info) as result:
                assert (await result.read_all()).num_rows == 1
            with pytest.raises(InterfaceError, match="NO_SUCH_FACT"):
                await client.read_sql_info(["NO_SUCH_FACT"])

    face.run(scenario)


def test_transactions(face, embedded):
    """A transaction commits at the end of its block, and rolls back on an error."""

    async def scenario():
        async with face.client(embedded.flight_url) as client:
            await client.execute_update("create or replace table kept (n int)")
            async with await client.begin_transaction() as transaction:
                await client.execute_update("insert into kept values (1)", transaction=transaction)
                assert await fetch(client, "select * from kept", transaction=transaction) == [(1,)]
            assert transaction.ended
            with pytest.raises(ZeroDivisionError):
                async with await client.begin_transaction() as transaction:
                    await client.execute_update(
                        "insert into kept values (2)", transaction=transaction.id
                    )
                    raise ZeroDivisionError
            assert await fetch(client, "select * from kept") == [(1,)]
            with pytest.raises(InterfaceError):
                await transaction.commit()

    face.run(scenario)


def test_savepoints_are_asked_for(face, embedded):
    """Savepoints go to the server, which says when it has none."""

    async def scenario():
        async with face.client(embedded.flight_url) as client:
            transaction = await client.begin_transaction()
            with pytest.raises(NotSupportedError):
                await transaction.begin_savepoint("here")
            with pytest.raises(NotSupportedError):
                await transaction.release_savepoint(b"id")
            with pytest.raises(NotSupportedError):
                await transaction.rollback_savepoint(b"id")
            await transaction.rollback()

    face.run(scenario)


def test_ingest(face, embedded):
    """Rows go into a table that is made, appended to or replaced."""

    async def scenario():
        async with face.client(embedded.flight_url) as client:
            await client.execute_update("drop table if exists filled")
            table = pa.table({"n": [1, 2], "t": ["a", None]})
            assert await client.ingest("filled", table) == 2
            assert await client.ingest("filled", table.to_reader()) == 2
            assert await fetch(client, "select count(*) from filled") == [(4,)]
            assert await client.ingest("filled", table, if_exists=IfExists.REPLACE) == 2
            assert await fetch(client, "select n, t from filled order by n") == [
                (1, "a"),
                (2, None),
            ]
            with pytest.raises(ProgrammingError):
                await client.ingest("filled", table, if_exists=IfExists.FAIL)
            with pytest.raises(ProgrammingError):
                await client.ingest("missing", table, if_not_exist=IfNotExist.FAIL)

    face.run(scenario)


def test_rows_that_break_while_they_are_sent(face, embedded):
    """A stream of rows that breaks while it is sent is an error, and writes nothing."""

    def broken():
        yield pa.record_batch({"n": [1]})
        raise ZeroDivisionError("the rows ran out")

    async def scenario():
        async with face.client(embedded.flight_url) as client:
            await client.execute_update("drop table if exists half")
            reader = pa.RecordBatchReader.from_batches(pa.schema([("n", pa.int64())]), broken())
            with pytest.raises(DataError, match="the rows ran out"):
                await client.ingest("half", reader)
            with pytest.raises(ProgrammingError, match="half"):
                await client.query("select * from half")

    face.run(scenario)


def test_cancel_by_action(face, embedded):
    """`cancel` asks the server to drop an answer, whose ticket is then worth nothing."""

    async def scenario():
        async with face.client(embedded.flight_url) as client:
            info = await client.execute("select 1")
            assert await client.cancel(info) is CancelStatus.CANCELLED
            with pytest.raises(ProgrammingError):
                await client.do_get(info)

    face.run(scenario)


def test_plain_flight(face, embedded):
    """A command may be SQL text, for servers that take that."""

    async def scenario():
        async with face.client(embedded.flight_url) as client:
            info = await client.get_flight_info(b"select 3 as x")
            async with await client.do_get(info) as result:
                assert rows(await result.read_all()) == [(3,)]

    face.run(scenario)


def test_an_unknown_action(face, embedded):
    """An action that the server does not have is not supported."""

    async def scenario():
        async with face.client(embedded.flight_url) as client:
            with pytest.raises(NotSupportedError):
                await client.do_action("NoSuchAction", b"x")

    face.run(scenario)


def test_a_closed_client_says_so(face, embedded):
    """`closed` tells, closing twice is fine, and calls raise ConnectionClosedError."""

    async def scenario():
        client = face.client(embedded.flight_url)
        await client.execute("select 1")
        assert not client.closed
        await client.close()
        await client.close()
        assert client.closed
        with pytest.raises(ConnectionClosedError):
            await client.execute("select 1")

    face.run(scenario)


def test_headers_reach_the_server(face, embedded):
    """Headers of the client and of one call go out; the call's count."""

    async def scenario():
        async with face.client(embedded.flight_url, metadata={"Flight_Endpoints": "2"}) as client:
            sql = "select * from generate_series(1, 10) t(n)"
            assert len((await client.execute(sql)).endpoints) == 2
            info = await client.execute(sql, headers={"flight_endpoints": "3"})
            assert len(info.endpoints) == 3
            async with await client.do_get(info) as result:
                assert [n for (n,) in rows(await result.read_all())] == list(range(1, 11))

    face.run(scenario)


def test_the_faces_have_the_same_methods():
    """Sync and async differ in `await` alone."""
    for ours, theirs in TWINS.items():
        for name, method in vars(ours).items():
            if name.startswith("_") or not inspect.isfunction(method) or name == "to_reader":
                continue
            twin = getattr(theirs, name)
            assert inspect.iscoroutinefunction(twin), name
            wanted = str(inspect.signature(twin)).replace("Async", "")
            assert str(inspect.signature(method)) == wanted, name
            assert method.__doc__ == twin.__doc__, name
    assert AsyncFlightSQLClient.closed.__doc__ == FlightSQLClient.closed.__doc__


COLUMNS = st.sampled_from(
    [
        (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
        (pa.float64(), st.floats(allow_nan=False)),
        (pa.string(), st.text(st.characters(exclude_characters="\0", codec="utf-8"))),
        (pa.binary(), st.binary()),
        (pa.bool_(), st.booleans()),
        (pa.date32(), st.dates(datetime.date(1, 1, 1))),
        (pa.timestamp("us"), st.datetimes()),
        (pa.decimal128(18, 2), st.decimals(-(10**15), 10**15, places=2)),
    ]
)


@settings(max_examples=25)
@given(
    columns=st.lists(COLUMNS, min_size=1, max_size=4),
    data=st.data(),
    count=st.integers(0, 5),
)
def test_any_table_survives(embedded, columns, data, count):
    """What is ingested is fetched, value by value."""
    arrays = [
        pa.array([data.draw(st.none() | values) for _ in range(count)], kind)
        for kind, values in columns
    ]
    table = pa.table(arrays, names=[f"c{n}" for n in range(len(arrays))])
    with FlightSQLClient(embedded.flight_url) as client:
        client.ingest("survived", table, if_exists=IfExists.REPLACE)
        found = client.query("select * from survived").read_all()
    assert rows(found) == rows(table)
