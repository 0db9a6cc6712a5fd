"""`DremioCursor`: statements as text, and their rows as tuples or as Arrow tables.

What may live here: what PEP 249 and Dremio's users call a cursor; its buffer is in `rows`.
"""

from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import pyarrow as pa

from firebolt_like.errors import CursorClosedError, QueryNotRunError
from firebolt_like.flight.caller import Cancellation
from firebolt_like.flight.dremio.errors import as_arrow_knows
from firebolt_like.flight.dremio.rows import Rows

if TYPE_CHECKING:
    from firebolt_like.flight.dremio.connection import DremioConnection

__all__ = ["Description", "DremioCursor"]

Description = tuple[str, pa.DataType, None, None, None, None, None]
"""Name and Arrow type, which says the rest, in the form of PEP 249."""


class DremioCursor:
    """Runs one statement at a time. Rows are read from the server as they are fetched.

    `arraysize` is the number of rows that `fetchmany` and `iter_arrow_tables` give unless told.
    Errors are those of `firebolt_like.errors`; the ones about a statement are also
    `pyarrow.lib.ArrowInvalid`. Close a cursor, or use it as a context manager: what still runs for
    it is cancelled on the server.
    """

    def __init__(self, connection: "DremioConnection") -> None:
        self.connection = connection
        self.arraysize = 1000
        self._rows: Rows | None = None
        self._running = Cancellation()
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        while (row := self.fetchone()) is not None:
            yield row

    @property
    def description(self) -> list[Description] | None:
        """The columns, None where the last statement gave none."""
        if self._rows is None or not len(self._rows.schema):
            return None
        return [(f.name, f.type, None, None, None, None, None) for f in self._rows.schema]

    @property
    def rowcount(self) -> int:
        """The number of rows that the last statement gives, -1 while it is not known."""
        return -1 if self._rows is None or self.description is None else self._rows.count

    @property
    def table(self) -> pa.Table:
        """The rows that have arrived and were not fetched."""
        return pa.table({}) if self._rows is None else self._rows.here

    def execute(
        self,
        query: str | bytes,
        parameters: Sequence[Any] | None = None,
        *,
        timeout: float | None = None,
    ) -> Self:
        """Run a statement, with a value for each `%s`, as `parameterize_query` puts them in.

        `timeout` is in seconds, for each call to the server; for rows, only the time counts that
        they are waited for. Raises `MalformedQueryError` before anything is sent, the server's
        errors, and `QueryTimeoutError`.
        """
        self._check_open()
        self._release()
        text = query.decode() if isinstance(query, bytes) else query
        self._running = Cancellation()
        result = self.connection.query(
            text, parameters, cancellation=self._running, timeout=timeout
        )
        self._rows = Rows(result)
        return self

    def executemany(self, query: str | bytes, parameters: Iterable[Sequence[Any]]) -> Self:
        """Run a statement once for each tuple of parameters (PEP 249)."""
        for each in parameters:
            self.execute(query, each)
        return self

    def fetchone(self) -> tuple[Any, ...] | None:
        """Give the next row, None at the end."""
        found = self.fetchmany(1)
        return found[0] if found else None

    def fetchmany(self, size: int | None = None) -> list[tuple[Any, ...]]:
        """Give the next rows, at most `size`; none at the end."""
        with as_arrow_knows():
            return self._result().tuples(self.arraysize if size is None else size)

    def fetchall(self) -> list[tuple[Any, ...]]:
        """Give all rows that are left."""
        with as_arrow_knows():
            return self._result().all_tuples()

    def fetch_arrow_table(self) -> pa.Table:
        """Give all rows that are left as an Arrow table."""
        with as_arrow_knows():
            return self._result().table()

    def iter_arrow_tables(self, size: int | None = None) -> pa.Table | None:
        """Give the next rows, at most `size`, as an Arrow table; None at the end.

        Despite its name it is one step, to be called until it gives None.
        """
        wanted = self.arraysize if size is None else size
        with as_arrow_knows():
            table = self._result().table(wanted)
        return table if table.num_rows or wanted <= 0 else None

    def setinputsizes(self, sizes: Any) -> None:
        """Do nothing: parameters bring their types (PEP 249)."""

    def setoutputsize(self, size: int, column: int | None = None) -> None:
        """Do nothing: values have any size (PEP 249)."""

    def cancel(self) -> None:
        """End the statement on the server, from any thread; who waits gets `OperationalError`."""
        self._running.cancel()

    def close(self) -> None:
        """Let go of the server: what still runs is cancelled there. Closing twice is fine."""
        self._closed = True
        self._release()

    def _release(self) -> None:
        self._running.cancel()
        rows, self._rows = self._rows, None
        if rows is not None:
            rows.close()

    def _result(self) -> Rows:
        self._check_open()
        if self._rows is None:
            raise QueryNotRunError("Rows were asked for before a statement was run.")
        return self._rows

    def _check_open(self) -> None:
        if self._closed:
            raise CursorClosedError("The cursor is closed.")
