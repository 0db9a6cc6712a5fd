"""Each way to connect, against the embedded engine that plays every kind of server."""

import httpx
import pytest

from firebolt_like import errors
from firebolt_like.client.auth import (
    AccessToken,
    AccountKind,
    Auth,
    ClientCredentials,
    FireboltCore,
    ServiceAccount,
    Token,
    UsernamePassword,
)
from firebolt_like.client.retry import Retry
from firebolt_like.local.server import LocalServer
from tests.db.conftest import over_both

USER = ("user@example.com", "s3cret of the user")
SERVICE = ("the-id", "s3cret of the service")


@pytest.fixture(scope="module")
def accounts():
    with LocalServer(
        users=dict([USER]),
        service_accounts=dict([SERVICE]),
        accounts=["acme"],
        databases=["sales", "other"],
        engines={"first": "sales", "second": "other"},
    ) as server:
        yield server


@pytest.fixture(scope="module")
def core():
    with LocalServer() as server:
        yield server


async def one(connection, sql):
    return (await (await connection.cursor().execute(sql)).fetchone())[0]


def asked(face, connect):
    """Connect, run one statement, and give the path of each request on the way."""
    paths = []

    def note(request):
        paths.append(request.url.path)

    async def anote(request):
        note(request)

    async def main():
        hooks = {"request": [note if face.blocking else anote]}
        async with connect(event_hooks=hooks) as connection:
            return await one(connection, "SELECT 42")

    assert face.run(main) == 42
    return paths


@pytest.mark.parametrize("auth", [UsernamePassword(*USER, use_token_cache=False), USER])
@pytest.mark.parametrize("place", [{"engine_name": "first"}, {"account_name": "acme"}, {}])
def test_a_password_account_finds_its_engine(face, accounts, auth, place):
    """By the engine's name, or as the default engine of the database."""

    async def scenario():
        async with face.connect(
            auth=auth, database="sales", api_endpoint=accounts.url, **place
        ) as connection:
            return await one(connection, "SELECT current_database()")

    assert face.run(scenario) == "sales"


def test_an_engine_url_needs_no_lookup(face, accounts):
    """With the engine's URL given, the first request after the login is the statement."""
    auth = ServiceAccount(*SERVICE, use_token_cache=False, auth_endpoint=accounts.url)
    place = {"database": "sales", "engine_url": accounts.url, "api_endpoint": accounts.url}
    paths = asked(face, lambda **hooks: face.connect(auth=auth, **place, **hooks))
    assert [path for path in paths if path != "/oauth/token"] == ["/"]


@pytest.fixture
def cloud(accounts):
    return {
        "account_name": "acme",
        "api_endpoint": accounts.url,
        "auth_endpoint": accounts.url,
        "disable_cache": True,
    }


def credentials():
    return ClientCredentials(*SERVICE, use_token_cache=False)


def test_a_cloud_account_is_reached_through_its_gateway(face, cloud):
    """Gateway, USE DATABASE, USE ENGINE: then statements run there."""

    async def scenario():
        async with face.connect(
            auth=credentials(), database="other", engine_name="second", **cloud
        ) as connection:
            return [
                await one(connection, f"SELECT {what}()")
                for what in ("current_database", "current_engine")
            ]

    assert face.run(scenario) == ["other", "second"]


def test_a_cold_cloud_connect_sends_no_request_too_many(face, cloud):
    """One gateway lookup, one USE for each of database and engine, and the statement."""
    chosen = {"database": "sales", "engine_name": "first"}
    auth = credentials()
    paths = asked(face, lambda **hooks: face.connect(auth=auth, **cloud, **chosen, **hooks))
    queries = [path for path in paths if path in ("/", "/query")]
    assert len(queries) == 3
    rest = [path for path in paths if path not in ("/", "/query", "/oauth/token")]
    assert rest == ["/web/v3/account/acme/engineUrl"]


def test_a_warm_cloud_connect_sends_no_control_request(face, cloud):
    """A second connection with the same credentials goes straight to its statement."""
    chosen = {**cloud, "disable_cache": False, "database": "sales", "engine_name": "first"}
    auth = credentials()

    def connect(**hooks):
        return face.connect(auth=auth, **chosen, **hooks)

    asked(face, connect)
    assert len(asked(face, connect)) == 1


