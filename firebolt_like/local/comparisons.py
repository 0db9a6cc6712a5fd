"""Literals with a point that are compared with a NUMERIC column: they keep all their digits.

Elsewhere they are double precision. What may live here: the search for such comparisons, by lexer,
and for the columns in the catalogue.
"""

import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import duckdb

from firebolt_like.protocol.sql import Kind, quote_name, tokens

__all__ = ["exact_places"]

_NAME: Final = r'(?:"(?:[^"]|"")+"|[^\W\d]\w*)'
_COLUMN: Final = rf"(?P<column>{_NAME})"
_LITERAL: Final = r"(?:[-+]\s*)?(?:\d[\d_]*\.[\d_]*|(?<![\w\])])\.\d[\d_]*)(?![\w.])"
_COMPARED: Final = r"(?:<>|!=|==?|<=|>=|<|>|IS\s+(?:NOT\s+)?DISTINCT\s+FROM\b)"
_MORE: Final = r"(?!\s*(?:[-+*/%^|&\[]|::))"  # what would make it a part of an expression
_RIGHT: Final = re.compile(
    rf"(?<![\w\"]){_COLUMN}\s*(?:{_COMPARED}\s*(?P<one>{_LITERAL})"
    rf"|(?:\bNOT\s+)?\bBETWEEN\s+(?P<low>{_LITERAL})\s*AND\s+(?P<high>{_LITERAL})"
    rf"|(?:\bNOT\s+)?\bIN\s*\((?P<list>(?:\s*{_LITERAL}\s*,)*\s*{_LITERAL})\s*\)){_MORE}",
    re.IGNORECASE,
)
_LEFT: Final = re.compile(
    r"(?:\A|[(,]|\b(?:select|where|and|or|not|on|when|having))\s*"
    rf"(?P<one>{_LITERAL})\s*{_COMPARED}\s*(?:{_NAME}\s*\.\s*){{0,2}}{_COLUMN}(?!\s*[(.])",
    re.IGNORECASE,
)
_POINT: Final = re.compile(r"\d\.|\.\d")
_NUMBER: Final = re.compile(r"\d[\d_]*\.[\d_]*|\.\d[\d_]*")
_WIDEST: Final = 38


class _Comparison(NamedTuple):
    column: str
    literals: list[re.Match[str]]


def exact_places(cursor: duckdb.DuckDBPyConnection, sql: str) -> frozenset[int]:
    """Give the ends of the literals of a statement that are compared with a NUMERIC column."""
    if _POINT.search(sql) is None:
        return frozenset()
    plain = _without_strings(sql)
    comparisons = list(_comparisons(plain))
    if not comparisons:
        return frozenset()
    try:
        scales = _scales(cursor, {one.column for one in comparisons}, plain)
    except duckdb.Error:
        return frozenset()  # the statement itself will say what is wrong
    return frozenset(
        literal.end()
        for one in comparisons
        for literal in one.literals
        if len(literal[0].partition(".")[2].rstrip("0_")) <= scales.get(one.column, -1)
    )


def _without_strings(sql: str) -> str:
    return "".join(
        " " * (token.end - token.start)
        if token.kind in (Kind.STRING, Kind.COMMENT)
        else sql[token.start : token.end]
        for token in tokens(sql)
    )


def _comparisons(sql: str) -> Iterator[_Comparison]:
    for pattern in (_RIGHT, _LEFT):
        for found in pattern.finditer(sql):
            literals = [
                literal
                for group, text in found.groupdict().items()
                if group != "column" and text is not None
                for literal in _NUMBER.finditer(sql, *found.span(group))
            ]
            yield _Comparison(_folded(found["column"]), literals)


def _folded(name: str) -> str:
    return (name[1:-1].replace('""', '"') if name.startswith('"') else name).lower()


def _scales(cursor: duckdb.DuckDBPyConnection, names: set[str], sql: str) -> dict[str, int]:
    """Say how many fraction digits a literal may have beside each column, all NUMERIC.

    A column is looked for in the tables that the statement names; where one is of another type,
    nothing is said of that name. With more digits DuckDB might find no common type.
    """
    words = {_folded(name) for name in re.findall(_NAME, sql)}
    scales: dict[str, int] = {}
    for column, digits in _columns(cursor, words, names):
        scale = _WIDEST - digits["precision"] + digits["scale"] if digits else -1
        scales[column] = min(scales.get(column, _WIDEST), scale)
    return scales


def _columns(
    cursor: duckdb.DuckDBPyConnection, tables: set[str], names: set[str]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give the columns of these names in these tables, with the digits of what is NUMERIC."""
    # a look-up that fails would end the transaction, so names are not tried but searched
    found = cursor.execute(
        "SELECT schema_name, table_name FROM duckdb_tables()"
        " WHERE database_name = current_database()"
        " UNION ALL SELECT schema_name, view_name FROM duckdb_views()"
        " WHERE database_name = current_database() AND NOT internal"
    ).fetchall()
    for path in found:
        if path[1].lower() not in tables:
            continue
        try:
            relation = cursor.sql("FROM " + ".".join(map(quote_name, path)))
        except duckdb.Error:
            continue  # a view of what is gone, which the statement may not mean at all
        for column, kind in zip(relation.columns, relation.types, strict=True):
            if column.lower() in names:
                yield column.lower(), dict(kind.children) if kind.id == "decimal" else {}
