"""How an engine is asked about its tables: one query for a whole schema.

What may live here: the `Catalog` protocol, one class for each way to ask, and the table of them.
What SQLAlchemy wants to hear is made of their answers in `reflection`.
"""

import json
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple, Protocol

from sqlalchemy.engine import Connection
from sqlalchemy.sql.type_api import TypeEngine

from firebolt_like.sqlalchemy.type_names import duckdb_type, protocol_type

__all__ = [
    "CATALOGS",
    "Catalog",
    "ColumnRow",
    "ConstraintRow",
    "IndexRow",
    "Relation",
]


class Relation(NamedTuple):
    """A table or a view; `definition` is the statement that makes it."""

    name: str
    is_view: bool
    comment: str | None = None
    definition: str | None = None
    primary_index: tuple[str, ...] = ()
    table_type: str | None = None


class ColumnRow(NamedTuple):
    """A column, in the order of its table."""

    table: str
    name: str
    type: TypeEngine[Any]
    nullable: bool
    default: str | None
    comment: str | None = None
    computed: str | None = None


class ConstraintRow(NamedTuple):
    """A constraint; `kind` is PRIMARY KEY, UNIQUE, FOREIGN KEY or CHECK."""

    table: str
    kind: str
    columns: tuple[str, ...]
    name: str | None = None
    expression: str | None = None
    referred_table: str | None = None
    referred_columns: tuple[str, ...] = ()


class IndexRow(NamedTuple):
    """An index; a part that is no column is an expression."""

    table: str
    name: str
    parts: tuple[str, ...]
    unique: bool


Names = Collection[str] | None
"""The tables that are asked for; None stands for all."""


class Catalog(Protocol):
    """What an engine can be asked; `schema` is always a name."""

    def schemas(self, connection: Connection) -> list[str]:
        """Give the names of the schemas."""

    def relations(self, connection: Connection, schema: str, names: Names) -> list[Relation]:
        """Give tables and views."""

    def columns(self, connection: Connection, schema: str, names: Names) -> Iterable[ColumnRow]:
        """Give the columns of tables and views."""

    def constraints(
        self, connection: Connection, schema: str, names: Names
    ) -> Iterable[ConstraintRow]:
        """Give the constraints of tables."""

    def indexes(self, connection: Connection, schema: str, names: Names) -> Iterable[IndexRow]:
        """Give the indexes of tables."""

    def sequences(self, connection: Connection, schema: str) -> list[str]:
        """Give the names of the sequences."""


def _ask(
    connection: Connection, sql: str, schema: str, names: Names, name: str = "table_name"
) -> Sequence[Any]:
    """Ask with the schema and the names as parameters, in the places of {names}."""
    if names is None:
        return connection.exec_driver_sql(sql.format(names=""), (schema,)).fetchall()
    if not names:
        return ()
    marks = ", ".join("?" * len(names))
    text = sql.format(names=f"AND {name} IN ({marks})")
    return connection.exec_driver_sql(text, (schema, *names)).fetchall()


class InformationSchema:
    """Asks the views of `information_schema`, which every engine of the protocol has."""

    def schemas(self, connection: Connection) -> list[str]:
        """See `Catalog`."""
        sql = "SELECT schema_name FROM information_schema.schemata"
        return sorted({row[0] for row in connection.exec_driver_sql(sql)})

    def relations(self, connection: Connection, schema: str, names: Names) -> list[Relation]:
        """See `Catalog`."""
        sql = """SELECT table_name, table_type, ddl, primary_index, type
            FROM information_schema.tables WHERE table_schema = ? {names} ORDER BY table_name"""
        return [
            Relation(
                name,
                is_view=kind == "VIEW",
                definition=ddl,
                primary_index=_names(index),
                table_type=None if kind == "VIEW" else told,
            )
            for name, kind, ddl, index, told in _ask(connection, sql, schema, names)
        ]

    def columns(self, connection: Connection, schema: str, names: Names) -> Iterator[ColumnRow]:
        """See `Catalog`."""
        sql = """SELECT table_name, column_name, data_type, is_nullable, column_default
            FROM information_schema.columns WHERE table_schema = ? {names}
            ORDER BY table_name, ordinal_position"""
        for table, name, kind, nullable, default in _ask(connection, sql, schema, names):
            yield ColumnRow(table, name, protocol_type(kind), nullable != "NO", default)

    def constraints(
        self, connection: Connection, schema: str, names: Names
    ) -> Iterator[ConstraintRow]:
        """See `Catalog`. The primary index stands for the primary key."""
        for relation in self.relations(connection, schema, names):
            if relation.primary_index:
                yield ConstraintRow(relation.name, "PRIMARY KEY", relation.primary_index)

    def indexes(self, connection: Connection, schema: str, names: Names) -> Iterable[IndexRow]:
        """See `Catalog`. Indexes other than the primary one are views of a kind."""
        return ()

    def sequences(self, connection: Connection, schema: str) -> list[str]:
        """See `Catalog`."""
        return []


