"""Results as Arrow tables, as streams of record batches, and as frames."""

import datetime
import subprocess
import sys
from decimal import Decimal

import duckdb
import httpx
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from firebolt_like import db, errors
from firebolt_like.protocol.arrow_types import arrow_schema
from firebolt_like.protocol.types import Column, parse_type
from firebolt_like.rows import dict_row
from tests.db.conftest import PROTOCOLS, answer, over_both
from tests.db.test_streams import FINISH, START, Body, data

COLUMNS = {
    "id": "long",
    "name": "text null",
    "price": "numeric(10, 2)",
    "day": "date",
    "at": "timestamp",
    "seen": "timestamptz",
    "raw": "bytea",
    "tags": "array(text null)",
    "place": "struct(x int, y double)",
}
ROW = ["1", "bolt", "1.10", "2024-02-29", "2024-02-29 12:00:00", "2024-02-29 12:00:00+02",
       "\\x00ff", ["a", None], {"x": 1, "y": 0.5}]  # fmt: skip
VALUES = {
    "id": 1,
    "name": "bolt",
    "price": Decimal("1.10"),
    "day": datetime.date(2024, 2, 29),
    "at": datetime.datetime(2024, 2, 29, 12),
    "seen": datetime.datetime(2024, 2, 29, 10, tzinfo=datetime.UTC),
    "raw": b"\x00\xff",
    "tags": ["a", None],
    "place": {"x": 1, "y": 0.5},
}


def ipc(*batches: pa.RecordBatch) -> list[bytes]:
    """The messages of an Arrow IPC stream."""
    sink = pa.BufferOutputStream()
    ends = []
    with pa.ipc.new_stream(sink, batches[0].schema) as writer:
        for batch in batches:
            writer.write_batch(batch)
            ends.append(sink.tell())
    body = sink.getvalue().to_pybytes()
    return [body[start:end] for start, end in zip([0, *ends], [*ends, len(body)], strict=True)]


def numbers(*values):
    return pa.record_batch({"n": pa.array(values, pa.int32())})


@pytest.fixture
def arrow(script):
    """Script an answer in ArrowStream, one message a piece; give its body, which counts."""

    def use(*batches, cut=0):
        pieces = ipc(*batches)
        body = Body(*pieces[: len(pieces) - cut])
        script.entries.append(httpx.Response(200, stream=body))
        return body

    return use


async def batches_of(cursor):
    """The record batches that a cursor of either face gives."""
    batches = cursor.fetch_record_batch()
    if isinstance(batches, pa.RecordBatchReader):
        return list(batches)
    return [batch async for batch in batches]


def test_json_becomes_a_table(face, connect, script):
    """Types, nullability and values are those of the columns."""
    script.entries.append(answer([ROW], COLUMNS))

    async def scenario():
        async with connect() as connection:
            cursor = await connection.cursor().execute("SELECT")
            return await cursor.fetch_arrow_table(), cursor.rowcount

    table, rowcount = face.run(scenario)
    described = [Column(name, parse_type(kind)) for name, kind in COLUMNS.items()]
    assert table.schema.equals(arrow_schema(described))
    assert [field.name for field in table.schema if field.nullable] == ["name"]
    assert table.to_pylist() == [VALUES]
    assert rowcount == 1


def test_arrow_is_asked_for_and_taken(face, connect, script, arrow):
    """execute_arrow sends for ArrowStream; the table is what was sent."""
    body = arrow(numbers(1, 2), numbers(3))

    async def scenario():
        async with connect() as connection:
            cursor = await connection.cursor().execute_arrow("SELECT n")
            assert (cursor.description[0][0], str(cursor.description[0][1])) == (
                "n",
                "integer null",
            )
            return await cursor.fetch_arrow_table(), cursor.rowcount

    table, rowcount = face.run(scenario)
    assert table.equals(pa.Table.from_batches([numbers(1, 2), numbers(3)]))
    assert (rowcount, body.closed) == (3, True)
    assert script.parameters[0]["output_format"] == "ArrowStream"


