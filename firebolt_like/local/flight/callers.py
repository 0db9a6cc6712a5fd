"""Who calls: the check of each call's credentials, and the cookie that its session goes by.

Basic credentials, in a handshake or in any other call, are answered by a bearer token. What may
live here: what is read from a call's headers, and what its answer's headers say.
"""

import base64
import binascii
import re
import secrets
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from typing import Any, Final

import pyarrow.flight as fl

from firebolt_like.local.flight.statuses import answering
from firebolt_like.local.refusal import Refusal
from firebolt_like.local.tokens import Gate, Pass

__all__ = ["Caller", "Callers", "Handshake"]

_COOKIE: Final = "firebolt_like_session"
_SESSION: Final = re.compile(r"[\w-]{22,64}", re.ASCII)


class Caller(fl.ServerMiddleware):  # type: ignore[misc]  # pyarrow has no types
    """One call's credentials, its session's id, and its other headers (the last of each name)."""

    def __init__(self, held: Pass, session: str, headers: Mapping[str, str]) -> None:
        self.held = held
        self.session = session
        self.headers = headers
        self.answer: dict[str, str] = {}

    def sending_headers(self) -> dict[str, str]:
        """Give the headers of the answer."""
        return self.answer


class Callers(fl.ServerMiddlewareFactory):  # type: ignore[misc]  # pyarrow has no types
    """Lets calls in, or raises a Flight error."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    @answering
    def start_call(self, info: Any, headers: Mapping[str, list[str | bytes]]) -> Caller:  # noqa: ARG002  # pyarrow's signature
        """Read the headers of a call before it is handled."""
        texts = {
            name.lower(): values[-1]
            for name, values in headers.items()
            if values and isinstance(values[-1], str)
        }
        held, token = self._check(texts.pop("authorization", None))
        session = _session_in(headers.get("cookie", ()))
        caller = Caller(held, session or secrets.token_urlsafe(24), texts)
        if token is not None:
            caller.answer["authorization"] = f"Bearer {token}"
        if session is None:
            caller.answer["set-cookie"] = f"{_COOKIE}={caller.session}; Path=/"
        return caller

    def _check(self, authorization: str | None) -> tuple[Pass, str | None]:
        """Give what the credentials stand for, and a token where they were a name and a secret."""
        gate = self._gate
        scheme, _, credentials = (authorization or "").partition(" ")
        if scheme.lower() != "basic":
            return gate.check(authorization), None
        if gate.is_open:
            return Pass(), secrets.token_urlsafe(32)  # clients insist on one
        name, secret = _name_and_secret(credentials)
        token, _ = gate.login(gate.users | gate.service_accounts, name, secret, Pass())
        return gate.check(f"Bearer {token}"), token


def _name_and_secret(credentials: str) -> tuple[str, str]:
    try:
        plain = base64.b64decode(credentials.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise Refusal.text(401, "The basic credentials are not name:secret in base64.") from None
    name, _, secret = plain.partition(":")
    return name, secret


def _session_in(cookies: Any) -> str | None:
    for line in cookies:
        try:
            found = SimpleCookie(line).get(_COOKIE)
        except CookieError:
            continue
        if found is not None and _SESSION.fullmatch(found.value):
            return found.value
    return None


class Handshake(fl.ServerAuthHandler):  # type: ignore[misc]  # pyarrow has no types
    """Lets a handshake happen; what it is about is in its headers, which `Callers` reads."""

    def authenticate(self, outgoing: Any, incoming: Any) -> None:
        """Say nothing more."""

    def is_valid(self, token: bytes) -> bytes:  # noqa: ARG002  # pyarrow's signature
        """Take every call: `Callers` has checked it."""
        return b""
