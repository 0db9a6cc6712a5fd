"""Whom reflection asks over Flight SQL: the server's metadata commands, or else by statements.

What may live here: one `Catalog` for each kind of server. A catalog can be taken apart: each of its
methods may be overridden by itself.
"""

from collections.abc import Collection, Iterable, Iterator
from typing import Any

from sqlalchemy import exc
from sqlalchemy.engine import Connection
from sqlalchemy.sql.compiler import IdentifierPreparer

from firebolt_like.flight.framing import read_schema
from firebolt_like.protocol import flight_sql as commands
from firebolt_like.protocol.arrow_types import sql_type
from firebolt_like.sqlalchemy.catalogs import (
    ColumnRow,
    ConstraintRow,
    IndexRow,
    Names,
    Relation,
    ask,
)
from firebolt_like.sqlalchemy.flight_metadata import ask_server, empty_select
from firebolt_like.sqlalchemy.type_names import datafusion_type, of_sql_type

__all__ = ["FlightCatalog", "SelectingCatalog", "SparkCatalog", "StandardInformationSchema"]

_REMARKS = b"ARROW:FLIGHT:SQL:REMARKS"


class StandardInformationSchema:
    """Asks the views of `information_schema` for what the SQL standard has in them."""

    def schemas(self, connection: Connection) -> list[str]:
        """See `Catalog`."""
        sql = "SELECT DISTINCT table_schema FROM information_schema.tables"
        return sorted(name for (name,) in connection.exec_driver_sql(sql))

    def relations(self, connection: Connection, schema: str, names: Names) -> list[Relation]:
        """See `Catalog`."""
        sql = """SELECT table_name, table_type FROM information_schema.tables
            WHERE table_schema = :schema {names} ORDER BY table_name"""
        found = ask(connection, sql, schema, names)
        return [Relation(name, is_view=str(kind).endswith("VIEW")) for name, kind in found]

    def columns(self, connection: Connection, schema: str, names: Names) -> Iterator[ColumnRow]:
        """See `Catalog`."""
        sql = """SELECT table_name, column_name, data_type, is_nullable, column_default
            FROM information_schema.columns WHERE table_schema = :schema {names}
            ORDER BY table_name, ordinal_position"""
        for table, name, kind, nullable, default in ask(connection, sql, schema, names):
            yield ColumnRow(table, name, datafusion_type(kind), nullable != "NO", default)

    def constraints(
        self, connection: Connection, schema: str, names: Names
    ) -> Iterable[ConstraintRow]:
        """See `Catalog`. The views of constraints are of one server only."""
        return ()

    def indexes(self, connection: Connection, schema: str, names: Names) -> Iterable[IndexRow]:
        """See `Catalog`. The standard has none."""
        return ()

    def sequences(self, connection: Connection, schema: str) -> list[str]:
        """See `Catalog`. Servers of Flight SQL tell of none."""
        return []


class FlightCatalog(StandardInformationSchema):
    """Asks by commands, and by `information_schema` where the server has no such command.

    The option `feature-metadata-reflection=false` of a URL says that its commands are not to be
    used.
    """

    def schemas(self, connection: Connection) -> list[str]:
        """See `Catalog`."""
        found = ask_server(connection, commands.CommandGetDbSchemas(None, None))
        if found is None:
            return super().schemas(connection)
        return sorted({row["db_schema_name"] for row in found})

    def relations(self, connection: Connection, schema: str, names: Names) -> list[Relation]:
        """See `Catalog`."""
        found = _tables(connection, schema, names, with_columns=False)
        if found is None:
            return super().relations(connection, schema, names)
        kinds = {row["table_name"]: row["table_type"] for row in found}
        return [Relation(name, str(kinds[name]).endswith("VIEW")) for name in sorted(kinds)]

    def columns(self, connection: Connection, schema: str, names: Names) -> Iterator[ColumnRow]:
        """See `Catalog`. Types are Arrow's, to the inside of arrays and structs."""
        found = _tables(connection, schema, names, with_columns=True)
        if found is None:
            yield from super().columns(connection, schema, names)
            return
        for row in found:
            yield from _columns(row["table_name"], read_schema(row["table_schema"]))

    def constraints(
        self, connection: Connection, schema: str, names: Names
    ) -> Iterator[ConstraintRow]:
        """See `Catalog`. A server that tells of keys tells of those of one table at a time."""
        if names is None:
            names = [row.name for row in self.relations(connection, schema, None)]
        for name in names:
            keys = ask_server(connection, commands.CommandGetPrimaryKeys(None, schema, name))
            referred = ask_server(connection, commands.CommandGetImportedKeys(None, schema, name))
            if keys is None and referred is None:
                return
            yield from _primary_key(name, keys or ())
            yield from _foreign_keys(name, referred or ())


