"""describe_parameters: what a statement would take and give, without running it."""

import json
from typing import Any

import pyarrow as pa

from tests.local.conftest import Asker


def _describe(ask: Asker, sql: str) -> dict[str, Any]:
    answer = ask.answer(sql, execution_mode="describe_parameters")
    assert [column.type.name for column in answer.columns] == ["text"]
    ((text,),) = ask.rows(sql, execution_mode="describe_parameters")
    told: dict[str, Any] = json.loads(text)
    return told


def test_a_query_tells_both(ask: Asker) -> None:
    """Placeholders have the type that they are cast to, else text."""
    told = _describe(
        ask, "SELECT $2::date AS d, CAST($10 AS bigint) AS n, 'it''s' AS t WHERE $1 = 'x'"
    )
    assert told["parameter_types"] == {"$1": "text", "$2": "date", "$10": "long"}
    assert [
        (column["name"], column["type"].removesuffix(" null")) for column in told["result_columns"]
    ] == [
        ("d", "date"),
        ("n", "long"),
        ("t", "text"),
    ]


def test_what_is_not_there_is_left_out(ask: Asker) -> None:
    """No placeholders, no result, or neither."""
    assert set(_describe(ask, "SELECT 1")) == {"result_columns"}
    assert _describe(ask, "CREATE TABLE described (a INT)") == {}
    assert "described" in ask.error("SELECT * FROM described")["description"]


def test_an_insert_tells_the_types_of_its_columns(ask: Asker) -> None:
    """And inserts nothing."""
    ask.answer("CREATE OR REPLACE TABLE target (a BIGINT, b DATE, c NUMERIC(9, 2))")
    told = _describe(ask, "INSERT INTO target (c, a) VALUES ($1, $2)")
    types = {name: kind.removesuffix(" null") for name, kind in told["parameter_types"].items()}
    assert types == {"$1": "Decimal(9, 2)", "$2": "long"}
    assert set(told) == {"parameter_types"}
    assert ask.rows("SELECT count(*) FROM target") == [(0,)]


def test_a_query_tells_the_types_of_its_answer(ask: Asker) -> None:
    """Name by name, with what may be NULL, also where the names and types are unusual."""
    ask.answer("CREATE OR REPLACE TABLE known (a INT NOT NULL, b STRUCT(x INT), c GEOGRAPHY)")
    for sql in (
        "SELECT 1 AS a, 2 AS a, NULL, 'x' || 'y', 1.5::NUMERIC(9, 2), ['x'], {'k k': 1}",
        "SELECT known, * FROM known",
        "FROM known ORDER BY a",
        "WITH w AS (SELECT 1) SELECT * FROM w UNION VALUES (2)",
        "SHOW TABLES",
    ):
        answer = ask.answer(sql)
        assert _describe(ask, sql)["result_columns"] == [
            {"name": column.name, "type": column.type.json_compact} for column in answer.columns
        ]


def test_a_sequence_stays_where_it_was(ask: Asker) -> None:
    """A query that changes something is described without running."""
    ask.answer("CREATE OR REPLACE SEQUENCE counted")
    told = _describe(ask, "SELECT nextval('counted') AS n")
    assert told["result_columns"] == [{"name": "n", "type": "long null"}]
    assert ask.rows("SELECT nextval('counted')") == [(1,)]


def test_what_cannot_run_is_an_error(ask: Asker) -> None:
    """Names are looked up, for queries and changes."""
    for sql in ("SELEC", "SELECT * FROM no_such", "INSERT INTO no_such VALUES ($1)"):
        assert ask.error(sql, execution_mode="describe_parameters")["description"]


def test_a_stream_of_arrow_marks_what_is_never_null(ask: Asker) -> None:
    """As the type names of JSON do."""
    reply = ask.send("SELECT 1 AS a, NULL AS b", output_format="ArrowStream")
    schema = pa.ipc.open_stream(reply.content).schema
    assert [field.nullable for field in schema] == [
        column.type.nullable for column in ask.answer("SELECT 1 AS a, NULL AS b").columns
    ]
