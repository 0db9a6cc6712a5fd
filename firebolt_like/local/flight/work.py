"""The statements of a command at work: bound, run for a count, or run for their rows.

What may live here: the way from a command's text through `Execution`, which is that of REST, too.
"""

import dataclasses
from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import closing, contextmanager, suppress
from types import MappingProxyType
from typing import Any, Final

import pyarrow as pa

from firebolt_like.local.batches import Batch
from firebolt_like.local.execution import Execution
from firebolt_like.local.flight.arrow_rows import NO_COLUMNS, ArrowRows, rows_of
from firebolt_like.local.flight.calls import Call, Query
from firebolt_like.local.flight.statuses import telling
from firebolt_like.local.options import Options
from firebolt_like.local.refusal import Refusal, invalid
from firebolt_like.local.transactions import Transactions
from firebolt_like.local.translate import mark_escapes
from firebolt_like.local.uploads import NO_UPLOADS, Uploads
from firebolt_like.protocol.sql import Statement, is_read_only, split

__all__ = [
    "Bound",
    "Work",
    "bind",
    "command",
    "gather",
    "in_transaction",
    "in_transaction_of",
    "rows",
    "run",
    "schema_of",
    "update",
]

Parameters = Mapping[str, Any]
NO_PARAMETERS: Final[Parameters] = MappingProxyType({})


@dataclasses.dataclass(frozen=True, slots=True)
class Work:
    """Statements, and what they run with; the last one runs once for each of `parameters`."""

    body: str
    statements: tuple[Statement, ...]
    options: Options
    parameters: tuple[Parameters, ...] = (NO_PARAMETERS,)
    in_session: bool = True
    """Whether the transaction, if any, is that of the session, not one that the command named."""

    @classmethod
    def of(
        cls,
        call: Call,
        text: str,
        transaction: bytes | None,
        rewrite: Callable[[str], str] = str,
    ) -> "Work":
        """Read a command's statements, as `rewrite` writes them. `Refusal` where there is none."""
        body = rewrite(mark_escapes(text) if call.backslash_escapes else text)
        statements = tuple(split(body))
        if not statements:
            raise invalid("The command holds no statement.")
        return cls(
            body, statements, in_transaction_of(call, transaction), in_session=not transaction
        )

    @property
    def text(self) -> str:
        """What runs, in the words of the client."""
        return self.statements[0].text if len(self.statements) == 1 else self.body

    @property
    def last(self) -> "Work":
        """The last statement alone."""
        return dataclasses.replace(self, statements=self.statements[-1:])


def in_transaction_of(call: Call, transaction: bytes | None) -> Options:
    """Give the options of a call for the transaction that a command names, if it does."""
    if not transaction:
        return call.options
    name = transaction.decode("ascii", "replace")
    return dataclasses.replace(call.options, transaction_id=name, sequence_id=None)


class Step:
    """One statement with one row of parameters."""

    def __init__(
        self,
        call: Call,
        query: Query,
        work: Work,
        options: Options,
        encoder: ArrowRows,
        uploads: Uploads = NO_UPLOADS,
        pool: Executor | None = None,
    ) -> None:
        self._call = call
        self._query = query
        self._pool = pool
        self.execution = Execution(
            call.tenant.services, work.body, work.statements[-1], options, query, encoder, uploads
        )

    def batches(self) -> Generator[Batch, None, None]:
        """Run it, and give its rows; with an error, all that it did is undone. Raises `Refusal`."""
        failed = True
        try:
            batch = self._call.wait(self._query, self.execution.start, self._pool)
            while not batch.last:
                yield batch
                batch = self._call.wait(self._query, self.execution.next)
            yield batch
            failed = False
        finally:
            self.execution.close(failed=failed)

    def finish(self) -> int:
        """Run it to its end, and give the number of its rows, or of those that it changed."""
        count = sum(batch.count for batch in self.batches())
        return count + (self.execution.changed or 0)


def run(
    call: Call,
    query: Query,
    work: Work,
    options: Options,
    uploads: Uploads = NO_UPLOADS,
    pool: Executor | None = None,
) -> tuple[int, Options]:
    """Run the last statement to its end; give its count, and the options for what comes next."""
    step = Step(call, query, work, options, ArrowRows(), uploads, pool)
    count = step.finish()
    return count, _follow(call, work, options, step)


def _follow(call: Call, work: Work, options: Options, step: Step) -> Options:
    headers = step.execution.headers
    if work.in_session:
        call.follow(headers)
    return dataclasses.replace(options.follow(headers), sequence_id=None)


def command(call: Call, query: Query, sql: str, options: Options) -> Options:
    """Run a statement of our own about a transaction, and give the options after it."""
    work = Work(sql, (Statement(sql, 0),), options, in_session=False)
    return run(call, query, work, options)[1]


@contextmanager
def in_transaction(call: Call, query: Query, options: Options) -> Iterator[Options]:
    """Have statements happen together or not at all; the options are for them.

    Where no transaction is open, one is: it ends with this.
    """
    transactions = call.tenant.services.transactions
    if options.transaction_id is not None:
        try:
            yield options
        except BaseException:
            _abort(transactions, options.transaction_id)
            raise
        return
    inside = command(call, query, "BEGIN", options)
    try:
        yield inside
        command(call, query, "COMMIT", inside)
    except BaseException:
        transaction = transactions.remove(inside.transaction_id or "")
        if transaction is not None:
            transaction.abort()
        raise


