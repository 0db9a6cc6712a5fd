"""Settings, and USE: what requests ask for and answers change."""

import pytest

from tests.local.conftest import Asker


@pytest.mark.parametrize(
    ("sql", "change"),
    [
        ('USE DATABASE "second"', "database=second"),
        ("USE DATABASE Second", "database=second"),
        ("USE second -- comment", "database=second"),
        ('/* x */ use engine "other"', "engine=other"),
        ("USE ENGINE system", "engine=system"),
    ],
)
def test_use_answers_update_parameters(ask: Asker, sql: str, change: str) -> None:
    """USE is an empty result with Update-Parameters, and never with an Update-Endpoint."""
    reply = ask.send(sql)
    assert reply.json()["meta"] == []
    assert reply.headers["firebolt-update-parameters"] == change
    assert "firebolt-update-endpoint" not in reply.headers


@pytest.mark.parametrize(
    ("sql", "text"),
    [
        ('USE DATABASE "nix"', "Database 'nix' does not exist or not authorized"),
        ('USE DATABASE "SECOND"', "Database 'SECOND' does not exist or not authorized"),
        ("USE ENGINE nix", "Engine 'nix' does not exist"),
        ("USE", "syntax error"),
    ],
)
def test_use_of_what_is_not_there_is_a_structured_error(ask: Asker, sql: str, text: str) -> None:
    """The text is the one that clients look for."""
    assert text in ask.error(sql)["description"]


def test_a_request_to_an_unknown_database_or_engine_fails(ask: Asker) -> None:
    """Every request is checked, because clients remember what they once used."""
    assert "does not exist" in ask.error("SELECT 1", database="nix")["description"]
    assert "does not exist" in ask.error("SELECT 1", engine="nix")["description"]


def test_databases_are_apart(ask: Asker) -> None:
    """A table belongs to the database that the request names."""
    ask.answer("CREATE OR REPLACE TABLE apart AS SELECT 1 AS a", database="second")
    assert ask.rows("SELECT * FROM apart", database="second") == [(1,)]
    assert "apart" in ask.error("SELECT * FROM apart")["description"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("timezone", "Europe/Berlin"),
        ("time_zone", "UTC"),
        ("max_result_rows", "5"),
        ("statement_timeout", "0"),
        ("cancel_query_on_connection_drop", "none"),
        ("enable_result_cache", "false"),
        ("advanced_mode", "1"),
        ("query_label", "daily report"),
        ("standard_conforming_strings", "on"),
        ("account_id", "anything"),
        ("compress", "1"),
        ("auto_start_stop_control", "ignore"),
    ],
)
def test_known_parameters_are_accepted(ask: Asker, name: str, value: str) -> None:
    """The parameters of the protocol are accepted with good values."""
    assert ask.rows("SELECT 1", **{name: value}) == [(1,)]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("timezone", "No/Where"),
        ("timezone", "x'; DROP"),
        ("max_result_rows", "many"),
        ("statement_timeout", "-1"),
        ("cancel_query_on_connection_drop", "SOMETIMES"),
        ("enable_result_cache", "perhaps"),
        ("async", "perhaps"),
        ("execution_mode", "guess"),
    ],
)
def test_bad_values_are_refused(ask: Asker, name: str, value: str) -> None:
    """A setting's value is checked: 400, with the reason."""
    assert ask.error("SELECT 1", **{name: value})["description"]


def test_unknown_settings_are_refused(ask: Asker) -> None:
    """An unknown name in the query string, and in SET, is 400 with `Unknown setting`."""
    assert "Unknown setting" in ask.error("select 1", no_such_setting="1")["description"]
    assert "Unknown setting" in ask.error("SET no_such_setting = 1")["description"]


def test_set_in_sql_answers_update_parameters(ask: Asker) -> None:
    """SET checks the value and asks the client to send it with later requests."""
    reply = ask.send("SET timezone = 'Asia/Tokyo'")
    assert reply.headers["firebolt-update-parameters"] == "timezone=Asia/Tokyo"
    later = ask.within(reply)
    data = later.send("SELECT '2020-01-01 00:00:00+00'::TIMESTAMPTZ").json()["data"]
    assert data == [["2020-01-01 09:00:00+09"]]
    assert ask.error("SET timezone = 'No/Where'")["description"]
    assert ask.error("SET timezone")["description"]


def test_max_result_rows_caps_a_select(ask: Asker) -> None:
    """A SELECT gives at most so many rows; 0 is no cap."""
    assert len(ask.rows("SELECT * FROM range(100)", max_result_rows="7")) == 7
    assert len(ask.rows("SELECT * FROM range(100)", max_result_rows="0")) == 100


def test_labels_come_back(ask: Asker) -> None:
    """query_label is told in the answer."""
    assert ask.send("SELECT 1", query_label="mine").json()["query"]["query_label"] == "mine"
