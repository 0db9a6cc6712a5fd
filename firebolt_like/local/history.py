"""Which queries ran, and which run: `engine_query_history` and `engine_running_queries`.

What may live here: how a query's end is told, the columns of both views, and their rows.
"""

import hashlib
import re
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from firebolt_like.local.information_schema import Session, View
from firebolt_like.local.refusal import Refusal
from firebolt_like.local.running import Outcome, Running, RunningList
from firebolt_like.protocol.sql import Kind, tokens

__all__ = ["QueryHistory", "at", "outcome_of"]

_KEPT = 10_000  # rows
_LONGEST = 10_000  # characters of a statement: bodies of megabytes must not add up

_ENDS: Final = {
    # a refusal's name: the status that the history tells
    "Cancelled": "CANCELED_EXECUTION",
    "SyntaxError": "PARSE_ERROR",
}


def outcome_of(error: BaseException | None, ended: float) -> Outcome:
    """Say how a query ended."""
    if error is None:
        return Outcome("ENDED_SUCCESSFULLY", ended)
    if isinstance(error, Refusal):
        name = error.detail.name or ""
        return Outcome(_ENDS.get(name, "EXECUTION_ERROR"), ended, error.detail.description)
    return Outcome("CANCELED_EXECUTION", ended, "The query was cancelled: its client hung up.")


def at(seconds: float | None) -> datetime | None:
    """Give a time of the server's clock as an instant."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


class QueryHistory:
    """The last queries of a server: two rows each, one for the start and one for the end."""

    def __init__(self, running: RunningList, clock: Callable[[], float]) -> None:
        self._running = running
        self._clock = clock
        self._rows: deque[tuple[Running, bool]] = deque(maxlen=_KEPT)
        self._lock = threading.Lock()

    def started(self, query: Running) -> None:
        """Note that a query came."""
        with self._lock:
            self._rows.append((query, False))

    def ended(self, query: Running, error: BaseException | None, rows: int, size: int) -> None:
        """Note that a query ended, and how."""
        query.returned_rows, query.returned_bytes = rows, size
        query.outcome = outcome_of(error, self._clock())
        query.text = query.text[:_LONGEST]
        with self._lock:
            self._rows.append((query, True))

    def views(self, account: str) -> dict[str, View]:
        """Give the views of one account."""

        def history(_: Session) -> Iterator[tuple[Any, ...]]:
            with self._lock:
                rows = list(self._rows)
            for query, is_end in rows:
                if query.account == account:
                    yield _row(_HISTORY, _facts(query, query.outcome if is_end else None))

        def running(_: Session) -> Iterator[tuple[Any, ...]]:
            for query in self._running.queries():
                if query.account == account:
                    yield _row(_RUNNING, _facts(query, None) | self._progress(query))

        return {
            "engine_query_history": View(_HISTORY, history),
            "engine_running_queries": View(_RUNNING, running),
        }

    def _progress(self, query: Running) -> dict[str, Any]:
        now = self._clock()
        return {
            "duration_us": _between(query.begun, now),
            "e2e_duration_us": _between(query.started, now),
            "status": "CANCELING" if query.stopped else "RUNNING",
        }


def _row(columns: Mapping[str, str], facts: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(facts.get(name, 0 if kind == "bigint" else None) for name, kind in columns.items())


def _facts(query: Running, outcome: Outcome | None) -> dict[str, Any]:
    ended = None if outcome is None else outcome.ended
    normalized = _normalized(query.text)
    return {
        "account_name": query.account,
        "user_name": query.user,
        "login_name": query.user,
        "submitted_time": at(query.started),
        "start_time": at(query.begun),
        "end_time": at(ended),
        "duration_us": _between(query.begun, ended),
        "e2e_duration_us": _between(query.started, ended),
        "status": "STARTED_EXECUTION" if outcome is None else outcome.status,
        "request_id": query.query_id,
        "query_id": query.query_id,
        "query_label": query.label,
        "query_text": query.text,
        "query_text_normalized": normalized,
        "query_text_normalized_hash": hashlib.sha256(normalized.encode()).hexdigest()[:16],
        "error_message": None if outcome is None else outcome.error,
        "returned_rows": None if outcome is None else query.returned_rows,
        "returned_bytes": None if outcome is None else query.returned_bytes,
        "time_in_queue_us": _between(query.started, query.begun),
        "async_token": query.token,
    }


def _between(start: float | None, end: float | None) -> int | None:
    return None if start is None or end is None else round((end - start) * 1_000_000)


def _normalized(sql: str) -> str:
    """Write a statement without its literals, so that queries of one shape are told as one."""
    parts = []
    for kind, start, end in tokens(sql):
        text = sql[start:end]
        if kind is Kind.STRING:
            text = "?"
        elif kind is Kind.TEXT:
            text = _NUMBER.sub("?", text)
        parts.append(" " if kind is Kind.COMMENT else text)
    return " ".join("".join(parts).split())


_NUMBER = re.compile(r"(?<![\w.])\d[\w.]*")

_TIME = "timestamptz"
_HISTORY: Final = {
    "account_name": "text",
    "user_name": "text",
    "login_name": "text",
    "service_account_name": "text",
    "submitted_time": _TIME,
    "start_time": _TIME,
    "end_time": _TIME,
    "duration_us": "bigint",
    "e2e_duration_us": "bigint",
    "status": "text",
    "request_id": "text",
    "query_id": "text",
    "query_label": "text",
    "query_text": "text",
    "query_text_normalized": "text",
    "query_text_normalized_hash": "text",
    "error_message": "text",
    "scanned_rows": "bigint",
    "scanned_bytes": "bigint",
    "scanned_cache_bytes": "bigint",
    "scanned_storage_bytes": "bigint",
    "inserted_rows": "bigint",
    "inserted_bytes": "bigint",
    "spilled_bytes": "bigint",
    "returned_rows": "bigint",
    "returned_bytes": "bigint",
    "time_in_queue_us": "bigint",
    "retries": "bigint",
}
_RUNNING: Final = {
    "account_name": "text",
    "user_name": "text",
    "submitted_time": _TIME,
    "start_time": _TIME,
    "duration_us": "bigint",
    "e2e_duration_us": "bigint",
    "status": "text",
    "request_id": "text",
    "query_id": "text",
    "query_label": "text",
    "query_text": "text",
    "scanned_rows": "bigint",
    "scanned_bytes": "bigint",
    "inserted_rows": "bigint",
    "inserted_bytes": "bigint",
    "async_token": "text",
    "retries": "bigint",
}
