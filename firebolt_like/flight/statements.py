"""Flight SQL, written once: what both faces of the client do.

What may live here: which message asks for what, and what its answer means.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar

from firebolt_like.client.retry import Budget
from firebolt_like.errors import (
    DatabaseError,
    InterfaceError,
    NotSupportedError,
    ServerResponseError,
)
from firebolt_like.flight.caller import Caller, Cancellation, Operation
from firebolt_like.flight.framing import read_schema
from firebolt_like.flight.info import FlightInfo
from firebolt_like.flight.metadata import check_metadata
from firebolt_like.flight.parameters import Rows, Sending, rows_of
from firebolt_like.flight.release import Releaser
from firebolt_like.flight.result import ResultCore
from firebolt_like.protocol import flight
from firebolt_like.protocol import flight_sql as sql
from firebolt_like.protocol.flight import (
    Action,
    CancelFlightInfoRequest,
    CancelFlightInfoResult,
    CancelStatus,
    DescriptorType,
    FlightDescriptor,
    FlightEndpoint,
    Ticket,
)
from firebolt_like.protocol.protobuf import Message, decode, encode
from firebolt_like.protocol.sql import is_read_only
from firebolt_like.protocol.sql_info import SqlInfo

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["CallOptions", "PreparedCore", "StatementsCore", "TransactionCore"]

M = TypeVar("M", bound=Message)


class CallOptions(TypedDict, total=False):
    """What every method takes besides its own arguments.

    `timeout` is in seconds, over all that the method does; None stands for the client's own. For a
    result only the time counts that its reader waits. `headers` go out with these calls alone.
    """

    timeout: float | None
    headers: Mapping[str, str | bytes] | None
    cancellation: Cancellation | None


def command(message: Message) -> FlightDescriptor:
    """Give the descriptor that carries a message of Flight SQL."""
    return FlightDescriptor(DescriptorType.CMD, sql.pack(message))


class StatementsCore:
    """Statements, metadata and actions over one caller."""

    def __init__(self, caller: Caller, timeout: float) -> None:
        self.caller = caller
        self.releaser = Releaser(caller)
        self._timeout = timeout

    def operation(self, options: CallOptions) -> Operation:
        """Give a new operation the options of a call."""
        timeout = options.get("timeout")
        budget = Budget(self.caller.io, self._timeout if timeout is None else timeout)
        headers = check_metadata(options.get("headers") or {})
        return Operation(budget, headers, options.get("cancellation"))

    # --- statements

    async def flight_info(
        self, descriptor: FlightDescriptor, operation: Operation, *, keeps_rows: bool = True
    ) -> FlightInfo:
        """Ask how to get a flight; `keeps_rows` says that the server has something to let go of."""
        await self.releaser.abandoned()
        info = FlightInfo(
            await self.caller.do(
                "GetFlightInfo", lambda t, call: t.get_flight_info(descriptor, call), operation
            )
        )
        if keeps_rows:
            self.releaser.watch(info)
        return info

    async def execute(
        self, query: str, transaction: bytes | None, operation: Operation
    ) -> FlightInfo:
        """Run a statement that gives rows."""
        return await self.flight_info(
            command(sql.CommandStatementQuery(query, transaction)), operation
        )

    async def query(
        self, query: str, transaction: bytes | None, operation: Operation
    ) -> ResultCore:
        """Run a statement, and begin to read its rows."""
        info = await self.execute(query, transaction, operation)

        async def find_schema() -> "pa.Schema | None":
            return await self._prepared_schema(query, transaction, operation)

        return await self.read(info, operation, find_schema if is_read_only(query) else None)

    async def read(
        self,
        info: FlightInfo,
        operation: Operation,
        find_schema: Callable[[], Awaitable["pa.Schema | None"]] | None = None,
    ) -> ResultCore:
        """Begin to read the rows of an answer."""
        self.releaser.take(info.endpoints)
        result = ResultCore(self.caller, self.releaser, info.message, operation, find_schema)
        await result.start(info.schema)
        return result

    async def do_get(self, ticket: Any, operation: Operation) -> ResultCore:
        """Read the stream of one ticket, in any of the forms that a ticket has."""
        text = ticket if isinstance(ticket, bytes) else getattr(ticket, "ticket", None)
        if not isinstance(text, bytes):
            raise InterfaceError(f"An object of {type(ticket).__name__} is no ticket.")
        info = flight.FlightInfo(endpoint=(FlightEndpoint(Ticket(text)),))
        self.releaser.take(info.endpoint)
        result = ResultCore(self.caller, self.releaser, info, operation)
        await result.start(None)
        return result

    async def query_schema(
        self, query: str, transaction: bytes | None, operation: Operation
    ) -> "pa.Schema":
        """Give the schema of a statement's rows without running it."""
        descriptor = command(sql.CommandStatementQuery(query, transaction))
        data = await self.caller.do(
            "GetSchema", lambda t, call: t.get_schema(descriptor, call), operation
        )
        schema = read_schema(data)
        if schema is None:
            raise ServerResponseError("GetSchema was answered without a schema.")
        return schema

    async def update(self, query: str, transaction: bytes | None, operation: Operation) -> int:
        """Run a statement that gives a number of rows."""
        return await self.put(
            sql.CommandStatementUpdate(query, transaction), rows_of(None), operation
        )

    async def put(self, message: Message, rows: Rows, operation: Operation) -> int:
        """Put rows; give the number of rows that the server says, -1 where it does not."""
        replies = [reply for reply in await self.put_rows(message, rows, operation) if reply]
        if not replies:
            return -1
        return decode(sql.DoPutUpdateResult, replies[-1]).record_count

    async def put_rows(self, message: Message, rows: Rows, operation: Operation) -> list[bytes]:
        """Put rows; give the answers."""
        sending = Sending(rows)
        try:
            return await self.caller.do(
                "DoPut",
                lambda t, call: t.do_put(command(message), rows.schema, sending.once(), call),
                operation,
                again=lambda: sending.again,
            )
        finally:
            sending.raise_failure()

    async def action(self, kind: str, body: bytes, operation: Operation) -> list[bytes]:
        """Call an action; give the bodies of its answers."""
        wanted = Action(kind, body)
        return await self.caller.do(
            "DoAction", lambda t, call: t.do_action(wanted, call), operation
        )

    async def ask(self, kind: str, message: Message, answer: type[M], operation: Operation) -> M:
        """Call an action of Flight SQL that has one answer."""
        bodies = await self.action(kind, sql.pack(message), operation)
        found = sql.unpack(bodies[0]) if bodies else answer()
        if not isinstance(found, answer):
            raise ServerResponseError(f"{kind} was answered with {type(found).__name__}.")
        return found

    # --- prepared statements, transactions

    async def prepare(
        self, query: str, transaction: bytes | None, operation: Operation
    ) -> "PreparedCore":
        """Prepare a statement."""
        request = sql.ActionCreatePreparedStatementRequest(query, transaction)
        made = await self.ask(
            "CreatePreparedStatement",
            request,
            sql.ActionCreatePreparedStatementResult,
            operation,
        )
        return PreparedCore(self, made)

    async def begin(self, operation: Operation) -> "TransactionCore":
        """Begin a transaction."""
        made = await self.ask(
            "BeginTransaction",
            sql.ActionBeginTransactionRequest(),
            sql.ActionBeginTransactionResult,
            operation,
        )
        return TransactionCore(self, made.transaction_id)

    async def _prepared_schema(
        self, query: str, transaction: bytes | None, operation: Operation
    ) -> "pa.Schema | None":
        """Ask for the schema of a query that a server answered without."""
        try:
            prepared = await self.prepare(query, transaction, operation)
            await prepared.close(operation)
        except (DatabaseError, ValueError):
            return None  # the server cannot say it this way either
        return prepared.dataset_schema

    # --- metadata

    async def metadata(self, message: Message, operation: Operation) -> FlightInfo:
        """Ask for a table of metadata."""
        return await self.flight_info(command(message), operation, keeps_rows=False)

    async def sql_info(
        self, names: Iterable[int | str], operation: Operation
    ) -> dict[SqlInfo | int, Any]:
        """Give facts about the server by their numbers."""
        message = sql.CommandGetSqlInfo(info_numbers(names))
        result = await self.read(await self.metadata(message, operation), operation)
        table = await result.read_all()
        if table.num_columns < 2:
            return {}
        numbers, values = (table.column(i).to_pylist() for i in (0, 1))
        return {_named(n): value for n, value in zip(numbers, values, strict=True)}

    # --- the rest

    async def cancel(self, info: FlightInfo, operation: Operation) -> CancelStatus:
        """Cancel what an answer stands for, by the newer action or the older."""
        self.releaser.take(info.endpoints)
        try:
            request = encode(CancelFlightInfoRequest(info.message))
            bodies = await self.action("CancelFlightInfo", request, operation)
            status = decode(CancelFlightInfoResult, bodies[0] if bodies else b"").status
        except NotSupportedError:
            old = sql.ActionCancelQueryRequest(encode(info.message))
            answer = await self.ask("CancelQuery", old, sql.ActionCancelQueryResult, operation)
            status = answer.result
        return _status(status)

    async def close(self) -> None:
        """Let the server drop what was not read, and close."""
        if self.caller.closed:
            return
        try:
            await self.releaser.everything()
        finally:
            await self.caller.close()


