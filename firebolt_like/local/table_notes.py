"""What is remembered of tables that DuckDB has no place for: notes, kept in comments.

A comment is renamed, dropped, rolled back and kept in the file together with its table or column.
What may live here: the notes, and the SQL that reads and writes them.
"""

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

import duckdb
import msgspec

from firebolt_like.protocol.sql import quote_string

__all__ = [
    "ColumnNote",
    "Table",
    "TableNote",
    "comment_on_column",
    "comment_on_table",
    "find_column",
    "find_table",
    "read_column_note",
    "read_table_note",
    "table_with_index",
]

T = TypeVar("T", bound=msgspec.Struct)


class TableNote(msgspec.Struct, omit_defaults=True):
    """FACT or DIMENSION, the aggregating indexes: what each holds, by its name; COMMENT ON."""

    type: str = "FACT"
    indexes: dict[str, str] = msgspec.field(default_factory=dict)
    comment: str | None = None


class ColumnNote(msgspec.Struct, omit_defaults=True):
    """A column's place in PRIMARY INDEX, from 1, whether PARTITION BY reads it; COMMENT ON."""

    primary_index: int | None = None
    partition_by: bool = False
    comment: str | None = None


class Table(NamedTuple):
    """A table with its note; `path` is database, schema and name."""

    path: tuple[str, ...]
    note: TableNote


def read_table_note(comment: str | None) -> TableNote:
    """Read a table's comment; one that DuckDB alone has written is the comment of an empty note.

    >>> read_table_note('{"type":"DIMENSION"}').type, read_table_note("people").comment
    ('DIMENSION', 'people')
    """
    return _read(comment, TableNote)


def read_column_note(comment: str | None) -> ColumnNote:
    """Read a column's comment, as `read_table_note` does a table's."""
    return _read(comment, ColumnNote)


def _read(comment: str | None, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(comment or "{}", type=kind)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return kind(comment=comment)  # a file that DuckDB alone has written may hold any


def comment_on_table(path: Sequence[str], note: TableNote) -> str:
    """Write the statement that keeps a note."""
    return f"COMMENT ON TABLE {_path(path)} IS {_text(note)}"


def comment_on_column(path: Sequence[str], column: str, note: ColumnNote) -> str:
    """Write the statement that keeps a note of a table's column."""
    return f"COMMENT ON COLUMN {_path([*path, column])} IS {_text(note)}"


def _path(names: Sequence[str]) -> str:
    return ".".join('"' + name.replace('"', '""') + '"' for name in names)


def _text(note: msgspec.Struct) -> str:
    return quote_string(msgspec.json.encode(note).decode())


_COLUMNS = "SELECT database_name, schema_name, table_name, comment FROM duckdb_tables()"


def find_table(cursor: duckdb.DuckDBPyConnection, names: Sequence[str]) -> Table | None:
    """Find a table by the one to three parts of its name.

    It is searched, not tried: a look-up that fails would end the transaction that is open.
    """
    name, schema, database = [*reversed(names), None, None][:3]
    found = cursor.execute(
        f"{_COLUMNS} WHERE lower(table_name) = lower($1)"
        " AND (lower(schema_name) = lower(coalesce($2, 'main'))"
        "  AND lower(database_name) = lower(coalesce($3, current_database()))"
        "  OR $3 IS NULL AND lower(database_name) = lower($2) AND schema_name = 'main')",
        [name, schema, database],
    ).fetchone()
    return None if found is None else _table(found)


def table_with_index(cursor: duckdb.DuckDBPyConnection, index: str) -> Table | None:
    """Find the table of the current database that has an aggregating index of this name."""
    found = cursor.execute(
        f"{_COLUMNS} WHERE comment IS NOT NULL AND database_name = current_database()"
    )
    tables = map(_table, found.fetchall())
    return next((table for table in tables if index in table.note.indexes), None)


def find_column(cursor: duckdb.DuckDBPyConnection, table: Table, column: str) -> ColumnNote | None:
    """Find the note of a table's column."""
    found = cursor.execute(
        "SELECT comment FROM duckdb_columns() WHERE database_name = $1 AND schema_name = $2"
        " AND table_name = $3 AND lower(column_name) = lower($4)",
        [*table.path, column],
    ).fetchone()
    return None if found is None else read_column_note(found[0])


def _table(row: tuple[str, ...]) -> Table:
    *path, comment = row
    return Table(tuple(path), read_table_note(comment))
