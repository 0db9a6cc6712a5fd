"""`connect` and `DremioConnection`: a client that is logged in.

What may live here: opening and closing; how statements are sent is in `server`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from firebolt_like.flight.caller import Cancellation
from firebolt_like.flight.client import FlightSQLClient
from firebolt_like.flight.dremio.cursor import DremioCursor
from firebolt_like.flight.dremio.errors import NotSupportedError, as_arrow_knows
from firebolt_like.flight.dremio.server import Server
from firebolt_like.flight.rows import FlightResult
from firebolt_like.flight.statements import CallOptions

__all__ = ["DremioConnection", "connect", "create_flight_call_options", "create_flight_client"]

_OF_PYARROW = {
    # name at pyarrow's client: name here
    "cert_chain": "tls_client_cert",
    "private_key": "tls_client_key",
    "override_hostname": "tls_override_hostname",
}


def connect(
    uri: str,
    db_kwargs: Mapping[str, Any] | None = None,
    conn_kwargs: Mapping[str, Any] | None = None,
) -> "DremioConnection":
    """Connect to `grpc+tls://host:port` or `grpc://host:port`, and log in.

    `db_kwargs` has `username` and `password`, or `token` (a personal access token), and
    `tls_root_certs`, `timeout`, `transport` and the other keywords of `FlightSQLClient`.
    `conn_kwargs` are sent as headers with every call: `routing_tag`, `routing_queue`, `schema`,
    `project_id`.

    Raises `DremioAuthError`, `ServerConnectionError`, and `ConfigurationError`.
    """
    settings = dict(db_kwargs or {})
    login = settings.pop("username", None), settings.pop("password", None)
    settings["metadata"] = {**settings.get("metadata", {}), **(conn_kwargs or {})}
    client = create_flight_client(uri, **settings)
    try:
        options = create_flight_call_options(*login, client)
    except BaseException:
        client.close()
        raise
    return DremioConnection(client, options)


def create_flight_client(
    location: str, tls_root_certs: bytes | None = None, **options: Any
) -> FlightSQLClient:
    """Make a client that is not logged in; `options` are those of `FlightSQLClient`.

    pyarrow's `cert_chain`, `private_key` and `override_hostname` are taken, too.
    """
    named = {_OF_PYARROW.get(name, name): value for name, value in options.items()}
    return FlightSQLClient(location, tls_root_certs=tls_root_certs, **named)


def create_flight_call_options(
    username: str | None, password: str | None, client: FlightSQLClient
) -> CallOptions:
    """Log a client in; give what each of its calls is to be made with.

    The client sends the token that it got, and gets another when that expires. Without a name it
    keeps the credentials that it was made with.
    """
    with as_arrow_knows():
        client.log_in(username, password)
    return {}


@dataclass
class DremioConnection:
    """Gives cursors. Many threads may share one.

    `client` is the client of Flight SQL underneath; each of its calls is made with `options`.
    """

    client: FlightSQLClient
    options: CallOptions

    def __post_init__(self) -> None:
        self._server = Server(self.client)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def cursor(self) -> DremioCursor:
        """Give a new cursor."""
        return DremioCursor(self)

    def commit(self) -> None:
        """Do nothing: each statement commits itself (PEP 249)."""

    def rollback(self) -> None:
        """Raise `NotSupportedError`: each statement has committed itself (PEP 249)."""
        raise NotSupportedError("Each statement commits itself: there is nothing to roll back.")

    def close(self) -> None:
        """Cancel what still runs, and close the channel. Closing twice is fine."""
        self.client.close()

    def query(
        self,
        query: str,
        parameters: Sequence[Any] | None = None,
        *,
        cancellation: Cancellation | None = None,
        timeout: float | None = None,
    ) -> FlightResult:
        """Run a statement, and begin to read its rows; for those who want no cursor."""
        options: CallOptions = {**self.options, "cancellation": cancellation}
        if timeout is not None:
            options["timeout"] = timeout
        with as_arrow_knows():
            return self._server.query(query, parameters, options)
