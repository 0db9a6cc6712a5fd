"""Flight over grpcio's own asyncio.

What may live here: gRPC under asyncio, as far as it differs from `grpc_transport`.
"""

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import anyio
import anyio.lowlevel
import grpc
import grpc.aio

from firebolt_like.errors import Error, QueryTimeoutError
from firebolt_like.flight.failure import cancelled
from firebolt_like.flight.framing import encode_stream
from firebolt_like.flight.grpc_transport import (
    FlightDataReader,
    basic,
    call_errors,
    credentials,
    options,
)
from firebolt_like.flight.target import Target
from firebolt_like.flight.transport import Call, service_path
from firebolt_like.protocol.flight import (
    Action,
    FlightDescriptor,
    FlightInfo,
    HandshakeRequest,
    PutResult,
    Result,
    SchemaResult,
    Ticket,
)
from firebolt_like.protocol.protobuf import Message, decode, encode

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["AioTransport"]


class AioTransport:
    """A channel for the tasks of one event loop."""

    def __init__(self, target: Target) -> None:
        self._where = target.address
        chosen = options(target)
        if target.tls is None:
            self._channel = grpc.aio.insecure_channel(target.address, chosen)
        else:
            secure = credentials(target.tls)
            self._channel = grpc.aio.secure_channel(target.address, secure, chosen)
        self._methods: dict[str, Any] = {}

    async def get_flight_info(self, descriptor: FlightDescriptor, call: Call) -> FlightInfo:
        """See `Transport`."""
        return decode(FlightInfo, await self._one("GetFlightInfo", descriptor, call))

    async def get_schema(self, descriptor: FlightDescriptor, call: Call) -> bytes:
        """See `Transport`."""
        return decode(SchemaResult, await self._one("GetSchema", descriptor, call)).schema

    def do_get(self, ticket: Ticket, call: Call, *, ahead: bool = False) -> "_AioReader":  # noqa: ARG002  # begins at once anyhow
        """See `Transport`."""
        stream = self._method("DoGet")(encode(ticket), metadata=call.metadata)
        call.attach(_canceller(stream))
        return _AioReader(stream, call, self._where)

    async def do_put(
        self,
        descriptor: FlightDescriptor,
        schema: "pa.Schema",
        batches: Iterable["pa.RecordBatch"],
        call: Call,
    ) -> list[bytes]:
        """See `Transport`."""
        replies = await self._put(encode_stream(descriptor, schema, batches), call)
        return [decode(PutResult, reply).app_metadata for reply in replies]

    async def do_action(self, action: Action, call: Call) -> list[bytes]:
        """See `Transport`."""
        replies = await self._rest(self._begin("DoAction", encode(action), call), call)
        return [decode(Result, reply).body for reply in replies]

    async def handshake(self, username: str, password: str, call: Call) -> None:
        """See `Transport`."""
        call.metadata += (basic(username, password),)
        # called as a method of one answer, which may have no message: a stream that ends at once
        # may be told its end without its headers
        await self._one("Handshake", HandshakeRequest(), call)

    async def close(self) -> None:
        """See `Transport`."""
        with anyio.CancelScope(shield=True):
            await self._channel.close()

    async def _one(self, method: str, message: Message, call: Call) -> bytes:
        made = self._begin(method, encode(message), call)
        with call_errors(call, self._where):
            try:
                reply: bytes | None = await made
            except asyncio.CancelledError:
                # gRPC raises an error of its own making, by which anyio would not know its scope
                await anyio.lowlevel.checkpoint_if_cancelled()
                if call.cancelled and made.cancelled():
                    raise cancelled() from None
                raise
            await received(call, made)
        return reply or b""

    async def _put(self, messages: Iterable[bytes], call: Call) -> list[bytes]:
        stream = self._begin("DoPut", None, call)
        try:
            for message in messages:
                await stream.write(message)
            await stream.done_writing()
        except (asyncio.InvalidStateError, grpc.RpcError):
            pass  # the server hung up; why, its status tells
        except BaseException:
            stream.cancel()
            raise
        return await self._rest(stream, call)

    def _begin(self, method: str, request: Any, call: Call) -> Any:
        given = () if request is None else (request,)
        stream = self._method(method)(*given, timeout=call.within, metadata=call.metadata)
        call.attach(_canceller(stream))
        return stream

    async def _rest(self, stream: Any, call: Call) -> list[bytes]:
        """Read a stream to its end."""
        replies: list[bytes] = []
        with call_errors(call, self._where):
            while (message := await _read(stream, call)) is not None:
                replies.append(message)
        await received(call, stream)
        return replies

    def _method(self, name: str) -> Any:
        method = self._methods.get(name)
        if method is None:
            path = service_path(name)
            kinds = {
                "DoGet": self._channel.unary_stream,
                "DoAction": self._channel.unary_stream,
                "DoPut": self._channel.stream_stream,
            }
            method = kinds.get(name, self._channel.unary_unary)(path)
            self._methods[name] = method
        return method


async def _read(stream: Any, call: Call) -> bytes | None:
    """Wait for a message; None at the end."""
    try:
        message = await stream.read()
    except asyncio.CancelledError:
        if call.cancelled and stream.cancelled():  # by another task or thread; this task goes on
            raise cancelled() from None
        raise
    return None if message is grpc.aio.EOF else message


async def received(call: Call, stream: Any) -> None:
    """Tell a call the headers that came back."""
    call.received(await stream.initial_metadata() or ())


def _canceller(stream: Any) -> Any:
    """Make what ends a call, from its own loop or from any thread."""
    loop = asyncio.get_running_loop()

    def cancel() -> None:
        try:
            here = asyncio.get_running_loop() is loop
        except RuntimeError:
            here = False
        if here:
            stream.cancel()
        elif not loop.is_closed():
            loop.call_soon_threadsafe(stream.cancel)

    return cancel


class _AioReader(FlightDataReader):
    """A stream that is read by one task at a time."""

    def __init__(self, stream: Any, call: Call, where: str) -> None:
        super().__init__(call)
        self._stream = stream
        self._where = where
        self._heard = False

    async def _pull(self, within: float | None) -> bytes | None:
        try:
            with anyio.fail_after(within), call_errors(self._call, self._where):
                message = await _read(self._stream, self._call)
                if not self._heard:
                    self._heard = True
                    await received(self._call, self._stream)
                return message
        except TimeoutError as error:
            if isinstance(error, Error):
                raise
            self._call.expire()
            raise QueryTimeoutError("The server did not answer within the timeout.") from error
