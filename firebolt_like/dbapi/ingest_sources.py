"""Data for `ingest`, whatever it comes in, as blocks of rows.

What may live here: how each kind of data is opened, and read a block at a time. Rows of Python
objects are understood in `ingest_rows`, files in `ingest_files`.
"""

import contextlib
import itertools
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    Awaitable,
    Callable,
    Iterable,
    Iterator,
    Sequence,
)
from typing import TYPE_CHECKING, Any, Protocol

from firebolt_like.client.httpx_io import BlockingIO
from firebolt_like.client.io import IO
from firebolt_like.dbapi.arrow import RecordBatches, require_arrow
from firebolt_like.dbapi.ingest_files import is_file, open_file
from firebolt_like.dbapi.ingest_rows import RowBlock, RowReader, row_reader
from firebolt_like.errors import DataError, InterfaceError
from firebolt_like.protocol.table_ddl import sent_columns
from firebolt_like.protocol.types import Column

if TYPE_CHECKING:
    import pyarrow as pa

    from firebolt_like.dbapi.backend import FileContent

__all__ = ["Block", "Source", "open_source"]


class Block(Protocol):
    """Some rows, as many as are converted at once."""

    count: int

    def columns(self) -> tuple[Column, ...]:
        """Give the SQL types of the data. Raises `DataError` where a column has none."""

    def arrow(self, table: Sequence[Column]) -> "pa.RecordBatch":
        """Convert for columns of a table, one for each of the data's; see `sent_columns`."""

    def values(self, table: Sequence[Column]) -> Sequence[Sequence[Any]]:
        """Convert for columns of a table, to rows of Python values."""


class Source(Protocol):
    """Data, read once."""

    file: "FileContent | None"
    """The whole of it as a Parquet file, where it is one."""
    width: int
    """The number of its columns; 0 where there are no rows to tell it."""

    @property
    def names(self) -> tuple[str, ...] | None:
        """The names of the columns; None where they are known by their position alone."""

    def columns(self) -> tuple[Column, ...]:
        """Give the SQL types of the data, as far as it has been looked at."""

    async def next(self) -> Block | None:
        """Give the next rows, None at the end."""

    async def close(self) -> None:
        """Let go of what was opened here, also where the task is cancelled."""


async def open_source(data: Any, names: Sequence[str] | None, io: IO) -> Source:
    """Open data of any kind that `ingest` takes. Raises `InterfaceError` for any other."""
    blocking = isinstance(io, BlockingIO)
    if isinstance(data, AsyncIterable) and hasattr(data, "fetch_record_batch") and not blocking:
        data = data.fetch_record_batch()  # the async cursor's rows, with their types
    source = await _open_arrow(data, io)
    if source is not None:
        if names is not None:
            raise InterfaceError("columns= names the values of tuples; this data has names.")
        return source
    if isinstance(data, AsyncIterable) and blocking:
        raise InterfaceError("An async iterable is for the async face: async_db.connect().")
    if isinstance(data, AsyncIterable):
        return await _open_items(_AsyncPull(data, io), names, io)
    if isinstance(data, Iterable) and not isinstance(data, bytes | bytearray | dict):
        return await _open_items(_Pull(data), names, io)
    raise InterfaceError(
        "ingest takes Arrow data, frames, files and iterables of rows, not an object of type "
        f"{type(data).__name__}.",
        hint="Collect it first: frame.collect()." if hasattr(data, "collect") else None,
    )


async def _open_arrow(data: Any, io: IO) -> "ArrowSource | None":
    if is_file(data):
        file = await io.call(lambda: open_file(data))
        source = ArrowSource(file.schema, _reading(io, iter(file.batches)))
        source.file, source.release = file.parquet, file.close.close
        return source
    if hasattr(data, "__arrow_c_stream__"):
        reader = await io.call(lambda: _imported(data))
        return ArrowSource(reader.schema, _reading(io, iter(reader)))
    if isinstance(data, RecordBatches):
        batches = data
        return ArrowSource(data.schema, lambda: anext(batches, None))
    return None


@contextlib.contextmanager
def _readable() -> Iterator[None]:
    """Turn what the producer of the data raises into `DataError`."""
    try:
        yield
    except require_arrow().ArrowException as error:
        raise DataError(f"The data cannot be read: {error}") from error


def _imported(data: Any) -> Any:
    with _readable():
        return require_arrow().RecordBatchReader.from_stream(data)


def _reading(io: IO, batches: Iterator[Any]) -> Callable[[], Awaitable[Any]]:
    def read() -> Any:
        with _readable():
            return next(batches, None)

    return lambda: io.call(read)


class ArrowBlock:
    """A record batch; see `Block`."""

    def __init__(self, batch: "pa.RecordBatch", columns: tuple[Column, ...]) -> None:
        self.count = batch.num_rows
        self._batch = batch
        self._columns = columns

    def columns(self) -> tuple[Column, ...]:
        """See `Block`."""
        return self._columns

    def arrow(self, table: Sequence[Column]) -> "pa.RecordBatch":
        """See `Block`."""
        from firebolt_like.protocol import arrow_ingest  # noqa: PLC0415  # for Arrow only

        return arrow_ingest.convert(self._batch, sent_columns(self._columns, table))

    def values(self, table: Sequence[Column]) -> Sequence[Sequence[Any]]:
        """See `Block`."""
        from firebolt_like.protocol import arrow_ingest  # noqa: PLC0415  # for Arrow only

        return arrow_ingest.to_rows(self.arrow(table))


