"""`datafusion+flightsql://` on servers that others wrote, and on the embedded engine."""

import asyncio
import datetime
from decimal import Decimal
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import (
    ARRAY,
    BIGINT,
    INTEGER,
    Boolean,
    Column,
    Date,
    DateTime,
    Double,
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
    select,
    text,
)
from sqlalchemy.dialects import registry
from sqlalchemy.exc import DBAPIError, NoSuchTableError
from sqlalchemy.ext.asyncio import create_async_engine

from firebolt_like.errors import NotSupportedError
from firebolt_like.local import LocalServer
from firebolt_like.sqlalchemy import FlightSQLDialect
from firebolt_like.sqlalchemy.flight_catalog import FlightCatalog
from firebolt_like.sqlalchemy.sub_dialects import FLIGHT, SubDialect

UTC = datetime.UTC
SCHEMAS = {
    # server: the schema where its tables are
    "roapi": "public",
    "sail": "default",
    "embedded": "public",
}


def address(request, server):
    """Give what stands behind the name of a dialect in a URL."""
    found = request.getfixturevalue(server)
    url = found if isinstance(found, str) else found.flight_url
    return url.removeprefix("grpc://") + "?insecure=true"


@pytest.fixture(params=SCHEMAS)
def server(request):
    return request.param


@pytest.fixture
def engine(request, server):
    made = create_engine(f"datafusion+flightsql://{address(request, server)}")
    yield made
    made.dispose()


@pytest.fixture
def runs(engine, server):
    """A table of three rows; ROAPI has tables of its configuration."""
    if server == "roapi":
        yield "numbers", 20_000
        return
    drop = "DROP TABLE IF EXISTS runs"
    with engine.begin() as connection:
        connection.exec_driver_sql(drop)
        connection.exec_driver_sql("CREATE TABLE runs (id BIGINT, name VARCHAR(9))")
        connection.exec_driver_sql("INSERT INTO runs VALUES (1, 'a'), (2, 'b'), (3, NULL)")
    yield "runs", 3
    with engine.begin() as connection:
        connection.exec_driver_sql(drop)


def test_a_table_is_loaded_counted_and_its_schema_reflected(engine, server, runs):
    """The example that users of flightsql-dbapi know."""
    name, rows = runs
    table = Table(name, MetaData(), autoload_with=engine)
    with engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(table)) == rows
    assert [(column.name, repr(column.type)) for column in table.columns] == [
        ("id", "BIGINT()"),
        ("name", "TEXT()"),
    ]
    metadata = MetaData(schema=SCHEMAS[server])
    metadata.reflect(bind=engine)
    assert f"{SCHEMAS[server]}.{name}" in metadata.tables
    assert SCHEMAS[server] in inspect(engine).get_schema_names()


def connects(url):
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            return connection.scalar(text("SELECT 1")) == 1
    finally:
        engine.dispose()


def test_a_user_logs_in(request):
    """By the name and the password of the URL."""
    place = address(request, "roapi_with_login")
    assert connects(f"datafusion+flightsql://ada:secret@{place}")
    with pytest.raises(DBAPIError):
        connects(f"datafusion+flightsql://ada:wrong@{place}")


def test_a_token_logs_in():
    """As an option, or in the place of a password; any character may be in it."""
    token = "s3cr/t=:@ok"
    with LocalServer(token=token, flight_port=0) as server:
        place = server.flight_url.removeprefix("grpc://") + "?insecure=true"
        assert connects(f"datafusion+flightsql://{place}&token={quote(token, safe='')}")
        assert connects(f"datafusion+flightsql://:{quote(token, safe='')}@{place}")
        with pytest.raises(DBAPIError):
            connects(f"datafusion+flightsql://{place}&token=wrong")


def test_a_table_that_there_is_not(engine):
    """Is NoSuchTableError."""
    with pytest.raises(NoSuchTableError):
        Table("no_such_table", MetaData(), autoload_with=engine)
    assert not inspect(engine).has_table("no_such_table", schema="no_such_schema")


def test_text_is_never_pasted(engine):
    """Whatever is in a value comes back, as a parameter and written into the statement."""
    with engine.connect() as connection:

        @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
        @given(st.text("'\\\"`?:$%;a-/*\n"))
        def comes_back(value):
            asked = select(literal(value, String))
            written = asked.compile(engine, compile_kwargs={"literal_binds": True})
            assert connection.scalar(asked) == value
            assert connection.exec_driver_sql(str(written)).scalar() == value
            assert connection.scalar(text("SELECT :x"), {"x": value}) == value

        comes_back()


