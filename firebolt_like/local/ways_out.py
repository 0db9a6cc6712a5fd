"""What DuckDB's statements can do under another statement's name: write files, run hidden SQL.

What may live here: the search for both in a statement's text, and what EXPLAIN is to explain. All
else that reaches out of the databases is a kind of statement that is never run, or is locked in the
engine.
"""

import re
from typing import Final

from firebolt_like.local.refusal import not_supported
from firebolt_like.protocol.sql import Kind, tokens

__all__ = ["explained", "refuse_ways_out"]

_RUNS_TEXT: Final = r"query|json_execute_serialized_sql|\w+_external_resource(?:_type)?"
"""Functions that run SQL in a string, or call what a string names."""

_SUSPECT: Final = re.compile(
    r"copy|query|json_execute_serialized_sql|_resource|rejects", re.IGNORECASE
)
_REJECTS: Final = re.compile(r"\b(store_rejects|rejects_table|rejects_scan)\b", re.IGNORECASE)
_COPY: Final = re.compile(r"\bcopy\b", re.IGNORECASE)
_TO: Final = re.compile(r"\bto\b", re.IGNORECASE)
_HIDDEN: Final = re.compile(rf"\b({_RUNS_TEXT})\s*\(", re.IGNORECASE)
_NAMED: Final = re.compile(rf"\b({_RUNS_TEXT})\b", re.IGNORECASE)
_BEFORE: Final = 200  # characters: what is longer is no name of a table
_NAMES_A_TABLE: Final = re.compile(
    r"\b(?:into|table|exists|with|recursive|on|references)\s+(?:\w+\s*\.\s*)*\Z", re.IGNORECASE
)


def refuse_ways_out(sql: str) -> None:
    """Refuse COPY inside of EXPLAIN and WITH, and functions that run the SQL in a string.

    Also what read_csv keeps of bad lines: temporary tables, which the next session would find.
    Raises `Refusal`.
    """
    if not _SUSPECT.search(sql):
        return
    # as long as the statement, so that places are the same
    plain = "".join(
        _plain(sql, token.kind, token.start, token.end).ljust(token.end - token.start)
        for token in tokens(sql)
    )
    if "`" in sql:
        # DuckDB reads `'` as a name, the dialect as the beginning of a string: any place counts
        plain = _NAMED.sub(r"\1(", sql.replace("`", " "))
    copy = _COPY.search(plain)
    if copy is not None and _TO.search(plain, copy.end()):
        raise not_supported(
            "COPY",
            offset=copy.start(),
            resolution='A column of that name is written in quotes: "copy".',
        )
    if (rejects := _REJECTS.search(plain)) is not None:
        raise not_supported(f"The option {rejects[1].lower()}", offset=rejects.start())
    for found in _HIDDEN.finditer(plain):
        if not _NAMES_A_TABLE.search(plain[max(0, found.start() - _BEFORE) : found.start()]):
            raise not_supported(f"The function {found[1].lower()}", offset=found.start())


_EXPLAIN: Final = re.compile(
    r"\s*EXPLAIN\b(?:\s*ANALYZE\b)?(?:\s*\((?!\s*(?:SELECT|WITH|FROM|VALUES|\())[^()]*\))?",
    re.IGNORECASE,
)


def explained(sql: str) -> str:
    """Give the statement behind EXPLAIN and its options: ANALYZE runs whatever it is.

    >>> explained("EXPLAIN (ANALYZE, FORMAT json) BEGIN")
    ' BEGIN'
    """
    bare = "".join(
        " " if token.kind is Kind.COMMENT else sql[token.start : token.end] for token in tokens(sql)
    )
    return _EXPLAIN.sub("", bare, count=1)


def _plain(sql: str, kind: Kind, start: int, end: int) -> str:
    if kind is Kind.NAME:
        name = sql[start + 1 : end - 1]
        # a column may be called copy in quotes; a function is the same with and without them
        return f" {name} " if _HIDDEN.fullmatch(f"{name}(") or _REJECTS.fullmatch(name) else '""'
    return {Kind.TEXT: sql[start:end], Kind.COMMENT: " "}.get(kind, "''")
