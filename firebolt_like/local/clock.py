"""A clock that can be put forward, for people's tests."""

import time

__all__ = ["Clock"]


class Clock:
    """The time in seconds since 1970, put forward by `advance`: a `clock=` for `LocalServer`.

    Tokens expire and idle transactions end by the server's clock, so that no test has to sleep.

    >>> clock = Clock()
    >>> clock.advance(3600)
    >>> clock() - time.time() > 3599
    True
    """

    def __init__(self) -> None:
        self._ahead = 0.0

    def __call__(self) -> float:
        """Give the time."""
        return time.time() + self._ahead

    def advance(self, seconds: float) -> None:
        """Put it forward."""
        self._ahead += seconds
