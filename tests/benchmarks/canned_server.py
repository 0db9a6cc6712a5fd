"""A server that answers with bytes made before: `python -m tests.benchmarks.canned_server`.

A statement names its answer, as in `SELECT mixed_200000` (kind and rows; for `wide` also columns);
every other one is answered with one row. It does no work for a row, so that a client's own cost
shows. It logs everybody in. It prints its address, and serves until it is ended.

What may live here: HTTP, as far as the clients that are measured speak it.
"""

import asyncio
import functools
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec

from tests.benchmarks.payloads import Payload, payload

_CANNED = re.compile(rb"SELECT ([a-z]+)_([0-9]+)(?:_([0-9]+))?")
_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *([0-9]+)")
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
_NAMED = 100  # bytes of a statement that may name an answer
_AT_ONCE = 100_000  # bytes that are written without a look at the other end


def _control(path: str, url: str) -> dict[str, Any] | None:
    """Answer what clients ask before their first statement."""
    if path in ("/oauth/token", "/auth/v1/login"):
        return {"access_token": "t" * 100, "expires_in": 86400, "token_type": "Bearer"}
    if path.startswith("/web/v3/account/"):
        return {"engineUrl": url}
    return None


@functools.lru_cache(1024)
def _answer(path: str, query: str, statement: bytes, url: str) -> tuple[bytes, Payload]:
    """Give the head and the body of an answer."""
    control = _control(path, url)
    if control is not None:
        body = Payload(((msgspec.json.encode(control), 1),))
    else:
        (form,) = parse_qs(query).get("output_format", ["JSON_Compact"])
        found = _CANNED.match(statement)
        kind, rows, width = found.groups() if found else (b"mixed", b"1", None)
        body = payload(form, kind.decode(), int(rows), int(width or 1))
        if form != "JSON_Compact":
            chunks = tuple((b"%x\r\n%b\r\n" % (len(p), p), times) for p, times in body.parts)
            head = _HEAD + b"transfer-encoding: chunked\r\n\r\n"
            return head, Payload((*chunks, (b"0\r\n\r\n", 1)))
    return _HEAD + b"content-length: %d\r\n\r\n" % body.size, body


class _Connection(asyncio.Protocol):
    """One connection: a request, its answer, the next request."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._held = bytearray()
        self._target: str | None = None
        self._length = 0
        self._writable = asyncio.Event()
        self._writable.set()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def connection_lost(self, error: Exception | None) -> None:
        self._writable.set()

    def data_received(self, data: bytes) -> None:
        self._held += data
        if self._target is None:
            end = self._held.find(b"\r\n\r\n")
            if end < 0:
                return
            head = bytes(self._held[:end])
            del self._held[: end + 4]
            self._target = head.split(b" ", 2)[1].decode()
            length = _LENGTH.search(head)
            self._length = int(length[1]) if length else 0
        if len(self._held) >= self._length:
            place, statement = urlsplit(self._target), bytes(self._held[:_NAMED])
            del self._held[: self._length]
            self._target = None
            self._respond(*_answer(place.path, place.query, statement, self._url))

    def _respond(self, head: bytes, body: Payload) -> None:
        if body.size < _AT_ONCE:
            self._transport.write(head + b"".join(piece * times for piece, times in body.parts))
        else:
            self._sending = asyncio.ensure_future(self._send(head, body))

    async def _send(self, head: bytes, body: Payload) -> None:
        self._transport.write(head)
        for piece, times in body.parts:
            for _ in range(times):
                await self._writable.wait()
                if self._transport.is_closing():
                    return
                self._transport.write(piece)


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    url = ""
    server = await loop.create_server(lambda: _Connection(url), "127.0.0.1", 0, backlog=4096)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    print(url, flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve())
