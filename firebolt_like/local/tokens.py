"""Who may ask: logins, the tokens they give, and the check of every request's token.

What may live here: credentials and tokens. Tokens are random, kept as digests only, and expire.
"""

import hashlib
import hmac
import secrets
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from firebolt_like.local.configuration import Account
from firebolt_like.local.refusal import Refusal

__all__ = ["Credential", "Gate", "Pass"]

_REFRESH_LIFETIMES = 12  # a refresh token lives this many times as long as an access token


class Pass(NamedTuple):
    """What a good token stands for.

    `backslash_escapes`: the logins of password accounts are of engines that read a backslash in a
    plain string as an escape. `account` is the name of the one account that it is good for; None
    is good for all. `principal` is who logged in.
    """

    backslash_escapes: bool = False
    account: str | None = None
    principal: str = ""


class Credential(NamedTuple):
    """The digest of a secret, and the account that it opens."""

    digest: bytes
    account: str


class Gate:
    """Lets requests pass that carry a good bearer token.

    Without users, service accounts and a fixed token of the server's own, everyone may pass (as on
    Core). `clock` gives seconds, `lifetime` is in seconds.
    """

    def __init__(
        self,
        accounts: Iterable[Account],
        token: str | None,
        lifetime: float,
        clock: Callable[[], float],
    ) -> None:
        self.users: dict[str, Credential] = {}
        self.service_accounts: dict[str, Credential] = {}
        for account in accounts:
            self.users |= _credentials(account.users, account.name)
            self.service_accounts |= _credentials(account.service_accounts, account.name)
        self.is_open = not (self.users or self.service_accounts or token)
        """Whether requests need no token."""
        self.lifetime = lifetime
        self._fixed = None if token is None else _digest(token)
        self._clock = clock
        self._access: dict[bytes, _Issued] = {}
        self._refresh: dict[bytes, _Issued] = {}
        self._lock = threading.Lock()

    def check(self, authorization: str | None) -> Pass:
        """Raise `Refusal` (401) unless the Authorization header holds a good token."""
        scheme, _, token = (authorization or "").partition(" ")
        if self.is_open:
            # who logs in all the same is who the token says
            return self._access.get(_digest(token.strip()), _NEVER).stands_for
        if scheme.lower() != "bearer" or not token:
            raise Refusal.text(401, "This server wants a bearer token: log in first.")
        digest = _digest(token.strip())
        if self._fixed is not None and hmac.compare_digest(digest, self._fixed):
            return Pass()
        # looking up a digest tells nothing about the token by its time
        issued = self._access.get(digest, _NEVER)
        if issued.expiry <= self._clock():
            raise Refusal.text(401, "The bearer token is unknown or has expired: log in again.")
        return issued.stands_for

    def login(
        self, table: Mapping[str, Credential], name: object, secret: object, stands_for: Pass
    ) -> tuple[str, str]:
        """Give an access and a refresh token, or raise `Refusal` (401)."""
        known = table.get(name) if isinstance(name, str) else None
        given = _digest(secret if isinstance(secret, str) else "")
        right = hmac.compare_digest(given, _NOBODY if known is None else known.digest)
        if known is None or not isinstance(secret, str) or not right:
            raise Refusal.text(401, "Wrong credentials.")
        stands_for = stands_for._replace(account=known.account, principal=str(name))
        access = self._new(self._access, 1, stands_for)
        return access, self._new(self._refresh, _REFRESH_LIFETIMES, stands_for)

    def refresh(self, refresh_token: object) -> str:
        """Give a new access token for a refresh token, or raise `Refusal` (401)."""
        digest = _digest(refresh_token if isinstance(refresh_token, str) else "")
        issued = self._refresh.get(digest, _NEVER)
        if issued.expiry <= self._clock():
            raise Refusal.text(401, "The refresh token is unknown or has expired: log in again.")
        return self._new(self._access, 1, issued.stands_for)

    def dismiss(self, service_account: str) -> None:
        """Let a service account log in no more, and end its tokens."""
        with self._lock:
            self.service_accounts.pop(service_account, None)
            for tokens in (self._access, self._refresh):
                for digest, issued in list(tokens.items()):
                    if issued.stands_for.principal == service_account:
                        del tokens[digest]

    def _new(self, tokens: "dict[bytes, _Issued]", lifetimes: int, stands_for: Pass) -> str:
        token = secrets.token_urlsafe(32)
        now = self._clock()
        with self._lock:
            for old in [digest for digest, issued in tokens.items() if issued.expiry <= now]:
                del tokens[old]
            tokens[_digest(token)] = _Issued(now + self.lifetime * lifetimes, stands_for)
        return token


class _Issued(NamedTuple):
    expiry: float
    stands_for: Pass


_NEVER = _Issued(float("-inf"), Pass())


_NOBODY = bytes(32)


def _credentials(given: Mapping[str, str], account: str) -> dict[str, Credential]:
    return {name: Credential(_digest(secret), account) for name, secret in given.items()}


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode(errors="surrogatepass")).digest()
