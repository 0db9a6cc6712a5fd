"""The query endpoint: a request in, an answer out, and the watch over what happens between.

What may live here: the ASGI side of a query. What a statement does is in `execution`.
"""

import asyncio
import contextlib
import functools
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from firebolt_like.local.batches import Batch
from firebolt_like.local.execution import Execution, Services
from firebolt_like.local.formats import FORMATS, Format
from firebolt_like.local.options import Options, read_options
from firebolt_like.local.refusal import Refusal, invalid, not_supported
from firebolt_like.local.running import Running, RunningList
from firebolt_like.local.tenants import Tenants
from firebolt_like.local.tokens import Gate
from firebolt_like.local.translate import mark_escapes
from firebolt_like.protocol.json_compact import statistics
from firebolt_like.protocol.server_error import encode_errors
from firebolt_like.protocol.sql import Statement, is_read_only, split

__all__ = ["QueryEndpoint", "refuse"]

T = TypeVar("T")
_PROTOCOL = ("X-Firebolt-Protocol-Version", "2.4")


def refuse(refusal: Refusal) -> Response:
    """Write the answer that a `Refusal` stands for."""
    if refusal.plain:
        return PlainTextResponse(str(refusal), refusal.status)
    body = encode_errors([refusal.detail], query_id=refusal.query_id)
    return Response(body, refusal.status, media_type="application/json")


class QueryEndpoint:
    """An ASGI application for `POST /` and `POST /query`."""

    def __init__(
        self,
        tenants: Tenants,
        gate: Gate,
        running: RunningList,
        pool: ThreadPoolExecutor,
        clock: Callable[[], float],
        max_body: int,
    ) -> None:
        self._tenants = tenants
        self._gate = gate
        self._running = running
        self._pool = pool
        self._clock = clock
        self._max_body = max_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        try:
            held = self._gate.check(request.headers.get("authorization"))
            self._check_origin(request)
            body = await self._read_body(request)
            query_string = scope["query_string"].decode("latin-1")
            options = read_options(parse_qsl(query_string, keep_blank_values=True))
            escapes = options.backslash_escapes
            if held.backslash_escapes if escapes is None else escapes:
                body = mark_escapes(body)
            tenant = self._tenants.of(held, options)
            options = tenant.complete(options, held, request.path_params.get("engine"))
            await self._run(body, tenant.services, options, receive, send)
        except Refusal as refusal:
            await refuse(refusal)(scope, receive, send)
        except ClientDisconnect:
            pass  # nobody is left to answer

    def _check_origin(self, request: Request) -> None:
        """Refuse web pages: a browser lets any page send a POST to this machine."""
        if self._gate.is_open and "origin" in request.headers:
            raise Refusal.text(403, "A server without credentials serves no web pages.")

    async def _read_body(self, request: Request) -> str:
        if request.headers.get("content-type", "").startswith("multipart/"):
            raise not_supported("An upload (multipart/form-data)")
        if request.headers.get("content-encoding", "identity").lower() != "identity":
            raise Refusal.text(415, "The body of a request must not be compressed.")
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > self._max_body:
                raise Refusal.text(413, f"The body is longer than {self._max_body} bytes.")
        try:
            return body.decode()
        except UnicodeDecodeError as error:
            raise invalid(f"The statement is not UTF-8: {error}") from error

    async def _run(
        self, body: str, services: Services, options: Options, receive: Receive, send: Send
    ) -> None:
        make_format = FORMATS.get(options.output_format)
        if make_format is None:
            name = options.output_format[:100]
            raise Refusal.text(404, f"Output format '{name}' is not supported")
        statements = split(body)
        if len(statements) > 1:
            raise not_supported("A request with several statements")
        statement = statements[0] if statements else None
        query = Running(statement.text if statement else "", self._clock(), options.label)
        format_ = make_format(query.query_id, query.label)
        options = options.limited(format_.limit)
        answer = _Answer(format_, send)
        self._running.add(query)
        try:
            async with _watch(query, options, statement, receive) as stopping:
                execution = Execution(services, body, statement, options, query, format_.encoder)
                await self._execute(execution, query, answer, stopping)
        finally:
            self._running.remove(query)

    async def _execute(
        self, execution: Execution, query: Running, answer: "_Answer", stopping: asyncio.Event
    ) -> None:
        succeeded = False
        try:
            batch = await self._in_worker(query, stopping, execution.start)
            while not batch.last:
                await answer.add(execution, batch)
                batch = await self._in_worker(query, stopping, execution.next)
            succeeded = True
        except Refusal as refusal:
            refusal.query_id = query.query_id
            if not answer.started:
                raise
            await answer.fail(refusal)
        finally:
            if succeeded:
                execution.close(failed=False)
            else:
                await _in_thread(functools.partial(execution.close, failed=True))
        if succeeded:
            await answer.finish(execution, batch)

    async def _in_worker(self, query: Running, stopping: asyncio.Event, work: Callable[[], T]) -> T:
        """Run blocking work in the pool; while the query is stopped, interrupt it until it ends."""
        try:
            job = self._pool.submit(work)
        except RuntimeError as error:  # the interpreter is ending
            raise Refusal.of("Cancelled", "The query was cancelled: the server ends.") from error
        future = asyncio.wrap_future(job)
        stop = asyncio.ensure_future(stopping.wait())
        try:
            waiting: set[asyncio.Future[Any]] = {future, stop}
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            while not future.done():
                if job.cancel():
                    query.check()
                # DuckDB forgets an interrupt that comes before it has begun
                query.interrupt()
                await asyncio.wait({future}, timeout=0.02)
        finally:
            stop.cancel()
        return future.result()


