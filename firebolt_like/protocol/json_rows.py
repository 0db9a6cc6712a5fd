"""The rows of both JSON formats, from JSON text to tuples of exact Python values.

One typed pass of msgspec reads well-formed rows. Where it refuses a value, it reads them again, but
leaves that column as it is, which is then converted one value at a time.

What may live here: the two ways, and the table of conversions for the second.
"""

import binascii
import datetime
import decimal
import functools
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, TypedDict, TypeVar

import msgspec

from firebolt_like.errors import DataError, ServerResponseError
from firebolt_like.protocol.types import Column, SqlType
from firebolt_like.rows import misfit

__all__ = ["check_required", "count_rows", "decode_rows", "transpose"]

T = TypeVar("T")


def decode_rows(
    columns: Sequence[Column],
    data: msgspec.Raw | bytes,
    required: Mapping[int, str] | None = None,
) -> list[tuple[Any, ...]]:
    """Decode the JSON text of a list of lists into a list of tuples.

    `required` are the places of columns that may not be NULL, each with what needs it.

    Raises `DataError` for a value that does not fit its column's type or Python's calendar
    (years 1 to 9999) and for a NULL in a required column, and `ServerResponseError` for rows of
    another length than `columns`.

    >>> from firebolt_like.protocol.types import parse_type
    >>> price = Column("price", parse_type("numeric(10, 2)"))
    >>> decode_rows([price], b'[["1.10"], [2.20]]')
    [(Decimal('1.10'),), (Decimal('2.20'),)]
    """
    try:
        try:
            kinds = tuple(column.type for column in columns)
            return _row_decoder(kinds, frozenset(required or ())).decode(data)
        except (msgspec.ValidationError, OverflowError) as error:
            rows = _decode_around(columns, data, error)
            check_required(columns, rows, required or {})
            return rows
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ServerResponseError(f"The rows of the answer are not JSON: {error}") from error


def count_rows(data: msgspec.Raw | bytes) -> int:
    """Count the rows without decoding their values.

    >>> count_rows(b'[[1, "],["], [2, null]]')
    2
    """
    try:
        return len(_raw_list.decode(data))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ServerResponseError(f"The rows of the answer are not JSON: {error}") from error


def check_required(
    columns: Sequence[Column], rows: Sequence[tuple[Any, ...]], required: Mapping[int, str]
) -> None:
    """Raise `DataError` for a NULL in a required column."""
    for place, label in required.items():
        if any(row[place] is None for row in rows):
            raise misfit(columns[place].name, label, "a value is NULL")


_CHUNK = 1000


def transpose(rows: Sequence[Sequence[T]], width: int) -> list[list[T]]:
    """Give the columns of rows, of which each has `width` values.

    A thousand rows at a time, which the processor still has at hand when it comes to the next
    column: that is three times as fast as all at once.

    >>> transpose([(1, "a"), (2, "b")], 2)
    [[1, 2], ['a', 'b']]
    """
    columns: list[list[T]] = [[] for _ in range(width)]
    for start in range(0, len(rows), _CHUNK):
        values = zip(*rows[start : start + _CHUNK], strict=True)
        for column, part in zip(columns, values, strict=True):
            column.extend(part)
    return columns


class _AnyInstance(type):
    """Makes a marker that accepts whatever its hook gives."""

    # a value's class, which is true: asked for each value, a function of Python would cost a third
    __instancecheck__ = staticmethod(type)  # type: ignore[assignment]  # true is all that is asked


class _Instant(metaclass=_AnyInstance):
    """Marks a timestamptz."""


class _Bytes(metaclass=_AnyInstance):
    """Marks a bytea."""


