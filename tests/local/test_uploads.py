"""Files that come with a request, and are gone with it."""

import os
import subprocess
import sys
from pathlib import Path

import httpx
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebolt_like.local import LocalServer
from firebolt_like.local.multipart import read_form
from tests.local.conftest import Asker

_TABLE = pa.table({"a": [1, 2], "b": ["x", None]})


def _parquet() -> bytes:
    sink = pa.BufferOutputStream()
    pa.parquet.write_table(_TABLE, sink)
    return sink.getvalue().to_pybytes()


def _arrow() -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, _TABLE.schema) as stream:
        stream.write_table(_TABLE)
    return sink.getvalue().to_pybytes()


def _send(ask: Asker, sql: str, **files: bytes) -> httpx.Response:
    parts = {"sql": (None, sql.encode(), "text/plain")}
    parts |= {name.replace("_dot_", "."): ("ignored", body) for name, body in files.items()}
    return ask.http.post("/", files=parts, params={"output_format": "TabSeparated"})


_content = st.binary(max_size=200).filter(lambda body: b"--border" not in body)


@given(_content, st.dictionaries(st.from_regex(r"[_0-9a-zA-Z-]{1,9}", fullmatch=True), _content))
def test_any_files_are_read(sql: bytes, files: dict[str, bytes]) -> None:
    """Byte by byte, whatever is in them."""
    files.pop("sql", None)
    given_parts = {"sql": (None, sql)} | {name: (name, body) for name, body in files.items()}
    request = httpx.Request(
        "POST",
        "http://x",
        files=given_parts,
        headers={"Content-Type": "multipart/form-data; boundary=border"},
    )
    form = read_form(request.read(), request.headers["content-type"])
    assert (form.sql, form.files) == (sql, files)


@pytest.mark.parametrize(
    ("call", "files", "expected"),
    [
        ("read_parquet('upload://batch_data')", {"batch_data": _parquet()}, "1\tx\n2\t\\N\n"),
        ("READ_ARROW ( 'upload://data.arrow' )", {"data_dot_arrow": _arrow()}, "1\tx\n2\t\\N\n"),
        ("read_csv('upload://p', header => true)", {"p": b"a,b\n1,x\n2,y\n"}, "1\tx\n2\ty\n"),
        ("read_csv(url => 'upload://p')", {"p": b"a,b\n1,x\n"}, "1\tx\n"),
        ("read_csv('upload://p', names => ['(', ')']) AS t", {"p": b"1,x\n"}, "1\tx\n"),
        (
            "read_csv('upload://p') l JOIN read_parquet('upload://q') r ON l.a = r.a",
            {"p": b"a,c\n1,z\n", "q": _parquet()},
            "1\tz\t1\tx\n",
        ),
    ],
)
def test_each_kind_of_file(ask: Asker, call: str, files: dict[str, bytes], expected: str) -> None:
    """By its exact name, with the reader's own options."""
    reply = _send(ask, f"SELECT * FROM {call}", **files)
    assert reply.text == expected


def test_a_text_is_read_whole(ask: Asker) -> None:
    """Its name is the upload's, not a path."""
    sql = "SELECT filename, content FROM read_text('upload://t')"
    assert _send(ask, sql, t=b"hello").text == "upload://t\thello\n"


def test_a_file_fills_a_table(ask: Asker) -> None:
    """As bulk inserts do, in one request or inside a transaction."""
    ask.answer("CREATE OR REPLACE TABLE filled (a BIGINT, b TEXT)")
    sql = "INSERT INTO filled (a, b) SELECT * FROM read_arrow('upload://data.arrow')"
    assert _send(ask, sql, data_dot_arrow=_arrow()).status_code == 200
    assert _send(ask, f"{sql}; {sql}", data_dot_arrow=_arrow()).status_code == 200
    assert ask.rows("SELECT count(*), sum(a) FROM filled") == [(6, 9)]
    inside = ask.within(ask.send("BEGIN"))
    parts = {"sql": (None, sql.encode()), "data.arrow": ("f", _arrow())}
    inside = inside.within(ask.http.post("/", files=parts, params=inside.params))
    inside.send("COMMIT")
    assert ask.rows("SELECT count(*) FROM filled") == [(8,)]


def test_files_live_as_long_as_their_request(server: LocalServer, ask: Asker) -> None:
    """The next request has none of them."""
    assert _send(ask, "SELECT * FROM read_csv('upload://p')", p=b"a\n1\n").text == "1\n"
    assert "no upload 'p'" in ask.error("SELECT * FROM read_csv('upload://p')")["description"]
    assert "no upload 'q'" in _send(ask, "SELECT * FROM read_csv('upload://q')", p=b"").text


