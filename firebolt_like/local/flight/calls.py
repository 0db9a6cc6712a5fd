"""One call over Flight: whom it is for, with which options, and the waiting for its work.

What may live here: what all handlers share, and how work in the pool is awaited and stopped. The
call's context may be asked only while its handler, or the stream that it gave, is being run.
"""

import dataclasses
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from typing import Any, Final, TypeVar

from firebolt_like.local.flight.callers import Caller
from firebolt_like.local.flight.shelf import Shelf
from firebolt_like.local.options import SETTINGS, Options, read_options
from firebolt_like.local.refusal import Refusal, invalid
from firebolt_like.local.running import Running
from firebolt_like.local.shared import Shared
from firebolt_like.local.tenants import Tenant
from firebolt_like.protocol.session import read_changes
from firebolt_like.protocol.sql import is_read_only

__all__ = ["Call", "Owner", "Query"]

T = TypeVar("T")

_ALERTNESS: Final = 0.05  # seconds
_HUNG_UP: Final = "The query was cancelled: its client hung up."
_HEADERS: Final = {*SETTINGS, "database", "engine", "account_id"}
_ENDPOINTS: Final = "flight_endpoints"
_MOST_ENDPOINTS: Final = 64


Owner = tuple[str, str]
"""The account and the login that something was made by: no others may use it."""


class Query(Running):
    """A query that knows how long it has been on its way, by a clock that nobody puts forward."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.made = time.monotonic()
        self.timed_out = False


class Call:
    """One call; `Refusal` where its headers are wrong or its login has no account here."""

    def __init__(
        self, shared: Shared, sessions: Shelf[dict[str, str]], caller: Caller, context: Any
    ) -> None:
        self.shared = shared
        self._sessions = sessions
        self._caller = caller
        self._context = context
        asked = {name: caller.headers[name] for name in _HEADERS & caller.headers.keys()}
        asked.setdefault("cancel_query_on_connection_drop", "ALL")  # a call is cancelled on purpose
        asked |= sessions.get(self._session_key) or {}
        options = read_options(asked.items())
        self.tenant = self._find_tenant(options)
        # who names an account does not ask for its system engine, as a gateway's clients do
        options = dataclasses.replace(options, account_id=None)
        self.options = self.tenant.complete(options, caller.held, None)

    def _find_tenant(self, options: Options) -> Tenant:
        tenants, name = self.shared.tenants, self._caller.headers.get("account")
        if name is None:
            return tenants.of(self._caller.held, options)
        tenant = tenants.named(self._caller.held, name)
        if tenant is None:
            raise Refusal.text(403, "This login may not use the account that was asked for.")
        return tenant

    @property
    def owner(self) -> Owner:
        """Who calls."""
        return self.tenant.account.name, self._caller.held.principal

    @property
    def connection(self) -> str:
        """The network connection that the call came by."""
        return str(self._context.peer())

    @property
    def backslash_escapes(self) -> bool:
        """Whether a backslash in a plain string is an escape."""
        escapes = self.options.backslash_escapes
        return self._caller.held.backslash_escapes if escapes is None else escapes

    @property
    def endpoints(self) -> int:
        """In how many parts the client wants its results."""
        text = self._caller.headers.get(_ENDPOINTS, "1")
        if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= _MOST_ENDPOINTS:
            raise invalid(f"The header {_ENDPOINTS} wants a number from 1 to {_MOST_ENDPOINTS}.")
        return int(text)

    @property
    def _session_key(self) -> str:
        # a cookie is no credential: who steals one gets nothing without the login
        return f"{self._caller.session}:{self._caller.held!r}"

    def follow(self, headers: Iterable[tuple[str, str]]) -> None:
        """Keep what a statement has changed in the session, for the calls with its cookie."""
        changes = read_changes(headers)
        if changes is None:
            return
        kept = {} if changes.reset else dict(self._sessions.get(self._session_key) or {})
        kept |= changes.update
        # calls of one session may overtake each other
        for name in (*changes.remove, "transaction_sequence_id"):
            kept.pop(name, None)
        self._sessions.put(kept, self._session_key)

    def check(self) -> None:
        """Raise `Refusal` when the client is gone."""
        if self._context.is_cancelled():
            raise Refusal.of("Cancelled", _HUNG_UP)

    def wait(self, query: Query, work: Callable[[], T], pool: Executor | None = None) -> T:
        """Run blocking work in the pool; when the query is stopped, interrupt it until it ends.

        A client that is gone, and `statement_timeout`, stop it. Raises what the work raises.
        """
        try:
            job = (pool or self.shared.pool).submit(work)
        except RuntimeError:  # shut down
            raise Refusal.of("Cancelled", "The query was cancelled: the server ends.") from None
        while not _is_done(job):
            self._look_after(query)
            if query.stopped:
                if job.cancel():
                    query.check()
                # DuckDB forgets an interrupt that comes before it has begun
                query.interrupt()
        try:
            return job.result()
        except Refusal as refusal:
            if query.timed_out and refusal.detail.name == "Cancelled":
                refusal.with_status(504)
            raise

    def _look_after(self, query: Query) -> None:
        timeout = self.options.timeout
        if self._context.is_cancelled() and self._may_be_dropped(query):
            query.stop(_HUNG_UP)
        if timeout is not None and time.monotonic() - query.made > timeout:
            query.timed_out = True
            query.stop("The query was cancelled: it ran longer than statement_timeout.")

    def _may_be_dropped(self, query: Query) -> bool:
        policy = self.options.on_drop
        return policy == "ALL" or (policy == "TYPE_DEPENDENT" and is_read_only(query.text))

    def query(self, text: str) -> Query:
        """Make a query of this call, which is on no list."""
        return Query(
            text,
            self.shared.clock,
            self.options.label,
            account=self.tenant.services.account,
            user=self.options.user,
        )

    @contextmanager
    def admit(self, text: str, query_id: str | None = None) -> Iterator[Query]:
        """Have a query on the lists while it runs. Raises `Refusal` when they are full."""
        query = self.query(text)
        query.query_id = query_id or query.query_id
        self.shared.running.add(query)
        self.shared.history.started(query)
        error: BaseException | None = None
        try:
            yield query
        except BaseException as caught:
            error = caught
            raise
        finally:
            rows, size = query.returned_rows, query.returned_bytes
            self.shared.history.ended(query, error, rows, size)
            self.shared.running.remove(query)


def _is_done(job: Future[Any]) -> bool:
    """Wait a little, and say whether the work has ended."""
    try:
        job.exception(_ALERTNESS)
    except TimeoutError:
        return job.done()
    return True
