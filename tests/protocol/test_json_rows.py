"""Rows of JSON: exact values of every type, by the typed pass and by the pass column by column."""

import datetime
import json
import math
import time
from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from firebolt_like.errors import DataError, ServerResponseError
from firebolt_like.protocol.json_rows import decode_rows
from firebolt_like.protocol.types import Column, SqlType, parse_type

UTC = datetime.UTC


def column(name: str, kind: str | SqlType) -> Column:
    return Column(name, parse_type(kind) if isinstance(kind, str) else kind)


def read(kind: str | SqlType, *cells: str):
    """The values of one column from the JSON texts of its cells."""
    data = "[" + ",".join(f"[{cell}]" for cell in cells) + "]"
    return [value for (value,) in decode_rows([column("c", kind)], data.encode())]


def zone(**offset: int) -> datetime.timezone:
    return datetime.timezone(datetime.timedelta(**offset))


MOMENT = datetime.datetime(2024, 2, 29, 12, 34, 56)

FORMS = [
    ("int", "7", 7),
    ("int", '"7"', 7),
    ("int", '"-7"', -7),
    ("int", '"+7"', 7),
    ("int", '"007"', 7),
    ("int", "7.0", 7),
    ("int", "1e3", 1000),
    ("long", '"9223372036854775807"', 2**63 - 1),
    ("long", "-9223372036854775808", -(2**63)),
    ("long", str(10**60), 10**60),
    ("long", f'"{-(10**60)}"', -(10**60)),
    ("long", f'"+{10**60 + 1}"', 10**60 + 1),
    ("long", '"1.5e1"', 15),
    ("double", "1.5", 1.5),
    ("double", "1", 1.0),
    ("double", '"1.5e-3"', 0.0015),
    ("double", '"+1.5"', 1.5),
    ("double", '"inf"', math.inf),
    ("double", '"-inf"', -math.inf),
    ("real", '"+Infinity"', math.inf),
    ("numeric(38, 9)", '"1.100000000"', Decimal("1.100000000")),
    ("numeric(38, 9)", "1.10", Decimal("1.10")),
    ("numeric(38, 0)", str(10**37 + 1), Decimal(10**37 + 1)),
    ("numeric(38, 30)", "0." + "3" * 30, Decimal("0." + "3" * 30)),
    ("text", '"a\\tb \\u00e9 \\ud83d\\ude00"', "a\tb é 😀"),
    ("text", '"null"', "null"),
    ("text", '""', ""),
    ("text", "1.50", "1.50"),
    ("text", "true", "true"),
    ("geography", '"0101000020E6100000"', "0101000020E6100000"),
    ("vector(3)", '{"a": [1, 2.50]}', '{"a": [1, 2.50]}'),
    ("struct", '{"a":1}', '{"a":1}'),
    ("array", "[1,2]", "[1,2]"),
    ("json", '"{\\"a\\": 1}"', '{"a": 1}'),
    ("date", '"2024-02-29"', datetime.date(2024, 2, 29)),
    ("date", '"0001-01-01"', datetime.date.min),
    ("pgdate", '"9999-12-31"', datetime.date.max),
    ("timestamp", '"2024-02-29 12:34:56"', MOMENT),
    ("timestamp", '"2024-02-29T12:34:56"', MOMENT),
    ("timestamp", '"2024-02-29"', MOMENT.replace(hour=0, minute=0, second=0)),
    ("timestamp", '"0001-01-01 00:00:00"', datetime.datetime.min),
    ("timestamp", '"9999-12-31 23:59:59.999999"', datetime.datetime.max),
    ("timestamptz", '"2024-02-29 12:34:56+00"', MOMENT.replace(tzinfo=UTC)),
    ("timestamptz", '"2024-02-29 12:34:56Z"', MOMENT.replace(tzinfo=UTC)),
    ("timestamptz", '"2024-02-29 12:34:56"', MOMENT.replace(tzinfo=UTC)),
    ("timestamptz", '"2024-02-29T12:34:56-08"', MOMENT.replace(tzinfo=zone(hours=-8))),
    ("timestamptz", '"2024-02-29 12:34:56+05:30"', MOMENT.replace(tzinfo=zone(minutes=330))),
    ("timestamptz", '"1111-01-05 17:04:42.123456+05:53:28"',
     datetime.datetime(1111, 1, 5, 17, 4, 42, 123456, zone(hours=5, minutes=53, seconds=28))),
    ("timestamptz", '"0001-01-01 00:00:00+14"', datetime.datetime(1, 1, 1, tzinfo=zone(hours=14))),
    ("timestamptz", '"2024-02-29"', datetime.datetime(2024, 2, 29, tzinfo=UTC)),
    ("boolean", "true", True),
    ("boolean", "0", False),
    ("boolean", '"t"', True),
    ("boolean", '"false"', False),
    ("bytea", '"\\\\x"', b""),
    ("bytea", '"\\\\x00ff61"', b"\x00\xffa"),
    ("bytea", '"\\\\xFF"', b"\xff"),
    ("array(int)", "[]", []),
    ("array(int null)", '[1, null, "2", "+3"]', [1, None, 2, 3]),
    ("array(array(timestamptz))", '[[], null, ["2024-02-29 12:34:56+00", null]]',
     [[], None, [MOMENT.replace(tzinfo=UTC), None]]),
    ("struct(a int, `b c` text null)", '{"a": 1, "b c": "x"}', {"a": 1, "b c": "x"}),
    ("struct(a int, b text)", '{"a": 1}', {"a": 1, "b": None}),
    ("struct(a int, s struct(x date, y bytea))", '{"s": {"x": "2024-02-29"}, "new": [1]}',
     {"a": None, "s": {"x": datetime.date(2024, 2, 29), "y": None}}),
    ("array(struct(a array(numeric(5, 2))))", '[{"a": ["1.10", null]}, null]',
     [{"a": [Decimal("1.10"), None]}, None]),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "cell", "value"), FORMS)
