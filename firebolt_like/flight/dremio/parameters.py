"""Parameters: Python values into the text of a statement, for placeholders `%s` (PEP 249, format).

What may live here: how Dremio writes the values of each Python type, and where placeholders are.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time
from typing import Any

from firebolt_like import errors
from firebolt_like.flight.dremio.errors import MalformedQueryError, as_arrow_knows
from firebolt_like.protocol import sql
from firebolt_like.protocol.parameters import literal, plain
from firebolt_like.protocol.sql import Kind

__all__ = ["format_datetime", "format_parameter", "parameterize_query", "quote_string"]

_MARK = re.compile(r"%[s%]")


def parameterize_query(query: str, parameters: Sequence[Any] | None = None) -> str:
    """Put parameters in the places of `%s`; `%%` stands for a percent sign.

    A `%s` inside of quotes or a comment is text when there are no parameters, and refused when
    there are: its value would break out of the quotes. Any other `%` is an ordinary sign.

    Raises `MalformedQueryError` where placeholders and parameters do not fit, and `DataError` for a
    value that has no literal.

    >>> parameterize_query("SELECT * FROM t WHERE name = %s AND n %% 2 = %s", ("it's", 1))
    "SELECT * FROM t WHERE name = 'it''s' AND n % 2 = 1"
    """
    given = _checked(parameters)
    if "%" not in query and not given:
        return query
    marks = list(_MARK.finditer(query))
    quoted = _Quoted(query) if any(mark[0] == "%s" for mark in marks) else None
    values = iter(given)
    pieces: list[str] = []
    position = placeholders = 0
    for mark in marks:
        start = mark.start()
        pieces.append(query[position:start])
        position = mark.end()
        if mark[0] == "%%":
            pieces.append("%")
        elif quoted is not None and quoted.holds(start):
            if given:
                raise MalformedQueryError(
                    f"The placeholder at character {start + 1} is inside of quotes or a comment.",
                    hint="Write %s without quotes: the value brings its own. %%s is the text %s.",
                )
            pieces.append("%s")
        else:
            placeholders += 1
            pieces += (" " if _would_fuse(query, start) else "", _next(values))
    if placeholders != len(given):
        raise MalformedQueryError(
            f"The statement has {placeholders} placeholders, and {len(given)} parameters were "
            "given.",
            hint="Give one parameter for each %s; a percent sign is written %%.",
        )
    return "".join([*pieces, query[position:]])


def format_parameter(param: Any) -> str:
    """Write a value as a literal of Dremio's SQL, from which the same value comes back.

    None, bool, int, float, Decimal, str, UUID, bytes, date, time, datetime; a tuple is a list in
    parentheses, as `IN` takes it, and a list an `ARRAY`. Negative numbers stand in parentheses.
    Raises `DataError` for values of other types, and those that no engine holds, such as text with
    NUL.

    >>> format_parameter(date(2024, 1, 31)), format_parameter((1, "a"))
    ("DATE '2024-01-31'", "(1, 'a')")
    """
    with as_arrow_knows():
        return _literal(param)


def quote_string(string: str) -> str:
    """Write text as a literal.

    >>> print(quote_string("it's"))
    'it''s'
    """
    with as_arrow_knows():
        return sql.quote_string(string)


def format_datetime(d: datetime) -> str:
    """Write a time as Dremio does, which knows milliseconds and no zones.

    An aware time is written in UTC. Microseconds are written where there are any.

    >>> format_datetime(datetime(2024, 1, 31, 12, tzinfo=UTC))
    '2024-01-31 12:00:00.000'
    """
    if d.tzinfo is not None:
        d = d.astimezone(UTC).replace(tzinfo=None)
    return d.isoformat(sep=" ", timespec=_precision(d))


class _Quoted:
    """Where a statement is within quotes or a comment."""

    def __init__(self, query: str) -> None:
        found = [t for t in sql.tokens(query) if t.kind in _NO_CODE]
        self._starts = [token.start for token in found]
        self._ends = [token.end for token in found]

    def holds(self, position: int) -> bool:
        number = bisect_right(self._starts, position) - 1
        return number >= 0 and position < self._ends[number]


_NO_CODE = {Kind.STRING, Kind.NAME, Kind.COMMENT}


def _checked(parameters: Any) -> Sequence[Any]:
    if parameters is None:
        return ()
    if isinstance(parameters, Sequence) and not isinstance(parameters, str | bytes | bytearray):
        return parameters
    raise MalformedQueryError(
        f"Parameters are a tuple with one value for each %s, not a {type(parameters).__name__}.",
        hint="A single parameter is written (value,); placeholders have no names.",
    )


def _next(values: Any) -> str:
    for value in values:
        return format_parameter(value)
    return ""  # too few: the count says so


def _would_fuse(query: str, start: int) -> bool:
    """Tell whether a literal would become one with what stands before it, such as `E'...'`."""
    before = query[start - 1 : start]
    return before.isalnum() or before in tuple("_$'\"-")


def _precision(moment: datetime | time) -> str:
    return "microseconds" if moment.microsecond % 1000 else "milliseconds"


def _datetime(value: datetime) -> str:
    if getattr(value, "nanosecond", 0):  # pandas' own class has them
        raise errors.DataError("A time with nanoseconds has no literal.", hint="Round it.")
    return f"TIMESTAMP '{format_datetime(value)}'"


def _time(value: time) -> str:
    if value.tzinfo is not None:
        raise errors.DataError("A time of day with a zone has no literal.")
    return f"TIME '{value.isoformat(timespec=_precision(value))}'"


_WRITERS: tuple[tuple[Any, Callable[[Any], str]], ...] = (
    # in this order: a datetime is a date, too
    (datetime, _datetime),
    (date, lambda value: f"DATE '{value.isoformat()}'"),
    (time, _time),
    (bytes | bytearray | memoryview, lambda value: f"FROM_HEX('{bytes(value).hex()}')"),
    (tuple, lambda value: f"({', '.join(map(_literal, value))})"),
    (list, lambda value: f"ARRAY[{', '.join(map(_literal, value))}]"),
)


def _literal(value: Any) -> str:
    for kinds, write in _WRITERS:
        if isinstance(value, kinds):
            return write(value)
    reduced = plain(value)
    if isinstance(reduced, list | dict):
        raise errors.DataError(f"A {type(value).__name__} has no literal.")
    return literal(reduced)
