"""The sync face of connections: each method hands the shared coroutine to `run`.

What may live here: `connect` and `Connection`. What they do is in `firebolt_like.dbapi`.
"""

import warnings
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Literal, Self, TypeVar, overload

from firebolt_like.client.io import IO, run
from firebolt_like.client.retry import Retry
from firebolt_like.db.cursor import Cursor
from firebolt_like.dbapi.connection import ConnectionAttributes, ConnectionCore
from firebolt_like.dbapi.cursor import CursorCore
from firebolt_like.rows import Row, RowFactory, tuple_row

if TYPE_CHECKING:
    import httpx

__all__ = ["Connection", "connect"]

T = TypeVar("T")
Other = TypeVar("Other")


def connect(
    dsn: str | None = None,
    *,
    auth: "httpx.Auth | tuple[str, str] | None" = None,
    account_name: str | None = None,
    database: str | None = None,
    engine_name: str | None = None,
    engine_url: str | None = None,
    api_endpoint: str | None = None,
    auth_endpoint: str | None = None,
    url: str | None = None,
    host: str | None = None,
    ssl_mode: str | None = None,
    protocol: Literal["rest", "flight"] | None = None,
    autocommit: bool | None = None,
    timeout: float | None = None,
    paramstyle: str | None = None,
    disable_cache: bool | None = None,
    profile: str | None = None,
    retry: Retry | None = None,
    row_factory: type[Row] | RowFactory[Row] | None = None,
    additional_parameters: Mapping[str, Any] | None = None,
    **client: Any,
) -> "Connection[Row]":
    """Connect to a warehouse, or to the embedded engine when nothing says where.

    `dsn` is one of `local:`, `local:///path/to/file`, `http://host:3473/database` (Core),
    `firebolt://id:secret@database/engine?account_name=x`, `firebolt://host:port/database`
    (discovery), `grpc+tls://host:port` (Arrow Flight SQL; `grpc://` without TLS). The embedded
    engine is reached over Flight by `protocol="flight"`. A keyword may stand in the DSN, in the
    environment as `FIREBOLT_*`, or in the table `profile` of the profile file instead; keywords
    win. `timeout` is a total in seconds for each call, `retry` says what is sent again,
    `paramstyle` is a key of `firebolt_like.dbapi.cursor.PARAMSTYLES`. `row_factory` says what a
    row is: a class of yours with fields, or a function of `firebolt_like.rows`; tuples by default.
    `additional_parameters` names the programs above and below this package for the server's logs,
    as `{"user_clients": [(name, version)], "user_drivers": [...]}`. All other keywords are httpx's
    (`verify`, `proxy`, `transport`, ...). Over Flight they are `headers` and those of the clients
    of `firebolt_like.flight` for TLS and `transport` ("grpc" or "pyarrow"); `timeout` is 300
    seconds there unless given.

    Raises `ConfigurationError` for arguments that contradict each other or are missing,
    `AuthenticationError`, `AccountNotFoundError`, `EngineNotRunningError`, and
    `ServerConnectionError`. Source: PEP 249, "Constructors".

    >>> with connect("local:") as connection:
    ...     connection.cursor().execute("SELECT 40 + ?", [2]).fetchone()
    (42,)
    """
    from firebolt_like.dbapi.connect import (  # noqa: PLC0415  # brings httpx
        open_connection,
        with_user_agent,
    )
    from firebolt_like.dbapi.face import Manner  # noqa: PLC0415  # likewise
    from firebolt_like.settings import read_settings  # noqa: PLC0415  # brings pydantic

    arguments = {
        "auth": auth,
        "account_name": account_name,
        "database": database,
        "engine_name": engine_name,
        "engine_url": engine_url,
        "api_endpoint": api_endpoint,
        "auth_endpoint": auth_endpoint,
        "url": url,
        "host": host,
        "ssl_mode": ssl_mode,
        "protocol": protocol,
        "autocommit": autocommit,
        "timeout": timeout,
        "paramstyle": paramstyle,
        "disable_cache": disable_cache,
    }
    settings = read_settings(dsn, arguments, profile=profile)
    client = with_user_agent(client, additional_parameters)
    manner = Manner(
        Retry() if retry is None else retry,
        tuple_row if row_factory is None else row_factory,
        client,
    )
    return Connection(run(open_connection(_Face(), settings, manner)))


class _Face:
    blocking = True

    def make(self, **client: Any) -> IO:
        from firebolt_like.client.client import Client  # noqa: PLC0415  # brings httpx
        from firebolt_like.client.httpx_io import BlockingIO  # noqa: PLC0415  # likewise

        return BlockingIO(Client(**client))

    async def call(self, function: Callable[[], T]) -> T:
        return function()

    async def finish(self, function: Callable[[], None]) -> None:
        function()


class Connection(ConnectionAttributes, Generic[Row]):
    """A session with a server; `connect` makes one (PEP 249, "Connection Objects").

    Threads may share a connection, each with cursors of its own. Leaving its `with` block commits,
    or rolls back after an error, and closes.
    """

    def __init__(self, core: ConnectionCore) -> None:
        self._core = core

    @overload
    def cursor(self, *, paramstyle: str | None = None, row_factory: None = None) -> Cursor[Row]: ...

    @overload
    def cursor(
        self, *, paramstyle: str | None = None, row_factory: type[Other] | RowFactory[Other]
    ) -> Cursor[Other]: ...

    def cursor(self, *, paramstyle: str | None = None, row_factory: Any = None) -> Cursor[Any]:
        """Make a cursor; `paramstyle` and `row_factory` override the connection's."""
        return Cursor(self, CursorCore(self._core, paramstyle, row_factory))

    def commit(self) -> None:
        """Make the open transaction's changes permanent; nothing where none is open."""
        run(self._core.commit())

    def rollback(self) -> None:
        """Undo the open transaction's changes; nothing where none is open."""
        run(self._core.rollback())

    def close(self) -> None:
        """Close its cursors, roll back an open transaction, let go of the server."""
        run(self._core.close())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        run(self._core.leave(failed=error is not None))

    def __del__(self) -> None:
        if hasattr(self, "_core") and not self._core.closed:
            warnings.warn(f"{self!r} was never closed", ResourceWarning, stacklevel=2, source=self)
