"""Flight over grpcio: calls that can be cancelled at any time, from threads and from asyncio.

Every method is called as one whose answer is a stream, since that is the form in which a call can
be cancelled while it is waited for; on the wire there is no difference.

What may live here: gRPC. The messages are in `protocol.flight`, their batches in `framing`.
"""

import base64
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import grpc
import grpc.experimental

from firebolt_like.errors import Error, QueryTimeoutError, ServerResponseError
from firebolt_like.flight.failure import cancelled, failure
from firebolt_like.flight.framing import Decoder, encode_stream
from firebolt_like.flight.target import Target, Tls
from firebolt_like.flight.transport import Call, Chunk, service_path
from firebolt_like.flight.watch import Watch
from firebolt_like.protocol.flight import (
    Action,
    FlightDescriptor,
    FlightInfo,
    PutResult,
    Result,
    SchemaResult,
    Ticket,
)
from firebolt_like.protocol.protobuf import Message, decode, encode

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["CHANNEL_OPTIONS", "FlightDataReader", "GrpcTransport", "basic", "call_errors"]

CHANNEL_OPTIONS = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
)
_IN_THREADS = (
    # the thread that waits for a message receives it: one thread less to wake for each
    (grpc.experimental.ChannelOptions.SingleThreadedUnaryStream, 1),
)


def credentials(tls: Tls) -> grpc.ChannelCredentials:
    """Give what grpcio calls the TLS settings of a channel."""
    return grpc.ssl_channel_credentials(tls.roots, tls.key, tls.certificate)


def options(target: Target) -> list[tuple[str, Any]]:
    """Give the options of a channel."""
    found: list[tuple[str, Any]] = list(CHANNEL_OPTIONS)
    if target.tls and target.tls.override_hostname:
        found.append(("grpc.ssl_target_name_override", target.tls.override_hostname))
    return found


def basic(username: str, password: str) -> tuple[str, str]:
    """Give the header that logs in by name and password (RFC 7617)."""
    text = base64.b64encode(f"{username}:{password}".encode()).decode()
    return ("authorization", f"Basic {text}")


