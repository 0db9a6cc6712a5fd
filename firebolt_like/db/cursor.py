"""The sync face of cursors: each method hands the shared coroutine to `run`.

What may live here: `Cursor`. What it does is in `firebolt_like.dbapi.cursor`.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Self

from firebolt_like.client.io import run
from firebolt_like.dbapi.arrow import reader, to_pandas, to_polars
from firebolt_like.dbapi.cursor import CursorCore
from firebolt_like.dbapi.cursor_attributes import CursorAttributes
from firebolt_like.rows import Row

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    from firebolt_like.db.connection import Connection
    from firebolt_like.dbapi.ingest import IngestReport, Mode, Progress

__all__ = ["Cursor"]


class Cursor(CursorAttributes, Generic[Row]):
    """Runs statements and hands out rows (PEP 249, "Cursor Objects").

    `connection` is the one that made it. A cursor is for one thread at a time.
    """

    _core: CursorCore[Row]

    def __init__(self, connection: "Connection[Any]", core: CursorCore[Row]) -> None:
        self.connection = connection
        self._core = core

    def execute(
        self,
        operation: str,
        parameters: Sequence[Any] | None = None,
        *,
        timeout: float | None = None,
    ) -> Self:
        """Run a statement, or several separated by `;`, and give the cursor back.

        `parameters` fill the placeholders of a single statement. `timeout` is a total in seconds.
        Raises `ProgrammingError` for bad SQL, `DataError` for parameters that cannot be sent, and
        `QueryTimeoutError`, after which the query is cancelled on the server.

        >>> from firebolt_like.db import connect
        >>> with connect("local:") as connection, connection.cursor() as cursor:
        ...     cursor.execute("SELECT ?, ?", ["a", None]).fetchall()
        [('a', None)]
        """
        run(self._core.execute(operation, parameters, timeout=timeout, form="buffered"))
        return self

    def execute_stream(
        self,
        operation: str,
        parameters: Sequence[Any] | None = None,
        *,
        timeout: float | None = None,
    ) -> Self:
        """Run like `execute`, but hold one batch of rows in memory at a time.

        `timeout` counts the time spent waiting for the server, not what is done between fetches.
        Of several statements each runs when `nextset` comes to it.
        """
        run(self._core.execute(operation, parameters, timeout=timeout, form="streamed"))
        return self

    def execute_arrow(
        self,
        operation: str,
        parameters: Sequence[Any] | None = None,
        *,
        timeout: float | None = None,
    ) -> Self:
        """Run like `execute_stream`, and have the rows sent as Arrow where the engine can.

        That is by far the fastest way to tables and frames. Any fetch works, and gives the same as
        after `execute`; an engine that sends no Arrow sends JSON.
        """
        run(self._core.execute(operation, parameters, timeout=timeout, form="arrow"))
        return self

    def executemany(
        self,
        operation: str,
        seq_of_parameters: Iterable[Sequence[Any]],
        *,
        timeout: float | None = None,
        batch: bool = True,
    ) -> Self:
        """Run a statement once for each set of parameters; all are bound before the first runs.

        The rows of an `INSERT INTO ... VALUES (?, ...)` share statements of up to 1 MiB, unless
        `batch` is False: then each set is a statement of its own, as with any other operation. From
        1,000 rows on they go as `ingest` sends them, where their types are those of the columns.
        Raises what `execute` and `ingest` raise; statements before the one that failed have taken
        effect, unless a transaction is open.

        >>> from firebolt_like.db import connect
        >>> with connect("local:") as connection, connection.cursor() as cursor:
        ...     cursor.execute("CREATE TABLE t (n int)").rowcount
        ...     cursor.executemany("INSERT INTO t VALUES (?)", [[1], [2]]).rowcount
        ...     cursor.execute("SELECT n FROM t ORDER BY n").fetchall()
        -1
        2
        [(1,), (2,)]
        """
        run(self._core.executemany(operation, seq_of_parameters, timeout=timeout, batch=batch))
        return self

    def ingest(
        self,
        table: str,
        data: Any,
        mode: "Mode" = "append",
        *,
        columns: Sequence[str] | None = None,
        schema: str | None = None,
        batch_bytes: int = 16 << 20,
        progress: "Progress | None" = None,
        timeout: float | None = None,
    ) -> "IngestReport":
        """Send rows to a table, in as few statements as `batch_bytes` allow; give what was sent.

        `data` is anything with `__arrow_c_stream__` (Arrow tables and readers, frames, relations,
        cursors), an iterable of record batches, tuples, dicts or objects with fields, a path
        or an open file (Parquet, Arrow, CSV).
        Columns go by their names, tuples by position or by the names in `columns`. `mode` says
        whether the table must be there, is made, or is made anew; `schema` where it is. `progress`
        is called with the report so far after each statement. `timeout` counts the time spent
        waiting for the server, not for the data.

        Raises `DataError` for a value or a column that does not fit, `NotSupportedError` for a type
        that SQL has not, `ProgrammingError` for a table that is not there, and `IngestError` when
        it breaks off after rows have arrived. No row is ever sent twice.

        >>> from firebolt_like.db import connect
        >>> with connect("local:") as connection, connection.cursor() as cursor:
        ...     cursor.ingest("cities", [{"name": "Vienna", "people": 2_005_760}], mode="create")
        ...     cursor.execute("SELECT * FROM cities").fetchall()
        IngestReport(rows=1, bytes=..., statements=1)
        [('Vienna', 2005760)]
        """
        return run(
            self._core.ingest(
                table,
                data,
                mode=mode,
                columns=columns,
                schema=schema,
                batch_bytes=batch_bytes,
                progress=progress,
                timeout=timeout,
            )
        )

    def fetchone(self) -> Row | None:
        """Give the next row, None at the end.

        Raises `QueryNotRunError` where the last statement gives no rows, `DataError` for a value
        that does not fit its type, and, where a stream breaks, `ServerConnectionError`,
        `ServerResponseError` or the server's own error. So do all fetch methods.
        """
        for row in self._core.ready:
            return row
        return run(self._core.fetchone())

    def fetchmany(self, size: int | None = None) -> list[Row]:
        """Give the next `size` rows (`arraysize` by default), fewer at the end.

        Raises `InterfaceError` for a size below 0, and what `fetchone` raises.
        """
        return run(self._core.fetchmany(size))

    def fetchall(self) -> list[Row]:
        """Give all rows that are left. Raises what `fetchone` raises."""
        return run(self._core.fetchall())

    def fetch_arrow_table(self) -> "pa.Table":
        """Give all rows that are left as one Arrow table.

        Nullability and types are the columns' own: decimals, dates, `timestamp[us]` with and
        without UTC, lists, structs, binary. Raises `DataError` for a value that Arrow's type cannot
        hold, and `ConfigurationError` without the extra `arrow`.
        """
        return run(self._core.fetch_arrow_table())

    def fetch_record_batch(self) -> "pa.RecordBatchReader":
        """Give a reader of the rows that are left, which fetches them as it is read.

        After `execute_stream` and `execute_arrow` one batch is in memory at a time.
        """
        return reader(self._core.arrow_schema(), lambda: run(self._core.fetch_table()))

    def fetch_df(self) -> "pd.DataFrame":
        """Give all rows that are left as a pandas frame.

        Its columns keep their Arrow types (`pandas.ArrowDtype`), so that integers with NULL and
        decimals stay exact. Needs the extra `pandas`.
        """
        return to_pandas(run(self._core.fetch_arrow_table()))

    def fetch_polars(self) -> "pl.DataFrame":
        """Give all rows that are left as a polars frame. Needs the extra `polars`."""
        return to_polars(run(self._core.fetch_arrow_table()))

    def nextset(self) -> bool | None:
        """Go to the next statement's result; None when there is none.

        After `execute_stream` the next statement is run here, and raises what it raises there.
        """
        return run(self._core.nextset())

    def close(self) -> None:
        """Let go of the result; a query that is not finished is cancelled on the server."""
        run(self._core.close())

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Hand the rows that are left to any library that reads Arrow streams.

        `polars.DataFrame(cursor)`, `pyarrow.table(cursor)` and `duckdb.sql("FROM cursor")` call it.
        Raises `InterfaceError` when all rows have been fetched before. Source: the Arrow PyCapsule
        interface.
        """
        self._core.check_not_ended()
        return self.fetch_record_batch().__arrow_c_stream__(requested_schema)

    def __iter__(self) -> Iterator[Row]:
        # of C: a generator would cost a tenth of what a row costs
        return itertools.chain.from_iterable(self._batches())

    def _batches(self) -> Iterator[Iterator[Row]]:
        yield self._core.ready
        while run(self._core.more()):
            yield self._core.ready

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
