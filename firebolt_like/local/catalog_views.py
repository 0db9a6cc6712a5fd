"""`information_schema` of one database: tables, columns, schemas, views, from DuckDB's catalogue.

What may live here: those views, and SHOW, which reads them. DuckDB's schema `main` is told as
`public`, which is what clients ask for.
"""

import dataclasses
from collections.abc import Iterator
from typing import Any, Final

import duckdb

from firebolt_like.local.engine import ACCOUNT_DB
from firebolt_like.local.grammar import Reader
from firebolt_like.local.information_schema import Session, View
from firebolt_like.local.refusal import invalid
from firebolt_like.local.types import sql_type
from firebolt_like.protocol.sql import quote_string

__all__ = ["catalog_views", "show"]

_TIME = "timestamptz"
INDEX_SCHEMA: Final = "aggregating_indexes"
"""The schema where an aggregating index is kept, as a view of its name."""

_VISIBLE = f"schema_name <> '{INDEX_SCHEMA}'"
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
    "index_definition": "text",
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
        SELECT database_name, {_SCHEMA}, table_name, 'BASE TABLE', estimated_size, sql
        FROM duckdb_tables() WHERE database_name = $1 AND NOT internal
        UNION ALL
        SELECT database_name, {_SCHEMA}, view_name, 'VIEW', NULL, sql
        FROM duckdb_views() WHERE database_name = $1 AND NOT internal AND {_VISIBLE}
        ORDER BY 1, 2, 3"""  # noqa: S608  # no user's text is in it
    for catalog, schema, name, kind, count, ddl in _ask(session, tables):
        insertable = "YES" if kind == "BASE TABLE" else "NO"
        yield (
            *(catalog, schema, name, kind, None, None, None, None, None, count),
            *(None, None, None, None, None, kind if kind == "VIEW" else "FACT", None, ddl),
            *(None, None, None, None, None, insertable, "NO", None),
        )


def _columns(session: Session) -> Iterator[tuple[Any, ...]]:
    columns = f"""
        SELECT database_name, {_SCHEMA}, table_name, column_name, column_index, column_default,
            is_nullable, data_type
        FROM duckdb_columns() WHERE database_name = $1 AND NOT internal AND {_VISIBLE}
        ORDER BY 1, 2, 3, 5"""  # noqa: S608  # as above
    for *place, default, nullable, kind in _ask(session, columns):
        yield (
            *(*place, default, "YES" if nullable else "NO", _type_name(kind), "NO", "NO"),
            *[None] * 6,
        )


def _type_name(kind: str) -> str:
    return str(dataclasses.replace(sql_type(duckdb.sqltype(kind)), nullable=False))


def _schemata(session: Session) -> Iterator[tuple[Any, ...]]:
    schemas = f"""
        SELECT database_name, {_SCHEMA} FROM duckdb_schemas() WHERE database_name = $1
            AND (NOT internal OR schema_name IN ('main', 'information_schema')) AND {_VISIBLE}
        ORDER BY 1, 2"""  # noqa: S608  # as above
    for catalog, schema in _ask(session, schemas):
        yield catalog, schema, None, None, None, None, None, None


def _views(session: Session) -> Iterator[tuple[Any, ...]]:
    views = f"""
        SELECT database_name, {_SCHEMA}, view_name, sql FROM duckdb_views()
        WHERE database_name = $1 AND NOT internal AND {_VISIBLE} ORDER BY 1, 2, 3"""  # noqa: S608  # as above
    for row in _ask(session, views):
        yield (*row, None, "NO", "NO", None, None)


def _indexes(session: Session) -> Iterator[tuple[Any, ...]]:
    indexes = f"""
        SELECT database_name, {_SCHEMA}, table_name, index_name, 'SECONDARY', sql
        FROM duckdb_indexes() WHERE database_name = $1
        UNION ALL
        SELECT database_name, 'public', regexp_extract(sql, ' FROM (.*) GROUP BY ALL;?$', 1),
            view_name, 'AGGREGATING', sql
        FROM duckdb_views() WHERE database_name = $1 AND NOT {_VISIBLE} ORDER BY 1, 2, 3, 4"""  # noqa: S608  # as above
    for row in _ask(session, indexes):
        yield (*row, None)


def _routines(session: Session) -> Iterator[tuple[Any, ...]]:
    functions = """
        SELECT DISTINCT $1, 'public', function_name, upper(function_type) FROM duckdb_functions()
        WHERE function_type IN ('scalar', 'aggregate') ORDER BY 3"""
    for *place, kind in _ask(session, functions):
        # one row for all that have the name, so there is no one type
        yield (*place, *place, kind, None, None)


_SHOWN: Final = {
    # what may be shown: the columns, and the view that has them
    "ENGINES": (
        "engine_name, region, type, nodes, clusters, status, default_database, auto_stop",
        "engines",
    ),
    "CATALOGS": ("catalog_name, created, catalog_owner, description", "catalogs"),
    "DATABASES": ("catalog_name AS database_name, created, catalog_owner, description", "catalogs"),
    "TABLES": ("table_name, table_schema, table_type, primary_index, number_of_rows", "tables"),
    "VIEWS": ("table_name AS view_name, table_schema, view_definition", "views"),
    "INDEXES": ("index_name, table_name, table_schema, index_type", "indexes"),
}
_SHOWN_COLUMNS: Final = ("table_name, column_name, data_type, is_nullable AS nullable", "columns")


def show(sql: str, database: str) -> str | None:
    """Write the SELECT that a SHOW stands for, or None for any other statement.

    Raises `Refusal` where what is shown belongs to a database, and none was chosen.

    >>> show("SHOW COLUMNS t", "db")
    "SELECT table_name, column_name, data_type, is_nullable AS nullable \
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
