"""Databases, engines, service accounts and users by SQL, as cloud accounts manage them."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from firebolt_like.db import connect
from firebolt_like.errors import EngineNotRunningError, NotSupportedError
from firebolt_like.local import Clock, LocalServer
from tests.local.conftest import Asker


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with LocalServer(databases=["sales"], engines=["main_one"], accounts=["acme"]) as server:
        yield server


@pytest.fixture
def system(server: LocalServer) -> Iterator[Asker]:
    """The system engine, as the gateway leads to it."""
    with httpx.Client(base_url=server.url, timeout=20) as http:
        url = httpx.URL(http.get("/web/v3/account/acme/engineUrl").json()["engineUrl"])
        yield Asker(http, dict(url.params))


def engine(asker: Asker, name: str, *columns: str) -> tuple[Any, ...]:
    (row,) = asker.rows(
        f"SELECT {', '.join(columns)} FROM information_schema.engines WHERE engine_name = '{name}'"
    )
    return row


@pytest.mark.parametrize("word", ["WITH", "SET"])
def test_databases_are_made_described_and_dropped(system: Asker, word: str) -> None:
    """CREATE, ALTER with both words, USE and DROP; information_schema.catalogs shows them."""
    system.send("""CREATE DATABASE IF NOT EXISTS "sh op" WITH DESCRIPTION = 'it''s'""")
    asked = "SELECT description FROM information_schema.catalogs WHERE catalog_name = 'sh op'"
    assert system.rows(asked) == [("it's",)]
    assert system.send(f"""ALTER DATABASE "sh op" {word} DESCRIPTION = 'new'""").status_code == 200
    assert system.rows(asked) == [("new",)]
    inside = system.within(system.send('USE DATABASE "sh op"'))
    assert inside.rows("SELECT current_database()") == [("sh op",)]
    system.send('DROP DATABASE "sh op"')
    assert system.rows(asked) == []
    gone = "Database 'sh op' does not exist or not authorized"
    assert inside.error("SELECT 1")["description"] == gone
    assert system.error('DROP DATABASE "sh op"')["description"] == gone
    assert system.send('DROP DATABASE IF EXISTS "sh op" CASCADE').status_code == 200


def test_options_may_be_parameters(system: Asker) -> None:
    """Those that the server binds, too."""
    values = json.dumps([{"name": "$1", "value": "it's"}, {"name": "$2", "value": 7}])
    system.answer("CREATE ENGINE given WITH DESCRIPTION = $1 NODES = $2", query_parameters=values)
    assert engine(system, "given", "description", "nodes") == ("it's", 7)
    system.answer("DROP ENGINE given")


def test_many_may_manage_at_once(server: LocalServer) -> None:
    """Databases and engines are made and dropped by several clients, and none stumbles."""

    def manage(number: int) -> set[int]:
        with httpx.Client(base_url=server.url, timeout=20) as http:
            place = {"database": f"many_{number}"}
            return {
                http.post("/", content=sql, params=params).status_code
                for sql, params in [
                    (f"CREATE DATABASE many_{number}", {}),
                    ("CREATE TABLE t AS SELECT 1 AS a", place),
                    ("SHOW TABLES", place),
                    (f"CREATE ENGINE many_{number}", {}),
                    (f"DROP ENGINE many_{number}", {}),
                    (f"DROP DATABASE many_{number}", {}),
                ]
                * 3
            }

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(manage, range(8))) == [{200}] * 8


def test_a_database_that_is_made_again_is_empty(system: Asker) -> None:
    """What a dropped database held is gone."""
    user = Asker(system.http, {"database": "again"})
    for _ in range(2):
        system.answer("CREATE DATABASE again")
        user.answer("CREATE TABLE t (a INT)")
        system.answer("DROP DATABASE again")


def test_a_transaction_in_a_dropped_database_is_aborted(system: Asker) -> None:
    """ROLLBACK and USE lead out of it, and another database may have the name."""
    system.answer("CREATE DATABASE shortly")
    user = Asker(system.http, {"database": "shortly"})
    within = user.within(user.send("BEGIN"))
    within = within.within(within.send("CREATE TABLE t (a INT)"))
    system.answer("DROP DATABASE shortly")
    assert "does not exist" in within.error("SELECT 1")["description"]
    assert within.send("ROLLBACK").status_code == 200
    assert user.within(user.send("USE DATABASE sales")).rows("SELECT 1") == [(1,)]
    system.answer("CREATE DATABASE shortly")
    assert user.rows("SHOW TABLES") == []
    system.answer("DROP DATABASE shortly")


def test_the_schema_is_called_public(system: Asker) -> None:
    """Where a schema is named, and in what information_schema tells; not in texts."""
    inside = Asker(system.http, {"database": "sales"})
    inside.answer("CREATE SCHEMA IF NOT EXISTS public")
    inside.answer('CREATE TABLE "public".named (public INT)')
    user = inside.within(inside.send("USE ENGINE main_one"))
    user.answer("INSERT INTO sales.public.named VALUES (1)")
    assert user.rows("SELECT named.public, 'public.x' FROM Public.named") == [(1, "public.x")]
    assert user.rows("SELECT current_schema()") == [("public",)]
    user.answer("DROP TABLE public.named")


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE DATABASE sales",
        'CREATE DATABASE "SALES"',
        "CREATE DATABASE account_db",
        "CREATE ENGINE main_one",
        "CREATE ENGINE system",
        "ALTER ENGINE main_one RENAME TO system",
    ],
)
def test_names_are_taken_once(system: Asker, sql: str) -> None:
    """In any case of letters, and those of the server's own are taken, too."""
    assert "already exists" in system.error(sql)["description"]


