"""Rows as they arrived: bytes that become tuples, or columns, when somebody asks for them.

What may live here: one class for each form that rows arrive in, and what makes their reading fast.
"""

import contextlib
import gc
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import msgspec

from firebolt_like.protocol.json_rows import decode_rows
from firebolt_like.protocol.types import Column

__all__ = ["Batch", "JsonBatch", "garbage_collection_paused"]


@contextlib.contextmanager
def garbage_collection_paused() -> Iterator[None]:
    """Keep the collector from walking again and again over rows that are all alive."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


class Batch(Protocol):
    """Some rows of a result, all of them in a result that is not streamed."""

    def rows(self, required: Mapping[int, str]) -> list[tuple[Any, ...]]:
        """Decode the rows; `required` columns may not be NULL, and name what needs them."""


class JsonBatch:
    """The JSON text of a list of lists."""

    def __init__(self, columns: tuple[Column, ...], data: msgspec.Raw) -> None:
        self._columns = columns
        self._data = data

    def rows(self, required: Mapping[int, str]) -> list[tuple[Any, ...]]:
        """See `Batch`."""
        return decode_rows(self._columns, self._data, required)
