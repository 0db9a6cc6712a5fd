"""A limit for waits in threads that know none of their own.

What may live here: the one thread that ends what takes too long.
"""

import threading
import time
from types import TracebackType

from firebolt_like.flight.transport import Call

__all__ = ["Watch"]


_IDLE = 10.0  # seconds without anyone who waits, after which the thread ends


class Watch:
    """Ends calls that a thread waits for too long. Its thread begins with the first wait.

    >>> watch = Watch()
    >>> with watch.over(Call(), 5.0):
    ...     pass
    >>> watch.close()
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waits: set[_Wait] = set()
        self._wakes = float("inf")
        self._thread: threading.Thread | None = None
        self._closed = False

    def over(self, call: Call, within: float | None) -> "_Wait":
        """Make a context in which `call` is waited for, `within` so many seconds."""
        return _Wait(self, call, within)

    def close(self) -> None:
        """End the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def enter(self, wait: "_Wait") -> None:
        """Begin to wait."""
        self._waits.add(wait)  # a set adds and discards as one step
        if wait.end >= self._wakes and self._thread is not None and self._thread.is_alive():
            return  # the thread looks again before this wait ends
        with self._changed:
            if self._thread is None or not self._thread.is_alive():  # a fork leaves no thread
                self._closed = False
                self._thread = threading.Thread(
                    target=self._run, name="firebolt_like Flight deadlines", daemon=True
                )
                self._thread.start()
            self._wakes = min(self._wakes, wait.end)
            self._changed.notify()

    def leave(self, wait: "_Wait") -> None:
        """End a wait."""
        self._waits.discard(wait)

    def _run(self) -> None:
        with self._changed:
            while not self._closed:
                # in this order: whoever adds itself after the copy sees that it must wake this
                self._wakes = float("inf")
                waits = self._waits.copy()
                now = time.monotonic()
                for wait in waits:
                    if wait.end <= now:
                        self.leave(wait)
                        wait.call.expire()
                self._wakes = min((w.end for w in waits if w.end > now), default=float("inf"))
                if not self._changed.wait(min(self._wakes - now, _IDLE)) and not self._waits:
                    break
            self._thread = None
            self._wakes = float("inf")


class _Wait:
    __slots__ = ("_watch", "call", "end")

    def __init__(self, watch: Watch, call: Call, within: float | None) -> None:
        self._watch = watch
        self.call = call
        self.end = float("inf") if within is None else time.monotonic() + within

    def __enter__(self) -> None:
        if self.end < float("inf"):
            self._watch.enter(self)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._watch.leave(self)
