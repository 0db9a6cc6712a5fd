"""Statements over Arrow Flight SQL.

What may live here: how a statement becomes Flight SQL's messages, and their answers a result. What
a server can do is found out in `flight_servers`.
"""

import contextlib
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, cast

from firebolt_like.client.retry import Budget
from firebolt_like.dbapi.backend import Capabilities, Query, Upload
from firebolt_like.dbapi.flight_result import FlightResult, TableResult
from firebolt_like.dbapi.ingest_rows import RowBlock, tuple_reader
from firebolt_like.dbapi.result import NoResult, Result
from firebolt_like.errors import Error, NotSupportedError, ProgrammingError
from firebolt_like.flight.caller import Operation
from firebolt_like.flight.parameters import Rows
from firebolt_like.flight.result import ResultCore
from firebolt_like.flight.statements import PreparedCore, StatementsCore, TransactionCore
from firebolt_like.protocol import flight_sql as sql
from firebolt_like.protocol.protobuf import Message
from firebolt_like.protocol.session import Changes, Session
from firebolt_like.protocol.sql import Kind, first_words, tokens

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["FlightBackend"]

_TRANSACTION = "transaction_id"
_BEGIN = re.compile(r"(BEGIN|START)(\s+(TRANSACTION|WORK))?", re.IGNORECASE)
_ENDS = {
    # a word that ends a transaction
    "COMMIT": sql.EndTransaction.COMMIT,
    "END": sql.EndTransaction.COMMIT,
    "ROLLBACK": sql.EndTransaction.ROLLBACK,
    "ABORT": sql.EndTransaction.ROLLBACK,
}
_CHANGE_ROWS = frozenset({"INSERT", "UPDATE", "DELETE", "MERGE", "COPY"})
_CHANGE = _CHANGE_ROWS | {
    *("CREATE", "ALTER", "DROP", "TRUNCATE", "GRANT", "REVOKE", "VACUUM", "SET", "USE", "REFRESH"),
}
"""Words that statements begin with which give no rows."""

_RETURNING = re.compile(r"\bRETURNING\b", re.IGNORECASE)


