"""Transactions that actions began, and the connections they began on.

The command that runs a prepared statement names no transaction, so that a statement belongs to the
one that it was prepared in. ADBC prepares a statement once, and runs it in later transactions, too:
it goes on in the one that is open on the same connection. What may live here: that rule.
"""

import threading
from collections import OrderedDict
from typing import Final

from firebolt_like.local.flight.calls import Call, Owner

__all__ = ["Begun"]

_MOST: Final = 10_000  # of those that nobody ends


class Begun:
    """The transactions that were begun and not yet ended; for use from any thread."""

    def __init__(self) -> None:
        self._places: OrderedDict[str, tuple[Owner, str]] = OrderedDict()
        self._lock = threading.Lock()

    def add(self, call: Call, transaction_id: str) -> None:
        """Note that a call has begun one."""
        with self._lock:
            self._places[transaction_id] = call.owner, call.connection
            while len(self._places) > _MOST:
                self._places.popitem(last=False)

    def remove(self, transaction_id: str) -> None:
        """Note that one has ended."""
        with self._lock:
            self._places.pop(transaction_id, None)

    def current(self, call: Call, transaction_id: str) -> str:
        """Give a transaction itself, or, where it has ended, the one that came in its place."""
        with self._lock:
            if transaction_id in self._places:
                return transaction_id
            place = call.owner, call.connection
            found = [name for name, begun in self._places.items() if begun == place]
        return found[0] if len(found) == 1 else transaction_id
