"""Parameters: Python values into SQL text (`?`), or into a request's `query_parameters` (`$1`).

What may live here: the two ways to write each Python type, and the count checks. Where placeholders
are is told by `protocol/sql.py`. A value arrives equal, or is refused before anything is sent.
"""

__all__ = [
    "bind",
    "check_marks",
    "check_numbers",
    "check_sequence",
    "literal",
    "plain",
    "to_query_parameters",
]

import math
from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from types import NoneType
from typing import Any
from uuid import UUID

import msgspec

from firebolt_like.errors import DataError, InterfaceError, ProgrammingError
from firebolt_like.protocol.sql import Kind, checked_text, quote_string, tokens

# Beside these characters a literal cannot fuse with the text around it: no literal begins with a
# sign, so that `1-?` does not become a comment.
_SAFE_BEFORE = frozenset(" \t\r\n(,=[<>+-*/|%")
_SAFE_AFTER = frozenset(["", *" \t\r\n),=]<>+-*/|%;:"])


def bind(
    sql: str,
    parameters: Sequence[object],
    *,
    backslash_escapes: bool = False,
    write: Callable[[object], str] | None = None,
) -> str:
    r"""Replace each `?` by its parameter, written as an SQL literal (PEP 249, paramstyle qmark).

    A `?` inside a string, a quoted name or a comment is text. `backslash_escapes` says that the
    engine reads a backslash in '...' as an escape (V1 engines); `write` writes the literals of an
    engine that has its own. Else they are:

    * None, bool: NULL, true, false.
    * int: digits; beyond BIGINT as a Decimal.
    * float: `1.5e0`, since without an exponent some engines read a decimal number, which has no
      negative zero; infinities and nan as `CAST('inf' AS DOUBLE)`.
    * Decimal: `CAST('1.50' AS NUMERIC(3, 2))`, since engines read a bare `1.50` as a double; at
      most 38 digits.
    * str, UUID: `'text'`. bytes: `E'\x61\x62'`.
    * date, datetime: `'2024-01-01 00:00:00+05:30'`; an aware datetime keeps its offset.
    * list, tuple, numpy array: `[1, 2]`, nested at will.
    * dict with names as keys: `{'name': 1}`, a struct.

    A negative number stands in parentheses, so that `1-?` is no comment and `?::int` casts the
    number with its sign.

    DataError for a value that would not arrive equal or has no SQL form, ProgrammingError for more
    or fewer parameters than `?`, InterfaceError for parameters that are no list or tuple.

    >>> bind("SELECT * FROM t WHERE a = ? AND b < ?", ["it's", -1])
    "SELECT * FROM t WHERE a = 'it''s' AND b < (-1)"
    """
    marks = check_marks(sql, parameters, backslash_escapes=backslash_escapes)
    write = write or (lambda value: _literal(value, backslash_escapes))
    pieces: list[str] = []
    position = 0
    for number, (mark, value) in enumerate(zip(marks, parameters, strict=True), 1):
        before = " " if mark and sql[mark - 1] not in _SAFE_BEFORE else ""
        after = " " if sql[mark + 1 : mark + 2] not in _SAFE_AFTER else ""
        literal = _written(number, value, write)
        pieces += (sql[position:mark], before, literal, after)
        position = mark + 1
    pieces.append(sql[position:])
    return "".join(pieces)


def check_marks(
    sql: str, parameters: Sequence[object], *, backslash_escapes: bool = False
) -> list[int]:
    """Give the places of the `?` in a statement; raises as `bind` where parameters do not fit."""
    check_sequence(parameters)
    marks = [
        start
        for kind, start, _ in tokens(sql, backslash_escapes=backslash_escapes)
        if kind is Kind.QMARK
    ]
    if len(marks) != len(parameters):
        raise ProgrammingError(
            f"The statement has {_count(len(marks), 'placeholder')}, {_given(parameters)}.",
            hint="Give one parameter for each ?. Placeholders such as $1 are another paramstyle.",
        )
    return marks


def check_numbers(sql: str, parameters: Sequence[object]) -> None:
    """Raise as `to_query_parameters` where parameters do not fit the `$1`, `$2` of a statement."""
    check_sequence(parameters)
    _check_names(
        {sql[start:end] for kind, start, end in tokens(sql) if kind is Kind.NUMBERED}, parameters
    )