class ArrowSource:
    """Record batches, cut to blocks; see `Source`."""

    def __init__(self, schema: "pa.Schema", fetch: Callable[[], Awaitable[Any]]) -> None:
        from firebolt_like.protocol import arrow_ingest  # noqa: PLC0415  # for Arrow only

        self.file: FileContent | None = None
        self.release: Callable[[], None] = lambda: None
        self.pull: _Pull | _AsyncPull | None = None
        self.names: tuple[str, ...] | None = tuple(schema.names)
        self.width = len(schema.names)
        self._columns = arrow_ingest.data_columns(schema)
        self._fetch = fetch
        self._slices: Iterator[pa.RecordBatch] = iter(())

    def columns(self) -> tuple[Column, ...]:
        """See `Source`."""
        return self._columns

    async def next(self) -> Block | None:
        """See `Source`."""
        while True:
            for piece in self._slices:
                return ArrowBlock(piece, self._columns)
            batch = await self._fetch()
            if batch is None:
                return None
            self._slices = _slices(batch)

    async def close(self) -> None:
        """See `Source`."""
        self.release()
        if self.pull is not None:
            await self.pull.close()


_MOST_ROWS = 65_536
_MOST_BYTES = 8 << 20


def _slices(batch: "pa.RecordBatch") -> "Iterator[pa.RecordBatch]":
    parts = batch.nbytes // _MOST_BYTES + 1
    rows = max(1, min(_MOST_ROWS, -(-batch.num_rows // parts)))
    return (batch.slice(start, rows) for start in range(0, batch.num_rows, rows))


_PARTING_SECONDS = 5.0
"""How long a generator may take to end."""


class _Pull:
    """Takes items from an iterable."""

    def __init__(self, items: Iterable[Any]) -> None:
        self._items = iter(items)

    async def take(self, count: int) -> list[Any]:
        return list(itertools.islice(self._items, count))

    async def close(self) -> None:
        """Do nothing: a generator ends when nobody has it any more."""


class _AsyncPull:
    """Takes items from an async iterable."""

    def __init__(self, items: AsyncIterable[Any], io: IO) -> None:
        self._items = aiter(items)
        self._io = io

    async def take(self, count: int) -> list[Any]:
        taken: list[Any] = []
        async for item in self._items:
            taken.append(item)
            if len(taken) == count:
                break
        return taken

    async def close(self) -> None:
        """End a generator here and now: the garbage collector would end it in no task."""
        if isinstance(self._items, AsyncGenerator):
            with self._io.shield(_PARTING_SECONDS):
                await self._items.aclose()


_ROWS_AT_ONCE = 10_000


async def _open_items(pull: _Pull | _AsyncPull, names: Sequence[str] | None, io: IO) -> Source:
    try:
        return await _open_rows(pull, names, io)
    except BaseException:
        await pull.close()
        raise


async def _open_rows(pull: _Pull | _AsyncPull, names: Sequence[str] | None, io: IO) -> Source:
    first = await pull.take(1)
    if first and hasattr(first[0], "__arrow_c_stream__"):
        return await _open_parts(first, pull, io)
    first += await pull.take(_ROWS_AT_ONCE - 1)
    reader = row_reader(first, names)
    return RowSource(reader, RowBlock(reader, first, 1) if first else None, pull)


async def _open_parts(first: list[Any], pull: _Pull | _AsyncPull, io: IO) -> Source:
    """Open an iterable of record batches, tables or frames, of which each is read by itself."""
    whole = _imported(first[0])
    readers = [whole]

    async def fetch() -> Any:
        while True:
            batch = await _reading(io, readers[0])()
            if batch is not None:
                return batch
            following = await pull.take(1)
            if not following:
                return None
            readers[0] = _imported(following[0])
            if not readers[0].schema.equals(whole.schema):
                raise DataError("The parts of the data have different columns.")

    source = ArrowSource(whole.schema, fetch)
    source.pull = pull
    return source


class RowSource:
    """Rows of Python objects; see `Source`."""

    file: "FileContent | None" = None

    def __init__(self, reader: RowReader, first: RowBlock | None, pull: _Pull | _AsyncPull) -> None:
        self.names, self.width = reader.names, reader.width if first else 0
        self._reader = reader
        self._block = first
        self._columns = first.columns if first else tuple
        self._pull = pull
        self._count = first.count if first else 0

    def columns(self) -> tuple[Column, ...]:
        """See `Source`."""
        return self._columns()

    async def next(self) -> Block | None:
        """See `Source`."""
        block, self._block = self._block, None
        if block is not None or not self._count:
            return block
        rows = await self._pull.take(_ROWS_AT_ONCE)
        if not rows:
            return None
        block = RowBlock(self._reader, rows, self._count + 1)
        self._count += block.count
        return block

    async def close(self) -> None:
        """See `Source`."""
        await self._pull.close()