@pytest.mark.parametrize("fetch", ["fetchall", "fetchmany", "iterate"])
def test_rows_of_arrow_are_the_rows_of_json(face, connect, script, fetch):
    """Tuples do not tell in which format they came."""

    async def scenario():
        async with connect() as connection:
            cursor = connection.cursor()
            results = []
            for execute in (cursor.execute, cursor.execute_arrow):
                await execute("SELECT")
                if fetch == "iterate":
                    results.append([row async for row in cursor])
                else:
                    results.append(await getattr(cursor, fetch)(*[9][: fetch == "fetchmany"]))
            return results

    described = [Column(name, parse_type(kind)) for name, kind in COLUMNS.items()]
    batch = pa.RecordBatch.from_pylist([VALUES, VALUES], arrow_schema(described))
    script.entries += [
        answer([ROW, ROW], COLUMNS),
        httpx.Response(200, content=b"".join(ipc(batch))),
    ]
    json_rows, arrow_rows = face.run(scenario)
    assert json_rows == arrow_rows == [tuple(VALUES.values())] * 2
    assert [type(value) for value in arrow_rows[0]] == [type(value) for value in json_rows[0]]


def test_an_engine_without_arrow_sends_json(face, connect, script):
    """Its refusal is remembered: later statements ask for JSON at once."""
    script.entries += [
        httpx.Response(404, text="Output format 'ArrowStream' is not supported"),
        httpx.Response(200, stream=Body(START, data(1, 2), FINISH)),
        httpx.Response(200, stream=Body(START, data(3), FINISH)),
    ]

    async def scenario():
        async with connect() as connection:
            cursor = connection.cursor()
            await cursor.execute_arrow("SELECT n")
            first = await cursor.fetch_arrow_table()
            other = connection.cursor()
            await other.execute_arrow("SELECT n")
            assert await other.fetchall() == [(3,)]
            await other.execute("SELECT 1")
            return first

    assert face.run(scenario)["n"].to_pylist() == [1, 2]
    assert [parameters["output_format"] for parameters in script.parameters] == [
        "ArrowStream", "JSONLines_Compact", "JSONLines_Compact", "JSON_Compact",
    ]  # fmt: skip


def test_any_other_404_is_an_error(face, connect, script):
    """A statement that was refused for another reason is not sent again."""
    script.entries.append(httpx.Response(404, text="no such engine"))

    async def scenario():
        async with connect() as connection:
            with pytest.raises(errors.Error, match="no such engine"):
                await connection.cursor().execute_arrow("SELECT 1")

    face.run(scenario)
    assert len(script.requests) == 1


def test_password_accounts_send_json(face, script):
    """They have neither Arrow nor streams, and need not be asked."""

    async def scenario():
        async with face.connect(
            auth=("ada", "lovelace"),
            api_endpoint="http://api.test",
            engine_url="http://engine.test",
            database="d",
            transport=httpx.MockTransport(account),
        ) as connection:
            cursor = await connection.cursor().execute_arrow("SELECT 1")
            return await cursor.fetch_arrow_table()

    def account(request):
        if request.url.host == "engine.test":
            return script(request)
        return httpx.Response(
            200, json={"access_token": "t", "expires_in": 60, "account": {"id": "1"},
                       "account_id": "1"},
        )  # fmt: skip

    assert face.run(scenario)["n"].to_pylist() == [1]
    assert [parameters["output_format"] for parameters in script.parameters] == ["JSON_Compact"]


@pytest.mark.parametrize("form", ["json", "lines", "arrow"])
def test_what_is_left_comes_as_arrow(face, connect, script, form):
    """After some rows were taken, the table has the others; after it, nothing is left."""
    bodies = {
        "json": lambda: answer([[n] for n in range(5)], {"n": "int null"}),
        "lines": lambda: httpx.Response(200, stream=Body(START, data(0, 1, 2), data(3, 4), FINISH)),
        "arrow": lambda: httpx.Response(
            200, content=b"".join(ipc(numbers(0, 1, 2), numbers(3, 4)))
        ),
    }

    async def scenario():
        async with connect(row_factory=dict_row) as connection:
            cursor = connection.cursor()
            ways = {"json": cursor.execute, "lines": cursor.execute_stream}
            script.entries.append(bodies[form]())
            await ways.get(form, cursor.execute_arrow)("SELECT n")
            taken = [await cursor.fetchone(), await cursor.fetchone()]
            table = await cursor.fetch_arrow_table()
            return taken, table, await cursor.fetchall(), await cursor.fetch_arrow_table(), cursor

    taken, table, rest, empty, cursor = face.run(scenario)
    assert taken == [{"n": 0}, {"n": 1}]
    assert table["n"].to_pylist() == [2, 3, 4]
    assert (rest, empty.num_rows, cursor.rowcount) == ([], 0, 5)
    assert empty.schema == table.schema


