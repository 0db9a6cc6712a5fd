"""How a client proves who it is: one class a kind of credential, and the base for your own."""

from firebolt_like.client.auth.base import AccessToken, AccountKind, Auth
from firebolt_like.client.auth.client_credentials import ClientCredentials
from firebolt_like.client.auth.firebolt_core import FireboltCore
from firebolt_like.client.auth.login import LoginAuth
from firebolt_like.client.auth.service_account import ServiceAccount
from firebolt_like.client.auth.token import Token
from firebolt_like.client.auth.token_cache import (
    CacheKey,
    FileTokenCache,
    MemoryTokenCache,
    TokenCache,
)
from firebolt_like.client.auth.username_password import UsernamePassword

__all__ = [
    "AccessToken",
    "AccountKind",
    "Auth",
    "CacheKey",
    "ClientCredentials",
    "FileTokenCache",
    "FireboltCore",
    "LoginAuth",
    "MemoryTokenCache",
    "ServiceAccount",
    "Token",
    "TokenCache",
    "UsernamePassword",
]
