"""Statements over the REST query endpoint.

What may live here: how a statement becomes a request, and its answer a result.
"""

from collections.abc import Callable
from typing import Never

from firebolt_like.client.gateway import Gateway
from firebolt_like.client.io import IO, Reply, Request
from firebolt_like.client.retry import Budget, Retry, send
from firebolt_like.dbapi.backend import Capabilities, Query
from firebolt_like.dbapi.result import BufferedResult, Result, StreamedResult
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

    async def execute(
        self, query: Query, *, budget: Budget, apply: Callable[[Changes], None]
    ) -> Result:
        """Run a statement; a reply that is not handed on is closed, whatever happens."""
        reply = await self._send(query, budget)
        try:
            if reply.status // 100 != 2:
                await self._refuse(reply, budget)
            changes = read_changes(reply.headers)
            if changes is not None:
                apply(changes)
            if query.stream:
                return await _streamed(reply, budget)
            result = BufferedResult(await reply.read(budget.left()))
        except BaseException:
            await reply.close()
            raise
        await reply.close()
        return result

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

    async def _send(self, query: Query, budget: Budget) -> Reply:
        guarded = self._cancels_writes and not query.read_only
        guarded = guarded and CANCEL_SETTING not in query.session.settings
        reply = await self._post(query, budget, guarded=guarded)
        if guarded and reply.status == 400:
            body = await reply.read(budget.left())
            if CANCEL_SETTING.encode() in body:
                # an older engine refused the setting, so the statement did not run
                self._cancels_writes = False
                await reply.close()
                return await self._post(query, budget, guarded=False)
        return reply

    async def _post(self, query: Query, budget: Budget, *, guarded: bool) -> Reply:
        form = "JSONLines_Compact" if query.stream else "JSON_Compact"
        parameters = {"output_format": form, **query.parameters}
        if guarded:
            parameters[CANCEL_SETTING] = "ALL"
        request = Request("POST", query.session.target(**parameters), _encode(query.text))
        try:
            return await send(self._io, request, retry=self._retry, budget=budget)
        except ServerConnectionError:
            self._gateway.forget()
            raise

    async def _refuse(self, reply: Reply, budget: Budget) -> Never:
        error = server_error(reply.status, await reply.read(budget.left()))
        if isinstance(error, EngineNotRunningError) or reply.status == 404:
            self._gateway.forget()
        raise error


async def _streamed(reply: Reply, budget: Budget) -> StreamedResult:
    result = StreamedResult(reply, budget)
    await result.start()
    return result


def _encode(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise DataError(
            f"The statement has a lone surrogate at position {error.start}: it is not valid text."
        ) from error
