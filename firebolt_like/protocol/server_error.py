"""Error answers: their bodies, and which error of ours each becomes.

What may live here: the tables that choose class and hint, and the reading and writing of bodies.
"""

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from firebolt_like.errors import (
    AuthenticationError,
    DataError,
    EngineNotRunningError,
    Error,
    IntegrityError,
    Location,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
    ServerResponseError,
)

__all__ = [
    "STATUS_ERRORS",
    "STATUS_HINTS",
    "TEXT_ERRORS",
    "ErrorDetail",
    "encode_errors",
    "read_details",
    "read_query_id",
    "server_error",
]

STATUS_ERRORS: dict[int, type[Error]] = {
    # what an HTTP status means when the text says nothing more precise
    **dict.fromkeys(range(300, 400), ServerResponseError),
    401: AuthenticationError,
    403: ProgrammingError,
    408: OperationalError,
    413: DataError,
    429: OperationalError,
    501: NotSupportedError,
}

STATUS_HINTS: dict[int, str] = {
    # what to do about an HTTP status where the server does not say it
    **dict.fromkeys(range(300, 400), "The server moved: connect to the address it redirects to."),
    401: "Give credentials that this server knows, as auth= or in the DSN.",
}

TEXT_ERRORS: tuple[tuple[str, type[Error]], ...] = (
    # the first pattern found in the text decides, whatever the status below 500
    (r"\bit is stopped\b|engine .* is not running", EngineNotRunningError),
    (r"unable to cast|could not convert|division by zero|out of range|overflow", DataError),
    (r"duplicate key|constraint", IntegrityError),
    (r"not (yet )?supported|not implemented|doesn't support", NotSupportedError),
    (r"query (was |has been )?cancel", OperationalError),
)

RETRYABLE = frozenset({429, 503})


class ErrorDetail(msgspec.Struct, omit_defaults=True):
    """One entry of an `errors` list; engines fill `description` and, when they can, the others."""

    description: str = ""
    name: str | None = None
    code: str | None = None
    severity: str | None = None
    source: str | None = None
    resolution: str | None = None
    helpLink: str | None = None  # noqa: N815  # the wire's spelling
    location: dict[str, int | None] | None = None

    def __str__(self) -> str:
        label = " ".join(filter(None, (self.name, f"({self.code})" if self.code else None)))
        return ": ".join(filter(None, (label, self.description))) or "the server gave no reason"

    @property
    def place(self) -> Location | None:
        """Line and column, from `location` in either spelling or from the text."""
        place = self.location or {}
        line = place.get("failing_line", place.get("failingLine"))
        column = place.get("start_offset", place.get("startOffset"))
        if line is not None and column is not None:
            return Location(line, column)
        found = re.match(r"Line ([0-9]{1,9}), Column ([0-9]{1,9}):", self.description)
        return Location(int(found[1]), int(found[2])) if found else None


_TEXTS = ("description", "name", "code", "severity", "source", "resolution", "helpLink")


def read_details(errors: Any) -> list[ErrorDetail]:
    """Read the `errors` member of an answer, whatever its shape; empty when there are none.

    >>> [str(detail) for detail in read_details([{"code": 7, "description": "no"}, "gone", None])]
    ['(7): no', 'gone', 'the server gave no reason']
    """
    entries = errors if isinstance(errors, list) else [errors] if errors else []
    return [_read_detail(entry) for entry in entries]


def _read_detail(entry: Any) -> ErrorDetail:
    if not isinstance(entry, dict):
        return ErrorDetail(_as_text(entry) or "")
    texts = {key: text for key in _TEXTS if (text := _as_text(entry.get(key)))}
    place = entry.get("location")
    numbers = place.items() if isinstance(place, dict) else ()
    return ErrorDetail(**texts, location={k: v for k, v in numbers if type(v) is int} or None)


def _as_text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return msgspec.json.encode(value).decode()


def read_query_id(answer: dict[str, Any]) -> str | None:
    """Give the id of the query, which formats hold beside or inside of `query`."""
    query = answer.get("query")
    found = answer.get("query_id") or (query.get("query_id") if isinstance(query, dict) else None)
    return _as_text(found)


def server_error(
    status: int, body: bytes, *, errors: Sequence[ErrorDetail] = (), query_id: str | None = None
) -> Error:
    """Make the error of ours that an error answer stands for; the caller raises it.

    `errors` are given when the body is already read, as in a stream's last message.

    >>> body = b'{"errors": [{"description": "Line 1, Column 8: syntax error"}]}'
    >>> error = server_error(400, body)
    >>> type(error).__name__, error.location
    ('ProgrammingError', Location(line=1, column=8))
    """
    answer = _read(body)
    details = list(errors) or read_details(answer.get("errors"))
    told = "\n".join(map(str, details)) or _as_text(answer.get("message") or answer.get("error"))
    text = (told or _plain(body))[:_LONGEST]
    first = details[0] if details else ErrorDetail(text, code=_as_text(answer.get("code")))
    return _class_for(status, text)(
        text or f"The server answered with status {status} and no text.",
        code=first.code,
        query_id=query_id or read_query_id(answer),
        location=first.place,
        hint=" ".join(filter(None, (first.resolution, first.helpLink))) or STATUS_HINTS.get(status),
        retryable=status in RETRYABLE,
    )


_LONGEST = 10_000  # a message is read by a person


def _read(body: bytes) -> dict[str, Any]:
    try:
        answer = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}


def _plain(body: bytes) -> str:
    text = body[: 4 * _LONGEST].decode(errors="replace").strip()
    if not re.match(r"<(!doctype|html)\b", text, re.IGNORECASE):
        return text
    title = re.search(r"<title[^>]*>([^<]*)</title>", text, re.IGNORECASE)
    told = " ".join(title[1].split()) if title else "no title"
    return f"The server answered with a web page: {told}"


def _class_for(status: int, text: str) -> type[Error]:
    if status < 500 and status not in STATUS_ERRORS:
        for pattern, kind in TEXT_ERRORS:
            if re.search(pattern, text, re.IGNORECASE):
                return kind
    return STATUS_ERRORS.get(status, OperationalError if status >= 500 else ProgrammingError)


def encode_errors(errors: Sequence[ErrorDetail], *, query_id: str, elapsed: float = 0.0) -> bytes:
    """Write the JSON body of an error answer (status 400 for bad SQL)."""
    return msgspec.json.encode(
        {
            "errors": errors,
            "query": {"query_id": query_id, "request_id": query_id, "query_label": None},
            "statistics": {"elapsed": elapsed},
        }
    )
