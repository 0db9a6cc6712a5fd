"""Running one statement on a DuckDB cursor; its rows are JSON text that SQL has written.

    SELECT json_array(<one expression a column>)::VARCHAR FROM (<the statement>) AS t(c0, c1, ...)

What may live here: which statements may run and in which of three ways, the names of columns, and
batches. Everything here blocks and is called from worker threads.
"""

import dataclasses
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import duckdb

from firebolt_like.local.duckdb_errors import refusal
from firebolt_like.local.refusal import Refusal, not_supported
from firebolt_like.local.running import Running
from firebolt_like.local.translate import Translation
from firebolt_like.local.types import json_value, sql_type
from firebolt_like.protocol.sql import Kind, first_words, tokens
from firebolt_like.protocol.types import Column

__all__ = ["Batch", "Result", "run"]


@dataclasses.dataclass(frozen=True, slots=True)
class Batch:
    """JSON texts of rows joined by commas, and how many they are."""

    rows: bytes
    count: int
    last: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Result:
    """Columns (none for a statement without a result set), and batches of about 1 MB.

    There is at least one batch, and the last one says so. Reading may raise `Refusal`.
    """

    columns: tuple[Column, ...] = ()
    batches: Iterator[Batch] = dataclasses.field(
        default_factory=lambda: iter([Batch(b"", 0, last=True)])
    )


_KINDS = duckdb.StatementType
_SUBQUERIES: Final = {_KINDS.SELECT}
_ROWS: Final = {_KINDS.EXPLAIN, _KINDS.CALL, _KINDS.MULTI}  # rows, but no subquery
_CHANGES: Final = {_KINDS.INSERT, _KINDS.UPDATE, _KINDS.DELETE, _KINDS.MERGE_INTO}
_OTHERS: Final = {_KINDS.CREATE, _KINDS.DROP, _KINDS.ALTER, _KINDS.VACUUM, _KINDS.ANALYZE}


def run(
    cursor: duckdb.DuckDBPyConnection,
    statement: Translation,
    query: Running,
    limit: int | None = None,
) -> Result:
    """Run a statement; `limit` caps the rows of a SELECT. Raises `Refusal`."""
    query.attach(cursor)
    with _refusing(statement, query):
        kind = _kind(cursor, statement.text)
        if kind in _SUBQUERIES:
            return _run_subquery(cursor, statement, query, limit)
        if kind in _ROWS or (kind in _CHANGES and _has_returning(statement.text)):
            return _run_for_rows(cursor, statement.text, query)
        cursor.execute(statement.text)
        cursor.fetchall()
        return Result()


def _kind(cursor: duckdb.DuckDBPyConnection, sql: str) -> Any:
    parsed = cursor.extract_statements(sql)
    words = first_words(sql, 4)
    if len(parsed) != 1:
        raise not_supported("Several statements in one")
    if words[0] == "CREATE":
        # connections are shared between sessions: what lives in one of them must not be made
        adjective = words[3:4] if words[1:3] == ("OR", "REPLACE") else words[1:2]
        if adjective and adjective[0] in ("TEMP", "TEMPORARY", "SECRET", "PERSISTENT"):
            raise not_supported(f"CREATE {adjective[0]}")
    kind = parsed[0].type
    if kind not in _SUBQUERIES | _ROWS | _CHANGES | _OTHERS:
        raise not_supported(f"The statement {words[0]}")
    return kind


def _has_returning(sql: str) -> bool:
    return any(
        token.kind is Kind.TEXT
        and re.search(r"\breturning\b", sql[token.start : token.end], re.IGNORECASE)
        for token in tokens(sql)
    )


def _run_subquery(
    cursor: duckdb.DuckDBPyConnection, statement: Translation, query: Running, limit: int | None
) -> Result:
    names, types = _signature(cursor, statement)
    rows = _json_rows(types, f"(\n{statement.text}\n)")
    query.check()
    with _refusing(statement, query, lines_before=1):
        cursor.execute(rows if limit is None else f"{rows} LIMIT {limit}")
    batches = _batches(cursor.fetchmany, statement, query)
    return Result(_columns(names, types, statement.text), batches)


