"""Prepared statements: kept with their parameters, until they are closed or forgotten.

What may live here: the preparation, the binding of parameters, and many rows of them at once.
"""

import dataclasses
import re
from concurrent.futures import Executor
from typing import Any, Final

import pyarrow as pa

from firebolt_like.local.describe import placeholder_types
from firebolt_like.local.flight.begun import Begun
from firebolt_like.local.flight.calls import Call, Owner
from firebolt_like.local.flight.data import DATA, Data, numbered_columns, peek, read_table
from firebolt_like.local.flight.parameters import numbered, row_of
from firebolt_like.local.flight.results import handle_text
from firebolt_like.local.flight.shelf import Shelf
from firebolt_like.local.flight.work import Work, bind, in_transaction, run, update
from firebolt_like.local.inserts import INSERT_VALUES
from firebolt_like.local.refusal import Refusal, invalid
from firebolt_like.protocol.arrow_types import arrow_type
from firebolt_like.protocol.flight_sql import (
    ActionCreatePreparedStatementRequest,
    ActionCreatePreparedStatementResult,
)
from firebolt_like.protocol.sql import Statement, is_read_only
from firebolt_like.protocol.types import parse_type

__all__ = ["Prepared", "PreparedStatements"]


@dataclasses.dataclass(slots=True)
class Prepared:
    """A statement, and the rows of parameters that were put last."""

    owner: Owner
    work: Work
    rows: pa.Table | None = None


class PreparedStatements:
    """Those of a server."""

    def __init__(self, shelf: Shelf[Prepared], begun: Begun, uploading: Executor) -> None:
        self._shelf = shelf
        self._begun = begun
        self._uploading = uploading

    def create(
        self, call: Call, request: ActionCreatePreparedStatementRequest
    ) -> ActionCreatePreparedStatementResult:
        """Prepare a statement; what it gives and takes is told as far as it is known."""
        work = Work.of(call, request.query, request.transaction_id, numbered)
        parameters = _parameter_schema(call, work)
        dataset = _dataset_schema(call, work, parameters)
        handle = self._shelf.put(Prepared(call.owner, work))
        return ActionCreatePreparedStatementResult(
            handle.encode(), _bytes(dataset), _bytes(parameters)
        )

    def bound(self, call: Call, handle: bytes) -> Work:
        """Give the work of a query with the parameters that were put. Raises `Refusal`."""
        prepared = self._find(call, handle)
        return _with_parameters(self._work(call, prepared), prepared.rows)

    def put(self, call: Call, handle: bytes, reader: Any) -> None:
        """Read the parameters of the next query."""
        prepared = self._find(call, handle)
        prepared.rows = read_table(call, reader.to_reader()) if reader.schema.names else None

    def update(self, call: Call, handle: bytes, reader: Any) -> int:
        """Run it for each row of parameters; all of them, or none. Gives the count."""
        prepared = self._find(call, handle)
        work = self._work(call, prepared)
        if not reader.schema.names:
            return update(call, _with_parameters(work, prepared.rows))
        stream = reader.to_reader()
        bulk = _bulk_insert(work, stream.schema)
        if bulk is not None:
            is_bulk, stream = peek(stream)
            if is_bulk:
                return self._insert(call, bulk, stream)
        rows = read_table(call, stream)
        return update(call, _with_parameters(work, rows)) if rows.num_rows else 0

    def _insert(self, call: Call, work: Work, stream: pa.RecordBatchReader) -> int:
        """Insert rows as they come: they need no memory."""
        together = dataclasses.replace(work, in_session=False)
        with (
            call.admit(work.text) as query,
            in_transaction(call, query, work.options) as inside,
        ):
            data = Data(numbered_columns(stream))
            count, _ = run(call, query, together, inside, data, self._uploading)
            call.check()
            return count

    def _find(self, call: Call, handle: bytes) -> Prepared:
        prepared = self._shelf.get(handle_text(handle))
        if prepared is None or prepared.owner != call.owner:
            raise invalid("The prepared statement is unknown: it was closed, or has expired.")
        return prepared

    def _work(self, call: Call, prepared: Prepared) -> Work:
        """Give the work in the session, or the transaction, of now."""
        work, options = prepared.work, call.options
        if not work.in_session:
            name = self._begun.current(call, work.options.transaction_id or "")
            options = dataclasses.replace(work.options, transaction_id=name)
        return dataclasses.replace(work, options=options)

    def close(self, call: Call, handle: bytes) -> None:
        """Let one go; one that is gone is no mistake."""
        prepared = self._shelf.get(handle_text(handle))
        if prepared is not None and prepared.owner == call.owner:
            self._shelf.remove(handle_text(handle))


def _with_parameters(work: Work, rows: pa.Table | None) -> Work:
    """Bind rows of parameters. Raises `Refusal` for one of a type that no SQL has."""
    if rows is None or not rows.num_rows:
        return work
    given = tuple(row_of(rows, number) for number in range(rows.num_rows))
    return dataclasses.replace(work, parameters=given)


def _parameter_schema(call: Call, work: Work) -> pa.Schema:
    """Say what the placeholders of a single statement want, as far as that is known."""
    if len(work.statements) > 1:
        return pa.schema([])
    engine, options = call.tenant.services.engine, work.options
    database = options.database or engine.default_database

    def look() -> dict[str, str]:
        cursor = engine.borrow(database, options.zone)
        try:
            return placeholder_types(cursor, work.text)
        finally:
            engine.give_back(cursor, database, options.zone)

    types = call.wait(call.query(work.text), look)
    return pa.schema([(name, arrow_type(parse_type(kind))) for name, kind in types.items()])


def _dataset_schema(call: Call, work: Work, parameters: pa.Schema) -> pa.Schema | None:
    """Bind a query, with NULL for each parameter; None where its columns cannot be known yet."""
    if not is_read_only(work.body):
        return None
    if not parameters.names:
        return bind(call, work).schema
    options = dataclasses.replace(work.options, transaction_id=None)  # an error would abort it
    nulls = dict.fromkeys(parameters.names)
    try:
        return bind(call, dataclasses.replace(work, options=options, parameters=(nulls,))).schema
    except Refusal:
        return None


def _bytes(schema: pa.Schema | None) -> bytes:
    return b"" if schema is None or not schema.names else bytes(schema.serialize())


_ONE_ROW: Final = re.compile(r"\s*\(\s*(\$\d+(?:\s*,\s*\$\d+)*)\s*\)\s*")


def _bulk_insert(work: Work, schema: pa.Schema) -> Work | None:
    """Write `INSERT ... VALUES ($1, $2)` as one INSERT of all rows, or None for anything else."""
    sql = work.statements[-1].text
    insert = INSERT_VALUES.match(sql)
    values = None if insert is None else _ONE_ROW.fullmatch(sql, insert.end())
    if len(work.statements) > 1 or insert is None or values is None:
        return None
    if any(_has_no_column(kind) for kind in schema.types):
        return None
    numbers = [int(place.strip(" \t\r\n$")) for place in values[1].split(",")]
    if not all(1 <= number <= len(schema) for number in numbers):
        return None  # the error is that of one row
    columns = "" if insert["columns"] is None else f" ({insert['columns']})"
    chosen = ", ".join(f"p{number}" for number in numbers)
    query = f"INSERT INTO {insert['table']}{columns} SELECT {chosen} FROM {DATA}"  # noqa: S608  # a statement of the client's is all that it holds
    return dataclasses.replace(work, body=query, statements=(Statement(query, 0),))


def _has_no_column(kind: pa.DataType) -> bool:
    return bool(pa.types.is_union(kind) or pa.types.is_null(kind))
