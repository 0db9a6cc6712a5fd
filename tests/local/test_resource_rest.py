"""Databases, engines and bindings by REST, as password accounts manage them."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from firebolt_like.local import Clock, LocalServer

_ADA = {"username": "ada", "password": "lovelace"}
_PAGE = {"page_size", "total_size", "has_previous_page", "has_next_page"}
_CURSORS = {"start_cursor", "end_cursor"}
_SERVING = "ENGINE_STATUS_RUNNING_REVISION_SERVING"


@pytest.fixture(scope="module")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def server(clock: Clock) -> Iterator[LocalServer]:
    with LocalServer(
        databases=["sales", "stock"],
        users={"ada": "lovelace"},
        clock=clock,
        token_lifetime=1_000_000,
        engine_delay=60,
    ) as server:
        yield server


@pytest.fixture
def http(server: LocalServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=20) as http:
        token = http.post("/auth/v1/login", json=_ADA).json()["access_token"]
        http.headers["Authorization"] = f"Bearer {token}"
        yield http


@pytest.fixture
def account(http: httpx.Client) -> str:
    """The path that all resources of the account begin with."""
    return f"/core/v1/accounts/{http.get('/iam/v2/account').json()['account']['id']}"


def names(reply: httpx.Response) -> list[str]:
    assert reply.status_code == 200, reply.text
    return [edge["node"]["name"] for edge in reply.json()["edges"]]


def make(http: httpx.Client, account: str, kind: str, name: str, **more: Any) -> dict[str, Any]:
    body = {"account_id": account.rpartition("/")[2], kind: {"name": name, **more}}
    reply = http.post(f"{account}/{kind}s", json=body)
    assert reply.status_code == 200, reply.text
    made: dict[str, Any] = reply.json()[kind]
    return made


def test_databases_are_made_found_described_and_dropped(http: httpx.Client, account: str) -> None:
    """By name and by id; all answers show the database as it is then."""
    made = make(http, account, "database", "shop", description="d", emoji="x")
    assert (made["name"], made["description"]) == ("shop", "d")
    found = http.get(f"{account}/databases:getIdByName", params={"database_name": "shop"}).json()
    assert found["database_id"] == made["id"]
    path = f"{account}/databases/{made['id']['database_id']}"
    change = {"database": {**made, "description": "new"}, "update_mask": {"paths": ["description"]}}
    assert http.patch(path, json=change).json()["database"]["description"] == "new"
    assert http.get(path).json()["database"]["description"] == "new"
    assert http.post("/?database=shop", content="CREATE TABLE t (a INT)").status_code == 200
    assert http.delete(path).json()["database"]["name"] == "shop"
    assert http.get(path).status_code == 404
    assert http.post("/?database=shop", content="SELECT 1").status_code == 400


def test_lists_are_filtered_ordered_and_cut_in_pages(http: httpx.Client, account: str) -> None:
    """A page says where it stands among all; filters that were not given hold."""
    databases = f"{account}/databases"
    assert names(http.get(databases)) == ["sales", "stock"]
    assert names(http.get(databases, params={"filter.name_contains": "STO"})) == ["stock"]
    for way in ("eq", "contains"):
        attached = {f"filter.attached_engine_name_{way}": "embedded_stock"}
        assert names(http.get(databases, params=attached)) == ["stock"]
    order = {"order_by": "DATABASE_ORDER_NAME_DESC"}
    assert names(http.get(databases, params=order)) == ["stock", "sales"]
    first = http.get(databases, params={"page.first": "1"}).json()
    assert set(first["page"]) == _PAGE | _CURSORS
    assert (first["page"]["total_size"], first["page"]["has_next_page"]) == (2, True)
    after = {"page.first": "1", "page.after": first["page"]["end_cursor"]}
    assert names(http.get(databases, params=after)) == ["stock"]
    assert http.get(databases, params={"order_by": "DATABASE_ORDER_X_ASC"}).status_code == 400


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({}, ["embedded", "embedded_stock"]),
        ({"name_contains": "_sto"}, ["embedded_stock"]),
        ({"current_status_eq": _SERVING}, ["embedded", "embedded_stock"]),
        ({"current_status_not_eq": _SERVING}, []),
        ({"compute_region_id_region_id_eq": "local"}, ["embedded", "embedded_stock"]),
        ({"compute_region_id_region_id_eq": "mars"}, []),
    ],
)
def test_engines_are_filtered(
    http: httpx.Client, account: str, filters: dict[str, str], found: list[str]
) -> None:
    """By a part of the name, by status and by region."""
    params = {f"filter.{name}": text for name, text in filters.items()}
    assert names(http.get(f"{account}/engines", params=params)) == found


def test_an_engine_is_made_bound_started_and_dropped(
    http: httpx.Client, account: str, clock: Clock
) -> None:
    """A new engine stands still; when started it is STARTING for a while, and serves then."""
    database = make(http, account, "database", "lab")["id"]["database_id"]
    settings = {"auto_stop_delay_duration": "600s", "preset": "P", "warm_up": "W"}
    made = make(http, account, "engine", "lab_engine", settings=settings)
    id_ = made["id"]["engine_id"]
    path = f"{account}/engines/{id_}"
    assert made["settings"]["auto_stop_delay_duration"] == "600s"

    def summary() -> str:
        found: str = http.get(path).json()["engine"]["current_status_summary"]
        return found.removeprefix("ENGINE_STATUS_SUMMARY_")

    def url() -> httpx.Response:
        return http.get(f"{account}/engines:getURLByDatabaseName", params={"database_name": "lab"})

    clock.advance(60)
    assert (summary(), url().status_code) == ("STOPPED", 404)
    binding = f"{account}/databases/{database}/bindings/{id_}"
    bound = http.post(binding, json={"engine_is_default": True}).json()["binding"]
    assert bound["id"]["engine_id"] == id_
    assert http.get(binding).json()["binding"]["engine_is_default"] is True
    endpoint = url().json()["engine_url"]
    refused = http.post(endpoint, params={"database": "lab"}, content="SELECT 1")
    assert (refused.status_code, "it is stopped" in refused.text) == (404, True)
    http.post(f"{path}:start")
    assert summary() == "STARTING"
    clock.advance(60)
    assert summary() == "RUNNING"
    answer = http.post(endpoint, params={"database": "lab"}, content="SELECT current_engine()")
    assert "lab_engine" in answer.text
    http.post(f"{path}:restart")
    assert summary() == "STARTING"
    clock.advance(60)
    http.post(f"{path}:stop")
    assert summary() == "STOPPING"
    renamed = http.patch(path, json={"engine": {"name": "lab_2", "description": "d"}})
    assert renamed.json()["engine"]["name"] == "lab_2"
    assert http.delete(binding).status_code == 200
    assert http.get(binding).status_code == 404
    assert http.delete(path).status_code == 200
    assert http.get(path).status_code == 404
    http.delete(f"{account}/databases/{database}")


def test_bindings_are_filtered(http: httpx.Client, account: str) -> None:
    """By database and by engine; each configured database has its default engine."""
    ids = {"database_name": "stock"}
    database = http.get(f"{account}/databases:getIdByName", params=ids).json()["database_id"]
    params = {"filter.id_database_id_eq": database["database_id"]}
    (edge,) = http.get(f"{account}/bindings", params=params).json()["edges"]
    assert edge["node"]["engine_is_default"] is True
    params = {"filter.id_engine_id_eq": edge["node"]["id"]["engine_id"]}
    assert len(http.get(f"{account}/bindings", params=params).json()["edges"]) == 1
    params = {"filter.is_system_database_eq": "true"}
    assert http.get(f"{account}/bindings", params=params).json()["edges"] == []
    wanted = {"engine_ids": [edge["node"]["id"], {"engine_id": "nix"}]}
    (engine,) = http.post("/core/v1/engines:getByIds", json=wanted).json()["engines"]
    assert engine["name"] == "embedded_stock"


def test_there_is_one_place_to_run(http: httpx.Client, account: str) -> None:
    """One provider, one region, and the four sizes of engines."""
    (provider,) = http.get("/compute/v1/providers").json()["edges"]
    (region,) = http.get("/compute/v1/regions", params={"page.first": "5000"}).json()["edges"]
    assert region["node"]["id"]["provider_id"] == provider["node"]["id"]
    types = f"/aws/v2/accounts/{account.rpartition('/')[2]}/instanceTypes"
    assert names(http.get(types)) == ["S", "M", "L", "XL"]
    assert names(http.get(types, params={"filter.id_region_id_eq": "mars"})) == []


@pytest.mark.parametrize(
    ("verb", "path", "body", "status"),
    [
        ("POST", "/databases", {"database": {"name": "sales"}}, 409),
        ("POST", "/databases", {"database": {"name": ["a"]}}, 400),
        ("POST", "/databases", {}, 400),
        ("POST", "/databases", ["a"], 400),
        ("POST", "/engines", {"engine": {"name": "embedded"}}, 409),
        ("POST", "/engines", {"engine": {"name": "a", "settings": {"preset": 1}}}, 400),
        ("GET", "/databases/nix", None, 404),
        ("DELETE", "/databases/nix", None, 404),
        ("POST", "/engines/nix:start", None, 404),
        ("GET", "/databases:getIdByName?database_name=nix", None, 404),
    ],
)
def test_what_is_wrong_is_told(
    http: httpx.Client, account: str, verb: str, path: str, body: Any, status: int
) -> None:
    """A REST-style error has a message and the status as its code; nothing is made."""
    reply = http.request(verb, account + path, json=body)
    assert (reply.status_code, reply.json().get("code", status)) == (status, status)
    assert names(http.get(f"{account}/engines")) == ["embedded", "embedded_stock"]


def test_resources_want_a_token(server: LocalServer, account: str) -> None:
    """Without one every path is 401."""
    for path in (f"{account}/databases", f"{account}/bindings", "/compute/v1/regions"):
        assert httpx.get(server.url + path).status_code == 401