def test_every_form_of_every_type_is_read(kind, cell, value):
    """What any engine sends for a value gives that value, of that class, and null gives None."""
    first, second = read(kind, cell, "null")
    assert (first, second) == (value, None)
    assert type(first) is type(value)
    assert str(first) == str(value)
    if isinstance(value, datetime.datetime):
        assert first.utcoffset() == value.utcoffset()


@pytest.mark.parametrize("digits", range(1, 7))
@pytest.mark.parametrize(("kind", "offset"), [("timestamp", ""), ("timestamptz", "-03:30")])
def test_fractions_of_a_second_have_one_to_six_digits(kind, offset, digits):
    """A fraction is what it says, however short."""
    (moment,) = read(kind, f'"2024-02-29 12:34:56.{"123456"[:digits]}{offset}"')
    assert moment.microsecond == int("123456"[:digits].ljust(6, "0"))


@pytest.mark.parametrize("cell", ['"nan"', '"-nan"', '"NaN"'])
def test_not_a_number_is_read(cell):
    """NaN arrives as the float that it is, from old engines too."""
    assert math.isnan(read("double", cell)[0])


@pytest.mark.parametrize(
    ("kind", "cell"),
    [
        *(("int", cell) for cell in ("true", '" 1"', '"1 "', '"1_000"', '""', '"x"', "1.5", "[1]")),
        *(("int", cell) for cell in ('"1.5"', '"nan"', '"1e999999999"', '"0x10"', '"\u0663"')),
        *(("double", cell) for cell in ("true", '" 1"', '"1_0"', "1e400", '"1e400"', '""', "{}")),
        *(("numeric(5, 2)", cell) for cell in ("true", '"x"', '""', "[]")),
        *(("boolean", cell) for cell in ("2", '"yes"', '""', "1.5")),
        *(("date", cell) for cell in ("1", '"20240101"', '"2024-W01-1"', '"2024-1-1"', '""')),
        *(("date", cell) for cell in ('"0000-01-01"', '"10000-01-01"', '"infinity"')),
        *(("timestamp", cell) for cell in ("1577836800", '"1577836800"', "1577836800.5", "true")),
        *(("timestamp", cell) for cell in ('"1577121151230"', '"10000-01-01 00:00:00"', '"x"')),
        *(("timestamptz", cell) for cell in ("1577836800", '"1577121151230"', '"20240101"', '""')),
        *(("timestamptz", cell) for cell in ('"2024-01-01+05:30"', '"10000-01-01 00:00:00+00"')),
        *(("bytea", cell) for cell in ('"61"', '"\\\\x6"', '"\\\\x 61"', '"\\\\xgg"', "1")),
        *(("array(int)", cell) for cell in ('"[1]"', "{}", "1", "[true]")),
        *(("struct(a int)", cell) for cell in ('"{}"', "[]", "1", '{"a": "x"}')),
    ],
)
def test_a_value_that_does_not_fit_its_type_is_an_error(kind, cell):
    """No value is invented: what does not fit names its column, the text and the type."""
    columns = [column("before", "int"), column("the one", kind)]
    with pytest.raises(DataError, match="'the one'") as caught:
        decode_rows(columns, f"[[1, {'null'}], [2, {cell}]]".encode())
    assert str(parse_type(kind)) in str(caught.value) or "integer" in str(caught.value)
    assert caught.value.__cause__ is not None


