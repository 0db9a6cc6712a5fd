"""The file system that DuckDB reads uploads from: paths `upload://requests/<token>/<name>`.

A path is found by who knows it whole, and nothing is listed: a token is random, so that a request
reads its own files alone. What may live here: that file system. `uploads` imports this late: fsspec
is needed by requests with files only.
"""

import io
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from fsspec import AbstractFileSystem

from firebolt_like.local.uploads import UPLOADS

__all__ = ["UploadFileSystem"]


class UploadFileSystem(AbstractFileSystem):  # type: ignore[misc]  # fsspec has no types
    """Gives the files of `folders`, which are by token and by name; see fsspec for its methods."""

    protocol = "upload"
    cachable = False

    def __init__(self, folders: Mapping[str, Mapping[str, bytes]]) -> None:
        super().__init__()
        self._folders = folders

    def _content(self, path: str) -> bytes:
        token, _, name = path.removeprefix(UPLOADS).partition("/")
        try:
            return self._folders[token][name]
        except KeyError as error:
            raise FileNotFoundError(path) from error

    def exists(self, path: str, **_: Any) -> bool:
        """Tell whether there is this very file."""
        try:
            self._content(path)
        except FileNotFoundError:
            return False
        return True

    def glob(self, path: str, **_: Any) -> list[str]:
        """Give this very file: a pattern is a name like any other here."""
        return [path] if self.exists(path) else []

    def ls(self, path: str, detail: bool = True, **_: Any) -> list[Any]:  # noqa: ARG002  # fsspec's signature
        """List nothing."""
        return []

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        """Tell the size."""
        return {"name": path, "size": len(self._content(path)), "type": "file"}

    def modified(self, path: str) -> datetime:  # noqa: ARG002  # as above
        """Tell any time: files do not change while they are there."""
        return datetime.fromtimestamp(0, UTC)

    def open(self, path: str, mode: str = "rb", **_: Any) -> io.BytesIO:
        """Open for reading."""
        if mode != "rb":
            raise PermissionError("Uploads are read only.")
        return io.BytesIO(self._content(path))
