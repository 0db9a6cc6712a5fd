"""The module for Dremio: rows as tuples and as Arrow."""

import datetime
import decimal
import subprocess
import sys

import pyarrow as pa
import pytest
from pyarrow import flight as pf

from firebolt_like import errors
from firebolt_like.flight import dremio
from tests.flight.text_server import TextServer


@pytest.fixture
def server():
    with TextServer() as server:
        yield server


@pytest.fixture
def cursor(embedded, transport):
    options = {"transport": transport, "timeout": 30}
    with dremio.connect(embedded.flight_url, options) as connection, connection.cursor() as cursor:
        yield cursor


def test_before_the_first_statement(cursor):
    """A new cursor knows nothing, and has no rows."""
    assert (cursor.description, cursor.rowcount, cursor.arraysize) == (None, -1, 1000)
    assert cursor.table.num_rows == 0
    with pytest.raises(errors.QueryNotRunError):
        cursor.fetchone()


def test_a_statement_without_rows(cursor):
    """DDL and DML have no columns and no rows."""
    cursor.execute("CREATE TABLE IF NOT EXISTS no_rows (a INT)")
    assert (cursor.description, cursor.rowcount, cursor.fetchall()) == (None, -1, [])
    assert cursor.fetch_arrow_table().num_rows == 0
    cursor.executemany("INSERT INTO no_rows VALUES (%s)", [(1,), (2,)])
    assert cursor.execute(b"SELECT count(*) FROM no_rows").fetchone()[0] >= 2


def test_what_is_known_of_a_result(cursor):
    """Names and Arrow types before the first row, the number of rows after the last."""
    cursor.execute("SELECT 1 AS a, 'x' AS b")
    nones = (None,) * 5
    assert cursor.description == [("a", pa.int32(), *nones), ("b", pa.string(), *nones)]
    assert dremio.NUMBER == cursor.description[0][1] != dremio.STRING
    assert list(cursor) == [(1, "x")]
    assert cursor.rowcount == 1


def test_ways_of_fetching_take_turns(cursor):
    """Each way goes on where the one before it ended, whatever it gave."""
    cursor.execute("SELECT a FROM range(100000) AS t(a) ORDER BY a")
    found = [*cursor.fetchmany(10), cursor.fetchone()]
    assert cursor.table.column("a")[0].as_py() == 11
    found += [(n,) for n in cursor.iter_arrow_tables(20_000).column("a").to_pylist()]
    found += cursor.fetchmany()
    assert len(found) == 21_011
    found += cursor.fetchmany(0)
    found += cursor.fetchmany(9000)
    found += [(n,) for n in cursor.iter_arrow_tables().column("a").to_pylist()]
    found += cursor.fetchone(), *cursor.fetchmany(5)
    found += cursor.fetchall() if len(found) % 2 else []
    found += [(n,) for n in cursor.fetch_arrow_table().column("a").to_pylist()]
    assert found == [(n,) for n in range(100_000)]
    assert (cursor.fetchone(), cursor.fetchmany(), cursor.fetchall()) == (None, [], [])
    assert (cursor.iter_arrow_tables(), cursor.iter_arrow_tables(0).num_rows) == (None, 0)
    assert cursor.fetch_arrow_table().schema.names == ["a"]


def test_rows_come_as_they_are_read(cursor):
    """The first rows of an answer without end are here at once."""
    cursor.execute("SELECT a FROM range(100000000000) AS t(a)")
    assert len(cursor.fetchmany(5)) == 5
    assert cursor.iter_arrow_tables(5).num_rows == 5
    cursor.execute("SELECT 1")
    assert cursor.fetchall() == [(1,)]


def test_all_endpoints_are_read(embedded, transport):
    """An answer in several parts is read to the last."""
    parts = {"flight_endpoints": "4"}
    options = {"transport": transport}
    with dremio.connect(embedded.flight_url, options, parts) as connection:
        cursor = connection.cursor().execute("SELECT a FROM range(100000) AS t(a)")
        assert sorted(cursor.fetchall()) == [(n,) for n in range(100_000)]


