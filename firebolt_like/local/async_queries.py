"""Queries that run without their client: the tokens that they are asked for by, and what is told.

What may live here: the list of them, `CALL fb_GetAsyncStatus`, and the answer to `async=true`.
"""

import re
import secrets
import threading
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any, Final

from starlette.responses import JSONResponse, Response

from firebolt_like.local.history import at
from firebolt_like.local.information_schema import Session, View
from firebolt_like.local.refusal import invalid
from firebolt_like.local.running import Running
from firebolt_like.protocol.sql import Statement, quote_string

__all__ = ["AsyncQueries", "accepted"]

_KEPT = 10_000
_VIEW = "fb_async_status"
_CALL = re.compile(r"\s*CALL\s+fb_GetAsyncStatus\s*\(\s*'(?P<token>[^']*)'\s*\)\s*", re.IGNORECASE)
_COLUMNS: Final = {
    "account_name": "text",
    "user_name": "text",
    "submitted_time": "timestamptz",
    "start_time": "timestamptz",
    "end_time": "timestamptz",
    "status": "text",
    "request_id": "text",
    "query_id": "text",
    "error_message": "text",
    "scanned_bytes": "bigint",
    "scanned_rows": "bigint",
    "retries": "bigint",
}


class AsyncQueries:
    """The last asynchronous queries of a server by token, whether they still run or not."""

    def __init__(self) -> None:
        self._queries: OrderedDict[str, Running] = OrderedDict()
        self._lock = threading.Lock()

    def add(self, query: Running) -> str:
        """Give a query its token, which nobody can guess."""
        query.token = secrets.token_urlsafe(32)
        with self._lock:
            self._queries[query.token] = query
            if len(self._queries) > _KEPT:
                self._queries.popitem(last=False)
        return query.token

    def rewrite(self, statement: Statement, account: str) -> Statement:
        """Give the query that answers `CALL fb_GetAsyncStatus('token')`; others stay.

        Raises `Refusal` for an unknown token.
        """
        found = _CALL.fullmatch(statement.text)
        if found is None:
            return statement
        query = self._queries.get(found["token"])
        if query is None or query.account != account:
            raise invalid("Token not found: fb_GetAsyncStatus wants the token of an async query.")
        columns = ", ".join(_COLUMNS)
        sql = (
            f"SELECT {columns} FROM information_schema.{_VIEW}"  # noqa: S608  # quoted
            f" WHERE token = {quote_string(found['token'])}"
        )
        return Statement(sql, statement.start)

    def views(self, account: str) -> dict[str, View]:
        """Give the view that `rewrite` asks."""

        def rows(_: Session) -> Iterator[tuple[Any, ...]]:
            with self._lock:
                queries = list(self._queries.values())
            return (_row(query) for query in queries if query.account == account)

        return {_VIEW: View({**_COLUMNS, "token": "text"}, rows)}


def _row(query: Running) -> tuple[Any, ...]:
    outcome = query.outcome
    return (
        query.account,
        query.user,
        at(query.started),
        at(query.begun),
        None if outcome is None else at(outcome.ended),
        "RUNNING" if outcome is None else outcome.status,
        query.query_id,
        query.query_id,
        "" if outcome is None else outcome.error,
        *(0, 0, 0),
        query.token,
    )


def accepted(token: str) -> Response:
    """Answer `async=true`, with exactly the three keys that stock clients demand."""
    body = {
        "message": "the query was accepted for async processing",
        "monitorSql": f"CALL fb_GetAsyncStatus('{token}');",
        "token": token,
    }
    return JSONResponse(body, 202)
