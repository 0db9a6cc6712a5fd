"""Answers of a canned server: a batch of rows that is sent as often as the result is long.

What may live here: the rows, and their bytes in each format. A batch is made once and sent many
times, so that a server holds a megabyte, however long the result.
"""

import datetime
import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from firebolt_like.protocol import json_compact, json_lines
from firebolt_like.protocol.json_arrow import decode_table
from firebolt_like.protocol.types import Column, parse_type

__all__ = ["FORMATS", "Payload", "payload"]

_BATCH = 1_000_000  # bytes of JSON in a batch, as engines send them
_FIGURES = json_compact.statistics(0.01, 1, 1)
_IDS: dict[str, Any] = {"query_id": "canned"}


class Payload(NamedTuple):
    """Pieces in order, each with the number of times that it is sent."""

    parts: tuple[tuple[bytes, int], ...]

    @property
    def size(self) -> int:
        return sum(len(piece) * times for piece, times in self.parts)


def _mixed(number: int) -> list[Any]:
    day = datetime.date(2024, 1, 1 + number % 28)
    name, price, empty = f"name {number}", f"{number}.25", None if number % 3 else number
    return [number, name, number / 2, price, f"{day}", f"{day} 12:34:56.789", True, empty]


def _quoted(number: int) -> list[Any]:
    row = _mixed(number)
    row[1] = f'"{number}", C:\\new\\table,\n[{number}]'
    return row


def _text(number: int) -> list[Any]:
    story = "the quick brown fox jumps over the lazy dog; " * 4 + str(number)
    return [number, f"user{number}@example.com", story, f"“naïve” \\ {number}\t日本語"]


def _arrays(number: int) -> list[Any]:
    return [[number, number + 1, number + 2], [f"a{number}", None], [[number / 4, 0.5], []]]


_MIXED = (
    "id long, name text, v double, d numeric(38; 9), dt date, ts timestamp, b boolean, n long null"
)
_KINDS: dict[str, tuple[str, Callable[[int], list[Any]]]] = {
    # kind: its columns, and the row of a number
    "mixed": (_MIXED, _mixed),
    "pretty": (_MIXED, _mixed),
    "quoted": (_MIXED, _quoted),
    "escaped": (_MIXED, _quoted),
    "ints": ("id long", lambda number: [number * 7919]),
    "text": ("id int, a text, b text, c text null", _text),
    "arrays": ("a array(int), b array(text null), c array(array(double))", _arrays),
}


def _columns(kind: str, width: int) -> tuple[Column, ...]:
    if kind == "wide":
        return tuple(Column(f"c{place}", parse_type("int")) for place in range(width))
    pairs = (pair.split(" ", 1) for pair in _KINDS[kind][0].split(", "))
    return tuple(Column(name, parse_type(text.replace(";", ","))) for name, text in pairs)


def _row(kind: str, number: int, width: int) -> bytes:
    if kind == "wide":
        return msgspec.json.encode([number + place for place in range(width)])
    row = msgspec.json.encode(_KINDS[kind][1](number))
    if kind == "pretty":
        return b"\n\t\t" + msgspec.json.format(row, indent=0)
    # every quote as an escape that has to be read character by character
    return row.replace(b'\\"', b"\\u0022") if kind == "escaped" else row


def _encode(kind: str, rows: int, width: int) -> bytes:
    return b",".join(_row(kind, number, width) for number in range(rows))


@functools.lru_cache(64)
def _batch(kind: str, width: int) -> tuple[bytes, int]:
    """Give a batch, and the number of its rows."""
    rows = max(1, _BATCH // len(_row(kind, 1000, width)))
    return _encode(kind, rows, width), rows


def _batches(kind: str, rows: int, width: int) -> tuple[bytes, int, bytes]:
    """Give a batch of rows, how often it comes, and the rows that are left after that."""
    batch, many = _batch(kind, width)
    times, rest = divmod(rows, many)
    return batch if times else b"", times, _encode(kind, rest, width)


def _compact(kind: str, rows: int, width: int) -> Payload:
    batch, times, rest = _batches(kind, rows, width)
    head = json_compact.encode_head(_columns(kind, width), **_IDS)
    parts = [(head, 1), (batch, min(times, 1)), (b"," + batch, times - 1)]
    parts.append((b"," + rest if times and rest else rest, 1))
    return Payload((*parts, (json_compact.encode_tail(rows, _FIGURES), 1)))


def _lines(kind: str, rows: int, width: int) -> Payload:
    batch, times, rest = _batches(kind, rows, width)
    parts = [(json_lines.encode_start(_columns(kind, width), **_IDS), 1)]
    parts.append((json_lines.encode_data(batch), times))
    if rest:
        parts.append((json_lines.encode_data(rest), 1))
    return Payload((*parts, (json_lines.encode_finish(_FIGURES), 1)))


def _arrow(kind: str, rows: int, width: int) -> Payload:
    batch, times, rest = _batches(kind, rows, width)
    columns = _columns(kind, width)
    tables = {text: decode_table(columns, b"[%b]" % text) for text in (batch, rest)}
    schema = tables[rest].schema

    def encode(text: bytes) -> bytes:
        (one,) = tables[text].combine_chunks().to_batches()
        return one.serialize().to_pybytes()

    parts = [(schema.serialize().to_pybytes(), 1)]
    parts += [(encode(text), count) for text, count in ((batch, times), (rest, 1)) if text]
    return Payload((*parts, (b"\xff\xff\xff\xff\0\0\0\0", 1)))


FORMATS = {"JSON_Compact": _compact, "JSONLines_Compact": _lines, "ArrowStream": _arrow}


@functools.lru_cache(64)
def payload(form: str, kind: str, rows: int, width: int = 1) -> Payload:
    """Give an answer: `form` is an output format, `kind` says what the rows are made of."""
    made = FORMATS[form](kind, rows, width)
    return Payload(tuple((piece, times) for piece, times in made.parts if piece and times > 0))
