"""Arrow tables, and what other libraries make of them.

What may live here: the steps between tables and the frames of optional packages, and what is said
where such a package is missing.
"""

import importlib
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Self

from firebolt_like.errors import ConfigurationError, DataError

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

__all__ = [
    "RecordBatches",
    "has_arrow",
    "join",
    "reader",
    "require_arrow",
    "to_pandas",
    "to_polars",
]


def require_arrow() -> Any:
    """Import pyarrow, or raise `ConfigurationError` with the way to install it."""
    return _require("pyarrow", "arrow")


def has_arrow() -> bool:
    """Tell whether pyarrow can be imported."""
    try:
        require_arrow()
    except ConfigurationError:
        return False
    return True


def _require(package: str, extra: str) -> Any:
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise ConfigurationError(
            f"This needs the package {package}, which is not installed.",
            hint=f"pip install 'firebolt_like[{extra}]'",
        ) from error


def join(schema: "pa.Schema", tables: Sequence["pa.Table"]) -> "pa.Table":
    """Put tables one below the other, without copying; none give an empty table."""
    pa = require_arrow()
    return pa.concat_tables(tables) if tables else schema.empty_table()


def reader(schema: "pa.Schema", fetch: Callable[[], "pa.Table | None"]) -> "pa.RecordBatchReader":
    """Make a reader that fetches when it is read."""

    def batches() -> Iterator["pa.RecordBatch"]:
        while (table := fetch()) is not None:
            yield from table.to_batches()

    return require_arrow().RecordBatchReader.from_batches(schema, batches())


class RecordBatches:
    """The record batches of a result, by `async for`; `schema` is known before the first."""

    def __init__(
        self, schema: "pa.Schema", fetch: Callable[[], Awaitable["pa.Table | None"]]
    ) -> None:
        self.schema = schema
        self._fetch = fetch
        self._batches: deque[pa.RecordBatch] = deque()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> "pa.RecordBatch":
        while not self._batches:
            table = await self._fetch()
            if table is None:
                raise StopAsyncIteration
            self._batches.extend(table.to_batches())
        return self._batches.popleft()


def to_pandas(table: "pa.Table") -> "pd.DataFrame":
    """Give a frame whose columns keep their Arrow types, so that integers with NULL stay exact."""
    return table.to_pandas(types_mapper=_require("pandas", "pandas").ArrowDtype)


def to_polars(table: "pa.Table") -> "pl.DataFrame":
    """Give a frame that shares the table's memory where polars can.

    Raises `DataError` for decimals of more digits than polars has.
    """
    for field in table.schema:
        if "decimal256" in str(field.type):
            raise DataError(
                f"Column {field.name!r} has more digits than a decimal of polars: {field.type}.",
                hint="Cast the column to text or to numeric(38, ...), or fetch rows or Arrow.",
            )
    frame: pl.DataFrame = _require("polars", "polars").from_arrow(table)
    return frame
