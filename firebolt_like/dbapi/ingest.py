"""Rows into a table: the table, the way that the engine takes, statement after statement.

What may live here: the flow of `ingest`, and its report. Where the rows come from is in
`ingest_sources`.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

from firebolt_like.client.retry import Budget
from firebolt_like.dbapi.arrow import has_arrow
from firebolt_like.dbapi.backend import Upload
from firebolt_like.dbapi.ingest_sources import Block, Source, open_source
from firebolt_like.dbapi.ingest_ways import Uploads, ValuesStatements, Way
from firebolt_like.dbapi.result import Result
from firebolt_like.errors import (
    AuthenticationError,
    DataError,
    EngineNotRunningError,
    Error,
    IngestError,
    InterfaceError,
    OperationalError,
)
from firebolt_like.protocol.insert_values import Values, insert_into
from firebolt_like.protocol.table_ddl import (
    create_table,
    drop_table,
    match,
    same_types,
    without_null_types,
)
from firebolt_like.protocol.types import Column

if TYPE_CHECKING:
    import pyarrow as pa

    from firebolt_like.dbapi.cursor import CursorCore

__all__ = ["IngestReport", "Mode", "Options", "Progress", "ingest"]

Mode = Literal["append", "create", "replace"]


class IngestReport(NamedTuple):
    """What has arrived: rows, the bytes of the requests that brought them, and their number."""

    rows: int = 0
    bytes: int = 0
    statements: int = 0


Progress = Callable[[IngestReport], object]


@dataclasses.dataclass(frozen=True)
class Options:
    """The keywords of `ingest`; see `Cursor.ingest`."""

    mode: Mode = "append"
    columns: Sequence[str] | None = None
    schema: str | None = None
    batch_bytes: int = 16 << 20
    progress: Progress | None = None
    timeout: float | None = None

    def __post_init__(self) -> None:
        if self.mode not in get_args(Mode):
            raise InterfaceError(f"mode is one of {', '.join(get_args(Mode))}, not {self.mode!r}.")
        if isinstance(self.columns, str):
            raise InterfaceError("columns= is a list of names, not one text.")
        if self.batch_bytes < 1:
            raise InterfaceError(f"batch_bytes is 1 or more, not {self.batch_bytes}.")


async def ingest(
    cursor: "CursorCore[Any]", table: str | tuple[str, ...], data: Any, options: Options
) -> IngestReport:
    """Send all rows; see `Cursor.ingest`. A tuple is the parts of the table's name."""
    parts = (table,) if isinstance(table, str) else table
    if options.schema is not None:
        parts = (options.schema, *parts)
    source = await open_source(data, options.columns, cursor.connection.io)
    try:
        return await _Ingestion(cursor, parts, source, options).run()
    finally:
        await source.close()


