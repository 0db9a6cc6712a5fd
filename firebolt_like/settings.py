"""What connect() is told: argument > DSN > environment > profile file > default, in one object.

What may live here: the settings, and how the layers are read and merged. No I/O but the profile
file's.
"""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from firebolt_like.errors import ConfigurationError

__all__ = ["DSN_FORMS", "ENVIRONMENT", "Settings", "read_settings"]

ENVIRONMENT = {
    # environment variable: setting; of two names for one setting the first one wins
    "FIREBOLT_TOKEN": "token",
    "FIREBOLT_CLIENT_ID": "client_id",
    "FIREBOLT_CLIENT_SECRET": "client_secret",
    "FIREBOLT_USER": "username",
    "FIREBOLT_USERNAME": "username",
    "FIREBOLT_PASSWORD": "password",
    "FIREBOLT_ACCOUNT": "account_name",
    "FIREBOLT_ACCOUNT_NAME": "account_name",
    "FIREBOLT_DATABASE": "database",
    "FIREBOLT_DB": "database",
    "FIREBOLT_ENGINE": "engine_name",
    "FIREBOLT_ENGINE_NAME": "engine_name",
    "FIREBOLT_ENGINE_URL": "engine_url",
    "FIREBOLT_API_ENDPOINT": "api_endpoint",
    "FIREBOLT_BASE_URL": "api_endpoint",
    "FIREBOLT_SERVER": "api_endpoint",
    "FIREBOLT_SDK_DISABLE_CACHE": "disable_cache",
}

DSN_FORMS = {
    # form: what it reaches
    "local:": "the embedded engine, in memory",
    "local:///path/to/file": "the embedded engine, in a file",
    "firebolt://id:secret@database/engine?account_name=x": "a cloud or password account",
    "firebolt://host:port/database": "a server that is found by discovery",
    "http://host:3473/database": "Core, a self-hosted engine",
}

_PLACES = frozenset({"local", "url", "host"})
_ACCOUNT = frozenset({"account_name", "engine_name", "engine_url", "api_endpoint", "database"})
_CREDENTIALS = frozenset({"auth", "token", "client_id", "client_secret", "username", "password"})


class Settings(BaseModel):
    """Everything that a connection is made from; frozen, and its repr shows no secret."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", arbitrary_types_allowed=True, hide_input_in_errors=True
    )

    local: str | None = None
    url: str | None = None
    host: str | None = None
    ssl_mode: str | None = None
    auth: Any = Field(default=None, repr=False)
    token: SecretStr | None = None
    client_id: str | None = None
    client_secret: SecretStr | None = None
    username: str | None = None
    password: SecretStr | None = None
    account_name: str | None = None
    database: str | None = None
    engine_name: str | None = None
    engine_url: str | None = None
    api_endpoint: str = "api.app.firebolt.io"
    auth_endpoint: str | None = None
    autocommit: bool = True
    timeout: float | None = Field(default=None, gt=0)
    paramstyle: str = "qmark"
    disable_cache: bool = False


def read_settings(
    dsn: str | None,
    arguments: Mapping[str, Any],
    *,
    environ: Mapping[str, str] | None = None,
    profile: str | None = None,
    profile_file: Path | None = None,
) -> Settings:
    """Merge the layers; a layer that names a place or credentials hides those of lower layers.

    `profile` is a table of the profile file. Raises `ConfigurationError`, which names the setting
    and never its value.

    >>> read_settings("http://localhost:3473/sales", {}, environ={"FIREBOLT_ACCOUNT": "x"}).url
    'http://localhost:3473'
    """
    environ = os.environ if environ is None else environ
    layers = [
        {name: value for name, value in arguments.items() if value is not None},
        _parse_dsn(dsn) if dsn else {},
        _from_environment(environ),
        _from_profile(profile, profile_file, environ),
    ]
    merged: dict[str, Any] = {}
    for layer in layers:
        hidden = set(merged)
        if _PLACES & merged.keys():
            hidden |= _PLACES | _ACCOUNT
        elif _ACCOUNT & merged.keys():
            hidden |= _PLACES
        if _CREDENTIALS & merged.keys():
            hidden |= _CREDENTIALS
        merged |= {name: value for name, value in layer.items() if name not in hidden}
    if not (_PLACES | _ACCOUNT | _CREDENTIALS) & merged.keys():
        merged["local"] = ""
    return _validate(merged)


def _validate(merged: Mapping[str, Any]) -> Settings:
    try:
        return Settings(**merged)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}"
            for problem in error.errors(include_input=False, include_url=False)
        )
        # not chained: the original holds the values
        raise ConfigurationError(f"These settings are not usable: {problems}") from None


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for variable, setting in ENVIRONMENT.items():
        if environ.get(variable):
            found.setdefault(setting, environ[variable])
    return found


def _from_profile(
    profile: str | None, file: Path | None, environ: Mapping[str, str]
) -> dict[str, Any]:
    name = profile or environ.get("FIREBOLT_PROFILE")
    if not name:
        return {}
    path = file or _profile_file()
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"The profile file {path} cannot be read: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"The profile file {path} is not TOML: {error}") from error
    table = tables.get(name)
    if not isinstance(table, dict):
        raise ConfigurationError(f"The profile file {path} has no table [{name}].")
    table = dict(table)
    dsn = table.pop("dsn", None)
    return (_parse_dsn(str(dsn)) if dsn else {}) | table


def _profile_file() -> Path:
    import appdirs  # noqa: PLC0415  # only who uses profiles pays for it

    return Path(appdirs.user_config_dir("firebolt_like")) / "profiles.toml"


def _parse_dsn(dsn: str) -> dict[str, Any]:
    scheme, _, rest = dsn.partition(":")
    try:
        parts = urlsplit(dsn)
        _ = parts.port  # reading it checks it
    except ValueError:
        # the text may hold a password: it is not repeated
        raise ConfigurationError("The DSN is not a valid URL: check its host and port.") from None
    options: dict[str, Any] = dict(parse_qsl(parts.query, keep_blank_values=True))
    if scheme == "local":
        return {"local": unquote(rest.partition("?")[0].removeprefix("//"))} | options
    if scheme in ("http", "https"):
        return _core(parts) | options
    if scheme == "firebolt":
        return _account(parts) | options if "@" in parts.netloc else _discovery(parts) | options
    forms = "\n".join(f"  {form}: {meaning}" for form, meaning in DSN_FORMS.items())
    raise ConfigurationError(f"A DSN that begins with {scheme!r} is not known. Known are:\n{forms}")


def _core(parts: Any) -> dict[str, Any]:
    if "@" in parts.netloc:
        raise ConfigurationError("A DSN for Core takes no user and password: give auth= instead.")
    found: dict[str, Any] = {"url": f"{parts.scheme}://{parts.netloc}"}
    if parts.path.strip("/"):
        found["database"] = unquote(parts.path.strip("/"))
    return found


def _account(parts: Any) -> dict[str, Any]:
    credentials, _, database = parts.netloc.rpartition("@")
    name, _, secret = credentials.partition(":")
    kind = ("username", "password") if "@" in unquote(name) else ("client_id", "client_secret")
    found = {kind[0]: unquote(name), kind[1]: unquote(secret)}
    found["database"] = unquote(database)
    found["engine_name"] = unquote(parts.path.strip("/"))
    return {name: value for name, value in found.items() if value}


def _discovery(parts: Any) -> dict[str, Any]:
    found = {"host": parts.netloc, "database": unquote(parts.path.strip("/"))}
    return {name: value for name, value in found.items() if value}
