"""Types both ways: what SQLAlchemy's types are called on an engine, and how their values travel.

What may live here: the type compiler, types of our own, and the forms of SQLAlchemy's types that
this dialect needs. Names that an engine tells are read in `type_names`.
"""

import datetime
import decimal
import json
import re
import uuid
from collections.abc import Callable, Mapping
from typing import Any, Final

from sqlalchemy import types as sqltypes
from sqlalchemy.sql import compiler
from sqlalchemy.sql.sqltypes import _AbstractInterval
from sqlalchemy.sql.type_api import NativeForEmulated, TypeEngine

from firebolt_like.errors import DataError
from firebolt_like.protocol.parameters import bind

__all__ = ["COLSPECS", "GEOGRAPHY", "INTERVAL", "STRUCT", "TypeCompiler"]

Processor = Callable[[Any], Any] | None


class STRUCT(TypeEngine[dict[str, Any]]):
    """Named fields in one column, in Python a dict.

    >>> STRUCT({"street": sqltypes.Text(), "number": sqltypes.Integer()})
    STRUCT({'street': Text(), 'number': Integer()})
    """

    __visit_name__ = "STRUCT"
    render_bind_cast = True

    def __init__(self, fields: Mapping[str, TypeEngine[Any] | type[TypeEngine[Any]]]) -> None:
        self.fields = {name: sqltypes.to_instance(kind) for name, kind in fields.items()}

    def __repr__(self) -> str:
        return f"STRUCT({self.fields!r})"

    @property
    def _static_cache_key(self) -> Any:
        fields = tuple((name, kind._static_cache_key) for name, kind in self.fields.items())
        return (STRUCT, fields)

    @property
    def python_type(self) -> type:
        """Dict."""
        return dict

    def bind_processor(self, dialect: Any) -> Processor:
        """Send it as JSON, which the cast around it turns into a struct."""
        return lambda value: None if value is None else json.dumps(value, default=str)

    def literal_processor(self, dialect: Any) -> Processor:
        """Write it into the statement, as JSON."""
        kind = dialect.type_compiler_instance.process(self)

        def write(value: Any) -> str:
            return f"CAST({_written(json.dumps(value, default=str), dialect)}::JSON AS {kind})"

        return write


class GEOGRAPHY(sqltypes.Text):
    """Points and shapes on the earth, in Python the hexadecimal digits of EWKB.

    >>> GEOGRAPHY()
    GEOGRAPHY()
    """

    __visit_name__ = "GEOGRAPHY"


def _written(value: Any, dialect: Any) -> str:
    """Write a value as the driver does."""
    write = dialect.sub_dialect.writing.literal
    return bind("?", [value], backslash_escapes=dialect.backslash_escapes, write=write)


class _Literal:
    """Writes values into statements as the driver does."""

    def literal_processor(self, dialect: Any) -> Processor:
        return lambda value: _written(value, dialect)


class _Cast:
    """A value that travels as text, inside of a cast where its place does not give the type."""

    render_bind_cast = True

    def literal_processor(self, dialect: Any) -> Processor:
        process = self.bind_processor(dialect) or (lambda value: value)  # type: ignore[attr-defined]  # of the type beside it
        kind = dialect.type_compiler_instance.process(self)
        return lambda value: f"CAST({_written(process(value), dialect)} AS {kind})"


class _LargeBinary(_Literal, sqltypes.LargeBinary):
    pass


class _Float(_Literal, sqltypes.Float[Any]):
    pass


class _Double(_Literal, sqltypes.Double[Any]):
    pass


class _Numeric(_Literal, sqltypes.Numeric[Any]):
    def literal_processor(self, dialect: Any) -> Processor:
        return lambda value: _written(_decimal(value) if self.asdecimal else value, dialect)

    def result_processor(self, dialect: Any, coltype: Any) -> Processor:
        """Make Decimals also of what the engine computes as double precision, such as a / b."""
        if self.asdecimal and getattr(coltype, "python", None) is float:
            return _decimal
        return super().result_processor(dialect, coltype)


def _decimal(value: Any) -> Any:
    return decimal.Decimal(repr(value)) if isinstance(value, float) else value


class _Date(_Cast, sqltypes.Date):
    pass


class _DateTime(_Cast, sqltypes.DateTime):
    pass


class _Time(_Cast, sqltypes.Time):
    def bind_processor(self, dialect: Any) -> Processor:
        return lambda value: None if value is None else value.isoformat()

    def result_processor(self, dialect: Any, coltype: Any) -> Processor:
        return lambda value: datetime.time.fromisoformat(value) if isinstance(value, str) else value


