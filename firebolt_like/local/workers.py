"""A pool of daemon threads, so that a query that runs on does not hold up a program's end.

`concurrent.futures.ThreadPoolExecutor` joins its threads before the interpreter calls what was
registered to stop the server, and DuckDB runs a query to its end unless it is interrupted.

What may live here: the pool.
"""

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from queue import SimpleQueue
from typing import Any, ParamSpec, TypeAlias, TypeVar

__all__ = ["Workers"]

P = ParamSpec("P")
T = TypeVar("T")
_Job: TypeAlias = tuple[Future[Any], Callable[[], Any]]
_Inbox: TypeAlias = "SimpleQueue[_Job | None]"


class Workers(Executor):
    """At most `most` threads, started when they are first needed.

    >>> with Workers(2) as workers:
    ...     workers.submit(divmod, 7, 2).result()
    (3, 1)
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._waiting: deque[_Job] = deque()
        self._idle: list[_Inbox] = []
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._closed = False

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Have a thread call `fn`. Raises `RuntimeError` after `shutdown`."""
        future: Future[T] = Future()
        job = future, lambda: fn(*args, **kwargs)
        with self._lock:
            if self._closed:
                raise RuntimeError("The pool is shut down.")
            if self._idle:
                self._idle.pop().put(job)  # the one that worked last: its caches are warm
            elif len(self._threads) < self._most:
                self._start(job)
            else:
                self._waiting.append(job)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more work; `cancel_futures` drops what has not begun, `wait` waits."""
        with self._lock:
            self._closed = True
            while cancel_futures and self._waiting:
                self._waiting.popleft()[0].cancel()
            while self._idle:
                self._idle.pop().put(None)
        for thread in self._threads if wait else ():
            thread.join()

    def _start(self, job: _Job) -> None:
        inbox: _Inbox = SimpleQueue()
        inbox.put(job)
        name = f"firebolt_like-query-{len(self._threads)}"
        thread = threading.Thread(target=self._work, args=(inbox,), name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _work(self, inbox: _Inbox) -> None:
        while (job := inbox.get()) is not None:
            self._run(*job, inbox)
            del job

    def _run(self, future: Future[Any], call: Callable[[], Any], inbox: _Inbox) -> None:
        """Run a job; the thread is free before the caller knows, who may have the next one."""
        if not future.set_running_or_notify_cancel():
            self._free(inbox)
            return
        try:
            result = call()
        except BaseException as error:  # noqa: BLE001  # whoever waits is told
            self._free(inbox)
            future.set_exception(error)
        else:
            self._free(inbox)
            future.set_result(result)
        finally:
            del future, call  # an error holds this frame

    def _free(self, inbox: _Inbox) -> None:
        with self._lock:
            if self._waiting:
                inbox.put(self._waiting.popleft())
            elif self._closed:
                inbox.put(None)
            else:
                self._idle.append(inbox)
