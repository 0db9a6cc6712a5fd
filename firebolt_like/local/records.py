"""What a server remembers of its accounts: plain records, and the file that they are kept in.

What may live here: the records and `Store`. Times are seconds of the server's clock, since 1970.
"""

import contextlib
import os
import tempfile
import uuid
from pathlib import Path
from urllib.parse import quote

import msgspec

from firebolt_like.errors import ConfigurationError

__all__ = [
    "AccountRecord",
    "DatabaseRecord",
    "EngineRecord",
    "ServiceAccountRecord",
    "Store",
    "UserRecord",
]

_STATE = "server.json"


def _new_id() -> str:
    return str(uuid.uuid4())


class DatabaseRecord(msgspec.Struct, kw_only=True):
    """A database; `file` is None for memory, and relative to the account's folder or absolute."""

    name: str
    file: str | None = None
    id: str = msgspec.field(default_factory=_new_id)
    description: str = ""
    owner: str = ""
    created: float = 0
    altered: float = 0


class EngineRecord(msgspec.Struct, kw_only=True):
    """An engine; `ready` is when its last start or stop was, or will be, complete."""

    name: str
    database: str | None = None
    is_default: bool = True
    id: str = msgspec.field(default_factory=_new_id)
    description: str = ""
    owner: str = ""
    created: float = 0
    altered: float = 0
    running: bool = True
    ready: float = 0
    started: float | None = None
    stopped: float | None = None
    auto_start: bool = True
    auto_stop: int = 20  # minutes
    initially_stopped: bool = False
    type: str = "S"
    family: str = "STORAGE_OPTIMIZED"
    nodes: int = 1
    clusters: int = 1
    warm_up: str = "ENGINE_SETTINGS_WARM_UP_INDEXES"
    preset: str = "ENGINE_SETTINGS_PRESET_GENERAL_PURPOSE"

    def status(self, now: float) -> str:
        """Give STARTING, RUNNING, STOPPING or STOPPED."""
        if self.running:
            return "STARTING" if now < self.ready else "RUNNING"
        return "STOPPING" if now < self.ready else "STOPPED"


class ServiceAccountRecord(msgspec.Struct, kw_only=True):
    """A service account; `digest` is of its secret, empty until a key was made."""

    name: str
    id: str = msgspec.field(default_factory=_new_id)
    description: str = ""
    digest: str = ""
    created: float = 0
    configured: bool = False  # an argument of the server, and no part of its state


class UserRecord(msgspec.Struct, kw_only=True):
    """A user, who logs in by a name or by a service account."""

    name: str
    login: str = ""
    service_account: str = ""
    default_database: str = ""
    default_engine: str = ""
    created: float = 0
    configured: bool = False  # as above


class AccountRecord(msgspec.Struct, kw_only=True):
    """All that belongs to one account."""

    databases: list[DatabaseRecord] = msgspec.field(default_factory=list)
    engines: list[EngineRecord] = msgspec.field(default_factory=list)
    service_accounts: list[ServiceAccountRecord] = msgspec.field(default_factory=list)
    users: list[UserRecord] = msgspec.field(default_factory=list)


class _State(msgspec.Struct):
    accounts: dict[str, AccountRecord]
    version: int = 1


class Store:
    """Keeps the records in `<folder>/server.json`, replaced as a whole; without a folder nowhere.

    Raises `ConfigurationError` for a folder that cannot be used and a file that cannot be read.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self.accounts: dict[str, AccountRecord] = {}
        if folder is not None:
            try:
                folder.mkdir(parents=True, exist_ok=True)
                if (folder / _STATE).exists():
                    text = (folder / _STATE).read_bytes()
                    self.accounts = msgspec.json.decode(text, type=_State).accounts
            except (OSError, msgspec.DecodeError) as error:
                raise ConfigurationError(
                    f"The state in the folder {str(folder)!r} cannot be read: {error}"
                ) from error

    def folder_of(self, account: str) -> Path | None:
        """Give the folder of an account's database files."""
        if self._folder is None:
            return None
        folder = self._folder.absolute() / f"account-{quote(account, safe='')}"
        folder.mkdir(exist_ok=True)
        return folder

    def save(self) -> None:
        """Write all records; a reader, or a crash, sees the old file or the new one."""
        if self._folder is None:
            return
        text = msgspec.json.format(msgspec.json.encode(_State(self._kept())), indent=1)
        handle, name = tempfile.mkstemp(
            prefix=_STATE, dir=self._folder
        )  # readable by its owner only
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(self._folder / _STATE)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(name).unlink()
            raise

    def _kept(self) -> dict[str, AccountRecord]:
        return {
            name: AccountRecord(
                databases=account.databases,
                engines=account.engines,
                service_accounts=[one for one in account.service_accounts if not one.configured],
                users=[one for one in account.users if not one.configured],
            )
            for name, account in self.accounts.items()
        }