class INTERVAL(_Cast, NativeForEmulated, _AbstractInterval):
    """A span of time, in Python a timedelta; on engines without such a type it is not to be had.

    >>> INTERVAL()
    INTERVAL()
    """

    __visit_name__ = "INTERVAL"
    native = True

    @classmethod
    def adapt_emulated_to_native(cls, impl: Any, **kw: Any) -> "INTERVAL":
        """Take the place of SQLAlchemy's own."""
        del impl, kw
        return cls()

    def bind_processor(self, dialect: Any) -> Processor:
        """Send it in microseconds."""
        return lambda value: (
            value
            if value is None or isinstance(value, str)
            else f"{value // datetime.timedelta(microseconds=1)} microseconds"
        )

    def result_processor(self, dialect: Any, coltype: Any) -> Processor:
        """Read DuckDB's text."""
        return lambda value: _timedelta(value) if isinstance(value, str) else value


_SPAN: Final = re.compile(
    r"(?:(?P<years>-?\d+) years? ?)?(?:(?P<months>-?\d+) months? ?)?(?:(?P<days>-?\d+) days? ?)?"
    r"(?:(?P<sign>-)?(?P<hours>\d+):(?P<minutes>\d+):(?P<seconds>[\d.]+))?"
)


def _timedelta(text: str) -> datetime.timedelta:
    """Read `1 year 2 months 3 days 04:05:06.7`; a month has 30 days, a year 12 months."""
    found = _SPAN.fullmatch(text)
    if found is None:
        raise DataError(f"{text!r} is not a span of time.")
    years, months, days, hours, minutes = (
        int(found[part] or 0) for part in ("years", "months", "days", "hours", "minutes")
    )
    time = datetime.timedelta(
        hours=hours,
        minutes=minutes,
        microseconds=int(decimal.Decimal(found["seconds"] or 0) * 1_000_000),
    )
    return datetime.timedelta(days=days + 30 * (months + 12 * years)) + (
        -time if found["sign"] else time
    )


class _Uuid(_Cast, sqltypes.Uuid[Any]):
    def bind_processor(self, dialect: Any) -> Processor:
        return lambda value: None if value is None else str(value)

    def result_processor(self, dialect: Any, coltype: Any) -> Processor:
        if not self.as_uuid:
            return None
        return lambda value: uuid.UUID(value) if isinstance(value, str) else value


class _JSON(sqltypes.JSON):
    render_bind_cast = True

    def literal_processor(self, dialect: Any) -> Processor:
        process = self.bind_processor(dialect)
        return lambda value: f"CAST({_written(process(value), dialect)} AS JSON)"


def _path(*keys: str | int) -> str:
    steps = (
        f"[{key}]" if isinstance(key, int) else f'."{str(key).replace(chr(34), chr(92) + chr(34))}"'
        for key in keys
    )
    return "$" + "".join(steps)


class _JSONIndexType(sqltypes.JSON.JSONIndexType):
    def bind_processor(self, dialect: Any) -> Any:
        return _path

    def literal_processor(self, dialect: Any) -> Any:
        return lambda value: _written(_path(value), dialect)


class _JSONPathType(sqltypes.JSON.JSONPathType):
    def bind_processor(self, dialect: Any) -> Any:
        return lambda value: _path(*value)

    def literal_processor(self, dialect: Any) -> Any:
        return lambda value: _written(_path(*value), dialect)


class _ARRAY(sqltypes.ARRAY[Any]):
    def bind_processor(self, dialect: Any) -> Processor:
        return self._each(self.item_type.dialect_impl(dialect).bind_processor(dialect))

    def literal_processor(self, dialect: Any) -> Processor:
        process = self.bind_processor(dialect) or (lambda value: value)
        return lambda value: _written(process(value), dialect)

    def result_processor(self, dialect: Any, coltype: Any) -> Processor:
        item = self.item_type.dialect_impl(dialect)
        return self._each(item.result_processor(dialect, coltype))

    def _each(self, process: Processor) -> Processor:
        if process is None:
            return None

        def apply(value: Any) -> Any:
            if isinstance(value, list | tuple):
                return [apply(item) for item in value]
            return process(value)

        return apply


