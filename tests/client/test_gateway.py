"""Each way to an engine: the exact requests it takes, and what becomes of odd answers."""

import json

import httpx
import pytest

from firebolt_like.client.auth import AccountKind, FireboltCore, Token
from firebolt_like.client.client import AsyncClient, Client
from firebolt_like.client.gateway import (
    Cache,
    Cloud,
    Core,
    Discovery,
    PasswordAccount,
    Wire,
    with_scheme,
)
from firebolt_like.client.httpx_io import AsyncIO, BlockingIO
from firebolt_like.client.retry import Budget, Retry
from firebolt_like.errors import (
    AccountNotFoundError,
    AuthenticationError,
    ConfigurationError,
    EngineNotRunningError,
    Error,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
    ServerResponseError,
)

API = "https://api.example.com"
SYSTEM = "https://sys.example.com"


class Script:
    """Answers a request by a part of how it is told below; keeps what it was asked, in order."""

    def __init__(self, answers=None):
        self.answers = answers or {}
        self.requests = []

    @property
    def asked(self):
        return [self._told(request) for request in self.requests]

    @staticmethod
    def _told(request):
        path = request.url.raw_path.decode()
        body = request.content.decode()
        return f"{request.method} {request.url.host}{path} {body}".strip()

    def __call__(self, request):
        self.requests.append(request)
        for part, answer in self.answers.items():
            if part in self._told(request):
                return answer() if callable(answer) else answer
        return httpx.Response(404, text="nobody knows")


def give(value, status=200, headers=()):
    """An answer that may be given many times."""
    content = value if isinstance(value, bytes) else json.dumps(value).encode()
    return lambda: httpx.Response(status, content=content, headers=list(headers))


def in_turn(*answers):
    """One answer after another."""
    rest = iter(answers)

    def answer():
        return next(rest)()

    return answer


def used(*headers, endpoint=None):
    """The answer to USE."""
    found = [("Firebolt-Update-Parameters", header) for header in headers]
    if endpoint is not None:
        found.append(("Firebolt-Update-Endpoint", endpoint))
    return give({"meta": [], "data": [], "rows": 0, "statistics": {}}, headers=found)


@pytest.fixture
def find(face):
    """Open a gateway against a script, on each face."""

    def run_open(gateway, script, *, auth=None, account_name=None, retry=None):
        keywords = {
            "auth": auth or Token("t"),
            "account_name": account_name,
            "api_endpoint": API,
            "transport": httpx.MockTransport(script),
        }

        async def scenario():
            io = (
                BlockingIO(Client(**keywords))
                if face.blocking
                else AsyncIO(AsyncClient(**keywords))
            )
            try:
                wire = Wire(io, retry or Retry(attempts=1), Budget(io, 10))
                return await gateway.open(wire)
            finally:
                await io.close()

        return face.run(scenario)

    return run_open


# Core


def test_core_asks_nothing(find):
    """A fixed URL needs no request, and without a database the server's own is used."""
    script = Script()
    session = find(Core("http://core.test:3473", "d"), script, auth=FireboltCore())
    assert session.target() == "http://core.test:3473/?database=d"
    assert find(Core(), script, auth=FireboltCore()).target() == "http://localhost:3473/"
    assert script.asked == []
    Core().forget()


# Discovery


@pytest.mark.parametrize(
    ("document", "target"),
    [
        ({"engineUrl": "e.test:3473/?found=v"}, "https://e.test:3473/?found=v"),
        ({"engineUrl": "127.0.0.1:1", "instance": {"id": "x", "auth": None}}, "https://127.0.0.1:1/"),
        ({"query_url": "http://e.test/query"}, "http://e.test/query"),
        ({"queryUrl": "/query?x=1"}, "https://host.test:1234/query?x=1"),
        ({"engine_url": "e.test"}, "https://e.test/"),
        ({"endpoint": "e.test"}, "https://e.test/"),
        ({"url": "e.test", "engineUrl": "first.test"}, "https://first.test/"),
        *(
            ({"endpoints": {key: "e.test/q"}}, "https://e.test/q")
            for key in ("query", "query_url", "queryUrl", "sql", "engine")
        ),
        ({}, "https://host.test:1234/"),
        ({"instance": {"id": "x"}}, "https://host.test:1234/"),
        ({"parameters": {"database": "p", "url": 7}}, "https://host.test:1234/?database=p&url=7"),
        (
            {"engineUrl": "e.test?database=q", "parameters": {"database": "p"}},
            "https://e.test/?database=p",
        ),
        ({"engineUrl": 5, "endpoints": [], "parameters": "x", "instance": "y"},
         "https://host.test:1234/"),
        ({"engineUrl": "", "url": None, "parameters": None}, "https://host.test:1234/"),
    ],
)  # fmt: skip
def test_a_discovery_document_of_any_shape_is_read(find, document, target):
    """All shapes in circulation lead to the same session, asked for without credentials."""
    script = Script({"/.well-known/firebolt": give(document)})
    assert find(Discovery("https://host.test:1234"), script).target() == target
    assert script.asked == ["GET host.test/.well-known/firebolt"]
    assert "Authorization" not in script.requests[0].headers


