"""What a cursor does, once for both faces: plan statements, run them, hand out rows.

What may live here: `CursorCore`. The attributes that need no waiting are in `cursor_attributes`.
"""

import itertools
import operator
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Generic, NamedTuple

from firebolt_like.client.retry import Budget
from firebolt_like.dbapi.arrow import join, require_arrow
from firebolt_like.dbapi.backend import Form
from firebolt_like.dbapi.batch import Batch, garbage_collection_paused
from firebolt_like.dbapi.bind_many import go_together
from firebolt_like.dbapi.connection import ConnectionCore
from firebolt_like.dbapi.result import NoResult, Result
from firebolt_like.errors import (
    ConfigurationError,
    CursorClosedError,
    InterfaceError,
    NotSupportedError,
    ProgrammingError,
    QueryNotRunError,
)
from firebolt_like.protocol.insert_values import Values
from firebolt_like.protocol.parameters import (
    bind,
    check_marks,
    check_numbers,
    to_query_parameters,
)
from firebolt_like.protocol.sql import parse_set, split
from firebolt_like.rows import Row, Shape, check_row_factory, fit

if TYPE_CHECKING:
    import pyarrow as pa

    from firebolt_like.dbapi.ingest import IngestReport

__all__ = ["PARAMSTYLES", "CursorCore", "check_paramstyle"]

PARAMSTYLES = {
    # name: the placeholders it means, and who binds them
    "qmark": "`?`, bound by the client",
    "numeric_dollar": "`$1`, sent apart from the SQL and bound by the server",
    "fb_numeric": "the same as numeric_dollar, under the name that firebolt-sdk uses",
}


def check_paramstyle(name: str) -> str:
    """Give the name back, or raise `ConfigurationError` when it is not in `PARAMSTYLES`."""
    if name not in PARAMSTYLES:
        raise ConfigurationError(f"paramstyle is one of {', '.join(PARAMSTYLES)}, not {name!r}.")
    return name


def _no_setting(text: str) -> None:  # as parse_set
    """Take a SET for a statement like others."""


class _Planned(NamedTuple):
    """A statement with its parameters, or a setting to validate and keep."""

    text: str
    parameters: dict[str, str]
    setting: tuple[str, str] | None = None
    values: Sequence[Sequence[Any]] | None = None


