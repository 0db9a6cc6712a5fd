"""Rows as JSON text that SQL has written, each with a comma before it.

    SELECT json_array(<one expression a column>) FROM <source>

A result that may be long is read as Arrow: no row of it becomes a Python object, which at a million
rows takes 40 % off the processor's time. To begin so costs 0.2 ms more than a fetch, as much as two
thousand rows gain, so that all others are fetched. Both ways give the same bytes.

What may live here: the query, both ways of reading it, and the choice between them.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

import duckdb

from firebolt_like.local.batches import BATCH_SIZE, Batch
from firebolt_like.local.types import json_value
from firebolt_like.protocol.types import Column

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["JsonBatches"]

_WITH_COMMA: Final = "SELECT ',' || "  # and so begin the queries that are read as Arrow
_FIRST_FETCH: Final = 64  # rows
_ROWS: Final = (
    512  # at once: fewer would take more time, more would be much memory if they are long
)

_FROM: Final = re.compile(r"\bfrom\b", re.IGNORECASE)
_PICKS: Final = re.compile(r"\b(?:where|limit|group|having|count|sum|avg|min|max)\b", re.IGNORECASE)


class JsonBatches:
    """The rows of all formats but ArrowStream; see `RowEncoder`."""

    def select(self, types: Sequence[Any], source: str) -> str:
        """See `RowEncoder`."""
        values = ", ".join(json_value(kind, f"#{at}") for at, kind in enumerate(types, 1))
        start = _WITH_COMMA if _may_be_long(source) else "SELECT "
        return f"{start}json_array({values}) FROM {source}"

    def batches(
        self,
        cursor: duckdb.DuckDBPyConnection,
        sql: str,
        columns: Sequence[Column],  # noqa: ARG002  # RowEncoder's signature
        check: Callable[[], None],
    ) -> Iterator[Batch]:
        """See `RowEncoder`."""
        if sql.startswith(_WITH_COMMA):
            return _read(cursor.sql(sql).to_arrow_reader(_ROWS), check)
        cursor.execute(sql)
        return _fetch(cursor.fetchmany, check)


def _may_be_long(source: str) -> bool:
    """Guess by words, in strings and comments, too: a wrong guess costs some time and no more."""
    return _FROM.search(source) is not None and _PICKS.search(source) is None


def _fetch(fetch: Callable[[int], list[tuple[str]]], check: Callable[[], None]) -> Iterator[Batch]:
    """Fetch the rows; how many a fetch takes follows from their length."""
    take = _FIRST_FETCH
    last = False
    while not last:
        parts: list[bytes] = []
        count = size = 0
        while size < BATCH_SIZE and not last:
            check()
            rows = fetch(take)
            last = len(rows) < take
            if rows:
                parts.append(",".join(chain(("",), *rows)).encode())
                count += len(rows)
                size += len(parts[-1])
                take = max(1, min(10_000, BATCH_SIZE * count // (4 * size)))
        yield Batch(b"".join(parts), count, last)


def _read(reader: "pa.RecordBatchReader", check: Callable[[], None]) -> Iterator[Batch]:
    pieces = chain.from_iterable(map(_cut, reader))
    last = False
    while not last:
        parts: list[memoryview] = []
        count = size = 0
        while size < BATCH_SIZE and not last:
            check()
            rows, text = next(pieces, (0, None))
            last = text is None
            if text is not None:
                parts.append(text)
                count += rows
                size += len(text)
        yield Batch(b"".join(parts), count, last)


def _cut(part: "pa.RecordBatch") -> Iterator[tuple[int, memoryview]]:
    """Take the values of the one column, which stand behind each other, and cut them if long."""
    column = part.column(0)
    _, offsets, values = column.buffers()
    ends = memoryview(offsets).cast("i")[column.offset :][: len(column) + 1]
    step = max(1, BATCH_SIZE * len(column) // max(1, ends[-1] - ends[0]))
    for start in range(0, len(column), step):
        end = min(start + step, len(column))
        yield end - start, memoryview(values)[ends[start] : ends[end]]
