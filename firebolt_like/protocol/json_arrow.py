"""The rows of both JSON formats as Arrow columns.

The fast way turns the JSON text into CSV by replacing the brackets between rows by line ends, and
lets pyarrow's reader, which is written in C++, do the rest. JSON strings hold no raw control
characters, so these can stand for escapes meanwhile. Whatever the reader does not take, or would
take for something else, is decoded exactly instead, row by row.

What may live here: the two ways. pyarrow is an optional package: only functions import it.
"""

import binascii
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from firebolt_like.errors import DataError
from firebolt_like.protocol.arrow_types import arrow_schema
from firebolt_like.protocol.json_rows import decode_rows, transpose
from firebolt_like.protocol.types import Column

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["decode_exactly", "decode_fast", "decode_table"]


def decode_table(columns: Sequence[Column], data: msgspec.Raw | bytes) -> "pa.Table":
    """Decode the JSON text of a list of lists into a table.

    Raises `DataError` for a value that does not fit its column's type, or NULL in a column that
    was announced without, and `ServerResponseError` for rows of another length than `columns`.

    >>> from firebolt_like.protocol.types import parse_type
    >>> decode_table([Column("n", parse_type("int"))], b"[[1],[2]]")["n"].to_pylist()
    [1, 2]
    """
    table = decode_fast(columns, data)
    if table is None:
        table = decode_exactly(columns, data)
    for field, column in zip(table.schema, table.columns, strict=True):
        if column.null_count and not field.nullable:
            raise DataError(
                f"Column {field.name!r} holds NULL, though the server announced it without.",
                hint="Fetch rows instead of Arrow.",
            )
    return table


def decode_exactly(columns: Sequence[Column], data: msgspec.Raw | bytes) -> "pa.Table":
    """Decode any rows, by way of tuples."""
    import pyarrow as pa  # noqa: PLC0415  # optional

    schema = arrow_schema(columns)
    rows = decode_rows(columns, data)
    values = transpose(rows, len(columns))
    arrays = [_array(*each) for each in zip(columns, values, schema.types, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)


def _array(column: Column, values: Sequence[Any], kind: Any) -> Any:
    import pyarrow as pa  # noqa: PLC0415  # optional

    try:
        return pa.array(values, kind)
    except (pa.ArrowException, OverflowError, ValueError, TypeError) as error:
        raise DataError(
            f"Column {column.name!r}: a value of type {column.type} does not fit {kind}: {error}",
            hint="Fetch rows instead of Arrow, or cast the column.",
        ) from error


_STAND_INS = {b"\\": b"\x01", b'"': b"\x02", b"\n": b"\x03", b"\r": b"\x04"}
"""What has a meaning in CSV or in escapes, and what stands for it between the two steps."""

_ESCAPES = {
    # every escaped backslash goes first: after that, a backslash begins an escape
    b"\\\\": _STAND_INS[b"\\"],
    b'\\"': _STAND_INS[b'"'],
    b"\\n": _STAND_INS[b"\n"],
    b"\\r": _STAND_INS[b"\r"],
    b"\\t": b"\t",
    b"\\b": b"\b",
    b"\\f": b"\f",
    b"\\/": b"/",
}
_ORIGINALS = bytes.maketrans(b"".join(_STAND_INS.values()), b"".join(_STAND_INS))


_SPACE = re.compile(rb"[\[,]\s")
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"?')
_BEGINNING = 10_000  # bytes that tell how the whole is written


def decode_fast(columns: Sequence[Column], data: msgspec.Raw | bytes) -> "pa.Table | None":
    """Decode by way of CSV; None where that would not be exact."""
    import pyarrow as pa  # noqa: PLC0415  # optional

    view = memoryview(data)
    if _SPACE.search(_STRING.sub(b"0", view[:_BEGINNING])):
        try:
            view = memoryview(msgspec.json.format(bytes(view), indent=-1))
        except msgspec.DecodeError:
            return None
    nested = any(column.type.item or column.type.fields for column in columns)
    if nested or not columns or bytes(view[:2]) + bytes(view[-2:]) != b"[[]]":
        return None
    text = bytes(view[2:-2])
    try:
        text = _read_escapes(text)
        lines = text.replace(b"],[", b"\n")
        ends = (len(text) - len(lines)) // 2
        table = _read_csv(columns, lines)
        if table.num_rows != ends + 1:
            return None  # a row's end inside of a text was taken for one between rows
        schema = arrow_schema(columns)
        arrays = [_finish(*pair) for pair in zip(table.columns, schema.types, strict=True)]
        return pa.Table.from_arrays(arrays, schema=schema)
    except (pa.ArrowException, ValueError):
        return None


def _read_escapes(text: bytes) -> bytes:
    """Turn escapes into characters or their stand-ins; `ValueError` for those by number."""
    if _has_numbers(text[:_BEGINNING]):
        raise ValueError("escapes for the exact way")
    for escape, character in _ESCAPES.items():
        if b"\\" not in text:
            return text
        text = text.replace(escape, character)
    if b"\\" in text:
        raise ValueError("an escape for the exact way")
    return text


def _has_numbers(text: bytes) -> bool:
    return b"\\u" in text.replace(b"\\\\", b"")


def _read_csv(columns: Sequence[Column], lines: bytes) -> "pa.Table":
    import pyarrow as pa  # noqa: PLC0415  # optional
    from pyarrow import csv  # noqa: PLC0415  # optional

    kinds = [pa.string() if kind == pa.binary() else kind for kind in arrow_schema(columns).types]
    names = [str(place) for place in range(len(columns))]
    return csv.read_csv(
        pa.BufferReader(lines),
        read_options=csv.ReadOptions(column_names=names),
        parse_options=csv.ParseOptions(double_quote=False, ignore_empty_lines=False),
        convert_options=csv.ConvertOptions(
            column_types=dict(zip(names, kinds, strict=True)),
            null_values=["null"],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            true_values=["true"],
            false_values=["false"],
        ),
    )


def _finish(column: Any, kind: Any) -> Any:
    """Turn stand-ins of escapes back into characters, and hex digits into bytes."""
    import pyarrow as pa  # noqa: PLC0415  # optional

    if not pa.types.is_string(column.type):
        return column
    texts = pa.chunked_array([_unescape(part) for part in column.chunks], column.type)
    if kind != pa.binary():
        return texts
    return pa.chunked_array([[_bytes(text) for text in texts.to_pylist()]], kind)


def _unescape(texts: Any) -> Any:
    """Give an array its characters back; `ValueError` where it is not what JSON's texts were."""
    import pyarrow as pa  # noqa: PLC0415  # optional

    validity, offsets, characters = texts.buffers()
    held = b"" if characters is None else characters.to_pybytes()
    if b'"' in held or b"\n" in held:
        raise ValueError("what stands between texts only: they were cut at wrong places")
    original = held.translate(_ORIGINALS)
    if original == held:
        return texts
    buffers = [validity, offsets, pa.py_buffer(original)]
    return pa.Array.from_buffers(texts.type, len(texts), buffers, offset=texts.offset)


def _bytes(text: str | None) -> bytes | None:
    if text is None:
        return None
    if not text.startswith("\\x"):
        raise ValueError(text)
    return binascii.unhexlify(text[2:])
