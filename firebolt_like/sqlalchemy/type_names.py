"""The names of types that engines tell, as SQLAlchemy's types.

What may live here: the tables of names, and the reading of nested ones.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from sqlalchemy import types as sqltypes
from sqlalchemy.sql.type_api import TypeEngine

from firebolt_like.protocol.types import SqlType, parse_type
from firebolt_like.sqlalchemy.types import GEOGRAPHY, INTERVAL, STRUCT

__all__ = ["datafusion_type", "duckdb_type", "of_sql_type", "protocol_type"]

_PROTOCOL: Final[dict[str, Callable[[], TypeEngine[Any]]]] = {
    "integer": sqltypes.INTEGER,
    "bigint": sqltypes.BIGINT,
    "real": sqltypes.REAL,
    "double precision": sqltypes.DOUBLE_PRECISION,
    "numeric": sqltypes.NUMERIC,
    "text": sqltypes.TEXT,
    "date": sqltypes.DATE,
    "timestamp": sqltypes.TIMESTAMP,
    "timestamptz": lambda: sqltypes.TIMESTAMP(timezone=True),
    "boolean": sqltypes.BOOLEAN,
    "bytea": sqltypes.LargeBinary,
    "geography": GEOGRAPHY,
    "json": sqltypes.JSON,
}


def protocol_type(name: str) -> TypeEngine[Any]:
    """Give the type that `information_schema` names.

    >>> protocol_type("array(numeric(9, 2) null)")
    ARRAY(NUMERIC(precision=9, scale=2))
    """
    return of_sql_type(parse_type(name))


def of_sql_type(kind: SqlType) -> TypeEngine[Any]:
    """Give the type that stands for one of the protocol."""
    if kind.item is not None:
        return _array(of_sql_type(kind.item))
    if kind.fields:
        return STRUCT({name: of_sql_type(field) for name, field in kind.fields})
    if kind.name == "numeric":
        return sqltypes.NUMERIC(kind.precision, kind.scale)
    # a type that is not known has values of text
    return _PROTOCOL.get(kind.name, sqltypes.TEXT)()


def _array(item: TypeEngine[Any]) -> TypeEngine[Any]:
    if isinstance(item, sqltypes.ARRAY):
        return sqltypes.ARRAY(item.item_type, dimensions=(item.dimensions or 1) + 1)
    return sqltypes.ARRAY(item)


_DUCKDB: Final[dict[str, Callable[[], TypeEngine[Any]]]] = {
    "BOOLEAN": sqltypes.BOOLEAN,
    "TINYINT": sqltypes.SMALLINT,
    "SMALLINT": sqltypes.SMALLINT,
    "INTEGER": sqltypes.INTEGER,
    "BIGINT": sqltypes.BIGINT,
    "UTINYINT": sqltypes.SMALLINT,
    "USMALLINT": sqltypes.INTEGER,
    "UINTEGER": sqltypes.BIGINT,
    "UBIGINT": lambda: sqltypes.NUMERIC(20, 0),
    "HUGEINT": lambda: sqltypes.NUMERIC(38, 0),
    "UHUGEINT": lambda: sqltypes.NUMERIC(38, 0),
    "FLOAT": sqltypes.REAL,
    "DOUBLE": sqltypes.DOUBLE_PRECISION,
    "VARCHAR": sqltypes.TEXT,
    "DATE": sqltypes.DATE,
    "TIME": sqltypes.TIME,
    "TIME WITH TIME ZONE": lambda: sqltypes.TIME(timezone=True),
    "INTERVAL": INTERVAL,
    "TIMESTAMP": sqltypes.TIMESTAMP,
    "TIMESTAMP_S": sqltypes.TIMESTAMP,
    "TIMESTAMP_MS": sqltypes.TIMESTAMP,
    "TIMESTAMP_NS": sqltypes.TIMESTAMP,
    "TIMESTAMP WITH TIME ZONE": lambda: sqltypes.TIMESTAMP(timezone=True),
    "BLOB": sqltypes.LargeBinary,
    "JSON": sqltypes.JSON,
    "UUID": sqltypes.UUID,
    "GEOMETRY": GEOGRAPHY,
}
_LAST_LIST = re.compile(r"(.*)\[\d*\]", re.DOTALL)
_DIGITS = re.compile(r"DECIMAL\((\d+),\s*(\d+)\)")
_FIELD = re.compile(r'\s*(?:"(?P<quoted>(?:[^"]|"")*)"|(?P<plain>\S+))\s+(?P<kind>.+)', re.DOTALL)
_MARK = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|[(),]""")


