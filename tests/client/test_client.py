"""`Client` and `AsyncClient`: httpx clients with endpoints, credentials and an account."""

import http.cookiejar
import json

import anyio
import httpx
import pytest

import firebolt_like
from firebolt_like.client.auth import (
    AccountKind,
    ClientCredentials,
    FireboltCore,
    ServiceAccount,
    Token,
    UsernamePassword,
)
from firebolt_like.client.client import AsyncClient, Client
from firebolt_like.errors import (
    AccountNotFoundError,
    AuthenticationError,
    ConfigurationError,
    ServerConnectionError,
    ServerResponseError,
)


def password():
    return UsernamePassword("me", "secret", use_token_cache=False)


def cloud():
    return ClientCredentials("me", "secret", use_token_cache=False)


def account_id(face, warehouse, auth, **keywords):
    async def scenario():
        async with face.client(auth=auth, transport=warehouse, **keywords) as client:
            return await client.account_id

    return face.run(scenario)


def asked_for_account(warehouse):
    request = warehouse.requests[-1]
    return f"{request.method} {request.url}"


@pytest.mark.parametrize("auth", [password, lambda: ServiceAccount("me", "s"), lambda: Token("t")])
def test_default_account_of_a_password_account(face, warehouse, auth):
    """Without account_name, a password account's user has a default account."""
    warehouse.answers["/iam/v2/account"] = lambda _: httpx.Response(
        200, json={"account": {"id": "a1", "name": "acc"}}
    )
    assert account_id(face, warehouse, auth()) == "a1"
    assert asked_for_account(warehouse) == "GET https://api.example.com/iam/v2/account"


def test_named_account_of_a_password_account(face, warehouse):
    """A password account is found by its name."""
    path = "/iam/v2/accounts:getIdByName"
    warehouse.answers[path] = lambda _: httpx.Response(200, json={"account_id": "a2"})
    assert account_id(face, warehouse, password(), account_name="my acc&=ä") == "a2"
    assert warehouse.requests[-1].url.params["account_name"] == "my acc&=ä"
    assert warehouse.requests[-1].headers["Authorization"] == "Bearer token-1"


@pytest.mark.parametrize(("name", "path"), [("acc", "acc"), ("my/acc?ä", "my%2Facc%3F%C3%A4")])
def test_named_account_of_a_cloud_account(face, warehouse, name, path):
    """A cloud account is resolved by its name, whatever signs are in it."""
    warehouse.answers[f"/web/v3/account/{name}/resolve"] = lambda _: httpx.Response(
        200, json={"id": "a3", "region": "r", "infraVersion": 2}
    )
    assert account_id(face, warehouse, cloud(), account_name=name) == "a3"
    assert (
        asked_for_account(warehouse) == f"GET https://api.example.com/web/v3/account/{path}/resolve"
    )


@pytest.mark.parametrize("kind", [password, cloud])
def test_an_unknown_account(face, warehouse, kind):
    """An account that does not exist is an error with its name in it."""
    for path in ("/iam/v2/accounts:getIdByName", "/web/v3/account/nobody/resolve"):
        warehouse.answers[path] = (404,)
    with pytest.raises(AccountNotFoundError, match="nobody") as caught:
        account_id(face, warehouse, kind(), account_name="nobody")
    assert caught.value.account_name == "nobody"


def test_a_user_without_default_account(face, warehouse):
    """A password account's user may have no account at all."""
    warehouse.answers["/iam/v2/account"] = (404,)
    with pytest.raises(AccountNotFoundError, match="no default account"):
        account_id(face, warehouse, password())


@pytest.mark.parametrize("auth", [cloud, lambda: Token("t", account_kind=AccountKind.CLOUD)])
def test_cloud_accounts_need_a_name(face, warehouse, auth):
    """Credentials of cloud accounts have no default account: the error says what to give."""
    with pytest.raises(ConfigurationError, match="account_name is needed"):
        account_id(face, warehouse, auth())
    assert warehouse.requests == []


