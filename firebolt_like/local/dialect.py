"""The dialect's grammar, read by sqlglot: which pieces of a statement DuckDB wants otherwise.

sqlglot finds out where a type, a clause or a function stands; only those pieces of the text are
changed, so that all the rest of a statement reaches DuckDB as it was written, and errors point into
it. What may live here: the dialect and its changes. `translate` imports this late, and only for
statements that hold a word of the dialect: sqlglot takes 0.3 s to load, and 0.3 ms a statement.
"""

import dataclasses
import re
from typing import Any, ClassVar, Final, NamedTuple

from sqlglot import exp
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.errors import ParseError
from sqlglot.parsers.duckdb import DuckDBParser
from sqlglot.tokenizer_core import TokenType

from firebolt_like.local.edits import Edit
from firebolt_like.local.table_clauses import CreateIndex, CreateTable, DropIndex, Noted
from firebolt_like.local.types import sql_type_named

__all__ = ["Untranslatable", "read_dialect"]

_TYPES: Final = {
    # a type's name in the dialect: DuckDB's
    "pgdate": "DATE",
    "timestampntz": "TIMESTAMP",
    "geography": "GEOMETRY",
    "float": "DOUBLE",
    "decimal": "DECIMAL(38, 9)",
    "numeric": "NUMERIC(38, 9)",
}
_MODULUS: Final = 2**63 - 1


class Untranslatable(Exception):  # noqa: N818  # `translate` answers it as a refusal
    """A construct that has no form in DuckDB; `offset` is its place in the statement.

    `name` is what the answer calls the error.
    """

    def __init__(self, text: str, offset: int, name: str = "NotSupported") -> None:
        super().__init__(text)
        self.text = text
        self.offset = offset
        self.name = name


class Reading(NamedTuple):
    """What has to change in a statement, and what it says beside its SQL for DuckDB."""

    edits: list[Edit]
    noted: Noted | None


def read_dialect(sql: str, word: str) -> Reading:
    """Read one statement, in which `word` of the dialect occurs.

    Raises `Untranslatable` for what DuckDB cannot do, and for a statement that is not understood.

    >>> read_dialect("SELECT 'x'::pgdate", "pgdate").edits
    [Edit(start=12, end=18, text='DATE')]
    """
    dialect = _Dialect()
    parser = _Parser(dialect=dialect)
    if explain := _EXPLAIN.match(sql):
        sql = " " * explain.end() + sql[explain.end() :]
    try:
        found, table_type = _without_table_type(dialect.tokenize(sql))
        parsed = parser.parse(found, sql)
    except ParseError as error:
        raise _not_understood(error, sql, word) from error
    except Untranslatable:
        raise
    except Exception as error:  # on garbage, sqlglot raises whatever it runs into
        raise Untranslatable(f"{word} cannot be translated in this statement", 0) from error
    edits = list(parser.clauses.values())
    for tree in parsed:
        for node in tree.walk() if tree is not None else ():
            edits += node.meta.get(_EDITS, ())
    noted = parser.noted
    if table_type is not None:
        edits.append(Edit(table_type.start, table_type.end + 1, ""))
    if isinstance(noted, CreateTable):
        kind = "FACT" if table_type is None else table_type.text.upper()
        noted = dataclasses.replace(noted, type=kind)
        noted = noted if noted.says_something else None
    return Reading(sorted(set(edits)), noted)


def _without_table_type(found: list[Any]) -> tuple[list[Any], Any]:
    """Take FACT or DIMENSION out of the tokens of `CREATE [OR REPLACE] FACT TABLE`."""
    words = [token.text.upper() for token in found[:5]]
    at = 3 if words[1:3] == ["OR", "REPLACE"] else 1
    kind, what = [*words, "", ""][at : at + 2]
    if words[:1] == ["CREATE"] and kind in ("FACT", "DIMENSION") and what == "TABLE":
        return [*found[:at], *found[at + 1 :]], found[at]
    return found, None


_EXPLAIN: Final = re.compile(r"EXPLAIN\s+(?:ANALYZE\s+)?", re.IGNORECASE)


def _not_understood(error: ParseError, sql: str, word: str) -> Untranslatable:
    place = error.errors[0] if error.errors else {}
    near = str(place.get("highlight") or "the end")
    lines = sql.split("\n")[: place.get("line") or 1]
    # sqlglot tells the column of the last character of what it stopped at
    column = max(0, (place.get("col") or 1) - len(near)) if place.get("highlight") else 0
    offset = sum(len(line) + 1 for line in lines[:-1]) + column
    text = f"syntax error at or near {near!r}: {word} cannot be translated there"
    return Untranslatable(text, min(offset, len(sql)), "SyntaxError")


