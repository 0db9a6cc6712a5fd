"""Statements over the REST query endpoint.

What may live here: how a statement becomes a request, and its answer a result.
"""

import re
from collections.abc import Callable
from typing import Never

from firebolt_like.client.gateway import Gateway
from firebolt_like.client.io import IO, Reply, Request
from firebolt_like.client.retry import Budget, Retry, send
from firebolt_like.dbapi.backend import Capabilities, Form, Query
from firebolt_like.dbapi.result import ArrowResult, BufferedResult, Result, StreamedResult
from firebolt_like.errors import (
    DataError,
    EngineNotRunningError,
    OperationalError,
    ServerConnectionError,
)
from firebolt_like.protocol.server_error import server_error
from firebolt_like.protocol.session import Changes, Session, read_changes

__all__ = ["RestBackend"]

CANCEL_SETTING = "cancel_query_on_connection_drop"

_ARROW = "ArrowStream"
_NO_ARROW = re.compile(rb"ArrowStream\W* is not supported")
_FORMATS: dict[Form, str] = {
    # how a result is wanted: the format that it is sent in
    "buffered": "JSON_Compact",
    "streamed": "JSONLines_Compact",
    "arrow": _ARROW,
}
_STREAMS: dict[str, type[StreamedResult]] = {
    "JSONLines_Compact": StreamedResult,
    _ARROW: ArrowResult,
}


class RestBackend:
    """Runs statements by `POST {engine}/?{parameters}`."""

    def __init__(
        self, io: IO, gateway: Gateway, *, retry: Retry, capabilities: Capabilities
    ) -> None:
        self.capabilities = capabilities
        self._io = io
        self._gateway = gateway
        self._retry = retry
        self._cancels_writes = capabilities.cancels_writes
        self._without_arrow: set[tuple[str, str | None]] = set()

    async def execute(
        self, query: Query, *, budget: Budget, apply: Callable[[Changes], None]
    ) -> Result:
        """Run a statement; a reply that is not handed on is closed, whatever happens."""
        reply, form = await self._send(query, budget)
        try:
            changes = read_changes(reply.headers)
            if changes is not None:
                apply(changes)
            if form in _STREAMS:
                result = _STREAMS[form](reply, budget)
                await result.start()
                return result
            buffered = BufferedResult(await reply.read(budget.left()))
        except BaseException:
            await reply.close()
            raise
        await reply.close()
        return buffered

    async def validate(self, session: Session, *, budget: Budget) -> None:
        """Run `select 1` with the session's settings."""
        request = Request("POST", session.target(), b"select 1")
        reply = await send(self._io, request, retry=self._retry, budget=budget, repeatable=True)
        try:
            body = await reply.read(budget.left())
        finally:
            await reply.close()
        if reply.status == 400:
            refusal = server_error(400, body)
            raise OperationalError(str(refusal), code=refusal.code, query_id=refusal.query_id)
        if reply.status // 100 != 2:
            raise server_error(reply.status, body)

    async def _send(self, query: Query, budget: Budget) -> tuple[Reply, str]:
        """Send a statement until it is understood; give the answer, and the name of its format."""
        while True:
            extras = self._extras(query)
            reply = await self._post(query, extras, budget)
            if reply.status // 100 == 2:
                return reply, extras["output_format"]
            try:
                body = await reply.read(budget.left())
            finally:
                await reply.close()
            if not self._learn(query.session, reply.status, body, extras):
                self._refuse(reply.status, body)

    def _extras(self, query: Query) -> dict[str, str]:
        """Give the parameters that depend on what the engine is known to understand."""
        form = query.form
        if form == "arrow" and query.session.engine in self._without_arrow:
            form = "streamed"
        extras = {"output_format": _FORMATS[form]}
        guarded = self._cancels_writes and not query.read_only
        if guarded and CANCEL_SETTING not in query.session.settings:
            extras[CANCEL_SETTING] = "ALL"
        return extras

    def _learn(self, session: Session, status: int, body: bytes, extras: dict[str, str]) -> bool:
        """Take note of what an older engine refused; such a statement did not run."""
        if status == 400 and CANCEL_SETTING in extras and CANCEL_SETTING.encode() in body:
            self._cancels_writes = False
            return True
        if status == 404 and extras["output_format"] == _ARROW and _NO_ARROW.search(body):
            self._without_arrow.add(session.engine)
            return True
        return False

    async def _post(self, query: Query, extras: dict[str, str], budget: Budget) -> Reply:
        target = query.session.target(**{**query.parameters, **extras})
        request = Request("POST", target, _encode(query.text))
        try:
            return await send(self._io, request, retry=self._retry, budget=budget)
        except ServerConnectionError:
            self._gateway.forget()
            raise

    def _refuse(self, status: int, body: bytes) -> Never:
        error = server_error(status, body)
        if isinstance(error, EngineNotRunningError) or status == 404:
            self._gateway.forget()
        raise error


def _encode(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise DataError(
            f"The statement has a lone surrogate at position {error.start}: it is not valid text."
        ) from error
