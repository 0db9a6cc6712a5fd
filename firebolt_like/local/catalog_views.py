"""`information_schema` of one database: tables, columns, schemas, views, from DuckDB's catalogue.

What may live here: those views, and SHOW, which reads them. DuckDB's schema `main` is told as
`public`, which is what clients ask for.
"""

import dataclasses
from collections.abc import Iterator
from typing import Any, Final

import duckdb
import msgspec

from firebolt_like.local.engine import ACCOUNT_DB
from firebolt_like.local.grammar import Reader
from firebolt_like.local.information_schema import Session, View
from firebolt_like.local.refusal import invalid
from firebolt_like.local.table_notes import read_column_note, read_table_note
from firebolt_like.local.types import sql_type
from firebolt_like.protocol.sql import quote_name, quote_string

__all__ = ["catalog_views", "show"]

_TIME = "timestamptz"
_SCHEMA = "CASE schema_name WHEN 'main' THEN 'public' ELSE schema_name END"


def catalog_views() -> dict[str, View]:
    """Give the views by name."""
    return {
        "tables": View(dict(_TABLES), _tables),
        "columns": View(dict(_COLUMNS), _columns),
        "schemata": View(dict(_SCHEMATA), _schemata),
        "views": View(dict(_VIEWS), _views),
        "indexes": View(dict(_INDEXES), _indexes),
        "routines": View(dict(_ROUTINES), _routines),
    }


_TABLES = {
    "table_catalog": "text",
    "table_schema": "text",
    "table_name": "text",
    "table_type": "text",
    "table_owner": "text",
    "created": _TIME,
    "last_altered": _TIME,
    "last_altered_by": "text",
    "primary_index": "text",
    "number_of_rows": "bigint",
    "compressed_bytes": "bigint",
    "uncompressed_bytes": "bigint",
    "compression_ratio": "numeric",
    "number_of_tablets": "integer",
    "fragmentation": "numeric",
    "type": "text",
    "location_name": "text",
    "ddl": "text",
    "self_referencing_column_name": "text",
    "reference_generation": "text",
    "user_defined_type_catalog": "text",
    "user_defined_type_schema": "text",
    "user_defined_type_name": "text",
    "is_insertable_into": "text",
    "is_typed": "text",
    "commit_action": "text",
}
_COLUMNS = {
    "table_catalog": "text",
    "table_schema": "text",
    "table_name": "text",
    "column_name": "text",
    "ordinal_position": "integer",
    "column_default": "text",
    "is_nullable": "text",
    "data_type": "text",
    "is_in_partition_expr": "text",
    "is_in_primary_index": "text",
    "character_maximum_length": "integer",
    "character_octet_length": "integer",
    "numeric_precision": "integer",
    "numeric_precision_radix": "integer",
    "numeric_scale": "integer",
    "datetime_precision": "integer",
}
_SCHEMATA = {
    "catalog_name": "text",
    "schema_name": "text",
    "schema_owner": "text",
    "default_character_set_catalog": "text",
    "default_character_set_schema": "text",
    "default_character_set_name": "text",
    "description": "text",
    "created": _TIME,
}
_VIEWS = {
    "table_catalog": "text",
    "table_schema": "text",
    "table_name": "text",
    "view_definition": "text",
    "check_option": "text",
    "is_updatable": "text",
    "insertable_into": "text",
    "owner": "text",
    "created": _TIME,
}
_INDEXES = {
    "table_catalog": "text",
    "table_schema": "text",
    "table_name": "text",
    "index_name": "text",
    "index_type": "text",
    "index_owner": "text",
    "index_definition": "text",
    "compressed_bytes": "bigint",
    "uncompressed_bytes": "bigint",
    "number_of_tablets": "bigint",
    "created": _TIME,
}
_ROUTINES = {
    "specific_catalog": "text",
    "specific_schema": "text",
    "specific_name": "text",
    "routine_catalog": "text",
    "routine_schema": "text",
    "routine_name": "text",
    "routine_type": "text",
    "data_type": "text",
    "routine_parameters": "text",
}


def _ask(session: Session, sql: str) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = session.cursor.execute(sql, [session.database]).fetchall()
    return found