_EDITS: Final = "edits"
_IGNORED: Final = exp.Property(this=exp.Var(this="ignored"), value=exp.Var(this="ignored"))


class _Parser(DuckDBParser):
    """Notes changes: clauses in `clauses`, by place; types and calls in the `meta` of their node.

    Only nodes that are part of the final tree count: sqlglot tries, and goes back.
    """

    FUNCTION_PARSERS: ClassVar = {
        **DuckDBParser.FUNCTION_PARSERS,
        "CHECKSUM": lambda self: self._parse_checksum_call(),
    }

    def reset(self) -> None:
        super().reset()
        self.clauses: dict[int, Edit] = {}
        self.index_columns: list[tuple[exp.Identifier, int]] = []
        self.partition_columns: list[exp.Identifier] = []
        self.noted: Noted | None = None

    def _parse_as_command(self, start: Any) -> exp.Command:
        # sqlglot takes what it does not know as text, and logs it
        self.raise_error(f"{start.text} is not understood")
        return exp.Command(this=start.text)

    def _warn_unsupported(self) -> None:
        self.raise_error("this is not understood", self._tokens[0])

    def _change(self, first: Any, last: Any, text: str) -> None:
        self.clauses[first.start] = Edit(first.start, last.end + 1, text)

    def _parse_types(self, *args: Any, **kwargs: Any) -> exp.Expr | None:
        first, following = self._curr, self._next
        if following and following.token_type == TokenType.L_PAREN and self._skip_type(first):
            return exp.DataType(this=exp.DataType.Type.UNKNOWN)  # the lexer has translated it
        found = super()._parse_types(*args, **kwargs)
        word = first.text.lower() if first else ""
        bare = word not in ("decimal", "numeric") or not (
            following and following.token_type == TokenType.L_PAREN
        )
        is_name = first is not None and first.token_type != TokenType.IDENTIFIER
        if found is not None and is_name and bare and word in _TYPES:
            found.meta[_EDITS] = (Edit(first.start, first.end + 1, _TYPES[word]),)
        return found

    def _skip_type(self, first: Any) -> bool:
        """Pass over `array(T)` or `struct(...)`."""
        if first.text.lower() not in ("array", "struct"):
            return False
        depth = 0
        for index in range(self._index + 1, len(self._tokens)):
            token = self._tokens[index]
            depth += (token.token_type == TokenType.L_PAREN) - (
                token.token_type == TokenType.R_PAREN
            )
            if not depth:
                if sql_type_named(self.sql[first.start : token.end + 1]) is None:
                    return False
                self._advance(index + 1 - self._index)
                return True
        return False

    def _parse_checksum_call(self) -> exp.Expression:
        name, opening = self._tokens[self._index - 2], self._prev
        edits = [Edit(name.start, opening.end + 1, "CAST(coalesce(sum(hash(")]
        if self._match(TokenType.STAR):
            star = self._prev
            edits.append(Edit(star.start, star.end + 1, "*COLUMNS(*)"))
            arguments: list[Any] = []
        else:
            arguments = self._parse_csv(self._parse_assignment)
        closing = self._curr
        if closing is not None:
            close = f")), 0) % {_MODULUS} AS BIGINT)"
            edits.append(Edit(closing.start, closing.end + 1, close))
        call = exp.Anonymous(this="checksum", expressions=arguments)
        call.meta[_EDITS] = tuple(edits)
        return call

    def _parse_create(self) -> exp.Expression:  # type: ignore[override]  # sqlglot narrows it to its two
        for construct in ("EXTERNAL TABLE", "JOIN INDEX"):
            if self._match_text_seq(*construct.split(), advance=False):
                raise Untranslatable(f"CREATE {construct} is not supported", self._curr.start)
        if self._match_text_seq("AGGREGATING", "INDEX"):
            return self._parse_aggregating_index()
        made = super()._parse_create()
        if isinstance(made.this, exp.Schema):
            self._check_index(made.this)
        table = made.find(exp.Table)
        if table is not None and isinstance(made, exp.Create):
            self.noted = CreateTable(
                _path(table),
                "FACT",
                tuple(_folded(column) for column, _ in self.index_columns),
                tuple(map(_folded, self.partition_columns)),
                may_exist=bool(made.args.get("exists")),
            )
        return made

    def _check_index(self, schema: exp.Schema) -> None:
        known = {column.name.lower() for column in schema.expressions}
        for column, offset in self.index_columns:
            if column.name.lower() not in known:
                text = f"column '{column.name}' of PRIMARY INDEX does not exist"
                raise Untranslatable(text, offset, "SemanticError")

    def _parse_property(self) -> exp.Expr | list[exp.Expr] | None:
        first = self._curr
        if self._match_text_seq("PRIMARY", "INDEX"):
            self._parse_wrapped_csv(self._parse_index_column, optional=True)
        elif self._match(TokenType.PARTITION_BY):
            return self._parse_partitioned_by()
        else:
            return super()._parse_property()
        self._change(first, self._prev, "")
        return _IGNORED.copy()

    def _parse_partitioned_by(self) -> exp.Expr:  # type: ignore[override]  # sqlglot narrows it to its own
        first = self._prev
        expressions = self._parse_csv(self._parse_assignment)
        if not expressions:
            self.raise_error("an expression is missing", first)
        for column in (column for one in expressions for column in one.find_all(exp.Column)):
            self.partition_columns.append(column.this)
        self._change(first, self._prev, "")
        return _IGNORED.copy()

    def _parse_index_column(self) -> exp.Expr:
        first = self._curr
        column = self._parse_id_var()
        if not isinstance(column, exp.Identifier):
            text = "syntax error: PRIMARY INDEX wants columns"
            raise Untranslatable(text, self._prev.start, "SyntaxError")
        self.index_columns.append((column, first.start))
        return column

    def _parse_aggregating_index(self) -> exp.Expression:
        """Make it a view: CREATE OR REPLACE VIEW name AS FROM table SELECT keys GROUP BY ALL."""
        self._change(self._tokens[self._index - 2], self._prev, "OR REPLACE VIEW")
        first = self._curr
        exists = bool(self._parse_exists(not_=True))
        if exists:
            self._change(first, self._prev, "")
        name = self._index_name()
        self._expect(self._match(TokenType.ON), "AS FROM")
        table = self._parse_table_parts(schema=True)
        path = _path(table) if isinstance(table, exp.Table) else ()
        self._expect(self._match(TokenType.L_PAREN), "SELECT")
        begin = self._prev.end + 1
        self._parse_csv(self._parse_assignment)
        self._expect(self._match(TokenType.R_PAREN), "GROUP BY ALL")
        definition = self.sql[begin : self._prev.start].strip()
        self.noted = CreateIndex(name, path, definition, _view(name), exists)
        return exp.Command(this="CREATE")

    def _parse_drop(self, *args: Any, **kwargs: Any) -> exp.Drop | exp.Command:
        if not self._match_text_seq("AGGREGATING", "INDEX"):
            return super()._parse_drop(*args, **kwargs)
        self._change(self._tokens[self._index - 2], self._prev, "VIEW IF EXISTS")
        first = self._curr
        exists = bool(self._parse_exists())
        if exists:
            self._change(first, self._prev, "")
        name = self._index_name()
        self._match_texts(("CASCADE", "RESTRICT"))
        self.noted = DropIndex(name, exists)
        return exp.Command(this="DROP")

    def _index_name(self) -> str:
        first = self._curr
        parts = self._parse_table_parts(schema=True)
        if parts is None or not isinstance(parts.this, exp.Identifier):
            self.raise_error("a name is missing", first)
            return ""
        name = _folded(parts.this)
        self._change(first, self._prev, _view(name))
        return name

    def _expect(self, found: bool | None, text: str) -> None:
        if not found:
            self.raise_error("unexpected token")
        self._change(self._prev, self._prev, f" {text} ")


def _view(index: str) -> str:
    return '"aggregating index ' + index.replace('"', '""') + '"'


def _path(table: exp.Table) -> tuple[str, ...]:
    return tuple(_folded(part) for part in table.parts if isinstance(part, exp.Identifier))


def _folded(name: exp.Identifier) -> str:
    return name.name if name.quoted else name.name.lower()


class _Dialect(DuckDB):
    """DuckDB's grammar, with ours above it."""

    Parser = _Parser

    class Tokenizer(DuckDB.Tokenizer):
        """Knows the names of our types."""

        KEYWORDS: ClassVar = {
            **DuckDB.Tokenizer.KEYWORDS,
            "PGDATE": TokenType.DATE,
            "TIMESTAMPNTZ": TokenType.TIMESTAMP,
            "GEOGRAPHY": TokenType.GEOGRAPHY,
        }
