"""Logging in: credentials for a token, by a request to the login endpoint and through a cache.

What may live here: the order of cache, refresh and login, and what a login's answer means. Each
kind of credential says in a module of its own which request it makes.
"""

import dataclasses
import functools
import logging
import time
from collections.abc import Callable
from typing import TypedDict, TypeVar

import httpx

from firebolt_like.client.auth.base import AccessToken, AccountKind, Auth, Session
from firebolt_like.client.auth.endpoints import clean_endpoint, identity_endpoint
from firebolt_like.client.auth.login_answer import Login, read_token
from firebolt_like.client.auth.single_use import SingleUseBody
from firebolt_like.client.auth.steps import Flow, call, read, sleep
from firebolt_like.client.auth.token_cache import (
    CacheKey,
    TokenCache,
    UnreadableTokenError,
    default_cache,
)
from firebolt_like.errors import (
    AuthenticationError,
    ConfigurationError,
    Error,
    ServerConnectionError,
    ServerResponseError,
)

__all__ = ["LOGIN", "LoginAuth", "LoginOptions", "login_failure"]

T = TypeVar("T")
logger = logging.getLogger(__name__)


class LoginOptions(TypedDict, total=False):
    """The keywords that every class with a login takes; what they mean is said in `LoginAuth`."""

    token_cache: TokenCache | None
    auth_endpoint: str | None
    clock: Callable[[], float]


class LoginAuth(Auth):
    """Bearer authentication with a login; the base of the classes that hold credentials.

    Subclass it for a login of your own, and override `login_request`; it may be answered like any
    OAuth 2.0 token endpoint (RFC 6749, section 5.1).

    >>> class PartnerLogin(LoginAuth):
    ...     def login_request(self, endpoint: str) -> httpx.Request:
    ...         return httpx.Request("POST", f"{endpoint}/partner", json={"key": self.secret})
    >>> PartnerLogin("me", "a secret", use_token_cache=False)
    PartnerLogin('me', ****)

    `auth_endpoint` is where to log in; a client of this package says it too, and without either it
    is derived from the address of the request. `token_cache` takes the place of the encrypted
    files; `use_token_cache=False` keeps the token in this object only. Raises `ConfigurationError`
    for arguments that are no text.

    Requests raise `AuthenticationError` and `ServerResponseError` for what a login is answered. A
    login without answer raises `ServerConnectionError`, but httpx's own error in its own clients.
    """

    def __init__(
        self,
        principal: str,
        secret: str,
        use_token_cache: bool = True,
        *,
        token_cache: TokenCache | None = None,
        auth_endpoint: str | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(clock=clock)
        if not isinstance(principal, str) or not isinstance(secret, str):
            raise ConfigurationError(f"{type(self).__name__} takes its credentials as two texts.")
        if token_cache is not None and not use_token_cache:
            raise ConfigurationError("A token_cache was given together with use_token_cache=False.")
        self.principal = principal
        self.secret = secret
        self._endpoint = auth_endpoint and clean_endpoint(auth_endpoint, "auth_endpoint")
        self._cache = (token_cache or default_cache()) if use_token_cache else None
        self._warned = False

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.principal!r}, ****)"

    def login_request(self, endpoint: str) -> httpx.Request:
        """Build the request that logs in; `endpoint` has no slash at its end."""
        raise ConfigurationError(f"{type(self).__name__} cannot log in at {endpoint}.")

    def _session(self, request: httpx.Request) -> Session:
        named = request.extensions.get("auth_endpoint") or self._endpoint
        route = named or request.extensions.get("api_endpoint") or _origin(request.url)
        session = self._sessions.get(route)
        if session is None:
            derived = not named and self.account_kind is AccountKind.CLOUD
            endpoint = identity_endpoint(route) if derived else route
            session = self._sessions.setdefault(route, Session(endpoint))
        return session

    def _obtained(self, session: Session, request: httpx.Request) -> Flow[AccessToken]:
        """Get a token from the cache, or log in while no other process does."""
        if self._cache is None:
            return (yield from self._logged_in(session, request, session.token))
        cache, key = self._cache, CacheKey(self.principal, self.secret, session.endpoint)
        load = functools.partial(cache.load, key)
        known = yield from self._tolerated(load, None)
        if known is not None and self._is_news(session, known):
            return known
        release = yield from self._turn(cache, key)
        try:
            known = (yield from self._tolerated(load, None)) or session.token
            if known is not None and self._is_news(session, known):
                return known
            token = yield from self._logged_in(session, request, known)
            if token.expires_in is not None:
                yield from self._tolerated(functools.partial(cache.store, key, token), None)
            return token
        finally:
            release()

    def _is_news(self, session: Session, token: AccessToken) -> bool:
        refused = session.refused
        return self._clock() < token.renew_at and (
            refused is None or refused.access_token != token.access_token
        )

    def _turn(self, cache: TokenCache, key: CacheKey) -> Flow[Callable[[], None]]:
        """Wait until no other process logs in, but not for ever; give what ends the turn."""
        try_lock = functools.partial(cache.try_lock, key)
        unlocked: Callable[[], None] | None = _nothing
        for _ in range(_TRIES):
            release = yield from self._tolerated(try_lock, unlocked)
            if release is not None:
                return release
            yield sleep(_PAUSE)
        return _nothing

    def _tolerated(self, work: Callable[[], T], otherwise: T) -> Flow[T]:
        """Do a cache's work; a cache of any make may fail, and a login goes on without it."""
        try:
            done: T = yield call(work)
        except Exception as error:  # noqa: BLE001  # a cache may be a user's class
            if not self._warned:
                self._warned = True
                told = isinstance(error, OSError | UnreadableTokenError)
                logger.warning(
                    "The token cache is not used: %s",
                    error if told else type(error).__name__,
                )
            return otherwise
        return done

    def _logged_in(
        self, session: Session, request: httpx.Request, previous: AccessToken | None
    ) -> Flow[AccessToken]:
        if previous is not None and previous.refresh_token is not None:
            refresh = _refresh_request(session.endpoint, previous.refresh_token)
            try:
                return (yield from self._asked(session, request, refresh, previous.refresh_token))
            except (AuthenticationError, ServerResponseError):
                logger.debug("The refresh token was refused; logging in again.")
        login = self.login_request(session.endpoint)
        return (yield from self._asked(session, request, login, None))

    def _asked(
        self,
        session: Session,
        request: httpx.Request,
        login: httpx.Request,
        refresh_token: str | None,
    ) -> Flow[AccessToken]:
        """Send a login or a refresh, and read its answer."""
        _prepare(login, request, session)
        issued_at = self._clock()
        response = yield login
        try:
            body = yield read(response)
        except httpx.RequestError as error:
            raise login_failure(error, session.endpoint) from error
        secrets = (self.secret, refresh_token or "")
        token = read_token(response.status_code, body, Login(repr(self), session.endpoint, secrets))
        # a refresh gives no new refresh token: the one in hand goes on
        kept = token.refresh_token or refresh_token
        return dataclasses.replace(token, refresh_token=kept, issued_at=issued_at)


