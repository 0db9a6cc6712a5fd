"""Prepared statements, and parameters of every type, against the embedded engine."""

import datetime
import decimal

import pyarrow as pa
import pytest

from firebolt_like.errors import DataError, InterfaceError
from firebolt_like.flight import FlightSQLClient


def rows(table):
    return [tuple(row.values()) for row in table.to_pylist()]


def test_prepared_statements(face, embedded):
    """A prepared statement has its schemas, and runs with one row of parameters after another."""

    async def scenario():
        async with (
            face.client(embedded.flight_url) as client,
            await client.prepare("select ?::int + 1 as x") as prepared,
        ):
            assert prepared.dataset_schema.names == ["x"]
            for n in (1, 2):
                async with await prepared.query((n,)) as result:
                    assert rows(await result.read_all()) == [(n + 1,)]
            await prepared.set_parameters((5,))
            async with await client.do_get(await prepared.execute()) as result:
                assert rows(await result.read_all()) == [(6,)]
        assert prepared.closed

    face.run(scenario)


def test_a_closed_prepared_statement_is_not_run(face, embedded):
    """After `close` a prepared statement says so."""

    async def scenario():
        async with face.client(embedded.flight_url) as client:
            prepared = await client.prepare("select 1")
            await prepared.close()
            await prepared.close()
            with pytest.raises(InterfaceError):
                await prepared.execute()

    face.run(scenario)


def test_many_rows_of_parameters(face, embedded):
    """An update runs once for each row: a list of tuples, a table, or a stream."""

    async def scenario():
        async with face.client(embedded.flight_url) as client:
            await client.execute_update("create or replace table many (n int, t text)")
            async with await client.prepare("insert into many values (?, ?)") as prepared:
                assert await prepared.execute_update([(1, "a"), (2, None)]) == 2
                table = pa.table({"n": pa.array([3], pa.int32()), "t": ["c"]})
                assert await prepared.execute_update(table) == 1
                assert await prepared.execute_update(table.to_reader()) == 1
            async with await client.query("select n, t from many order by n") as result:
                found = rows(await result.read_all())
            assert found == [(1, "a"), (2, None), (3, "c"), (3, "c")]

    face.run(scenario)


PARAMETERS = {
    "boolean": True,
    "bigint": 2**40,
    "double": 0.5,
    "text": "it''s \\ 'quoted' ?",
    "bytea": b"\x00\xff",
    "decimal(20, 3)": decimal.Decimal("12345678901234567.891"),
    "date": datetime.date(2024, 2, 29),
    "timestamp": datetime.datetime(2024, 2, 29, 1, 2, 3, 456),
    "timestamptz": datetime.datetime(2024, 2, 29, 1, 2, 3, 456, datetime.UTC),
    "int[]": [1, None, 3],
}


@pytest.mark.parametrize("kind", PARAMETERS)
def test_parameters_of_every_type(transport, embedded, kind):
    """A value goes out as a parameter and comes back as it was."""
    with (
        FlightSQLClient(embedded.flight_url, transport=transport) as client,
        client.prepare(f"select ?::{kind} as x") as prepared,
        prepared.query((PARAMETERS[kind],)) as result,
    ):
        [(found,)] = rows(result.read_all())
    assert found == PARAMETERS[kind]


def test_parameters_that_are_none(embedded):
    """What holds no rows, and rows of unequal length, are refused before anything is sent."""
    with (
        FlightSQLClient(embedded.flight_url) as client,
        client.prepare("select ?") as prepared,
    ):
        for wrong in ("text", 1, [1, 2], [(1,), (1, 2)]):
            with pytest.raises(InterfaceError):
                prepared.set_parameters(wrong)
        with pytest.raises(DataError, match="Parameter 1"):
            prepared.set_parameters((object(),))
