"""What may be sent again, when, and how long a call may take in all.

A statement that may have run is never sent again. What may live here: the table, the policy, the
budget, and the one loop that sends.
"""

import datetime
import email.utils
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from firebolt_like.client.io import IO, Reply, Request
from firebolt_like.errors import (
    ConfigurationError,
    OperationalError,
    QueryTimeoutError,
    ServerConnectionError,
)

__all__ = ["RULES", "Budget", "Retry", "Rule", "send"]


class Rule(NamedTuple):
    """Whether a statement, and a request that is safe to repeat, may be sent again."""

    event: str
    statement: bool
    repeatable: bool
    why: str


RULES: dict[int | str, Rule] = {
    "not sent": Rule("nothing was sent", True, True, "the server never saw it"),
    "lost": Rule("the connection broke later", False, True, "a statement may have run"),
    429: Rule("429 Too Many Requests", True, True, "refused before it ran"),
    503: Rule("503 Service Unavailable", True, True, "refused before it ran"),
    502: Rule("502 Bad Gateway", False, True, "a statement may have run behind the gateway"),
    504: Rule("504 Gateway Timeout", False, True, "a statement may be running still"),
}


@dataclass(frozen=True, slots=True)
class Retry:
    """How often and how patiently a request that may be sent again is sent again.

    `attempts` counts all tries; the wait before try n+1 is random between 0 and
    `base * 2 ** (n - 1)` seconds, at most `cap` (full jitter), or what `Retry-After` says.
    `Retry(attempts=1)` never sends anything twice.

    >>> Retry(attempts=3, jitter=lambda: 1.0).wait(2)
    0.4
    """

    attempts: int = 5
    base: float = 0.2
    cap: float = 10.0
    jitter: Callable[[], float] = random.random

    def __post_init__(self) -> None:
        if self.attempts < 1 or self.base < 0 or self.cap < 0:
            raise ConfigurationError("Retry takes attempts >= 1, base >= 0 and cap >= 0.")

    def wait(self, attempt: int) -> float:
        """Give the seconds to wait after try `attempt`, counted from 1."""
        doublings = min(attempt - 1, 60)  # beyond it floats would overflow
        return self.jitter() * min(self.cap, self.base * 2.0**doublings)

    def allows(self, event: int | str | None, attempt: int, *, repeatable: bool) -> bool:
        """Tell whether a request may be sent again after try `attempt` met `event` of `RULES`."""
        rule = None if event is None else RULES.get(event)
        if rule is None or attempt >= self.attempts:
            return False
        return rule.repeatable if repeatable else rule.statement


class Budget:
    """The time that a call may take in all, over every request it makes.

    A stream's budget is paused while its caller does other things: only waiting counts.
    """

    def __init__(self, io: IO, seconds: float | None) -> None:
        if seconds is not None and not (isinstance(seconds, int | float) and seconds > 0):
            raise ConfigurationError(f"A timeout is more than 0 seconds, not {seconds!r}.")
        self._io = io
        self._seconds = seconds
        self._rest = float("inf") if seconds is None else seconds
        self._since: float | None = io.now()

    def left(self) -> float | None:
        """Give the seconds left, None for no limit; raises `QueryTimeoutError` at the end."""
        if self._seconds is None:
            return None
        rest = self._left()
        if rest <= 0:
            raise self.expired()
        return rest

    def expired(self) -> QueryTimeoutError:
        """Make the error that says that the time is over."""
        return QueryTimeoutError(f"The timeout of {self._seconds} seconds ran out.")

    def allows(self, seconds: float) -> bool:
        """Tell whether so many seconds can still be waited."""
        return seconds < self._left()

    def pause(self) -> None:
        """Stop the clock until `resume`."""
        self._rest, self._since = self._left(), None

    def resume(self) -> None:
        """Let the clock run again."""
        if self._since is None:
            self._since = self._io.now()

    def _left(self) -> float:
        return self._rest if self._since is None else self._rest - (self._io.now() - self._since)


async def send(
    io: IO, request: Request, *, retry: Retry, budget: Budget, repeatable: bool = False
) -> Reply:
    """Send a request, and again where `RULES` and the policy allow; give the last answer.

    Raises what `io.send` raises, when it may not be sent again or the tries are used up.
    """
    attempt = 1
    while True:
        try:
            reply = await io.send(request, budget.left())
        except OperationalError as error:
            pause = retry.wait(attempt)
            again = retry.allows(_event(error), attempt, repeatable=repeatable)
            if not (again and budget.allows(pause)):
                if error.retryable and not budget.allows(_CLOCK_STEP):
                    # reaching the server took all the time that there was
                    raise budget.expired() from error
                raise
        else:
            pause = _pause(reply, retry.wait(attempt))
            again = retry.allows(reply.status, attempt, repeatable=repeatable)
            if not (again and budget.allows(pause)):
                return reply
            await reply.close()
        await io.sleep(pause)
        attempt += 1


_CLOCK_STEP = 0.02  # timers fire so much too early


def _event(error: OperationalError) -> str | None:
    if error.retryable:
        return "not sent"
    return "lost" if isinstance(error, ServerConnectionError) else None


_LONGEST_RETRY_AFTER = 120.0  # beyond it the caller should hear of it rather than hang


def _pause(reply: Reply, default: float) -> float:
    value = next((v for k, v in reply.headers if k.lower() == "retry-after"), "").strip()
    if not value:
        return default
    try:
        seconds = float(value) if value.isdigit() else _until(value)
    except ValueError:
        return default
    return max(0.0, seconds) if seconds <= _LONGEST_RETRY_AFTER else float("inf")


def _until(date: str) -> float:
    moment = email.utils.parsedate_to_datetime(date)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)
    return (moment - datetime.datetime.now(datetime.UTC)).total_seconds()
