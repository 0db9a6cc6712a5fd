"""Parameters by name, `:name`, for dialects whose paramstyle is `named`.

What may live here: the way from names to the places that the driver knows.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from firebolt_like.protocol.sql import Kind, tokens

__all__ = ["by_position"]

_NAME = re.compile(r"(?<![:\w]):(\w+)")


def by_position(
    statement: str, rows: Sequence[Mapping[str, Any]]
) -> tuple[str, list[tuple[Any, ...]]]:
    """Write `?` for each `:name` that is in the rows, and give their values in that order.

    Names in strings, quoted names and comments are text, as are casts (`::`).

    >>> by_position("SELECT :b::text, ':a', :a, :b", [{"a": 1, "b": 2}])
    ("SELECT ?::text, ':a', ?, ?", [(2, 1, 2)])
    """
    known = rows[0] if rows else {}
    order: list[str] = []

    def mark(found: re.Match[str]) -> str:
        if found[1] not in known:
            return found[0]
        order.append(found[1])
        return "?"

    pieces = (
        _NAME.sub(mark, statement[start:end]) if kind is Kind.TEXT else statement[start:end]
        for kind, start, end in tokens(statement)
    )
    text = "".join(pieces)
    return text, [tuple(row[name] for name in order) for row in rows]
