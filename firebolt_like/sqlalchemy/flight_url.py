"""From the URL of a dialect over Arrow Flight SQL to the keywords of `connect`.

What may live here: the meaning of each part of such a URL.
"""

from typing import Any, Final

from sqlalchemy.engine import URL

from firebolt_like.client.auth import Token
from firebolt_like.errors import ConfigurationError
from firebolt_like.sqlalchemy.url import Option, read_option

__all__ = ["FLIGHT_OPTIONS", "flight_features", "flight_keywords"]

_FEATURE: Final = "feature-"
FLIGHT_OPTIONS: Final = {
    "token": Option(str, "a token instead of user and password"),
    "insecure": Option(bool, "speak without TLS"),
    "disable_server_verification": Option(bool, "trust any certificate"),
    "timeout": Option(float, "seconds, in total for each call; 300 unless given"),
    "transport": Option(str, "`grpc` or `pyarrow`"),
    "tls_root_certs": Option(str, "a file of certificates to trust, PEM"),
    "tls_client_cert": Option(str, "a file with the client's own certificate, PEM"),
    "tls_client_key": Option(str, "the file of its key"),
    "tls_override_hostname": Option(str, "the name in the server's certificate"),
}
"""Options behind the `?` that are not sent to the server; `feature-*` are more of them."""


def flight_keywords(url: URL) -> dict[str, Any]:
    """Give the keywords of `firebolt_like.db.connect` that a URL of Flight SQL stands for.

    Options that are not known are headers of every call. Raises `ConfigurationError` for what is
    not usable.

    >>> from sqlalchemy import make_url
    >>> flight_keywords(make_url("datafusion+flightsql://localhost:50051/sales?insecure=true&a=b"))
    {'dsn': 'grpc://localhost:50051', 'database': 'sales', 'headers': {'a': 'b'}}
    """
    given = {
        name: read_option(name, value, FLIGHT_OPTIONS[name])
        for name, value in url.query.items()
        if name in FLIGHT_OPTIONS
    }
    headers = {
        name: read_option(name, value, _HEADER)
        for name, value in url.query.items()
        if name not in FLIGHT_OPTIONS and not name.startswith(_FEATURE)
    }
    keywords: dict[str, Any] = {"dsn": _address(url, insecure=given.pop("insecure", False))}
    auth = _auth(url, given.pop("token", None))
    named = {"auth": auth, "database": url.database, "headers": headers}
    return keywords | {name: value for name, value in (named | given).items() if value}


def flight_features(url: URL) -> dict[str, str]:
    """Give the options `feature-*`, without that beginning.

    >>> from sqlalchemy import make_url
    >>> flight_features(make_url("datafusion+flightsql://localhost?feature-joins=false"))
    {'joins': 'false'}
    """
    return {
        name.removeprefix(_FEATURE): read_option(name, value, _HEADER)
        for name, value in url.query.items()
        if name.startswith(_FEATURE)
    }


_HEADER = Option(str, "")


def _address(url: URL, *, insecure: bool) -> str:
    if not url.host:
        raise ConfigurationError("The URL of a Flight server has a host: dialect://host:port.")
    host = f"[{url.host}]" if ":" in url.host else url.host
    port = "" if url.port is None else f":{url.port}"
    return f"{'grpc' if insecure else 'grpc+tls'}://{host}{port}"


def _auth(url: URL, token: str | None) -> Any:
    password = None if url.password is None else str(url.password)
    if token is not None and (url.username or password is not None):
        raise ConfigurationError("The URL has a token and a user: one of them logs in.")
    if url.username:
        return (url.username, password or "")
    token = password if token is None else token
    return None if token is None else Token(token)
