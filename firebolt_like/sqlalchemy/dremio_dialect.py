"""`dremio+flight://`, over `firebolt_like.flight.dremio`.

What may live here: the dialect, whom its reflection asks, and what Dremio's SQL calls types.
"""

from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import types as sqltypes
from sqlalchemy.engine import URL, Connection
from sqlalchemy.sql.type_api import TypeEngine

from firebolt_like.client.auth import Token
from firebolt_like.sqlalchemy.catalogs import ColumnRow, Names, Relation, ask
from firebolt_like.sqlalchemy.compiler import IdentifierPreparer
from firebolt_like.sqlalchemy.dialect import WarehouseDialect
from firebolt_like.sqlalchemy.flight_catalog import StandardInformationSchema
from firebolt_like.sqlalchemy.flight_url import flight_keywords
from firebolt_like.sqlalchemy.sub_dialects import SubDialect
from firebolt_like.sqlalchemy.type_names import protocol_type
from firebolt_like.sqlalchemy.url import without_secrets

__all__ = ["DremioDialect"]


class DremioCatalog(StandardInformationSchema):
    """Asks `INFORMATION_SCHEMA`, in which views have their definitions."""

    def schemas(self, connection: Connection) -> list[str]:
        """See `Catalog`. The names of folders have dots between them."""
        sql = 'SELECT DISTINCT TABLE_SCHEMA FROM INFORMATION_SCHEMA."TABLES"'
        return sorted(name for (name,) in connection.exec_driver_sql(sql))

    def relations(self, connection: Connection, schema: str, names: Names) -> list[Relation]:
        """See `Catalog`."""
        tables = """SELECT TABLE_NAME, TABLE_TYPE FROM INFORMATION_SCHEMA."TABLES"
            WHERE TABLE_SCHEMA = :schema {names} ORDER BY TABLE_NAME"""
        views = """SELECT TABLE_NAME, VIEW_DEFINITION FROM INFORMATION_SCHEMA."VIEWS"
            WHERE TABLE_SCHEMA = :schema {names}"""
        found = ask(connection, tables, schema, names, "TABLE_NAME")
        kinds = {name: str(kind).endswith("VIEW") for name, kind in found}
        seen = (
            {}
            if not any(kinds.values())
            else dict(tuple(row) for row in ask(connection, views, schema, names, "TABLE_NAME"))
        )
        return [
            Relation(name, is_view, definition=seen.get(name)) for name, is_view in kinds.items()
        ]

    def columns(self, connection: Connection, schema: str, names: Names) -> Iterator[ColumnRow]:
        """See `Catalog`."""
        sql = """SELECT TABLE_NAME, COLUMN_NAME, DATA_TYPE, NUMERIC_PRECISION, NUMERIC_SCALE,
                IS_NULLABLE
            FROM INFORMATION_SCHEMA."COLUMNS" WHERE TABLE_SCHEMA = :schema {names}
            ORDER BY TABLE_NAME, ORDINAL_POSITION"""
        for table, name, kind, precision, scale, nullable in ask(
            connection, sql, schema, names, "TABLE_NAME"
        ):
            found = _type(kind, precision, scale)
            yield ColumnRow(table, name, found, nullable != "NO", None)


def _type(kind: str, precision: int | None, scale: int | None) -> TypeEngine[Any]:
    name = kind.partition("(")[0].upper()
    if name in ("DECIMAL", "NUMERIC") and precision:
        return sqltypes.NUMERIC(precision, scale)
    return sqltypes.LargeBinary() if name == "BINARY VARYING" else protocol_type(kind)


class _Preparer(IdentifierPreparer):
    def quote_schema(self, schema: str, force: Any = None) -> str:
        """Quote each folder of a path."""
        del force
        return ".".join(map(self.quote, schema.split(".")))


DREMIO: Final = SubDialect(
    "dremio",
    catalog=DremioCatalog(),
    types={
        "TEXT": "VARCHAR",
        "REAL": "FLOAT",
        "DOUBLE PRECISION": "DOUBLE",
        "TIMESTAMPTZ": "TIMESTAMP",
        "BYTEA": "VARBINARY",
    },
)


class DremioDialect(WarehouseDialect):
    """`dremio+flight://user:password@host:32010`; each statement commits itself.

    The path of a URL is the default schema. Dremio is sent SQL as text, parameters written as its
    literals.
    """

    name = "dremio"
    driver = "flight"
    supports_statement_cache = True
    sub_dialect = DREMIO
    default_paramstyle = "format"
    preparer = _Preparer
    has_transactions = False
    _home = ""
    supports_server_side_cursors = False  # its cursors stream all that they give

    @classmethod
    def import_dbapi(cls) -> Any:
        from firebolt_like.flight import dremio  # noqa: PLC0415  # SQLAlchemy asks when it is used

        return dremio

    @classmethod
    def engine_created(cls, engine: Any) -> None:
        engine.url = without_secrets(engine.url)

    def create_connect_args(self, url: URL) -> Any:
        keywords = flight_keywords(url)
        address, auth = keywords.pop("dsn"), keywords.pop("auth", None)
        headers = keywords.pop("headers", {})
        schema = keywords.pop("database", None)
        if schema is not None:
            self._home = schema
            headers = {"schema": schema, **headers}
        if isinstance(auth, Token):
            keywords["token"] = auth.fetch_token().access_token
        elif auth is not None:
            keywords |= dict(zip(("username", "password"), auth, strict=True))
        return [address], {"db_kwargs": keywords, "conn_kwargs": headers}

    def on_connect(self) -> None:
        """Do nothing: there are no transactions to begin."""

    def get_isolation_level_values(self, dbapi_conn: Any) -> Any:
        return ["AUTOCOMMIT"]

    def get_isolation_level(self, dbapi_conn: Any) -> Any:
        return "AUTOCOMMIT"

    def set_isolation_level(self, dbapi_conn: Any, level: Any) -> None:
        """Do nothing: there is one level."""

    def detect_autocommit_setting(self, dbapi_conn: Any) -> bool:
        return True

    def do_ping(self, dbapi_connection: Any) -> bool:
        with dbapi_connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            cursor.fetchall()
        return True

    def _get_server_version_info(self, connection: Connection) -> None:
        """Ask nothing: not every version of Dremio tells it by SQL."""

    def _get_default_schema_name(self, connection: Connection) -> str:
        return self._home
