"""What the answer to a login means: a token, or one clear error (RFC 6749, sections 5.1 and 5.2).

What may live here: statuses and bodies of login answers, no requests.
"""

from dataclasses import dataclass, field
from typing import Any

import msgspec

from firebolt_like.client.auth.base import AccessToken
from firebolt_like.errors import AuthenticationError, ConfigurationError, Error, ServerResponseError

__all__ = ["Login", "read_token"]


@dataclass(frozen=True, slots=True)
class Login:
    """Who logs in where; `secrets` appear in no error."""

    who: str
    endpoint: str
    secrets: tuple[str, ...] = field(repr=False)


class _Answer(msgspec.Struct):
    access_token: str | None = None
    expires_in: float | None = None
    refresh_token: str | None = None
    error: Any = None
    error_description: Any = None
    message: Any = None


def read_token(status: int, body: bytes, login: Login) -> AccessToken:
    """Give the token of an answer.

    Raises `AuthenticationError` where the credentials are refused, `ServerResponseError` where the
    answer is not that of a login.
    """
    answer = _decoded(body)
    if status != 200 or answer is None or answer.error is not None:
        raise _failure(status, answer, login)
    if answer.access_token is None:
        raise ServerResponseError(f"The login at {login.endpoint} was answered without a token.")
    lifetime = answer.expires_in
    if lifetime is not None and not lifetime > 0:
        lifetime = 0.0
    try:
        return AccessToken(answer.access_token, lifetime, answer.refresh_token)
    except ConfigurationError as error:
        raise ServerResponseError(
            f"The login at {login.endpoint} gave a token that no header can carry."
        ) from error


def _decoded(body: bytes) -> _Answer | None:
    try:
        return msgspec.json.decode(body, type=_Answer, strict=False)
    except (msgspec.MsgspecError, UnicodeError):
        return None


_REFUSALS = {400, 401, 403}  # RFC 6749 has 400 for a wrong client, and allows 401


def _failure(status: int, answer: _Answer | None, login: Login) -> Error:
    said = _server_words(answer, login)
    if status in _REFUSALS or (status == 200 and answer is not None):
        return AuthenticationError(
            f"{login.endpoint} refused the credentials of {login.who}{said}",
            hint="Check the name and the secret, and that api_endpoint is the right one.",
        )
    if status == 200:
        return ServerResponseError(
            f"{login.endpoint} answered the login with something that is not JSON.",
            hint="Often a proxy or a web page: check api_endpoint and auth_endpoint.",
        )
    return ServerResponseError(
        f"{login.endpoint} answered the login with HTTP status {status}{said}",
        hint="Check api_endpoint and auth_endpoint." if status < 429 else None,
        retryable=status in {429, 502, 503, 504},
    )


def _server_words(answer: _Answer | None, login: Login) -> str:
    if answer is None:
        return "."
    words = next(
        (w for w in (answer.message, answer.error_description, answer.error) if isinstance(w, str)),
        "",
    )
    for secret in filter(None, login.secrets):
        words = words.replace(secret, "****")
    return f": {words[:200]}" if words else "."
