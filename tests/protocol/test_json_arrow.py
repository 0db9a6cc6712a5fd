"""JSON as Arrow columns: the fast way gives what the exact way gives, or steps aside."""

import datetime
import json
import math
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firebolt_like.errors import DataError, ServerResponseError
from firebolt_like.protocol.arrow_rows import decode_rows as rows_of_arrow
from firebolt_like.protocol.json_arrow import decode_exactly, decode_fast, decode_table
from firebolt_like.protocol.json_rows import decode_rows
from firebolt_like.protocol.types import Column, SqlType, parse_type


def columns(*kinds: str) -> list[Column]:
    return [Column(f"c{place}", parse_type(kind)) for place, kind in enumerate(kinds)]


def compact(rows, **options) -> bytes:
    return json.dumps(rows, separators=(",", ":"), **options).encode()


MIXED = columns(
    "long", "text null", "double", "numeric(38, 9)", "date", "timestamp", "timestamptz", "boolean",
    "bytea null", "real null",
)  # fmt: skip
ROW = ["1", "a", 0.5, "1.10", "2024-02-29", "2024-02-29 12:34:56.789",
       "2024-02-29 12:34:56.7+00", True, "\\x00ff", 0.1]  # fmt: skip
NULLS = ["2", None, "-inf", 2.5, "0001-01-01", "9999-12-31 23:59:59.999999",
         "2024-02-29 12:34:56+05:30", False, None, None]  # fmt: skip


def test_the_usual_forms_go_the_fast_way():
    """Every scalar type in its usual form, NULL, infinities and quoted numbers."""
    data = compact([ROW, NULLS])
    table = decode_fast(MIXED, data)
    assert table is not None
    assert table.equals(decode_exactly(MIXED, data))
    assert table.column("c8").to_pylist() == [b"\x00\xff", None]


# what JSON writes with a backslash, what CSV has a meaning for, and the marks of the fast way
SPECIAL = [chr(code) for code in range(0x20)] + list('"\\,[]{}/\x7f\u2028\ufeffn\'') + [
    '"],["', "],[", "null", '\\"', "\\n", "\\u0041", "é", "😀", "", " ",
]  # fmt: skip
TEXTS = st.lists(st.sampled_from(SPECIAL), max_size=6).map("".join) | st.text(
    st.characters(exclude_categories=["Cs"])
)
KINDS = columns("text null", "int", "text null")


@settings(deadline=None)
@given(
    rows=st.lists(st.tuples(TEXTS | st.none(), st.integers(-9, 9), TEXTS | st.none()), min_size=1),
    ascii_only=st.booleans(),
    indent=st.sampled_from([None, 0, "\t"]),
)
def test_both_ways_agree_on_any_text(rows, ascii_only, indent):
    """Quotes, backslashes, commas, brackets and every control character arrive as they were."""
    data = compact(rows, ensure_ascii=ascii_only, indent=indent)
    exact = decode_exactly(KINDS, data)
    fast = decode_fast(KINDS, data)
    assert fast is None or fast.equals(exact)
    assert list(zip(*(column.to_pylist() for column in exact.columns), strict=True)) == rows


@pytest.mark.parametrize("character", [*'"\\,[]{}/ \n\t\r\b\f', "],", "'", "\x7f", "é", "null"])
def test_the_fast_way_takes_all_usual_text(character):
    """Only what needs a `\\u` escape, or looks like the end of a row, is slower."""
    rows = [[f"a{character}", 1, character], [None, 2, f"{character}{character}b"]]
    table = decode_fast(KINDS, compact(rows))
    assert table is not None or "\\u" in compact(rows).decode()
    expected = [list(row) for row in zip(*rows, strict=True)]
    table = decode_table(KINDS, compact(rows))
    assert [column.to_pylist() for column in table.columns] == expected


def test_rows_ends_in_texts_are_found_in_any_block():
    """The reader cuts at line ends, whatever is around them, in bodies of several megabytes."""
    rows = [[f'x],["{"y" * (number % 50)}', number, "],["] for number in range(60_000)]
    table = decode_table(KINDS, compact(rows))
    assert table.num_rows == len(rows)
    assert table["c0"][59_999].as_py() == rows[-1][0]


