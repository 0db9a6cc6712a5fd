"""Many rows in one `INSERT INTO ... VALUES (...), (...)`, cut by the bytes of the statement.

What may live here: which statements can take many rows, how rows are put into one, and where the
next one begins. How a value is written is told by `parameters`.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any, NamedTuple, TypeAlias

from firebolt_like.errors import DataError, ProgrammingError
from firebolt_like.protocol.parameters import check_sequence, literal, plain
from firebolt_like.protocol.sql import Kind, quote_name, tokens

__all__ = ["Insert", "Target", "Values", "cut", "insert_into", "read_insert", "read_target"]


class Insert(NamedTuple):
    """An INSERT without its rows: what is before them, and a row cut at its placeholders."""

    head: str
    row: tuple[str, ...]


class Values(NamedTuple):
    """A statement, and how many rows it inserts."""

    text: str
    rows: int


class Target(NamedTuple):
    """What an INSERT fills: the parts of the table's name, and columns, none for all of them."""

    table: tuple[str, ...]
    columns: tuple[str, ...]


_NAME = r'(?:"(?:[^"]|"")+"|[^\W\d][\w$]*)'
_HEAD = re.compile(
    rf"\s*INSERT\s+INTO\s+(?P<table>{_NAME}(?:\s*\.\s*{_NAME})*)\s*"
    rf"(?:\(\s*(?P<columns>{_NAME}(?:\s*,\s*{_NAME})*)\s*\)\s*)?VALUES\s*(?=\(|$)",
    re.IGNORECASE,
)
_ITEM = r"(?:\?|'|[+-]?[0-9]+(?:\.[0-9]+)?|NULL|TRUE|FALSE|DEFAULT)"
_ROW = re.compile(rf"\(\s*{_ITEM}(?:\s*,\s*{_ITEM})*\s*\)\s*", re.IGNORECASE)


def read_insert(sql: str, *, backslash_escapes: bool = False) -> Insert | None:
    """Read an INSERT of one row of placeholders and constants; None for any other statement.

    With anything else in it, such as a function, a subquery, or a clause behind the row, a
    statement of many rows might do another thing than many of one row.

    >>> read_insert("INSERT INTO t (a, b) VALUES (?, 1)")
    Insert(head='INSERT INTO t (a, b) VALUES ', row=('(', ', 1)'))
    >>> read_insert("INSERT INTO t VALUES (upper(?))")
    """
    head = _HEAD.match(sql)
    if head is None:
        return None
    pieces, masked, position = list[str](), list[str](), head.end()
    for kind, start, end in tokens(sql, backslash_escapes=backslash_escapes):
        if end <= head.end():
            continue
        if kind in (Kind.COMMENT, Kind.NAME, Kind.NUMBERED, Kind.SEMICOLON):
            return None
        masked.append("'" if kind is Kind.STRING else sql[max(start, head.end()) : end])
        if kind is Kind.QMARK:
            pieces.append(sql[position:start])
            position = end
    if not _ROW.fullmatch("".join(masked)):
        return None
    return Insert(head[0], (*pieces, sql[position:].rstrip()))


def read_target(insert: Insert) -> Target | None:
    """Read what an INSERT of placeholders alone fills; None where its rows hold constants.

    Names without quotes are in lower case, as engines read them.

    >>> read_target(read_insert('INSERT INTO T (a, "B") VALUES (?, ?)'))
    Target(table=('t',), columns=('a', 'B'))
    """
    head = _HEAD.fullmatch(insert.head)
    if head is None or "".join(insert.row).strip(" \t\r\n(),"):
        return None
    table, columns = (
        tuple(_unquoted(name) for name in re.findall(_NAME, head[group] or ""))
        for group in ("table", "columns")
    )
    return Target(table, columns)


