"""Statements over Flight: rows, counts, errors, and that they are those of REST."""

import datetime
from collections.abc import Iterator
from decimal import Decimal

import httpx
import pyarrow as pa
import pyarrow.flight as fl
import pytest

from firebolt_like.local import LocalServer
from firebolt_like.protocol.flight_sql import CommandStatementQuery
from tests.local.conftest import Asker
from tests.local.flight_asker import FlightAsker


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with LocalServer(databases=["firebolt", "second"], flight_port=0) as server:
        yield server


@pytest.fixture
def ask(server: LocalServer) -> Iterator[FlightAsker]:
    asker = FlightAsker.of(server)
    yield asker
    asker.close()


@pytest.fixture
def rest(server: LocalServer) -> Iterator[Asker]:
    with httpx.Client(base_url=server.url, timeout=20) as http:
        yield Asker(http)


def test_rows_in_native_types(ask: FlightAsker) -> None:
    """Every value has its Arrow type; what Arrow has no type for is text."""
    table = ask.get(
        CommandStatementQuery(
            "SELECT 1 AS i, 2::bigint AS b, 1.50::numeric(9, 2) AS n, 'x' AS t, true AS o,"
            " DATE '2020-01-02' AS d,"
            " TIMESTAMP '2020-01-02 03:04:05' AS s, TIMESTAMPTZ '2020-01-02 03:04:05+00' AS z,"
            " [1, NULL] AS a, E'\\x61' AS y, NULL AS u, TIME '01:02:03' AS m,"
            " 'a4d8c9d8-1c63-4b4c-9c37-2c5b9c1b7c11'::uuid AS id, 5::tinyint AS w"
        )
    )
    assert [str(kind) for kind in table.schema.types] == [
        *("int32", "int64", "decimal128(9, 2)", "string", "bool", "date32[day]"),
        *("timestamp[us]", "timestamp[us, tz=UTC]", "list<item: int32>", "binary", "string"),
        *("time64[us]", "string", "int8"),
    ]
    (row,) = table.to_pylist()
    assert list(row.values()) == [
        *(1, 2, Decimal("1.50"), "x", True, datetime.date(2020, 1, 2)),
        datetime.datetime(2020, 1, 2, 3, 4, 5),
        datetime.datetime(2020, 1, 2, 3, 4, 5, tzinfo=datetime.UTC),
        *([1, None], b"a", None, datetime.time(1, 2, 3)),
        *("a4d8c9d8-1c63-4b4c-9c37-2c5b9c1b7c11", 5),
    ]


ODD_TYPES = [
    "ENUM('a', 'b')",
    "BIT",
    "UNION(a INTEGER, b VARCHAR)",
    "UUID[]",
    "STRUCT(a UUID, \"b c\" ENUM('x'))",
    "MAP(VARCHAR, UUID)",
    "UUID[2]",
    "HUGEINT",
    "INTERVAL",
    "TIMESTAMP_NS",
    "TIMESTAMP_S",
    "TIMETZ",
    "MAP(INTEGER, TIMESTAMPTZ[])",
    "UHUGEINT",
    "VARIANT",
    "JSON",
]


@pytest.mark.parametrize("kind", ODD_TYPES)
def test_a_schema_is_that_of_its_stream(ask: FlightAsker, kind: str) -> None:
    """`FlightInfo`, GetSchema and the stream agree on every type, in rows and without."""
    sql = f"SELECT NULL::{kind} AS x FROM range(2)"
    info = ask.info(sql)
    assert ask.fetch(info).schema == info.schema
    assert ask.get(f"{sql} WHERE false").schema == info.schema
    descriptor = fl.FlightDescriptor.for_command(sql)
    assert ask.client.get_schema(descriptor, ask.options).schema == info.schema


def test_counts(ask: FlightAsker) -> None:
    """An update tells how many rows it changed; other statements change none."""
    assert ask.update("CREATE TABLE counted (a int, b text)") == 0
    assert ask.update("INSERT INTO counted VALUES (1, 'x'), (2, 'y'), (3, 'z')") == 3
    assert ask.update("UPDATE counted SET b = 'w' WHERE a > 1") == 2
    assert ask.update("DELETE FROM counted WHERE a = 1") == 1
    assert ask.update("INSERT INTO counted VALUES (4, 'v') RETURNING a") == 1
    assert ask.update("DROP TABLE counted") == 0