class CursorCore(Generic[Row]):
    """Runs statements and hands out their rows; one result at a time."""

    def __init__(
        self, connection: ConnectionCore, paramstyle: str | None, row_factory: Any = None
    ) -> None:
        connection.check_open()
        self.connection = connection
        self.session = connection.session
        self.paramstyle = check_paramstyle(paramstyle or connection.paramstyle)
        self.row_factory = connection.row_factory if row_factory is None else row_factory
        check_row_factory(self.row_factory)
        self.arraysize = 1
        self.closed = False
        self.result: Result | None = None
        self.query_id: str | None = None
        self._later: deque[Result | _Planned] = deque()
        self._later_budget: Budget | None = None
        self._later_form: Form = "streamed"
        self._shape: Shape[Row] | None = None
        # of the batch, `rows` were made; it is kept until they are taken, or while they fail
        self._batch: Batch | None = None
        self._rows: list[Row] = []
        self.ready: Iterator[Row] = iter(())
        self._ended = False

    async def execute(
        self,
        operation: str,
        parameters: Sequence[Any] | None,
        *,
        timeout: float | None,
        form: Form,
    ) -> None:
        """Run one or several statements; their results follow each other by `nextset`."""
        self.check_open()
        if form == "arrow":
            require_arrow()
        planned = self._plan(operation, parameters)
        await self._start(planned, timeout, form=form)

    async def executemany(
        self,
        operation: str,
        seq_of_parameters: Iterable[Sequence[Any]],
        *,
        timeout: float | None,
        batch: bool,
    ) -> None:
        """Run a statement once for each set of parameters; all are bound before the first runs."""
        self.check_open()
        rows = list(seq_of_parameters)
        if batch and self.paramstyle == "qmark":
            from firebolt_like.dbapi.insert_many import insert_many  # noqa: PLC0415  # many rows

            if await insert_many(self, operation, rows, timeout):
                return
        planned = [step for row in rows for step in self._plan(operation, row)]
        if batch and go_together(self.connection.backend.capabilities, operation, rows):
            planned = [planned[0]._replace(values=rows)]
        await self._start(planned, timeout, form="buffered")

    async def insert(self, statements: Sequence[Values], timeout: float | None) -> None:
        """Run statements that insert rows; what is left of them is how many these were."""
        await self._start([_Planned(text, {}) for text, _ in statements], timeout, form="buffered")
        self._later.clear()
        self._show(NoResult(sum(rows for _, rows in statements), self.query_id))

    async def reset(self) -> None:
        """Let go of the results there are."""
        self._later.clear()
        await self._let_go()
        self.result = None

    async def ingest(
        self, table: str | tuple[str, ...], data: Any, **options: Any
    ) -> "IngestReport":
        """Send rows to a table; see `firebolt_like.dbapi.ingest.Options` for the keywords."""
        from firebolt_like.dbapi import ingest  # noqa: PLC0415  # for data alone

        self.check_open()
        report = await ingest.ingest(self, table, data, ingest.Options(**options))
        # only now, because the rows may have come from this cursor
        await self._let_go()
        self._later.clear()
        self._show(NoResult(report.rows))
        return report

    async def fetchone(self) -> Row | None:
        """Give the next row, None at the end."""
        while True:
            for row in self.ready:
                return row
            if not await self.more():
                return None

    async def fetchmany(self, size: int | None) -> list[Row]:
        """Give the next `size` rows, fewer at the end."""
        wanted = self.arraysize if size is None else size
        if wanted < 0:
            raise InterfaceError(f"fetchmany takes a size of 0 or more, not {wanted}.")
        self._current()
        rows = list(itertools.islice(self.ready, wanted))
        while len(rows) < wanted and await self.more():
            rows += itertools.islice(self.ready, wanted - len(rows))
        return rows

    async def fetchall(self) -> list[Row]:
        """Give all rows that are left."""
        rows = self._take()
        while await self.more():
            more = self._take()
            if rows:
                rows += more  # in place, or each batch would copy all before it
            else:
                rows = more
        return rows

    def arrow_schema(self) -> "pa.Schema":
        """Give the Arrow schema of the result."""
        require_arrow()
        return self._current().schema()

    def check_not_ended(self) -> None:
        """Raise `InterfaceError` when all rows were taken: an empty result would be a lie."""
        if self._ended:
            raise InterfaceError(
                "All rows of this result have been fetched.",
                hint="Execute the statement again, or keep the table that was fetched.",
            )

    async def fetch_table(self) -> "pa.Table | None":
        """Give the rest of this batch, or the next one, as Arrow columns; None at the end."""
        require_arrow()
        result = self._current()
        taken, left = self._position()
        if taken and not left:
            self._drop()
        batch = await self._hold_batch(result)
        if batch is None:
            return None
        with garbage_collection_paused(batch):
            table = batch.table()
        if not self._rows:
            result.count(table.num_rows)
        self._drop()
        return table.slice(taken) if left else table

    async def fetch_arrow_table(self) -> "pa.Table":
        """Give all rows that are left as one table."""
        schema, tables = self.arrow_schema(), []
        while (table := await self.fetch_table()) is not None:
            tables.append(table)
        return join(schema, tables)

    async def nextset(self) -> bool | None:
        """Go to the next statement's result; None when there is none (PEP 249)."""
        self.check_open()
        if not self._later:
            return None
        await self._let_go()
        step = self._later.popleft()
        if isinstance(step, _Planned):
            assert self._later_budget is not None  # noqa: S101  # set wherever steps wait
            self._later_budget.resume()
            step = await self._run(step, self._later_budget, form=self._later_form)
        self._show(step)
        return True

    async def close(self) -> None:
        """Let go of the result; a query that is not finished is cancelled on the server."""
        if not self.closed:
            self.closed = True
            self._later.clear()
            await self._let_go()

    def check_open(self) -> None:
        """Raise `CursorClosedError` or `ConnectionClosedError` after a `close`."""
        self.connection.check_open()
        if self.closed:
            raise CursorClosedError("The cursor is closed.")

    def _plan(self, operation: str, parameters: Sequence[Any] | None) -> list[_Planned]:
        able = self.connection.backend.capabilities
        escapes = able.backslash_escapes
        texts = [statement.text for statement in split(operation, backslash_escapes=escapes)]
        if not texts:
            raise ProgrammingError("There is no statement in the text.")
        if parameters is None:
            return [
                _Planned(text, {}, parse_set(text) if able.settings else None) for text in texts
            ]
        if len(texts) > 1:
            raise NotSupportedError(
                f"Parameters go with one statement; the text has {len(texts)}. Run them one by one."
            )
        return [self._bound(texts[0], parameters)]

    def _bound(self, text: str, parameters: Sequence[Any]) -> _Planned:
        able = self.connection.backend.capabilities
        if able.settings and parse_set(text) is not None:
            raise NotSupportedError("SET takes no parameters.")
        if self.paramstyle == "qmark":
            escapes, write = able.backslash_escapes, able.writing.literal
            if not able.prepares:
                return _Planned(bind(text, parameters, backslash_escapes=escapes, write=write), {})
            check_marks(text, parameters, backslash_escapes=escapes)
            return _Planned(text, {}, values=[parameters])
        if not able.query_parameters:
            check_numbers(text, parameters)
            if not able.prepares:
                raise NotSupportedError(
                    f"{able.who} no way to bind $1.",
                    hint='Write ? with paramstyle "qmark": the client binds them.',
                )
            return _Planned(text, {}, values=[parameters])
        return _Planned(text, {"query_parameters": to_query_parameters(text, parameters)})

    async def _start(
        self,
        planned: list[_Planned],
        timeout: float | None,
        *,
        form: Form,
    ) -> None:
        if not self.connection.backend.capabilities.streaming:
            if form == "streamed":
                who = self.connection.backend.capabilities.who
                raise NotSupportedError(f"{who} no streams: use execute().")
            form = "buffered"
        budget = self.connection.budget(timeout)
        self._later.clear()
        await self._let_go()
        self.result = None
        if form != "buffered":
            self._later_budget, self._later_form = budget, form
            first = await self._run(planned[0], budget, form=form) if planned else None
            self._later.extend(planned[1:])
        else:
            results = [await self._run(step, budget, form="buffered") for step in planned]
            first = results[0] if results else None
            self._later.extend(results[1:])
        self._show(first)

    async def _run(self, step: _Planned, budget: Budget, *, form: Form) -> Result:
        if step.setting is not None:
            return await self._set(*step.setting, budget)
        return await self.connection.run(
            step.text,
            self,
            parameters=step.parameters,
            values=step.values,
            form=form,
            budget=budget,
        )

    async def _set(self, name: str, value: str, budget: Budget) -> Result:
        session = self.session.with_setting(name, value)
        await self.connection.backend.validate(session, budget=budget)
        self.session = session
        return NoResult()

    def _show(self, result: Result | None) -> None:
        self.result = result
        self._shape, self._ended = None, False
        self.query_id = result.query_id if result else None

    async def _let_go(self) -> None:
        self._drop()
        if self.result is not None and not self.result.finished:
            await self.result.close()

    def _current(self) -> Result:
        self.check_open()
        if self.result is None:
            raise QueryNotRunError("No statement has been run on this cursor.")
        if not self.result.columns:
            raise QueryNotRunError("The last statement gives no rows.")
        return self.result

    async def more(self) -> bool:
        """Make the next rows `ready`, when none are left there; False at the end."""
        result = self._current()
        if self._rows:
            self._drop()
        while True:
            batch = await self._hold_batch(result)
            if batch is None:
                return False
            with garbage_collection_paused(batch):
                self._rows = self._shape_rows(result, batch)
            if self._rows:
                self.ready = iter(self._rows)
                return True
            self._batch = None

    async def _hold_batch(self, result: Result) -> Batch | None:
        """Keep the next rows, where none are kept, and give them; None at the end."""
        self._batch = self._batch or await result.batch()
        if self._batch is None and result.rowcount < 0:
            raise InterfaceError(
                "The stream was broken off before its last row, by an error or a rollback.",
                hint="Execute the statement again.",
            )
        self._ended = self._batch is None
        return self._batch

    def _take(self) -> list[Row]:
        """Give the rows of this batch that are left."""
        taken, left = self._position()
        rows = list(self.ready) if taken or not left else self._rows
        if rows:
            self._drop()
        return rows

    def _position(self) -> tuple[int, int]:
        """Tell how many rows of this batch were taken, and how many are left."""
        left = operator.length_hint(self.ready)
        return len(self._rows) - left, left

    def _drop(self) -> None:
        self._batch, self._rows, self.ready = None, [], iter(())

    def _shape_rows(self, result: Result, batch: Batch) -> list[Row]:
        if self._shape is None:
            names = tuple(column.name for column in result.columns)
            types = tuple(column.type.python for column in result.columns)
            self._shape = fit(self.row_factory, names, types)
        rows = batch.rows(self._shape.required)
        result.count(len(rows))
        return self._shape.apply(rows)
