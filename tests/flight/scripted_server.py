"""A Flight server that does what a test says: the seam for what real servers do only sometimes."""

import base64
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
from pyarrow import flight as pf

from firebolt_like.protocol import flight_sql as sql
from firebolt_like.protocol.protobuf import Message, encode

NUMBERS = pa.schema([("n", pa.int64())])


def batches(*groups: list[int]) -> list[pa.RecordBatch]:
    return [pa.record_batch({"n": pa.array(group, pa.int64())}) for group in groups]


def stream(*groups: list[int]) -> pf.FlightDataStream:
    return pf.RecordBatchStream(pa.Table.from_batches(batches(*groups), NUMBERS))


def generated(make: Callable[[], Iterator[Any]], schema: pa.Schema = NUMBERS) -> Any:
    return pf.GeneratorStream(schema, make())


class _Hears(pf.ServerMiddlewareFactory):
    def __init__(self, server: "ScriptedServer") -> None:
        super().__init__()
        self._server = server

    def start_call(self, info: Any, headers: Any) -> "_Says":
        method = info.method.name
        self._server.calls.append((method, dict(headers)))
        token = (headers.get("authorization") or [""])[0].removeprefix("Bearer ")
        answer = dict(self._server.answers.get(method, {}))
        if method == "HANDSHAKE":
            if self._server.tokens:
                self._server.live = self._server.tokens.pop(0)
                answer["authorization"] = f"Bearer {self._server.live}"
        elif self._server.live is not None and token != self._server.live:
            raise pf.FlightUnauthenticatedError("the token is not known")
        return _Says(answer)


class _Says(pf.ServerMiddleware):
    def __init__(self, answer: dict[str, str]) -> None:
        super().__init__()
        self._answer = answer

    def sending_headers(self) -> dict[str, str]:
        return self._answer


class _Handshake(pf.ServerAuthHandler):
    def authenticate(self, outgoing: Any, incoming: Any) -> None:
        pass

    def is_valid(self, token: bytes) -> bytes:
        return b""


class ScriptedServer(pf.FlightServerBase):
    """Answers queries with `flights`, tickets with `streams`, actions with `actions`."""

    def __init__(self, **options: Any) -> None:
        self.calls: list[tuple[str, dict[str, list[str]]]] = []
        self.answers: dict[str, dict[str, str]] = {}
        self.tokens: list[str] = []
        self.live: str | None = None
        self.flights: dict[str, Callable[[], pf.FlightInfo]] = {}
        self.streams: dict[bytes, Callable[[Any], Any]] = {}
        self.actions: dict[str, Callable[[Message], list[bytes]]] = {}
        self.taken: list[bytes] = []
        self.lock = threading.Lock()
        options.setdefault("location", "grpc://127.0.0.1:0")
        super().__init__(middleware={"hears": _Hears(self)}, auth_handler=_Handshake(), **options)

    @property
    def url(self) -> str:
        return f"grpc://127.0.0.1:{self.port}"

    def offer(
        self,
        name: str,
        tickets: dict[str, list[str]],
        *,
        schema: pa.Schema = NUMBERS,
        ordered: bool = True,
    ) -> None:
        """Answer a query with endpoints: tickets, each with its locations."""

        def info() -> pf.FlightInfo:
            endpoints = [pf.FlightEndpoint(t.encode(), where) for t, where in tickets.items()]
            descriptor = pf.FlightDescriptor.for_command(name.encode())
            return pf.FlightInfo(schema, descriptor, endpoints, -1, -1, ordered=ordered)

        self.flights[name] = info

    def headers(self, method: str, name: str) -> list[list[str] | None]:
        """Give what each call of a method had as a header."""
        return [headers.get(name) for called, headers in self.calls if called == method]

    def get_flight_info(self, context: Any, descriptor: Any) -> pf.FlightInfo:
        message = sql.unpack(descriptor.command)
        assert isinstance(message, sql.CommandStatementQuery)
        return self.flights[message.query]()

    def do_get(self, context: Any, ticket: Any) -> Any:
        with self.lock:
            self.taken.append(ticket.ticket)
        return self.streams[ticket.ticket](context)

    def do_put(self, context: Any, descriptor: Any, reader: Any, writer: Any) -> None:
        count = sum(chunk.data.num_rows for chunk in reader)
        writer.write(pa.py_buffer(encode(sql.DoPutUpdateResult(count))))

    def do_action(self, context: Any, action: Any) -> Any:
        if action.type not in self.actions:
            raise NotImplementedError(action.type)
        body = action.body.to_pybytes()
        return self.actions[action.type](sql.unpack(body) if body else None)


def credentials(header: str) -> str:
    """Read a header of Basic authentication."""
    return base64.b64decode(header.removeprefix("Basic ")).decode()
