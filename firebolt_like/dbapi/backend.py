"""What a cursor needs of a way to run statements, and what a server can do.

What may live here: the protocol that backends fulfil, and capabilities as data.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from firebolt_like.client.retry import Budget
from firebolt_like.dbapi.result import Result
from firebolt_like.protocol.engine_sql import FIREBOLT, Writing
from firebolt_like.protocol.session import Changes, Session

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["CAPABILITIES", "Backend", "Capabilities", "FileContent", "Form", "Query", "Upload"]


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a server can do; where it cannot, callers hear of it before anything is sent."""

    transactions: bool = True
    streaming: bool = True
    cancels_writes: bool = True
    """It understands `cancel_query_on_connection_drop`."""
    backslash_escapes: bool = False
    """A backslash in a plain string is an escape."""
    uploads: bool = True
    """It may take rows as files; whether an engine does is asked when there are some."""
    settings: bool = True
    """SET is for the client, which sends settings along; else it is a statement like others."""
    query_parameters: bool = True
    """It binds values that go apart from the statement as JSON."""
    prepares: bool = False
    """It binds values that go apart from the statement as Arrow."""
    updates: bool = True
    """What changes rows can be run so that it gives their number."""
    writing: Writing = FIREBOLT
    """How values, names and types are written into SQL."""
    who: str = "This server has"
    """The beginning of the error about what it has not."""


CAPABILITIES = {
    # value of an AccountKind: what its servers can do
    "password": Capabilities(
        transactions=False,
        streaming=False,
        cancels_writes=False,
        backslash_escapes=True,
        uploads=False,
        who="Password accounts have",
    ),
    "cloud": Capabilities(),
    "core": Capabilities(),
}


Form = Literal["buffered", "streamed", "arrow"]
"""How a result is wanted: whole, batch by batch, or batch by batch as Arrow where that can be."""


@dataclass(frozen=True, slots=True)
class Query:
    """One statement, ready to be sent; `parameters` go with this request alone.

    `values` are those of its placeholders, for servers that bind them (`Capabilities.prepares`):
    a row, or for a statement that changes rows several, with each of which it runs.
    """

    text: str
    session: Session
    parameters: Mapping[str, str]
    form: Form
    read_only: bool
    values: Sequence[Sequence[Any]] | None = None


class FileContent(Protocol):
    """A Parquet file that can be read more than once, with its size in bytes and in rows."""

    size: int
    rows: int

    def __iter__(self) -> Iterator[bytes]:
        """Read it from its start, piece by piece."""


@dataclass(frozen=True, slots=True)
class Upload:
    """Rows for a table, to be sent as one statement: they arrive all or not at all.

    `table` is the parts of the name, `columns` the table's; the content, record batches of one
    schema or a Parquet file, has columns of the names `sources`, in the same order. Batches go as
    `form`, one of those that `takes_uploads` told.
    """

    table: tuple[str, ...]
    columns: tuple[str, ...]
    sources: tuple[str, ...]
    content: "Sequence[pa.RecordBatch] | FileContent"
    form: str
    session: Session
    parameters: Mapping[str, str]


class Backend(Protocol):
    """A way to run statements."""

    capabilities: Capabilities

    async def execute(
        self, query: Query, *, budget: Budget, apply: Callable[[Changes], None]
    ) -> Result:
        """Run a statement; `apply` is told what the answer does to the session."""

    async def validate(self, session: Session, *, budget: Budget) -> None:
        """Raise `OperationalError` when the server refuses a setting of the session."""

    async def takes_uploads(self, session: Session, *, budget: Budget) -> frozenset[str]:
        """Tell what an engine takes as rows: "arrow", "parquet", or nothing; it is asked once."""

    async def ingest(
        self, upload: Upload, *, budget: Budget, apply: Callable[[Changes], None]
    ) -> int | None:
        """Send rows; give the bytes sent, None where they are more than the engine takes at once.

        Whatever is raised, no row was sent twice; and after None nothing has run.
        """