class PreparedCore:
    """A prepared statement."""

    def __init__(
        self, statements: StatementsCore, made: sql.ActionCreatePreparedStatementResult
    ) -> None:
        self.handle = made.prepared_statement_handle
        self.dataset_schema = read_schema(made.dataset_schema)
        self.parameter_schema = read_schema(made.parameter_schema)
        self.closed = False
        self.statements = statements

    async def bind(self, parameters: Any, operation: Operation) -> None:
        """Put parameters for a statement that gives rows."""
        self._check()
        rows = rows_of(parameters, self.parameter_schema)
        message = sql.CommandPreparedStatementQuery(self.handle)
        for reply in await self.statements.put_rows(message, rows, operation):
            new = decode(sql.DoPutPreparedStatementResult, reply).prepared_statement_handle
            self.handle = new or self.handle

    async def execute(self, parameters: Any, operation: Operation) -> FlightInfo:
        """Run a statement that gives rows."""
        self._check()
        if parameters is not None:
            await self.bind(parameters, operation)
        return await self.statements.flight_info(
            command(sql.CommandPreparedStatementQuery(self.handle)), operation
        )

    async def query(self, parameters: Any, operation: Operation) -> ResultCore:
        """Run a statement that gives rows, and begin to read them."""

        async def find_schema() -> "pa.Schema | None":
            return self.dataset_schema

        info = await self.execute(parameters, operation)
        return await self.statements.read(info, operation, find_schema)

    async def update(self, parameters: Any, operation: Operation) -> int:
        """Run a statement that gives a number of rows, once for each row of parameters."""
        self._check()
        message = sql.CommandPreparedStatementUpdate(self.handle)
        rows = rows_of(parameters, self.parameter_schema)
        return await self.statements.put(message, rows, operation)

    async def close(self, operation: Operation) -> None:
        """Let the server drop the statement."""
        if self.closed or self.statements.caller.closed:
            return
        self.closed = True
        request = sql.ActionClosePreparedStatementRequest(self.handle)
        await self.statements.action("ClosePreparedStatement", sql.pack(request), operation)

    def _check(self) -> None:
        if self.closed:
            raise InterfaceError("The prepared statement is closed.")


