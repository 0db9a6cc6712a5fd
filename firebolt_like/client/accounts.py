"""Which account a client works in: its id, found once for all who ask.

Written once over `IO` for both clients. What may live here: the requests that find an account.
"""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeAlias
from urllib.parse import quote, urlencode

import httpx
import msgspec

from firebolt_like.client.auth.base import AccountKind
from firebolt_like.client.io import IO, Request
from firebolt_like.errors import (
    AccountNotFoundError,
    AuthenticationError,
    ConfigurationError,
    ServerResponseError,
)

__all__ = ["Account", "find_account_id"]


Get: TypeAlias = Callable[[str], Awaitable[tuple[int, bytes]]]


class Account:
    """The account of a client: by its name, or the default one of a password account's user."""

    def __init__(
        self, api_endpoint: str, name: str | None, lock: AbstractAsyncContextManager[Any]
    ) -> None:
        self._api_endpoint = api_endpoint
        self._name = name
        self._lock = lock
        self._id: str | None = None

    async def id(self, io: IO, auth: httpx.Auth | None, within: float) -> str:
        """Give the id; the first who asks sends a request, `within` seconds, the others wait."""
        if self._id is not None:
            return self._id

        async def get(url: str) -> tuple[int, bytes]:
            reply = await io.send(Request("GET", url), within)
            try:
                return reply.status, await reply.read(within)
            finally:
                await reply.close()

        kind = None if auth is None else getattr(auth, "account_kind", AccountKind.CLOUD)
        async with self._lock:
            if self._id is None:
                self._id = await find_account_id(get, self._api_endpoint, self._name, kind)
            return self._id


async def find_account_id(
    get: Get, api_endpoint: str, name: str | None, kind: AccountKind | None
) -> str:
    """Look up an account by `get`, which gives the status and the body for a URL.

    `kind` is that of the credentials, None without any. Raises `AccountNotFoundError`,
    `AuthenticationError`, `ServerResponseError`, and `ConfigurationError` where there is no account
    to ask for.
    """
    path, keys = _lookup(name, kind)
    status, body = await get(api_endpoint + path)
    if status == 404:
        raise AccountNotFoundError(name)
    if status in {401, 403}:
        raise AuthenticationError(
            f"{api_endpoint} refused to look up the account (HTTP {status}).",
            hint="Check the credentials, and that they may see this account.",
        )
    found = _value(body, keys) if status == 200 else None
    if not isinstance(found, str) or not found:
        raise ServerResponseError(
            f"{api_endpoint} answered the look-up of the account with HTTP status {status} and "
            "no id.",
            hint="Check api_endpoint.",
        )
    return found


def _lookup(name: str | None, kind: AccountKind | None) -> tuple[str, tuple[str, ...]]:
    """Give the path to ask, and the keys that lead to the id in its answer."""
    if kind is None or kind is AccountKind.CORE:
        raise ConfigurationError(
            "There is no account_id without credentials: a Core engine has no accounts."
        )
    if kind is AccountKind.PASSWORD and name is None:
        return "/iam/v2/account", ("account", "id")
    if kind is AccountKind.PASSWORD:
        return f"/iam/v2/accounts:getIdByName?{urlencode({'account_name': name})}", ("account_id",)
    if name is None:
        raise ConfigurationError(
            "account_name is needed: credentials of cloud accounts have no default account."
        )
    return f"/web/v3/account/{quote(name, safe='')}/resolve", ("id",)


def _value(body: bytes, keys: tuple[str, ...]) -> Any:
    try:
        value = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeError):
        return None
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value
