"""What SQLAlchemy asks about tables, answered for a whole schema at once.

What may live here: `Reflection`, a part of the dialects. Who is asked is in `catalogs`.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any

from sqlalchemy import exc
from sqlalchemy.engine import Connection, default, reflection
from sqlalchemy.engine.reflection import ObjectKind, ObjectScope

from firebolt_like.sqlalchemy.catalogs import (
    Catalog,
    ColumnRow,
    ConstraintRow,
    Relation,
)
from firebolt_like.sqlalchemy.ddl import PRIMARY_INDEX, TABLE_TYPE, key_sequence
from firebolt_like.sqlalchemy.sub_dialects import SubDialect

__all__ = ["Reflection"]

Found = Iterator[tuple[tuple[str | None, str], Any]]


class Reflection(default.DefaultDialect):
    """Answers with one query a schema, whatever the number of tables.

    `catalog` may be replaced, and each method overridden by itself.
    """

    sub_dialect: SubDialect

    @property
    def catalog(self) -> Catalog:
        """Whom to ask."""
        return self.sub_dialect.catalog

    def _schema(self, schema: str | None) -> str:
        return str(schema or self.default_schema_name or self.sub_dialect.default_schema)

    # --- names ---

    @reflection.cache
    def get_schema_names(self, connection: Connection, **kw: Any) -> list[str]:
        return self.catalog.schemas(connection)

    @reflection.cache
    def _relations(
        self, connection: Connection, schema: str | None = None, **kw: Any
    ) -> list[Relation]:
        return self.catalog.relations(connection, self._schema(schema), None)

    def get_table_names(
        self, connection: Connection, schema: str | None = None, **kw: Any
    ) -> list[str]:
        found = self._relations(connection, schema, **kw)
        return [relation.name for relation in found if not relation.is_view]

    def get_view_names(
        self, connection: Connection, schema: str | None = None, **kw: Any
    ) -> list[str]:
        found = self._relations(connection, schema, **kw)
        return [relation.name for relation in found if relation.is_view]

    def get_temp_table_names(
        self, connection: Connection, schema: str | None = None, **kw: Any
    ) -> list[str]:
        """Give none: sessions have no temporary tables."""
        return []

    def get_temp_view_names(
        self, connection: Connection, schema: str | None = None, **kw: Any
    ) -> list[str]:
        """Give none, as above."""
        return []

    def get_materialized_view_names(
        self, connection: Connection, schema: str | None = None, **kw: Any
    ) -> list[str]:
        """Give none: there are none."""
        return []

    @reflection.cache
    def get_sequence_names(
        self, connection: Connection, schema: str | None = None, **kw: Any
    ) -> list[str]:
        return self.catalog.sequences(connection, self._schema(schema))

    @reflection.cache
    def has_table(
        self, connection: Connection, table_name: str, schema: str | None = None, **kw: Any
    ) -> bool:
        self._ensure_has_table_connection(connection)
        return bool(self.catalog.relations(connection, self._schema(schema), [table_name]))

    def has_sequence(
        self, connection: Connection, sequence_name: str, schema: str | None = None, **kw: Any
    ) -> bool:
        return sequence_name in self.get_sequence_names(connection, schema, **kw)

    def has_schema(self, connection: Connection, schema_name: str, **kw: Any) -> bool:
        return schema_name in self.get_schema_names(connection, **kw)

    def get_view_definition(
        self, connection: Connection, view_name: str, schema: str | None = None, **kw: Any
    ) -> str:
        for relation in self._relations(connection, schema, **kw):
            if relation.name == view_name and relation.is_view:
                return relation.definition or ""
        raise exc.NoSuchTableError(view_name)

    # --- one table ---

    @reflection.cache
    def get_columns(
        self, connection: Connection, table_name: str, schema: str | None = None, **kw: Any
    ) -> Any:
        return self._one(self.get_multi_columns, connection, table_name, schema, kw)

    @reflection.cache
    def get_pk_constraint(
        self, connection: Connection, table_name: str, schema: str | None = None, **kw: Any
    ) -> Any:
        return self._one(self.get_multi_pk_constraint, connection, table_name, schema, kw)

    @reflection.cache
    def get_foreign_keys(
        self, connection: Connection, table_name: str, schema: str | None = None, **kw: Any
    ) -> Any:
        return self._one(self.get_multi_foreign_keys, connection, table_name, schema, kw)

    @reflection.cache
    def get_unique_constraints(
        self, connection: Connection, table_name: str, schema: str | None = None, **kw: Any
    ) -> Any:
        return self._one(self.get_multi_unique_constraints, connection, table_name, schema, kw)

    @reflection.cache
    def get_check_constraints(
        self, connection: Connection, table_name: str, schema: str | None = None, **kw: Any
    ) -> Any:
        return self._one(self.get_multi_check_constraints, connection, table_name, schema, kw)

    @reflection.cache
    def get_indexes(
        self, connection: Connection, table_name: str, schema: str | None = None, **kw: Any
    ) -> Any:
        return self._one(self.get_multi_indexes, connection, table_name, schema, kw)

    @reflection.cache
    def get_table_comment(
        self, connection: Connection, table_name: str, schema: str | None = None, **kw: Any
    ) -> Any:
        return self._one(self.get_multi_table_comment, connection, table_name, schema, kw)

    @reflection.cache
    def get_table_options(
        self, connection: Connection, table_name: str, schema: str | None = None, **kw: Any
    ) -> Any:
        return self._one(self.get_multi_table_options, connection, table_name, schema, kw)

    def _one(
        self,
        many: Callable[..., Iterable[tuple[Any, Any]]],
        connection: Connection,
        table_name: str,
        schema: str | None,
        kw: dict[str, Any],
    ) -> Any:
        found = many(
            connection,
            schema=schema,
            filter_names=[table_name],
            scope=ObjectScope.ANY,
            kind=ObjectKind.ANY,
            **kw,
        )
        for _, value in found:
            return value
        raise exc.NoSuchTableError(f"{schema}.{table_name}" if schema else table_name)

    # --- many tables ---

    def get_multi_columns(self, connection: Connection, **kw: Any) -> Found:
        chosen = self._chosen(connection, **kw)
        by_table: defaultdict[str, list[Any]] = defaultdict(list)
        for row in self.catalog.columns(connection, *chosen.place):
            by_table[row.table].append(_column(row))
        return chosen.answer(by_table, list)

    def get_multi_pk_constraint(self, connection: Connection, **kw: Any) -> Found:
        chosen = self._chosen(connection, **kw)
        keys = {
            row.table: {"constrained_columns": list(row.columns), "name": row.name}
            for row in self._constraints(connection, chosen, "PRIMARY KEY", _cache(kw))
        }
        return chosen.answer(keys, lambda: {"constrained_columns": [], "name": None})

    def get_multi_foreign_keys(self, connection: Connection, **kw: Any) -> Found:
        chosen = self._chosen(connection, **kw)
        by_table: defaultdict[str, list[Any]] = defaultdict(list)
        for row in self._constraints(connection, chosen, "FOREIGN KEY", _cache(kw)):
            by_table[row.table].append(
                {
                    "name": row.name,
                    "constrained_columns": list(row.columns),
                    "referred_schema": chosen.schema,
                    "referred_table": row.referred_table,
                    "referred_columns": list(row.referred_columns),
                    "options": {},
                }
            )
        return chosen.answer(by_table, list)

    def get_multi_unique_constraints(self, connection: Connection, **kw: Any) -> Found:
        chosen = self._chosen(connection, **kw)
        by_table: defaultdict[str, list[Any]] = defaultdict(list)
        for row in self._constraints(connection, chosen, "UNIQUE", _cache(kw)):
            by_table[row.table].append({"name": row.name, "column_names": list(row.columns)})
        return chosen.answer(by_table, list)

    def get_multi_check_constraints(self, connection: Connection, **kw: Any) -> Found:
        chosen = self._chosen(connection, **kw)
        by_table: defaultdict[str, list[Any]] = defaultdict(list)
        for row in self._constraints(connection, chosen, "CHECK", _cache(kw)):
            by_table[row.table].append({"name": row.name, "sqltext": row.expression or ""})
        return chosen.answer(by_table, list)

    def get_multi_indexes(self, connection: Connection, **kw: Any) -> Found:
        chosen = self._chosen(connection, **kw)
        by_table: defaultdict[str, list[Any]] = defaultdict(list)
        columns: defaultdict[str, set[str]] = defaultdict(set)
        rows = list(self.catalog.indexes(connection, *chosen.place))
        if rows:
            for column in self.catalog.columns(connection, *chosen.place):
                columns[column.table].add(column.name)
        for row in rows:
            by_table[row.table].append(_index(row, columns[row.table]))
        return chosen.answer(by_table, list)

    def get_multi_table_comment(self, connection: Connection, **kw: Any) -> Found:
        chosen = self._chosen(connection, **kw)
        return chosen.answer(
            {name: {"text": found.comment} for name, found in chosen.relations.items()}, dict
        )

    def get_multi_table_options(self, connection: Connection, **kw: Any) -> Found:
        chosen = self._chosen(connection, **kw)
        return chosen.answer(
            {name: _options(found) for name, found in chosen.relations.items()}, dict
        )

    def _constraints(
        self, connection: Connection, chosen: "_Chosen", kind: str, kw: dict[str, Any]
    ) -> Iterator[ConstraintRow]:
        schema, names = chosen.place
        rows: Iterable[ConstraintRow]
        if names is None or len(names) > 1:
            rows = self._all_constraints(connection, schema, **kw)
        else:
            rows = self.catalog.constraints(connection, schema, names)
        return (row for row in rows if row.kind == kind)

    @reflection.cache
    def _all_constraints(self, connection: Connection, schema: str, **kw: Any) -> Any:
        return list(self.catalog.constraints(connection, schema, None))

    def _chosen(
        self,
        connection: Connection,
        *,
        schema: str | None = None,
        filter_names: Collection[str] | None = None,
        scope: ObjectScope = ObjectScope.DEFAULT,
        kind: ObjectKind = ObjectKind.TABLE,
        **kw: Any,
    ) -> "_Chosen":
        relations = {}
        if ObjectScope.DEFAULT in scope:
            names = None if filter_names is None else set(filter_names)
            found = list(self._relations(connection, schema, **kw))
            if missing := sorted((names or set()) - {relation.name for relation in found}):
                # made since, or of a server that does not list it
                found += self.catalog.relations(connection, self._schema(schema), missing)
            for relation in found:
                wanted = ObjectKind.VIEW if relation.is_view else ObjectKind.TABLE
                if wanted in kind and (names is None or relation.name in names):
                    relations[relation.name] = relation
        asked = None if filter_names is None else list(relations)
        return _Chosen(schema, relations, (self._schema(schema), asked))


class _Chosen:
    """The relations that a question is about."""

    def __init__(
        self,
        schema: str | None,
        relations: dict[str, Relation],
        place: tuple[str, list[str] | None],
    ) -> None:
        self.schema = schema
        self.relations = relations
        self.place = place

    def answer(self, found: dict[str, Any], nothing: Callable[[], Any]) -> Found:
        """Give one answer for each relation, also for those of which nothing was found."""
        for name in self.relations:
            yield (self.schema, name), found.get(name) or nothing()


def _cache(kw: dict[str, Any]) -> dict[str, Any]:
    return {"info_cache": kw.get("info_cache")}


def _column(row: ColumnRow) -> dict[str, Any]:
    column = {
        "name": row.name,
        "type": row.type,
        "nullable": row.nullable,
        "default": row.default,
    }
    if row.comment is not None:
        column["comment"] = row.comment
    sequence = re.escape(key_sequence(row.table, row.name))
    if row.default and re.fullmatch(rf"nextval\(.*{sequence}\W*\)", row.default, re.DOTALL):
        column |= {"default": None, "autoincrement": True}
    if row.computed is not None:
        column["computed"] = {"sqltext": row.computed}
    return column


def _index(row: Any, columns: set[str]) -> dict[str, Any]:
    names = [part if part in columns else None for part in row.parts]
    index = {"name": row.name, "unique": row.unique, "column_names": names, "dialect_options": {}}
    if None in names:
        index["expressions"] = list(row.parts)
    return index


def _options(relation: Relation) -> dict[str, Any]:
    told = {
        PRIMARY_INDEX: list(relation.primary_index) or None,
        TABLE_TYPE: None if relation.is_view else relation.table_type,
    }
    return {name: value for name, value in told.items() if value}
