"""`information_schema` of one account: its databases, engines, logins, and what a database holds.

What may live here: the columns of those views, and how their rows come from the records and from
DuckDB's own catalogue.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from firebolt_like.local.configuration import id_of
from firebolt_like.local.information_schema import Session, View
from firebolt_like.local.records import EngineRecord
from firebolt_like.local.resources import Resources

__all__ = ["REGION", "resource_views"]

REGION = "local"

_TIME = "timestamptz"


def resource_views(resources: Resources) -> dict[str, View]:
    """Give the views by name."""
    views = _Views(resources)
    return {
        "engines": View(dict(_ENGINES), views.engines),
        "catalogs": View(dict(_CATALOGS), views.catalogs),
        "databases": View(dict(_CATALOGS), views.catalogs),
        "accounts": View(dict(_ACCOUNTS), views.accounts),
        "users": View(dict(_USERS), views.users),
        "service_accounts": View(dict(_SERVICE_ACCOUNTS), views.service_accounts),
    }


_ENGINES = {
    "engine_name": "text",
    "region": "text",
    "spec": "text",
    "scale": "integer",
    "type": "text",
    "family": "text",
    "nodes": "integer",
    "clusters": "integer",
    "status": "text",
    "attached_to": "text",
    "auto_start": "boolean",
    "auto_stop": "integer",
    "engine_type": "text",
    "initially_stopped": "boolean",
    "url": "text",
    "warmup": "text",
    "default_database": "text",
    "version": "text",
    "last_started": _TIME,
    "last_stopped": _TIME,
    "created": _TIME,
    "last_altered": _TIME,
    "description": "text",
    "engine_owner": "text",
    "last_altered_by": "text",
    "fbu_rate": "numeric",
}
_CATALOGS = {
    "catalog_name": "text",
    "default_collation": "text",
    "default_character_set": "text",
    "description": "text",
    "created": _TIME,
    "ddl": "text",
    "catalog_owner": "text",
    "last_altered": _TIME,
    "last_altered_by": "text",
}
_ACCOUNTS = {"account_name": "text", "account_id": "text", "region": "text"}
_USERS = {
    "user_name": "text",
    "user_id": "text",
    "login_name": "text",
    "service_account_name": "text",
    "default_database": "text",
    "default_engine": "text",
    "created": _TIME,
}
_SERVICE_ACCOUNTS = {
    "service_account_name": "text",
    "service_account_id": "text",
    "description": "text",
    "connection": "text",
    "created": _TIME,
}


class _Views:
    """The rows."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    def engines(self, session: Session) -> Iterator[tuple[Any, ...]]:  # noqa: ARG002  # one signature for all views
        now = self._resources.clock()
        for engine in self._resources.engines:
            yield _engine(engine, engine.status(now))

    def catalogs(self, session: Session) -> Iterator[tuple[Any, ...]]:  # noqa: ARG002  # as above
        for database in self._resources.databases:
            ddl = f'CREATE DATABASE "{database.name}"'
            yield (
                *(database.name, "POSIX", "UTF-8", database.description),
                *(_time(database.created), ddl, database.owner),
                *(_time(database.altered), database.owner),
            )

    def accounts(self, session: Session) -> Iterator[tuple[Any, ...]]:  # noqa: ARG002  # as above
        account = self._resources.account
        yield account.name, account.id, REGION

    def users(self, session: Session) -> Iterator[tuple[Any, ...]]:  # noqa: ARG002  # as above
        for user in self._resources.users:
            yield (
                user.name,
                id_of("user", f"{self._resources.account.name}/{user.name}"),
                user.login or None,
                user.service_account or None,
                user.default_database or None,
                user.default_engine or None,
                _time(user.created),
            )

    def service_accounts(self, session: Session) -> Iterator[tuple[Any, ...]]:  # noqa: ARG002  # as above
        for account in self._resources.service_accounts:
            users = [
                one.name for one in self._resources.users if one.service_account == account.name
            ]
            linked = users[0] if users else None
            yield account.name, account.id, account.description, linked, _time(account.created)


def _engine(engine: EngineRecord, status: str) -> tuple[Any, ...]:
    return (
        *(engine.name, REGION, engine.type, engine.nodes, engine.type, engine.family),
        *(engine.nodes, engine.clusters, status, engine.database),
        *(engine.auto_start, engine.auto_stop, "GENERAL_PURPOSE", engine.initially_stopped),
        # no URL: all engines of a server share its own, which only a request knows
        *("", "MINIMAL", engine.database, ""),
        *(_time(engine.started), _time(engine.stopped)),
        *(_time(engine.created), _time(engine.altered), engine.description, engine.owner),
        *(engine.owner, None),
    )


def _time(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
