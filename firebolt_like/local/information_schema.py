"""Views of `information_schema` that DuckDB has not: tables of Python rows, made for one statement.

What may live here: the mechanism. The views themselves live beside what they tell of; each is a
`View`, given to `InformationSchema` when the server is put together.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import duckdb

from firebolt_like.protocol.sql import Kind, Statement, tokens

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["InformationSchema", "Session", "View"]


class Session(NamedTuple):
    """What a view's rows may depend on: the statement's cursor (free), database and engine.

    A statement of the system engine has the engine `system`.
    """

    cursor: duckdb.DuckDBPyConnection
    database: str
    engine: str


class View(NamedTuple):
    """`columns` are names and types: text, integer, bigint, boolean, numeric or timestamptz.

    `rows` gives Python values; it blocks and is called from worker threads.

    >>> engines = View({"engine_name": "text", "nodes": "integer"}, lambda session: [("a", 1)])
    """

    columns: Mapping[str, str]
    rows: Callable[[Session], Iterable[Sequence[Any]]]


class InformationSchema:
    """The views by name; a view hides DuckDB's own of the same name."""

    def __init__(self, views: Mapping[str, View]) -> None:
        self._views = dict(views)
        names = "|".join(map(re.escape, self._views))
        self._pattern = re.compile(
            rf'(?<![\w.$"])("?)information_schema\1\s*\.\s*("?)(?P<name>{names})\2(?![\w$"])',
            re.IGNORECASE,
        )

    def prepare(self, statement: Statement, session: Session) -> tuple[Statement, list[str]]:
        """Make the views that a statement names, and let it name what was made.

        A view is an Arrow table in the cursor's temporary schema until `forget`. The new text is
        as long as the old one, so that errors point to the right place.
        """
        sql = statement.text
        if not self._views or "information_schema" not in sql.lower():
            return statement, []
        names = set()
        for found in self._pattern.finditer(_without_strings(sql)):
            names.add(found["name"].lower())
            target = f"temp.{found['name'].lower()}".rjust(len(found[0]))
            sql = sql[: found.start()] + target + sql[found.end() :]
        for name in names:
            session.cursor.register(name, self._table(self._views[name], session))
        return Statement(sql, statement.start), sorted(names)

    def forget(self, cursor: duckdb.DuckDBPyConnection, names: Iterable[str]) -> None:
        """Drop what `prepare` made."""
        for name in names:
            cursor.unregister(name)

    def _table(self, view: View, session: Session) -> "pa.Table":
        import pyarrow as pa  # noqa: PLC0415  # slow to import, and most servers never need it

        rows = list(view.rows(session))
        columns = list(zip(*rows, strict=True)) if rows else [()] * len(view.columns)
        types = {
            "text": pa.string(),
            "integer": pa.int32(),
            "bigint": pa.int64(),
            "boolean": pa.bool_(),
            "numeric": pa.decimal128(38, 9),
            "timestamptz": pa.timestamp("us", "UTC"),
        }
        schema = pa.schema([(name, types[kind]) for name, kind in view.columns.items()])
        arrays = [
            pa.array(values, field.type) for values, field in zip(columns, schema, strict=True)
        ]
        return pa.Table.from_arrays(arrays, schema=schema)


def _without_strings(sql: str) -> str:
    """Blank strings and comments out, at the same length."""
    return "".join(
        " " * (token.end - token.start)
        if token.kind in (Kind.STRING, Kind.COMMENT)
        else sql[token.start : token.end]
        for token in tokens(sql)
    )
