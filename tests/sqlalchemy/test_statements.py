"""Statements: rows both ways, what is written for them, and what is refused."""

import datetime
import uuid
from decimal import Decimal

import pytest
from sqlalchemy import (
    ARRAY,
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Double,
    Float,
    ForeignKey,
    Integer,
    Interval,
    LargeBinary,
    MetaData,
    Numeric,
    Sequence,
    SmallInteger,
    Table,
    Text,
    Time,
    Uuid,
    func,
    insert,
    literal,
    select,
    text,
    update,
)
from sqlalchemy.exc import CompileError, IntegrityError, NoSuchTableError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship
from sqlalchemy.schema import CreateTable

from firebolt_like.sqlalchemy import GEOGRAPHY, STRUCT, FireboltLikeDialect
from firebolt_like.sqlalchemy.sub_dialects import EMBEDDED

UTC = datetime.UTC
VALUES = [
    (SmallInteger, -1),
    (Integer, 2**31 - 1),
    (BigInteger, -(2**63)),
    (Float, 0.1),
    (Double, float("inf")),
    (Numeric(38, 20), Decimal("1.00000000000000000001")),
    (Numeric(12, 2, asdecimal=False), 1.5),
    (Text, "it's \\ % ? :x 🎈"),
    (Boolean, False),
    (Date, datetime.date(1, 1, 1)),
    (DateTime, datetime.datetime(2024, 2, 29, 12, 30, 1, 999999)),
    (DateTime(timezone=True), datetime.datetime(2024, 2, 29, 12, tzinfo=UTC)),
    (Time, datetime.time(23, 59, 59, 999999)),
    (Interval, datetime.timedelta(days=-40, microseconds=7)),
    (LargeBinary, b"\x00'\\\xff"),
    (Uuid, uuid.UUID(int=5)),
    (Uuid(as_uuid=False), str(uuid.UUID(int=5))),
    (ARRAY(Integer), [1, None, 3]),
    (ARRAY(Text, dimensions=2), [["a", "it's"], []]),
    (ARRAY(Uuid), [uuid.UUID(int=5), None]),
    (STRUCT({"a b": Integer, "list": ARRAY(Text)}), {"a b": 1, "list": ["x"]}),
    (JSON, {"a": [1, None, {"b": "ü'\\\""}]}),
    (GEOGRAPHY, None),
]


@pytest.mark.parametrize(("kind", "value"), VALUES, ids=lambda item: str(item)[:30])
def test_a_value_of_each_type_comes_back(engine, kind, value):
    """A value is the same after one INSERT, many, and as a literal; NULL stays None."""
    table = Table("t", MetaData(), Column("n", Integer), Column("v", kind))
    with engine.begin() as connection:
        table.create(connection)
        connection.execute(table.insert(), {"n": 1, "v": value})
        connection.execute(table.insert(), [{"n": 2, "v": value}, {"n": 3, "v": None}])
        written = (
            table.insert()
            .values(n=4, v=value)
            .compile(engine, compile_kwargs={"literal_binds": True})
        )
        connection.exec_driver_sql(str(written))
        found = connection.execute(select(table.c.v).order_by(table.c.n)).scalars().all()
        assert found == [value, value, None, value]
        if value is not None:
            assert connection.scalar(select(literal(value, table.c.v.type))) == value


class Base(DeclarativeBase):
    pass


class Folder(Base):
    __tablename__ = "folders"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("folders.id"))
    children: Mapped[list["Folder"]] = relationship()


def test_a_tree_is_kept_by_the_orm(engine):
    """Rows with keys to their own table are inserted parents first, and found again."""
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add(Folder(name="top", children=[Folder(name="a"), Folder(name="b")]))
        session.commit()
        top = session.scalars(select(Folder).where(Folder.parent_id.is_(None))).one()
        assert sorted(child.name for child in top.children) == ["a", "b"]
    rows = [{"id": n, "name": "x", "parent_id": n - 1} for n in range(4, 50)]
    with engine.begin() as connection:
        connection.execute(insert(Folder), rows)
        assert connection.scalar(select(func.count()).select_from(Folder)) == 49


def test_many_rows_return_their_keys_in_order(engine):
    """RETURNING gives the keys of thousands of rows in the order of the rows."""
    rows = [{"name": str(number)} for number in range(2500)]
    table = Table("flat", MetaData(), Column("id", Integer, primary_key=True), Column("name", Text))
    returning = insert(table).returning(table.c.id, table.c.name, sort_by_parameter_order=True)
    with engine.begin() as connection:
        table.create(connection)
        found = connection.execute(returning, rows).all()
    assert [row.name for row in found] == [row["name"] for row in rows]
    assert [row.id for row in found] == list(range(1, 2501))


