"""What must not be reachable over Flight, and what garbage must not do."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.flight as fl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebolt_like.local import LocalServer
from firebolt_like.protocol import flight_sql as messages
from firebolt_like.protocol.flight_sql import pack
from tests.local.flight_asker import EMPTY, FlightAsker
from tests.local.test_security import READS


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("folder")


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[LocalServer]:
    with LocalServer(folder=folder, flight_port=0) as server:
        yield server


@pytest.fixture(scope="module")
def ask(server: LocalServer) -> Iterator[FlightAsker]:
    asker = FlightAsker.of(server)
    asker.update("CREATE TABLE data AS SELECT 1 AS a")
    yield asker
    asker.close()


@pytest.mark.parametrize("template", READS)
def test_no_file_can_be_read(ask: FlightAsker, folder: Path, tmp_path: Path, template: str) -> None:
    """No way of executing a statement opens a file."""
    secret = tmp_path / "secret.txt"
    secret.write_text("classified")
    sql = template.format(file=secret, inside=folder, name=secret.name)
    update = messages.CommandStatementUpdate(sql)
    ways: list[Callable[[], Any]] = [
        lambda: ask.get(sql),
        lambda: ask.update(update),
        lambda: ask.query(sql),
    ]
    for way in ways:
        with pytest.raises(
            (pa.ArrowInvalid, pa.ArrowNotImplementedError, fl.FlightError)
        ) as caught:
            way()
        assert "classified" not in str(caught.value)
        assert "Traceback" not in str(caught.value)


def test_no_file_through_a_parameter(ask: FlightAsker, tmp_path: Path) -> None:
    """A parameter is a value: it neither names a file nor becomes SQL."""
    secret = tmp_path / "secret.csv"
    secret.write_text("classified")
    with pytest.raises(pa.ArrowException):
        ask.query("SELECT * FROM read_csv(?)", str(secret))
    text = "'; DROP TABLE data; --"
    assert ask.query("SELECT ? AS x", text) == [(text,)]
    nested = [text, "\\'", "$1", "a\0'"]
    assert ask.query("SELECT ? AS x", nested) == [(nested,)]
    assert ask.query("SELECT ? AS x", {"a'b\"c": text}) == [({"a'b\"c": text},)]


def test_names_are_quoted(ask: FlightAsker) -> None:
    """The names of an ingest, and the patterns of metadata, are no SQL."""
    evil = 'x" AS SELECT 1; DROP TABLE data; --'
    create = messages.TableDefinitionOptions(1, 1)
    rows = pa.table({evil: [1]})
    assert ask.update(messages.CommandStatementIngest(create, evil), rows) == 1
    ((*_, name, _),) = ask.rows(messages.CommandGetTables(table_name_filter_pattern=evil))
    assert name == evil
    assert ask.rows(messages.CommandGetPrimaryKeys(evil, "'", "' OR true --")) == []
    assert ask.rows("SELECT a FROM data") == [(1,)]


GOOD = [
    pack(messages.CommandStatementQuery("SELECT 1")),
    pack(messages.CommandStatementUpdate("SELECT 1", b"nix")),
    pack(messages.CommandGetTables("a", "b", "c", ("TABLE",), include_schema=True)),
    pack(messages.CommandPreparedStatementQuery(b"nix")),
    pack(messages.CommandPreparedStatementUpdate(b"nix")),
    pack(messages.CommandStatementIngest(messages.TableDefinitionOptions(1, 1), "t", "s", "c")),
    pack(messages.TicketStatementQuery(b"nix")),
    pack(messages.ActionCreatePreparedStatementRequest("SELECT ?")),
    pack(messages.ActionEndTransactionRequest(b"nix", 1)),
    pack(messages.ActionCancelQueryRequest(b"\n\x00")),
    pack(messages.CommandStatementSubstraitPlan(messages.SubstraitPlan(b"x", "1"))),
    pack(messages.CommandGetSqlInfo((1, 2))),
    b"SELECT 1",
    b"",
]
ACTIONS = [
    *("CreatePreparedStatement", "ClosePreparedStatement", "BeginTransaction", "EndTransaction"),
    *("BeginSavepoint", "EndSavepoint", "CancelFlightInfo", "CancelQuery", "nix"),
]


@st.composite
def garbage(draw: st.DrawFn) -> bytes:
    """Make bytes that are a message, or were one before some of them were changed."""
    data = bytearray(draw(st.sampled_from(GOOD)))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(data)))
        data[at : at + draw(st.integers(0, 3))] = draw(st.binary(max_size=3))
    return bytes(data)


@given(data=garbage(), action=st.sampled_from(ACTIONS))
def test_garbage(ask: FlightAsker, quiet_log: None, data: bytes, action: str) -> None:
    """Garbage in any place gives an answer or a clear error, never a failure of the server."""
    descriptor = fl.FlightDescriptor.for_command(data)
    options = ask.options

    def put(rows: pa.Table) -> None:
        writer, _ = ask.client.do_put(descriptor, rows.schema, options)
        with writer:
            if rows.num_columns:
                writer.write_table(rows)

    ways: list[Callable[[], Any]] = [
        lambda: ask.client.get_flight_info(descriptor, options),
        lambda: ask.client.get_schema(descriptor, options),
        lambda: ask.client.do_get(fl.Ticket(data), options).read_all(),
        lambda: list(ask.client.do_action(fl.Action(action, data), options)),
        lambda: put(EMPTY),
        lambda: put(pa.table({"a": [1]})),
    ]
    for way in ways:
        try:
            way()
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            assert "Traceback" not in str(error)  # noqa: PT017  # an answer is fine, too


@pytest.fixture(scope="module")
def quiet_log() -> Iterator[None]:
    """Fail where the server logs that it has failed."""
    logger, records = logging.getLogger("firebolt_like.local.flight"), []

    class _Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append(record.getMessage())

    handler = _Keep()
    logger.addHandler(handler)
    yield
    logger.removeHandler(handler)
    assert records == []


def test_paths_and_exchange(ask: FlightAsker) -> None:
    """What is not Flight SQL is refused by its name."""
    with pytest.raises(pa.ArrowNotImplementedError, match="descriptor that is a path"):
        ask.client.get_flight_info(fl.FlightDescriptor.for_path("data"), ask.options)
    with pytest.raises(pa.ArrowNotImplementedError, match="action 'nix'"):
        ask.act("nix", b"")
    writer, reader = ask.client.do_exchange(fl.FlightDescriptor.for_command("x"), ask.options)
    with pytest.raises(pa.ArrowNotImplementedError, match="DoExchange"):
        reader.read_all()
    with pytest.raises(pa.ArrowNotImplementedError):
        writer.close()
    assert list(ask.client.list_flights(b"", ask.options)) == []
    names = {action.type for action in ask.client.list_actions(ask.options)}
    assert names == set(ACTIONS) - {"nix"}


@pytest.mark.parametrize("text", ["0", "65", "x", "-1", "9" * 50])
def test_headers(server: LocalServer, text: str) -> None:
    """A header with a wrong value is refused."""
    ask = FlightAsker.of(server, flight_endpoints=text)
    with pytest.raises(pa.ArrowInvalid, match="wants a number from 1 to 64"):
        ask.get("SELECT 1")
    ask.close()


def test_full_lists(server: LocalServer) -> None:
    """A server whose lists are full says that it is busy."""
    with LocalServer(flight_port=0, workers=1, queue=0) as busy:
        ask = FlightAsker.of(busy)
        reader = ask.client.do_get(
            ask.info("SELECT a FROM range(1000000000000) AS t(a)").endpoints[0].ticket
        )
        reader.read_chunk()
        with pytest.raises(fl.FlightUnavailableError, match="busy"):
            ask.get("SELECT 1")
        reader.cancel()
        ask.close()
