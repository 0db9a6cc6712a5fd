"""When a token is fetched, shared and renewed, in threads and in tasks."""

import json
import threading

import anyio
import httpx
import pytest

from firebolt_like.client.auth import ClientCredentials, Token, UsernamePassword
from firebolt_like.client.client import AsyncClient, Client
from firebolt_like.errors import AuthenticationError, ServerConnectionError


@pytest.fixture
def auth(clock):
    return UsernamePassword("me", "secret", use_token_cache=False, clock=clock)


def test_one_login_for_all_who_start_together(face, warehouse, auth):
    """100 tasks, or 32 threads, that start together log in once, and each gets its answer."""
    warehouse.linger = True

    async def scenario():
        async with face.client(auth=auth, transport=warehouse) as client:
            count = 32 if face.blocking else 100
            answers = await face.at_once(count, lambda: client.get("/data"))
            assert [answer.status_code for answer in answers] == [200] * count

    face.run(scenario)
    assert len(warehouse.logins) == 1


def test_one_login_for_several_clients(face, warehouse, auth):
    """Clients that share an auth object and an endpoint share its token."""

    async def scenario():
        for _ in range(3):
            async with face.client(auth=auth, transport=warehouse) as client:
                assert (await client.get("/data")).status_code == 200

    face.run(scenario)
    assert len(warehouse.logins) == 1


def test_an_auth_object_serves_several_event_loops_and_both_clients(face, warehouse, auth):
    """One auth object may be used in one event loop after another."""

    async def scenario():
        async with face.client(auth=auth, transport=warehouse) as client:
            warehouse.withdraw()
            answers = await face.at_once(5, lambda: client.get("/data"))
            assert {answer.status_code for answer in answers} == {200}

    face.run(scenario)
    face.run(scenario)
    with Client(auth=auth, transport=warehouse, api_endpoint="https://api.example.com") as client:
        assert client.get("/data").status_code == 200
    assert len(warehouse.logins) == 2


def test_endpoints_have_tokens_of_their_own(face, warehouse, auth):
    """A token of one endpoint is never sent for another, when clients share an auth object."""

    async def scenario():
        for host in ("api.one.com", "api.two.com"):
            async with face.client(auth=auth, transport=warehouse, api_endpoint=host) as client:
                await client.get("/data")

    face.run(scenario)
    assert [request.url.host for request in warehouse.logins] == ["api.one.com", "api.two.com"]
    assert [r.headers["Authorization"] for r in warehouse.to("/data")] == [
        "Bearer token-1",
        "Bearer token-2",
    ]


@pytest.mark.parametrize("life", [(3600, 3539, 3541), (100, 49, 51), (1, 0.49, 0.51)])
def test_renewed_shortly_before_it_expires(face, warehouse, auth, clock, life):
    """A token is renewed a minute before its end, or in the second half of a short life."""
    warehouse.lifetime, fresh, stale = life
    start = clock.now

    async def scenario():
        async with face.client(auth=auth, transport=warehouse) as client:
            await client.get("/data")
            clock.now = start + fresh
            await client.get("/data")
            assert len(warehouse.logins) == 1
            clock.now = start + stale
            await client.get("/data")
            assert len(warehouse.logins) == 2

    face.run(scenario)


def test_a_token_without_life_still_serves_all_who_waited(face, warehouse, auth):
    """A token that has expired when it comes is used by those who waited for it: no login each."""
    warehouse.lifetime = 0
    warehouse.linger = True

    async def scenario():
        async with face.client(auth=auth, transport=warehouse) as client:
            answers = await face.at_once(20, lambda: client.get("/data"))
            assert {answer.status_code for answer in answers} == {200}

    face.run(scenario)
    assert len(warehouse.logins) == 1


def test_a_refused_token_is_renewed_once_and_the_request_sent_again(face, warehouse, auth):
    """After a 401 there is one login, and the same request with the same body once more."""

    async def scenario():
        async with face.client(auth=auth, transport=warehouse) as client:
            await client.get("/data")
            warehouse.withdraw()
            answer = await client.post("/data", content=b"select 1")
            assert answer.json() == {"token": "token-2", "body": "select 1"}
            assert [past.status_code for past in answer.history] == [401, 200]

    face.run(scenario)
    assert len(warehouse.logins) == 2


def test_one_renewal_for_all_whose_token_is_refused(face, warehouse, auth):
    """When many get a 401 for the same token, one logs in and all are sent again."""

    async def scenario():
        async with face.client(auth=auth, transport=warehouse) as client:
            await client.get("/data")
            warehouse.withdraw()
            answers = await face.at_once(20, lambda: client.get("/data"))
            assert {answer.status_code for answer in answers} == {200}

    face.run(scenario)
    assert len(warehouse.logins) == 2


