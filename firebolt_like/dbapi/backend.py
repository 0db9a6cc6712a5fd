"""What a cursor needs of a way to run statements, and what a server can do.

What may live here: the protocol that backends fulfil, and capabilities as data.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from firebolt_like.client.auth.base import AccountKind
from firebolt_like.client.retry import Budget
from firebolt_like.dbapi.result import Result
from firebolt_like.protocol.session import Changes, Session

__all__ = ["CAPABILITIES", "Backend", "Capabilities", "Form", "Query"]


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a server can do; where it cannot, callers hear of it before anything is sent."""

    transactions: bool = True
    streaming: bool = True
    cancels_writes: bool = True
    """It understands `cancel_query_on_connection_drop`."""
    backslash_escapes: bool = False
    """A backslash in a plain string is an escape."""


CAPABILITIES = {
    AccountKind.PASSWORD: Capabilities(
        transactions=False, streaming=False, cancels_writes=False, backslash_escapes=True
    ),
    AccountKind.CLOUD: Capabilities(),
    AccountKind.CORE: Capabilities(),
}


Form = Literal["buffered", "streamed", "arrow"]
"""How a result is wanted: whole, batch by batch, or batch by batch as Arrow where that can be."""


@dataclass(frozen=True, slots=True)
class Query:
    """One statement, ready to be sent; `parameters` go with this request alone."""

    text: str
    session: Session
    parameters: Mapping[str, str]
    form: Form
    read_only: bool


class Backend(Protocol):
    """A way to run statements."""

    capabilities: Capabilities

    async def execute(
        self, query: Query, *, budget: Budget, apply: Callable[[Changes], None]
    ) -> Result:
        """Run a statement; `apply` is told what the answer does to the session."""

    async def validate(self, session: Session, *, budget: Budget) -> None:
        """Raise `OperationalError` when the server refuses a setting of the session."""
