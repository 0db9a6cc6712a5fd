"""ArrowStream and the small formats: the same rows as JSON tells, in Arrow's own types."""

import datetime
import decimal

import httpx
import pyarrow as pa
import pytest

from firebolt_like.local import LocalServer
from firebolt_like.protocol.json_rows import decode_rows
from tests.local.conftest import Asker

_UTC = datetime.UTC


def _table(ask: Asker, sql: str, **params: str) -> pa.Table:
    reply = ask.send(sql, output_format="ArrowStream", **params)
    assert reply.status_code == 200, reply.text
    assert reply.headers["content-type"] == "application/vnd.apache.arrow.stream"
    return pa.ipc.open_stream(reply.content).read_all()


@pytest.mark.parametrize(
    ("sql", "kind", "value"),
    [
        ("true", pa.bool_(), True),
        ("1", pa.int32(), 1),
        ("1::TINYINT", pa.int32(), 1),
        ("1::BIGINT", pa.int64(), 1),
        ("1::UINTEGER", pa.int64(), 1),
        ("1::HUGEINT", pa.decimal128(38, 0), decimal.Decimal(1)),
        ("1.5::REAL", pa.float32(), 1.5),
        ("1.5::DOUBLE", pa.float64(), 1.5),
        ("1.50::NUMERIC(9, 2)", pa.decimal128(9, 2), decimal.Decimal("1.50")),
        ("'a'", pa.string(), "a"),
        ("NULL", pa.string(), None),
        ("'\\x61'::BLOB", pa.binary(), b"a"),
        ("DATE '2020-01-02'", pa.date32(), datetime.date(2020, 1, 2)),
        ("TIMESTAMP '2020-01-02 03:04:05.6'", pa.timestamp("us"), None),
        ("TIMESTAMP_NS '2020-01-02 00:00:00'", pa.timestamp("us"), datetime.datetime(2020, 1, 2)),
        (
            "TIMESTAMPTZ '2020-01-02 00:00:00+00'",
            pa.timestamp("us", "UTC"),
            datetime.datetime(2020, 1, 2, tzinfo=_UTC),
        ),
        ("[1, NULL]", pa.list_(pa.int32()), [1, None]),
        ("[[1::BIGINT]]", pa.list_(pa.list_(pa.int64())), [[1]]),
        (
            "{'a': 1, 'b c': 'x'}",
            pa.struct([("a", pa.int32()), ("b c", pa.string())]),
            {"a": 1, "b c": "x"},
        ),
        (
            "UUID '00000000-0000-0000-0000-000000000001'",
            pa.string(),
            "0" * 8 + "-0000" * 3 + "-" + "0" * 11 + "1",
        ),
        ("TIME '10:00:00'", pa.string(), "10:00:00"),
        ("MAP {1: 2}", pa.string(), "{1=2}"),
        ("'{}'::JSON", pa.string(), "{}"),
        ("INTERVAL 1 DAY", pa.string(), "1 day"),
        ("'a'::ENUM('a', 'b')", pa.string(), "a"),
        ("'POINT(0 0)'::geography", pa.binary(), b"\1\1\0\0\0" + bytes(16)),
        ("[1, 2]::INTEGER[2]", pa.list_(pa.int32()), [1, 2]),
        ("(1, 'x')", pa.struct([("f1", pa.int32()), ("f2", pa.string())]), {"f1": 1, "f2": "x"}),
    ],
)
def test_every_type_has_its_arrow_type(
    ask: Asker, sql: str, kind: pa.DataType, value: object
) -> None:
    """The types of the protocol's table; what it has no type for is text."""
    table = _table(ask, f"SELECT {sql} AS x", timezone="Asia/Calcutta")
    assert table.schema.field("x").type == kind
    if value is not None:
        assert table.column("x").to_pylist() == [value]


def test_columns_may_share_a_name(ask: Asker) -> None:
    """As in every format."""
    reply = ask.send("SELECT 1 AS a, 'x' AS a", output_format="ArrowStream")
    table = pa.ipc.open_stream(reply.content).read_all()
    assert [
        (field.name, column.to_pylist())
        for field, column in zip(table.schema, table.columns, strict=True)
    ] == [
        ("a", [1]),
        ("a", ["x"]),
    ]


def test_a_number_that_no_decimal_holds_is_an_error(ask: Asker) -> None:
    """Never another number."""
    error = ask.error("SELECT 170141183460469231731687303715884105727", output_format="ArrowStream")
    assert "DECIMAL(38,0)" in error["description"]