def test_a_second_refusal_is_the_answer(face, warehouse, auth):
    """What comes after the renewal is given to the caller, also another 401."""
    warehouse.answers["/data"] = (401,)

    async def scenario():
        async with face.client(auth=auth, transport=warehouse) as client:
            assert (await client.get("/data")).status_code == 401

    face.run(scenario)
    assert (len(warehouse.logins), len(warehouse.to("/data"))) == (2, 2)


@pytest.mark.parametrize(
    ("text", "logins"), [("engine: HTTP status code: 401 (no)", 2), ("out of memory", 1)]
)
def test_a_refusal_inside_a_500(face, warehouse, auth, text, logins):
    """A 500 that passes a 401 on is a refusal too; any other 500 is given as it is."""
    warehouse.answers["/data"] = lambda _: httpx.Response(500, text=text)

    async def scenario():
        async with face.client(auth=auth, transport=warehouse) as client:
            answer = await client.get("/data")
            assert (answer.status_code, answer.text) == (500, text)

    face.run(scenario)
    assert len(warehouse.logins) == logins


class _Stream(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that notes whether it was read."""

    def __init__(self):
        self.read = False

    def __iter__(self):
        self.read = True
        yield b"rows"

    async def __aiter__(self):
        self.read = True
        yield b"rows"


@pytest.mark.parametrize("status", [200, 400])
def test_streams_stay_streams(face, warehouse, auth, status):
    """The auth flow reads no body that it does not need."""
    body = _Stream()
    warehouse.answers["/data"] = lambda _: httpx.Response(status, stream=body)

    async def scenario():
        async with face.client(auth=auth, transport=warehouse) as client:
            answer = await client.send(client.build_request("GET", "/data"), stream=True)
            assert not body.read
            if face.blocking:
                assert answer.read() == b"rows"
            else:
                assert await answer.aread() == b"rows"

    face.run(scenario)


def test_a_body_that_is_used_up_is_not_sent_again(face, warehouse, auth):
    """An upload from a generator gets its 401; the next request has a new token."""

    def pieces():
        yield b"piece"

    async def pieces_async():
        yield b"piece"

    async def scenario():
        async with face.client(auth=auth, transport=warehouse) as client:
            await client.get("/data")
            warehouse.withdraw()
            upload = pieces() if face.blocking else pieces_async()
            assert (await client.post("/data", content=upload)).status_code == 401
            assert len(warehouse.to("/data")) == 2
            upload = pieces() if face.blocking else pieces_async()
            assert (await client.post("/data", content=upload)).status_code == 200

    face.run(scenario)
    assert len(warehouse.logins) == 2


def test_renewal_by_refresh_token(face, warehouse, auth, clock):
    """A login answer's refresh token renews the token, as often as needed, without the secret."""
    warehouse.refresh_tokens = True

    async def scenario():
        async with face.client(auth=auth, transport=warehouse) as client:
            for _ in range(3):
                assert (await client.get("/data")).status_code == 200
                clock.now += 4000

    face.run(scenario)
    assert len(warehouse.logins) == 1
    sent = warehouse.to("/auth/v1/refresh")
    assert len(sent) == 2
    assert str(sent[0].url) == "https://api.example.com/auth/v1/refresh"
    assert json.loads(sent[0].content) == {"refresh_token": "the-refresh-token"}


@pytest.mark.parametrize("answer", [(401,), (404,), (500,), (200, None, b"<html>")])
def test_a_refused_refresh_token_falls_back_to_the_login(face, warehouse, auth, clock, answer):
    """When the refresh token is worth nothing, the credentials log in."""
    warehouse.refresh_tokens = True
    warehouse.answers["/auth/v1/refresh"] = (
        answer if len(answer) == 1 else lambda _: httpx.Response(200, content=answer[2])
    )

    async def scenario():
        async with face.client(auth=auth, transport=warehouse) as client:
            await client.get("/data")
            clock.now += 4000
            assert (await client.get("/data")).status_code == 200

    face.run(scenario)
    assert len(warehouse.logins) == 2


def test_refused_credentials_are_asked_once_for_all_who_wait(face, warehouse, auth):
    """All who waited for a login that was refused get its error; the next request tries again."""
    warehouse.linger = True
    warehouse.answers["/auth/v1/login"] = lambda _: httpx.Response(401, json={"message": "no"})

    async def scenario():
        async with face.client(auth=auth, transport=warehouse) as client:
            errors = await face.at_once(20, lambda: client.get("/data"))
            assert {type(error) for error in errors} == {AuthenticationError}
            assert len({str(error) for error in errors}) == 1
            assert len({id(error) for error in errors}) == 20
            assert len(warehouse.logins) == 1
            del warehouse.answers["/auth/v1/login"]
            assert (await client.get("/data")).status_code == 200

    face.run(scenario)


def test_tasks_do_not_wait_one_after_another_for_a_server_that_is_not_there(warehouse, auth):
    """All tasks that waited for a login without answer fail with it, rather than try in a row."""

    def refuse(request):
        raise httpx.ConnectTimeout("nobody there", request=request)

    warehouse.answers["/auth/v1/login"] = refuse

    async def scenario():
        errors = []

        async def ask(client):
            try:
                await client.get("/data")
            except ServerConnectionError as error:
                errors.append(error)

        client = AsyncClient(auth=auth, transport=warehouse)
        async with client, anyio.create_task_group() as tasks:
            for _ in range(20):
                tasks.start_soon(ask, client)
        assert len(errors) == 20
        assert all(isinstance(error.__cause__, httpx.ConnectTimeout) for error in errors)

    for backend in ("asyncio", "trio"):
        warehouse.requests.clear()
        anyio.run(scenario, backend=backend)
        assert len(warehouse.logins) == 1


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_cancelled_login_lets_the_next_one_log_in(warehouse, auth, backend):
    """When the task that logs in is cancelled, one of those who wait takes over."""

    async def scenario():
        started = anyio.Event()
        answers = []

        class Slow(httpx.AsyncBaseTransport):
            async def handle_async_request(self, request):
                if request.url.path == "/auth/v1/login" and not started.is_set():
                    started.set()
                    await anyio.sleep_forever()
                return await warehouse.handle_async_request(request)

        async def first(client, scope):
            with scope:
                await client.get("/data")

        async def other(client):
            answers.append(await client.get("/data"))

        client = AsyncClient(auth=auth, transport=Slow())
        async with client, anyio.create_task_group() as tasks:
            scope = anyio.CancelScope()
            tasks.start_soon(first, client, scope)
            await started.wait()
            for _ in range(5):
                tasks.start_soon(other, client)
            await anyio.wait_all_tasks_blocked()
            scope.cancel()
        assert [answer.status_code for answer in answers] == [200] * 5

    anyio.run(scenario, backend=backend)
    assert len(warehouse.logins) == 1


def test_an_interrupted_thread_lets_the_next_one_log_in(warehouse, auth):
    """Ctrl-C during a login leaves the auth object usable."""

    def interrupt(request):
        raise KeyboardInterrupt

    warehouse.answers["/auth/v1/login"] = interrupt
    with Client(auth=auth, transport=warehouse) as client:
        with pytest.raises(KeyboardInterrupt):
            client.get("/data")
        del warehouse.answers["/auth/v1/login"]
        done = []
        thread = threading.Thread(target=lambda: done.append(client.get("/data")), daemon=True)
        thread.start()
        thread.join(10)
        assert done[0].status_code == 200


def test_a_refused_given_token_is_an_error(face, warehouse):
    """A token that cannot be renewed says so, and is tried again with the next request."""

    async def scenario():
        async with face.client(auth=Token("mine"), transport=warehouse) as client:
            with pytest.raises(AuthenticationError, match="no longer valid"):
                await client.get("/data")
            warehouse.live.add("mine")
            assert (await client.get("/data")).status_code == 200

    face.run(scenario)


def test_plain_httpx_clients_log_in_where_they_send(face, warehouse, clock):
    """With httpx's own clients the login goes to the address of the request, by the same rule."""
    password = UsernamePassword("me", "secret", use_token_cache=False, clock=clock)
    cloud = ClientCredentials("me", "secret", use_token_cache=False, clock=clock)

    async def scenario():
        for auth in (password, cloud):
            async with face.plain_client(auth=auth, transport=warehouse) as client:
                answer = await client.get("https://engine.example.com:8443/data")
                assert answer.status_code == 200

    face.run(scenario)
    assert [str(request.url) for request in warehouse.logins] == [
        "https://engine.example.com:8443/auth/v1/login",
        "https://id.example.com:8443/oauth/token",
    ]


def test_plain_httpx_clients_log_in_where_the_auth_object_says(face, warehouse):
    """`auth_endpoint=` on the auth object names the place for clients that are not ours."""
    auth = ClientCredentials(
        "me", "secret", use_token_cache=False, auth_endpoint="http://127.0.0.1:9000/"
    )

    async def scenario():
        async with face.plain_client(auth=auth, transport=warehouse) as client:
            assert (await client.get("https://one.example.com/data")).status_code == 200
            assert (await client.get("https://two.example.com/data")).status_code == 200

    face.run(scenario)
    assert [str(request.url) for request in warehouse.logins] == [
        "http://127.0.0.1:9000/oauth/token"
    ]
