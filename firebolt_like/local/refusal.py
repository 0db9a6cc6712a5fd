"""An answer that says no: raised anywhere in the server, written by `rest`.

What may live here: the exception and its one rule, that a place in the statement is also told in
the text.
"""

from firebolt_like.errors import Location
from firebolt_like.protocol.server_error import ErrorDetail

__all__ = ["Refusal", "invalid", "not_supported"]


class Refusal(Exception):  # noqa: N818  # it is an answer; it never leaves the server as an error
    """A request is answered with an error status; `detail` fills the structured body.

    `plain` answers with text instead, as real servers do for tokens, paths and gateways. `offset`
    is the place in the statement, for who knows the body to turn into one there: `place`.
    """

    def __init__(self, detail: ErrorDetail, *, status: int = 400, plain: bool = False) -> None:
        super().__init__(detail.description)
        self.detail = detail
        self.status = status
        self.plain = plain
        self.offset: int | None = None
        self.query_id = ""
        self.headers: dict[str, str] = {}

    @classmethod
    def of(
        cls, name: str, text: str, *, place: Location | None = None, resolution: str | None = None
    ) -> "Refusal":
        """Refuse a statement: `Line L, Column C: text` where the place is known."""
        detail = ErrorDetail(
            description=text,
            name=name,
            severity="ERROR",
            source="User Error",
            resolution=resolution,
        )
        refusal = cls(detail)
        if place is not None:
            refusal.place(place)
        return refusal

    def place(self, place: Location) -> None:
        """Tell the place in the body that was sent."""
        self.offset = None
        text = f"Line {place.line}, Column {place.column}: {self.detail.description}"
        self.args = (text,)
        self.detail.description = text
        self.detail.location = {
            "failing_line": place.line,
            "start_offset": place.column,
            "end_offset": place.column + 1,
        }

    def with_status(self, status: int) -> "Refusal":
        """Answer with another status."""
        self.status = status
        return self

    def with_headers(self, headers: dict[str, str]) -> "Refusal":
        """Answer with these headers, too."""
        self.headers = headers
        return self

    @classmethod
    def text(cls, status: int, text: str) -> "Refusal":
        """Refuse a request with a status and plain text."""
        return cls(ErrorDetail(description=text), status=status, plain=True)


def invalid(text: str, *, resolution: str | None = None) -> Refusal:
    """Refuse what is understood but wrong."""
    return Refusal.of("InvalidArgument", text, resolution=resolution)


def not_supported(
    what: str, *, offset: int | None = None, resolution: str | None = None
) -> Refusal:
    """Refuse what the embedded engine does not have; `offset` is its place in the statement."""
    refusal = Refusal.of(
        "NotSupported", f"{what} is not supported by the embedded engine.", resolution=resolution
    )
    refusal.offset = offset
    return refusal
