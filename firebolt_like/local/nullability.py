"""Which columns of a SELECT are never NULL, where that is cheap to know; DuckDB does not tell.

Known are literals, literals in casts, count(...), and NOT NULL columns of the one table that is
read. All others may be NULL. What may live here: reading the select list by lexer, no parser.
"""

import dataclasses
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from firebolt_like.protocol.sql import Kind, tokens

__all__ = ["never_null"]

NotNull = Callable[[str], dict[str, bool]]
"""Gives a table's columns in lower case, in order, and whether each is NOT NULL; {} if unknown."""

_LEXEME = re.compile(r"\d[\d_.]*(?:[eE][+-]?\d+)?|\.\d[\d_]*(?:[eE][+-]?\d+)?|\w[\w$]*|::|\S")
_SHAPES: Final = {
    # word: its letter in a shape; other words are W, strings S, numbers N
    "true": "T",
    "false": "T",
    "cast": "C",
    "count": "K",
    "as": "A",
    "over": "O",
    "filter": "O",
    "date": "D",
    "timestamp": "D",
    "timestamptz": "D",
    "null": "0",
    "on": "0",
    "select": "0",
}
_TYPE = r"[WD]W?(?:\([N,]*\))?(?:\[N?\])*"
_LITERAL = r"(?:-?N|D?S|T)"
_ALIAS = r"(?:A?W)?"
_NEVER = re.compile(
    rf"(?:{_LITERAL}(?:::{_TYPE})*|C\({_LITERAL}A{_TYPE}\)|K\([^()]*\)(?:O\([^()]*\))*){_ALIAS}"
)
_COLUMN = re.compile(rf"(?:W\.)*(?:W|\*){_ALIAS}")
_TABLE = re.compile(r"(W(?:\.W)*)(?:A?(W))?")
_COMBINED: Final = {"union", "intersect", "except"}
_GROUPED: Final = {"rollup", "cube", "sets"}
_AFTER_TABLE: Final = {"where", "group", "having", "order", "limit", "offset", ""}


@dataclasses.dataclass(frozen=True, slots=True)
class _Lexeme:
    text: str
    shape: str


def never_null(sql: str, count: int, not_null: NotNull) -> list[bool]:
    """Tell for each of the `count` columns of a statement whether it is never NULL.

    >>> never_null("SELECT 1, 'a' AS b, c, d FROM t", 4, lambda table: {"c": True, "d": False})
    [True, True, True, False]
    """
    unknown = [False] * count
    lexemes = list(_lexemes(sql))
    words = [lexeme.text.lower() for lexeme in lexemes]
    if words[:1] != ["select"] or words[1:2] == ["distinct"] or not _COMBINED.isdisjoint(words):
        return unknown
    items, rest = _split(lexemes[1:])
    references = [item for item in items if _COLUMN.fullmatch(_shape(item))]
    columns: dict[str, bool] = {}
    names: set[str] = set()
    if references and _GROUPED.isdisjoint(words):
        table, names = _table(rest)
        columns = not_null(table) if table else {}
    found: list[bool] = []
    for item in items:
        found += _of_item(item, columns, names)
    return found if len(found) == count else unknown


def _of_item(item: list[_Lexeme], columns: dict[str, bool], names: set[str]) -> Iterable[bool]:
    shape = _shape(item)
    if not _COLUMN.fullmatch(shape):
        return [_NEVER.fullmatch(shape) is not None]
    path = []
    for lexeme in item[::2]:
        path.append(_name(lexeme.text))
        if item[len(path) * 2 - 1 : len(path) * 2] != [_DOT]:
            break
    if path[-1] == "*":
        return columns.values()
    # `a.b` may be a field of a struct: then `a` is no name of the table
    is_of_table = len(path) == 1 or (path[-2] in names and path[-2] not in columns)
    return [is_of_table and columns.get(path[-1], False)]


_DOT: Final = _Lexeme(".", ".")


def _lexemes(sql: str) -> Iterator[_Lexeme]:
    for kind, start, end in tokens(sql):
        text = sql[start:end]
        if kind is Kind.STRING:
            yield _Lexeme(text, "S")
        elif kind is Kind.NAME:
            yield _Lexeme(text, "W")
        elif kind is Kind.TEXT:
            for word in _LEXEME.findall(text):
                first = word[0]
                if first.isdigit() or (first == "." and len(word) > 1):
                    yield _Lexeme(word, "N")
                elif first.isalpha() or first == "_":
                    yield _Lexeme(word, _SHAPES.get(word.lower(), "W"))
                else:
                    yield _Lexeme(word, word)


def _split(lexemes: list[_Lexeme]) -> tuple[list[list[_Lexeme]], list[_Lexeme]]:
    """Split behind SELECT: the items of the list, and what comes after FROM."""
    items: list[list[_Lexeme]] = [[]]
    depth = 0
    for at, lexeme in enumerate(lexemes):
        depth += (lexeme.shape in "([{") - (lexeme.shape in ")]}")
        if not depth and lexeme.text.lower() == "from":
            return items, lexemes[at + 1 :]
        if not depth and lexeme.shape == ",":
            items.append([])
        else:
            items[-1].append(lexeme)
    return items, []


def _table(rest: list[_Lexeme]) -> tuple[str, set[str]]:
    """Give the one table that is read, as it is written, and the names that it has here."""
    stop = next(
        (at for at, lexeme in enumerate(rest) if lexeme.text.lower() in _AFTER_TABLE), len(rest)
    )
    found = _TABLE.fullmatch(_shape(rest[:stop]))
    if found is None:
        return "", set()
    last = found.end(1)
    table = "".join(lexeme.text for lexeme in rest[:last])
    return table, {_name(rest[stop - 1].text), _name(rest[last - 1].text)}


def _shape(lexemes: list[_Lexeme]) -> str:
    return "".join([lexeme.shape for lexeme in lexemes])


def _name(text: str) -> str:
    return (text[1:-1].replace('""', '"') if text.startswith('"') else text).lower()
