"""The dialect's own SQL on the embedded engine: each construct, with its result."""

import datetime
import math
from decimal import Decimal
from typing import Any

import pytest

from tests.local.conftest import Asker


def _name(ask: Asker, sql: str) -> str:
    return ask.answer(sql).columns[0].type.json_lines.removesuffix(" null")


@pytest.mark.parametrize(
    ("sql", "name", "value"),
    [
        # types
        ("pgdate '0001-01-01'", "date", datetime.date(1, 1, 1)),
        ("'2020-02-29'::PGDATE", "date", datetime.date(2020, 2, 29)),
        ("CAST('2020-02-29' AS pgdate)", "date", datetime.date(2020, 2, 29)),
        ("'2020-01-01 10:00:00'::timestampntz", "timestamp", datetime.datetime(2020, 1, 1, 10)),
        ("'2020-01-01 10:00:00'::datetime", "timestamp", datetime.datetime(2020, 1, 1, 10)),
        ("'a'::string", "text", "a"),
        ("1::long", "bigint", 1),
        ("'inf'::float", "double precision", math.inf),
        ("CAST(0.1 AS Float)", "double precision", 0.1),
        ("0.5::real", "real", 0.5),
        ("0.5::float4", "real", 0.5),
        ("0.5::float8", "double precision", 0.5),
        ("1::decimal", "numeric(38, 9)", Decimal("1.000000000")),
        ("CAST(1 AS NUMERIC)", "numeric(38, 9)", Decimal("1.000000000")),
        ("1.25::decimal(5, 2)", "numeric(5, 2)", Decimal("1.25")),
        ("'[[1,null],null]'::array(array(int))", "array(array(integer))", [[1, None], None]),
        ("[[1], null]::array(array(long null) null)", "array(array(bigint))", [[1], None]),
        ("['a']::ARRAY(STRING)", "array(text)", ["a"]),
        ("[1]::array(float null)", "array(double precision)", [1.0]),
        ("[1]::array(decimal)", "array(numeric(38, 9))", [Decimal("1.000000000")]),
        ("{'a': 1}::struct(A int null)", "struct(a integer)", {"a": 1}),
        ("{'B c': 'x'}::struct(`B c` text null)", "struct(`B c` text)", {"B c": "x"}),
        ("'a'::bytea", "bytea", b"a"),
        # literals
        ("[1, 2, 3]", "array(integer)", [1, 2, 3]),
        ("ARRAY[1, NULL]", "array(integer)", [1, None]),
        ("{'k': 1, 'l': 'x'}", "struct(k integer, l text)", {"k": 1, "l": "x"}),
        (r"E'\x61\xff'", "bytea", b"a\xff"),
        (r"E'a\nb'", "text", "a\nb"),
        (r"'a\nb'", "text", r"a\nb"),
        (r"'a\0b'", "text", r"a\0b"),
        (r"E'\0a\n\0\\0'", "text", "\0a\n\0\\0"),
        ("'a\0b'", "text", "a\0b"),
        ("2147483647", "integer", 2147483647),
        ("-2147483648", "integer", -2147483648),
        ("2147483648", "bigint", 2147483648),
        ("1.2345678901234", "double precision", 1.2345678901234),
        ("-1.5", "double precision", -1.5),
        (".5 + 1.", "double precision", 1.5),
        ("[1.5, 2]", "array(double precision)", [1.5, 2.0]),
        # functions
        ("pg_typeof(1.5)", "text", "double"),
        ("'a' || 1.50", "text", "a1.5"),
    ],
)
def test_types_and_literals(ask: Asker, sql: str, name: str, value: Any) -> None:
    """Each type and literal of the dialect has its name on the wire, and its value."""
    ((found,),) = ask.rows(f"SELECT {sql} AS x")
    assert found == value
    told = _name(ask, f"SELECT {sql} AS x").replace(" null", "")
    assert told == name


@pytest.mark.parametrize(
    ("literal", "kind"),
    [
        ("1.2345678901234567890123456789", "numeric(38, 28)"),
        ("1.2345678901234567890123456789", "NUMERIC (38, 28)"),
    ],
)
@pytest.mark.parametrize(
    "form",
    [
        "{literal}::{kind}",
        "({literal})::{kind}",
        "-{literal}::{kind}",
        "CAST({literal} AS {kind})",
        "CAST(({literal}) AS {kind})",
        "([{literal}]::{kind}[])[1]",
        "CAST([{literal}] AS array({kind}))[1]",
        "({{'a': {literal}}}::struct(a {kind}))['a']",
    ],
)
def test_a_literal_that_is_cast_keeps_all_digits(
    ask: Asker, form: str, literal: str, kind: str
) -> None:
    """A literal with a point is double precision, unless it is written into a cast to NUMERIC."""
    ((value,),) = ask.rows("SELECT " + form.format(literal=literal, kind=kind))
    assert value.copy_abs() == Decimal(literal)