def test_engines_are_made_altered_and_dropped(system: Asker) -> None:
    """Options stand in any order, with blanks or commas, quoted or not."""
    system.answer('CREATE ENGINE IF NOT EXISTS "e1" WITH TYPE = M NODES = 2 AUTO_STOP = 30 ')
    columns = ("type", "nodes", "auto_stop", "status", "default_database")
    assert engine(system, "e1", *columns) == ("M", 2, 30, "RUNNING", None)
    system.answer('ALTER ENGINE e1 SET NODES = 3, TYPE="S", AUTO_STOP=5 AUTO_START = false')
    system.answer('ALTER ENGINE "e1" SET DEFAULT_DATABASE="sales"')
    assert engine(system, "e1", *columns) == ("S", 3, 5, "RUNNING", "sales")
    system.answer('ALTER ENGINE "e1"  RENAME TO e2')
    assert engine(system, "e2", "nodes", "auto_start") == (3, False)
    system.answer("DROP ENGINE e2")
    assert ("e2",) not in system.rows("SELECT engine_name FROM information_schema.engines")
    assert system.send("DROP ENGINE IF EXISTS e2").status_code == 200


@pytest.mark.parametrize(
    ("sql", "text"),
    [
        ("CREATE ENGINE", "a name was expected, not the end"),
        ("CREATE ENGINE x WITH NODES", "a value of NODES was expected"),
        ("CREATE ENGINE x WITH NODES = many", "NODES wants a whole number"),
        ("CREATE ENGINE x WITH SIZE = 1", "Unknown option SIZE"),
        ("CREATE ENGINE x WITH TYPE = XXL", "TYPE wants S, M, L or XL"),
        ("CREATE ENGINE x WITH DEFAULT_DATABASE = nix", "Database 'nix' does not exist"),
        ('CREATE ENGINE "a,b"', "printable ASCII without comma"),
        ("DROP ENGINE main_one main_two", "the end was expected, not 'main_two'"),
        ("START ENGINE nix", "Engine 'nix' does not exist"),
        ("USE ENGINE nix", "Engine 'nix' does not exist"),
        ("ALTER DATABASE sales RENAME TO other", "WITH was expected"),
        ("DROP SERVICE ACCOUNT nix", "Service account 'nix' does not exist"),
        ("CREATE USER u WITH SERVICE_ACCOUNT = nix", "Service account 'nix' does not exist"),
    ],
)
def test_what_is_wrong_is_named(system: Asker, sql: str, text: str) -> None:
    """A refused statement says what it wanted, and changes nothing."""
    before = system.rows("SHOW ENGINES")
    assert text in system.error(sql)["description"]
    assert system.rows("SHOW ENGINES") == before


