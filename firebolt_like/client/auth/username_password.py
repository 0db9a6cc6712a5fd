"""A user's name and password, for password accounts."""

from typing import Unpack

import httpx

from firebolt_like.client.auth.base import AccountKind
from firebolt_like.client.auth.login import LoginAuth, LoginOptions

__all__ = ["UsernamePassword"]


class UsernamePassword(LoginAuth):
    """Log in with a user's name and password: `POST /auth/v1/login` at the API endpoint.

    Other arguments as in `LoginAuth`.

    >>> UsernamePassword("user@example.com", "a password")
    UsernamePassword('user@example.com', ****)
    """

    account_kind = AccountKind.PASSWORD

    def __init__(
        self,
        username: str,
        password: str,
        use_token_cache: bool = True,
        **options: Unpack[LoginOptions],
    ) -> None:
        super().__init__(username, password, use_token_cache, **options)

    def login_request(self, endpoint: str) -> httpx.Request:
        """Build the login, a JSON body."""
        body = {"username": self.principal, "password": self.secret}
        return httpx.Request("POST", f"{endpoint}/auth/v1/login", json=body)
