"""Bodies in gzip and zstd, both ways."""

import gzip

import httpx
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebolt_like.local import LocalServer
from firebolt_like.local.encoding import choose_encoding, decompress
from firebolt_like.local.refusal import Refusal
from tests.local.conftest import Asker


def _packed(body: bytes, encoding: str) -> bytes:
    return gzip.compress(body) if encoding == "gzip" else pa.compress(body, "zstd", asbytes=True)


def _unpacked(body: bytes, encoding: str) -> bytes:
    return decompress(body, encoding, 100_000_000)


@given(st.binary(max_size=5000), st.sampled_from(["gzip", "zstd"]))
def test_any_body_is_unpacked(body: bytes, encoding: str) -> None:
    """Up to the limit, and not a byte more."""
    packed = _packed(body, encoding)
    assert decompress(packed, encoding, len(body)) == body
    if body:
        with pytest.raises(Refusal):
            decompress(packed, encoding, len(body) - 1)


@pytest.mark.parametrize("encoding", ["gzip", "zstd", "GZIP"])
def test_a_request_may_be_compressed(ask: Asker, encoding: str) -> None:
    """The statement is what was packed."""
    body = _packed(b"SELECT 'packed' AS a", encoding.lower())
    params = {"output_format": "TabSeparated"}
    reply = ask.http.post("/", content=body, params=params, headers={"Content-Encoding": encoding})
    assert reply.text == "packed\n"


def test_bad_and_unknown_encodings_are_refused(ask: Asker) -> None:
    """With the status that says which."""
    for encoding, body, status in [
        ("gzip", b"SELECT 1", 400),
        ("zstd", _packed(b"SELECT 1" * 100, "zstd")[:-5], 400),
        ("br", b"SELECT 1", 415),
    ]:
        headers = {"Content-Encoding": encoding}
        assert ask.http.post("/", content=body, headers=headers).status_code == status


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_a_bomb_is_refused(encoding: str) -> None:
    """What is small in the packet counts by its real size."""
    with LocalServer(max_body=1_000_000) as server:
        body = _packed(b"SELECT 1 --" + b" " * 50_000_000, encoding)
        assert len(body) < 1_000_000
        headers = {"Content-Encoding": encoding}
        reply = httpx.post(server.url, content=body, headers=headers, timeout=20)
        assert reply.status_code == 413


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
@pytest.mark.parametrize("output_format", ["JSON_Compact", "JSONLines_Compact", "ArrowStream"])
def test_an_answer_may_be_compressed(encoding: str, output_format: str) -> None:
    """Small ones stay as they are; large ones stream, and are the same when they are unpacked."""
    sql = "SELECT i, repeat('x', 50) AS t FROM range(100000) r(i)"
    with (
        LocalServer(compress=True) as server,
        httpx.Client(base_url=server.url, timeout=20) as http,
    ):
        params = {"output_format": output_format}

        def read(accept: str, sql: str) -> tuple[str | None, bytes]:
            headers = {"Accept-Encoding": accept}
            with http.stream("POST", "/", content=sql, params=params, headers=headers) as reply:
                return reply.headers.get("content-encoding"), b"".join(reply.iter_raw())

        told, packed = read(encoding, sql)
        assert told == encoding
        plain = read("identity", sql)
        assert plain[0] is None
        assert len(packed) < len(plain[1]) / 4
        if output_format == "ArrowStream":
            assert _unpacked(packed, encoding) == plain[1]
        else:
            assert _unpacked(packed, encoding).count(b"xxxxxxxxxx") == plain[1].count(b"xxxxxxxxxx")
        told, whole = read(encoding, "SELECT 1")
        assert told is None
        assert whole


def test_clients_of_this_machine_get_plain_answers(ask: Asker) -> None:
    """Though they would accept others: packing would only cost time."""
    reply = ask.send("SELECT repeat('x', 100000)")
    assert reply.request.headers["accept-encoding"]
    assert "content-encoding" not in reply.headers


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("", None),
        ("gzip", "gzip"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("zstd;q=0, gzip;q=0.1", "gzip"),
        ("zstd;q=0.2,gzip;q=0.8", "gzip"),
        ("zstd;q=x", None),
        ("*", None),
    ],
)
def test_the_choice_of_an_encoding(accept: str, chosen: str | None) -> None:
    """By weight; among equals zstd."""
    assert choose_encoding(accept) == chosen
