r"""From the statement of a request to the text that DuckDB runs.

The lexer finds what can be told from the words alone: parameters, bytes, double precision literals,
`array(T)`, the session functions. Where the place in the grammar decides, `dialect` is asked. Both
give edits, so that errors point into the text that was sent. What may live here: the lexer's edits.
"""

import dataclasses
import json
import re
from collections.abc import Collection, Iterator, Mapping
from itertools import groupby
from typing import Any, NamedTuple
from urllib.parse import unquote

import msgspec

from firebolt_like.local.doubles import double_literals
from firebolt_like.local.edits import Edit, Translation, apply, location
from firebolt_like.local.refusal import Refusal, invalid
from firebolt_like.local.table_clauses import read_comment_on
from firebolt_like.local.types import duckdb_name, sql_type_named
from firebolt_like.protocol.sql import Kind, Statement, tokens

__all__ = ["Literal", "Translation", "mark_escapes", "read_parameters", "translate"]


class Literal(NamedTuple):
    """A parameter that has a type of its own, as DuckDB's SQL writes it."""

    sql: str


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
    exact: Collection[int] = (),
) -> Translation:
    """Translate one statement of a body.

    `functions` are the session functions without arguments, by lower-case name, and their values;
    those of users need no brackets, as in standard SQL.
    `bytea` are offsets of strings and placeholders in the statement that are to become bytea, and
    `exact` the ends of literals with a point that are not to become double precision.
    Raises `Refusal` for a placeholder without a value, and for what DuckDB cannot do.
    """
    sql = statement.text
    parts = _parts(sql)
    begin = _skip_leading_comments(sql, parts)
    _check_depth(sql, parts)
    edits = [Edit(0, begin, "")] if begin else []
    edits += _edits(sql, parts, parameters, functions, bytea)
    edits += double_literals(sql, parts, exact)
    if word := _word_of_dialect(sql, parts):
        from firebolt_like.local.dialect import Untranslatable, read_dialect  # noqa: PLC0415  # sqlglot loads slowly

        try:
            reading = read_dialect(sql, word)
        except Untranslatable as error:
            place = location(body, statement.start + error.offset)
            raise Refusal.of(error.name, error.text, place=place) from error
        translation = apply(edits + reading.edits, sql, body, statement.start)
        return dataclasses.replace(translation, noted=reading.noted)
    translation = apply(edits, sql, body, statement.start)
    if sql[begin : begin + 7].upper() != "COMMENT":
        return translation
    return dataclasses.replace(translation, noted=read_comment_on(sql[begin:]))


_ASCII_WORD = re.compile(r"[a-z]+")
_SPELLED_OTHERWISE = {
    *("pgdate", "timestampntz", "geography", "float", "decimal", "numeric", "checksum"),
    *("fact", "dimension", "external", "index"),
}
_DIALECT = re.compile(
    r"(?<![\w.$])(?:pgdate|timestampntz|geography|float|(?:decimal|numeric)(?!\s*\()"
    r"|checksum(?=\s*\()|(?:fact|dimension|external)(?=\s+table\b)"
    r"|(?:aggregating|join|primary)(?=\s+index\b))(?![\w$])"
    # a bracket before it is a window's
    r"|(?:\A|[^\s(])\s*\b(?P<partition>partition)\s+by\b",
    re.IGNORECASE,
)


def _word_of_dialect(sql: str, parts: list[tuple[Kind, int, int]]) -> str | None:
    """Find a word that needs the grammar; one pass over all words answers the usual no."""
    words = set(_ASCII_WORD.findall(sql.lower()))
    if words.isdisjoint(_SPELLED_OTHERWISE) and not words >= {"create", "partition"}:
        return None
    for kind, start, end in parts:
        if kind is Kind.TEXT and (found := _DIALECT.search(sql[start:end])):
            return (found["partition"] or found[0]).upper()
    return None


def _edits(
    sql: str,
    parts: list[tuple[Kind, int, int]],
    parameters: Mapping[str, Any],
    functions: Mapping[str, str],
    bytea: Collection[int],
) -> Iterator[Edit]:
    has_calls = _MAY_BE_SPELLED.search(sql) is not None
    call: int | None = None  # where the `param(` began that the text before ended in
    for at, (kind, start, end) in enumerate(parts):
        text = sql[start:end]
        following = sql[end : parts[at + 1][2]] if at + 1 < len(parts) else ""
        if start in bytea:
            following = "::bytea"
        if kind is Kind.NUMBERED:
            yield Edit(start, end, _literal(_value(text, parameters), following))
        elif kind is Kind.STRING and call is not None:
            yield Edit(call, end, "(" + _as_text(_value(text[1:-1], parameters)))
        elif kind is Kind.STRING and (literal := _bytes_literal(text, following)) is not None:
            yield Edit(start, end, literal)
        call = None
        if kind is Kind.TEXT:
            if following.startswith("'") and (found := _PARAM_CALL.search(text)):
                call = start + found.start()
            if has_calls:
                yield from _words(text, start, functions)


def _skip_leading_comments(sql: str, parts: list[tuple[Kind, int, int]]) -> int:
    """Leave out what stands before the first word: DuckDB counts columns wrongly behind it."""
    while parts and (parts[0][0] is Kind.COMMENT or sql[parts[0][1] : parts[0][2]].isspace()):
        del parts[0]
    if parts and parts[0][0] is Kind.TEXT:
        kind, start, end = parts[0]
        parts[0] = (kind, end - len(sql[start:end].lstrip()), end)
    return parts[0][1] if parts else len(sql)


