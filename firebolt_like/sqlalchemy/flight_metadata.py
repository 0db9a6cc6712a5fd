"""Questions about tables that are no statements: the metadata commands of Flight SQL.

What may live here: how a command is sent by the connection that SQLAlchemy holds.
"""

from typing import Any

from sqlalchemy.engine import Connection
from sqlalchemy.util.concurrency import await_only

from firebolt_like.client.io import run
from firebolt_like.errors import NotSupportedError
from firebolt_like.protocol.protobuf import Message

__all__ = ["ask_server", "empty_select"]


def ask_server(connection: Connection, message: Message) -> list[dict[str, Any]] | None:
    """Give the rows of a command's answer; None where the server has no such command."""
    dialect: Any = connection.dialect
    if dialect.features.get("metadata-reflection", "true").lower() == "false":
        return None
    core = _core(connection)
    work = core.backend.metadata(message, budget=core.budget(None))
    try:
        table = await_only(work) if dialect.is_async else run(work)
    except NotSupportedError:
        return None
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


def empty_select(connection: Connection, table: str) -> Any:
    """Give the Arrow schema of a table, whose name is quoted, by selecting no rows of it."""
    sql = f"SELECT * FROM {table} WHERE 1 = 0"  # noqa: S608  # quoted by the dialect
    with connection.exec_driver_sql(sql) as result:
        cursor: Any = result.cursor
        return getattr(cursor, "_cursor", cursor)._core.arrow_schema()


def _core(connection: Connection) -> Any:
    driver_connection: Any = connection.connection.driver_connection
    return driver_connection._core
