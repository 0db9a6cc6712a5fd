"""What a server is told when it is made: accounts, engines, databases.

What may live here: frozen values, and the check of what was given. No DuckDB, no Starlette: this is
imported without the `local` extra.
"""

import dataclasses
import uuid
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path

from firebolt_like.errors import ConfigurationError

__all__ = [
    "DEFAULT_DATABASE",
    "Account",
    "EngineInfo",
    "check_name",
    "choose_accounts",
    "choose_databases",
    "choose_engines",
    "id_of",
]

DEFAULT_DATABASE = "firebolt"
_DEFAULT_ENGINE = "embedded"

Databases = Mapping[str, "str | PathLike[str] | None"] | Sequence[str]
Engines = Mapping[str, str] | Sequence[str]


def id_of(kind: str, name: str) -> str:
    """Make an id that is the same in every run, so that what clients remember stays right."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"firebolt_like:{kind}:{name}"))


@dataclasses.dataclass(frozen=True, slots=True)
class Account:
    """An account, with databases, engines and logins that no other account sees.

    The arguments are those of `LocalServer`.

    >>> Account("acme", databases=["sales"], service_accounts={"robot": "s3cret"})
    Account(name='acme', databases=['sales'], engines=None)
    """

    name: str
    databases: Databases | None = None
    engines: Engines | None = None
    users: Mapping[str, str] = dataclasses.field(default_factory=dict, repr=False)
    service_accounts: Mapping[str, str] = dataclasses.field(default_factory=dict, repr=False)

    @property
    def id(self) -> str:
        """The same in every run."""
        return id_of("account", self.name)


@dataclasses.dataclass(frozen=True, slots=True)
class EngineInfo:
    """An engine by name, and the database whose default engine it is.

    All engines of a server run in one process and share its URL.
    """

    name: str
    database: str


def choose_accounts(accounts: Sequence[str | Account], first: Account) -> tuple[Account, ...]:
    """Give the accounts; what `first` holds belongs to the first one, which must be a name then."""
    if not accounts:
        return (first,)
    if isinstance(accounts, str):
        raise ConfigurationError(f"accounts= wants a list of accounts: [{accounts!r}].")
    known = [Account(one) if isinstance(one, str) else one for one in accounts]
    has_own = first != Account("")
    if isinstance(accounts[0], str):
        known[0] = dataclasses.replace(first, name=accounts[0])
    elif has_own:
        raise ConfigurationError(
            "The first account is an Account, so databases, engines, users and service accounts "
            "belong into it, and not beside accounts=."
        )
    names = [account.name for account in known]
    if len(set(names)) < len(names):
        raise ConfigurationError(f"accounts= names an account twice: {', '.join(names)}.")
    for kind in ("users", "service_accounts"):
        logins = [login for account in known for login in getattr(account, kind)]
        if len(set(logins)) < len(logins):
            raise ConfigurationError(f"Two accounts share a name in {kind}=.")
    return tuple(known)


def choose_databases(
    database: "str | PathLike[str] | None", databases: Databases | None
) -> dict[str, Path | None]:
    """Give the databases by name: a file, or None for memory; the first is the default one."""
    if databases is None:
        return {DEFAULT_DATABASE: None if database is None else Path(database)}
    if database is not None:
        raise ConfigurationError("Give database= or databases=, not both.")
    if not databases:
        raise ConfigurationError("databases= is empty: a server needs one database at least.")
    named = databases if isinstance(databases, Mapping) else dict.fromkeys(databases)
    _check_names("database", named)
    return {name: None if path is None else Path(path) for name, path in named.items()}


def choose_engines(engines: Engines | None, databases: Sequence[str]) -> tuple[EngineInfo, ...]:
    """Give the engines; every database has one, as the look-ups of password accounts want it.

    >>> [engine.name for engine in choose_engines(None, ["sales", "stock"])]
    ['embedded', 'embedded_stock']
    """
    given = [_DEFAULT_ENGINE] if engines is None else engines
    named = dict(given if isinstance(given, Mapping) else dict.fromkeys(given, databases[0]))
    for name, database in named.items():
        if database not in databases:
            raise ConfigurationError(f"The engine {name!r} names no database: {database!r}.")
    for database in databases:
        if database not in named.values():
            named[f"{_DEFAULT_ENGINE}_{database}"] = database
    _check_names("engine", named)
    return tuple(EngineInfo(name, database) for name, database in named.items())


def _check_names(what: str, names: Mapping[str, object]) -> None:
    for name in names:
        if not check_name(name):
            raise ConfigurationError(
                f"The {what} name {name!r} must be printable ASCII without comma and =."
            )


def check_name(name: str) -> bool:
    """Say whether a name can travel in response headers, in lists with commas."""
    return bool(name) and name.isprintable() and name.isascii() and not set(name) & set(",=")
