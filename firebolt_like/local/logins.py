"""Logins of all generations, the discovery document that says where they are, and health.

What may live here: the routes that need no token. The protocol's sections are "Tokens", "Core" and
"Discovery document".
"""

from typing import Any
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from firebolt_like.local.handlers import Handler, answering, own_url, read_body, read_json
from firebolt_like.local.refusal import Refusal
from firebolt_like.local.tokens import Gate, Pass

__all__ = ["routes"]


def routes(gate: Gate) -> list[Route]:
    """List the routes."""
    logins = _Logins(gate)
    handlers: list[tuple[str, str, Handler]] = [
        ("GET", "/", _healthy),
        ("GET", "/ping", _healthy),
        ("GET", "/health/ready", _healthy),
        ("GET", "/.well-known/firebolt", logins.discovery),
        ("POST", "/auth/v1/login", logins.password),
        ("POST", "/auth/v1/refresh", logins.refresh),
        ("POST", "/oauth/token", logins.client_credentials),
    ]
    return [Route(path, answering(handle), methods=[verb]) for verb, path, handle in handlers]


async def _healthy(request: Request) -> Response:  # noqa: ARG001  # Starlette's signature
    return PlainTextResponse("ok")


class _Logins:
    """The handlers."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    async def password(self, request: Request) -> Response:
        """V1: `{"username", "password"}`."""
        given = await read_json(request)
        access, refresh = self._gate.login(
            self._gate.users,
            given.get("username"),
            given.get("password"),
            Pass(backslash_escapes=True),
        )
        return JSONResponse(
            self._token(access) | {"refresh_token": refresh, "scope": "offline_access"}
        )

    async def refresh(self, request: Request) -> Response:
        """V1: `{"refresh_token"}`; the refresh token stays as it is."""
        given = await read_json(request)
        access = self._gate.refresh(given.get("refresh_token"))
        return JSONResponse(self._token(access) | {"scope": "offline_access"})

    async def client_credentials(self, request: Request) -> Response:
        """V1 service accounts, V2 (which adds an audience), and users by discovery."""
        form = parse_qs((await read_body(request)).decode(errors="replace"))
        given = {name: texts[0] for name, texts in form.items()}
        if given.get("grant_type") != "client_credentials":
            raise Refusal.text(400, "The grant_type must be client_credentials.")
        known = self._gate.users | self._gate.service_accounts
        stands_for = Pass(backslash_escapes="audience" not in given)
        access, refresh = self._gate.login(
            known, given.get("client_id"), given.get("client_secret"), stands_for
        )
        return JSONResponse(self._token(access) | {"refresh_token": refresh})

    def _token(self, access: str) -> dict[str, Any]:
        lifetime = self._gate.lifetime
        whole = int(lifetime) if lifetime == int(lifetime) else lifetime
        return {"access_token": access, "expires_in": whole, "token_type": "Bearer"}

    async def discovery(self, request: Request) -> Response:
        """Answer in both shapes that are in use."""
        url = own_url(request)
        server = {
            "name": "_local",
            "issuer": url,
            "token_endpoint": f"{url}/oauth/token",
            "jwks_uri": f"{url}/.well-known/jwks.json",
        }
        oauth = {
            "protectedResource": {"resource": url},
            "authorizationServers": [server],
            "preferredAuthorizationServer": "_local",
        }
        auth = None if self._gate.is_open else {"oauth": oauth}
        return JSONResponse(
            {"engineUrl": request.url.netloc, "instance": {"id": "local", "auth": auth}}
        )
