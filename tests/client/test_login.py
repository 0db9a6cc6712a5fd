"""What each kind of credential sends to log in, and what the answers mean."""

import json
import logging
from functools import partial
from urllib.parse import parse_qs

import httpx
import pytest

from firebolt_like.client.auth import (
    AccountKind,
    Auth,
    ClientCredentials,
    FireboltCore,
    MemoryTokenCache,
    ServiceAccount,
    Token,
    UsernamePassword,
)
from firebolt_like.errors import (
    AuthenticationError,
    ConfigurationError,
    Error,
    ServerConnectionError,
    ServerResponseError,
)

SECRET = "s3cret-Wörd"


def login(face, warehouse, auth, **keywords):
    async def scenario():
        async with face.client(auth=auth, transport=warehouse, **keywords) as client:
            return await client.get("/data")

    return face.run(scenario)


def test_password_login_is_json_at_the_api_endpoint(face, warehouse):
    """A user's name and password go as JSON to the API endpoint itself, before the request."""
    answer = login(face, warehouse, UsernamePassword("me", SECRET, use_token_cache=False))
    sent, asked = warehouse.requests
    assert (sent.method, str(sent.url)) == ("POST", "https://api.example.com/auth/v1/login")
    assert sent.headers["Content-Type"].startswith("application/json")
    assert json.loads(sent.content) == {"username": "me", "password": SECRET}
    assert asked.headers["Authorization"] == "Bearer token-1"
    assert answer.json()["token"] == "token-1"


def test_service_account_login_is_a_form_at_the_api_endpoint(face, warehouse):
    """A service account's form goes to the API endpoint, without an audience."""
    login(face, warehouse, ServiceAccount("me", SECRET, use_token_cache=False))
    sent = warehouse.requests[0]
    assert (sent.method, str(sent.url)) == ("POST", "https://api.example.com/oauth/token")
    assert sent.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert parse_qs(sent.content.decode()) == {
        "client_id": ["me"],
        "client_secret": [SECRET],
        "grant_type": ["client_credentials"],
    }


def test_client_credentials_login_is_a_form_with_audience_at_the_identity_endpoint(face, warehouse):
    """A cloud account's form has an audience, and goes to the host whose first label is id."""
    login(face, warehouse, ClientCredentials("me", SECRET, use_token_cache=False))
    sent = warehouse.requests[0]
    assert (sent.method, str(sent.url)) == ("POST", "https://id.example.com/oauth/token")
    assert parse_qs(sent.content.decode())["audience"] == ["https://api.firebolt.io"]


def test_token_is_used_as_it_is(face, warehouse):
    """A given token needs no login."""
    warehouse.live.add("mine")
    assert login(face, warehouse, Token("mine")).status_code == 200
    assert len(warehouse.requests) == 1


def test_core_sends_no_credentials(face, warehouse):
    """A self-hosted engine gets no Authorization header and no login."""
    warehouse.answers["/data"] = (200,)
    login(face, warehouse, FireboltCore())
    (asked,) = warehouse.requests
    assert "Authorization" not in asked.headers


