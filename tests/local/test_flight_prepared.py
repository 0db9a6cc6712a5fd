"""Prepared statements over Flight: what they take and give, and parameters of all types."""

import datetime
import uuid
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebolt_like.local import LocalServer
from firebolt_like.protocol import flight_sql as messages
from firebolt_like.protocol.flight_sql import (
    CommandPreparedStatementQuery,
    CommandPreparedStatementUpdate,
)
from tests.local.flight_asker import FlightAsker


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with LocalServer(flight_port=0) as server:
        yield server


@pytest.fixture(scope="module")
def ask(server: LocalServer) -> Iterator[FlightAsker]:
    asker = FlightAsker.of(server)
    yield asker
    asker.close()


def _schema(packed: bytes) -> pa.Schema:
    return pa.ipc.read_schema(pa.py_buffer(packed))


def test_what_it_takes_and_gives(ask: FlightAsker) -> None:
    """A preparation tells the columns of a query, and the types of placeholders that have one."""
    ask.update("CREATE TABLE told (id int, name text, day date)")
    found = ask.prepare("SELECT name, $1::bigint AS n FROM told WHERE id = $2")
    assert _schema(found.dataset_schema) == pa.schema([("name", pa.string()), ("n", pa.int64())])
    assert _schema(found.parameter_schema) == pa.schema([("$1", pa.int64()), ("$2", pa.string())])
    found = ask.prepare("INSERT INTO told VALUES (?, ?, ?)")
    assert found.dataset_schema == b""
    assert _schema(found.parameter_schema).types == [pa.int32(), pa.string(), pa.date32()]
    assert ask.rows("SELECT count(*) FROM told") == [(0,)]


VALUES: list[Any] = [
    *(5, -(2**63), 1.5, float("inf"), "it's \\ \x00 ü", "", True, b"\x00\xff'", None),
    *(datetime.date(2020, 2, 29), datetime.date(1, 1, 1), datetime.time(23, 59, 59, 5)),
    datetime.datetime(1900, 1, 1, 0, 0, 0, 1),
    datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC),
    *(Decimal("-1.50"), [1, None], [], [["x"]], {"a": 1, "b c": None}),
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
@pytest.mark.parametrize("mark", ["?", "$1"])
def test_values_come_back(ask: FlightAsker, value: Any, mark: str) -> None:
    """A parameter of any type comes back as the value that was sent."""
    assert ask.query(f"SELECT {mark} AS x", value) == [(value,)]


TYPES: list[tuple[Any, pa.DataType, str]] = [
    *((5, kind, str(kind)) for kind in (pa.int8(), pa.int16(), pa.int32(), pa.int64())),
    *((5, kind, str(kind)) for kind in (pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64())),
    *((1.5, kind, name) for kind, name in ((pa.float16(), "float"), (pa.float32(), "float"))),
    *(("x", kind, "string") for kind in (pa.large_string(), pa.string_view())),
    *((b"x", kind, "binary") for kind in (pa.large_binary(), pa.binary(1), pa.binary_view())),
    *((7, pa.timestamp(unit), f"timestamp[{unit}]") for unit in ("s", "ms", "us", "ns")),
    *((7, pa.timestamp(u, "Asia/Tokyo"), "timestamp[us, tz=UTC]") for u in ("s", "ms", "us")),
    *((7, kind, "time64[us]") for kind in (pa.time32("s"), pa.time32("ms"), pa.time64("us"))),
    (7, pa.time64("ns"), "time64[ns]"),
    (datetime.date(2020, 1, 1), pa.date64(), "date32[day]"),
    (Decimal("1.5"), pa.decimal256(20, 1), "decimal128(20, 1)"),
    (pa.MonthDayNano([1, -2, 3000]), pa.month_day_nano_interval(), "month_day_nano_interval"),
    ([1, 2], pa.list_(pa.int8(), 2), "fixed_size_list<item: int8>[2]"),
    ([1], pa.large_list(pa.int8()), "list<item: int8>"),
    ([("k", 1)], pa.map_(pa.string(), pa.int32()), "map<string, int32>"),
    (None, pa.int16(), "int16"),
    (None, pa.list_(pa.int16()), "list<item: int16>"),
]


