"""The accounts of a server while it runs: each has a DuckDB instance of its own.

What may live here: how an account is put together, and which one a request is for.
"""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import quote

from firebolt_like.local.async_queries import AsyncQueries
from firebolt_like.local.catalog_views import catalog_views
from firebolt_like.local.commands import Commands
from firebolt_like.local.configuration import (
    Account,
    choose_databases,
    choose_engines,
)
from firebolt_like.local.engine import ACCOUNT_DB, Engine
from firebolt_like.local.execution import Services
from firebolt_like.local.history import QueryHistory
from firebolt_like.local.information_schema import InformationSchema
from firebolt_like.local.options import Options
from firebolt_like.local.records import AccountRecord, Store
from firebolt_like.local.refusal import Refusal
from firebolt_like.local.resource_views import resource_views
from firebolt_like.local.resources import SYSTEM_ENGINE, Resources, merge
from firebolt_like.local.running import RunningList
from firebolt_like.local.tokens import Gate, Pass
from firebolt_like.local.transactions import Transactions

__all__ = ["Parts", "Tenant", "Tenants"]


@dataclasses.dataclass(frozen=True, slots=True)
class Parts:
    """What all accounts of a server share."""

    store: Store
    readable: Sequence[Path]
    gate: Gate
    running: RunningList
    clock: Callable[[], float]
    transaction_idle: float
    engine_delay: float
    version: str
    history: QueryHistory
    async_queries: AsyncQueries


class Tenant:
    """One account at work."""

    def __init__(self, account: Account, parts: Parts) -> None:
        self.account = account
        self.id = account.id
        folder = parts.store.folder_of(account.name)
        record = parts.store.accounts.setdefault(account.name, AccountRecord())
        databases = choose_databases(None, account.databases)
        engines = choose_engines(account.engines, tuple(databases))
        merge(record, account, databases, engines, parts.clock())
        self._engine = Engine(_files(record, folder), folder, parts.readable)
        self.resources = Resources(
            account,
            record,
            self._engine,
            parts.gate,
            clock=parts.clock,
            delay=parts.engine_delay,
            folder=folder,
            save=parts.store.save,
        )
        self._transactions = Transactions(self._engine, parts.clock, parts.transaction_idle)
        self.services = Services(
            self._engine,
            self._transactions,
            Commands(self._engine, self.resources, self._transactions, parts.running),
            parts.version,
            InformationSchema(
                catalog_views()
                | resource_views(self.resources)
                | parts.history.views(account.name)
                | parts.async_queries.views(account.name)
            ),
            account.name,
            parts.async_queries,
        )

    def complete(self, options: Options, held: Pass, engine: str | None) -> Options:
        """Fill in who asks, and the database and engine of a request that names none.

        `engine` is the id in the URL, as password accounts' clients are told it; that engine does
        not start by itself. Raises `Refusal` when it is not running.
        """
        if engine is not None:
            engine = self.resources.engine_with_id(engine).name
            self.resources.use_engine(engine, may_start=False)
        # only a cloud account's gateway gives an account id: its system engine has no database
        is_cloud = options.account_id is not None
        return dataclasses.replace(
            options,
            database=options.database
            or (ACCOUNT_DB if is_cloud else self._engine.default_database),
            engine=options.engine or engine or (SYSTEM_ENGINE if is_cloud else None),
            user=self.resources.user_name(held.principal),
        )

    def close(self) -> None:
        """End it: open transactions are rolled back, files are written out."""
        self._transactions.close()
        self._engine.close()


def _files(record: AccountRecord, folder: Path | None) -> dict[str, Path | None]:
    """Say where each database is; those without a file get one where there is a folder."""
    files: dict[str, Path | None] = {}
    for database in record.databases:
        if database.file is None and folder is not None:
            database.file = f"{quote(database.name, safe='')}.duckdb"
        files[database.name] = None if database.file is None else (folder or Path()) / database.file
    return files


class Tenants:
    """All accounts; a request sees those that its login belongs to."""

    def __init__(self, accounts: Sequence[Account], parts: Parts) -> None:
        self._tenants: list[Tenant] = []
        try:
            for account in accounts:
                self._tenants.append(Tenant(account, parts))
            parts.store.save()
        except BaseException:
            self.close()
            raise

    def of(self, held: Pass, options: Options) -> Tenant:
        """Give the account of a query: that of its `account_id`, of its login, or the first."""
        tenants = self._seen_by(held)
        for tenant in tenants:
            if options.account_id in (None, tenant.id):
                return tenant
        # an id of no account at all means nothing: clients may send what another place gave them
        if not tenants or any(options.account_id == tenant.id for tenant in self._tenants):
            raise Refusal.text(403, "This login may not use the account that was asked for.")
        return tenants[0]

    def named(self, held: Pass, name: str) -> Tenant | None:
        """Find an account by name."""
        return next((one for one in self.listed(held) if one.account.name == name), None)

    def with_id(self, held: Pass, id_: str) -> Tenant | None:
        """Find an account by id."""
        return next((one for one in self.listed(held) if one.id == id_), None)

    def listed(self, held: Pass) -> list[Tenant]:
        """List the accounts that have a name."""
        return [tenant for tenant in self._seen_by(held) if tenant.account.name]

    def _seen_by(self, held: Pass) -> list[Tenant]:
        return [
            tenant
            for tenant in self._tenants
            if held.account is None
            or (held.account == tenant.account.name and tenant.resources.is_member(held.principal))
        ]

    def close(self) -> None:
        """End all."""
        for tenant in self._tenants:
            tenant.close()
