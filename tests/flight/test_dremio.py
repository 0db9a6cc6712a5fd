"""The module for Dremio: logins, statements as text, rows as tuples and as Arrow, errors."""

import datetime
import decimal
import subprocess
import sys
import threading
import time

import pyarrow as pa
import pytest
import trustme
from pyarrow import flight as pf

from firebolt_like import errors
from firebolt_like.flight import dremio
from firebolt_like.local import LocalServer
from firebolt_like.protocol import flight_sql
from tests.flight.scripted_server import NUMBERS, ScriptedServer, batches, generated, stream


class TextServer(ScriptedServer):
    """Takes SQL as text, as Dremio does; hangs in the rows of "endless" until it is cancelled."""

    def __init__(self, **options):
        super().__init__(**options)
        self.begun = threading.Event()
        self.ended = threading.Event()
        self.streams[b"endless"] = lambda context: generated(lambda: self.rows(context))
        self.offer("endless", {"endless": []})

    def get_flight_info(self, context, descriptor):
        if b"arrow.flight.protocol.sql" in descriptor.command:
            raise pf.FlightInternalError("messages are not known")
        return self.flights[descriptor.command.decode()]()

    def rows(self, context):
        yield from batches([1, 2])
        self.begun.set()
        end = time.monotonic() + 60
        while not context.is_cancelled() and time.monotonic() < end:
            time.sleep(0.01)
        self.ended.set()


class MessageServer(ScriptedServer):
    """Takes messages of Flight SQL alone."""

    def __init__(self, **options):
        super().__init__(**options)
        self.asked = []
        self.refusal = 'DecodeError { description: "invalid varint" }'

    def get_flight_info(self, context, descriptor):
        self.asked.append(descriptor.command)
        try:
            message = flight_sql.unpack(descriptor.command)
        except errors.Error:
            raise pf.FlightInternalError(self.refusal) from None
        if message.query not in self.flights:
            raise pf.FlightInternalError(f"table '{message.query}' not found")
        return self.flights[message.query]()


@pytest.fixture
def server():
    with TextServer() as server:
        server.offer("q", {"t": []})
        server.streams[b"t"] = lambda _: stream([1])
        yield server


@pytest.fixture
def cursor(embedded, transport):
    options = {"transport": transport, "timeout": 30}
    with dremio.connect(embedded.flight_url, options) as connection, connection.cursor() as cursor:
        yield cursor


# --- connections


def test_a_login(transport):
    """A connection logs in at once; what is refused is an error then."""
    with LocalServer(users={"ada": "lovelace"}, flight_port=0) as server:
        login = {"username": "ada", "password": "lovelace", "transport": transport}
        with dremio.connect(server.flight_url, login) as connection:
            assert connection.cursor().execute("SELECT 1").fetchall() == [(1,)]
        with pytest.raises(dremio.DremioAuthError) as caught:
            dremio.connect(server.flight_url, {**login, "password": "babbage"})
        assert isinstance(caught.value, errors.AuthenticationError)
        assert "babbage" not in str(caught.value)


def test_what_goes_out_with_each_call(server, transport):
    """The token, the server's cookies, and the headers that choose a queue."""
    server.tokens = ["first"]
    server.answers["HANDSHAKE"] = {"set-cookie": "session=1"}
    login = {"username": "ada", "password": "secret", "transport": transport}
    tags = {"routing_tag": "reports", "routing_queue": "high"}
    with dremio.connect(server.url, login, tags) as connection:
        assert connection.cursor().execute("q").fetchall() == [(1,)]
    for method in ("GET_FLIGHT_INFO", "DO_GET"):
        assert server.headers(method, "authorization") == [["Bearer first"]]
        assert server.headers(method, "cookie") == [["session=1"]]
    for method in ("HANDSHAKE", "GET_FLIGHT_INFO", "DO_GET"):
        assert server.headers(method, "routing_tag") == [["reports"]]
        assert server.headers(method, "routing_queue") == [["high"]]


