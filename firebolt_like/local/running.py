"""The statements that are waiting or running now, and how one is stopped.

What may live here: one running statement, and the list of them. `stop` may be called from any
thread.
"""

import dataclasses
import threading
import uuid
from collections.abc import Callable

import duckdb

from firebolt_like.local.refusal import Refusal

__all__ = ["Running", "RunningList", "RunningQuery"]


@dataclasses.dataclass(frozen=True, slots=True)
class RunningQuery:
    """What `LocalServer.running_queries()` tells: `started` in seconds of the server's clock."""

    query_id: str
    text: str
    started: float
    state: str
    label: str | None = None


class Running:
    """A statement on its way: WAITING for a thread, RUNNING, or CANCELING."""

    def __init__(self, text: str, started: float, label: str | None) -> None:
        self.query_id = uuid.uuid4().hex
        self.text = text
        self.started = started
        self.label = label
        self._stopped: str | None = None
        self._interrupt: Callable[[], object] | None = None
        self._listeners: list[Callable[[], object]] = []
        self._lock = threading.Lock()

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
    """All statements that are waiting or running; safe to read from any thread."""

    def __init__(self) -> None:
        self._queries: dict[str, Running] = {}
        self._lock = threading.Lock()

    def add(self, query: Running) -> None:
        """Put a statement on the list."""
        with self._lock:
            self._queries[query.query_id] = query

    def remove(self, query: Running) -> None:
        """Take a statement off the list."""
        with self._lock:
            self._queries.pop(query.query_id, None)

    def snapshot(self) -> list[RunningQuery]:
        """Describe all, oldest first."""
        with self._lock:
            queries = list(self._queries.values())
        return [query.snapshot() for query in queries]

    def stop(self, query_id: str, reason: str) -> bool:
        """Stop one statement; False when there is none of that id."""
        with self._lock:
            query = self._queries.get(query_id)
        if query is None:
            return False
        query.stop(reason)
        return True

    def stop_all(self, reason: str) -> None:
        """Stop every statement."""
        for query in self.snapshot():
            self.stop(query.query_id, reason)
