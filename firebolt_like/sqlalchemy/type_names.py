"""The names of types that engines tell, as SQLAlchemy's types.

What may live here: the two tables of names, and the reading of nested ones.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from sqlalchemy import types as sqltypes
from sqlalchemy.sql.type_api import TypeEngine

from firebolt_like.protocol.types import SqlType, parse_type
from firebolt_like.sqlalchemy.types import GEOGRAPHY, INTERVAL, STRUCT

__all__ = ["duckdb_type", "protocol_type"]

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
    return _of_sql_type(parse_type(name))


def _of_sql_type(kind: SqlType) -> TypeEngine[Any]:
    if kind.item is not None:
        return _array(_of_sql_type(kind.item))
    if kind.fields:
        return STRUCT({name: _of_sql_type(field) for name, field in kind.fields})
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
