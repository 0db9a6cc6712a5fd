"""Accounts by name: what clients ask first after the login.

What may live here: the lookups of V1 (`/iam`) and V2 (the gateway), and their routes.
"""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from firebolt_like.local.handlers import answering, missing, own_url
from firebolt_like.local.resource_views import REGION
from firebolt_like.local.tenants import Tenant, Tenants
from firebolt_like.local.tokens import Gate

__all__ = ["routes"]


def routes(gate: Gate, tenants: Tenants) -> list[Route]:
    """List the routes; all of them want a token, where the server does."""
    lookups = _Lookups(tenants)
    handlers = {
        "/web/v3/account/{name}/engineUrl": lookups.gateway,
        "/web/v3/account/{name}/resolve": lookups.resolve,
        "/iam/v2/account": lookups.default_account,
        "/iam/v2/accounts:getIdByName": lookups.account_id,
    }
    return [
        Route(path, answering(handle, gate), methods=["GET"]) for path, handle in handlers.items()
    ]


class _Lookups:
    """Accounts by name; a login finds those that it belongs to."""

    def __init__(self, tenants: Tenants) -> None:
        self._tenants = tenants

    async def gateway(self, request: Request) -> Response:
        """V2: the system engine, which is this server."""
        tenant = self._named(request, request.path_params["name"])
        return JSONResponse({"engineUrl": f"{own_url(request)}?account_id={tenant.account.id}"})

    async def resolve(self, request: Request) -> Response:
        """V2: an account's id."""
        tenant = self._named(request, request.path_params["name"])
        return JSONResponse({"id": tenant.account.id, "region": REGION, "infraVersion": 2})

    async def default_account(self, request: Request) -> Response:
        """V1: the first account."""
        tenants = self._tenants.listed(request.state.held)
        if not tenants:
            raise missing("Account", "default")
        account = tenants[0].account
        return JSONResponse({"account": {"id": account.id, "name": account.name}})

    async def account_id(self, request: Request) -> Response:
        """V1: an account's id."""
        name = request.query_params.get("account_name", "")
        return JSONResponse({"account_id": self._named(request, name).account.id})

    def _named(self, request: Request, name: str) -> Tenant:
        tenant = self._tenants.named(request.state.held, name)
        if tenant is None:
            raise missing("Account", name)
        return tenant