@pytest.mark.parametrize(("value", "kind", "told"), TYPES, ids=str)
def test_types_are_kept(ask: FlightAsker, value: Any, kind: pa.DataType, told: str) -> None:
    """A parameter keeps its type as far as SQL has it, NULL among them."""
    sent = pa.array([value], kind)
    handle = ask.prepare("SELECT ? AS x").prepared_statement_handle
    command = CommandPreparedStatementQuery(handle)
    ask.put(command, pa.table({"0": sent}))
    (got,) = ask.get(command).columns
    assert str(got.type) == told
    assert got.cast(kind)[0].as_py() == sent[0].as_py()


def test_parameters_in_disguise(ask: FlightAsker) -> None:
    """Unions, dictionaries and UUIDs stand for the values in them."""
    union = pa.UnionArray.from_dense(
        pa.array([1], pa.int8()),
        pa.array([0], pa.int32()),
        [pa.array([], pa.int64()), pa.array(["u"])],
    )
    number = uuid.uuid4()
    uuids = pa.ExtensionArray.from_storage(pa.uuid(), pa.array([number.bytes], pa.binary(16)))
    words = pa.array(["w"]).dictionary_encode()
    assert ask.query("SELECT ? AS a, ? AS b, ? AS c", union, uuids, words) == [
        ("u", str(number), "w")
    ]


def test_a_type_that_sql_has_not(ask: FlightAsker) -> None:
    """Such a parameter is refused, by its name."""
    with pytest.raises(pa.ArrowNotImplementedError, match=r"Arrow type decimal256\(50, 0\)"):
        ask.query("SELECT ? AS x", pa.array([Decimal(1)], pa.decimal256(50, 0)))


SCALARS = (
    st.integers(-(2**63), 2**63 - 1)
    | st.text()
    | st.binary()
    | st.booleans()
    | st.dates()
    | st.times()
    | st.floats(allow_nan=False)
    | st.datetimes(max_value=datetime.datetime(9999, 1, 1))
    | st.decimals(min_value=-(10**15), max_value=10**15, places=6)
)


@given(
    values=st.lists(SCALARS | st.none(), min_size=1, max_size=4)
    | st.lists(st.lists(st.text() | st.none(), max_size=3), min_size=1, max_size=2)
)
def test_any_values_come_back(ask: FlightAsker, values: list[Any]) -> None:
    """Whatever is sent as parameters comes back in their order."""
    sql = f"SELECT {', '.join(f'? AS x{at}' for at in range(len(values)))}"
    assert ask.query(sql, *values) == [tuple(values)]


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO many VALUES (?, ?)",
        "INSERT INTO many (id, name) VALUES ($1, $2)",
        "INSERT INTO many (name, id) VALUES ($2, $1)",
        "INSERT INTO many SELECT ?, ?",
        "INSERT INTO many VALUES ($1 + 0, upper($2))",
    ],
)
def test_many_rows_at_once(ask: FlightAsker, sql: str) -> None:
    """A statement runs for each row of parameters, and counts all of them."""
    ask.update("CREATE OR REPLACE TABLE many (id int, name text)")
    handle = ask.prepare(sql).prepared_statement_handle
    rows = pa.table({"a": [1, 2, 3], "b": ["X", "IT'S", None]})
    assert ask.update(CommandPreparedStatementUpdate(handle), rows) == 3
    assert ask.update(CommandPreparedStatementUpdate(handle), rows.slice(0, 0)) == 0
    assert ask.rows("SELECT * FROM many ORDER BY id") == [(1, "X"), (2, "IT'S"), (3, None)]