def test_a_change_runs_once(ask: FlightAsker) -> None:
    """A change sent as a query happens with its FlightInfo, whose rows are fetched once."""
    ask.update("CREATE TABLE once (a int)")
    info = ask.info("INSERT INTO once VALUES (1) RETURNING a + 1 AS b")
    assert ask.fetch(info).to_pylist() == [{"b": 2}]
    with pytest.raises(pa.ArrowInvalid, match="The ticket is unknown: its result was taken"):
        ask.fetch(info)
    assert ask.info("INSERT INTO once VALUES (2)").schema.names == []
    assert ask.rows("SELECT a FROM once ORDER BY a") == [(1,), (2,)]
    ask.client.get_schema(fl.FlightDescriptor.for_command("DELETE FROM once"), ask.options)
    assert ask.rows("SELECT count(*) FROM once") == [(2,)]


def test_a_query_runs_when_it_is_fetched(ask: FlightAsker) -> None:
    """Its ticket may be taken again, and gives the rows of that moment."""
    ask.update("CREATE TABLE moments (a int)")
    info = ask.info("SELECT count(*) AS n FROM moments")
    assert info.endpoints[0].expiration_time is not None
    assert ask.fetch(info).to_pylist() == [{"n": 0}]
    ask.update("INSERT INTO moments VALUES (1)")
    assert ask.fetch(info).to_pylist() == [{"n": 1}]


def test_query_ids(ask: FlightAsker) -> None:
    """A FlightInfo says by which id its query is found in the history, and is cancelled."""
    for sql in ("SELECT 'id' AS a", "CREATE TABLE ids (a int)"):
        info = ask.info(sql)
        ask.fetch(info)
        found = ask.rows(
            "SELECT query_text FROM information_schema.engine_query_history"
            f" WHERE query_id = '{info.app_metadata.decode()}'"
        )
        assert found == [(sql,)] * 2


def test_several_statements(ask: FlightAsker) -> None:
    """All run in their order, and the last one gives the rows."""
    sql = "CREATE TABLE several (a int); INSERT INTO several VALUES (1), (2); SELECT * FROM several"
    assert ask.rows(sql) == [(1,), (2,)]
    assert ask.update("DELETE FROM several WHERE a = 1; DELETE FROM several") == 2


def test_one_database_two_faces(ask: FlightAsker, rest: Asker) -> None:
    """What one face writes the other one reads, in the history of queries, too."""
    ask.update("CREATE TABLE shared (a int)")
    rest.answer("INSERT INTO shared VALUES (7)")
    assert ask.rows("SELECT a FROM shared") == rest.rows("SELECT a FROM shared") == [(7,)]
    history = (
        "SELECT status FROM information_schema.engine_query_history WHERE query_text ="
        " 'SELECT a FROM shared' AND status <> 'STARTED_EXECUTION'"
    )
    assert rest.rows(history) == [("ENDED_SUCCESSFULLY",)] * 2


MISTAKES = {
    "SELECT nix": (pa.ArrowInvalid, 'Line 1, Column 8: Referenced column "nix"'),
    "SELEC": (pa.ArrowInvalid, "syntax error"),
    "SELECT 1 / 0": (pa.ArrowInvalid, "Division by zero"),
    "SELECT * FROM nix": (pa.ArrowInvalid, "relation 'nix' does not exist"),
    "SELECT $1": (pa.ArrowInvalid, "$1, but it was not set"),
    "CREATE TEMP TABLE t (a int)": (pa.ArrowNotImplementedError, "CREATE TEMP is not supported"),
    " -- nothing": (pa.ArrowInvalid, "holds no statement"),
    "SET nix = 1": (pa.ArrowInvalid, "Unknown setting 'nix'"),
}


@pytest.mark.parametrize("sql", MISTAKES)
def test_mistakes(ask: FlightAsker, sql: str) -> None:
    """A statement that fails says why, as over REST, and nothing about the server's code."""
    kind, text = MISTAKES[sql]
    with pytest.raises(kind) as caught:
        ask.get(sql)
    assert text in str(caught.value)
    assert "Traceback" not in str(caught.value)
    assert ".py" not in str(caught.value)


