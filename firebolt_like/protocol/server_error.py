"""Error answers: their bodies, and which error of ours each becomes.

What may live here: the two tables that choose the class, and the reading and writing of bodies.
"""

import re
from collections.abc import Sequence

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
)

__all__ = ["STATUS_ERRORS", "TEXT_ERRORS", "ErrorDetail", "encode_errors", "server_error"]

STATUS_ERRORS: dict[int, type[Error]] = {
    # what an HTTP status means when the text says nothing more precise
    401: AuthenticationError,
    403: ProgrammingError,
    408: OperationalError,
    413: DataError,
    429: OperationalError,
    501: NotSupportedError,
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
        line = place.get("failing_line") or place.get("failingLine")
        column = place.get("start_offset") or place.get("startOffset")
        if line is not None and column is not None:
            return Location(line, column)
        found = re.match(r"Line (\d+), Column (\d+):", self.description)
        return Location(int(found[1]), int(found[2])) if found else None


class _Query(msgspec.Struct):
    query_id: str | None = None


class _Body(msgspec.Struct):
    errors: list[ErrorDetail] = []
    message: str | None = None
    query: _Query | None = None
    query_id: str | None = None


_body_decoder = msgspec.json.Decoder(_Body, strict=False)


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
    details = list(errors) or answer.errors
    text = "\n".join(map(str, details)) or answer.message or body.decode(errors="replace").strip()
    text = text[:10_000] or f"The server answered with status {status} and no text."
    first = details[0] if details else ErrorDetail()
    return _class_for(status, text)(
        text,
        code=first.code,
        query_id=query_id or answer.query_id or (answer.query.query_id if answer.query else None),
        location=first.place,
        hint=" ".join(filter(None, (first.resolution, first.helpLink))) or None,
        retryable=status in RETRYABLE,
    )


def _read(body: bytes) -> _Body:
    try:
        return _body_decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _Body()


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
