"""The dialects of `firebolt_like://`: what they tell SQLAlchemy, and how they use the driver.

What may live here: the base of all dialects, and the one over the sync driver. The one over the
async driver is in `async_dialect`.
"""

import re
from collections.abc import Callable
from typing import Any

import sqlalchemy
from sqlalchemy import exc
from sqlalchemy.engine import URL, Connection, default
from sqlalchemy.engine.interfaces import BindTyping
from sqlalchemy.sql.compiler import InsertmanyvaluesSentinelOpts

from firebolt_like.errors import ConnectionClosedError, NotSupportedError, ServerConnectionError
from firebolt_like.sqlalchemy.compiler import IdentifierPreparer, StatementCompiler
from firebolt_like.sqlalchemy.ddl import DDLCompiler
from firebolt_like.sqlalchemy.reflection import Reflection
from firebolt_like.sqlalchemy.sub_dialects import EMBEDDED, FIREBOLT, SubDialect
from firebolt_like.sqlalchemy.types import COLSPECS, TypeCompiler
from firebolt_like.sqlalchemy.url import connect_keywords, without_secrets

__all__ = ["FireboltLikeDialect", "WarehouseDialect"]


class ExecutionContext(default.DefaultExecutionContext):
    """Runs one statement; `stream_results` makes it a stream."""

    def create_server_side_cursor(self) -> Any:
        return self._dbapi_connection.cursor()

    @property
    def rowcount(self) -> int:
        """The number of rows; of an INSERT of values it is known without the engine."""
        told = super().rowcount
        statement = getattr(self.compiled, "statement", None)
        if told >= 0 or not self.isinsert or getattr(statement, "select", None) is not None:
            return told
        state: Any = getattr(self.compiled, "compile_state", None)
        return len(getattr(state, "_multi_parameters", None) or self.parameters)

    def fire_sequence(self, seq: Any, type_: Any) -> Any:
        """Take a sequence's next value."""
        name = self.identifier_preparer.format_sequence(seq).replace("'", "''")
        return self._execute_scalar(f"SELECT nextval('{name}')", type_)


def _refers_to_itself(context: Any) -> bool:
    """Tell whether rows are inserted into a table with keys to itself.

    The engine looks for a key among the rows of earlier statements only.
    """
    statement = getattr(context.compiled, "statement", None)
    table = getattr(statement, "table", None)
    keys = getattr(table, "foreign_keys", ()) if context.isinsert else ()
    return any(key.references(table) for key in keys)


