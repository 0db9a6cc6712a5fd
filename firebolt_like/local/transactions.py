"""Open transactions: one DuckDB cursor each, found by the id that the client sends back.

    open --statement--> open (next sequence id)        open --failed statement--> aborted
    open --COMMIT/ROLLBACK/idle too long--> gone       aborted --ROLLBACK--> gone

What may live here: the transactions and their rules. Everything here blocks and is called from
worker threads.
"""

import secrets
import threading
from collections.abc import Callable

import duckdb

from firebolt_like.local.engine import Engine, set_zone
from firebolt_like.local.refusal import Refusal
from firebolt_like.protocol.sql import quote_name

__all__ = ["Transaction", "Transactions", "refused"]


_PATIENCE = 10.0
"""Seconds that the end of a transaction waits for its last statement."""


def refused(text: str) -> Refusal:
    """Refuse for a reason of transactions."""
    return Refusal.of("TransactionError", text)


class Transaction:
    """One transaction; `cursor` is None once a statement has failed and all is rolled back."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection, database: str, zone: str) -> None:
        self.id = secrets.token_hex(12)
        self.sequence = 1
        self.cursor: duckdb.DuckDBPyConnection | None = cursor
        self.database = database
        self.zone = zone
        self.busy = False
        self.used = 0.0

    @property
    def headers(self) -> list[tuple[str, str]]:
        """What the client has to send with the next statement."""
        return [
            ("Firebolt-Update-Parameters", f"transaction_id={self.id}"),
            ("Firebolt-Update-Parameters", f"transaction_sequence_id={self.sequence}"),
        ]

    def use(self, database: str) -> None:
        """Change the current database of this transaction only."""
        if self.cursor is not None:
            self.cursor.execute(f"USE {quote_name(database)}")
            self.database = database

    def set_zone(self, zone: str) -> None:
        """Change the time zone for the next statement. Raises `Refusal` for an unknown one."""
        if self.cursor is not None and zone != self.zone:
            set_zone(self.cursor, zone)
            self.zone = zone

    def abort(self) -> None:
        """Roll everything back, now."""
        cursor, self.cursor = self.cursor, None
        if cursor is not None:
            cursor.close()  # DuckDB rolls back what is open


class Transactions:
    """All open transactions; one that is unused for `idle` seconds of `clock` is rolled back."""

    def __init__(self, engine: Engine, clock: Callable[[], float], idle: float) -> None:
        self._engine = engine
        self._clock = clock
        self._idle = idle
        self._open: dict[str, Transaction] = {}
        self._lock = threading.Condition()
        engine.on_remove(self._abort_in)

    def begin(self, database: str, zone: str) -> Transaction:
        """Open one."""
        cursor = self._engine.borrow(database, zone)
        cursor.execute("BEGIN TRANSACTION")
        transaction = Transaction(cursor, database, zone)
        transaction.used = self._clock()
        with self._lock:
            self._open[transaction.id] = transaction
        return transaction

    def enter(self, name: str, sequence: str | None) -> Transaction:
        """Take a transaction for one statement; `leave` gives it back. Raises `Refusal`."""
        with self._lock:
            transaction = self._open.get(name)
            if transaction is None:
                raise refused(
                    f"The transaction {name[:100]} does not exist: it has ended, or was idle for "
                    f"more than {self._idle:g} s and was rolled back. ROLLBACK leaves it."
                )
            if transaction.busy:
                raise refused("Another statement of this transaction is still running.")
            if transaction.cursor is None:
                raise refused(
                    "The current transaction is aborted by a failed statement and rolled back. "
                    "ROLLBACK leaves it."
                )
            if sequence is not None and sequence != str(transaction.sequence):
                raise refused(
                    f"transaction_sequence_id is {sequence[:100]}, but this transaction's next "
                    f"statement is {transaction.sequence}."
                )
            transaction.busy = True
            transaction.sequence += 1
            return transaction

    def leave(self, transaction: Transaction) -> None:
        """Give a transaction back after its statement."""
        with self._lock:
            transaction.used = self._clock()
            transaction.busy = False
            self._lock.notify_all()

    def remove(self, name: str) -> Transaction | None:
        """Take a transaction off the list, to end it."""
        with self._lock:
            transaction = self._open.get(name)
            # a client that gave up on a statement ends the transaction before that one has noticed
            if transaction is not None and not self._lock.wait_for(
                lambda: not transaction.busy, _PATIENCE
            ):
                raise refused("A statement of this transaction is still running.")
            return self._open.pop(name, None)

    def expire(self) -> None:
        """Roll back those that have been idle for too long."""
        latest = self._clock() - self._idle
        with self._lock:
            expired = [t for t in self._open.values() if not t.busy and t.used < latest]
            for transaction in expired:
                del self._open[transaction.id]
        for transaction in expired:
            transaction.abort()

    def _abort_in(self, database: str) -> None:
        """Abort those whose database goes; one whose statement runs holds it until that ends."""
        with self._lock:
            idle = [t for t in self._open.values() if t.database == database and not t.busy]
            for transaction in idle:
                transaction.abort()

    def close(self) -> None:
        """Roll back all."""
        with self._lock:
            transactions = list(self._open.values())
            self._open.clear()
        for transaction in transactions:
            transaction.abort()
