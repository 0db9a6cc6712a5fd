"""DuckDB's types over Flight: the Arrow type of each, and the cast where DuckDB's own differs.

A type that Arrow knows stays what it is; what Arrow has no type for (UUID, BIT, ENUM, UNION ...) is
text, as over REST, and instants are in UTC. What may live here: the table, and the recursion.
"""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import pyarrow as pa

from firebolt_like.protocol.sql import quote_name

__all__ = ["WireType", "duckdb_type", "wire_type"]


class WireType(NamedTuple):
    """`sql` is the type that values are cast to, or None where they may stay as they are."""

    arrow: pa.DataType
    sql: str | None = None


_TEXT = WireType(pa.string(), "VARCHAR")
_SIMPLE: Final = {
    # DuckDB's type id
    "boolean": WireType(pa.bool_()),
    "tinyint": WireType(pa.int8()),
    "smallint": WireType(pa.int16()),
    "integer": WireType(pa.int32()),
    "bigint": WireType(pa.int64()),
    "utinyint": WireType(pa.uint8()),
    "usmallint": WireType(pa.uint16()),
    "uinteger": WireType(pa.uint32()),
    "ubigint": WireType(pa.uint64()),
    "hugeint": WireType(pa.decimal128(38, 0), "DECIMAL(38, 0)"),
    "uhugeint": WireType(pa.decimal128(38, 0), "DECIMAL(38, 0)"),
    "bignum": WireType(pa.decimal128(38, 0), "DECIMAL(38, 0)"),
    "float": WireType(pa.float32()),
    "double": WireType(pa.float64()),
    "varchar": WireType(pa.string()),
    "blob": WireType(pa.binary()),
    "geometry": WireType(pa.binary()),
    "date": WireType(pa.date32()),
    "time": WireType(pa.time64("us")),
    "time_ns": WireType(pa.time64("ns")),
    "timestamp": WireType(pa.timestamp("us")),
    "timestamp_s": WireType(pa.timestamp("s")),
    "timestamp_ms": WireType(pa.timestamp("ms")),
    "timestamp_ns": WireType(pa.timestamp("ns")),
    "timestamp with time zone": WireType(pa.timestamp("us", "UTC")),
    "timestamptz_ns": WireType(pa.timestamp("ns", "UTC")),
    "interval": WireType(pa.month_day_nano_interval()),
}


def wire_type(kind: Any) -> WireType:
    """Give the type over the wire of a type of DuckDB (a `DuckDBPyType`)."""
    nested = _NESTED.get(kind.id)
    if kind.id == "decimal":
        digits = dict(kind.children)
        return WireType(pa.decimal128(digits["precision"], digits["scale"]))
    return _SIMPLE.get(kind.id, _TEXT) if nested is None else nested(kind)


def _list(kind: Any) -> WireType:
    item = wire_type(kind.children[0][1])
    return WireType(pa.list_(item.arrow), item.sql and f"{item.sql}[]")


def _array(kind: Any) -> WireType:
    (_, child), (_, size) = kind.children
    item = wire_type(child)
    return WireType(pa.list_(item.arrow, size), item.sql and f"{item.sql}[{size}]")


def _struct(kind: Any) -> WireType:
    fields = [
        (name or f"element{number}", child, wire_type(child))
        for number, (name, child) in enumerate(kind.children, 1)
    ]
    arrow = pa.struct([(name, field.arrow) for name, _, field in fields])
    if not any(field.sql for *_, field in fields):
        return WireType(arrow)
    types = [f"{quote_name(name)} {field.sql or child}" for name, child, field in fields]
    return WireType(arrow, f"STRUCT({', '.join(types)})")


def _map(kind: Any) -> WireType:
    (_, key), (_, value) = kind.children
    keys, values = wire_type(key), wire_type(value)
    changed = keys.sql or values.sql
    sql = f"MAP({keys.sql or key}, {values.sql or value})" if changed else None
    return WireType(pa.map_(keys.arrow, values.arrow), sql)


_NESTED: Final[dict[str, Callable[[Any], WireType]]] = {
    "list": _list,
    "array": _array,
    "struct": _struct,
    "tuple": _struct,
    "map": _map,
}

_TO_DUCKDB: Final = (
    # the first test that an Arrow type passes: DuckDB's type
    (pa.types.is_null, '"NULL"'),
    (pa.types.is_boolean, "BOOLEAN"),
    (pa.types.is_int8, "TINYINT"),
    (pa.types.is_int16, "SMALLINT"),
    (pa.types.is_int32, "INTEGER"),
    (pa.types.is_int64, "BIGINT"),
    (pa.types.is_uint8, "UTINYINT"),
    (pa.types.is_uint16, "USMALLINT"),
    (pa.types.is_uint32, "UINTEGER"),
    (pa.types.is_uint64, "UBIGINT"),
    (pa.types.is_float64, "DOUBLE"),
    (pa.types.is_floating, "REAL"),
    (lambda kind: pa.types.is_string(kind) or pa.types.is_large_string(kind), "VARCHAR"),
    (lambda kind: str(kind) == "string_view", "VARCHAR"),
    (lambda kind: "binary" in str(kind), "BLOB"),
    (pa.types.is_date, "DATE"),
    (lambda kind: pa.types.is_time(kind) and kind.unit == "ns", "TIME_NS"),
    (pa.types.is_time, "TIME"),
    (lambda kind: pa.types.is_duration(kind) or pa.types.is_interval(kind), "INTERVAL"),
)
_TIMESTAMPS: Final = {
    "s": "TIMESTAMP_S",
    "ms": "TIMESTAMP_MS",
    "us": "TIMESTAMP",
    "ns": "TIMESTAMP_NS",
}


def duckdb_type(kind: pa.DataType) -> str | None:
    """Write the DuckDB type that holds the values of an Arrow type; None where there is none.

    >>> duckdb_type(pa.list_(pa.decimal128(9, 2)))
    'DECIMAL(9, 2)[]'
    """
    if pa.types.is_timestamp(kind):
        return _TIMESTAMPS[kind.unit] if kind.tz is None else "TIMESTAMPTZ"
    if pa.types.is_decimal(kind):
        return f"DECIMAL({kind.precision}, {kind.scale})" if kind.precision <= 38 else None
    if pa.types.is_nested(kind) and not pa.types.is_union(kind):
        return _nested_duckdb_type(kind)
    return next((name for test, name in _TO_DUCKDB if test(kind)), None)


def _nested_duckdb_type(kind: pa.DataType) -> str | None:
    if pa.types.is_struct(kind):
        fields = [(field.name, duckdb_type(field.type)) for field in kind]
        if not fields or any(sql is None for _, sql in fields):
            return None
        return f"STRUCT({', '.join(f'{quote_name(name)} {sql}' for name, sql in fields)})"
    if pa.types.is_map(kind):
        key, value = duckdb_type(kind.key_type), duckdb_type(kind.item_type)
        return None if key is None or value is None else f"MAP({key}, {value})"
    item = duckdb_type(kind.value_type)
    size = kind.list_size if pa.types.is_fixed_size_list(kind) else ""
    return None if item is None else f"{item}[{size}]"
