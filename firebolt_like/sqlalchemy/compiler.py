"""Statements: where the engines' SQL differs from what SQLAlchemy writes by itself.

What may live here: the statement compiler and the quoting of names. DDL is in `ddl`.
"""

from typing import Any, Final

from sqlalchemy import types as sqltypes
from sqlalchemy.sql import compiler
from sqlalchemy.sql.compiler import RESERVED_WORDS

__all__ = ["IdentifierPreparer", "StatementCompiler"]

_RESERVED: Final = """
    aggregating all analyse analyze and anti any array as asc asof asymmetric at authorization
    between binary both by case cast check collate collation column concurrently constraint
    create cross cube current current_date current_schema current_time current_timestamp date
    default deferrable desc describe dimension distinct do double drop else end except exists
    external extract fact false fetch for foreign freeze from full glob group grouping having if
    ilike in index initially inner insert int intersect interval into is isnull join lambda
    lateral leading left like limit localtime localtimestamp natural not notnull null offset on
    only or order outer overlaps pivot pivot_longer pivot_wider placing position positional
    primary qualify references returning right rollup row select semi set show similar some
    string summarize symmetric table tablesample text then to top trailing true truncate union
    unique unnest unpack unpivot update using values variadic verbose view when where window
    with
"""


class IdentifierPreparer(compiler.IdentifierPreparer):
    """Quotes names; what is not in lower case keeps its case in double quotes."""

    dialect: Any
    reserved_words = RESERVED_WORDS.union(_RESERVED.split())

    def use_quote(self, quote: str) -> None:
        """Quote by another character from now on."""
        self.initial_quote = self.final_quote = self.escape_quote = quote
        self.escape_to_quote = quote * 2
        self._strings: dict[str, str] = {}

    def quote_backticks(self, name: str) -> str:
        """Quote the name of a struct's field."""
        return f"`{name.replace('`', '``')}`" if self._requires_quotes(name) else name

    def format_sequence(self, sequence: Any, use_schema: bool = True) -> str:
        """Give a sequence's name; inside of a string, the default schema is not translated."""
        is_default = self.schema_for_object(sequence) == self.dialect.sub_dialect.default_schema
        return super().format_sequence(sequence, use_schema and not is_default)


