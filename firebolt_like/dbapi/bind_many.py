"""Many sets of parameters for one statement that changes rows, as one batch that the server binds.

What may live here: the question which sets can go together.
"""

from collections.abc import Sequence
from typing import Any

from firebolt_like.dbapi.backend import Capabilities
from firebolt_like.protocol.sql import first_words

__all__ = ["go_together"]

_CHANGE_ROWS = frozenset({"INSERT", "UPDATE", "DELETE", "MERGE"})


def go_together(able: Capabilities, operation: str, rows: Sequence[Sequence[Any]]) -> bool:
    """Tell whether a server takes sets of parameters together, and none is changed by another.

    In Arrow a column has one type: an integer beside a float would become one.

    >>> able = Capabilities(prepares=True)
    >>> go_together(able, "DELETE FROM t WHERE n = ?", [(1,), (None,), (2,)])
    True
    >>> go_together(able, "DELETE FROM t WHERE n = ?", [(1,), (0.5,)])
    False
    """
    if not (able.prepares and able.updates and len(rows) > 1):
        return False
    if not _CHANGE_ROWS.intersection(first_words(operation, 1)) or "RETURNING" in operation.upper():
        return False
    if len(set(map(len, rows))) > 1 or not rows[0]:
        return False
    return all(len(set(map(type, column)) - {type(None)}) < 2 for column in zip(*rows, strict=True))
