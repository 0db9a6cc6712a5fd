"""Ingest over Flight: rows that are put become, or join, a table."""

import datetime
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.flight as fl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebolt_like.local import LocalServer
from firebolt_like.protocol.flight_sql import (
    CommandStatementIngest,
    EndTransaction,
    IfExists,
    IfNotExist,
    TableDefinitionOptions,
    pack,
)
from tests.local.flight_asker import FlightAsker

CREATE = TableDefinitionOptions(IfNotExist.CREATE, IfExists.FAIL)
APPEND = TableDefinitionOptions(IfNotExist.FAIL, IfExists.APPEND)
EITHER = TableDefinitionOptions(IfNotExist.CREATE, IfExists.APPEND)
REPLACE = TableDefinitionOptions(IfNotExist.CREATE, IfExists.REPLACE)
ROWS = pa.table({"id": [1, 2], "name": ["a", None]})


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with LocalServer(databases=["firebolt", "second"], flight_port=0) as server:
        yield server


@pytest.fixture(scope="module")
def ask(server: LocalServer) -> Iterator[FlightAsker]:
    asker = FlightAsker.of(server)
    yield asker
    asker.close()


def test_create_append_replace(ask: FlightAsker) -> None:
    """Each way does what it says, tells the number of rows, and refuses what it is not for."""
    with pytest.raises(pa.ArrowInvalid, match='"people" does not exist'):
        ask.update(CommandStatementIngest(APPEND, "people"), ROWS)
    assert ask.update(CommandStatementIngest(CREATE, "people"), ROWS) == 2
    with pytest.raises(pa.ArrowInvalid, match='"people" exists'):
        ask.update(CommandStatementIngest(CREATE, "people"), ROWS)
    assert ask.update(CommandStatementIngest(APPEND, "people", "public"), ROWS.slice(1)) == 1
    assert ask.update(CommandStatementIngest(EITHER, "PEOPLE"), ROWS.select(["name"])) == 2
    assert ask.rows("SELECT count(*), count(id), count(name) FROM people") == [(5, 3, 2)]
    assert ask.update(CommandStatementIngest(REPLACE, "people"), ROWS.slice(0, 1)) == 1
    assert ask.rows("SELECT * FROM people") == [(1, "a")]


def test_places(ask: FlightAsker) -> None:
    """A table may be named with its schema, and with both schema and catalog."""
    ask.update("CREATE SCHEMA deep")
    ask.update(CommandStatementIngest(CREATE, 'odd "name', "deep"), ROWS)
    assert ask.rows('SELECT count(*) FROM deep."odd ""name"') == [(2,)]
    ask.update(CommandStatementIngest(CREATE, "there", "public", "second"), ROWS)
    assert ask.rows("SELECT count(*) FROM second.public.there") == [(2,)]


def test_refusals(ask: FlightAsker) -> None:
    """Temporary tables, nameless ones, ones without columns, unknown columns: clear errors."""
    with pytest.raises(pa.ArrowNotImplementedError, match="temporary table is not supported"):
        ask.update(CommandStatementIngest(CREATE, "t", temporary=True), ROWS)
    with pytest.raises(pa.ArrowInvalid, match="wants the name of a table"):
        ask.update(CommandStatementIngest(CREATE), ROWS)
    with pytest.raises(pa.ArrowInvalid, match="wants columns"):
        ask.update(CommandStatementIngest(CREATE, "t"))
    ask.update(CommandStatementIngest(EITHER, "strict"), ROWS)
    with pytest.raises(pa.ArrowInvalid, match="other"):
        ask.update(CommandStatementIngest(EITHER, "strict"), pa.table({"other": [1]}))


def test_in_a_transaction(ask: FlightAsker) -> None:
    """It happens with the rest of its transaction, or not at all."""
    for how, count in ((EndTransaction.ROLLBACK, 0), (EndTransaction.COMMIT, 1)):
        transaction = ask.begin()
        ask.update(CommandStatementIngest(EITHER, "later", transaction_id=transaction), ROWS)
        ask.end(transaction, how)
        found = ask.rows("SELECT count(*) FROM information_schema.tables WHERE table_name='later'")
        assert found == [(count,)]


def test_a_client_that_hangs_up(ask: FlightAsker) -> None:
    """Rows of a client that has not put all of them are not kept."""
    ask.update(CommandStatementIngest(CREATE, "half"), ROWS)
    descriptor = fl.FlightDescriptor.for_command(pack(CommandStatementIngest(APPEND, "half")))
    options = fl.FlightCallOptions(timeout=0.5)
    writer, reader = ask.client.do_put(descriptor, ROWS.schema, options)
    writer.write_table(ROWS)
    assert reader.read() is None
    with pytest.raises(fl.FlightTimedOutError):
        writer.close()
    assert ask.rows("SELECT count(*) FROM half") == [(2,)]


