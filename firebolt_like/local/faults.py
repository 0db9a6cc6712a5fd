"""Faults on demand: requests that are dropped, stalled, cut short or refused, for people's tests.

What may live here: which requests a fault strikes, and what it does to them, as ASGI middleware
around the whole server. It knows nothing of SQL but its text, and never repeats or reorders.
"""

import asyncio
import fnmatch
import functools
import random
import threading
from collections.abc import Callable, MutableMapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self, TypeAlias

from firebolt_like.errors import ConfigurationError
from firebolt_like.local.refusal import Refusal

if TYPE_CHECKING:  # of the `local` extra
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from firebolt_like.local.hanging_up import Connection

__all__ = ["Fault", "Faults", "What", "When"]

What: TypeAlias = Literal["drop", "stall", "cut"] | int
When: TypeAlias = Literal["before", "during", "after"]

_MOMENTS: dict[str, tuple[When, ...]] = {
    # the first one is the default
    "drop": ("before", "during", "after"),
    "stall": ("before", "during", "after"),
    "cut": ("during",),
    "a status": ("before", "after"),
}
_LONGEST_BODY = 1_000_000  # of a longer one, only the beginning is searched for `sql`


class Fault:
    """A fault of a server, as `LocalServer.fault` gives it: a context manager that removes it.

    `hits` counts the requests that it struck, `stalled` those that it holds now.
    """

    def __init__(
        self,
        what: What,
        *,
        when: When | None = None,
        path: str | None = None,
        sql: str | None = None,
        times: int | None = 1,
        share: float = 1.0,
        seed: int = 0,
        retry_after: float | None = None,
    ) -> None:
        self.hits = 0
        self.what = what
        self.when = _check_moment(what, when)
        self.retry_after = retry_after
        self._path = path
        self._sql = None if sql is None else sql.lower()
        self._times = times
        self._share = share
        self._random = random.Random(seed)  # noqa: S311  # faults are to be repeatable, not secret
        self._removed = False
        self._stalled: set[Callable[[bool], object]] = set()
        self._lock = threading.Lock()
        if (times is not None and times < 1) or not 0 < share <= 1:
            raise ConfigurationError("A fault wants times= of 1 or more, and 0 < share= <= 1.")
        if retry_after is not None and not isinstance(what, int):
            raise ConfigurationError("Only a fault that answers a status has retry_after=.")

    def __repr__(self) -> str:
        return f"<Fault {self.what!r} {self.when}, {self.hits} hits>"

    def remove(self) -> None:
        """Strike no more; requests that are stalled go on. Again: nothing."""
        with self._lock:
            self._removed = True
        self.end_stalls(go_on=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.remove()

    @property
    def stalled(self) -> int:
        """How many requests wait for its removal, and their clients with them."""
        return len(self._stalled)

    @property
    def is_over(self) -> bool:
        """Whether it strikes no more."""
        return self._removed or (self._times is not None and self.hits >= self._times)

    def strikes(self, path: str, body: str) -> bool:
        """Decide about one request, and count it."""
        with self._lock:
            if (
                self.is_over
                or (self._path is not None and not fnmatch.fnmatchcase(path, self._path))
                or (self._sql is not None and self._sql not in body)
                or self._random.random() >= self._share
            ):
                return False
            self.hits += 1
            return True

    async def stall(self, connection: "Connection") -> bool:
        """Wait; True when the request may go on, False when nobody waits for its answer."""
        loop = asyncio.get_running_loop()
        verdict: asyncio.Future[bool] = loop.create_future()

        def decide(go_on: bool) -> None:
            if not verdict.done():
                verdict.set_result(go_on)

        def tell(go_on: bool) -> None:
            loop.call_soon_threadsafe(decide, go_on)

        with self._lock:
            if self._removed:
                return True
            self._stalled.add(tell)
        connection.on_close(functools.partial(decide, False))
        try:
            return await verdict
        finally:
            with self._lock:
                self._stalled.discard(tell)

    def end_stalls(self, *, go_on: bool) -> None:
        """Let stalled requests go on, or give them up."""
        with self._lock:
            stalled = list(self._stalled)
        for tell in stalled:
            tell(go_on)


def _check_moment(what: object, when: When | None) -> When:
    is_status = isinstance(what, int) and 400 <= what <= 599
    moments = _MOMENTS.get("a status" if is_status else str(what))
    if moments is None:
        raise ConfigurationError(
            f"A fault is drop, stall, cut or a status of 4xx-5xx, not {what!r}."
        )
    if when is not None and when not in moments:
        raise ConfigurationError(f"The fault {what!r} happens {' or '.join(moments)}, not {when}.")
    return when or moments[0]


class Faults:
    """All faults of a server, and the middleware that they act in."""

    def __init__(self) -> None:
        self._faults: tuple[Fault, ...] = ()

    def add(self, fault: Fault) -> Fault:
        """Let a fault act from now on, behind those that are there."""
        self._faults = (*(old for old in self._faults if not old.is_over), fault)
        return fault

    def stop(self) -> None:
        """Give up stalled requests: the server ends."""
        for fault in self._faults:
            fault.end_stalls(go_on=False)

    def around(self, app: "ASGIApp") -> "ASGIApp":
        """Put them around an application whose server is `hanging_up`'s."""

        async def faulty(scope: "Scope", receive: "Receive", send: "Send") -> None:
            if all(fault.is_over for fault in self._faults):
                await app(scope, receive, send)
                return
            raw, receive = await _read_ahead(receive)
            body = _text(
                raw, dict(scope["headers"]).get(b"content-encoding", b"").decode("latin-1")
            )
            for fault in self._faults:
                if fault.strikes(scope["path"], body):
                    await _Strike(fault, scope, send).run(app, receive)
                    return
            await app(scope, receive, send)

        return faulty


def _text(body: bytes, encoding: str) -> str:
    """Give the text that is searched for `sql`; none where the body is not what it says it is."""
    from firebolt_like.local.encoding import decompress  # noqa: PLC0415  # of the `local` extra

    try:
        plain = decompress(body, encoding, _LONGEST_BODY) if encoding else body
    except Refusal:
        return ""
    return plain.decode(errors="replace").lower()


async def _read_ahead(receive: "Receive") -> "tuple[bytes, Receive]":
    """Give the body, and a `receive` that gives it again."""
    messages: list[Message] = []
    body = b""
    while len(body) < _LONGEST_BODY:
        messages.append(await receive())
        body += messages[-1].get("body", b"")
        if not messages[-1].get("more_body", False):
            break
    messages.reverse()

    async def again() -> "Message":
        return messages.pop() if messages else await receive()

    return body, again


class _Strike:
    """One fault at one request."""

    def __init__(self, fault: Fault, scope: "Scope", send: "Send") -> None:
        self._fault = fault
        self._connection: Connection = scope["state"]["connection"]
        self._scope = scope
        self._send = send
        self._head: Message | None = None
        self._begun = self._over = False

    async def run(self, app: "ASGIApp", receive: "Receive") -> None:
        """Answer the request, or leave it without its answer."""
        if self._fault.when == "during":
            await app(self._scope, receive, self._send_half)
        elif self._fault.when == "before":
            if await self._act():
                await app(self._scope, receive, self._send)
        else:
            kept: list[Message] = []

            async def keep(message: "Message") -> None:
                if self._fault.what == "stall":
                    kept.append(message)

            await app(self._scope, receive, keep)
            if await self._act():
                for message in kept:
                    await self._send(message)

    async def _act(self) -> bool:
        """Do what the fault does; True when the answer is sent after all."""
        if isinstance(self._fault.what, int):
            await self._refuse(self._fault.what)
            return False
        if self._fault.what == "stall" and await self._fault.stall(self._connection):
            return True
        await self._connection.abort()
        return False

    async def _refuse(self, status: int) -> None:
        headers = [(b"content-type", b"text/plain; charset=utf-8")]
        if self._fault.retry_after is not None:
            headers.append((b"retry-after", f"{self._fault.retry_after:g}".encode()))
        body = f"The server was told to answer {status}.".encode()
        headers.append((b"content-length", str(len(body)).encode()))
        await self._send({"type": "http.response.start", "status": status, "headers": headers})
        await self._send({"type": "http.response.body", "body": body, "more_body": False})

    async def _send_half(self, message: "MutableMapping[str, Any]") -> None:
        """Send the answer until the middle of the first piece of its body."""
        if self._over:
            return
        cut = self._fault.what == "cut"
        if message["type"] == "http.response.start":
            if cut:  # what is left is to look whole
                headers = [pair for pair in message["headers"] if pair[0] != b"content-length"]
                message = {**message, "headers": headers}
            self._head = message
            return
        if self._begun:
            await self._send(message)
            return
        self._begun = True
        body = message.get("body", b"")
        half = len(body) // 2
        if cut or half:  # an answer without a body is whole with its head: nothing of it comes
            await self._send_head()
            await self._send({**message, "body": body[:half], "more_body": not cut})
        if not cut and await self._act():
            await self._send_head()
            await self._send({**message, "body": body[half:]})
        else:
            self._over = True

    async def _send_head(self) -> None:
        head, self._head = self._head, None
        if head is not None:
            await self._send(head)