class FlightBackend:
    """Runs statements by the messages that a server understands; see `Backend`."""

    def __init__(self, core: StatementsCore, capabilities: Capabilities) -> None:
        self.capabilities = capabilities
        self._core = core

    async def execute(
        self, query: Query, *, budget: Budget, apply: Callable[[Changes], None]
    ) -> Result:
        """Run a statement; BEGIN and what ends a transaction are calls of their own."""
        operation = Operation(budget, (), None)
        word = "".join(first_words(query.text, 1))
        if word in _ENDS or word in ("BEGIN", "START"):
            await self._transact(query, word, operation, apply)
            return NoResult()
        if word not in _CHANGE or _returns_rows(query.text):
            return await self._rows(query, operation)
        if self.capabilities.updates:
            count = await self._update(query, operation)
        else:
            result = await self._rows(query, operation, whole=True)
            count = await _told_count(result)
        return NoResult(count if word in _CHANGE_ROWS else -1)

    async def validate(self, session: Session, *, budget: Budget) -> None:
        """Nothing is kept here: settings are the server's."""

    async def takes_uploads(self, session: Session, *, budget: Budget) -> frozenset[str]:  # noqa: ARG002  # Backend's signature
        """Tell whether the server has ingest."""
        return frozenset({"arrow"} if self.capabilities.uploads else ())

    async def ingest(
        self,
        upload: Upload,
        *,
        budget: Budget,
        apply: Callable[[Changes], None],  # noqa: ARG002  # Backend's signature
    ) -> int | None:
        """Send rows by StatementIngest, which is all or nothing."""
        sources, columns = list(upload.sources), list(upload.columns)
        content = cast("Sequence[pa.RecordBatch]", upload.content)  # as `takes_uploads` told
        batches = [batch.select(sources).rename_columns(columns) for batch in content]
        *above, table = upload.table
        catalog, db_schema = (None, None, *above)[-2:]
        message = sql.CommandStatementIngest(
            sql.TableDefinitionOptions(sql.IfNotExist.FAIL, sql.IfExists.APPEND),
            table,
            db_schema,
            catalog,
            False,  # the message's order
            _transaction(upload.parameters),
            {},
        )
        rows = Rows(batches[0].schema, batches, again=True)
        await self._core.put(message, rows, Operation(budget, (), None))
        return sum(int(batch.nbytes) for batch in batches)

    async def metadata(self, message: Message, *, budget: Budget) -> "pa.Table":
        """Ask what is no statement, such as which tables there are."""
        operation = Operation(budget, (), None)
        result = await self._core.read(await self._core.metadata(message, operation), operation)
        try:
            return await result.read_all()
        finally:
            await result.close()

    # --- transactions

    async def _transact(
        self, query: Query, word: str, operation: Operation, apply: Callable[[Changes], None]
    ) -> None:
        if not self.capabilities.transactions:
            raise NotSupportedError(f"{self.capabilities.who} no transactions.")
        held = _transaction(query.parameters)
        if word in _ENDS:
            if held is None:
                raise ProgrammingError(f"{word}: no transaction is open.")
            apply(Changes(remove=frozenset({_TRANSACTION})))
            await TransactionCore(self._core, held).end(_ENDS[word], operation)
            return
        if held is not None:
            raise ProgrammingError(f"{word}: a transaction is open already.")
        if _BEGIN.fullmatch(query.text) is None:
            raise NotSupportedError("A transaction over Flight begins by BEGIN, without more.")
        made = await self._core.begin(operation)
        apply(Changes(update={_TRANSACTION: made.id.hex()}))

    # --- statements

    async def _rows(self, query: Query, operation: Operation, *, whole: bool = False) -> Result:
        transaction = _transaction(query.parameters)
        prepared: PreparedCore | None = None
        if query.values is None:
            core = await self._core.query(query.text, transaction, operation)
        else:
            prepared = await self._core.prepare(query.text, transaction, operation)
            try:
                core = await prepared.query(_arrow(query.values), operation)
            except BaseException:
                await self._forget(prepared)
                raise
        if query.form == "buffered" or whole or not core.schema.names:
            return await self._gather(core, prepared)

        async def release() -> None:
            if prepared is not None:
                await self._forget(prepared)

        return FlightResult(core, release)

    async def _gather(self, core: ResultCore, prepared: PreparedCore | None) -> Result:
        try:
            table = await core.read_all()
        finally:
            await core.close()
            if prepared is not None:
                await self._forget(prepared)
        return TableResult(table) if table.schema.names else NoResult()

    async def _update(self, query: Query, operation: Operation) -> int:
        transaction = _transaction(query.parameters)
        if query.values is None:
            return await self._core.update(query.text, transaction, operation)
        prepared = await self._core.prepare(query.text, transaction, operation)
        try:
            return await prepared.update(_arrow(query.values), operation)
        finally:
            await self._forget(prepared)

    async def _forget(self, prepared: PreparedCore) -> None:
        """Let the server drop a prepared statement, whatever happened."""
        io = self._core.caller.io
        with io.shield(_WITHIN), contextlib.suppress(Error):  # the server forgets it by itself
            await prepared.close(Operation(Budget(io, _WITHIN), (), None))


_WITHIN = 5.0  # seconds that the forgetting may take


def _transaction(parameters: Any) -> bytes | None:
    held = parameters.get(_TRANSACTION)
    return None if held is None else bytes.fromhex(held)


def _returns_rows(text: str) -> bool:
    return _RETURNING.search(text) is not None and any(
        token.kind is Kind.TEXT and _RETURNING.search(text, token.start, token.end)
        for token in tokens(text)
    )


def _arrow(rows: Sequence[Sequence[Any]]) -> "pa.RecordBatch | None":
    """Give parameters the Arrow types that hold them exactly. Raises `DataError`."""
    if not rows[0]:
        return None
    block = RowBlock(tuple_reader(None, len(rows[0])), [*map(tuple, rows)], 1)
    return block.arrow(block.columns())


async def _told_count(result: Result) -> int:
    """Read the number of rows that some servers give as the one row of a statement's answer."""
    if [column.name for column in result.columns] != ["count"] or result.rowcount != 1:
        return -1
    batch = await result.batch()
    value = batch.rows({})[0][0] if batch is not None else None
    return value if isinstance(value, int) else -1
