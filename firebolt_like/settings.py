"""What connect() is told: argument > DSN > environment > profile file > default, in one object.

What may live here: the settings, and how the layers are read and merged. No I/O but the profile
file's.
"""

import os
import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal
from urllib.parse import SplitResult, parse_qsl, unquote, urlencode, urlsplit

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
    "grpc+tls://host:port": "a server of Arrow Flight SQL; grpc:// without TLS",
}

_URLS = ("url", "host", "engine_url", "api_endpoint", "auth_endpoint")
_PLACES = frozenset({"local", "url", "host", "flight"})
_ACCOUNT = frozenset({"account_name", "engine_name", "engine_url", "api_endpoint", "database"})
_CREDENTIALS = {
    # setting: the kind of login that it belongs to
    "auth": "auth",
    "token": "token",
    "client_id": "client",
    "client_secret": "client",
    "username": "user",
    "password": "user",
}


class Settings(BaseModel):
    """Everything that a connection is made from; frozen, and its repr shows no secret."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", arbitrary_types_allowed=True, hide_input_in_errors=True
    )

    local: str | None = None
    url: str | None = None
    host: str | None = None
    flight: str | None = None
    protocol: Literal["rest", "flight"] | None = None
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
    merged = _explicit(dsn, {k: v for k, v in arguments.items() if v is not None})
    for layer in (_from_environment(environ), _from_profile(profile, profile_file, environ)):
        hidden = _hidden_below(merged)
        merged |= {name: value for name, value in layer.items() if name not in hidden}
    if not (_PLACES | _ACCOUNT | _CREDENTIALS.keys()) & merged.keys():
        merged["local"] = ""
    return _validate(merged)


def _explicit(dsn: str | None, arguments: dict[str, Any]) -> dict[str, Any]:
    """Merge what one call says; contradictions are left for whoever connects to refuse."""
    from_dsn = _parse_dsn(dsn) if dsn else {}
    kinds = {_CREDENTIALS[name] for name in arguments.keys() & _CREDENTIALS.keys()}
    for name, kind in _CREDENTIALS.items():
        # the other half of a login may stand in the DSN, another login may not
        if kinds and kind not in kinds:
            from_dsn.pop(name, None)
    return from_dsn | arguments


def _hidden_below(merged: Mapping[str, Any]) -> set[str]:
    hidden = set(merged)
    if _PLACES & merged.keys():
        # credentials of an account are not for whatever server is named
        hidden |= _PLACES | _ACCOUNT | _CREDENTIALS.keys()
    elif _ACCOUNT & merged.keys():
        hidden |= _PLACES
    if _CREDENTIALS.keys() & merged.keys():
        hidden |= _CREDENTIALS.keys()
    return hidden


def _validate(merged: Mapping[str, Any]) -> Settings:
    for name in _URLS:
        if "@" in str(merged.get(name, "")).partition("?")[0]:
            raise ConfigurationError(
                f"{name} holds a user name or a password: give them as auth= instead."
            )
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
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"The profile file {path} is not TOML: {error}") from error
    table = tables.get(name)
    if not isinstance(table, dict):
        raise ConfigurationError(f"The profile file {path} has no table [{name}].")
    table = dict(table)
    dsn = table.pop("dsn", None)
    return (_parse_dsn(dsn) if dsn else {}) | table


def _profile_file() -> Path:
    import appdirs  # noqa: PLC0415  # only who uses profiles pays for it

    return Path(appdirs.user_config_dir("firebolt_like")) / "profiles.toml"


def _parse_dsn(dsn: object) -> dict[str, Any]:
    if not isinstance(dsn, str):
        raise ConfigurationError(
            f"A DSN is a text, not an object of type {type(dsn).__name__}.",
            hint="Give credentials as auth=, and a file as local:///path/to/file.",
        )
    scheme, mark, rest = dsn.partition(":")
    scheme = scheme.lower()
    if scheme != "local" and scheme not in _SCHEMES:
        forms = "\n".join(f"  {form}: {meaning}" for form, meaning in DSN_FORMS.items())
        # what is no scheme may be a secret in the wrong place
        shown = f" {scheme!r}" if mark and re.fullmatch(r"[a-z][a-z0-9+.-]{0,30}", scheme) else ""
        raise ConfigurationError(f"A DSN that begins with{shown or ' this'} is not known:\n{forms}")
    if scheme == "local":
        path, _, query = rest.partition("?")
        return {"local": unquote(path.removeprefix("//"))} | _options(query)
    try:
        parts = urlsplit(dsn)
        _ = parts.port  # reading it checks it
    except ValueError:
        raise _no_url("check its host and port") from None
    if not (parts.netloc or (scheme == "grpc+unix" and parts.path)):
        raise _no_url("it names no server")
    if parts.fragment or ("@" in dsn and "@" not in parts.netloc):
        raise _no_url("write / ? # and @ in names and secrets as %2F %3F %23 and %40")
    read = _SCHEMES[scheme]
    return _flight(parts) if read is _flight else read(parts) | _options(parts.query)


def _no_url(what: str) -> ConfigurationError:
    # the text may hold a password: it is not repeated
    return ConfigurationError(f"The DSN is not a valid URL: {what}.")


def _options(query: str) -> dict[str, Any]:
    options: dict[str, Any] = dict(parse_qsl(query, keep_blank_values=True))
    known = Settings.model_fields.keys() - _PLACES - {"auth"}
    for name in options:
        if name not in known:
            raise ConfigurationError(
                f"The DSN's option {name!r} is not known. Known are: {', '.join(sorted(known))}."
            )
    return options


def _core(parts: SplitResult) -> dict[str, Any]:
    if "@" in parts.netloc:
        raise ConfigurationError("A DSN for Core takes no user and password: give auth= instead.")
    found: dict[str, Any] = {"url": f"{parts.scheme}://{parts.netloc}"}
    if parts.path.strip("/"):
        found["database"] = unquote(parts.path.strip("/"))
    return found


def _firebolt(parts: SplitResult) -> dict[str, Any]:
    return _account(parts) if "@" in parts.netloc else _discovery(parts)


def _account(parts: SplitResult) -> dict[str, Any]:
    credentials, _, database = parts.netloc.rpartition("@")
    name, _, secret = credentials.partition(":")
    kind = ("username", "password") if "@" in unquote(name) else ("client_id", "client_secret")
    found = {kind[0]: unquote(name), kind[1]: unquote(secret)}
    found["database"] = unquote(database)
    found["engine_name"] = unquote(parts.path.strip("/"))
    return {name: value for name, value in found.items() if value}


def _discovery(parts: SplitResult) -> dict[str, Any]:
    found = {"host": parts.netloc, "database": unquote(parts.path.strip("/"))}
    return {name: value for name, value in found.items() if value}


_OF_FLIGHT = frozenset(
    {"username", "password", "token", "autocommit", "timeout", "paramstyle", "api_endpoint"}
)
"""Options of a DSN of Flight that are settings; the others are the Flight client's, or headers."""


def _flight(parts: SplitResult) -> dict[str, Any]:
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if "user" in options:
        options["username"] = options.pop("user")
    found: dict[str, Any] = {name: options.pop(name) for name in _OF_FLIGHT & options.keys()}
    credentials, _, address = parts.netloc.rpartition("@")
    name, mark, secret = credentials.partition(":")
    if credentials:
        found["username"] = unquote(name)
    if mark:
        found["password"] = unquote(secret)
    query = f"?{urlencode(options)}" if options else ""
    return {"flight": f"{parts.scheme}://{address}{parts.path}{query}"} | found


_SCHEMES: dict[str, Callable[[SplitResult], dict[str, Any]]] = {
    "http": _core,
    "https": _core,
    "firebolt": _firebolt,
    **dict.fromkeys(("grpc", "grpc+tcp", "grpc+tls", "grpcs", "grpc+unix"), _flight),
}
