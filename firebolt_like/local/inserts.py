r"""Bytes as `\x6162` in `INSERT INTO ... VALUES`: text that becomes bytea by the column it goes to.

DuckDB would read `\x61`, then the characters 6 and 2. What may live here: finding those places.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import duckdb

from firebolt_like.protocol.sql import Kind, tokens

__all__ = ["INSERT_VALUES", "bytea_places", "inserted_types"]

_NAME = r'(?:"(?:[^"]|"")+"|[\w$]+)'
INSERT_VALUES = re.compile(
    rf"\s*INSERT\s+INTO\s+(?P<table>{_NAME}(?:\.{_NAME})*)\s*"
    rf"(?:\((?P<columns>\s*{_NAME}(?:\s*,\s*{_NAME})*\s*)\)\s*)?VALUES\b",
    re.IGNORECASE,
)


def bytea_places(
    cursor: duckdb.DuckDBPyConnection, sql: str, parameters: Mapping[str, Any]
) -> frozenset[int]:
    """Give the offsets of strings and placeholders that stand for a bytea column's value."""
    if "\\x" not in sql and not any(
        isinstance(value, str) and value.startswith("\\x") for value in parameters.values()
    ):
        return frozenset()
    types = inserted_types(cursor, sql)
    return frozenset(place for place, kind in types.items() if kind.id == "blob")


def inserted_types(cursor: duckdb.DuckDBPyConnection, sql: str) -> dict[int, Any]:
    """Give DuckDB's types of the columns that strings and placeholders go to, by their offsets."""
    insert = INSERT_VALUES.match(sql)
    if insert is None:
        return {}
    query = f"SELECT {insert['columns'] or '*'} FROM {insert['table']}"  # noqa: S608  # bound, never run
    try:
        types = cursor.sql(query).types
    except duckdb.Error:
        return {}  # the INSERT itself will say what is wrong
    return _places(sql, insert.end(), types)


def _places(sql: str, start: int, types: Sequence[Any]) -> dict[int, Any]:
    places: dict[int, Any] = {}
    depth = column = 0
    for token in tokens(sql):
        if token.kind in (Kind.STRING, Kind.NUMBERED):
            if depth == 1 and column < len(types):
                places[token.start] = types[column]
        elif token.kind is Kind.TEXT:
            for mark in re.finditer(r"[](){}[,]", sql[max(start, token.start) : token.end]):
                depth += (mark[0] in "([{") - (mark[0] in ")]}")
                if depth == 0:
                    column = 0
                elif depth == 1 and mark[0] == ",":
                    column += 1
    return places
