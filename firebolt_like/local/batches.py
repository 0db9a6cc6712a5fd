"""Rows on their way out: batches of bytes, and what the two ways of making them share.

What may live here: the values that `json_batches` and `arrow_batches` give, and their protocol.
"""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, Protocol

import duckdb

from firebolt_like.protocol.types import Column

__all__ = ["BATCH_SIZE", "Batch", "RowEncoder"]

BATCH_SIZE: Final = 1_000_000
"""Bytes of a batch, about."""


@dataclasses.dataclass(frozen=True, slots=True)
class Batch:
    """Some rows as their encoder writes them, and how many they are."""

    rows: bytes
    count: int
    last: bool


class RowEncoder(Protocol):
    """Runs a query so that its rows come as batches of bytes."""

    def select(self, types: Sequence[Any], source: str) -> str:
        """Write the query over `source`, a table whose columns have these types of DuckDB."""

    def batches(
        self,
        cursor: duckdb.DuckDBPyConnection,
        sql: str,
        columns: Sequence[Column],
        check: Callable[[], None],
    ) -> Iterator[Batch]:
        """Run what `select` has written, at once, and read it batch by batch.

        There is at least one batch, and the last one says so. `check` is called often: it raises
        when the query was stopped.
        """
