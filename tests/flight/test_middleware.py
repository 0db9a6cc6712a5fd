"""The middleware for programs that use pyarrow.flight themselves."""

from pyarrow import flight as pf

from firebolt_like.flight.middleware import ClientAuthMiddlewareFactory, CookieMiddlewareFactory
from tests.flight.scripted_server import ScriptedServer, stream


def test_a_client_of_pyarrow():
    """It sends the token of its login and the server's cookies with its calls."""
    auth, cookies = ClientAuthMiddlewareFactory(), CookieMiddlewareFactory()
    with ScriptedServer() as server:
        server.tokens = ["first"]
        server.streams[b"t"] = lambda _: stream([1])
        server.answers["DO_GET"] = {"set-cookie": "session=1; Path=/"}
        with pf.connect(server.url, middleware=[auth, cookies]) as client:
            client.authenticate_basic_token("ada", "secret")
            for _ in range(2):
                assert client.do_get(pf.Ticket(b"t")).read_all().num_rows == 1
        assert server.headers("DO_GET", "authorization") == [["Bearer first"]] * 2
        assert server.headers("DO_GET", "cookie") == [None, ["session=1"]]
        assert auth.call_credential == [(b"authorization", b"Bearer first")]


def test_a_token_from_elsewhere():
    """A token that is given is sent until the server gives another."""
    auth = ClientAuthMiddlewareFactory("given")
    with ScriptedServer() as server:
        server.streams[b"t"] = lambda _: stream([1])
        server.answers["DO_GET"] = {"authorization": "Bearer renewed"}
        with pf.connect(server.url, middleware=[auth]) as client:
            for _ in range(2):
                client.do_get(pf.Ticket(b"t")).read_all()
        sent = server.headers("DO_GET", "authorization")
        assert sent == [["Bearer given"], ["Bearer renewed"]]
