"""Output formats: how columns, batches of rows and the end of an answer become bytes.

What may live here: one small class a format, and the table of them.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

import msgspec

from firebolt_like.local.arrow_batches import END, ArrowBatches, empty_schema
from firebolt_like.local.batches import Batch, RowEncoder
from firebolt_like.local.json_batches import JsonBatches
from firebolt_like.protocol import json_compact, json_lines, tab_separated
from firebolt_like.protocol.server_error import ErrorDetail, encode_errors
from firebolt_like.protocol.types import Column

__all__ = ["FORMATS", "Format"]


class Format(Protocol):
    """Writes one answer: `start`, `batch` for each batch, then `finish` or `fail`."""

    content_type: str
    encoder: RowEncoder
    limit: int | None
    """At most so many rows."""

    def start(self, columns: Sequence[Column]) -> bytes:
        """Write what comes before the rows."""

    def batch(self, batch: Batch) -> bytes:
        """Write a batch; an empty one may be nothing."""

    def finish(self, figures: dict[str, Any]) -> bytes:
        """Write what comes after the rows."""

    def fail(self, detail: ErrorDetail, figures: dict[str, Any]) -> bytes | None:
        """Write an error that came after the start; None where the format has no way to."""

    def fail_between(self, detail: ErrorDetail, figures: dict[str, Any]) -> bytes | None:
        """Write an error that came after a finished result set and before the next start."""


_JSON: Final = JsonBatches()
_ARROW: Final = ArrowBatches()


class JsonCompact:
    """JSON_Compact."""

    content_type = "application/json"
    encoder: RowEncoder = _JSON
    limit: int | None = None

    def __init__(self, query_id: str, label: str | None) -> None:
        self._query_id = query_id
        self._label = label
        self._rows = 0

    def start(self, columns: Sequence[Column]) -> bytes:
        """See `Format`."""
        return json_compact.encode_head(columns, query_id=self._query_id, label=self._label)

    def batch(self, batch: Batch) -> bytes:
        """See `Format`."""
        is_first = not self._rows
        self._rows += batch.count
        return batch.rows[1:] if is_first else batch.rows

    def finish(self, figures: dict[str, Any]) -> bytes:
        """See `Format`."""
        return json_compact.encode_tail(self._rows, figures)

    def fail(self, detail: ErrorDetail, figures: dict[str, Any]) -> bytes | None:  # noqa: ARG002  # Format's signature
        """See `Format`."""
        return None

    def fail_between(self, detail: ErrorDetail, figures: dict[str, Any]) -> bytes | None:
        """See `Format`."""
        return encode_errors([detail], query_id=self._query_id, elapsed=figures["elapsed"]) + b"\n"


class JsonCompactLimited(JsonCompact):
    """JSON_CompactLimited."""

    limit: int | None = 10_000


class JsonLines:
    """JSONLines_Compact."""

    content_type = "application/x-ndjson"
    encoder: RowEncoder = _JSON
    limit: int | None = None

    def __init__(self, query_id: str, label: str | None) -> None:
        self._query_id = query_id
        self._label = label

    def start(self, columns: Sequence[Column]) -> bytes:
        """See `Format`."""
        return json_lines.encode_start(columns, query_id=self._query_id, label=self._label)

    def batch(self, batch: Batch) -> bytes:
        """See `Format`."""
        return json_lines.encode_data(batch.rows[1:]) if batch.count else b""

    def finish(self, figures: dict[str, Any]) -> bytes:
        """See `Format`."""
        return json_lines.encode_finish(figures)

    def fail(self, detail: ErrorDetail, figures: dict[str, Any]) -> bytes | None:
        """See `Format`."""
        return json_lines.encode_error(
            [detail], figures, query_id=self._query_id, label=self._label
        )

    def fail_between(self, detail: ErrorDetail, figures: dict[str, Any]) -> bytes | None:
        """See `Format`."""
        return self.fail(detail, figures)


class TabSeparated:
    """TabSeparatedWithNamesAndTypes."""

    content_type = "text/tab-separated-values; charset=utf-8"
    encoder: RowEncoder = _JSON
    limit: int | None = None

    def __init__(self, query_id: str, label: str | None) -> None:  # noqa: ARG002  # as all formats
        self._columns: Sequence[Column] = ()

    def start(self, columns: Sequence[Column]) -> bytes:
        """See `Format`."""
        self._columns = columns
        return tab_separated.encode_head(columns)

    def batch(self, batch: Batch) -> bytes:
        """See `Format`."""
        rows = msgspec.json.decode(b"[%b]" % batch.rows[1:])
        return tab_separated.encode_rows(self._columns, rows)

    def finish(self, figures: dict[str, Any]) -> bytes:  # noqa: ARG002  # Format's signature
        """See `Format`."""
        return b""

    def fail(self, detail: ErrorDetail, figures: dict[str, Any]) -> bytes | None:  # noqa: ARG002  # Format's signature
        """See `Format`."""
        return None

    def fail_between(self, detail: ErrorDetail, figures: dict[str, Any]) -> bytes | None:  # noqa: ARG002  # Format's signature
        """See `Format`."""
        return None


class TabSeparatedWithNames(TabSeparated):
    """TabSeparatedWithNames."""

    def start(self, columns: Sequence[Column]) -> bytes:
        """See `Format`."""
        return b"".join(super().start(columns).splitlines(keepends=True)[:1])


class TabSeparatedPlain(TabSeparated):
    """TabSeparated: rows alone."""

    def start(self, columns: Sequence[Column]) -> bytes:
        """See `Format`."""
        super().start(columns)
        return b""


class ArrowStream:
    """ArrowStream: schema, record batches, end."""

    content_type = "application/vnd.apache.arrow.stream"
    encoder: RowEncoder = _ARROW
    limit: int | None = None

    def __init__(self, query_id: str, label: str | None) -> None:
        pass  # it tells neither

    def start(self, columns: Sequence[Column]) -> bytes:
        """See `Format`."""
        return b"" if columns else empty_schema()  # the first batch begins with its own

    def batch(self, batch: Batch) -> bytes:
        """See `Format`."""
        return batch.rows

    def finish(self, figures: dict[str, Any]) -> bytes:  # noqa: ARG002  # Format's signature
        """See `Format`."""
        return END

    def fail(self, detail: ErrorDetail, figures: dict[str, Any]) -> bytes | None:  # noqa: ARG002  # Format's signature
        """See `Format`."""
        return None

    def fail_between(self, detail: ErrorDetail, figures: dict[str, Any]) -> bytes | None:  # noqa: ARG002  # Format's signature
        """See `Format`."""
        return None


FORMATS: Final[dict[str, Callable[[str, str | None], Format]]] = {
    "ArrowStream": ArrowStream,
    "JSON_Compact": JsonCompact,
    "JSON_CompactLimited": JsonCompactLimited,
    "JSONLines_Compact": JsonLines,
    "TabSeparated": TabSeparatedPlain,
    "TabSeparatedWithNames": TabSeparatedWithNames,
    "TabSeparatedWithNamesAndTypes": TabSeparated,
}
