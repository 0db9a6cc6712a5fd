"""Type names: every spelling is understood, and what is not understood is text."""

import datetime
import decimal
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebolt_like.protocol.types import SqlType, parse_type

SPELLINGS = {
    "integer": "int integer INT INTEGER int4 Int16 Int32 UInt8 UInt16",
    "bigint": "long bigint LONG int8 Int64 UInt32 UInt64",
    "real": "float real Float32 float4",
    "double precision": "double Float64 float8",
    "numeric": "Decimal numeric decimal NUMERIC",
    "text": "text String varchar STRING",
    "date": "date pgdate date_ext Date32",
    "timestamp": "timestamp timestampntz timestamp_ext DateTime DateTime64 DateTime64(6)",
    "timestamptz": "timestamptz TIMESTAMPTZ timestamptz(6)",
    "boolean": "boolean BOOL",
    "bytea": "bytea",
    "geography": "geography",
    "json": "json",
}


@pytest.mark.parametrize(
    ("name", "spelling"), [(name, word) for name, row in SPELLINGS.items() for word in row.split()]
)
def test_every_spelling_of_the_protocol_names_its_type(name, spelling):
    """Both columns of the protocol's table and the oldest engines' names are understood."""
    assert parse_type(spelling) == SqlType(name)
    assert parse_type(f" {spelling} null ") == SqlType(name, nullable=True)
    assert parse_type(f"{spelling} NOT NULL") == SqlType(name)
    assert parse_type(f"Nullable({spelling})") == SqlType(name, nullable=True)
    assert parse_type(f"array({spelling} null)").item == SqlType(name, nullable=True)


def test_a_name_of_two_words_may_hold_any_blanks():
    """`double precision` is one name."""
    assert parse_type("double precision null") == SqlType("double precision", nullable=True)
    assert parse_type("DOUBLE \t PRECISION") == SqlType("double precision")


@pytest.mark.parametrize("word", ["null", "Nothing", "Nothing null", "NULL", "text null"])
def test_an_untyped_null_is_text_that_may_be_null(word):
    """A column of nothing but NULL has a type that can hold it."""
    assert parse_type(word) == SqlType("text", nullable=True)


@pytest.mark.parametrize(
    ("word", "precision", "scale"),
    [("Decimal(38, 9)", 38, 9), ("numeric(10,2)", 10, 2), ("DECIMAL( 5 )", 5, 0)],
)
def test_numeric_keeps_precision_and_scale(word, precision, scale):
    """`description` can tell how exact a column is."""
    kind = parse_type(word)
    assert (kind.name, kind.precision, kind.scale) == ("numeric", precision, scale)


def test_nested_types_are_read_at_every_level():
    """Arrays and structs nest, each level with its own nullability, names in backticks."""
    kind = parse_type(
        "array(struct(a int, `b, (c) ``d``` text null, s struct(x array(Decimal(5, 1)))) null) null"
    )
    assert kind.nullable
    assert kind.item is not None
    assert kind.item.nullable
    names = [name for name, _ in kind.item.fields]
    assert names == ["a", "b, (c) `d`", "s"]
    inner = kind.item.fields[2][1].fields[0][1]
    assert inner == SqlType("array", item=SqlType("numeric", precision=5, scale=1))


_names = st.one_of(st.sampled_from(["a", "null", "Mixed", "b c", "`", "a,b", "(", "ü"]), st.text())
_scalars = st.sampled_from([name for name in SPELLINGS if name != "numeric"]).map(SqlType)
_numerics = st.builds(
    SqlType, st.just("numeric"), precision=st.integers(1, 76), scale=st.integers(0, 76)
)


def _nullable(kind: SqlType, nullable: bool) -> SqlType:
    return SqlType(kind.name, nullable, kind.precision, kind.scale, kind.item, kind.fields)


def _nested(inner):
    arrays = st.builds(SqlType, st.just("array"), item=inner)
    fields = st.lists(st.tuples(_names, inner), min_size=1, max_size=4).map(tuple)
    structs = st.builds(SqlType, st.just("struct"), fields=fields)
    return st.builds(_nullable, arrays | structs, st.booleans())


_leaves = st.builds(_nullable, _scalars | _numerics | st.just(SqlType("numeric")), st.booleans())
types = st.recursive(_leaves, _nested, max_leaves=8)


@given(types)
def test_what_is_spelled_is_read_back(kind):
    """Both spellings of any type give that type again, so client and engine agree."""
    assert parse_type(kind.json_compact) == kind
    assert parse_type(kind.json_lines) == kind
    assert parse_type(str(kind)) == kind


@pytest.mark.parametrize(
    "word",
    [
        *("vector(3)", "map(text, int)", "array", "struct", "struct()", "array()", "struct(a)"),
        *("array(int, int)", "numeric(x)", "numeric(" + "9" * 5000 + ")"),
        *("int) foo (text", "array(int) foo (text)", "int(", "array(int"),
    ],
)
def test_a_name_that_is_not_known_is_text(word):
    """A type of a newer engine arrives as text under its own name."""
    kind = parse_type(word)
    assert kind == SqlType(word)
    assert (kind.python, kind.group, kind.size) == (str, "STRING", None)
    assert str(kind) == word


@given(st.text() | st.text("`(),a \n") | st.from_regex(r"(array|struct|nullable)\(.*\)( null)?"))
def test_no_text_at_all_is_an_error(word):
    """Whatever a server calls its type, the answer stays readable."""
    kind = parse_type(word)
    hash(kind)
    assert isinstance(kind.json_compact, str)
    assert isinstance(kind.python, type)


@pytest.mark.parametrize(
    "word",
    [
        "array(" * 5000 + "int" + ")" * 5000,
        "nullable(" * 5000 + "int" + ")" * 5000,
        "struct(a " * 5000 + "int" + ")" * 5000,
        "array(" * 5000,
        "int" + " null" * 5000,
        "int" + " not null" * 5000,
        "(" * 5000,
        "`" * 100_001,
        " " * 200_000 + "int" + " " * 200_000 + "x",
        "struct(" + "a int, " * 20_000 + "a int)",
    ],
    ids=range(10),
)
def test_a_hostile_name_takes_little_time_and_no_recursion(word):
    """Thousands of levels or blanks are a name like any other."""
    started = time.perf_counter()
    kind = parse_type(word)
    hash(kind)
    repr(kind)
    assert isinstance(kind.json_lines, str)
    assert time.perf_counter() - started < 2


def test_nesting_deeper_than_any_engine_is_text_below():
    """Sixty levels are read; what lies deeper than any engine goes stays the name it has."""
    kind = parse_type("array(" * 60 + "int" + ")" * 60)
    depth = 0
    while kind.item is not None:
        kind, depth = kind.item, depth + 1
    assert (depth, kind) == (60, SqlType("integer"))


@pytest.mark.parametrize(
    ("word", "python", "group"),
    [
        ("long", int, "NUMBER"),
        ("double", float, "NUMBER"),
        ("numeric(5, 2)", decimal.Decimal, "NUMBER"),
        ("text", str, "STRING"),
        ("pgdate", datetime.date, "DATETIME"),
        ("timestamptz", datetime.datetime, "DATETIME"),
        ("bytea", bytes, "BINARY"),
        ("array(int)", list, "STRING"),
        ("struct(a int)", dict, "STRING"),
    ],
)
def test_a_type_knows_its_python_class_and_its_group(word, python, group):
    """`description` can name the PEP 249 type object of every column."""
    assert (parse_type(word).python, parse_type(word).group) == (python, group)
