"""TabSeparatedWithNamesAndTypes: every value can be read back from its cell."""

import re

from hypothesis import given
from hypothesis import strategies as st

from firebolt_like.protocol.tab_separated import encode_head, encode_rows
from firebolt_like.protocol.types import Column, SqlType, parse_type
from tests.local.conftest import Asker

_ESCAPES = {"t": "\t", "n": "\n", "r": "\r", "0": "\0", "b": "\b", "f": "\f"}
_text = st.text(st.characters(exclude_categories=["Cs"]))


def _read(cell: str) -> str | None:
    if cell == "\\N":
        return None
    return re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[1]), cell)


@given(st.lists(st.tuples(st.none() | _text, st.none() | _text)), _text)
def test_any_text_is_read_back(rows: list[tuple[str | None, str | None]], name: str) -> None:
    """A reader that splits at newlines and tabs and undoes the escapes gets the rows."""
    columns = [Column(name, SqlType("text")), Column("b", SqlType("text", nullable=True))]
    body = (encode_head(columns) + encode_rows(columns, rows)).decode()
    names, types, *lines, end = body.split("\n")
    assert _read(names.split("\t")[0]) == name
    assert types == "text\ttext null"
    assert [tuple(map(_read, line.split("\t"))) for line in lines] == rows
    assert end == ""


@given(st.lists(st.none() | _text))
def test_any_array_of_text_is_read_back(items: list[str | None]) -> None:
    """Items of arrays stand in quotes, NULL without: both can be told apart."""
    column = Column("a", parse_type("array(text null)"))
    cell = encode_rows([column], [(items,)]).decode()[:-1]
    found = re.findall(r"NULL|'((?:[^'\\]|\\.)*)'", cell)
    nulls = re.findall(r"(?<=[\[,])NULL(?=[,\]])|'(?:[^'\\]|\\.)*'", cell)
    read = [None if n == "NULL" else _read(f) for n, f in zip(nulls, found, strict=True)]
    assert read == items


def test_the_forms_of_all_kinds_of_values(ask: Asker) -> None:
    """Booleans are t and f, arrays in brackets, numbers in structs quoted, bytea is hex."""
    reply = ask.http.post(
        "/",
        content=r"""SELECT TRUE, FALSE, NULL, 1.50::NUMERIC(9, 2), [1, NULL], [[99999999999]],
            ['it''s', NULL], {'a': 1, 'b': 'x'}, '\x00\xff'::BLOB, 'inf'::DOUBLE, [TRUE],
            TIMESTAMPTZ '2020-01-01 00:00:00+00', 1.5::DOUBLE, 'a' || chr(9) AS "tab	name" """,
    )
    names, types, row, end = reply.text.split("\n")
    assert names.split("\t")[-1] == "tab\\tname"
    assert types.split("\t")[3:5] == ["Decimal(9, 2)", "array(int null) null"]
    assert row.split("\t") == [
        *("t", "f", "\\N", "1.50", "[1,NULL]", "[[99999999999]]", r"['it\'s',NULL]"),
        *('{"a":"1","b":"x"}', r"\\x00ff", "inf", "[t]", "2020-01-01 00:00:00+00", "1.5", "a\\t"),
    ]
    assert end == ""
    assert reply.headers["content-type"].startswith("text/tab-separated-values")
