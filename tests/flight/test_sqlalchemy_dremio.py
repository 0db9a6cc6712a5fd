"""`dremio+flight://`, against the embedded engine, which takes SQL as text as Dremio does."""

import datetime
from decimal import Decimal

import pytest
from sqlalchemy import (
    Column,
    DateTime,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    String,
    Table,
    create_engine,
    func,
    inspect,
    literal,
    make_url,
    select,
    text,
)
from sqlalchemy.exc import DBAPIError, NoSuchTableError, ProgrammingError

from firebolt_like.local import LocalServer
from firebolt_like.sqlalchemy import DremioDialect


@pytest.fixture(scope="module")
def place():
    with LocalServer(token="t/k", flight_port=0) as server:
        yield server.flight_url.removeprefix("grpc://")


@pytest.fixture
def engine(place):
    made = create_engine(
        f"dremio+flight://{place}/public?insecure=true&token=t%2Fk", pool_pre_ping=True
    )
    yield made
    made.dispose()


def test_rows_written_read_and_reflected(engine):
    """Tables are made, filled, counted and found again; signs of percent are text."""
    metadata = MetaData()
    table = Table(
        "odd name",
        metadata,
        *(Column("id", Integer), Column("name", String), Column("price", Numeric(9, 2))),
        *(Column("at", DateTime), Column("raw", LargeBinary)),
    )
    metadata.create_all(engine)
    row = ("it's 100% %s ?", Decimal("1.50"), datetime.datetime(2024, 1, 31, 12, 30), None)
    names = table.columns.keys()
    with engine.begin() as connection:
        rows = [dict(zip(names, (number, *row), strict=True)) for number in (1, 2)]
        connection.execute(table.insert(), rows)
        asked = select(table).where(table.c.name.like("%100%")).order_by(table.c.id)
        assert connection.execute(asked).all() == [(1, *row), (2, *row)]
        assert connection.scalar(select(func.count()).select_from(table)) == 2
    again = Table("odd name", MetaData(), autoload_with=engine)
    assert [repr(column.type) for column in again.columns] == [
        *("INTEGER()", "TEXT()", "NUMERIC(precision=9, scale=2)", "TIMESTAMP()", "LargeBinary()"),
    ]
    metadata.drop_all(engine)
    assert not inspect(engine).has_table("odd name")


@pytest.mark.parametrize("value", ["it's", "100%", "%s", "%%", "?", "\\'; DROP TABLE t --", ":x"])
def test_text_is_never_pasted(engine, value):
    """Whatever is in a value comes back, as a parameter and written into the statement."""
    asked = select(literal(value, String))
    written = asked.compile(engine, compile_kwargs={"literal_binds": True})
    with engine.connect() as connection:
        assert connection.scalar(asked) == value
        assert connection.scalar(text("SELECT '%' || :x"), {"x": value}) == "%" + value
        assert connection.exec_driver_sql(str(written)).scalar() == value


def test_views_have_their_definitions(engine):
    """And are told from tables."""
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE VIEW seen AS SELECT 1 AS n")
    inspector = inspect(engine)
    assert inspector.get_view_names() == ["seen"]
    assert inspector.get_table_names() == []
    assert "SELECT 1" in inspector.get_view_definition("seen")
    assert "public" in inspector.get_schema_names()
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP VIEW seen")


def test_what_is_wrong_is_an_error_of_sqlalchemy(engine, place):
    """In SQL, in a name and in a login."""
    with pytest.raises(NoSuchTableError):
        Table("no_such_table", MetaData(), autoload_with=engine)
    with engine.connect() as connection:
        assert connection.get_isolation_level() == "AUTOCOMMIT"
        with pytest.raises(ProgrammingError):
            connection.exec_driver_sql("SELECT * FROM no_such_table")
    wrong = create_engine(f"dremio+flight://{place}?insecure=true&token=wrong")
    with wrong.connect() as connection, pytest.raises(DBAPIError):
        connection.scalar(text("SELECT 1"))
    wrong.dispose()


def test_what_a_url_says():
    """Credentials, headers of every call, and TLS, as the module of Dremio takes them."""
    url = make_url("dremio+flight://ada:s%2Fcret@example.com:32010/space.f?routing_tag=x&timeout=9")
    assert DremioDialect().create_connect_args(url) == (
        ["grpc+tls://example.com:32010"],
        {
            "db_kwargs": {"timeout": 9.0, "username": "ada", "password": "s/cret"},
            "conn_kwargs": {"schema": "space.f", "routing_tag": "x"},
        },
    )


def test_folders_are_quoted_one_by_one():
    """A schema of Dremio is a path."""
    table = Table("t", MetaData(schema="space.My folder"), Column("n", Integer))
    statement = str(select(table.c.n).compile(dialect=DremioDialect()))
    assert 'FROM space."My folder".t' in statement
