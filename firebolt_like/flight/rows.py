"""The rows of a flight as users read them, in threads and in tasks.

What may live here: both faces of a result; what they do is in `result`.
"""

import weakref
from collections.abc import AsyncIterator, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from firebolt_like.client.io import run
from firebolt_like.flight.result import ResultCore
from firebolt_like.flight.transport import Chunk

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["AsyncFlightResult", "FlightResult"]


class _Known:
    """What is known without waiting."""

    def __init__(self, core: ResultCore) -> None:
        self._core = core
        weakref.finalize(self, core.forget).atexit = False

    @property
    def schema(self) -> "pa.Schema":
        """The columns."""
        return self._core.schema

    @property
    def finished(self) -> bool:
        """Whether all rows were read, or the result was closed."""
        return self._core.finished

    @property
    def total_records(self) -> int:
        """The number of rows as the server announced it, -1 where it does not know."""
        return self._core.info.total_records

    def cancel(self) -> None:
        """End the query on the server, from any thread; whoever reads gets `OperationalError`."""
        self._core.cancel()


class FlightResult(_Known):
    """Rows that arrive batch by batch; iterate over it for its record batches.

    It is an Arrow stream too: `pyarrow.table(result)`, `polars.from_arrow(result)`. Close it, or
    use it as a context manager: what is not read then is cancelled on the server.
    """

    def __iter__(self) -> "Iterator[pa.RecordBatch]":
        while (batch := self.read_batch()) is not None:
            yield batch

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return self.to_reader().__arrow_c_stream__(requested_schema)

    def read_batch(self) -> "pa.RecordBatch | None":
        """Wait for the next rows; None at the end."""
        return run(self._core.batch())

    def read_chunk(self) -> Chunk | None:
        """Wait for the next rows with the metadata that the server added; None at the end."""
        return run(self._core.chunk())

    def read_all(self) -> "pa.Table":
        """Wait for the rest of the rows."""
        return run(self._core.read_all())

    def to_reader(self) -> "pa.RecordBatchReader":
        """Give a reader of pyarrow, which reads from this result as it is read."""
        import pyarrow as pa  # noqa: PLC0415  # optional

        return pa.RecordBatchReader.from_batches(self.schema, iter(self))

    def close(self) -> None:
        """Let go of the server; what was not read is cancelled there."""
        run(self._core.close())


class AsyncFlightResult(_Known):
    """Rows that arrive batch by batch; iterate over it with `async for` for its record batches.

    Close it, or use it with `async with`: what is not read then is cancelled on the server.
    """

    async def __aiter__(self) -> "AsyncIterator[pa.RecordBatch]":
        while (batch := await self.read_batch()) is not None:
            yield batch

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def read_batch(self) -> "pa.RecordBatch | None":
        """Wait for the next rows; None at the end."""
        return await self._core.batch()

    async def read_chunk(self) -> Chunk | None:
        """Wait for the next rows with the metadata that the server added; None at the end."""
        return await self._core.chunk()

    async def read_all(self) -> "pa.Table":
        """Wait for the rest of the rows."""
        return await self._core.read_all()

    async def close(self) -> None:
        """Let go of the server; what was not read is cancelled there."""
        await self._core.close()