def test_rows_in_many_batches(ask: FlightAsker) -> None:
    """Rows of parameters for an INSERT are inserted as they come, however many there are."""
    ask.update("CREATE OR REPLACE TABLE batches (id int, name text)")
    handle = ask.prepare("INSERT INTO batches VALUES (?, ?)").prepared_statement_handle
    command = CommandPreparedStatementUpdate(handle)
    one = pa.table({"a": [1], "b": ["x"]})
    assert ask.update(command, pa.concat_tables([one] * 1000)) == 1000
    assert ask.update(command, pa.concat_tables([one.slice(1), one])) == 1
    halves = pa.table({"a": pa.array([1.5, 2.5], pa.float16()), "b": ["x", "y"]})
    assert ask.update(command, halves) == 2
    assert ask.rows("SELECT count(*) FROM batches") == [(1003,)]


def test_too_long_requests() -> None:
    """Statements and parameters have the bound of requests over REST; an ingest has none."""
    with LocalServer(flight_port=0, max_body=10_000) as server:
        ask = FlightAsker.of(server)
        with pytest.raises(pa.ArrowInvalid, match="command is longer than 10000 bytes"):
            ask.get(f"SELECT '{'x' * 10_000}'")
        with pytest.raises(pa.ArrowInvalid, match="command is longer than 10000 bytes"):
            ask.prepare(f"SELECT '{'x' * 10_000}'")
        handle = ask.prepare("SELECT ?").prepared_statement_handle
        command = CommandPreparedStatementQuery(handle)
        # the client of pyarrow tells the reason when it closes
        with pytest.raises(pa.ArrowInvalid, match="parameters take more than 10000 bytes"):
            ask.put(command, pa.table({"a": ["x" * 10_000]}))
        ask.close()


def test_all_rows_or_none(ask: FlightAsker) -> None:
    """An error in one row of parameters undoes what the rows before it did."""
    ask.update("CREATE OR REPLACE TABLE whole (id int)")
    for sql in ("INSERT INTO whole VALUES (10 / ?)", "INSERT INTO whole VALUES (?)"):
        handle = ask.prepare(sql).prepared_statement_handle
        rows = pa.table({"a": ["1", "2", "zero"]})
        with pytest.raises(pa.ArrowInvalid):
            ask.update(CommandPreparedStatementUpdate(handle), rows)
        assert ask.rows("SELECT count(*) FROM whole") == [(0,)]


def test_updates_of_many_rows(ask: FlightAsker) -> None:
    """UPDATE and DELETE by many rows of parameters count what all of them changed."""
    ask.update("CREATE OR REPLACE TABLE stock (id int, n int)")
    ask.update("INSERT INTO stock SELECT a, 0 FROM range(5) AS t(a)")
    handle = ask.prepare("UPDATE stock SET n = ? WHERE id = ?").prepared_statement_handle
    rows = pa.table({"n": [10, 20, 30], "id": [1, 2, 99]})
    assert ask.update(CommandPreparedStatementUpdate(handle), rows) == 2
    assert ask.rows("SELECT sum(n)::int FROM stock") == [(30,)]


def test_a_query_for_many_rows(ask: FlightAsker) -> None:
    """A query with several rows of parameters gives the rows of all of them."""
    handle = ask.prepare("SELECT ? AS x, ? AS y").prepared_statement_handle
    command = CommandPreparedStatementQuery(handle)
    ask.put(command, pa.table({"a": [1, 2], "b": ["x", "y"]}))
    assert ask.rows(command) == [(1, "x"), (2, "y")]
    ask.put(command, pa.table({"a": [3], "b": ["z"]}))
    assert ask.rows(command) == [(3, "z")]


def test_a_change_for_many_rows(ask: FlightAsker) -> None:
    """A change that is sent as a query runs for every row of parameters, too: all, or none."""
    ask.update("CREATE OR REPLACE TABLE queried (a int)")
    handle = ask.prepare(
        "INSERT INTO queried VALUES (10 / ?) RETURNING a"
    ).prepared_statement_handle
    command = CommandPreparedStatementQuery(handle)
    ask.put(command, pa.table({"a": [1, 2, 5]}))
    assert ask.rows(command) == [(10,), (5,), (2,)]
    ask.put(command, pa.table({"a": [1, 0]}))
    with pytest.raises(pa.ArrowInvalid, match="Division by zero"):
        ask.rows(command)
    assert ask.rows("SELECT count(*) FROM queried") == [(3,)]


