"""Dialects over Arrow Flight SQL: `datafusion+flightsql://`, and the base for your own.

What may live here: the base, and what is said of single kinds of servers. Whom reflection asks is
in `flight_catalog`.
"""

import functools
from collections.abc import Mapping
from typing import Any

from sqlalchemy.engine import URL, Connection

from firebolt_like.errors import NotSupportedError
from firebolt_like.protocol.engine_sql import SPARK as WRITES_AS_SPARK
from firebolt_like.sqlalchemy.async_dialect import AsyncFace
from firebolt_like.sqlalchemy.dialect import WarehouseDialect
from firebolt_like.sqlalchemy.flight_url import flight_features, flight_keywords
from firebolt_like.sqlalchemy.named_parameters import by_position
from firebolt_like.sqlalchemy.sub_dialects import DATAFUSION, EMBEDDED, FLIGHT, SPARK, SubDialect
from firebolt_like.sqlalchemy.url import without_secrets

__all__ = ["DataFusionDialect", "FlightSQLDialect"]

_FOUND_OUT = frozenset({FLIGHT.name, DATAFUSION.name})
"""Sub-dialects that give way to what the server says it is; others are the program's choice."""


class FlightSQLDialect(WarehouseDialect):
    """The base of dialects over Flight SQL, the program's own among them.

    A subclass has a `name`, and what differs: `paramstyle` is `qmark`, `named` or `numeric_dollar`;
    `sub_dialect` says how SQL is written and whom reflection asks, and is found out by the server's
    version where the subclass has none. Each method of SQLAlchemy's dialects may be overridden by
    itself. `create_async_engine` takes the same URLs: it makes the async form of a dialect.

    Parameters go apart from the statement to servers that bind them; for others the driver writes
    them into it, as values of the server's SQL.

    >>> from sqlalchemy.dialects import registry
    >>> class MineDialect(FlightSQLDialect):
    ...     name = "mine"
    ...     supports_statement_cache = True
    >>> registry.register("mine.flightsql", "my.module", "MineDialect")
    """

    driver = "flightsql"
    supports_statement_cache = True
    sub_dialect: SubDialect = FLIGHT
    paramstyle = "qmark"
    features: Mapping[str, str] = {}
    """Options `feature-*` of the URL; see `FlightCatalog` for the one that is read here."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"paramstyle": type(self).paramstyle, **kwargs})

    @classmethod
    def import_dbapi(cls) -> Any:
        from firebolt_like import db  # noqa: PLC0415  # SQLAlchemy asks for it when it is needed

        return db

    @classmethod
    def get_async_dialect_cls(cls, url: URL) -> Any:
        """Give the form of this dialect that is over the async driver."""
        this: Any = cls  # mypy takes a dialect's class for one of its objects, without a hash
        return _async_form(this)

    @classmethod
    def engine_created(cls, engine: Any) -> None:
        engine.url = without_secrets(engine.url)

    def create_connect_args(self, url: URL) -> Any:
        self.features = flight_features(url)
        bound_by = "qmark" if self.paramstyle == "named" else self.paramstyle
        return [], {**flight_keywords(url), "paramstyle": bound_by}

    def do_execute(
        self, cursor: Any, statement: str, parameters: Any, context: Any | None = None
    ) -> None:
        if parameters and self.paramstyle == "named":
            statement, (parameters,) = by_position(statement, [parameters])
        super().do_execute(cursor, statement, parameters, context)

    def do_executemany(
        self, cursor: Any, statement: str, parameters: Any, context: Any | None = None
    ) -> None:
        if self.paramstyle == "named":
            statement, parameters = by_position(statement, parameters)
        super().do_executemany(cursor, statement, parameters, context)

    def on_connect(self) -> Any:
        """Begin transactions by themselves, where the server has some."""

        def prepare(connection: Any) -> None:
            try:
                connection.autocommit = False
            except NotSupportedError:
                self.has_transactions = False

        return prepare

    def _recognize(self, connection: Connection, told: str) -> SubDialect:
        if type(self).sub_dialect.name not in _FOUND_OUT:
            return self.sub_dialect
        if "DuckDB" in told:
            return EMBEDDED
        if "DataFusion" in told:
            return DATAFUSION
        driver_connection: Any = connection.connection.driver_connection
        writing = driver_connection._core.backend.capabilities.writing
        return SPARK if writing == WRITES_AS_SPARK else self.sub_dialect


@functools.cache
def _async_form(dialect: type[FlightSQLDialect]) -> type[AsyncFace]:
    return type(
        f"Async{dialect.__name__}", (AsyncFace, dialect), {"supports_statement_cache": True}
    )


class DataFusionDialect(FlightSQLDialect):
    """`datafusion+flightsql://`, for DataFusion, and for Sail, whose SQL is Spark's."""

    name = "datafusion"
    supports_statement_cache = True
    sub_dialect = DATAFUSION
