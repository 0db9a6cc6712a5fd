"""Running one statement on a DuckDB cursor, so that its rows come in the encoding that is wanted.

What may live here: which statements may run and in which of three ways, and the names of columns.
Everything here blocks and is called from worker threads.
"""

import dataclasses
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import duckdb

from firebolt_like.local.batches import Batch, RowEncoder
from firebolt_like.local.duckdb_errors import refusal
from firebolt_like.local.nullability import never_null
from firebolt_like.local.refusal import Refusal, not_supported
from firebolt_like.local.running import Running
from firebolt_like.local.translate import Translation
from firebolt_like.local.types import sql_type
from firebolt_like.local.ways_out import explained, refuse_ways_out
from firebolt_like.protocol.sql import Kind, first_words, tokens
from firebolt_like.protocol.types import Column

__all__ = ["Result", "check", "describe", "run"]


@dataclasses.dataclass(frozen=True, slots=True)
class Result:
    """Columns (none for a statement without a result set), and batches of about 1 MB.

    There is at least one batch, and the last one says so. Reading may raise `Refusal`. `changed` is
    how many rows a statement without a result set has changed, None where it changes none.
    """

    columns: tuple[Column, ...] = ()
    batches: Iterator[Batch] = dataclasses.field(
        default_factory=lambda: iter([Batch(b"", 0, last=True)])
    )
    changed: int | None = None


_KINDS = duckdb.StatementType
_SUBQUERIES: Final = {_KINDS.SELECT}
_ROWS: Final = {_KINDS.EXPLAIN, _KINDS.CALL, _KINDS.MULTI}  # rows, but no subquery
_CHANGES: Final = {_KINDS.INSERT, _KINDS.UPDATE, _KINDS.DELETE, _KINDS.MERGE_INTO}
_OTHERS: Final = {_KINDS.CREATE, _KINDS.DROP, _KINDS.ALTER, _KINDS.VACUUM, _KINDS.ANALYZE}
_KNOWN: Final = _SUBQUERIES | _ROWS | _CHANGES | _OTHERS
_EXPLAINED: Final = _SUBQUERIES | _CHANGES
_HAS_RUN: Final = "MATERIALIZED_RELATION"  # when it was bound, as it changes something: nextval()


def run(
    cursor: duckdb.DuckDBPyConnection,
    statement: Translation,
    query: Running,
    encoder: RowEncoder,
    limit: int | None = None,
    *,
    alone: bool = True,
) -> Result:
    """Run a statement; `limit` caps the rows of a SELECT. Raises `Refusal`.

    `alone` says that no transaction is open.
    """
    query.attach(cursor)
    with _refusing(statement, query):
        parsed = _parse(cursor, statement.text)
        kind = parsed.type
        if kind in _SUBQUERIES:
            relation = _bind(cursor, parsed, statement)
            if relation.type != _HAS_RUN:
                return _run_subquery(cursor, relation, statement, query, encoder, limit)
            return _read_relation(cursor, relation, statement, query, encoder, limit)
        if kind in _ROWS or (kind in _CHANGES and _has_returning(statement.text)):
            relation = cursor.sql(statement.text)
            return _read_relation(cursor, relation, statement, query, encoder)
        if statement.noted is not None:
            statement.noted.run(cursor, statement.text, alone=alone)
            return Result()
        cursor.execute(parsed)
        counts = cursor.fetchall()
        return Result(changed=counts[0][0] if counts else None)


def check(cursor: duckdb.DuckDBPyConnection, statement: Translation) -> None:
    """Raise `Refusal` for what is no statement, or none that may run; no name is looked up."""
    with _refusing(statement):
        _parse(cursor, statement.text)


def describe(
    cursor: duckdb.DuckDBPyConnection, statement: Translation
) -> tuple[Column, ...] | None:
    """Bind a statement and give its columns, None for one without rows. Raises `Refusal`."""
    with _refusing(statement):
        parsed = _parse(cursor, statement.text)
        kind = parsed.type
    if kind in _SUBQUERIES:
        # bound as a relation, a query that changes something would run: nextval()
        with _refusing(statement, lines_before=1):
            told = cursor.execute(f"DESCRIBE\n{statement.text}").fetchall()
        names, types, *_ = zip(*told, strict=True)
        columns = _columns(names, [*map(duckdb.sqltype, types)], statement.text)
        return _mark_not_null(cursor, columns, statement.text)
    if kind in _CHANGES:
        with _refusing(statement, lines_before=1):
            cursor.execute(f"EXPLAIN\n{statement.text}").fetchall()
    return None


