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
STREAMED_ON_V1 = "both refuse to stream there, but the SDK's error is outside of PEP 249's tree"


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
    known = dict(DIFFERENT)
    if kind == "v1":
        streamed = {name for name in ours if name.endswith(", streamed")}
        assert [ours[name] for name in streamed] == [["NotSupportedError"]] * len(streamed)
        known |= dict.fromkeys(streamed, STREAMED_ON_V1)
    different = {name for name in ours if ours[name] != theirs[name]}
    assert {name: (ours[name], theirs[name]) for name in different - known.keys()} == {}
    assert different == known.keys()