def test_what_is_chosen_wins_over_what_is_discovered(find):
    """Database and engine of connect() replace the document's."""
    document = {"engineUrl": "e.test?database=x&engine=y", "parameters": {"database": "z"}}
    script = Script({"/.well-known": give(document)})
    session = find(Discovery("http://h.test", "mine", "my engine"), script)
    assert session.target() == "http://e.test/?database=mine&engine=my%20engine"


@pytest.mark.parametrize(
    ("answer", "kind", "told"),
    [
        (give(b"not found", 404), ServerResponseError, "no discovery document"),
        (give({}, 500), ServerResponseError, "status 500"),
        (give(b"<html>"), ServerResponseError, "not a JSON object"),
        (give([]), ServerResponseError, "not a JSON object"),
        (give(b"[" * 100_000), ServerResponseError, "not a JSON object"),
        (give({"instance": {"auth": {"oauth": {}}}}), NotSupportedError, "login"),
        (give({"engineUrl": "https://e.test:port"}), ConfigurationError, "address"),
    ],
)
def test_a_server_without_a_usable_document_is_a_clear_error(find, answer, kind, told):
    """What is wrong is said, and what to give instead."""
    with pytest.raises(kind, match=told) as caught:
        find(Discovery("https://host.test"), Script({"/.well-known": answer}))
    if kind is ServerResponseError:
        assert caught.value.hint


# Password accounts

ACCOUNT = give({"account": {"id": "acc/1", "name": "acme"}})
PASSWORD_ANSWERS = {
    "getIdByName?account_name": give({"account_id": "acc/2"}),
    "/iam/v2/account": ACCOUNT,
    "engines:getURLByDatabaseName": give({"engine_url": "default.eng.test"}),
    "engines:getIdByName": give({"engine_id": {"engine_id": "e/1", "account_id": "acc/1"}}),
    "engines/e%2F1": give({"engine": {"endpoint": "https://named.eng.test/?x=1", "name": "e"}}),
}
NAME = 'a "b"/c?d&e=f#g ü'
QUOTED = "a%20%22b%22%2Fc%3Fd%26e%3Df%23g%20%C3%BC"


def test_the_default_engine_of_a_database_is_found(find):
    """Two lookups, with names that are quoted."""
    script = Script(PASSWORD_ANSWERS)
    session = find(PasswordAccount(API, None, NAME), script)
    assert session.url == "https://default.eng.test/"
    assert session.fixed == {"database": NAME}
    assert script.asked == [
        "GET api.example.com/iam/v2/account",
        (
            "GET api.example.com/core/v1/accounts/acc%2F1/engines:getURLByDatabaseName"
            f"?database_name={QUOTED}"
        ),
    ]


def test_an_engine_is_found_by_its_name(find):
    """Three lookups; the engine's own scheme and parameters are kept."""
    script = Script(PASSWORD_ANSWERS)
    session = find(PasswordAccount(API, "acme", "d", NAME), script, account_name="acme")
    assert session.target() == "https://named.eng.test/?x=1&database=d"
    assert script.asked == [
        "GET api.example.com/iam/v2/accounts:getIdByName?account_name=acme",
        f"GET api.example.com/core/v1/accounts/acc%2F2/engines:getIdByName?engine_name={QUOTED}",
        "GET api.example.com/core/v1/accounts/acc%2F2/engines/e%2F1",
    ]


