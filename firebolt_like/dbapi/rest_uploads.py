"""Rows as files beside a statement, over the REST query endpoint.

What may live here: what an engine takes, and how rows become the body of a request. The requests
are sent by `rest`.
"""

import itertools
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from firebolt_like.client.io import Request
from firebolt_like.dbapi.backend import Upload
from firebolt_like.protocol.multipart import content_type, form_ends
from firebolt_like.protocol.session import Session
from firebolt_like.protocol.sql import quote_name

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["FORMATS", "REFUSALS", "probe_request", "upload_request"]

FORMATS: Final = ("arrow", "parquet")
"""What rows can be sent as, the fastest first: `read_{format}('upload://...')` reads them."""

REFUSALS: Final = frozenset({400, 404, 405, 415, 422, 501})
"""Statuses by which an engine says that it does not know a request's form, or what reads it."""


@dataclass(frozen=True)
class _Body:
    """A form of a statement and a file; each iteration makes it anew."""

    ends: tuple[bytes, bytes]
    size: int
    file: Callable[[], Iterable[bytes]]

    def __iter__(self) -> Iterator[bytes]:
        head, tail = self.ends
        return itertools.chain([head], self.file(), [tail])


def probe_request(session: Session, form: str) -> tuple[Request, int]:
    """Ask whether an engine takes files, by reading one with a single row."""
    import pyarrow as pa  # noqa: PLC0415  # optional

    batch = pa.record_batch({"n": pa.array([1], pa.int32())})
    sql = f"SELECT n FROM read_{form}('upload://data.{form}')"  # noqa: S608  # one of FORMATS
    target = session.target(output_format="JSON_Compact")
    return _request(target, sql, form, *_file(form, [batch]))


def upload_request(upload: Upload, target: str) -> tuple[Request, int]:
    """Make the INSERT of an upload, and count its bytes; a Parquet file goes as it is."""
    table = ".".join(map(quote_name, upload.table))
    columns, sources = (
        ", ".join(map(quote_name, names)) for names in (upload.columns, upload.sources)
    )
    content = upload.content
    if isinstance(content, Sequence):
        form = upload.form
        size, file = _file(form, content)
    else:
        form, size, file = "parquet", content.size, lambda: content
    sql = (
        f"INSERT INTO {table} ({columns}) "  # noqa: S608  # quoted
        f"SELECT {sources} FROM read_{form}('upload://data.{form}')"
    )
    return _request(target, sql, form, size, file)


def _request(
    target: str, sql: str, form: str, size: int, file: Callable[[], Iterable[bytes]]
) -> tuple[Request, int]:
    boundary = uuid.uuid4().hex
    ends = form_ends(sql.encode(), f"data.{form}", boundary)
    body = _Body(ends, size + sum(map(len, ends)), file)
    headers = {"Content-Type": content_type(boundary)}
    return Request("POST", target, body, headers), body.size


def _file(
    form: str, batches: Sequence["pa.RecordBatch"]
) -> tuple[int, Callable[[], Iterable[bytes]]]:
    """Give the size of a file of batches, and what makes it."""
    from firebolt_like.protocol import arrow_ingest  # noqa: PLC0415  # for Arrow only

    if form == "arrow":
        return arrow_ingest.stream_size(batches), lambda: arrow_ingest.stream_pieces(batches)
    parquet = arrow_ingest.parquet(batches)
    return len(parquet), lambda: [parquet]