class StatementCompiler(compiler.SQLCompiler):
    """Writes SELECT, INSERT, UPDATE, DELETE and their expressions."""

    dialect: Any

    # --- parameters ---

    def visit_bindparam(self, bindparam: Any, *args: Any, **kw: Any) -> str:
        """Write a parameter; one that goes to a column takes its type from there."""
        kw["_to_column"] = bindparam._is_crud
        return super().visit_bindparam(bindparam, *args, **kw)

    def bindparam_string(self, name: str, *args: Any, **kw: Any) -> str:
        if kw.pop("_to_column", False) and not getattr(kw.get("bindparam_type"), "fields", None):
            kw["bindparam_type"] = None
        return super().bindparam_string(name, *args, **kw)

    def render_bind_cast(self, type_: Any, dbapi_type: Any, sqltext: str) -> str:
        kind = self.dialect.type_compiler_instance.process(dbapi_type)
        if kind.startswith("STRUCT("):
            sqltext = f"CAST({sqltext} AS JSON)"
        return f"CAST({sqltext} AS {kind})"

    def render_literal_value(self, value: Any, type_: Any) -> str:
        """Write a value into the statement, in which a backslash may be an escape."""
        text = str(super().render_literal_value(value, type_))
        is_text = isinstance(type_, sqltypes.String)
        write = self.dialect.sub_dialect.writing.literal
        if is_text and write is not None:
            return str(write(text[1:-1].replace("''", "'")))
        return text.replace("\\", "\\\\") if is_text and self.dialect.backslash_escapes else text

    # --- clauses ---

    def limit_clause(self, select: Any, **kw: Any) -> str:
        """Write LIMIT and OFFSET, each where it is wanted."""
        text = ""
        if select._limit_clause is not None:
            text += "\n LIMIT " + self.process(select._limit_clause, **kw)
        if select._offset_clause is not None:
            text += "\n OFFSET " + self.process(select._offset_clause, **kw)
        return text

    def for_update_clause(self, select: Any, **kw: Any) -> str:
        """Write nothing: readers never wait, and the engines lock no rows."""
        return ""

    def get_select_precolumns(self, select: Any, **kw: Any) -> str:
        """Write DISTINCT, with its expressions where it has some."""
        on = select._distinct_on
        if on:
            return f"DISTINCT ON ({', '.join(self.process(column, **kw) for column in on)}) "
        return super().get_select_precolumns(select, **kw)

    def update_from_clause(
        self, update_stmt: Any, from_table: Any, extra_froms: Any, from_hints: Any, **kw: Any
    ) -> str:
        """Write the other tables of an UPDATE."""
        del update_stmt, from_table
        kw["asfrom"] = True
        froms = (f._compiler_dispatch(self, fromhints=from_hints, **kw) for f in extra_froms)
        return "FROM " + ", ".join(froms)

    def delete_extra_from_clause(
        self, delete_stmt: Any, from_table: Any, extra_froms: Any, from_hints: Any, **kw: Any
    ) -> str:
        """Write the other tables of a DELETE."""
        del delete_stmt, from_table
        kw["asfrom"] = True
        froms = (f._compiler_dispatch(self, fromhints=from_hints, **kw) for f in extra_froms)
        return "USING " + ", ".join(froms)

    def visit_empty_set_expr(self, element_types: Any, **kw: Any) -> str:
        """Write a SELECT of no rows, for `IN ()`."""
        kinds = element_types or [sqltypes.INTEGER()]
        return f"SELECT {', '.join('NULL' for _ in kinds)} WHERE 1 != 1"

    # --- expressions ---

    def visit_sequence(self, sequence: Any, **kw: Any) -> str:
        name = self.preparer.format_sequence(sequence)
        return f"nextval({self.render_literal_value(name, sqltypes.STRINGTYPE)})"

    def visit_bitwise_xor_op_binary(self, binary: Any, operator: Any, **kw: Any) -> str:
        return f"xor({self.process(binary.left, **kw)}, {self.process(binary.right, **kw)})"

    def visit_regexp_match_op_binary(self, binary: Any, operator: Any, **kw: Any) -> str:
        name = self.dialect.sub_dialect.regexp_match
        return f"{name}({self._regexp_arguments(binary, **kw)})"

    def visit_not_regexp_match_op_binary(self, binary: Any, operator: Any, **kw: Any) -> str:
        return "NOT " + self.visit_regexp_match_op_binary(binary, operator, **kw)

    def visit_regexp_replace_op_binary(self, binary: Any, operator: Any, **kw: Any) -> str:
        return f"regexp_replace({self._regexp_arguments(binary, **kw)})"

    def _regexp_arguments(self, binary: Any, **kw: Any) -> str:
        arguments = [self.process(binary.left, **kw), self.process(binary.right, **kw)]
        flags = binary.modifiers["flags"]
        if flags is not None:
            arguments.append(self.render_literal_value(flags, sqltypes.STRINGTYPE))
        return ", ".join(arguments)

    def visit_aggregate_strings_func(self, fn: Any, **kw: Any) -> str:
        return f"string_agg{self.function_argspec(fn, **kw)}"

    def visit_json_getitem_op_binary(self, binary: Any, operator: Any, **kw: Any) -> str:
        return self._json_item(binary, operator, **kw)

    def visit_json_path_getitem_op_binary(self, binary: Any, operator: Any, **kw: Any) -> str:
        return self._json_item(binary, operator, **kw)

    def _json_item(
        self,
        binary: Any,
        operator: Any,
        _cast_applied: bool = False,
        **kw: Any,
    ) -> str:
        affinity = binary.type._type_affinity
        arguments = f"({self.process(binary.left, **kw)}, {self.process(binary.right, **kw)})"
        if affinity is sqltypes.JSON:
            return f"json_extract{arguments}"
        if affinity is sqltypes.String:
            return f"json_extract_string{arguments}"
        kind = self.dialect.type_compiler_instance.process(binary.type)
        return f"CAST(json_extract_string{arguments} AS {kind})"
