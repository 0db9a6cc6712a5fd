"""Who may ask: logins, the tokens they give, and the check of every request's token.

What may live here: credentials and tokens. Tokens are random, kept as digests only, and expire.
"""

import hashlib
import hmac
import secrets
import threading
from collections.abc import Callable, Mapping

from firebolt_like.local.refusal import Refusal

__all__ = ["Gate"]

_REFRESH_LIFETIMES = 12  # a refresh token lives this many times as long as an access token


class Gate:
    """Lets requests pass that carry a good bearer token.

    Without users, service accounts and a fixed token, everyone may pass (as on Core). `clock`
    gives seconds, `lifetime` is in seconds.
    """

    def __init__(
        self,
        users: Mapping[str, str],
        service_accounts: Mapping[str, str],
        token: str | None,
        lifetime: float,
        clock: Callable[[], float],
    ) -> None:
        self.users = dict(users)
        self.service_accounts = dict(service_accounts)
        self.lifetime = lifetime
        self._fixed = None if token is None else _digest(token)
        self._clock = clock
        self._expiry: dict[bytes, float] = {}
        self._refresh_expiry: dict[bytes, float] = {}
        self._lock = threading.Lock()

    @property
    def is_open(self) -> bool:
        """Whether requests need no token."""
        return not (self.users or self.service_accounts or self._fixed)

    def check(self, authorization: str | None) -> None:
        """Raise `Refusal` (401) unless the Authorization header holds a good token."""
        if self.is_open:
            return
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Refusal.text(401, "This server wants a bearer token: log in first.")
        digest = _digest(token.strip())
        if self._fixed is not None and hmac.compare_digest(digest, self._fixed):
            return
        # looking up a digest tells nothing about the token by its time
        if self._expiry.get(digest, float("-inf")) <= self._clock():
            raise Refusal.text(401, "The bearer token is unknown or has expired: log in again.")

    def login(self, table: Mapping[str, str], name: object, secret: object) -> tuple[str, str]:
        """Give an access and a refresh token, or raise `Refusal` (401)."""
        known = table.get(name) if isinstance(name, str) else None
        given = _digest(secret if isinstance(secret, str) else "")
        right = hmac.compare_digest(given, _digest(known or ""))
        if known is None or not isinstance(secret, str) or not right:
            raise Refusal.text(401, "Wrong credentials.")
        return self._new(self._expiry, 1), self._new(self._refresh_expiry, _REFRESH_LIFETIMES)

    def refresh(self, refresh_token: object) -> str:
        """Give a new access token for a refresh token, or raise `Refusal` (401)."""
        digest = _digest(refresh_token if isinstance(refresh_token, str) else "")
        if self._refresh_expiry.get(digest, float("-inf")) <= self._clock():
            raise Refusal.text(401, "The refresh token is unknown or has expired: log in again.")
        return self._new(self._expiry, 1)

    def _new(self, expiry: dict[bytes, float], lifetimes: int) -> str:
        token = secrets.token_urlsafe(32)
        now = self._clock()
        with self._lock:
            for old in [digest for digest, end in expiry.items() if end <= now]:
                del expiry[old]
            expiry[_digest(token)] = now + self.lifetime * lifetimes
        return token


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode(errors="surrogatepass")).digest()
