"""The rows of both JSON formats, from JSON text to tuples of exact Python values.

One typed pass of msgspec reads well-formed rows. Where a value has a form that it refuses, the rows
are read column by column, and only the columns that need it are converted one value at a time.

What may live here: the two ways, and the table of conversions for the second.
"""

import datetime
import decimal
import functools
import re
from collections.abc import Callable, Sequence
from typing import Any, TypedDict

import msgspec

from firebolt_like.errors import DataError, ServerResponseError
from firebolt_like.protocol.types import Column, SqlType

__all__ = ["decode_rows"]


def decode_rows(columns: Sequence[Column], data: msgspec.Raw | bytes) -> list[tuple[Any, ...]]:
    """Decode the JSON text of a list of lists into a list of tuples.

    Raises `DataError` for a value that does not fit its column's type or Python's calendar
    (years 1 to 9999), and `ServerResponseError` for rows of another length than `columns`.

    >>> from firebolt_like.protocol.types import parse_type
    >>> price = Column("price", parse_type("numeric(10, 2)"))
    >>> decode_rows([price], b'[["1.10"], [2.20]]')
    [(Decimal('1.10'),), (Decimal('2.20'),)]
    """
    try:
        return _row_decoder(tuple(column.type for column in columns)).decode(data)
    except (msgspec.ValidationError, OverflowError):
        return _decode_by_column(columns, data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ServerResponseError(f"The rows of the answer are not JSON: {error}") from error


class _AnyInstance(type):
    """Makes a marker that accepts whatever its hook gives."""

    def __instancecheck__(cls, instance: object) -> bool:
        return True


class _Instant(metaclass=_AnyInstance):
    """Marks a timestamptz."""


class _Bytes(metaclass=_AnyInstance):
    """Marks a bytea."""


def _read_marked(kind: type, value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError("not a string")  # noqa: TRY004  # msgspec turns ValueError into its own
    return _instant(value) if kind is _Instant else _bytes(value)


_SCALARS: dict[str, type] = {
    "integer": int,
    "bigint": int,
    "real": float,
    "double precision": float,
    "numeric": decimal.Decimal,
    "date": datetime.date,
    "timestamp": datetime.datetime,
    "timestamptz": _Instant,
    "boolean": bool,
    "bytea": _Bytes,
}


def _msgspec_type(kind: SqlType) -> Any:
    if kind.item is not None:
        return _list_of(_msgspec_type(kind.item)) | None
    if kind.name == "struct":
        members = {name: _msgspec_type(field) for name, field in kind.fields}
        return TypedDict("Struct", members) | None  # type: ignore[operator]  # made at run time
    return _SCALARS.get(kind.name, str) | None


def _list_of(item: Any) -> Any:
    return list.__class_getitem__(item)  # `list[item]` is for checkers, which want a fixed type


@functools.lru_cache(512)
def _row_decoder(kinds: tuple[SqlType, ...]) -> msgspec.json.Decoder[list[tuple[Any, ...]]]:
    row = tuple.__class_getitem__(tuple(_msgspec_type(kind) for kind in kinds))
    return msgspec.json.Decoder(_list_of(row), strict=False, dec_hook=_read_marked)


@functools.lru_cache(512)
def _value_decoder(kind: SqlType) -> msgspec.json.Decoder[list[Any]]:
    column = _list_of(_msgspec_type(kind))
    return msgspec.json.Decoder(column, strict=False, dec_hook=_read_marked)


_raw_rows = msgspec.json.Decoder(list[list[msgspec.Raw]])
_raw_list = msgspec.json.Decoder(list[msgspec.Raw] | None)
_raw_struct = msgspec.json.Decoder(dict[str, msgspec.Raw] | None)
_any_value = msgspec.json.Decoder()


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
    cells = list(zip(*rows, strict=True)) or [()] * len(columns)
    values = [_decode_column(column, raw) for column, raw in zip(columns, cells, strict=True)]
    return list(zip(*values, strict=True)) if columns else [() for _ in rows]


def _decode_column(column: Column, cells: Sequence[msgspec.Raw]) -> list[Any]:
    try:
        return _value_decoder(column.type).decode(b"[" + b",".join(cells) + b"]")
    except (msgspec.ValidationError, OverflowError):
        return [_convert(column, column.type, cell) for cell in cells]


def _convert(column: Column, kind: SqlType, cell: msgspec.Raw) -> Any:
    if bytes(cell) == b"null":
        return None
    nested = kind.item is not None or kind.name == "struct"
    try:
        return _convert_nested(column, kind, cell) if nested else _scalar(kind, cell)
    except (ValueError, decimal.InvalidOperation, OverflowError, msgspec.DecodeError) as error:
        raise _misfit(column, kind, cell) from error


def _convert_nested(column: Column, kind: SqlType, cell: msgspec.Raw) -> Any:
    if kind.item is not None:
        items = _raw_list.decode(cell) or []
        return [_convert(column, kind.item, item) for item in items]
    members = _raw_struct.decode(cell) or {}
    missing = msgspec.Raw(b"null")
    return {
        name: _convert(column, field, members.get(name, missing)) for name, field in kind.fields
    }


def _scalar(kind: SqlType, cell: msgspec.Raw) -> Any:
    value = _any_value.decode(cell)
    text = value if isinstance(value, str) else bytes(cell).decode()
    return _FROM_TEXT.get(kind.name, str)(text)


def _misfit(column: Column, kind: SqlType, cell: msgspec.Raw) -> DataError:
    shown = bytes(cell)[:80].decode(errors="replace")
    calendar = kind.name in ("date", "timestamp", "timestamptz")
    return DataError(
        f"Column {column.name!r}: {shown} is not a value of type {kind}.",
        hint="Python's years are 1 to 9999: cast the column to text." if calendar else None,
    )


def _integer(text: str) -> int:
    if re.fullmatch(r"[+-]?\d+", text):
        return int(text)
    number = decimal.Decimal(text)
    if number != number.to_integral_value():
        raise ValueError(text)
    return int(number)


def _instant(text: str) -> datetime.datetime:
    moment = datetime.datetime.fromisoformat(text)
    # without an offset the engine means its own zone, UTC
    return moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)


def _bytes(text: str) -> bytes:
    if not text.startswith("\\x"):
        raise ValueError("bytea without \\x")
    return bytes.fromhex(text[2:])


def _boolean(text: str) -> bool:
    word = text.lower()
    if word not in ("true", "t", "1", "false", "f", "0"):
        raise ValueError(text)
    return word in ("true", "t", "1")


_FROM_TEXT: dict[str, Callable[[str], Any]] = {
    "integer": _integer,
    "bigint": _integer,
    "real": float,
    "double precision": float,
    "numeric": decimal.Decimal,
    "date": datetime.date.fromisoformat,
    "timestamp": datetime.datetime.fromisoformat,
    "timestamptz": _instant,
    "boolean": _boolean,
    "bytea": _bytes,
}
