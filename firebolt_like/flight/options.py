"""What a client is told: a URL or keywords, read into one object.

What may live here: the keywords, the URL's options, and what contradicts what.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict
from urllib.parse import parse_qsl, unquote, urlsplit

import httpx

from firebolt_like.client.auth.base import AccessToken
from firebolt_like.client.retry import Retry
from firebolt_like.errors import ConfigurationError
from firebolt_like.flight.caller import Credentials
from firebolt_like.flight.connect import TransportName, chosen
from firebolt_like.flight.metadata import check_metadata
from firebolt_like.flight.target import DEFAULT_PORT, Target, Tls, parse_location
from firebolt_like.flight.transport import Pair

__all__ = ["ClientOptions", "Options", "basic_login", "read_options"]

DEFAULT_TIMEOUT = 300.0  # seconds; there always is a deadline: a server may never answer


class ClientOptions(TypedDict, total=False):
    """The keywords of both clients; what they mean is said in `FlightSQLClient`."""

    host: str | None
    port: int | None
    user: str | None
    password: str | None
    token: str | None
    auth: httpx.Auth | tuple[str, str] | None
    insecure: bool | None
    disable_server_verification: bool | None
    tls_root_certs: str | bytes | Path | None
    tls_client_cert: str | bytes | Path | None
    tls_client_key: str | bytes | Path | None
    tls_override_hostname: str | None
    metadata: Mapping[str, str | bytes] | None
    features: Mapping[str, str] | None
    timeout: float | None
    transport: str | None
    retry: Retry
    api_endpoint: str


@dataclass(frozen=True)
class Options:
    """All that a client needs to know."""

    target: Target
    transport: TransportName
    credentials: Credentials
    token: str | None
    auth: httpx.Auth | None
    metadata: tuple[Pair, ...]
    features: Mapping[str, str]
    timeout: float
    retry: Retry
    api_endpoint: str | None


_OF_URL = frozenset(
    {
        "user",
        "password",
        "token",
        "insecure",
        "disable_server_verification",
        "tls_root_certs",
        "tls_client_cert",
        "tls_client_key",
        "tls_override_hostname",
        "timeout",
        "transport",
        "api_endpoint",
    }
)


def read_options(url: str | None, keywords: ClientOptions) -> Options:
    """Read a URL and keywords; a keyword counts before what the URL says.

    Raises `ConfigurationError` for what is not known, missing or contradictory.
    """
    unknown = keywords.keys() - ClientOptions.__annotations__.keys()
    if unknown:
        raise TypeError(f"The Flight client takes no {', '.join(sorted(unknown))}.")
    given: dict[str, Any] = {k: v for k, v in keywords.items() if v is not None}
    told, extra = _of_url(url) if url is not None else ({}, {})
    if url is not None and given.keys() & {"host", "port"}:
        raise ConfigurationError("Give a URL, or host= and port=, not both.")
    given = {**told, **given}
    target = _target(url, given)
    basic, token, auth = _credentials(given)
    timeout = _number(given.get("timeout", DEFAULT_TIMEOUT))
    retry = given.get("retry", Retry())
    if not isinstance(retry, Retry):
        raise ConfigurationError(f"retry takes an object of Retry, not of {type(retry).__name__}.")
    return Options(
        target=target,
        transport=chosen(given.get("transport"), target),
        credentials=Credentials(basic, auth=auth is not None),
        token=token,
        auth=auth,
        metadata=check_metadata({**extra, **given.get("metadata", {})}),
        features=dict(given.get("features", {})),
        timeout=timeout,
        retry=retry,
        api_endpoint=given.get("api_endpoint"),
    )


def _of_url(url: str) -> tuple[dict[str, Any], dict[str, str]]:
    """Give what a URL says to this package, and what it says to the server."""
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    told: dict[str, Any] = {name: options.pop(name) for name in _OF_URL & options.keys()}
    for name in ("insecure", "disable_server_verification"):
        if name in told:
            told[name] = _flag(name, told[name])
    if parts.username:
        told["user"] = unquote(parts.username)
    if parts.password is not None:
        told["password"] = unquote(parts.password)
    if parts.hostname and parts.path.strip("/"):
        options.setdefault("database", unquote(parts.path.strip("/")))
    return told, options


def _target(url: str | None, given: dict[str, Any]) -> Target:
    insecure = given.get("insecure")
    if url is not None:
        target = parse_location(url)
        if insecure is not None and insecure == (target.tls is not None):
            raise ConfigurationError(
                "insecure= contradicts the URL: grpc+tls:// is encrypted, grpc:// is not."
            )
    else:
        host = given.get("host")
        if not host:
            raise ConfigurationError("A Flight client needs a URL, or host=.")
        target = Target(host, given.get("port", DEFAULT_PORT), None if insecure else Tls())
    tls = Tls(
        roots=_pem(given.get("tls_root_certs")),
        certificate=_pem(given.get("tls_client_cert")),
        key=_pem(given.get("tls_client_key")),
        override_hostname=given.get("tls_override_hostname"),
        verify=not given.get("disable_server_verification", False),
    )
    if (tls.certificate is None) != (tls.key is None):
        raise ConfigurationError("tls_client_cert and tls_client_key are given together.")
    if target.tls is None:
        if tls != Tls():
            raise ConfigurationError("TLS settings are for grpc+tls://, not for a plain channel.")
        return target
    return Target(target.host, target.port, tls)


def _credentials(
    given: dict[str, Any],
) -> tuple[tuple[str, str] | None, str | None, httpx.Auth | None]:
    user, password, token = (given.get(name) for name in ("user", "password", "token"))
    auth = given.get("auth")
    ways = [user or password, token, auth]
    if sum(way is not None for way in ways) > 1:
        raise ConfigurationError("Give one of user= with password=, token=, and auth=.")
    if isinstance(auth, tuple) and len(auth) == 2:
        user, password = auth
        auth = None
    if auth is not None and not isinstance(auth, httpx.Auth):
        raise ConfigurationError(
            "auth is an auth object of firebolt_like.client.auth or a tuple (user, password), not "
            f"{type(auth).__name__}."
        )
    if token is not None:
        token = AccessToken(token).access_token  # says what no header can carry
    if user is None and password is None:
        return None, token, auth
    return basic_login(user, password), token, auth


def basic_login(user: Any, password: Any) -> tuple[str, str]:
    """Give a name and a password as basic authentication takes them (RFC 7617)."""
    if not isinstance(user, str) or not isinstance(password or "", str) or ":" in user:
        raise ConfigurationError("user and password are texts, and a user has no colon.")
    return user, password or ""


def _pem(given: str | bytes | Path | None) -> bytes | None:
    """Give what is PEM already, or read the file that is named."""
    if given is None or isinstance(given, bytes):
        return given
    if isinstance(given, str) and given.lstrip().startswith("-----BEGIN"):
        return given.encode()
    try:
        return Path(given).read_bytes()
    except OSError as error:
        raise ConfigurationError(f"The TLS file {str(given)!r} cannot be read.") from error


def _flag(name: str, text: str) -> bool:
    known = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    if text.lower() not in known:
        raise ConfigurationError(f"{name} is true or false, not {text!r}.")
    return known[text.lower()]


def _number(value: Any) -> float:
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        seconds = 0.0
    if not seconds > 0:
        raise ConfigurationError(f"A timeout is more than 0 seconds, not {value!r}.")
    return min(seconds, _LONGEST)


_LONGEST = 1_000_000.0  # seconds; gRPC takes no infinity
