"""The module for Dremio: what is wrong with statements, and servers that take messages alone."""

import datetime
import decimal

import pyarrow as pa
import pytest
from pyarrow import flight as pf

from firebolt_like import errors
from firebolt_like.flight import dremio
from tests.flight.scripted_server import NUMBERS, stream
from tests.flight.text_server import MessageServer, TextServer


@pytest.fixture
def cursor(embedded, transport):
    options = {"transport": transport, "timeout": 30}
    with dremio.connect(embedded.flight_url, options) as connection, connection.cursor() as cursor:
        yield cursor


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("SELECT * FROM nowhere", "does not exist"),
        ("SELECT nothing FROM (SELECT 1 AS a) t", "not found in any table"),
        ("SELECT nothing", "not found in any table"),
        ("SELEC", "syntax error"),
    ],
)
def test_what_is_wrong_with_a_statement(cursor, sql, words):
    """Errors are of the package's tree, and what Arrow's users catch and read."""
    with pytest.raises(pa.lib.ArrowInvalid, match=words) as caught:
        cursor.execute(sql)
    assert isinstance(caught.value, errors.ProgrammingError)
    assert isinstance(caught.value, dremio.Error)
    assert isinstance(caught.value, dremio.ProgrammingError)


def test_a_server_that_is_not_there(transport):
    """What has nothing to do with a statement is no ArrowInvalid."""
    with pytest.raises(errors.ServerConnectionError) as caught:
        dremio.connect(
            "grpc://127.0.0.1:1",
            {"username": "a", "password": "b", "timeout": 5, "transport": transport},
        )
    assert not isinstance(caught.value, pa.lib.ArrowInvalid)


def test_a_server_that_wants_messages(transport):
    """It is asked once with text, and then with messages."""
    with MessageServer() as server:
        for name in ("q", "r"):
            server.offer(name, {name: []}, schema=NUMBERS)
            server.streams[name.encode()] = lambda _: stream([1])
        with dremio.connect(server.url, {"transport": transport}) as connection:
            assert connection.cursor().execute("q").fetchall() == [(1,)]
            assert connection.cursor().execute("r").fetchall() == [(1,)]
            with pytest.raises(dremio.ProgrammingError, match="not found"):
                connection.cursor().execute("nowhere")
        assert server.asked[0] == b"q"
        assert [b"arrow.flight.protocol.sql" in asked for asked in server.asked[1:]] == [True] * 3


def test_how_text_is_read_is_asked_once():
    """A parameter that servers read differently is sent when it is known how this one reads it."""
    question, answer = r"SELECT 'a\\b''c' AS x", pa.table({"x": [r"a\b'c"]})
    with TextServer() as server:
        server.offer(question, {"x": []}, schema=answer.schema)
        server.streams[b"x"] = lambda _: pf.RecordBatchStream(answer)
        for sent in ("q 'plain' 'quoted'", r"q 'a\\b'", "q 'it''s'"):
            server.offer(sent, {"t": []})
        with dremio.connect(server.url) as connection:
            cursor = connection.cursor()
            assert cursor.execute("q %s 'quoted'", ("plain",)).fetchall() == [(1,)]
            assert b"x" not in server.taken
            assert cursor.execute("q %s", ("a\\b",)).fetchall() == [(1,)]
            assert cursor.execute("q %s", ("it's",)).fetchall() == [(1,)]
        assert server.taken.count(b"x") == 1


def test_an_error_in_text_is_not_asked_again(transport):
    """What a server says of the statement itself is no reason to send it once more."""
    with MessageServer() as server:
        server.refusal = "Object 'nowhere' not found within 'space'"
        with (
            dremio.connect(server.url, {"transport": transport}) as connection,
            pytest.raises(dremio.ProgrammingError, match="not found within"),
        ):
            connection.cursor().execute("SELECT * FROM nowhere")
        assert len(server.asked) == 1


@pytest.fixture
def roapi_cursor(roapi, transport):
    with dremio.connect(roapi, {"transport": transport, "timeout": 30}) as connection:
        yield connection.cursor()


def test_roapi(roapi_cursor):
    """DataFusion takes messages alone; everything works by them."""
    sql = "SELECT id, name FROM numbers WHERE id < %s OR name = %s ORDER BY id"
    roapi_cursor.execute(sql, (2, "name 7"))
    assert [column[0] for column in roapi_cursor.description] == ["id", "name"]
    assert roapi_cursor.fetchall() == [(0, "name 0"), (1, "name 1"), (7, "name 7")]
    assert roapi_cursor.execute("SELECT id FROM numbers").fetch_arrow_table().num_rows == 20_000
    moment = datetime.datetime(2024, 1, 31, 12, 0, 0, 5)
    values = ("it's %", True, None, 1.5, decimal.Decimal("1.50"), moment.date(), moment, b"a")
    assert roapi_cursor.execute(f"SELECT {', '.join(['%s'] * 8)}", values).fetchone() == values
    assert roapi_cursor.execute("\n\t SELECT 1 WHERE 1 > 2").fetchall() == []


def test_a_login_at_roapi(roapi_with_login, transport):
    """A login by handshake goes with messages, too; what is refused is an error at once."""
    login = {"username": "ada", "password": "secret", "transport": transport}
    with dremio.connect(roapi_with_login, login) as connection:
        cursor = connection.cursor().execute("SELECT count(*) FROM numbers")
        assert cursor.fetchall() == [(20_000,)]
    with pytest.raises(dremio.DremioAuthError):
        dremio.connect(roapi_with_login, {**login, "password": "wrong"})


@pytest.mark.parametrize(
    ("sql", "words"),
    [("SELECT * FROM nowhere", "not found"), ("SELECT no FROM numbers", "not found in any table")],
)
def test_errors_of_roapi(roapi_cursor, sql, words):
    """Also its words are those that Dremio's users look for."""
    with pytest.raises(pa.lib.ArrowInvalid, match=words):
        roapi_cursor.execute(sql)


@pytest.mark.parametrize(
    "first", ["explain SELECT 1", "\n SELECT 1", "-- a\nSELECT 1", "(SELECT 1)"]
)
def test_whatever_roapi_makes_of_text(roapi_cursor, first):
    """A statement may look like a message to it: it is asked again all the same."""
    assert roapi_cursor.execute(first).fetchall() != []
