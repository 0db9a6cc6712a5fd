"""Statements over the REST query endpoint.

What may live here: how a statement becomes a request, and its answer a result.
"""

import re
from collections.abc import Callable
from typing import Never

from firebolt_like.client.gateway import Gateway
from firebolt_like.client.io import IO, Reply, Request
from firebolt_like.client.retry import Budget, Retry, send
from firebolt_like.dbapi.backend import Capabilities, Form, Query, Upload
from firebolt_like.dbapi.rest_uploads import FORMATS, REFUSALS, probe_request, upload_request
from firebolt_like.dbapi.result import ArrowResult, BufferedResult, Result, StreamedResult
from firebolt_like.errors import (
    DatabaseError,
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
        self._uploads: dict[tuple[str, str | None], frozenset[str]] = {}

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
        body = await _read(reply, budget)
        if reply.status == 400:
            refusal = server_error(400, body)
            raise OperationalError(str(refusal), code=refusal.code, query_id=refusal.query_id)
        if reply.status // 100 != 2:
            raise server_error(reply.status, body)

    async def takes_uploads(self, session: Session, *, budget: Budget) -> frozenset[str]:
        """Have the engine read a tiny file, outside of any transaction, which a refusal ends."""
        if not self.capabilities.uploads:
            return frozenset()
        if session.engine in self._uploads:
            return self._uploads[session.engine]
        answers = {form: await self._reads(session, form, budget) for form in FORMATS}
        taken = frozenset(form for form, reads in answers.items() if reads)
        if None not in answers.values():
            self._uploads[session.engine] = taken
        return taken

    async def _reads(self, session: Session, form: str, budget: Budget) -> bool | None:
        """Tell whether an engine reads a form of file; None where it is to be asked again."""
        request, _ = probe_request(session, form)
        reply = await self._post(request, budget, repeatable=True)
        body = await _read(reply, budget)
        if reply.status // 100 == 2:
            try:
                BufferedResult(body)
            except DatabaseError:
                return False
            return True
        if reply.status not in REFUSALS and reply.status != 500:
            self._refuse(reply.status, body)
        return None if reply.status == 500 else False

    async def ingest(
        self, upload: Upload, *, budget: Budget, apply: Callable[[Changes], None]
    ) -> int | None:
        """Send rows as a file beside their INSERT; None after a 413."""
        while True:
            extras = {"output_format": "JSON_Compact", **self._guard(upload.session)}
            target = upload.session.target(**{**upload.parameters, **extras})
            request, size = upload_request(upload, target)
            reply = await self._post(request, budget)
            body = await _read(reply, budget)
            if reply.status // 100 == 2:
                if (changes := read_changes(reply.headers)) is not None:
                    apply(changes)
                BufferedResult(body)  # an error may come with a status of 200
                return size
            if reply.status == 413:
                return None
            if not self._learn(upload.session, reply.status, body, extras):
                self._refuse(reply.status, body)

    async def _send(self, query: Query, budget: Budget) -> tuple[Reply, str]:
        """Send a statement until it is understood; give the answer, and the name of its format."""
        while True:
            extras = self._extras(query)
            target = query.session.target(**{**query.parameters, **extras})
            reply = await self._post(Request("POST", target, _encode(query.text)), budget)
            if reply.status // 100 == 2:
                return reply, extras["output_format"]
            body = await _read(reply, budget)
            if not self._learn(query.session, reply.status, body, extras):
                self._refuse(reply.status, body)

    def _extras(self, query: Query) -> dict[str, str]:
        """Give the parameters that depend on what the engine is known to understand."""
        form = query.form
        if form == "arrow" and query.session.engine in self._without_arrow:
            form = "streamed"
        guard = {} if query.read_only else self._guard(query.session)
        return {"output_format": _FORMATS[form], **guard}

    def _guard(self, session: Session) -> dict[str, str]:
        """Give the parameter by which hanging up cancels a statement that writes."""
        guarded = self._cancels_writes and CANCEL_SETTING not in session.settings
        return {CANCEL_SETTING: "ALL"} if guarded else {}

    def _learn(self, session: Session, status: int, body: bytes, extras: dict[str, str]) -> bool:
        """Take note of what an older engine refused; such a statement did not run."""
        if status == 400 and CANCEL_SETTING in extras and CANCEL_SETTING.encode() in body:
            self._cancels_writes = False
            return True
        if status == 404 and extras["output_format"] == _ARROW and _NO_ARROW.search(body):
            self._without_arrow.add(session.engine)
            return True
        return False

    async def _post(self, request: Request, budget: Budget, *, repeatable: bool = False) -> Reply:
        try:
            return await send(
                self._io, request, retry=self._retry, budget=budget, repeatable=repeatable
            )
        except ServerConnectionError:
            self._gateway.forget()
            raise

    def _refuse(self, status: int, body: bytes) -> Never:
        error = server_error(status, body)
        if isinstance(error, EngineNotRunningError) or status == 404:
            self._gateway.forget()
        raise error


async def _read(reply: Reply, budget: Budget) -> bytes:
    """Read a reply to its end, and close it whatever happens."""
    try:
        return await reply.read(budget.left())
    finally:
        await reply.close()


def _encode(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise DataError(
            f"The statement has a lone surrogate at position {error.start}: it is not valid text."
        ) from error
