"""How the small routes answer: tokens are checked, refusals become REST-style errors.

What may live here: what `logins`, `accounts` and `resource_rest` share. Behind a gate,
`request.state.held` is the `Pass` of the request.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from firebolt_like.local.refusal import Refusal, invalid
from firebolt_like.local.rest import refuse
from firebolt_like.local.tokens import Gate

__all__ = ["Handler", "answering", "missing", "own_url", "read_body", "read_json"]

Handler = Callable[[Request], Awaitable[Response]]


def answering(handle: Handler, gate: Gate | None = None) -> Handler:
    """Turn refusals into answers, after the check of the token where there is a gate."""

    async def answer(request: Request) -> Response:
        try:
            if gate is not None:
                request.state.held = gate.check(request.headers.get("authorization"))
            return await handle(request)
        except Refusal as refusal:
            return refuse(refusal) if refusal.plain else _rest_error(refusal)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is left to read it

    return answer


def _rest_error(refusal: Refusal) -> Response:
    body = {"error": str(refusal), "code": refusal.status, "message": str(refusal), "details": []}
    return JSONResponse(body, refusal.status)


def own_url(request: Request) -> str:
    """Give this server's URL as the client has written it."""
    return f"{request.url.scheme}://{request.url.netloc}"


def missing(what: str, name: str) -> Refusal:
    """Refuse a request for what is not there."""
    return Refusal.of("NotFound", f"{what} '{name[:200]}' does not exist").with_status(404)


_MAX_BODY = 64_000


async def read_body(request: Request) -> bytes:
    """Read a small body. Raises `Refusal` for one that is not."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_BODY:
            raise Refusal.text(413, f"The body is longer than {_MAX_BODY} bytes.")
    return bytes(body)


async def read_json(request: Request) -> dict[str, Any]:
    """Read a small JSON object; no body is an empty one. Raises `Refusal` for any other body."""
    body = await read_body(request)
    try:
        return msgspec.json.decode(body or b"{}", type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise invalid(f"The body is not a JSON object: {error}") from error
