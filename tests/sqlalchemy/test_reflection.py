"""Reflection, compared with what DuckDB says of itself."""

import re
from typing import NamedTuple

import duckdb
import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings
from sqlalchemy import (
    ARRAY,
    Column,
    Integer,
    MetaData,
    Table,
    create_engine,
    event,
    inspect,
    text,
)
from sqlalchemy.dialects import registry
from sqlalchemy.exc import NoSuchTableError
from sqlalchemy.schema import CreateTable

from firebolt_like.sqlalchemy import STRUCT, FireboltLikeDialect
from firebolt_like.sqlalchemy.sub_dialects import DUCKDB, FIREBOLT
from firebolt_like.sqlalchemy.type_names import duckdb_type, protocol_type

LEAVES = st.sampled_from(
    [
        *("BOOLEAN", "SMALLINT", "INTEGER", "BIGINT", "FLOAT", "DOUBLE", "VARCHAR", "DATE", "TIME"),
        *("TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "BLOB", "JSON", "UUID", "INTERVAL"),
        *("DECIMAL(9,2)", "DECIMAL(38,0)"),
    ]
)
NAMES = st.text(
    st.characters(categories=("L", "N", "P", "S", "Zs"), codec="utf-8"), min_size=1, max_size=12
)


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


def nested(types):
    fields = st.lists(
        st.tuples(NAMES, types), min_size=1, max_size=3, unique_by=lambda field: field[0].casefold()
    )
    structs = fields.map(
        lambda found: "STRUCT(" + ", ".join(f"{quoted(n)} {kind}" for n, kind in found) + ")"
    )
    return structs | types.map("{}[]".format)


TYPES = st.recursive(LEAVES, nested, max_leaves=4)


class Made(NamedTuple):
    """A column, as a schema is generated with it."""

    name: str
    kind: str
    nullable: bool
    default: str | None
    in_key: bool


COLUMNS = st.lists(
    st.builds(Made, NAMES, TYPES, st.booleans(), st.none() | st.just("NULL"), st.booleans()),
    min_size=1,
    max_size=5,
    unique_by=lambda column: column.name.casefold(),
)
TABLES = st.dictionaries(NAMES, COLUMNS, min_size=1, max_size=3).filter(
    lambda tables: len({name.casefold() for name in tables}) == len(tables)
)


def keyed(column):
    return column.in_key and column.kind in ("INTEGER", "VARCHAR", "DATE")


def create(name, columns):
    lines = [
        f"{quoted(c.name)} {c.kind}{'' if c.nullable else ' NOT NULL'}"
        + (f" DEFAULT {c.default}" if c.default else "")
        for c in columns
    ]
    if key := [quoted(column.name) for column in columns if keyed(column)]:
        lines.append(f"PRIMARY KEY ({', '.join(key)})")
    return f"CREATE TABLE {quoted(name)} ({', '.join(lines)})"


def told_by_duckdb(connection):
    """Give what DuckDB's DESCRIBE says: name, type, nullable, key."""
    tables = {}
    for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall():
        described = connection.execute(f"DESCRIBE {quoted(name)}").fetchall()
        tables[name] = [
            (c, kind, null == "YES", key == "PRI") for c, kind, null, key, *_ in described
        ]
    return tables


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(schema=TABLES)
def test_generated_schemas_are_reflected_as_duckdb_describes_them(tmp_path_factory, schema):
    """Names, types, nullability and keys of any schema are DuckDB's own."""
    file = tmp_path_factory.mktemp("reflected") / "schema.duckdb"
    with duckdb.connect(file) as database:
        for name, columns in schema.items():
            database.execute(create(name, columns))
        expected = told_by_duckdb(database)
    engine = create_engine(f"firebolt_like:///{file}")
    inspector = inspect(engine)
    assert sorted(inspector.get_table_names()) == sorted(expected)
    found = inspector.get_multi_columns()
    keys = inspector.get_multi_pk_constraint()
    engine.dispose()
    for name, columns in expected.items():
        key = keys[None, name]["constrained_columns"]
        assert set(key) == {column for column, _, _, in_key in columns if in_key}
        assert [(c["name"], repr(c["type"]), c["nullable"]) for c in found[None, name]] == [
            (column, repr(duckdb_type(kind)), nullable) for column, kind, nullable, _ in columns
        ]


@given(kind=TYPES)
def test_types_are_read_to_their_leaves(kind):
    """A nested type of DuckDB has as many arrays and structs as its name says."""

    def brackets(found):
        if isinstance(found, ARRAY):
            return (found.dimensions or 1) + brackets(found.item_type)
        if isinstance(found, STRUCT):
            return sum(map(brackets, found.fields.values()))
        return 0

    outside_of_names = re.sub(r'"(?:[^"]|"")*"', "", kind)
    assert brackets(duckdb_type(kind)) == outside_of_names.count("[]")


def test_types_of_the_protocol():
    """What information_schema names becomes the same type as DuckDB's name for it."""
    for protocol, own in {
        "numeric(9, 2)": "DECIMAL(9,2)",
        "array(struct(a int null, `b c` text null) null)": 'STRUCT(a INTEGER, "b c" VARCHAR)[]',
        "timestamptz": "TIMESTAMP WITH TIME ZONE",
        "bytea": "BLOB",
        "array(array(bigint))": "BIGINT[][]",
    }.items():
        assert repr(protocol_type(protocol)) == repr(duckdb_type(own))


def test_everything_that_a_table_has(engine):
    """Keys, constraints, indexes, views, computed columns and options of a table are found."""
    with engine.begin() as connection:
        for statement in (
            "CREATE TABLE parents (id int PRIMARY KEY, code text UNIQUE)",
            """CREATE FACT TABLE t (id int NOT NULL DEFAULT 7, parent int REFERENCES parents (id),
                n int CHECK (n > 1), twice int AS (n * 2)) PRIMARY INDEX parent, id""",
            "CREATE UNIQUE INDEX by_parent ON t (parent, lower(id::text))",
            "CREATE VIEW v AS SELECT id FROM t",
            "CREATE SCHEMA other",
            'CREATE TABLE other."Odd.Name ""x""" ("Ünï" int)',
        ):
            connection.exec_driver_sql(statement)
    inspector = inspect(engine)
    assert {"other", "public"} <= set(inspector.get_schema_names())
    assert inspector.get_table_names() == ["parents", "t"]
    assert inspector.get_view_names() == ["v"]
    assert "SELECT id" in inspector.get_view_definition("v")
    assert [column["name"] for column in inspector.get_columns("v")] == ["id"]
    assert inspector.get_unique_constraints("parents")[0]["column_names"] == ["code"]
    (key,) = inspector.get_foreign_keys("t")
    assert (key["referred_table"], key["constrained_columns"]) == ("parents", ["parent"])
    assert inspector.get_check_constraints("t")[0]["sqltext"] == "(n > 1)"
    assert inspector.get_pk_constraint("t")["constrained_columns"] == ["parent", "id"]
    index = inspector.get_indexes("t")[0]
    assert (index["name"], index["unique"], index["column_names"]) == (
        *("by_parent", True, ["parent", None]),
    )
    columns = {column["name"]: column for column in inspector.get_columns("t")}
    assert columns["id"]["default"] == "7"
    assert "n * 2" in columns["twice"]["computed"]["sqltext"]
    assert inspector.get_table_names("other") == ['Odd.Name "x"']
    assert inspector.has_table('Odd.Name "x"', "other")
    assert inspector.get_columns('Odd.Name "x"', "other")[0]["name"] == "Ünï"
    assert not inspector.has_table("missing")
    with pytest.raises(NoSuchTableError):
        inspector.get_columns("missing")


def test_a_reflected_table_can_be_made_again(engine):
    """The DDL of a reflected table is that of the table."""
    made = (
        "CREATE SEQUENCE t_id_seq; CREATE TABLE t (id int DEFAULT nextval('t_id_seq') PRIMARY KEY, "
        "wage numeric(9, 2) NOT NULL, tags text[], place struct(x int, y int))"
    )
    with engine.begin() as connection:
        connection.exec_driver_sql(made)
    first = Table("t", MetaData(), autoload_with=engine)
    with engine.begin() as connection:
        first.drop(connection)
        first.create(connection)
    second = Table("t", MetaData(), autoload_with=engine)
    assert str(CreateTable(first).compile(engine)) == str(CreateTable(second).compile(engine))


def test_a_thousand_tables_take_a_handful_of_queries(engine):
    """How many queries reflection runs does not depend on the number of tables."""
    statements = [f"CREATE TABLE t{number} (id int, name text)" for number in range(1000)]
    with engine.begin() as connection:
        connection.exec_driver_sql("; ".join(statements))
    asked = []
    event.listen(engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
    known = MetaData()
    known.reflect(engine)
    assert len(known.tables) == 1000
    assert len(asked) < 20


def test_comments_of_a_file(tmp_path):
    """Comments that DuckDB itself wrote into a file are reflected."""
    file = tmp_path / "commented.duckdb"
    with duckdb.connect(file) as database:
        database.execute("CREATE TABLE t (a int); COMMENT ON TABLE t IS 'all';")
        database.execute("COMMENT ON COLUMN t.a IS 'one'")
    engine = create_engine(f"firebolt_like:///{file}")
    inspector = inspect(engine)
    assert inspector.get_table_comment("t") == {"text": "all"}
    assert inspector.get_columns("t")[0]["comment"] == "one"
    engine.dispose()


def test_comments_of_a_table(engine):
    """Comments of Table and Column are kept beside the primary index, and reflected."""
    column = Column("a", Integer, comment="one", nullable=False)
    options = {"firebolt_like_primary_index": ["a"], "firebolt_like_table_type": "DIMENSION"}
    Table("t", MetaData(), column, comment="all", **options).create(engine)
    inspector = inspect(engine)
    assert inspector.get_table_comment("t") == {"text": "all"}
    assert inspector.get_columns("t")[0]["comment"] == "one"
    assert inspector.get_table_options("t") == options


def test_engines_that_are_not_duckdb_are_asked_by_information_schema(engine):
    """The views that every engine of the protocol has tell tables, columns and primary indexes."""
    with engine.begin() as connection:
        connection.execute(
            text("CREATE FACT TABLE t (a int NOT NULL, b array(text), c date) PRIMARY INDEX c, a")
        )
        connection.execute(text("CREATE VIEW v AS SELECT a FROM t"))
    engine.dialect.use_sub_dialect(FIREBOLT)
    inspector = inspect(engine)
    assert inspector.get_table_names() == ["t"]
    assert inspector.get_view_names() == ["v"]
    assert inspector.get_pk_constraint("t")["constrained_columns"] == ["c", "a"]
    found = [(c["name"], repr(c["type"])) for c in inspector.get_columns("t")]
    assert found == [("a", "INTEGER()"), ("b", "ARRAY(TEXT())"), ("c", "DATE()")]


def test_a_dialect_of_ones_own_takes_the_engine_for_what_it_says(server):
    """A subclass with another sub-dialect, such as DuckDB itself, reflects as that one does."""

    class DuckDBDialect(FireboltLikeDialect):
        supports_statement_cache = True

        def initialize(self, connection):
            super().initialize(connection)
            self.use_sub_dialect(DUCKDB)
            self.default_schema_name = "main"

    registry.impls["own"] = lambda: DuckDBDialect
    engine = create_engine(f"own://?url={server.url}")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE t (a int PRIMARY KEY)"))
    inspector = inspect(engine)
    assert inspector.get_schema_names() == ["main"]
    assert inspector.get_pk_constraint("t")["constrained_columns"] == ["a"]
    engine.dispose()
