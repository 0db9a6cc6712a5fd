"""Dremio's names for the middleware of programs that use pyarrow.flight themselves.

What may live here: names over `firebolt_like.flight.middleware`.
"""

from firebolt_like.flight.middleware import (
    ClientAuthMiddleware,
    ClientAuthMiddlewareFactory,
    CookieMiddleware,
    CookieMiddlewareFactory,
)

__all__ = [
    "CookieMiddleware",
    "CookieMiddlewareFactory",
    "DremioClientAuthMiddleware",
    "DremioClientAuthMiddlewareFactory",
]


DremioClientAuthMiddleware = ClientAuthMiddleware


class DremioClientAuthMiddlewareFactory(ClientAuthMiddlewareFactory):
    """Sends the bearer token that the server gave last.

    >>> factory = DremioClientAuthMiddlewareFactory()
    >>> factory.set_call_credential((b"authorization", b"Bearer abc"))
    >>> factory.call_credential
    (b'authorization', b'Bearer abc')
    """

    @property
    def call_credential(self) -> tuple[bytes, bytes] | None:  # type: ignore[override]  # one pair
        """The token as the header that carries it, None before there is one."""
        return next(iter(super().call_credential), None)

    def set_call_credential(self, call_credential: tuple[bytes, bytes]) -> None:
        """Take a token as the header that carries it."""
        name, value = call_credential
        self.bearer.receive([(name.decode(), value)])
