"""One behaviour file on our client and on the public SDK: equal answers, or a known reason."""

import sys
from pathlib import Path

from firebolt_like.local import LocalServer
from tests.peers.conftest import Install, Run

_SCRIPT = Path(__file__).with_name("behaviour.py")

DIFFERENT: dict[str, str] = {
    # what the two tell differently, and why ours is right
    "too few parameters": "PEP 249 says ProgrammingError for a wrong number of parameters",
}


def test_both_clients_give_the_same_answers(install: Install, run: Run) -> None:
    """Value by value and type by type; each difference is listed with its reason."""
    with LocalServer() as server:
        theirs = run(
            install("firebolt-sdk", "firebolt-sdk==1.19.1"), _SCRIPT, "firebolt", str(server.port)
        )
        ours = run(Path(sys.executable), _SCRIPT, "firebolt_like", str(server.port))
    assert ours.keys() == theirs.keys()
    different = {name for name in ours if ours[name] != theirs[name]}
    assert {name: (ours[name], theirs[name]) for name in different - DIFFERENT.keys()} == {}
    assert different == DIFFERENT.keys()
