"""The actions of Flight SQL, by name: prepared statements, transactions, cancellation.

What may live here: the table of actions, and what each does with its body.
"""

import dataclasses
from collections.abc import Callable
from typing import Any, Final, NamedTuple, TypeVar

import pyarrow.flight as fl

from firebolt_like.local.flight.begun import Begun
from firebolt_like.local.flight.calls import Call
from firebolt_like.local.flight.prepared import PreparedStatements
from firebolt_like.local.flight.results import Results
from firebolt_like.local.flight.work import command, in_transaction_of
from firebolt_like.local.refusal import invalid, not_supported
from firebolt_like.protocol import flight_sql as messages
from firebolt_like.protocol.flight import (
    CancelFlightInfoRequest,
    CancelFlightInfoResult,
    CancelStatus,
    FlightInfo,
)
from firebolt_like.protocol.protobuf import Message, decode, encode

__all__ = ["Actions"]

M = TypeVar("M", bound=Message)


class _Action(NamedTuple):
    description: str
    run: Callable[[Call, bytes], bytes | None]


class Actions:
    """What a server does when it is told to."""

    def __init__(self, prepared: PreparedStatements, results: Results, begun: Begun) -> None:
        self._prepared = prepared
        self._results = results
        self._begun = begun
        self._table: Final = {
            "CreatePreparedStatement": _Action("Prepare a statement.", self._create),
            "ClosePreparedStatement": _Action("Let go of a prepared statement.", self._close),
            "BeginTransaction": _Action("Begin a transaction.", self._begin),
            "EndTransaction": _Action("Commit or roll back a transaction.", self._end),
            "BeginSavepoint": _Action("Refused: there are no savepoints.", self._no_savepoints),
            "EndSavepoint": _Action("Refused: there are no savepoints.", self._no_savepoints),
            "CancelFlightInfo": _Action("Stop a query by its FlightInfo.", self._cancel),
            "CancelQuery": _Action("The older form of CancelFlightInfo.", self._cancel_query),
        }

    @property
    def types(self) -> list[Any]:
        """List them for clients."""
        return [fl.ActionType(name, action.description) for name, action in self._table.items()]

    def run(self, call: Call, name: str, body: bytes) -> list[bytes]:
        """Do one, and give its answers. Raises `Refusal` for one that is unknown."""
        action = self._table.get(name)
        if action is None:
            raise not_supported(
                f"The action {name[:100]!r}", resolution=f"There are {', '.join(self._table)}."
            )
        answer = action.run(call, body)
        return [] if answer is None else [answer]

    def _create(self, call: Call, body: bytes) -> bytes:
        request = _unpacked(messages.ActionCreatePreparedStatementRequest, body)
        return _packed(self._prepared.create(call, request))

    def _close(self, call: Call, body: bytes) -> None:
        request = _unpacked(messages.ActionClosePreparedStatementRequest, body)
        self._prepared.close(call, request.prepared_statement_handle)

    def _begin(self, call: Call, body: bytes) -> bytes:
        _unpacked(messages.ActionBeginTransactionRequest, body)
        outside = dataclasses.replace(call.options, transaction_id=None)
        inside = command(call, call.query("BEGIN"), "BEGIN", outside)
        name = inside.transaction_id or ""
        self._begun.add(call, name)
        return _packed(messages.ActionBeginTransactionResult(name.encode()))

    def _end(self, call: Call, body: bytes) -> None:
        request = _unpacked(messages.ActionEndTransactionRequest, body)
        if not request.transaction_id:
            raise invalid("EndTransaction wants the id of a transaction.")
        word = _ENDS.get(request.action)
        if word is None:
            raise invalid(
                f"A transaction ends by COMMIT (1) or ROLLBACK (2), not {request.action}."
            )
        options = in_transaction_of(call, request.transaction_id)
        self._begun.remove(options.transaction_id or "")
        command(call, call.query(word), word, options)

    def _no_savepoints(self, call: Call, body: bytes) -> None:  # noqa: ARG002  # as the others
        raise not_supported("A savepoint")

    def _cancel(self, call: Call, body: bytes) -> bytes:
        info = decode(CancelFlightInfoRequest, body).info
        return encode(CancelFlightInfoResult(self._cancel_info(call, info)))

    def _cancel_query(self, call: Call, body: bytes) -> bytes:
        request = _unpacked(messages.ActionCancelQueryRequest, body)
        status = self._cancel_info(call, decode(FlightInfo, request.info))
        return _packed(messages.ActionCancelQueryResult(status))

    def _cancel_info(self, call: Call, info: FlightInfo | None) -> CancelStatus:
        handles = []
        for endpoint in () if info is None else info.endpoint:
            if endpoint.ticket is not None:
                ticket = messages.unpack(endpoint.ticket.ticket)
                if isinstance(ticket, messages.TicketStatementQuery):
                    handles.append(ticket.statement_handle)
        if not handles:
            raise invalid("The FlightInfo has no ticket of a query.")
        return self._results.cancel(call, handles)


_ENDS: Final[dict[int, str]] = {
    messages.EndTransaction.COMMIT: "COMMIT",
    messages.EndTransaction.ROLLBACK: "ROLLBACK",
}


def _unpacked(kind: type[M], body: bytes) -> M:
    message = messages.unpack(body)
    if not isinstance(message, kind):
        raise invalid(
            f"The action wants a {kind.__name__}, and was given a {type(message).__name__}."
        )
    return message


def _packed(message: Message) -> bytes:
    return messages.pack(message)
