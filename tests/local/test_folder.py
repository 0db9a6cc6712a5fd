"""A server on a folder: what was made is there when the next server starts."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from firebolt_like.errors import ConfigurationError
from firebolt_like.local import LocalServer
from tests.local.conftest import Asker


class Started:
    """A server, and one who asks it."""

    def __init__(self, **arguments: Any) -> None:
        self.server = LocalServer(**arguments)

    def __enter__(self) -> Asker:
        self.server.start()
        token = self.server.token or ""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.http = httpx.Client(base_url=self.server.url, timeout=20, headers=headers)
        return Asker(self.http)

    def __exit__(self, *error: object) -> None:
        self.http.close()
        self.server.stop()


def test_everything_is_there_after_a_restart(tmp_path: Path) -> None:
    """Databases with their tables, engines with their status, service accounts and descriptions."""
    with Started(folder=tmp_path) as ask:
        ask.answer("CREATE TABLE kept AS SELECT 42 AS a")
        ask.answer("CREATE DATABASE \"a/b c\" WITH DESCRIPTION = 'd'")
        ask.answer("CREATE TABLE t AS SELECT 'x' AS a", database="a/b c")
        ask.answer("CREATE ENGINE e WITH NODES = 3 AUTO_START = false")
        ask.answer("STOP ENGINE e")
        ask.answer("DROP ENGINE embedded")
        ask.answer("CREATE SERVICE ACCOUNT bot")
        ((_, id_, secret),) = ask.rows("CALL fb_GENERATESERVICEACCOUNTKEY('bot')")
        ask.answer("CREATE USER bots WITH SERVICE_ACCOUNT = bot")
    with Started(folder=tmp_path) as ask:
        assert ask.rows("SELECT a FROM kept") == [(42,)]
        assert ask.rows("SELECT a FROM t", database="a/b c") == [("x",)]
        assert ask.rows(
            "SELECT catalog_name, description FROM information_schema.catalogs ORDER BY 1"
        ) == [("a/b c", "d"), ("firebolt", "")]
        engines = "SELECT nodes, status FROM information_schema.engines WHERE engine_name = 'e'"
        assert ask.rows(engines) == [(3, "STOPPED")]
        form = {"client_id": id_, "client_secret": secret, "grant_type": "client_credentials"}
        assert ask.http.post("/oauth/token", data=form).status_code == 200
        ask.answer('DROP DATABASE "a/b c"')
    with Started(folder=tmp_path) as ask:
        names = ask.rows("SELECT catalog_name FROM information_schema.catalogs")
        assert names == [("firebolt",)]
    assert [file.name for file in tmp_path.rglob("*.duckdb*")] == ["firebolt.duckdb"]


def test_the_state_holds_no_secret_and_is_for_its_owner(tmp_path: Path) -> None:
    """Neither a key that was made nor a password that was given is in any file of the folder."""
    with Started(folder=tmp_path, users={"ada": "hush-hush"}, token="t") as ask:
        ask.answer("CREATE SERVICE ACCOUNT bot")
        ((_, _, secret),) = ask.rows("CALL fb_GENERATESERVICEACCOUNTKEY('bot')")
    state = tmp_path / "server.json"
    for file in tmp_path.rglob("*"):
        content = file.read_bytes() if file.is_file() else b""
        assert secret.encode() not in content
        assert b"hush" not in content
    assert "ada" not in state.read_text()
    assert state.stat().st_mode & 0o077 == 0


def test_statements_cannot_read_the_folder(tmp_path: Path) -> None:
    """The state and other accounts' files are out of reach for SQL."""
    with Started(folder=tmp_path, accounts=["acme", "zeta"]) as ask:
        inside = tmp_path / "account-acme"
        for path in (
            tmp_path / "server.json",
            tmp_path / "account-zeta" / "firebolt.duckdb",
            inside / ".." / "server.json",
        ):
            error = ask.error(f"SELECT * FROM read_blob('{path}')")
            assert "disabled" in error["description"], path


def test_a_state_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """The error names the folder; the file stays as it is."""
    state = tmp_path / "server.json"
    for text in ("{", json.dumps({"accounts": {"embedded": {"engines": [1]}}})):
        state.write_text(text)
        with pytest.raises(ConfigurationError, match="cannot be read"):
            LocalServer(folder=tmp_path).start()
        assert state.read_text() == text


def test_a_name_may_be_used_again_while_its_file_is_open(tmp_path: Path) -> None:
    """What a dropped database had in its file is gone, though a transaction had it open."""
    with Started(folder=tmp_path) as ask:
        ask.answer("CREATE DATABASE again")
        within = ask.within(ask.send("BEGIN", database="again"))
        within.answer("CREATE TABLE t (a INT)", database="again")
        ask.answer("DROP DATABASE again")
        ask.answer("CREATE DATABASE again")
        assert ask.rows("SHOW TABLES", database="again") == []


def test_a_file_that_was_given_stays(tmp_path: Path) -> None:
    """DROP DATABASE removes files of the folder, and no other."""
    given = tmp_path / "given.duckdb"
    with Started(databases={"mine": given, "yours": None}, folder=tmp_path / "f") as ask:
        ask.answer("DROP DATABASE mine", database="yours")
    assert given.exists()
    assert (tmp_path / "f" / "account-embedded" / "yours.duckdb").exists()
