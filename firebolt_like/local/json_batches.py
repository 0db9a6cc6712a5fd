"""Rows as JSON text that SQL has written, joined by commas.

    SELECT json_array(<one expression a column>)::VARCHAR FROM <source> AS t(c0, c1, ...)

What may live here: that query, and how many rows a fetch takes.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import duckdb

from firebolt_like.local.batches import BATCH_SIZE, Batch
from firebolt_like.local.types import json_value
from firebolt_like.protocol.types import Column

__all__ = ["JsonBatches"]

_FIRST_FETCH = 64


class JsonBatches:
    """The rows of all formats but ArrowStream; see `RowEncoder`."""

    def select(self, types: Sequence[Any], source: str) -> str:
        """See `RowEncoder`."""
        names = [f"c{number}" for number in range(len(types))]
        values = ", ".join(json_value(kind, name) for kind, name in zip(types, names, strict=True))
        row = f"json_array({values})::VARCHAR"
        return f"SELECT {row} FROM {source} AS t({', '.join(names)})"  # noqa: S608  # no user's name is in it

    def batches(
        self,
        cursor: duckdb.DuckDBPyConnection,
        sql: str,
        columns: Sequence[Column],  # noqa: ARG002  # RowEncoder's signature
        check: Callable[[], None],
    ) -> Iterator[Batch]:
        """See `RowEncoder`."""
        cursor.execute(sql)
        return _cut(cursor.fetchmany, check)


def _cut(fetch: Callable[[int], list[tuple[str]]], check: Callable[[], None]) -> Iterator[Batch]:
    """Cut the rows into batches; how many rows a fetch takes follows from their length."""
    take = _FIRST_FETCH
    last = False
    while not last:
        parts: list[str] = []
        count = size = 0
        while size < BATCH_SIZE and not last:
            check()
            rows = fetch(take)
            last = len(rows) < take
            if rows:
                parts.append(",".join([row for (row,) in rows]))
                count += len(rows)
                size += len(parts[-1])
                take = max(1, min(10_000, BATCH_SIZE * count // (4 * size)))
        yield Batch(",".join(parts).encode(), count, last)