def test_inserted_literals_keep_all_digits_and_text_is_coerced(ask: Asker) -> None:
    """INSERT ... VALUES takes text for any type, and numbers with all digits."""
    ask.send(
        "CREATE OR REPLACE TABLE coerced (d pgdate, t timestampntz, n numeric(38, 30), l long,"
        " b bytea, f float, x boolean, a array(int), g geography)"
    )
    ask.answer(
        "INSERT INTO coerced VALUES ('2020-01-01', '2020-01-01 01:02:03', 1.123456789012345678901,"
        r" '5', '\x6162', '1.5', 'true', '[1,2]', 'POINT(1 1)')"
    )
    ((*values, place),) = ask.rows("SELECT * FROM coerced")
    assert values == [
        datetime.date(2020, 1, 1),
        datetime.datetime(2020, 1, 1, 1, 2, 3),
        Decimal("1.123456789012345678901"),
        5,
        b"ab",
        1.5,
        True,
        [1, 2],
    ]
    assert place == "0101000020E6100000FEFFFFFFFFFFEF3F000000000000F03F"
    assert (
        "Unable to cast TEXT 'x' to bigint"
        in ask.error("INSERT INTO coerced (l) VALUES ('x')")["description"]
    )


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE FACT TABLE made (a INT NOT NULL, b FLOAT NULL) PRIMARY INDEX a",
        "create dimension table made (a int not null, b float null) primary index (a, b)",
        (
            "CREATE FACT TABLE IF NOT EXISTS made (a INT NOT NULL, b FLOAT) PRIMARY INDEX a, b\n"
            " PARTITION BY a, EXTRACT(YEAR FROM '2020-01-01'::pgdate)"
        ),
        'CREATE TABLE "made" (a INT NOT NULL, b FLOAT) PARTITION BY a PRIMARY INDEX b;',
        "CREATE FACT TABLE made PRIMARY INDEX a AS SELECT 1 AS a, 1.5 AS b WHERE false",
        "CREATE TABLE made (a INT NOT NULL, b FLOAT NULL) -- PRIMARY INDEX c",
        "/* a fact table */ CREATE TABLE made (a INT NOT NULL, b FLOAT NULL)",
    ],
)
def test_create_table(ask: Asker, sql: str) -> None:
    """The dialect's clauses of CREATE TABLE are accepted wherever they may stand."""
    ask.send("DROP TABLE IF EXISTS made CASCADE")
    ask.answer(sql)
    ask.answer("INSERT INTO made VALUES (1, 0.1)")
    assert ask.rows("SELECT a, b FROM made") == [(1, 0.1)]
    assert _name(ask, "SELECT b FROM made") == "double precision"
    ask.answer("TRUNCATE TABLE made")
    assert ask.rows("SELECT count(*) FROM made") == [(0,)]
    ask.answer("DROP TABLE made CASCADE")


def test_columns_are_nullable_unless_not(ask: Asker) -> None:
    """A column takes NULL, unless it is NOT NULL."""
    ask.send("CREATE OR REPLACE TABLE nullable (a int, b int null, c int not null)")
    ask.answer("INSERT INTO nullable VALUES (NULL, NULL, 1)")
    assert "NOT NULL" in ask.error("INSERT INTO nullable VALUES (1, 1, NULL)")["description"]


def test_aggregating_indexes_are_kept_by_name(ask: Asker) -> None:
    """They are accepted and dropped by name; what they name has to exist."""
    ask.send("CREATE OR REPLACE TABLE sold (day pgdate, amount float)")
    ask.answer("CREATE AGGREGATING INDEX By_Day ON sold (day, sum(amount), count(distinct amount))")
    ((*index, _, _, _, _),) = ask.rows("SHOW INDEXES")
    definition = "day, sum(amount), count(distinct amount)"
    assert index == ["by_day", "sold", "aggregating", [definition]]
    again = ask.error("CREATE AGGREGATING INDEX by_day ON sold (day)")
    assert "'by_day' already exists" in again["description"]
    ask.answer("CREATE AGGREGATING INDEX IF NOT EXISTS by_day ON sold (day, max(amount))")
    ask.answer("DROP AGGREGATING INDEX by_day")
    assert "by_day" in ask.error("DROP AGGREGATING INDEX by_day")["description"]
    ask.answer("DROP AGGREGATING INDEX IF EXISTS by_day")
    assert ask.rows("SHOW INDEXES") == []
    ask.answer("CREATE VIEW selling AS SELECT 1 AS a")
    seen = ask.error("CREATE AGGREGATING INDEX i ON selling (max(a))")
    assert "'selling' is no table" in seen["description"]
    error = ask.error("CREATE AGGREGATING INDEX i ON sold (day, sum(nosuch))")
    assert "nosuch" in error["description"]
    assert error["location"]["start_offset"] == 46


