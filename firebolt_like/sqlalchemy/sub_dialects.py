"""What differs between the engines behind one dialect, as data.

What may live here: the table of differences, one object for each kind of engine. What a difference
does to a statement is in `compiler`, `ddl` and `types`; how an engine is asked about its tables is
in `catalogs`.
"""

from dataclasses import dataclass
from typing import Final

__all__ = ["DUCKDB", "FIREBOLT", "SubDialect"]


@dataclass(frozen=True, slots=True)
class SubDialect:
    """One kind of engine; the defaults are what the least of them can do."""

    name: str
    catalog: str = "information_schema"
    """Which class of `catalogs` reads what tables there are."""
    default_schema: str | None = None
    returning: bool = False
    """INSERT, UPDATE and DELETE have RETURNING."""
    sequences: bool = False
    """There are sequences, which also make the values of integer primary keys."""
    constraints: bool = False
    """PRIMARY KEY, UNIQUE, FOREIGN KEY and CHECK are kept and enforced."""
    secondary_indexes: bool = False
    """CREATE INDEX makes one."""
    comments: bool = False
    """COMMENT ON TABLE and COMMENT ON COLUMN."""
    primary_index: bool = False
    """Tables have a primary index, and are FACT or DIMENSION."""
    exact_division: bool = False
    """7 / 2 is 3.5."""
    array: str = "ARRAY({})"
    """The type of arrays of {}."""
    native: frozenset[str] = frozenset()
    """Types that are more than text here."""


FIREBOLT: Final = SubDialect(
    "firebolt", default_schema="public", primary_index=True, native=frozenset({"JSON"})
)
DUCKDB: Final = SubDialect(
    "duckdb",
    catalog="duckdb",
    default_schema="public",
    returning=True,
    sequences=True,
    constraints=True,
    secondary_indexes=True,
    primary_index=True,
    exact_division=True,
    array="{}[]",  # of all types, also of those that the protocol does not know
    native=frozenset({"INTERVAL", "JSON", "TIME", "UUID"}),
)
