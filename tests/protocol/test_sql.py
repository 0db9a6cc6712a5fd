"""SQL text: tokens, statements, leading words, SET, quoting."""

import re
from itertools import pairwise

import duckdb
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from firebolt_like.errors import DataError, InterfaceError
from firebolt_like.protocol.sql import (
    Kind,
    first_words,
    is_read_only,
    parse_set,
    quote_name,
    quote_string,
    split,
    tokens,
)

# Fragments that open, close or look like tokens: joined at random they meet every edge.
FRAGMENTS = [
    *("'", "''", '"', "\\", "E'", "e'", "xE'", "$$", "$a$", "$a", "a$1", "$1", "$", "`", "?", ";"),
    *("--", "-", "/*", "*/", "/", "*", ".", "(", ")", "a", "1", "SELECT", "é", "😀"),
    *("\n", "\r", " ", "\u00a0", "\x00"),
]
SQL = st.lists(st.sampled_from(FRAGMENTS) | st.text(max_size=4), max_size=30).map("".join)


def kinds(sql, **flags):
    """The tokens as (kind, text), blanks around text aside and adjacent text as one."""
    found = []
    for token in tokens(sql, **flags):
        text = sql[token.start : token.end]
        if found and found[-1][0] is token.kind is Kind.TEXT:
            text = found.pop()[1] + text
        found.append((token.kind, text))
    return [
        (kind.name, text.strip()) for kind, text in found if kind is not Kind.TEXT or text.strip()
    ]


@given(SQL, st.booleans())
@example("'a\\", True)
@example("e'\\", False)
def test_tokens_tile_the_text(sql, backslash_escapes):
    """Whatever the text, its tokens cover it without gap, overlap or empty token."""
    found = list(tokens(sql, backslash_escapes=backslash_escapes))
    assert [t.start for t in found[:1]] == ([0] if sql else [])
    assert [t.end for t in found[-1:]] == ([len(sql)] if sql else [])
    assert all(left.end == right.start for left, right in pairwise(found))
    assert all(t.start < t.end for t in found)


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("a 'it''s' b", [("TEXT", "a"), ("STRING", "'it''s'"), ("TEXT", "b")]),
        ("'a\\' ?", [("STRING", "'a\\'"), ("QMARK", "?")]),
        (r"E'\'?' ?", [("STRING", r"E'\'?'"), ("QMARK", "?")]),
        (r"e'\\' ?", [("STRING", r"e'\\'"), ("QMARK", "?")]),
        (r"type'\' ?", [("TEXT", "type"), ("STRING", r"'\'"), ("QMARK", "?")]),
        (r"$e'\' ?", [("TEXT", "$"), ("STRING", r"e'\' ?")]),
        ("'open ? ;", [("STRING", "'open ? ;")]),
        ('"a?""b;" ?', [("NAME", '"a?""b;"'), ("QMARK", "?")]),
        ('"open ?', [("NAME", '"open ?')]),
        ("$$a?'$$ ?", [("STRING", "$$a?'$$"), ("QMARK", "?")]),
        ("$x$ $$ $y$ ? $x$;", [("STRING", "$x$ $$ $y$ ? $x$"), ("SEMICOLON", ";")]),
        ("$x$ ? $X$", [("STRING", "$x$ ? $X$")]),
        ("$$a$$$$?$$", [("STRING", "$$a$$"), ("STRING", "$$?$$")]),
        (
            "a$$ ? $$",
            [("TEXT", "a$$"), ("QMARK", "?"), ("STRING", "$$")],
        ),
        ("-- ? 'x\n?", [("COMMENT", "-- ? 'x"), ("QMARK", "?")]),
        ("--x\r?", [("COMMENT", "--x"), ("QMARK", "?")]),
        ("a - -b", [("TEXT", "a - -b")]),
        ("/* /* ? */ ? */ ?", [("COMMENT", "/* /* ? */ ? */"), ("QMARK", "?")]),
        ("/*/ ? */ ?", [("COMMENT", "/*/ ? */"), ("QMARK", "?")]),
        ("/* open ? ;", [("COMMENT", "/* open ? ;")]),
        ("a / b * c", [("TEXT", "a / b * c")]),
        ("$1+$23", [("NUMBERED", "$1"), ("TEXT", "+"), ("NUMBERED", "$23")]),
        ("a$1 _$1 é$1 😀$1", [("TEXT", "a$1 _$1 é$1 😀$1")]),
        ("(\u00a0$1)", [("TEXT", "("), ("NUMBERED", "$1"), ("TEXT", ")")]),
        ("`a`;", [("TEXT", "`a`"), ("SEMICOLON", ";")]),
        ("", []),
    ],
)
def test_each_kind_of_token(sql, expected):
    """Quotes, comments and placeholders are told apart as the engine tells them apart."""
    assert kinds(sql) == expected


