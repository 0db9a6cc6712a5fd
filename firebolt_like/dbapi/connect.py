"""How a connection comes about: from settings to credentials, a gateway and a session.

What may live here: `open_connection`, which both faces call, and its choices.
"""

import hashlib
import hmac
import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx

from firebolt_like.client.auth import (
    AccountKind,
    Auth,
    ClientCredentials,
    FireboltCore,
    LoginAuth,
    Token,
    UsernamePassword,
)
from firebolt_like.client.client import user_agent
from firebolt_like.client.gateway import (
    CORE_URL,
    Cloud,
    Core,
    Discovery,
    Gateway,
    PasswordAccount,
    Wire,
    with_scheme,
)
from firebolt_like.client.retry import Budget, Retry
from firebolt_like.dbapi.backend import CAPABILITIES
from firebolt_like.dbapi.connection import ConnectionCore
from firebolt_like.dbapi.cursor import check_paramstyle
from firebolt_like.dbapi.face import Face, Manner, nothing
from firebolt_like.dbapi.flight_connect import open_flight
from firebolt_like.dbapi.rest import RestBackend
from firebolt_like.errors import ConfigurationError
from firebolt_like.rows import check_row_factory

if TYPE_CHECKING:  # it brings pydantic
    from firebolt_like.settings import Settings

__all__ = ["open_connection", "with_user_agent"]


async def open_connection(face: Face, settings: "Settings", manner: Manner) -> ConnectionCore:
    """Connect as the settings say; on failure nothing stays open."""
    check_paramstyle(settings.paramstyle)
    check_row_factory(manner.row_factory)
    if not isinstance(manner.retry, Retry):
        raise ConfigurationError(
            f"retry takes an object of Retry, not of {type(manner.retry).__name__}.",
            hint="Retry(attempts=1) sends nothing twice.",
        )
    if settings.local is not None:
        return await _open_local(face, settings, manner)
    if settings.flight is not None:
        _refuse(settings, "a Flight server", ("url", "host", "protocol", *_NOT_OF_FLIGHT))
        return await open_flight(face, settings, manner, settings.flight)
    if settings.protocol is not None:
        raise ConfigurationError(
            "protocol= is for the embedded engine; elsewhere the DSN says it.",
            hint="Write grpc+tls://host:port, or grpc://host:port without TLS.",
        )
    auth = _auth(settings)
    return await _open(face, settings, manner, _Target(auth, _gateway(settings, auth)))


