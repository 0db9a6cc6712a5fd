"""Bodies of requests: bytes, or pieces that are made while they are sent.

What may live here: how httpx is given them, so that a cancelled request leaves nothing unfinished.
"""

import weakref
from collections.abc import AsyncIterator, Iterator
from typing import Protocol

import anyio.to_thread
import httpx

__all__ = ["Pieces", "body_stream"]


class Pieces(Protocol):
    """A body that is made while it is sent; a retry makes it anew.

    Who sends it keeps it alive until the reply's head is there.
    """

    @property
    def size(self) -> int:
        """The bytes that all pieces have together."""

    def __iter__(self) -> Iterator[bytes]:
        """Give it from its start, piece by piece; this may block."""


def body_stream(body: bytes | Pieces) -> httpx.SyncByteStream | httpx.AsyncByteStream:
    """Give what httpx sends, in threads and in tasks."""
    return _Whole(body) if isinstance(body, bytes) else _Streamed(body)


class _Whole(httpx.ByteStream):
    """Bytes whose async iteration is no generator: a cancelled request leaves none unfinished."""

    def __init__(self, body: bytes) -> None:
        super().__init__(body)
        self._body = body

    def __aiter__(self) -> AsyncIterator[bytes]:
        return _Once(self._body)


class _Once:
    def __init__(self, body: bytes) -> None:
        self._rest = [body]

    def __aiter__(self) -> "_Once":
        return self

    async def __anext__(self) -> bytes:
        if not self._rest:
            raise StopAsyncIteration
        return self._rest.pop()


class _Streamed(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body piece by piece; in tasks a worker thread makes each, which may read a file.

    It does not keep the body alive: httpx ties a reply and its request in a knot, which only the
    garbage collector undoes, and the rows that a body is made of must not wait for that.
    """

    def __init__(self, body: Pieces) -> None:
        self._body = weakref.ref(body)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._body() or ())

    def __aiter__(self) -> AsyncIterator[bytes]:
        return _InThreads(iter(self))


class _InThreads:
    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces

    def __aiter__(self) -> "_InThreads":
        return self

    async def __anext__(self) -> bytes:
        piece = await anyio.to_thread.run_sync(next, self._pieces, None)
        if piece is None:
            raise StopAsyncIteration
        return piece
