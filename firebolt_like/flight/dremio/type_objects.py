"""Type objects and constructors of PEP 249, over Arrow's types.

What may live here: those, as PEP 249 names them.
"""

import time as clock
from collections.abc import Callable
from datetime import date, datetime, time
from typing import Any

from pyarrow import types

__all__ = [
    "BINARY",
    "DATETIME",
    "NUMBER",
    "ROWID",
    "STRING",
    "Binary",
    "Date",
    "DateFromTicks",
    "Time",
    "TimeFromTicks",
    "Timestamp",
    "TimestampFromTicks",
]


class TypeObject:
    """Equals the Arrow types that hold one kind of values.

    >>> import pyarrow as pa
    >>> pa.decimal128(9, 2) == NUMBER, pa.string() == NUMBER
    (True, False)
    """

    __hash__ = None  # type: ignore[assignment]  # it equals types that are hashed otherwise

    def __init__(self, name: str, *holds: Callable[[Any], bool]) -> None:
        self._name = name
        self._holds = holds

    def __repr__(self) -> str:
        return self._name

    def __eq__(self, other: object) -> bool:
        try:
            return any(holds(other) for holds in self._holds)
        except AttributeError:
            return NotImplemented


STRING = TypeObject("STRING", types.is_string, types.is_large_string, types.is_string_view)
BINARY = TypeObject("BINARY", types.is_binary, types.is_large_binary, types.is_fixed_size_binary)
NUMBER = TypeObject("NUMBER", types.is_integer, types.is_floating, types.is_decimal)
DATETIME = TypeObject("DATETIME", types.is_date, types.is_timestamp, types.is_time)
ROWID = TypeObject("ROWID")

Date = date
Time = time
Timestamp = datetime
Binary = bytes


def DateFromTicks(ticks: float) -> date:  # noqa: N802  # PEP 249 fixes this name
    """Give the local date at a time in seconds since 1970."""
    return Date(*clock.localtime(ticks)[:3])


def TimeFromTicks(ticks: float) -> time:  # noqa: N802  # PEP 249 fixes this name
    """Give the local time of day at a time in seconds since 1970."""
    return Time(*clock.localtime(ticks)[3:6])


def TimestampFromTicks(ticks: float) -> datetime:  # noqa: N802  # PEP 249 fixes this name
    """Give the local time at a time in seconds since 1970."""
    return Timestamp(*clock.localtime(ticks)[:6])