@pytest.mark.parametrize("auth", [FireboltCore, lambda: None])
def test_no_account_without_credentials(face, warehouse, auth):
    """A self-hosted engine has no accounts."""
    with pytest.raises(ConfigurationError, match="no account_id without credentials"):
        account_id(face, warehouse, auth(), account_name="x")


@pytest.mark.parametrize(
    "answer",
    [
        {"text": "<html>"},
        {"json": {}},
        {"json": []},
        {"json": {"account": None}},
        {"json": {"account": {"id": 5}}},
        {"json": {"account": {"id": ""}}},
        {"content": b"\xff"},
    ],
)
def test_an_answer_without_id_is_an_error(face, warehouse, answer):
    """Whatever a proxy or a foreign server answers, no id is made of it."""
    warehouse.answers["/iam/v2/account"] = lambda _: httpx.Response(200, **answer)
    with pytest.raises(ServerResponseError, match=r"https://api.example.com.*no id"):
        account_id(face, warehouse, password())


@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, AuthenticationError), (403, AuthenticationError), (500, ServerResponseError)],
)
def test_a_refused_look_up_is_an_error(face, warehouse, status, kind):
    """A look-up that is refused or fails says so."""
    warehouse.answers["/iam/v2/account"] = (status,)
    with pytest.raises(kind, match=str(status)):
        account_id(face, warehouse, password())


def test_a_look_up_without_answer_is_a_connection_error(face, warehouse):
    """No exception of httpx comes out of account_id."""

    def refuse(request):
        raise httpx.ConnectError("gone", request=request)

    warehouse.answers["/iam/v2/account"] = refuse
    with pytest.raises(ServerConnectionError, match="gone"):
        account_id(face, warehouse, password())


def test_account_id_is_asked_for_once(face, warehouse):
    """Those who ask at once cause one request, and later ones none; a failure is not kept."""
    warehouse.answers["/iam/v2/account"] = (503,)

    async def scenario():
        async with face.client(auth=password(), transport=warehouse) as client:

            async def ask():
                return await client.account_id

            with pytest.raises(ServerResponseError):
                await client.account_id
            warehouse.answers["/iam/v2/account"] = lambda _: httpx.Response(
                200, json={"account": {"id": "a1"}}
            )
            assert await face.at_once(10, ask) == ["a1"] * 10
            assert await client.account_id == "a1"

    face.run(scenario)
    assert len(warehouse.to("/iam/v2/account")) == 2


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_an_async_client_may_be_made_before_its_event_loop(warehouse, backend):
    """A client made at import time serves the event loop that comes later."""
    warehouse.answers["/iam/v2/account"] = lambda _: httpx.Response(
        200, json={"account": {"id": "a1"}}
    )
    client = AsyncClient(auth=password(), transport=warehouse)

    async def scenario():
        async with client:
            return await client.account_id

    assert anyio.run(scenario, backend=backend) == "a1"


def test_look_ups_stay_with_the_api_endpoint(face, warehouse):
    """`base_url` moves relative URLs; logins and look-ups stay with `api_endpoint`."""
    warehouse.answers["/iam/v2/account"] = lambda _: httpx.Response(
        200, json={"account": {"id": "a1"}}
    )

    async def scenario():
        async with face.client(
            auth=password(), transport=warehouse, base_url="https://engine.example.com/v1"
        ) as client:
            await client.get("/data")
            await client.account_id

    face.run(scenario)
    assert [str(request.url) for request in warehouse.requests] == [
        "https://api.example.com/auth/v1/login",
        "https://engine.example.com/v1/data",
        "https://api.example.com/iam/v2/account",
    ]


@pytest.mark.parametrize(
    ("api_endpoint", "login"),
    [
        ("api.app.firebolt.io", "https://id.app.firebolt.io/oauth/token"),
        ("https://api.app.firebolt.io/", "https://id.app.firebolt.io/oauth/token"),
        ("http://api.localhost:9000", "http://id.localhost:9000/oauth/token"),
        ("http://127.0.0.1:9000", "http://127.0.0.1:9000/oauth/token"),
        ("http://[::1]:9000", "http://[::1]:9000/oauth/token"),
        ("http://localhost:9000", "http://localhost:9000/oauth/token"),
    ],
)
def test_where_cloud_accounts_log_in(face, warehouse, api_endpoint, login):
    """The first label becomes id; an address or a single name has no such sibling."""

    async def scenario():
        async with face.client(
            auth=cloud(), transport=warehouse, api_endpoint=api_endpoint
        ) as client:
            await client.get("/data")

    face.run(scenario)
    assert str(warehouse.requests[0].url) == login


