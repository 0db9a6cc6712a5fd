"""Many rows for an INSERT as one table, where an engine takes uploads: far faster than SQL text.

What may live here: whether rows can go so. They can where each value has, in Arrow, the very type
of its column, so that the engine has nothing to convert; in every other case they go as SQL text,
which the engine reads as it always has.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from firebolt_like.client.retry import Budget
from firebolt_like.dbapi.arrow import has_arrow
from firebolt_like.dbapi.ingest_rows import RowBlock, tuple_reader
from firebolt_like.errors import DataError, ProgrammingError
from firebolt_like.protocol.insert_values import Insert, Target, read_target
from firebolt_like.protocol.sql import quote_name
from firebolt_like.protocol.table_ddl import sent_columns
from firebolt_like.protocol.types import Column

if TYPE_CHECKING:
    import pyarrow as pa

    from firebolt_like.dbapi.cursor import CursorCore

__all__ = ["Ready", "as_table"]

_ROWS = 10_000


class Ready(NamedTuple):
    """Rows to ingest: the parts of the table's name, and the rows with the names of its columns."""

    table: tuple[str, ...]
    rows: "pa.Table"


async def as_table(
    cursor: "CursorCore[Any]", insert: Insert, rows: Sequence[Sequence[Any]], budget: Budget
) -> Ready | None:
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
    return None if table is None else Ready(target.table, table)


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
    from pyarrow import compute  # noqa: PLC0415  # optional

    if any(column.type.item or column.type.fields for column in columns):
        return None
    try:
        if any(sent_columns(block.columns(), columns) != columns for block in blocks):
            return None
        table = pa.Table.from_batches([block.arrow(columns) for block in blocks])
    except DataError:
        return None
    texts = [column for column in table.columns if pa.types.is_string(column.type)]
    # SQL text refuses NUL by the row's number
    nul = any(compute.any(compute.match_substring(text, "\0")).as_py() for text in texts)
    return None if nul else table
