"""The module for Dremio: logins, what goes out with calls, and how statements end."""

import threading

import pytest
import trustme
from pyarrow import flight as pf

from firebolt_like import errors
from firebolt_like.flight import dremio
from firebolt_like.local import LocalServer
from tests.flight.text_server import TextServer


@pytest.fixture
def server():
    with TextServer() as server:
        yield server


def test_a_login(transport):
    """A connection logs in at once; what is refused is an error then."""
    with LocalServer(users={"ada": "lovelace"}, flight_port=0) as server:
        login = {"username": "ada", "password": "lovelace", "transport": transport}
        with dremio.connect(server.flight_url, login) as connection:
            assert connection.cursor().execute("SELECT 1").fetchall() == [(1,)]
        url = server.flight_url.replace("//", "//ada:lovelace@")
        with dremio.connect(url, {"transport": transport}) as connection:
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


def test_middleware_of_pyarrow(server):
    """Programs that use pyarrow.flight have Dremio's names for tokens and cookies."""
    auth, cookies = dremio.DremioClientAuthMiddlewareFactory(), dremio.CookieMiddlewareFactory()
    assert auth.call_credential is None
    server.tokens = ["first"]
    server.answers["HANDSHAKE"] = {"set-cookie": "session=1; Path=/"}
    with pf.connect(server.url, middleware=[auth, cookies]) as client:
        client.authenticate_basic_token("ada", "secret")
        client.get_flight_info(pf.FlightDescriptor.for_command(b"q"))
        assert auth.call_credential == (b"authorization", b"Bearer first")
        server.live = "second"
        auth.set_call_credential((b"authorization", b"Bearer second"))
        client.do_get(pf.Ticket(b"t")).read_all()
    assert server.headers("GET_FLIGHT_INFO", "cookie") == [["session=1"]]
    assert server.headers("DO_GET", "authorization") == [["Bearer second"]]
