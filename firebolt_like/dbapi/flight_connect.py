"""How a connection over Flight comes about: a client of the protocol, and what its server can do.

What may live here: `open_flight`, and how settings become the client's.
"""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, cast

from firebolt_like.client.auth import ClientCredentials
from firebolt_like.client.retry import Budget
from firebolt_like.dbapi.connection import ConnectionCore
from firebolt_like.dbapi.face import Face, Manner, nothing
from firebolt_like.errors import ConfigurationError
from firebolt_like.protocol.session import Session

if TYPE_CHECKING:  # it brings pydantic
    from firebolt_like.flight.options import ClientOptions
    from firebolt_like.settings import Settings

__all__ = ["open_flight"]

_OF_CLIENT = frozenset(
    {
        "transport",
        "insecure",
        "disable_server_verification",
        "tls_root_certs",
        "tls_client_cert",
        "tls_client_key",
        "tls_override_hostname",
    }
)
_OF_HTTP = frozenset({"trust_env", "headers"})


async def open_flight(
    face: Face,
    settings: "Settings",
    manner: Manner,
    url: str,
    release: Callable[[], Awaitable[None]] = nothing,
) -> ConnectionCore:
    """Connect, log in, and find out what the server can do; on failure nothing stays open."""
    from firebolt_like.dbapi.arrow import require_arrow  # noqa: PLC0415  # for Flight only
    from firebolt_like.dbapi.flight import FlightBackend  # noqa: PLC0415  # for Flight only
    from firebolt_like.dbapi.flight_servers import find_capabilities  # noqa: PLC0415  # as above
    from firebolt_like.flight import connect  # noqa: PLC0415  # as above
    from firebolt_like.flight.caller import Operation  # noqa: PLC0415  # as above
    from firebolt_like.flight.opening import open_core  # noqa: PLC0415  # as above

    make = connect.blocking if face.blocking else connect.for_tasks
    try:
        require_arrow()
        core, options = open_core(url, _options(settings, manner), face.make, make)
    except BaseException:
        await release()
        raise

    async def end() -> None:
        try:
            await core.close()
        finally:
            await release()

    try:
        io = core.caller.io
        operation = Operation(Budget(io, options.timeout), (), None)
        capabilities = await find_capabilities(core, operation)
        home = core.caller.home.target.uri
        return ConnectionCore(
            io,
            FlightBackend(core, capabilities),
            Session(home, home),
            autocommit=settings.autocommit,
            timeout=options.timeout,
            paramstyle=settings.paramstyle,
            row_factory=manner.row_factory,
            release=end,
        )
    except BaseException:
        await end()
        raise


def _options(settings: "Settings", manner: Manner) -> "ClientOptions":
    """Give the keywords of the Flight client. Raises `ConfigurationError` for what it has not."""
    unknown = manner.client.keys() - _OF_CLIENT - _OF_HTTP
    if unknown:
        raise ConfigurationError(
            f"A connection over Flight takes no {', '.join(sorted(unknown))}.",
            hint=f"It takes {', '.join(sorted(_OF_CLIENT))} and headers.",
        )
    given: dict[str, Any] = {k: v for k, v in manner.client.items() if k in _OF_CLIENT}
    headers = {str(name): value for name, value in dict(manner.client.get("headers") or {}).items()}
    # the name of the program is HTTP's: gRPC has its own
    headers = {name: value for name, value in headers.items() if name.lower() != "user-agent"}
    named = {"database": settings.database, "engine": settings.engine_name}
    given["metadata"] = {k: v for k, v in named.items() if v} | headers
    given |= {"timeout": settings.timeout, "retry": manner.retry}
    return cast("ClientOptions", given | _credentials(settings))


def _credentials(settings: "Settings") -> dict[str, Any]:
    given: dict[str, Any] = {"auth": settings.auth}
    if settings.auth is not None:
        pass
    elif settings.token is not None:
        given["token"] = settings.token.get_secret_value()
    elif settings.client_id and settings.client_secret:
        secret = settings.client_secret.get_secret_value()
        given["auth"] = ClientCredentials(settings.client_id, secret)
    elif settings.username is not None:
        given["user"] = settings.username
        given["password"] = settings.password.get_secret_value() if settings.password else ""
    return given | {"api_endpoint": settings.api_endpoint}
