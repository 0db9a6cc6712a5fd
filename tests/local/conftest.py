"""A real server a module, and one way to ask it."""

import contextlib
import dataclasses
import socket
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from firebolt_like.local import LocalServer
from firebolt_like.protocol import json_compact
from firebolt_like.protocol.json_rows import decode_rows


@dataclasses.dataclass
class Asker:
    """Sends statements to one server with plain httpx."""

    http: httpx.Client
    params: dict[str, str] = dataclasses.field(default_factory=dict)

    def send(self, sql: str | bytes, **params: str) -> httpx.Response:
        """Send a statement; JSON_Compact unless told otherwise."""
        return self.http.post(
            "/", content=sql, params={"output_format": "JSON_Compact", **self.params, **params}
        )

    def answer(self, sql: str, **params: str) -> json_compact.Answer:
        """Send a statement that must succeed."""
        reply = self.send(sql, **params)
        assert reply.status_code == 200, reply.text
        return json_compact.decode(reply.content)

    def rows(self, sql: str, **params: str) -> list[tuple[Any, ...]]:
        """Send a statement that must succeed, and decode its rows."""
        answer = self.answer(sql, **params)
        return decode_rows(answer.columns, answer.data)

    def error(self, sql: str | bytes, **params: str) -> dict[str, Any]:
        """Send a statement that must fail with a structured error."""
        reply = self.send(sql, **params)
        assert reply.status_code == 400, reply.text
        (error,) = reply.json()["errors"]
        return error

    def within(self, reply: httpx.Response) -> "Asker":
        """Ask with the session parameters that an answer set, as a client does."""
        changed = dict(
            line.split("=", 1) for line in reply.headers.get_list("firebolt-update-parameters")
        )
        return Asker(self.http, self.params | changed)


@contextlib.contextmanager
def sent(server: LocalServer, sql: str, **params: str) -> Iterator[None]:
    """Send a statement, and hang up at the end of the block, whatever the server has done by then.

    A client with a timeout would hang up when the machine is slow, too.
    """
    request = httpx.Request("POST", server.url, content=sql, params=params)
    lines = [f"POST {request.url.raw_path.decode()} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in request.headers.items()]
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall("\r\n".join([*lines, "", sql]).encode())
        yield


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with LocalServer(databases=["firebolt", "second"], engines=["first", "other"]) as server:
        yield server


@pytest.fixture
def ask(server: LocalServer) -> Iterator[Asker]:
    with httpx.Client(base_url=server.url, timeout=20) as http:
        yield Asker(http)


@pytest.fixture(scope="module")
def ask_once(server: LocalServer) -> Iterator[Asker]:
    """As `ask`, for property tests, which share it among examples."""
    with httpx.Client(base_url=server.url, timeout=20) as http:
        yield Asker(http)
