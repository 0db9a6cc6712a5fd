r"""Arrow Flight SQL: the table of its messages, shared by client and embedded engine.

They travel packed, with the name of their type: in the descriptor of a call, in the body of an
action, in a ticket. The answers to what was put (`DoPut...`) travel as they are, by `encode` and
`decode` of `protobuf`, like all messages of `flight`.

    >>> pack(CommandGetCatalogs())
    b'\n@type.googleapis.com/arrow.flight.protocol.sql.CommandGetCatalogs'
    >>> unpack(pack(CommandStatementQuery("select 1")))
    CommandStatementQuery(query='select 1', transaction_id=None)

Source: the Arrow documentation, "Arrow Flight SQL".

What may live here: messages of Flight SQL, their enumerations, and the envelope.
"""

from enum import IntEnum
from typing import Annotated

from firebolt_like.errors import NotSupportedError, ServerResponseError
from firebolt_like.protocol.flight import CancelStatus
from firebolt_like.protocol.protobuf import Message, decode, encode

__all__ = [
    "ActionBeginSavepointRequest",
    "ActionBeginSavepointResult",
    "ActionBeginTransactionRequest",
    "ActionBeginTransactionResult",
    "ActionCancelQueryRequest",
    "ActionCancelQueryResult",
    "ActionClosePreparedStatementRequest",
    "ActionCreatePreparedStatementRequest",
    "ActionCreatePreparedStatementResult",
    "ActionEndSavepointRequest",
    "ActionEndTransactionRequest",
    "CommandGetCatalogs",
    "CommandGetCrossReference",
    "CommandGetDbSchemas",
    "CommandGetExportedKeys",
    "CommandGetImportedKeys",
    "CommandGetPrimaryKeys",
    "CommandGetSqlInfo",
    "CommandGetTableTypes",
    "CommandGetTables",
    "CommandGetXdbcTypeInfo",
    "CommandPreparedStatementQuery",
    "CommandPreparedStatementUpdate",
    "CommandStatementIngest",
    "CommandStatementQuery",
    "CommandStatementSubstraitPlan",
    "CommandStatementUpdate",
    "DoPutPreparedStatementResult",
    "DoPutUpdateResult",
    "EndSavepoint",
    "EndTransaction",
    "IfExists",
    "IfNotExist",
    "SubstraitPlan",
    "TableDefinitionOptions",
    "TicketStatementQuery",
    "pack",
    "unpack",
]


# --- what the server knows


class CommandGetSqlInfo(Message, frozen=True):
    """Facts about the server, by their numbers; all of them for none."""

    info: Annotated[tuple[int, ...], 1] = ()


class CommandGetXdbcTypeInfo(Message, frozen=True):
    """The types of the server's SQL."""

    data_type: Annotated[int | None, 1] = None


class CommandGetCatalogs(Message, frozen=True):
    """All catalogs."""


class CommandGetTableTypes(Message, frozen=True):
    """All types of tables."""


class CommandGetDbSchemas(Message, frozen=True):
    """Schemas; a pattern is one of LIKE."""

    catalog: Annotated[str | None, 1] = None
    db_schema_filter_pattern: Annotated[str | None, 2] = None


class CommandGetTables(Message, frozen=True):
    """Tables; a pattern is one of LIKE, and no types are all types."""

    catalog: Annotated[str | None, 1] = None
    db_schema_filter_pattern: Annotated[str | None, 2] = None
    table_name_filter_pattern: Annotated[str | None, 3] = None
    table_types: Annotated[tuple[str, ...], 4] = ()
    include_schema: Annotated[bool, 5] = False


class CommandGetPrimaryKeys(Message, frozen=True):
    """The primary key of a table."""

    catalog: Annotated[str | None, 1] = None
    db_schema: Annotated[str | None, 2] = None
    table: Annotated[str, 3] = ""


class CommandGetExportedKeys(Message, frozen=True):
    """Foreign keys of other tables that refer to a table."""

    catalog: Annotated[str | None, 1] = None
    db_schema: Annotated[str | None, 2] = None
    table: Annotated[str, 3] = ""


class CommandGetImportedKeys(Message, frozen=True):
    """The foreign keys of a table."""

    catalog: Annotated[str | None, 1] = None
    db_schema: Annotated[str | None, 2] = None
    table: Annotated[str, 3] = ""


class CommandGetCrossReference(Message, frozen=True):
    """The foreign keys of one table that refer to one other table."""

    pk_catalog: Annotated[str | None, 1] = None
    pk_db_schema: Annotated[str | None, 2] = None
    pk_table: Annotated[str, 3] = ""
    fk_catalog: Annotated[str | None, 4] = None
    fk_db_schema: Annotated[str | None, 5] = None
    fk_table: Annotated[str, 6] = ""


# --- statements


class CommandStatementQuery(Message, frozen=True):
    """A statement that gives rows."""

    query: Annotated[str, 1] = ""
    transaction_id: Annotated[bytes | None, 2] = None


class SubstraitPlan(Message, frozen=True):
    """A plan instead of SQL."""

    plan: Annotated[bytes, 1] = b""
    version: Annotated[str, 2] = ""


class CommandStatementSubstraitPlan(Message, frozen=True):
    """A plan that gives rows."""

    plan: Annotated[SubstraitPlan | None, 1] = None
    transaction_id: Annotated[bytes | None, 2] = None


class CommandStatementUpdate(Message, frozen=True):
    """A statement that gives a number of rows."""

    query: Annotated[str, 1] = ""
    transaction_id: Annotated[bytes | None, 2] = None


class CommandPreparedStatementQuery(Message, frozen=True):
    """A prepared statement that gives rows; put with its parameters."""

    prepared_statement_handle: Annotated[bytes, 1] = b""


