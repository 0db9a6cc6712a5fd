"""The query endpoint: formats, columns, statements without rows, errors."""

import json

import httpx
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebolt_like.local import LocalServer
from firebolt_like.protocol import json_lines
from firebolt_like.protocol.json_rows import decode_rows
from firebolt_like.protocol.types import Column, parse_type
from tests.local.conftest import Asker


@pytest.mark.parametrize("path", ["/", "/query"])
def test_both_paths_answer_alike(server: LocalServer, path: str) -> None:
    """`POST /` and `POST /query` are the same endpoint."""
    reply = httpx.post(server.url + path, content="SELECT 1 AS a, 'x' AS b")
    assert reply.text == "a\tb\nint\ttext\n1\tx\n"


def test_json_compact_is_one_document_of_the_exact_keys(ask: Asker) -> None:
    """JSON_Compact has the members that stock clients demand, and no other statistics."""
    reply = ask.send("SELECT 1 AS id, 'a' AS note")
    document = reply.json()
    assert document["meta"] == [
        {"name": "id", "type": "int"},
        {"name": "note", "type": "text"},
    ]
    assert document["data"] == [[1, "a"]]
    assert document["rows"] == 1
    assert set(document["statistics"]) == {
        "elapsed",
        "rows_read",
        "bytes_read",
        "time_before_execution",
        "time_to_execute",
        "scanned_bytes_cache",
        "scanned_bytes_storage",
    }
    assert int(reply.headers["content-length"]) == len(reply.content)


def test_json_lines_is_start_data_finish(ask: Asker) -> None:
    """JSONLines_Compact is a stream of messages with exactly the keys that stock clients demand."""
    reply = ask.send("SELECT 1::BIGINT AS id", output_format="JSONLines_Compact")
    start, data, finish = map(json.loads, reply.text.splitlines())
    assert set(start) == {
        *("message_type", "result_columns", "query_id", "query_label", "request_id"),
    }
    assert start["result_columns"] == [{"name": "id", "type": "bigint"}]
    assert data == {"message_type": "DATA", "data": [["1"]]}
    assert set(finish) == {"message_type", "statistics"}
    assert finish["message_type"] == "FINISH_SUCCESSFULLY"


@pytest.mark.parametrize("output_format", ["JSON_Compact", "JSONLines_Compact"])
def test_a_large_result_is_streamed_in_chunks_and_in_order(ask: Asker, output_format: str) -> None:
    """A result of many batches is whole, ordered, and sent in chunks of about 1 MB."""
    sql = "SELECT i, 'text of row ' || i AS t FROM range(200000) r(i) ORDER BY i DESC"
    if output_format == "JSON_Compact":
        reply = ask.send(sql)
        assert reply.headers["transfer-encoding"] == "chunked"
        rows = [(int(i), t) for i, t in reply.json()["data"]]
    else:
        decoder = json_lines.Decoder()
        events = [*decoder.feed(ask.send(sql, output_format=output_format).content)]
        batches = [event for event in events if isinstance(event, json_lines.Rows)]
        assert max(len(bytes(batch.data)) for batch in batches) < 2_000_000
        assert len(batches) > 3
        columns = [Column("i", parse_type("bigint")), Column("t", parse_type("text"))]
        rows = [row for batch in batches for row in decode_rows(columns, batch.data)]
        assert decoder.finished
    assert rows == [(i, f"text of row {i}") for i in range(199_999, -1, -1)]


def test_long_rows_come_in_batches_of_bytes_not_of_rows(ask: Asker) -> None:
    """A row of 100 KB makes batches short: memory is bounded by bytes, not by rows."""
    sql = "SELECT repeat('x', 100000) AS t FROM range(100)"
    reply = ask.send(sql, output_format="JSONLines_Compact")
    lines = reply.text.splitlines()
    assert sum(line.count("xxxxx") > 0 for line in lines) >= 3
    assert reply.text.count("x" * 100_000) == 100


