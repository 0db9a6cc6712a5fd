"""The errors of this module: those of the package that Arrow's users know, too.

Programs on Dremio's clients catch `pyarrow.lib.ArrowInvalid` for whatever is wrong with a
statement, and read in its text whether a table or a column is missing.

What may live here: exception classes, and the way from the package's own to them.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from pyarrow.lib import ArrowInvalid

from firebolt_like import errors

__all__ = [
    "DataError",
    "DremioAuthError",
    "IntegrityError",
    "InternalError",
    "MalformedQueryError",
    "NotSupportedError",
    "ProgrammingError",
    "as_arrow_knows",
]


class DataError(errors.DataError, ArrowInvalid):  # type: ignore[misc]  # pyarrow has no annotations
    """A value that cannot be sent, or does not fit its type (PEP 249)."""


class IntegrityError(errors.IntegrityError, ArrowInvalid):  # type: ignore[misc]  # as above
    """The relational integrity of the database is affected (PEP 249)."""


class InternalError(errors.InternalError, ArrowInvalid):  # type: ignore[misc]  # as above
    """The server met an error inside itself (PEP 249)."""


class ProgrammingError(errors.ProgrammingError, ArrowInvalid):  # type: ignore[misc]  # as above
    """Bad SQL, a missing table, a missing permission (PEP 249)."""


class NotSupportedError(errors.NotSupportedError, ArrowInvalid):  # type: ignore[misc]  # as above
    """The server does not have what was asked for (PEP 249)."""


class MalformedQueryError(ProgrammingError):
    """The placeholders of a statement and its parameters do not fit; nothing was sent."""


class DremioAuthError(errors.AuthenticationError):
    """The server refused the name, the password or the token."""


_KINDS: tuple[tuple[type[errors.Error], type[errors.Error]], ...] = (
    # the package's error: this module's
    (errors.AuthenticationError, DremioAuthError),
    (errors.DataError, DataError),
    (errors.IntegrityError, IntegrityError),
    (errors.InternalError, InternalError),
    (errors.ProgrammingError, ProgrammingError),
    (errors.NotSupportedError, NotSupportedError),
)

_NO_COLUMN = re.compile(
    # DuckDB and PostgreSQL; DataFusion; Sail. Dremio says "not found in any table" itself.
    r"\bcolumn (\"[^\"]*\"|'[^']*') (was )?(not found|does not exist)(?! in any)"
    r"|no field named|attribute .* is missing from the schema",
    re.IGNORECASE,
)


@contextmanager
def as_arrow_knows() -> Iterator[None]:
    """Raise the package's errors as this module's, with all that they know.

    >>> with as_arrow_knows():
    ...     raise errors.ProgrammingError("relation 't' does not exist")
    Traceback (most recent call last):
    firebolt_like.flight.dremio.errors.ProgrammingError: relation 't' does not exist
    """
    try:
        yield
    except ArrowInvalid:
        raise
    except errors.Error as error:
        kind = next((new for old, new in _KINDS if isinstance(error, old)), None)
        if kind is None or isinstance(error, kind):
            raise
        raise kind(
            _text(error),
            code=error.code,
            query_id=error.query_id,
            location=error.location,
            hint=error.hint,
            retryable=error.retryable,
        ) from error


def _text(error: errors.Error) -> str:
    text = str(error)
    if isinstance(error, errors.ProgrammingError) and _NO_COLUMN.search(text):
        first, newline, rest = text.partition("\n")
        return f"{first} (not found in any table){newline}{rest}"
    return text