def to_query_parameters(sql: str, parameters: Sequence[object]) -> str:
    r"""Write parameters for `$1`, `$2`, ... as the JSON text of the `query_parameters` setting.

    The server binds them, and types them: integers as BIGINT, floats as DOUBLE, bool, NULL; all
    else is text, which takes the type of the place it stands in, or of a cast: `$1::numeric(5, 2)`.

    * int beyond BIGINT, Decimal: all digits. Infinities and nan: `inf`, `-inf`, `nan`.
    * date, datetime, UUID as in `bind`. bytes: `\x6162`.
    * list, tuple, numpy array: an array literal, `[1,null,"a"]`, to be cast: `$1::array(int)`.
      (The server would take a JSON array as text as well, but with its own line breaks in it.)
      In strings only `"` and `\` are escaped, by a backslash.

    A statement may name a placeholder more than once. ProgrammingError when it names one that has
    no parameter, or when a parameter is never named; DataError and InterfaceError as for `bind`.

    >>> to_query_parameters("SELECT $1, $2::date", [1, date(2024, 1, 31)])
    '[{"name":"$1","value":1},{"name":"$2","value":"2024-01-31"}]'
    """
    check_numbers(sql, parameters)
    entries = [
        {"name": f"${number}", "value": _written(number, value, _json_value)}
        for number, value in enumerate(parameters, 1)
    ]
    return msgspec.json.encode(entries).decode()


def check_sequence(parameters: object) -> None:
    """Raise `InterfaceError` for parameters that are no list, tuple or the like."""
    if isinstance(parameters, Sequence) and not isinstance(
        parameters, str | bytes | bytearray | memoryview
    ):
        return
    raise InterfaceError(
        f"Parameters must be a list or a tuple with one item a placeholder, "
        f"not {type(parameters).__name__}.",
        hint="A single parameter is written (value,); placeholders have no names.",
    )


def _check_names(used: set[str], parameters: Sequence[object]) -> None:
    hint = "Placeholders count from $1, one for each parameter. A ? is another paramstyle."
    names = [f"${number}" for number in range(1, len(parameters) + 1)]
    if unknown := used.difference(names):
        name = min(unknown, key=lambda text: (len(text), text))
        raise ProgrammingError(f"The statement uses {name}, {_given(parameters)}.", hint=hint)
    if unused := [name for name in names if name not in used]:
        raise ProgrammingError(
            f"The statement does not use {unused[0]}, {_given(parameters)}.", hint=hint
        )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _given(parameters: Sequence[object]) -> str:
    were = "was" if len(parameters) == 1 else "were"
    return f"{_count(len(parameters), 'parameter')} {were} given"


def _written(number: int, value: object, write: Callable[[object], Any]) -> Any:
    try:
        return write(value)
    except DataError as error:
        raise DataError(f"Parameter {number}: {error}", hint=error.hint) from error
    except RecursionError as error:
        raise DataError(f"Parameter {number}: the list is nested too deeply.") from error


# --- What a value is: None, bool, int (of 64 bits), float, Decimal, str, bytes, list, dict ---


def plain(value: object) -> Any:
    """Reduce a value to one of the few types that have a writing, or raise `DataError`.

    >>> plain(date(2024, 1, 31)), plain((1, 2))
    ('2024-01-31', [1, 2])
    """
    for base in type(value).__mro__:
        reduce = _REDUCE.get(base)
        if reduce is not None:
            return reduce(value)
    # Scalars and arrays of numpy and its kin, known by shape so that none of them is imported.
    # Times are left out, because their tolist() gives bare integers; so is more than a double.
    dtype: Any = getattr(value, "dtype", None)
    if getattr(dtype, "kind", None) in {"b", "i", "u", "f"} and dtype.itemsize <= 8:
        return plain(value.tolist())  # type: ignore[attr-defined]  # all that have a dtype have it
    raise DataError(
        f"A {type(value).__name__} has no SQL form.",
        hint="Pass None, bool, int, float, Decimal, str, bytes, date, datetime, UUID, list, dict.",
    )


def _reduce_int(value: int) -> int | Decimal:
    return int(value) if -(2**63) <= value < 2**63 else Decimal(int(value))


def _reduce_datetime(value: datetime) -> str:
    offset = value.utcoffset()
    if offset is not None and offset.microseconds:
        raise DataError(
            "A datetime whose offset has fractions of a second has no SQL form.",
            hint="Convert it with value.astimezone(timezone.utc).",
        )
    return value.isoformat(sep=" ")


_REDUCE: dict[type, Callable[[Any], Any]] = {
    NoneType: lambda value: value,
    bool: lambda value: value,
    int: _reduce_int,
    float: float,
    Decimal: lambda value: value,
    str: str.__str__,  # not str(): that gives the name of a member of a (str, Enum)
    bytes: bytes,
    bytearray: bytes,
    memoryview: bytes,
    date: date.isoformat,
    datetime: _reduce_datetime,
    UUID: str,
    list: list,
    tuple: list,
    dict: dict,
}


