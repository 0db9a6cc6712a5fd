"""PEP 249's type objects and constructors.

What may live here: what section "Type Objects and Constructors" of PEP 249 names, nothing else.
"""

import datetime

from firebolt_like.protocol import types
from firebolt_like.protocol.types import SqlType

__all__ = [
    "BINARY",
    "DATETIME",
    "NUMBER",
    "ROWID",
    "STRING",
    "Binary",
    "DBAPITypeObject",
    "Date",
    "DateFromTicks",
    "Time",
    "TimeFromTicks",
    "Timestamp",
    "TimestampFromTicks",
]


class DBAPITypeObject:
    """A group of column types; equal to the type of every column in it.

    >>> from firebolt_like.protocol.types import parse_type
    >>> NUMBER == parse_type("numeric(10, 2)"), parse_type("text null") == NUMBER
    (True, False)
    """

    def __init__(self, group: str) -> None:
        self._group = group

    def __eq__(self, other: object) -> bool:
        if isinstance(other, SqlType):
            return other.group == self._group
        return self is other

    def __hash__(self) -> int:
        return hash(self._group)

    def __repr__(self) -> str:
        return self._group


STRING = DBAPITypeObject(types.STRING)
BINARY = DBAPITypeObject(types.BINARY)
NUMBER = DBAPITypeObject(types.NUMBER)
DATETIME = DBAPITypeObject(types.DATETIME)
ROWID = DBAPITypeObject("ROWID")

Date = datetime.date
Time = datetime.time
Timestamp = datetime.datetime
Binary = bytes


def DateFromTicks(ticks: float) -> datetime.date:  # noqa: N802  # PEP 249 fixes this name
    """Make the local date of a Unix time in seconds."""
    return datetime.date.fromtimestamp(ticks)  # noqa: DTZ012  # PEP 249 asks for local time


def TimeFromTicks(ticks: float) -> datetime.time:  # noqa: N802  # PEP 249 fixes this name
    """Make the local time of day of a Unix time in seconds."""
    return datetime.datetime.fromtimestamp(ticks).time()  # noqa: DTZ006  # PEP 249: local time


def TimestampFromTicks(ticks: float) -> datetime.datetime:  # noqa: N802  # PEP 249 fixes this name
    """Make the local date and time of a Unix time in seconds."""
    return datetime.datetime.fromtimestamp(ticks)  # noqa: DTZ006  # PEP 249 asks for local time
