"""The Flight server: gRPC's calls, each handed to what answers it.

What may live here: the handlers, what they have in common, and the server's life. gRPC calls the
handlers in threads of its own.
"""

import atexit
import os
import threading
from typing import Any, Final

import pyarrow as pa
import pyarrow.flight as fl

from firebolt_like.local.flight.actions import Actions
from firebolt_like.local.flight.begun import Begun
from firebolt_like.local.flight.callers import Callers, Handshake
from firebolt_like.local.flight.calls import Call
from firebolt_like.local.flight.ending import forget, hang_up
from firebolt_like.local.flight.ingest import ingest
from firebolt_like.local.flight.metadata import answer_metadata, metadata_schema
from firebolt_like.local.flight.prepared import Prepared, PreparedStatements
from firebolt_like.local.flight.results import Results, describe
from firebolt_like.local.flight.shelf import Shelf
from firebolt_like.local.flight.statuses import answering
from firebolt_like.local.flight.work import Work, bind, schema_of, update
from firebolt_like.local.refusal import Refusal, invalid, not_supported
from firebolt_like.local.shared import Shared
from firebolt_like.local.workers import Workers
from firebolt_like.protocol import flight_sql as messages
from firebolt_like.protocol.protobuf import Message, encode

__all__ = ["FlightServer"]

_MOST_PREPARED: Final = 1000
_MOST_SESSIONS: Final = 10_000
_SESSION_AGE: Final = 3600.0
_GRACE: Final = 1.0  # seconds that streams have to end when the server does
_PATIENCE: Final = 10  # times that clients are hung up on