def test_dates_outside_of_the_calendar_say_what_to_do():
    """A date that Python cannot hold has a hint."""
    with pytest.raises(DataError) as caught:
        read("date", '"10000-01-01"')
    assert "cast" in str(caught.value.hint)


def test_a_long_value_is_shown_shortened():
    """An error message stays readable, whatever the size of the value."""
    with pytest.raises(DataError) as caught:
        read("int", '"' + "x" * 100_000 + '"')
    assert len(str(caught.value)) < 300


def test_the_text_null_stays_text_in_text_columns_only():
    """In a column that is not text, the word null can mean only NULL."""
    columns = [column("a", "text"), column("b", "int"), column("c", "int")]
    assert decode_rows(columns, b'[["null", "null", 1]]') == [("null", None, 1)]
    assert decode_rows(columns, b'[["null", "null", "+1"]]') == [("null", None, 1)]


@pytest.mark.parametrize(
    "data",
    [b"null", b"{}", b"[1]", b"[[1]]", b"[[1,2,3]]", b"[[1,2],[1]]", b"[[1,2]", b"[[1,", b"",
     b'[["+1",2],[1]]', b'[["+1",2],[', b'[["+1","\xff"]]', b'[[1,"\xff"]]', b"[" * 100_000],
)  # fmt: skip
def test_rows_that_are_not_rows_are_an_error(data):
    """Rows of another length, cut rows and broken text are never fewer rows."""
    with pytest.raises(ServerResponseError):
        decode_rows([column("a", "int"), column("b", "text")], data)


def test_a_result_may_have_no_rows_and_no_columns():
    """Empty results are results."""
    assert decode_rows([column("a", "int")], b"[]") == []
    assert decode_rows([], b"[]") == []
    assert decode_rows([], b"[[],[]]") == [(), ()]


# Values as an engine writes them: each strategy gives (value, JSON text).


def _quoted(values):
    return values.map(lambda value: (value, json.dumps(str(value))))


def _moments(zones):
    moments = st.datetimes(timezones=zones)
    return st.tuples(moments, st.sampled_from(" T")).map(
        lambda pair: (pair[0], json.dumps(_written(*pair)))
    )


def _written(moment: datetime.datetime, separator: str) -> str:
    text = moment.replace(tzinfo=None).isoformat(separator)
    text = text.rstrip("0") if "." in text else text
    offset = "" if moment.tzinfo is None else moment.isoformat()[-100:]
    if not offset:
        return text
    sign = "-" if moment.utcoffset().total_seconds() < 0 else "+"
    seconds = abs(int(moment.utcoffset().total_seconds()))
    parts = [f"{seconds // 3600:02}", f"{seconds // 60 % 60:02}", f"{seconds % 60:02}"]
    while len(parts) > 1 and parts[-1] == "00":
        parts.pop()
    return text + sign + ":".join(parts)


_offsets = st.integers(-86_399, 86_399).map(lambda seconds: zone(seconds=seconds))
_written_texts = st.text(st.characters(exclude_categories=["Cs"]))

SCALARS = {
    "int": st.integers(-(2**31), 2**31 - 1).map(lambda value: (value, str(value))),
    "long": _quoted(st.integers()),
    "double": st.floats(allow_nan=False).map(
        lambda value: (value, json.dumps(value if math.isfinite(value) else str(value)))
    ),
    "numeric(38, 9)": _quoted(st.decimals(allow_nan=False, allow_infinity=False, places=9)),
    "text": _written_texts.map(lambda value: (value, json.dumps(value))),
    "date": _quoted(st.dates()),
    "timestamp": _moments(st.none()),
    "timestamptz": _moments(_offsets),
    "boolean": st.booleans().map(lambda value: (value, json.dumps(value))),
    "bytea": st.binary().map(lambda value: (value, json.dumps("\\x" + value.hex()))),
}


def _cell(kind: SqlType, draw):
    """Draw a value of a type and its JSON text."""
    if draw(st.integers(0, 5)) == 0:
        return None, "null"
    if kind.item is not None:
        items = [_cell(kind.item, draw) for _ in range(draw(st.integers(0, 3)))]
        return [value for value, _ in items], "[" + ",".join(text for _, text in items) + "]"
    if kind.fields:
        members = {name: _cell(field, draw) for name, field in kind.fields}
        text = ",".join(f"{json.dumps(name)}: {text}" for name, (_, text) in members.items())
        return {name: value for name, (value, _) in members.items()}, "{" + text + "}"
    return draw(SCALARS[kind.json_compact.replace("Decimal", "numeric")])


