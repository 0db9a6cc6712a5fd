"""Logging in: by handshake, with a token, with the package's auth objects; and staying so."""

import pytest
from pyarrow import flight as pf

from firebolt_like import Token, UsernamePassword
from firebolt_like.client.auth import AccessToken, Auth
from firebolt_like.errors import AuthenticationError
from firebolt_like.local import LocalServer
from tests.flight.scripted_server import ScriptedServer, batches, credentials, generated, stream


@pytest.fixture
def server():
    with ScriptedServer() as server:
        server.offer("q", {"t": []})
        server.streams[b"t"] = lambda _: stream([1])
        yield server


async def fetch(client):
    async with await client.query("q") as result:
        return (await result.read_all()).column("n").to_pylist()


def bearers(server, method="GET_FLIGHT_INFO"):
    return [header and header[0] for header in server.headers(method, "authorization")]


def test_a_login_by_handshake(face, server):
    """A name and a password are sent once; the token that comes back goes with every call."""
    server.tokens = ["first"]

    async def scenario():
        async with face.client(server.url, user="ada", password="a:b ü") as client:
            assert await fetch(client) == [1]
            assert await fetch(client) == [1]

    face.run(scenario)
    [sent] = server.headers("HANDSHAKE", "authorization")
    assert credentials(sent[0]) == "ada:a:b ü"
    assert bearers(server) == ["Bearer first"] * 2
    assert bearers(server, "DO_GET") == ["Bearer first"] * 2


def test_a_login_before_the_first_call(face, server):
    """A login can be made by itself, and later by another name; calls carry the newest token."""
    server.tokens = ["first", "second"]

    async def scenario():
        async with face.client(server.url, user="ada", password="secret") as client:
            await client.log_in()
            assert bearers(server) == []
            await client.log_in("grace", "hopper")
            assert await fetch(client) == [1]

    face.run(scenario)
    sent = server.headers("HANDSHAKE", "authorization")
    assert [credentials(header[0]) for header in sent] == ["ada:secret", "grace:hopper"]
    assert bearers(server) == ["Bearer second"]


def test_all_who_start_together_log_in_once(face, server):
    """Threads and tasks share one login."""
    server.tokens = ["first", "second"]

    async def scenario():
        async with face.client(server.url, user="ada", password="secret") as client:
            await face.together(*[lambda: fetch(client)] * 5)

    face.run(scenario)
    assert len(server.headers("HANDSHAKE", "authorization")) == 1


def test_a_login_without_a_token(face, server):
    """A server that answers a login with nothing is called without a header."""

    async def scenario():
        async with face.client(server.url, user="ada", password="secret") as client:
            assert await fetch(client) == [1]

    face.run(scenario)
    assert bearers(server) == [None]


def test_a_token_that_is_renewed(face, server):
    """A token that comes with any answer takes the place of the one before."""
    server.answers["GET_FLIGHT_INFO"] = {"authorization": "Bearer renewed"}

    async def scenario():
        async with face.client(server.url, token="given") as client:
            await fetch(client)
            await fetch(client)

    face.run(scenario)
    assert bearers(server) == ["Bearer given", "Bearer renewed"]
    assert bearers(server, "DO_GET") == ["Bearer renewed"] * 2


def test_a_token_that_expired_between_calls(face, server):
    """A token that ends between the answer and its rows is got anew, and no row is lost."""
    server.tokens = ["first", "second"]
    server.flights["q"] = lambda info=server.flights["q"]: (setattr(server, "live", "x"), info())[1]

    async def scenario():
        async with face.client(server.url, user="ada", password="secret") as client:
            assert await fetch(client) == [1]

    face.run(scenario)
    assert bearers(server, "DO_GET") == ["Bearer first", "Bearer second"]


def test_a_token_that_expired_while_nobody_asked(face, server):
    """A call that is refused is made again after a new login."""
    server.tokens = ["first", "second"]

    async def scenario():
        async with face.client(server.url, user="ada", password="secret") as client:
            await fetch(client)
            server.live = "x"
            assert await fetch(client) == [1]

    face.run(scenario)
    assert bearers(server) == ["Bearer first", "Bearer first", "Bearer second"]