_DEEPEST = 500


def _check_depth(sql: str, parts: list[tuple[Kind, int, int]]) -> None:
    """Refuse what costs DuckDB memory or time that grows with the square of the depth."""
    depth = dots = 0
    for kind, start, end in parts:
        if kind is Kind.TEXT:
            only_names = _NAMES.fullmatch(sql, start, end) is not None
            dots = dots + sql.count(".", start, end) if only_names else 0
            if dots > _LONGEST_NAME or _LONG_NAME.search(sql, start, end):
                raise invalid(f"A name has more than {_LONGEST_NAME} parts.")
            for mark in _BRACKET.findall(sql, start, end):
                depth += 1 if mark in "([{" else -1
                if depth > _DEEPEST:
                    raise invalid(f"The statement is nested more than {_DEEPEST} brackets deep.")


_BRACKET = re.compile(r"[](){}[]")
_LONGEST_NAME = 100
_NAMES = re.compile(r"[\w\s.]*")
_LONG_NAME = re.compile(rf"(?:\.\s*+\w++\s*+){{{_LONGEST_NAME}}}")


def _parts(sql: str) -> list[tuple[Kind, int, int]]:
    """Give the lexer's tokens, neighbouring TEXT as one."""
    return [
        (kind, run[0].start, run[-1].end)
        for kind, group in groupby(tokens(sql), key=lambda token: token.kind)
        for run in ([list(group)] if kind is Kind.TEXT else [[token] for token in group])
    ]


_PARAM_CALL = re.compile(r"(?<![\w.$])param\s*\(\s*$", re.IGNORECASE)
# cheap; the next decides
_MAY_BE_SPELLED = re.compile(r"\(\s*\)|(?:ay|ct)\s*\(|n_user|t_user", re.IGNORECASE)
_SPELLING = re.compile(
    r"(?<![\w.$])(?:(?P<function>[a-z_]\w*)\s*\(\s*\)|(?P<type>(?:array|struct)\s*\()"
    r"|(?<!\bas\s)(?P<user>(?:current|session)_user)(?!\s*[.(]|[\w$]))",
    re.IGNORECASE,
)


def _words(text: str, start: int, functions: Mapping[str, str]) -> Iterator[Edit]:
    done = 0
    while (found := _SPELLING.search(text, done)) is not None:
        done = found.end()
        if name := found["function"] or found["user"]:
            value = functions.get(name.lower())
            changed = None if value is None else _text(value)
        else:
            end = _closing(text, done)
            kind = sql_type_named(text[found.start() : end])
            # ARRAY(SELECT ...) is a constructor, not a type
            changed = None if kind is None else duckdb_name(kind)
            done = done if kind is None else end
        if changed is not None:
            yield Edit(start + found.start(), start + done, changed)


def _closing(text: str, start: int) -> int:
    depth = 1
    for mark in re.finditer(r"[()]", text[start:]):
        depth += 1 if mark[0] == "(" else -1
        if not depth:
            return start + mark.end()
    return len(text)


_ESCAPED = re.compile(r"[eE]'((?:\\x[0-9a-fA-F]{2})*)'")
_HEX = re.compile(r"\\x((?:[0-9a-fA-F]{2})*)")
_TO_BYTEA = re.compile(r"\s*(?:::|as\s)\s*bytea(?!\w)", re.IGNORECASE)


def _bytes_literal(string: str, following: str) -> str | None:
    r"""Rewrite E'\x61' and '\x6162'::bytea, or return None for any other string."""
    if escaped := _ESCAPED.fullmatch(string):
        return f"CAST('{escaped[1]}' AS BLOB)"
    if string[:1] in "eE" and "\\0" in string:
        return _with_nul(string)
    return _hex_bytes(string[1:-1], following)


_ESCAPE = re.compile(r"\\(?:0(?![0-7])|.)", re.DOTALL)


def _with_nul(string: str) -> str:
    r"""Write E'a\0b' by chr(0), as DuckDB takes no such escape."""
    marked = _ESCAPE.sub(
        lambda escape: "' || chr(0) || E'" if escape[0] == r"\0" else escape[0], string
    )
    return f"({marked})"


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
    if isinstance(value, Literal):
        return value.sql
    if value is None or isinstance(value, bool):
        return {None: "NULL", True: "TRUE", False: "FALSE"}[value]
    if isinstance(value, int):
        return f"CAST({value} AS {'BIGINT' if -(2**63) <= value < 2**63 else 'HUGEINT'})"
    if isinstance(value, float):
        return f"CAST('{value!r}' AS DOUBLE)"
    if isinstance(value, str):
        return _hex_bytes(value, following) or _text(value)
    return _json(value)


def _as_text(value: Any) -> str:
    """Write the value of `param('name')`, which is text whatever was sent."""
    if value is None:
        return "CAST(NULL AS VARCHAR)"
    return _text(value) if isinstance(value, str) else _json(value)


def _json(value: Any) -> str:
    return _text(json.dumps(value, indent=2, ensure_ascii=False))


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def read_parameters(text: str) -> dict[str, Any]:
    """Read the `query_parameters` of a request: `{"name", "value"}` objects, or one alone.

    They may be percent-encoded once more, as SET hands them to clients. Raises `Refusal` for what
    is not such JSON, and for a name that is given twice.
    """
    try:
        text = unquote(text) if text.startswith("%") else text
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
