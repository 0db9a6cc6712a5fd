r"""TabSeparatedWithNamesAndTypes: the format of an answer when none is asked for.

    names, tab-separated \n types, tab-separated \n rows, one a line

NULL is `\N`; tab, newline, backslash and quote are escaped by a backslash, in header cells too.
Arrays are `[1,NULL,'text']`; structs are JSON text whose numbers are quoted. What may live here:
the writing of it, from the values that the JSON formats hold.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from firebolt_like.protocol.types import NUMBER, Column, SqlType

__all__ = ["encode_head", "encode_rows"]

_ESCAPES = str.maketrans(
    {
        "\\": "\\\\",
        "\t": "\\t",
        "\n": "\\n",
        "\r": "\\r",
        "\0": "\\0",
        "\b": "\\b",
        "\f": "\\f",
        "'": "\\'",
    }
)


def encode_head(columns: Sequence[Column]) -> bytes:
    r"""Write the two header lines; nothing for a statement without a result set.

    >>> encode_head([Column("it's", SqlType("bigint"))])
    b"it\\'s\nlong\n"
    """
    if not columns:
        return b""
    names = "\t".join(column.name.translate(_ESCAPES) for column in columns)
    types = "\t".join(column.type.json_compact.translate(_ESCAPES) for column in columns)
    return f"{names}\n{types}\n".encode()


def encode_rows(columns: Sequence[Column], rows: Sequence[Sequence[Any]]) -> bytes:
    r"""Write rows whose values are as the JSON formats hold them.

    >>> encode_rows([Column("a", SqlType("text")), Column("b", SqlType("boolean"))], [[None, True]])
    b'\\N\tt\n'
    """
    types = [column.type for column in columns]
    return "".join("\t".join(map(_cell, types, row)) + "\n" for row in rows).encode()


def _cell(kind: SqlType, value: Any) -> str:
    if value is None:
        return "\\N"
    if kind.item is not None and isinstance(value, list):
        return _array(kind.item, value)
    return _plain(value).translate(_ESCAPES)


def _array(kind: SqlType, values: Sequence[Any]) -> str:
    return "[" + ",".join(_item(kind, value) for value in values) + "]"


def _item(kind: SqlType, value: Any) -> str:
    if value is None:
        return "NULL"
    if kind.item is not None and isinstance(value, list):
        return _array(kind.item, value)
    text = _plain(value)
    return text if kind.group == NUMBER else "'" + text.translate(_ESCAPES) + "'"


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, dict):
        return msgspec.json.encode(_quoted_numbers(value)).decode()
    return value if isinstance(value, str) else repr(value)


def _quoted_numbers(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _quoted_numbers(field) for name, field in value.items()}
    if isinstance(value, list):
        return [_quoted_numbers(item) for item in value]
    return repr(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
