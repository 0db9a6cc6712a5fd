"""Parameters of prepared statements: from rows of Arrow to literals of DuckDB's SQL.

A literal keeps its type, so that an INTEGER stays one. Text has none: it becomes what the place
where it stands wants, as over REST. What may live here: `?` by number, and the literals.
"""

import datetime
import itertools
from collections.abc import Callable, Mapping
from typing import Any, Final

import pyarrow as pa

from firebolt_like.local.flight.wire_types import duckdb_type
from firebolt_like.local.refusal import invalid, not_supported
from firebolt_like.local.translate import Literal
from firebolt_like.protocol.sql import Kind, tokens

__all__ = ["literal", "numbered", "row_of"]


def numbered(sql: str) -> str:
    """Write `$1`, `$2` ... for the `?` of a statement. Raises `Refusal` where it has both.

    >>> numbered("SELECT ?, '?'")
    "SELECT $1, '?'"
    """
    found = list(tokens(sql))
    kinds = {token.kind for token in found}
    if kinds >= {Kind.QMARK, Kind.NUMBERED}:
        raise invalid("A statement has placeholders of both kinds, ? and $1: write one of them.")
    numbers = itertools.count(1)
    return "".join(
        f"${next(numbers)}" if token.kind is Kind.QMARK else sql[token.start : token.end]
        for token in found
    )


def row_of(rows: pa.Table, number: int) -> Mapping[str, Any]:
    """Give the parameters in one row by name; columns are taken in their order.

    Raises `Refusal` for a type that no SQL has.
    """
    return {f"${at}": Literal(literal(column[number])) for at, column in enumerate(rows.columns, 1)}


def literal(scalar: pa.Scalar) -> str:
    """Write a value in DuckDB's SQL. Raises `Refusal` for a type that it has not.

    >>> literal(pa.scalar(5)), literal(pa.scalar("it's")), literal(pa.scalar([1.5, None]))
    ('CAST(5 AS BIGINT)', "'it''s'", "CAST([CAST('1.5' AS DOUBLE), NULL] AS DOUBLE[])")
    """
    if isinstance(scalar, pa.UuidScalar) and scalar.is_valid:
        return f"CAST('{scalar.as_py()}' AS UUID)"
    if isinstance(scalar, pa.UnionScalar | pa.DictionaryScalar | pa.ExtensionScalar):
        return literal(scalar.value) if scalar.is_valid else "NULL"
    kind = duckdb_type(scalar.type)
    if kind is None:
        raise not_supported(f"A parameter of the Arrow type {scalar.type}")
    if not scalar.is_valid:
        return "NULL" if kind in ("VARCHAR", '"NULL"') else f"CAST(NULL AS {kind})"
    if pa.types.is_nested(scalar.type):
        return f"CAST({_nested(scalar)} AS {kind})"
    if pa.types.is_integer(scalar.type):
        return f"CAST({scalar.as_py()} AS {kind})"
    write = _WRITERS.get(kind)
    return f"CAST('{scalar.as_py()}' AS {kind})" if write is None else write(scalar)


def _nested(scalar: pa.Scalar) -> str:
    kind = scalar.type
    if pa.types.is_struct(kind):
        pairs = [f"{_text(name)}: {_inner(value)}" for name, value in scalar.items()]
        return f"{{{', '.join(pairs)}}}"
    items = list(scalar.values)
    if pa.types.is_map(kind):
        pairs = [f"{_inner(item['key'])}: {_inner(item['value'])}" for item in items]
        return f"MAP {{{', '.join(pairs)}}}"
    return f"[{', '.join(map(_inner, items))}]"


def _inner(scalar: pa.Scalar) -> str:
    return literal(scalar) if scalar.is_valid else "NULL"


def _text(text: str) -> str:
    quoted = text.replace("'", "''")
    if "\0" in quoted:  # DuckDB's parser takes it for the end
        return "('" + quoted.replace("\0", "' || chr(0) || '") + "')"
    return f"'{quoted}'"


def _moment(scalar: pa.Scalar) -> str:
    """Write a timestamp by its number of units, which has no end at year 9999."""
    kind = scalar.type
    count = scalar.value
    if kind.unit == "ns" and kind.tz is None:
        return f"make_timestamp_ns(CAST({count} AS BIGINT))"
    micros = {"s": count * 1_000_000, "ms": count * 1000, "us": count, "ns": count // 1000}
    moment = f"make_timestamp(CAST({micros[kind.unit]} AS BIGINT))"
    if kind.tz is not None:
        return f"({moment} AT TIME ZONE 'UTC')"
    return moment if kind.unit == "us" else f"CAST({moment} AS {duckdb_type(kind)})"


def _day(scalar: pa.Scalar) -> str:
    days = scalar.value if pa.types.is_date32(scalar.type) else scalar.value // 86_400_000
    return f"(CAST('1970-01-01' AS DATE) + CAST({days} AS INTEGER))"


def _time(scalar: pa.Scalar) -> str:
    unit = scalar.type.unit
    nanos = scalar.value * {"s": 1_000_000_000, "ms": 1_000_000, "us": 1000, "ns": 1}[unit]
    seconds, rest = divmod(nanos, 1_000_000_000)
    clock = datetime.timedelta(seconds=seconds)
    text = f"{str(clock).rjust(8, '0')}.{rest:09}"
    return f"CAST('{text if unit == 'ns' else text[:-3]}' AS {duckdb_type(scalar.type)})"


def _interval(scalar: pa.Scalar) -> str:
    if pa.types.is_duration(scalar.type):
        unit = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1000, "ns": 1}[scalar.type.unit]
        months, days, nanos = 0, 0, scalar.value * unit
    else:
        months, days, nanos = scalar.as_py()
    micros = nanos // 1000
    return f"(to_months({months}) + to_days({days}) + to_microseconds({micros}))"


_WRITERS: Final[dict[str, Callable[[Any], str]]] = {
    # DuckDB's type
    "BOOLEAN": lambda scalar: str(scalar.as_py()).upper(),
    "VARCHAR": lambda scalar: _text(scalar.as_py()),
    "BLOB": lambda scalar: f"unhex('{scalar.as_py().hex()}')",
    "DATE": _day,
    "TIME": _time,
    "TIME_NS": _time,
    "TIMESTAMP": _moment,
    "TIMESTAMP_S": _moment,
    "TIMESTAMP_MS": _moment,
    "TIMESTAMP_NS": _moment,
    "TIMESTAMPTZ": _moment,
    "INTERVAL": _interval,
}
