"""Which SQL type holds the Python values of a column.

What may live here: that question, and the few classes that are made plain before it is asked.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from firebolt_like.errors import DataError
from firebolt_like.protocol.types import SqlType

__all__ = ["column_type", "plain_column"]

_PLAIN = {
    *(type(None), bool, int, float, Decimal, str, bytes, date, datetime, list, tuple, dict),
}
_BASES = (bool, int, float, Decimal, str, bytes, datetime, date, list, tuple, dict)


def plain_column(values: Sequence[Any]) -> Sequence[Any]:
    """Give the values with none but a few classes: subclasses, UUIDs and numpy's become those.

    >>> from uuid import UUID
    >>> plain_column([UUID(int=0), None])
    ['00000000-0000-0000-0000-000000000000', None]
    """
    return values if _PLAIN.issuperset(map(type, values)) else [_plain(value) for value in values]


def _exact(value: datetime) -> datetime:
    if getattr(value, "nanosecond", 0):  # pandas' own class has them
        raise DataError("a time with nanoseconds has no SQL type", hint="Round it.")
    return value


_CONVERT: tuple[tuple[Any, Callable[[Any], Any]], ...] = (
    (UUID, str),
    (bytearray | memoryview, bytes),
    (str, str.__str__),  # str() would give the name of a member of a (str, Enum)
    (datetime, _exact),
    (bool | Decimal | bytes | date | list | tuple | dict, lambda value: value),
    (int, int),
    (float, float),
)


def _plain(value: Any) -> Any:
    if type(value) in _PLAIN:
        return value
    for classes, convert in _CONVERT:
        if isinstance(value, classes):
            return convert(value)
    if getattr(getattr(value, "dtype", None), "kind", "") in {"b", "i", "u", "f"}:
        return value.tolist()  # numpy's, known by shape so that it is not imported
    raise DataError(
        f"a {type(value).__name__} has no SQL type",
        hint="Convert it to a number, text, bytes, a date, a datetime, a list or a dict.",
    )


def column_type(values: Iterable[Any]) -> SqlType:
    """Give the smallest common type of values that `plain_column` gave; they may always be NULL.

    A column of None alone has the type `null`. Raises `DataError` where no type holds them all.

    >>> str(column_type([1, None, 2.5])), str(column_type([[date(2024, 1, 31)], []]))
    ('double precision null', 'array(date null) null')
    """
    present = [value for value in values if value is not None]
    kinds = {_kind(each) for each in set(map(type, present))}
    if kinds == {"int", "float"}:
        kinds = {"float"}
    if kinds == {"int", "Decimal"}:
        kinds = {"Decimal"}
    if len(kinds) > 1:
        raise DataError(
            f"no SQL type holds {' and '.join(sorted(kinds))} together",
            hint="Convert the values to one type.",
        )
    return _TYPES[kinds.pop()](present) if kinds else SqlType("null", nullable=True)


def _kind(kind: type) -> str:
    base = next((base for base in _BASES if issubclass(kind, base)), None)
    if base is None:
        raise DataError(f"a {kind.__name__} has no SQL type")
    return "list" if base is tuple else base.__name__


def _integers(values: list[int]) -> SqlType:
    if min(values) >= -(2**63) and max(values) < 2**63:
        return SqlType("bigint", nullable=True)
    return SqlType("numeric", nullable=True, precision=38, scale=0)


def _decimals(values: list[Decimal | int]) -> SqlType:
    scale = min(max(map(_places, values)), 38)
    return SqlType("numeric", nullable=True, precision=38, scale=scale)


def _places(value: Decimal | int) -> int:
    """Count the digits behind the point; from the text, which costs a fifth of `as_tuple`."""
    text = str(value)
    if "E" not in text and text[-1].isdigit():
        return len(text) - text.find(".") - 1 if "." in text else 0
    exponent = Decimal(value).as_tuple().exponent
    if not isinstance(exponent, int):
        raise DataError("numeric has no infinity and no nan")
    return max(0, -exponent)


def _datetimes(values: list[datetime]) -> SqlType:
    zoned = {value.tzinfo is not None for value in values}
    if len(zoned) > 1:
        raise DataError("some datetimes have a zone, some have none")
    return SqlType("timestamptz" if zoned.pop() else "timestamp", nullable=True)


def _lists(values: list[Sequence[Any]]) -> SqlType:
    item = column_type(plain_column([item for value in values for item in value]))
    return SqlType("array", nullable=True, item=item)


def _structs(values: list[dict[str, Any]]) -> SqlType:
    names = list(dict.fromkeys(name for value in values for name in value))
    if not names or not all(isinstance(name, str) for name in names):
        raise DataError("a struct has at least one field, and its names are text")
    fields = tuple(
        (name, column_type(plain_column([value.get(name) for value in values]))) for name in names
    )
    return SqlType("struct", nullable=True, fields=fields)


_TYPES: dict[str, Any] = {
    "bool": lambda _: SqlType("boolean", nullable=True),
    "int": _integers,
    "float": lambda _: SqlType("double precision", nullable=True),
    "Decimal": _decimals,
    "str": lambda _: SqlType("text", nullable=True),
    "bytes": lambda _: SqlType("bytea", nullable=True),
    "date": lambda _: SqlType("date", nullable=True),
    "datetime": _datetimes,
    "list": _lists,
    "dict": _structs,
}
