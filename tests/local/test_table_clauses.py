"""FACT and DIMENSION, PRIMARY INDEX and PARTITION BY are remembered with their table."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from firebolt_like.local import Account, LocalServer
from firebolt_like.local.table_notes import read_column_note, read_table_note
from tests.local.conftest import Asker

_TABLES = "SELECT type, primary_index FROM information_schema.tables WHERE table_name = '{}'"
_COLUMNS = (
    "SELECT column_name, is_in_primary_index, is_in_partition_expr"
    " FROM information_schema.columns WHERE table_name = '{}' ORDER BY ordinal_position"
)


def _table(ask: Asker, name: str, **params: str) -> tuple[str, list[str] | None]:
    ((kind, index),) = ask.rows(_TABLES.format(name), **params)
    return kind, None if index is None else json.loads(index)


def _columns(ask: Asker, name: str) -> dict[str, tuple[str, str]]:
    return {name: (one, other) for name, one, other in ask.rows(_COLUMNS.format(name))}


@pytest.fixture
def table(ask: Asker) -> Iterator[str]:
    ask.answer(
        'CREATE DIMENSION TABLE clauses (day pgdate, "Q 1" int, c text)'
        ' PRIMARY INDEX "Q 1", DAY PARTITION BY EXTRACT(YEAR FROM day)'
    )
    yield "clauses"
    ask.answer("DROP TABLE IF EXISTS clauses")


_FULL = ("DIMENSION", ["Q 1", "day"])


@pytest.mark.parametrize(
    ("sql", "table"),
    [
        ("CREATE TABLE noted (a int, b int)", ("FACT", None)),
        ("CREATE FACT TABLE noted (a int, b int) PRIMARY INDEX b, a", ("FACT", ["b", "a"])),
        ("CREATE TABLE public.noted (a int, b int) PRIMARY INDEX (a)", ("FACT", ["a"])),
        ("CREATE TABLE firebolt.public.noted (a int, B int) PRIMARY INDEX b", ("FACT", ["b"])),
        ("CREATE DIMENSION TABLE IF NOT EXISTS noted (a int, b int)", ("DIMENSION", None)),
        (
            "CREATE OR REPLACE DIMENSION TABLE noted PRIMARY INDEX a AS SELECT 1 AS a, 2 AS b",
            ("DIMENSION", ["a"]),
        ),
    ],
)
def test_information_schema_tells_them(
    ask: Asker, sql: str, table: tuple[str, list[str] | None]
) -> None:
    """Type and index are in `tables`, the index also in `columns` and `indexes`."""
    ask.answer(sql)
    assert _table(ask, "noted") == table
    index = table[1]
    yes = {name for name, (in_index, _) in _columns(ask, "noted").items() if in_index == "YES"}
    assert yes == set(index or [])
    indexes = ask.rows(
        "SELECT index_name, index_type, index_definition FROM information_schema.indexes"
        " WHERE table_name = 'noted'"
    )
    definition = ", ".join(f'"{name}"' for name in index or [])
    assert indexes == ([("primary_noted", "primary", definition)] if index else [])
    ask.answer("DROP TABLE noted")


def test_show_tables_tells_them(ask: Asker, table: str) -> None:
    """SHOW TABLES has the type, the number of columns, and the index in its order."""
    answer = ask.answer("SHOW TABLES")
    names = [column.name for column in answer.columns]
    rows = [dict(zip(names, row, strict=True)) for row in ask.rows("SHOW TABLES")]
    (row,) = [row for row in rows if row["table_name"] == table]
    assert (row["state"], row["table_type"], row["column_count"]) == ("Valid", "DIMENSION", 3)
    assert json.loads(row["primary_index"]) == ["Q 1", "day"]


@pytest.mark.parametrize(
    "clause",
    ["(a int, b int) PARTITION BY b, a % 2", "PARTITION BY a + b AS SELECT 1 AS a, 2 AS b"],
)
def test_columns_of_partitions_are_told(ask: Asker, clause: str) -> None:
    """Every column that PARTITION BY reads says so."""
    ask.answer(f"CREATE FACT TABLE parted {clause}")
    assert _columns(ask, "parted") == {"a": ("NO", "YES"), "b": ("NO", "YES")}
    ask.answer("DROP TABLE parted")


def test_the_ddl_makes_the_same_table(ask: Asker, table: str) -> None:
    """What `ddl` says is a statement that makes a table of the same type and index."""
    ((ddl,),) = ask.rows(f"SELECT ddl FROM information_schema.tables WHERE table_name = '{table}'")
    ask.answer(f"DROP TABLE {table}")
    ask.answer(ddl)
    assert _table(ask, table) == _FULL


def test_they_follow_the_changes_of_their_table(ask: Asker, table: str) -> None:
    """Renamed tables and columns keep them; a table that is made anew has its own."""
    ask.answer(f'ALTER TABLE {table} RENAME COLUMN "Q 1" TO number')
    ask.answer(f"ALTER TABLE {table} DROP COLUMN c")
    ask.answer(f"ALTER TABLE {table} ADD COLUMN added int")
    ask.answer(f"ALTER TABLE {table} RENAME TO renamed")
    assert _table(ask, "renamed") == ("DIMENSION", ["number", "day"])
    assert _columns(ask, "renamed") == {
        "day": ("YES", "YES"),
        "number": ("YES", "NO"),
        "added": ("NO", "NO"),
    }
    ask.answer("ALTER TABLE renamed DROP COLUMN number")
    assert _table(ask, "renamed") == ("DIMENSION", ["day"])
    ask.answer("CREATE OR REPLACE TABLE renamed (day pgdate)")
    assert _table(ask, "renamed") == ("FACT", None)
    ask.answer("DROP TABLE renamed")


def test_a_table_that_is_there_stays_as_it_is(ask: Asker, table: str) -> None:
    """IF NOT EXISTS changes no clause of a table, whatever way it is named."""
    for name in (table, f"public.{table}", f"firebolt.{table}", f'firebolt.public."{table}"'):
        ask.answer(f"CREATE FACT TABLE IF NOT EXISTS {name} (c text) PRIMARY INDEX c")
        assert _table(ask, table) == _FULL
    ask.answer(f"CREATE FACT TABLE IF NOT EXISTS second.{table} (c text) PRIMARY INDEX c")
    assert _table(ask, table, database="second") == ("FACT", ["c"])
    assert _table(ask, table) == _FULL
    ask.answer(f"DROP TABLE second.{table}")


def test_a_rollback_undoes_them(ask: Asker, table: str) -> None:
    """In a transaction they are seen by it alone, and ROLLBACK brings the old ones back."""
    inside = ask.within(ask.send("BEGIN"))
    inside = inside.within(inside.send(f"DROP TABLE {table}"))
    inside = inside.within(inside.send(f"CREATE FACT TABLE {table} (x int) PRIMARY INDEX x"))
    told = inside.send(_TABLES.format(table))
    assert told.json()["data"] == [["FACT", '["x"]']]
    assert _table(ask, table) == _FULL
    inside.within(told).answer("ROLLBACK")
    assert _table(ask, table) == _FULL
    inside = ask.within(ask.send("BEGIN"))
    inside = inside.within(inside.send(f"CREATE OR REPLACE TABLE {table} (x int) PRIMARY INDEX x"))
    inside.answer("COMMIT")
    assert _table(ask, table) == ("FACT", ["x"])


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE bad PRIMARY INDEX nosuch AS SELECT 1 AS a",
        "CREATE TABLE bad (a int) PARTITION BY nosuch",
    ],
)
def test_no_table_is_left_of_a_statement_that_fails(ask: Asker, sql: str) -> None:
    """Table and clauses are made together, or not at all."""
    assert 'a column with name "nosuch"' in ask.error(sql)["description"]
    assert ask.rows(_TABLES.format("bad")) == []


_COMMENT = "SELECT comment FROM duckdb_tables() WHERE table_name = '{}'"
_COMMENTS = "SELECT column_name, comment FROM duckdb_columns() WHERE table_name = '{}'"


def test_comments_stand_beside_what_is_remembered(ask: Asker, table: str) -> None:
    """COMMENT ON changes a table's or a column's comment and nothing else; NULL takes it away."""
    ask.answer(f"COMMENT ON TABLE public.{table} IS 'it''s all'")
    ask.answer(f"COMMENT ON COLUMN {table}.\"Q 1\" IS 'one'")
    ask.answer(f"comment on column {table}.C is 'last'")
    ((comment,),) = ask.rows(_COMMENT.format(table))
    assert json.loads(comment)["comment"] == "it's all"
    comments = dict(ask.rows(_COMMENTS.format(table)))
    found = {name: json.loads(note).get("comment") for name, note in comments.items()}
    assert found == {"day": None, "Q 1": "one", "c": "last"}
    assert _table(ask, table) == _FULL
    ask.answer(f"COMMENT ON TABLE {table} IS NULL")
    ((comment,),) = ask.rows(_COMMENT.format(table))
    assert "comment" not in json.loads(comment)
    assert _table(ask, table) == _FULL


def test_wrong_comments_are_errors(ask: Asker, table: str) -> None:
    """What is commented on must exist, and the comment is a string."""
    assert "nosuch" in ask.error("COMMENT ON TABLE nosuch IS 'x'")["description"]
    assert "nosuch" in ask.error(f"COMMENT ON COLUMN {table}.nosuch IS 'x'")["description"]
    assert "syntax error" in ask.error(f"COMMENT ON TABLE {table} IS 5")["description"]


def test_views_have_comments(ask: Asker) -> None:
    """COMMENT ON VIEW is DuckDB's own."""
    ask.answer("CREATE VIEW seen AS SELECT 1 AS a")
    ask.answer("COMMENT ON VIEW seen IS 'a view'")
    views = "SELECT comment FROM duckdb_views() WHERE view_name = 'seen'"
    assert ask.rows(views) == [("a view",)]
    ask.answer("DROP VIEW seen")