@pytest.mark.parametrize("count", [0, 1, 64, 512, 513, 30_000])
@pytest.mark.parametrize("output_format", ["JSON_Compact", "JSONLines_Compact", "TabSeparated"])
def test_both_ways_of_reading_rows_give_the_same(
    ask: Asker, output_format: str, count: int
) -> None:
    """Rows that are read as Arrow (all of a table) are those that are fetched (with a WHERE)."""
    sql = f"""SELECT i, 'é"\\' || i AS t, i / 10 AS v, i::DECIMAL(38, 9) AS d, [i, NULL] AS l,
        CASE WHEN i % 3 = 0 THEN 'nan'::DOUBLE END AS n FROM range({count}) r(i)"""
    one, other = (
        _rows_of(ask.send(text, output_format=output_format).text, output_format)
        for text in (sql, f"{sql} WHERE true")
    )
    assert len(one) == count
    assert one == other


def _rows_of(text: str, output_format: str) -> list[object]:
    if output_format == "JSON_Compact":
        return json.loads(text)["data"]
    lines = text.splitlines()
    if output_format == "TabSeparated":
        return lines
    return [row for line in lines for row in json.loads(line).get("data", [])]


def test_long_rows_come_in_short_record_batches(ask: Asker) -> None:
    """A row of 100 KB makes Arrow's record batches short, too."""
    sql = "SELECT repeat('x', 100000) AS t FROM range(100)"
    reply = ask.send(sql, output_format="ArrowStream")
    with pa.ipc.open_stream(reply.content) as stream:
        batches = list(stream)
    assert sum(batch.num_rows for batch in batches) == 100
    assert max(batch.nbytes for batch in batches) < 3_000_000


@pytest.mark.parametrize(
    "sql",
    [
        "",
        "  ; ;",
        "-- only a comment",
        "CREATE TABLE no_rows (a INT)",
        "INSERT INTO no_rows VALUES (1), (2)",
        "UPDATE no_rows SET a = 3",
        "DELETE FROM no_rows",
        "CREATE OR REPLACE TABLE no_rows AS SELECT 1 AS a;",
        "DROP TABLE no_rows",
    ],
)
def test_statements_without_a_result_set_answer_an_empty_envelope(ask: Asker, sql: str) -> None:
    """DDL, DML and empty statements give meta [], data [], rows 0."""
    document = ask.send(sql).json()
    assert (document["meta"], document["data"], document["rows"]) == ([], [], 0)


def test_statements_without_a_result_set_stream_start_and_finish(ask: Asker) -> None:
    """The stream of an empty statement is START without columns, then FINISH."""
    lines = ask.send("", output_format="JSONLines_Compact").text.splitlines()
    messages = [json.loads(line) for line in lines]
    assert [message["message_type"] for message in messages] == ["START", "FINISH_SUCCESSFULLY"]
    assert messages[0]["result_columns"] == []


def test_rows_of_statements_that_are_no_subquery(ask: Asker) -> None:
    """SHOW, DESCRIBE, EXPLAIN, CALL and RETURNING give rows; what returns has run once."""
    ask.send("CREATE TABLE returned (a INT, b NUMERIC(9, 2))")
    inserted = ask.rows("INSERT INTO returned VALUES (1, 1.5), (2, NULL) RETURNING b, a, a")
    assert [str(value) for value in inserted[0]] == ["1.50", "1", "1"]
    assert ask.rows("SELECT count(*) FROM returned") == [(2,)]
    assert "returned" in [row[0] for row in ask.rows("SHOW TABLES")]
    assert [row[0] for row in ask.rows("DESCRIBE returned")] == ["a", "b"]
    assert ask.rows("EXPLAIN SELECT 1")
    assert ask.rows("CALL pragma_version()")