async def _in_thread(work: Callable[[], None]) -> None:
    """Run blocking work in a thread of its own kind: it must not wait behind other queries."""
    try:
        await asyncio.shield(asyncio.to_thread(work))
    except RuntimeError:  # the interpreter is ending, and starts no thread any more
        work()


class _Answer:
    """Sends one answer: whole with its length when it is small, in chunks when it is not."""

    def __init__(self, format_: Format, send: Send) -> None:
        self._format = format_
        self._send = send
        self._rows = 0
        self._size = 0
        self._begun = time.perf_counter()
        self.started = False

    async def add(self, execution: Execution, batch: Batch) -> None:
        """Send a batch that is not the last."""
        head = b""
        if not self.started:
            await self._start(execution)
            head = self._format.start(execution.columns)
        await self._body(head + self._encode(batch), more=True)

    async def finish(self, execution: Execution, batch: Batch) -> None:
        """Send the last batch, and the end."""
        if self.started:
            body = self._encode(batch) + self._format.finish(self._figures())
        else:
            head = self._format.start(execution.columns)
            body = head + self._encode(batch) + self._format.finish(self._figures())
            await self._start(execution, len(body))
        await self._body(body, more=False)

    async def fail(self, refusal: Refusal) -> None:
        """Say in a started answer that it failed.

        Where the format cannot, the answer stays without its end, so that the server hangs up and
        no client takes the rows so far for all rows.
        """
        body = self._format.fail(refusal.detail, self._figures())
        if body is not None:
            await self._body(body, more=False)

    def _encode(self, batch: Batch) -> bytes:
        self._rows += batch.count
        self._size += len(batch.rows)
        return self._format.batch(batch)

    def _figures(self) -> dict[str, Any]:
        return statistics(time.perf_counter() - self._begun, self._rows, self._size)

    async def _start(self, execution: Execution, length: int | None = None) -> None:
        self.started = True
        headers = [_PROTOCOL, ("Content-Type", self._format.content_type), *execution.headers]
        if length is not None:
            headers.append(("Content-Length", str(length)))
        await self._send(
            {
                "type": "http.response.start",
                "status": 200,
                "headers": [
                    (name.lower().encode(), text.encode("latin-1")) for name, text in headers
                ],
            }
        )

    async def _body(self, body: bytes, *, more: bool) -> None:
        await self._send({"type": "http.response.body", "body": body, "more_body": more})


@contextlib.asynccontextmanager
async def _watch(
    query: Running, options: Options, statement: Statement | None, receive: Receive
) -> AsyncIterator[asyncio.Event]:
    """Stop the query when its client hangs up or its time is over; the event says that it is."""

    async def wait_for_hangup() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        read_only = statement is not None and is_read_only(statement.text)
        if options.on_drop == "ALL" or (options.on_drop == "TYPE_DEPENDENT" and read_only):
            query.stop("The query was cancelled: its client hung up.")

    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    query.on_stop(lambda: loop.call_soon_threadsafe(stopping.set))
    text = "The query was cancelled: it ran longer than statement_timeout."
    timer = None if options.timeout is None else loop.call_later(options.timeout, query.stop, text)
    watcher = asyncio.create_task(wait_for_hangup())
    try:
        yield stopping
    finally:
        watcher.cancel()
        if timer is not None:
            timer.cancel()
