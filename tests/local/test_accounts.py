"""Lookups between login and first query: accounts, the gateway, databases, engines."""

from collections.abc import Iterator

import httpx
import pytest

from firebolt_like.local import LocalServer


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with LocalServer(
        databases=["sales", "empty"],
        engines={"fast_one": "sales", "slow_one": "sales"},
        accounts=["acme", "other"],
    ) as server:
        yield server


@pytest.fixture
def http(server: LocalServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url) as http:
        yield http


@pytest.fixture
def account_id(http: httpx.Client) -> str:
    account: str = http.get("/iam/v2/account").json()["account"]["id"]
    return account


def test_the_default_account_is_the_first(http: httpx.Client, account_id: str) -> None:
    """V1 finds the same id by default and by name, and a different one for another name."""
    by_name = "/iam/v2/accounts:getIdByName"
    assert http.get("/iam/v2/account").json()["account"]["name"] == "acme"
    assert http.get(by_name, params={"account_name": "acme"}).json() == {"account_id": account_id}
    other = http.get(by_name, params={"account_name": "other"}).json()["account_id"]
    assert other != account_id


def test_the_gateway_leads_to_this_server(
    http: httpx.Client, server: LocalServer, account_id: str
) -> None:
    """V2: engineUrl carries the account in its query; resolve gives the same id."""
    url = http.get("/web/v3/account/acme/engineUrl").json()["engineUrl"]
    assert url == f"{server.url}?account_id={account_id}"
    resolved = http.get("/web/v3/account/acme/resolve").json()
    assert resolved == {"id": account_id, "region": "local", "infraVersion": 2}
    assert httpx.post(url, content="SELECT 1").status_code == 200


def test_v1_finds_engines(http: httpx.Client, server: LocalServer, account_id: str) -> None:
    """By database, and by name in two steps; each engine has a URL of its own."""
    base = f"/core/v1/accounts/{account_id}"
    found = http.get(f"{base}/engines:getURLByDatabaseName", params={"database_name": "sales"})
    assert "fast_one" in _engine_at(found.json()["engine_url"])
    found = http.get(f"{base}/engines:getIdByName", params={"engine_name": "slow_one"})
    ids = found.json()["engine_id"]
    assert ids["account_id"] == account_id
    engine = http.get(f"{base}/engines/{ids['engine_id']}").json()["engine"]
    assert engine["name"] == "slow_one"
    assert engine["endpoint"].startswith(server.url)
    assert "slow_one" in _engine_at(engine["endpoint"])


def _engine_at(url: str, **params: str) -> str:
    """Ask for the engine's name at its own URL."""
    return httpx.post(url, content="SELECT current_engine()", params=params).text


def test_every_database_has_a_default_engine(
    http: httpx.Client, server: LocalServer, account_id: str
) -> None:
    """One that was given no engine gets one, which V1 clients find by the database."""
    path = f"/core/v1/accounts/{account_id}/engines:getURLByDatabaseName"
    found = http.get(path, params={"database_name": "empty"}).json()["engine_url"]
    assert "embedded_empty" in _engine_at(found, database="empty")
    assert httpx.post(f"{server.url}/engine/nix", content="SELECT 1").status_code == 404


def test_unscoped_lists_are_filtered(http: httpx.Client) -> None:
    """What V1 clients ask after a failed query: databases by name, running engines by name."""

    def names(kind: str, **filters: str) -> list[str]:
        params = {f"filter.{name}": text for name, text in filters.items()}
        edges = http.get(f"/core/v1/account/{kind}", params=params).json()["edges"]
        return [edge["node"]["name"] for edge in edges]

    running = "ENGINE_STATUS_RUNNING_REVISION_SERVING"
    assert names("databases") == ["sales", "empty"]
    assert names("databases", name_contains="SAL") == ["sales"]
    assert names("databases", name_contains="nix") == []
    assert names("engines", name_contains="fast", current_status_eq=running) == ["fast_one"]
    assert names("engines", current_status_eq="ENGINE_STATUS_STOPPED") == []


@pytest.mark.parametrize(
    "path",
    [
        "/iam/v2/accounts:getIdByName?account_name=nix",
        "/web/v3/account/nix/engineUrl",
        "/web/v3/account/nix/resolve",
        "/core/v1/accounts/nix/engines:getIdByName?engine_name=fast_one",
        "/core/v1/accounts/{id}/engines:getIdByName?engine_name=nix",
        "/core/v1/accounts/{id}/engines:getURLByDatabaseName?database_name=nix",
        "/core/v1/accounts/{id}/engines/nix",
    ],
)
def test_what_is_not_there_is_404(http: httpx.Client, account_id: str, path: str) -> None:
    """A REST-style error names what is missing."""
    reply = http.get(path.format(id=account_id))
    assert reply.status_code == 404
    assert "does not exist" in reply.json()["message"]


def test_there_may_be_no_account() -> None:
    """A server without accounts has no default one."""
    with LocalServer(accounts=()) as server:
        assert httpx.get(server.url + "/iam/v2/account").status_code == 404
