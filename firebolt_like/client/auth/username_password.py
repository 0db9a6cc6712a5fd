"""A user's name and password, for password accounts."""

import httpx

from firebolt_like.client.auth.base import AccountKind
from firebolt_like.client.auth.login import LoginAuth

__all__ = ["UsernamePassword"]


class UsernamePassword(LoginAuth):
    """Log in with a user's name and password: `POST /auth/v1/login` at the API endpoint.

    Arguments as in `LoginAuth`.

    >>> UsernamePassword("user@example.com", "a password")
    UsernamePassword('user@example.com', ****)
    """

    account_kind = AccountKind.PASSWORD

    def login_request(self, endpoint: str) -> httpx.Request:
        """Build the login, a JSON body."""
        body = {"username": self.principal, "password": self.secret}
        return httpx.Request("POST", f"{endpoint}/auth/v1/login", json=body)
