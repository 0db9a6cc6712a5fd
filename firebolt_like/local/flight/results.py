"""Results on their way: tickets, what each stands for, and the streams that they are taken by.

A query runs when its ticket is taken, which may be done again until the ticket expires. Where a
statement had to run before its ticket was given, its rows wait, and are taken once: it may change
something, or the next statement of its transaction may, or the client wants the rows in parts.
What may live here: `FlightInfo`, `DoGet` and cancellation.
"""

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import pyarrow as pa
import pyarrow.flight as fl

from firebolt_like.local.flight.calls import Call, Owner, Query
from firebolt_like.local.flight.shelf import Shelf
from firebolt_like.local.flight.work import Bound, Work, gather, rows
from firebolt_like.local.refusal import invalid
from firebolt_like.protocol.flight import CancelStatus
from firebolt_like.protocol.flight_sql import TicketStatementQuery, pack

__all__ = ["Results", "describe", "handle_text"]

_KEPT_FOR: Final = 300.0  # seconds


@dataclasses.dataclass(frozen=True, slots=True)
class _Result:
    """`query_ids` is what the next run is called by, if that is settled."""

    owner: Owner
    work: Work
    rows: pa.Table | None
    query_ids: list[str]
    running: list[Query] = dataclasses.field(default_factory=list)


_MOST: Final = 1_000_000_000  # bytes


def _weigh(result: _Result) -> int:
    """Give the bytes of what waits; a thousand results without rows are as many as may wait."""
    return _MOST // 1000 + (0 if result.rows is None else result.rows.nbytes)


def handle_text(handle: bytes) -> str:
    """Read a handle of ours; one that is none is none that we have given."""
    return handle.decode("ascii", "replace")


def describe(
    descriptor: Any, schema: pa.Schema, tickets: Iterable[bytes], query_id: str = "", **more: Any
) -> Any:
    """Make the `FlightInfo` for tickets that are taken where it came from."""
    endpoints = [fl.FlightEndpoint(ticket, [], **more) for ticket in tickets]
    return fl.FlightInfo(
        schema, descriptor, endpoints, -1, -1, ordered=True, app_metadata=query_id.encode()
    )


class Results:
    """The results of a server that are not fetched yet: a thousand, and a gigabyte, at most."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._shelf = Shelf[_Result](_MOST, _KEPT_FOR, clock, _weigh)

    def offer(self, call: Call, descriptor: Any, bound: Bound) -> Any:
        """Keep a result, and make its `FlightInfo`, in as many parts as the client wants."""
        whole = bound.rows
        if whole is None and bound.work.options.transaction_id is None and call.endpoints == 1:
            seconds = call.shared.clock() + _KEPT_FOR
            expiry = pa.scalar(int(seconds * 1_000_000), pa.timestamp("us", "UTC"))
            ticket = self._ticket(_Result(call.owner, bound.work, None, [bound.query_id]))
            schema, query_id = bound.schema, bound.query_id
            return describe(descriptor, schema, [ticket], query_id, expiration_time=expiry)
        if whole is None:
            whole = gather(call, bound)
        size = -(-whole.num_rows // call.endpoints)
        parts = [whole.slice(at * size, size) for at in range(call.endpoints)]
        tickets = [self._ticket(_Result(call.owner, bound.work, part, [])) for part in parts]
        return describe(descriptor, bound.schema, tickets, bound.query_id)

    def _ticket(self, result: _Result) -> bytes:
        return pack(TicketStatementQuery(self._shelf.put(result).encode()))

    def take(self, call: Call, handle: bytes) -> Any:
        """Give the stream of a ticket. Raises `Refusal` for one that is not there."""
        result = self._find(call, handle)
        if result is None:
            raise invalid("The ticket is unknown: its result was taken, cancelled, or has expired.")
        if result.rows is not None:
            self._shelf.remove(handle_text(handle))
            return fl.RecordBatchStream(result.rows)
        # taken once again at the same time it must have another id
        query_id = result.query_ids.pop() if result.query_ids else None
        stream = rows(call, result.work, result.running, query_id)
        schema = next(stream)  # from here on the stream cleans up, though it may never be read
        return fl.GeneratorStream(schema, stream)

    def cancel(self, call: Call, tickets: Sequence[bytes]) -> CancelStatus:
        """Let the results of tickets go, and stop what runs for them."""
        found = [self._find(call, handle) for handle in tickets]
        for handle, result in zip(tickets, found, strict=True):
            if result is None:
                continue
            self._shelf.remove(handle_text(handle))
            for query in list(result.running):
                query.stop("The query was cancelled by a request.")
        return CancelStatus.CANCELLED if any(found) else CancelStatus.NOT_CANCELLABLE

    def _find(self, call: Call, handle: bytes) -> _Result | None:
        result = self._shelf.get(handle_text(handle))
        return result if result is not None and result.owner == call.owner else None
