"""DDL: tables with a primary index, FACT and DIMENSION, and keys where the engine has them.

What may live here: the DDL compiler.
"""

from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy import exc, schema
from sqlalchemy.sql import compiler
from sqlalchemy.sql.base import DialectKWArgs

__all__ = ["PRIMARY_INDEX", "TABLE_TYPE", "DDLCompiler", "accept_table_options", "key_sequence"]

PRIMARY_INDEX: Final = "firebolt_like_primary_index"
TABLE_TYPE: Final = "firebolt_like_table_type"


def accept_table_options() -> None:
    """Let tables have the two options above without a warning.

    SQLAlchemy takes what stands before the first underscore for the name of a dialect.
    """
    known = DialectKWArgs._kw_registry
    try:
        taken = known["firebolt"]
    except exc.NoSuchModuleError:
        taken = known["firebolt"] = {}
    if taken is not None:
        names = [option.removeprefix("firebolt_") for option in (PRIMARY_INDEX, TABLE_TYPE)]
        taken.setdefault(schema.Table, {}).update(dict.fromkeys(names))


def key_sequence(table: str, column: str) -> str:
    """Name the sequence that makes a key's values.

    >>> key_sequence("people", "id")
    'people_id_seq'
    """
    return f"{table}_{column}_seq"


class DDLCompiler(compiler.DDLCompiler):
    """Writes CREATE, ALTER, DROP and COMMENT."""

    dialect: Any

    # --- tables ---

    def visit_create_table(self, create: Any, **kw: Any) -> str:
        table = create.element
        kind = table.kwargs.get(TABLE_TYPE)
        text = super().visit_create_table(create, **kw)
        if kind is not None and self._sub.primary_index:
            if str(kind).upper() not in ("FACT", "DIMENSION"):
                raise exc.CompileError(
                    f"firebolt_like_table_type is 'FACT' or 'DIMENSION', not {kind!r}."
                )
            text = text.replace("CREATE TABLE", f"CREATE {str(kind).upper()} TABLE", 1)
        column = self._counted(table)
        if column is None:
            return text
        options = self.get_identity_options(column.identity) if column.identity else ""
        name = self._key_sequence(column)
        return f"CREATE SEQUENCE IF NOT EXISTS {name} {options};{text}"

    def visit_drop_table(self, drop: Any, **kw: Any) -> str:
        text = super().visit_drop_table(drop, **kw)
        column = self._counted(drop.element)
        if column is None:
            return text
        return f"{text};\nDROP SEQUENCE IF EXISTS {self._key_sequence(column)}"

    def post_create_table(self, table: Any) -> str:
        columns = self._primary_index(table)
        if not columns:
            return ""
        names = (self.preparer.quote(getattr(column, "name", column)) for column in columns)
        return f"\nPRIMARY INDEX {', '.join(names)}"

    def _primary_index(self, table: Any) -> Iterable[Any]:
        if not self._sub.primary_index:
            return ()
        told = table.kwargs.get(PRIMARY_INDEX)
        if told is not None:
            return [told] if isinstance(told, str) else list(told)
        return () if self._sub.constraints else tuple(table.primary_key.columns)

    # --- columns ---

    def get_column_specification(self, column: Any, **kwargs: Any) -> str:
        text = self.preparer.format_column(column)
        text += " " + self.dialect.type_compiler_instance.process(
            column.type, type_expression=column
        )
        if column.computed is not None:
            return f"{text} {self.process(column.computed)}"
        if not column.nullable:
            text += " NOT NULL"
        default = self.get_column_default_string(column)
        if column.table is not None and self._counted(column.table) is column:
            name = self._key_sequence(column).replace("'", "''")
            default = f"nextval('{name}')"
        return text if default is None else f"{text} DEFAULT {default}"

    def visit_computed_column(self, generated: Any, **kw: Any) -> str:
        if generated.persisted is True:
            raise exc.CompileError(
                "Computed columns are not stored here: leave out persisted=True."
            )
        return super().visit_computed_column(schema.Computed(generated.sqltext), **kw)

    @property
    def _sub(self) -> Any:
        return self.dialect.sub_dialect

    def _counted(self, table: Any) -> Any:
        """Give the integer key whose values a sequence of ours makes, or None."""
        column = table._autoincrement_column if self._sub.sequences else None
        if column is None or column.default is not None:
            return None
        is_free = column.server_default is None or column.identity is not None
        return column if is_free else None

    def _key_sequence(self, column: Any) -> str:
        name = key_sequence(column.table.name, column.name)
        effective = self.preparer.schema_for_object(column.table)
        return self.preparer.format_sequence(schema.Sequence(name, schema=effective))

    # --- constraints ---

    def visit_primary_key_constraint(self, constraint: Any, **kw: Any) -> Any:
        return super().visit_primary_key_constraint(constraint, **kw) if self._keeps else None

    def visit_unique_constraint(self, constraint: Any, **kw: Any) -> Any:
        return super().visit_unique_constraint(constraint, **kw) if self._keeps else None

    def visit_check_constraint(self, constraint: Any, **kw: Any) -> str | None:
        return super().visit_check_constraint(constraint, **kw) if self._keeps else None

    def visit_column_check_constraint(self, constraint: Any, **kw: Any) -> str | None:
        return super().visit_column_check_constraint(constraint, **kw) if self._keeps else ""

    def visit_foreign_key_constraint(self, constraint: Any, **kw: Any) -> Any:
        return super().visit_foreign_key_constraint(constraint, **kw) if self._keeps else None

    @property
    def _keeps(self) -> bool:
        return bool(self._sub.constraints)

    def define_constraint_cascades(self, constraint: Any) -> str:
        """Write nothing: no engine cascades."""
        return ""

    # --- indexes ---

    def visit_drop_column_comment(self, drop: Any, **kw: Any) -> str:
        name = self.preparer.format_column(drop.element, use_table=True, use_schema=True)
        return f"COMMENT ON COLUMN {name} IS NULL"