class GrpcTransport:
    """A channel for threads. Opens nothing before its first call."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._channel: grpc.Channel | None = None
        self._methods: dict[str, Callable[..., Any]] = {}
        self._watch = Watch()

    async def get_flight_info(self, descriptor: FlightDescriptor, call: Call) -> FlightInfo:
        """See `Transport`."""
        return decode(FlightInfo, self._one("GetFlightInfo", descriptor, call))

    async def get_schema(self, descriptor: FlightDescriptor, call: Call) -> bytes:
        """See `Transport`."""
        return decode(SchemaResult, self._one("GetSchema", descriptor, call)).schema

    def do_get(self, ticket: Ticket, call: Call, *, ahead: bool = False) -> "_GrpcReader":  # noqa: ARG002  # begins at once anyhow
        """See `Transport`."""
        # the deadline is one of each wait, so that a reader who takes time loses nothing
        stream = self._method("DoGet")(encode(ticket), metadata=call.metadata)
        call.attach(stream.cancel)
        return _GrpcReader(stream, call, self._watch, self._target.address)

    async def do_put(
        self,
        descriptor: FlightDescriptor,
        schema: "pa.Schema",
        batches: Iterable["pa.RecordBatch"],
        call: Call,
    ) -> list[bytes]:
        """See `Transport`."""
        messages = encode_stream(descriptor, schema, batches)
        replies = self._all("DoPut", _unless_broken(messages, call), call)
        return [decode(PutResult, reply).app_metadata for reply in replies]

    async def do_action(self, action: Action, call: Call) -> list[bytes]:
        """See `Transport`."""
        return [decode(Result, r).body for r in self._all("DoAction", encode(action), call)]

    async def handshake(self, username: str, password: str, call: Call) -> None:
        """See `Transport`."""
        call.metadata += (basic(username, password),)
        self._all("Handshake", iter(()), call)

    async def close(self) -> None:
        """See `Transport`."""
        channel, self._channel = self._channel, None
        self._methods.clear()
        self._watch.close()
        if channel is not None:
            channel.close()

    def _one(self, method: str, message: Message, call: Call) -> bytes:
        replies = self._all(method, encode(message), call)
        if len(replies) != 1:
            raise ServerResponseError(f"{method} was answered with {len(replies)} messages.")
        return replies[0]

    def _all(self, method: str, request: Any, call: Call) -> list[bytes]:
        stream = self._method(method)(request, timeout=call.within, metadata=call.metadata)
        call.attach(stream.cancel)
        try:
            with call_errors(call, self._target.address):
                replies = list(stream)
        except Error:
            raise
        except BaseException:  # such as Ctrl-C
            stream.cancel()
            raise
        received(call, stream)
        return replies

    def _method(self, name: str) -> Callable[..., Any]:
        if self._channel is None:
            self._channel = self._connected()
        method = self._methods.get(name)
        if method is None:
            path = service_path(name)
            puts = name in ("DoPut", "Handshake")
            made = self._channel.stream_stream(path) if puts else self._channel.unary_stream(path)
            method = self._methods.setdefault(name, made)
        return method

    def _connected(self) -> grpc.Channel:
        target = self._target
        chosen = [*options(target), *_IN_THREADS]
        if target.tls is None:
            return grpc.insecure_channel(target.address, chosen)
        return grpc.secure_channel(target.address, credentials(target.tls), chosen)


def _unless_broken(messages: Iterator[bytes], call: Call) -> Iterator[bytes]:
    """Give messages; an error in their making cancels the call, so that it is never complete.

    The error itself is for whoever makes them to keep: gRPC would write it into the log.
    """
    try:
        yield from messages
    except Exception:  # noqa: BLE001  # see above
        call.cancel()


class FlightDataReader:
    """A stream of messages; subclasses know how one is waited for."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._decoder = Decoder()
        self._early: list[Chunk] = []
        self._finished = False

    async def schema(self, within: float | None) -> "pa.Schema":
        """See `Reader`."""
        while self._decoder.schema is None and not self._finished:
            chunk = await self._step(within)
            if chunk is not None:
                self._early.append(chunk)
        if self._decoder.schema is not None:
            return self._decoder.schema
        import pyarrow as pa  # noqa: PLC0415  # optional

        return pa.schema([])  # an answer of no messages is one of no columns

    async def chunk(self, within: float | None) -> Chunk | None:
        """See `Reader`."""
        if self._early:
            return self._early.pop(0)
        while not self._finished:
            chunk = await self._step(within)
            if chunk is not None:
                return chunk
        return None

    def cancel(self) -> None:
        """See `Reader`."""
        self._call.cancel()

    async def close(self) -> None:
        """See `Reader`."""
        if not self._finished:
            self._finished = True
            self._call.cancel()

    async def _step(self, within: float | None) -> Chunk | None:
        message = await self._pull(within)
        if message is None:
            self._finished = True
            return None
        return self._decoder.feed(message)

    async def _pull(self, within: float | None) -> bytes | None:
        raise NotImplementedError


class _GrpcReader(FlightDataReader):
    """A stream that is read by one thread at a time."""

    def __init__(self, stream: Any, call: Call, watch: Watch, where: str) -> None:
        super().__init__(call)
        self._stream = stream
        self._watch = watch
        self._where = where
        self._heard = False

    async def _pull(self, within: float | None) -> bytes | None:
        with self._watch.over(self._call, within), call_errors(self._call, self._where):
            message: bytes | None = next(self._stream, None)
        if not self._heard:
            self._heard = True
            received(self._call, self._stream)
        return message


def received(call: Call, stream: Any) -> None:
    """Tell a call the headers that came back."""
    call.received(stream.initial_metadata() or ())


@contextmanager
def call_errors(call: Call, where: str) -> Iterator[None]:
    """Turn what grpcio raises into our errors."""
    try:
        yield
    except grpc.RpcError as error:
        call.received(error.initial_metadata() or ())
        call.received(error.trailing_metadata() or ())
        raise _error(call, error, where) from error
    except ValueError as error:  # a closed channel
        raise failure("UNAVAILABLE", str(error), where) from error


def _error(call: Call, error: Any, where: str) -> Error:
    code = error.code().name
    if call.expired:
        return QueryTimeoutError("The server did not answer within the timeout.", code=code)
    if call.cancelled and code == "CANCELLED":
        return cancelled()
    # a server of Arrow in C++ puts its words, without what gRPC adds, beside them
    trailers = dict(error.trailing_metadata() or ())
    words = trailers.get("x-arrow-status-message-bin")
    message = words.decode("utf-8", "replace") if isinstance(words, bytes) else error.details()
    return failure(code, message or "", where)
