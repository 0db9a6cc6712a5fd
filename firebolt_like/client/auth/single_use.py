"""A request body that is sent once, so that no redirect carries a secret to another address.

httpx sends the body of a 307 or 308 again to wherever the answer points, when the client follows
redirects (RFC 9110, section 15.4.8). What may live here: that body.
"""

from collections.abc import AsyncIterator, Iterator

import httpx

from firebolt_like.errors import AuthenticationError

__all__ = ["SingleUseBody"]


class SingleUseBody(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body for both kinds of client; raises `AuthenticationError` when it is sent again.

    >>> body = SingleUseBody(b"secret")
    >>> list(body)
    [b'secret']
    >>> list(body)
    Traceback (most recent call last):
    ...
    firebolt_like.errors.AuthenticationError: The login was to be sent a second time...
    """

    def __init__(self, content: bytes) -> None:
        self._content: bytes | None = content

    def _take(self) -> bytes:
        if self._content is None:
            raise AuthenticationError(
                "The login was to be sent a second time, which credentials never are: "
                "its endpoint redirects, or the transport repeats requests.",
                hint="Give the address that the login ends at as auth_endpoint.",
            )
        content, self._content = self._content, None
        return content

    def __iter__(self) -> Iterator[bytes]:
        yield self._take()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._take()