def test_batches_come_one_at_a_time(face, connect, arrow):
    """A later batch is on the wire until it is wanted."""
    body = arrow(numbers(1, 2), numbers(3), numbers(4))

    async def scenario():
        async with connect() as connection, connection.cursor() as cursor:
            await cursor.execute_arrow("SELECT n")
            assert body.taken == 1
            batches = cursor.fetch_record_batch()
            if isinstance(batches, pa.RecordBatchReader):
                assert batches.read_next_batch().num_rows == 2
            else:
                assert (await anext(batches)).num_rows == 2
                assert batches.schema == numbers().schema
            assert body.taken < len(body.parts)
            return await cursor.fetchall()

    assert face.run(scenario) == [(3,), (4,)]


@pytest.mark.parametrize("cut", [1, 2])
def test_a_cut_arrow_stream_is_an_error(face, connect, arrow, cut):
    """Without its end marker a stream raises, after the rows that came."""
    body = arrow(numbers(1), numbers(2), cut=cut)

    async def scenario():
        async with connect() as connection:
            cursor = await connection.cursor().execute_arrow("SELECT n")
            with pytest.raises(errors.ServerResponseError, match="end marker"):
                await cursor.fetch_arrow_table()

    face.run(scenario)
    assert body.closed


def test_statements_without_rows_may_ask_for_arrow(face, connect, script):
    """An empty answer and an empty schema are no result, and nothing stays open."""
    empty = pa.record_batch([], schema=pa.schema([]))
    script.entries += [
        httpx.Response(200, content=b""),
        httpx.Response(200, content=b"".join(ipc(empty))),
    ]

    async def scenario():
        async with connect() as connection:
            cursor = connection.cursor()
            for _ in range(2):
                await cursor.execute_arrow("CREATE TABLE t (a int)")
                assert (cursor.description, cursor.rowcount) == (None, -1)
                with pytest.raises(errors.QueryNotRunError):
                    await cursor.fetch_arrow_table()

    face.run(scenario)


def test_a_failed_table_loses_no_row(face, connect, script):
    """What Arrow cannot hold can be fetched as rows instead, and the other way round."""
    script.entries.append(answer([["1"], [str(2**63)]], {"n": "long"}))

    async def scenario():
        async with connect() as connection:
            cursor = await connection.cursor().execute("SELECT n")
            for _ in range(2):
                with pytest.raises(errors.DataError, match="'n'"):
                    await cursor.fetch_arrow_table()
            return await cursor.fetchall()

    assert face.run(scenario) == [(1,), (2**63,)]


def test_frames_are_exact(face, connect, script):
    """Integers with NULL stay integers, decimals stay decimals, in pandas and in polars."""
    columns = {"n": "long null", "d": "numeric(38, 9)", "t": "timestamptz"}
    rows = [[str(2**62 + 1), "1.10", "2024-02-29 12:00:00+00"], [None, "2", "2024-02-29Z"]]
    rows[1][2] = "2024-02-29 00:00:00+00"
    script.entries += [answer(rows, columns), answer(rows, columns)]

    async def scenario():
        async with connect() as connection:
            cursor = connection.cursor()
            await cursor.execute("SELECT")
            frame = await cursor.fetch_df()
            await cursor.execute("SELECT")
            return frame, await cursor.fetch_polars()

    pandas, polars = face.run(scenario)
    assert isinstance(pandas, pd.DataFrame)
    assert pandas["n"].tolist()[0] == polars["n"].to_list()[0] == 2**62 + 1
    assert pandas["n"].isna().tolist() == [False, True]
    assert pandas["d"].tolist() == polars["d"].to_list() == [Decimal("1.10"), Decimal(2)]
    assert polars["t"].to_list()[0] == datetime.datetime(2024, 2, 29, 12, tzinfo=datetime.UTC)