def _tables(session: Session) -> Iterator[tuple[Any, ...]]:
    tables = f"""
        SELECT database_name, {_SCHEMA}, table_name, 'BASE TABLE', estimated_size, sql, comment
        FROM duckdb_tables() WHERE database_name = $1 AND NOT internal
        UNION ALL
        SELECT database_name, {_SCHEMA}, view_name, 'VIEW', NULL, sql, NULL
        FROM duckdb_views() WHERE database_name = $1 AND NOT internal
        ORDER BY 1, 2, 3"""  # noqa: S608  # no user's text is in it
    indexes = _primary_indexes(session)
    for catalog, schema, name, kind, count, ddl, comment in _ask(session, tables):
        is_table = kind == "BASE TABLE"
        table_type = read_table_note(comment).type if is_table else kind
        index = indexes.get((schema, name)) if is_table else None
        yield (
            *(catalog, schema, name, kind, None, None, None, None),
            *(index and _array(index), count, None, None, None, None, None),
            *(table_type, None, _with_clauses(ddl, table_type, index or [])),
            *(None, None, None, None, None, "YES" if is_table else "NO", "NO", None),
        )


def _primary_indexes(session: Session) -> dict[tuple[str, str], list[str]]:
    """Give the columns of each PRIMARY INDEX in their order, by schema and table."""
    columns = f"""
        SELECT {_SCHEMA}, table_name, column_name, comment FROM duckdb_columns()
        WHERE database_name = $1 AND comment IS NOT NULL AND NOT internal"""  # noqa: S608  # as above
    placed = sorted(
        (place, schema, table, column)
        for schema, table, column, comment in _ask(session, columns)
        if (place := read_column_note(comment).primary_index) is not None
    )
    found: dict[tuple[str, str], list[str]] = {}
    for _, schema, table, column in placed:
        found.setdefault((schema, table), []).append(column)
    return found


def _array(names: list[str]) -> str:
    return msgspec.json.encode(names).decode()


def _with_clauses(ddl: str, table_type: str, index: list[str]) -> str:
    ddl = ddl.rstrip(";")
    if table_type == "DIMENSION":
        ddl = ddl.replace("CREATE", "CREATE DIMENSION", 1)
    return f"{ddl} PRIMARY INDEX {_listed(index)};" if index else f"{ddl};"


def _listed(index: list[str]) -> str:
    return ", ".join(map(quote_name, index))


def _columns(session: Session) -> Iterator[tuple[Any, ...]]:
    columns = f"""
        SELECT database_name, {_SCHEMA}, table_name, column_name, column_index, column_default,
            is_nullable OR (schema_name, table_name) IN (
                SELECT (schema_name, view_name) FROM duckdb_views() WHERE database_name = $1
            ), data_type, comment
        FROM duckdb_columns() WHERE database_name = $1 AND NOT internal
        ORDER BY 1, 2, 3, 5"""  # noqa: S608  # as above
    for *place, default, nullable, kind, comment in _ask(session, columns):
        note = read_column_note(comment)
        yield (
            *(*place, default, _yes(nullable), _type_name(kind)),
            *(_yes(note.partition_by), _yes(note.primary_index is not None)),
            *[None] * 6,
        )


def _yes(value: object) -> str:
    return "YES" if value else "NO"


def _type_name(kind: str) -> str:
    return str(dataclasses.replace(sql_type(duckdb.sqltype(kind)), nullable=False))


def _schemata(session: Session) -> Iterator[tuple[Any, ...]]:
    schemas = f"""
        SELECT database_name, {_SCHEMA} FROM duckdb_schemas() WHERE database_name = $1
            AND (NOT internal OR schema_name IN ('main', 'information_schema'))
        ORDER BY 1, 2"""  # noqa: S608  # as above
    for catalog, schema in _ask(session, schemas):
        yield catalog, schema, None, None, None, None, None, None


def _views(session: Session) -> Iterator[tuple[Any, ...]]:
    views = f"""
        SELECT database_name, {_SCHEMA}, view_name, sql FROM duckdb_views()
        WHERE database_name = $1 AND NOT internal ORDER BY 1, 2, 3"""  # noqa: S608  # as above
    for row in _ask(session, views):
        yield (*row, None, "NO", "NO", None, None)


