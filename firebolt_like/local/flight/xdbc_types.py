"""The types of the engine's SQL for `CommandGetXdbcTypeInfo`, in the words of ODBC and JDBC.

What may live here: the table.
"""

from typing import Final, NamedTuple

import pyarrow as pa

from firebolt_like.protocol.sql_info import XdbcDataType

__all__ = ["XDBC_TYPES", "xdbc_types"]


def _field(name: str, kind: pa.DataType, *, nullable: bool = True) -> pa.Field:
    return pa.field(name, kind, nullable)


XDBC_TYPES: Final = pa.schema(
    [
        _field("type_name", pa.string(), nullable=False),
        _field("data_type", pa.int32(), nullable=False),
        _field("column_size", pa.int32()),
        _field("literal_prefix", pa.string()),
        _field("literal_suffix", pa.string()),
        _field("create_params", pa.list_(pa.field("item", pa.string(), nullable=False))),
        _field("nullable", pa.int32(), nullable=False),
        _field("case_sensitive", pa.bool_(), nullable=False),
        _field("searchable", pa.int32(), nullable=False),
        _field("unsigned_attribute", pa.bool_()),
        _field("fixed_prec_scale", pa.bool_(), nullable=False),
        _field("auto_increment", pa.bool_()),
        _field("local_type_name", pa.string()),
        _field("minimum_scale", pa.int32()),
        _field("maximum_scale", pa.int32()),
        _field("sql_data_type", pa.int32(), nullable=False),
        _field("datetime_subcode", pa.int32()),
        _field("num_prec_radix", pa.int32()),
        _field("interval_precision", pa.int32()),
    ]
)


class _Type(NamedTuple):
    name: str
    code: int
    size: int | None = None
    quote: str | None = None
    create_params: tuple[str, ...] = ()
    radix: int | None = None
    scales: tuple[int | None, int | None] = (None, None)


_X = XdbcDataType
_DATETIME: Final = 9
_SUBCODES: Final = {_X.XDBC_DATE: 1, _X.XDBC_TIME: 2, _X.XDBC_TIMESTAMP: 3}
_TYPES: Final = (
    _Type("text", _X.XDBC_VARCHAR, None, "'"),
    _Type("integer", _X.XDBC_INTEGER, 10, radix=10),
    _Type("bigint", _X.XDBC_BIGINT, 19, radix=10),
    _Type("numeric", _X.XDBC_NUMERIC, 38, None, ("precision", "scale"), 10, (0, 38)),
    _Type("real", _X.XDBC_REAL, 24, radix=2),
    _Type("double precision", _X.XDBC_DOUBLE, 53, radix=2),
    _Type("boolean", _X.XDBC_BIT, 1),
    _Type("date", _X.XDBC_DATE, 10, "'"),
    _Type("timestamp", _X.XDBC_TIMESTAMP, 26, "'", scales=(6, 6)),
    _Type("timestamptz", _X.XDBC_TIMESTAMP, 32, "'", scales=(6, 6)),
    _Type("bytea", _X.XDBC_VARBINARY, None, "'"),
)
_NULLABLE, _SEARCHABLE = 1, 3


def xdbc_types(code: int | None) -> pa.Table:
    """Tell the types of a code of ODBC, or all."""
    rows = [
        _row(one) for one in sorted(_TYPES, key=lambda one: one.code) if code in (None, one.code)
    ]
    return pa.Table.from_pylist(rows, XDBC_TYPES)


def _row(one: _Type) -> dict[str, object]:
    subcode = _SUBCODES.get(XdbcDataType(one.code))
    return {
        "type_name": one.name,
        "data_type": one.code,
        "column_size": one.size,
        "literal_prefix": one.quote,
        "literal_suffix": one.quote,
        "create_params": list(one.create_params) or None,
        "nullable": _NULLABLE,
        "case_sensitive": one.name == "text",
        "searchable": _SEARCHABLE,
        "unsigned_attribute": False if one.radix else None,
        "fixed_prec_scale": False,
        "auto_increment": False,
        "local_type_name": one.name,
        "minimum_scale": one.scales[0],
        "maximum_scale": one.scales[1],
        "sql_data_type": one.code if subcode is None else _DATETIME,
        "datetime_subcode": subcode,
        "num_prec_radix": one.radix,
        "interval_precision": None,
    }
