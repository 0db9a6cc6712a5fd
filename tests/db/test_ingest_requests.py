"""ingest: what is sent, to a server that is scripted."""

import io

import httpx
import pyarrow as pa
import pyarrow.parquet
import pytest

from firebolt_like import errors
from firebolt_like.client.retry import Retry
from firebolt_like.local.multipart import read_form
from tests.db.conftest import answer, refusal

ROWS = [(1, "one"), (2, None), (3, "it's")]
TABLE = pa.table({"x": [1, 2, 3], "label": ["one", None, "it's"]})


def _parquet():
    sink = io.BytesIO()
    pa.parquet.write_table(TABLE, sink)
    sink.seek(0)
    return sink


COLUMNS = {"x": "long", "label": "text"}


def _form(request):
    form = read_form(request.content, request.headers["Content-Type"])
    return form.sql.decode(), form.files


def _sent(script):
    """The statements, and those of forms with the rows of their files."""
    sent = []
    for request in script.requests:
        if request.headers.get("Content-Type", "").startswith("multipart/"):
            sql, files = _form(request)
            [(name, content)] = files.items()
            rows = (
                pa.ipc.open_stream(content).read_all()
                if name.endswith("arrow")
                else pa.parquet.read_table(io.BytesIO(content))
            )
            sent.append((sql, rows.num_rows))
        else:
            sent.append(request.content.decode())
    return sent


LOOK = 'SELECT * FROM "t" LIMIT 0'
PROBE = "SELECT n FROM read_{0}('upload://data.{0}')"
UPLOAD = 'INSERT INTO "t" ("x", "label") SELECT "x", "label" FROM read_{0}(\'upload://data.{0}\')'


def test_an_engine_is_asked_once_what_it_reads(face, connect, script):
    """By a request that changes nothing, outside of any transaction."""
    script.entries = [answer(), answer(), answer([], COLUMNS), answer(), answer([], COLUMNS)]

    async def scenario():
        async with connect() as connection, connection.cursor() as cursor:
            await cursor.ingest("t", TABLE)
            await cursor.ingest("t", ROWS)

    face.run(scenario)
    assert _sent(script) == [
        (PROBE.format("arrow"), 1),
        (PROBE.format("parquet"), 1),
        LOOK,
        (UPLOAD.format("arrow"), 3),
        LOOK,
        (UPLOAD.format("arrow"), 3),
    ]


@pytest.mark.parametrize("status", [400, 404, 415, 501])
def test_an_engine_that_reads_parquet_alone_gets_it(face, connect, script, status):
    """Arrow is refused where nothing has run."""
    no = refusal("function read_arrow does not exist", status)
    script.entries = [no, answer(), answer([], COLUMNS)]

    async def scenario():
        async with connect() as connection, connection.cursor() as cursor:
            await cursor.ingest("t", TABLE)

    face.run(scenario)
    assert _sent(script)[2:] == [LOOK, (UPLOAD.format("parquet"), 3)]


def test_an_engine_that_reads_nothing_gets_values(face, connect, script):
    """And is not asked again."""
    no = refusal("syntax error, unexpected '-'")
    script.entries = [no, no, answer([], COLUMNS), answer(), answer([], COLUMNS)]

    async def scenario():
        async with connect() as connection, connection.cursor() as cursor:
            await cursor.ingest("t", TABLE)
            await cursor.ingest("t", [(4, "four")])

    face.run(scenario)
    values = 'INSERT INTO "t" ("x", "label") VALUES '
    assert _sent(script)[2:] == [
        LOOK,
        values + "(1, 'one'), (2, NULL), (3, 'it''s')",
        LOOK,
        values + "(4, 'four')",
    ]


@pytest.mark.parametrize("status", [401, 403, 502])
def test_a_server_that_cannot_be_asked_is_no_older_engine(face, connect, script, status):
    """An error of another kind is raised, and nothing is sent."""
    script.entries = [refusal("not now", status)] * 10

    async def scenario():
        async with connect(retry=Retry(attempts=1)) as connection, connection.cursor() as cursor:
            with pytest.raises(errors.Error, match="not now"):
                await cursor.ingest("t", TABLE)

    face.run(scenario)
    assert {sql for sql, _ in _sent(script)} == {PROBE.format("arrow")}


def test_an_engine_that_fails_is_asked_again(face, connect, script):
    """A 500 may come from an older one, and from one that has other troubles."""
    broken = refusal("out of memory", 500)
    script.entries = [broken, refusal("no", 500), answer([], COLUMNS), answer()]
    script.entries += [answer(), answer(), answer([], COLUMNS)]

    async def scenario():
        async with connect() as connection, connection.cursor() as cursor:
            await cursor.ingest("t", [(1, "a")])
            await cursor.ingest("t", TABLE)

    face.run(scenario)
    assert _sent(script)[3] == 'INSERT INTO "t" ("x", "label") VALUES (1, \'a\')'
    assert _sent(script)[-1] == (UPLOAD.format("arrow"), 3)