def test_login_has_the_clients_name_and_a_time_limit_but_no_protocol_version(face, warehouse):
    """A login says which client it is, ends in time, and is not yet a request of the protocol."""
    login(face, warehouse, UsernamePassword("me", SECRET, use_token_cache=False))
    sent, asked = warehouse.requests
    assert sent.headers["User-Agent"] == asked.headers["User-Agent"]
    assert asked.headers["Firebolt-Protocol-Version"] == "2.4"
    assert "Firebolt-Protocol-Version" not in sent.headers
    assert "Authorization" not in sent.headers
    assert asked.extensions["timeout"]["read"] is None
    assert sent.extensions["timeout"] == {"connect": 60, "read": 60, "write": 60, "pool": 60}


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (partial(httpx.Response, 401, json={"message": "nope"}), AuthenticationError, "nope"),
        (partial(httpx.Response, 403), AuthenticationError, "refused the credentials"),
        (
            partial(httpx.Response, 400, json={"error": "invalid_client"}),
            AuthenticationError,
            "invalid_cl",
        ),
        (
            partial(httpx.Response, 200, json={"error": 3, "message": "m1"}),
            AuthenticationError,
            "m1",
        ),
        (partial(httpx.Response, 200, json={"error": "e1"}), AuthenticationError, "e1"),
        (
            partial(httpx.Response, 200, json={"expires_in": 3}),
            ServerResponseError,
            "without a token",
        ),
        (partial(httpx.Response, 200, json={"access_token": ""}), ServerResponseError, "no header"),
        (
            partial(httpx.Response, 200, json={"access_token": "a\nb"}),
            ServerResponseError,
            "no header",
        ),
        (partial(httpx.Response, 200, json={"access_token": 5}), ServerResponseError, "not JSON"),
        (partial(httpx.Response, 200, json=["token"]), ServerResponseError, "not JSON"),
        (partial(httpx.Response, 200, html="<h1>Hello</h1>"), ServerResponseError, "not JSON"),
        (partial(httpx.Response, 200, content=b"\xff"), ServerResponseError, "not JSON"),
        (partial(httpx.Response, 404, text="none"), ServerResponseError, "HTTP status 404"),
        (partial(httpx.Response, 500, text="oops"), ServerResponseError, "HTTP status 500"),
        (
            partial(httpx.Response, 302, headers={"Location": "/x"}),
            ServerResponseError,
            "status 302",
        ),
    ],
)
def test_answers_without_a_token_are_clear_errors(face, warehouse, answer, kind, words):
    """Each way in which a login fails is an error of ours that says what happened and where."""
    warehouse.answers["/auth/v1/login"] = lambda _: answer()
    with pytest.raises(kind, match=words) as caught:
        login(face, warehouse, UsernamePassword("me", SECRET, use_token_cache=False))
    assert "https://api.example.com" in str(caught.value)
    assert len(warehouse.requests) == 1


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_busy_login_may_be_tried_again(face, warehouse, status):
    """A login that the server had no time for is marked as one to repeat: no statement ran."""
    warehouse.answers["/auth/v1/login"] = (status,)
    with pytest.raises(ServerResponseError) as caught:
        login(face, warehouse, UsernamePassword("me", SECRET, use_token_cache=False))
    assert caught.value.retryable


@pytest.mark.parametrize(
    "error", [httpx.ConnectError, httpx.ReadTimeout, httpx.RemoteProtocolError]
)
def test_a_login_without_answer_is_a_connection_error(face, warehouse, error):
    """A login server that is not there is an error of ours, with httpx's as its cause."""

    def refuse(request):
        raise error("gone", request=request)

    warehouse.answers["/auth/v1/login"] = refuse
    with pytest.raises(ServerConnectionError, match=r"https://api.example.com.*gone") as caught:
        login(face, warehouse, UsernamePassword("me", SECRET, use_token_cache=False))
    assert isinstance(caught.value.__cause__, error)
    assert caught.value.retryable


def test_a_login_answer_that_breaks_off_is_a_connection_error(face, warehouse):
    """An answer to the login that ends in its middle is an error of ours too."""

    class Broken(httpx.SyncByteStream, httpx.AsyncByteStream):
        def __iter__(self):
            yield b'{"access'
            raise httpx.ReadError("cut")

        async def __aiter__(self):
            yield b'{"access'
            raise httpx.ReadError("cut")

    warehouse.answers["/auth/v1/login"] = lambda _: httpx.Response(200, stream=Broken())
    with pytest.raises(ServerConnectionError, match="cut"):
        login(face, warehouse, UsernamePassword("me", SECRET, use_token_cache=False))


def test_failures_of_the_users_own_request_stay_httpxs(face, warehouse):
    """Our clients are httpx clients: a request of the user fails as it does there."""

    def refuse(request):
        raise httpx.ConnectError("gone", request=request)

    warehouse.answers["/data"] = refuse
    with pytest.raises(httpx.ConnectError):
        login(face, warehouse, UsernamePassword("me", SECRET, use_token_cache=False))


def test_a_lifetime_may_be_text_or_missing(face, warehouse):
    """Servers that write expires_in as text, or not at all, still log in."""
    for lifetime in ("3600", None):
        warehouse.lifetime = lifetime
        auth = UsernamePassword("me", SECRET, use_token_cache=False)
        assert login(face, warehouse, auth).status_code == 200


