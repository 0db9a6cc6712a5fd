"""One account's databases, engines, service accounts and users, and what may be done to them.

What may live here: the rules, for SQL and REST alike. Everything here may block, is called from
any thread, and refuses with `Refusal`.
"""

import hashlib
import secrets
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Protocol, TypeVar
from urllib.parse import quote

from firebolt_like.local.configuration import Account, EngineInfo, check_name, id_of
from firebolt_like.local.engine import ACCOUNT_DB, Engine
from firebolt_like.local.records import (
    AccountRecord,
    DatabaseRecord,
    EngineRecord,
    ServiceAccountRecord,
    UserRecord,
)
from firebolt_like.local.refusal import Refusal, invalid
from firebolt_like.local.tokens import Credential, Gate

__all__ = ["SYSTEM_ENGINE", "Resources", "merge"]

SYSTEM_ENGINE = "system"


class _Named(Protocol):
    name: str


T = TypeVar("T", bound=_Named)


def merge(
    record: AccountRecord,
    account: Account,
    databases: dict[str, Path | None],
    engines: Iterable[EngineInfo],
    now: float,
) -> None:
    """Add to what was remembered what the server was told, where it is not known already."""
    prefix = "" if not account.name else f"{account.name}/"
    for name, path in databases.items():
        known = _find(record.databases, name)
        if known is None:
            known = DatabaseRecord(
                name=name, id=id_of("database", prefix + name), created=now, altered=now
            )
            record.databases.append(known)
        if path is not None:
            known.file = str(path.absolute())
    for info in engines:
        if _find(record.engines, info.name) is None:
            record.engines.append(
                EngineRecord(
                    name=info.name,
                    database=info.database,
                    is_default=all(one.database != info.database for one in record.engines),
                    id=id_of("engine", prefix + info.name),
                    created=now,
                    altered=now,
                    started=now,
                    ready=now,
                )
            )
    for name in account.users:
        record.users.append(UserRecord(name=name, login=name, created=now, configured=True))
    for name in account.service_accounts:
        record.service_accounts.append(
            ServiceAccountRecord(name=name, id=name, created=now, configured=True)
        )
        record.users.append(
            UserRecord(name=name, service_account=name, created=now, configured=True)
        )


def _find(records: Iterable[T], name: str) -> T | None:
    return next((record for record in records if record.name == name), None)