def _unquoted(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name.lower()


def insert_into(
    table: Sequence[str], columns: Sequence[str], quote: Callable[[str], str] = quote_name
) -> Insert:
    """Make an INSERT of values alone; `table` is the parts of its name, `quote` writes names.

    >>> insert_into(["s", "t"], ["a", "b"])
    Insert(head='INSERT INTO "s"."t" ("a", "b") VALUES ', row=('(', ', ', ')'))
    """
    names = ", ".join(map(quote, columns))
    row = ("(", *[", "] * (len(columns) - 1), ")")
    return Insert(f"INSERT INTO {'.'.join(map(quote, table))} ({names}) VALUES ", row)  # noqa: S608  # quoted


def cut(
    insert: Insert,
    rows: Iterable[Sequence[object]],
    *,
    limit: int,
    first: int = 1,
    backslash_escapes: bool = False,
    write: Callable[[object], str] | None = None,
) -> Iterator[Values]:
    """Write rows into statements of at most `limit` bytes, or of one row that is longer.

    An engine gives each column of VALUES one type. So a statement ends also where a column's
    values would have to be changed to share one: integers and floats, or decimals that no NUMERIC
    holds together. `first` is the number of the first row, for errors: DataError for a value that
    has no SQL form, ProgrammingError for a row with more or fewer values than the INSERT takes.
    `write` writes the literals of an engine that has its own.

    >>> insert = insert_into(["t"], ["n"])
    >>> [statement.text for statement in cut(insert, [[1], [2], [2.5]], limit=100)]
    ['INSERT INTO "t" ("n") VALUES (1), (2)', 'INSERT INTO "t" ("n") VALUES (2.5e0)']
    """
    head_size = _size(insert.head)
    write = write or (lambda value: literal(plain(value), backslash_escapes=backslash_escapes))
    texts: list[str] = []
    size, kinds = head_size, [_NULL] * (len(insert.row) - 1)
    for number, row in enumerate(rows, first):
        text, row_kinds = _write(insert, row, number, write)
        row_size = _size(text) + 2
        shared = _share_all(kinds, row_kinds)
        if texts and (size + row_size - 2 > limit or shared is None):
            yield Values(insert.head + ", ".join(texts), len(texts))
            texts, size, shared = [], head_size, row_kinds
        texts.append(text)
        size += row_size
        kinds = row_kinds if shared is None else shared
    if texts:
        yield Values(insert.head + ", ".join(texts), len(texts))


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode(errors="surrogatepass"))


def _write(
    insert: Insert, row: Sequence[object], number: int, write: Callable[[object], str]
) -> tuple[str, list[Any]]:
    check_sequence(row)
    wanted = len(insert.row) - 1
    if len(row) != wanted:
        raise ProgrammingError(
            f"Row {number} has {len(row)} values; the statement takes {wanted} a row."
        )
    texts, kinds = [insert.row[0]], list[Any]()
    for place, value in enumerate(row, 1):
        try:
            texts.append(write(value))
            kinds.append(_kind(plain(value)))
        except DataError as error:
            raise DataError(f"Row {number}, value {place}: {error}", hint=error.hint) from error
        except RecursionError as error:
            raise DataError(
                f"Row {number}, value {place}: the value is nested too deeply."
            ) from error
        texts.append(insert.row[place])
    return "".join(texts), kinds


# --- What values of a column have in common ---


class _Numeric(NamedTuple):
    """The digits before and behind the point."""

    whole: int
    fraction: int


class _List(NamedTuple):
    item: Any


class _Struct(NamedTuple):
    fields: tuple[tuple[str, Any], ...]


_Kind: TypeAlias = Any
"""One of the three above, or the class of a value."""

_NULL: _Kind = type(None)
_MOST_DIGITS = 38


def _kind(value: Any) -> _Kind:
    if isinstance(value, Decimal):
        exponent = value.as_tuple().exponent
        assert isinstance(exponent, int)  # noqa: S101  # `literal` has refused nan and infinity
        return _Numeric(max(0, value.adjusted() + 1), max(0, -exponent))
    if isinstance(value, list):
        return _List(_item_kind(value))
    if isinstance(value, dict):
        return _Struct(tuple((name, _kind(plain(field))) for name, field in value.items()))
    return type(value)


def _item_kind(items: list[Any]) -> _Kind:
    common: _Kind = _NULL
    for item in items:
        shared = _share(common, _kind(plain(item)))
        if shared is None:
            return object()  # equal to no other: such a value goes alone, as if it were sent so
        common = shared
    return common


def _share_all(left: list[_Kind], right: list[_Kind]) -> list[_Kind] | None:
    if left == right:
        return left
    shared = [_share(a, b) for a, b in zip(left, right, strict=True)]
    return None if None in shared else shared


def _share(left: _Kind, right: _Kind) -> _Kind | None:
    """Give the kind that holds both without changing them; None when there is none."""
    if left is right or right is _NULL:
        return left
    if left is _NULL:
        return right
    if isinstance(left, _Numeric) and isinstance(right, _Numeric):
        both = _Numeric(max(left.whole, right.whole), max(left.fraction, right.fraction))
        return both if sum(both) <= _MOST_DIGITS else None
    if isinstance(left, _List) and isinstance(right, _List):
        item = _share(left.item, right.item)
        return None if item is None else _List(item)
    if isinstance(left, _Struct) and isinstance(right, _Struct):
        return _share_structs(left, right)
    return None


def _share_structs(left: _Struct, right: _Struct) -> _Struct | None:
    if [name for name, _ in left.fields] != [name for name, _ in right.fields]:
        return None
    kinds = _share_all([kind for _, kind in left.fields], [kind for _, kind in right.fields])
    if kinds is None:
        return None
    return _Struct(tuple((name, k) for (name, _), k in zip(left.fields, kinds, strict=True)))
