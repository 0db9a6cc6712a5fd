"""The public SDK of this protocol, as its users install it, against the embedded engine."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from firebolt_like.client.auth import UsernamePassword
from firebolt_like.db import connect
from firebolt_like.local import LocalServer
from tests.peers.conftest import Install, Run

_SCRIPT = Path(__file__).with_name("firebolt_sdk_scenarios.py")
Play = Callable[[str, LocalServer], Any]


@pytest.fixture(scope="session")
def play(install: Install, run: Run) -> Play:
    """Have the SDK play a scenario against a server, and give its answers."""
    python = install("firebolt-sdk", "firebolt-sdk==1.19.1")

    def scenario(name: str, server: LocalServer) -> Any:
        return run(python, _SCRIPT, name, str(server.port))

    return scenario


@pytest.fixture(scope="module")
def core() -> Iterator[LocalServer]:
    with LocalServer() as server:
        yield server


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalServer]:
    with LocalServer(
        databases=["sales", "stock"],
        users={"ada@example.com": "lovelace"},
        service_accounts={"robot": "s3cret"},
        accounts=["acme"],
    ) as server:
        yield server


@pytest.mark.parametrize("kind", ["core", "v1", "v2"])
def test_queries(play: Play, core: LocalServer, cloud: LocalServer, kind: str) -> None:
    """Core, password and cloud accounts: types, parameters, several inserts, settings, errors."""
    found = play(kind, core if kind == "core" else cloud)
    assert found["names"] == ["i", "b", "n", "t", "o", "d", "s", "a", "z"]
    assert found["row"] == [
        *("1", "2", "Decimal('1.50')", "'x'", "True"),
        *("datetime.date(2020, 1, 2)", "datetime.datetime(2020, 1, 2, 3, 4, 5)", "[1, 2]", "None"),
    ]
    assert found["parameters"] == [["a\\b", "it's"]]
    assert found["error"].startswith("FireboltStructuredError")
    assert "nix" in found["error"]
    assert found["database"] == [["firebolt" if kind == "core" else "sales"]]
    assert found["people"] == [[1, "Ada"], [2, "Grace"]]
    assert found["zone"] == ["2020-01-01 09:00:00+09"]


def test_async_queries_and_streams(play: Play, cloud: LocalServer) -> None:
    """Queries at once on one connection, and a result read row by row."""
    found = play("awaited", cloud)
    assert found == {"numbers": list(range(20)), "total": sum(range(100_000))}


def test_transactions_and_streams(play: Play, core: LocalServer) -> None:
    """What is committed is seen by others, what is rolled back never was."""
    found = play("transactions", core)
    assert found == {"unseen": [], "kept": [[1], [3]], "total": sum(range(100_000))}


def test_queries_without_their_client(play: Play, cloud: LocalServer) -> None:
    """Server-side async: one query ends well, one is cancelled."""
    assert play("without_client", cloud) == [True, [[42]], False]


def test_the_resource_manager_of_password_accounts(play: Play) -> None:
    """Databases and engines by REST: made, bound, stopped, started, listed, dropped."""
    with LocalServer(
        databases=["sales"],
        users={"ada@example.com": "lovelace"},
        accounts=["acme"],
    ) as server:
        _unbound_engine(server)
        found = play("manager_v1", server)
    summaries = ["ENGINE_STATUS_SUMMARY_STOPPED", "ENGINE_STATUS_SUMMARY_RUNNING"]
    assert found == {
        "created": ["shop", "d", []],
        "updated": "new",
        "bound": ["spare"],
        "states": summaries,
        "error": found["error"],
        "ran": [["shop", "spare"]],
        "names": ["shop", "sales"],
        "left": ["sales"],
    }
    assert found["error"].startswith("EngineNotRunningError")


def _unbound_engine(server: LocalServer) -> None:
    auth = UsernamePassword("ada@example.com", "lovelace", use_token_cache=False)
    with connect(auth=auth, database="sales", api_endpoint=server.url) as connection:
        connection.cursor().execute("CREATE ENGINE spare WITH AUTO_START = false")


def test_the_resource_manager_of_cloud_accounts(play: Play, cloud: LocalServer) -> None:
    """Databases and engines by SQL; the system engine refuses to write."""
    found = play("manager_v2", cloud)
    assert found == {
        "created": ["shop", "it's", "robot"],
        "made": ["fast", "S", 2, 30, "shop"],
        "states": ["STOPPED", "RUNNING"],
        "ran": [["shop", "faster"]],
        "error": found["error"],
        "found": ["faster"],
        "description": "new",
        "left": [["sales", "stock"], "faster"],
    }
    assert "system engine doesn't support INSERT statements." in found["error"]


def test_service_accounts(play: Play, cloud: LocalServer) -> None:
    """A key that was made by SQL connects once a user is linked to its service account."""
    found = play("service_accounts", cloud)
    assert found["nowhere"] == [["account_db", "system"]]
    assert found["tables"].startswith("FireboltStructuredError")
    assert (found["name"], found["unlinked"]) == ("bot", "AccountNotFoundOrNoAccessError")
    assert found["linked"] == found["v1"] == [[1]]