def test_checksum(ask: Asker) -> None:
    """checksum(*) is a BIGINT that depends on the rows, not on their order."""
    rows = "(VALUES (1, 'a'), (2, 'b'), (2, 'b'))"
    ((one,),) = ask.rows(f"SELECT checksum(*) FROM {rows} t(i, s)")
    ((other,),) = ask.rows(
        f"SELECT CHECKSUM(i, s) FROM (SELECT * FROM {rows} t(i, s) ORDER BY i DESC)"
    )
    ((fewer,),) = ask.rows("SELECT checksum(*) FROM (VALUES (1, 'a'), (2, 'b')) t(i, s)")
    assert one == other != fewer
    assert _name(ask, "SELECT checksum(*) FROM (SELECT 1)") == "bigint"
    assert ask.rows("SELECT checksum(*) FROM (SELECT 1) WHERE false") == [(0,)]


def test_series_and_rows_as_values(ask: Asker) -> None:
    """generate_series gives its end, too; a table's name alone is its row as a struct."""
    assert ask.rows("SELECT x FROM generate_series(1, 3) s(x)") == [(1,), (2,), (3,)]
    assert ask.rows("SELECT count(*) FROM generate_series(1, 10)") == [(10,)]
    ask.send('CREATE OR REPLACE TABLE whole (Id int, "Note" text)')
    ask.send("INSERT INTO whole VALUES (1, 'x')")
    assert ask.rows("SELECT whole FROM whole") == [({"id": 1, "Note": "x"},)]


def test_names_fold_to_lower_case(ask: Asker) -> None:
    """Names are in lower case, unless they are in double quotes."""
    ask.send('CREATE OR REPLACE TABLE MixedCase (Id int, "Quoted Id" int, "ID2" int)')
    columns = ask.answer('SELECT *, 1 AS Alias, 2 AS "Alias" FROM MIXEDCASE').columns
    assert [c.name for c in columns] == ["id", "Quoted Id", "ID2", "alias", "Alias"]
    assert ask.rows("SELECT table_name FROM information_schema.tables").count(("mixedcase",)) == 1


@pytest.mark.parametrize("sql", ["1/0", "1.5/0", "1::numeric(9, 2)/0", "1 % 0", "1::real/0", "0/0"])
def test_division_by_zero_is_an_error(ask: Asker, sql: str) -> None:
    """Numbers of any type."""
    assert "Division by zero" in ask.error(f"SELECT {sql}")["description"]


@pytest.mark.parametrize(
    ("value", "kind", "said"),
    [
        ("invalid", "date", "date"),
        ("invalid", "pgdate", "date"),
        ("invalid", "int", "integer"),
        ("invalid", "long", "bigint"),
        ("invalid", "float", "double precision"),
        ("invalid", "boolean", "boolean"),
        ("invalid", "timestampntz", "timestamp"),
        ("invalid", "numeric", "numeric(38, 9)"),
        ("invalid", "array(int)", "array(integer null)"),
    ],
)
def test_casts_that_fail(ask: Asker, value: str, kind: str, said: str) -> None:
    """The text names the value and the type, by its name on the wire."""
    error = ask.error(f"SELECT '{value}'::{kind}")
    assert f"Unable to cast TEXT '{value}' to {said}" in error["description"]


_POINT = "0101000020E6100000FEFFFFFFFFFFEF3F000000000000F03F"
_LINE = "0102000020E610000002000000" + "0" * 32 + "000000000000F03F" * 2


def test_geography(ask: Asker) -> None:
    """WKT becomes EWKB in upper-case hexadecimal digits; points as a unit vector holds them."""
    sql = (
        "SELECT 'POINT(1 1)'::geography, 'LINESTRING(0 0, 1 1)'::GEOGRAPHY,"
        " ['POINT(1 1)'::geography, NULL], NULL::geography"
    )
    assert ask.rows(sql) == [(_POINT, _LINE, [_POINT, None], None)]
    assert _name(ask, sql) == "geography"
    assert "cast TEXT to geography" in ask.error("SELECT 'x'::geography")["description"]


