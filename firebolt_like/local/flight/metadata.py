r"""What an account has: catalogs, schemas, tables and their keys, from DuckDB's catalogue.

As over REST, DuckDB's schema `main` is told as `public`, and a catalog is a database. Patterns are
those of LIKE, with `\` as the escape. What may live here: the schemas of these answers, which
clients check to the letter, and their rows.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, Final, NamedTuple

import duckdb
import pyarrow as pa

from firebolt_like.local.flight.calls import Call
from firebolt_like.local.flight.sql_info import SQL_INFO, sql_info
from firebolt_like.local.flight.wire_types import wire_type
from firebolt_like.local.flight.xdbc_types import XDBC_TYPES, xdbc_types
from firebolt_like.local.refusal import invalid
from firebolt_like.local.types import sql_type
from firebolt_like.protocol import flight_sql as messages
from firebolt_like.protocol.protobuf import Message
from firebolt_like.protocol.sql import quote_string

__all__ = ["answer_metadata", "metadata_schema"]


def _schema(*columns: str) -> pa.Schema:
    """Make a schema of text columns; `!` marks those that are never NULL, `#` numbers."""
    return pa.schema(
        [
            pa.field(
                column.rstrip("!#"),
                pa.int32() if "#" in column else pa.string(),
                nullable="!" not in column,
            )
            for column in columns
        ]
    )


_TABLES: Final = _schema("catalog_name", "db_schema_name", "table_name!", "table_type!")
_TABLES_WITH_SCHEMA: Final = _TABLES.append(pa.field("table_schema", pa.binary(), nullable=False))
_RULES: Final = [
    pa.field(f"{what}_rule", pa.uint8(), nullable=False) for what in ("update", "delete")
]
_FOREIGN_KEYS: Final = pa.schema(
    [
        *_schema(
            *("pk_catalog_name", "pk_db_schema_name", "pk_table_name!", "pk_column_name!"),
            *("fk_catalog_name", "fk_db_schema_name", "fk_table_name!", "fk_column_name!"),
            *("key_sequence#!", "fk_key_name", "pk_key_name"),
        ),
        *_RULES,
    ]
)
_SCHEMA: Final = "CASE schema_name WHEN 'main' THEN 'public' ELSE schema_name END"
_NO_ACTION: Final = 3

Rows = Iterable[Sequence[Any]]
Ask = Callable[..., list[tuple[Any, ...]]]
"""Runs a query, whose first column is `catalog`, in the order of some columns, or of all."""


class _View(NamedTuple):
    schema: pa.Schema
    rows: Callable[[Any, Ask], Rows]


def metadata_schema(message: Message) -> pa.Schema | None:
    """Give the schema of the answer to a command; None for one that is not about metadata."""
    if isinstance(message, messages.CommandGetTables) and message.include_schema:
        return _TABLES_WITH_SCHEMA
    if isinstance(message, messages.CommandGetSqlInfo):
        return SQL_INFO
    if isinstance(message, messages.CommandGetXdbcTypeInfo):
        return XDBC_TYPES
    view = _VIEWS.get(type(message))
    return None if view is None else view.schema


def answer_metadata(call: Call, message: Message) -> pa.Table:
    """Answer a command that has a `metadata_schema`."""
    if isinstance(message, messages.CommandGetSqlInfo):
        return sql_info(call.tenant.services.version, message.info)
    if isinstance(message, messages.CommandGetXdbcTypeInfo):
        return xdbc_types(message.data_type)
    view, schema = _VIEWS[type(message)], metadata_schema(message) or pa.schema([])
    services = call.tenant.services
    places = ", ".join(map(quote_string, services.engine.databases)) or "NULL"

    def look() -> list[Sequence[Any]]:
        database = services.engine.default_database
        cursor = services.engine.borrow(database, "UTC")
        try:
            # another account is another instance of DuckDB, so that this sees none
            return list(view.rows(message, partial(_ask, cursor, places)))
        except duckdb.Error as error:  # of a pattern
            raise invalid(str(error)) from error
        finally:
            services.engine.give_back(cursor, database, "UTC")

    rows = call.wait(call.query(type(message).__name__), look)
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(schema or ())
    arrays = [
        pa.array(values, field.type) for values, field in zip(columns, schema or (), strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=schema)


def _ask(
    cursor: duckdb.DuckDBPyConnection, places: str, sql: str, order: str = "ALL"
) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = cursor.execute(
        f"SELECT * FROM ({sql}) WHERE catalog IN ({places}) ORDER BY {order}"  # noqa: S608  # quoted
    ).fetchall()
    return found


def _is(expression: str, text: str | None) -> str:
    return "true" if text is None else f"{expression} = {quote_string(text)}"


def _like(expression: str, pattern: str | None) -> str:
    if pattern is None:
        return "true"
    return f"{expression} LIKE {quote_string(pattern)} ESCAPE '\\'"


def _catalogs(message: Any, ask: Ask) -> Rows:  # noqa: ARG001  # one signature for all
    return ask("SELECT database_name AS catalog FROM duckdb_databases()")


def _schemas(message: messages.CommandGetDbSchemas, ask: Ask) -> Rows:
    return ask(
        f"SELECT database_name AS catalog, {_SCHEMA} FROM duckdb_schemas()"  # noqa: S608  # quoted
        f" WHERE (NOT internal OR schema_name IN ('main', 'information_schema'))"
        f" AND {_is('database_name', message.catalog)}"
        f" AND {_like(_SCHEMA, message.db_schema_filter_pattern)}"
    )


_TYPES: Final = {"TABLE": "TABLE", "BASE TABLE": "TABLE", "VIEW": "VIEW"}


def _table_types(message: Any, ask: Ask) -> Rows:  # noqa: ARG001  # one signature for all
    return [("TABLE",), ("VIEW",)]


def _tables(message: messages.CommandGetTables, ask: Ask) -> Rows:
    where = (
        f"WHERE NOT internal AND {_is('database_name', message.catalog)}"
        f" AND {_like(_SCHEMA, message.db_schema_filter_pattern)}"
    )
    named = message.table_name_filter_pattern
    wanted = {_TYPES.get(name.upper(), "") for name in message.table_types or _TYPES}
    tables = [
        row
        for row in ask(
            f"SELECT database_name AS catalog, {_SCHEMA}, table_name, 'TABLE' FROM duckdb_tables()"  # noqa: S608  # quoted
            f" {where} AND {_like('table_name', named)} UNION ALL"
            f" SELECT database_name, {_SCHEMA}, view_name, 'VIEW' FROM duckdb_views()"
            f" {where} AND {_like('view_name', named)}"
        )
        if row[3] in wanted
    ]
    if not message.include_schema:
        return tables
    fields: dict[tuple[Any, ...], list[pa.Field]] = {row[:3]: [] for row in tables}
    # of a view's columns DuckDB tells what their tables say: an outer join makes that false
    views = {row[:3] for row in tables if row[3] == "VIEW"}
    for *place, _, column, kind, nullable in ask(
        f"SELECT database_name AS catalog, {_SCHEMA}, table_name, column_index, column_name,"  # noqa: S608  # quoted
        f" data_type, is_nullable FROM duckdb_columns() {where} AND {_like('table_name', named)}"
    ):
        if (key := tuple(place)) in fields:
            fields[key].append(_field(column, kind, key, nullable=nullable or key in views))
    return [(*row, pa.schema(fields[row[:3]]).serialize().to_pybytes()) for row in tables]


def _field(name: str, kind: str, place: tuple[Any, ...], *, nullable: bool) -> pa.Field:
    """Describe a column, also in the words that Flight SQL has for it."""
    duckdb_type = duckdb.sqltype(kind)
    told = sql_type(duckdb_type)
    facts = {
        "CATALOG_NAME": place[0],
        "SCHEMA_NAME": place[1],
        "TABLE_NAME": place[2],
        "TYPE_NAME": str(told).removesuffix(" null"),
        "PRECISION": told.precision,
        "SCALE": told.scale,
    }
    metadata = {
        f"ARROW:FLIGHT:SQL:{key}": str(fact) for key, fact in facts.items() if fact is not None
    }
    return pa.field(name, wire_type(duckdb_type).arrow, nullable, metadata)


_KEYS: Final = "duckdb_constraints() WHERE constraint_type = "


def _primary_keys(message: messages.CommandGetPrimaryKeys, ask: Ask) -> Rows:
    return ask(
        f"SELECT database_name AS catalog, {_SCHEMA}, table_name,"  # noqa: S608  # quoted
        " unnest(constraint_column_names), constraint_name,"
        f" unnest(range(1, len(constraint_column_names) + 1)) FROM {_KEYS}'PRIMARY KEY'"
        f" AND {_is('database_name', message.catalog)} AND {_is(_SCHEMA, message.db_schema)}"
        f" AND {_is('table_name', message.table)}",
        "1, 2, 3, 5, 6",
    )


def _foreign_keys(where: str, ask: Ask) -> Rows:
    # a foreign key of DuckDB refers to a table of its own schema
    rows = ask(
        f"SELECT f.database_name AS catalog, {_SCHEMA}, f.referenced_table,"  # noqa: S608  # quoted
        " unnest(f.referenced_column_names), f.database_name AS fk_catalog,"
        f" {_SCHEMA}, f.table_name, unnest(f.constraint_column_names),"
        " unnest(range(1, len(f.constraint_column_names) + 1)), f.constraint_name,"
        " (SELECT any_value(p.constraint_name) FROM duckdb_constraints() p"
        " WHERE p.constraint_type IN ('PRIMARY KEY', 'UNIQUE')"
        " AND p.database_name = f.database_name AND p.schema_name = f.schema_name"
        " AND p.table_name = f.referenced_table"
        " AND p.constraint_column_names = f.referenced_column_names)"
        f" FROM duckdb_constraints() f WHERE f.constraint_type = 'FOREIGN KEY' AND {where}",
        "1, 2, 3, 5, 6, 7, 10, 9",
    )
    return [(*row, _NO_ACTION, _NO_ACTION) for row in rows]


def _exported_keys(message: messages.CommandGetExportedKeys, ask: Ask) -> Rows:
    return _foreign_keys(_where(message, "referenced_table"), ask)


def _imported_keys(message: messages.CommandGetImportedKeys, ask: Ask) -> Rows:
    return _foreign_keys(_where(message, "table_name"), ask)


def _where(message: Any, table: str) -> str:
    return (
        f"{_is('f.database_name', message.catalog)} AND {_is(_SCHEMA, message.db_schema)}"
        f" AND {_is(f'f.{table}', message.table)}"
    )


def _cross_reference(message: messages.CommandGetCrossReference, ask: Ask) -> Rows:
    return _foreign_keys(
        f"{_is('f.database_name', message.pk_catalog)} AND {_is(_SCHEMA, message.pk_db_schema)}"
        f" AND {_is('f.referenced_table', message.pk_table)}"
        f" AND {_is('f.database_name', message.fk_catalog)}"
        f" AND {_is(_SCHEMA, message.fk_db_schema)} AND {_is('f.table_name', message.fk_table)}",
        ask,
    )


_VIEWS: Final[dict[type[Message], _View]] = {
    messages.CommandGetCatalogs: _View(_schema("catalog_name!"), _catalogs),
    messages.CommandGetDbSchemas: _View(_schema("catalog_name", "db_schema_name!"), _schemas),
    messages.CommandGetTableTypes: _View(_schema("table_type!"), _table_types),
    messages.CommandGetTables: _View(_TABLES, _tables),
    messages.CommandGetPrimaryKeys: _View(
        _schema(
            *("catalog_name", "db_schema_name", "table_name!", "column_name!"),
            *("key_name", "key_sequence#!"),
        ),
        _primary_keys,
    ),
    messages.CommandGetExportedKeys: _View(_FOREIGN_KEYS, _exported_keys),
    messages.CommandGetImportedKeys: _View(_FOREIGN_KEYS, _imported_keys),
    messages.CommandGetCrossReference: _View(_FOREIGN_KEYS, _cross_reference),
}
