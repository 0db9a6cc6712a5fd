"""A service account's id and secret, for cloud accounts."""

from typing import Unpack

import httpx

from firebolt_like.client.auth.base import AccountKind
from firebolt_like.client.auth.login import LoginAuth, LoginOptions

__all__ = ["ClientCredentials"]

_AUDIENCE = "https://api.firebolt.io"  # of the token, the same at every endpoint


class ClientCredentials(LoginAuth):
    """Log in with a client id and secret: `POST /oauth/token` at the identity endpoint.

    The grant is `client_credentials` (RFC 6749, section 4.4), with an audience. Other arguments
    as in `LoginAuth`.

    >>> ClientCredentials("my-client", "a secret")
    ClientCredentials('my-client', ****)
    """

    account_kind = AccountKind.CLOUD

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
            "audience": _AUDIENCE,
        }
        return httpx.Request("POST", f"{endpoint}/oauth/token", data=form)
