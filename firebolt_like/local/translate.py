r"""From the statement of a request to the text that DuckDB runs, by lexer.

What may live here: parameters, and the few spellings that this package's own client sends and
DuckDB lacks: bytea literals, `pgdate`, `timestampntz`, `array(T)`, the session functions. Each
change remembers where it came from, so that errors point into the text that was sent.
"""

import bisect
import dataclasses
import json
import re
from collections.abc import Collection, Iterator, Mapping
from itertools import groupby
from typing import Any

import msgspec

from firebolt_like.errors import Location
from firebolt_like.local.refusal import invalid
from firebolt_like.local.types import duckdb_name
from firebolt_like.protocol.sql import Kind, Statement, tokens
from firebolt_like.protocol.types import TYPES, SqlType, parse_type

__all__ = ["Translation", "mark_escapes", "read_parameters", "translate"]


@dataclasses.dataclass(frozen=True, slots=True)
class Translation:
    """A statement as DuckDB gets it; `places` are (offset here, offset in the body, verbatim)."""

    text: str
    body: str
    places: tuple[tuple[int, int, bool], ...]

    def locate(self, line: int, column: int) -> Location:
        """Turn a place in `text` into the place in the body that was sent, both from 1."""
        starts = [0, *(found.end() for found in re.finditer("\n", self.text))]
        offset = starts[min(line, len(starts)) - 1] + column - 1
        at = max(0, bisect.bisect_right(self.places, (offset, len(self.body), True)) - 1)
        here, there, verbatim = self.places[at]
        there += offset - here if verbatim else 0
        before = self.body[:there]
        return Location(before.count("\n") + 1, there - before.rfind("\n"))


def mark_escapes(sql: str) -> str:
    r"""Write E'...' for the plain strings of SQL in which a backslash is an escape.

    >>> mark_escapes(r"SELECT 'a\\b', 'c', E'\n'")
    "SELECT  E'a\\\\b', 'c', E'\\n'"
    """
    pieces = []
    for kind, start, end in tokens(sql, backslash_escapes=True):
        text = sql[start:end]
        escapes = kind is Kind.STRING and text.startswith("'") and "\\" in text
        pieces.append(f" E{text}" if escapes else text)
    return "".join(pieces)


def translate(
    body: str,
    statement: Statement,
    parameters: Mapping[str, Any],
    functions: Mapping[str, str],
    bytea: Collection[int] = (),
) -> Translation:
    """Translate one statement of a body.

    `functions` are the session functions without arguments, by lower-case name, and their values.
    `bytea` are offsets of strings and placeholders in the statement that are to become bytea.
    Raises `Refusal` for a placeholder without a value.
    """
    out: list[str] = []
    places: list[tuple[int, int, bool]] = []
    length = 0
    for text, start, verbatim in _pieces(statement.text, parameters, functions, bytea):
        places.append((length, statement.start + start, verbatim))
        out.append(text)
        length += len(text)
    return Translation("".join(out), body, tuple(places) or ((0, 0, True),))


def _pieces(
    sql: str, parameters: Mapping[str, Any], functions: Mapping[str, str], bytea: Collection[int]
) -> Iterator[tuple[str, int, bool]]:
    parts = _parts(sql)
    _skip_leading_comments(sql, parts)
    _check_depth(sql, parts)
    wants_name = False  # the text before ended in `param(`
    for at, (kind, start, end) in enumerate(parts):
        text = sql[start:end]
        following = sql[end : parts[at + 1][2]] if at + 1 < len(parts) else ""
        if start in bytea:
            following = "::bytea"
        if kind is Kind.NUMBERED:
            yield _literal(_value(text, parameters), following), start, False
        elif kind is Kind.STRING and wants_name:
            yield _text(str(_value(text[1:-1], parameters))), start, False
        elif kind is Kind.STRING and (literal := _bytes_literal(text, following)) is not None:
            yield literal, start, False
        elif kind is Kind.TEXT:
            call = _PARAM_CALL.search(text) if following.startswith("'") else None
            wants_name = call is not None
            yield from _words(text if call is None else text[: call.start()], start, functions)
            if call is not None:
                yield "(", start + call.start(), False
        else:
            yield text, start, True


def _skip_leading_comments(sql: str, parts: list[tuple[Kind, int, int]]) -> None:
    """Leave out what stands before the first word: DuckDB counts columns wrongly behind it."""
    while parts and (parts[0][0] is Kind.COMMENT or sql[parts[0][1] : parts[0][2]].isspace()):
        del parts[0]
    if parts and parts[0][0] is Kind.TEXT:
        kind, start, end = parts[0]
        parts[0] = (kind, end - len(sql[start:end].lstrip()), end)


_DEEPEST = 500


