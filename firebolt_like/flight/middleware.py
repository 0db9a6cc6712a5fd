"""Bearer tokens and cookies for programs that use pyarrow.flight itself, under familiar names.

    client = pyarrow.flight.connect(
        location, middleware=[ClientAuthMiddlewareFactory(), CookieMiddlewareFactory()]
    )

What may live here: thin classes of pyarrow over `headers`.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

from pyarrow import flight

from firebolt_like.flight.headers import Bearer, Cookies, Pair
from firebolt_like.flight.transport import service_path

__all__ = [
    "ClientAuthMiddleware",
    "ClientAuthMiddlewareFactory",
    "CookieMiddleware",
    "CookieMiddlewareFactory",
]


class ClientAuthMiddlewareFactory(flight.ClientMiddlewareFactory):  # type: ignore[misc]  # no types
    """Sends the bearer token that the server gave last, and `token` until it gives one."""

    def __init__(self, token: str | None = None) -> None:
        super().__init__()
        self.bearer = Bearer(token)

    @property
    def call_credential(self) -> list[tuple[bytes, bytes]]:
        """The token as a header for `FlightCallOptions`, of a client without this middleware."""
        return [(name.encode(), _bytes(value)) for name, value in self.bearer.send()]

    def start_call(self, info: Any) -> "ClientAuthMiddleware":  # noqa: ARG002  # pyarrow gives it
        """Begin a call."""
        return ClientAuthMiddleware(self)


class ClientAuthMiddleware(flight.ClientMiddleware):  # type: ignore[misc]  # no types
    """One call of a client that has a `ClientAuthMiddlewareFactory`."""

    def __init__(self, factory: ClientAuthMiddlewareFactory) -> None:
        super().__init__()
        self._bearer = factory.bearer

    def sending_headers(self) -> dict[str, str | bytes]:
        """Give the headers of the call."""
        return dict(self._bearer.send())

    def received_headers(self, headers: Mapping[str, list[str | bytes]]) -> None:
        """Keep what the answer says."""
        self._bearer.receive(_pairs(headers))


class CookieMiddlewareFactory(flight.ClientMiddlewareFactory):  # type: ignore[misc]  # no types
    """Sends the server's cookies back; `clock` gives Unix time in seconds."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        super().__init__()
        self.cookies = Cookies(clock)

    def start_call(self, info: Any) -> "CookieMiddleware":
        """Begin a call."""
        return CookieMiddleware(self, info)


class CookieMiddleware(flight.ClientMiddleware):  # type: ignore[misc]  # no types
    """One call of a client that has a `CookieMiddlewareFactory`."""

    def __init__(self, factory: CookieMiddlewareFactory, info: Any) -> None:
        super().__init__()
        self._cookies = factory.cookies
        # DO_GET is called DoGet on the wire
        self._path = service_path(info.method.name.title().replace("_", ""))

    def sending_headers(self) -> dict[str, str | bytes]:
        """Give the headers of the call."""
        return dict(self._cookies.send(self._path))

    def received_headers(self, headers: Mapping[str, list[str | bytes]]) -> None:
        """Keep what the answer says."""
        self._cookies.receive(_pairs(headers), self._path)


def _pairs(headers: Mapping[str, list[str | bytes]]) -> list[Pair]:
    return [(name, value) for name, values in headers.items() for value in values]


def _bytes(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value
