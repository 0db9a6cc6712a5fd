"""Tokens kept between uses: the protocol, encrypted files, memory.

What may live here: keeping tokens. When they are used is in `login`.
"""

import functools
import hashlib
import hmac
import os
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import msgspec

from firebolt_like.client.auth.base import AccessToken

__all__ = ["CacheKey", "FileTokenCache", "MemoryTokenCache", "TokenCache", "UnreadableTokenError"]


@dataclass(frozen=True, slots=True)
class CacheKey:
    """Whose token it is: a principal with its secret, at a login endpoint."""

    principal: str
    secret: str = field(repr=False)
    endpoint: str


class UnreadableTokenError(Exception):
    """What lies in the cache was not written by this package with this secret."""


class TokenCache(Protocol):
    """Where tokens are kept; bring your own, for a keyring or a shared store.

    The methods may block and are called from any thread. What they raise is logged once, and the
    login goes on without the cache.
    """

    def load(self, key: CacheKey) -> AccessToken | None:
        """Give the token that was stored, also after its end, for its refresh token."""

    def store(self, key: CacheKey, token: AccessToken) -> None:
        """Keep a token in place of the one before."""

    def try_lock(self, key: CacheKey) -> Callable[[], None] | None:
        """Take the right to log in, without waiting: give what lets go of it.

        None says that somebody else has it. A cache that needs no lock returns `lambda: None`.
        """


class MemoryTokenCache:
    """Tokens shared by the auth objects of one process; nothing is written.

    >>> cache = MemoryTokenCache()
    >>> key = CacheKey("user", "secret", "https://id.example.com")
    >>> cache.store(key, AccessToken("token", expires_in=60, issued_at=0))
    >>> cache.load(key)
    AccessToken(expires_in=60, issued_at=0)
    """

    def __init__(self) -> None:
        self._tokens: dict[CacheKey, AccessToken] = {}
        self._locked: set[CacheKey] = set()
        self._guard = threading.Lock()

    def load(self, key: CacheKey) -> AccessToken | None:
        """Give the token that was stored."""
        return self._tokens.get(key)

    def store(self, key: CacheKey, token: AccessToken) -> None:
        """Keep a token."""
        self._tokens[key] = token

    def try_lock(self, key: CacheKey) -> Callable[[], None] | None:
        """Take the right to log in, unless another auth object has it."""
        with self._guard:
            if key in self._locked:
                return None
            self._locked.add(key)
        return functools.partial(self._locked.discard, key)


class FileTokenCache:
    """Tokens in encrypted files, shared by the processes of one user.

    One file a principal and endpoint, mode 0600, in a folder of mode 0700: `folder`, or the
    user's cache folder. Names and contents depend on the secret by scrypt (RFC 7914), so that
    neither tells who uses what; contents are sealed by AES-256-GCM. Nothing is made or derived
    before the first use. Raises `OSError` and `UnreadableTokenError`, which a login survives.
    """

    def __init__(self, folder: str | os.PathLike[str] | None = None) -> None:
        self._given_folder = folder

    def load(self, key: CacheKey) -> AccessToken | None:
        """Give the token in the file, if there is one."""
        place = self._place(key)
        try:
            sealed = place.path.read_bytes()
        except FileNotFoundError:
            return None
        return place.unseal(sealed)

    def store(self, key: CacheKey, token: AccessToken) -> None:
        """Write the file anew beside the old one, and put it in its place at once."""
        place = self._place(key)
        self._make_folder(place)
        # mkstemp makes files that only their owner may read
        descriptor, name = tempfile.mkstemp(dir=place.path.parent, suffix=".tmp")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(place.seal(token))
            Path(name).replace(place.path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise

    def try_lock(self, key: CacheKey) -> Callable[[], None] | None:
        """Lock the file among processes; a process that ends lets go of it."""
        from filelock import FileLock, Timeout  # noqa: PLC0415  # only a login needs it

        place = self._place(key)
        self._make_folder(place)
        lock = FileLock(place.path.with_suffix(".lock"), mode=0o600, thread_local=False)
        try:
            lock.acquire(blocking=False)
        except Timeout:
            return None
        return lock.release

    def _make_folder(self, place: "_Place") -> None:
        folder = place.path.parent
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # a folder of ours may have been made by others; one that was given is not ours to change
        if self._given_folder is None and folder.stat().st_mode & 0o077:
            folder.chmod(0o700)

    def _place(self, key: CacheKey) -> "_Place":
        names, seals = _derived_keys(key)
        name = hmac.digest(names, key.endpoint.encode(), "sha256").hex()
        return _Place(self._folder() / f"{name}.token", seals, key.endpoint.encode())

    def _folder(self) -> Path:
        if self._given_folder is not None:
            return Path(self._given_folder)
        import appdirs  # noqa: PLC0415  # only a login needs it

        return Path(appdirs.user_cache_dir("firebolt_like", appauthor=False))


@functools.cache
def default_cache() -> FileTokenCache:
    """Give the cache of all auth objects that were given none."""
    return FileTokenCache()


_NONCE = 12  # bytes, NIST SP 800-38D section 8.2.1
_UNREADABLE = "a file is damaged, or was written by something else; it will be replaced"


@dataclass(frozen=True, slots=True)
class _Place:
    """A file, and what seals it."""

    path: Path
    seals: bytes = field(repr=False)
    endpoint: bytes

    def seal(self, token: AccessToken) -> bytes:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415  # loaded late: slow

        nonce = os.urandom(_NONCE)
        return nonce + AESGCM(self.seals).encrypt(nonce, msgspec.json.encode(token), self.endpoint)

    def unseal(self, sealed: bytes) -> AccessToken:
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415  # loaded late: slow
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415  # loaded late: slow

        nonce, rest = sealed[:_NONCE], sealed[_NONCE:]
        try:
            plain = AESGCM(self.seals).decrypt(nonce, rest, self.endpoint)
            return msgspec.json.decode(plain, type=AccessToken)
        except (InvalidTag, ValueError, msgspec.MsgspecError) as error:
            raise UnreadableTokenError(_UNREADABLE) from error


_SCRYPT = {"n": 2**15, "r": 8, "p": 3, "maxmem": 2**26}  # 32 MiB; OWASP's advice of 2025
_derived: dict[bytes, tuple[bytes, bytes]] = {}


def _derived_keys(key: CacheKey) -> tuple[bytes, bytes]:
    """Give the key for names and the key for contents, derived once a process."""
    who = hashlib.sha256(key.principal.encode()).digest()
    known = hashlib.sha256(who + key.secret.encode()).digest()
    keys = _derived.get(known)
    if keys is None:
        salt = b"firebolt_like token cache 1" + who
        stretched = hashlib.scrypt(key.secret.encode(), salt=salt, dklen=64, **_SCRYPT)
        keys = _derived.setdefault(known, (stretched[:32], stretched[32:]))
    return keys
