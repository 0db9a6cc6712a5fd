"""The ASGI application of one server, put together from its parts.

What may live here: the assembly, and its end.
"""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import duckdb
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from firebolt_like import __version__
from firebolt_like.local import accounts, logins, resource_rest
from firebolt_like.local.async_queries import AsyncQueries
from firebolt_like.local.cancel import cancel_route
from firebolt_like.local.configuration import Account
from firebolt_like.local.flight.face import FlightFace
from firebolt_like.local.history import QueryHistory
from firebolt_like.local.records import Store
from firebolt_like.local.rest import QueryEndpoint
from firebolt_like.local.runner import Runner
from firebolt_like.local.running import RunningList
from firebolt_like.local.shared import Shared
from firebolt_like.local.tenants import Parts, Tenants
from firebolt_like.local.tokens import Gate
from firebolt_like.local.workers import Workers

__all__ = ["Application"]


class Application:
    """One engine and the routes that reach it; `asgi` is what a server runs."""

    def __init__(
        self,
        accounts_: Sequence[Account],
        gate: Gate,
        *,
        folder: Path | None,
        readable: Sequence[Path],
        clock: Callable[[], float],
        engine_delay: float,
        transaction_idle: float,
        workers: int,
        queue: int,
        max_body: int,
        compress: bool | None,
        flight: FlightFace,
    ) -> None:
        self.running = RunningList(workers + queue)
        history = QueryHistory(self.running, clock)
        parts = Parts(
            store=Store(folder),
            readable=readable,
            gate=gate,
            running=self.running,
            clock=clock,
            transaction_idle=transaction_idle,
            engine_delay=engine_delay,
            version=f"firebolt_like {__version__}, embedded engine on DuckDB {_duckdb_version()}",
            history=history,
            async_queries=AsyncQueries(),
        )
        self._tenants = Tenants(accounts_, parts)
        self._pool = Workers(workers)
        self._flight = flight
        self._shared = Shared(
            self._tenants, gate, self._pool, self.running, history, clock, max_body
        )
        self._workers = workers
        runner = Runner(self._pool, self.running, history)
        query = QueryEndpoint(self._tenants, gate, runner, clock, max_body, compress)
        places = ("/", "/query", "/engine/{engine}", "/engine/{engine}/", "/engine/{engine}/query")
        self.asgi = Starlette(
            routes=[
                *(Route(place, query, methods=["POST"]) for place in places),
                cancel_route(gate, self.running),
                *logins.routes(gate),
                *accounts.routes(gate, self._tenants),
                *resource_rest.routes(gate, self._tenants),
            ],
            exception_handlers={404: _not_found, 405: _not_found},
        )

    def start_flight(self) -> None:
        """Speak Flight, too. Raises `ConfigurationError` where that cannot be."""
        self._flight.start(self._shared, self._workers)

    def close(self) -> None:
        """End it, when no request is being answered any more."""
        self._flight.stop()
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._tenants.close()


def _duckdb_version() -> str:
    return "v" + re.sub("^v", "", duckdb.__version__)


async def _not_found(request: Request, error: Exception) -> Response:
    status = getattr(error, "status_code", 404)
    return PlainTextResponse(f"There is no {request.method} {request.url.path} here.", status)
