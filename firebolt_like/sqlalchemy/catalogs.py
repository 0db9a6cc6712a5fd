"""How an engine is asked about its tables: one query for a whole schema.

What may live here: the `Catalog` protocol, what is answered, and the way to ask that every engine
of the protocol has. What SQLAlchemy wants to hear is made of the answers in `reflection`.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

from sqlalchemy import BindParameter, String, bindparam, text
from sqlalchemy.engine import Connection
from sqlalchemy.sql.type_api import TypeEngine

from firebolt_like.sqlalchemy.type_names import protocol_type

__all__ = [
    "Catalog",
    "ColumnRow",
    "ConstraintRow",
    "IndexRow",
    "InformationSchema",
    "Names",
    "Relation",
    "ask",
    "column_names",
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


def ask(
    connection: Connection, sql: str, schema: str, names: Names, name: str = "table_name"
) -> Sequence[Any]:
    """Ask about a schema and names, in the places of :schema and {names}."""
    if names is not None and not names:
        return ()
    # written into the statement: a server that binds parameters plans such questions three times
    binds: list[BindParameter[Any]] = [bindparam("schema", schema, String, literal_execute=True)]
    condition = ""
    if names is not None:
        condition = f"AND {name} IN :names"
        binds.append(bindparam("names", list(names), String, expanding=True, literal_execute=True))
    return connection.execute(text(sql.format(names=condition)).bindparams(*binds)).fetchall()


class InformationSchema:
    """Asks the views of `information_schema`, which every engine of the protocol has."""

    def schemas(self, connection: Connection) -> list[str]:
        """See `Catalog`."""
        sql = "SELECT schema_name FROM information_schema.schemata"
        return sorted({row[0] for row in connection.exec_driver_sql(sql)})

    def relations(self, connection: Connection, schema: str, names: Names) -> list[Relation]:
        """See `Catalog`."""
        sql = """SELECT table_name, table_type, ddl, primary_index, type
            FROM information_schema.tables WHERE table_schema = :schema {names}
            ORDER BY table_name"""
        return [
            Relation(
                name,
                is_view=kind == "VIEW",
                definition=ddl,
                primary_index=column_names(index),
                table_type=None if kind == "VIEW" else told,
            )
            for name, kind, ddl, index, told in ask(connection, sql, schema, names)
        ]

    def columns(self, connection: Connection, schema: str, names: Names) -> Iterator[ColumnRow]:
        """See `Catalog`."""
        sql = """SELECT table_name, column_name, data_type, is_nullable, column_default
            FROM information_schema.columns WHERE table_schema = :schema {names}
            ORDER BY table_name, ordinal_position"""
        for table, name, kind, nullable, default in ask(connection, sql, schema, names):
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


def column_names(text: str | None) -> tuple[str, ...]:
    """Read the columns of a primary index, a JSON list or names with commas."""
    if not text:
        return ()
    if text.startswith("["):
        return tuple(map(str, json.loads(text)))
    return tuple(name.strip().strip('"') for name in text.split(","))
