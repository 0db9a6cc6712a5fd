"""What differs between the engines behind one dialect, as data.

What may live here: the table of differences, one object for each kind of engine. What a difference
does to a statement is in `compiler`, `ddl` and `types`.
"""

from dataclasses import dataclass, field, replace
from typing import Final

from firebolt_like.sqlalchemy.catalogs import Catalog, InformationSchema
from firebolt_like.sqlalchemy.duckdb_catalog import DuckDBCatalog, EmbeddedCatalog

__all__ = ["DUCKDB", "EMBEDDED", "FIREBOLT", "SubDialect"]


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
