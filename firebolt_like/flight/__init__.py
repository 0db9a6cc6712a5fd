"""Arrow Flight SQL, for people who want the protocol itself.

Cursors over it are in `firebolt_like.db` and `firebolt_like.async_db`.
"""

from firebolt_like.flight.async_client import AsyncFlightSQLClient
from firebolt_like.flight.caller import Cancellation
from firebolt_like.flight.client import FlightSQLClient
from firebolt_like.flight.framing import read_schema
from firebolt_like.flight.handles import (
    AsyncPreparedStatement,
    AsyncTransaction,
    PreparedStatement,
    Transaction,
)
from firebolt_like.flight.info import FlightInfo
from firebolt_like.flight.rows import AsyncFlightResult, FlightResult
from firebolt_like.protocol.flight import CancelStatus
from firebolt_like.protocol.flight_sql import IfExists, IfNotExist
from firebolt_like.protocol.sql_info import SqlInfo, XdbcDataType

__all__ = [
    "AsyncFlightResult",
    "AsyncFlightSQLClient",
    "AsyncPreparedStatement",
    "AsyncTransaction",
    "CancelStatus",
    "Cancellation",
    "FlightInfo",
    "FlightResult",
    "FlightSQLClient",
    "IfExists",
    "IfNotExist",
    "PreparedStatement",
    "SqlInfo",
    "Transaction",
    "XdbcDataType",
    "read_schema",
]