def test_nested_instants_are_in_utc_whatever_the_session(ask: Asker) -> None:
    """In arrays and structs, too."""
    at = "TIMESTAMPTZ '2020-01-01 00:00:00+00'"
    table = _table(ask, f"SELECT [{at}] AS a, {{'b': {at}}} AS s", timezone="Asia/Calcutta")
    instant = datetime.datetime(2020, 1, 1, tzinfo=_UTC)
    assert table.to_pylist() == [{"a": [instant], "s": {"b": instant}}]
    assert table.schema.field("a").type == pa.list_(pa.timestamp("us", "UTC"))


@pytest.mark.parametrize("rows", [0, 1, 2047, 2048, 2049, 100_000])
def test_any_number_of_rows_arrives(ask: Asker, rows: int) -> None:
    """In order; an empty result has its schema."""
    table = _table(ask, f"SELECT i::BIGINT AS i, 'x' || i AS t FROM range({rows}) r(i)")
    assert table.schema.names == ["i", "t"]
    assert table.column("i").to_pylist() == list(range(rows))


def test_rows_come_as_they_are_made(ask: Asker) -> None:
    """A stream of minutes gives its first rows at once."""
    sql = "SELECT i, repeat('x', 100) AS t FROM range(10000000000) r(i)"
    params = {"output_format": "ArrowStream"}
    with ask.http.stream("POST", "/", content=sql, params=params) as reply:
        head = b""
        for piece in reply.iter_raw():
            head += piece
            if len(head) > 2_000_000:
                break
    batch = pa.ipc.open_stream(head).read_next_batch()
    assert batch.column("i")[:3].to_pylist() == [0, 1, 2]


def test_a_statement_without_a_result_set_has_no_columns(ask: Asker) -> None:
    """A whole stream all the same; RETURNING and EXPLAIN give rows."""
    assert _table(ask, "CREATE OR REPLACE TABLE arrows (a INT)").schema.names == []
    assert _table(ask, "INSERT INTO arrows VALUES (1), (2) RETURNING a").to_pydict() == {
        "a": [1, 2]
    }
    assert _table(ask, "EXPLAIN SELECT 1").num_rows == 1


def test_an_error_before_the_first_byte_keeps_its_status_and_body(ask: Asker) -> None:
    """As in JSON; in the middle the connection is cut, so that no client takes the half for all."""
    assert "syntax error" in ask.error("SELEC", output_format="ArrowStream")["description"]
    assert ask.error("SELECT 'x'::INT", output_format="ArrowStream")["name"] == "ConversionError"
    sql = "SELECT CASE WHEN i = 20000000 THEN 'x' ELSE '1' END::INT FROM range(20000001) r(i)"
    with pytest.raises(httpx.RemoteProtocolError):
        ask.send(sql, output_format="ArrowStream")


def test_max_result_rows_caps_the_stream(ask: Asker) -> None:
    """As every format."""
    assert _table(ask, "SELECT * FROM range(100)", max_result_rows="7").num_rows == 7


def test_the_limited_format_gives_ten_thousand_rows(ask: Asker) -> None:
    """JSON_CompactLimited is JSON_Compact with fewer rows; max_result_rows may ask for less."""
    sql = "SELECT * FROM range(10001)"
    assert len(ask.rows(sql, output_format="JSON_CompactLimited")) == 10_000
    assert len(ask.rows(sql, output_format="JSON_CompactLimited", max_result_rows="3")) == 3
    assert len(ask.rows(sql)) == 10_001


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("TabSeparated", "1\ta\n"),
        ("TabSeparatedWithNames", "n\tt\n1\ta\n"),
        ("TabSeparatedWithNamesAndTypes", "n\tt\nint\ttext\n1\ta\n"),
    ],
)
def test_the_heads_of_tab_separated_answers(ask: Asker, name: str, expected: str) -> None:
    """None, names, or names and types."""
    assert ask.send("SELECT 1 AS n, 'a' AS t", output_format=name).text == expected


def test_arrow_and_json_tell_the_same(ask: Asker, server: LocalServer) -> None:
    """Value by value, for a mixed table."""
    sql = (
        "SELECT i::INT AS a, i::BIGINT AS b, i / 7.0::DOUBLE AS c, (i * 1.01)::NUMERIC(18, 3) AS d,"
        " repeat('é', i::INT % 9) AS e, DATE '2000-01-01' + i::INT AS f, CASE WHEN i % 3 = 0 THEN"
        " [i, NULL] END AS g FROM range(5000) r(i)"
    )
    answer = ask.answer(sql)
    rows = [tuple(row.values()) for row in _table(ask, sql).to_pylist()]
    assert rows == decode_rows(answer.columns, answer.data)
