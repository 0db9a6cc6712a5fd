"""The sync face of cursors: each method hands the shared coroutine to `run`.

What may live here: `Cursor`. What it does is in `firebolt_like.dbapi.cursor`.
"""

from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Self

from firebolt_like.client.io import run
from firebolt_like.dbapi.cursor import CursorAttributes, CursorCore
from firebolt_like.rows import Row

if TYPE_CHECKING:
    from firebolt_like.db.connection import Connection

__all__ = ["Cursor"]


class Cursor(CursorAttributes, Generic[Row]):
    """Runs statements and hands out rows (PEP 249, "Cursor Objects").

    `connection` is the one that made it. A cursor is for one thread at a time.
    """

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
        run(self._core.execute(operation, parameters, timeout=timeout, stream=False))
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
        run(self._core.execute(operation, parameters, timeout=timeout, stream=True))
        return self

    def executemany(
        self,
        operation: str,
        seq_of_parameters: Iterable[Sequence[Any]],
        *,
        timeout: float | None = None,
    ) -> Self:
        """Run a statement once for each set of parameters."""
        run(self._core.executemany(operation, seq_of_parameters, timeout=timeout))
        return self

    def fetchone(self) -> Row | None:
        """Give the next row, None at the end."""
        return run(self._core.fetchone())

    def fetchmany(self, size: int | None = None) -> list[Row]:
        """Give the next `size` rows (`arraysize` by default), fewer at the end."""
        return run(self._core.fetchmany(size))

    def fetchall(self) -> list[Row]:
        """Give all rows that are left."""
        return run(self._core.fetchall())

    def nextset(self) -> bool | None:
        """Go to the next statement's result; None when there is none."""
        return run(self._core.nextset())

    def close(self) -> None:
        """Let go of the result; a query that is not finished is cancelled on the server."""
        run(self._core.close())

    def __iter__(self) -> Iterator[Row]:
        while rows := run(self._core.fetchbatch()):
            yield from rows

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
