"""Bearer authentication: one token for all who wait, renewed in time and when it is refused.

What may live here: when a token is fetched, and how a request carries it. How a token is got by a
login is in `login`, how one waits is in `steps`.
"""

import copy
import dataclasses
import enum
import math
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from typing import TypeAlias

import httpx

from firebolt_like.client.auth.steps import Flow, Turns, ask, read
from firebolt_like.errors import ConfigurationError, Error

__all__ = ["AccessToken", "AccountKind", "Auth", "Session", "refuses_token"]


class AccountKind(enum.Enum):
    """Which generation of accounts a credential belongs to; it decides how things are found."""

    PASSWORD = "password"  # noqa: S105  # the kind of account, no password
    CLOUD = "cloud"
    CORE = "core"


_RENEW_BEFORE = 60.0  # seconds: a request sent now is checked by the server within this time


@dataclasses.dataclass(frozen=True, slots=True)
class AccessToken:
    """A bearer token and what is known of its life.

    `expires_in` counts seconds from `issued_at` (Unix time); None means: until it is refused.
    Raises `ConfigurationError` for a text that no header can carry (RFC 6750, section 2.1).

    >>> AccessToken("secret", expires_in=3600, issued_at=0)
    AccessToken(expires_in=3600, issued_at=0)
    """

    access_token: str = dataclasses.field(repr=False)
    expires_in: float | None = None
    refresh_token: str | None = dataclasses.field(default=None, repr=False)
    issued_at: float | None = None

    def __post_init__(self) -> None:
        text = self.access_token
        if not isinstance(text, str) or not text or not (text.isascii() and text.isprintable()):
            raise ConfigurationError(
                "An access token must be a text of printable ASCII characters.",
                hint="A token read from a file often ends with a line end: strip it.",
            )

    @property
    def renew_at(self) -> float:
        """When to get the next one: a minute before the end, or at half of a short life."""
        if self.expires_in is None or self.issued_at is None:
            return math.inf
        return self.issued_at + self.expires_in - min(_RENEW_BEFORE, self.expires_in / 2)


FetchedToken: TypeAlias = str | AccessToken


