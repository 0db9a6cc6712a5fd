"""Arrow data on its way to an engine: its SQL types, the types that are sent, and its bytes.

Engines read plain Arrow types alone. So dictionaries, views, large and fixed-size forms become the
plain form of their type, unsigned 64-bit integers become decimals; what would lose something raises
`DataError`. What may live here: that way, for schemas and batches. pyarrow is an optional package:
only functions import it.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from firebolt_like.errors import DataError
from firebolt_like.protocol.arrow_types import arrow_type, sql_type
from firebolt_like.protocol.types import Column, SqlType

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "convert",
    "data_columns",
    "from_values",
    "parquet",
    "stream_pieces",
    "stream_size",
    "to_rows",
]


def data_columns(schema: "pa.Schema") -> tuple[Column, ...]:
    """Give the columns of data, with the SQL types that hold all values of the Arrow types.

    A type that SQL has not gives a `SqlType` of its own name, `null` for one of NULLs alone.
    """
    return tuple(Column(field.name, _data_type(field.type, field.nullable)) for field in schema)


def _data_type(kind: "pa.DataType", nullable: bool = True) -> SqlType:  # noqa: PLR0911  # one for each shape
    import pyarrow as pa  # noqa: PLC0415  # optional

    types = pa.types
    if types.is_dictionary(kind) or types.is_run_end_encoded(kind):
        return _data_type(kind.value_type, nullable)
    if types.is_null(kind):
        return SqlType("null", nullable)
    if types.is_uint64(kind):
        return SqlType("numeric", nullable, precision=20, scale=0)
    if types.is_decimal(kind):
        digits = max(kind.precision, kind.scale) - min(kind.scale, 0)
        return SqlType("numeric", nullable, precision=digits, scale=max(kind.scale, 0))
    if _is_list(kind):
        return SqlType("array", nullable, item=_data_type(kind.value_type))
    if types.is_struct(kind):
        fields = tuple((field.name, _data_type(field.type)) for field in kind)
        return SqlType("struct", nullable, fields=fields)
    if isinstance(kind, pa.BaseExtensionType):
        known = {"arrow.json": "text", "arrow.bool8": "boolean"}
        return SqlType(known.get(kind.extension_name, kind.extension_name), nullable)
    return sql_type(kind, nullable)


def _is_list(kind: "pa.DataType") -> bool:
    import pyarrow as pa  # noqa: PLC0415  # optional

    names = ("list", "large_list", "fixed_size_list")
    return _is_list_view(kind) or any(getattr(pa.types, f"is_{name}")(kind) for name in names)


def _is_list_view(kind: "pa.DataType") -> bool:
    return str(kind).startswith(("list_view", "large_list_view"))


def sent_schema(columns: Sequence[Column]) -> "pa.Schema":
    """Give the Arrow schema that columns are sent in; all may be NULL, the table says which are."""
    import pyarrow as pa  # noqa: PLC0415  # optional

    return pa.schema([pa.field(column.name, arrow_type(column.type)) for column in columns])


def convert(batch: "pa.RecordBatch", columns: Sequence[Column]) -> "pa.RecordBatch":
    """Convert a batch to columns of other names and types, in the same order.

    Raises `DataError`, which names the column, for a value that would change, and for text that
    engines cannot store.
    """
    import pyarrow as pa  # noqa: PLC0415  # optional

    schema = sent_schema(columns)
    arrays = []
    for name, array, field in zip(batch.schema.names, batch.columns, schema, strict=True):
        try:
            arrays.append(_cast(array, field.type))
        except pa.ArrowException as error:
            raise DataError(
                f"Column {name!r} cannot be sent as {field.type}: {error}",
                hint="Convert the column before, for example by rounding it.",
            ) from error
    return _checked(pa.RecordBatch.from_arrays(arrays, schema=schema))


def _checked(batch: "pa.RecordBatch") -> "pa.RecordBatch":
    for name, array in zip(batch.schema.names, batch.columns, strict=True):
        if _has_nul(array):
            raise DataError(
                f"Column {name!r}: text with a NUL character cannot be stored by the engine.",
                hint="Pass bytes, and store them in a BYTEA column.",
            )
    return batch


def _has_nul(array: Any) -> bool:
    """Look for what some engines store as two other characters."""
    import pyarrow as pa  # noqa: PLC0415  # optional
    from pyarrow import compute  # noqa: PLC0415  # optional

    if pa.types.is_string(array.type):
        found = b"\0" in _text_bytes(array)  # much faster, but sees what is behind NULL, too
        return found and bool(compute.any(compute.match_substring(array, "\0")).as_py())
    if pa.types.is_struct(array.type):
        return any(map(_has_nul, array.flatten()))
    return pa.types.is_list(array.type) and _has_nul(array.flatten())


def _text_bytes(array: Any) -> bytes:
    """Give all texts of an array, one behind the other."""
    _, offsets, data = array.buffers()
    if data is None or offsets is None or not len(array):
        return b""
    ends = memoryview(offsets)[: offsets.size // 4 * 4].cast("i")
    return bytes(memoryview(data)[ends[array.offset] : ends[array.offset + len(array)]])


def _cast(array: Any, kind: "pa.DataType") -> Any:
    import pyarrow as pa  # noqa: PLC0415  # optional

    if array.type == kind:
        return array
    if isinstance(array.type, pa.BaseExtensionType):
        array = array.storage
    if pa.types.is_dictionary(array.type):  # pyarrow decodes no dictionary of views
        values = _cast(array.dictionary, arrow_type(_data_type(array.type.value_type)))
        array = pa.DictionaryArray.from_arrays(array.indices, values).dictionary_decode()
    if pa.types.is_run_end_encoded(array.type):
        from pyarrow import compute  # noqa: PLC0415  # optional

        array = compute.run_end_decode(array)
    if _is_list_view(array.type):  # pyarrow 26 gives a broken array for it
        return pa.array(array.to_pylist(), kind)
    if pa.types.is_integer(array.type) and pa.types.is_decimal(kind):
        # pyarrow asks for as many digits as the integer's type could have
        array = array.cast(pa.decimal256(20 + kind.scale, kind.scale))
    return array.cast(kind)


def from_values(values: Sequence[Sequence[Any]], columns: Sequence[Column]) -> "pa.RecordBatch":
    """Put Python values, column by column, into a record batch.

    Raises `DataError`, which names the column, for a value that its type cannot hold.
    """
    import pyarrow as pa  # noqa: PLC0415  # optional

    schema = sent_schema(columns)
    arrays = []
    for column, field in zip(values, schema, strict=True):
        try:
            arrays.append(pa.array(column, field.type))
        except (pa.ArrowException, OverflowError, TypeError, ValueError) as error:
            raise DataError(f"Column {field.name!r} is {field.type}: {error}") from error
    return _checked(pa.RecordBatch.from_arrays(arrays, schema=schema))


def to_rows(batch: "pa.RecordBatch") -> list[tuple[Any, ...]]:
    """Give the rows of a batch that `convert` made, as Python values."""
    values = []
    for name, array in zip(batch.schema.names, batch.columns, strict=True):
        try:
            values.append(array.to_pylist())
        except (ValueError, OverflowError) as error:
            raise DataError(f"Column {name!r} has a value beyond Python's: {error}") from error
    return list(zip(*values, strict=True))


def stream_pieces(batches: Sequence["pa.RecordBatch"]) -> Iterator[bytes]:
    """Give the bytes of an Arrow IPC stream of batches of one schema, a message at a time."""
    yield memoryview(batches[0].schema.serialize())  # type: ignore[misc]  # bytes-like is enough
    for batch in batches:
        yield memoryview(batch.serialize())  # type: ignore[misc]  # bytes-like is enough
    yield _END


_END = b"\xff\xff\xff\xff\0\0\0\0"


def stream_size(batches: Sequence["pa.RecordBatch"]) -> int:
    """Count the bytes that `stream_pieces` gives, without making them."""
    import pyarrow as pa  # noqa: PLC0415  # optional

    schema = len(memoryview(batches[0].schema.serialize()))
    size: int = schema + sum(pa.ipc.get_record_batch_size(batch) for batch in batches) + len(_END)
    return size


def parquet(batches: Sequence["pa.RecordBatch"]) -> bytes:
    """Write batches of one schema as a Parquet file."""
    import pyarrow as pa  # noqa: PLC0415  # optional
    from pyarrow import parquet as pq  # noqa: PLC0415  # optional

    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_batches(batches), sink, compression="zstd")
    content: bytes = sink.getvalue().to_pybytes()
    return content