class CommandPreparedStatementUpdate(Message, frozen=True):
    """A prepared statement that gives a number of rows; put with its parameters."""

    prepared_statement_handle: Annotated[bytes, 1] = b""


class IfNotExist(IntEnum):
    """What ingest does where there is no such table."""

    UNSPECIFIED = 0
    CREATE = 1
    FAIL = 2


class IfExists(IntEnum):
    """What ingest does where there is such a table."""

    UNSPECIFIED = 0
    FAIL = 1
    APPEND = 2
    REPLACE = 3


class TableDefinitionOptions(Message, frozen=True):
    """`IfNotExist` and `IfExists`."""

    if_not_exist: Annotated[int, 1] = IfNotExist.UNSPECIFIED
    if_exists: Annotated[int, 2] = IfExists.UNSPECIFIED


class CommandStatementIngest(Message, frozen=True):
    """Rows for a table; put with them."""

    table_definition_options: Annotated[TableDefinitionOptions | None, 1] = None
    table: Annotated[str, 2] = ""
    schema: Annotated[str | None, 3] = None
    catalog: Annotated[str | None, 4] = None
    temporary: Annotated[bool, 5] = False
    transaction_id: Annotated[bytes | None, 6] = None
    options: Annotated[dict[str, str], 1000] = {}  # noqa: RUF012  # msgspec copies it


class TicketStatementQuery(Message, frozen=True):
    """The ticket of a statement's rows."""

    statement_handle: Annotated[bytes, 1] = b""


class DoPutUpdateResult(Message, frozen=True):
    """How many rows were changed; -1 where the server does not know."""

    record_count: Annotated[int, 1] = 0


class DoPutPreparedStatementResult(Message, frozen=True):
    """The handle to go on with after parameters were put, where it changed."""

    prepared_statement_handle: Annotated[bytes | None, 1] = None


# --- actions


class ActionCreatePreparedStatementRequest(Message, frozen=True):
    """Prepare a statement."""

    query: Annotated[str, 1] = ""
    transaction_id: Annotated[bytes | None, 2] = None


class ActionCreatePreparedStatementResult(Message, frozen=True):
    """Schemas are in the form of Arrow IPC; empty where there is none."""

    prepared_statement_handle: Annotated[bytes, 1] = b""
    dataset_schema: Annotated[bytes, 2] = b""
    parameter_schema: Annotated[bytes, 3] = b""


class ActionClosePreparedStatementRequest(Message, frozen=True):
    """Let go of a prepared statement."""

    prepared_statement_handle: Annotated[bytes, 1] = b""


class EndTransaction(IntEnum):
    """How a transaction ends."""

    UNSPECIFIED = 0
    COMMIT = 1
    ROLLBACK = 2


class EndSavepoint(IntEnum):
    """How a savepoint ends."""

    UNSPECIFIED = 0
    RELEASE = 1
    ROLLBACK = 2


class ActionBeginTransactionRequest(Message, frozen=True):
    """Begin a transaction."""


class ActionBeginTransactionResult(Message, frozen=True):
    """What statements of the transaction are sent with."""

    transaction_id: Annotated[bytes, 1] = b""


class ActionEndTransactionRequest(Message, frozen=True):
    """`action` is an `EndTransaction`."""

    transaction_id: Annotated[bytes, 1] = b""
    action: Annotated[int, 2] = EndTransaction.UNSPECIFIED


class ActionBeginSavepointRequest(Message, frozen=True):
    """Begin a savepoint in a transaction."""

    transaction_id: Annotated[bytes, 1] = b""
    name: Annotated[str, 2] = ""


class ActionBeginSavepointResult(Message, frozen=True):
    """What the savepoint is ended by."""

    savepoint_id: Annotated[bytes, 1] = b""


class ActionEndSavepointRequest(Message, frozen=True):
    """`action` is an `EndSavepoint`."""

    savepoint_id: Annotated[bytes, 1] = b""
    action: Annotated[int, 2] = EndSavepoint.UNSPECIFIED


class ActionCancelQueryRequest(Message, frozen=True):
    """The older way to cancel; `info` is an encoded `FlightInfo`."""

    info: Annotated[bytes, 1] = b""


class ActionCancelQueryResult(Message, frozen=True):
    """`result` is a `CancelStatus`."""

    result: Annotated[int, 1] = CancelStatus.UNSPECIFIED


# --- the envelope


class _Packed(Message, frozen=True):
    type_url: Annotated[str, 1] = ""
    value: Annotated[bytes | memoryview, 2] = b""


_PREFIX = "type.googleapis.com/arrow.flight.protocol.sql."
_BY_NAME: dict[str, type[Message]] = {
    kind.__name__: kind for kind in Message.__subclasses__() if kind.__module__ == __name__
}


def pack(message: Message) -> bytes:
    """Write a message of Flight SQL in an envelope that names it (`google.protobuf.Any`)."""
    return encode(_Packed(_PREFIX + type(message).__name__, encode(message)))


def unpack(data: bytes | memoryview) -> Message:
    """Read a message of Flight SQL from its envelope.

    Raises `ServerResponseError` for bytes that are no such envelope (a plain Flight server takes
    SQL text in their place), and `NotSupportedError` for one that holds something unknown.
    """
    packed = decode(_Packed, data)
    if not packed.type_url:
        raise ServerResponseError(f"{len(data)} bytes are not a packed message of Flight SQL.")
    kind = _BY_NAME.get(packed.type_url.removeprefix(_PREFIX))
    if kind is None:
        raise NotSupportedError(f"The message {packed.type_url!r} is not one of Flight SQL.")
    return decode(kind, packed.value)
