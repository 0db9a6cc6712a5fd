"""Uploaded files while their request lives: what `read_csv('upload://name')` reads.

What may live here: where they are, and the views that stand for such calls, so that a statement
needs no path.
"""

import re
import secrets
import threading
from collections.abc import Mapping
from typing import Final

import duckdb

from firebolt_like.local.refusal import Refusal, invalid
from firebolt_like.local.ways_out import refuse_ways_out
from firebolt_like.protocol.sql import Kind, Statement, quote_string, tokens

__all__ = ["NO_UPLOADS", "UPLOADS", "UploadFolders", "Uploads"]

UPLOADS: Final = "upload://requests/"
"""Where DuckDB finds them: this, the token of the request, and the name."""


_CALL: Final = re.compile(
    r"(?<![\w.$\"])read_(?P<what>parquet|csv|text|arrow)\s*\(\s*(?:url\s*=>\s*)?"
    r"'upload://(?P<name>[^']*)'\s*(?P<end>[,)])",
    re.IGNORECASE,
)


class UploadFolders:
    """The files of all requests of a DuckDB instance, by a token of the request and their name.

    They are in memory. Their file system is made with the first of them.
    """

    def __init__(self, instance: duckdb.DuckDBPyConnection | None) -> None:
        self._instance = instance
        self._lock = threading.Lock()
        self._folders: dict[str, Mapping[str, bytes]] = {}
        self._is_registered = instance is None

    def add(self, files: Mapping[str, bytes]) -> str:
        """Take the files of a request, and give its token."""
        token = secrets.token_hex(16)
        with self._lock:
            self._folders[token] = files
            if self._instance is not None and not self._is_registered:
                from firebolt_like.local.upload_files import UploadFileSystem  # noqa: PLC0415  # seldom needed

                self._instance.register_filesystem(UploadFileSystem(self._folders))
                self._is_registered = True
        return token

    def remove(self, token: str) -> None:
        """Forget the files of a request."""
        with self._lock:
            self._folders.pop(token, None)


class Uploads:
    """The files of one request; `close` forgets them. All of it may block."""

    def __init__(self, folders: UploadFolders, files: Mapping[str, bytes]) -> None:
        self._folders = folders
        self._files = files
        self._token = folders.add(files) if files else ""

    def close(self) -> None:
        """Forget the files."""
        self._folders.remove(self._token)

    def prepare(
        self, cursor: duckdb.DuckDBPyConnection, statement: Statement
    ) -> tuple[Statement, list[str]]:
        """Make a view of the cursor for each call, and let the statement read those.

        The new text is as long as the old one, so that errors point to the right place. Raises
        `Refusal` for names that were not uploaded and for files that cannot be read.
        """
        sql, made, position = statement.text, list[str](), 0
        if "upload://" not in sql:
            return statement, made
        masked = _masked(sql)
        while (call := _CALL.search(masked, position)) is not None:
            position = _closing(masked, call.start("end"))
            name = call["name"]
            if name not in self._files:
                raise invalid(f"There is no upload '{name[:100]}' in this request.")
            view = f"upload_{len(made)}"
            options = sql[call.end("end") : position - 1].strip() if call["end"] == "," else ""
            refuse_ways_out(options)
            self._make(cursor, view, call["what"].lower(), name, options)
            made.append(view)
            target = f"temp.{view}".ljust(position - call.start())
            sql = sql[: call.start()] + target + sql[position:]
        return Statement(sql, statement.start), made

    def forget(self, cursor: duckdb.DuckDBPyConnection, views: list[str]) -> None:
        """Drop what `prepare` made."""
        for view in views:
            cursor.execute(f"DROP VIEW IF EXISTS temp.{view}")

    def hide(self, refusal: Refusal) -> None:
        """Write an upload's name where an error has its path."""
        detail = refusal.detail
        detail.description = detail.description.replace(f"{UPLOADS}{self._token}/", "upload://")

    def _make(
        self, cursor: duckdb.DuckDBPyConnection, view: str, what: str, name: str, options: str
    ) -> None:
        path = quote_string(f"{UPLOADS}{self._token}/{name}")
        try:
            if what == "arrow":
                self._make_arrow(cursor, view, name)
                return
            call = f"read_{what}({path}{', ' if options else ''}{options})"
            columns = f"* REPLACE ('upload://{name}' AS filename)" if what == "text" else "*"
            cursor.execute(f"CREATE TEMP VIEW {view} AS SELECT {columns} FROM {call}")  # noqa: S608  # a statement of the client's is all that options can be
        except (duckdb.Error, OSError, ValueError) as error:
            text = str(error).partition("\n\nLINE ")[0]
            found = invalid(f"The upload '{name}' cannot be read: {text}")
            self.hide(found)
            raise found from error

    def _make_arrow(self, cursor: duckdb.DuckDBPyConnection, view: str, name: str) -> None:
        import pyarrow as pa  # noqa: PLC0415  # slow to import

        cursor.register(view, pa.ipc.open_stream(self._files[name]).read_all())


NO_UPLOADS: Final = Uploads(UploadFolders(None), {})


def _masked(sql: str) -> str:
    """Blank out comments and names, and strings but for uploads, at the same length."""
    parts = []
    for kind, start, end in tokens(sql):
        text = sql[start:end]
        is_upload = kind is Kind.STRING and text.startswith("'upload://")
        keeps = is_upload or kind not in (Kind.STRING, Kind.COMMENT, Kind.NAME)
        parts.append(text if keeps else " " * len(text))
    return "".join(parts)


def _closing(sql: str, start: int) -> int:
    """Find the end of the brackets around `start`."""
    depth = 1
    for mark in re.compile(r"[()]").finditer(sql, start):
        depth += 1 if mark[0] == "(" else -1
        if not depth:
            return mark.end()
    return len(sql)
