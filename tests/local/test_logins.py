"""Logins of all generations, tokens, discovery and health."""

import socket
from collections.abc import Iterator

import httpx
import pytest

from firebolt_like.local import Clock, LocalServer

_FORM = {"client_id": "robot", "client_secret": "s3cret", "grant_type": "client_credentials"}
_PASSWORD = {"username": "anna", "password": "pässword"}


@pytest.fixture(scope="module")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def guarded(clock: Clock) -> Iterator[LocalServer]:
    with LocalServer(
        users={"anna": "pässword"},
        service_accounts={"robot": "s3cret"},
        token_lifetime=1.5,
        clock=clock,
    ) as server:
        yield server


@pytest.fixture
def http(guarded: LocalServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=guarded.url) as http:
        yield http


def _query(http: httpx.Client, token: str | None) -> httpx.Response:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    return http.post("/", content="SELECT 1", headers=headers)


@pytest.mark.parametrize("audience", [{}, {"audience": "https://api.firebolt.io"}])
def test_service_accounts_log_in(http: httpx.Client, audience: dict[str, str]) -> None:
    """`POST /oauth/token` gives a bearer token, with an audience (V2) and without (V1)."""
    answer = http.post("/oauth/token", data=_FORM | audience).json()
    assert answer["token_type"] == "Bearer"
    assert answer["expires_in"] == 1.5
    assert _query(http, answer["access_token"]).status_code == 200


def test_users_log_in_and_renew(http: httpx.Client, clock: Clock) -> None:
    """V1 logins carry a refresh token, which gives new tokens when the first has expired."""
    answer = http.post("/auth/v1/login", json=_PASSWORD).json()
    assert _query(http, answer["access_token"]).status_code == 200
    clock.advance(1.6)
    assert _query(http, answer["access_token"]).status_code == 401
    refresh = {"refresh_token": answer["refresh_token"]}
    renewed = http.post("/auth/v1/refresh", json=refresh).json()
    assert set(renewed) == {"access_token", "expires_in", "scope", "token_type"}
    assert _query(http, renewed["access_token"]).status_code == 200
    clock.advance(100)
    assert http.post("/auth/v1/refresh", json=refresh).status_code == 401


def test_users_may_use_the_local_issuer(http: httpx.Client) -> None:
    """With discovery a user's name and password travel as client id and secret."""
    form = {**_FORM, "client_id": "anna", "client_secret": "pässword"}
    assert http.post("/oauth/token", data=form).status_code == 200


@pytest.mark.parametrize(
    ("path", "json", "data", "status"),
    [
        ("/auth/v1/login", {"username": "anna", "password": "wrong"}, None, 401),
        ("/auth/v1/login", {"username": "nobody", "password": ""}, None, 401),
        ("/auth/v1/login", {"username": "robot", "password": "s3cret"}, None, 401),
        ("/auth/v1/login", {"username": ["anna"], "password": None}, None, 401),
        ("/auth/v1/login", ["anna"], None, 400),
        ("/auth/v1/refresh", {"refresh_token": "made up"}, None, 401),
        ("/auth/v1/refresh", {}, None, 401),
        ("/oauth/token", None, {**_FORM, "client_secret": "wrong"}, 401),
        ("/oauth/token", None, {"client_id": "robot", "grant_type": "client_credentials"}, 401),
        ("/oauth/token", None, {**_FORM, "grant_type": "password"}, 400),
        ("/oauth/token", None, {"client_id": "x" * 100_000}, 413),
    ],
)
def test_wrong_logins_are_refused(
    http: httpx.Client, path: str, json: object, data: dict[str, str] | None, status: int
) -> None:
    """Wrong credentials are 401, and no answer repeats them."""
    reply = http.post(path, json=json) if data is None else http.post(path, data=data)
    assert reply.status_code == status
    assert "wrong" not in reply.text
    assert "s3cret" not in reply.text


@pytest.mark.parametrize("header", [None, "Bearer", "Bearer made up", "Basic YW5uYTpw", "é"])
def test_requests_without_a_good_token_are_refused(http: httpx.Client, header: str | None) -> None:
    """401, plain text, for queries and lookups alike."""
    headers = {} if header is None else {"Authorization": header.encode()}
    for reply in (
        http.post("/", content="SELECT 1", headers=headers),
        http.get("/web/v3/account/embedded/engineUrl", headers=headers),
        http.get("/iam/v2/account", headers=headers),
    ):
        assert reply.status_code == 401
        assert reply.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize("path", ["/", "/ping", "/health/ready"])
def test_health_needs_no_token(http: httpx.Client, path: str) -> None:
    """Whoever watches the server needs no credentials."""
    assert http.get(path).status_code == 200


def test_discovery_has_both_shapes(http: httpx.Client, guarded: LocalServer) -> None:
    """The document names the engine and, where there are credentials, the token endpoint."""
    document = http.get("/.well-known/firebolt").json()
    assert document["engineUrl"] == f"127.0.0.1:{guarded.port}"
    oauth = document["instance"]["auth"]["oauth"]
    (issuer,) = oauth["authorizationServers"]
    assert issuer["name"] == "_local"
    assert issuer["token_endpoint"] == f"{guarded.url}/oauth/token"
    assert oauth["protectedResource"]["resource"] == guarded.url


def test_a_fixed_token_is_the_only_key() -> None:
    """`token=` lets in who knows it, and shows it nowhere."""
    with LocalServer(token="the fixed one") as server, httpx.Client(base_url=server.url) as http:
        assert _query(http, None).status_code == 401
        assert _query(http, "another").status_code == 401
        assert _query(http, "the fixed one").status_code == 200
        assert http.post("/auth/v1/login", json=_PASSWORD).status_code == 401
        assert "fixed" not in repr(server)


def test_core_needs_no_credentials() -> None:
    """Without users, service accounts and token everybody on this machine may ask."""
    with LocalServer() as server, httpx.Client(base_url=server.url) as http:
        assert _query(http, None).status_code == 200
        assert http.get("/.well-known/firebolt").json()["instance"] == {"id": "local", "auth": None}


def test_a_client_that_hangs_up_in_its_login_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is logged when a login is cut off, and the next one succeeds."""
    with LocalServer(service_accounts={"robot": "s3cret"}) as server:
        with socket.create_connection(("127.0.0.1", server.port)) as line:
            line.sendall(
                b"POST /oauth/token HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\nclient"
            )
        assert httpx.post(f"{server.url}/oauth/token", data=_FORM).status_code == 200
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []
