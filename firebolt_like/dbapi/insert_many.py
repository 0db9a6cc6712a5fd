"""The rows of `executemany` for an INSERT: together in few statements, or as one upload.

An upload is far faster. It is taken where each value has, in Arrow, the very type of its column, so
that the engine has nothing to convert; in every other case rows go as SQL text, which the engine
reads as it always has. What may live here: that choice, and both ways.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from firebolt_like.client.retry import Budget
from firebolt_like.dbapi.arrow import has_arrow
from firebolt_like.dbapi.ingest_rows import RowBlock, tuple_reader
from firebolt_like.errors import DataError, ProgrammingError
from firebolt_like.protocol.insert_values import Insert, Target, cut, read_insert, read_target
from firebolt_like.protocol.sql import split
from firebolt_like.protocol.table_ddl import sent_columns
from firebolt_like.protocol.types import Column

if TYPE_CHECKING:
    import pyarrow as pa

    from firebolt_like.dbapi.cursor import CursorCore

__all__ = ["insert_many"]

_MANY = 1000
"""How many rows are worth the two questions before an upload."""

_MOST_BYTES = 1 << 20
"""How long a statement gets: an engine parses it, which takes much more memory than its text."""

_ROWS = 10_000  # converted at once


async def insert_many(
    cursor: "CursorCore[Any]",
    operation: str,
    rows: Sequence[Sequence[Any]],
    timeout: float | None,  # noqa: ASYNC109  # a budget over several requests
) -> bool:
    """Send rows; False where the operation is no INSERT whose rows can go together, or none."""
    able = cursor.connection.backend.capabilities
    escapes = able.backslash_escapes
    texts = [statement.text for statement in split(operation, backslash_escapes=escapes)]
    insert = read_insert(texts[0], backslash_escapes=escapes) if len(texts) == 1 else None
    if insert is None or not rows:
        return False
    if len(rows) >= _MANY and await _upload(cursor, insert, rows, timeout):
        return True
    statements = list(
        cut(insert, rows, limit=_MOST_BYTES, backslash_escapes=escapes, write=able.writing.literal)
    )
    await cursor.insert(statements, timeout)
    return True


async def _upload(
    cursor: "CursorCore[Any]",
    insert: Insert,
    rows: Sequence[Sequence[Any]],
    timeout: float | None,  # noqa: ASYNC109  # a budget over several requests
) -> bool:
    budget = cursor.connection.budget(timeout)
    await cursor.reset()
    ready = await _as_table(cursor, insert, rows, budget)
    if ready is None:
        return False
    await cursor.ingest(ready.table, ready.rows, timeout=budget.left())
    return True


class _Ready(NamedTuple):
    """Rows to ingest: the parts of the table's name, and the rows with the names of its columns."""

    table: tuple[str, ...]
    rows: "pa.Table"


async def _as_table(
    cursor: "CursorCore[Any]", insert: Insert, rows: Sequence[Sequence[Any]], budget: Budget
) -> _Ready | None:
    """Convert rows for the columns of their table; None where they go better as SQL text."""
    target = read_target(insert)
    if target is None or not has_arrow():
        return None
    io = cursor.connection.io
    blocks = await io.call(lambda: _blocks(rows, len(insert.row) - 1))
    if blocks is None:
        return None
    backend = cursor.connection.backend
    if not await backend.takes_uploads(cursor.session, budget=budget):
        return None
    columns = await _columns(cursor, target, budget)
    if columns is None or len(columns) != len(insert.row) - 1:
        return None
    table = await io.call(lambda: _table(blocks, columns))
    return None if table is None else _Ready(target.table, table)


def _blocks(rows: Sequence[Sequence[Any]], width: int) -> list[RowBlock] | None:
    """Look at all rows before anything is sent; None where a value has no type."""
    reader = tuple_reader(None, width)
    try:
        starts = range(0, len(rows), _ROWS)
        blocks = [RowBlock(reader, rows[start : start + _ROWS], start + 1) for start in starts]
        for block in blocks:
            block.columns()
    except DataError:
        return None
    return blocks


async def _columns(
    cursor: "CursorCore[Any]", target: Target, budget: Budget
) -> tuple[Column, ...] | None:
    """Ask for the columns that an INSERT fills."""
    quote_name = cursor.connection.backend.capabilities.writing.quote_name
    names = ", ".join(map(quote_name, target.columns)) or "*"
    table = ".".join(map(quote_name, target.table))
    query = f"SELECT {names} FROM {table} LIMIT 0"  # noqa: S608  # quoted
    try:
        result = await cursor.connection.run(
            query, cursor, parameters={}, form="buffered", budget=budget
        )
    except ProgrammingError:
        if cursor.connection.in_transaction:
            raise  # it has ended the transaction
        return None  # the INSERT will say what is wrong, or may do what a SELECT may not
    return result.columns


def _table(blocks: Sequence[RowBlock], columns: tuple[Column, ...]) -> "pa.Table | None":
    import pyarrow as pa  # noqa: PLC0415  # optional

    if any(column.type.item or column.type.fields for column in columns):
        return None
    try:
        if any(sent_columns(block.columns(), columns) != columns for block in blocks):
            return None
        return pa.Table.from_batches([block.arrow(columns) for block in blocks])
    except DataError:
        return None  # SQL text refuses it by the row's number, or has the engine convert it
