"""Accounts, databases and engines by name: what clients ask between the login and the first query.

What may live here: the lookups of V1 (`/iam`, `/core/v1`) and V2 (the gateway), and their routes.
"""

from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from firebolt_like.local.configuration import Account, EngineInfo, id_of
from firebolt_like.local.handlers import answering, own_url
from firebolt_like.local.refusal import Refusal
from firebolt_like.local.tokens import Gate

__all__ = ["routes"]

_REGION = "local"
_RUNNING = "ENGINE_STATUS_RUNNING_REVISION_SERVING"


def routes(
    gate: Gate, accounts: Sequence[Account], databases: Sequence[str], engines: Sequence[EngineInfo]
) -> list[Route]:
    """List the routes; all of them want a token, where the server does."""
    lookups = _Lookups(accounts, databases, engines)
    account = "/core/v1/accounts/{account}"
    handlers = {
        "/web/v3/account/{name}/engineUrl": lookups.gateway,
        "/web/v3/account/{name}/resolve": lookups.resolve,
        "/iam/v2/account": lookups.default_account,
        "/iam/v2/accounts:getIdByName": lookups.account_id,
        f"{account}/engines:getURLByDatabaseName": lookups.engine_url,
        f"{account}/engines:getIdByName": lookups.engine_id,
        account + "/engines/{engine}": lookups.engine,
        "/core/v1/account/databases": lookups.databases,
        "/core/v1/account/engines": lookups.engines,
    }
    return [
        Route(path, answering(handle, gate), methods=["GET"]) for path, handle in handlers.items()
    ]


def _missing(what: str, name: str) -> Refusal:
    return Refusal.of("NotFound", f"{what} '{name[:200]}' does not exist").with_status(404)


class _Lookups:
    """Accounts, databases and engines by name."""

    def __init__(
        self, accounts: Sequence[Account], databases: Sequence[str], engines: Sequence[EngineInfo]
    ) -> None:
        self._accounts = accounts
        self._databases = databases
        self._engines = engines

    async def gateway(self, request: Request) -> Response:
        """V2: the system engine, which is this server."""
        account = self._account(request.path_params["name"])
        return JSONResponse({"engineUrl": f"{own_url(request)}?account_id={account.id}"})

    async def resolve(self, request: Request) -> Response:
        """V2: an account's id."""
        account = self._account(request.path_params["name"])
        return JSONResponse({"id": account.id, "region": _REGION, "infraVersion": 2})

    async def default_account(self, request: Request) -> Response:  # noqa: ARG002  # Starlette's signature
        """V1: the first account."""
        if not self._accounts:
            raise _missing("Account", "default")
        account = self._accounts[0]
        return JSONResponse({"account": {"id": account.id, "name": account.name}})

    async def account_id(self, request: Request) -> Response:
        """V1: an account's id."""
        name = request.query_params.get("account_name", "")
        return JSONResponse({"account_id": self._account(name).id})

    async def engine_url(self, request: Request) -> Response:
        """V1: the default engine of a database."""
        self._check_account(request)
        database = request.query_params.get("database_name", "")
        if database not in self._databases:
            raise _missing("Database", database)
        if not any(engine.database == database for engine in self._engines):
            raise _missing("The default engine of database", database)
        return JSONResponse({"engine_url": own_url(request)})

    async def engine_id(self, request: Request) -> Response:
        """V1: an engine's id."""
        account = self._check_account(request)
        name = request.query_params.get("engine_name", "")
        for engine in self._engines:
            if engine.name == name:
                ids = {"engine_id": engine.id, "account_id": account.id}
                return JSONResponse({"engine_id": ids})
        raise _missing("Engine", name)

    async def engine(self, request: Request) -> Response:
        """V1: an engine, with its URL."""
        account = self._check_account(request)
        for engine in self._engines:
            if engine.id == request.path_params["engine"]:
                return JSONResponse({"engine": self._engine_node(request, account, engine)})
        raise _missing("Engine", request.path_params["engine"])

    async def databases(self, request: Request) -> Response:
        """V1: databases by a part of their name."""
        part = request.query_params.get("filter.name_contains", "")
        nodes = [
            {"id": {"database_id": id_of("database", name)}, "name": name}
            for name in self._databases
            if part.lower() in name.lower()
        ]
        return _page(nodes)

    async def engines(self, request: Request) -> Response:
        """V1: engines by a part of their name and by status; all of them are running."""
        part = request.query_params.get("filter.name_contains", "")
        status = request.query_params.get("filter.current_status_eq", _RUNNING)
        account = self._accounts[0] if self._accounts else Account("")
        nodes = [
            self._engine_node(request, account, engine)
            for engine in self._engines
            if part.lower() in engine.name.lower() and status == _RUNNING
        ]
        return _page(nodes)

    def _engine_node(
        self, request: Request, account: Account, engine: EngineInfo
    ) -> dict[str, Any]:
        return {
            "id": {"account_id": account.id, "engine_id": engine.id},
            "name": engine.name,
            "endpoint": own_url(request),
            "current_status": _RUNNING,
            "current_status_summary": "ENGINE_STATUS_SUMMARY_RUNNING",
        }

    def _account(self, name: str) -> Account:
        for account in self._accounts:
            if account.name == name:
                return account
        raise _missing("Account", name)

    def _check_account(self, request: Request) -> Account:
        wanted = request.path_params["account"]
        for account in self._accounts:
            if account.id == wanted:
                return account
        raise _missing("Account", wanted)


def _page(nodes: Sequence[dict[str, Any]]) -> Response:
    page = {
        "page_size": len(nodes),
        "total_size": len(nodes),
        "has_previous_page": False,
        "has_next_page": False,
    }
    edges = [{"cursor": str(number), "node": node} for number, node in enumerate(nodes)]
    return JSONResponse({"page": page, "edges": edges})