def test_a_client_that_hangs_up_in_a_transaction(ask: FlightAsker) -> None:
    """Half of its rows cannot be committed."""
    ask.update(CommandStatementIngest(CREATE, "halves"), ROWS)
    transaction = ask.begin()
    command = CommandStatementIngest(APPEND, "halves", transaction_id=transaction)
    options = fl.FlightCallOptions(timeout=0.5)
    descriptor = fl.FlightDescriptor.for_command(pack(command))
    writer, reader = ask.client.do_put(descriptor, ROWS.schema, options)
    writer.write_table(ROWS)
    assert reader.read() is None
    with pytest.raises(fl.FlightTimedOutError):
        writer.close()
    with pytest.raises(pa.ArrowInvalid, match=r"aborted|still running"):
        ask.end(transaction, EndTransaction.COMMIT)
    ask.end(transaction, EndTransaction.ROLLBACK)
    assert ask.rows("SELECT count(*) FROM halves") == [(2,)]


def test_many_rows(ask: FlightAsker) -> None:
    """A million rows in many batches arrive whole."""
    rows = pa.table({"a": pa.array(range(1_000_000)), "b": pa.array(["x" * 20] * 1_000_000)})
    assert ask.update(CommandStatementIngest(CREATE, "large"), rows) == 1_000_000
    found = ask.rows("SELECT count(*), sum(a)::bigint, min(length(b)) FROM large")
    assert found == [(1_000_000, sum(range(1_000_000)), 20)]


KINDS: list[tuple[pa.DataType, st.SearchStrategy[Any]]] = [
    *((kind, st.integers(-128, 127)) for kind in (pa.int8(), pa.int16(), pa.int32(), pa.int64())),
    *((kind, st.integers(0, 255)) for kind in (pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64())),
    (pa.float32(), st.floats(width=32, allow_nan=False)),
    (pa.float64(), st.floats(allow_nan=False)),
    (pa.bool_(), st.booleans()),
    (pa.string(), st.text()),
    (pa.binary(), st.binary()),
    (pa.date32(), st.dates()),
    (pa.time64("us"), st.times()),
    (pa.timestamp("us"), st.datetimes(max_value=datetime.datetime(9999, 1, 1))),
    (pa.timestamp("us", "UTC"), st.datetimes(datetime.datetime(1900, 1, 1))),
    (pa.timestamp("ms"), st.integers(0, 10**12)),
    (pa.decimal128(20, 3), st.decimals(-(10**15), 10**15, places=3)),
    (pa.list_(pa.int16()), st.lists(st.integers(0, 9) | st.none(), max_size=3)),
    (pa.struct([("x", pa.string()), ("y", pa.int8())]), st.fixed_dictionaries({"x": st.text()})),
    (pa.map_(pa.string(), pa.int32()), st.dictionaries(st.text(), st.integers(0, 9), max_size=2)),
]


@st.composite
def tables(draw: st.DrawFn) -> pa.Table:
    columns = draw(st.lists(st.sampled_from(KINDS), min_size=1, max_size=4))
    count = draw(st.integers(0, 5))
    arrays = []
    for kind, values in columns:
        drawn = draw(st.lists(values | st.none(), min_size=count, max_size=count))
        items = [
            list(one.items()) if isinstance(kind, pa.MapType) and one else one for one in drawn
        ]
        arrays.append(pa.array(items, kind))
    return pa.Table.from_arrays(arrays, [f"c{at}" for at in range(len(arrays))])


@given(table=tables())
def test_any_table_survives(ask: FlightAsker, table: pa.Table) -> None:
    """What is put is fetched again, type for type and value for value."""
    assert ask.update(CommandStatementIngest(REPLACE, "any"), table) == table.num_rows
    got = ask.get('SELECT * FROM "any"')
    assert got.schema.types == table.schema.types
    assert got.to_pylist() == table.to_pylist()


OTHERS: list[tuple[pa.Array, str, Any]] = [
    (pa.array(["a", "b", "a"]).dictionary_encode(), "string", "a"),
    (pa.array([None, None]), "string", None),
    (pa.array([1.5], pa.float16()), "float", 1.5),
    (pa.array(["x"], pa.large_string()), "string", "x"),
    (pa.array(["x"], pa.string_view()), "string", "x"),
    (pa.array([b"xy"], pa.binary(2)), "binary", b"xy"),
    (pa.array([Decimal("1.5")], pa.decimal256(20, 1)), "decimal128(20, 1)", Decimal("1.5")),
    (pa.array([datetime.date(2020, 1, 1)], pa.date64()), "date32[day]", datetime.date(2020, 1, 1)),
]


@pytest.mark.parametrize(("array", "kind", "value"), OTHERS, ids=str)
def test_types_that_change(ask: FlightAsker, array: pa.Array, kind: str, value: Any) -> None:
    """A type that DuckDB has no column for becomes the nearest one."""
    assert ask.update(CommandStatementIngest(REPLACE, "odd"), pa.table({"x": array})) == len(array)
    (column,) = ask.get("SELECT * FROM odd").columns
    assert (str(column.type), column[0].as_py()) == (kind, value)
