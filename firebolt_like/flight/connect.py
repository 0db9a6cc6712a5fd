"""Which transport carries a client's calls.

What may live here: the choice, by the face, by the event loop, and by what the target needs. The
libraries are imported when they are first used.
"""

import asyncio
import weakref
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal

from firebolt_like.errors import ConfigurationError
from firebolt_like.flight.target import Target
from firebolt_like.flight.transport import Call, Reader, Transport
from firebolt_like.protocol.flight import Action, FlightDescriptor, FlightInfo, Ticket

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["TransportName", "blocking", "chosen", "for_tasks"]

TransportName = Literal["grpc", "pyarrow"]


def chosen(name: str | None, target: Target) -> TransportName:
    """Give the transport to use: grpcio, unless the certificate is not to be checked.

    Raises `ConfigurationError` for a name that is none, and for what grpcio cannot do.
    """
    unchecked = target.tls is not None and not target.tls.verify
    if name not in (None, "grpc", "pyarrow"):
        raise ConfigurationError(f"transport is 'grpc' or 'pyarrow', not {name!r}.")
    if name == "grpc" and unchecked:
        raise ConfigurationError(
            "grpcio cannot skip the check of the server's certificate.",
            hint="Leave out transport=, or give the authority that signed it as tls_root_certs.",
        )
    return "pyarrow" if name == "pyarrow" or unchecked else "grpc"


def blocking(name: TransportName, target: Target) -> Transport:
    """Make a transport for threads."""
    try:
        if name == "pyarrow":
            from firebolt_like.flight.pyarrow_transport import PyArrowTransport  # noqa: PLC0415  # optional

            return PyArrowTransport(target)
        from firebolt_like.flight.grpc_transport import GrpcTransport  # noqa: PLC0415  # optional

        return GrpcTransport(target)
    except ImportError as error:
        raise ConfigurationError(
            f"Flight needs a package that is not installed: {error}",
            hint='Install "firebolt_like[flight]".',
        ) from error


def for_tasks(name: TransportName, target: Target) -> Transport:
    """Make a transport for tasks of asyncio and trio."""
    return _ByLoop(name, target)


class _ByLoop:
    """grpcio's own asyncio where that runs, with a channel for each loop; threads elsewhere."""

    def __init__(self, name: TransportName, target: Target) -> None:
        self._name = name
        self._target = target
        self._loops: weakref.WeakKeyDictionary[Any, Transport] = weakref.WeakKeyDictionary()
        self._threaded: Transport | None = None

    def _here(self) -> Transport:
        loop = _asyncio_loop() if self._name == "grpc" else None
        if loop is None:
            return self._in_threads()
        transport = self._loops.get(loop)
        if transport is None:
            blocking(self._name, self._target)  # says what is not installed
            from firebolt_like.flight.aio_transport import AioTransport  # noqa: PLC0415  # optional

            transport = self._loops[loop] = AioTransport(self._target)
        return transport

    def _in_threads(self) -> Transport:
        if self._threaded is None:
            from firebolt_like.flight.threads import ThreadedTransport  # noqa: PLC0415  # with the rest

            self._threaded = ThreadedTransport(blocking(self._name, self._target))
        return self._threaded

    async def get_flight_info(self, descriptor: FlightDescriptor, call: Call) -> FlightInfo:
        return await self._here().get_flight_info(descriptor, call)

    async def get_schema(self, descriptor: FlightDescriptor, call: Call) -> bytes:
        return await self._here().get_schema(descriptor, call)

    def do_get(self, ticket: Ticket, call: Call, *, ahead: bool = False) -> Reader:
        return self._here().do_get(ticket, call, ahead=ahead)

    async def do_put(
        self,
        descriptor: FlightDescriptor,
        schema: "pa.Schema",
        batches: Iterable["pa.RecordBatch"],
        call: Call,
    ) -> list[bytes]:
        return await self._here().do_put(descriptor, schema, batches, call)

    async def do_action(self, action: Action, call: Call) -> list[bytes]:
        return await self._here().do_action(action, call)

    async def handshake(self, username: str, password: str, call: Call) -> None:
        await self._here().handshake(username, password, call)

    async def close(self) -> None:
        loop = _asyncio_loop()
        transport = self._loops.pop(loop, None) if loop is not None else None
        self._loops.clear()  # a channel of another loop ends with that
        if transport is not None:
            await transport.close()
        if self._threaded is not None:
            await self._threaded.close()


def _asyncio_loop() -> asyncio.AbstractEventLoop | None:
    try:
        task = asyncio.current_task()
    except RuntimeError:
        return None
    return task.get_loop() if task is not None else None
