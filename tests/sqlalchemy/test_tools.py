"""Programs that reach a warehouse by SQLAlchemy: pandas, polars and Alembic."""

from decimal import Decimal

import pandas as pd
import polars as pl
from alembic.autogenerate import compare_metadata, produce_migrations
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import (
    ARRAY,
    JSON,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Enum,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Numeric,
    String,
    Table,
    UniqueConstraint,
    Uuid,
    inspect,
    text,
)

import firebolt_like.sqlalchemy

FRAME = pd.DataFrame(
    {
        "n": [1, 2, 3],
        "x": [0.1, float("nan"), 2.5],
        "word": ["a", None, "it's"],
        "day": pd.to_datetime(["2024-01-01", "2024-02-29", None]),
        "flag": [True, False, True],
    }
)


def test_a_frame_of_pandas_comes_back(engine):
    """to_sql makes a table and fills it in chunks; read_sql and read_sql_table give it back."""
    with engine.begin() as connection:
        assert FRAME.to_sql("frames", connection, index=False, chunksize=2) == 3
        FRAME.to_sql("frames", connection, index=False, if_exists="append", method="multi")
        found = pd.read_sql("SELECT * FROM frames WHERE n < 3 ORDER BY n", connection)
        assert found.n.to_list() == [1, 1, 2, 2]
        table = pd.read_sql_table("frames", connection, columns=["n", "day"])
        assert table.day.dtype.kind == "M"
        assert len(table) == 6
        chunks = pd.read_sql(text("SELECT n FROM frames"), connection, chunksize=4)
        assert [len(chunk) for chunk in chunks] == [4, 2]


def test_a_frame_replaces_a_table(engine):
    """if_exists="replace" reflects the table that is there, and drops it."""
    with engine.begin() as connection:
        for frame in (FRAME, FRAME[["n"]]):
            frame.to_sql("frames", connection, index=False, if_exists="replace")
        assert [c["name"] for c in inspect(connection).get_columns("frames")] == ["n"]


def test_polars_reads_by_the_engine_and_by_the_cursor(engine):
    """read_database takes an engine, a connection of SQLAlchemy, and the driver's own cursor."""
    query = "SELECT 1 AS n, 1.50::numeric(9, 2) AS price"
    expected = {"n": [1], "price": [Decimal("1.50")]}
    with engine.connect() as connection:
        assert pl.read_database(query, connection).to_dict(as_series=False) == expected
        cursor = connection.connection.driver_connection.cursor()
        assert pl.read_database(query, cursor).to_dict(as_series=False) == expected
    assert pl.read_database(query, engine).to_dict(as_series=False) == expected


def test_polars_writes_by_the_engine(engine):
    """write_database makes a table of a frame."""
    frame = pl.DataFrame({"n": [1, 2], "word": ["a", None]})
    frame.write_database("frames", engine)
    with engine.connect() as connection:
        found = connection.execute(text("SELECT n, word FROM frames ORDER BY n")).all()
    assert found == [(1, "a"), (2, None)]


def metadata():
    assert firebolt_like.sqlalchemy
    known = MetaData()
    Table(
        "people",
        known,
        Column("id", Integer, primary_key=True),
        Column("name", String(50), nullable=False, unique=True),
        Column("wage", Numeric(9, 2)),
        Column("ratio", Float),
        Column("born", Date),
        Column("seen", DateTime(timezone=True)),
        Column("active", Boolean, server_default=text("true")),
        Column("kind", Enum("a", "b", name="kind")),
        Column("key", Uuid),
        Column("tags", ARRAY(String)),
        Column("notes", JSON),
        CheckConstraint("wage > 0"),
        Index("people_born", "born", "kind"),
    )
    Table(
        "visits",
        known,
        Column("person", Integer, ForeignKey("people.id"), nullable=False),
        Column("day", Date, nullable=False),
        UniqueConstraint("person", "day"),
        firebolt_like_primary_index=["day", "person"],
        firebolt_like_table_type="FACT",
    )
    return known


def context(connection):
    return MigrationContext.configure(
        connection, opts={"compare_type": True, "compare_server_default": False}
    )


def test_alembic_finds_no_difference_after_an_upgrade(engine):
    """Alembic makes the tables, and then sees what was asked for."""
    with engine.connect() as connection:
        script = produce_migrations(context(connection), metadata())
        operations = Operations(context(connection))
        for operation in script.upgrade_ops.ops:
            for step in [operation, *getattr(operation, "ops", ())][-1:]:
                operations.invoke(step)
        connection.commit()
        assert compare_metadata(context(connection), metadata()) == []


def measures(*more, kind=Float):
    known = MetaData()
    Table("measures", known, Column("n", Integer), Column("ratio", kind), *more)
    return known


def test_alembic_sees_and_makes_changes(engine):
    """A column that is missing, and one of another type, are told and migrated."""
    measures().create_all(engine)
    note = Column("note", String(20), nullable=False, server_default="")
    wanted = measures(note, kind=Numeric(9, 2))
    with engine.connect() as connection:
        script = produce_migrations(context(connection), wanted)
        (changes,) = script.upgrade_ops.ops
        assert sorted(type(change).__name__ for change in changes.ops) == [
            *("AddColumnOp", "AlterColumnOp"),
        ]
        operations = Operations(context(connection))
        operations.add_column("measures", Column("note", String(20), server_default=""))
        operations.alter_column("measures", "note", nullable=False)
        operations.alter_column("measures", "ratio", type_=Numeric(9, 2))
        connection.commit()
        assert compare_metadata(context(connection), wanted) == []