def test_columns_without_a_name(ask: Asker) -> None:
    """An unnamed expression is `?column?`; names, also odd, doubled and quoted ones, are kept."""
    sql = 'SELECT 1, count(*), a, a, a AS "total (usd)", a + 1 FROM (SELECT 5 AS a) GROUP BY a'
    names = [column.name for column in ask.answer(sql).columns]
    assert names == ["?column?", "?column?", "a", "a", "total (usd)", "?column?"]
    ask.send('CREATE OR REPLACE TABLE odd ("a (b)" INT)')
    assert [column.name for column in ask.answer("SELECT * FROM odd").columns] == ["a (b)"]


def test_it_says_what_it_is(ask: Asker) -> None:
    """version() says that this is the embedded engine on DuckDB."""
    ((version,),) = ask.rows("SELECT version()")
    assert "embedded" in version
    assert "DuckDB v2." in version


def test_session_functions(ask: Asker) -> None:
    """current_database() and current_engine() follow the request's parameters."""
    assert ask.rows("SELECT current_database(), current_engine()") == [("firebolt", "system")]
    told = ask.rows(
        "SELECT current_database(), current_engine()", database="second", engine="other"
    )
    assert told == [("second", "other")]


def test_the_user_of_a_session(ask: Asker) -> None:
    """Nobody logs in here; the words may stand for the function, and for other things' names."""
    assert ask.rows("SELECT current_user, SESSION_USER, current_user(), session_user( )") == [
        ("",) * 4
    ]
    names = 'SELECT x.current_user, 5 AS current_user, "session_user"'
    sql = f'{names} FROM (SELECT 3 AS "current_user", 4 AS "session_user") x'
    answer = ask.answer(sql)
    assert [column.name for column in answer.columns] == [
        *("current_user", "current_user", "session_user"),
    ]
    assert ask.rows(sql) == [(3, 5, 4)]
    ask.answer("CREATE OR REPLACE TABLE audited (who TEXT DEFAULT current_user, note TEXT)")
    ask.answer("INSERT INTO audited VALUES (session_user, 'x'), (DEFAULT, 'current_user')")
    assert ask.rows("FROM audited") == [("", "x"), ("", "current_user")]


@pytest.mark.parametrize(
    ("sql", "place", "text"),
    [
        ("SELECT ]", (1, 8), "syntax error"),
        ("-- hello\n\n  SELECT\n   nosuch FROM range(3)", (4, 4), "nosuch"),
        ("SELECT E'\\x61\\x62', pgdate '2020-01-01', nosuch", (1, 42), "nosuch"),
        ("SELECT $1, nosuch", (1, 12), "nosuch"),
        ("SELECT 'invalid'::DATE", (1, 17), "Unable to cast TEXT 'invalid' to date"),
        ("SELECT '" + "y" * 300 + "', nosuch, '" + "z" * 300 + "'", (1, 312), "nosuch"),
        ("SELECT 1 FROM nosuch", (1, 15), "nosuch"),
    ],
)
def test_errors_tell_the_place_in_what_was_sent(
    ask: Asker, sql: str, place: tuple[int, int], text: str
) -> None:
    """A bad statement is 400 with a structured error, whose line and column are the client's."""
    error = ask.error(sql, query_parameters='[{"name": "$1", "value": "a long parameter"}]')
    line, column = place
    assert error["location"]["failing_line"] == line
    assert error["location"]["start_offset"] == column
    assert error["description"].startswith(f"Line {line}, Column {column}: ")
    assert text in error["description"]


def test_errors_while_rows_are_read_have_no_rows(ask: Asker) -> None:
    """A statement that fails before the first byte is a plain 400, in every format."""
    sql = "SELECT 1 // (5 - i) FROM range(10) r(i)"
    assert "Division by zero" in ask.error(sql)["description"]
    reply = ask.send(sql, output_format="JSONLines_Compact")
    assert reply.status_code == 400


_LATE_ERROR = "SELECT i, 1 // (400000 - i), repeat('x', 50) FROM range(1000000) r(i)"


