"""One write for the head of an answer and its body: uvicorn writes twice, and clients wake twice.

What may live here: the transport that does so.
"""

import asyncio
from typing import Any, Final

__all__ = ["Gathering"]

_LARGE: Final = 16_000  # bytes, which wait for nothing


class Gathering:
    """An `asyncio.Transport` that keeps small pieces until the event loop's next turn."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._pieces: list[bytes] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Write it with what was written before and after it in this turn."""
        if not self._pieces:
            if len(data) >= _LARGE:
                self._transport.write(data)
                return
            asyncio.get_running_loop().call_soon(self._flush)
        self._pieces.append(data)
        if len(data) >= _LARGE:
            self._flush()

    def close(self) -> None:
        """Close it when all is written."""
        self._flush()
        self._transport.close()

    def abort(self) -> None:
        """Close it now; what the system has taken by then may still arrive."""
        self._flush()
        self._transport.abort()

    def _flush(self) -> None:
        if self._pieces:
            data = b"".join(self._pieces)
            self._pieces.clear()
            self._transport.write(data)
