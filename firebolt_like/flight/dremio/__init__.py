"""Dremio over Arrow Flight, by PEP 249: a drop-in for dlt's client for Dremio.

    from firebolt_like.flight import dremio

    with dremio.connect(
        "grpc+tls://dremio.example.com:32010", {"username": "ada", "password": "..."}
    ) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT * FROM space.people WHERE id = %s", (1,))
        cursor.fetchall()

It works on every Flight server that takes SQL as text, and on those that take messages of Flight
SQL. What may live here: names.
"""

from firebolt_like.errors import (
    DatabaseError,
    Error,
    InterfaceError,
    OperationalError,
    Warning,  # noqa: A004  # PEP 249 fixes this name
)
from firebolt_like.flight.dremio.connection import (
    DremioConnection,
    connect,
    create_flight_call_options,
    create_flight_client,
)
from firebolt_like.flight.dremio.cursor import DremioCursor
from firebolt_like.flight.dremio.errors import (
    DataError,
    DremioAuthError,
    IntegrityError,
    InternalError,
    MalformedQueryError,
    NotSupportedError,
    ProgrammingError,
)
from firebolt_like.flight.dremio.middleware import (
    CookieMiddleware,
    CookieMiddlewareFactory,
    DremioClientAuthMiddleware,
    DremioClientAuthMiddlewareFactory,
)
from firebolt_like.flight.dremio.parameters import (
    format_datetime,
    format_parameter,
    parameterize_query,
    quote_string,
)
from firebolt_like.flight.dremio.type_objects import (
    BINARY,
    DATETIME,
    NUMBER,
    ROWID,
    STRING,
    Binary,
    Date,
    DateFromTicks,
    Time,
    TimeFromTicks,
    Timestamp,
    TimestampFromTicks,
)

apilevel = "2.0"
threadsafety = 2
paramstyle = "format"

__all__ = [
    "BINARY",
    "DATETIME",
    "NUMBER",
    "ROWID",
    "STRING",
    "Binary",
    "CookieMiddleware",
    "CookieMiddlewareFactory",
    "DataError",
    "DatabaseError",
    "Date",
    "DateFromTicks",
    "DremioAuthError",
    "DremioClientAuthMiddleware",
    "DremioClientAuthMiddlewareFactory",
    "DremioConnection",
    "DremioCursor",
    "Error",
    "IntegrityError",
    "InterfaceError",
    "InternalError",
    "MalformedQueryError",
    "NotSupportedError",
    "OperationalError",
    "ProgrammingError",
    "Time",
    "TimeFromTicks",
    "Timestamp",
    "TimestampFromTicks",
    "Warning",
    "apilevel",
    "connect",
    "create_flight_call_options",
    "create_flight_client",
    "format_datetime",
    "format_parameter",
    "parameterize_query",
    "paramstyle",
    "quote_string",
    "threadsafety",
]
