"""How the small routes answer: tokens are checked, refusals become REST-style errors.

What may live here: what `logins` and `accounts` share.
"""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from firebolt_like.local.refusal import Refusal
from firebolt_like.local.rest import refuse
from firebolt_like.local.tokens import Gate

__all__ = ["Handler", "answering", "own_url"]

Handler = Callable[[Request], Awaitable[Response]]


def answering(handle: Handler, gate: Gate | None = None) -> Handler:
    """Turn refusals into answers, after the check of the token where there is a gate."""

    async def answer(request: Request) -> Response:
        try:
            if gate is not None:
                gate.check(request.headers.get("authorization"))
            return await handle(request)
        except Refusal as refusal:
            return refuse(refusal) if refusal.plain else _rest_error(refusal)

    return answer


def _rest_error(refusal: Refusal) -> Response:
    body = {"error": str(refusal), "code": refusal.status, "message": str(refusal), "details": []}
    return JSONResponse(body, refusal.status)


def own_url(request: Request) -> str:
    """Give this server's URL as the client has written it."""
    return f"{request.url.scheme}://{request.url.netloc}"
