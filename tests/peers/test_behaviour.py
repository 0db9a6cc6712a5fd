"""One behaviour file on our client and on the public SDK: equal answers, or a known reason."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from firebolt_like.local import LocalServer
from tests.peers.conftest import Install, Run

_SCRIPT = Path(__file__).with_name("behaviour.py")

DIFFERENT: dict[str, str] = {
    # what the two tell differently, and why ours is right
    "too few parameters": "PEP 249 says ProgrammingError for a wrong number of parameters",
}


@pytest.fixture(scope="module")
def core() -> Iterator[LocalServer]:
    with LocalServer(databases=["sales"]) as server:
        yield server


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalServer]:
    with LocalServer(
        databases=["sales"],
        users={"ada@example.com": "lovelace"},
        service_accounts={"robot": "s3cret"},
        accounts=["acme"],
    ) as server:
        yield server


@pytest.mark.parametrize("kind", ["core", "v1", "v2"])
def test_both_clients_give_the_same_answers(
    install: Install, run: Run, core: LocalServer, cloud: LocalServer, kind: str
) -> None:
    """Value by value and type by type; each difference is listed with its reason."""
    port = str((core if kind == "core" else cloud).port)
    sdk = install("firebolt-sdk", "firebolt-sdk==1.19.1")
    theirs = run(sdk, _SCRIPT, "firebolt", kind, port)
    ours = run(Path(sys.executable), _SCRIPT, "firebolt_like", kind, port)
    assert ours.keys() == theirs.keys()
    different = {name for name in ours if ours[name] != theirs[name]}
    assert {name: (ours[name], theirs[name]) for name in different - DIFFERENT.keys()} == {}
    assert different == DIFFERENT.keys()
    # streams are not for password accounts, and both clients say so
    refused = {name for name in ours if ours[name] == ["NotSupportedError"]}
    assert refused == {name for name in ours if kind == "v1" and name.endswith(", streamed")}