class WarehouseDialect(Reflection):
    """What all our dialects have in common; `sub_dialect` says which kind of engine it is."""

    sub_dialect: SubDialect = FIREBOLT
    has_transactions = True
    backslash_escapes = False

    supports_statement_cache = True
    default_paramstyle = "qmark"
    bind_typing = BindTyping.RENDER_CASTS
    statement_compiler = StatementCompiler
    ddl_compiler = DDLCompiler
    type_compiler_cls = TypeCompiler
    preparer = IdentifierPreparer
    identifier_preparer: IdentifierPreparer
    execution_ctx_cls = ExecutionContext
    colspecs = COLSPECS
    max_identifier_length = 255
    postfetch_lastrowid = False
    returns_native_bytes = True
    supports_default_metavalue = True
    supports_default_values = True
    supports_empty_insert = False
    supports_multivalues_insert = True
    supports_native_boolean = True
    supports_native_decimal = True
    supports_native_uuid = True
    supports_sane_rowcount = False  # the protocol does not tell how many rows were changed
    supports_sane_multi_rowcount = False
    supports_server_side_cursors = True
    tuple_in_values = False

    use_insertmanyvalues = True
    use_insertmanyvalues_wo_returning = False  # the driver's executemany is faster by far
    insertmanyvalues_max_parameters = 100_000  # they are written into the statement
    insertmanyvalues_implicit_sentinel = InsertmanyvaluesSentinelOpts.ANY_AUTOINCREMENT

    def __init__(
        self,
        json_serializer: Callable[[Any], str] | None = None,
        json_deserializer: Callable[[str], Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._json_serializer = json_serializer
        self._json_deserializer = json_deserializer
        self.use_sub_dialect(self.sub_dialect)

    def use_sub_dialect(self, sub: SubDialect) -> None:
        """Take over what an engine of this kind can do."""
        self.sub_dialect = sub
        self.insert_returning = self.update_returning = self.delete_returning = sub.returning
        self.update_returning_multifrom = self.delete_returning_multifrom = sub.returning
        self.insert_executemany_returning = sub.returning
        self.insert_executemany_returning_sort_by_parameter_order = sub.returning
        self.supports_sequences = sub.sequences
        self.sequences_optional = False
        self.supports_comments = sub.comments
        self.div_is_floordiv = not sub.exact_division
        self.identifier_preparer.use_quote(sub.writing.quote_name("a")[0])

    # --- connections ---

    def on_connect(self) -> Any:
        """Begin transactions by themselves, where the engine has some."""

        def prepare(connection: Any) -> None:
            try:
                connection.autocommit = False
            except NotSupportedError:
                # a password account, which has neither, and other strings
                self.has_transactions = self.supports_server_side_cursors = False
                self.backslash_escapes = True

        return prepare

    def get_isolation_level_values(self, dbapi_conn: Any) -> list[str]:  # type: ignore[override]  # a list is a sequence
        return ["SNAPSHOT", "AUTOCOMMIT"]

    def get_isolation_level(self, dbapi_conn: Any) -> Any:
        return "AUTOCOMMIT" if dbapi_conn.autocommit else "SNAPSHOT"

    def set_isolation_level(self, dbapi_conn: Any, level: Any) -> None:
        dbapi_conn.autocommit = level == "AUTOCOMMIT"

    def detect_autocommit_setting(self, dbapi_conn: Any) -> bool:
        return bool(dbapi_conn.autocommit)

    def do_rollback(self, dbapi_connection: Any) -> None:
        if self.has_transactions:
            super().do_rollback(dbapi_connection)

    def do_ping(self, dbapi_connection: Any) -> bool:
        """Ask for 1, outside of any transaction."""
        before = dbapi_connection.autocommit
        dbapi_connection.autocommit = True
        try:
            cursor = dbapi_connection.cursor()
            try:
                cursor.execute("SELECT 1")
            finally:
                cursor.close()
        finally:
            dbapi_connection.autocommit = before
        return True

    def is_disconnect(self, e: Any, connection: Any, cursor: Any) -> bool:
        return isinstance(e, ServerConnectionError | ConnectionClosedError)

    def do_savepoint(self, connection: Any, name: Any) -> None:
        """Refuse."""
        raise NotSupportedError(
            "The engine has no savepoints, so begin_nested() is not possible.",
            hint="Use one transaction, or several connections.",
        )

    # --- statements ---

    def do_execute(
        self, cursor: Any, statement: str, parameters: Any, context: Any | None = None
    ) -> None:
        streams = context is not None and context._is_server_side
        run = cursor.execute_stream if streams else cursor.execute
        run(statement, parameters or None)

    def do_execute_no_params(self, cursor: Any, statement: str, context: Any | None = None) -> None:
        self.do_execute(cursor, statement, None, context)

    def do_executemany(
        self, cursor: Any, statement: str, parameters: Any, context: Any | None = None
    ) -> None:
        if context is None or not _refers_to_itself(context):
            cursor.executemany(statement, parameters)
            return
        for row in parameters:
            cursor.execute(statement, row)

    def _deliver_insertmanyvalues_batches(self, *args: Any) -> Any:
        context = args[-1]
        if _refers_to_itself(context):
            one = {"insertmanyvalues_page_size": 1}
            context.execution_options = context.execution_options.union(one)
        return super()._deliver_insertmanyvalues_batches(*args)

    # --- the engine ---

    def _get_server_version_info(self, connection: Connection) -> tuple[int, ...] | None:
        try:
            told = str(connection.exec_driver_sql("SELECT version()").scalar())
        except exc.DBAPIError:
            connection.rollback()
            return None
        self.use_sub_dialect(self._recognize(connection, told))
        number = re.search(r"\d+(?:\.\d+)*", told)
        return tuple(map(int, number[0].split("."))) if number else None

    def _recognize(self, connection: Connection, told: str) -> SubDialect:
        """Tell the kind of engine by its version."""
        return EMBEDDED if "DuckDB" in told else self.sub_dialect

    def _get_default_schema_name(self, connection: Connection) -> str:
        return self.sub_dialect.default_schema


class FireboltLikeDialect(WarehouseDialect):
    """`firebolt_like://`, over `firebolt_like.db`."""

    name = "firebolt_like"
    driver = "rest"
    supports_statement_cache = True

    @classmethod
    def import_dbapi(cls) -> Any:
        from firebolt_like import db  # noqa: PLC0415  # SQLAlchemy asks for it when it is needed

        return db

    def create_connect_args(self, url: URL) -> Any:
        keywords = connect_keywords(url)
        if "dsn" in keywords:
            self.use_sub_dialect(EMBEDDED)
        program = ("SQLAlchemy", sqlalchemy.__version__)
        return [], {**keywords, "additional_parameters": {"user_clients": [program]}}

    @classmethod
    def engine_created(cls, engine: Any) -> None:
        engine.url = without_secrets(engine.url)
