"""What differs between the engines behind one dialect, as data.

What may live here: the table of differences, one object for each kind of engine. What a difference
does to a statement is in `compiler`, `ddl` and `types`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from firebolt_like.protocol import engine_sql
from firebolt_like.protocol.engine_sql import FIREBOLT as WRITES_AS_FIREBOLT
from firebolt_like.protocol.engine_sql import Writing
from firebolt_like.sqlalchemy.catalogs import Catalog, InformationSchema
from firebolt_like.sqlalchemy.duckdb_catalog import DuckDBCatalog, EmbeddedCatalog
from firebolt_like.sqlalchemy.flight_catalog import FlightCatalog, SelectingCatalog, SparkCatalog

__all__ = ["DATAFUSION", "DUCKDB", "EMBEDDED", "FIREBOLT", "FLIGHT", "SPARK", "SubDialect"]


@dataclass(frozen=True, slots=True)
class SubDialect:
    """One kind of engine; the defaults are what the least of them can do."""

    name: str
    catalog: Catalog = field(default_factory=InformationSchema)
    """Whom reflection asks."""
    default_schema: str = "public"
    returning: bool = False
    """INSERT, UPDATE and DELETE have RETURNING."""
    sequences: bool = False
    """There are sequences, which also make the values of integer primary keys."""
    constraints: bool = False
    """PRIMARY KEY, UNIQUE, FOREIGN KEY and CHECK are kept and enforced."""
    comments: bool = False
    """COMMENT ON TABLE and COMMENT ON COLUMN."""
    primary_index: bool = False
    """Tables have a primary index, and are FACT or DIMENSION."""
    exact_division: bool = False
    """7 / 2 is 3.5."""
    array: str = "ARRAY({})"
    """The type of arrays of {}."""
    regexp_match: str = "regexp_like"
    """The function that tells whether a text has a match."""
    native: frozenset[str] = frozenset()
    """Types that are more than text here."""
    types: Mapping[str, str] = field(default_factory=dict)
    """Names of types, where they are others than Firebolt's."""
    writing: Writing = WRITES_AS_FIREBOLT
    """How values and names are written."""


FIREBOLT: Final = SubDialect("firebolt", primary_index=True, native=frozenset({"JSON"}))
DUCKDB: Final = SubDialect(
    "duckdb",
    catalog=DuckDBCatalog(),
    default_schema="main",
    returning=True,
    sequences=True,
    constraints=True,
    comments=True,
    exact_division=True,
    array="{}[]",  # of all types, also of those that the protocol does not know
    regexp_match="regexp_matches",
    native=frozenset({"INTERVAL", "JSON", "TIME", "UUID"}),
)
EMBEDDED: Final = replace(
    DUCKDB,
    name="embedded",
    catalog=EmbeddedCatalog(),
    default_schema="public",
    primary_index=True,
)
FLIGHT: Final = SubDialect("flight", catalog=FlightCatalog())
DATAFUSION: Final = SubDialect(
    "datafusion",
    catalog=SelectingCatalog(),
    array="{}[]",
    types={"TIMESTAMPTZ": "TIMESTAMP WITH TIME ZONE"},
    writing=engine_sql.DATAFUSION,
)
SPARK: Final = SubDialect(
    "spark",
    catalog=SparkCatalog(),
    default_schema="default",
    exact_division=True,
    array="ARRAY<{}>",
    types={
        "TEXT": "STRING",
        "REAL": "FLOAT",
        "DOUBLE PRECISION": "DOUBLE",
        "TIMESTAMP": "TIMESTAMP_NTZ",
        "TIMESTAMPTZ": "TIMESTAMP",
        "BYTEA": "BINARY",
    },
    writing=engine_sql.SPARK,
)
