"""What a server tells about itself over Flight: catalogs, schemas, tables, keys, facts, types."""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest

from firebolt_like.local import LocalServer
from firebolt_like.protocol.flight_sql import (
    CommandGetCatalogs,
    CommandGetCrossReference,
    CommandGetDbSchemas,
    CommandGetExportedKeys,
    CommandGetImportedKeys,
    CommandGetPrimaryKeys,
    CommandGetSqlInfo,
    CommandGetTables,
    CommandGetTableTypes,
    CommandGetXdbcTypeInfo,
)
from firebolt_like.protocol.protobuf import Message
from firebolt_like.protocol.sql_info import SqlInfo, XdbcDataType
from tests.local.flight_asker import FlightAsker

TABLES = [
    "CREATE TABLE customer (region int, id int, name text UNIQUE, PRIMARY KEY (region, id))",
    (
        "CREATE TABLE buy (a int, b int, price numeric(9, 2) NOT NULL, bought timestamptz,"
        " tags text[], FOREIGN KEY (a, b) REFERENCES customer(region, id))"
    ),
    "CREATE VIEW cheap AS SELECT price FROM buy WHERE price < 1",
    "CREATE SCHEMA extra",
    "CREATE TABLE extra.under_score (id int PRIMARY KEY)",
    "CREATE TABLE extra.underXscore (id int)",
]


@pytest.fixture(scope="module")
def ask() -> Iterator[FlightAsker]:
    with LocalServer(databases=["sales", "stock"], flight_port=0) as server:
        asker = FlightAsker.of(server)
        for table in TABLES:
            asker.update(table)
        FlightAsker.of(server, database="stock").update("CREATE TABLE items (id int)")
        yield asker
        asker.close()


def test_catalogs_and_schemas(ask: FlightAsker) -> None:
    """A catalog is a database, and DuckDB's main is public; nothing of DuckDB's own is told."""
    assert ask.rows(CommandGetCatalogs()) == [("sales",), ("stock",)]
    assert ask.rows(CommandGetDbSchemas()) == [
        *(("sales", "extra"), ("sales", "public"), ("stock", "public")),
    ]
    assert ask.rows(CommandGetDbSchemas("sales", "pub%")) == [("sales", "public")]
    assert ask.rows(CommandGetDbSchemas("", None)) == []
    assert ask.rows(CommandGetDbSchemas("it's")) == []


def _names(ask: FlightAsker, command: CommandGetTables) -> list[str]:
    return [row[2] for row in ask.rows(command)]


def test_tables(ask: FlightAsker) -> None:
    """Catalog, patterns and types choose among them; `\\` makes a `_` stand for itself."""
    assert ask.rows(CommandGetTables("sales", "public")) == [
        ("sales", "public", "buy", "TABLE"),
        ("sales", "public", "cheap", "VIEW"),
        ("sales", "public", "customer", "TABLE"),
    ]
    assert _names(ask, CommandGetTables("stock")) == ["items"]
    assert _names(ask, CommandGetTables(table_name_filter_pattern="c%")) == ["cheap", "customer"]
    both = ["underxscore", "under_score"]
    found = _names(ask, CommandGetTables(table_name_filter_pattern="under_score"))
    assert sorted(found) == sorted(both)
    assert _names(ask, CommandGetTables(table_name_filter_pattern=r"under\_score")) == both[1:]
    assert _names(ask, CommandGetTables("sales", table_types=("VIEW",))) == ["cheap"]
    assert "cheap" not in _names(ask, CommandGetTables(table_types=("BASE TABLE",)))
    assert _names(ask, CommandGetTables(table_types=("SYSTEM",))) == []
    assert ask.rows(CommandGetTableTypes()) == [("TABLE",), ("VIEW",)]


def test_the_columns_of_tables(ask: FlightAsker) -> None:
    """On request, each table comes with its schema: that of its rows, with facts about columns."""
    command = CommandGetTables("sales", "public", "buy", include_schema=True)
    ((*_, packed),) = ask.rows(command)
    schema = pa.ipc.read_schema(pa.py_buffer(packed))
    assert schema == ask.get("SELECT * FROM buy").schema
    assert schema.field("price").nullable is False
    facts = schema.field("price").metadata
    assert facts[b"ARROW:FLIGHT:SQL:TYPE_NAME"] == b"numeric(9, 2)"
    assert facts[b"ARROW:FLIGHT:SQL:PRECISION"] == b"9"
    assert facts[b"ARROW:FLIGHT:SQL:TABLE_NAME"] == b"buy"