class DuckDBCatalog:
    """Asks DuckDB's own catalogue, which knows more than `information_schema`."""

    def schemas(self, connection: Connection) -> list[str]:
        """See `Catalog`."""
        return InformationSchema().schemas(connection)

    def relations(self, connection: Connection, schema: str, names: Names) -> list[Relation]:
        """See `Catalog`."""
        indexed = {
            name: (index, kind) for name, index, kind in self._primary_indexes(connection, schema)
        }
        sql = """SELECT table_name, false, comment, sql, schema_name FROM duckdb_tables()
            WHERE database_name = current_database() AND NOT internal AND schema_name = ? {names}"""
        views = """SELECT view_name, true, comment, sql, schema_name FROM duckdb_views()
            WHERE database_name = current_database() AND NOT internal AND schema_name = ? {names}"""
        inner = _main(schema)
        found = [
            *_ask(connection, sql, inner, names),
            *_ask(connection, views, inner, names, "view_name"),
        ]
        return [
            Relation(
                name,
                is_view=is_view,
                comment=_comment(comment),
                definition=text,
                primary_index=_names(indexed.get(name, (None, None))[0]),
                table_type=None if is_view else indexed.get(name, (None, None))[1],
            )
            for name, is_view, comment, text, _ in sorted(found)
        ]

    def _primary_indexes(self, connection: Connection, schema: str) -> Sequence[Any]:
        sql = """SELECT table_name, primary_index, type FROM information_schema.tables
            WHERE table_schema = ? AND table_type <> 'VIEW' {names}"""
        return _ask(connection, sql, schema, None)

    def columns(self, connection: Connection, schema: str, names: Names) -> Iterator[ColumnRow]:
        """See `Catalog`."""
        # the catalogue tells of a computed column as of one with a default, inside of a cast
        inner = "regexp_extract(column_default, '^CAST\\((.*) AS .*\\)$', 1)"
        sql = """SELECT table_name, column_name, data_type, is_nullable, column_default, c.comment,
                CASE WHEN contains(t.sql,
                    concat(data_type, ' GENERATED ALWAYS AS(', {computed}, ')')) THEN {computed} END
            FROM duckdb_columns() c LEFT JOIN duckdb_tables() t
                USING (database_name, schema_name, table_name)
            WHERE database_name = current_database() AND schema_name = ? {names}
            ORDER BY table_name, column_index""".replace("{computed}", inner)
        for table, name, kind, nullable, default, comment, computed in _ask(
            connection, sql, _main(schema), names
        ):
            yield ColumnRow(
                table,
                name,
                duckdb_type(kind),
                nullable,
                None if computed else default,
                _comment(comment),
                computed,
            )

    def constraints(
        self, connection: Connection, schema: str, names: Names
    ) -> Iterator[ConstraintRow]:
        """See `Catalog`. A primary index stands for the key where there is no key."""
        sql = """SELECT table_name, constraint_type, constraint_column_names, expression,
                referenced_table, referenced_column_names
            FROM duckdb_constraints() WHERE database_name = current_database()
                AND constraint_type <> 'NOT NULL' AND schema_name = ? {names}
            ORDER BY table_name, constraint_index"""
        keyed = set()
        for table, kind, columns, expression, referred, referred_columns in _ask(
            connection, sql, _main(schema), names
        ):
            keyed.add(table if kind == "PRIMARY KEY" else None)
            yield ConstraintRow(
                table,
                kind,
                tuple(columns),
                expression=expression,
                referred_table=referred,
                referred_columns=tuple(referred_columns or ()),
            )
        for table, index, _ in self._primary_indexes(connection, schema):
            if table not in keyed and index and (names is None or table in names):
                yield ConstraintRow(table, "PRIMARY KEY", _names(index))

    def indexes(self, connection: Connection, schema: str, names: Names) -> Iterator[IndexRow]:
        """See `Catalog`."""
        sql = """SELECT table_name, index_name, expressions, is_unique
            FROM duckdb_indexes() WHERE database_name = current_database() AND schema_name = ?
            {names} ORDER BY table_name, index_name"""
        for table, name, parts, unique in _ask(connection, sql, _main(schema), names):
            yield IndexRow(table, name, tuple(_index_parts(parts)), unique)

    def sequences(self, connection: Connection, schema: str) -> list[str]:
        """See `Catalog`."""
        sql = """SELECT sequence_name FROM duckdb_sequences()
            WHERE database_name = current_database() AND schema_name = ? {names} ORDER BY 1"""
        return [name for (name,) in _ask(connection, sql, _main(schema), None)]


def _main(schema: str) -> str:
    return "main" if schema == "public" else schema


_QUOTED_NAME = re.compile(r'"(?:[^"]|"")*"')


def _comment(text: str | None) -> str | None:
    """Pass over what the embedded engine notes for itself, which are JSON objects."""
    return None if text is None or text.startswith("{") else text


def _names(text: str | None) -> tuple[str, ...]:
    """Read the columns of a primary index, a JSON list or names with commas."""
    if not text:
        return ()
    if text.startswith("["):
        return tuple(map(str, json.loads(text)))
    return tuple(name.strip().strip('"') for name in text.split(","))


def _index_parts(text: str) -> Iterator[str]:
    """Read DuckDB's list of an index's parts, which is the text `['"name"', id]`."""
    for part in _PART.finditer(text.strip()[1:-1]):
        written = part[0].strip()
        if written.startswith("'"):
            written = written[1:-1].replace("\\'", "'").replace("''", "'")
        quoted = _QUOTED_NAME.fullmatch(written)
        yield written[1:-1].replace('""', '"') if quoted else written


_PART = re.compile(r"'(?:[^'\\]|\\.|'')*'|[^,\s][^,]*")

CATALOGS: Final[dict[str, Catalog]] = {
    "information_schema": InformationSchema(),
    "duckdb": DuckDBCatalog(),
}