def _read_marked(kind: type, value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError("not a string")  # noqa: TRY004  # msgspec turns ValueError into its own
    return _instant(value) if kind is _Instant else _bytes(value)


_SCALARS: dict[str, Any] = {
    "integer": int,
    "bigint": int,
    "real": float,
    "double precision": float,
    "numeric": decimal.Decimal,
    "date": datetime.date,
    # without `tz=False` msgspec's lax mode reads numbers as seconds since 1970
    "timestamp": Annotated[datetime.datetime, msgspec.Meta(tz=False)],
    "timestamptz": _Instant,
    "boolean": bool,
    "bytea": _Bytes,
}


def _msgspec_type(kind: SqlType) -> Any:
    return _without_null(kind) | None


def _without_null(kind: SqlType) -> Any:
    if kind.item is not None:
        return _list_of(_msgspec_type(kind.item))
    if kind.fields:
        members = {name: _msgspec_type(field) for name, field in kind.fields}
        return TypedDict("Struct", members)  # type: ignore[operator]  # made at run time
    return _SCALARS.get(kind.name, str)


def _list_of(item: Any) -> Any:
    return list.__class_getitem__(item)  # `list[item]` is for checkers, which want a fixed type


@functools.lru_cache(512)
def _row_decoder(
    kinds: tuple[SqlType, ...], required: frozenset[int], untouched: frozenset[int] = frozenset()
) -> msgspec.json.Decoder[list[tuple[Any, ...]]]:
    values = (
        msgspec.Raw
        if place in untouched
        else (_without_null(kind) if place in required else _msgspec_type(kind))
        for place, kind in enumerate(kinds)
    )
    row = tuple.__class_getitem__(tuple(values))
    return msgspec.json.Decoder(_list_of(row), strict=False, dec_hook=_read_marked)


@functools.lru_cache(512)
def _value_decoder(kind: SqlType) -> msgspec.json.Decoder[list[Any]]:
    column = _list_of(_msgspec_type(kind))
    return msgspec.json.Decoder(column, strict=False, dec_hook=_read_marked)


_raw_rows = msgspec.json.Decoder(list[list[msgspec.Raw]])
_raw_list = msgspec.json.Decoder(list[msgspec.Raw])
_raw_struct = msgspec.json.Decoder(dict[str, msgspec.Raw])
_string = msgspec.json.Decoder(str)


_MOST_PASSES = 8  # more columns with rare forms are read as if all of them were


def _decode_around(
    columns: Sequence[Column], data: msgspec.Raw | bytes, error: Exception
) -> list[tuple[Any, ...]]:
    """Decode rows of which a typed pass refused a value, so that only its column costs more."""
    kinds, rare = tuple(column.type for column in columns), set[int]()
    while len(rare) < _MOST_PASSES:
        place = _column_of(error)
        if place is None or place in rare:
            break
        rare.add(place)
        try:
            rows = _row_decoder(kinds, frozenset(), frozenset(rare)).decode(data)
        except (msgspec.ValidationError, OverflowError) as another:
            error = another
            continue
        values: list[list[Any]] = transpose(rows, len(columns))
        for each in rare:
            values[each] = _decode_column(columns[each], values[each])
        return list(zip(*values, strict=True))
    return _decode_by_column(columns, data)


_PLACE = re.compile(r" - at `\$\[[0-9]+\]\[([0-9]+)\][^`]*`$")


def _column_of(error: Exception) -> int | None:
    """Read a column's place from what msgspec says of a value: `... - at `$[row][column]`."""
    found = _PLACE.search(str(error))
    return int(found[1]) if found else None


def _decode_by_column(
    columns: Sequence[Column], data: msgspec.Raw | bytes
) -> list[tuple[Any, ...]]:
    try:
        rows = _raw_rows.decode(data)
    except msgspec.ValidationError as error:
        raise ServerResponseError(f"The rows of the answer are not lists: {error}") from error
    for number, row in enumerate(rows):
        if len(row) != len(columns):
            raise ServerResponseError(
                f"Row {number} of the answer has {len(row)} values for {len(columns)} columns."
            )
    cells = transpose(rows, len(columns))
    values = [_decode_column(column, raw) for column, raw in zip(columns, cells, strict=True)]
    return list(zip(*values, strict=True)) if columns else [() for _ in rows]


def _decode_column(column: Column, cells: Sequence[msgspec.Raw]) -> list[Any]:
    values: list[Any] = []
    decode = _value_decoder(column.type).decode
    for start in range(0, len(cells), _CHUNK):
        part = cells[start : start + _CHUNK]
        try:
            values += decode(b"[" + b",".join(part) + b"]")
        except (msgspec.ValidationError, OverflowError):
            values += [_convert(column, column.type, cell) for cell in part]
    return values


def _convert(column: Column, kind: SqlType, cell: msgspec.Raw) -> Any:
    try:
        # what the typed pass reads has one meaning, wherever it stands
        return _value_decoder(kind).decode(b"[%b]" % cell)[0]
    except (msgspec.ValidationError, OverflowError):
        pass
    try:
        if kind.item is not None or kind.fields:
            return _convert_nested(column, kind, cell)
        return _FROM_TEXT.get(kind.name, str)(_text(cell))
    except (ValueError, OverflowError, msgspec.ValidationError) as error:
        raise _misfit(column, kind, cell) from error


def _convert_nested(column: Column, kind: SqlType, cell: msgspec.Raw) -> Any:
    if kind.item is not None:
        return [_convert(column, kind.item, item) for item in _raw_list.decode(cell)]
    members = _raw_struct.decode(cell)
    missing = msgspec.Raw(b"null")
    return {
        name: _convert(column, field, members.get(name, missing)) for name, field in kind.fields
    }


def _text(cell: msgspec.Raw) -> str:
    text = bytes(cell).decode()
    return _string.decode(cell) if text.startswith('"') else text


def _misfit(column: Column, kind: SqlType, cell: msgspec.Raw) -> DataError:
    shown = bytes(cell)[:80].decode(errors="replace")
    calendar = kind.name in ("date", "timestamp", "timestamptz")
    return DataError(
        f"Column {column.name!r}: {shown} is not a value of type {kind}.",
        hint="Python's years are 1 to 9999: cast the column to text." if calendar else None,
    )


_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*([eE][+-]?[0-9]+)?|inf|infinity|nan)", re.IGNORECASE)
_MOST_DIGITS = 4300  # as far as Python itself goes in one step