def _check_depth(sql: str, parts: list[tuple[Kind, int, int]]) -> None:
    """Refuse what DuckDB's parser would need memory for that grows with the square of the depth."""
    depth = 0
    for kind, start, end in parts:
        if kind is Kind.TEXT:
            for mark in _BRACKET.findall(sql, start, end):
                depth += 1 if mark in "([{" else -1
                if depth > _DEEPEST:
                    raise invalid(f"The statement is nested more than {_DEEPEST} brackets deep.")


_BRACKET = re.compile(r"[](){}[]")


def _parts(sql: str) -> list[tuple[Kind, int, int]]:
    """Give the lexer's tokens, neighbouring TEXT as one."""
    return [
        (kind, run[0].start, run[-1].end)
        for kind, group in groupby(tokens(sql), key=lambda token: token.kind)
        for run in ([list(group)] if kind is Kind.TEXT else [[token] for token in group])
    ]


_PARAM_CALL = re.compile(r"(?<![\w.$])param\s*\(\s*$", re.IGNORECASE)
_SPELLING = re.compile(
    r"(?<![\w.$])(?:(?P<function>[a-z_]\w*)\s*\(\s*\)|(?P<array>array\s*\()"
    r"|(?P<type>pgdate|timestampntz)(?!\w))",
    re.IGNORECASE,
)
_TYPES = {"pgdate": "date", "timestampntz": "timestamp"}


def _words(text: str, start: int, functions: Mapping[str, str]) -> Iterator[tuple[str, int, bool]]:
    done = 0
    while (found := _SPELLING.search(text, done)) is not None:
        yield text[done : found.start()], start + done, True
        end, changed = _spelled(text, found, functions)
        yield changed, start + found.start(), changed == text[found.start() : end]
        done = end
    yield text[done:], start + done, True


def _spelled(text: str, found: re.Match[str], functions: Mapping[str, str]) -> tuple[int, str]:
    if found["type"]:
        return found.end(), _TYPES[found["type"].lower()]
    if found["function"]:
        value = functions.get(found["function"].lower())
        return found.end(), found[0] if value is None else _text(value)
    end = _closing(text, found.end())
    kind = parse_type(text[found.start() : end])
    # ARRAY(SELECT ...) is a constructor, not a type
    return (end, duckdb_name(kind)) if _is_known(kind) else (found.end(), found[0])


def _closing(text: str, start: int) -> int:
    depth = 1
    for mark in re.finditer(r"[()]", text[start:]):
        depth += 1 if mark[0] == "(" else -1
        if not depth:
            return start + mark.end()
    return len(text)


def _is_known(kind: SqlType) -> bool:
    inner = [kind.item] if kind.item is not None else [field for _, field in kind.fields]
    return kind.name in TYPES and all(map(_is_known, inner))


_ESCAPED = re.compile(r"[eE]'((?:\\x[0-9a-fA-F]{2})*)'")
_HEX = re.compile(r"\\x((?:[0-9a-fA-F]{2})*)")
_TO_BYTEA = re.compile(r"\s*(?:::|as\s)\s*bytea(?!\w)", re.IGNORECASE)


def _bytes_literal(string: str, following: str) -> str | None:
    r"""Rewrite E'\x61' and '\x6162'::bytea, or return None for any other string."""
    if escaped := _ESCAPED.fullmatch(string):
        return f"CAST('{escaped[1]}' AS BLOB)"
    return _hex_bytes(string[1:-1], following)


def _hex_bytes(text: str, following: str) -> str | None:
    digits = _HEX.fullmatch(text)
    if digits is None or not _TO_BYTEA.match(following):
        return None
    return "CAST('" + re.sub("..", lambda pair: "\\x" + pair[0], digits[1]) + "' AS BLOB)"


def _value(name: str, parameters: Mapping[str, Any]) -> Any:
    if name not in parameters:
        raise invalid(f"Query referenced positional parameter {name}, but it was not set")
    return parameters[name]


def _literal(value: Any, following: str) -> str:
    """Write a parameter as a literal: typed, but for strings, which coerce where they are used."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int):
        return f"CAST({value} AS {'BIGINT' if -(2**63) <= value < 2**63 else 'HUGEINT'})"
    if isinstance(value, float):
        return f"CAST('{value!r}' AS DOUBLE)"
    if isinstance(value, str):
        return _hex_bytes(value, following) or _text(value)
    return _text(json.dumps(value, indent=2, ensure_ascii=False))


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def read_parameters(text: str) -> dict[str, Any]:
    """Read the `query_parameters` of a request: `{"name", "value"}` objects, or one alone.

    Raises `Refusal` for what is not such JSON, and for a name that is given twice.
    """
    try:
        entries = msgspec.json.decode(text, type=list[_Entry] | _Entry)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as error:
        raise invalid(f"query_parameters is not a JSON list of name and value: {error}") from error
    values: dict[str, Any] = {}
    for entry in entries if isinstance(entries, list) else [entries]:
        if entry.name in values:
            raise invalid(f"The query parameter {entry.name} is given twice.")
        values[entry.name] = entry.value
    return values


class _Entry(msgspec.Struct):
    name: str
    value: Any = None
