"""SQLAlchemy's dialects: `firebolt_like://`, and those over Arrow Flight SQL.

What may live here: the names that programs import. SQLAlchemy finds the dialects by entry points.
"""

from firebolt_like.sqlalchemy.async_dialect import AsyncFireboltLikeDialect
from firebolt_like.sqlalchemy.ddl import accept_table_options
from firebolt_like.sqlalchemy.dialect import FireboltLikeDialect, WarehouseDialect
from firebolt_like.sqlalchemy.dremio_dialect import DremioDialect
from firebolt_like.sqlalchemy.flight_dialect import DataFusionDialect, FlightSQLDialect
from firebolt_like.sqlalchemy.types import GEOGRAPHY, STRUCT

__all__ = [
    "GEOGRAPHY",
    "STRUCT",
    "AsyncFireboltLikeDialect",
    "DataFusionDialect",
    "DremioDialect",
    "FireboltLikeDialect",
    "FlightSQLDialect",
    "WarehouseDialect",
]

accept_table_options()
