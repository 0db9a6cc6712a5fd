"""Bodies in gzip and zstd, both ways.

What may live here: decompression with a limit, the choice of an encoding for an answer, and an ASGI
`send` that compresses. Both work in threads: the event loop serves others meanwhile.
"""

import asyncio
import io
import re
import zlib
from collections.abc import Callable
from typing import Final

from starlette.types import Message, Send

from firebolt_like.local.refusal import Refusal

__all__ = ["choose_encoding", "compressing", "decompress"]

_KNOWN: Final = ("zstd", "gzip")
_SMALL: Final = 1000  # bytes that are not worth the work
_PIECE: Final = 1_000_000


def decompress(body: bytes, encoding: str, limit: int) -> bytes:
    """Undo a Content-Encoding, up to `limit` bytes. Raises `Refusal` for what it cannot."""
    import pyarrow as pa  # noqa: PLC0415  # slow to import

    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return body
    if encoding not in _KNOWN:
        raise Refusal.text(415, f"A body may come in gzip or zstd, not in {encoding[:100]!r}.")
    out = bytearray()
    try:
        stream = pa.CompressedInputStream(pa.BufferReader(body), encoding)
        while piece := stream.read(_PIECE):
            out += piece
            if len(out) > limit:
                raise Refusal.text(413, f"The body is longer than {limit} bytes.")
    except OSError as error:
        raise Refusal.text(400, f"The body is no {encoding}: {error}") from error
    return bytes(out)


def choose_encoding(accept: str) -> str | None:
    """Choose by an Accept-Encoding header. Source: RFC 9110, section 12.5.3.

    >>> choose_encoding("gzip, deflate"), choose_encoding("gzip;q=0.5, zstd"), choose_encoding("br")
    ('gzip', 'zstd', None)
    """
    weights = {}
    for item in accept.lower().split(","):
        name, *parameters = [part.strip() for part in item.split(";")]
        weight = next((part for part in parameters if part.startswith("q=")), "q=1")
        weights[name] = float(weight[2:]) if _WEIGHT.fullmatch(weight[2:]) else 0.0
    best = max(_KNOWN, key=lambda name: weights.get(name, 0.0))
    return best if weights.get(best) else None


_WEIGHT = re.compile(r"[01](\.\d{0,3})?")


def compressing(send: Send, encoding: str) -> Send:
    """Wrap `send` so that a body that is not small goes out in this encoding."""
    head: Message = {}
    compress: Callable[[bytes, bool], bytes] | None = None

    async def wrapped(message: Message) -> None:
        nonlocal head, compress
        if message["type"] != "http.response.body":
            head = message  # whether it is small is known with the body
            return
        body, more = message.get("body", b""), message.get("more_body", False)
        if head and (more or len(body) >= _SMALL):
            compress = _COMPRESSORS[encoding]()
            head["headers"] = [
                *((name, text) for name, text in head["headers"] if name != b"content-length"),
                (b"content-encoding", encoding.encode()),
                (b"vary", b"accept-encoding"),
            ]
        if head:
            await send(head)
            head = {}
        if compress is not None:
            body = await asyncio.to_thread(compress, body, more)
        await send({"type": "http.response.body", "body": body, "more_body": more})

    return wrapped


def _gzip() -> Callable[[bytes, bool], bytes]:
    compressor = zlib.compressobj(level=1, wbits=31)

    def compress(body: bytes, more: bool) -> bytes:
        return compressor.compress(body) + compressor.flush(
            zlib.Z_SYNC_FLUSH if more else zlib.Z_FINISH
        )

    return compress


def _zstd() -> Callable[[bytes, bool], bytes]:
    import pyarrow as pa  # noqa: PLC0415  # slow to import

    sink = io.BytesIO()
    stream = pa.CompressedOutputStream(pa.PythonFile(_Open(sink), "w"), "zstd")

    def compress(body: bytes, more: bool) -> bytes:
        stream.write(body)
        if more:
            stream.flush()
        else:
            stream.close()
        out = sink.getvalue()
        sink.seek(0)
        sink.truncate()
        return out

    return compress


class _Open:
    """A file that stays open, so that what was written last can be read."""

    closed = False

    def __init__(self, file: io.BytesIO) -> None:
        self.write = file.write

    def flush(self) -> None:
        """Do nothing."""

    close = flush


_COMPRESSORS: Final = {"gzip": _gzip, "zstd": _zstd}