class TransactionCore:
    """A transaction; its `id` goes with every statement of it."""

    def __init__(self, statements: StatementsCore, transaction_id: bytes) -> None:
        self.id = transaction_id
        self.ended = False
        self.statements = statements

    async def end(self, how: sql.EndTransaction, operation: Operation) -> None:
        """Commit or roll back."""
        if self.ended:
            raise InterfaceError("The transaction has ended already.")
        request = sql.ActionEndTransactionRequest(self.id, how)
        await self.statements.action("EndTransaction", sql.pack(request), operation)
        self.ended = True

    async def begin_savepoint(self, name: str, operation: Operation) -> bytes:
        """Begin a savepoint; give its id."""
        request = sql.ActionBeginSavepointRequest(self.id, name)
        made = await self.statements.ask(
            "BeginSavepoint", request, sql.ActionBeginSavepointResult, operation
        )
        return made.savepoint_id

    async def end_savepoint(
        self, savepoint: bytes, how: sql.EndSavepoint, operation: Operation
    ) -> None:
        """Release a savepoint, or roll back to it."""
        request = sql.ActionEndSavepointRequest(savepoint, how)
        await self.statements.action("EndSavepoint", sql.pack(request), operation)


def info_numbers(names: Iterable[int | str]) -> tuple[int, ...]:
    """Give the numbers of facts that are named by number or name."""
    try:
        return tuple(SqlInfo[n].value if isinstance(n, str) else int(n) for n in names)
    except KeyError as error:
        raise InterfaceError(
            f"{error.args[0]!r} is not the name of a fact about a server.",
            hint="The names are those of SqlInfo.",
        ) from error


def _named(number: int) -> SqlInfo | int:
    try:
        return SqlInfo(number)
    except ValueError:
        return number


def _status(number: int) -> CancelStatus:
    try:
        return CancelStatus(number)
    except ValueError:
        return CancelStatus.UNSPECIFIED