def test_a_stopped_engine_refuses_statements(system: Asker) -> None:
    """With 404 and `it is stopped`, to be left by USE; START ENGINE makes it run again."""
    system.answer("CREATE ENGINE lazy WITH AUTO_START = false")
    user = system.within(system.send('USE ENGINE "lazy"'))
    assert user.rows("SELECT current_engine()") == [("lazy",)]
    system.answer("STOP ENGINE lazy WITH TERMINATE = true")
    for reply in (user.send("SELECT 1"), system.send("USE ENGINE lazy")):
        assert (reply.status_code, "it is stopped" in reply.text) == (404, True)
    assert user.within(user.send("USE ENGINE system")).rows("SELECT 1") == [(1,)]
    system.answer("START ENGINE lazy")
    assert user.rows("SELECT 1") == [(1,)]
    system.answer("DROP ENGINE lazy")


def test_clients_are_told_what_is_wrong_with_an_engine(server: LocalServer) -> None:
    """This package's client: a stopped engine, and the system engine, have errors of their own."""
    with connect(server.url) as core:
        cursor = core.cursor()
        for sql in ("CREATE ENGINE tired WITH AUTO_START = false", "USE ENGINE tired"):
            cursor.execute(sql)
        cursor.execute("STOP ENGINE tired")
        with pytest.raises(EngineNotRunningError, match="it is stopped"):
            cursor.execute("SELECT 1")
        cursor.execute("USE ENGINE system")
        with pytest.raises(NotSupportedError, match="system engine doesn't support INSERT"):
            cursor.execute("INSERT INTO t VALUES (1)")
        cursor.execute("DROP ENGINE tired")


def test_an_engine_may_start_by_itself(system: Asker) -> None:
    """AUTO_START, which is the default, starts a stopped engine with its next statement."""
    system.answer("CREATE ENGINE eager WITH INITIALLY_STOPPED = true")
    assert engine(system, "eager", "status") == ("STOPPED",)
    user = system.within(system.send("USE ENGINE eager"))
    assert user.rows("SELECT current_engine()") == [("eager",)]
    assert engine(system, "eager", "status") == ("RUNNING",)
    system.answer("DROP ENGINE eager")


def test_engines_take_their_time() -> None:
    """With engine_delay an engine is STARTING and STOPPING for so many seconds of the clock."""
    clock = Clock()
    with (
        LocalServer(engine_delay=60, clock=clock) as server,
        httpx.Client(base_url=server.url, timeout=20) as http,
    ):
        ask = Asker(http)
        assert engine(ask, "embedded", "status") == ("RUNNING",)
        ask.answer("STOP ENGINE embedded")
        assert engine(ask, "embedded", "status") == ("STOPPING",)
        clock.advance(60)
        assert engine(ask, "embedded", "status") == ("STOPPED",)
        ask.answer("START ENGINE embedded")
        assert engine(ask, "embedded", "status") == ("STARTING",)
        reply = ask.send("SELECT 1", engine="embedded")
        assert (reply.status_code, "is starting" in reply.text) == (503, True)
        clock.advance(60)
        assert ask.rows("SELECT 1", engine="embedded") == [(1,)]


def test_the_system_engine_holds_no_data(system: Asker) -> None:
    """It has no database until one is chosen, and it never writes into tables."""
    asked = "SELECT current_database(), current_engine()"
    assert system.rows(asked) == [("account_db", "system")]
    assert "no" in system.error("SHOW TABLES")["description"]
    assert "none was chosen" in system.error("CREATE TABLE lost (a INT)")["description"]
    inside = system.within(system.send("USE DATABASE sales"))
    assert inside.rows(asked) == [("sales", "system")]
    inside.answer("CREATE TABLE found (a INT)")
    for kind, rest in [
        ("INSERT", "INTO found VALUES (1)"),
        ("UPDATE", "found SET a = 1"),
        ("DELETE", "FROM found"),
    ]:
        text = f"system engine doesn't support {kind} statements."
        assert text in inside.error(f"{kind} {rest}")["description"]
    user = inside.within(inside.send("USE ENGINE main_one"))
    user.answer("INSERT INTO found VALUES (1)")
    assert user.rows("SELECT * FROM found") == [(1,)]
    back = user.within(user.send('USE ENGINE "system"'))
    assert "system engine" in back.error("INSERT INTO found VALUES (2)")["description"]
    inside.answer("DROP TABLE found")