def test_a_key_sequence_goes_with_its_table(engine):
    """Tables can be dropped and made again; their keys begin at 1, or where Identity says."""
    table = Table("t", MetaData(), Column("id", Integer, primary_key=True), Column("v", Integer))
    with engine.begin() as connection:
        for _ in range(2):
            table.create(connection)
            made = connection.execute(table.insert().values(v=1))
            assert made.inserted_primary_key == (1,)
            table.drop(connection)
        assert connection.dialect.get_sequence_names(connection) == []


def test_sequences_count(engine):
    """A Sequence gives each value once."""
    counter = Sequence("counter", start=5)
    with engine.begin() as connection:
        counter.create(connection)
        assert [connection.scalar(counter) for _ in range(2)] == [5, 6]


def test_update_and_delete_tell_no_number_of_rows(engine):
    """The protocol does not tell how many rows were changed, and the ORM does not rely on it."""
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add(Folder(name="a"))
        session.commit()
        folder = session.scalars(select(Folder)).one()
        folder.name = "b"
        session.commit()
        assert session.execute(update(Folder).values(name="c")).rowcount == -1
        changed = update(Folder).values(name="d").returning(Folder.name)
        assert session.scalars(changed).all() == ["d"]


def test_bad_sql_is_an_error_of_sqlalchemy(engine):
    """The driver's errors arrive as SQLAlchemy's of the same name."""
    Base.metadata.create_all(engine)
    with engine.connect() as connection, pytest.raises(IntegrityError):
        connection.execute(insert(Folder), {"id": 1, "name": "a", "parent_id": 7})
    with pytest.raises(NoSuchTableError):
        Table("missing", MetaData(), autoload_with=engine)


def ddl(table, sub_dialect=None):
    dialect = FireboltLikeDialect()
    if sub_dialect:
        dialect.use_sub_dialect(sub_dialect)
    return " ".join(str(CreateTable(table).compile(dialect=dialect)).split())


def options(**kwargs):
    columns = Column("id", Integer, primary_key=True), Column("Odd name", Text, unique=True)
    return Table("t", MetaData(), *columns, **kwargs)


def test_tables_of_each_kind_of_engine():
    """Constraints become a primary index where the engine keeps none."""
    assert ddl(options()) == (
        'CREATE TABLE t ( id INTEGER NOT NULL, "Odd name" TEXT ) PRIMARY INDEX id'
    )
    assert ddl(options(), EMBEDDED) == (
        "CREATE SEQUENCE IF NOT EXISTS t_id_seq ; CREATE TABLE t ( id INTEGER NOT NULL DEFAULT "
        'nextval(\'t_id_seq\'), "Odd name" TEXT, PRIMARY KEY (id), UNIQUE ("Odd name") )'
    )


def test_table_options():
    """The options of a table stand in its DDL, on any engine of the protocol."""
    table = options(
        firebolt_like_primary_index=["Odd name", "id"], firebolt_like_table_type="dimension"
    )
    assert ddl(table) == (
        'CREATE DIMENSION TABLE t ( id INTEGER NOT NULL, "Odd name" TEXT ) '
        'PRIMARY INDEX "Odd name", id'
    )
    with pytest.raises(CompileError, match="'FACT' or 'DIMENSION', not 'small'"):
        ddl(options(firebolt_like_table_type="small"))


def test_clauses(engine):
    """LIMIT, OFFSET, CTEs and windows give what they say."""
    numbers = select(func.generate_series(1, 6).table_valued("n").render_derived().c.n).cte()
    with engine.connect() as connection:
        rows = select(numbers.c.n).order_by(numbers.c.n)
        assert connection.scalars(rows.limit(2).offset(1)).all() == [2, 3]
        assert connection.scalars(rows.offset(4)).all() == [5, 6]
        running = select(func.sum(numbers.c.n).over(order_by=numbers.c.n)).limit(3)
        assert connection.scalars(running).all() == [1, 3, 6]


def test_text_with_marks_of_other_paramstyles(engine):
    """Question marks, percent signs and colons in strings are text."""
    with engine.connect() as connection:
        query = text(r"SELECT '? %s \:x' AS a, :b AS b")
        assert connection.execute(query, {"b": "?"}).one() == ("? %s :x", "?")
        assert connection.exec_driver_sql("SELECT ?, '?'", (1,)).one() == (1, "?")
        assert connection.exec_driver_sql("SELECT '?'").scalar() == "?"


def test_statements_are_compiled_once(engine):
    """Statements of the same form share one compiled text, also with types of our own."""
    place = Column("place", STRUCT({"x": Integer}))
    table = Table("t", MetaData(), Column("id", Integer), place, Column("notes", JSON))
    compiled = {}
    with engine.begin() as connection:
        table.create(connection)
        cached = connection.execution_options(compiled_cache=compiled)
        for number in range(3):
            cached.execute(table.insert().values(id=number, place={"x": number}))
            found = cached.execute(select(place).where(table.c.id == number).limit(number + 1))
            assert found.scalar() == {"x": number}
    assert len(compiled) == 2