def test_a_view_may_hold_null(ask: FlightAsker) -> None:
    """A view's columns are nullable, whatever their tables say: an outer join makes NULLs."""
    ((*_, packed),) = ask.rows(CommandGetTables("sales", "public", "cheap", include_schema=True))
    assert pa.ipc.read_schema(pa.py_buffer(packed)).field("price").nullable


def test_keys(ask: FlightAsker) -> None:
    """Primary and foreign keys, column by column, from both sides."""
    primary = ask.rows(CommandGetPrimaryKeys("sales", "public", "customer"))
    assert [(row[2], row[3], row[5]) for row in primary] == [
        ("customer", "region", 1),
        ("customer", "id", 2),
    ]
    keys = ask.get(CommandGetImportedKeys(table="buy"))
    assert keys.select([2, 3, 6, 7, 8]).to_pylist() == [
        {
            "pk_table_name": "customer",
            "pk_column_name": column,
            "fk_table_name": "buy",
            "fk_column_name": reference,
            "key_sequence": number,
        }
        for number, (column, reference) in enumerate([("region", "a"), ("id", "b")], 1)
    ]
    assert keys["pk_key_name"].to_pylist() == [primary[0][4]] * 2
    assert ask.get(CommandGetExportedKeys(table="customer")) == keys
    cross = CommandGetCrossReference("sales", "public", "customer", "sales", "public", "buy")
    assert ask.get(cross) == keys
    assert ask.rows(CommandGetExportedKeys(table="buy")) == []
    assert ask.rows(CommandGetPrimaryKeys(table="nix")) == []


def test_a_pattern_without_an_end(ask: FlightAsker) -> None:
    """A `\\` at the end of a pattern escapes nothing, and is refused."""
    with pytest.raises(pa.ArrowInvalid, match="escape character"):
        ask.get(CommandGetTables(table_name_filter_pattern="b%\\"))


def test_facts(ask: FlightAsker) -> None:
    """Facts are in the child of the union that the protocol names for them."""
    table = ask.get(CommandGetSqlInfo())
    assert table.num_rows > 40
    known = dict(ask.rows(CommandGetSqlInfo((0, 3, 8, 504, 508, 573))))
    assert known == {0: "firebolt_like", 3: False, 8: 1, 504: '"', 573: False}
    children = {
        SqlInfo.FLIGHT_SQL_SERVER_NAME: 0,
        SqlInfo.FLIGHT_SQL_SERVER_READ_ONLY: 1,
        SqlInfo.SQL_IDENTIFIER_CASE: 2,
        SqlInfo.FLIGHT_SQL_SERVER_TRANSACTION: 3,
    }
    for fact, child in children.items():
        union = ask.get(CommandGetSqlInfo((fact,)))["value"].chunk(0)
        assert union.type_codes.to_pylist() == [child]


def test_types(ask: FlightAsker) -> None:
    """The types in the words of ODBC, in the order of their codes."""
    rows = ask.rows(CommandGetXdbcTypeInfo())
    assert [row[1] for row in rows] == sorted(row[1] for row in rows)
    names = {row[0] for row in rows}
    assert {"integer", "text", "numeric", "timestamptz", "bytea"} <= names
    assert [row[0] for row in ask.rows(CommandGetXdbcTypeInfo(XdbcDataType.XDBC_DATE))] == ["date"]


ALL: list[Message] = [
    CommandGetCatalogs(),
    CommandGetDbSchemas(),
    CommandGetTables(),
    CommandGetTables(include_schema=True),
    CommandGetTables("nix", include_schema=True),
    CommandGetTableTypes(),
    CommandGetPrimaryKeys(table="customer"),
    CommandGetPrimaryKeys(table="nix"),
    CommandGetImportedKeys(table="buy"),
    CommandGetExportedKeys(table="nix"),
    CommandGetSqlInfo((0,)),
    CommandGetSqlInfo((99999,)),
    CommandGetXdbcTypeInfo(),
    CommandGetXdbcTypeInfo(12345),
]


@pytest.mark.parametrize("command", ALL, ids=repr)
def test_schemas_hold(ask: FlightAsker, command: Any) -> None:
    """`FlightInfo` tells the schema of the rows to the letter, also where there are none."""
    info = ask.info(command)
    assert ask.fetch(info).schema.equals(info.schema, check_metadata=True)