def _integer(text: str) -> int:
    number = _decimal(text) if _NUMBER.fullmatch(text) else decimal.Decimal("nan")
    whole = number.is_finite() and number.adjusted() < _MOST_DIGITS
    if not whole or number != number.to_integral_value():
        raise ValueError(text)
    return int(number)


def _float(text: str) -> float:
    number = float(text)
    if not _NUMBER.fullmatch(text) or (math.isinf(number) and text[-1].isdigit()):
        raise ValueError(text)
    return number


def _decimal(text: str) -> decimal.Decimal:
    try:
        return decimal.Decimal(text)
    except decimal.InvalidOperation as error:
        raise ValueError(text) from error


def _date(text: str) -> datetime.date:
    # Python reads `20200101` and `2020-W01-1` as well, which may be numbers or typing errors
    if len(text) != 10 or text[4:8:3] != "--":
        raise ValueError(text)
    return datetime.date.fromisoformat(text)


def _moment(text: str) -> datetime.datetime:
    if len(text) > 10 and text[4] == "-" and text[10] in " Tt":
        return datetime.datetime.fromisoformat(text)
    return datetime.datetime.combine(_date(text), datetime.time())


_fromisoformat = datetime.datetime.fromisoformat
_USUAL = ("- ", "-T")  # what is fifth and eleventh in a date with a time


def _instant(text: str) -> datetime.datetime:
    moment = _fromisoformat(text) if text[4:11:6] in _USUAL else _moment(text)
    # without an offset the engine means its own zone, UTC
    return moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)


def _bytes(text: str) -> bytes:
    if not text.startswith("\\x"):
        raise ValueError("bytea without \\x")
    return binascii.unhexlify(text[2:])


def _boolean(text: str) -> bool:
    word = text.lower()
    if word not in ("true", "t", "false", "f"):
        raise ValueError(text)
    return word in ("true", "t")


_FROM_TEXT: dict[str, Callable[[str], Any]] = {
    "integer": _integer,
    "bigint": _integer,
    "real": _float,
    "double precision": _float,
    "numeric": _decimal,
    "date": _date,
    "timestamp": _moment,
    "timestamptz": _instant,
    "boolean": _boolean,
    "bytea": _bytes,
}
