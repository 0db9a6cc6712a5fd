"""Flight over pyarrow.flight, for channels whose certificate is not checked, and by choice.

It differs from grpcio in what cannot be helped: a call that waits for its first answer ends with
its deadline, not before; the deadline of a stream counts its reader's time too; and rows to send
are gathered first.

What may live here: pyarrow.flight, translated to our messages and back.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyarrow import flight as pf

from firebolt_like.errors import DatabaseError, QueryTimeoutError
from firebolt_like.flight.failure import cancelled, failure
from firebolt_like.flight.framing import with_schema
from firebolt_like.flight.target import Target
from firebolt_like.flight.transport import Call, Chunk, Pair
from firebolt_like.protocol.flight import Action, FlightDescriptor, FlightInfo, Ticket
from firebolt_like.protocol.protobuf import decode, encode

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["PyArrowTransport"]

_CODES: tuple[tuple[type[BaseException], str], ...] = (
    # in this order: the first that fits
    (pf.FlightUnavailableError, "UNAVAILABLE"),
    (pf.FlightUnauthenticatedError, "UNAUTHENTICATED"),
    (pf.FlightUnauthorizedError, "PERMISSION_DENIED"),
    (pf.FlightTimedOutError, "DEADLINE_EXCEEDED"),
    (pf.FlightCancelledError, "CANCELLED"),
    (pa.ArrowCancelled, "CANCELLED"),
    (pf.FlightInternalError, "INTERNAL"),
    (pa.ArrowInvalid, "INVALID_ARGUMENT"),
    (pa.ArrowKeyError, "NOT_FOUND"),
    (pa.ArrowNotImplementedError, "UNIMPLEMENTED"),
)
_UNFINISHED = "Could not finish writing before closing"  # so ends a login that reaches nobody
_LOOK_AHEAD = 8  # streams that begin at once while others are read


class PyArrowTransport:
    """A client of pyarrow.flight. Opens nothing before its first call."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._client: Any = None
        self._calling = _Calling()
        self._threads: ThreadPoolExecutor | None = None

    async def get_flight_info(self, descriptor: FlightDescriptor, call: Call) -> FlightInfo:
        """See `Transport`."""
        info = self._call(call, lambda c, o: c.get_flight_info(_descriptor(descriptor), o))
        return decode(FlightInfo, info.serialize())

    async def get_schema(self, descriptor: FlightDescriptor, call: Call) -> bytes:
        """See `Transport`."""
        answer = self._call(call, lambda c, o: c.get_schema(_descriptor(descriptor), o))
        schema: bytes = answer.schema.serialize().to_pybytes()
        return schema

    def do_get(self, ticket: Ticket, call: Call, *, ahead: bool = False) -> "_PyArrowReader":
        """See `Transport`."""

        def begin() -> Any:
            stream = self._call(call, lambda c, o: c.do_get(pf.Ticket(ticket.ticket), o))
            call.attach(stream.cancel)
            return stream

        if ahead:
            # pyarrow waits for the schema of each
            self._threads = self._threads or ThreadPoolExecutor(_LOOK_AHEAD, "firebolt_like Flight")
            begun: Future[Any] = self._threads.submit(begin)
            return _PyArrowReader(begun.result, call, self._errors)
        return _PyArrowReader(begin, call, self._errors)

    async def do_put(
        self,
        descriptor: FlightDescriptor,
        schema: pa.Schema,
        batches: Iterable[pa.RecordBatch],
        call: Call,
    ) -> list[bytes]:
        """See `Transport`."""
        # pyarrow cannot end a call that has begun but as complete: so no row may fail after that
        ready = [with_schema(batch, schema) for batch in batches]

        def put(client: Any, options: Any) -> list[bytes]:
            writer, reader = client.do_put(_descriptor(descriptor), schema, options)
            try:
                for batch in ready:
                    writer.write_batch(batch)
                writer.done_writing()
                replies = []
                while (reply := reader.read()) is not None:
                    replies.append(reply.to_pybytes())
            finally:
                writer.close()  # raises why the server ended the call, if it did
            return replies

        return list(self._call(call, put))

    async def do_action(self, action: Action, call: Call) -> list[bytes]:
        """See `Transport`."""
        wanted = pf.Action(action.type, action.body)
        results = self._call(call, lambda c, o: list(c.do_action(wanted, o)))
        return [result.body.to_pybytes() for result in results]

    async def handshake(self, username: str, password: str, call: Call) -> None:
        """See `Transport`."""
        # the token is among the headers, where the middleware hears it
        self._call(call, lambda c, o: c.authenticate_basic_token(username, password, o))

    async def close(self) -> None:
        """See `Transport`."""
        client, self._client = self._client, None
        threads, self._threads = self._threads, None
        if threads is not None:
            threads.shutdown(wait=False, cancel_futures=True)
        if client is not None:
            client.close()

    def _call(self, call: Call, do: Callable[[Any, Any], Any]) -> Any:
        with self._errors(call):
            if self._client is None:
                self._client = self._connected()
            self._calling.call = call
            options = pf.FlightCallOptions(timeout=call.within, headers=_encoded(call.metadata))
            return do(self._client, options)

    def _connected(self) -> Any:
        tls = self._target.tls
        settings: dict[str, Any] = {"middleware": [_Hearing(self._calling)]}
        if tls is not None:
            settings["disable_server_verification"] = not tls.verify
            settings["override_hostname"] = tls.override_hostname
            if tls.verify:
                settings["tls_root_certs"] = tls.roots
            if tls.certificate is not None:
                settings["cert_chain"], settings["private_key"] = tls.certificate, tls.key
        return pf.FlightClient(self._target.uri, **settings)

    @contextmanager
    def _errors(self, call: Call) -> Iterator[None]:
        """Turn what pyarrow raises into our errors."""
        try:
            yield
        except KeyboardInterrupt:
            if not call.cancelled:
                raise
            raise cancelled() from None  # that is how pyarrow calls it
        except (pa.ArrowException, OSError) as error:
            raise _error(call, error, self._target.address) from error