_kinds = st.recursive(
    st.sampled_from(list(SCALARS)).map(parse_type),
    lambda inner: (
        inner.map(lambda item: SqlType("array", item=item))
        | st.dictionaries(_written_texts, inner, min_size=1, max_size=3).map(
            lambda fields: SqlType("struct", fields=tuple(fields.items()))
        )
    ),
    max_leaves=5,
)


@st.composite
def tables(draw):
    """Columns, rows of values, and the JSON texts of their cells."""
    kinds = draw(st.lists(_kinds, min_size=1, max_size=4))
    cells = [[_cell(kind, draw) for kind in kinds] for _ in range(draw(st.integers(1, 4)))]
    columns = [Column(f"c{number}", kind) for number, kind in enumerate(kinds)]
    rows = [tuple(value for value, _ in row) for row in cells]
    return columns, rows, [[text for _, text in row] for row in cells]


def _document(texts) -> bytes:
    return ("[" + ",".join("[" + ",".join(row) + "]" for row in texts) + "]").encode()


def _offsets_of(value):
    if isinstance(value, datetime.datetime):
        return value.utcoffset()
    if isinstance(value, dict):
        return {name: _offsets_of(member) for name, member in value.items()}
    return [_offsets_of(item) for item in value] if isinstance(value, list | tuple) else type(value)


@given(tables())
def test_what_an_engine_writes_is_read_back(table):
    """Values of any types come back equal, of the same classes and with the same offsets."""
    columns, rows, texts = table
    found = decode_rows(columns, _document(texts))
    assert found == rows
    assert _offsets_of(found) == _offsets_of(rows)


@given(tables())
def test_a_rare_form_in_one_column_changes_no_other_column(table):
    """The pass column by column gives what the typed pass gives."""
    columns, rows, texts = table
    rare = [[*row, '"+1"'] for row in texts]
    found = decode_rows([*columns, column("rare", "int")], _document(rare))
    assert found == [(*row, 1) for row in rows]
    assert _offsets_of(found) == _offsets_of([(*row, 1) for row in rows])


_scalar_texts = st.sampled_from(
    ["1", "0", "-0", "1.0", "1e3", "true", '"1"', '"1.0"', '"true"', '"null"', '"inf"', '"-nan"',
     '""', '"2024-01-01"', '"2024-01-01 10:00:00.1234567"', '"2024-01-01 10:00:00Z"', '"x"', "[1]"]
)  # fmt: skip


@given(st.sampled_from(list(SCALARS)), _scalar_texts)
def test_both_passes_agree_on_odd_values(kind, cell):
    """A value means the same beside well-formed values and beside one of a rare form."""
    try:
        (alone,) = read(kind, cell)
    except DataError:
        alone = DataError
    rare = {"int": '"+1"', "long": '"+1"', "double": '"+1"', "boolean": '"t"'}.get(kind)
    assume(rare is not None)
    try:
        beside = read(kind, cell, rare)[0]
    except DataError:
        beside = DataError
    assert repr(beside) == repr(alone)


def test_values_of_many_rare_columns_are_read():
    """However many columns hold rare forms, each value is what it says."""
    kinds = [column(f"c{place}", "int") for place in range(30)]
    cells = [[f'"+{place}"' if row == place else str(place) for place in range(30)]
             for row in range(30)]  # fmt: skip
    assert decode_rows(kinds, _document(cells)) == [tuple(range(30))] * 30


def test_an_error_that_looks_like_another_place_is_read_as_text():
    """What a value says about places of values means nothing."""
    kinds = [column("i", "timestamptz"), column("s", "text")]
    with pytest.raises(DataError, match="Column 'i'"):
        decode_rows(kinds, b'[["x - at `$[0][1]`", "a"]]')


def seconds_for(kinds, data: bytes) -> float:
    started = time.process_time()
    assert len(decode_rows(kinds, data)) == 20_000
    return time.process_time() - started


def test_a_rare_form_costs_only_its_column():
    """One value of a rare form among many columns has their rows read again, and no more."""
    kinds = [column(f"c{place}", "double") for place in range(20)]
    cells = [["0.5"] * 20] * 20_000
    plain, rare = _document(cells), _document([*cells[:-1], [*["0.5"] * 19, '"+1"']])
    least = min(seconds_for(kinds, plain) for _ in range(3))
    assert min(seconds_for(kinds, rare) for _ in range(3)) < 5 * least
