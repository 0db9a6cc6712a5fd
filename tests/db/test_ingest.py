"""ingest: rows of every kind arrive in their table; what arrived is known when it breaks off."""

import dataclasses
import io
import pathlib
import subprocess
import sys
from typing import NamedTuple

import anyio
import duckdb
import msgspec
import pandas
import polars
import pyarrow as pa
import pyarrow.parquet
import pytest

from firebolt_like import errors
from firebolt_like.dbapi.ingest import IngestReport
from firebolt_like.local import LocalServer
from tests.db.conftest import rows_of


@dataclasses.dataclass
class Point:
    x: int
    label: str | None


class Named(NamedTuple):
    x: int
    label: str | None


class Struct(msgspec.Struct):
    x: int
    label: str | None


ROWS = [(1, "one"), (2, None), (3, "it's")]
TABLE = pa.table({"x": [1, 2, 3], "label": ["one", None, "it's"]})


def _arrow_file(new):
    sink = io.BytesIO()
    with new(sink, TABLE.schema) as writer:
        writer.write_table(TABLE)
    sink.seek(0)
    return sink


def _parquet():
    sink = io.BytesIO()
    pa.parquet.write_table(TABLE, sink)
    sink.seek(0)
    return sink


KINDS = {
    "dicts": lambda: [{"x": x, "label": label} for x, label in ROWS],
    "dicts without keys": lambda: [{"x": 1, "label": "one"}, {"x": 2}, {"label": "it's", "x": 3}],
    "dataclasses": lambda: [Point(*row) for row in ROWS],
    "named tuples": lambda: (Named(*row) for row in ROWS),
    "msgspec": lambda: [Struct(*row) for row in ROWS],
    "arrow table": lambda: TABLE,
    "arrow batch": lambda: TABLE.to_batches()[0],
    "arrow reader": lambda: TABLE.to_reader(max_chunksize=1),
    "record batches": lambda: iter(TABLE.to_batches(max_chunksize=2)),
    "polars": lambda: polars.from_arrow(TABLE),
    "pandas": lambda: pandas.DataFrame({"x": [1, 2, 3], "label": ["one", None, "it's"]}),
    "duckdb": lambda: duckdb.from_arrow(TABLE).filter("true"),
    "arrow file": lambda: _arrow_file(pa.ipc.new_file),
    "arrow stream": lambda: _arrow_file(pa.ipc.new_stream),
    "parquet": _parquet,
    "csv": lambda: io.BytesIO(b"label,x\none,1\n,2\nit's,3\n"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_data_makes_a_table(face, engine, kind):
    """With the same rows, and a report that counts them."""

    async def scenario():
        async with engine() as connection, connection.cursor() as cursor:
            report = await cursor.ingest("t", KINDS[kind](), mode="replace")
            assert cursor.rowcount == 3
            assert report.rows == 3
            rows = await rows_of(cursor)
            assert [str(column[1]) for column in cursor.description] == ["bigint null", "text null"]
            return rows

    rows = face.run(scenario)
    assert rows == (ROWS if kind != "csv" else [(1, "one"), (2, ""), (3, "it's")])


def test_tuples_have_names_from_the_caller_or_the_table(face, engine):
    """By position, or in the order of columns=."""

    async def scenario():
        async with engine() as connection, connection.cursor() as cursor:
            await cursor.ingest("t", iter(ROWS), mode="replace", columns=["x", "label"])
            await cursor.ingest("t", [[4, "four"]])
            await cursor.ingest("t", [("five", 5)], columns=["LABEL", "x"])
            await cursor.ingest("t", [(6,)], columns=["x"])
            return await rows_of(cursor)

    assert face.run(scenario) == [*ROWS, (4, "four"), (5, "five"), (6, None)]


def test_a_cursor_is_data(face, engine):
    """Its own rows, or those of another; with their types."""

    async def scenario():
        async with engine() as connection, connection.cursor() as cursor:
            await cursor.execute_arrow("SELECT i AS x, 'a' AS label FROM range(9) AS r(i)")
            data = cursor.wrapped if face.blocking else cursor
            assert (await cursor.ingest("t", data, mode="replace")).rows == 9
            return await rows_of(cursor)

    assert face.run(scenario) == [(number, "a") for number in range(9)]


def test_async_iterables_are_data_in_tasks(face, engine):
    """Of rows and of record batches; a thread has no way to wait for them."""

    async def rows():
        for row in ROWS:
            yield row

    async def batches():
        for batch in TABLE.to_batches(max_chunksize=1):
            yield batch

    async def scenario():
        async with engine() as connection, connection.cursor() as cursor:
            await cursor.execute("CREATE OR REPLACE TABLE t (x bigint null, label text null)")
            if face.blocking:
                with pytest.raises(errors.InterfaceError, match="async face"):
                    await cursor.ingest("t", rows())
                return
            await cursor.ingest("t", rows())
            await cursor.ingest("t", batches())
            assert await rows_of(cursor) == sorted([*ROWS, *ROWS])

    face.run(scenario)


def test_odd_names_are_kept(face, engine):
    """Of tables and columns, in every mode."""
    names = ['a "b"', "C d", "select", "é,(", "?"]

    async def scenario():
        async with engine() as connection, connection.cursor() as cursor:
            data = pa.table({name: [number] for number, name in enumerate(names)})
            await cursor.ingest('odd "t;?"', data, mode="replace")
            await cursor.ingest('odd "t;?"', data)
            await cursor.ingest('odd "t;?"', data, schema="public")
            return await rows_of(cursor, 'SELECT * FROM "odd ""t;?"""'), cursor.description

    rows, description = face.run(scenario)
    assert rows == [(0, 1, 2, 3, 4)] * 3
    assert [column[0] for column in description] == names


@pytest.mark.parametrize(
    ("data", "keywords", "error", "text"),
    [
        (pa.table({"x": [1], "y": [1], "z": [1]}), {}, errors.DataError, "no column 'y', 'z'"),
        ([{"X": 1, "x": 2}], {}, errors.DataError, "the same name"),
        ([(1, "a", 2)], {}, errors.DataError, "3 values, the table has 2 columns"),
        ([(1, "a"), (1,)], {}, errors.DataError, "Row 2 has 1 values, not 2"),
        ([{"x": 1}, 5], {}, errors.DataError, "Row 2 is not like the first: a int"),
        ([Point(1, "a"), object()], {}, errors.DataError, "Row 2 is not like the first"),
        ([{"x": "a"}], {"mode": "create"}, errors.ProgrammingError, "already exists"),
        ([(1, "a")], {"mode": "create"}, errors.InterfaceError, "needs names"),
        ([(1, "a")], {"mode": "upsert"}, errors.InterfaceError, "append, create, replace"),
        ([(1, "a")], {"batch_bytes": 0}, errors.InterfaceError, "1 or more"),
        ([(1, "a")], {"columns": "xy"}, errors.InterfaceError, "a list of names"),
        ([{"x": 1}], {"columns": ["x"]}, errors.InterfaceError, "these rows have names"),
        (TABLE, {"columns": ["x", "y"]}, errors.InterfaceError, "this data has names"),
        ([], {"mode": "replace"}, errors.DataError, "no rows"),
        ([{}], {}, errors.InterfaceError, "at least one field"),
        ([5], {}, errors.InterfaceError, "not a int"),
        (5, {}, errors.InterfaceError, "not an object of type int"),
        (polars.LazyFrame({"x": [1]}), {}, errors.InterfaceError, "LazyFrame"),
        (io.StringIO("x\n1\n"), {}, errors.InterfaceError, "reading bytes"),
        (pathlib.Path("/no/such.parquet"), {}, errors.InterfaceError, "cannot be opened"),
        (io.BytesIO(b"PAR1 and no more"), {}, errors.DataError, "cannot be read"),
        (pa.table({"x": [2**63]}, pa.schema([("x", pa.uint64())])), {}, errors.DataError, "'x'"),
        (
            pa.table({"x": pa.array([1], pa.time64("us"))}),
            {"mode": "replace"},
            errors.NotSupportedError,
            r"Column 'x': SQL has no type for time64\[us\]",
        ),
        (
            pa.table({"t": pa.array([1], pa.timestamp("ns"))}),
            {"mode": "replace"},
            errors.DataError,
            "Column 't' cannot be sent .* lose data",
        ),
        ([{"x": 1}, {"x": "a"}], {"mode": "replace"}, errors.DataError, "'x', rows 1 to 2: no SQL"),
        ([{"x": object()}], {"mode": "replace"}, errors.DataError, "a object has no SQL type"),
    ],
)
def test_what_does_not_fit_is_refused(face, engine, data, keywords, error, text):
    """By its column or its row, and nothing of it arrives."""

    async def scenario():
        async with engine() as connection, connection.cursor() as cursor:
            await cursor.execute("CREATE OR REPLACE TABLE t (x bigint null, label text null)")
            with pytest.raises(error, match=text) as refused:
                await cursor.ingest("t", data, **keywords)
            assert not isinstance(refused.value, errors.IngestError)
            assert await rows_of(cursor, "SELECT count(*) FROM t") == [(0,)]

    face.run(scenario)


def test_a_missing_table_is_named(face, engine):
    """Before any row is sent."""

    async def scenario():
        async with engine() as connection, connection.cursor() as cursor:
            with pytest.raises(errors.ProgrammingError, match="nowhere"):
                await cursor.ingest("nowhere", TABLE)

    face.run(scenario)


def test_a_column_that_may_not_be_null_is_named(face, engine):
    """By the engine, where the data has no such column."""

    async def scenario():
        async with engine() as connection, connection.cursor() as cursor:
            await cursor.execute("CREATE OR REPLACE TABLE t (x bigint, label text not null)")
            with pytest.raises(errors.Error, match="label"):
                await cursor.ingest("t", [{"x": 1}])

    face.run(scenario)


def test_no_rows_are_no_error(face, engine):
    """Where the table is there, or the data has a schema to make it."""

    async def scenario():
        async with engine() as connection, connection.cursor() as cursor:
            nothing = IngestReport(rows=0, bytes=0, statements=0)
            assert await cursor.ingest("t", TABLE.slice(3), mode="replace") == nothing
            assert await cursor.ingest("t", []) == nothing
            assert await cursor.ingest("t", iter([]), columns=["x"]) == nothing
            return await rows_of(cursor)

    assert face.run(scenario) == []


def _numbers(count, made=None):
    for number in range(count):
        if made is not None:
            made.append(number)
        yield (number, f"row {number}")


def test_progress_is_told_after_each_statement(face, engine):
    """Rows and bytes so far, and never more rows are taken than a few blocks beyond them."""
    made, ahead, reports = [], [], []

    def progress(report):
        ahead.append(len(made) - report.rows)
        reports.append(report)

    async def scenario():
        async with engine() as connection, connection.cursor() as cursor:
            await cursor.execute("CREATE OR REPLACE TABLE t (x bigint null, label text null)")
            report = await cursor.ingest(
                "t", _numbers(15_000, made), batch_bytes=50_000, progress=progress
            )
            assert await rows_of(cursor, "SELECT count(*), sum(x) FROM t") == [
                (15_000, sum(range(15_000)))
            ]
            return report

    report = face.run(scenario)
    assert reports[-1] == report
    assert [each.statements for each in reports] == list(range(1, report.statements + 1))
    assert len(reports) > 4
    assert max(ahead) <= 20_000


def test_a_reader_is_not_run_ahead(face, engine):
    """Of a long one a few batches are alive, however many there are."""
    made, ahead, held = [], [], []
    batch = pa.record_batch({"x": pa.array(range(2000)), "label": pa.array(["a" * 20] * 2000)})

    def batches():
        for _ in range(15):
            made.append(1)
            # new memory for each, so that what is alive can be counted
            yield pa.RecordBatch.from_pydict(batch.to_pydict(), schema=batch.schema)

    def progress(report):
        ahead.append(len(made) - report.rows // 2000)
        held.append(pa.total_allocated_bytes())

    async def scenario():
        async with engine() as connection, connection.cursor() as cursor:
            await cursor.execute("CREATE OR REPLACE TABLE t (x bigint null, label text null)")
            reader = pa.RecordBatchReader.from_batches(batch.schema, batches())
            before = pa.total_allocated_bytes()
            size = 2 * batch.nbytes
            await cursor.ingest("t", reader, batch_bytes=size, progress=progress)
            assert await rows_of(cursor, "SELECT count(*) FROM t") == [(30_000,)]
            assert max(held) - before < 6 * batch.nbytes

    face.run(scenario)
    assert max(ahead) <= 2


def test_a_cancelled_task_leaves_whole_statements(face, engine):
    """What was reported is in, and the connection goes on."""
    reports = []

    async def rows():
        number = 0
        while True:
            yield (number, "endless")
            number += 1

    async def scenario():
        async with engine() as connection, connection.cursor() as cursor:
            await cursor.execute("CREATE OR REPLACE TABLE t (x bigint null, label text null)")
            with anyio.CancelScope() as scope:

                def progress(report):
                    reports.append(report)
                    if report.statements == 3:
                        scope.cancel()

                await cursor.ingest("t", rows(), batch_bytes=50_000, progress=progress)
            assert scope.cancelled_caught
            return await rows_of(cursor, "SELECT count(*), max(x) FROM t")

    if face.blocking:
        return  # a thread cannot be cancelled
    [(count, highest)] = face.run(scenario)
    rows_in = reports[-1].rows
    assert (count, highest) == (rows_in, rows_in - 1)


def test_a_generator_is_ended_with_the_ingest(face, connect, script):
    """Whatever ends it: in its own task, and before the error is raised."""
    ended = []

    async def rows(first):
        try:
            yield first
            yield (2, "b")
        finally:
            ended.append(first)

    async def scenario():
        async with connect() as connection, connection.cursor() as cursor:
            for first in (5, (1, object())):
                with pytest.raises(errors.Error):
                    await cursor.ingest("t", rows(first), mode="replace", columns=["x", "label"])
                assert ended[-1] == first

    if not face.blocking:
        face.run(scenario)


def test_a_transaction_reads_no_stream_while_it_takes_rows(face, engine):
    """One statement at a time; the stream of another connection will do."""

    async def scenario():
        async with engine(autocommit=False) as connection, connection.cursor() as cursor:
            async with connection.cursor() as streaming:
                await streaming.execute_stream("SELECT i AS x FROM range(300000) AS r(i)")
                with pytest.raises(errors.InterfaceError, match="one statement at a time"):
                    await cursor.ingest("t", ROWS)
            await connection.rollback()

    face.run(scenario)


def test_a_closed_cursor_takes_nothing(face, connect, script):
    """Before the data is looked at."""

    async def scenario():
        async with connect() as connection:
            cursor = connection.cursor()
            await cursor.close()
            with pytest.raises(errors.CursorClosedError):
                await cursor.ingest("t", iter(ROWS))

    face.run(scenario)
    assert script.requests == []


def test_what_arrived_is_known_when_the_data_breaks_off(face, engine):
    """They are the first rows, and the cause is at hand."""

    def breaking():
        yield from _numbers(12_000)
        raise OSError("the disk went away")

    async def scenario():
        async with engine() as connection, connection.cursor() as cursor:
            await cursor.execute("CREATE OR REPLACE TABLE t (x bigint null, label text null)")
            with pytest.raises(errors.IngestError, match="the disk went away") as broken:
                await cursor.ingest("t", breaking(), batch_bytes=50_000)
            [(count, highest)] = await rows_of(cursor, "SELECT count(*), max(x) FROM t")
            return broken.value, count, highest

    error, count, highest = face.run(scenario)
    assert isinstance(error.__cause__, OSError)
    assert 0 < error.rows == count == highest + 1
    assert error.statements > 0
    assert error.bytes > 0
    assert not error.in_doubt


def test_a_bad_value_in_a_later_block_is_reported(face, engine):
    """With its column, and the rows before it are in."""
    rows = [*_numbers(10_000), ("a", "text"), *_numbers(5)]

    async def scenario():
        async with engine() as connection, connection.cursor() as cursor:
            await cursor.execute("CREATE OR REPLACE TABLE t (x bigint null, label text null)")
            with pytest.raises(errors.IngestError) as broken:
                await cursor.ingest("t", rows, batch_bytes=50_000)
            assert await rows_of(cursor, "SELECT count(*) FROM t") == [(broken.value.rows,)]
            return broken.value

    assert isinstance(face.run(scenario).__cause__, errors.DatabaseError)


def test_what_breaks_off_in_a_transaction_is_to_be_rolled_back(face, engine):
    """The rows that arrived are gone with it."""

    async def scenario():
        async with engine() as connection, connection.cursor() as cursor:
            await cursor.execute("CREATE OR REPLACE TABLE t (x bigint null, label text null)")
        async with engine(autocommit=False) as connection, connection.cursor() as cursor:
            with pytest.raises(errors.IngestError, match="open transaction: roll it back"):
                await cursor.ingest("t", [*_numbers(10_000), ("a", "b")], batch_bytes=50_000)
            await connection.rollback()
            return await rows_of(cursor, "SELECT count(*) FROM t")

    assert face.run(scenario) == [(0,)]


def test_an_open_transaction_takes_it_back(face, engine):
    """The table that was made, too."""

    async def scenario():
        async with engine() as other, other.cursor() as witness:
            await witness.execute("DROP TABLE IF EXISTS made")
            async with engine(autocommit=False) as connection, connection.cursor() as cursor:
                await cursor.ingest("made", TABLE, mode="create", batch_bytes=10)
                assert connection.in_transaction
                with pytest.raises(errors.ProgrammingError):
                    await witness.execute("SELECT * FROM made")
                await connection.rollback()
                await cursor.ingest("made", TABLE, mode="create")
                await connection.commit()
            return await rows_of(witness, "SELECT count(*) FROM made")

    assert face.run(scenario) == [(3,)]


def test_a_password_account_gets_values(face):
    """Its engines read no forms; in its strings a backslash is an escape."""
    user = ("user@example.com", "s3cret")
    rows = [(1, "it's \\ \\n"), (2, None)]

    async def scenario():
        place = {"auth": user, "database": "db", "api_endpoint": accounts.url}
        async with face.connect(**place) as connection, connection.cursor() as cursor:
            await cursor.ingest("t", rows, mode="replace", columns=["x", "label"])
            await cursor.ingest("t", TABLE.slice(2))
            return await rows_of(cursor)

    with LocalServer(users=dict([user]), databases=["db"], engines={"e": "db"}) as accounts:
        assert face.run(scenario) == [*rows, ROWS[2]]


_PROGRAM = """
import sys
sys.modules["pyarrow"] = None
from firebolt_like.db import connect
from firebolt_like.errors import ConfigurationError
with connect(sys.argv[1]) as connection, connection.cursor() as cursor:
    rows = [{"x": 1, "label": "a"}, {"x": None, "label": "it's"}]
    print(cursor.ingest("without_arrow", rows, mode="replace").rows)
    cursor.ingest("without_arrow", [(3, "c")])
    print(cursor.execute("SELECT * FROM without_arrow ORDER BY label").fetchall())
    try:
        cursor.ingest("without_arrow", "file.parquet")
    except ConfigurationError as error:
        print(error)
"""


def test_rows_need_no_pyarrow(local_server):
    """They are written into statements; what needs it says so."""
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, local_server.url],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (
        done.stdout.splitlines()
        == [
            "2",
            """[(1, 'a'), (3, 'c'), (None, "it's")]""",
            "This needs the package pyarrow, which is not installed.",
            "pip install 'firebolt_like[arrow]'",
        ][:3]
    ), done.stderr
