"""Parameters: Python values into the text of a statement, for placeholders `%s` (PEP 249, format).

What may live here: how values of each Python type are written for Dremio, and for servers that read
text otherwise; and where placeholders are.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time
from itertools import islice
from typing import Any, NamedTuple

from firebolt_like import errors
from firebolt_like.flight.dremio.errors import MalformedQueryError, as_arrow_knows
from firebolt_like.protocol import sql
from firebolt_like.protocol.engine_sql import datafusion_literal, escaping_literal, spark_literal
from firebolt_like.protocol.parameters import literal, plain
from firebolt_like.protocol.sql import Kind

__all__ = [
    "Reading",
    "format_datetime",
    "format_parameter",
    "is_delicate",
    "parameterize_query",
    "put_parameters",
    "quote_string",
]

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
    return put_parameters(query, parameters, format_parameter)


def put_parameters(
    query: str,
    parameters: Sequence[Any] | None,
    write: Callable[[Any], str],
    *,
    backslash_escapes: bool = False,
) -> str:
    """Do what `parameterize_query` does, by the literals that `write` writes.

    `backslash_escapes` says that the server reads a backslash in text as an escape.
    """
    given = _checked(parameters)
    marks = list(_MARK.finditer(query))
    if not marks and not given:
        return query
    quoted = _Quoted(query, backslash_escapes=backslash_escapes)
    values = iter(given)
    pieces: list[str] = []
    position = placeholders = 0
    for mark in marks:
        start = mark.start()
        pieces.append(query[position:start])
        position = mark.end()
        if mark[0] == "%%":
            pieces.append("%")
        elif quoted.holds(start):
            if given:
                raise _misplaced(start)
            pieces.append("%s")
        else:
            placeholders += 1
            pieces += (" " if _would_fuse(query, start) else "", *map(write, islice(values, 1)))
    if placeholders != len(given):
        raise MalformedQueryError(
            f"Placeholders in the statement: {placeholders}; parameters given: {len(given)}.",
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
        return _literal(param, sql.quote_string)


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

    def __init__(self, query: str, *, backslash_escapes: bool) -> None:
        tokens = sql.tokens(query, backslash_escapes=backslash_escapes)
        found = [token for token in tokens if token.kind in _NO_CODE]
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


def _misplaced(start: int) -> MalformedQueryError:
    return MalformedQueryError(
        f"The placeholder at character {start + 1} is inside of quotes or a comment.",
        hint="Write %s without quotes: the value brings its own. %%s is the text %s.",
    )


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


def is_delicate(value: Any) -> bool:
    """Tell whether servers read the literal of a value differently."""
    if isinstance(value, tuple | list):
        return any(map(is_delicate, value))
    return isinstance(value, str) and ("'" in value or "\\" in value)


class Reading(NamedTuple):
    """How a server reads text in quotes, and whether it is one that takes SQL as text."""

    backslash_escapes: bool = False
    doubled_quotes: bool = True
    takes_text: bool = True

    def write(self, value: Any) -> str:
        """Write a value as this server reads it; see `format_parameter`."""
        with as_arrow_knows():
            return self._write(value)

    def _write(self, value: Any) -> str:
        if self.takes_text and self.doubled_quotes:
            return _literal(value, self._quote)
        if isinstance(value, tuple):
            return f"({', '.join(map(self._write, value))})"
        if isinstance(value, time):
            return _time(value)
        if not self.doubled_quotes:
            return spark_literal(value)
        return (escaping_literal if self.backslash_escapes else datafusion_literal)(value)

    def _quote(self, text: str) -> str:
        return sql.quote_string(text, backslash_escapes=self.backslash_escapes)


def _literal(value: Any, quote: Callable[[str], str]) -> str:
    if isinstance(value, datetime):
        return _datetime(value)
    if isinstance(value, date):
        return f"DATE '{value.isoformat()}'"
    if isinstance(value, time):
        return _time(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return f"FROM_HEX('{bytes(value).hex()}')"
    if isinstance(value, tuple | list):
        items = ", ".join(_literal(item, quote) for item in value)
        return f"({items})" if isinstance(value, tuple) else f"ARRAY[{items}]"
    reduced = plain(value)
    if isinstance(reduced, list | dict):
        raise errors.DataError(f"A {type(value).__name__} has no literal.")
    return quote(reduced) if isinstance(reduced, str) else literal(reduced)
