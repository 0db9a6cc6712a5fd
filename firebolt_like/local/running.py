"""The statements that are waiting or running now, and how one is stopped.

What may live here: one running statement, and the list of them. `stop` may be called from any
thread.
"""

import dataclasses
import threading
import uuid
from collections.abc import Callable
from typing import NamedTuple

import duckdb

from firebolt_like.local.refusal import Refusal

__all__ = ["Outcome", "Running", "RunningList", "RunningQuery"]


@dataclasses.dataclass(frozen=True, slots=True)
class RunningQuery:
    """What `LocalServer.running_queries()` tells: `started` in seconds of the server's clock."""

    query_id: str
    text: str
    started: float
    state: str
    label: str | None = None


class Outcome(NamedTuple):
    """How a query ended, in the words of the query history, and when."""

    status: str
    ended: float
    error: str = ""


class Running:
    """A query on its way: WAITING for a thread, RUNNING, or CANCELING.

    Times are seconds of `clock`; `token` is what an asynchronous one is asked for by.
    """

    def __init__(
        self,
        text: str,
        clock: Callable[[], float],
        label: str | None,
        *,
        account: str = "",
        user: str = "",
    ) -> None:
        self.query_id = uuid.uuid4().hex
        self.text = text
        self.started = clock()
        self.begun: float | None = None
        self.label = label
        self.account = account
        self.user = user
        self.token: str | None = None
        self.outcome: Outcome | None = None
        self.returned_rows = self.returned_bytes = 0
        self._clock = clock
        self._stopped: str | None = None
        self._interrupt: Callable[[], object] | None = None
        self._listeners: list[Callable[[], object]] = []
        self._lock = threading.Lock()

    def begin(self) -> None:
        """Say that a thread has taken it. Raises `Refusal` when it has been stopped before."""
        if self.begun is None:
            self.begun = self._clock()
        self.check()

    def attach(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Say which cursor runs it. Raises `Refusal` when it has been stopped before."""
        with self._lock:
            self._interrupt = cursor.interrupt
        self.check()

    def detach(self) -> None:
        """Say that no cursor runs it any more: the next to use that one must not be interrupted."""
        with self._lock:
            self._interrupt = None

    def check(self) -> None:
        """Raise `Refusal` when it has been stopped."""
        if self._stopped is not None:
            raise Refusal.of("Cancelled", self._stopped)

    @property
    def stopped(self) -> bool:
        """Whether `stop` was called."""
        return self._stopped is not None

    def stop(self, reason: str) -> None:
        """Stop it; the first reason counts."""
        with self._lock:
            self._stopped = self._stopped or reason
            listeners = list(self._listeners)
        self.interrupt()
        for tell in listeners:
            tell()

    def interrupt(self) -> None:
        """Interrupt what DuckDB does for it at this moment."""
        with self._lock:
            if self._interrupt is not None:
                self._interrupt()

    def on_stop(self, tell: Callable[[], object]) -> None:
        """Call `tell`, in the stopping thread, when it is stopped (at once, if it has been)."""
        with self._lock:
            self._listeners.append(tell)
            stopped = self.stopped
        if stopped:
            tell()

    def snapshot(self) -> RunningQuery:
        """Describe it."""
        state = "WAITING" if self._interrupt is None else "RUNNING"
        return RunningQuery(
            self.query_id,
            self.text,
            self.started,
            "CANCELING" if self.stopped else state,
            self.label,
        )


class RunningList:
    """All queries that are waiting or running, at most so many; for use from any thread."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._queries: dict[str, Running] = {}
        self._lock = threading.Lock()

    def add(self, query: Running) -> None:
        """Put a query on the list. Raises `Refusal` when it is full."""
        with self._lock:
            if len(self._queries) >= self._most:
                raise Refusal.text(
                    429, f"The engine is busy: {self._most} queries run or wait. Try again later."
                ).with_headers({"Retry-After": "1"})
            self._queries[query.query_id] = query

    def remove(self, query: Running) -> None:
        """Take a statement off the list."""
        with self._lock:
            self._queries.pop(query.query_id, None)

    def queries(self) -> list[Running]:
        """List all, oldest first."""
        with self._lock:
            return list(self._queries.values())

    def snapshot(self) -> list[RunningQuery]:
        """Describe all, oldest first."""
        return [query.snapshot() for query in self.queries()]

    def stop(self, query_id: str, reason: str, account: str | None = None) -> bool:
        """Stop one query; False when there is none of that id in the account (None: in any)."""
        with self._lock:
            query = self._queries.get(query_id)
        if query is None or account not in (None, query.account):
            return False
        query.stop(reason)
        return True

    def stop_all(self, reason: str) -> None:
        """Stop every statement."""
        for query in self.snapshot():
            self.stop(query.query_id, reason)
