"""Files as data for `ingest`: Parquet, Arrow IPC, CSV.

What may live here: how a file is recognised and read as record batches, or sent as it is.
"""

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from firebolt_like.dbapi.arrow import require_arrow
from firebolt_like.errors import DataError, InterfaceError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["OpenFile", "ParquetContent", "is_file", "open_file"]

_PIECE = 1 << 20  # bytes read at once
_ROWS = 65_536


class ParquetContent:
    """The bytes of a Parquet file; see `FileContent`."""

    def __init__(self, file: BinaryIO, rows: int) -> None:
        self._file = file
        self.rows = rows
        self.size = file.seek(0, os.SEEK_END)

    def __iter__(self) -> Iterator[bytes]:
        self._file.seek(0)
        while piece := self._file.read(_PIECE):
            yield piece


class OpenFile(NamedTuple):
    """A file's schema and batches, and the file itself where an engine may take it so."""

    schema: "pa.Schema"
    batches: "Iterable[pa.RecordBatch]"
    parquet: ParquetContent | None
    close: "contextlib.ExitStack"


def is_file(data: object) -> bool:
    """Tell whether data is a path, or a file that is open for reading bytes."""
    return isinstance(data, str | os.PathLike) or (hasattr(data, "read") and hasattr(data, "seek"))


def open_file(data: Any) -> OpenFile:
    """Open a file by what is in it: Parquet, Arrow IPC (file or stream), else CSV with a header.

    Raises `InterfaceError` for a file that cannot be opened, `DataError` for one that is broken.
    """
    pa = require_arrow()
    with contextlib.ExitStack() as opened:
        try:
            if isinstance(data, str | os.PathLike):
                data = opened.enter_context(Path(data).open("rb"))
            file = _read_file(pa, data, opened)
        except OSError as error:
            raise InterfaceError(f"The file cannot be opened: {error}") from error
        except pa.ArrowException as error:
            raise DataError(f"The file cannot be read: {error}") from error
        return file._replace(close=opened.pop_all())


def _read_file(pa: Any, data: BinaryIO, opened: contextlib.ExitStack) -> OpenFile:
    start = data.tell()
    magic = data.read(6)
    if not isinstance(magic, bytes):
        raise InterfaceError("A file is opened for reading bytes: open(path, 'rb').")
    data.seek(start)
    if magic.startswith(b"PAR1"):
        from pyarrow import parquet  # noqa: PLC0415  # optional

        file = parquet.ParquetFile(data)
        # engines would cut nanoseconds off, and say nothing
        exact = "[ns" not in str(file.schema_arrow)
        content = ParquetContent(data, file.metadata.num_rows) if exact else None
        return OpenFile(file.schema_arrow, file.iter_batches(batch_size=_ROWS), content, opened)
    if magic == b"ARROW1":
        reader = pa.ipc.open_file(data)
        batches = (reader.get_batch(number) for number in range(reader.num_record_batches))
        return OpenFile(reader.schema, batches, None, opened)
    if magic.startswith(b"\xff\xff\xff\xff"):
        stream = pa.ipc.open_stream(data)
        return OpenFile(stream.schema, stream, None, opened)
    from pyarrow import csv  # noqa: PLC0415  # optional

    lines = csv.open_csv(data)
    return OpenFile(lines.schema, lines, None, opened)