class FlightServer(fl.FlightServerBase):  # type: ignore[misc]  # pyarrow has no types
    """Flight SQL, and plain SQL text as a command, on a port.

    `tls` is a certificate chain and its private key, in PEM. Raises what pyarrow raises for an
    address that cannot be bound.
    """

    def __init__(
        self, shared: Shared, location: str, *, uploads: int, tls: tuple[bytes, bytes] | None
    ) -> None:
        self._shared = shared
        self._sessions = Shelf[dict[str, str]](_MOST_SESSIONS, _SESSION_AGE, shared.clock)
        self._results = Results(shared.clock)
        begun = Begun()
        self._uploading = Workers(uploads)  # they wait for clients: queries must not wait for them
        shelf = Shelf[Prepared](_MOST_PREPARED, _SESSION_AGE, shared.clock)
        self._prepared = PreparedStatements(shelf, begun, self._uploading)
        self._actions = Actions(self._prepared, self._results, begun)
        self._ending = False
        super().__init__(
            location,
            auth_handler=Handshake(),
            tls_certificates=None if tls is None else [tls],
            middleware={"caller": Callers(shared.gate)},
        )
        self._process = os.getpid()
        # what pyarrow registers waits for all clients, and must come after this
        atexit.register(self.end)

    def end(self) -> None:
        """Stop it, also under clients that do not read what they have asked for."""
        atexit.unregister(self.end)
        if self._process != os.getpid():
            forget(self)  # a forked process has none of its threads
            return
        self._ending = True
        self._shared.running.stop_all("The query was cancelled: the server was stopped.")
        # pyarrow waits for all calls, however long they take
        closing = threading.Thread(
            target=self.shutdown, name="firebolt_like-flight-end", daemon=True
        )
        closing.start()
        closing.join(_GRACE)
        for _ in range(_PATIENCE):
            if closing.is_alive():
                hang_up(self.port)
                closing.join(_GRACE)
        self._uploading.shutdown(wait=not closing.is_alive(), cancel_futures=True)

    def _call(self, context: Any) -> Call:
        if self._ending:
            raise Refusal.text(429, "The server is being stopped.")
        caller = context.get_middleware("caller")
        return Call(self._shared, self._sessions, caller, context)

    def _read(self, descriptor: Any) -> Message | str:
        """Read a descriptor. Raises `Refusal` for one that is longer than a request may be."""
        if descriptor.descriptor_type != fl.DescriptorType.CMD:
            raise not_supported("A descriptor that is a path")
        self._check_size(descriptor.command)
        return _command(descriptor.command)

    def _check_size(self, body: bytes) -> None:
        if len(body) > self._shared.max_body:
            raise invalid(f"The command is longer than {self._shared.max_body} bytes.")

    @answering
    def get_flight_info(self, context: Any, descriptor: Any) -> Any:
        """Tell how to get the rows of a command; one that changes something is run for that."""
        call, command = self._call(context), self._read(descriptor)
        if isinstance(command, Message) and (schema := metadata_schema(command)) is not None:
            return describe(descriptor, schema, [descriptor.command])
        return self._results.offer(call, descriptor, bind(call, self._work(call, command)))

    @answering
    def get_schema(self, context: Any, descriptor: Any) -> Any:
        """Tell the schema of a command's rows."""
        call, command = self._call(context), self._read(descriptor)
        schema = metadata_schema(command) if isinstance(command, Message) else None
        if schema is None:
            schema = schema_of(call, self._work(call, command))
        return fl.SchemaResult(schema)

    @answering
    def do_get(self, context: Any, ticket: Any) -> Any:
        """Give the rows of a ticket."""
        call, message = self._call(context), messages.unpack(ticket.ticket)
        if isinstance(message, messages.TicketStatementQuery):
            return self._results.take(call, message.statement_handle)
        if metadata_schema(message) is None:
            raise invalid(f"A {type(message).__name__} is no ticket.")
        return fl.RecordBatchStream(answer_metadata(call, message))

    @answering
    def do_put(self, context: Any, descriptor: Any, reader: Any, writer: Any) -> None:
        """Take rows, or run what changes rows, and tell how many."""
        call, command = self._call(context), self._read(descriptor)
        if isinstance(command, messages.CommandPreparedStatementQuery):
            handle = command.prepared_statement_handle
            self._prepared.put(call, handle, reader)
            answer: Message = messages.DoPutPreparedStatementResult(handle)
        else:
            answer = messages.DoPutUpdateResult(self._change(call, command, reader))
        writer.write(pa.py_buffer(encode(answer)))

    def _change(self, call: Call, command: Message | str, reader: Any) -> int:
        match command:
            case str():
                return update(call, Work.of(call, command, None))
            case messages.CommandStatementUpdate():
                return update(call, Work.of(call, command.query, command.transaction_id))
            case messages.CommandPreparedStatementUpdate():
                return self._prepared.update(call, command.prepared_statement_handle, reader)
            case messages.CommandStatementIngest():
                return ingest(call, command, reader, self._uploading)
        raise _unfit(command)

    def _work(self, call: Call, command: Message | str) -> Work:
        match command:
            case str():
                return Work.of(call, command, None)
            case messages.CommandStatementQuery():
                return Work.of(call, command.query, command.transaction_id)
            case messages.CommandPreparedStatementQuery():
                return self._prepared.bound(call, command.prepared_statement_handle)
        raise _unfit(command)

    @answering
    def do_action(self, context: Any, action: Any) -> Any:
        """Do what one of the actions is for."""
        call, body = self._call(context), action.body.to_pybytes()
        self._check_size(body)
        answers = self._actions.run(call, action.type, body)
        return iter(map(pa.py_buffer, answers))

    @answering
    def list_actions(self, context: Any) -> Any:
        """List the actions."""
        self._call(context)
        return self._actions.types

    @answering
    def list_flights(self, context: Any, criteria: Any) -> Any:  # noqa: ARG002  # pyarrow's signature
        """List nothing: what there is, is told by metadata commands."""
        self._call(context)
        return iter(())

    @answering
    def do_exchange(self, context: Any, descriptor: Any, reader: Any, writer: Any) -> None:  # noqa: ARG002  # as above
        """Refuse."""
        raise not_supported("DoExchange")


# the type's name begins behind its tag and its length
_ENVELOPE: Final = b"type.googleapis.com/"


def _command(command: bytes) -> Message | str:
    """Read a command: a message of Flight SQL, or SQL as Dremio's clients send it."""
    if command.find(_ENVELOPE, 0, 32) in (2, 3):
        return messages.unpack(command)
    try:
        return str(command, "utf-8")
    except UnicodeDecodeError as error:
        raise invalid(
            f"The command is neither Flight SQL nor SQL text in UTF-8: {error}"
        ) from error


def _unfit(command: Message | str) -> Refusal:
    return not_supported(f"A {type(command).__name__} in this call")
