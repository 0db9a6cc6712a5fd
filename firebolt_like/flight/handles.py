"""Prepared statements and transactions as users hold them, in threads and in tasks.

What may live here: both faces of each; what they do is in `statements`.
"""

from collections.abc import Coroutine
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, Unpack

from firebolt_like.client.io import run
from firebolt_like.flight.caller import Operation
from firebolt_like.flight.info import FlightInfo
from firebolt_like.flight.rows import AsyncFlightResult, FlightResult
from firebolt_like.flight.statements import CallOptions, PreparedCore, TransactionCore
from firebolt_like.protocol.flight_sql import EndSavepoint, EndTransaction

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "AsyncPreparedStatement",
    "AsyncTransaction",
    "PreparedStatement",
    "Transaction",
    "transaction_id",
]


class _Prepared:
    def __init__(self, core: PreparedCore) -> None:
        self._core = core

    @property
    def handle(self) -> bytes:
        """What the server knows the statement by."""
        return self._core.handle

    @property
    def dataset_schema(self) -> "pa.Schema | None":
        """The columns of the rows; None where the server did not say."""
        return self._core.dataset_schema

    @property
    def parameter_schema(self) -> "pa.Schema | None":
        """The parameters, as columns; None where the server did not say."""
        return self._core.parameter_schema

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._core.closed

    def _operation(self, options: CallOptions) -> Operation:
        return self._core.statements.operation(options)


class _InTransaction:
    def __init__(self, core: TransactionCore) -> None:
        self._core = core

    @property
    def id(self) -> bytes:
        """What the server knows the transaction by."""
        return self._core.id

    @property
    def ended(self) -> bool:
        """Whether it was committed or rolled back."""
        return self._core.ended

    def _operation(self, options: CallOptions) -> Operation:
        return self._core.statements.operation(options)

    def _end(self, how: EndTransaction, options: CallOptions) -> Coroutine[Any, Any, None]:
        return self._core.end(how, self._operation(options))

    def _end_savepoint(
        self, savepoint: bytes, how: EndSavepoint, options: CallOptions
    ) -> Coroutine[Any, Any, None]:
        return self._core.end_savepoint(savepoint, how, self._operation(options))


def transaction_id(transaction: "_InTransaction | bytes | None") -> bytes | None:
    """Give the id of a transaction, in any of its forms."""
    return transaction.id if isinstance(transaction, _InTransaction) else transaction


class PreparedStatement(_Prepared):
    """A statement that the server has planned. Close it, or use it as a context manager.

    Parameters are an Arrow table, batch or stream, a tuple of values for one row, or a list of
    tuples; values are sent with the types of `parameter_schema`, where the server gave it.
    """

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def set_parameters(self, parameters: Any, **options: Unpack[CallOptions]) -> None:
        """Send the parameters that `execute` is to use."""
        run(self._core.bind(parameters, self._operation(options)))

    def execute(self, parameters: Any = None, **options: Unpack[CallOptions]) -> FlightInfo:
        """Run a statement that gives rows; the client's `do_get` reads them."""
        return run(self._core.execute(parameters, self._operation(options)))

    def query(self, parameters: Any = None, **options: Unpack[CallOptions]) -> FlightResult:
        """Run a statement that gives rows, and begin to read them."""
        work = self._core.query(parameters, self._operation(options))
        return FlightResult(run(work))

    def execute_update(self, parameters: Any = None, **options: Unpack[CallOptions]) -> int:
        """Run a statement that changes rows, once for each row of parameters; give their number.

        It is -1 where the server does not say.
        """
        return run(self._core.update(parameters, self._operation(options)))

    def close(self, **options: Unpack[CallOptions]) -> None:
        """Let the server drop the statement. Closing twice is fine."""
        run(self._core.close(self._operation(options)))


class Transaction(_InTransaction):
    """A transaction: give it to statements as `transaction=`.

    As a context manager it commits at the end, and rolls back when an error comes out of it.
    """

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if not self.ended:
            (self.commit() if error is None else self.rollback())

    def commit(self, **options: Unpack[CallOptions]) -> None:
        """Keep what the transaction did."""
        run(self._end(EndTransaction.COMMIT, options))

    def rollback(self, **options: Unpack[CallOptions]) -> None:
        """Undo what the transaction did."""
        run(self._end(EndTransaction.ROLLBACK, options))

    def begin_savepoint(self, name: str, **options: Unpack[CallOptions]) -> bytes:
        """Begin a savepoint; give its id."""
        return run(self._core.begin_savepoint(name, self._operation(options)))

    def release_savepoint(self, savepoint: bytes, **options: Unpack[CallOptions]) -> None:
        """End a savepoint, keeping what was done since."""
        run(self._end_savepoint(savepoint, EndSavepoint.RELEASE, options))

    def rollback_savepoint(self, savepoint: bytes, **options: Unpack[CallOptions]) -> None:
        """Undo what was done since a savepoint."""
        run(self._end_savepoint(savepoint, EndSavepoint.ROLLBACK, options))


class AsyncPreparedStatement(_Prepared):
    """A statement that the server has planned. Close it, or use it as a context manager.

    Parameters are an Arrow table, batch or stream, a tuple of values for one row, or a list of
    tuples; values are sent with the types of `parameter_schema`, where the server gave it.
    """

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def set_parameters(self, parameters: Any, **options: Unpack[CallOptions]) -> None:
        """Send the parameters that `execute` is to use."""
        await self._core.bind(parameters, self._operation(options))

    async def execute(self, parameters: Any = None, **options: Unpack[CallOptions]) -> FlightInfo:
        """Run a statement that gives rows; the client's `do_get` reads them."""
        return await self._core.execute(parameters, self._operation(options))

    async def query(
        self, parameters: Any = None, **options: Unpack[CallOptions]
    ) -> AsyncFlightResult:
        """Run a statement that gives rows, and begin to read them."""
        work = self._core.query(parameters, self._operation(options))
        return AsyncFlightResult(await work)

    async def execute_update(self, parameters: Any = None, **options: Unpack[CallOptions]) -> int:
        """Run a statement that changes rows, once for each row of parameters; give their number.

        It is -1 where the server does not say.
        """
        return await self._core.update(parameters, self._operation(options))

    async def close(self, **options: Unpack[CallOptions]) -> None:
        """Let the server drop the statement. Closing twice is fine."""
        await self._core.close(self._operation(options))


class AsyncTransaction(_InTransaction):
    """A transaction: give it to statements as `transaction=`.

    As a context manager it commits at the end, and rolls back when an error comes out of it.
    """

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if not self.ended:
            await (self.commit() if error is None else self.rollback())

    async def commit(self, **options: Unpack[CallOptions]) -> None:
        """Keep what the transaction did."""
        await self._end(EndTransaction.COMMIT, options)

    async def rollback(self, **options: Unpack[CallOptions]) -> None:
        """Undo what the transaction did."""
        await self._end(EndTransaction.ROLLBACK, options)

    async def begin_savepoint(self, name: str, **options: Unpack[CallOptions]) -> bytes:
        """Begin a savepoint; give its id."""
        return await self._core.begin_savepoint(name, self._operation(options))

    async def release_savepoint(self, savepoint: bytes, **options: Unpack[CallOptions]) -> None:
        """End a savepoint, keeping what was done since."""
        await self._end_savepoint(savepoint, EndSavepoint.RELEASE, options)

    async def rollback_savepoint(self, savepoint: bytes, **options: Unpack[CallOptions]) -> None:
        """Undo what was done since a savepoint."""
        await self._end_savepoint(savepoint, EndSavepoint.ROLLBACK, options)