COLSPECS: Final[dict[type[TypeEngine[Any]], type[TypeEngine[Any]]]] = {
    sqltypes.ARRAY: _ARRAY,
    sqltypes.Date: _Date,
    sqltypes.Interval: INTERVAL,
    sqltypes.DateTime: _DateTime,
    sqltypes.Double: _Double,
    sqltypes.Float: _Float,
    sqltypes.JSON: _JSON,
    sqltypes.JSON.JSONIndexType: _JSONIndexType,
    sqltypes.JSON.JSONPathType: _JSONPathType,
    sqltypes.LargeBinary: _LargeBinary,
    sqltypes.Numeric: _Numeric,
    sqltypes.Time: _Time,
    sqltypes.Uuid: _Uuid,
}


class TypeCompiler(compiler.GenericTypeCompiler):
    """Writes the names of types, without the lengths of texts, which no engine keeps."""

    dialect: Any

    def process(self, type_: Any, **kw: Any) -> str:
        """Write a type's name, as this kind of engine has it."""
        name = super().process(type_, **kw)
        return str(self.dialect.sub_dialect.types.get(name, name))

    def _native(self, name: str) -> str:
        return name if name in self.dialect.sub_dialect.native else "TEXT"

    def visit_ARRAY(self, type_: Any, **kw: Any) -> str:
        name = self.process(type_.item_type, **kw)
        for _ in range(type_.dimensions or 1):
            name = self.dialect.sub_dialect.array.format(name)
        return name

    def visit_STRUCT(self, type_: STRUCT, **kw: Any) -> str:
        quote = self.dialect.identifier_preparer.quote_backticks
        fields = (
            f"{quote(name)} {self.process(kind, **kw)}" for name, kind in type_.fields.items()
        )
        return f"STRUCT({', '.join(fields)})"

    def visit_GEOGRAPHY(self, type_: Any, **kw: Any) -> str:
        return "GEOGRAPHY"

    def visit_FLOAT(self, type_: Any, **kw: Any) -> str:
        single = type_.precision is not None and type_.precision <= 24
        return "REAL" if single else "DOUBLE PRECISION"

    def visit_DOUBLE(self, type_: Any, **kw: Any) -> str:
        return "DOUBLE PRECISION"

    def visit_NUMERIC(self, type_: Any, **kw: Any) -> str:
        if type_.precision is None:
            return "NUMERIC(38, 9)"
        return f"NUMERIC({type_.precision}, {type_.scale or 0})"

    def visit_DECIMAL(self, type_: Any, **kw: Any) -> str:
        return self.visit_NUMERIC(type_, **kw)

    def visit_TEXT(self, type_: Any, **kw: Any) -> str:
        return "TEXT"

    def visit_VARCHAR(self, type_: Any, **kw: Any) -> str:
        return self.visit_TEXT(type_, **kw)

    def visit_CHAR(self, type_: Any, **kw: Any) -> str:
        return self.visit_TEXT(type_, **kw)

    def visit_NVARCHAR(self, type_: Any, **kw: Any) -> str:
        return self.visit_TEXT(type_, **kw)

    def visit_NCHAR(self, type_: Any, **kw: Any) -> str:
        return self.visit_TEXT(type_, **kw)

    def visit_CLOB(self, type_: Any, **kw: Any) -> str:
        return self.visit_TEXT(type_, **kw)

    def visit_BLOB(self, type_: Any, **kw: Any) -> str:
        return "BYTEA"

    def visit_BINARY(self, type_: Any, **kw: Any) -> str:
        return self.visit_BLOB(type_, **kw)

    def visit_VARBINARY(self, type_: Any, **kw: Any) -> str:
        return self.visit_BLOB(type_, **kw)

    def visit_TIMESTAMP(self, type_: Any, **kw: Any) -> str:
        return "TIMESTAMPTZ" if type_.timezone else "TIMESTAMP"

    def visit_DATETIME(self, type_: Any, **kw: Any) -> str:
        return self.visit_TIMESTAMP(type_, **kw)

    def visit_TIME(self, type_: Any, **kw: Any) -> str:
        name = self._native("TIME")
        return "TIMETZ" if type_.timezone and name == "TIME" else name

    def visit_INTERVAL(self, type_: Any, **kw: Any) -> str:
        return self._native("INTERVAL")

    def visit_UUID(self, type_: Any, **kw: Any) -> str:
        return self._native("UUID")

    def visit_uuid(self, type_: Any, **kw: Any) -> str:
        return self.visit_UUID(type_, **kw)

    def visit_JSON(self, type_: Any, **kw: Any) -> str:
        return self._native("JSON")