def test_an_engines_url_needs_no_lookup(find):
    """Only an account's name is checked, where it is given."""
    script = Script(PASSWORD_ANSWERS)
    given = PasswordAccount(API, None, "d", engine_url="eng.test:8080")
    assert find(given, script).target() == "https://eng.test:8080/?database=d"
    assert script.asked == []
    given = PasswordAccount(API, "acme", "d", engine_url="eng.test:8080")
    find(given, script, account_name="acme")
    assert len(script.asked) == 1
    given.forget()


@pytest.mark.parametrize(
    "keywords",
    [{}, {"database": ""}, {"database": "d", "engine_name": "e", "engine_url": "u"}],
)
def test_a_password_account_wants_a_database_and_one_engine(keywords):
    """Contradictions are told before anything is sent."""
    with pytest.raises(ConfigurationError, match=r"database|engine"):
        PasswordAccount(API, **keywords)


@pytest.mark.parametrize("engine", ["e", None])
@pytest.mark.parametrize(
    ("answer", "kind", "told"),
    [
        (give(b"", 404), ProgrammingError, "404"),
        (give({"message": "no such thing", "code": 5}, 404), ProgrammingError, "no such thing"),
        (give(b"it is stopped", 404), EngineNotRunningError, "stopped"),
        (give(b"down", 503), OperationalError, "down"),
        (give(b"who?", 403), ProgrammingError, "who"),
        (give(b"<html>"), ServerResponseError, "JSON"),
        (give({}), ServerResponseError, "engine"),
        (give({"engine_url": None, "engine_id": "x"}), ServerResponseError, "engine"),
        (give({"engine_url": 7, "engine_id": {"engine_id": 7}}), ServerResponseError, "engine"),
        (give([]), ServerResponseError, "JSON"),
    ],
)
def test_a_lookup_that_fails_is_a_clear_error(find, engine, answer, kind, told):
    """The message says what was looked up and what the server said."""
    script = Script({"/iam/v2/account": ACCOUNT, "/engines:": answer})
    with pytest.raises(kind, match=told) as caught:
        find(PasswordAccount(API, None, "sales", engine), script)
    if type(caught.value) is ProgrammingError:
        assert repr(engine or "sales") in str(caught.value)


def test_a_lookup_is_repeated_when_the_server_is_busy(find):
    """Lookups are safe to repeat."""
    busy = in_turn(give(b"", 502), give(b"", 503), give({"engine_url": "e.test"}))
    script = Script({"/iam/v2/account": ACCOUNT, "/engines:": busy})
    retry = Retry(attempts=3, base=0)
    session = find(PasswordAccount(API, None, "d"), script, retry=retry)
    assert session.url == "https://e.test/"
    assert len(script.asked) == 4


# Cloud accounts

GATEWAY = {"/engineUrl": give({"engineUrl": "sys.example.com?account_id=A"})}
CLOUD_ANSWERS = {
    **GATEWAY,
    "USE DATABASE": used("database=db1"),
    "USE ENGINE": used(endpoint="eng.example.com?engine=e1&account_id=A"),
}
URL_REQUEST = "GET api.example.com/web/v3/account/acme/engineUrl"
FORMAT = "output_format=JSON_Compact"
TOKEN = Token("t", account_kind=AccountKind.CLOUD)


class Clock:
    now = 5000.0

    def __call__(self):
        return self.now


@pytest.fixture
def cache():
    return Cache(clock=Clock())


def cloud(cache, database=None, engine_name=None, *, key="k", account_name="acme"):
    return Cloud(API, account_name, database, engine_name, key, cache)


def test_a_cold_connect_takes_three_requests(find, cache):
    """The gateway, USE DATABASE and USE ENGINE, each with what the one before gave."""
    script = Script(CLOUD_ANSWERS)
    session = find(cloud(cache, "db1", "e1"), script, auth=TOKEN)
    assert script.asked == [
        URL_REQUEST,
        f'POST sys.example.com/?account_id=A&{FORMAT} USE DATABASE "db1"',
        f'POST sys.example.com/?account_id=A&database=db1&{FORMAT} USE ENGINE "e1"',
    ]
    assert session.url == "https://eng.example.com/"
    assert session.fixed == {"account_id": "A", "database": "db1", "engine": "e1"}


@pytest.mark.parametrize(
    ("database", "engine", "count"), [(None, None, 1), ("db1", None, 2), (None, "e1", 2)]
)
def test_what_is_not_chosen_is_not_asked_for(find, cache, database, engine, count):
    """Each missing one skips its statement."""
    script = Script(CLOUD_ANSWERS)
    find(cloud(cache, database, engine), script, auth=TOKEN)
    assert len(script.asked) == count


