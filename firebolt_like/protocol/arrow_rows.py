"""Rows from Arrow columns: the same exact Python values that JSON gives.

What may live here: the way from a record batch to tuples. pyarrow is an optional package: only
functions import it.
"""

import datetime
import decimal
import functools
import importlib.util
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from firebolt_like.errors import DataError
from firebolt_like.protocol.arrow_types import sql_type
from firebolt_like.protocol.types import TYPES

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["decode_column", "decode_rows"]


def decode_rows(batch: "pa.RecordBatch | pa.Table") -> list[tuple[Any, ...]]:
    """Turn columns into a list of tuples.

    A real has the fewest digits that name it, as in JSON; times are cut to microseconds, which is
    as far as Python's go. Raises `DataError` for a value outside of Python's calendar.

    >>> import pyarrow as pa
    >>> decode_rows(pa.table({"n": [1, None], "x": pa.array([0.1, 2], pa.float32())}))
    [(1, 0.1), (None, 2.0)]
    """
    import pyarrow as pa  # noqa: PLC0415  # optional

    values: list[Sequence[Any]] = []
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        try:
            values.append(decode_column(column))
        except (pa.ArrowException, ValueError, OverflowError) as error:
            raise DataError(
                f"Column {name!r}: a value of type {column.type} has no form in Python: {error}",
                hint="Python's years are 1 to 9999: cast the column to text, or fetch Arrow.",
            ) from error
    return list(zip(*values, strict=True)) if values else [()] * batch.num_rows


def decode_column(column: "pa.Array | pa.ChunkedArray") -> list[Any]:
    """Turn one column into a list, as `decode_rows` does; errors are pyarrow's and Python's own.

    >>> import pyarrow as pa
    >>> decode_column(pa.array([datetime.date(2024, 1, 31), None]))
    [datetime.date(2024, 1, 31), None]
    """
    import pyarrow as pa  # noqa: PLC0415  # optional

    kind = column.type
    if pa.types.is_interval(kind):
        return [None if span is None else _interval(*span) for span in column.to_pylist()]
    for change in (_spell_reals, _normalize):
        wanted = _deeply(kind, change)
        if wanted != column.type:
            column = column.cast(wanted, safe=False)
    read = _reader(column.type)
    if read is None:
        return list(column.to_pylist())
    if column.type in _calendar() and (values := _by_numpy(column)) is not None:
        return values
    # by way of text: pyarrow's own way makes one scalar object for each value
    texts = column.cast("string").to_pylist()
    return [None if text is None else read(text) for text in texts]


def _interval(months: int, days: int, nanoseconds: int) -> str:
    """Write a span of time, which has no form in Python, as the engine writes it in JSON.

    >>> _interval(14, -1, 1_500_000_000)
    '1 year 2 months -1 day 00:00:01.5'
    """
    years = abs(months) // 12 * (1 if months > 0 else -1)
    counted = {"year": years, "month": months - 12 * years, "day": days}
    parts = [f"{n} {unit}{'' if abs(n) == 1 else 's'}" for unit, n in counted.items() if n]
    if nanoseconds or not parts:
        seconds, micros = divmod(abs(nanoseconds) // 1000, 1_000_000)
        fraction = f".{micros:06}".rstrip("0") if micros else ""
        sign = "-" if nanoseconds < 0 else ""
        hours, minutes = seconds // 3600, seconds // 60 % 60
        parts.append(f"{sign}{hours:02}:{minutes:02}:{seconds % 60:02}{fraction}")
    return " ".join(parts)


def _reader(kind: "pa.DataType") -> Callable[[str], Any] | None:
    import pyarrow as pa  # noqa: PLC0415  # optional

    if pa.types.is_decimal(kind):
        return decimal.Decimal
    if pa.types.is_timestamp(kind):
        return datetime.datetime.fromisoformat
    return datetime.date.fromisoformat if pa.types.is_date(kind) else None


_MOMENTS = (datetime.datetime(1, 1, 1), datetime.datetime(9999, 12, 31, 23, 59, 59, 999999))  # noqa: DTZ001  # without a zone


@functools.cache
def _calendar() -> "dict[pa.DataType, tuple[int, int]]":
    """Give the types that numpy turns into Python's, and the first and the last of their values."""
    import pyarrow as pa  # noqa: PLC0415  # optional

    ends = {
        pa.timestamp("us"): _MOMENTS,
        pa.date32(): (datetime.date.min, datetime.date.max),
    }
    return {
        kind: (pa.scalar(first, kind).value, pa.scalar(last, kind).value)
        for kind, (first, last) in ends.items()
    }


def _by_numpy(column: Any) -> list[Any] | None:
    """Read times faster than by text; None without numpy, and outside of Python's calendar."""
    if not _has_numpy():
        return None
    from pyarrow import compute  # noqa: PLC0415  # optional

    numbers = column.cast(f"int{column.type.bit_width}")
    ends = compute.min_max(numbers).as_py()
    first, last = _calendar()[column.type]
    if ends["min"] is not None and not first <= ends["min"] <= ends["max"] <= last:
        return None
    values: list[Any] = column.to_numpy(zero_copy_only=False).tolist()
    return values


@functools.cache
def _has_numpy() -> bool:
    return importlib.util.find_spec("numpy") is not None


def _deeply(kind: "pa.DataType", change: "Callable[[pa.DataType], pa.DataType]") -> "pa.DataType":
    """Change the types that a type is made of."""
    import pyarrow as pa  # noqa: PLC0415  # optional

    if pa.types.is_dictionary(kind):
        return _deeply(kind.value_type, change)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return pa.list_(_deeply(kind.value_type, change))
    if pa.types.is_struct(kind):
        return pa.struct([(field.name, _deeply(field.type, change)) for field in kind])
    return change(kind)


def _spell_reals(leaf: "pa.DataType") -> "pa.DataType":
    """Give the type in which a real is text: the fewest digits that name it."""
    import pyarrow as pa  # noqa: PLC0415  # optional

    return pa.string() if leaf in (pa.float16(), pa.float32()) else leaf


def _normalize(leaf: "pa.DataType") -> "pa.DataType":
    """Give the type whose values pyarrow turns into the right Python class."""
    import pyarrow as pa  # noqa: PLC0415  # optional

    if leaf in (pa.float16(), pa.float32()):
        return pa.float64()
    if pa.types.is_timestamp(leaf):
        return pa.timestamp("us", tz="UTC" if leaf.tz else None)
    if pa.types.is_date(leaf):
        return pa.date32()
    known = sql_type(leaf).name in TYPES
    return leaf if known else pa.string()