CELLS = {
    # SQL type: its values in JSON
    "int null": st.integers(-(2**31), 2**31 - 1) | st.just("7") | st.just("+7") | st.just(7.0),
    "long null": st.integers(-(2**63), 2**63 - 1).flatmap(lambda n: st.sampled_from([n, str(n)])),
    "double null": st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["inf", "-inf", "1.5"]),
    "numeric(38, 9) null": st.decimals(-(10**20), 10**20, places=9).map(str)
    | st.sampled_from([1, "-0.10", "1e3"]),
    "text null": TEXTS,
    "date null": st.dates().map(str),
    "timestamp null": st.datetimes().map(str) | st.just("2024-02-29T01:02:03.4"),
    "timestamptz null": st.datetimes(
        min_value=datetime.datetime(2, 1, 1), max_value=datetime.datetime(9998, 1, 1)
    ).flatmap(lambda moment: st.sampled_from(["+00", "-08", "+05:30", "+05:53:28", "Z", ""]).map(
        lambda offset: f"{moment}{offset}")),
    "boolean null": st.booleans() | st.sampled_from([0, 1]),
    "bytea null": st.binary().map(lambda value: f"\\x{value.hex()}"),
    "array(int null) null": st.lists(st.integers(-9, 9) | st.none()),
    "array(array(text null)) null": st.lists(st.lists(TEXTS | st.none(), max_size=3), max_size=3),
    "struct(a int, `b c` array(date) null) null": st.fixed_dictionaries(
        {"a": st.integers(-9, 9), "b c": st.none() | st.lists(st.dates().map(str), max_size=2)}
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", CELLS)
def test_columns_and_tuples_hold_equal_values(kind):
    """Whatever form a value has in JSON, Arrow holds what the tuple holds."""
    described = columns(kind)

    @settings(deadline=None)
    @given(st.lists(CELLS[kind] | st.none(), min_size=1, max_size=8))
    def equal(cells):
        data = compact([[cell] for cell in cells])
        table = decode_table(described, data)
        assert rows_of_arrow(table) == decode_rows(described, data)
        assert table.schema.field(0).nullable
        table.validate(full=True)

    equal()


@pytest.mark.parametrize("text", ["[]", "[ ]", '[\n\t[1, "a", null],\n\t[2, null, "b"]\n]',
                                  '[[1, "a", "b"]]', '[[1,"a",null] , [2,"b","c"]]'])  # fmt: skip
def test_white_space_between_values_means_nothing(text):
    """Pretty-printed answers give the same columns."""
    described = columns("int", "text null", "text null")
    rows = json.loads(text)
    assert rows_of_arrow(decode_table(described, text.encode())) == [tuple(row) for row in rows]
    assert not rows or decode_fast(described, text.encode()) is not None


def test_no_columns_are_no_problem():
    """A result may have rows and no columns."""
    assert decode_table([], b"[[],[]]").num_columns == 0


@pytest.mark.parametrize(
    ("kind", "cell"),
    [
        ("int", 2**31),
        ("int", "-2147483649"),
        ("long", str(2**63)),
        ("numeric(5, 2)", "1000.00"),
        ("numeric(38, 9)", "0.0000000001"),
        ("array(int)", [2**31]),
        ("date", "infinity"),
        ("boolean", "yes"),
        ("bytea", "00"),
        ("int", None),
        ("text", None),
    ],
)
def test_a_value_that_does_not_fit_names_its_column(kind, cell):
    """Too large a number, a wrong word or an unannounced NULL is an error, never another value."""
    with pytest.raises(DataError, match="'c0'"):
        decode_table(columns(kind), compact([[cell]]))


@pytest.mark.parametrize(
    "data", [b"[[1],[2,3]]", b"[[1],[]]", b"[[1],2]", b"[[1],[2]", b"[1]", b"[[1], [2"]
)
def test_rows_of_another_length_are_an_error(data):
    """As for tuples."""
    with pytest.raises(ServerResponseError):
        decode_table(columns("int"), data)


def test_not_a_number_is_a_float():
    """NaN stays what it is, which is not NULL."""
    (value,) = decode_table(columns("double"), b'[["nan"]]').column(0).to_pylist()
    assert math.isnan(value)


def test_reals_are_floats_of_four_bytes():
    """Their tuples have the fewest digits that name them, in either format."""
    table = decode_table(columns("real"), b"[[0.1]]")
    assert table.schema.types == [pa.float32()]
    assert rows_of_arrow(table) == [(0.1,)]


def test_wide_decimals_are_exact():
    """Beyond 38 digits they are decimal256."""
    digits = "1" + "0" * 70 + ".12345"
    table = decode_table([Column("d", SqlType("numeric", precision=76, scale=5))],
                         compact([[digits]]))  # fmt: skip
    assert table.column(0).to_pylist() == [Decimal(digits)]