def _parse(cursor: duckdb.DuckDBPyConnection, sql: str) -> Any:
    """Parse one statement that may run, so that binding or running it parses nothing again."""
    refuse_ways_out(sql)
    parsed = cursor.extract_statements(sql)
    words = first_words(sql, 4)
    if len(parsed) != 1:
        raise not_supported("Several statements in one", offset=0)
    if words[0] == "CREATE":
        # connections are shared between sessions: what lives in one of them must not be made
        adjective = words[3:4] if words[1:3] == ("OR", "REPLACE") else words[1:2]
        if adjective and adjective[0] in ("TEMP", "TEMPORARY", "SECRET", "PERSISTENT"):
            raise not_supported(f"CREATE {adjective[0]}", offset=0)
    try:
        kind = parsed[0].type
    except ValueError as error:  # a kind that DuckDB's Python package has no name for
        raise not_supported(f"The statement {words[0]}", offset=0) from error
    if kind not in _KNOWN:
        raise not_supported(f"The statement {words[0]}", offset=0)
    if kind == _KINDS.EXPLAIN and _parse(cursor, explained(sql)).type not in _EXPLAINED:
        what = "EXPLAIN of anything but a query or a change of rows"
        raise not_supported(what, offset=0)
    return parsed[0]


def _has_returning(sql: str) -> bool:
    return any(
        token.kind is Kind.TEXT
        and re.search(r"\breturning\b", sql[token.start : token.end], re.IGNORECASE)
        for token in tokens(sql)
    )


def _run_subquery(
    cursor: duckdb.DuckDBPyConnection,
    relation: Any,
    statement: Translation,
    query: Running,
    encoder: RowEncoder,
    limit: int | None,
) -> Result:
    types = relation.types
    columns = _mark_not_null(
        cursor, _columns(relation.columns, types, statement.text), statement.text
    )
    rows = _limited(encoder.select(types, f"(\n{statement.text}\n)"), limit)
    query.check()
    with _refusing(statement, query, lines_before=1):
        batches = encoder.batches(cursor, rows, columns, query.check)
    return Result(columns, _reading(batches, statement, query))


def _reading(batches: Iterator[Batch], statement: Translation, query: Running) -> Iterator[Batch]:
    with _refusing(statement, query, lines_before=1):
        yield from batches


def _read_relation(
    cursor: duckdb.DuckDBPyConnection,
    relation: Any,
    statement: Translation,
    query: Running,
    encoder: RowEncoder,
    limit: int | None = None,
) -> Result:
    columns = _columns(relation.columns, relation.types, statement.text)
    rows = _limited(encoder.select(relation.types, "result_of_statement"), limit)
    query.check()
    table = relation.to_arrow_table()  # this runs the statement, unless it has run: once
    cursor.register("result_of_statement", table)
    try:
        batches = list(encoder.batches(cursor, rows, columns, query.check))
    finally:
        cursor.unregister("result_of_statement")
    return Result(columns, iter(batches))


def _limited(rows: str, limit: int | None) -> str:
    return rows if limit is None else f"{rows} LIMIT {limit}"


def _bind(cursor: duckdb.DuckDBPyConnection, parsed: Any, statement: Translation) -> Any:
    """Bind a query, which tells its columns; one that changes something runs now."""
    try:
        return cursor.sql(parsed)
    except duckdb.Error as error:
        if "\nLINE " not in str(error):
            # binding alone tells no place; planning does
            with _refusing(statement, lines_before=1):
                cursor.execute(f"EXPLAIN\n{statement.text}")
        raise


def _columns(names: Sequence[str], types: Sequence[Any], sql: str) -> tuple[Column, ...]:
    return tuple(map(Column, _shown_names(names, sql), map(sql_type, types)))


def _mark_not_null(
    cursor: duckdb.DuckDBPyConnection, columns: tuple[Column, ...], sql: str
) -> tuple[Column, ...]:
    def not_null(table: str) -> dict[str, bool]:
        try:
            told = cursor.execute(f"DESCRIBE {table}").fetchall()
            found = {str(name).lower(): null == "NO" for name, _, null, *_ in told}
            # of a view's columns DuckDB tells what their tables say: an outer join makes that false
            is_table = any(found.values()) and cursor.table(table).type == "TABLE_RELATION"
        except duckdb.Error:
            return {}
        return found if is_table else {}

    return tuple(
        Column(column.name, dataclasses.replace(column.type, nullable=False)) if never else column
        for column, never in zip(columns, never_null(sql, len(columns), not_null), strict=True)
    )


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
    except Refusal as error:
        if query is not None:
            query.check()
        if error.offset is not None:
            error.place(statement.locate_offset(error.offset))
        raise