def test_an_account_that_is_not_there_is_named(face, cloud):
    """AccountNotFoundError holds the name."""

    async def scenario():
        with pytest.raises(errors.AccountNotFoundError, match="nobody") as caught:
            await face.connect(auth=credentials(), **cloud | {"account_name": "nobody"})
        assert caught.value.account_name == "nobody"

    face.run(scenario)


@pytest.mark.parametrize("chosen", [{"database": "gone"}, {"engine_name": "gone"}])
def test_a_database_or_engine_that_is_not_there_is_named(face, cloud, chosen):
    """The server's refusal of USE is raised by connect."""

    async def scenario():
        with pytest.raises(errors.DatabaseError, match="gone"):
            await face.connect(auth=credentials(), **cloud, **chosen)

    face.run(scenario)


def test_wrong_credentials_are_an_error_without_them(face, cloud):
    """The error tells what to check and holds no secret."""

    async def scenario():
        auth = ClientCredentials("the-id", "wr0ng-s3cret", use_token_cache=False)
        with pytest.raises(errors.AuthenticationError) as caught:
            await face.connect(auth=auth, **cloud)
        assert "wr0ng-s3cret" not in str(caught.value) + repr(caught.value)

    face.run(scenario)


def test_core_needs_only_its_url(face, core):
    """By keyword or as a DSN, with FireboltCore() or nothing, and without any lookup."""

    async def scenario():
        for how in ({"url": core.url}, {"dsn": core.url, "auth": FireboltCore()}):
            async with face.connect(**how) as connection:
                assert await one(connection, "SELECT 1") == 1

    face.run(scenario)
    assert asked(face, lambda **hooks: face.connect(core.url, **hooks)) == ["/"]


def test_a_server_is_discovered(face, core):
    """`host=` and the DSN without credentials ask the server where statements go."""
    host = core.url.removeprefix("http://")
    for how in ({"host": host, "ssl_mode": "none"}, {"dsn": f"firebolt://{host}?ssl_mode=none"}):
        paths = asked(face, lambda how=how, **hooks: face.connect(**how, **hooks))
        assert paths[0] == "/.well-known/firebolt"


@over_both
def test_local_connections_share_one_engine(face, tmp_path):
    """All connections of a process to one path see the same data, and a file keeps it."""
    path = tmp_path / "file.db"

    async def scenario():
        async with face.local(f"local://{path}") as first:
            await first.cursor().execute("CREATE TABLE t AS SELECT 7 AS n")
            async with face.local(f"local://{path}") as second:
                assert await one(second, "SELECT n FROM t") == 7
        async with face.local(f"local://{path}") as third:
            return await one(third, "SELECT n FROM t")

    assert face.run(scenario) == 7


def test_nothing_given_means_the_embedded_engine(face):
    """connect() without arguments is connect("local:")."""

    async def scenario():
        async with face.connect() as connection:
            return await one(connection, "SELECT version()")

    assert "embedded" in face.run(scenario)


def test_an_auth_class_of_ones_own_serves_core(face, core):
    """A subclass of Auth that says CORE works at a fixed URL."""

    class Own(Auth):
        account_kind = AccountKind.CORE

        def fetch_token(self):
            return AccessToken("mine")

    async def scenario():
        async with face.connect(url=core.url, auth=Own()) as connection:
            return await one(connection, "SELECT 1")

    assert face.run(scenario) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        {"url": "http://core.test", "account_name": "x"},
        {"url": "http://core.test", "auth": FireboltCore(), "engine_name": "x"},
        {"url": "http://core.test", "auth": Token("s3cret")},
        {"auth": USER},
        {"auth": USER, "database": "d", "engine_name": "a", "engine_url": "b"},
        {"auth": ClientCredentials(*SERVICE)},
        {"auth": "user:s3cret"},
        {"auth": ("user", "s3cret", "more")},
        {"account_name": "x"},
        {"dsn": "mysql://user:s3cret@host"},
        {"dsn": "firebolt://id:s3cret@db:port:99999"},
        {"dsn": "local:", "auth": USER},
        {"dsn": "local:", "engine_name": "x"},
        {"host": "h", "ssl_mode": "maybe"},
        {"dsn": "local:", "paramstyle": "pyformat"},
        {"dsn": "local:", "timeout": 0},
        {"host": "h", "auth": ("user", "s3cret")},
        {"dsn": "local:", "retry": False},
        {"dsn": "local:", "retry": 3},
        {"dsn": "local:?nonsense=1"},
    ],
)
def test_arguments_that_cannot_be_meant_are_refused(face, arguments):
    """A ConfigurationError, before anything is sent, that holds no secret."""

    async def scenario():
        with pytest.raises(errors.ConfigurationError) as caught:
            await face.connect(**arguments)
        assert "s3cret" not in str(caught.value)

    face.run(scenario)