def _indexes(session: Session) -> Iterator[tuple[Any, ...]]:
    found = [
        (schema, table, f"primary_{table}", "primary", _listed(columns))
        for (schema, table), columns in _primary_indexes(session).items()
    ]
    tables = f"""
        SELECT {_SCHEMA}, table_name, comment FROM duckdb_tables()
        WHERE database_name = $1 AND comment IS NOT NULL"""  # noqa: S608  # as above
    for schema, table, comment in _ask(session, tables):
        for name, definition in read_table_note(comment).indexes.items():
            found.append((schema, table, name, "aggregating", definition))
    for schema, table, name, kind, definition in sorted(found):
        yield (
            *(session.database, schema, table, name, kind, None, definition),
            *(None, None, None, None),
        )


def _routines(session: Session) -> Iterator[tuple[Any, ...]]:
    functions = """
        SELECT DISTINCT $1, 'public', function_name, upper(function_type) FROM duckdb_functions()
        WHERE function_type IN ('scalar', 'aggregate') ORDER BY 3"""
    for *place, kind in _ask(session, functions):
        # one row for all that have the name, so there is no one type
        yield (*place, *place, kind, None, None)


_SHOWN_TABLES: Final = (
    "table_name, 'Valid' AS state, type AS table_type, (SELECT count(*)::INT"
    " FROM information_schema.columns c WHERE (c.table_schema, c.table_name)"
    " = (tables.table_schema, tables.table_name)) AS column_count, primary_index,"
    " ddl AS schema, number_of_rows, compressed_bytes AS size,"
    " uncompressed_bytes AS size_uncompressed, compression_ratio, number_of_tablets"
)
_SHOWN_INDEXES: Final = (
    "index_name, table_name, index_type AS type, [index_definition] AS expression,"
    " compressed_bytes AS size_compressed, uncompressed_bytes AS size_uncompressed,"
    " NULL::DOUBLE AS compression_ratio, number_of_tablets"
)
_SHOWN: Final = {
    # what may be shown: the columns, and the view that has them
    "ENGINES": (
        "engine_name, region, type, nodes, clusters, status, default_database, auto_stop",
        "engines",
    ),
    "CATALOGS": ("catalog_name, created, catalog_owner, description", "catalogs"),
    "DATABASES": ("catalog_name AS database_name, created, catalog_owner, description", "catalogs"),
    "TABLES": (_SHOWN_TABLES, "tables"),
    "VIEWS": ("table_name AS view_name, table_schema, view_definition", "views"),
    "INDEXES": (_SHOWN_INDEXES, "indexes"),
}
_SHOWN_COLUMNS: Final = (
    "table_name, column_name, data_type, is_nullable = 'YES' AS nullable",
    "columns",
)


def show(sql: str, database: str) -> str | None:
    """Write the SELECT that a SHOW stands for, or None for any other statement.

    Raises `Refusal` where what is shown belongs to a database, and none was chosen.

    >>> show("SHOW COLUMNS t", "db")
    "SELECT table_name, column_name, data_type, is_nullable = 'YES' AS nullable \
FROM information_schema.columns WHERE table_name = 't'"
    """
    read = Reader(sql)
    read.need("SHOW")
    what = next((what for what in ("COLUMNS", *_SHOWN) if read.take(what)), None)
    if what is None:
        return None
    columns, view = _SHOWN.get(what, _SHOWN_COLUMNS)
    query = f"SELECT {columns} FROM information_schema.{view}"  # noqa: S608  # from the table
    if what == "COLUMNS":
        if not read.take("FROM"):
            read.take("IN")
        name, quoted = read.name()
        table = (name if quoted else name.lower()).rpartition(".")[2]
        query += f" WHERE table_name = {quote_string(table)}"
    read.end()
    if database == ACCOUNT_DB and what not in ("ENGINES", "CATALOGS", "DATABASES"):
        raise invalid(
            f"SHOW {what} wants a database, and none was chosen.",
            resolution="USE DATABASE name chooses one.",
        )
    return query
