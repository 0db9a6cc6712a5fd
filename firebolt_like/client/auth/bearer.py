"""The token of an auth object, for calls that are not HTTP requests.

An auth object puts its token into HTTP requests. So it is asked with one that goes nowhere: what
takes it answers with the token, or with 401 where the token is known to be refused, and the object
renews it as it always does. Its logins go over the network as ever.

What may live here: that request, and who answers it.
"""

import hmac

import httpx

from firebolt_like.client.io import IO, Request
from firebolt_like.errors import AuthenticationError

__all__ = ["MOUNTS", "fetch_bearer"]

_URL = "bearer-token://auth"
_PREFIX = "Bearer "


class _Mirror(httpx.BaseTransport, httpx.AsyncBaseTransport):
    def handle_request(self, request: httpx.Request) -> httpx.Response:
        token = request.headers.get("Authorization", "")
        refused = request.headers.get("Refused")
        if refused is not None and hmac.compare_digest(token, refused):
            return httpx.Response(401)
        return httpx.Response(200, headers={"Authorization": token})

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return self.handle_request(request)


MOUNTS = {"bearer-token://": _Mirror()}
"""What the client behind an IO needs among its `mounts`."""


async def fetch_bearer(io: IO, refused: str | None = None, within: float | None = None) -> str:
    """Give the token of the IO's auth object, a newer one than `refused`.

    Raises `AuthenticationError`, and what the login raises.
    """
    headers = {} if refused is None else {"Refused": _PREFIX + refused}
    reply = await io.send(Request("GET", _URL, headers=headers), within)
    await reply.close()
    token = dict(reply.headers).get("authorization", "")
    if reply.status != 200 or not token.startswith(_PREFIX):
        raise AuthenticationError(
            "The auth object has no other token than the one that the server refused.",
            hint="Check its credentials.",
        )
    return token.removeprefix(_PREFIX)
