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

__all__ = ["DEFAULT_DATABASE", "Account", "EngineInfo", "choose_databases", "choose_engines"]

DEFAULT_DATABASE = "firebolt"
_DEFAULT_ENGINE = "embedded"


def id_of(kind: str, name: str) -> str:
    """Make an id that is the same in every run, so that what clients remember stays right."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"firebolt_like:{kind}:{name}"))


@dataclasses.dataclass(frozen=True, slots=True)
class Account:
    """An account, which all users of the server may see."""

    name: str

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

    @property
    def id(self) -> str:
        """The same in every run."""
        return id_of("engine", self.name)


def choose_databases(
    database: "str | PathLike[str] | None",
    databases: "Mapping[str, str | PathLike[str] | None] | Sequence[str] | None",
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


def choose_engines(
    engines: Mapping[str, str] | Sequence[str] | None, databases: Sequence[str]
) -> tuple[EngineInfo, ...]:
    """Give the engines; without a database of its own an engine is the default of the first."""
    if engines is None:
        return tuple(EngineInfo(_DEFAULT_ENGINE, database) for database in databases[:1])
    named = engines if isinstance(engines, Mapping) else dict.fromkeys(engines, databases[0])
    _check_names("engine", named)
    for name, database in named.items():
        if database not in databases:
            raise ConfigurationError(f"The engine {name!r} names no database: {database!r}.")
    return tuple(EngineInfo(name, database) for name, database in named.items())


def _check_names(what: str, names: Mapping[str, object]) -> None:
    for name in names:
        # names travel in response headers, in lists with commas
        if not name or not name.isprintable() or not name.isascii() or "," in name or "=" in name:
            raise ConfigurationError(
                f"The {what} name {name!r} must be printable ASCII without comma and =."
            )