MOMENTS = [datetime.datetime(1, 1, 1), None, datetime.datetime(9999, 12, 31, 23, 59, 59, 999999)]
ZONED = [moment and moment.replace(tzinfo=datetime.UTC) for moment in MOMENTS]
EVERY = {
    "int": pa.array([1, None, -(2**63)], pa.int64()),
    "unsigned": pa.array([1, None, 2**64 - 1], pa.uint64()),
    "real": pa.array([0.1, None, float("inf")], pa.float32()),
    "double": pa.array([0.1, None, -0.0]),
    "bool": pa.array([True, None, False]),
    "text": pa.array(["x", None, ""], pa.large_string()),
    "bytes": pa.array([b"x", None, b""]),
    "date": pa.array([datetime.date(1, 1, 1), None, datetime.date(9999, 12, 31)]),
    "date64": pa.array([datetime.date(2024, 1, 31), None, None], pa.date64()),
    "seconds": pa.array([datetime.datetime(2024, 1, 31), None, None], pa.timestamp("s")),
    "millis": pa.array([datetime.datetime(2024, 1, 31), None, None], pa.timestamp("ms")),
    "micros": pa.array(MOMENTS, pa.timestamp("us")),
    "zoned": pa.array(ZONED, pa.timestamp("us", "UTC")),
    "time": pa.array([datetime.time(1, 2, 3, 4), None, None]),
    "duration": pa.array([datetime.timedelta(1, 2, 3), None, None]),
    "decimal": pa.array([decimal.Decimal("1.50"), None, decimal.Decimal("-0.01")]),
    "wide": pa.array([decimal.Decimal(10**60), None, None], pa.decimal256(76, 3)),
    "list": pa.array([[1, None], None, []]),
    "struct": pa.array([{"a": 1, "b": "x"}, None, {"a": None, "b": None}]),
    "map": pa.array([[("a", 1)], None, []], pa.map_(pa.string(), pa.int64())),
    "dictionary": pa.array(["x", None, "x"]).dictionary_encode(),
    "null": pa.nulls(3),
}


@pytest.mark.parametrize("name", EVERY)
def test_values_and_types_are_arrows_own(server, name):
    """Each type gives the values that pyarrow makes of it."""
    table = pa.table({name: EVERY[name]})
    server.offer(name, {name: []}, schema=table.schema)
    server.streams[name.encode()] = lambda _: pf.RecordBatchStream(table)
    with dremio.connect(server.url) as connection:
        found = [row[0] for row in connection.cursor().execute(name).fetchall()]
    wanted = EVERY[name].to_pylist()
    assert found == wanted
    assert list(map(type, found)) == list(map(type, wanted))


WITHOUT_NUMPY = """
import sys
sys.modules["numpy"] = None
from firebolt_like.flight import dremio
with dremio.connect(sys.argv[1]) as connection:
    values = "DATE '2024-01-31', TIMESTAMP '2024-01-31 12:00:00.5', NULL::date, 1.50::numeric(3, 2)"
    print(connection.cursor().execute(f"SELECT {values}").fetchall())
"""


def test_numpy_is_not_needed(embedded):
    """Where numpy is not installed, values are the same."""
    command = [sys.executable, "-c", WITHOUT_NUMPY, embedded.flight_url]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    day, moment = datetime.date(2024, 1, 31), datetime.datetime(2024, 1, 31, 12, 0, 0, 500_000)
    assert done.stdout.strip() == repr([(day, moment, None, decimal.Decimal("1.50"))])


def test_nanoseconds_are_cut(server):
    """Times have microseconds at most, as Python's own have."""
    table = pa.table({"n": pa.array([1_234_567_891], pa.timestamp("ns"))})
    server.offer("q", {"t": []}, schema=table.schema)
    server.streams[b"t"] = lambda _: pf.RecordBatchStream(table)
    with dremio.connect(server.url) as connection:
        found = connection.cursor().execute("q").fetchall()
    assert found == [(datetime.datetime(1970, 1, 1, 0, 0, 1, 234567),)]
    assert type(found[0][0]) is datetime.datetime


def test_a_value_without_a_form_in_python(server):
    """A year that Python does not have is an error in a tuple, and none in Arrow."""
    table = pa.table({"n": pa.array([2**62], pa.timestamp("us"))})
    server.offer("q", {"t": []}, schema=table.schema)
    server.streams[b"t"] = lambda _: pf.RecordBatchStream(table)
    with dremio.connect(server.url) as connection, connection.cursor() as cursor:
        with pytest.raises(dremio.DataError, match="Column 'n'"):
            cursor.execute("q").fetchall()
        assert cursor.execute("q").fetch_arrow_table() == table