@pytest.mark.parametrize("status", [307, 308])
def test_credentials_never_follow_a_redirect(face, serve, status):
    """A client that follows redirects does not carry the secret to where the login points."""
    bodies = []

    def thief(method, path, headers, body):
        bodies.append(body)
        return 200, {}, b'{"access_token": "t", "expires_in": 60}'

    other = serve(thief)
    first = serve(lambda *_: (status, {"Location": f"{other.url}/oauth/token"}, b""))

    async def scenario():
        auth = ClientCredentials("me", SECRET, use_token_cache=False)
        for kind in (face.client, face.plain_client):
            ours = {"api_endpoint": first.url} if kind == face.client else {}
            async with kind(auth=auth, follow_redirects=True, **ours) as client:
                with pytest.raises(AuthenticationError, match="second time"):
                    await client.get(f"{first.url}/data")

    face.run(scenario)
    assert b"".join(bodies) == b""


def secret_bearers():
    return [
        UsernamePassword("me", SECRET),
        ServiceAccount("me", SECRET),
        ClientCredentials("me", SECRET),
        Token("s3cret-token"),
    ]


@pytest.mark.parametrize("auth", secret_bearers(), ids=lambda a: type(a).__name__)
def test_repr_has_no_secret(auth):
    """Auth objects may be printed and logged."""
    assert "s3cret" not in repr(auth)
    assert "s3cret" not in str(auth)
    assert "****" in repr(auth)


def test_errors_and_log_lines_have_no_secret(face, warehouse, caplog):
    """A server that repeats the secret in its refusal does not get it into errors or logs."""
    caplog.set_level(logging.DEBUG)
    warehouse.answers["/auth/v1/login"] = lambda _: httpx.Response(
        401, json={"message": f"the password {SECRET} is wrong"}
    )
    with pytest.raises(AuthenticationError, match="the password ") as caught:
        login(face, warehouse, UsernamePassword("me", SECRET))
    error: BaseException | None = caught.value
    while error is not None:
        assert SECRET not in repr(error) + str(error)
        error = error.__cause__ or error.__context__
    assert SECRET not in caplog.text


@pytest.mark.parametrize("text", ["", "with line end\n", "süß", b"bytes", None])
def test_a_token_that_no_header_can_carry_is_refused_at_once(text):
    """A token that cannot be sent is an error where it is given, without the token in it."""
    with pytest.raises(ConfigurationError) as caught:
        Token(text)
    assert "line end\n" not in str(caught.value)


@pytest.mark.parametrize("kind", [UsernamePassword, ServiceAccount, ClientCredentials])
def test_credentials_must_be_texts(kind):
    """A secret that is None, as from an unset variable, is an error where it is given."""
    with pytest.raises(ConfigurationError, match=kind.__name__):
        kind("me", None)


@pytest.mark.parametrize(
    ("kind", "principal", "secret"),
    [
        (UsernamePassword, "username", "password"),
        (ServiceAccount, "client_id", "client_secret"),
        (ClientCredentials, "client_id", "client_secret"),
    ],
)
def test_credentials_by_name(kind, principal, secret):
    """Credentials may be named as what they are, and the third argument is the cache's switch."""
    auth = kind(**{principal: "me", secret: SECRET}, use_token_cache=False)
    assert repr(auth) == repr(kind("me", SECRET))
    assert auth.secret == SECRET
    with pytest.raises(ConfigurationError, match="use_token_cache=False"):
        kind("me", SECRET, False, token_cache=MemoryTokenCache())


def test_account_kinds():
    """The class of a credential says which accounts it is for; a token may say it itself."""
    assert [auth.account_kind for auth in secret_bearers()] == [
        AccountKind.PASSWORD,
        AccountKind.PASSWORD,
        AccountKind.CLOUD,
        AccountKind.PASSWORD,
    ]
    assert FireboltCore().account_kind is AccountKind.CORE
    assert Auth().account_kind is AccountKind.CLOUD
    assert Token("t", account_kind=AccountKind.CLOUD).account_kind is AccountKind.CLOUD


def test_an_auth_without_a_token_says_what_to_do(face, warehouse):
    """The bare base class cannot log in, and says how it is meant."""
    with pytest.raises(Error, match="Auth has no token"):
        login(face, warehouse, Auth())