def test_indexes_follow_their_table(ask: Asker) -> None:
    """An aggregating index tells its table and what it holds, for as long as there is the table."""
    ask.answer('CREATE DIMENSION TABLE "Sold FROM" (day pgdate, n int) PRIMARY INDEX day')
    ask.answer('CREATE AGGREGATING INDEX by_day ON public."Sold FROM" ( day, Sum(n) )')
    ask.answer('CREATE AGGREGATING INDEX "Mx" ON "Sold FROM" (max(n))')
    sql = (
        "SELECT table_name, index_name, index_definition FROM information_schema.indexes"
        " WHERE index_type = 'aggregating' ORDER BY index_name DESC"
    )
    inside = ask.within(ask.send("BEGIN"))
    inside = inside.within(inside.send("DROP AGGREGATING INDEX by_day"))
    inside.answer("ROLLBACK")
    assert ask.rows(sql) == [("Sold FROM", "by_day", "day, Sum(n)"), ("Sold FROM", "Mx", "max(n)")]
    ask.answer('ALTER TABLE "Sold FROM" RENAME TO sold')
    ask.answer("DROP AGGREGATING INDEX by_day")
    assert ask.rows(sql) == [("sold", "Mx", "max(n)")]
    assert _table(ask, "sold") == ("DIMENSION", ["day"])
    ask.answer("DROP TABLE sold CASCADE")
    assert ask.rows(sql) == []