def test_a_token_that_expires(server, transport):
    """A connection logs in anew when its token is no longer good."""
    server.tokens = ["first", "second"]
    login = {"username": "ada", "password": "secret", "transport": transport}
    with dremio.connect(server.url, login) as connection:
        server.live = "x"
        assert connection.cursor().execute("q").fetchall() == [(1,)]


def test_a_personal_access_token(server, transport):
    """A token takes the place of a login."""
    server.live = "personal"
    with dremio.connect(server.url, {"token": "personal", "transport": transport}) as connection:
        assert connection.cursor().execute("q").fetchall() == [(1,)]
    assert server.headers("HANDSHAKE", "authorization") == []


def test_roots_of_trust(tmp_path, transport):
    """`tls_root_certs` says whom to trust; other servers are not talked to."""
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1", "localhost")
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    certificate.cert_chain_pems[0].write_to_path(chain)
    certificate.private_key_pem.write_to_path(key)
    with LocalServer(flight_port=0, flight_tls=(chain, key)) as server:
        roots = authority.cert_pem.bytes()
        options = {"tls_root_certs": roots, "transport": transport}
        with dremio.connect(server.flight_url, options) as connection:
            assert connection.cursor().execute("SELECT 1").fetchall() == [(1,)]
        other = {"tls_root_certs": trustme.CA().cert_pem.bytes(), "transport": transport}
        with (
            dremio.connect(server.flight_url, {**other, "timeout": 5}) as connection,
            pytest.raises(errors.OperationalError),
        ):
            connection.cursor().execute("SELECT 1")


def test_the_steps_of_a_connection(server):
    """A client, its login and a connection of both can be made one by one."""
    server.tokens = ["first"]
    client = dremio.create_flight_client(server.url)
    options = dremio.create_flight_call_options("ada", "secret", client)
    with dremio.DremioConnection(client, options) as connection:
        assert dremio.DremioCursor(connection).execute("q").fetchall() == [(1,)]
    assert client.closed


def test_nothing_to_roll_back(server):
    """Each statement commits itself."""
    with dremio.connect(server.url) as connection:
        connection.commit()
        with pytest.raises(dremio.NotSupportedError):
            connection.rollback()


# --- rows


def test_before_the_first_statement(cursor):
    """A new cursor knows nothing, and has no rows."""
    assert (cursor.description, cursor.rowcount, cursor.arraysize) == (None, -1, 1000)
    assert cursor.table.num_rows == 0
    with pytest.raises(errors.QueryNotRunError):
        cursor.fetchone()


def test_a_statement_without_rows(cursor):
    """DDL and DML have no columns and no rows."""
    cursor.execute("CREATE TABLE IF NOT EXISTS no_rows (a INT)")
    assert (cursor.description, cursor.rowcount, cursor.fetchall()) == (None, -1, [])
    assert cursor.fetch_arrow_table().num_rows == 0
    cursor.executemany("INSERT INTO no_rows VALUES (%s)", [(1,), (2,)])
    assert cursor.execute(b"SELECT count(*) FROM no_rows").fetchone()[0] >= 2


def test_what_is_known_of_a_result(cursor):
    """Names and Arrow types before the first row, the number of rows after the last."""
    cursor.execute("SELECT 1 AS a, 'x' AS b")
    nones = (None,) * 5
    assert cursor.description == [("a", pa.int32(), *nones), ("b", pa.string(), *nones)]
    assert dremio.NUMBER == cursor.description[0][1] != dremio.STRING
    assert list(cursor) == [(1, "x")]
    assert cursor.rowcount == 1


def test_ways_of_fetching_take_turns(cursor):
    """Each way goes on where the one before it ended, whatever it gave."""
    cursor.execute("SELECT a FROM range(100000) AS t(a) ORDER BY a")
    found = [*cursor.fetchmany(10), cursor.fetchone()]
    assert cursor.table.column("a")[0].as_py() == 11
    found += [(n,) for n in cursor.iter_arrow_tables(20_000).column("a").to_pylist()]
    found += cursor.fetchmany()
    assert len(found) == 21_011
    found += cursor.fetchmany(0)
    found += cursor.fetchmany(9000)
    found += [(n,) for n in cursor.iter_arrow_tables().column("a").to_pylist()]
    found += cursor.fetchone(), *cursor.fetchmany(5)
    found += cursor.fetchall() if len(found) % 2 else []
    found += [(n,) for n in cursor.fetch_arrow_table().column("a").to_pylist()]
    assert found == [(n,) for n in range(100_000)]
    assert (cursor.fetchone(), cursor.fetchmany(), cursor.fetchall()) == (None, [], [])
    assert (cursor.iter_arrow_tables(), cursor.iter_arrow_tables(0).num_rows) == (None, 0)
    assert cursor.fetch_arrow_table().schema.names == ["a"]


