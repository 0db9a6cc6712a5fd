"""What the faces of a server share: its accounts, its threads, and the lists of its queries.

What may live here: that one value.
"""

import dataclasses
from collections.abc import Callable
from concurrent.futures import Executor

from firebolt_like.local.history import QueryHistory
from firebolt_like.local.running import RunningList
from firebolt_like.local.tenants import Tenants
from firebolt_like.local.tokens import Gate

__all__ = ["Shared"]


@dataclasses.dataclass(frozen=True, slots=True)
class Shared:
    """Everything that a query needs; `clock` gives seconds, `max_body` is in bytes."""

    tenants: Tenants
    gate: Gate
    pool: Executor
    running: RunningList
    history: QueryHistory
    clock: Callable[[], float]
    max_body: int