def duckdb_type(name: str) -> TypeEngine[Any]:
    """Give the type that DuckDB's own catalogue names; its values arrive as this protocol's.

    >>> duckdb_type('STRUCT("a, b" DECIMAL(9,2), c INTEGER[])[]')
    ARRAY(STRUCT({'a, b': NUMERIC(precision=9, scale=2), 'c': ARRAY(INTEGER())}))
    """
    if listed := _LAST_LIST.fullmatch(name):
        return _array(duckdb_type(listed[1]))
    if digits := _DIGITS.fullmatch(name):
        return sqltypes.NUMERIC(int(digits[1]), int(digits[2]))
    if name.startswith("STRUCT(") and name.endswith(")"):
        return STRUCT(dict(_fields(name[len("STRUCT(") : -1])))
    return _DUCKDB.get(name, sqltypes.TEXT)()


def _fields(text: str) -> Iterator[tuple[str, TypeEngine[Any]]]:
    for part in _split(text):
        if field := _FIELD.fullmatch(part):
            quoted, plain, kind = field.groups()
            yield plain if quoted is None else quoted.replace('""', '"'), duckdb_type(kind)


def _split(text: str) -> Iterator[str]:
    depth = start = 0
    for mark in _MARK.finditer(text):
        depth += (mark[0] == "(") - (mark[0] == ")")
        if mark[0] == "," and not depth:
            yield text[start : mark.start()]
            start = mark.end()
    yield text[start:]


_DATAFUSION: Final[dict[str, Callable[[], TypeEngine[Any]]]] = {
    "Boolean": sqltypes.BOOLEAN,
    **dict.fromkeys(("Int8", "Int16", "Int32", "UInt8", "UInt16"), sqltypes.INTEGER),
    **dict.fromkeys(("Int64", "UInt32", "UInt64"), sqltypes.BIGINT),
    **dict.fromkeys(("Float16", "Float32"), sqltypes.REAL),
    "Float64": sqltypes.DOUBLE_PRECISION,
    **dict.fromkeys(("Utf8", "LargeUtf8", "Utf8View"), sqltypes.TEXT),
    **dict.fromkeys(("Binary", "LargeBinary", "BinaryView"), sqltypes.LargeBinary),
    **dict.fromkeys(("Date32", "Date64"), sqltypes.DATE),
}
_ARROW_CALL = re.compile(r"(?P<name>[A-Z]\w*)\((?P<inside>.*)\)", re.DOTALL)


def datafusion_type(name: str) -> TypeEngine[Any]:
    """Give the type that DataFusion's `information_schema` names, which is one of Arrow.

    Other servers have SQL's names there, which are known, too.

    >>> datafusion_type("Decimal128(18, 2)"), datafusion_type("Dictionary(Int32, Utf8)")
    (NUMERIC(precision=18, scale=2), TEXT())
    >>> datafusion_type("double precision")
    DOUBLE_PRECISION()
    """
    call = _ARROW_CALL.fullmatch(name)
    if call is None:
        return _DATAFUSION[name]() if name in _DATAFUSION else protocol_type(name)
    kind, inside = call.groups()
    if kind == "Timestamp":
        return sqltypes.TIMESTAMP(timezone=not inside.endswith("None"))
    if kind in ("Decimal128", "Decimal256"):
        precision, scale = inside.split(",")
        return sqltypes.NUMERIC(int(precision), int(scale))
    if kind == "Dictionary":
        return datafusion_type(inside.partition(", ")[2])
    return protocol_type(name)