def test_an_error_in_a_stream_ends_it_with_an_error(ask: Asker) -> None:
    """A stream that fails in the middle ends with FINISH_WITH_ERRORS of the exact keys."""
    reply = ask.send(_LATE_ERROR, output_format="JSONLines_Compact")
    assert reply.status_code == 200
    last = json.loads(reply.text.splitlines()[-1])
    assert last["message_type"] == "FINISH_WITH_ERRORS"
    assert set(last) == {
        *("message_type", "errors", "query_id", "query_label", "request_id", "statistics"),
    }
    assert "Division by zero" in last["errors"][0]["description"]


@pytest.mark.parametrize("output_format", ["JSON_Compact", "TabSeparatedWithNamesAndTypes"])
def test_an_error_in_a_document_cuts_the_connection(ask: Asker, output_format: str) -> None:
    """A document that fails in the middle is never a well-formed answer with fewer rows."""
    with pytest.raises(httpx.RemoteProtocolError):
        ask.send(_LATE_ERROR, output_format=output_format)
    assert ask.rows("SELECT 1") == [(1,)]


def test_unknown_formats_paths_and_bodies(ask: Asker) -> None:
    """What is not served is said in plain text or a structured error, not by a crash."""
    reply = ask.send("SELECT 1", output_format="Vertical")
    assert reply.status_code == 404
    assert reply.text == "Output format 'Vertical' is not supported"
    reply = ask.http.get("/no/such/path")
    assert (reply.status_code, reply.headers["content-type"].split(";")[0]) == (404, "text/plain")
    assert "UTF-8" in ask.error(b"SELECT '\xff'")["description"]


@given(st.text(max_size=60))
def test_garbage_never_breaks_the_server(server: LocalServer, sql: str) -> None:
    """Any text is answered with rows or with a structured error."""
    reply = httpx.post(server.url, content=sql.encode(errors="replace"))
    assert reply.status_code in (200, 400)


@pytest.mark.parametrize(
    ("sql", "text"),
    [
        ("SELECT 'x'::INT", "Unable to cast TEXT 'x' to integer"),
        ("SELECT 'x'::NUMERIC(3, 2)", "Unable to cast TEXT 'x' to numeric(3, 2)"),
        ("SELECT ('x' || i)::BIGINT FROM range(3) r(i)", "Unable to cast TEXT 'x0' to bigint"),
        ("SELECT " + "(" * 100_000, "nested"),
        ("SELECT " + "1+" * 50_000 + "1", "depth"),
    ],
)
def test_texts_of_errors(ask: Asker, sql: str, text: str) -> None:
    """Casts speak of the protocol's types; absurd nesting is an error, not a crash."""
    assert text in ask.error(sql)["description"]


def test_web_pages_are_not_served(ask: Asker) -> None:
    """A page in a browser of this machine cannot send SQL to a server without credentials."""
    reply = ask.http.post("/", content="SELECT 1", headers={"Origin": "https://example.com"})
    assert reply.status_code == 403


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "COPY (SELECT 1) TO '/tmp/leak.csv'",
        "ATTACH '/tmp/other.db' AS other",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET threads = 1",
        "PRAGMA enable_profiling",
        "PREPARE p AS SELECT 1",
        "CREATE TEMP TABLE t (a INT)",
        "CREATE OR REPLACE TEMPORARY TABLE t (a INT)",
        "SELECT * FROM server",
        "SELECT * FROM cursor",
    ],
)
def test_the_host_is_out_of_reach(ask: Asker, sql: str) -> None:
    """SQL reaches no file, extension, setting or Python variable of the server."""
    assert ask.error(sql)["description"]


@pytest.mark.parametrize("output_format", ["JSON_Compact", "ArrowStream"])
def test_a_query_that_changes_something_runs_once(ask: Asker, output_format: str) -> None:
    """nextval() counts one for each row of the answer, whatever its format."""
    ask.send("CREATE OR REPLACE SEQUENCE counter")
    ask.send("SELECT nextval('counter')", output_format=output_format)
    sql = "SELECT nextval('counter') AS n FROM range(3)"
    assert ask.rows(sql, max_result_rows="2") == [(2,), (3,)]
    assert ask.rows("SELECT currval('counter')") == [(4,)]
