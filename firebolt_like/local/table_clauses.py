"""Statements about tables of which a part is not for DuckDB, but to be noted.

What may live here: how each of them is run, so that it is done and noted together or not at all.
"""

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import duckdb

from firebolt_like.local.grammar import Reader
from firebolt_like.local.refusal import Refusal
from firebolt_like.local.table_notes import (
    ColumnNote,
    TableNote,
    comment_on_column,
    comment_on_table,
    find_column,
    find_table,
    table_with_index,
)

__all__ = ["CommentOn", "CreateIndex", "CreateTable", "DropIndex", "Noted", "read_comment_on"]


class Noted(Protocol):
    """What a statement says beside its SQL for DuckDB."""

    def run(self, cursor: duckdb.DuckDBPyConnection, sql: str, *, alone: bool) -> None:
        """Run the SQL, and note the rest; `alone` says that no transaction is open.

        Raises DuckDB's errors and `Refusal`. A transaction that it began is then left open, for the
        cursor is not used any more.
        """


@contextmanager
def _transaction(cursor: duckdb.DuckDBPyConnection, *, alone: bool) -> Iterator[None]:
    if alone:
        cursor.begin()
    yield
    if alone:
        cursor.commit()


@dataclasses.dataclass(frozen=True, slots=True)
class CreateTable:
    """A table's type, PRIMARY INDEX and PARTITION BY; names are as DuckDB keeps them.

    `table` is the name in one to three parts; `may_exist` is IF NOT EXISTS.
    """

    table: tuple[str, ...]
    type: str
    primary_index: tuple[str, ...]
    partition_by: tuple[str, ...]
    may_exist: bool

    @property
    def says_something(self) -> bool:
        """Whether there is anything to note: a plain fact table needs nothing."""
        return self.type != "FACT" or bool(self.primary_index or self.partition_by)

    def run(self, cursor: duckdb.DuckDBPyConnection, sql: str, *, alone: bool) -> None:
        """See `Noted`."""
        with _transaction(cursor, alone=alone):
            is_there = self.may_exist and find_table(cursor, self.table) is not None
            cursor.execute(sql)
            for comment in () if is_there else self._comments():
                cursor.execute(comment)

    def _comments(self) -> Iterator[str]:
        if self.type != "FACT":
            yield comment_on_table(self.table, TableNote(self.type))
        notes: dict[str, ColumnNote] = {}
        for place, column in enumerate(self.primary_index, 1):
            notes.setdefault(column.lower(), ColumnNote(place))
        for column in self.partition_by:
            notes.setdefault(column.lower(), ColumnNote()).partition_by = True
        for column, note in notes.items():
            yield comment_on_column(self.table, column, note)


@dataclasses.dataclass(frozen=True, slots=True)
class CreateIndex:
    """An aggregating index: its SQL makes a view, which only shows whether it can be built."""

    name: str
    table: tuple[str, ...]
    definition: str
    view: str
    may_exist: bool

    def run(self, cursor: duckdb.DuckDBPyConnection, sql: str, *, alone: bool) -> None:
        """See `Noted`."""
        with _transaction(cursor, alone=alone):
            if table_with_index(cursor, self.name) is not None:
                if not self.may_exist:
                    raise Refusal.of("CatalogError", f"index '{self.name}' already exists")
                return
            cursor.execute(sql)
            cursor.execute(f"DROP VIEW {self.view}")
            table = find_table(cursor, self.table)
            if table is None:
                text = f"'{'.'.join(self.table)}' is no table: an index wants one"
                raise Refusal.of("CatalogError", text)
            table.note.indexes[self.name] = self.definition
            cursor.execute(comment_on_table(table.path, table.note))


@dataclasses.dataclass(frozen=True, slots=True)
class DropIndex:
    """The end of an aggregating index; its SQL does nothing."""

    name: str
    may_miss: bool

    def run(self, cursor: duckdb.DuckDBPyConnection, sql: str, *, alone: bool) -> None:  # noqa: ARG002  # one signature for all
        """See `Noted`."""
        with _transaction(cursor, alone=alone):
            table = table_with_index(cursor, self.name)
            if table is not None:
                del table.note.indexes[self.name]
                cursor.execute(comment_on_table(table.path, table.note))
            elif not self.may_miss:
                raise Refusal.of("CatalogError", f"index '{self.name}' does not exist")


@dataclasses.dataclass(frozen=True, slots=True)
class CommentOn:
    """A comment on a table or one of its columns, which stands beside the note."""

    table: tuple[str, ...]
    column: str | None
    text: str | None

    def run(self, cursor: duckdb.DuckDBPyConnection, sql: str, *, alone: bool) -> None:
        """See `Noted`."""
        with _transaction(cursor, alone=alone):
            cursor.execute(self._noted(cursor) or sql)  # DuckDB knows views, and what is wrong

    def _noted(self, cursor: duckdb.DuckDBPyConnection) -> str | None:
        table = find_table(cursor, self.table)
        if table is None:
            return None
        if self.column is None:
            table.note.comment = self.text
            return comment_on_table(table.path, table.note)
        note = find_column(cursor, table, self.column)
        if note is None:
            return None
        note.comment = self.text
        return comment_on_column(table.path, self.column, note)


def read_comment_on(sql: str) -> CommentOn | None:
    """Read COMMENT ON TABLE and COMMENT ON COLUMN; None stands for any other statement.

    >>> read_comment_on("COMMENT ON COLUMN s.t.c IS 'x'")
    CommentOn(table=('s', 't'), column='c', text='x')
    """
    read = Reader(sql)
    is_column = read.take("COMMENT", "ON", "COLUMN")
    if not is_column and not read.take("COMMENT", "ON", "TABLE"):
        return None
    names: list[str] = []
    while not read.take("IS"):
        name, is_quoted = read.name()
        names += [name] if is_quoted else filter(None, name.split("."))
    text = None if read.take("NULL") else read.string()
    read.end()
    column = names.pop() if is_column and names else None
    return CommentOn(tuple(names), column, text) if names else None
