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
    """Holds things that weigh at most `most`, each for `age` seconds of `clock` after its last use.

    The last one is held whatever it weighs. For use from any thread.

    >>> shelf = Shelf[str](2, 60, clock=lambda: 0)
    >>> keys = [shelf.put(name) for name in ("a", "b", "c")]
    >>> [shelf.get(key) for key in keys]
    [None, 'b', 'c']
    """

    def __init__(
        self,
        most: int,
        age: float,
        clock: Callable[[], float],
        weigh: Callable[[T], int] = lambda thing: 1,  # noqa: ARG005  # every thing weighs the same
    ) -> None:
        self._most = most
        self._weigh = weigh
        self._weight = 0
        self._age = age
        self._clock = clock
        self._things: OrderedDict[str, tuple[float, T]] = OrderedDict()
        self._lock = threading.Lock()

    def put(self, thing: T, key: str | None = None) -> str:
        """Keep a thing; where there is a key, in the place of what it had."""
        key = key or secrets.token_urlsafe(24)
        now = self._clock()
        with self._lock:
            self._pop(key)
            self._things[key] = now, thing
            self._weight += self._weigh(thing)
            while len(self._things) > 1 and (self._weight > self._most or self._is_old(now)):
                self._pop(next(iter(self._things)))
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
            return self._pop(key)

    def _pop(self, key: str) -> T | None:
        if key not in self._things:
            return None
        _, thing = self._things.pop(key)
        self._weight -= self._weigh(thing)
        return thing

    def _is_old(self, now: float) -> bool:
        used, _ = next(iter(self._things.values()))
        return used < now - self._age
