"""An async-first Python SDK for SQL warehouses, with an embedded engine.

What may live here: the names that most users need. Each is loaded when it is first used, so that
`import firebolt_like` itself costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from firebolt_like import async_db, db, errors
    from firebolt_like.client.auth import (
        Auth,
        ClientCredentials,
        FireboltCore,
        ServiceAccount,
        Token,
        UsernamePassword,
    )
    from firebolt_like.client.client import AsyncClient, Client
    from firebolt_like.client.retry import Retry
    from firebolt_like.local import LocalServer

__version__ = "0.1.0"

__all__ = [
    "AsyncClient",
    "Auth",
    "Client",
    "ClientCredentials",
    "FireboltCore",
    "LocalServer",
    "Retry",
    "ServiceAccount",
    "Token",
    "UsernamePassword",
    "async_db",
    "db",
    "errors",
]

_HOMES = {
    "AsyncClient": "firebolt_like.client.client",
    "Client": "firebolt_like.client.client",
    "LocalServer": "firebolt_like.local",
    "Retry": "firebolt_like.client.retry",
}
_MODULES = ("async_db", "db", "errors")


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name in _MODULES:
        return import_module(f"{__name__}.{name}")
    return getattr(import_module(_HOMES.get(name, "firebolt_like.client.auth")), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
