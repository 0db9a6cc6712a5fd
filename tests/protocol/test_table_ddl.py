"""Tables for data, and which of their columns takes which data."""

import pytest

from firebolt_like.errors import DataError, NotSupportedError
from firebolt_like.protocol.table_ddl import (
    create_table,
    drop_table,
    match,
    same_types,
    sent_columns,
)
from firebolt_like.protocol.types import Column, SqlType, parse_type


def _columns(**kinds):
    return [Column(name, parse_type(kind)) for name, kind in kinds.items()]


def test_tables_are_written_with_quoted_names():
    """Of the schema, the table and its columns; what is inside of a type may be NULL."""
    columns = _columns(a="bigint null", b="array(struct(c int))", d="numeric(5, 2)")
    assert create_table(["s", 't"'], columns) == (
        'CREATE TABLE "s"."t""" ("a" bigint NULL, '
        '"b" array(struct(c integer null) null) NOT NULL, "d" numeric(5, 2) NOT NULL)'
    )
    assert drop_table(["s", "t"]) == 'DROP TABLE IF EXISTS "s"."t"'


@pytest.mark.parametrize(
    ("kind", "missing"),
    [
        (SqlType("time64[us]"), "time64"),
        (SqlType("array", item=SqlType("duration[s]")), "duration"),
        (SqlType("struct", fields=(("f", SqlType("map<string, int32>")),)), "map<string, int32>"),
        (SqlType("numeric", precision=39, scale=0), "39 digits"),
    ],
)
def test_a_type_that_sql_has_not_names_the_column(kind, missing):
    """Also where it is inside of another."""
    with pytest.raises(NotSupportedError, match=f"Column 'c': SQL has no type for .*{missing}"):
        create_table(["t"], [Column("a", SqlType("text")), Column("c", kind)])


def test_columns_are_found_by_name():
    """Exactly, or in lower case; the order is the data's."""
    table = _columns(id="int", Name="text", name="text")
    assert [c.name for c in match(["name", "Name", "ID"], 3, table)] == ["name", "Name", "id"]
    assert match(None, 3, table) == tuple(table)
    with pytest.raises(DataError, match="no column 'nAme2', 'x'"):
        match(["id", "nAme2", "x"], 3, table)
    with pytest.raises(DataError, match="same name"):
        match(["id", "ID"], 2, table)
    with pytest.raises(DataError, match="2 values, the table has 3 columns"):
        match(None, 2, table)


@pytest.mark.parametrize(
    ("data", "table", "sent"),
    [
        ("int", "bigint", "bigint"),
        ("bigint", "int", "int"),
        ("bigint", "numeric(10, 2)", "numeric(10, 2)"),
        ("numeric(20, 0)", "bigint", "bigint"),
        ("numeric(20, 0)", "numeric(5, 2)", "numeric(5, 2)"),
        ("bigint", "double", "double"),
        ("real", "double", "double"),
        ("double", "real", "double"),
        ("double", "numeric(5, 2)", "double"),
        ("numeric(5, 2)", "double", "numeric(5, 2)"),
        ("text", "date", "text"),
        ("date", "timestamp", "timestamp"),
        ("timestamp", "date", "timestamp"),
        ("timestamp", "timestamptz", "timestamp"),
        ("timestamptz", "timestamp", "timestamptz"),
        ("array(int)", "array(bigint)", "array(bigint)"),
        ("array(text)", "array(bigint)", "array(text)"),
        ("array(int)", "int", "array(int)"),
        ("struct(a int, b text)", "struct(b text, a bigint)", "struct(b text, a bigint)"),
        ("struct(a int)", "struct(b int)", "struct(a int)"),
    ],
)
def test_data_is_sent_as_its_column_where_that_changes_nothing(data, table, sent):
    """Else as it is, for the engine to convert or refuse."""
    [column] = sent_columns(_columns(x=data), _columns(y=table))
    assert column == Column("y", parse_type(sent))


def test_null_is_sent_as_anything():
    """A column of NULL alone has the type of where it goes."""
    [column] = sent_columns([Column("x", SqlType("null", nullable=True))], _columns(y="date"))
    assert column.type == parse_type("date")


def test_same_types_look_beyond_null():
    """Whether a column may be NULL is no difference of type."""
    assert same_types(_columns(a="array(int)"), _columns(b="array(int null) null"))
    assert not same_types(_columns(a="int"), _columns(b="bigint"))
