r"""The SQL of engines that are not Firebolt's: values, names and types for DataFusion and Spark.

Such engines are told types that Firebolt's finds out by itself: a date is no text to them. What
may live here: a `Writing` for each kind of engine, and what they share. Values arrive equal, or
`DataError` is raised.

>>> print(spark_literal("it's"), spark_literal([date(2024, 1, 31)]))
'it\'s' array(DATE '2024-01-31')
>>> print(datafusion_literal("it's"), datafusion_literal(b"ab"))
'it''s' X'6162'
"""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import NamedTuple

from firebolt_like.errors import DataError
from firebolt_like.protocol.parameters import literal, plain
from firebolt_like.protocol.sql import checked_text, quote_name, quote_string
from firebolt_like.protocol.types import SqlType

__all__ = [
    "DATAFUSION",
    "ESCAPING",
    "FIREBOLT",
    "SPARK",
    "Writing",
    "datafusion_literal",
    "escaping_literal",
    "spark_literal",
]

Writer = Callable[[object], str]


class Writing(NamedTuple):
    """How an engine writes values, names, and the types of new columns.

    `literal` and `spell` are None where it does as Firebolt's engines do.
    """

    literal: Writer | None = None
    quote_name: Callable[[str], str] = quote_name
    spell: Callable[[SqlType], str] | None = None


def datafusion_literal(value: object) -> str:
    """Write a value for DataFusion."""
    return _write(value, datafusion_literal, quote_string, _datafusion_moment, "[{}]")


def spark_literal(value: object) -> str:
    """Write a value for Spark's SQL, where only a backslash protects a quote."""
    return _write(value, spark_literal, _spark_text, _spark_moment, "array({})")


def escaping_literal(value: object) -> str:
    """Write a value for an engine of which it is known that a backslash is an escape in text."""
    return _write(value, escaping_literal, _escaped_text, _moment, "ARRAY[{}]")


def _quote_spark_name(name: str) -> str:
    quote_name(name)  # refuses what no engine takes
    return "`" + name.replace("`", "``") + "`"


def _write(  # noqa: PLR0911  # one for each kind of value
    value: object,
    write: Writer,
    text: Callable[[str], str],
    moment: Callable[[datetime], str],
    array: str,
) -> str:
    """Write a value by the parts in which engines differ; `write` writes what is inside of it."""
    if isinstance(value, datetime):
        plain(value)  # refuses offsets with fractions of a second
        return moment(value)
    if isinstance(value, date):
        return f"DATE '{value.isoformat()}'"
    reduced = plain(value)
    if isinstance(reduced, str):
        return text(reduced)
    if isinstance(reduced, bytes):
        return f"X'{reduced.hex()}'"
    if isinstance(reduced, list):
        return array.format(", ".join(map(write, reduced)))
    if isinstance(reduced, dict):
        if not reduced or not all(isinstance(name, str) for name in reduced):
            raise DataError("A struct has at least one field, and its names are text.")
        pairs = [f"{text(name)}, {write(field)}" for name, field in reduced.items()]
        return f"named_struct({', '.join(pairs)})"
    return literal(reduced)


def _datafusion_moment(value: datetime) -> str:
    # TIMESTAMP '...' counts nanoseconds there, and so ends in 2262
    if value.tzinfo is None:
        return f"arrow_cast('{value.isoformat()}', 'Timestamp(Microsecond, None)')"
    moment = value.astimezone(UTC).isoformat()
    return f"arrow_cast('{moment}', 'Timestamp(Microsecond, Some(\"UTC\"))')"


def _escaped_text(text: str) -> str:
    return quote_string(text, backslash_escapes=True)


def _spark_text(text: str) -> str:
    quoted = checked_text(text).replace("\\", "\\\\").replace("'", "\\'")
    return f"'{quoted}'"


def _spark_moment(value: datetime) -> str:
    if value.tzinfo is None:
        return f"TIMESTAMP_NTZ '{value.isoformat(sep=' ')}'"
    return _moment(value.astimezone(UTC))


def _moment(value: datetime) -> str:
    return f"TIMESTAMP '{value.isoformat(sep=' ')}'"


_DATAFUSION_TYPES = {
    # SQL type: DataFusion's name, where it differs
    "timestamptz": "TIMESTAMP WITH TIME ZONE",
}
_SPARK_TYPES = {
    # SQL type: Spark's name, where it differs
    "text": "STRING",
    "double precision": "DOUBLE",
    "timestamp": "TIMESTAMP_NTZ",
    "timestamptz": "TIMESTAMP",
    "bytea": "BINARY",
    "numeric": "DECIMAL",
}


def _spell_datafusion(kind: SqlType) -> str:
    if kind.item is not None:
        return f"{_spell_datafusion(kind.item)}[]"
    if kind.fields:
        fields = ", ".join(f"{quote_name(n)} {_spell_datafusion(t)}" for n, t in kind.fields)
        return f"STRUCT<{fields}>"
    return _spell_plain(kind, _DATAFUSION_TYPES)


def _spell_spark(kind: SqlType) -> str:
    if kind.item is not None:
        return f"ARRAY<{_spell_spark(kind.item)}>"
    if kind.fields:
        fields = ", ".join(f"{_quote_spark_name(n)}: {_spell_spark(t)}" for n, t in kind.fields)
        return f"STRUCT<{fields}>"
    return _spell_plain(kind, _SPARK_TYPES)


def _spell_plain(kind: SqlType, names: dict[str, str]) -> str:
    name = names.get(kind.name, kind.name.upper())
    known = kind.precision is not None and kind.scale is not None
    return f"{name}({kind.precision}, {kind.scale})" if known else name


FIREBOLT = Writing()
DATAFUSION = Writing(datafusion_literal, spell=_spell_datafusion)
ESCAPING = Writing(escaping_literal)
SPARK = Writing(spark_literal, _quote_spark_name, _spell_spark)
