"""Several accounts on one server: none sees another's databases, engines and logins."""

from collections.abc import Iterator

import httpx
import pytest

from firebolt_like.errors import ConfigurationError
from firebolt_like.local import Account, LocalServer

_MINE = (
    "SELECT count(*) > 1 FROM information_schema.engine_query_history"
    " WHERE user_name = session_user()"
)
_TABLE = "CREATE TABLE whose AS SELECT '{}' AS name"


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    accounts = [
        Account("acme", databases=["sales"], users={"ada": "a"}, service_accounts={"bot-a": "a"}),
        Account(
            "zeta",
            databases=["sales", "secret"],
            engines={"zeta_engine": "secret"},
            users={"zoe": "z"},
            service_accounts={"bot-z": "z"},
        ),
    ]
    with LocalServer(accounts=accounts, token="master") as server:
        for account in ("acme", "zeta"):
            with _client(server, "master") as http:
                id_ = http.get(f"/web/v3/account/{account}/resolve").json()["id"]
                params = {"account_id": id_, "database": "sales"}
                reply = http.post("/", params=params, content=_TABLE.format(account))
                assert reply.status_code == 200
        yield server


def _client(server: LocalServer, token: str) -> httpx.Client:
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.Client(base_url=server.url, headers=headers, timeout=20)


def _user(server: LocalServer, name: str, password: str) -> httpx.Client:
    body = {"username": name, "password": password}
    reply = httpx.post(f"{server.url}/auth/v1/login", json=body)
    return _client(server, reply.json()["access_token"])


def _robot(server: LocalServer, id_: str, secret: str) -> httpx.Client:
    form = {"client_id": id_, "client_secret": secret, "grant_type": "client_credentials"}
    reply = httpx.post(f"{server.url}/oauth/token", data=form | {"audience": "x"})
    return _client(server, reply.json()["access_token"])


def test_password_logins_see_their_account(server: LocalServer) -> None:
    """The default account, its databases and its tables are those of who logged in."""
    for name, password, account, databases in [
        ("ada", "a", "acme", ["sales"]),
        ("zoe", "z", "zeta", ["sales", "secret"]),
    ]:
        with _user(server, name, password) as http:
            assert http.get("/iam/v2/account").json()["account"]["name"] == account
            edges = http.get("/core/v1/account/databases").json()["edges"]
            assert [edge["node"]["name"] for edge in edges] == databases
            answer = http.post("/?database=sales", content="SELECT name, current_user FROM whose")
            assert answer.text.splitlines()[-1] == f"{account}\t{name}"
            assert http.post("/?database=sales", content=_MINE).text.splitlines()[-1] == "t"


def test_nothing_leads_into_another_account(server: LocalServer) -> None:
    """Neither its name, nor its id, nor the names of what it has."""
    with _client(server, "master") as http:
        id_ = http.get("/web/v3/account/zeta/resolve").json()["id"]
    with _robot(server, "bot-a", "a") as http:
        for path in (
            "/web/v3/account/zeta/engineUrl",
            "/web/v3/account/zeta/resolve",
            "/iam/v2/accounts:getIdByName?account_name=zeta",
            f"/core/v1/accounts/{id_}/databases",
        ):
            assert http.get(path).status_code == 404
        assert http.post("/", params={"account_id": id_}, content="SELECT 1").status_code == 403
        for sql in (
            "SELECT * FROM secret.main.t",
            "USE DATABASE secret",
            "USE ENGINE zeta_engine",
            "DROP DATABASE secret",
            "DROP ENGINE zeta_engine",
        ):
            reply = http.post("/", content=sql)
            assert (reply.status_code, "does not exist" in reply.text) == (400, True), sql
        for view in ("catalogs", "engines", "users", "accounts", "tables", "service_accounts"):
            assert "ze" not in http.post("/", content=f"FROM information_schema.{view}").text


def test_a_name_may_be_in_two_accounts(server: LocalServer) -> None:
    """CREATE DATABASE of a name that another account has makes another database."""
    with _robot(server, "bot-a", "a") as http:
        assert http.post("/", content="CREATE DATABASE secret").status_code == 200
        assert http.post("/?database=secret", content="CREATE TABLE t (a INT)").status_code == 200
        assert http.post("/", content="DROP DATABASE secret").status_code == 200
    with _robot(server, "bot-z", "z") as http:
        assert http.post("/?database=secret", content="SELECT 1").status_code == 200


def test_only_the_own_account_cancels_a_query(server: LocalServer) -> None:
    """CANCEL QUERY finds no query of another account."""
    with _robot(server, "bot-z", "z") as zeta, _robot(server, "bot-a", "a") as acme:
        endless = "CREATE TABLE endless AS SELECT count(*) AS a FROM range(10000000000000)"
        begun = zeta.post("/?async=true&database=secret&engine=zeta_engine", content=endless)
        assert begun.is_success, begun.text
        (query,) = server.running_queries()
        cancel = f"CANCEL QUERY WHERE query_id = '{query.query_id}'"
        refused = acme.post("/", content=cancel)
        assert (refused.status_code, "does not exist" in refused.text) == (400, True)
        assert zeta.post("/", content=cancel).status_code == 200


def test_accounts_that_contradict_each_other_are_refused() -> None:
    """What is given twice, or to no account, is a ConfigurationError without any secret in it."""
    users = {"ada": "hush"}
    for accounts, given in [
        (["acme", "acme"], {}),
        ([Account("acme")], {"users": users}),
        ([Account("acme", users=users), Account("zeta", users=users)], {}),
        ("acme", {}),
    ]:
        with pytest.raises(ConfigurationError) as caught:
            LocalServer(accounts=accounts, **given)  # type: ignore[arg-type]  # what is wrong is refused
        assert "hush" not in str(caught.value)
    assert "hush" not in repr(Account("acme", users=users))
