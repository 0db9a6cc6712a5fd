"""A service account's id and secret, for password accounts."""

from typing import Unpack

import httpx

from firebolt_like.client.auth.base import AccountKind
from firebolt_like.client.auth.login import LoginAuth, LoginOptions

__all__ = ["ServiceAccount"]


class ServiceAccount(LoginAuth):
    """Log in with a service account's id and secret: `POST /oauth/token` at the API endpoint.

    The grant is `client_credentials` (RFC 6749, section 4.4). Other arguments as in `LoginAuth`.

    >>> ServiceAccount("my-service", "a secret")
    ServiceAccount('my-service', ****)
    """

    account_kind = AccountKind.PASSWORD

    def __init__(
        self,
        client_id: str,
        client_secret: str,
        use_token_cache: bool = True,
        **options: Unpack[LoginOptions],
    ) -> None:
        super().__init__(client_id, client_secret, use_token_cache, **options)

    def login_request(self, endpoint: str) -> httpx.Request:
        """Build the login, a form."""
        form = {
            "client_id": self.principal,
            "client_secret": self.secret,
            "grant_type": "client_credentials",
        }
        return httpx.Request("POST", f"{endpoint}/oauth/token", data=form)
