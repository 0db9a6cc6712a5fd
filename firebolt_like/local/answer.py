"""One HTTP answer to a query request: result sets in a format, after each other.

What may live here: when bytes are sent, which headers, and how an error is told once some are.
"""

import time
from collections.abc import Callable
from typing import Any, Final

from starlette.types import Send

from firebolt_like.local.batches import BATCH_SIZE, Batch
from firebolt_like.local.commands import Headers
from firebolt_like.local.execution import Execution
from firebolt_like.local.formats import Format
from firebolt_like.local.refusal import Refusal, invalid
from firebolt_like.protocol.json_compact import statistics

__all__ = ["Answer", "merge_headers"]

_PROTOCOL: Final = ("X-Firebolt-Protocol-Version", "2.4")


def merge_headers(headers: Headers) -> Headers:
    """Keep the last word about each parameter, so that the order of application does not matter.

    >>> merge_headers([("Firebolt-Update-Parameters", "a=1"), ("Firebolt-Remove-Parameters", "a")])
    [('Firebolt-Remove-Parameters', 'a')]
    """
    last: dict[str, tuple[str, str]] = {}
    for header, text in headers:
        name = text.partition("=")[0] if header.startswith("Firebolt-") else header
        last.pop(name, None)
        last[name] = (header, text)
    return list(last.values())


class Answer:
    """Sends it: whole with its length when it is small, in chunks when it is not."""

    def __init__(self, make_format: Callable[[], Format], send: Send) -> None:
        self._make = make_format
        self._format = make_format()
        self._send = send
        self._waiting: list[bytes] = []
        self._held = 0  # bytes
        self._headers: Headers = []
        self._sets = 0  # finished result sets
        self._in_set = False
        self._started = False
        self._begin_set()
        self.encoder = self._format.encoder
        self.limit = self._format.limit
        self.rows = 0
        self.size = 0

    def _begin_set(self) -> None:
        self._rows = self._size = 0
        self._begun = time.perf_counter()
        self._in_set = False

    async def add(self, execution: Execution, batch: Batch) -> None:
        """Send a batch of a result set that is not the last of it."""
        if not self._in_set:
            self._open(execution)
        self._encode(batch)
        await self._flush()

    async def finish(self, execution: Execution, batch: Batch) -> None:
        """Add the last batch of a result set."""
        if not self._in_set:
            self._open(execution)
        self._encode(batch)
        self._put(self._format.finish(self._figures()))
        self._sets += 1
        self._format = self._make()
        self._begin_set()
        if self._held > BATCH_SIZE:
            await self._flush()

    async def end(self) -> None:
        """Send what is left."""
        if not self._started:
            await self._start(self._held)
        await self._body(self._take(), more=False)

    async def fail(self, refusal: Refusal) -> None:
        """Say in the answer that it failed, or raise the refusal where nothing was sent yet.

        Where the format cannot, the answer stays without its end, so that the server hangs up and
        no client takes the rows so far for all rows.
        """
        figures = self._figures()
        tell = self._format.fail if self._in_set or not self._sets else self._format.fail_between
        told = tell(refusal.detail, figures)
        if not self._started and (told is None or not self._sets):
            raise refusal
        if told is not None:
            self._put(told)
            await self.end()

    def _open(self, execution: Execution) -> None:
        if self._started and execution.headers:
            raise invalid(
                "A statement that changes the session came after a large result.",
                resolution="Send it in a request of its own.",
            )
        self._headers += execution.headers
        self._put(self._format.start(execution.columns))
        self._in_set = True

    def _encode(self, batch: Batch) -> None:
        self._rows += batch.count
        self.rows += batch.count
        self._size += len(batch.rows)
        self.size += len(batch.rows)
        self._put(self._format.batch(batch))

    def _figures(self) -> dict[str, Any]:
        return statistics(time.perf_counter() - self._begun, self._rows, self._size)

    async def _flush(self) -> None:
        if not self._started:
            await self._start()
        await self._body(self._take(), more=True)

    def _put(self, body: bytes) -> None:
        self._waiting.append(body)
        self._held += len(body)

    def _take(self) -> bytes:
        body = b"".join(self._waiting)
        self._waiting.clear()
        self._held = 0
        return body

    async def _start(self, length: int | None = None) -> None:
        self._started = True
        session = merge_headers(self._headers)
        headers = [_PROTOCOL, ("Content-Type", self._format.content_type), *session]
        if length is not None:
            headers.append(("Content-Length", str(length)))
        await self._send(
            {
                "type": "http.response.start",
                "status": 200,
                "headers": [
                    (name.lower().encode(), text.encode("latin-1")) for name, text in headers
                ],
            }
        )

    async def _body(self, body: bytes, *, more: bool) -> None:
        await self._send({"type": "http.response.body", "body": body, "more_body": more})