COLUMNS = [
    Column("n", Integer),
    Column("s", String),
    Column("f", Double),
    Column("price", Numeric(9, 2)),
    Column("yes", Boolean),
    Column("raw", LargeBinary),
    Column("day", Date),
    Column("at", DateTime),
    Column("instant", DateTime(timezone=True)),
    Column("many", ARRAY(Integer)),
]
ROW = (
    *(1, "it's \\", 0.5, Decimal("1.50"), True, b"\x00\xff", datetime.date(2024, 1, 31)),
    datetime.datetime(2024, 1, 31, 12, 30, 0, 5),
    datetime.datetime(2024, 1, 31, 12, 30, tzinfo=UTC),
    [1, 2],
)


def test_a_table_is_made_filled_reflected_and_dropped(engine):
    """Types are named and values written as the server has them; names are quoted."""
    metadata = MetaData()
    table = Table("odd name", metadata, *(Column(c.name, c.type) for c in COLUMNS))
    metadata.drop_all(engine)
    metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(table.insert(), dict(zip(table.columns.keys(), ROW, strict=True)))
        more = [
            dict(zip(table.columns.keys(), (number, *ROW[1:]), strict=True)) for number in (2, 3)
        ]
        connection.execute(table.insert(), more)
        found = connection.execute(select(table).order_by(table.c.n).limit(1)).one()
        assert tuple(found) == ROW
        assert connection.scalar(select(func.count()).where(table.c.price == Decimal("1.5"))) == 3
    again = Table("odd name", MetaData(), autoload_with=engine)
    for column in COLUMNS:
        expected = column.type._type_affinity
        assert isinstance(again.c[column.name].type, expected)
    assert str(again.c.price.type) == "NUMERIC(9, 2)"
    assert again.c.instant.type.timezone
    metadata.drop_all(engine)
    assert not inspect(engine).has_table("odd name")


def test_what_a_server_has_of_transactions(engine, server):
    """The embedded engine rolls back; the others have autocommit alone."""
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE IF EXISTS kept")
        connection.exec_driver_sql("CREATE TABLE kept (n INTEGER)")
    with engine.connect() as connection:
        connection.exec_driver_sql("INSERT INTO kept VALUES (1)")
        connection.rollback()
        left = connection.scalar(text("SELECT count(*) FROM kept"))
        assert left == (0 if server == "embedded" else 1)
        connection.exec_driver_sql("DROP TABLE kept")
        connection.commit()
        if server == "embedded":
            assert connection.get_isolation_level() == "SNAPSHOT"
        else:
            assert connection.get_isolation_level() == "AUTOCOMMIT"
            with pytest.raises((DBAPIError, NotSupportedError), match="no transactions"):
                connection.execution_options(isolation_level="SNAPSHOT")


def test_streams_hold_one_batch(engine, runs):
    """yield_per has the driver stream, and gives all rows."""
    name, rows = runs
    with engine.connect() as connection:
        asked = select(text("id")).select_from(text(name))
        result = connection.execution_options(yield_per=2).execute(asked)
        assert not result.cursor._core.result.finished
        assert len(result.all()) == rows


def test_views_are_told_from_tables(request):
    """By the servers that have them in their lists."""
    for server in ("sail", "embedded"):
        engine = create_engine(f"datafusion+flightsql://{address(request, server)}")
        with engine.begin() as connection:
            connection.exec_driver_sql("DROP VIEW IF EXISTS seen")
            connection.exec_driver_sql("CREATE VIEW seen AS SELECT 1 AS n")
        inspector = inspect(engine)
        assert "seen" in inspector.get_view_names()
        assert "seen" not in inspector.get_table_names()
        assert [repr(c["type"]) for c in inspector.get_columns("seen")] == ["INTEGER()"]
        with engine.begin() as connection:
            connection.exec_driver_sql("DROP VIEW seen")
        engine.dispose()


def test_async_engines(request, server, runs):
    """The same URL is for create_async_engine, over the async driver."""

    async def scenario():
        engine = create_async_engine(f"datafusion+flightsql://{address(request, server)}")
        async with engine.connect() as connection:
            assert await connection.scalar(text("SELECT :x"), {"x": "it's"}) == "it's"
            table = await connection.run_sync(
                lambda sync: Table(runs[0], MetaData(), autoload_with=sync)
            )
            result = await connection.stream(select(table.c.id))
            assert len([row async for row in result]) == runs[1]
        await engine.dispose()

    asyncio.run(scenario())


# --- dialects of one's own ---


class OwnDialect(FlightSQLDialect):
    name = "own"
    paramstyle = "numeric_dollar"
    supports_statement_cache = True
    sub_dialect = SubDialect("own", catalog=FLIGHT.catalog)


class NamedDialect(FlightSQLDialect):
    name = "named"
    paramstyle = "named"
    supports_statement_cache = True


class OneSchema(FlightCatalog):
    def schemas(self, connection):
        return ["alone"]


class OneSchemaDialect(OwnDialect):
    sub_dialect = SubDialect("one_schema", catalog=OneSchema())

    def get_view_names(self, connection, schema=None, **kw):
        return ["hidden"]


