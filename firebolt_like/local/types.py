"""DuckDB's types: what the protocol calls each, and the SQL that makes its JSON value.

What may live here: the two tables, and the recursion through lists and structs. Column nullability
is not told by DuckDB, so every column may be NULL.
"""

import dataclasses
from typing import Any, NamedTuple

from firebolt_like.protocol.sql import quote_name
from firebolt_like.protocol.types import SqlType

__all__ = ["duckdb_name", "json_value", "sql_type"]


class _Row(NamedTuple):
    """What one type of DuckDB becomes."""

    sql: SqlType
    json: str = "{x}"  # an SQL expression over x whose value json_array() writes as it should be


def _row(name: str, json: str = "{x}", precision: int | None = None) -> _Row:
    scale = None if precision is None else 0
    return _Row(SqlType(name, nullable=True, precision=precision, scale=scale), json)


_TEXT = "{x}::VARCHAR"
# JSON has no infinities and no nan; they travel as strings
_FLOAT = (
    "CASE WHEN isfinite({x}) THEN to_json({finite}) WHEN isnan({x}) THEN to_json('nan')"
    " ELSE to_json({x}::VARCHAR) END"
)
# DuckDB writes offsets to the minute, but zones before 1900 have seconds
_ZONED = (
    "{x}::VARCHAR || CASE WHEN date_part('timezone', {x}) % 60 <> 0"
    " THEN ':' || lpad(abs(date_part('timezone', {x})::BIGINT % 60)::VARCHAR, 2, '0')"
    " ELSE '' END"
)

_ROWS = {
    # DuckDB's type id: the protocol's type, JSON value
    "boolean": _row("boolean"),
    "tinyint": _row("integer"),
    "smallint": _row("integer"),
    "integer": _row("integer"),
    "utinyint": _row("integer"),
    "usmallint": _row("integer"),
    "bigint": _row("bigint", _TEXT),
    "uinteger": _row("bigint", _TEXT),
    "ubigint": _row("numeric", _TEXT, 38),
    "hugeint": _row("numeric", _TEXT, 38),
    "uhugeint": _row("numeric", _TEXT, 38),
    "bignum": _row("numeric", _TEXT, 38),
    # through its shortest text, so that 0.1 stays 0.1 and is not written as a double
    "float": _row("real", _FLOAT.replace("{finite}", "{x}::VARCHAR::DOUBLE")),
    "double": _row("double precision", _FLOAT.replace("{finite}", "{x}")),
    "varchar": _row("text"),
    "null": _row("text"),
    "date": _row("date", _TEXT),
    "timestamp": _row("timestamp", _TEXT),
    "timestamp_s": _row("timestamp", "{x}::TIMESTAMP::VARCHAR"),
    "timestamp_ms": _row("timestamp", "{x}::TIMESTAMP::VARCHAR"),
    "timestamp_ns": _row("timestamp", "{x}::TIMESTAMP::VARCHAR"),  # rounded to microseconds
    "timestamp with time zone": _row("timestamptz", _ZONED),
    "blob": _row("bytea", "'\\x' || lower(hex({x}))"),
}
_OTHER = _row("text", _TEXT)  # UUID, TIME, INTERVAL, ENUM, MAP, UNION, BIT, ...


def sql_type(kind: Any) -> SqlType:
    """Say what the protocol calls a type of DuckDB (a `DuckDBPyType`)."""
    if kind.id == "decimal":
        digits = dict(kind.children)
        return SqlType(
            "numeric", nullable=True, precision=digits["precision"], scale=digits["scale"]
        )
    if kind.id in ("list", "array"):
        return SqlType("array", nullable=True, item=sql_type(kind.children[0][1]))
    if kind.id in ("struct", "tuple"):
        fields = tuple((name, sql_type(field)) for name, field, _ in _fields(kind, ""))
        return SqlType("struct", nullable=True, fields=fields)
    return _simple(kind).sql


def json_value(kind: Any, x: str, depth: int = 0) -> str:
    """Write the SQL expression that turns the expression `x` into its JSON value.

    The value is of a type that DuckDB's `json_array` writes as section "Values in JSON" of the
    protocol wants it: bigint and numeric as text, bytea as hex, timestamps as text.
    """
    if kind.id == "decimal":
        return f"{x}::VARCHAR"
    if kind.id in ("list", "array"):
        variable = f"v{depth}"
        item = json_value(kind.children[0][1], variable, depth + 1)
        return x if item == variable else f"list_transform({x}, lambda {variable}: {item})"
    if kind.id in ("struct", "tuple"):
        pairs = ", ".join(
            f"{quote_name(name)} := {json_value(field, path, depth)}"
            for name, field, path in _fields(kind, x)
        )
        return f"CASE WHEN {x} IS NULL THEN NULL ELSE struct_pack({pairs}) END"
    return _simple(kind).json.replace("{x}", x)


def _simple(kind: Any) -> _Row:
    if str(kind) == "JSON":  # its id is varchar's
        return _Row(SqlType("json", nullable=True), _TEXT)
    return _ROWS.get(kind.id, _OTHER)


def _fields(kind: Any, x: str) -> list[tuple[str, Any, str]]:
    """List a struct's fields: name, type, and the expression that takes it out of `x`."""
    return [
        (name or f"f{number}", field, f"struct_extract({x}, {number})")
        if kind.id == "tuple"
        else (name, field, f"struct_extract({x}, '{name.replace(chr(39), chr(39) * 2)}')")
        for number, (name, field) in enumerate(kind.children, 1)
    ]


_NAMES = {
    # the protocol's name: DuckDB's, where they differ
    "real": "REAL",
    "double precision": "DOUBLE",
    "text": "VARCHAR",
    "bytea": "BLOB",
    "timestamptz": "TIMESTAMPTZ",
    "geography": "VARCHAR",
}


def duckdb_name(kind: SqlType) -> str:
    """Write a type of the protocol as DuckDB spells it.

    >>> duckdb_name(SqlType("array", item=SqlType("numeric", precision=9, scale=2)))
    'NUMERIC(9, 2)[]'
    """
    if kind.item is not None:
        return duckdb_name(kind.item) + "[]"
    if kind.fields:
        fields = ", ".join(
            f"{quote_name(name)} {duckdb_name(field)}" for name, field in kind.fields
        )
        return f"STRUCT({fields})"
    plain = dataclasses.replace(kind, nullable=False)
    return _NAMES.get(kind.name, str(plain).upper())
