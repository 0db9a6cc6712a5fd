"""What a cursor tells without waiting, once for both faces.

What may live here: `CursorAttributes`, which both faces inherit.
"""

import warnings
from collections.abc import Sequence
from typing import Any

from firebolt_like.dbapi.cursor import CursorCore
from firebolt_like.errors import InterfaceError
from firebolt_like.protocol.types import SqlType

__all__ = ["CursorAttributes", "Description"]

Description = tuple[str, SqlType, int | None, int | None, int | None, int | None, bool | None]


class CursorAttributes:
    """The attributes of PEP 249, and ours, which need no waiting."""

    _core: CursorCore[Any]

    @property
    def description(self) -> list[Description] | None:
        """The columns, seven items each (PEP 249); None after a statement that gives no rows.

        name, type (compares equal to the type objects), display size (always None), internal
        size in bytes, precision, scale, null_ok.
        """
        result = self._core.result
        if result is None or not result.columns:
            return None
        return [
            (name, kind, None, kind.size, kind.precision, kind.scale, kind.nullable)
            for name, kind in result.columns
        ]

    @property
    def rowcount(self) -> int:
        """The number of rows of the result; -1 while a stream runs, and where it is not known."""
        return -1 if self._core.result is None else self._core.result.rowcount

    @property
    def arraysize(self) -> int:
        """How many rows `fetchmany` gives by default (PEP 249)."""
        return self._core.arraysize

    @arraysize.setter
    def arraysize(self, size: int) -> None:
        if size < 1:
            raise InterfaceError(f"arraysize is 1 or more, not {size}.")
        self._core.arraysize = size

    @property
    def query_id(self) -> str | None:
        """The server's name for the last statement, as its query history lists it."""
        return self._core.query_id

    @property
    def statistics(self) -> dict[str, Any]:
        """What the server measured, such as `elapsed` seconds; empty until a stream has ended."""
        return {} if self._core.result is None else dict(self._core.result.statistics)

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._core.closed

    def __del__(self) -> None:
        core = getattr(self, "_core", None)
        if core is None or core.closed or core.connection.closed or core.result is None:
            return
        if not core.result.finished:
            warnings.warn(
                "A cursor with an unfinished stream was never closed: its query goes on until the "
                "connection is closed.",
                ResourceWarning,
                stacklevel=2,
                source=self,
            )

    def setinputsizes(self, sizes: Sequence[Any]) -> None:
        """Do nothing: the protocol needs no sizes (PEP 249 asks for the method)."""

    def setoutputsize(self, size: int, column: int | None = None) -> None:
        """Do nothing: the protocol needs no sizes (PEP 249 asks for the method)."""