@pytest.mark.parametrize(
    "failure",
    [httpx.ReadError("reset"), httpx.RemoteProtocolError("gone"), lambda _: refusal("no", 502)],
)
def test_nothing_is_sent_twice(face, connect, script, failure):
    """A statement that may have run ends it, and its rows are in doubt."""
    script.entries = [answer(), answer(), answer([], COLUMNS), answer(), failure]

    async def scenario():
        async with connect() as connection, connection.cursor() as cursor:
            with pytest.raises(errors.IngestError) as broken:
                await cursor.ingest("t", iter(TABLE.to_batches(max_chunksize=1)), batch_bytes=1)
            return broken.value

    error = face.run(scenario)
    assert _sent(script)[3:] == [(UPLOAD.format("arrow"), 1)] * 2
    assert error.rows == 1
    assert (error.in_doubt, error.rows_in_doubt) == (True, 1)


@pytest.mark.parametrize(
    ("text", "status"), [("division by zero", 400), ("no", 200), ("too many", 429)]
)
def test_what_the_engine_refused_is_not_in_doubt(face, connect, script, text, status):
    """A statement's rows arrive all or not at all."""
    script.entries = [answer(), answer(), answer([], COLUMNS), answer(), refusal(text, status)]

    async def scenario():
        async with connect(retry=Retry(attempts=1)) as connection, connection.cursor() as cursor:
            with pytest.raises(errors.IngestError) as broken:
                await cursor.ingest("t", iter(TABLE.to_batches(max_chunksize=1)), batch_bytes=1)
            return broken.value

    error = face.run(scenario)
    assert (error.rows, error.in_doubt) == (1, False)


def test_a_refusal_under_status_200_is_one(face, connect, script):
    """Some engines answer every request so."""
    no = refusal("function read_arrow does not exist", 200)
    script.entries = [no, no, answer([], COLUMNS)]

    async def scenario():
        async with connect() as connection, connection.cursor() as cursor:
            await cursor.ingest("t", [(1, "a")])

    face.run(scenario)
    assert _sent(script)[-1] == 'INSERT INTO "t" ("x", "label") VALUES (1, \'a\')'


def test_what_was_refused_before_it_ran_is_sent_again(face, connect, script):
    """A 503 says so; the body is made anew."""
    busy = httpx.Response(503, headers={"Retry-After": "0"})
    script.entries = [answer(), answer(), answer([], COLUMNS), busy]

    async def scenario():
        async with connect() as connection, connection.cursor() as cursor:
            await cursor.ingest("t", TABLE)

    face.run(scenario)
    assert _sent(script)[3:] == [(UPLOAD.format("arrow"), 3)] * 2
    assert _form(script.requests[3])[1] == _form(script.requests[4])[1]


def test_a_parquet_file_goes_as_it_is(face, connect, script, tmp_path):
    """Where its columns have the table's types; else its rows are converted."""
    path = tmp_path / "rows.parquet"
    path.write_bytes(_parquet().read())
    script.entries = [answer(), answer(), answer([], COLUMNS), answer()]
    script.entries += [answer([], {"x": "int", "label": "text"})]

    async def scenario():
        async with connect() as connection, connection.cursor() as cursor:
            report = await cursor.ingest("t", path)
            assert (report.rows, report.statements) == (3, 1)
            await cursor.ingest("t", str(path))

    face.run(scenario)
    assert _sent(script)[3] == (UPLOAD.format("parquet"), 3)
    assert _form(script.requests[3])[1] == {"data.parquet": path.read_bytes()}
    assert _sent(script)[5] == (UPLOAD.format("arrow"), 3)


def test_a_file_that_is_too_long_goes_in_parts(face, connect, script):
    """A 413 comes before anything runs."""
    long = httpx.Response(413, text="too long")
    script.entries = [answer(), answer(), answer([], COLUMNS), long, answer(), long]

    async def scenario():
        async with connect() as connection, connection.cursor() as cursor:
            assert (await cursor.ingest("t", _parquet())).rows == 3
            script.entries = [answer([], COLUMNS), long]
            with pytest.raises(errors.DataError) as refused:
                await cursor.ingest("t", TABLE)
            assert "smaller batch_bytes" in refused.value.hint

    face.run(scenario)
    assert _sent(script)[3:5] == [(UPLOAD.format("parquet"), 3), (UPLOAD.format("arrow"), 3)]


def test_the_timeout_is_for_all_requests_together(face, connect, script):
    """Each gets what is left."""
    script.entries = [answer(), answer(), answer([], COLUMNS), httpx.ReadTimeout("late")]

    async def scenario():
        async with connect() as connection, connection.cursor() as cursor:
            with pytest.raises(errors.QueryTimeoutError):
                await cursor.ingest("t", TABLE, timeout=60)

    face.run(scenario)
    waits = [request.extensions["timeout"].get("read") for request in script.requests]
    assert len(waits) == 4
    assert all(wait <= 60 for wait in waits)