def test_show_lists_what_there_is(system: Asker) -> None:
    """SHOW ENGINES, CATALOGS, DATABASES everywhere; tables, columns, views in a database."""

    def first(asker: Asker, sql: str) -> list[Any]:
        return [row[0] for row in asker.rows(sql)]

    assert first(system, "SHOW ENGINES") == ["main_one"]
    assert first(system, "SHOW CATALOGS") == first(system, "SHOW DATABASES") == ["sales"]
    inside = Asker(system.http, {"database": "sales"})
    inside.answer("CREATE TABLE shown (id INT NOT NULL, tags ARRAY(TEXT))")
    inside.answer("CREATE VIEW shown_view AS SELECT id FROM shown")
    try:
        assert "shown" in first(inside, "SHOW TABLES;")
        assert first(inside, "SHOW VIEWS") == ["shown_view"]
        assert inside.rows("SHOW INDEXES") == []
        columns = inside.rows("SHOW COLUMNS shown")
        assert columns[0] == ("shown", "id", "integer", False)
        assert columns[1][1:] == ("tags", "array(text null)", True)
        assert inside.rows(
            "SELECT table_schema, table_type FROM information_schema.tables"
            " WHERE table_name = 'shown_view'"
        ) == [("public", "VIEW")]
        routines = "SELECT routine_type FROM information_schema.routines WHERE routine_name = 'sum'"
        assert inside.rows(routines) == [("AGGREGATE",)]
        assert ("sales", "public") in inside.rows(
            "SELECT catalog_name, schema_name FROM information_schema.schemata"
        )
    finally:
        inside.answer("DROP VIEW shown_view")
        inside.answer("DROP TABLE shown")


def _log_in(server: LocalServer, key: tuple[str, str]) -> httpx.Response:
    form = {"client_id": key[0], "client_secret": key[1], "grant_type": "client_credentials"}
    return httpx.post(f"{server.url}/oauth/token", data=form | {"audience": "x"})


def _gateway(server: LocalServer, login: httpx.Response) -> int:
    headers = {"Authorization": f"Bearer {login.json()['access_token']}"}
    return httpx.get(f"{server.url}/web/v3/account/acme/engineUrl", headers=headers).status_code


def test_service_accounts_log_in_by_their_keys(server: LocalServer, system: Asker) -> None:
    """A key opens the account once a user has it; a new key ends the old one, DROP ends all."""
    system.answer("CREATE SERVICE ACCOUNT \"bot\" WITH DESCRIPTION = 'd'")
    ((name, id_, secret),) = system.rows("CALL fb_GENERATESERVICEACCOUNTKEY('bot')")
    assert (name, _log_in(server, (id_, "wrong")).status_code) == ("bot", 401)
    token = _log_in(server, (id_, secret))
    assert _gateway(server, token) == 404
    system.answer("CREATE USER bots WITH SERVICE_ACCOUNT = bot DEFAULT_DATABASE = sales")
    assert _gateway(server, token) == 200
    told = httpx.post(
        server.url,
        headers={"Authorization": f"Bearer {token.json()['access_token']}"},
        params={"output_format": "TabSeparated"},
        content="SELECT session_user()",
    )
    assert told.text == "bots\n"
    assert system.rows("SELECT session_user()") == [("",)]
    accounts = "information_schema.service_accounts"
    columns = "service_account_id, description, connection"
    assert system.rows(f"SELECT {columns} FROM {accounts}") == [(id_, "d", "bots")]
    assert ("bots", "bot") in system.rows(
        "SELECT user_name, service_account_name FROM information_schema.users"
    )
    ((_, _, newer),) = system.rows("CALL fb_generateserviceaccountkey('bot')")
    assert _log_in(server, (id_, secret)).status_code == 401
    assert _log_in(server, (id_, newer)).status_code == 200
    system.answer("DROP USER bots")
    system.answer("DROP SERVICE ACCOUNT bot")
    assert _log_in(server, (id_, newer)).status_code == 401