def test_a_server_that_is_not_there_is_an_error_of_ours(face):
    """Connection refused: ServerConnectionError with the address, known not to have run."""
    listener = LocalServer()
    listener.start()
    url = listener.url
    listener.stop()

    async def scenario():
        async with face.connect(url, retry=Retry(attempts=1)) as connection:
            with pytest.raises(errors.ServerConnectionError, match="127") as caught:
                await connection.cursor().execute("SELECT 1")
            assert caught.value.retryable
            assert isinstance(caught.value.__cause__, httpx.ConnectError)

    face.run(scenario)


@pytest.mark.parametrize(
    ("engine", "reached"),
    [
        ("https://engine.example.com/q", True),
        ("https://elsewhere.net/q", False),
        ("http://found.example.com/q", False),
    ],
)
def test_discovery_sends_a_token_to_the_servers_own_domain_only(face, engine, reached):
    """A document that points elsewhere, or away from TLS, is refused before a statement is sent."""
    asked = []

    def answer_all(request):
        asked.append((request.url.host, request.headers.get("Authorization")))
        if request.url.path == "/.well-known/firebolt":
            return httpx.Response(200, json={"engineUrl": engine})
        return httpx.Response(200, json={"meta": [], "data": []})

    async def scenario():
        arguments = {"host": "found.example.com", "transport": httpx.MockTransport(answer_all)}
        async with face.connect(auth=Token("s3cret"), **arguments) as connection:
            await connection.cursor().execute("SELECT 1")

    if reached:
        face.run(scenario)
    else:
        with pytest.raises(errors.ServerResponseError, match="token was not sent"):
            face.run(scenario)
    assert asked == [
        ("found.example.com", None),
        *([("engine.example.com", "Bearer s3cret")] if reached else []),
    ]


def test_the_programs_around_name_themselves_to_the_server(face, connect, script):
    """user_clients come before this package in the User-Agent, user_drivers after it."""
    around = {"user_clients": [("report", "1.0")], "user_drivers": [("driver", "2.0")]}

    async def scenario():
        async with connect(additional_parameters=around, headers=[("X-Mine", "1")]) as connection:
            await connection.cursor().execute("SELECT 1")
        for wrong in ({"user_clients": ["report"]}, {"user_drivers": 5}, {"nonsense": 1}):
            with pytest.raises(errors.ConfigurationError):
                await face.connect("local:", additional_parameters=wrong)

    face.run(scenario)
    assert script.requests[0].headers["X-Mine"] == "1"
    words = script.requests[0].headers["User-Agent"].split()
    assert (words[0], words[1][:14], words[-1]) == ("report/1.0", "firebolt_like/", "driver/2.0")


@pytest.mark.parametrize("text", ["a\\b", "it's \\' ; -- ?", "\\\\", "\\x61", "\n\t"])
def test_text_with_backslashes_comes_back_from_a_password_account(face, accounts, text):
    """Engines of password accounts read a backslash as an escape, and the client writes it so."""

    async def scenario():
        async with face.connect(
            auth=ServiceAccount(*SERVICE, use_token_cache=False, auth_endpoint=accounts.url),
            database="sales",
            engine_url=accounts.url,
            api_endpoint=accounts.url,
        ) as connection:
            cursor = await connection.cursor().execute("SELECT ?, ?", [text, b"\x00\xff"])
            return await cursor.fetchone()

    assert face.run(scenario) == (text, b"\x00\xff")
