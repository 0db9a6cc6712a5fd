"""`AsyncFlightSQLClient`: the protocol itself, for tasks.

What may live here: one line for each public method; what they do is in `statements`.
"""

from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, Unpack

from firebolt_like.client.client import AsyncClient
from firebolt_like.client.httpx_io import AsyncIO
from firebolt_like.flight import connect
from firebolt_like.flight.caller import Operation
from firebolt_like.flight.handles import AsyncPreparedStatement, AsyncTransaction, transaction_id
from firebolt_like.flight.info import FlightInfo
from firebolt_like.flight.opening import open_core
from firebolt_like.flight.options import ClientOptions, basic_login
from firebolt_like.flight.parameters import rows_of
from firebolt_like.flight.rows import AsyncFlightResult
from firebolt_like.flight.statements import CallOptions, info_numbers
from firebolt_like.protocol import flight_sql as sql
from firebolt_like.protocol.flight import CancelStatus, DescriptorType, FlightDescriptor
from firebolt_like.protocol.protobuf import Message
from firebolt_like.protocol.sql_info import SqlInfo

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["AsyncFlightSQLClient"]


class AsyncFlightSQLClient:
    """A client of Flight SQL, for asyncio and trio; many tasks may share one.

    Arguments as in `FlightSQLClient`. A task that is cancelled ends its call on the server.

    >>> import anyio
    >>> async def main() -> None:
    ...     async with AsyncFlightSQLClient("grpc+tls://example.com", token="x") as client:
    ...         print(client)
    >>> anyio.run(main)
    AsyncFlightSQLClient('grpc+tls://example.com:32010')
    """

    def __init__(self, url: str | None = None, **options: Unpack[ClientOptions]) -> None:
        self._core, read = open_core(
            url,
            options,
            lambda **client: AsyncIO(AsyncClient(**client)),
            connect.for_tasks,
        )
        self.features: Mapping[str, str] = read.features

    def __repr__(self) -> str:
        return f"AsyncFlightSQLClient({self._core.caller.home.target.uri!r})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._core.caller.closed

    async def close(self) -> None:
        """Let the server drop what was not read, and close the channels. Closing twice is fine."""
        await self._core.close()

    async def log_in(
        self,
        user: str | None = None,
        password: str | None = None,
        **options: Unpack[CallOptions],
    ) -> None:
        """Log in now, rather than with the first call; by another name where one is given.

        Raises `AuthenticationError`, `ServerConnectionError`, and `QueryTimeoutError`.
        """
        basic = None if user is None and password is None else basic_login(user, password)
        await self._core.caller.log_in(self._operation(options), basic)

    # --- statements

    async def execute(
        self,
        query: str,
        *,
        transaction: AsyncTransaction | bytes | None = None,
        **options: Unpack[CallOptions],
    ) -> FlightInfo:
        """Run a statement that gives rows; `do_get` reads them.

        Raises `ProgrammingError` and the other errors of the server, `AuthenticationError`,
        `ServerConnectionError`, and `QueryTimeoutError`. Some servers run the whole statement
        now, others while its rows are read: those raise its errors there.
        """
        work = self._core.execute(query, transaction_id(transaction), self._operation(options))
        return await work

    async def query(
        self,
        query: str,
        *,
        transaction: AsyncTransaction | bytes | None = None,
        **options: Unpack[CallOptions],
    ) -> AsyncFlightResult:
        """Run a statement that gives rows, and begin to read them: `execute` and `do_get` in one.

        The schema is known then, also where the server announces it late or not at all.
        """
        work = self._core.query(query, transaction_id(transaction), self._operation(options))
        return AsyncFlightResult(await work)

    async def execute_update(
        self,
        query: str,
        *,
        transaction: AsyncTransaction | bytes | None = None,
        **options: Unpack[CallOptions],
    ) -> int:
        """Run a statement that changes rows; give their number, -1 where it is not known.

        Not every server that answers this does it: ROAPI answers 1, and does nothing.
        """
        work = self._core.update(query, transaction_id(transaction), self._operation(options))
        return await work

    async def get_schema(
        self,
        query: str,
        *,
        transaction: AsyncTransaction | bytes | None = None,
        **options: Unpack[CallOptions],
    ) -> "pa.Schema":
        """Give the schema of a statement's rows without running it."""
        work = self._core.query_schema(query, transaction_id(transaction), self._operation(options))
        return await work

    async def prepare(
        self,
        query: str,
        *,
        transaction: AsyncTransaction | bytes | None = None,
        **options: Unpack[CallOptions],
    ) -> AsyncPreparedStatement:
        """Prepare a statement, whose parameters are `?` or `$1` as the server has it."""
        work = self._core.prepare(query, transaction_id(transaction), self._operation(options))
        return AsyncPreparedStatement(await work)

    async def begin_transaction(self, **options: Unpack[CallOptions]) -> AsyncTransaction:
        """Begin a transaction; as a context manager it commits, and rolls back on an error."""
        return AsyncTransaction(await self._core.begin(self._operation(options)))

    async def ingest(
        self,
        table: str,
        data: Any,
        *,
        if_not_exist: sql.IfNotExist = sql.IfNotExist.CREATE,
        if_exists: sql.IfExists = sql.IfExists.APPEND,
        catalog: str | None = None,
        db_schema: str | None = None,
        temporary: bool = False,
        transaction: AsyncTransaction | bytes | None = None,
        ingest_options: Mapping[str, str] | None = None,
        **options: Unpack[CallOptions],
    ) -> int:
        """Write rows into a table; give their number, -1 where the server does not say.

        `data` is an Arrow table, batch, reader or stream, or a list of tuples. A reader is read
        while it is sent.
        """
        message = sql.CommandStatementIngest(
            sql.TableDefinitionOptions(if_not_exist, if_exists),
            table,
            db_schema,
            catalog,
            temporary,
            transaction_id(transaction),
            dict(ingest_options or {}),
        )
        return await self._core.put(message, rows_of(data), self._operation(options))

    # --- rows

    async def do_get(self, what: Any, **options: Unpack[CallOptions]) -> AsyncFlightResult:
        """Read the rows of a `FlightInfo`, from all its endpoints, or of one ticket.

        A ticket is bytes, or an object with them as `ticket`. Endpoints are open together, eight
        at most; each waits with its next rows while megabytes of it are on the way. Where the
        server says `ordered`, rows come in the order of the endpoints, else as they come.
        """
        operation = self._operation(options)
        if isinstance(what, FlightInfo):
            return AsyncFlightResult(await self._core.read(what, operation))
        return AsyncFlightResult(await self._core.do_get(what, operation))

    async def cancel(self, info: FlightInfo, **options: Unpack[CallOptions]) -> CancelStatus:
        """Ask the server to cancel what an answer stands for.

        Raises `NotSupportedError` where the server has no such action; closing a result that is
        being read cancels it on every server.
        """
        return await self._core.cancel(info, self._operation(options))

    async def get_flight_info(self, command: bytes, **options: Unpack[CallOptions]) -> FlightInfo:
        """Ask a plain Flight server, such as one that takes SQL text as its command."""
        descriptor = FlightDescriptor(DescriptorType.CMD, command)
        return await self._core.flight_info(descriptor, self._operation(options))

    async def do_action(
        self, kind: str, body: bytes = b"", **options: Unpack[CallOptions]
    ) -> list[bytes]:
        """Call an action of the server's own; give the bodies of its answers."""
        return await self._core.action(kind, body, self._operation(options))

    # --- metadata

    async def get_sql_info(
        self, info: Iterable[int | str] = (), **options: Unpack[CallOptions]
    ) -> FlightInfo:
        """Facts about the server, as a table of `info_name` and `value`.

        They are asked for by `SqlInfo`, by their names or by numbers; none are all.
        """
        return await self._metadata(sql.CommandGetSqlInfo(info_numbers(info)), options)

    async def read_sql_info(
        self, info: Iterable[int | str] = (), **options: Unpack[CallOptions]
    ) -> dict[SqlInfo | int, Any]:
        """Facts about the server as a dict, as far as the server has them.

        Its keys are `SqlInfo`, which equal their numbers.
        """
        return await self._core.sql_info(info, self._operation(options))

    async def get_xdbc_type_info(
        self, data_type: int | None = None, **options: Unpack[CallOptions]
    ) -> FlightInfo:
        """List the types of the server's SQL, or those that are one `XdbcDataType`."""
        return await self._metadata(sql.CommandGetXdbcTypeInfo(data_type), options)

    async def get_catalogs(self, **options: Unpack[CallOptions]) -> FlightInfo:
        """List all catalogs: `catalog_name`."""
        return await self._metadata(sql.CommandGetCatalogs(), options)

    async def get_db_schemas(
        self,
        catalog: str | None = None,
        db_schema_filter_pattern: str | None = None,
        **options: Unpack[CallOptions],
    ) -> FlightInfo:
        """List schemas: `catalog_name`, `db_schema_name`. A pattern is one of LIKE."""
        message = sql.CommandGetDbSchemas(catalog, db_schema_filter_pattern)
        return await self._metadata(message, options)

    async def get_tables(
        self,
        catalog: str | None = None,
        db_schema_filter_pattern: str | None = None,
        table_name_filter_pattern: str | None = None,
        table_types: Sequence[str] | None = None,
        include_schema: bool = False,
        **options: Unpack[CallOptions],
    ) -> FlightInfo:
        """List tables: `catalog_name`, `db_schema_name`, `table_name`, `table_type`.

        With `include_schema` also `table_schema`, in the form of Arrow IPC (`read_schema` reads
        it). Patterns are those of LIKE; no `table_types` are all.
        """
        message = sql.CommandGetTables(
            catalog,
            db_schema_filter_pattern,
            table_name_filter_pattern,
            tuple(table_types or ()),
            include_schema,
        )
        return await self._metadata(message, options)

    async def get_table_types(self, **options: Unpack[CallOptions]) -> FlightInfo:
        """List all types of tables: `table_type`."""
        return await self._metadata(sql.CommandGetTableTypes(), options)

    async def get_primary_keys(
        self,
        table: str,
        catalog: str | None = None,
        db_schema: str | None = None,
        **options: Unpack[CallOptions],
    ) -> FlightInfo:
        """List the columns of a table's primary key."""
        message = sql.CommandGetPrimaryKeys(catalog, db_schema, table)
        return await self._metadata(message, options)

    async def get_exported_keys(
        self,
        table: str,
        catalog: str | None = None,
        db_schema: str | None = None,
        **options: Unpack[CallOptions],
    ) -> FlightInfo:
        """List the foreign keys that refer to a table."""
        message = sql.CommandGetExportedKeys(catalog, db_schema, table)
        return await self._metadata(message, options)

    async def get_imported_keys(
        self,
        table: str,
        catalog: str | None = None,
        db_schema: str | None = None,
        **options: Unpack[CallOptions],
    ) -> FlightInfo:
        """List the foreign keys of a table."""
        message = sql.CommandGetImportedKeys(catalog, db_schema, table)
        return await self._metadata(message, options)

    async def get_cross_reference(
        self,
        pk_table: str,
        fk_table: str,
        *,
        pk_catalog: str | None = None,
        pk_db_schema: str | None = None,
        fk_catalog: str | None = None,
        fk_db_schema: str | None = None,
        **options: Unpack[CallOptions],
    ) -> FlightInfo:
        """List the foreign keys of one table that refer to another."""
        message = sql.CommandGetCrossReference(
            pk_catalog, pk_db_schema, pk_table, fk_catalog, fk_db_schema, fk_table
        )
        return await self._metadata(message, options)

    async def _metadata(self, message: Message, options: CallOptions) -> FlightInfo:
        return await self._core.metadata(message, self._operation(options))

    def _operation(self, options: CallOptions) -> Operation:
        return self._core.operation(options)
