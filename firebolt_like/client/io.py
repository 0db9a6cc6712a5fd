"""All that shared code may await: the IO protocol, and `run`.

Every behaviour of this package is written once, as `async def` over `IO`. The async face awaits it;
the sync face hands the coroutine to `run`, which finishes it in one step, because `BlockingIO`
never suspends.

What may live here: what waiting looks like. How one waits is in `httpx_io`.
"""

import contextlib
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar, cast

if TYPE_CHECKING:
    from firebolt_like.client.body import Pieces

__all__ = ["IO", "Reply", "Request", "run"]

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    """Finish `work`, whose IO blocks instead of suspending.

    >>> async def answer() -> int:
    ...     return 42
    >>> run(answer())
    42
    """
    try:
        work.send(None)
    except StopIteration as finished:
        return cast("T", finished.value)
    work.close()
    raise RuntimeError(f"{work!r} awaited something that is not its IO")


class Request(NamedTuple):
    """A request as shared code describes it; `auth=False` sends no credentials."""

    method: str
    url: str
    body: "bytes | Pieces" = b""
    headers: dict[str, str] = {}  # noqa: RUF012  # never changed
    auth: bool = True


class Reply(Protocol):
    """An open answer: its head has arrived, its body is read in pieces or as a whole."""

    status: int
    headers: list[tuple[str, str]]

    async def chunk(self, within: float | None = None) -> bytes:
        """Give the next piece of the body; empty at its end."""

    async def read(self, within: float | None = None) -> bytes:
        """Give the rest of the body."""

    async def close(self) -> None:
        """Let go of the answer, also where the task is cancelled; unread, it ends the query."""


class IO(Protocol):
    """What shared code may await."""

    async def send(self, request: Request, within: float | None = None) -> Reply:
        """Send a request; give its answer as soon as the head is there.

        `within` is in seconds. Raises `QueryTimeoutError`, and `ServerConnectionError`, whose
        `retryable` says that nothing was sent.
        """

    async def sleep(self, seconds: float) -> None:
        """Wait."""

    @staticmethod
    async def call(function: Callable[[], T]) -> T:
        """Call a function that may block: inline, or in a worker thread."""

    @staticmethod
    async def finish(function: Callable[[], None]) -> None:
        """Call a function that may block, also where the task is cancelled; perhaps twice."""

    def lock(self) -> contextlib.AbstractAsyncContextManager[Any]:
        """Make a lock."""

    def shield(self, seconds: float) -> contextlib.AbstractContextManager[Any]:
        """Let the block finish though the task is cancelled, but not longer than `seconds`."""

    def now(self) -> float:
        """Give the time in seconds, from any start, never going back."""

    async def close(self) -> None:
        """Close the client."""