def test_bytes_and_text_by_the_column(ask: FlightAsker) -> None:
    """Text becomes what its place wants, as over REST; bytes are bytes."""
    ask.update("CREATE OR REPLACE TABLE places (b bytea, d date)")
    handle = ask.prepare("INSERT INTO places VALUES (?, ?)").prepared_statement_handle
    rows = pa.table({"b": [b"\x00x"], "d": ["2020-01-02"]})
    assert ask.update(CommandPreparedStatementUpdate(handle), rows) == 1
    assert ask.rows("SELECT * FROM places") == [(b"\x00x", datetime.date(2020, 1, 2))]


MISTAKES = {
    "SELECT ? + $1": "placeholders of both kinds",
    "SELECT nix": 'Referenced column "nix"',
    "": "holds no statement",
}


@pytest.mark.parametrize("sql", MISTAKES)
def test_mistakes(ask: FlightAsker, sql: str) -> None:
    """What can be seen to be wrong is refused when it is prepared."""
    with pytest.raises(pa.ArrowInvalid, match=MISTAKES[sql]):
        ask.prepare(sql)


def test_missing_parameters(ask: FlightAsker) -> None:
    """A query whose parameters were not put, or too few, says which one is missing."""
    handle = ask.prepare("SELECT ?, ?").prepared_statement_handle
    with pytest.raises(pa.ArrowInvalid, match=r"\$1, but it was not set"):
        ask.get(CommandPreparedStatementQuery(handle))
    ask.put(CommandPreparedStatementQuery(handle), pa.table({"a": [1]}))
    with pytest.raises(pa.ArrowInvalid, match=r"\$2, but it was not set"):
        ask.get(CommandPreparedStatementQuery(handle))
    ask.put(CommandPreparedStatementQuery(handle), pa.table({"a": [1]}).slice(1))
    with pytest.raises(pa.ArrowInvalid, match=r"\$1, but it was not set"):
        ask.get(CommandPreparedStatementQuery(handle))


def test_backslashes(server: LocalServer) -> None:
    """Where a backslash is an escape, a `?` behind one in a string is no placeholder."""
    ask = FlightAsker.of(server, standard_conforming_strings="false")
    assert ask.query(r"SELECT '\'?' AS a, ? AS b", 5) == [("'?", 5)]
    ask.close()


def test_closing(ask: FlightAsker) -> None:
    """A closed statement is unknown; closing it again, or one that never was, is no mistake."""
    handle = ask.prepare("SELECT 1").prepared_statement_handle
    for one in (handle, handle, b"\xff nix"):
        ask.act("ClosePreparedStatement", messages.ActionClosePreparedStatementRequest(one))
    with pytest.raises(pa.ArrowInvalid, match="prepared statement is unknown"):
        ask.get(CommandPreparedStatementQuery(handle))


def test_in_a_transaction(ask: FlightAsker) -> None:
    """A statement that was prepared in a transaction runs in it."""
    ask.update("CREATE OR REPLACE TABLE inside (a int)")
    transaction = ask.begin()
    insert = ask.prepare("INSERT INTO inside VALUES (?)", transaction).prepared_statement_handle
    count = ask.prepare("SELECT count(*) FROM inside", transaction).prepared_statement_handle
    assert ask.update(CommandPreparedStatementUpdate(insert), pa.table({"a": [1, 2]})) == 2
    assert ask.rows(CommandPreparedStatementQuery(count)) == [(2,)]
    ask.end(transaction, messages.EndTransaction.ROLLBACK)
    assert ask.rows("SELECT count(*) FROM inside") == [(0,)]
