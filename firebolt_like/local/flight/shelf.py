"""Things that clients may come back for: results not yet fetched, prepared statements, sessions.

What may live here: a dictionary with random keys and two bounds, so that what a client forgets is
let go.
"""

import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

__all__ = ["Shelf"]

T = TypeVar("T")


class Shelf(Generic[T]):
    """Holds at most `most` things, each for `age` seconds of `clock` after its last use.

    For use from any thread.

    >>> shelf = Shelf[str](2, 60, clock=lambda: 0)
    >>> keys = [shelf.put(name) for name in ("a", "b", "c")]
    >>> [shelf.get(key) for key in keys]
    [None, 'b', 'c']
    """

    def __init__(self, most: int, age: float, clock: Callable[[], float]) -> None:
        self._most = most
        self._age = age
        self._clock = clock
        self._things: OrderedDict[str, tuple[float, T]] = OrderedDict()
        self._lock = threading.Lock()

    def put(self, thing: T, key: str | None = None) -> str:
        """Keep a thing; where there is a key, in the place of what it had."""
        key = key or secrets.token_urlsafe(24)
        now = self._clock()
        with self._lock:
            self._things.pop(key, None)
            self._things[key] = now, thing
            while len(self._things) > self._most or self._oldest() < now - self._age:
                self._things.popitem(last=False)
        return key

    def get(self, key: str) -> T | None:
        """Give a thing that is still there."""
        now = self._clock()
        with self._lock:
            used, thing = self._things.get(key, (float("-inf"), None))
            if thing is None or used < now - self._age:
                return None
            self._things[key] = now, thing
            self._things.move_to_end(key)
            return thing

    def remove(self, key: str) -> T | None:
        """Let a thing go."""
        with self._lock:
            return self._things.pop(key, (0, None))[1]

    def _oldest(self) -> float:
        return next(iter(self._things.values()))[0]