def test_an_engine_may_be_a_parameter(find, cache):
    """A server that has all engines at one URL names the engine as a parameter."""
    script = Script({**CLOUD_ANSWERS, "USE ENGINE": used("engine=e1")})
    session = find(cloud(cache, "db1", "e1"), script, auth=TOKEN)
    assert session.target() == f"{SYSTEM}/?account_id=A&database=db1&engine=e1"


def test_names_are_quoted(find, cache):
    """Quotes, slashes and letters of any script are part of a name, and nothing else."""
    script = Script({"engineUrl": give({"engineUrl": "sys.example.com"}), "USE": used()})
    find(cloud(cache, 'd"; DROP', "ü/e", account_name=NAME), script, auth=TOKEN)
    assert script.asked == [
        f"GET api.example.com/web/v3/account/{QUOTED}/engineUrl",
        f'POST sys.example.com/?{FORMAT} USE DATABASE "d""; DROP"',
        f'POST sys.example.com/?{FORMAT} USE ENGINE "ü/e"',
    ]


@pytest.mark.parametrize(
    ("engine_url", "address"),
    [
        ("sys.example.com", "https://sys.example.com/"),
        ("https://sys.example.com:81/query?account_id=A", "https://sys.example.com:81/query"),
        ("sys.example.com/a?next=http://x.test", "https://sys.example.com/a"),
    ],
)
def test_the_system_engines_address_is_kept_as_it_is(find, cache, engine_url, address):
    """Scheme, port, path and query survive."""
    script = Script({"engineUrl": give({"engineUrl": engine_url})})
    assert find(cloud(cache), script, auth=TOKEN).url == address


def test_a_second_connect_asks_nothing(find, cache):
    """What was resolved is known for an hour."""
    script = Script(CLOUD_ANSWERS)
    first = find(cloud(cache, "db1", "e1"), script, auth=TOKEN)
    assert find(cloud(cache, "db1", "e1"), script, auth=TOKEN) == first
    assert len(script.asked) == 3


def test_another_database_asks_for_that_database_only(find, cache):
    """The engine is known; and its answer, given in another database, does not choose that."""
    endpoint = "eng.example.com?engine=e1&database=db1"
    script = Script({**CLOUD_ANSWERS, "USE ENGINE": used("database=db1", endpoint=endpoint)})
    find(cloud(cache, "db1", "e1"), script, auth=TOKEN)
    script.answers["USE DATABASE"] = used("database=db2")
    session = find(cloud(cache, "db2", "e1"), script, auth=TOKEN)
    assert [asked.partition(" USE")[2] for asked in script.asked[3:]] == [' DATABASE "db2"']
    assert session.fixed["database"] == "db2"
    assert session.url == "https://eng.example.com/"


def test_an_engine_without_a_database_is_another_question(find, cache):
    """A connection that chose no database does not get the one of an earlier connection."""
    script = Script({**CLOUD_ANSWERS, "USE ENGINE": used("engine=e1,database=db1")})
    find(cloud(cache, "db1", "e1"), script, auth=TOKEN)
    script.answers["USE ENGINE"] = used("engine=e1")
    session = find(cloud(cache, None, "e1"), script, auth=TOKEN)
    assert len(script.asked) == 4
    assert "database" not in session.fixed


def test_what_was_resolved_expires_after_an_hour(find, cache):
    """A renamed or moved engine is found again."""
    script = Script(CLOUD_ANSWERS)
    find(cloud(cache, "db1"), script, auth=TOKEN)
    cache.clock.now += 3599
    find(cloud(cache, "db1"), script, auth=TOKEN)
    assert len(script.asked) == 2
    cache.clock.now += 1
    find(cloud(cache, "db1"), script, auth=TOKEN)
    assert len(script.asked) == 4


def test_forgetting_asks_anew_for_one_principal(find, cache):
    """A stale answer is dropped, and those of others are kept."""
    script = Script(CLOUD_ANSWERS)
    for key in ("mine", "yours"):
        find(cloud(cache, "db1", key=key), script, auth=TOKEN)
    assert len(script.asked) == 4
    cloud(cache, "db1", key="mine").forget()
    for key in ("mine", "yours"):
        find(cloud(cache, "db1", key=key), script, auth=TOKEN)
    assert len(script.asked) == 6