class Session:
    """What an auth object knows at one endpoint; the objects it holds are replaced, not changed."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.turns = Turns()
        self.token: AccessToken | None = None
        self.refused: AccessToken | None = None
        self.attempts = 0
        self.failure: Exception | None = None

    def succeeded(self, token: AccessToken) -> None:
        """Keep a new token."""
        self.token, self.failure = token, None
        self.attempts += 1

    def failed(self, error: Exception) -> None:
        """Keep an error for those who wait; a copy, so that no traceback is kept or shared."""
        self.failure = _untraced(error)
        self.attempts += 1

    def raise_failure(self) -> None:
        """Raise what the last attempt failed with, if it did."""
        if self.failure is not None:
            raise _untraced(self.failure) from self.failure.__cause__


def _untraced(error: Exception) -> Exception:
    if not isinstance(error, Error):
        return error  # not every foreign exception can be copied
    twin = copy.copy(error)
    twin.__cause__ = error.__cause__
    return twin


class Auth(httpx.Auth):
    """Bearer authentication with a token of your own; the base of all auth classes.

    Subclass it and override `fetch_token`, as `def` (tasks run it in a worker thread) or as
    `async def` (for async clients alone). It is called at the first request, shortly before the
    token expires, and once after a 401; never for two threads, or two tasks of an event loop, at
    once. Works with `Client` and `AsyncClient`, and with plain httpx clients.

    >>> class VaultAuth(Auth):
    ...     def fetch_token(self) -> AccessToken:
    ...         return AccessToken("token from the vault", expires_in=600)
    >>> server = httpx.MockTransport(lambda r: httpx.Response(200, text=r.headers["Authorization"]))
    >>> httpx.Client(auth=VaultAuth(), transport=server).get("https://api.example.com").text
    'Bearer token from the vault'

    `clock` gives Unix time in seconds.
    """

    account_kind: AccountKind = AccountKind.CLOUD

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._sessions: dict[str, Session] = {}

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def fetch_token(self) -> FetchedToken | Awaitable[FetchedToken]:
        """Give a token: a text, valid until it is refused, or an `AccessToken`."""
        raise ConfigurationError(
            f"{type(self).__name__} has no token.",
            hint="Subclass Auth and override fetch_token, or use one of the other auth classes.",
        )

    def sync_auth_flow(
        self, request: httpx.Request
    ) -> Generator[httpx.Request, httpx.Response, None]:
        """Run the flow for `httpx.Client`: each wait blocks its thread."""
        flow = self._flow(request)
        try:
            step = next(flow)
            while True:
                if isinstance(step, httpx.Request):
                    step = flow.send((yield step))
                    continue
                try:
                    outcome = step.block()
                except Exception as error:  # noqa: BLE001  # the flow decides what it means
                    step = flow.throw(error)
                else:
                    step = flow.send(outcome)
        except StopIteration:
            return
        finally:
            flow.close()

    async def async_auth_flow(
        self, request: httpx.Request
    ) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Run the flow for `httpx.AsyncClient`: each wait suspends its task."""
        flow = self._flow(request)
        try:
            step = next(flow)
            while True:
                if isinstance(step, httpx.Request):
                    step = flow.send((yield step))
                    continue
                try:
                    outcome = await step.suspend()
                except Exception as error:  # noqa: BLE001  # the flow decides what it means
                    step = flow.throw(error)
                else:
                    step = flow.send(outcome)
        except StopIteration:
            return
        finally:
            flow.close()

    def _flow(self, request: httpx.Request) -> Flow[None]:
        """Send the request with a token, and once more with a new one if that is refused."""
        session = self._session(request)
        token = session.token
        if token is None or not self._is_usable(session, token):
            token = yield from self._renewed(session, request, token)
        request.headers["Authorization"] = f"Bearer {token.access_token}"
        response = yield request
        if not (yield from refuses_token(response)):
            return
        if session.token is token:
            session.refused = token
        # A body that was a stream is used up; a flow that ended with a login would hand its answer
        # to the user. So the renewal is left to the next request.
        if isinstance(request.stream, httpx.ByteStream):
            # An answer that is not read holds its connection, and the login may need that one.
            yield read(response)
            token = yield from self._renewed(session, request, token)
            request.headers["Authorization"] = f"Bearer {token.access_token}"
            yield request

    def _is_usable(self, session: Session, token: AccessToken) -> bool:
        return token is not session.refused and self._clock() < token.renew_at

    def _renewed(
        self, session: Session, request: httpx.Request, seen: AccessToken | None
    ) -> Flow[AccessToken]:
        """Give a newer token than `seen`, got by whoever comes first."""
        attempts = session.attempts
        lock = yield session.turns.take
        try:
            token = session.token
            if session.attempts != attempts:
                session.raise_failure()
                if token is not None and token is not session.refused:
                    return token
            elif token is not None and token is not seen and self._is_usable(session, token):
                return token
            return (yield from self._attempted(session, request))
        finally:
            lock.release()

    def _attempted(self, session: Session, request: httpx.Request) -> Flow[AccessToken]:
        try:
            token = yield from self._obtained(session, request)
        except Exception as error:
            session.failed(error)
            raise
        session.succeeded(token)
        return token

    def _obtained(self, session: Session, request: httpx.Request) -> Flow[AccessToken]:  # noqa: ARG002  # for subclasses
        """Get a token; subclasses override this to get it in more steps than one."""
        issued_at = self._clock()
        answer = yield ask(self.fetch_token)
        token = answer if isinstance(answer, AccessToken) else AccessToken(answer)
        return _dated(token, issued_at)

    def _session(self, request: httpx.Request) -> Session:  # noqa: ARG002  # for subclasses
        return self._sessions.get("") or self._sessions.setdefault("", Session(""))


def _dated(token: AccessToken, issued_at: float) -> AccessToken:
    """Give the token with the time it was asked for, where it has none of its own."""
    return dataclasses.replace(token, issued_at=issued_at) if token.issued_at is None else token


_REFUSED_INSIDE = "HTTP status code: 401"  # an engine passes a refusal on inside a 500


def refuses_token(response: httpx.Response) -> Flow[bool]:
    """Tell whether the server refused the token; only the body of a 500 is read for it."""
    if response.status_code != 500:
        return response.status_code == 401
    yield read(response)
    return _REFUSED_INSIDE in response.text
