"""A token that the user got elsewhere."""

import httpx

from firebolt_like.client.auth.base import AccessToken, AccountKind, Auth, refuses_token
from firebolt_like.client.auth.steps import Flow
from firebolt_like.errors import AuthenticationError

__all__ = ["Token"]


class Token(Auth):
    """Use a token as it is; it cannot be renewed, so a 401 raises `AuthenticationError`.

    `account_kind` says which accounts the token is for. Raises `ConfigurationError` for a text
    that no header can carry.

    >>> Token("a token")
    Token(****)
    """

    account_kind = AccountKind.PASSWORD

    def __init__(self, token: str, *, account_kind: AccountKind = AccountKind.PASSWORD) -> None:
        super().__init__()
        self.account_kind = account_kind
        self._token = AccessToken(token)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(****)"

    def fetch_token(self) -> AccessToken:
        """Give the token."""
        return self._token

    def _flow(self, request: httpx.Request) -> Flow[None]:
        request.headers["Authorization"] = f"Bearer {self._token.access_token}"
        response = yield request
        if (yield from refuses_token(response)):
            raise AuthenticationError(
                "The given token is no longer valid, or was never: the server refused it.",
                hint="Make a Token with a new one, or use credentials, which renew their tokens.",
            )