@pytest.mark.parametrize("options", [{}, {"token": "wrong"}, {"auth": Token("wrong")}])
def test_credentials_that_are_refused(face, server, options):
    """A missing or wrong token is an AuthenticationError, which does not show it."""
    server.live = "right"

    async def scenario():
        async with face.client(server.url, **options) as client:
            with pytest.raises(AuthenticationError) as caught:
                await fetch(client)
            assert "wrong" not in str(caught.value)

    face.run(scenario)


class Numbered(Auth):
    """Gives token after token, and tells the server which is good."""

    def __init__(self, server):
        super().__init__()
        self.server = server
        self.count = 0

    def fetch_token(self):
        self.count += 1
        self.server.live = f"number-{self.count}"
        return AccessToken(self.server.live)


def test_an_auth_object_gives_its_token(face, server):
    """An auth object is asked once, and again when the server refuses what it gave."""
    auth = Numbered(server)

    async def scenario():
        async with face.client(server.url, auth=auth) as client:
            await fetch(client)
            await fetch(client)
            server.live = "x"
            await fetch(client)

    face.run(scenario)
    assert auth.count == 2
    assert bearers(server) == ["Bearer number-1"] * 3 + ["Bearer number-2"]


def test_a_login_over_http_serves_flight(face):
    """UsernamePassword logs in by REST, and its token lets Flight in."""
    with LocalServer(users={"ada": "secret"}, flight_port=0) as server:
        auth = UsernamePassword("ada", "secret", use_token_cache=False)

        async def scenario(url=server.flight_url):
            async with (
                face.client(url, auth=auth, api_endpoint=server.url) as client,
                await client.query("select 1 as x") as result,
            ):
                return (await result.read_all()).to_pylist()

        assert face.run(scenario) == [{"x": 1}]


def test_the_embedded_engine_by_handshake(face):
    """The engine's accounts serve Flight by name and password, and refuse wrong ones."""
    with LocalServer(users={"ada": "secret"}, flight_port=0) as server:

        async def scenario():
            url = server.flight_url
            async with (
                face.client(url, user="ada", password="secret") as client,
                await client.query("select 1 as x") as result,
            ):
                assert (await result.read_all()).to_pylist() == [{"x": 1}]
            async with face.client(url, user="ada", password="wrong") as client:
                with pytest.raises(AuthenticationError):
                    await client.query("select 1")

        face.run(scenario)


def test_cookies_come_back(face, server):
    """A server's cookie goes with the calls after it, until the server deletes it."""
    server.answers["GET_FLIGHT_INFO"] = {"set-cookie": "session=1; Path=/"}

    async def scenario():
        async with face.client(server.url) as client:
            await fetch(client)
            server.answers["GET_FLIGHT_INFO"] = {"set-cookie": "session=; Path=/; Max-Age=0"}
            await fetch(client)
            await fetch(client)

    face.run(scenario)
    assert server.headers("GET_FLIGHT_INFO", "cookie") == [None, ["session=1"], None]
    assert server.headers("DO_GET", "cookie") == [["session=1"], None, None]


def test_headers_of_the_client(face, server):
    """What a URL says beyond the package's own options goes to the server with each call."""

    async def scenario():
        url = f"{server.url}/mine?routing-tag=reports"
        async with face.client(url, metadata={"X-Bin": "1"}) as client:
            await fetch(client)

    face.run(scenario)
    for name, value in {"database": "mine", "routing-tag": "reports", "x-bin": b"1"}.items():
        assert server.headers("DO_GET", name) == [[value]]


def test_rows_that_were_begun_are_not_read_with_another_token(face, server):
    """A stream that ends because its token did is an error, not read twice."""
    server.tokens = ["first", "second"]

    def make():
        yield from batches([1])
        raise pf.FlightUnauthenticatedError("the token has expired")

    server.streams[b"t"] = lambda _: generated(make)

    async def scenario():
        async with face.client(server.url, user="ada", password="secret") as client:
            with pytest.raises(AuthenticationError):
                await fetch(client)

    face.run(scenario)
    assert server.taken == [b"t"]
