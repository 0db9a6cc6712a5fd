"""Auth classes of the user's own."""

import threading

import httpx
import pytest

from firebolt_like.client.auth import AccessToken, Auth, LoginAuth
from firebolt_like.errors import ConfigurationError


class Vault(Auth):
    """Gets a token with a function."""

    def __init__(self, warehouse, **keywords):
        super().__init__(**keywords)
        self.warehouse = warehouse
        self.threads = []

    def fetch_token(self):
        self.threads.append(threading.current_thread())
        token = f"vault-{len(self.threads)}"
        self.warehouse.live.add(token)
        return token


def asks(face, warehouse, auth, times=1):
    async def scenario():
        async with face.client(auth=auth, transport=warehouse) as client:
            return [(await client.get("/data")).json()["token"] for _ in range(times)]

    return face.run(scenario)


def test_a_function_that_gives_a_token(face, warehouse):
    """`fetch_token` as def serves all clients, once for all requests; tasks run it in a thread."""
    auth = Vault(warehouse)
    assert asks(face, warehouse, auth, 3) == ["vault-1"] * 3
    assert (auth.threads == [threading.current_thread()]) == face.blocking


def test_a_refused_token_is_fetched_anew(face, warehouse):
    """After a 401 the function is asked for another token."""
    auth = Vault(warehouse)

    async def scenario():
        async with face.client(auth=auth, transport=warehouse) as client:
            await client.get("/data")
            warehouse.withdraw()
            assert (await client.get("/data")).json()["token"] == "vault-2"

    face.run(scenario)


def test_all_who_start_together_ask_once(face, warehouse):
    """Threads and tasks share what the function gives."""
    auth = Vault(warehouse)

    async def scenario():
        async with face.client(auth=auth, transport=warehouse) as client:
            await face.at_once(20, lambda: client.get("/data"))

    face.run(scenario)
    assert len(auth.threads) == 1


def test_a_token_with_a_life_is_renewed_before_its_end(face, warehouse, clock):
    """A function that says how long its token lives is asked again in time."""

    class Timed(Vault):
        def fetch_token(self):
            return AccessToken(super().fetch_token(), expires_in=100)

    auth = Timed(warehouse, clock=clock)
    assert asks(face, warehouse, auth) == ["vault-1"]
    clock.now += 91
    assert asks(face, warehouse, auth) == ["vault-2"]


def test_an_async_function_serves_async_clients_alone(face, warehouse):
    """`fetch_token` as async def is awaited; a sync client says that it cannot."""

    class AsyncVault(Auth):
        async def fetch_token(self):
            warehouse.live.add("async")
            return "async"

    if face.blocking:
        with pytest.raises(ConfigurationError, match="async def"):
            asks(face, warehouse, AsyncVault())
    else:
        assert asks(face, warehouse, AsyncVault()) == ["async"]


def test_an_error_of_the_function_is_the_callers(face, warehouse):
    """What the function raises arrives as it is, and the next request asks again."""

    class Failing(Vault):
        def fetch_token(self):
            if super().fetch_token() == "vault-1":
                raise LookupError("sealed")
            return "vault-2"

    auth = Failing(warehouse)
    with pytest.raises(LookupError, match="sealed"):
        asks(face, warehouse, auth)
    assert asks(face, warehouse, auth) == ["vault-2"]


@pytest.mark.parametrize("token", [None, 5, "line\n"])
def test_a_function_that_gives_no_token_is_told_so(face, warehouse, token):
    """What is no token is an error, not a header."""

    class Wrong(Auth):
        def fetch_token(self):
            return token

    with pytest.raises(ConfigurationError, match="printable ASCII"):
        asks(face, warehouse, Wrong())


def test_a_login_of_ones_own(face, warehouse):
    """A subclass of LoginAuth only says which request logs in."""

    class Partner(LoginAuth):
        def login_request(self, endpoint):
            return httpx.Request("POST", f"{endpoint}/partner", json={"key": self.secret})

    warehouse.answers["/partner"] = lambda _: httpx.Response(200, json=warehouse.new_token())
    assert asks(face, warehouse, Partner("me", "k", use_token_cache=False), 2) == ["token-0"] * 2
    (sent,) = warehouse.to("/partner")
    assert str(sent.url) == "https://id.example.com/partner"


def test_a_login_of_ones_own_needs_a_request(face, warehouse):
    """LoginAuth itself cannot log in, and says so."""
    with pytest.raises(ConfigurationError, match="LoginAuth cannot log in"):
        asks(face, warehouse, LoginAuth("me", "k", use_token_cache=False))