def test_rows_come_as_they_are_read(cursor):
    """The first rows of an answer without end are here at once."""
    cursor.execute("SELECT a FROM range(100000000000) AS t(a)")
    assert len(cursor.fetchmany(5)) == 5
    assert cursor.iter_arrow_tables(5).num_rows == 5
    cursor.execute("SELECT 1")
    assert cursor.fetchall() == [(1,)]


def test_all_endpoints_are_read(embedded, transport):
    """An answer in several parts is read to the last."""
    parts = {"flight_endpoints": "4"}
    options = {"transport": transport}
    with dremio.connect(embedded.flight_url, options, parts) as connection:
        cursor = connection.cursor().execute("SELECT a FROM range(100000) AS t(a)")
        assert sorted(cursor.fetchall()) == [(n,) for n in range(100_000)]


MOMENTS = [datetime.datetime(1, 1, 1), None, datetime.datetime(9999, 12, 31, 23, 59, 59, 999999)]
ZONED = [moment and moment.replace(tzinfo=datetime.UTC) for moment in MOMENTS]
EVERY = {
    "int": pa.array([1, None, -(2**63)], pa.int64()),
    "unsigned": pa.array([1, None, 2**64 - 1], pa.uint64()),
    "real": pa.array([0.1, None, float("inf")], pa.float32()),
    "double": pa.array([0.1, None, -0.0]),
    "bool": pa.array([True, None, False]),
    "text": pa.array(["x", None, ""], pa.large_string()),
    "bytes": pa.array([b"x", None, b""]),
    "date": pa.array([datetime.date(1, 1, 1), None, datetime.date(9999, 12, 31)]),
    "date64": pa.array([datetime.date(2024, 1, 31), None, None], pa.date64()),
    "seconds": pa.array([datetime.datetime(2024, 1, 31), None, None], pa.timestamp("s")),
    "millis": pa.array([datetime.datetime(2024, 1, 31), None, None], pa.timestamp("ms")),
    "micros": pa.array(MOMENTS, pa.timestamp("us")),
    "zoned": pa.array(ZONED, pa.timestamp("us", "UTC")),
    "time": pa.array([datetime.time(1, 2, 3, 4), None, None]),
    "duration": pa.array([datetime.timedelta(1, 2, 3), None, None]),
    "decimal": pa.array([decimal.Decimal("1.50"), None, decimal.Decimal("-0.01")]),
    "wide": pa.array([decimal.Decimal(10**60), None, None], pa.decimal256(76, 3)),
    "list": pa.array([[1, None], None, []]),
    "struct": pa.array([{"a": 1, "b": "x"}, None, {"a": None, "b": None}]),
    "map": pa.array([[("a", 1)], None, []], pa.map_(pa.string(), pa.int64())),
    "dictionary": pa.array(["x", None, "x"]).dictionary_encode(),
    "null": pa.nulls(3),
}


@pytest.mark.parametrize("name", EVERY)
def test_values_and_types_are_arrows_own(server, name):
    """Each type gives the values that pyarrow makes of it."""
    table = pa.table({name: EVERY[name]})
    server.offer(name, {name: []}, schema=table.schema)
    server.streams[name.encode()] = lambda _: pf.RecordBatchStream(table)
    with dremio.connect(server.url) as connection:
        found = [row[0] for row in connection.cursor().execute(name).fetchall()]
    wanted = EVERY[name].to_pylist()
    assert found == wanted
    assert list(map(type, found)) == list(map(type, wanted))


