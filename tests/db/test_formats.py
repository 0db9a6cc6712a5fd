"""Every type in every form: what a result holds does not tell in which format it came."""

import datetime
import json
import math
from decimal import Decimal
from itertools import pairwise
from typing import Any

import httpx
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firebolt_like import db
from firebolt_like.protocol.arrow_types import arrow_schema
from firebolt_like.protocol.types import Column, parse_type
from tests.db.test_streams import FINISH, START

TEXTS = st.text(st.characters(exclude_categories=["Cs"])) | st.lists(
    st.sampled_from([*map(chr, range(0x20)), *'"\\,[]{}', "],[", '"],["', "null", "\x7f", "😀"])
).map("".join)
MOMENTS = st.datetimes(
    min_value=datetime.datetime(2, 1, 1), max_value=datetime.datetime(9998, 1, 1)
)
ZONES = ["+00", "+00:00", "Z", "-08", "+05:30", "-0330", "+05:53:28"]


def spelled(values, *spellings):
    """Pairs of a value and what JSON writes for it, in one of several ways."""
    return st.tuples(values, st.sampled_from(spellings)).map(lambda two: (two[0], two[1](two[0])))


def same(values):
    return spelled(values, lambda value: value)


def moment_in(zone: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(f"2000-01-01 00:00:00{zone}")


INTEGERS = (lambda n: n, str, lambda n: f"{n:+}", float)
REALS = st.floats(width=32, allow_nan=False, allow_infinity=False).map(
    lambda value: float(str(pa.scalar(value, pa.float32()).cast("string")))
)
ODD_REALS = st.sampled_from(
    [(math.inf, "inf"), (-math.inf, "-inf"), (math.nan, "nan"), (math.inf, "+Infinity"),
     (-0.0, -0.0)]
)  # fmt: skip
WIDE = "numeric(76, 30) null"  # polars has no such decimals
CELLS: dict[str, Any] = {
    # SQL type: pairs of a value and what JSON writes for it
    "int null": spelled(st.integers(-(2**31), 2**31 - 1), *INTEGERS),
    "long null": spelled(st.integers(-(2**63), 2**63 - 1), *INTEGERS[:3]),
    "real null": spelled(REALS, float, str) | ODD_REALS,
    "double null": spelled(st.floats(allow_nan=False, allow_infinity=False), float, str)
    | ODD_REALS,
    "numeric(38, 9) null": spelled(
        st.decimals(-(10**20), 10**20, places=9), str, lambda value: f"{value:+}"
    ),
    "numeric(38, 0) null": spelled(st.integers(-(10**37), 10**37).map(Decimal), str, int),
    WIDE: spelled(st.decimals(-(10**40), 10**40, places=30), str),
    "text null": same(TEXTS),
    "json null": same(st.sampled_from(["{}", '{"a": [1, "\\n"]}', "null"])),
    "date null": spelled(st.dates(), str),
    "timestamp null": spelled(st.datetimes(), str, lambda value: value.isoformat()),
    "timestamptz null": st.tuples(MOMENTS, st.sampled_from(ZONES)).map(
        lambda two: (two[0].replace(tzinfo=moment_in(two[1]).tzinfo), f"{two[0]}{two[1]}")
    ),
    "boolean null": spelled(st.booleans(), bool, int, lambda value: "t" if value else "f"),
    "bytea null": spelled(
        st.binary(), lambda value: f"\\x{value.hex()}", lambda value: f"\\x{value.hex().upper()}"
    ),
    "array(int null) null": same(st.lists(st.integers(-9, 9) | st.none(), max_size=4)),
    "array(array(text null) null) null": same(
        st.lists(st.none() | st.lists(TEXTS | st.none(), max_size=3), max_size=3)
    ),
    "array(numeric(10, 2)) null": spelled(
        st.lists(st.decimals(-999, 999, places=2), max_size=3), lambda values: [*map(str, values)]
    ),
    "struct(a int, `b c` text null) null": same(
        st.fixed_dictionaries({"a": st.integers(-9, 9), "b c": TEXTS | st.none()})
    ),
    "array(struct(d date, x bytea)) null": spelled(
        st.lists(st.fixed_dictionaries({"d": st.dates(), "x": st.binary(max_size=3)}), max_size=3),
        lambda values: [{"d": str(one["d"]), "x": f"\\x{one['x'].hex()}"} for one in values],
    ),
}


class Pieces(httpx.SyncByteStream):
    """A body that comes in pieces."""

    def __init__(self, pieces):
        self._pieces = pieces

    def __iter__(self):
        yield from self._pieces


def cut(draw, whole):
    """Cut bytes, or rows, at places that are drawn."""
    places = sorted(draw(st.lists(st.integers(0, len(whole)), max_size=6)))
    return [whole[start:end] for start, end in pairwise([0, *places, len(whole)])]


def bodies(draw, kind: str, pairs) -> dict[str, bytes]:
    """The same rows in each format, in batches that are drawn."""
    schema = arrow_schema([Column("c", parse_type(kind))])
    typed = [{"name": "c", "type": kind}]
    cells = [[cell] for _, cell in pairs]
    lines = [{"message_type": "DATA", "data": rows} for rows in cut(draw, cells)]
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        for rows in cut(draw, pairs):
            writer.write_batch(
                pa.RecordBatch.from_pylist([{"c": value} for value, _ in rows], schema)
            )
    return {
        "JSON_Compact": json.dumps({"meta": typed, "data": cells}).encode(),
        "JSONLines_Compact": b"".join(
            json.dumps(line).encode() + b"\n"
            for line in (START | {"result_columns": typed}, *lines, FINISH)
        ),
        "ArrowStream": sink.getvalue().to_pybytes(),
    }


def comparable(value):
    """Give NaN a form that is equal to itself."""
    return "nan" if isinstance(value, float) and math.isnan(value) else value


@pytest.mark.parametrize("kind", CELLS)
def test_all_formats_give_equal_values(kind):
    """JSON_Compact, JSONLines_Compact and ArrowStream, cut anywhere: tuples, Arrow and frames."""

    @settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.data(), st.lists(CELLS[kind] | st.just((None, None)), min_size=1, max_size=6))
    def agree(data, pairs):
        answers = bodies(data.draw, kind, pairs)

        def serve(request):
            body = answers[request.url.params["output_format"]]
            return httpx.Response(200, stream=Pieces(cut(data.draw, body)))

        expected = [comparable(value) for value, _ in pairs]
        results = results_of(serve, polars=kind != WIDE)
        for result in results:
            assert [comparable(value) for (value,) in result["rows"]] == expected
            assert [type(value) for (value,) in result["rows"]] == [type(v) for v, _ in pairs]
        for form in ("table", "polars", "pandas"):
            assert len({str(result[form]) for result in results}) == 1
        assert len({result["schema"] for result in results}) == 1

    agree()


def results_of(serve, *, polars):
    with db.connect("http://core.test/db", transport=httpx.MockTransport(serve)) as connection:
        cursor = connection.cursor()
        return [
            {
                "rows": execute("SELECT").fetchall(),
                "table": (table := execute("SELECT").fetch_arrow_table()).to_pylist(),
                "schema": table.schema,
                "polars": polars and execute("SELECT").fetch_polars().to_dicts(),
                "pandas": execute("SELECT").fetch_df()["c"].tolist(),
            }
            for execute in (cursor.execute, cursor.execute_stream, cursor.execute_arrow)
        ]