def test_backslash_in_plain_strings_is_a_matter_of_the_engine():
    """An engine without standard_conforming_strings reads a backslash in '...' as an escape."""
    sql = r"'a\' ? '"
    assert kinds(sql, backslash_escapes=True) == [("STRING", sql)]
    assert kinds(sql)[:2] == [("STRING", r"'a\'"), ("QMARK", "?")]


@pytest.mark.parametrize(
    "piece",
    [
        "'",
        "''",
        "e'",
        '"',
        "$a",
        "$a$",
        "$",
        "/*",
        "*/",
        "--",
        "-",
        "/",
        "a",
        "a ",
        "?",
        ";",
        "\\",
        "'\\",
        "(",
        "é$1 ",
    ],
)
@pytest.mark.parametrize("backslash_escapes", [False, True])
def test_long_texts_are_read_in_one_pass(piece, backslash_escapes):
    """Half a million characters of any fragment are read: a quadratic lexer would not end."""
    sql = piece * (500_000 // len(piece))
    assert sum(t.end - t.start for t in tokens(sql, backslash_escapes=backslash_escapes)) == len(
        sql
    )


@given(SQL, st.booleans())
def test_split_loses_nothing(sql, backslash_escapes):
    """Statements are verbatim parts; what lies between is `;`, blanks and comments."""
    position, between = 0, []
    for statement in split(sql, backslash_escapes=backslash_escapes):
        assert sql[statement.start :].startswith(statement.text)
        assert statement.text
        between.append(sql[position : statement.start])
        position = statement.start + len(statement.text)
    between.append(sql[position:])
    for gap in between:
        rest = [(kind, text) for kind, text in kinds(gap) if kind not in {"COMMENT", "SEMICOLON"}]
        assert rest == []


@given(
    st.lists(st.sampled_from(["SELECT ';'", "a -- ;\n", "$$;$$ b", '";"', "/* ; */ x", "E'\\';'"]))
)
def test_joined_statements_split_again(statements):
    """Joining statements with `;` and splitting them gives the same statements."""
    assert [s.text for s in split(";".join(statements))] == [s.strip() for s in statements]


def test_split_gives_text_and_offset():
    """A statement knows where it stands in the user's own text, its comments stay with it."""
    sql = " SELECT 1 ; ;\n-- two\nSELECT ';' ;\n-- end"
    assert split(sql) == [("SELECT 1", 1), ("-- two\nSELECT ';'", 14)]


@pytest.mark.parametrize("sql", ["", " \n", ";", " ; ;; ", "-- x", "/* a; */;--b"])
def test_split_drops_what_is_no_statement(sql):
    """Blanks and comments alone are no statement."""
    assert split(sql) == []


def test_split_keeps_the_end_of_an_open_string():
    """Blanks at the end of an unterminated string belong to it."""
    assert split("SELECT 'a  ") == [("SELECT 'a  ", 0)]


@pytest.mark.parametrize(
    ("sql", "n", "expected"),
    [
        ("select 1", 2, ("SELECT",)),
        ("/* x */ -- y\n use database d", 2, ("USE", "DATABASE")),
        ("((SELECT a))", 2, ("SELECT", "A")),
        ("COMMIT", 1, ("COMMIT",)),
        ("VALUES (a)", 2, ("VALUES",)),
        ('USE "d"', 2, ("USE",)),
        ("begin/**/transaction;", 3, ("BEGIN", "TRANSACTION")),
        ("insert into t", 1, ("INSERT",)),
        ("'SELECT'", 2, ()),
        ("", 2, ()),
    ],
)
def test_first_words(sql, n, expected):
    """The words a statement begins with, past comments and opening parentheses."""
    assert first_words(sql, n) == expected


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("SET a = 1", ("a", "1")),
        ("set time_zone='UTC'", ("time_zone", "UTC")),
        ("/* x */ SET a.b = 'it''s' -- why", ("a.b", "it's")),
        ("SET a=''", ("a", "")),
        ("SET a = ' b ';", ("a", " b ")),
        ("SET a = '--x'", ("a", "--x")),
        ("SET a = Asia/Calcutta ", ("a", "Asia/Calcutta")),
        (
            'SET q = [{"name": "$1", "value": "a=b--c"}]',
            ("q", '[{"name": "$1", "value": "a=b--c"}]'),
        ),
        ("SELECT 1", None),
        ("UPDATE t SET a = 1", None),
        ("settle", None),
        ("", None),
    ],
)
def test_parse_set(statement, expected):
    """SET gives the name and the bare value; other statements are not SET."""
    assert parse_set(statement) == expected


