"""What differs between the sync and the async face when a connection comes about.

What may live here: the protocol that both fulfil, and what their programs say.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol, TypeVar

from firebolt_like.client.io import IO
from firebolt_like.client.retry import Retry

__all__ = ["Face", "Manner", "nothing"]

T = TypeVar("T")


class Face(Protocol):
    """How a face makes its IO."""

    blocking: bool

    def make(self, **client: Any) -> IO:
        """Make the IO over a new client of the face, from the client's keywords."""

    async def call(self, function: Callable[[], T]) -> T:
        """Call a function that may block."""

    async def finish(self, function: Callable[[], None]) -> None:
        """Call a function that may block, also where the task is cancelled; perhaps twice."""


class Manner(NamedTuple):
    """What a connection is told by its program alone, never by a DSN or the environment."""

    retry: Retry
    row_factory: Any
    client: Mapping[str, Any]


async def nothing() -> None:
    """Let go of nothing."""