def _run_for_rows(cursor: duckdb.DuckDBPyConnection, sql: str, query: Running) -> Result:
    relation = cursor.sql(sql)
    names, types = relation.columns, relation.types
    query.check()
    table = relation.to_arrow_table()  # this runs the statement: once
    cursor.register("result_of_statement", table)
    try:
        found = cursor.execute(_json_rows(types, "result_of_statement")).fetchall()
    finally:
        cursor.unregister("result_of_statement")
    rows = ",".join([row for (row,) in found]).encode()
    return Result(_columns(names, types, sql), iter([Batch(rows, len(found), last=True)]))


def _signature(
    cursor: duckdb.DuckDBPyConnection, statement: Translation
) -> tuple[list[str], list[Any]]:
    try:
        relation = cursor.sql(statement.text)
    except duckdb.Error as error:
        if "\nLINE " not in str(error):
            # binding alone tells no place; planning does
            with _refusing(statement, lines_before=1):
                cursor.execute(f"EXPLAIN\n{statement.text}")
        raise
    return relation.columns, relation.types


def _json_rows(types: Sequence[Any], source: str) -> str:
    names = [f"c{number}" for number in range(len(types))]
    values = ", ".join(json_value(kind, name) for kind, name in zip(types, names, strict=True))
    row = f"json_array({values})::VARCHAR"
    return f"SELECT {row} FROM {source} AS t({', '.join(names)})"  # noqa: S608  # no user's name is in it


def _columns(names: Sequence[str], types: Sequence[Any], sql: str) -> tuple[Column, ...]:
    return tuple(map(Column, _shown_names(names, sql), map(sql_type, types)))


_PLAIN_NAME = re.compile(r"(?!(?:null|true|false)\Z)[a-z_][\w$]*", re.IGNORECASE)
_STAR = re.compile(
    r"(?:\b(?:select|distinct|all)|[,.])\s*\*|\A(?!.*\bselect\b)", re.IGNORECASE | re.DOTALL
)


def _shown_names(names: Sequence[str], sql: str) -> list[str]:
    """Call an expression without a name `?column?`, where DuckDB calls it by its text.

    A name that is quoted in the statement, or that may come out of `*`, is a name.
    """
    if all(map(_PLAIN_NAME.fullmatch, names)):
        return list(names)
    parts = [(token.kind, sql[token.start : token.end]) for token in tokens(sql)]
    quoted = {text[1:-1].replace('""', '"') for kind, text in parts if kind is Kind.NAME}
    if _STAR.search("".join('""' if kind is Kind.NAME else text for kind, text in parts)):
        return list(names)
    return [name if _PLAIN_NAME.fullmatch(name) or name in quoted else "?column?" for name in names]


_BATCH_SIZE = 1_000_000
_FIRST_FETCH = 64


def _batches(
    fetch: Callable[[int], list[tuple[str]]], statement: Translation, query: Running
) -> Iterator[Batch]:
    """Cut the rows into batches; how many rows a fetch takes follows from their length."""
    take = _FIRST_FETCH
    last = False
    while not last:
        parts: list[str] = []
        count = size = 0
        with _refusing(statement, query, lines_before=1):
            while size < _BATCH_SIZE and not last:
                query.check()
                rows = fetch(take)
                last = len(rows) < take
                if rows:
                    parts.append(",".join([row for (row,) in rows]))
                    count += len(rows)
                    size += len(parts[-1])
                    take = max(1, min(10_000, _BATCH_SIZE * count // (4 * size)))
        yield Batch(",".join(parts).encode(), count, last)


@contextmanager
def _refusing(
    statement: Translation, query: Running | None = None, *, lines_before: int = 0
) -> Iterator[None]:
    """Turn errors of DuckDB into `Refusal`; a statement that was stopped says by whom."""
    try:
        yield
    except (duckdb.Error, OSError, ValueError) as error:
        if query is not None:
            query.check()
        raise refusal(error, statement, lines_before=lines_before) from error
    except Refusal:
        if query is not None:
            query.check()
        raise
