"""Ingest: rows that a client puts become, or join, a table, all of them or none.

DuckDB reads them from the network as it writes them, so that they need no memory. What may live
here: `CommandStatementIngest`.
"""

from concurrent.futures import Executor
from typing import Any

import pyarrow as pa

from firebolt_like.local.flight.calls import Call
from firebolt_like.local.flight.data import DATA, Data
from firebolt_like.local.flight.work import Work, in_transaction, in_transaction_of, run
from firebolt_like.local.options import Options
from firebolt_like.local.refusal import invalid, not_supported
from firebolt_like.protocol.flight_sql import (
    CommandStatementIngest,
    IfExists,
    IfNotExist,
    TableDefinitionOptions,
)
from firebolt_like.protocol.sql import Statement, quote_name, quote_string

__all__ = ["ingest"]


def ingest(call: Call, request: CommandStatementIngest, reader: Any, pool: Executor) -> int:
    """Take the rows of a client, in threads of `pool`, and give their number. Raises `Refusal`."""
    if request.temporary:
        raise not_supported("Ingest into a temporary table")
    if not request.table:
        raise invalid("Ingest wants the name of a table.")
    if not reader.schema.names:
        raise invalid("Ingest wants columns.")
    target = ".".join(
        quote_name(name) for name in (request.catalog, request.schema, request.table) if name
    )
    if request.catalog and not request.schema:
        raise invalid("Ingest into a catalog wants the name of a schema, too: public is one.")
    options = in_transaction_of(call, request.transaction_id)
    with (
        call.admit(f"INGEST INTO {target}") as query,
        in_transaction(call, query, options) as inside,
    ):
        found, _ = run(call, query, _work(_look(call, request), inside), inside)
        work = _work(_statement(request, target, reader.schema, exists=bool(found)), inside)
        count, _ = run(call, query, work, inside, Data(reader.to_reader()), pool)
        # what a client that hung up has sent ends like what one has sent to the end
        call.check()
        return count


def _work(sql: str, options: Options) -> Work:
    return Work(sql, (Statement(sql, 0),), options, in_session=False)


def _look(call: Call, request: CommandStatementIngest) -> str:
    """Write the query that finds the table, if there is one."""
    database = call.options.database or call.tenant.services.engine.default_database
    place = {
        "database_name": request.catalog or database,
        "schema_name": "main" if request.schema in (None, "", "public") else request.schema,
        "table_name": request.table,
    }
    where = " AND ".join(
        f"lower({name}) = lower({quote_string(text)})" for name, text in place.items()
    )
    return f"SELECT 1 FROM duckdb_tables() WHERE {where}"  # noqa: S608  # quoted


def _statement(
    request: CommandStatementIngest, target: str, schema: pa.Schema, *, exists: bool
) -> str:
    """Write the statement that takes the rows. Raises `Refusal` where the client wants none."""
    choice = request.table_definition_options or TableDefinitionOptions()
    if exists and choice.if_exists in (IfExists.UNSPECIFIED, IfExists.FAIL):
        raise invalid(f"The table {target} exists, and the ingest is not to append to it.")
    if not exists and choice.if_not_exist != IfNotExist.CREATE:
        raise invalid(f"The table {target} does not exist, and the ingest is not to create it.")
    columns = ", ".join(_column(field) for field in schema)
    rows = f"SELECT {columns} FROM {DATA}"  # noqa: S608  # quoted
    if not exists:
        return f"CREATE TABLE {target} AS {rows}"
    if choice.if_exists == IfExists.REPLACE:
        return f"CREATE OR REPLACE TABLE {target} AS {rows}"
    return f"INSERT INTO {target} BY NAME {rows}"


def _column(field: pa.Field) -> str:
    """Read a column; one that DuckDB would make an ENUM, or leave without a type, is text."""
    name = quote_name(field.name)
    is_text = pa.types.is_dictionary(field.type) or pa.types.is_null(field.type)
    return f"{name}::VARCHAR AS {name}" if is_text else name
