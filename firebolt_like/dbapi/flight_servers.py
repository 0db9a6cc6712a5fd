r"""What servers of Flight SQL can do: known by their names, or found out without changing anything.

What may live here: the table of names, and the questions. Each question is a query of a constant, a
statement that is only prepared, or one that no server can read.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

from firebolt_like.dbapi.backend import Capabilities
from firebolt_like.errors import (
    AuthenticationError,
    DatabaseError,
    Error,
    NotSupportedError,
    QueryTimeoutError,
    ServerConnectionError,
)
from firebolt_like.flight.caller import Operation
from firebolt_like.flight.statements import StatementsCore
from firebolt_like.protocol.engine_sql import DATAFUSION, ESCAPING, FIREBOLT, SPARK
from firebolt_like.protocol.sql_info import SqlInfo, SqlSupportedTransaction

__all__ = ["SERVERS", "find_capabilities"]

_FLIGHT = Capabilities(
    transactions=False,
    cancels_writes=False,
    uploads=False,
    settings=False,
    query_parameters=False,
    writing=DATAFUSION,
)

SERVERS = {
    # what the name that a server tells begins with, in lower case: what it can do
    "firebolt_like": dataclasses.replace(
        _FLIGHT, transactions=True, uploads=True, prepares=True, writing=FIREBOLT
    ),
    # it answers StatementUpdate with 1, and does nothing
    "roapi": dataclasses.replace(_FLIGHT, updates=False, who="ROAPI has"),
}

_WRITINGS = {
    # whether a backslash is an escape in text, and a doubled quote: how values are written
    (False, True): DATAFUSION,
    (True, True): ESCAPING,
    (True, False): SPARK,
    (False, False): DATAFUSION,  # of which no engine is known
}

_WORLD = (AuthenticationError, QueryTimeoutError, ServerConnectionError)
"""Errors that say nothing about what a server can do."""


async def find_capabilities(core: StatementsCore, operation: Operation) -> Capabilities:
    """Ask a server for its name, and an unknown one for what it does.

    Raises `AuthenticationError`, `ServerConnectionError` and `QueryTimeoutError`.
    """
    facts = await _facts(core, operation)
    name = str(facts.get(SqlInfo.FLIGHT_SQL_SERVER_NAME, "")).lower()
    escapes, doubles = await _how_text_is_read(core, operation)  # it may depend on the login
    for known, capabilities in SERVERS.items():
        if name.startswith(known):
            return dataclasses.replace(capabilities, backslash_escapes=escapes)
    transaction = facts.get(SqlInfo.FLIGHT_SQL_SERVER_TRANSACTION)
    return dataclasses.replace(
        _FLIGHT,
        backslash_escapes=escapes,
        transactions=transaction
        in (
            SqlSupportedTransaction.SQL_SUPPORTED_TRANSACTION_TRANSACTION,
            SqlSupportedTransaction.SQL_SUPPORTED_TRANSACTION_SAVEPOINT,
        ),
        uploads=bool(facts.get(SqlInfo.FLIGHT_SQL_SERVER_BULK_INGESTION)),
        writing=_WRITINGS[escapes, doubles],
        prepares=await _binds(core, operation),
        updates=await _updates(core, operation),
    )


async def _facts(core: StatementsCore, operation: Operation) -> Mapping[Any, Any]:
    try:
        return await core.sql_info((), operation)
    except _WORLD:
        raise
    except (DatabaseError, ValueError):
        return {}  # many servers have no such call, or fail in it


async def _how_text_is_read(core: StatementsCore, operation: Operation) -> tuple[bool, bool]:
    """Tell whether a backslash in text is an escape, and whether a doubled quote is one."""
    try:
        result = await core.query(r"SELECT 'a\\b''c' AS x", None, operation)
        rows = (await result.read_all()).column(0).to_pylist()
    except _WORLD:
        raise
    except (DatabaseError, ValueError, IndexError):
        return False, True
    text = str(rows[0]) if rows else ""
    return r"\\" not in text, "'" in text


async def _binds(core: StatementsCore, operation: Operation) -> bool:
    """Tell whether the server binds parameters."""
    import pyarrow as pa  # noqa: PLC0415  # optional

    try:
        prepared = await core.prepare("SELECT ? AS x", None, operation)
        try:
            result = await prepared.query(pa.record_batch({"1": pa.array([42])}), operation)
            table = await result.read_all()
        finally:
            await prepared.close(operation)
    except _WORLD:
        raise
    except (Error, ValueError):
        return False
    return bool(table.num_rows == 1 and table.column(0)[0].as_py() == 42)


async def _updates(core: StatementsCore, operation: Operation) -> bool:
    """Tell whether the server runs updates; one that takes what is no statement does not."""
    try:
        await core.update("THIS IS NO STATEMENT", None, operation)
    except _WORLD:
        raise
    except NotSupportedError:
        return False
    except DatabaseError:
        return True
    return False
