"""The query endpoint: a request in, an answer out, and the watch over what happens between.

What may live here: the ASGI side of a query. What a statement does is in `execution`.
"""

import asyncio
import contextlib
import functools
import ipaddress
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from firebolt_like.local.answer import Answer
from firebolt_like.local.async_queries import accepted
from firebolt_like.local.encoding import choose_encoding, compressing, decompress
from firebolt_like.local.formats import FORMATS
from firebolt_like.local.multipart import Form, read_form
from firebolt_like.local.options import read_options
from firebolt_like.local.refusal import Refusal, invalid, not_supported
from firebolt_like.local.runner import Runner, Script, in_thread, until_stopped
from firebolt_like.local.running import Running
from firebolt_like.local.tenants import Tenants
from firebolt_like.local.tokens import Gate
from firebolt_like.local.translate import mark_escapes
from firebolt_like.local.uploads import NO_UPLOADS, Uploads
from firebolt_like.protocol.server_error import encode_errors
from firebolt_like.protocol.sql import is_read_only, split

__all__ = ["QueryEndpoint", "refuse"]


def refuse(refusal: Refusal) -> Response:
    """Write the answer that a `Refusal` stands for."""
    if refusal.plain:
        return PlainTextResponse(str(refusal), refusal.status, refusal.headers)
    body = encode_errors([refusal.detail], query_id=refusal.query_id)
    return Response(body, refusal.status, refusal.headers, "application/json")


class _Channel(NamedTuple):
    """What ASGI gives for a request."""

    scope: Scope
    receive: Receive
    send: Send


class QueryEndpoint:
    """An ASGI application for `POST /` and `POST /query`."""

    def __init__(
        self,
        tenants: Tenants,
        gate: Gate,
        runner: Runner,
        clock: Callable[[], float],
        max_body: int,
        compress: bool | None,
    ) -> None:
        self._tenants = tenants
        self._gate = gate
        self._runner = runner
        self._clock = clock
        self._max_body = max_body
        self._compress = compress

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        uploads = NO_UPLOADS
        try:
            held = self._gate.check(request.headers.get("authorization"))
            self._check_origin(request)
            send = self._encode(request, send)
            form = await self._read_form(request)
            options = read_options(_query_string(scope))
            tenant = self._tenants.of(held, options)
            options = tenant.complete(options, held, request.path_params.get("engine"))
            if form.files:
                folder = tenant.services.engine.uploads
                uploads = await asyncio.to_thread(Uploads, folder, form.files)
            body = _text(form.sql)
            escapes = options.backslash_escapes
            if held.backslash_escapes if escapes is None else escapes:
                body = mark_escapes(body)
            script = Script(tenant.services, body, split(body), options, uploads)
            await self._run(script, _Channel(scope, receive, send))
        except Refusal as refusal:
            await refuse(refusal)(scope, receive, send)
        except ClientDisconnect:
            pass  # nobody is left to answer
        finally:
            if uploads is not NO_UPLOADS:
                await in_thread(uploads.close)

    def _check_origin(self, request: Request) -> None:
        """Refuse web pages: a browser lets any page send a POST to this machine."""
        if self._gate.is_open and "origin" in request.headers:
            raise Refusal.text(403, "A server without credentials serves no web pages.")

    async def _read_body(self, request: Request) -> bytes:
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > self._max_body:
                raise Refusal.text(413, f"The body is longer than {self._max_body} bytes.")
        encoding = request.headers.get("content-encoding", "identity")
        if encoding == "identity":
            return bytes(body)
        return await asyncio.to_thread(decompress, bytes(body), encoding, self._max_body)

    async def _read_form(self, request: Request) -> Form:
        body = await self._read_body(request)
        kind = request.headers.get("content-type", "")
        if kind.lower().startswith("multipart/"):
            return await asyncio.to_thread(read_form, body, kind)
        return Form(body, {})

    def _encode(self, request: Request, send: Send) -> Send:
        """Compress the answer where that is wanted; on this machine itself it only costs time."""
        encoding = choose_encoding(request.headers.get("accept-encoding", ""))
        compress = self._compress
        if encoding is not None and compress is None:
            compress = request.client is not None and not _is_loopback(request.client.host)
        return compressing(send, encoding) if compress and encoding is not None else send

    async def _run(self, script: Script, channel: "_Channel") -> None:
        services, body, statements, options, uploads = script
        make_format = FORMATS.get(options.output_format)
        if make_format is None:
            name = options.output_format[:100]
            raise Refusal.text(404, f"Output format '{name}' is not supported")
        text = statements[0].text if len(statements) == 1 else body
        query = Running(
            text, self._clock, options.label, account=services.account, user=options.user
        )
        if options.is_async:
            if uploads is not NO_UPLOADS:
                raise not_supported("An upload with async=true")
            await (await self._accept(query, script))(*channel)
            return
        answer = Answer(functools.partial(make_format, query.query_id, query.label), channel.send)
        self._runner.admit(query)
        with (
            until_stopped(query, options.timeout) as stopping,
            _watch(query, script, channel.receive),
        ):
            await self._runner.run(query, script, answer, stopping)

    async def _accept(self, query: Running, script: Script) -> Response:
        """Have a query run without its client."""
        self._runner.admit(query)
        await self._runner.check(query, script)
        token = script.services.async_queries.add(query)
        self._runner.run_alone(query, script)
        return accepted(token)


def _query_string(scope: Scope) -> list[tuple[str, str]]:
    return parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise invalid(f"The statement is not UTF-8: {error}") from error


@functools.lru_cache(maxsize=1000)
def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


_AT_ONCE: Final = 0.01  # seconds: a query that takes no longer needs no task that watches


@contextlib.contextmanager
def _watch(query: Running, script: Script, receive: Receive) -> Iterator[None]:
    """Stop the query when its client hangs up."""

    async def wait_for_hangup() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        policy = script.options.on_drop
        read_only = all(is_read_only(statement.text) for statement in script.statements)
        if policy == "ALL" or (policy == "TYPE_DEPENDENT" and read_only):
            query.stop("The query was cancelled: its client hung up.")

    watchers: list[asyncio.Task[None]] = []
    timer = asyncio.get_running_loop().call_later(
        _AT_ONCE, lambda: watchers.append(asyncio.create_task(wait_for_hangup()))
    )
    try:
        yield
    finally:
        timer.cancel()
        for watcher in watchers:
            watcher.cancel()