@pytest.mark.parametrize(
    ("sql", "place", "text"),
    [
        ("-- x\nCREATE EXTERNAL TABLE t (a int)", (2, 8), "CREATE EXTERNAL TABLE"),
        ("CREATE JOIN INDEX i ON t (a)", (1, 8), "CREATE JOIN INDEX"),
        ("SELECT 1;\n", None, ""),
        ("CREATE FACT TABLE t (a float,\n b nosuchtype)", (2, 4), "nosuchtype"),
        ("SELECT 'x'::pgdate,\n  1.5 + nosuch", (2, 9), "nosuch"),
        ("SELECT x::float FROM\n (SELECT 1.5 AS x) WHERE nosuch", (2, 26), "nosuch"),
        ("SELECT 1::decimal, ]", (1, 20), "syntax error"),
        ("CREATE TABLE t (a float,,\n b int)", (1, 25), "syntax error"),
        (
            "CREATE FACT TABLE t (a int) PRIMARY INDEX a, nosuch",
            (1, 46),
            "'nosuch' of PRIMARY INDEX",
        ),
        ("CREATE FACT TABLE t (a int) PRIMARY INDEX", (1, 37), "syntax error"),
        ("CREATE TABLE t (a int) PARTITION BY", (1, 24), "syntax error"),
        ("CALL nosuch(1::float)", (1, 1), "FLOAT cannot be translated"),
    ],
)
def test_places_of_errors(ask: Asker, sql: str, place: tuple[int, int] | None, text: str) -> None:
    """What cannot be translated is named with its place, and translation moves no other place."""
    if place is None:
        assert ask.rows(sql) == [(1,)]
        return
    error = ask.error(sql)
    assert text in error["description"]
    assert (error["location"]["failing_line"], error["location"]["start_offset"]) == place


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("SELECT float, decimal FROM (SELECT 1 AS float, 2 AS decimal)", [(1, 2)]),
        ("SELECT 'float 1.5 pgdate' AS checksum", [("float 1.5 pgdate",)]),
        ('SELECT "pgdate" FROM (SELECT 1 AS "pgdate") -- ::float', [(1,)]),
        ("SELECT sum(x) OVER (PARTITION BY x) FROM (SELECT 1.5::float AS x)", [(1.5,)]),
        ("SELECT ARRAY(SELECT x::float FROM (SELECT 1 AS x))", [([1.0],)]),
        ("SELECT column_type FROM (DESCRIBE SELECT 1::float)", [("DOUBLE",)]),
        ("SELECT [1, 2, 3][1:2], a.x FROM (SELECT {'x': 1.5::float} AS a)", [([1, 2], 1.5)]),
    ],
)
def test_words_of_the_dialect_are_names_elsewhere(
    ask: Asker, sql: str, rows: list[tuple[Any, ...]]
) -> None:
    """A type's name as a column, in a string or in a comment is left alone."""
    assert ask.rows(sql) == rows


@pytest.mark.parametrize(
    ("sql", "place", "construct"),
    [
        ("COPY t TO 'file'", (1, 1), "COPY"),
        ("SELECT 1 FROM t\n  WHERE EXISTS (FROM query('x'))", (2, 22), "The function query"),
        ("/* a\n */ ATTACH 'file'", (2, 5), "The statement ATTACH"),
        ("CREATE TEMP TABLE t (a INT)", (1, 1), "CREATE TEMP"),
        ("EXPLAIN CREATE TABLE t (a INT)", (1, 1), "EXPLAIN of anything but"),
        (
            "SELECT 'é', E'\\x61', * FROM read_csv('a',\n store_rejects = true)",
            (2, 2),
            "store_rejects",
        ),
        ("CREATE EXTERNAL TABLE t (a INT)", (1, 8), "CREATE EXTERNAL TABLE"),
        ("CREATE JOIN INDEX i ON t (a)", (1, 8), "CREATE JOIN INDEX"),
    ],
)
def test_what_is_not_supported_is_named_with_its_place(
    ask: Asker, sql: str, place: tuple[int, int], construct: str
) -> None:
    """The answer says what it is, and the line and the column where it stands."""
    error = ask.error(sql)
    assert error["description"].startswith(f"Line {place[0]}, Column {place[1]}: ")
    assert (error["location"]["failing_line"], error["location"]["start_offset"]) == place
    assert f"{construct} " in error["description"]
    assert "not supported" in error["description"]
