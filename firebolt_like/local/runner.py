"""The pool of worker threads, and a request's statements on their way through it.

What may live here: what is awaited between the event loop and the threads.
"""

import asyncio
import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from typing import Any, NamedTuple, Protocol, TypeVar

from firebolt_like.local.batches import Batch, RowEncoder
from firebolt_like.local.execution import Execution, Services
from firebolt_like.local.history import QueryHistory
from firebolt_like.local.json_batches import JsonBatches
from firebolt_like.local.options import Options
from firebolt_like.local.refusal import Refusal
from firebolt_like.local.running import Running, RunningList
from firebolt_like.local.uploads import Uploads
from firebolt_like.protocol.sql import Statement

__all__ = ["Runner", "Script", "Sink", "in_thread", "until_stopped"]

T = TypeVar("T")


class Script(NamedTuple):
    """The statements of a body, and what they run with."""

    services: Services
    body: str
    statements: Sequence[Statement]
    options: Options
    uploads: Uploads


class Sink(Protocol):
    """Takes the result sets of a script; see `Answer`."""

    encoder: RowEncoder
    limit: int | None
    rows: int
    size: int

    async def add(self, execution: Execution, batch: Batch) -> None:
        """Take a batch that is not the last of its result set."""

    async def finish(self, execution: Execution, batch: Batch) -> None:
        """Take the last batch of a result set."""

    async def end(self) -> None:
        """Take the end of all."""

    async def fail(self, refusal: Refusal) -> None:
        """Take an error, or raise it."""


class Discard:
    """A sink for queries without a client; see `Sink`."""

    def __init__(self) -> None:
        self.encoder: RowEncoder = JsonBatches()
        self.limit: int | None = None
        self.rows = 0
        self.size = 0

    async def add(self, execution: Execution, batch: Batch) -> None:  # noqa: ARG002  # Sink's signature
        """See `Sink`."""
        self.rows += batch.count
        self.size += len(batch.rows)

    finish = add

    async def end(self) -> None:
        """See `Sink`."""

    async def fail(self, refusal: Refusal) -> None:
        """See `Sink`; the query's outcome tells it."""


class Runner:
    """Runs scripts, each statement after the one before has ended well."""

    def __init__(self, pool: Executor, running: RunningList, history: QueryHistory) -> None:
        self._pool = pool
        self._running = running
        self._history = history
        self._tasks: set[asyncio.Task[None]] = set()

    def admit(self, query: Running) -> None:
        """Put a query on the lists; `run` takes it off. Raises `Refusal` when they are full."""
        self._running.add(query)
        self._history.started(query)

    async def run(
        self, query: Running, script: Script, sink: Sink, stopping: asyncio.Future[None]
    ) -> None:
        """Run a script. Raises `Refusal` where the sink raises it."""
        error: BaseException | None = None
        try:
            await self._run_all(query, script, sink, stopping)
        except BaseException as caught:
            error = caught
            raise
        finally:
            self._end(query, error, sink)

    async def check(self, query: Running, script: Script) -> None:
        """Look whether the one statement of a script can run by itself. Raises `Refusal`."""
        sink = Discard()
        statement = script.statements[0] if len(script.statements) == 1 else None
        execution = Execution(
            script.services, script.body, statement, script.options, query, sink.encoder
        )
        try:
            await asyncio.wrap_future(self._pool.submit(execution.check))
            execution.close(failed=False)
        except BaseException as error:
            self._end(query, error, sink)
            await in_thread(functools.partial(execution.close, failed=True))
            raise

    def run_alone(self, query: Running, script: Script) -> None:
        """Run a script whose result nobody gets, in a task of its own."""

        async def run() -> None:
            with until_stopped(query, script.options.timeout) as stopping:
                await self.run(query, script, Discard(), stopping)

        task = asyncio.create_task(run())
        self._tasks.add(task)  # the event loop alone would let it be collected
        task.add_done_callback(self._tasks.discard)

    async def _run_all(
        self, query: Running, script: Script, sink: Sink, stopping: asyncio.Future[None]
    ) -> None:
        options = script.options
        try:
            for statement in script.statements or (None,):
                limited = options.limited(sink.limit)
                execution = Execution(
                    script.services,
                    script.body,
                    statement,
                    limited,
                    query,
                    sink.encoder,
                    script.uploads,
                )
                batch = await self._run_one(execution, query, sink, stopping)
                await sink.finish(execution, batch)
                options = options.follow(execution.headers)
        except Refusal as refusal:
            refusal.query_id = query.query_id
            script.uploads.hide(refusal)
            self._end(query, refusal, sink)
            await sink.fail(refusal)
        else:
            self._end(query, None, sink)
            await sink.end()

    def _end(self, query: Running, error: BaseException | None, sink: Sink) -> None:
        """Tell the end once, before the client can know of it."""
        if query.outcome is None:
            self._history.ended(query, error, sink.rows, sink.size)
            self._running.remove(query)

    async def _run_one(
        self, execution: Execution, query: Running, sink: Sink, stopping: asyncio.Future[None]
    ) -> Batch:
        """Run a statement up to its last batch, which the sink does not get here."""
        succeeded = False
        try:
            batch = await self.in_worker(query, stopping, execution.start)
            while not batch.last:
                await sink.add(execution, batch)
                batch = await self.in_worker(query, stopping, execution.next)
            succeeded = True
        finally:
            if succeeded:
                execution.close(failed=False)
            else:
                await in_thread(functools.partial(execution.close, failed=True))
        return batch

    async def in_worker(
        self, query: Running, stopping: asyncio.Future[None], work: Callable[[], T]
    ) -> T:
        """Run blocking work in the pool; while the query is stopped, interrupt it until it ends."""
        try:
            job = self._pool.submit(work)
        except RuntimeError as error:  # the interpreter is ending
            raise Refusal.of("Cancelled", "The query was cancelled: the server ends.") from error
        future = asyncio.wrap_future(job)
        waiting: set[asyncio.Future[Any]] = {future, stopping}
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        while not future.done():
            if job.cancel():
                query.check()
            # DuckDB forgets an interrupt that comes before it has begun
            query.interrupt()
            await asyncio.wait({future}, timeout=0.02)
        return future.result()


async def in_thread(work: Callable[[], None]) -> None:
    """Run blocking work in a thread of its own kind: it must not wait behind other queries."""
    try:
        await asyncio.shield(asyncio.to_thread(work))
    except RuntimeError:  # the interpreter is ending, and starts no thread any more
        work()


@contextlib.contextmanager
def until_stopped(query: Running, timeout: float | None) -> Iterator[asyncio.Future[None]]:
    """Give what is done once a query was stopped; `timeout` (seconds) stops it."""
    loop = asyncio.get_running_loop()
    stopping = loop.create_future()

    def tell() -> None:
        if not stopping.done():
            stopping.set_result(None)

    query.on_stop(lambda: loop.call_soon_threadsafe(tell))
    text = "The query was cancelled: it ran longer than statement_timeout."
    timer = None if timeout is None else loop.call_later(timeout, query.stop, text)
    try:
        yield stopping
    finally:
        if timer is not None:
            timer.cancel()
