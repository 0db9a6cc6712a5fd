"""What a Flight call failed with, as an error of ours: the one place that reads their codes.

What may live here: the table of codes, and the reading of messages.
"""

import re

from firebolt_like.errors import (
    AuthenticationError,
    DatabaseError,
    DataError,
    IntegrityError,
    InternalError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
    QueryTimeoutError,
    ServerConnectionError,
    ServerResponseError,
)

__all__ = ["cancelled", "failure"]

_BY_CODE: dict[str, type[DatabaseError]] = {
    # code of gRPC: error
    "CANCELLED": OperationalError,
    "UNKNOWN": OperationalError,
    "INVALID_ARGUMENT": ProgrammingError,
    "DEADLINE_EXCEEDED": QueryTimeoutError,
    "NOT_FOUND": ProgrammingError,
    "ALREADY_EXISTS": ProgrammingError,
    "PERMISSION_DENIED": ProgrammingError,
    "UNAUTHENTICATED": AuthenticationError,
    "RESOURCE_EXHAUSTED": OperationalError,
    "FAILED_PRECONDITION": OperationalError,
    "ABORTED": OperationalError,
    "OUT_OF_RANGE": DataError,
    "UNIMPLEMENTED": NotSupportedError,
    "INTERNAL": InternalError,
    "UNAVAILABLE": ServerConnectionError,
    "DATA_LOSS": ServerResponseError,
}

_VAGUE = ("INTERNAL", "UNKNOWN")
_TELLING: tuple[tuple[type[DatabaseError], re.Pattern[str]], ...] = (
    # many servers answer every error of SQL with a vague code; their words tell more
    (IntegrityError, re.compile(r"constraint|duplicate key", re.IGNORECASE)),
    (
        ProgrammingError,
        re.compile(
            r"not found|does ?n[o']t exist|already exists|pars(er|ing)|syntax|during planning"
            r"|schema error|no field named|(cannot|could not|failed to) (be )?(resolve|bind)"
            r"|unresolved|ambiguous|binder error|catalog error|invalid function",
            re.IGNORECASE,
        ),
    ),
    (
        NotSupportedError,
        re.compile(r"not (yet )?(implemented|supported)|unsupported", re.IGNORECASE),
    ),
    (
        DataError,
        re.compile(
            r"divi(de|sion) by zero|overflow|out of range|cast|conver(t|sion)|invalid value",
            re.IGNORECASE,
        ),
    ),
)

_BROKEN_RULE = re.compile(r"duplicate key|constraint violat|violates .*constraint", re.IGNORECASE)

_NOISE = re.compile(
    # tracebacks of a server in Python, and what gRPC and Arrow add for their own makers
    r"\.? ?(Detail: Python exception|gRPC client debug context|Client context|Debug context)[:.]"
    r".*|Traceback \(most recent call last\):.*",
    re.DOTALL,
)
_DETAIL = re.compile(r"\.? Detail: \w+$")  # Arrow's name for the code, once more
_PREFIXES = re.compile(
    r"^(Flight (returned|cancelled call|RPC failed).*?message: |Flight error: )", re.DOTALL
)

_NOT_SENT = re.compile(
    r"failed to connect|connection refused|name resolution|dns resolution", re.IGNORECASE
)
_LATE = re.compile(r"timeout expired", re.IGNORECASE)  # a server in Rust may be the first to know
_HANDSHAKE = re.compile(r"ssl|tls|certificate", re.IGNORECASE)


def failure(code: str, message: str, where: str = "") -> DatabaseError:
    """Make the error for a call that ended with a code of gRPC and the server's words.

    >>> failure("INTERNAL", "table 't' not found. Detail: Python exception: x")
    ProgrammingError("table 't' not found")
    """
    text = _clean(message)
    if code == "UNAVAILABLE":
        return _unavailable(text, where)
    if code == "CANCELLED" and _LATE.search(text):
        code = "DEADLINE_EXCEEDED"
    kind = _BY_CODE.get(code, OperationalError)
    if code in _VAGUE:
        kind = next((error for error, words in _TELLING if words.search(text)), kind)
    if kind is ProgrammingError and _BROKEN_RULE.search(text):
        kind = IntegrityError  # rows are wrong, not the statement
    if code == "DEADLINE_EXCEEDED":
        text = "The server did not answer within the timeout."
    hint = None
    if kind is AuthenticationError:
        hint = "Check user and password, the token, or auth."
    return kind(text or f"The server answered {code} without a word.", code=code, hint=hint)


def cancelled() -> OperationalError:
    """Make the error of a call that this side cancelled."""
    return OperationalError("The call was cancelled.", code="CANCELLED")


def _unavailable(text: str, where: str) -> ServerConnectionError:
    not_sent = bool(_NOT_SENT.search(text))
    at = f" at {where}" if where else ""
    if not not_sent:
        return ServerConnectionError(
            f"The connection to the server{at} broke: {text}",
            code="UNAVAILABLE",
            hint="It is not known whether the statement ran.",
        )
    hint = "Check the address and the network."
    if _HANDSHAKE.search(text):
        hint = "The server's certificate was refused: check tls_root_certs and the host name."
    return ServerConnectionError(
        f"The server{at} could not be reached: {text}",
        code="UNAVAILABLE",
        hint=hint,
        retryable=True,
    )


def _clean(message: str) -> str:
    words = _PREFIXES.sub("", _NOISE.sub("", message)).strip()
    return _DETAIL.sub("", words).rstrip(".")
