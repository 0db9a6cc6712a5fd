"""What an auth flow may wait for beside its requests, in a thread and in a task.

A flow yields a step; the sync driver calls `block`, the async driver awaits `suspend`. What may
live here: ways of waiting, nothing that knows of tokens.
"""

import inspect
import itertools
import threading  # noqa: TID251  # one login for all threads
import time
from collections.abc import Awaitable, Callable, Generator
from functools import partial
from typing import Any, NamedTuple, TypeVar

import anyio  # noqa: TID251  # one login for all tasks
import anyio.lowlevel  # noqa: TID251  # one lock for each event loop
import anyio.to_thread  # noqa: TID251  # work that blocks must not hold up an event loop
import httpx

from firebolt_like.errors import ConfigurationError

__all__ = ["Flow", "Step", "Turns", "ask", "call", "read", "sleep"]

T = TypeVar("T")


class Step(NamedTuple):
    """Something to wait for: `block` waits in this thread, `suspend` lets other tasks go on."""

    block: Callable[[], Any]
    suspend: Callable[[], Awaitable[Any]]


Flow = Generator[httpx.Request | Step, Any, T]
"""A flow yields requests and steps, is sent what came of them, and gives a `T`."""


def call(work: Callable[[], Any]) -> Step:
    """Do work that blocks, such as deriving a key or reading a file."""
    return Step(work, partial(anyio.to_thread.run_sync, work))


def read(response: httpx.Response) -> Step:
    """Read the body of an answer."""
    return Step(response.read, response.aread)


def sleep(seconds: float) -> Step:
    """Pause."""
    return Step(partial(time.sleep, seconds), partial(anyio.sleep, seconds))  # noqa: TID251  # as above


def ask(function: Callable[[], Any]) -> Step:
    """Call a function of the user, `def` or `async def`."""
    return Step(partial(_ask_in_thread, function), partial(_ask_in_task, function))


def _ask_in_thread(function: Callable[[], Any]) -> Any:
    if not inspect.iscoroutinefunction(function):
        answer = function()
        if not inspect.isawaitable(answer):
            return answer
        if inspect.iscoroutine(answer):
            answer.close()
    raise ConfigurationError(
        "This auth object fetches its token with `async def`; a sync client cannot await it.",
        hint="Use it with AsyncClient, or write fetch_token as `def`: that serves both.",
    )


async def _ask_in_task(function: Callable[[], Any]) -> Any:
    if inspect.iscoroutinefunction(function):
        return await function()
    answer = await anyio.to_thread.run_sync(function)
    return await answer if inspect.isawaitable(answer) else answer


_numbers = itertools.count()


class Turns:
    """One after another: the step `take` gives a lock that is held, to be released by any code.

    Threads wait for one another, and so do the tasks of an event loop. Each loop has a lock of its
    own, because one auth object may serve several calls of `asyncio.run`.
    """

    def __init__(self) -> None:
        self.take = Step(self._in_thread, self._in_task)
        self._threads = threading.Lock()
        # older versions of anyio tell these variables apart by their names
        self._tasks = anyio.lowlevel.RunVar[anyio.Lock](f"turns of login {next(_numbers)}")

    def _in_thread(self) -> threading.Lock:
        self._threads.acquire()
        return self._threads

    async def _in_task(self) -> anyio.Lock:
        lock = self._tasks.get(None)
        if lock is None:
            lock = anyio.Lock()
            self._tasks.set(lock)
        await lock.acquire()
        return lock
