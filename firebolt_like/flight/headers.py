"""What a server's headers leave behind for the next call: its bearer token, and its cookies.

Both are used from many threads at once. They need no lock: each keeps its state in one reference
or in one dict, of which single reads and writes are atomic.

Source: RFC 6750 (bearer tokens), RFC 6265 (cookies). What may live here: headers, and nothing that
knows how they travel.
"""

import email.utils
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC

__all__ = ["Bearer", "Cookies", "Headers"]

Pair = tuple[str, str | bytes]


class Bearer:
    """The token that a server gave, always the newest.

    >>> bearer = Bearer()
    >>> bearer.receive([("authorization", "Bearer first")])
    >>> bearer.receive([("authorization", "Bearer renewed"), ("authorization", "")])
    >>> bearer.send()
    [('authorization', 'Bearer renewed')]
    """

    def __init__(self, token: str | None = None) -> None:
        self.token = token

    def __repr__(self) -> str:
        return f"Bearer({'****' if self.token else None})"

    def receive(self, headers: Iterable[Pair]) -> None:
        """Keep the token of an answer, if it has one; an empty one is none."""
        for name, value in headers:
            if name.lower() != "authorization":
                continue
            scheme, _, token = _text(value).strip().partition(" ")
            if scheme.lower() == "bearer" and token.strip():
                self.token = token.strip()

    def send(self) -> list[Pair]:
        """Give the headers of a call."""
        return [("authorization", f"Bearer {self.token}")] if self.token else []


@dataclass(frozen=True, slots=True)
class _Cookie:
    value: str
    path: str
    expires: float | None

    def fits(self, path: str, now: float) -> bool:
        if self.expires is not None and self.expires <= now:
            return False
        own = self.path
        return path == own or path.startswith(own if own.endswith("/") else own + "/")


class Cookies:
    """The cookies of one server: sent back until they expire, where their path says.

    A cookie is deleted by a `Max-Age` of 0 or an `Expires` in the past. `clock` gives Unix time in
    seconds.

    >>> cookies = Cookies()
    >>> cookies.receive([("set-cookie", "session=1; Path=/"), ("set-cookie", "old=2; Max-Age=0")])
    >>> cookies.send()
    [('cookie', 'session=1')]
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._kept: dict[tuple[str, str], _Cookie] = {}

    def __repr__(self) -> str:
        return f"Cookies({sorted({name for name, _ in list(self._kept)})})"  # values are secrets

    def receive(self, headers: Iterable[Pair], path: str = "/") -> None:
        """Keep the cookies of an answer to a call of `path`."""
        for header, value in headers:
            if header.lower() == "set-cookie":
                self._keep(_text(value), path)

    def send(self, path: str = "/") -> list[Pair]:
        """Give the headers of a call of `path`."""
        now = self._clock()
        kept = list(self._kept.items())
        # longer paths go first (RFC 6265, section 5.4)
        kept.sort(key=lambda item: -len(item[1].path))
        fitting = [f"{name}={c.value}" for (name, _), c in kept if c.fits(path, now)]
        return [("cookie", "; ".join(fitting))] if fitting else []

    def _keep(self, line: str, called: str) -> None:
        first, *rest = line.split(";")
        name, equals, value = first.partition("=")
        if not equals or not name.strip():
            return
        attributes = {}
        for part in rest:
            key, _, text = part.partition("=")
            attributes[key.strip().lower()] = text.strip()
        path = attributes.get("path", "")
        if not path.startswith("/"):
            path = called.rpartition("/")[0] or "/"
        at = name.strip(), path
        expires = self._end(attributes)
        if expires is not None and expires <= self._clock():
            self._kept.pop(at, None)
        else:
            self._kept[at] = _Cookie(value.strip(), path, expires)

    def _end(self, attributes: dict[str, str]) -> float | None:
        """Give when a cookie ends; `Max-Age` counts before `Expires` (RFC 6265, section 5.3)."""
        age = attributes.get("max-age", "")
        if age.removeprefix("-").isascii() and age.removeprefix("-").isdigit():
            return self._clock() + int(age)
        try:
            date = email.utils.parsedate_to_datetime(attributes.get("expires", ""))
        except (ValueError, TypeError):
            return None
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()


class Headers:
    """All that one server is sent because of what it answered before."""

    def __init__(self, bearer: Bearer, clock: Callable[[], float] = time.time) -> None:
        self.bearer = bearer
        self.cookies = Cookies(clock)

    def receive(self, headers: Iterable[Pair], path: str) -> None:
        """Keep what an answer to a call of `path` says."""
        headers = list(headers)
        self.bearer.receive(headers)
        self.cookies.receive(headers, path)

    def send(self, path: str) -> list[Pair]:
        """Give the headers of a call of `path`."""
        return self.bearer.send() + self.cookies.send(path)


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value