@pytest.mark.parametrize(
    "statement",
    [
        "SET",
        "SET a",
        "SET a =",
        "SET = 1",
        "SET a 1",
        "SET a = 'x",
        "SET a = 'x' y",
        "SET a=1; SET b=2",
    ],
)
def test_malformed_set(statement):
    """A SET that cannot be understood is refused, with the right form in the message."""
    with pytest.raises(InterfaceError, match="SET name = value"):
        parse_set(statement)


@given(st.text())
def test_set_gives_back_what_was_quoted(value):
    """Any text, quoted, arrives as it was."""
    quoted = "'" + value.replace("'", "''") + "'"
    assert parse_set(f"SET x = {quoted}") == ("x", value)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1",
        "(select 1) UNION (select 2)",
        "SELECT 'INSERT INTO', \"update\" -- DELETE",
        "WITH a AS (SELECT 1), b AS (SELECT 2) SELECT * FROM a, b",
        "SHOW CREATE TABLE t",
        "EXPLAIN SELECT 1",
        "EXPLAIN (ANALYZE) SELECT 1",
        "DESCRIBE t",
        "VALUES (1)",
        "TABLE t;",
        "SELECT replace(a, 'b', 'c') FROM t",
    ],
)
def test_reading_statements(sql):
    """A statement that only reads is known as such."""
    assert is_read_only(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO t SELECT 1",
        "WITH a AS (SELECT 1) INSERT INTO t SELECT * FROM a",
        "WITH a AS (INSERT INTO t VALUES (1) RETURNING x) SELECT * FROM a",
        "WITH a AS (SELECT 1) frobnicate a",
        "SELECT 1 INTO t",
        "SELECT 1; COMMIT",
        "EXPLAIN ANALYZE INSERT INTO t VALUES (1)",
        "EXPLAIN ANALYZE frobnicate",
        "CALL f()",
        "SET a = 1",
        "",
        "-- SELECT 1",
        "'SELECT'",
    ],
)
def test_statements_that_may_write(sql):
    """What writes, or is not understood, is not called read-only."""
    assert not is_read_only(sql)


def test_read_only_sees_through_backslashes():
    """The same text reads or writes, depending on what a backslash means to the engine."""
    sql = r"SELECT '\', 1; DROP TABLE t --'"
    assert not is_read_only(sql)
    assert is_read_only(r"SELECT '\'; DROP TABLE t --'", backslash_escapes=True)


WORDS = st.sampled_from(["SELECT ", "SHOW ", " values(", "with ", " into ", "IN\u017fERT ", "; "])


@given(st.lists(WORDS | SQL, max_size=6).map("".join))
@example("")
@example(" (SELECT 1)")
@example("SELECT 'into'")
def test_the_short_ways_give_what_the_long_ones_give(sql):
    """A comment in front, which is always read token by token, changes no answer."""
    long_way = "/**/" + sql
    assert first_words(sql, 1) == first_words(long_way, 1) == first_words(sql, 2)[:1]
    assert is_read_only(sql) == is_read_only(long_way)
    ends = [statement.start + len(statement.text) + 4 for statement in split(sql)]
    assert ends == [statement.start + len(statement.text) for statement in split(long_way)]


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_quoted_text_comes_back_from_an_engine(text):
    """Any text without NUL, quoted, is read by an SQL engine as itself."""
    assert duckdb.connect().execute(f"SELECT {quote_string(text)}").fetchone() == (text,)


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_quoted_text_comes_back_through_backslash_escapes(text):
    """With backslash escapes, every quote is doubled and every backslash is escaped."""
    literal = quote_string(text, backslash_escapes=True)
    assert [t.kind for t in tokens(literal, backslash_escapes=True)] == [Kind.STRING]
    assert re.sub(r"\\(.)|''", lambda m: m[1] or "'", literal[1:-1], flags=re.DOTALL) == text


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1))
def test_quoted_name_comes_back_from_an_engine(name):
    """Any name without NUL, quoted, is one name to an SQL engine."""
    assert duckdb.connect().execute(f"SELECT 1 AS {quote_name(name)}").description[0][0] == name


@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
def test_text_the_engine_cannot_hold_is_refused(text):
    """NUL and lone surrogates are refused rather than changed on the way."""
    with pytest.raises(DataError):
        quote_string(text)


@pytest.mark.parametrize("name", ["", "a\0b", "\ud800"])
def test_names_that_cannot_be(name):
    """Empty names, and names with NUL or a lone surrogate, are refused."""
    with pytest.raises(InterfaceError):
        quote_name(name)