class SelectingCatalog(FlightCatalog):
    """Asks in the way of `FlightCatalog`, and finds tables that the server's commands do not know.

    DataFusion as ROAPI serves it tells of the tables of its configuration alone. One that was made
    by a statement has to be asked for by its name.
    """

    def relations(self, connection: Connection, schema: str, names: Names) -> list[Relation]:
        """See `Catalog`."""
        found = super().relations(connection, schema, names)
        known = {relation.name for relation in found}
        more = [name for name in names or () if name not in known]
        made = [name for name in more if _selected(connection, schema, name) is not None]
        return [*found, *(Relation(name, is_view=False) for name in made)]

    def columns(self, connection: Connection, schema: str, names: Names) -> Iterator[ColumnRow]:
        """See `Catalog`."""
        known = set()
        for row in super().columns(connection, schema, names):
            known.add(row.table)
            yield row
        for name in names or ():
            if name not in known:
                yield from _columns(name, _selected(connection, schema, name))


class SparkCatalog(StandardInformationSchema):
    """Asks by SHOW, and about columns by selecting no rows."""

    def schemas(self, connection: Connection) -> list[str]:
        """See `Catalog`."""
        return sorted(row[0] for row in connection.exec_driver_sql("SHOW SCHEMAS"))

    def relations(self, connection: Connection, schema: str, names: Names) -> list[Relation]:
        """See `Catalog`."""
        place = _quote(connection, schema)
        views = {row[0] for row in _show(connection, f"SHOW VIEWS IN {place}")}
        tables = {row[1] for row in _show(connection, f"SHOW TABLES IN {place}")}
        wanted = tables | views if names is None else (tables | views).intersection(names)
        return [Relation(name, name in views) for name in sorted(wanted)]

    def columns(self, connection: Connection, schema: str, names: Names) -> Iterator[ColumnRow]:
        """See `Catalog`."""
        for relation in self.relations(connection, schema, names):
            yield from _columns(relation.name, _selected(connection, schema, relation.name))


def _tables(
    connection: Connection, schema: str, names: Names, *, with_columns: bool
) -> list[dict[str, Any]] | None:
    """List tables; a pattern of LIKE finds more than the name that it is, so the rest goes."""
    message = commands.CommandGetTables(
        None, _pattern(schema), _pattern(*names) if names else None, (), with_columns
    )
    found = ask_server(connection, message)
    if found is None:
        return None
    wanted = None if names is None else set(names)
    return [
        row
        for row in found
        if row["db_schema_name"] == schema and (wanted is None or row["table_name"] in wanted)
    ]


def _pattern(*names: str) -> str | None:
    # a backslash may be an escape, or none
    return names[0] if len(names) == 1 and "\\" not in names[0] else None


def _columns(table: str, schema: Any) -> Iterator[ColumnRow]:
    for field in schema or ():
        kind = of_sql_type(sql_type(field.type))
        remarks = (field.metadata or {}).get(_REMARKS)
        comment = remarks.decode() if remarks else None
        yield ColumnRow(table, field.name, kind, field.nullable, None, comment)


def _primary_key(table: str, keys: Collection[dict[str, Any]]) -> Iterator[ConstraintRow]:
    if keys:
        ordered = sorted(keys, key=lambda row: row["key_sequence"])
        columns = tuple(row["column_name"] for row in ordered)
        yield ConstraintRow(table, "PRIMARY KEY", columns, ordered[0]["key_name"])


def _foreign_keys(table: str, keys: Iterable[dict[str, Any]]) -> Iterator[ConstraintRow]:
    together: dict[Any, list[dict[str, Any]]] = {}
    number = 0
    for row in keys:
        number += row["key_sequence"] == 1
        together.setdefault((row["fk_key_name"], number), []).append(row)
    for (name, _), rows in together.items():
        yield ConstraintRow(
            table,
            "FOREIGN KEY",
            tuple(row["fk_column_name"] for row in rows),
            name,
            referred_table=rows[0]["pk_table_name"],
            referred_columns=tuple(row["pk_column_name"] for row in rows),
        )


def _quote(connection: Connection, *names: str) -> str:
    preparer: IdentifierPreparer = connection.dialect.identifier_preparer
    return ".".join(map(preparer.quote_identifier, names))


def _selected(connection: Connection, schema: str, table: str) -> Any:
    """Give the Arrow schema of a table; None where there is no such table."""
    try:
        return empty_select(connection, _quote(connection, schema, table))
    except exc.ProgrammingError:
        return None


def _show(connection: Connection, sql: str) -> list[Any]:
    try:
        return list(connection.exec_driver_sql(sql))
    except exc.ProgrammingError:  # there is no such schema
        return []
