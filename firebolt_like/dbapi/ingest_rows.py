"""Rows of Python objects as blocks: tuples, dicts, and objects with fields.

What may live here: how each kind of row gives its names and its values.
"""

import dataclasses
import functools
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from firebolt_like.errors import DataError, InterfaceError
from firebolt_like.protocol.python_types import column_type, plain_column
from firebolt_like.protocol.table_ddl import sent_columns
from firebolt_like.protocol.types import Column

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["RowBlock", "RowReader", "row_reader", "tuple_reader"]

Values = Sequence[Any]

_SEQUENCES = {tuple, list}


class RowReader:
    """Turns rows of one kind into tuples; `names` are None where only positions are known."""

    def __init__(
        self, names: tuple[str, ...] | None, width: int, read: Callable[[Any], Values]
    ) -> None:
        self.names = names
        self.width = width
        self._read = read

    def read(self, rows: Sequence[Any], first: int) -> list[Values]:
        """Read rows; `first` is the number of the first, for the `DataError` of another kind."""
        if self._read is _sequence and _SEQUENCES.issuperset(map(type, rows)):
            values = list(rows)
        else:
            values = self._read_each(rows, first)
        widths = list(map(len, values))
        if set(widths) - {self.width}:
            place = next(i for i, width in enumerate(widths) if width != self.width)
            raise DataError(f"Row {first + place} has {widths[place]} values, not {self.width}.")
        return values

    def _read_each(self, rows: Sequence[Any], first: int) -> list[Values]:
        values: list[Values] = []
        for number, row in enumerate(rows, first):
            try:
                values.append(self._read(row))
            except (DataError, AttributeError) as error:
                raise DataError(f"Row {number} is not like the first: {error}") from error
        return values


def row_reader(rows: Sequence[Any], names: Sequence[str] | None) -> RowReader:
    """Look at the first rows; `names` are those of tuples. Raises `InterfaceError` for no rows."""
    if not rows:
        return RowReader(tuple(names) if names else None, len(names or ()), _as_it_is)
    row = rows[0]
    found = _mapping_names(rows) if isinstance(row, Mapping) else _field_names(row)
    if found is None:
        if not isinstance(row, list | tuple):
            raise InterfaceError(
                f"A row is a tuple, a dict or an object with fields, not a {type(row).__name__}."
            )
        return tuple_reader(names, len(names) if names else len(row))
    if names is not None:
        raise InterfaceError("columns= names the values of tuples; these rows have names.")
    if isinstance(row, Mapping):
        return RowReader(found, len(found), _mapping_reader(found))
    if isinstance(row, tuple):
        return RowReader(found, len(found), _sequence)
    return RowReader(found, len(found), _object_reader(found))


def tuple_reader(names: Sequence[str] | None, width: int) -> RowReader:
    """Make the reader of tuples and lists."""
    return RowReader(tuple(names) if names else None, width, _sequence)


def _as_it_is(row: Any) -> Values:
    values: Values = row
    return values


def _sequence(row: Any) -> Values:
    if not isinstance(row, list | tuple):
        raise DataError(f"a {type(row).__name__}")
    return row


def _mapping_names(rows: Sequence[Any]) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name for row in rows if isinstance(row, Mapping) for name in row))
    return _checked(names)


def _field_names(row: object) -> tuple[str, ...] | None:
    """Give the names of a dataclass's fields, or of a msgspec, pydantic, attrs or named tuple."""
    if dataclasses.is_dataclass(row):
        return _checked(field.name for field in dataclasses.fields(row))
    kind = type(row)
    for attribute in ("__struct_fields__", "_fields", "model_fields"):
        if (found := getattr(kind, attribute, None)) is not None:
            return _checked(found)
    attributes = getattr(kind, "__attrs_attrs__", None)
    return None if attributes is None else _checked(field.name for field in attributes)


def _checked(names: Iterable[str]) -> tuple[str, ...]:
    checked = tuple(names)
    if not checked or not all(isinstance(name, str) for name in checked):
        raise InterfaceError("A row has at least one field, and the names of fields are text.")
    return checked


def _mapping_reader(names: tuple[str, ...]) -> Callable[[Any], Values]:
    known = set(names)

    def read(row: Any) -> Values:
        if not isinstance(row, Mapping):
            raise DataError(f"a {type(row).__name__}")
        if not known.issuperset(row.keys()):
            extra = next(name for name in row if name not in known)
            raise DataError(f"it has the new key {extra!r}")
        return [row.get(name) for name in names]

    return read


def _object_reader(names: tuple[str, ...]) -> Callable[[Any], Values]:
    get = operator.attrgetter(*names)
    return (lambda row: (get(row),)) if len(names) == 1 else get


class RowBlock:
    """Rows as they were given; see `Block`."""

    def __init__(self, reader: RowReader, rows: Sequence[Any], first: int) -> None:
        self.count = len(rows)
        self.first = first
        self._names = reader.names
        self._width = reader.width
        self._rows = reader.read(rows, first)

    def columns(self) -> tuple[Column, ...]:
        """See `Block`."""
        return self._typed[0]

    def arrow(self, table: Sequence[Column]) -> "pa.RecordBatch":
        """See `Block`."""
        from firebolt_like.protocol import arrow_ingest  # noqa: PLC0415  # for Arrow only

        columns, values = self._typed
        return arrow_ingest.from_values(values, sent_columns(columns, table))

    def values(self, table: Sequence[Column]) -> Sequence[Values]:  # noqa: ARG002  # Block's signature
        """See `Block`."""
        return self._rows

    @functools.cached_property
    def _typed(self) -> tuple[tuple[Column, ...], list[Sequence[Any]]]:
        """The columns with their types, and their values; text may need neither."""
        # zip would make an iterator of each row, which the garbage collector walks over
        by_column = [tuple(map(operator.itemgetter(i), self._rows)) for i in range(self._width)]
        names = self._names or [str(place) for place in range(1, len(by_column) + 1)]
        columns, values = [], []
        for name, column in zip(names, by_column, strict=True):
            try:
                values.append(plain_column(column))
                columns.append(Column(name, column_type(values[-1])))
            except DataError as error:
                last = self.first + self.count - 1
                raise DataError(
                    f"Column {name!r}, rows {self.first} to {last}: {error}", hint=error.hint
                ) from error
        return tuple(columns), values
