"""Which account a client works in: its id, found once for all who ask.

Written once over `IO` for both clients. What may live here: the requests that find an account.
"""

from contextlib import AbstractAsyncContextManager
from typing import Any
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

__all__ = ["Account"]


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
        async with self._lock:
            if self._id is None:
                self._id = await self._found(io, auth, within)
            return self._id

    async def _found(self, io: IO, auth: httpx.Auth | None, within: float) -> str:
        path, keys = self._lookup(auth)
        reply = await io.send(Request("GET", self._api_endpoint + path), within)
        try:
            body = await reply.read(within)
        finally:
            await reply.close()
        if reply.status == 404:
            raise AccountNotFoundError(self._name)
        if reply.status in {401, 403}:
            raise AuthenticationError(
                f"{self._api_endpoint} refused to look up the account (HTTP {reply.status}).",
                hint="Check the credentials, and that they may see this account.",
            )
        found = _value(body, keys) if reply.status == 200 else None
        if not isinstance(found, str) or not found:
            raise ServerResponseError(
                f"{self._api_endpoint} answered the look-up of the account with HTTP status "
                f"{reply.status} and no id.",
                hint="Check api_endpoint.",
            )
        return found

    def _lookup(self, auth: httpx.Auth | None) -> tuple[str, tuple[str, ...]]:
        """Give the path to ask, and the keys that lead to the id in its answer."""
        kind = getattr(auth, "account_kind", AccountKind.CLOUD)
        if auth is None or kind is AccountKind.CORE:
            raise ConfigurationError(
                "There is no account_id without credentials: a Core engine has no accounts."
            )
        if kind is AccountKind.PASSWORD and self._name is None:
            return "/iam/v2/account", ("account", "id")
        if kind is AccountKind.PASSWORD:
            query = urlencode({"account_name": self._name})
            return f"/iam/v2/accounts:getIdByName?{query}", ("account_id",)
        if self._name is None:
            raise ConfigurationError(
                "account_name is needed: credentials of cloud accounts have no default account."
            )
        return f"/web/v3/account/{quote(self._name, safe='')}/resolve", ("id",)


def _value(body: bytes, keys: tuple[str, ...]) -> Any:
    try:
        value = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeError):
        return None
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value
