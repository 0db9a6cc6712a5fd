"""A server in a process of its own, and a client that only drains bytes: what benchmarks measure.

What may live here: both, and nothing that decodes an answer. The server's process tells its own CPU
time and memory, so that nothing of the client is in them.
"""

import contextlib
import multiprocessing
import socket
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple, Self
from urllib.parse import urlencode, urlsplit

from firebolt_like.local import LocalServer


class Usage(NamedTuple):
    """What a server's process has used: CPU seconds so far, bytes resident now and at most."""

    cpu: float
    resident: int
    peak: int


class Served(NamedTuple):
    """A running server."""

    url: str
    pipe: Connection

    def usage(self) -> Usage:
        """Ask its process; the peak counts from the last time that this was asked."""
        self.pipe.send(True)
        return Usage(*self.pipe.recv())


@contextlib.contextmanager
def served() -> Iterator[Served]:
    """Start a server in a new process, and stop it at the end."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(there,))
    process.start()
    try:
        yield Served(here.recv(), here)
    finally:
        here.send(False)
        process.join()


def _serve(pipe: Connection) -> None:
    with LocalServer() as server:
        pipe.send(server.url)
        while pipe.recv():
            pipe.send((time.process_time(), *_memory()))


def _memory() -> tuple[int, int]:
    """Give the resident bytes and their peak, which begins anew; zeros where there is no /proc."""
    status = Path("/proc/self/status")
    if not status.exists():
        return 0, 0
    lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
    Path("/proc/self/clear_refs").write_text("5")
    resident, peak = (1024 * int(lines[name].split()[0]) for name in ("VmRSS", "VmHWM"))
    return resident, peak


class Drain:
    """One HTTP connection that is kept open; it counts the bytes of an answer and drops them."""

    def __init__(self, url: str) -> None:
        place = urlsplit(url)
        self._host = place.netloc
        self._socket = socket.create_connection((place.hostname, place.port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = memoryview(bytearray(1 << 20))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def ask(self, sql: str, form: str) -> int:
        """Send a statement, and read its answer to the end; it must succeed."""
        query, body = urlencode({"output_format": form}), sql.encode()
        head = (
            f"POST /?{query} HTTP/1.1\r\nHost: {self._host}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self._socket.sendall(head.encode() + body)
        head, _, begun = self._first().partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 "), head
        size, tail = len(begun), begun[-5:]
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
        length = int(fields.get(b"content-length", -1))
        while size != length if length >= 0 else tail != b"0\r\n\r\n":
            count = self._socket.recv_into(self._buffer)
            assert count, "The server hung up."
            size += count
            tail = (tail + bytes(self._buffer[max(0, count - 5) : count]))[-5:]
        return size

    def _first(self) -> bytes:
        received = b""
        while b"\r\n\r\n" not in received:
            count = self._socket.recv_into(self._buffer)
            assert count, "The server hung up."
            received += self._buffer[:count]
        return received
