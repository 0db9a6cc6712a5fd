"""DuckDB's types: what the protocol calls each, and the SQL that makes its JSON value.

What may live here: the two tables, and the recursion through lists and structs. Column nullability
is not told by DuckDB, so every column may be NULL.
"""

import dataclasses
import re
from typing import Any, NamedTuple

from firebolt_like.protocol.sql import quote_name
from firebolt_like.protocol.types import TYPES, SqlType, parse_type

__all__ = ["duckdb_name", "json_value", "sql_type", "sql_type_named"]


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
_POINT = "substr(ST_AsText({x}), length('POINT (') + 1)"
_LONGITUDE = f"radians(TRY_CAST(split_part({_POINT}, ' ', 1) AS DOUBLE))"
_LATITUDE = f"radians(TRY_CAST(rtrim(split_part({_POINT}, ' ', 2), ')') AS DOUBLE))"
# engines of this protocol keep a point as a vector of length 1, and its degrees show that
_X, _Y = (f"cos({_LATITUDE}) * {f}({_LONGITUDE})" for f in ("cos", "sin"))
_ROUNDED = (
    "CASE WHEN ST_AsText({x}) LIKE 'POINT (%' THEN CAST('POINT(' ||"
    f" degrees(atan2({_Y}, {_X})) || ' ' ||"
    f" degrees(atan2(sin({_LATITUDE}), sqrt(({_X}) ** 2 + ({_Y}) ** 2))) || ')' AS GEOMETRY)"
    " ELSE {x} END"
)
_WKB = f"hex(ST_AsWKB({_ROUNDED}))"
# EWKB: a flag in the type, and the number of the coordinate system behind it
_EWKB = f"substr({_WKB}, 1, 8) || '20E6100000' || substr({_WKB}, 11)"

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
    "geometry": _row("geography", _EWKB),
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
    "geography": "GEOMETRY",
    "numeric": "NUMERIC(38, 9)",
    "json": "JSON",
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
    has_digits = kind.precision is not None
    return str(plain).upper() if has_digits else _NAMES.get(kind.name, str(plain).upper())


_QUOTED = re.compile(r"(`(?:[^`]|``)*`)")
_FLOAT_TYPE = re.compile(r"\bfloat(?=\s*(?:[,)]|null\b|\Z))")


def sql_type_named(text: str) -> SqlType | None:
    """Read the name of a type as it stands in SQL, or None for any other text.

    Other than in answers, FLOAT is double precision here, and names in upper case are folded.

    >>> sql_type_named("array(FLOAT null)"), sql_type_named("array(select 1)")
    (SqlType('array(double precision null)'), None)
    """
    pieces = _QUOTED.split(text)
    pieces[::2] = [_FLOAT_TYPE.sub("double precision", piece.lower()) for piece in pieces[::2]]
    kind = parse_type("".join(pieces))
    return kind if _is_known(kind) else None


def _is_known(kind: SqlType) -> bool:
    inner = [kind.item] if kind.item is not None else [field for _, field in kind.fields]
    return kind.name in TYPES and all(map(_is_known, inner))
