"""From SQLAlchemy's URL to the keywords of `connect`.

What may live here: the meaning of each part of a URL, and how secrets are kept out of its repr.
"""

from typing import Any, Final, NamedTuple
from urllib.parse import quote, unquote

from sqlalchemy.engine import URL

from firebolt_like.client.auth import ClientCredentials, Token, UsernamePassword
from firebolt_like.errors import ConfigurationError

__all__ = ["OPTIONS", "Option", "connect_keywords", "read_option", "without_secrets"]


class Option(NamedTuple):
    """What may stand behind the `?` of a URL."""

    kind: type
    meaning: str


OPTIONS: Final = {
    "account_name": Option(str, "the account"),
    "database": Option(str, "the database, where the host does not name it"),
    "engine_name": Option(str, "the engine, where the path does not name it"),
    "engine_url": Option(str, "the engine's own address"),
    "api_endpoint": Option(str, "the address of the account's API"),
    "auth_endpoint": Option(str, "the address where logins go"),
    "url": Option(str, "a server such as Core, `http://localhost:3473`"),
    "ssl_mode": Option(str, "as in `connect`"),
    "profile": Option(str, "a table of the profile file"),
    "timeout": Option(float, "seconds, in total for each call"),
    "disable_cache": Option(bool, "keep no tokens on disk"),
    "token": Option(str, "a token instead of id and secret"),
}
_BOOLEANS: Final = {"true": True, "1": True, "false": False, "0": False}


def connect_keywords(url: URL) -> dict[str, Any]:
    """Give the keywords of `firebolt_like.db.connect` that a URL stands for.

    Raises `ConfigurationError` for an option that is not known, and for a value that is not usable.

    >>> from sqlalchemy import make_url
    >>> connect_keywords(make_url("firebolt_like:///data/sales"))
    {'dsn': 'local:///data/sales'}
    >>> connect_keywords(make_url("firebolt_like://sales/night?account_name=acme"))
    {'account_name': 'acme', 'database': 'sales', 'engine_name': 'night'}
    """
    options = {name: read_option(name, value, _known(name)) for name, value in url.query.items()}
    token = options.pop("token", None)
    auth = _auth(url, token)
    if auth is not None:
        options["auth"] = auth
    if "url" in options:
        return options | _named(database=url.database or unquote(url.host or ""))
    if url.host is None:
        return _without_host(url, options, has_auth=auth is not None)
    if url.port is not None:
        return options | _named(host=f"{url.host}:{url.port}", database=url.database)
    return options | _named(database=unquote(url.host), engine_name=url.database)


def without_secrets(url: URL) -> URL:
    """Move a token to where the repr of a URL hides it.

    >>> from sqlalchemy import make_url
    >>> without_secrets(make_url("firebolt_like://sales/night?token=s3cret"))
    firebolt_like://:***@sales/night
    """
    token = url.query.get("token")
    if not isinstance(token, str):
        return url
    return url.difference_update_query(["token"]).set(username="", password=token)


def _without_host(url: URL, options: dict[str, Any], *, has_auth: bool) -> dict[str, Any]:
    if has_auth or options.keys() - {"timeout", "database"}:
        return options | _named(engine_name=url.database)
    path = url.database or ""
    if path and not path.startswith("/") and path[1:2] != ":":
        path = f"/{path}"
    return {"dsn": f"local://{quote(path, safe='/:')}" if path else "local:", **options}


def _named(**names: str | None) -> dict[str, str]:
    return {name: value for name, value in names.items() if value}


def _auth(url: URL, token: str | None) -> Any:
    password = None if url.password is None else str(url.password)
    if token is not None:
        return Token(token)
    if not url.username:
        return None if password is None else Token(password)
    if password is None:
        raise ConfigurationError("The URL has a user and no secret: write id:secret@database.")
    kind = UsernamePassword if "@" in url.username else ClientCredentials
    return kind(url.username, password)


def _known(name: str) -> Option:
    if name not in OPTIONS:
        known = ", ".join(sorted(OPTIONS))
        raise ConfigurationError(f"The URL's option {name!r} is not known. Known are: {known}.")
    return OPTIONS[name]


def read_option(name: str, value: Any, option: Option) -> Any:
    """Give what an option says. Raises `ConfigurationError` for a value that is not usable."""
    if not isinstance(value, str):
        raise ConfigurationError(f"The URL's option {name!r} is given twice.")
    try:
        return _BOOLEANS[value.lower()] if option.kind is bool else option.kind(value)
    except (KeyError, ValueError):
        wanted = "true or false" if option.kind is bool else "a number"
        raise ConfigurationError(f"The URL's option {name!r} is {wanted}.") from None