class _PyArrowReader:
    """A stream that is read by one thread at a time."""

    def __init__(self, begin: Callable[[], Any], call: Call, errors: Any) -> None:
        self._begin = begin
        self._call = call
        self._errors = errors
        self._stream: Any = None
        self._finished = False

    async def schema(self, within: float | None) -> pa.Schema:  # noqa: ARG002  # the call has its deadline
        """See `Reader`."""
        if self._stream is None:
            self._stream = self._begin()
        with self._errors(self._call):
            return self._stream.schema

    async def chunk(self, within: float | None) -> Chunk | None:
        """See `Reader`."""
        if self._stream is None:
            await self.schema(within)
        if self._finished:
            return None
        with self._errors(self._call):
            try:
                batch, metadata = self._stream.read_chunk()
            except StopIteration:
                self._finished = True
                return None
        return Chunk(batch, metadata.to_pybytes() if metadata is not None else b"")

    def cancel(self) -> None:
        """See `Reader`."""
        self._call.cancel()

    async def close(self) -> None:
        """See `Reader`."""
        if not self._finished:
            self._finished = True
            self._call.cancel()


class _Calling(threading.local):
    """The call that this thread makes."""

    call: Call | None = None


class _Hearing(pf.ClientMiddlewareFactory):  # type: ignore[misc]  # pyarrow has no annotations
    """Tells each call the headers that come back."""

    def __init__(self, calling: _Calling) -> None:
        super().__init__()
        self._calling = calling

    def start_call(self, info: Any) -> "_Heard":  # noqa: ARG002  # pyarrow gives it
        """Begin a call, in the thread that makes it."""
        return _Heard(self._calling.call)


class _Heard(pf.ClientMiddleware):  # type: ignore[misc]  # pyarrow has no annotations
    def __init__(self, call: Call | None) -> None:
        super().__init__()
        self._call = call

    def received_headers(self, headers: "Mapping[str, list[str | bytes]]") -> None:
        """Hear the headers."""
        if self._call is not None:
            self._call.received([(name, v) for name, values in headers.items() for v in values])


def _descriptor(descriptor: FlightDescriptor) -> Any:
    return pf.FlightDescriptor.deserialize(encode(descriptor))


def _encoded(metadata: Iterable[Pair]) -> list[tuple[bytes, bytes]]:
    return [(k.encode(), v if isinstance(v, bytes) else v.encode()) for k, v in metadata]


def _error(call: Call, error: BaseException, where: str) -> DatabaseError:
    code = next((code for kind, code in _CODES if isinstance(error, kind)), "UNKNOWN")
    if code == "INTERNAL" and _UNFINISHED in str(error):
        code = "UNAVAILABLE"
    if call.expired:
        return QueryTimeoutError("The server did not answer within the timeout.", code=code)
    if call.cancelled and code in ("CANCELLED", "UNKNOWN"):
        return cancelled()
    return failure(code, str(error), where)
