"""The schema `public`, as clients call it: DuckDB's `main`.

What may live here: finding that name where it is a schema's.
"""

import re

from firebolt_like.protocol.sql import Kind, Statement, tokens

__all__ = ["with_main_schema"]

_NAME = r'(?<![\w$"])(?:public|"public")'
_PUBLIC = re.compile(
    rf"(?P<used>{_NAME})(?=\s*\.)"
    rf"|\bschema\s+(?:if\s+(?:not\s+)?exists\s+)?(?P<made>{_NAME})(?![\w$])",
    re.IGNORECASE,
)


def with_main_schema(statement: Statement) -> Statement:
    """Write `main` for `public` before a dot and after SCHEMA, at the same length.

    >>> with_main_schema(Statement("SELECT 'public.t' FROM public.t", 0)).text
    "SELECT 'public.t' FROM   main.t"
    """
    sql = statement.text
    if "public" not in sql.lower():
        return statement
    visible = "".join(
        " " * (token.end - token.start)
        if token.kind in (Kind.STRING, Kind.COMMENT)
        else sql[token.start : token.end]
        for token in tokens(sql)
    )
    for found in _PUBLIC.finditer(visible):
        start, end = found.span(found.lastgroup or 0)
        sql = f"{sql[:start]}{'main'.rjust(end - start)}{sql[end:]}"
    return Statement(sql, statement.start)
