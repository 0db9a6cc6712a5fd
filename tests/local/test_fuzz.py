"""Garbage in every place of a request: FUZZ_SECONDS says how long, 10 by default."""

import json
import os
import random
import socket
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import pytest

from firebolt_like.local import LocalServer
from tests.local.conftest import Asker

SECONDS = float(os.environ.get("FUZZ_SECONDS", "10"))
SEED = int(os.environ.get("FUZZ_SEED", "1"))

PATHS = (
    *("/", "/query", "/cancel", "/ping", "/health/ready", "/.well-known/firebolt", "/oauth/token"),
    *("/auth/v1/login", "/auth/v1/refresh", "/iam/v2/account", "/web/v3/account/a/engineUrl"),
    *("/core/v1/account/engines", "/core/v1/accounts/x/databases", "/engine/e/query", "/nowhere"),
    *("/core/v1/accounts/x/engines:getIdByName", "/compute/v1/regions", "/aws/v2/instanceTypes"),
)
NAMES = (
    *("output_format", "database", "engine", "account_id", "query_parameters", "query_label"),
    *("async", "timezone", "max_result_rows", "statement_timeout", "transaction_id", "query_id"),
    *("transaction_sequence_id", "execution_mode", "advanced_mode", "page.first", "filter.name"),
)
HEADERS = (
    *("Authorization", "Content-Type", "Content-Encoding", "Accept", "Accept-Encoding", "Origin"),
    *("User-Agent", "Firebolt-Protocol-Version", "X-Forwarded-For", "Expect", "Cookie", "Range"),
)
WORDS = (
    *("SELECT", "FROM", "WITH a AS (", "INSERT INTO kept", "VALUES", "(", ")", ",", "'", '"', "$1"),
    *("::", "array(int)", "NULL", "E'\\x", "/*", "*/", "--", ";", "range(9)", "kept", "SET", "="),
    *("information_schema.tables", "CREATE TABLE", "EXPLAIN", "CANCEL QUERY WHERE", "BEGIN", "[[["),
    *("STRUCT(a int)", "decimal(38, 9)", "1e400", "99999999999999999999", "gzip", "zstd", "\x00"),
    *("JSON_Compact", "JSONLines_Compact", "ArrowStream", "Bearer", "application/json", "{", "}"),
    *(
        "multipart/form-data; boundary=x",
        "--x\r\n\r\n--x--",
        "../../etc/passwd",
        "%",
        "\ud7ff",
        "☃",
    ),
)


class Garbage:
    """Makes requests up, the same ones from the same seed."""

    def __init__(self, seed: int, token: str | None) -> None:
        self.random = random.Random(seed)
        self._token = token

    def text(self) -> str:
        return " ".join(self.random.choices(WORDS, k=self.random.randrange(12)))

    def binary(self) -> bytes:
        return self.random.randbytes(self.random.choice((0, 1, 10, 100, 10_000)))

    def json(self, depth: int = 0) -> Any:
        kind = self.random.randrange(8 if depth < 4 else 6)
        if kind == 6:
            return [self.json(depth + 1) for _ in range(self.random.randrange(4))]
        if kind == 7:
            keys = ("name", "value", "username", "password", "refresh_token", self.text())
            return {key: self.json(depth + 1) for key in keys if self.random.random() < 0.5}
        return (None, True, 10**30, -0.0, self.text(), [])[kind]

    def body(self) -> bytes:
        kind = self.random.randrange(6)
        if kind == 0:
            return self.binary()
        if kind == 1:
            return json.dumps(self.json()).encode()
        if kind == 2:
            return urlencode({name: self.text() for name in ("grant_type", "client_id")}).encode()
        if kind == 3:
            mark = self.random.choice((b"(", b"[", b"{", b"array(", b"SELECT (", b"/*", b"'"))
            return mark * self.random.choice((10, 1000, 10_000))
        return self.text().encode()

    def value(self) -> str:
        return self.random.choice((self.text(), json.dumps(self.json()), "x" * 5000, "", "1", "é"))

    def request(self) -> bytes:
        """Write a request that is HTTP, with garbage in it."""
        pick = self.random.choice
        count = self.random.randrange(4)
        query = "&".join(f"{pick(NAMES)}={quote(self.value())}" for _ in range(count))
        path, method = pick(PATHS), pick(("GET", "POST", "PUT", "PATCH", "DELETE"))
        if self.random.random() < 0.6:
            path, method = pick(("/", "/query", "/auth/v1/login", "/oauth/token")), "POST"
        lines = [f"{method} {path}?{query} HTTP/1.1", "Host: x", "Connection: close"]
        if self._token is not None and self.random.random() < 0.8:
            lines.append(f"Authorization: Bearer {self._token}")
        lines += [f"{pick(HEADERS)}: {self.value()}" for _ in range(self.random.randrange(3))]
        body = self.body()
        head = "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""])
        return head.replace("\x00", "").encode() + body

    def damaged(self) -> bytes:
        """Write a request that is hardly HTTP."""
        request = bytearray(self.request())
        for _ in range(self.random.randrange(1, 6)):
            request[self.random.randrange(min(200, len(request)))] = self.random.randrange(256)
        return bytes(request)


@pytest.fixture(scope="module", params=["open", "guarded"])
def server(request: pytest.FixtureRequest) -> Iterator[LocalServer]:
    token = None if request.param == "open" else "the token"
    with LocalServer(token=token, max_body=90_000) as server:
        yield server


@pytest.fixture
def ask(server: LocalServer) -> Iterator[Asker]:
    headers = {} if server.token is None else {"Authorization": f"Bearer {server.token}"}
    with httpx.Client(base_url=server.url, timeout=20, headers=headers) as http:
        yield Asker(http)


def exchange(server: LocalServer, request: bytes, *, whole: bool) -> bytes:
    """Send bytes and give what comes back; a request that is not whole is hung up on."""
    answer = b""
    with socket.create_connection((server.host, server.port), timeout=20) as connection:
        try:
            connection.sendall(request)
            if not whole:
                connection.shutdown(socket.SHUT_WR)
            while piece := connection.recv(65536):
                answer += piece
        except TimeoutError:
            raise  # nothing may hang
        except OSError:
            pass  # hung up on while it was sending
    return answer


def check(request: bytes, answer: bytes) -> int:
    """Give the status of an answer that explains itself."""
    if not answer:
        return 0
    head, _, body = answer.partition(b"\r\n\r\n")
    status = int(head.split()[1])
    assert status < 500, (request, answer)
    assert status < 400 or body, (request, answer)
    assert b"Traceback" not in body, (request, answer)
    return status


def test_garbage_is_refused(server: LocalServer, ask: Asker) -> None:
    """Every answer is one of success or of a refusal with a reason; the data is as it was."""
    ask.answer("CREATE TABLE kept AS SELECT i FROM range(1000) AS r(i)")
    garbage, seen = Garbage(SEED, server.token), dict.fromkeys((0, 200, 400, 404), 0)
    end = time.monotonic() + SECONDS / 2
    while time.monotonic() < end:
        request = garbage.request()
        status = check(request, exchange(server, request, whole=True))
        seen[status] = seen.get(status, 0) + 1
        if garbage.random.random() < 0.2:
            request = garbage.damaged()
            check(request, exchange(server, request, whole=False))
    print(f"\n{sum(seen.values())} requests: {seen}")
    assert server.running_queries() == []
    assert ask.rows("SELECT count(*), sum(i)::BIGINT FROM kept WHERE i < 1000") == [(1000, 499500)]
    assert seen[0] < sum(seen.values()) / 10
    assert seen[404] > 0