_PAUSE = 0.05  # seconds between two tries to take the turn of another process
_TRIES = 600  # 30 seconds: a login that takes longer hangs, and its process may never let go


def _nothing() -> None:
    """End a turn that was not taken."""


def _origin(url: httpx.URL) -> str:
    return f"{url.scheme}://{url.netloc.decode('ascii')}"


_LONGEST_LOGIN = 60.0  # seconds without a byte; a query may take any time, a login may not


def _prepare(login: httpx.Request, request: httpx.Request, session: Session) -> None:
    """Give the login what the client gives to each request, and keep its secret from redirects."""
    if agent := request.headers.get("User-Agent"):
        login.headers.setdefault("User-Agent", agent)
    login.headers.setdefault("Accept", "application/json")
    # a copy of its own kind: the budget of a call counts down in it
    timeout = request.extensions.get("timeout", {}).copy()
    timeout["read"] = timeout.get("read") or _LONGEST_LOGIN
    login.extensions = {"timeout": timeout, LOGIN: session}
    login.stream = SingleUseBody(login.read())


LOGIN = "firebolt_like.login"  # the extension that marks a login, so that its failure is known


def _refresh_request(endpoint: str, refresh_token: str) -> httpx.Request:
    url = f"{endpoint}/auth/v1/refresh"
    return httpx.Request("POST", url, json={"refresh_token": refresh_token})


def login_failure(error: httpx.RequestError, endpoint: str) -> Error:
    """Say in our terms that a login got no answer; no statement was sent before it."""
    if isinstance(error, httpx.TransportError):
        return ServerConnectionError(
            f"The login at {endpoint} got no answer: {_reason(error)}",
            hint="Check the endpoint, the network and the proxy settings.",
            retryable=True,
        )
    return ServerResponseError(f"The login at {endpoint} got an answer that cannot be read.")


def _reason(error: BaseException) -> str:
    """Give the words of an error, or of its nearest cause that has any: under trio TLS has none."""
    cause: BaseException | None = error
    while cause is not None:
        if words := str(cause):
            return words
        cause = cause.__cause__ or cause.__context__
    return type(error).__name__