def _numeric(value: Decimal) -> tuple[str, int, int]:
    """Give the digits, the precision and the scale of the smallest NUMERIC that holds the value.

    Zeros at the end of a fraction are kept as far as they fit.
    """
    if not value.is_finite():
        raise DataError("NUMERIC has no infinity and no nan.", hint="Pass a float.")
    if not value:
        return "0", 1, 0
    _, digits, exponent = value.as_tuple()
    zeros = len(digits) - len("".join(map(str, digits)).rstrip("0"))
    whole = max(0, value.adjusted() + 1)
    fraction = max(0, -int(exponent) - zeros)
    if whole + fraction > 38:
        raise DataError(
            f"A number of {whole + fraction} digits does not fit NUMERIC, which holds 38.",
            hint="Round it, or pass it as text.",
        )
    scale = min(max(0, -int(exponent)), 38 - whole)
    return f"{value:.{scale}f}", whole + scale, scale


# --- As SQL text ---


def literal(value: object, *, backslash_escapes: bool = False) -> str:
    """Write what `plain` gave as SQL text; see `bind`.

    >>> literal([1, None, "it's"]), literal({"x": 1.5})
    ("[1, NULL, 'it''s']", "{'x': 1.5e0}")
    """
    if isinstance(value, str):
        return quote_string(value, backslash_escapes=backslash_escapes)
    if isinstance(value, list):
        return "[" + ", ".join([_literal(item, backslash_escapes) for item in value]) + "]"
    if isinstance(value, dict):
        return _struct_literal(value, backslash_escapes)
    return _LITERALS[type(value)](value)


def _literal(value: object, backslash_escapes: bool) -> str:
    return literal(plain(value), backslash_escapes=backslash_escapes)


def _struct_literal(fields: dict[Any, object], backslash_escapes: bool) -> str:
    if not fields or not all(isinstance(name, str) for name in fields):
        raise DataError("A struct has at least one field, and its names are text.")
    pairs = [
        f"{quote_string(name, backslash_escapes=backslash_escapes)}: "
        + _literal(value, backslash_escapes)
        for name, value in fields.items()
    ]
    return "{" + ", ".join(pairs) + "}"


def _int_literal(value: int) -> str:
    if value == -(2**63):
        return "(-9223372036854775807 - 1)"  # its digits alone, without the sign, exceed BIGINT
    return _signed(str(value))


def _float_literal(value: float) -> str:
    if not math.isfinite(value):
        return f"CAST('{value}' AS DOUBLE)"
    text = repr(value)
    return _signed(text if "e" in text else text + "e0")


def _signed(text: str) -> str:
    return f"({text})" if text[0] == "-" else text


def _decimal_literal(value: Decimal) -> str:
    text, precision, scale = _numeric(value)
    return f"CAST('{text}' AS NUMERIC({precision}, {scale}))"


def _bytes_literal(value: bytes) -> str:
    escaped = "|" + value.hex("|") if value else ""
    return "E'" + escaped.replace("|", r"\x") + "'"


_LITERALS: dict[type, Callable[[Any], str]] = {
    NoneType: lambda _: "NULL",
    bool: lambda value: "true" if value else "false",
    int: _int_literal,
    float: _float_literal,
    Decimal: _decimal_literal,
    bytes: _bytes_literal,
}


# --- As JSON ---


def _json_value(value: object) -> object:
    reduced = plain(value)
    if isinstance(reduced, list):
        return _array(reduced)
    if isinstance(reduced, dict):
        raise DataError("A struct cannot be sent apart from the SQL.", hint="Use paramstyle qmark.")
    write = _TEXTS.get(type(reduced))
    return write(reduced) if write else reduced


def _array(items: list[Any]) -> str:
    return "[" + ",".join([_array_item(plain(item)) for item in items]) + "]"


def _array_item(item: Any) -> str:
    if isinstance(item, list):
        return _array(item)
    if isinstance(item, str | bytes):
        text = str(_json_value(item))
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if item is None:
        return "null"
    return str(_json_value(item)).lower()


_TEXTS: dict[type, Callable[[Any], object]] = {
    float: lambda value: value if math.isfinite(value) else str(value),
    Decimal: lambda value: _numeric(value)[0],
    str: checked_text,
    bytes: lambda value: rf"\x{value.hex()}",
}
