"""Tables for data that comes from elsewhere: CREATE and DROP, and which column takes which data.

What may live here: the text of the two statements, and how columns of data fit those of a table.
"""

import dataclasses
from collections.abc import Sequence

from firebolt_like.errors import DataError, NotSupportedError
from firebolt_like.protocol.engine_sql import FIREBOLT, Writing
from firebolt_like.protocol.types import TYPES, Column, SqlType

__all__ = [
    "create_table",
    "drop_table",
    "match",
    "same_types",
    "sent_columns",
    "without_null_types",
]

_MOST_DIGITS = 38


def create_table(
    table: Sequence[str], columns: Sequence[Column], writing: Writing = FIREBOLT
) -> str:
    """Write a CREATE TABLE; `table` is the parts of its name.

    Raises `NotSupportedError`, which names the column, for a type that SQL has not.

    >>> print(create_table(["t"], [Column("a", SqlType("array", item=SqlType("bigint")))]))
    CREATE TABLE "t" ("a" array(bigint null) NOT NULL)
    """
    quote = writing.quote_name
    written = ", ".join(f"{quote(column.name)} {_written(column, writing)}" for column in columns)
    return f"CREATE TABLE {'.'.join(map(quote, table))} ({written})"


def drop_table(table: Sequence[str], writing: Writing = FIREBOLT) -> str:
    """Write a DROP TABLE for one that may be missing.

    >>> drop_table(["s", "t"])
    'DROP TABLE IF EXISTS "s"."t"'
    """
    return f"DROP TABLE IF EXISTS {'.'.join(map(writing.quote_name, table))}"


def _written(column: Column, writing: Writing) -> str:
    if missing := _missing(column.type):
        raise NotSupportedError(
            f"Column {column.name!r}: SQL has no type for {missing}.",
            hint="Convert the column, or create the table and append to it.",
        )
    if writing.spell is not None:
        return f"{writing.spell(column.type)}{'' if column.type.nullable else ' NOT NULL'}"
    kind = _nullable_inside(column.type)
    return f"{dataclasses.replace(kind, nullable=False)} {'NULL' if kind.nullable else 'NOT NULL'}"


def _missing(kind: SqlType) -> str | None:
    """Name the first part of a type that SQL has not."""
    if kind.item is not None:
        return _missing(kind.item)
    if kind.fields:
        return next((found for _, field in kind.fields if (found := _missing(field))), None)
    if kind.name == "numeric" and (kind.precision or 0) > _MOST_DIGITS:
        return f"decimal numbers of {kind.precision} digits"
    opaque = kind.name in ("array", "struct")
    return kind.name if opaque or kind.name not in TYPES else None


def _nullable_inside(kind: SqlType) -> SqlType:
    """Let every part of a type be NULL, as engines want it of structs; not the type itself."""
    item = kind.item and dataclasses.replace(_nullable_inside(kind.item), nullable=True)
    fields = tuple(
        (name, dataclasses.replace(_nullable_inside(field), nullable=True))
        for name, field in kind.fields
    )
    return dataclasses.replace(kind, item=item, fields=fields)


def without_null_types(kind: SqlType) -> SqlType:
    """Take a column, or a part of one, that holds nothing but NULL as text."""
    if kind.name == "null":
        return SqlType("text", kind.nullable)
    item = kind.item and without_null_types(kind.item)
    fields = tuple((name, without_null_types(field)) for name, field in kind.fields)
    return dataclasses.replace(kind, item=item, fields=fields)


def match(names: Sequence[str] | None, width: int, columns: Sequence[Column]) -> tuple[Column, ...]:
    """Find the table's column for each of the data's, by name; without names, by position.

    A name that no column has is looked for as SQL reads it without quotes, in lower case. Raises
    `DataError` for names that no column has, or that two have.

    >>> table = [Column("id", SqlType("bigint")), Column("name", SqlType("text"))]
    >>> [column.name for column in match(["name", "ID"], 2, table)]
    ['name', 'id']
    """
    if names is None:
        if width not in (0, len(columns)):
            raise DataError(
                f"The rows have {width} values, the table has {len(columns)} columns.",
                hint="Name the columns that the values are for: columns=['a', 'b', ...].",
            )
        return tuple(columns)
    known = {column.name: column for column in columns}
    found = [known.get(name) or known.get(name.lower()) for name in names]
    if missing := [repr(name) for name, column in zip(names, found, strict=True) if not column]:
        raise DataError(
            f"The table has no column {', '.join(missing)}.",
            hint=f"Its columns are {', '.join(map(repr, known))}.",
        )
    targets = tuple(column for column in found if column)
    if len({column.name for column in targets}) < len(targets):
        raise DataError("Two columns of the data have the same name.")
    return targets


def same_types(data: Sequence[Column], table: Sequence[Column]) -> bool:
    """Tell whether columns have the same types, whether they may be NULL or not."""
    return all(
        _all_nullable(ours.type) == _all_nullable(theirs.type)
        for ours, theirs in zip(data, table, strict=True)
    )


def _all_nullable(kind: SqlType) -> SqlType:
    return dataclasses.replace(_nullable_inside(kind), nullable=True)


def sent_columns(data: Sequence[Column], table: Sequence[Column]) -> tuple[Column, ...]:
    """Give the table's columns with the types that data is sent as.

    That is the column's own type where every value keeps what it means; a value that does not fit
    is then refused here, by its column's name. Other data is sent as it is, and the engine converts
    or refuses it: text for a date, a local time for an instant.

    >>> [integer, text] = [Column("a", SqlType("integer")), Column("a", SqlType("text"))]
    >>> bigint, date = Column("n", SqlType("bigint")), Column("d", SqlType("date"))
    >>> sent_columns([integer, text], [bigint, date])
    (Column(name='n', type=SqlType('bigint')), Column(name='d', type=SqlType('text')))
    """
    return tuple(
        Column(theirs.name, theirs.type if _becomes(ours.type, theirs.type) else ours.type)
        for ours, theirs in zip(data, table, strict=True)
    )


_WIDER = {
    # what data is: what it may be sent as
    "integer": {"bigint", "numeric", "double precision"},
    "bigint": {"integer", "numeric", "double precision"},
    "numeric": {"integer", "bigint"},
    "real": {"double precision"},
    "date": {"timestamp"},
}


def _becomes(data: SqlType, target: SqlType) -> bool:
    if data.item is not None or target.item is not None:
        return (
            data.item is not None and target.item is not None and _becomes(data.item, target.item)
        )
    if data.fields or target.fields:
        ours, theirs = dict(data.fields), dict(target.fields)
        return ours.keys() == theirs.keys() and all(_becomes(ours[n], theirs[n]) for n in ours)
    return data.name in ("null", target.name) or target.name in _WIDER.get(data.name, ())