registry.register("named.flightsql", __name__, "NamedDialect")
registry.register("tests_own.flightsql", __name__, "OwnDialect")
registry.register("tests_own.one_schema", __name__, "OneSchemaDialect")


@pytest.fixture
def tables(embedded):
    engine = create_engine(
        f"datafusion+flightsql://{embedded.flight_url.removeprefix('grpc://')}?insecure=true"
    )
    with engine.begin() as connection:
        for statement in (
            "CREATE SCHEMA own",
            """CREATE TABLE own.t (id INT PRIMARY KEY, b NUMERIC(9, 2) NOT NULL, c TEXT[],
                UNIQUE (id, b))""",
            """CREATE TABLE own.u (i INT REFERENCES own.t (id), x INT, y NUMERIC(9, 2),
                FOREIGN KEY (x, y) REFERENCES own.t (id, b))""",
            "CREATE VIEW own.v AS SELECT 1 AS a",
        ):
            connection.exec_driver_sql(statement)
    yield embedded.flight_url.removeprefix("grpc://") + "?insecure=true"
    with engine.begin() as connection:
        for what in ("VIEW own.v", "TABLE own.u", "TABLE own.t", "SCHEMA own"):
            connection.exec_driver_sql(f"DROP {what}")
    engine.dispose()


@pytest.mark.parametrize("commands", [True, False])
def test_a_dialect_of_ones_own(tables, commands):
    """Reflects by commands of Flight SQL, or by information_schema; parameters go apart."""
    feature = "" if commands else "&feature-metadata-reflection=false"
    engine = create_engine(f"tests_own+flightsql://{tables}{feature}")
    inspector = inspect(engine)
    assert "own" in inspector.get_schema_names()
    assert inspector.get_table_names("own") == ["t", "u"]
    assert inspector.get_view_names("own") == ["v"]
    found = [(c["name"], repr(c["type"]), c["nullable"]) for c in inspector.get_columns("t", "own")]
    assert found == [
        ("id", "INTEGER()", False),
        ("b", "NUMERIC(precision=9, scale=2)", False),
        ("c", "ARRAY(TEXT())", True),
    ]
    key = inspector.get_pk_constraint("t", "own")["constrained_columns"]
    keys = [
        (key["constrained_columns"], key["referred_table"], key["referred_columns"])
        for key in inspector.get_foreign_keys("u", "own")
    ]
    assert key == (["id"] if commands else [])
    assert sorted(keys) == (
        [(["i"], "t", ["id"]), (["x", "y"], "t", ["id", "b"])] if commands else []
    )
    with engine.connect() as connection:
        asked = select(literal("it's"))
        assert "$1" in str(asked.compile(engine))
        assert connection.scalar(asked) == "it's"
    engine.dispose()


def test_parameters_by_name(request, server):
    """A dialect of its own paramstyle: names in quotes and casts are text."""
    engine = create_engine(f"named+flightsql://{address(request, server)}")
    metadata = MetaData()
    table = Table("by_name", metadata, Column("n", Integer), Column("s", String))
    metadata.drop_all(engine)
    metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(table.insert(), {"n": 1, "s": ":n"})
        connection.execute(table.insert(), [{"n": 2, "s": "it's"}, {"n": 3, "s": None}])
        asked = select(table.c.s).where(table.c.n < 3).order_by(table.c.n)
        assert ":n_1" in str(asked.compile(engine))
        assert connection.scalars(asked).all() == [":n", "it's"]
        sql = "SELECT ':n' AS a, :n AS b, :n AS c"
        assert connection.exec_driver_sql(sql, {"n": 7}).one() == (":n", 7, 7)
    metadata.drop_all(engine)
    engine.dispose()


def test_each_question_can_be_answered_by_oneself(tables):
    """A method of the catalog, or one of the dialect, in place of ours."""
    engine = create_engine(f"tests_own+one_schema://{tables}")
    inspector = inspect(engine)
    assert inspector.get_schema_names() == ["alone"]
    assert inspector.get_view_names("own") == ["hidden"]
    assert inspector.get_table_names("own") == ["t", "u"]
    engine.dispose()


def test_tables_of_a_whole_schema(tables):
    """get_multi_columns answers for all of them."""
    engine = create_engine(f"tests_own+flightsql://{tables}")
    found = inspect(engine).get_multi_columns(schema="own")
    engine.dispose()
    assert {name: len(columns) for (_, name), columns in found.items()} == {"t": 3, "u": 3}


def test_types_that_a_server_lists(engine, server):
    """Integers keep their width."""
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE IF EXISTS widths")
        connection.exec_driver_sql("CREATE TABLE widths (a INTEGER, b BIGINT)")
    columns = inspect(engine).get_columns("widths")
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE widths")
    assert [type(column["type"]) for column in columns] == [INTEGER, BIGINT]