def test_auth_endpoint_can_be_given(face, warehouse):
    """`auth_endpoint=` of the client says where to log in, also against the auth object's own."""
    auth = ClientCredentials(
        "me", "secret", use_token_cache=False, auth_endpoint="https://other.example.com"
    )

    async def scenario(**keywords):
        async with face.client(auth=auth, transport=warehouse, **keywords) as client:
            await client.get("/data")

    face.run(scenario)
    face.run(lambda: scenario(auth_endpoint="http://127.0.0.1:9000/"))
    assert [str(request.url) for request in warehouse.logins] == [
        "https://other.example.com/oauth/token",
        "http://127.0.0.1:9000/oauth/token",
    ]


@pytest.mark.parametrize("kind", [Client, AsyncClient])
@pytest.mark.parametrize(
    "endpoint",
    [
        *("", "ftp://x", "https://", "https://me:hush@x", "x?a=b", b"x"),
        *("http://x:port", "x:0", "x:99999", "x y", " x", "x\\y", "x,y"),
    ],
)
@pytest.mark.parametrize("argument", ["api_endpoint", "auth_endpoint"])
def test_an_endpoint_that_is_none_is_refused(kind, argument, endpoint):
    """An endpoint that cannot be meant is an error where it is given, and is not printed."""
    with pytest.raises(ConfigurationError, match=argument) as caught:
        kind(**{argument: endpoint})
    assert "hush" not in str(caught.value)


def test_a_tuple_is_a_user_name_and_a_password(face, warehouse):
    """`auth=(user, password)` logs in, rather than send the password with each request."""

    async def scenario():
        async with face.client(auth=("me", "secret"), transport=warehouse) as client:
            await client.get("/data")

    face.run(scenario)
    sent = warehouse.requests[0]
    assert json.loads(sent.content) == {"username": "me", "password": "secret"}


@pytest.mark.parametrize("kind", [Client, AsyncClient])
@pytest.mark.parametrize("auth", ["hush", ("hush",), ("me", 5), ["me", "hush"], object(), 5])
def test_any_other_auth_is_refused(kind, auth):
    """What cannot be credentials is an error that says what can, and does not show them."""
    with pytest.raises(ConfigurationError, match=type(auth).__name__) as caught:
        kind(auth=auth)
    assert "hush" not in str(caught.value)
    assert "ClientCredentials" in caught.value.hint


def test_auth_classes_of_httpx_work(face, warehouse):
    """Any `httpx.Auth` may be given."""
    warehouse.answers["/data"] = (200,)

    async def scenario():
        async with face.client(auth=httpx.BasicAuth("me", "pw"), transport=warehouse) as client:
            await client.get("/data")

    face.run(scenario)
    assert warehouse.requests[0].headers["Authorization"].startswith("Basic ")


def test_requests_may_bring_their_own_auth(face, warehouse):
    """As with httpx, one request may have other credentials; they log in by the same endpoints."""

    async def scenario():
        async with face.client(auth=password(), transport=warehouse) as client:
            await client.get("/data", auth=cloud())

    face.run(scenario)
    assert [str(request.url) for request in warehouse.logins] == [
        "https://id.example.com/oauth/token"
    ]