def with_user_agent(
    client: dict[str, Any], additional_parameters: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Add the header that names the programs around this package to a client's keywords."""
    if not additional_parameters:
        return client
    told = dict(additional_parameters)
    clients, drivers = told.pop("user_clients", ()), told.pop("user_drivers", ())
    if told or not (_are_pairs(clients) and _are_pairs(drivers)):
        raise ConfigurationError(
            "additional_parameters takes user_clients and user_drivers, each a list of tuples "
            "(name, version)."
        )
    headers = httpx.Headers({"User-Agent": user_agent(clients, drivers)})
    headers.update(client.get("headers"))
    return {**client, "headers": headers}


def _are_pairs(told: object) -> bool:
    return isinstance(told, list | tuple) and all(
        isinstance(pair, tuple) and [*map(type, pair)] == [str, str] for pair in told
    )


class _Target(NamedTuple):
    """What is connected to, and what is let go of at the end."""

    auth: httpx.Auth
    gateway: Gateway
    release: Callable[[], Awaitable[None]] = nothing


async def _open(
    face: Face, settings: "Settings", manner: Manner, target: _Target
) -> ConnectionCore:
    try:
        io = face.make(
            auth=target.auth,
            account_name=settings.account_name,
            api_endpoint=settings.api_endpoint,
            auth_endpoint=settings.auth_endpoint,
            **manner.client,
        )
    except BaseException:
        await target.release()
        raise

    async def release() -> None:
        try:
            await io.close()
        finally:
            await target.release()

    try:
        session = await target.gateway.open(Wire(io, manner.retry, Budget(io, settings.timeout)))
        capabilities = CAPABILITIES[_kind(target.auth).value]
        return ConnectionCore(
            io,
            RestBackend(io, target.gateway, retry=manner.retry, capabilities=capabilities),
            session,
            autocommit=settings.autocommit,
            timeout=settings.timeout,
            paramstyle=settings.paramstyle,
            row_factory=manner.row_factory,
            release=release,
        )
    except BaseException:
        await release()
        raise


async def _open_local(face: Face, settings: "Settings", manner: Manner) -> ConnectionCore:
    _refuse(settings, "local:", ("url", "host", "flight", *_NOT_OF_FLIGHT, "engine_name"))
    if settings.auth is not None:
        raise ConfigurationError("local: takes no auth: the embedded engine is this process's own.")
    from firebolt_like.local.shared_server import SharedServer  # noqa: PLC0415  # brings DuckDB

    use = SharedServer(settings.local or None)

    async def release() -> None:
        await face.finish(use.end)

    try:
        server = await face.call(use.begin)
        if settings.protocol == "flight":
            await face.call(server.start_flight)
    except BaseException:
        await release()
        raise
    if settings.protocol == "flight":
        from pydantic import SecretStr  # noqa: PLC0415  # settings brought it

        token = {"token": SecretStr(str(server.token))}
        settings = settings.model_copy(update=token)
        return await open_flight(face, settings, manner, server.flight_url, release)
    auth = Token(str(server.token), account_kind=AccountKind.CORE)
    # the server is on loopback: a proxy of the environment is not asked
    manner = manner._replace(client={"trust_env": False, **manner.client})
    target = _Target(auth, Core(server.url, settings.database), release)
    return await _open(face, settings, manner, target)


def _auth(settings: "Settings") -> httpx.Auth:
    if isinstance(settings.auth, httpx.Auth):
        return settings.auth
    if isinstance(settings.auth, tuple) and len(settings.auth) == 2:
        return UsernamePassword(*settings.auth)
    if settings.auth is not None:
        raise ConfigurationError(
            "auth is an auth object of firebolt_like.client.auth or a tuple (username, password), "
            f"not {type(settings.auth).__name__}."
        )
    if settings.token is not None:
        return Token(settings.token.get_secret_value())
    if settings.client_id and settings.client_secret:
        return ClientCredentials(settings.client_id, settings.client_secret.get_secret_value())
    if settings.username and settings.password:
        return UsernamePassword(settings.username, settings.password.get_secret_value())
    if settings.url or settings.host:
        return FireboltCore()
    raise ConfigurationError(
        "There are no credentials: give auth=, a DSN with them, or FIREBOLT_CLIENT_ID and "
        "FIREBOLT_CLIENT_SECRET in the environment."
    )


def _kind(auth: httpx.Auth) -> AccountKind:
    return auth.account_kind if isinstance(auth, Auth) else AccountKind.CLOUD


def _gateway(settings: "Settings", auth: httpx.Auth) -> Gateway:
    if settings.host:
        _refuse(settings, "host", ("url", "account_name", "engine_url"))
        if isinstance(auth, LoginAuth):
            raise ConfigurationError(
                f"host= does not say where {type(auth).__name__} logs in: its credentials would go "
                "to api_endpoint.",
                hint="Give api_endpoint= in place of host=, or a Token.",
            )
        origin = with_scheme(settings.host, _SSL_MODES[_ssl_mode(settings)])
        guarded = _kind(auth) is not AccountKind.CORE
        return Discovery(origin, settings.database, settings.engine_name, guarded)
    kind = _kind(auth)
    if kind is AccountKind.CORE:
        _refuse(settings, "Core", ("account_name", "engine_name", "engine_url"))
        return Core(with_scheme(settings.url or CORE_URL, "http"), settings.database)
    if settings.url:
        raise ConfigurationError(
            f"url is for Core, which takes FireboltCore() and no {type(auth).__name__}. For an "
            "account give api_endpoint, or engine_url; for your own Auth class at a fixed URL set "
            "its account_kind to AccountKind.CORE."
        )
    endpoint = with_scheme(settings.api_endpoint).rstrip("/")
    if kind is AccountKind.PASSWORD:
        return PasswordAccount(
            endpoint,
            settings.account_name,
            settings.database,
            settings.engine_name,
            settings.engine_url,
        )
    _refuse(settings, "a cloud account", ("engine_url",))
    key = None if settings.disable_cache else _cache_key(auth, endpoint, settings)
    return Cloud(endpoint, settings.account_name, settings.database, settings.engine_name, key)


_NOT_OF_FLIGHT = ("account_name", "engine_url", "auth_endpoint", "ssl_mode")

_SSL_MODES = {
    # ssl_mode: scheme
    "strict": "https",
    "verify-full": "https",
    "none": "http",
    "disable": "http",
}


def _ssl_mode(settings: "Settings") -> str:
    mode = settings.ssl_mode or "strict"
    if mode not in _SSL_MODES:
        raise ConfigurationError(f"ssl_mode is one of {', '.join(_SSL_MODES)}, not {mode!r}.")
    return mode


def _refuse(settings: "Settings", what: str, names: tuple[str, ...]) -> None:
    given = [name for name in names if getattr(settings, name)]
    if given:
        raise ConfigurationError(f"{' and '.join(given)} cannot be combined with {what}.")


_CACHE_SECRET = secrets.token_bytes(32)
"""Makes the keys of the connection cache worthless outside of this process."""


def _cache_key(auth: httpx.Auth, endpoint: str, settings: "Settings") -> str | None:
    if not isinstance(auth, LoginAuth):
        return None
    told = (type(auth).__qualname__, auth.principal, auth.secret, endpoint, settings.account_name)
    return hmac.new(_CACHE_SECRET, repr(told).encode(), hashlib.sha256).hexdigest()
