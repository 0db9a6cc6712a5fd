"""`POST /cancel?query_id=...`: the way of stopping a query that needs no SQL.

What may live here: that route.
"""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from firebolt_like.local.handlers import answering
from firebolt_like.local.refusal import Refusal
from firebolt_like.local.running import RunningList
from firebolt_like.local.tokens import Gate

__all__ = ["cancel_route"]


def cancel_route(gate: Gate, running: RunningList) -> Route:
    """Give the route; it wants a token, where the server does."""

    async def cancel(request: Request) -> Response:
        query_id = request.query_params.get("query_id", "")
        reason = "The query was cancelled by a request."
        if not running.stop(query_id, reason, request.state.held.account):
            raise Refusal.text(404, f"The query '{query_id[:100]}' does not exist or has ended")
        return Response()

    return Route("/cancel", answering(cancel, gate), methods=["POST"])