def test_headers_say_who_asks_and_the_users_win(face, warehouse):
    """Each request names package, Python and protocol; headers of the user take their place."""
    warehouse.answers["/data"] = (200,)

    async def scenario(**keywords):
        async with face.client(transport=warehouse, **keywords) as client:
            await client.get("/data")
        return warehouse.requests[-1].headers

    sent = face.run(scenario)
    assert sent["User-Agent"].startswith(f"firebolt_like/{firebolt_like.__version__} (Python 3.")
    assert sent["Firebolt-Protocol-Version"] == "2.4"
    sent = face.run(lambda: scenario(headers={"user-agent": "mine", "X-More": "1"}))
    assert (sent["User-Agent"], sent["X-More"]) == ("mine", "1")
    assert sent["Firebolt-Protocol-Version"] == "2.4"


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_keywords_of_httpx_work(kind):
    """Keywords of httpx mean what they mean there."""
    client = kind(
        timeout=5, params={"a": "1"}, cookies={"c": "2"}, follow_redirects=True, max_redirects=3,
        http1=True, http2=True, limits=httpx.Limits(max_connections=1), trust_env=False,
        verify=False, proxy="http://127.0.0.1:1", mounts={}, default_encoding="latin-1",
    )  # fmt: skip
    assert client.timeout == httpx.Timeout(5)
    assert client.build_request("GET", "/x").url == "https://api.app.firebolt.io/x?a=1"
    assert (client.follow_redirects, client.max_redirects) == (True, 3)
    assert client.trust_env is False


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_unknown_keywords_are_refused(kind):
    """A misspelled keyword is an error, as in httpx."""
    with pytest.raises(TypeError, match="accuont_name"):
        kind(accuont_name="x")


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_a_query_may_take_any_time(kind):
    """By default connecting ends after a minute, reading never."""
    assert kind().timeout == httpx.Timeout(60, read=None)


def test_event_hooks_see_logins_and_requests(face, warehouse):
    """httpx's event hooks are called, for the login as well."""
    seen = []

    async def note_async(request):
        seen.append(request.url.path)

    def note(request):
        seen.append(request.url.path)

    async def scenario():
        hooks = {"request": [note if face.blocking else note_async]}
        async with face.client(auth=password(), transport=warehouse, event_hooks=hooks) as client:
            await client.get("/data")

    face.run(scenario)
    assert seen == ["/auth/v1/login", "/data"]


def test_stream_works(warehouse):
    """`Client.stream` is httpx's."""
    with (
        Client(auth=password(), transport=warehouse) as client,
        client.stream("POST", "/data", content=b"select 1") as answer,
    ):
        assert json.loads(b"".join(answer.iter_bytes()))["body"] == "select 1"


def test_redirects_keep_httpxs_rules(face, warehouse):
    """The token follows a redirect on the same server, and no redirect to another one."""
    warehouse.answers["/away"] = lambda _: httpx.Response(
        307, headers={"Location": "https://evil.example.org/data"}
    )
    warehouse.answers["/here"] = lambda _: httpx.Response(307, headers={"Location": "/data"})

    async def scenario():
        async with face.client(
            auth=password(), transport=warehouse, follow_redirects=True
        ) as client:
            assert (await client.get("/here")).status_code == 200
            await client.get("/away")

    face.run(scenario)
    away = [request for request in warehouse.requests if request.url.host == "evil.example.org"]
    assert away
    assert all("Authorization" not in request.headers for request in away)
    assert {request.url.host for request in warehouse.logins} == {"api.example.com"}


def test_cookies_are_kept_and_sent(face, warehouse):
    """Cookies go with requests as in httpx: given ones, and those that answers set."""
    seen = []

    def answer(request):
        seen.append(request.headers.get("Cookie"))
        return httpx.Response(200, headers=[("Set-Cookie", f"turn={len(seen)}")])

    warehouse.answers["/sets"] = answer
    warehouse.answers["/sets-none"] = (204,)

    async def scenario():
        async with face.client(transport=warehouse, cookies={"given": "yes"}) as client:
            for path in ("/sets", "/sets-none", "/sets"):
                await client.get(path)
            assert dict(client.cookies) == {"given": "yes", "turn": "2"}
            client.cookies.clear()
            await client.get("/sets")
        return seen

    assert face.run(scenario) == ["given=yes", "given=yes; turn=1", None]


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_cookies_may_be_replaced(kind):
    """The attribute takes what the keyword takes, and a jar of the user's own stays that jar."""
    jar = http.cookiejar.CookieJar()
    client = kind(cookies=jar)
    assert client.cookies.jar is jar
    client.cookies = {"a": "1"}
    assert client.build_request("GET", "/").headers["Cookie"] == "a=1"
