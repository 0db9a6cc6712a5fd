"""DuckDB: one instance a server, with its databases, and a cursor of its own for each request.

What may live here: the instance, what is locked in it, and the loan of cursors. Everything here
blocks and is called from worker threads.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import duckdb

from firebolt_like.errors import ConfigurationError
from firebolt_like.local.refusal import Refusal, invalid
from firebolt_like.local.uploads import UPLOADS, UploadFolders
from firebolt_like.protocol.sql import quote_name, quote_string

__all__ = ["ACCOUNT_DB", "Engine", "set_zone"]

ACCOUNT_DB = "account_db"
"""What `current_database()` is where no database was chosen; it holds nothing."""

_MOST_IDLE = 16  # for each pair of database and zone
_MOST_PAIRS = 32

_LOCKED: Final = (
    # no statement reads or writes files, loads code, reads Python's variables or unlocks these
    "SET GLOBAL TimeZone = 'UTC'",
    # as in the dialect: a name without quotes is in lower case, any division by zero is an error
    "SET GLOBAL preserve_identifier_case = false",
    "SET GLOBAL ieee_floating_point_ops = false",
    # statements that need more fail; without a folder for them, none writes temporary files
    "SET memory_limit = '50%'",
    "SET temp_directory = ''",
    "SET enable_external_access = false",
    "SET autoinstall_known_extensions = false",
    "SET autoload_known_extensions = false",
    "SET python_enable_replacements = false",
    "SET allowed_configs = ['timezone', 'schema', 'search_path']",
    "SET lock_configuration = true",
)


class Engine:
    """A DuckDB instance with its databases; `Path` is a file, None is in memory.

    Databases that are added later may have files in `folder` only. Statements may read files in
    `readable`. Raises `ConfigurationError` for a file that DuckDB cannot open.
    """

    def __init__(
        self,
        databases: Mapping[str, Path | None],
        folder: Path | None = None,
        readable: Sequence[Path] = (),
    ) -> None:
        self.databases = tuple(databases)
        self._lock = threading.Lock()
        self._listeners: list[Callable[[str], None]] = []
        self._idle: dict[tuple[str, str], list[duckdb.DuckDBPyConnection]] = {}
        self._base = duckdb.connect(":memory:")
        self.uploads = UploadFolders(self._base)
        """The files of requests."""
        try:
            self._attach_all(databases)
            allowed = [UPLOADS, *readable, *([] if folder is None else [folder])]
            quoted = ", ".join(quote_string(str(path)) for path in allowed)
            self._base.execute(f"SET allowed_directories = [{quoted}]")
        except BaseException:
            self._base.close()
            raise
        for statement in _LOCKED:
            self._base.execute(statement)

    def _attach_all(self, databases: Mapping[str, Path | None]) -> None:
        # DuckDB's first database has a name that is not ours
        self._base.execute(f"ATTACH ':memory:' AS {ACCOUNT_DB}; USE {ACCOUNT_DB}; DETACH memory")
        for name, path in databases.items():
            try:
                self._attach(name, path)
            except duckdb.Error as error:
                raise ConfigurationError(
                    f"The database {name!r} cannot be opened: {error}"
                ) from error

    def _attach(self, name: str, path: Path | None) -> None:
        file = str(path or ":memory:").replace("'", "''")
        with self._base.cursor() as cursor:
            cursor.execute(f"ATTACH '{file}' AS {quote_name(name)}")

    def add(self, name: str, path: Path | None) -> None:
        """Make a database. Raises `Refusal` when DuckDB cannot."""
        try:
            self._attach(name, path)
        except duckdb.Error as error:
            raise invalid(f"Database '{name}' cannot be created: {error}") from error
        with self._lock:
            self.databases = (*self.databases, name)

    def on_remove(self, tell: Callable[[str], None]) -> None:
        """Call `tell` with the name of every database that is let go, before it goes."""
        self._listeners.append(tell)

    def remove(self, name: str) -> None:
        """Let a database go; statements that read it come to their end."""
        for tell in self._listeners:
            tell(name)
        with self._lock:
            self.databases = tuple(known for known in self.databases if known != name)
            idle = [
                cursor
                for pair in [pair for pair in self._idle if pair[0] == name]
                for cursor in self._idle.pop(pair)
            ]
        for one in idle:
            one.close()
        with self._base.cursor() as cursor:
            cursor.execute(f"DETACH {quote_name(name)}")

    @property
    def default_database(self) -> str:
        """The first database; none is left of an account that dropped all."""
        return self.databases[0] if self.databases else ACCOUNT_DB

    def close(self) -> None:
        """Close everything; files are written out."""
        with self._lock:
            idle = [cursor for cursors in self._idle.values() for cursor in cursors]
            self._idle.clear()
        for cursor in idle:
            cursor.close()
        self._base.close()

    def borrow(self, database: str, zone: str) -> duckdb.DuckDBPyConnection:
        """Take a cursor whose current database and time zone are these.

        Raises `Refusal` for an unknown one.
        """
        self.check_database(database)
        with self._lock:
            idle = self._idle.get((database, zone))
            if idle:
                return idle.pop()
        cursor = self._base.cursor()
        try:
            cursor.execute(f"USE {quote_name(database)}")
            if zone != "UTC":
                set_zone(cursor, zone)
        except Refusal:
            cursor.close()
            raise
        return cursor

    def give_back(self, cursor: duckdb.DuckDBPyConnection, database: str, zone: str) -> None:
        """Give a cursor back that has nothing open."""
        with self._lock:
            idle = self._idle.get((database, zone))
            if (
                idle is None
                and database in (*self.databases, ACCOUNT_DB)
                and len(self._idle) < _MOST_PAIRS
            ):
                idle = self._idle[database, zone] = []
            if idle is not None and len(idle) < _MOST_IDLE:
                idle.append(cursor)
                return
        cursor.close()

    def check_database(self, name: str) -> None:
        """Raise `Refusal` when there is no such database."""
        if name not in self.databases and name != ACCOUNT_DB:
            raise invalid(f"Database '{name}' does not exist or not authorized")


def set_zone(cursor: duckdb.DuckDBPyConnection, zone: str) -> None:
    """Set the time zone of a cursor. Raises `Refusal` for an unknown one."""
    quoted = zone.replace("'", "''")
    try:
        cursor.execute(f"SET TimeZone = '{quoted}'")
    except duckdb.Error as error:
        raise invalid(f"Unknown time zone '{zone}'") from error