def test_an_error_in_the_middle(ask: FlightAsker) -> None:
    """A stream that fails after its first rows ends with the error, not with fewer rows."""
    sql = "SELECT 1 / (900000 - a) AS x FROM range(1000000) AS t(a)"
    with pytest.raises(pa.ArrowInvalid, match="Division by zero") as caught:
        ask.get(sql)
    assert "Traceback" not in str(caught.value)


def test_several_endpoints(server: LocalServer) -> None:
    """On request, the rows come in several parts that make up the whole in their order."""
    ask = FlightAsker.of(server, flight_endpoints="3")
    info = ask.info("SELECT a FROM range(10) AS t(a) ORDER BY a")
    assert (len(info.endpoints), info.ordered) == (3, True)
    assert ask.fetch(info)["a"].to_pylist() == list(range(10))
    assert len(ask.info("SELECT 1 WHERE false").endpoints) == 3
    ask.close()


def test_settings_in_headers(server: LocalServer) -> None:
    """Database, time zone and limits are headers, as they are parameters of a URL over REST."""
    ask = FlightAsker.of(server, database="second", timezone="Asia/Tokyo", max_result_rows="2")
    sql = "SELECT current_database(), TIMESTAMPTZ '2020-01-01 00:00:00'::text FROM range(3)"
    assert ask.rows(sql) == [("second", "2020-01-01 00:00:00+09")] * 2
    ask.close()
    ask = FlightAsker.of(server, database="nix")
    with pytest.raises(pa.ArrowInvalid, match="Database 'nix' does not exist"):
        ask.get("SELECT 1")
    ask.close()


def test_many_rows_come_as_they_are_made(ask: FlightAsker) -> None:
    """The first rows of a result without end are there, and leaving it ends it."""
    info = ask.info("SELECT a, a::text AS b FROM range(1000000000000) AS t(a)")
    reader = ask.client.do_get(info.endpoints[0].ticket, ask.options)
    assert reader.read_chunk().data.column(0)[0].as_py() == 0
    reader.cancel()


def test_flight_on_demand() -> None:
    """A server that runs can begin to speak Flight; asking again changes nothing."""
    with LocalServer() as server:
        url = server.start_flight()
        assert server.start_flight() == url == server.flight_url
        ask = FlightAsker.of(server)
        assert ask.rows("SELECT 1") == [(1,)]
        ask.close()


SAME = [
    *("SHOW TABLES", "SHOW DATABASES", "SHOW ENGINES", "SHOW COLUMNS same", "DESCRIBE same"),
    "SELECT table_schema, table_name FROM information_schema.tables",
    "SELECT column_name, data_type, is_nullable FROM information_schema.columns",
    "SELECT engine_name, status FROM information_schema.engines",
    *("FROM same", "TABLE same", "SUMMARIZE same", "EXPLAIN SELECT 1", "VALUES (1, 'a'), (2, 'b')"),
    "SELECT sum(a) AS s, avg(a) AS v, count(*) AS n, max(c) AS m FROM same",
    "SELECT current_engine() AS e, version() AS v, current_schema() AS s",
    "PIVOT same ON a USING count(*)",
    "SELECT {'a': 1, 'b': [1, 2]} AS s, E'\\x00\\x01'::bytea AS b, '{\"a\": 1}'::json AS j",
    "SELECT * FROM same ORDER BY b NULLS FIRST LIMIT 1",
    "SELECT 1.5 AS d, 2::real AS r, 'inf'::double AS i, 1e-300 AS e",
    "SELECT DATE '9999-12-31' AS d, TIMESTAMPTZ '1900-01-01 00:00:00+09' AS z",
    "SELECT 'a' AS a -- comment\n ;",
    "CHECKPOINT",
]


@pytest.mark.parametrize("sql", SAME)
def test_rows_are_those_of_rest(ask: FlightAsker, rest: Asker, sql: str) -> None:
    """A statement gives the same values over both faces."""
    ask.update("CREATE TABLE IF NOT EXISTS same (a int NOT NULL, b text, c numeric(9, 2)[])")
    ask.update("DELETE FROM same; INSERT INTO same VALUES (1, 'x', [1.5]), (2, NULL, NULL)")
    assert ask.rows(sql) == rest.rows(sql)
