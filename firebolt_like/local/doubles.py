"""Literals with a point: double precision in the dialect, DECIMAL in DuckDB.

`1.5` becomes `1.5e0`. It stays as it is, with all its digits, where it goes straight into a cast,
also within brackets, in INSERT ... VALUES, where its column decides, and beside a NUMERIC column
(`comparisons`). What may live here: that.
"""

import re
from collections.abc import Collection, Iterator, Sequence

from firebolt_like.local.edits import Edit
from firebolt_like.local.inserts import INSERT_VALUES
from firebolt_like.protocol.sql import Kind

__all__ = ["double_literals"]

_POINT = re.compile(r"\d\.|\.\d")
_MARK = re.compile(
    r"(?P<number>(?<![\w.$])(?:\d[\d_]*\.[\d_]*|(?<![\])])\.\d[\d_]*)(?![\w.]))"
    r"|(?P<opening>(?P<cast>\b(?:try_)?cast\s*)?\(|[\[{])|(?P<closing>[])}])|(?P<as>\bas\b)",
    re.IGNORECASE,
)
_CAST = re.compile(r"\s*::")


def double_literals(
    sql: str, parts: Sequence[tuple[Kind, int, int]], exact: Collection[int]
) -> Iterator[Edit]:
    """Give the edits of a statement, whose lexer's tokens are `parts`.

    Literals that end at `exact` stay.
    """
    if _POINT.search(sql) is None or not parts or INSERT_VALUES.match(sql, parts[0][1]):
        return
    marks = (
        mark
        for kind, start, end in parts
        if kind is Kind.TEXT
        for mark in _MARK.finditer(sql, start, end)
    )
    for end in _ends(sql, marks):
        if end not in exact:
            yield Edit(end, end, "e0")


def _ends(sql: str, marks: Iterator[re.Match[str]]) -> Iterator[int]:
    # for each bracket that is open: is it of a CAST, and the ends of the literals within
    open_brackets: list[tuple[bool, list[int]]] = [(False, [])]
    for mark in marks:
        is_cast, literals = open_brackets[-1]
        if mark["opening"]:
            open_brackets.append((mark["cast"] is not None, []))
        elif mark["number"] and not _CAST.match(sql, mark.end()):
            literals.append(mark.end())
        elif mark["as"] and is_cast:
            literals.clear()
        elif mark["closing"] and len(open_brackets) > 1:
            open_brackets.pop()
            if not _CAST.match(sql, mark.end()):
                open_brackets[-1][1].extend(literals)
    for _, literals in open_brackets:
        yield from literals
