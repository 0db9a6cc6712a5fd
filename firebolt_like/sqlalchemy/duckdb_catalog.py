"""DuckDB's own catalogue, which knows more than `information_schema`.

What may live here: the questions to it, and how the embedded engine's answers differ.
"""

import json
import re
from collections.abc import Iterator

from sqlalchemy.engine import Connection

from firebolt_like.sqlalchemy.catalogs import (
    ColumnRow,
    ConstraintRow,
    IndexRow,
    InformationSchema,
    Names,
    Relation,
    ask,
)
from firebolt_like.sqlalchemy.type_names import duckdb_type

__all__ = ["DuckDBCatalog", "EmbeddedCatalog"]


class DuckDBCatalog:
    """Asks DuckDB about the current database."""

    def schemas(self, connection: Connection) -> list[str]:
        """See `Catalog`."""
        sql = """SELECT schema_name FROM duckdb_schemas() WHERE database_name = current_database()
            AND (NOT internal OR schema_name = 'main') ORDER BY 1"""
        return [name for (name,) in connection.exec_driver_sql(sql)]

    def relations(self, connection: Connection, schema: str, names: Names) -> list[Relation]:
        """See `Catalog`."""
        tables = """SELECT table_name, false, comment, sql FROM duckdb_tables()
            WHERE database_name = current_database() AND NOT internal
                AND schema_name = :schema {names}"""
        views = """SELECT view_name, true, comment, sql FROM duckdb_views()
            WHERE database_name = current_database() AND NOT internal
                AND schema_name = :schema {names}"""
        found = [
            *ask(connection, tables, schema, names),
            *ask(connection, views, schema, names, "view_name"),
        ]
        return [Relation(*row) for row in sorted(found, key=lambda row: row[0])]

    def columns(self, connection: Connection, schema: str, names: Names) -> Iterator[ColumnRow]:
        """See `Catalog`."""
        # the catalogue tells of a computed column as of one with a default, inside of a cast
        inner = "regexp_extract(column_default, '^CAST\\((.*) AS .*\\)$', 1)"
        sql = """SELECT table_name, column_name, data_type, is_nullable, column_default, c.comment,
                CASE WHEN contains(t.sql,
                    concat(data_type, ' GENERATED ALWAYS AS(', {computed}, ')')) THEN {computed} END
            FROM duckdb_columns() c LEFT JOIN duckdb_tables() t
                USING (database_name, schema_name, table_name)
            WHERE database_name = current_database() AND schema_name = :schema {names}
            ORDER BY table_name, column_index""".replace("{computed}", inner)
        for table, name, kind, nullable, default, comment, computed in ask(
            connection, sql, schema, names
        ):
            yield ColumnRow(
                table,
                name,
                duckdb_type(kind),
                nullable,
                None if computed else default,
                comment,
                computed,
            )

    def constraints(
        self, connection: Connection, schema: str, names: Names
    ) -> Iterator[ConstraintRow]:
        """See `Catalog`."""
        sql = """SELECT table_name, constraint_type, constraint_column_names, expression,
                referenced_table, referenced_column_names
            FROM duckdb_constraints() WHERE database_name = current_database()
                AND constraint_type <> 'NOT NULL' AND schema_name = :schema {names}
            ORDER BY table_name, constraint_index"""
        for table, kind, columns, expression, referred, referred_columns in ask(
            connection, sql, schema, names
        ):
            yield ConstraintRow(
                table,
                kind,
                tuple(columns),
                expression=expression,
                referred_table=referred,
                referred_columns=tuple(referred_columns or ()),
            )

    def indexes(self, connection: Connection, schema: str, names: Names) -> Iterator[IndexRow]:
        """See `Catalog`."""
        sql = """SELECT table_name, index_name, expressions, is_unique
            FROM duckdb_indexes() WHERE database_name = current_database() AND schema_name = :schema
            {names} ORDER BY table_name, index_name"""
        for table, name, parts, unique in ask(connection, sql, schema, names):
            yield IndexRow(table, name, tuple(_index_parts(parts)), unique)

    def sequences(self, connection: Connection, schema: str) -> list[str]:
        """See `Catalog`."""
        sql = """SELECT sequence_name FROM duckdb_sequences()
            WHERE database_name = current_database() AND schema_name = :schema {names} ORDER BY 1"""
        return [name for (name,) in ask(connection, sql, schema, None)]


class EmbeddedCatalog(DuckDBCatalog):
    """Asks the embedded engine: DuckDB with primary indexes, and `main` under the name `public`.

    Comments there are JSON, which holds what the engine notes for itself, too, unless DuckDB alone
    has written the file.
    """

    def schemas(self, connection: Connection) -> list[str]:
        """See `Catalog`."""
        return InformationSchema().schemas(connection)

    def relations(self, connection: Connection, schema: str, names: Names) -> list[Relation]:
        """See `Catalog`."""
        told = {row.name: row for row in InformationSchema().relations(connection, schema, names)}
        return [
            row._replace(
                comment=_comment(row.comment),
                primary_index=told[row.name].primary_index if row.name in told else (),
                table_type=told[row.name].table_type if row.name in told else None,
            )
            for row in super().relations(connection, _main(schema), names)
        ]

    def columns(self, connection: Connection, schema: str, names: Names) -> Iterator[ColumnRow]:
        """See `Catalog`."""
        for row in super().columns(connection, _main(schema), names):
            yield row._replace(comment=_comment(row.comment))

    def constraints(
        self, connection: Connection, schema: str, names: Names
    ) -> Iterator[ConstraintRow]:
        """See `Catalog`. A primary index stands for the key where there is no key."""
        keyed = set()
        for row in super().constraints(connection, _main(schema), names):
            keyed.add(row.table if row.kind == "PRIMARY KEY" else None)
            yield row
        for row in InformationSchema().constraints(connection, schema, names):
            if row.table not in keyed:
                yield row

    def indexes(self, connection: Connection, schema: str, names: Names) -> Iterator[IndexRow]:
        """See `Catalog`."""
        return super().indexes(connection, _main(schema), names)

    def sequences(self, connection: Connection, schema: str) -> list[str]:
        """See `Catalog`."""
        return super().sequences(connection, _main(schema))


def _main(schema: str) -> str:
    return "main" if schema == "public" else schema


def _comment(text: str | None) -> str | None:
    if text is None or not text.startswith("{"):
        return text
    try:
        return json.loads(text).get("comment")
    except ValueError:
        return text


_QUOTED_NAME = re.compile(r'"(?:[^"]|"")*"')


def _index_parts(text: str) -> Iterator[str]:
    """Read DuckDB's list of an index's parts, which is the text `['"name"', id]`."""
    for part in _PART.finditer(text.strip()[1:-1]):
        written = part[0].strip()
        if written.startswith("'"):
            written = written[1:-1].replace("\\'", "'").replace("''", "'")
        quoted = _QUOTED_NAME.fullmatch(written)
        yield written[1:-1].replace('""', '"') if quoted else written


_PART = re.compile(r"'(?:[^'\\]|\\.|'')*'|[^,\s][^,]*")
