"""One statement from its text to its last batch: the cursor it gets, and where that goes after.

What may live here: the choice between a cursor of its own and that of a transaction, and their
return on success and failure. Everything here blocks and is called from worker threads.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import duckdb

from firebolt_like.local.async_queries import AsyncQueries
from firebolt_like.local.batches import Batch, RowEncoder
from firebolt_like.local.commands import Commands, Headers
from firebolt_like.local.comparisons import exact_places
from firebolt_like.local.describe import description_query, placeholder_types
from firebolt_like.local.engine import Engine
from firebolt_like.local.information_schema import InformationSchema, Session
from firebolt_like.local.inserts import bytea_places
from firebolt_like.local.options import Options
from firebolt_like.local.public_schema import with_main_schema
from firebolt_like.local.refusal import Refusal, invalid
from firebolt_like.local.running import Running
from firebolt_like.local.statement import Result, check, describe, run
from firebolt_like.local.transactions import Transaction, Transactions
from firebolt_like.local.translate import Translation, translate
from firebolt_like.local.uploads import NO_UPLOADS, Uploads
from firebolt_like.protocol.sql import Statement
from firebolt_like.protocol.types import Column

__all__ = ["Execution", "Services"]


@dataclasses.dataclass(frozen=True, slots=True)
class Services:
    """What all executions of a server share."""

    engine: Engine
    transactions: Transactions
    commands: Commands
    version: str
    information_schema: InformationSchema
    account: str
    async_queries: AsyncQueries


class Execution:
    """Runs one statement; `close` must be called, once."""

    def __init__(
        self,
        services: Services,
        body: str,
        statement: Statement | None,
        options: Options,
        query: Running,
        encoder: RowEncoder,
        uploads: Uploads = NO_UPLOADS,
    ) -> None:
        self._services = services
        self._body = body
        self._statement = statement
        self._options = options
        self._query = query
        self._encoder = encoder
        self._uploads = uploads
        self._upload_views: list[str] = []
        self._database = options.database or services.engine.default_database
        self._cursor: duckdb.DuckDBPyConnection | None = None
        self._transaction: Transaction | None = None
        self._batches: Iterator[Batch] = iter(())
        self._views: list[str] = []
        self.columns: tuple[Column, ...] = ()
        self.changed: int | None = None
        self.headers: Headers = []

    def start(self) -> Batch:
        """Run the statement and read the first batch. Raises `Refusal`."""
        self._query.begin()
        self._services.transactions.expire()
        if self._statement is not None:
            self._services.commands.check_place(self._statement.text, self._options)
        result = Result() if self._statement is None else self._run(self._statement)
        self.columns, self._batches = result.columns, result.batches
        self.changed = result.changed
        return self.next()

    def check(self) -> None:
        """Raise `Refusal` where the statement is no statement, or none that can run by itself."""
        self._query.check()
        if self._statement is None or self._options.transaction_id is not None:
            raise invalid("async=true wants a statement, outside of a transaction.")
        if self._services.commands.find(self._statement.text) is not None:
            raise invalid("async=true wants a statement that runs by itself, not a command.")
        self._services.commands.check_place(self._statement.text, self._options)
        self._services.commands.check(self._statement.text, self._options)
        cursor = self._services.engine.borrow(self._database, self._options.zone)
        self._cursor = cursor
        check(cursor, self._translate(cursor, self._statement))

    def next(self) -> Batch:
        """Read the next batch. Raises `Refusal`."""
        return next(self._batches)

    def close(self, *, failed: bool) -> None:
        """Give the cursor back, or throw it away with all that a failed statement did."""
        self._query.detach()
        cursor, self._cursor = self._cursor, None
        if cursor is not None and not failed:
            self._services.information_schema.forget(cursor, self._views)
            self._uploads.forget(cursor, self._upload_views)
        if self._transaction is not None:
            if failed:
                self._transaction.abort()
            self._services.transactions.leave(self._transaction)
        elif cursor is not None and failed:
            cursor.close()
        elif cursor is not None:
            self._services.engine.give_back(cursor, self._database, self._options.zone)

    def _run(self, statement: Statement) -> Result:
        commands = self._services.commands
        command = commands.find(statement.text)
        if command is not None and self._options.describe:
            return Result()
        if command is not None:
            self.headers = command(statement.text, self._options)
            return Result()
        commands.check(statement.text, self._options)
        statement = commands.rewrite(statement, self._options)
        statement = self._services.async_queries.rewrite(statement, self._services.account)
        if self._options.transaction_id is None:
            cursor = self._services.engine.borrow(self._database, self._options.zone)
        else:
            cursor = self._enter(self._options.transaction_id)
        self._cursor = cursor
        statement = with_main_schema(statement)
        statement, self._upload_views = self._uploads.prepare(cursor, statement)
        session = Session(cursor, self._database, self._options.engine or "system")
        statement, self._views = self._services.information_schema.prepare(statement, session)
        if self._options.describe:
            translation = self._describe(cursor, statement)
        else:
            translation = self._translate(cursor, statement)
        alone = self._transaction is None
        return run(
            cursor, translation, self._query, self._encoder, self._options.limit, alone=alone
        )

    def _enter(self, transaction_id: str) -> duckdb.DuckDBPyConnection:
        transactions = self._services.transactions
        transaction = transactions.enter(transaction_id, self._options.sequence_id)
        self._transaction = transaction
        self.headers = transaction.headers
        if transaction.cursor is None:
            raise Refusal.of("TransactionError", "The transaction has ended.")
        transaction.set_zone(self._options.zone)
        return transaction.cursor

    def _describe(self, cursor: duckdb.DuckDBPyConnection, statement: Statement) -> Translation:
        """Give the query that tells what the statement takes and gives."""
        placeholders = placeholder_types(cursor, statement.text)
        columns = describe(cursor, self._translate(cursor, statement, dict.fromkeys(placeholders)))
        sql = description_query(placeholders, columns)
        return Translation(sql, sql, ((0, 0, True),))

    def _translate(
        self,
        cursor: duckdb.DuckDBPyConnection,
        statement: Statement,
        defaults: Mapping[str, Any] = MappingProxyType({}),
    ) -> Translation:
        functions = {
            "version": self._services.version,
            "current_engine": self._options.engine or "system",
            "current_schema": "public",
            "current_user": self._options.user,
            "session_user": self._options.user,
        }
        parameters = {**defaults, **self._options.parameters}
        bytea = bytea_places(cursor, statement.text, parameters)
        exact = exact_places(cursor, statement.text)
        return translate(self._body, statement, parameters, functions, bytea, exact)