class _Ingestion:
    """One call of `ingest`."""

    def __init__(
        self, cursor: "CursorCore[Any]", table: tuple[str, ...], source: Source, options: Options
    ) -> None:
        self.cursor = cursor
        self.connection = cursor.connection
        self.table = table
        self.source = source
        self.options = options
        self.report = IngestReport()
        self.budget: Budget = cursor.connection.budget(options.timeout)
        self.form = "arrow"
        self.doubtful = 0  # rows of the statement that is being sent

    async def run(self) -> IngestReport:
        """Prepare the table, then send block after block."""
        taken = await self._uploads()
        targets = await self._prepare()
        try:
            await self._send_all(targets, taken)
        except Exception as error:
            if not self.report.rows:
                raise  # nothing arrived: the error itself says all
            raise self._broken(error) from error
        return self.report

    async def _uploads(self) -> frozenset[str]:
        if not has_arrow():
            return frozenset()
        backend = self.connection.backend
        return await backend.takes_uploads(self.cursor.session, budget=self.budget)

    async def _send_all(self, targets: tuple[Column, ...], taken: frozenset[str]) -> None:
        self.form = "arrow" if "arrow" in taken else "parquet"
        if "parquet" in taken and await self._send_file(targets):
            return
        way: Way
        if taken:
            way = Uploads(self.connection.io, targets, self.options.batch_bytes, self._upload)
        else:
            names = [column.name for column in targets]
            able = self.connection.backend.capabilities
            way = ValuesStatements(
                self.connection.io,
                targets,
                insert_into(self.table, names, able.writing.quote_name),
                self.options.batch_bytes,
                self._insert,
                backslash_escapes=able.backslash_escapes,
                write=able.writing.literal,
            )
        while (block := await self._next()) is not None:
            await way.add(block)
        await way.finish()

    async def _next(self) -> Block | None:
        """Take the next rows; the time that their producer needs is not the server's."""
        self.budget.pause()
        try:
            return await self.source.next()
        finally:
            self.budget.resume()

    # --- the table ---

    async def _prepare(self) -> tuple[Column, ...]:
        """Make or look at the table; give its columns that the data has, in the data's order."""
        names, width = self.source.names, self.source.width
        writing = self.connection.backend.capabilities.writing
        if self.options.mode == "append":
            query = f"SELECT * FROM {'.'.join(map(writing.quote_name, self.table))} LIMIT 0"  # noqa: S608  # quoted
            return match(names, width, (await self._statement(query)).columns)
        if width == 0:
            raise DataError("There are no rows, from which a table's columns could be told.")
        if names is None:
            raise InterfaceError(
                "A table that is made needs names for its columns.",
                hint="Give columns=['a', 'b', ...], or rows with names, such as dicts.",
            )
        found = tuple(
            Column(column.name, without_null_types(column.type)) for column in self.source.columns()
        )
        columns = match(names, width, found)
        statement = create_table(self.table, columns, writing)
        if self.options.mode == "replace":
            await self._statement(drop_table(self.table, writing))
        await self._statement(statement)
        return columns

    async def _statement(self, text: str) -> Result:
        return await self.connection.run(
            text, self.cursor, parameters={}, form="buffered", budget=self.budget
        )

    # --- rows ---

    async def _send_file(self, targets: tuple[Column, ...]) -> bool:
        """Send a Parquet file as it is; False where that cannot be, and nothing has run."""
        file = self.source.file
        if file is None or not same_types(self.source.columns(), targets):
            return False
        return await self._send(file, file.rows, targets, self.source.names or ())

    async def _upload(self, batches: "list[pa.RecordBatch]", targets: Sequence[Column]) -> None:
        rows = sum(batch.num_rows for batch in batches)
        if not await self._send(batches, rows, targets, batches[0].schema.names):
            raise DataError(
                "The engine takes no request that is so long.", hint="Give a smaller batch_bytes."
            )

    async def _send(
        self, content: Any, rows: int, targets: Sequence[Column], sources: Sequence[str]
    ) -> bool:
        """Send record batches or a file as one statement; False where that is too long."""
        columns = tuple(column.name for column in targets)
        session = self.cursor.session
        upload = Upload(
            self.table, columns, tuple(sources), content, self.form, session, parameters={}
        )
        self.doubtful = rows
        size = await self.connection.ingest(upload, self.cursor, budget=self.budget)
        if size is None:
            self.doubtful = 0
            return False
        self._arrived(rows, size)
        return True

    async def _insert(self, values: Values) -> None:
        self.doubtful = values.rows
        await self._statement(values.text)
        self._arrived(values.rows, len(values.text.encode()))

    def _arrived(self, rows: int, size: int) -> None:
        """Take note of a statement that ran, and tell whoever wants to know."""
        self.doubtful = 0
        so_far = self.report
        self.report = IngestReport(so_far.rows + rows, so_far.bytes + size, so_far.statements + 1)
        if self.options.progress is not None:
            self.options.progress(self.report)

    def _broken(self, error: Exception) -> IngestError:
        rows, size, statements = self.report
        known = isinstance(error, EngineNotRunningError | AuthenticationError)
        in_doubt = isinstance(error, OperationalError) and not (error.retryable or known)
        text = f"The first {rows} rows arrived; then it broke off: {error}"
        if in_doubt and self.doubtful:
            text += f" It is not known whether the {self.doubtful} rows after them arrived."
        if self.connection.in_transaction:
            text += " They are in the open transaction: roll it back."
        told = {}
        if isinstance(error, Error):
            told = {"code": error.code, "query_id": error.query_id, "location": error.location}
        return IngestError(
            text,
            rows=rows,
            bytes=size,
            statements=statements,
            rows_in_doubt=self.doubtful if in_doubt else 0,
            hint=getattr(error, "hint", None),
            **told,
        )