WITHOUT_NUMPY = """
import sys
sys.modules["numpy"] = None
from firebolt_like.flight import dremio
with dremio.connect(sys.argv[1]) as connection:
    values = "DATE '2024-01-31', TIMESTAMP '2024-01-31 12:00:00.5', NULL::date, 1.50::numeric(3, 2)"
    print(connection.cursor().execute(f"SELECT {values}").fetchall())
"""


def test_numpy_is_not_needed(embedded):
    """Where numpy is not installed, values are the same."""
    command = [sys.executable, "-c", WITHOUT_NUMPY, embedded.flight_url]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    day, moment = datetime.date(2024, 1, 31), datetime.datetime(2024, 1, 31, 12, 0, 0, 500_000)
    assert done.stdout.strip() == repr([(day, moment, None, decimal.Decimal("1.50"))])


def test_nanoseconds_are_cut(server):
    """Times have microseconds at most, as Python's own have."""
    table = pa.table({"n": pa.array([1_234_567_891], pa.timestamp("ns"))})
    server.offer("q", {"t": []}, schema=table.schema)
    server.streams[b"t"] = lambda _: pf.RecordBatchStream(table)
    with dremio.connect(server.url) as connection:
        found = connection.cursor().execute("q").fetchall()
    assert found == [(datetime.datetime(1970, 1, 1, 0, 0, 1, 234567),)]
    assert type(found[0][0]) is datetime.datetime


def test_a_value_without_a_form_in_python(server):
    """A year that Python does not have is an error in a tuple, and none in Arrow."""
    table = pa.table({"n": pa.array([2**62], pa.timestamp("us"))})
    server.offer("q", {"t": []}, schema=table.schema)
    server.streams[b"t"] = lambda _: pf.RecordBatchStream(table)
    with dremio.connect(server.url) as connection, connection.cursor() as cursor:
        with pytest.raises(dremio.DataError, match="Column 'n'"):
            cursor.execute("q").fetchall()
        assert cursor.execute("q").fetch_arrow_table() == table


# --- ends


def test_closing_a_cursor_ends_its_query(server, transport):
    """What runs for a cursor that is closed is cancelled on the server, and the rest goes on."""
    with dremio.connect(server.url, {"transport": transport}) as connection:
        with connection.cursor() as cursor:
            assert cursor.execute("endless").fetchone() == (1,)
            assert server.begun.wait(20)
        assert server.ended.wait(20)
        with pytest.raises(errors.CursorClosedError):
            cursor.fetchone()
        with pytest.raises(errors.CursorClosedError):
            cursor.execute("q")
        assert connection.cursor().execute("q").fetchall() == [(1,)]


def test_the_next_statement_ends_the_one_before(server, transport):
    """A cursor has one statement at a time."""
    with dremio.connect(server.url, {"transport": transport}) as connection:
        cursor = connection.cursor().execute("endless")
        assert server.begun.wait(20)
        assert cursor.execute("q").fetchall() == [(1,)]
        assert server.ended.wait(20)


def test_another_thread_ends_a_fetch(server, transport):
    """`cancel` ends what a thread waits for."""
    with dremio.connect(server.url, {"transport": transport}) as connection:
        cursor = connection.cursor().execute("endless")
        canceller = threading.Thread(target=lambda: (server.begun.wait(20), cursor.cancel()))
        canceller.start()
        with pytest.raises(errors.OperationalError, match="cancelled"):
            cursor.fetchall()
        canceller.join()
        assert server.ended.wait(20)


def test_there_is_a_deadline(server, transport):
    """Rows that do not come end with the timeout."""
    with dremio.connect(server.url, {"transport": transport}) as connection:
        cursor = connection.cursor().execute("endless", timeout=0.5)
        with pytest.raises(errors.QueryTimeoutError):
            cursor.fetchall()
        assert server.ended.wait(20)


# --- errors


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


# --- servers that take messages alone


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
    values = ("it's %", True, None, 1.5, decimal.Decimal("1.50"), datetime.date(2024, 1, 31))
    assert roapi_cursor.execute(f"SELECT {', '.join(['%s'] * 6)}", values).fetchone() == values
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