def test_they_are_there_after_a_restart(tmp_path: Path) -> None:
    """A server that is started again on its folder knows them."""
    sql = "CREATE DIMENSION TABLE kept (a int, b int) PRIMARY INDEX b, a"
    for found in ([], [("DIMENSION", '["b","a"]')]):
        with (
            LocalServer(folder=tmp_path) as server,
            httpx.Client(base_url=server.url, timeout=20) as http,
        ):
            ask = Asker(http)
            assert ask.rows(_TABLES.format("kept")) == found
            ask.send(sql)


def test_accounts_do_not_share_them() -> None:
    """Two accounts have tables of one name with clauses of their own."""
    accounts = [Account("one", databases=["db"]), Account("two", databases=["db"])]
    with (
        LocalServer(accounts=accounts) as server,
        httpx.Client(base_url=server.url, timeout=20) as http,
    ):
        asks = [Asker(http, {"account_id": one.id, "database": "db"}) for one in accounts]
        for ask, column in zip(asks, "ab", strict=True):
            ask.answer(f"CREATE TABLE t (a int, b int) PRIMARY INDEX {column}")
        assert [_table(ask, "t")[1] for ask in asks] == [["a"], ["b"]]


@settings(deadline=None)
@given(st.one_of(st.none(), st.text(), st.from_regex(r'\{"(type|primary_index)": ?.{,5}\}')))
@example('{"x": ' + "[" * 100_000)
def test_any_comment_can_be_read(comment: Any) -> None:
    """A file that another program has written may have comments of any kind."""
    assert isinstance(read_table_note(comment).type, str)
    read_column_note(comment)
