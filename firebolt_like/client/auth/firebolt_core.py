"""No credentials, for a self-hosted engine."""

import httpx

from firebolt_like.client.auth.base import AccountKind, Auth
from firebolt_like.client.auth.steps import Flow

__all__ = ["FireboltCore"]


class FireboltCore(Auth):
    """Send no credentials: a Core engine has no accounts.

    >>> FireboltCore()
    FireboltCore()
    """

    account_kind = AccountKind.CORE

    def __init__(self) -> None:
        super().__init__()

    def _flow(self, request: httpx.Request) -> Flow[None]:
        yield request
