"""Every error this package raises: PEP 249's tree, and errors with a cause of their own below it.

    Exception
    ├── Warning
    └── Error
        ├── InterfaceError                     what the caller did
        │   ├── ConfigurationError             arguments that contradict each other, or are missing
        │   ├── ConnectionClosedError
        │   ├── CursorClosedError
        │   └── QueryNotRunError               a fetch before any execute
        └── DatabaseError
            ├── DataError                      a value that does not fit its type
            ├── IngestError                    an ingest that broke off after rows had arrived
            ├── OperationalError               what the world did
            │   ├── AuthenticationError        credentials or a token were refused
            │   ├── AccountNotFoundError
            │   ├── ServerConnectionError      the server could not be reached, or hung up
            │   ├── ServerResponseError        an answer that is cut, or is not of the protocol
            │   ├── EngineNotRunningError
            │   └── QueryTimeoutError          also a TimeoutError
            ├── IntegrityError
            ├── InternalError
            ├── ProgrammingError               bad SQL, missing tables, missing permission
            └── NotSupportedError

Source: PEP 249, section "Exceptions". What may live here: exception classes, nothing else.
"""

__all__ = [
    "AccountNotFoundError",
    "AuthenticationError",
    "ConfigurationError",
    "ConnectionClosedError",
    "CursorClosedError",
    "DataError",
    "DatabaseError",
    "EngineNotRunningError",
    "Error",
    "IngestError",
    "IntegrityError",
    "InterfaceError",
    "InternalError",
    "Location",
    "NotSupportedError",
    "OperationalError",
    "ProgrammingError",
    "QueryNotRunError",
    "QueryTimeoutError",
    "ServerConnectionError",
    "ServerResponseError",
    "Warning",
]

from typing import Any, NamedTuple


class Location(NamedTuple):
    """Where in the statement an error is: line and column, both counted from 1."""

    line: int
    column: int


class Warning(Exception):  # noqa: A001, N818  # PEP 249 fixes this name
    """Important notices, such as data cut off while inserting (PEP 249)."""


class Error(Exception):
    """The root of all errors of this package (PEP 249).

    `code`, `query_id`, `location` and `hint` are what the server told, or None. `retryable` says
    that the statement did not run and may be sent again.

    >>> error = ProgrammingError("no such table", code="FB-12", location=Location(1, 15))
    >>> error.code, error.location.column, error.retryable
    ('FB-12', 15, False)
    """

    def __init__(
        self,
        message: str = "",
        *,
        code: str | None = None,
        query_id: str | None = None,
        location: Location | None = None,
        hint: str | None = None,
        retryable: bool = False,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.query_id = query_id
        self.location = location
        self.hint = hint
        self.retryable = retryable
        if hint:
            self.add_note(hint)  # tracebacks show it below the message


class InterfaceError(Error):
    """The caller used this package in a way it cannot serve (PEP 249)."""


class ConfigurationError(InterfaceError):
    """Arguments, a DSN or the environment are missing something, or contradict each other."""


class ConnectionClosedError(InterfaceError):
    """The connection was used after `close()`."""


class CursorClosedError(InterfaceError):
    """The cursor was used after `close()`."""


class QueryNotRunError(InterfaceError):
    """Rows were asked for before a statement that gives rows was run."""


class DatabaseError(Error):
    """Errors that have to do with the database (PEP 249)."""


class DataError(DatabaseError):
    """A value that cannot be sent, or an answer's value that does not fit its type (PEP 249)."""


class IngestError(DatabaseError):
    """An ingest that broke off after rows had arrived; `__cause__` is what broke it.

    `rows` is the number of rows that are in the table, the first ones of the data; `statements`
    says how many statements brought them, with `bytes` of data. `in_doubt` says that the next
    statement, which failed, may have run, with `rows_in_doubt` rows; otherwise none of it arrived.
    Nothing was sent twice.
    """

    def __init__(
        self,
        message: str = "",
        *,
        rows: int = 0,
        bytes: int = 0,  # noqa: A002  # as in the report of an ingest that ends well
        statements: int = 0,
        rows_in_doubt: int = 0,
        **known: Any,
    ) -> None:
        super().__init__(message, **known)
        self.rows = rows
        self.bytes = bytes
        self.statements = statements
        self.rows_in_doubt = rows_in_doubt

    @property
    def in_doubt(self) -> bool:
        """Whether it is not known if the statement that failed ran."""
        return self.rows_in_doubt > 0


class OperationalError(DatabaseError):
    """Something in the world, not in the program, went wrong (PEP 249)."""


class AuthenticationError(OperationalError):
    """The server refused the credentials or the token."""


class AccountNotFoundError(OperationalError):
    """The account does not exist, or these credentials may not see it.

    `account_name` is the name that was looked for, or None for the default account.
    """

    def __init__(self, account_name: str | None = None) -> None:
        what = "no default account" if account_name is None else f"no account {account_name!r}"
        super().__init__(
            f"There is {what}, or these credentials have no access to it.",
            hint="Check account_name, and that the user is linked to that account.",
        )
        self.account_name = account_name

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.account_name,), self.__dict__


class ServerConnectionError(OperationalError):
    """The server could not be reached, or the connection broke.

    `retryable` is True only when it is known that nothing was sent.
    """


class ServerResponseError(OperationalError):
    """The answer is cut off, or is not of the protocol: no row of it can be relied on."""


class EngineNotRunningError(OperationalError):
    """The engine exists, but is stopped and does not start by itself."""


class QueryTimeoutError(OperationalError, TimeoutError):
    """The time budget of a call ran out; the query was cancelled on the server."""


class IntegrityError(DatabaseError):
    """The relational integrity of the database is affected (PEP 249)."""


class InternalError(DatabaseError):
    """The database met an error inside itself (PEP 249)."""


class ProgrammingError(DatabaseError):
    """Bad SQL, a missing table, a missing permission (PEP 249)."""


class NotSupportedError(DatabaseError):
    """The server, or this way of reaching it, does not have what was asked for (PEP 249)."""
