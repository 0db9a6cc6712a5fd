r"""Literals of engines that are not Firebolt's: values into the SQL of DataFusion and of Spark.

Such engines are told types that Firebolt's finds out by itself: a date is no text to them. What
may live here: a function for each kind of engine, and what they share. Values arrive equal, or
`DataError` is raised.

>>> print(spark_literal("it's"), spark_literal([date(2024, 1, 31)]))
'it\'s' array(DATE '2024-01-31')
>>> print(datafusion_literal("it's"), datafusion_literal(b"ab"))
'it''s' X'6162'
"""

from collections.abc import Callable
from datetime import UTC, date, datetime

from firebolt_like.errors import DataError
from firebolt_like.protocol.parameters import literal, plain
from firebolt_like.protocol.sql import checked_text, quote_name, quote_string

__all__ = ["WRITERS", "Writer", "datafusion_literal", "quote_spark_name", "spark_literal"]

Writer = Callable[[object], str]


def datafusion_literal(value: object) -> str:
    """Write a value for DataFusion."""
    return _write(value, datafusion_literal, quote_string, _datafusion_moment, "[{}]")


def spark_literal(value: object) -> str:
    """Write a value for Spark's SQL, where only a backslash protects a quote."""
    return _write(value, spark_literal, _spark_text, _spark_moment, "array({})")


WRITERS: dict[str, Writer] = {
    # kind of engine
    "datafusion": datafusion_literal,
    "spark": spark_literal,
}


def quote_spark_name(name: str) -> str:
    """Write a table's or column's name for Spark.

    >>> print(quote_spark_name("the `b` side"))
    `the ``b`` side`
    """
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


def _spark_text(text: str) -> str:
    quoted = checked_text(text).replace("\\", "\\\\").replace("'", "\\'")
    return f"'{quoted}'"


def _spark_moment(value: datetime) -> str:
    if value.tzinfo is None:
        return f"TIMESTAMP_NTZ '{value.isoformat(sep=' ')}'"
    return f"TIMESTAMP '{value.astimezone(UTC).isoformat(sep=' ')}'"
