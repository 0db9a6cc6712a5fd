"""What a connection does, once for both faces: sessions, transactions, closing.

What may live here: `ConnectionCore`, and `ConnectionAttributes`, which both faces inherit. How a
connection comes about is in `connect`.
"""

import dataclasses
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from firebolt_like import errors
from firebolt_like.client.io import IO
from firebolt_like.client.retry import Budget
from firebolt_like.dbapi.backend import Backend, Form, Query, Upload
from firebolt_like.dbapi.result import Result
from firebolt_like.errors import (
    ConnectionClosedError,
    Error,
    InterfaceError,
    NotSupportedError,
)
from firebolt_like.protocol.session import Changes, Session
from firebolt_like.protocol.sql import first_words, is_read_only

if TYPE_CHECKING:
    from firebolt_like.dbapi.cursor import CursorCore

__all__ = ["ConnectionAttributes", "ConnectionCore"]

T = TypeVar("T")

_OUTSIDE_TRANSACTIONS = frozenset({"BEGIN", "START", "COMMIT", "END", "ROLLBACK", "ABORT", "USE"})
"""Statements that open no transaction by themselves where autocommit is off."""

_PARTING_SECONDS = 5.0
"""How long the rollback of `close` may take: a server that is gone must not hold its client."""


class ConnectionCore:
    """One session with a server; cursors share its transaction."""

    def __init__(
        self,
        io: IO,
        backend: Backend,
        session: Session,
        *,
        autocommit: bool,
        timeout: float | None,
        paramstyle: str,
        row_factory: Any,
        release: Callable[[], Awaitable[None]],
    ) -> None:
        self.io = io
        self.backend = backend
        self.session = session
        self.timeout = timeout
        self.paramstyle = paramstyle
        self.row_factory = row_factory
        self.closed = False
        self._release = release
        self._lock = io.lock()
        self._transaction: dict[str, str] = {}
        self._transaction_session = session  # a cursor may have chosen another engine by USE
        self._streams: set[Result] = set()
        self.set_autocommit(autocommit)

    def set_autocommit(self, on: bool) -> None:
        """Switch between a transaction for each statement and one until `commit`."""
        if not on and not self.backend.capabilities.transactions:
            who = self.backend.capabilities.who
            raise NotSupportedError(f"{who} no transactions: autocommit stays on.")
        if self._transaction:
            raise InterfaceError("A transaction is open: commit or roll back first.")
        self.autocommit = on

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        return bool(self._transaction)

    def budget(self, timeout: float | None) -> Budget:
        """Start the clock of one call."""
        self.check_open()
        return Budget(self.io, self.timeout if timeout is None else timeout)

    def check_open(self) -> None:
        """Raise `ConnectionClosedError` after `close`."""
        if self.closed:
            raise ConnectionClosedError("The connection is closed.")

    async def run(
        self,
        text: str,
        cursor: "CursorCore[Any]",
        *,
        parameters: dict[str, str],
        form: Form,
        budget: Budget,
        values: Sequence[Sequence[Any]] | None = None,
    ) -> Result:
        """Run one statement of a cursor, inside of the transaction where there is one."""
        words = first_words(text, 1)
        opens = not _OUTSIDE_TRANSACTIONS.intersection(words)
        return await self._in_transaction(
            lambda: self._execute(
                text, cursor, parameters, form=form, budget=budget, values=values
            ),
            cursor,
            opens=opens,
            budget=budget,
        )

    async def ingest(
        self, upload: Upload, cursor: "CursorCore[Any]", *, budget: Budget
    ) -> int | None:
        """Send rows as a statement of a cursor; see `Backend.ingest`."""

        async def send() -> int | None:
            inside = dataclasses.replace(upload, parameters=self._transaction)
            apply = self._applying(cursor)
            return await self.backend.ingest(inside, budget=budget, apply=apply)

        return await self._in_transaction(send, cursor, opens=True, budget=budget)

    async def commit(self) -> None:
        """Make the open transaction's changes permanent; nothing without one."""
        self.check_open()
        await self._end("COMMIT", self.budget(None))

    async def rollback(self) -> None:
        """Undo the open transaction's changes; nothing without one."""
        self.check_open()
        if not self.backend.capabilities.transactions:
            who = self.backend.capabilities.who
            raise NotSupportedError(f"{who} no transactions to roll back.")
        if self._transaction:
            for result in list(self._streams):
                await result.close()  # what it reads is undone
        await self._end("ROLLBACK", self.budget(None))

    async def close(self) -> None:
        """Close all cursors, roll back an open transaction, let go of the server."""
        if self.closed:
            return
        self.closed = True
        try:
            for result in list(self._streams):
                await result.close()
            with self.io.shield(_PARTING_SECONDS):
                await self._end("ROLLBACK", Budget(self.io, _PARTING_SECONDS))
        except Error:
            pass  # the server rolls back by itself what is never committed
        finally:
            await self._release()

    async def leave(self, failed: bool) -> None:
        """End the `with` block: commit, or roll back after an error; then close."""
        if self.closed:
            return
        try:
            if not failed:
                await self.commit()
        finally:
            await self.close()

    async def _in_transaction(
        self,
        work: Callable[[], Awaitable[T]],
        cursor: "CursorCore[Any]",
        *,
        opens: bool,
        budget: Budget,
    ) -> T:
        """Do what `opens` a transaction where autocommit is off, or joins one that is open."""
        opens = opens and not self.autocommit
        if not (self._transaction or opens):
            return await work()
        async with self._lock:
            self._check_no_open_stream()
            if opens and not self._transaction:
                await self._execute("BEGIN", cursor, {}, form="buffered", budget=budget)
            return await work()

    async def _end(self, statement: str, budget: Budget) -> None:
        if not self._transaction:
            return
        async with self._lock:
            self._check_no_open_stream()
            try:
                await self.backend.execute(
                    self._query(statement, self._transaction_session, {}, form="buffered"),
                    budget=budget,
                    apply=self._apply,
                )
            finally:
                # whatever was answered, this transaction can no longer be used
                self._transaction = {}

    async def _execute(
        self,
        text: str,
        cursor: "CursorCore[Any]",
        parameters: dict[str, str],
        *,
        form: Form,
        budget: Budget,
        values: Sequence[Sequence[Any]] | None = None,
    ) -> Result:
        query = self._query(text, cursor.session, parameters, form=form, values=values)
        result = await self.backend.execute(query, budget=budget, apply=self._applying(cursor))
        if not result.finished:
            self._streams.difference_update([r for r in list(self._streams) if r.finished])
            self._streams.add(result)
        return result

    def _applying(self, cursor: "CursorCore[Any]") -> Callable[[Changes], None]:
        def apply(changes: Changes) -> None:
            if not self._transaction:
                self._transaction_session = cursor.session
            self._apply(changes)
            cursor.session = cursor.session.apply(changes)

        return apply

    def _query(
        self,
        text: str,
        session: Session,
        parameters: dict[str, str],
        *,
        form: Form,
        values: Sequence[Sequence[Any]] | None = None,
    ) -> Query:
        everything = {**self._transaction, **parameters}
        escapes = self.backend.capabilities.backslash_escapes
        read_only = is_read_only(text, backslash_escapes=escapes)
        return Query(text, session, everything, form, read_only, values)

    def _apply(self, changes: Changes) -> None:
        self._transaction = changes.transaction(self._transaction)

    def _check_no_open_stream(self) -> None:
        if not all(result.finished for result in list(self._streams)):
            raise InterfaceError(
                "A stream of this connection is still open, and a transaction runs one statement "
                "at a time: read the stream to its end or close its cursor first."
            )


class ConnectionAttributes:
    """The attributes that need no waiting, the errors among them (PEP 249, optional extension)."""

    Warning = errors.Warning
    Error = errors.Error
    InterfaceError = errors.InterfaceError
    DatabaseError = errors.DatabaseError
    DataError = errors.DataError
    OperationalError = errors.OperationalError
    IntegrityError = errors.IntegrityError
    InternalError = errors.InternalError
    ProgrammingError = errors.ProgrammingError
    NotSupportedError = errors.NotSupportedError

    _core: ConnectionCore

    @property
    def autocommit(self) -> bool:
        """Whether each statement takes effect at once; may be set while no transaction is open."""
        return self._core.autocommit

    @autocommit.setter
    def autocommit(self, on: bool) -> None:
        self._core.set_autocommit(on)

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open, by `autocommit=False` or by BEGIN."""
        return self._core.in_transaction

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._core.closed

    def __repr__(self) -> str:
        state = "closed" if self.closed else f"to {self._core.session.url}"
        return f"<{type(self).__module__}.{type(self).__qualname__} {state}>"