def test_without_a_key_nothing_is_kept(find, cache):
    """Switched off, the cache neither gives nor takes."""
    script = Script(CLOUD_ANSWERS)
    for _ in range(2):
        gateway = cloud(cache, "db1", key=None)
        find(gateway, script, auth=TOKEN)
        gateway.forget()
    assert len(script.asked) == 4


def test_a_cloud_account_has_a_name():
    """The missing argument is named, before anything is sent."""
    with pytest.raises(ConfigurationError, match="account_name"):
        Cloud(API)


@pytest.mark.parametrize(
    ("answer", "kind", "told"),
    [
        (give(b"gone", 404), AccountNotFoundError, "'acme'"),
        (give(b"no", 403), ProgrammingError, "no"),
        (give(b"oops", 500), OperationalError, "oops"),
        (give(b"<html>"), ServerResponseError, "JSON"),
        (give({}), ServerResponseError, "engineUrl"),
        (give({"engineUrl": 5}), ServerResponseError, "engineUrl"),
        (give({"engineUrl": "http://sys.example.com"}), ServerResponseError, "without TLS"),
        (give({"engineUrl": ""}), ServerResponseError, "engineUrl"),
        (give({"engineUrl": "https://sys:port"}), ConfigurationError, "address"),
        (give(b"no", 401), AuthenticationError, "token"),
    ],
)
def test_a_gateway_that_fails_is_a_clear_error(find, cache, answer, kind, told):
    """What went wrong is said, and nothing is kept of it."""
    script = Script({"engineUrl": answer})
    for _ in range(2):
        with pytest.raises(kind, match=told):
            find(cloud(cache, "db1"), script, auth=TOKEN)
    assert script.asked == [URL_REQUEST] * 2


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (give({"errors": [{"description": "Database 'x' does not exist"}]}, 400), ProgrammingError),
        (give({"errors": [{"description": "Database 'x' does not exist"}]}), ProgrammingError),
        (give(b"engine exists, but it is stopped", 404), EngineNotRunningError),
        (give(b"<html>fine"), ServerResponseError),
        (used("x=1", endpoint="evil.test"), ServerResponseError),
    ],
)
@pytest.mark.parametrize("statement", ["USE DATABASE", "USE ENGINE"])
def test_a_use_that_fails_is_an_error_and_asks_anew_next_time(find, cache, statement, answer, kind):
    """A refusal counts also under status 200; what was cached may be its reason."""
    script = Script({**CLOUD_ANSWERS, statement: answer})
    gateway = cloud(cache, "db1", "e1")
    with pytest.raises(kind):
        find(gateway, script, auth=TOKEN)
    script.answers = CLOUD_ANSWERS
    script.requests.clear()
    assert find(gateway, script, auth=TOKEN).fixed["engine"] == "e1"
    assert len(script.asked) == 3


def test_use_is_repeated_when_the_server_is_busy(find, cache):
    """USE changes nothing on the server, so that it is safe to repeat."""
    busy = in_turn(give(b"", 504), give(b"", 429), used("database=db1"))
    script = Script({**GATEWAY, "USE": busy})
    session = find(cloud(cache, "db1"), script, auth=TOKEN, retry=Retry(attempts=3, base=0))
    assert session.fixed["database"] == "db1"
    assert len(script.asked) == 4


def test_an_empty_answer_to_use_is_an_answer(find, cache):
    """Old engines answer statements without rows with an empty body."""
    header = [("Firebolt-Update-Parameters", "database=db1")]
    script = Script({**GATEWAY, "USE": give(b"", headers=header)})
    assert find(cloud(cache, "db1"), script, auth=TOKEN).fixed["database"] == "db1"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 500])
def test_no_message_shows_the_token(find, cache, status):
    """Errors of lookups are free of credentials."""
    script = Script({"engineUrl": give(b"no", status)})
    secret = Token("hidden-token", account_kind=AccountKind.CLOUD)
    with pytest.raises(Error) as caught:
        find(cloud(cache), script, auth=secret)
    assert "hidden-token" not in repr(caught.value) + str(caught.value)


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("api.example.com", "https://api.example.com"),
        ("http://127.0.0.1:9000", "http://127.0.0.1:9000"),
        ("a.test?x=b://c", "https://a.test?x=b://c"),
    ],
)
def test_a_missing_scheme_is_added(given, address):
    """An address without a scheme is one with TLS."""
    assert with_scheme(given) == address
