"""Who may call over Flight: handshakes, bearer tokens, accounts, TLS."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pyarrow as pa
import pyarrow.flight as fl
import pytest
import trustme

from firebolt_like.errors import ConfigurationError
from firebolt_like.local import Account, Clock, LocalServer
from firebolt_like.protocol.flight_sql import (
    ActionCreatePreparedStatementRequest,
    CommandGetCatalogs,
    CommandGetTables,
    CommandPreparedStatementQuery,
)
from tests.local.flight_asker import FlightAsker


@pytest.fixture(scope="module")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def server(clock: Clock) -> Iterator[LocalServer]:
    accounts = [
        Account("acme", ["sales"], users={"ada": "lovelace:1"}, service_accounts={"bot": "key"}),
        Account("other", ["secrets"], users={"eve": "apple"}),
    ]
    with LocalServer(
        accounts=accounts, token="fixed", token_lifetime=60, flight_port=0, clock=clock
    ) as server:
        yield server


def login(server: LocalServer, name: str, password: str) -> FlightAsker:
    asker = FlightAsker.of(server)
    pair = asker.client.authenticate_basic_token(name, password)
    return FlightAsker(asker.client, fl.FlightCallOptions(timeout=30, headers=[pair]))


@pytest.fixture
def ada(server: LocalServer) -> Iterator[FlightAsker]:
    asker = login(server, "ada", "lovelace:1")
    yield asker
    asker.close()


@pytest.fixture
def eve(server: LocalServer) -> Iterator[FlightAsker]:
    asker = login(server, "eve", "apple")
    yield asker
    asker.close()


def test_handshake(server: LocalServer, ada: FlightAsker) -> None:
    """A name and a password give a bearer token, for service accounts, too."""
    assert ada.rows("SELECT current_database() AS d, 1 AS a") == [("sales", 1)]
    bot = login(server, "bot", "key")
    assert bot.rows("SELECT 1") == [(1,)]
    bot.close()


def test_tokens_are_those_of_rest(server: LocalServer) -> None:
    """A token of one face is good for the other, and so is the fixed one."""
    found = httpx.post(
        f"{server.url}/auth/v1/login", json={"username": "ada", "password": "lovelace:1"}
    ).json()
    for token in (found["access_token"], "fixed"):
        ask = FlightAsker.of(server, authorization=f"Bearer {token}")
        assert ask.rows("SELECT 1") == [(1,)]
        ask.close()


WRONG = {
    "nothing": {},
    "an unknown token": {"authorization": "Bearer nix"},
    "no token": {"authorization": "Bearer "},
    "another scheme": {"authorization": "Digest fixed"},
    "no base64": {"authorization": "Basic ???"},
    "a wrong password": {"authorization": "Basic YWRhOndyb25n"},
    "an unknown user": {"authorization": "Basic bml4Om5peA=="},
}


@pytest.mark.parametrize("what", WRONG)
def test_wrong_credentials(server: LocalServer, what: str) -> None:
    """Every call without good credentials is refused, and says no more than that."""
    ask = FlightAsker.of(server, **WRONG[what])
    for call in (
        lambda: ask.info("SELECT 1"),
        lambda: ask.client.do_get(fl.Ticket(b"x"), ask.options).read_all(),
        lambda: ask.update("SELECT 1"),
        lambda: ask.act("BeginTransaction", b""),
        lambda: list(ask.client.list_actions(ask.options)),
        lambda: list(ask.client.list_flights(b"", ask.options)),
    ):
        with pytest.raises(fl.FlightUnauthenticatedError) as caught:
            call()
        assert "Traceback" not in str(caught.value)
        assert "lovelace" not in str(caught.value)
    ask.close()


def test_wrong_handshake(server: LocalServer) -> None:
    """A handshake with a wrong password gives no token."""
    with (
        fl.connect(server.flight_url) as client,
        pytest.raises(fl.FlightUnauthenticatedError, match="Wrong credentials"),
    ):
        client.authenticate_basic_token("ada", "wrong")


def test_basic_credentials_in_any_call(server: LocalServer) -> None:
    """They are as good as a token."""
    ask = FlightAsker.of(server, authorization="Basic ZXZlOmFwcGxl")
    assert ask.rows("SELECT current_database()") == [("secrets",)]
    ask.close()


def test_expiry(server: LocalServer, clock: Clock) -> None:
    """A token ends with its lifetime, also between a FlightInfo and its fetch."""
    ask = login(server, "ada", "lovelace:1")
    info = ask.info("SELECT 1")
    clock.advance(61)
    with pytest.raises(fl.FlightUnauthenticatedError, match="expired"):
        ask.fetch(info)
    ask.close()


def test_accounts_are_apart(ada: FlightAsker, eve: FlightAsker) -> None:
    """What one account has, another cannot see, name, fetch or stop."""
    eve.update("CREATE OR REPLACE TABLE plans AS SELECT 'world' AS domination")
    assert ada.rows(CommandGetCatalogs()) == [("sales",)]
    assert ada.rows(CommandGetTables()) == []
    for sql in ("SELECT * FROM plans", "SELECT * FROM secrets.public.plans"):
        with pytest.raises(pa.ArrowInvalid, match="does not exist"):
            ada.get(sql)
    info = eve.info("SELECT * FROM plans")
    with pytest.raises(pa.ArrowInvalid, match="ticket is unknown"):
        ada.fetch(info)
    handle = eve.prepare("SELECT * FROM plans").prepared_statement_handle
    with pytest.raises(pa.ArrowInvalid, match="prepared statement is unknown"):
        ada.get(CommandPreparedStatementQuery(handle))
    assert eve.fetch(info).to_pylist() == [{"domination": "world"}]
    transaction = eve.begin()
    with pytest.raises(pa.ArrowInvalid, match="does not exist"):
        ada.act(
            "CreatePreparedStatement", ActionCreatePreparedStatementRequest("SELECT 1", transaction)
        )


def test_an_account_by_name(server: LocalServer) -> None:
    """A token that is good for all accounts chooses one by a header; a login has its own only."""
    ask = FlightAsker.of(server, authorization="Bearer fixed", account="other")
    assert ask.rows("SELECT current_database()") == [("secrets",)]
    ask.close()
    ask = FlightAsker.of(server, authorization="Basic ZXZlOmFwcGxl", account="acme")
    with pytest.raises(fl.FlightUnauthorizedError, match="may not use the account"):
        ask.get("SELECT 1")
    ask.close()


def test_an_open_server() -> None:
    """Without credentials of its own a server takes any login, and answers it with a token."""
    with LocalServer(flight_port=0) as server:
        ask = login(server, "anyone", "anything")
        assert ask.rows("SELECT 1") == [(1,)]
        ask.close()
        ask = FlightAsker.of(server)
        assert ask.rows("SELECT 1") == [(1,)]
        ask.close()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """A certificate and its key, and that of who issued it."""
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost", "127.0.0.1")
    folder = tmp_path_factory.mktemp("certificates")
    paths = folder / "chain.pem", folder / "key.pem", folder / "ca.pem"
    certificate.private_key_pem.write_to_path(str(paths[1]))
    for blob in certificate.cert_chain_pems:
        blob.write_to_path(str(paths[0]), append=True)
    authority.cert_pem.write_to_path(str(paths[2]))
    return paths


def test_tls(files: tuple[Path, Path, Path]) -> None:
    """With a certificate the server speaks TLS only, to clients that trust its issuer."""
    chain, key, authority = files
    with LocalServer(flight_port=0, flight_tls=(chain, key)) as server:
        assert server.flight_url.startswith("grpc+tls://127.0.0.1:")
        with fl.connect(server.flight_url, tls_root_certs=authority.read_bytes()) as client:
            assert FlightAsker(client).rows("SELECT 1") == [(1,)]
        other = trustme.CA().cert_pem.bytes()
        with (
            fl.connect(server.flight_url, tls_root_certs=other) as client,
            pytest.raises(fl.FlightUnavailableError),
        ):
            FlightAsker(client).rows("SELECT 1")


def test_wrong_configuration(files: tuple[Path, Path, Path], tmp_path: Path) -> None:
    """Files that are none, a port that is taken, and a server without Flight: clear errors."""
    with pytest.raises(ConfigurationError, match="flight_tls= wants two files in PEM"):
        LocalServer(flight_port=0, flight_tls=(files[0], tmp_path / "nix"))
    garbage = tmp_path / "garbage.pem"
    garbage.write_text("garbage")
    with pytest.raises(ConfigurationError, match="flight_tls= wants two files in PEM"):
        LocalServer(flight_port=0, flight_tls=(garbage, garbage))
    with LocalServer() as server:
        with pytest.raises(ConfigurationError, match="does not speak Flight"):
            _ = server.flight_url
        port = int(server.url.rpartition(":")[2])
        flight_port = int(server.start_flight().rpartition(":")[2])
        for taken in (port, flight_port):
            with pytest.raises(ConfigurationError, match=f"port {taken}"):
                LocalServer(flight_port=taken).start()
    with pytest.raises(ConfigurationError, match="is not running"):
        LocalServer().start_flight()
