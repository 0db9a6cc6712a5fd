"""SQL types as Arrow types, and back: what ArrowStream sends, and what JSON becomes.

Decimals are decimal128, or decimal256 beyond 38 digits; instants are `timestamp[us, UTC]`; a type
that is not known is a string. A column that may not be NULL is not nullable; what is inside of an
array or a struct always is.

What may live here: the table, and the way between `SqlType` and `pyarrow.DataType`. pyarrow is an
optional package: only functions import it.

>>> print(arrow_schema([Column("price", SqlType("numeric", precision=10, scale=2))]))
price: decimal128(10, 2) not null
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from firebolt_like.protocol.types import Column, SqlType

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["arrow_schema", "arrow_type", "columns_of", "sql_type"]

_ARROW: dict[str, Callable[[Any], Any]] = {
    # SQL type: from the module pyarrow
    "integer": lambda pa: pa.int32(),
    "bigint": lambda pa: pa.int64(),
    "real": lambda pa: pa.float32(),
    "double precision": lambda pa: pa.float64(),
    "date": lambda pa: pa.date32(),
    "timestamp": lambda pa: pa.timestamp("us"),
    "timestamptz": lambda pa: pa.timestamp("us", tz="UTC"),
    "boolean": lambda pa: pa.bool_(),
    "bytea": lambda pa: pa.binary(),
}

_SQL = {
    # Arrow type, by the beginning of its name: SQL type
    "null": "text",
    "bool": "boolean",
    "int8": "integer",
    "int16": "integer",
    "int32": "integer",
    "int64": "bigint",
    "uint8": "integer",
    "uint16": "integer",
    "uint32": "bigint",
    "uint64": "bigint",
    "halffloat": "real",
    "float": "real",
    "double": "double precision",
    "string": "text",
    "large_string": "text",
    "string_view": "text",
    "binary": "bytea",
    "large_binary": "bytea",
    "fixed_size_binary": "bytea",
    "binary_view": "bytea",
    "date32": "date",
    "date64": "date",
}

_DEFAULT_PRECISION, _DEFAULT_SCALE = 38, 9  # what NUMERIC without numbers means


def arrow_schema(columns: Sequence[Column]) -> "pa.Schema":
    """Give the schema of a result's columns."""
    import pyarrow as pa  # noqa: PLC0415  # optional

    return pa.schema([pa.field(c.name, arrow_type(c.type), c.type.nullable) for c in columns])


def arrow_type(kind: SqlType) -> "pa.DataType":
    """Give the Arrow type for the values of a SQL type."""
    import pyarrow as pa  # noqa: PLC0415  # optional

    if kind.item is not None:
        return pa.list_(arrow_type(kind.item))
    if kind.fields:
        return pa.struct([(name, arrow_type(field)) for name, field in kind.fields])
    if kind.name == "numeric":
        return _decimal(kind)
    return _ARROW[kind.name](pa) if kind.name in _ARROW else pa.string()


def _decimal(kind: SqlType) -> "pa.DataType":
    import pyarrow as pa  # noqa: PLC0415  # optional

    precision = _DEFAULT_PRECISION if kind.precision is None else kind.precision
    scale = _DEFAULT_SCALE if kind.scale is None else kind.scale
    if 1 <= precision <= 38:
        return pa.decimal128(precision, scale)
    return pa.decimal256(precision, scale) if 1 <= precision <= 76 else pa.string()


def columns_of(schema: "pa.Schema") -> tuple[Column, ...]:
    """Read the columns that an Arrow schema announces."""
    return tuple(Column(field.name, sql_type(field.type, field.nullable)) for field in schema)


def sql_type(kind: "pa.DataType", nullable: bool = False) -> SqlType:
    """Give the SQL type for an Arrow type; one that no SQL type stands for keeps its name."""
    import pyarrow as pa  # noqa: PLC0415  # optional

    types = pa.types
    if types.is_dictionary(kind):
        return sql_type(kind.value_type, nullable)
    if types.is_decimal(kind):
        return SqlType("numeric", nullable, precision=kind.precision, scale=kind.scale)
    if types.is_timestamp(kind):
        return SqlType("timestamptz" if kind.tz else "timestamp", nullable)
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        item = kind.value_field
        return SqlType("array", nullable, item=sql_type(item.type, item.nullable))
    if types.is_struct(kind):
        fields = tuple((field.name, sql_type(field.type, field.nullable)) for field in kind)
        return SqlType("struct", nullable, fields=fields)
    name = str(kind).partition("[")[0]
    return SqlType(_SQL.get(name, str(kind)), nullable)