@pytest.mark.parametrize(
    "source",
    [
        "glob('upload://**')",
        "glob('upload://requests/*')",
        "glob('upload://requests/*/*')",
        "read_text('up' || 'load://requests/*/p')",
        "read_text('up' || 'load://requests/**')",
        "read_csv(['upload' || '://p', 'upload' || '://requests//p'])",
        "(SELECT sql FROM duckdb_views() WHERE sql LIKE '%upload://%')",
    ],
)
def test_no_request_reads_the_files_of_another(ask: Asker, source: str) -> None:
    """Not even while both run: nothing is listed, and the name is one's own."""
    sql = b"SELECT range, repeat('x', 1000) FROM read_csv('upload://p'), range(200000)"
    parts = {"sql": (None, sql), "p": ("p", b"a\n1\n")}
    with ask.http.stream("POST", "/", files=parts) as unread:
        assert unread.status_code == 200
        reply = ask.send(f"SELECT * FROM {source}")
        assert reply.status_code == 400 or reply.json()["data"] == []


_PROGRAM = """
import httpx
from firebolt_like.local import LocalServer
with LocalServer() as server:
    parts = {"sql": (None, "SELECT * FROM read_csv('upload://p')"), "p": ("p", b"a\\n1\\n")}
    print(httpx.post(server.url, files=parts).status_code)
"""


def test_a_server_leaves_no_files(tmp_path: Path) -> None:
    """Neither of its requests nor of its own."""
    place = {"TMPDIR": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM],
        env={**os.environ, **place},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("200\n", "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", ["/etc/passwd", "upload://*", "upload://../x", "*.csv"])
def test_no_other_file_is_read(ask: Asker, tmp_path: Path, path: str) -> None:
    """Names are exact, and paths are not names."""
    reply = _send(ask, f"SELECT * FROM read_csv('{path}')", p=b"a\n1\n")
    assert reply.status_code == 400


def test_errors_name_the_upload_and_no_path(ask: Asker) -> None:
    """Whether the file cannot be opened, or fails in the middle."""
    broken = _send(ask, "SELECT * FROM read_parquet('upload://p')", p=b"no parquet")
    assert broken.status_code == 400
    assert "upload 'p' cannot be read" in broken.text
    late = b"a\n" + b"1\n" * 50_000 + b"x\n"
    failed = _send(
        ask, "SELECT sum(a) FROM read_csv('upload://p', columns => {'a': 'INT'})", p=late
    )
    assert failed.status_code == 400
    assert "upload://p" in failed.text
    for reply in (broken, failed):
        assert "/tmp" not in reply.text
        assert "firebolt_like-" not in reply.text


@pytest.mark.parametrize("call", ["read_avro('upload://p')", "READ_AVRO('x.avro', a => 1)"])
def test_avro_files_are_not_read(ask: Asker, call: str) -> None:
    """DuckDB reads them by an extension, which the error names."""
    reply = _send(ask, f"SELECT * FROM {call}", p=b"Obj")
    assert reply.status_code == 400
    assert "'read_avro' is of DuckDB's extension avro" in reply.json()["errors"][0]["description"]


@pytest.mark.parametrize("option", ["store_rejects = true", "\"rejects_table\" => 'left'"])
def test_bad_lines_are_kept_for_nobody(ask: Asker, option: str) -> None:
    """The reader would keep them in tables that the next session finds."""
    call = f"read_csv('upload://p', columns => {{'a': 'INT'}}, {option})"
    reply = _send(ask, f"SELECT * FROM {call}", p=b"1\na secret\n")
    assert reply.status_code == 400
    assert "is not supported by the embedded engine" in reply.text
    for table in ("reject_errors", "left"):
        assert "does not exist" in ask.error(f'SELECT * FROM "{table}"')["description"]


def test_strings_and_comments_are_no_calls(ask: Asker) -> None:
    """They stay as they are."""
    sql = "SELECT 'read_csv(''upload://p'')' -- read_csv('upload://p')"
    assert _send(ask, sql).text == "read_csv(\\'upload://p\\')\n"


def test_bad_forms_are_refused(ask: Asker) -> None:
    """With what is wrong."""
    kind = "multipart/form-data; boundary=b"
    head = "--b\r\nContent-Disposition: form-data; name="
    for body, wrong in [
        ("", "closing boundary"),
        ("--b--\r\n", "one part named sql"),
        (f'{head}"sql"\r\n\r\nSELECT 1\r\n', "closing boundary"),
        (f'{head}"sql"\r\n\r\n1\r\n{head}"sql"\r\n\r\n1\r\n--b--', "one part named sql, not 2"),
        (f'{head}"a"\r\n\r\n1\r\n{head}"a"\r\n\r\n1\r\n--b--', "Two uploads"),
        (f'{head}"a/b"\r\n\r\n1\r\n--b--', "name that no statement"),
        (f'{head}".."\r\n\r\n1\r\n--b--', "name that no statement"),
    ]:
        reply = ask.http.post("/", content=body, headers={"Content-Type": kind})
        assert (reply.status_code, wrong in reply.text) == (400, True), reply.text
    headers = {"Content-Type": "multipart/form-data"}
    assert ask.http.post("/", content="x", headers=headers).status_code == 415
