"""What a statement would take and give: `execution_mode=describe_parameters`, without running it.

What may live here: the types of placeholders, and the JSON that tells them. DuckDB tells the types
of results, but not of placeholders: they have the type they are cast to, or that of the column they
are inserted into, and are text elsewhere.
"""

import re
from collections.abc import Sequence
from typing import Any, Final

import duckdb
import msgspec

from firebolt_like.local.inserts import inserted_types
from firebolt_like.local.types import sql_type
from firebolt_like.protocol.sql import Kind, quote_string, tokens
from firebolt_like.protocol.types import TYPES, Column, parse_type

__all__ = ["description_query", "placeholder_types"]

_CAST: Final = re.compile(
    r"\s*(?:::|\bAS\s)\s*(?P<type>[a-z]\w*(?:\s+precision)?(?:\s*\([\d\s,]*\))?)", re.IGNORECASE
)


def placeholder_types(cursor: duckdb.DuckDBPyConnection, sql: str) -> dict[str, str]:
    """Give the types of `$1`, `$2` ... by name, in the order of their numbers."""
    inserted = inserted_types(cursor, sql)
    found: dict[str, str] = {}
    for token in tokens(sql):
        if token.kind is Kind.NUMBERED:
            name = sql[token.start : token.end]
            cast = _CAST.match(sql, token.end)
            kind = None if cast is None else parse_type(cast["type"])
            if kind is not None and kind.name in TYPES:
                found[name] = kind.json_compact
            elif token.start in inserted:
                found.setdefault(name, sql_type(inserted[token.start]).json_compact)
            else:
                found.setdefault(name, "text")
    return {name: found[name] for name in sorted(found, key=lambda name: int(name[1:]))}


def description_query(placeholders: dict[str, str], columns: Sequence[Column] | None) -> str:
    """Write the query whose one row tells it; `columns` is None for what gives no rows."""
    told: dict[str, Any] = {}
    if placeholders:
        told["parameter_types"] = placeholders
    if columns is not None:
        told["result_columns"] = [
            {"name": column.name, "type": column.type.json_compact} for column in columns
        ]
    return f"SELECT {quote_string(msgspec.json.encode(told).decode())} AS description"
