"""The ASGI application of one server, put together from its parts.

What may live here: the assembly, and its end.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from firebolt_like import __version__
from firebolt_like.local import accounts, logins
from firebolt_like.local.commands import Commands
from firebolt_like.local.configuration import Account, EngineInfo
from firebolt_like.local.engine import Engine
from firebolt_like.local.execution import Services
from firebolt_like.local.information_schema import InformationSchema
from firebolt_like.local.rest import QueryEndpoint
from firebolt_like.local.running import RunningList
from firebolt_like.local.tokens import Gate
from firebolt_like.local.transactions import Transactions

__all__ = ["Application"]


class Application:
    """One engine and the routes that reach it; `asgi` is what a server runs."""

    def __init__(
        self,
        databases: Mapping[str, Path | None],
        engines: Sequence[EngineInfo],
        accounts_: Sequence[Account],
        gate: Gate,
        *,
        clock: Callable[[], float],
        transaction_idle: float,
        workers: int,
        max_body: int,
    ) -> None:
        self.running = RunningList()
        self._engine = Engine(databases)
        self._transactions = Transactions(self._engine, clock, transaction_idle)
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="firebolt_like-query")
        names = [engine.name for engine in engines]
        services = Services(
            self._engine,
            self._transactions,
            Commands(self._engine, names, self._transactions, self.running),
            f"firebolt_like {__version__}, embedded engine on DuckDB {_duckdb_version()}",
            InformationSchema({}),
        )
        query = QueryEndpoint(services, gate, self.running, self._pool, clock, max_body)
        self.asgi = Starlette(
            routes=[
                Route("/", query, methods=["POST"]),
                Route("/query", query, methods=["POST"]),
                *logins.routes(gate),
                *accounts.routes(gate, accounts_, self._engine.databases, engines),
            ],
            exception_handlers={404: _not_found, 405: _not_found},
        )

    def close(self) -> None:
        """End it, when no request is being answered any more."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._transactions.close()
        self._engine.close()


def _duckdb_version() -> str:
    return "v" + re.sub("^v", "", duckdb.__version__)


async def _not_found(request: Request, error: Exception) -> Response:
    status = getattr(error, "status_code", 404)
    return PlainTextResponse(f"There is no {request.method} {request.url.path} here.", status)
