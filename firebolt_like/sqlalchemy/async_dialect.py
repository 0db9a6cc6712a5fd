"""`firebolt_like+async://`: the dialect over the async driver, in the program's own event loop.

What may live here: the adapters of SQLAlchemy's asyncio connector, and the dialects that use them.
"""

from typing import Any

from sqlalchemy import pool
from sqlalchemy.connectors.asyncio import (
    AsyncAdapt_dbapi_connection,
    AsyncAdapt_dbapi_cursor,
    AsyncAdapt_dbapi_module,
    AsyncAdapt_dbapi_ss_cursor,
    AsyncAdapt_terminate,
)
from sqlalchemy.engine import URL
from sqlalchemy.util.concurrency import await_only

from firebolt_like.sqlalchemy.dialect import (
    ExecutionContext,
    FireboltLikeDialect,
    WarehouseDialect,
)

__all__ = ["AsyncFace", "AsyncFireboltLikeDialect"]


class _Cursor(AsyncAdapt_dbapi_cursor):
    __slots__ = ()


class _StreamCursor(AsyncAdapt_dbapi_ss_cursor):
    __slots__ = ()

    def execute_stream(self, operation: str, parameters: Any = None) -> Any:
        """Run a statement, and hold one batch of its rows at a time."""
        try:
            return await_only(self._cursor.execute_stream(operation, parameters))  # type: ignore[attr-defined]  # SQLAlchemy knows no streams
        except Exception as error:  # noqa: BLE001  # SQLAlchemy's connector raises it again
            self._adapt_connection._handle_exception(error)


class _Connection(AsyncAdapt_terminate, AsyncAdapt_dbapi_connection):
    __slots__ = ()
    _cursor_cls = _Cursor
    _ss_cursor_cls = _StreamCursor

    @property
    def autocommit(self) -> bool:
        """Whether each statement takes effect at once."""
        return bool(self._connection.autocommit)

    @autocommit.setter
    def autocommit(self, on: bool) -> None:
        self._connection.autocommit = on

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        return bool(self._connection.in_transaction)

    async def _terminate_graceful_close(self) -> None:
        await self._connection.close()

    def _terminate_force_close(self) -> None:
        """Do nothing: without a running loop nothing can be sent, and the server forgets."""


class _Driver(AsyncAdapt_dbapi_module):
    """What SQLAlchemy takes for the PEP 249 module."""

    def __init__(self, driver: Any) -> None:
        # SQLAlchemy 2.0 has no constructor here, and 2.1 looks for the errors at `driver`
        self.driver = driver
        self.dbapi_module = None
        self.paramstyle = driver.paramstyle

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["driver"], name)

    def connect(self, **keywords: Any) -> Any:
        return _Connection(self, await_only(self.driver.connect(**keywords)))


class _ExecutionContext(ExecutionContext):
    def create_server_side_cursor(self) -> Any:
        return self._dbapi_connection.cursor(server_side=True)


class AsyncFace(WarehouseDialect):
    """What a dialect over the async driver has in place of one over the sync driver."""

    supports_statement_cache = True
    is_async = True
    has_terminate = True
    poolclass = pool.AsyncAdaptedQueuePool
    execution_ctx_cls = _ExecutionContext

    @classmethod
    def import_dbapi(cls) -> Any:
        from firebolt_like import async_db  # noqa: PLC0415  # SQLAlchemy asks when it is needed

        return _Driver(async_db)

    @classmethod
    def get_pool_class(cls, url: URL) -> Any:
        """Wait for connections as the event loop does."""
        return cls.poolclass

    def get_driver_connection(self, connection: Any) -> Any:
        """Give the async driver's connection."""
        return connection._connection

    def do_terminate(self, dbapi_connection: Any) -> None:
        """Close a connection that cannot be closed in the usual way."""
        dbapi_connection.terminate()


class AsyncFireboltLikeDialect(AsyncFace, FireboltLikeDialect):
    """`firebolt_like+async://`, over `firebolt_like.async_db`, for `create_async_engine`."""

    driver = "async"
    supports_statement_cache = True
