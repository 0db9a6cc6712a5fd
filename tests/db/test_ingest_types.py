"""ingest: every type arrives equal, by an upload and in the text of statements."""

import datetime
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given, settings

from firebolt_like import db
from tests.db.conftest import WithoutUploads, rows_of
from tests.protocol.test_python_types import COLUMNS

TYPES = {
    "flag bool": (pa.array([True, None]), "boolean", [True, None]),
    "small": (pa.array([-(2**31), 5], pa.int32()), "integer", [-(2**31), 5]),
    "unsigned": (pa.array([2**64 - 1, 0], pa.uint64()), "numeric(20, 0)", [2**64 - 1, 0]),
    "real": (pa.array([0.5, None], pa.float32()), "real", [0.5, None]),
    "infinite": (pa.array([float("inf"), -0.0]), "double precision", [float("inf"), -0.0]),
    "exact": (
        pa.array([Decimal("-0.01"), Decimal("1" + "0" * 35 + ".00")], pa.decimal128(38, 2)),
        "numeric(38, 2)",
        [Decimal("-0.01"), Decimal("1" + "0" * 35 + ".00")],
    ),
    "hundreds": (
        pa.array([Decimal(12300), None], pa.decimal128(3, -2)),
        "numeric(5, 0)",
        [Decimal(12300), None],
    ),
    "large": (pa.array(["a", None], pa.large_string()), "text", ["a", None]),
    "view": (pa.array(["é", ""]).cast(pa.string_view()), "text", ["é", ""]),
    "coded": (pa.array(["a", None]).dictionary_encode(), "text", ["a", None]),
    "nothing": (pa.nulls(2), "text", [None, None]),
    "bytes": (pa.array([b"\0\xff", b""]), "bytea", [b"\0\xff", b""]),
    "fixed": (pa.array([b"ab", None], pa.binary(2)), "bytea", [b"ab", None]),
    "day": (
        pa.array([datetime.date(1, 1, 1), datetime.date(9999, 12, 31)]),
        "date",
        [datetime.date(1, 1, 1), datetime.date(9999, 12, 31)],
    ),
    "local": (
        pa.array([datetime.datetime(2024, 1, 31, 1, 2, 3, 4), None], pa.timestamp("ns")),
        "timestamp",
        [datetime.datetime(2024, 1, 31, 1, 2, 3, 4), None],
    ),
    "instant": (
        pa.array([0, None], pa.timestamp("s", "Asia/Kolkata")),
        "timestamptz",
        [datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC), None],
    ),
    "list": (pa.array([[1, None], []]), "array(bigint null)", [[1, None], []]),
    "nested": (
        pa.array([[[Decimal("1.5")]], None], pa.large_list(pa.list_(pa.decimal128(9, 1)))),
        "array(array(numeric(9, 1) null) null)",
        [[[Decimal("1.5")]], None],
    ),
    "struct": (
        pa.array([{"n": 1, "when": datetime.date(2024, 1, 1)}, {"n": None, "when": None}]),
        "struct(n bigint null, when date null)",
        [{"n": 1, "when": datetime.date(2024, 1, 1)}, {"n": None, "when": None}],
    ),
}


@pytest.mark.parametrize("name", TYPES)
def test_every_arrow_type_arrives_equal(face, engine, name):
    """In a table that is made of it, and again in the one that is there."""
    array, kind, values = TYPES[name]

    async def scenario():
        async with engine() as connection, connection.cursor() as cursor:
            await cursor.ingest("typed", pa.table({"v": array}), mode="replace")
            await cursor.ingest("typed", pa.table({"v": array}))
            rows = await rows_of(cursor, "SELECT v FROM typed")
            assert [str(column[1]) for column in cursor.description] == [f"{kind} null"]
            return rows

    assert repr(face.run(scenario)) == repr([(_python(value, kind),) for value in values] * 2)


def _python(value, kind):
    return Decimal(value) if kind.startswith("numeric") and value is not None else value


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, None, -(2**63)], "bigint"),
        ([1, 2.5], "double precision"),
        ([2**70, 1], "numeric(38, 0)"),
        ([Decimal("1.50"), Decimal(-3), None], "numeric(38, 2)"),
        (["a", "it's \\ é", ""], "text"),
        ([b"\0", None], "bytea"),
        ([True, False], "boolean"),
        ([datetime.date(2024, 1, 31)], "date"),
        ([datetime.datetime(2024, 1, 31, 1, 2, 3, 4), None], "timestamp"),
        ([datetime.datetime(2024, 1, 31, tzinfo=datetime.UTC)], "timestamptz"),
        ([[1, None], [], None], "array(bigint null)"),
        ([{"a": 1, "b": "x"}, {"a": None, "b": None}], "struct(a bigint null, b text null)"),
        ([None, None], "text"),
    ],
)
def test_every_python_type_arrives_equal(face, engine, values, kind):
    """In the type that holds all of a column."""

    async def scenario():
        async with engine() as connection, connection.cursor() as cursor:
            await cursor.ingest("typed", [{"v": value} for value in values], mode="replace")
            rows = await rows_of(cursor, "SELECT v FROM typed")
            assert [str(column[1]) for column in cursor.description] == [f"{kind} null"]
            return rows

    assert face.run(scenario) == [(value,) for value in values]


@settings(max_examples=25)
@given(COLUMNS)
def test_any_column_arrives_by_every_way(local_server, values):
    """As it was, in a table that is made of it; as objects, as Arrow, and by executemany."""
    rows = [(number, value) for number, value in enumerate(values)]
    columns = ["n", "v"]
    for url, keywords in (
        (local_server.url, {}),
        (local_server.url, {"transport": WithoutUploads()}),
        (local_server.flight_url, {}),
    ):
        with db.connect(url, **keywords) as connection, connection.cursor() as cursor:
            cursor.ingest("any", rows, mode="replace", columns=columns)
            table = cursor.execute_arrow('SELECT n, v FROM "any" ORDER BY n').fetch_arrow_table()
            cursor.ingest("any", table)
            cursor.executemany('INSERT INTO "any" VALUES (?, ?)', rows)
            got = cursor.execute('SELECT n, v FROM "any" ORDER BY n').fetchall()
            assert got == [row for row in rows for _ in range(3)]