class Resources:
    """An account's own; `delay` is how many seconds of `clock` an engine is STARTING or STOPPING.

    `folder` holds the files of its databases, or is None for memory; `save` keeps the records.
    """

    def __init__(
        self,
        account: Account,
        record: AccountRecord,
        engine: Engine,
        gate: Gate,
        *,
        clock: Callable[[], float],
        delay: float,
        folder: Path | None,
        save: Callable[[], None],
    ) -> None:
        self.account = account
        self._record = record
        self._engine = engine
        self._gate = gate
        self.clock = clock
        self._delay = delay
        self._folder = folder
        self._save = save
        self._lock = threading.RLock()
        for one in record.service_accounts:
            if one.digest:
                self._admit(one)

    @property
    def databases(self) -> list[DatabaseRecord]:
        """The databases, oldest first."""
        with self._lock:
            return list(self._record.databases)

    @property
    def engines(self) -> list[EngineRecord]:
        """The engines, oldest first, without the system engine."""
        with self._lock:
            return list(self._record.engines)

    @property
    def service_accounts(self) -> list[ServiceAccountRecord]:
        """The service accounts, oldest first."""
        with self._lock:
            return list(self._record.service_accounts)

    @property
    def users(self) -> list[UserRecord]:
        """The users, oldest first."""
        with self._lock:
            return list(self._record.users)

    def change(self) -> "_Change":
        """Give a context: one change at a time, and all is kept when it has ended well."""
        return _Change(self._lock, self._save)

    # databases

    def database(self, name: str) -> DatabaseRecord:
        """Find one."""
        found = _find(self.databases, name)
        if found is None:
            raise invalid(f"Database '{name}' does not exist or not authorized")
        return found

    def create_database(self, name: str, description: str = "", owner: str = "") -> DatabaseRecord:
        """Make one, in a file of its own where the account has a folder."""
        _check(name, "database")
        with self.change():
            # DuckDB knows names in one case of letters only
            if name.lower() in {ACCOUNT_DB, *(one.name.lower() for one in self.databases)}:
                raise invalid(f"Database '{name}' already exists")
            # an older database of the same name may still be read, and have its file open
            file = f"{quote(name, safe='')}-{secrets.token_hex(4)}.duckdb"
            self._engine.add(name, None if self._folder is None else self._folder / file)
            now = self.clock()
            record = DatabaseRecord(
                name=name,
                file=None if self._folder is None else file,
                description=description,
                owner=owner,
                created=now,
                altered=now,
            )
            self._record.databases.append(record)
        return record

    def drop_database(self, name: str) -> DatabaseRecord:
        """Let one go, with its file if that is in the account's folder."""
        with self.change():
            record = self.database(name)
            self._record.databases.remove(record)
            for engine in self._record.engines:
                if engine.database == name:
                    engine.database = None
            self._engine.remove(name)
        if record.file is not None and self._folder is not None:
            path = self._folder / record.file
            if path.parent == self._folder:  # any other file was given, and stays
                for one in (path, path.with_name(f"{path.name}.wal")):
                    with suppress(OSError):
                        one.unlink()
        return record

    # engines

    def engine(self, name: str) -> EngineRecord:
        """Find one."""
        found = _find(self.engines, name)
        if found is None:
            raise invalid(f"Engine '{name}' does not exist or not authorized")
        return found

    def engine_with_id(self, id_: str) -> EngineRecord:
        """Find one by id."""
        found = next((engine for engine in self.engines if engine.id == id_), None)
        if found is None:
            raise Refusal.text(404, f"There is no engine {id_[:100]}.")
        return found

    def default_engine(self, database: str) -> EngineRecord | None:
        """Find the default engine of a database, or any that is bound to it."""
        bound = [engine for engine in self.engines if engine.database == database]
        return next((engine for engine in bound if engine.is_default), bound[0] if bound else None)

    def create_engine(self, record: EngineRecord) -> EngineRecord:
        """Add one; it starts, unless it is `initially_stopped`."""
        _check(record.name, "engine")
        with self.change():
            names = {one.name.lower() for one in self.engines}
            if record.name.lower() in {SYSTEM_ENGINE, *names}:
                raise invalid(f"Engine '{record.name}' already exists")
            record.created = record.altered = self.clock()
            self._record.engines.append(record)
            self._switch(record, on=not record.initially_stopped)
        return record

    def rename_engine(self, record: EngineRecord, name: str) -> None:
        """Give an engine another name."""
        _check(name, "engine")
        with self.change():
            others = {one.name.lower() for one in self.engines if one is not record}
            if name.lower() in {SYSTEM_ENGINE, *others}:
                raise invalid(f"Engine '{name}' already exists")
            record.name = name

    def drop_engine(self, name: str) -> EngineRecord:
        """Let one go."""
        with self.change():
            record = self.engine(name)
            self._record.engines.remove(record)
        return record

    def start_engine(self, name: str, *, again: bool = False) -> EngineRecord:
        """Start one; `again` stops a running one first."""
        with self.change():
            record = self.engine(name)
            if again or not record.running:
                self._switch(record, on=True)
        return record

    def stop_engine(self, name: str) -> EngineRecord:
        """Stop one."""
        with self.change():
            record = self.engine(name)
            if record.running:
                self._switch(record, on=False)
        return record

    def _switch(self, record: EngineRecord, *, on: bool) -> None:
        now = self.clock()
        record.running = on
        record.ready = now + self._delay
        if on:
            record.started = now
        else:
            record.stopped = now

    def use_engine(self, name: str, *, may_start: bool = True) -> None:
        """Refuse when an engine cannot run a statement now; start one that starts by itself."""
        if name == SYSTEM_ENGINE:
            return
        record = self.engine(name)
        if not record.running and record.auto_start and may_start:
            self.start_engine(name)
        status = record.status(self.clock())
        if status == "STARTING":
            raise Refusal.text(503, f"Engine '{name}' is starting; try again in a moment.")
        if status != "RUNNING":
            raise Refusal.text(404, f"Engine '{name}' cannot be used: it is stopped. Start it.")

    # service accounts and users

    def service_account(self, name: str) -> ServiceAccountRecord:
        """Find one."""
        found = _find(self.service_accounts, name)
        if found is None:
            raise invalid(f"Service account '{name}' does not exist or not authorized")
        return found

    def create_service_account(self, name: str, description: str = "") -> ServiceAccountRecord:
        """Add one, which has no key yet, and no user."""
        with self.change():
            if _find(self.service_accounts, name) is not None:
                raise invalid(f"Service account '{name}' already exists")
            record = ServiceAccountRecord(name=name, description=description, created=self.clock())
            self._record.service_accounts.append(record)
        return record

    def drop_service_account(self, name: str) -> None:
        """Let one go; its tokens end, and its users have no login any more."""
        with self.change():
            record = self.service_account(name)
            self._record.service_accounts.remove(record)
            self._gate.dismiss(record.id)
            for user in self._record.users:
                if user.service_account == name:
                    user.service_account = ""

    def make_key(self, name: str) -> tuple[str, str]:
        """Give a service account's id and a new secret; an older secret ends."""
        with self.change():
            record = self.service_account(name)
            secret = secrets.token_urlsafe(32)
            record.digest = hashlib.sha256(secret.encode()).hexdigest()
            record.configured = False
            self._gate.dismiss(record.id)
            self._admit(record)
        return record.id, secret

    def _admit(self, record: ServiceAccountRecord) -> None:
        credential = Credential(bytes.fromhex(record.digest), self.account.name)
        self._gate.service_accounts[record.id] = credential

    def is_member(self, principal: str) -> bool:
        """Say whether a login belongs to a user of this account."""
        return self._user_of(principal) is not None

    def user_name(self, principal: str) -> str:
        """Name the user that a login is of; one that is of none is told as it is."""
        user = self._user_of(principal)
        return principal if user is None else user.name

    def _user_of(self, principal: str) -> UserRecord | None:
        if not principal:
            return None  # nobody logged in; a user without a login has none either
        accounts = {one.name for one in self.service_accounts if one.id == principal}
        return next(
            (
                user
                for user in self.users
                if user.login == principal or user.service_account in accounts
            ),
            None,
        )

    def user(self, name: str) -> UserRecord:
        """Find one."""
        found = _find(self.users, name)
        if found is None:
            raise invalid(f"User '{name}' does not exist or not authorized")
        return found

    def create_user(self, record: UserRecord) -> UserRecord:
        """Add one."""
        with self.change():
            if _find(self.users, record.name) is not None:
                raise invalid(f"User '{record.name}' already exists")
            record.created = self.clock()
            self._record.users.append(record)
        return record

    def drop_user(self, name: str) -> None:
        """Let one go."""
        with self.change():
            self._record.users.remove(self.user(name))


class _Change:
    """Holds the lock; the outermost of nested changes keeps what was done."""

    def __init__(self, lock: threading.RLock, save: Callable[[], None]) -> None:
        self._lock = lock
        self._save = save

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        try:
            if kind is None:
                self._save()
        finally:
            self._lock.release()


def _check(name: str, what: str) -> None:
    if not check_name(name):
        raise invalid(f"The name of a {what} is printable ASCII without comma and =, not {name!r}.")