@pytest.fixture(scope="module", params=PROTOCOLS)
def local(request):
    with db.connect("local:", protocol=request.param) as connection:
        yield connection


@pytest.mark.parametrize("way", ["execute", "execute_stream", "execute_arrow"])
def test_other_libraries_read_a_cursor(local, way):
    """polars, pyarrow and DuckDB take the cursor itself."""
    cursor = local.cursor()

    def run():
        return getattr(cursor, way)(
            "SELECT i::bigint AS i, 'x' || i AS s FROM range(100000) AS t(i)"
        )

    assert pl.DataFrame(run())["i"].sum() == 4_999_950_000
    assert pa.table(run())["s"][99_999].as_py() == "x99999"
    run()
    assert duckdb.sql("SELECT count(*), sum(i) FROM cursor").fetchall() == [
        (100_000, 4_999_950_000)
    ]
    assert pa.RecordBatchReader.from_stream(run()).read_all().num_rows == 100_000


def test_rows_that_were_taken_are_not_shown_as_an_empty_table(local):
    """A library that looks twice hears of it."""
    cursor = local.cursor().execute("SELECT 1 AS n")
    relation = duckdb.sql("FROM cursor")
    assert relation.fetchall() == [(1,)]
    with pytest.raises(errors.InterfaceError, match="fetched"):
        pl.DataFrame(cursor)
    with pytest.raises(Exception, match="have been fetched"):
        relation.fetchall()
    assert pl.DataFrame(cursor.execute("SELECT 1 AS n WHERE false")).shape == (0, 1)


@over_both
def test_the_embedded_engine_gives_arrow(face):
    """Whether it sends ArrowStream or JSON, the table is the same."""

    async def scenario():
        async with face.local() as connection:
            cursor = connection.cursor()
            tables = []
            for execute in (cursor.execute, cursor.execute_arrow):
                await execute("SELECT i::int AS i, i::text AS s, i / 2 AS x FROM range(9) AS t(i)")
                tables.append(await cursor.fetch_arrow_table())
            await cursor.execute_arrow("SELECT 1; SELECT 'a'")
            assert sum(batch.num_rows for batch in await batches_of(cursor)) == 1
            assert await cursor.nextset()
            return tables, await cursor.fetchall()

    (plain, arrow), rows = face.run(scenario)
    assert plain.to_pylist() == arrow.to_pylist()
    assert plain.schema.types == arrow.schema.types
    assert rows == [("a",)]


def test_a_decimal_that_polars_has_not_is_an_error(connect, face, script):
    """Beyond 38 digits it would end the program; as Arrow and as rows the value is exact."""
    columns = {"wide": "numeric(76, 5)"}

    async def scenario():
        script.entries += [answer([["1" * 60]], columns), answer([["1" * 60]], columns)]
        async with connect() as connection:
            cursor = connection.cursor()
            with pytest.raises(errors.DataError, match="'wide'"):
                await (await cursor.execute("SELECT")).fetch_polars()
            return await (await cursor.execute("SELECT")).fetch_df()

    assert face.run(scenario)["wide"].tolist() == [Decimal("1" * 60)]


@pytest.mark.parametrize(
    ("package", "extra", "call"),
    [
        ("pyarrow", "arrow", "fetch_arrow_table()"),
        ("pyarrow", "arrow", "fetch_record_batch()"),
        ("pyarrow", "arrow", "execute_arrow('SELECT 1')"),
        ("pandas", "pandas", "fetch_df()"),
        ("polars", "polars", "fetch_polars()"),
    ],
)
def test_a_missing_package_is_named_with_its_extra(package, extra, call):
    """On a machine without it, the error says what to install."""
    program = f"""
import sys
sys.modules["{package}"] = None
import httpx
from firebolt_like import db, errors
serve = lambda request: httpx.Response(200, json={{"meta": [{{"name": "n", "type": "int"}}],
                                                   "data": [[1]]}})
with db.connect("http://core.test/db", transport=httpx.MockTransport(serve)) as connection:
    cursor = connection.cursor().execute("SELECT 1")
    try:
        cursor.{call}
    except errors.ConfigurationError as error:
        print(error, error.hint)
"""
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert package in ran.stdout
    assert f"firebolt_like[{extra}]" in ran.stdout