def _abort(transactions: Transactions, name: str) -> None:
    """Undo what was done in a transaction that its client will end."""
    with suppress(Refusal):  # it is undone already
        transaction = transactions.enter(name, None)
        transaction.abort()
        transactions.leave(transaction)


def _up_to_last(call: Call, query: Query, work: Work) -> tuple[int, Options]:
    count, options = 0, work.options
    for statement in work.statements[:-1]:
        each = dataclasses.replace(work, statements=(statement,))
        changed, options = run(call, query, each, options)
        count += changed
    return count, options


def update(call: Call, work: Work) -> int:
    """Run all statements, and give the number of rows that they changed. Raises `Refusal`."""
    with call.admit(work.text) as query:
        count, options = _up_to_last(call, query, work)
        if len(work.parameters) == 1:
            options = dataclasses.replace(options, parameters=dict(work.parameters[0]))
            return count + run(call, query, work, options)[0]
        with in_transaction(call, query, options) as inside:
            together = dataclasses.replace(work, in_session=False)
            for parameters in work.parameters:
                each = dataclasses.replace(inside, parameters=dict(parameters))
                count += run(call, query, together, each)[0]
        return count


@dataclasses.dataclass(frozen=True, slots=True)
class Bound:
    """What is known of a query's rows: their schema, and they themselves where it had to run.

    `work` is what is left to run for them, and `query_id` what the query is called by.
    """

    schema: pa.Schema
    work: Work
    rows: pa.Table | None
    query_id: str


def bind(call: Call, work: Work) -> Bound:
    """Find out the schema of the last statement's rows. Raises `Refusal`.

    A query is not run for that; what changes something is, with the statements before the last.
    """
    if len(work.statements) == 1 and is_read_only(work.text):
        return _bind_last(call, call.query(work.text), work, work.options)
    with call.admit(work.text) as query:
        _, options = _up_to_last(call, query, work)
        if len(work.parameters) > 1:
            return _run_last(call, query, work.last, options)
        return _bind_last(call, query, work.last, options)


def _bind_last(call: Call, query: Query, work: Work, options: Options) -> Bound:
    work = dataclasses.replace(work, options=options)
    encoder = ArrowRows(only_schema=True)
    with_parameters = dataclasses.replace(options, parameters=dict(work.parameters[0]))
    step = Step(call, query, work, with_parameters, encoder)
    parts = [part for batch in step.batches() for part in rows_of(batch)]
    if not encoder.ran:
        return Bound(encoder.schema, work, None, query.query_id)
    _follow(call, work, options, step)
    table = pa.Table.from_batches(parts, encoder.schema)
    query.returned_rows = table.num_rows
    return Bound(encoder.schema, work, table, query.query_id)


def _run_last(call: Call, query: Query, work: Work, options: Options) -> Bound:
    """Run a statement for each of several rows of parameters; all of them, or none."""
    together = dataclasses.replace(work, in_session=False)
    with in_transaction(call, query, options) as inside:
        tables = [
            _table(call, query, together, dataclasses.replace(inside, parameters=dict(parameters)))
            for parameters in work.parameters
        ]
    table = pa.concat_tables(tables)
    query.returned_rows = table.num_rows
    return Bound(table.schema, work, table, query.query_id)


def _table(call: Call, query: Query, work: Work, options: Options) -> pa.Table:
    encoder = ArrowRows()
    step = Step(call, query, work, options, encoder)
    parts = [part for batch in step.batches() for part in rows_of(batch)]
    return pa.Table.from_batches(parts, encoder.schema)


def schema_of(call: Call, work: Work) -> pa.Schema:
    """Give the schema of a query's rows without running it; of what may change things, none."""
    return bind(call, work).schema if is_read_only(work.body) else NO_COLUMNS


def rows(
    call: Call, work: Work, started: list[Query], query_id: str | None = None
) -> Generator[Any, None, None]:
    """Run a query: give its schema first, then tables of some rows each.

    What is raised is fit for clients. `started` has the query while it runs, so that others can
    stop it.
    """
    with telling(), call.admit(work.text, query_id) as query, _listed(query, started):
        schema: pa.Schema | None = None
        for parameters in work.parameters:
            encoder = ArrowRows()
            options = dataclasses.replace(work.options, parameters=dict(parameters))
            with closing(Step(call, query, work, options, encoder).batches()) as batches:
                for batch in batches:
                    if schema is None:
                        schema = encoder.schema
                        yield schema
                    if encoder.schema != schema:
                        raise invalid("Two rows of parameters give columns of different types.")
                    parts = rows_of(batch)
                    query.returned_rows += batch.count
                    query.returned_bytes += sum(part.nbytes for part in parts)
                    if parts:
                        yield pa.Table.from_batches(parts, schema)


@contextmanager
def _listed(query: Query, queries: list[Query]) -> Iterator[None]:
    queries.append(query)
    try:
        yield
    finally:
        queries.remove(query)


def gather(call: Call, bound: Bound) -> pa.Table:
    """Run a query, and give all of its rows at once."""
    schema, *tables = rows(call, bound.work, [], bound.query_id)
    return pa.concat_tables(tables) if tables else schema.empty_table()
