"""`Client` and `AsyncClient`: httpx clients that know accounts, endpoints and credentials.

What may live here: what the two add to httpx, through its public API.
"""

import platform
from collections.abc import Coroutine, Sequence
from typing import Any, TypeAlias

import httpx

import firebolt_like
from firebolt_like.client.accounts import Account
from firebolt_like.client.auth.endpoints import clean_endpoint
from firebolt_like.client.auth.login import LOGIN, login_failure
from firebolt_like.client.auth.username_password import UsernamePassword
from firebolt_like.client.httpx_io import AsyncIO, BlockingIO
from firebolt_like.client.io import run
from firebolt_like.client.transport import (
    TRANSPORT_KEYWORDS,
    AsyncTransport,
    Transport,
    TransportSettings,
)
from firebolt_like.errors import ConfigurationError, Error

__all__ = ["DEFAULT_API_ENDPOINT", "AsyncClient", "Client", "user_agent"]

DEFAULT_API_ENDPOINT = "api.app.firebolt.io"

AuthArgument: TypeAlias = httpx.Auth | tuple[str, str] | None


class _Cookies(httpx.Cookies):
    """Cookies that look for new ones only where an answer sets one: most of ours set none."""

    def extract_cookies(self, response: httpx.Response) -> None:
        if "set-cookie" in response.headers:
            super().extract_cookies(response)


class _WithCookies:
    """The attribute `cookies` of both clients, as httpx has it."""

    @property
    def cookies(self) -> httpx.Cookies:
        """The cookies that go with requests."""
        return self._cookies_kept

    @cookies.setter
    def cookies(self, cookies: Any) -> None:
        self._cookies_kept = _Cookies(httpx.Cookies(cookies).jar)


class Client(_WithCookies, httpx.Client):
    """An `httpx.Client` with credentials and an account, for scripts and threads.

    `auth` is an auth object of `firebolt_like.client.auth`, any `httpx.Auth`, or a tuple of user
    name and password. `api_endpoint` is a host or URL; logins and account look-ups go to it, and
    relative URLs as well unless `base_url` is given. `auth_endpoint` says where credentials log
    in, when it is not where the endpoint's rule has it. All other keywords are httpx's; proxies of
    the environment and the system's trust store are used, and a read may take any time
    unless `timeout` is given. Raises `ConfigurationError` for arguments that cannot be meant.

    >>> with Client(auth=("user", "password"), api_endpoint="api.example.com") as client:
    ...     client.build_request("GET", "/iam/v2/account").url
    URL('https://api.example.com/iam/v2/account')
    """

    def __init__(
        self,
        *args: Any,
        account_name: str | None = None,
        api_endpoint: str = DEFAULT_API_ENDPOINT,
        auth: AuthArgument = None,
        auth_endpoint: str | None = None,
        **kwargs: Any,
    ) -> None:
        self.cookies = kwargs.pop("cookies", None)
        self._marks = _endpoints(api_endpoint, auth_endpoint)
        lock = BlockingIO(self).lock()
        self._account = Account(self._marks["api_endpoint"], account_name, lock)
        options = _options(kwargs, self._marks["api_endpoint"], Transport)
        super().__init__(*args, auth=_auth_object(auth), **options)

    @property
    def account_id(self) -> str:
        """The id of the account `account_name`, or of the default account of a password account.

        Asked for once. Raises `AccountNotFoundError`, `AuthenticationError`,
        `ServerConnectionError`, `ServerResponseError`, and `ConfigurationError` where there is no
        account to ask for.
        """
        return run(self._account.id(BlockingIO(self), self.auth, _patience(self.timeout)))

    def send(self, request: httpx.Request, **kwargs: Any) -> httpx.Response:
        """Send a request, as `httpx.Client.send` does; a login that fails is an error of ours."""
        _mark(request, self._marks)
        try:
            return super().send(request, **kwargs)
        except httpx.RequestError as error:
            if (failure := _failed_login(error)) is None:
                raise
            raise failure from error


class AsyncClient(_WithCookies, httpx.AsyncClient):
    """An `httpx.AsyncClient` with credentials and an account, for asyncio and trio.

    Arguments as in `Client`, and `aiohttp`: under asyncio aiohttp's faster connections take short
    requests where the extra of this name is installed; False keeps to ours, True raises
    `ConfigurationError` without the extra.

    >>> import anyio
    >>> async def main() -> None:
    ...     async with AsyncClient(auth=("user", "password")) as client:
    ...         print(client.base_url)
    >>> anyio.run(main)
    https://api.app.firebolt.io
    """

    def __init__(
        self,
        *args: Any,
        account_name: str | None = None,
        api_endpoint: str = DEFAULT_API_ENDPOINT,
        auth: AuthArgument = None,
        auth_endpoint: str | None = None,
        **kwargs: Any,
    ) -> None:
        self.cookies = kwargs.pop("cookies", None)
        self._marks = _endpoints(api_endpoint, auth_endpoint)
        lock = AsyncIO(self).lock()
        self._account = Account(self._marks["api_endpoint"], account_name, lock)
        options = _options(kwargs, self._marks["api_endpoint"], AsyncTransport)
        super().__init__(*args, auth=_auth_object(auth), **options)

    @property
    def account_id(self) -> Coroutine[Any, Any, str]:
        """The same as `Client.account_id`, awaited: `await client.account_id`."""
        return self._account.id(AsyncIO(self), self.auth, _patience(self.timeout))

    async def send(self, request: httpx.Request, **kwargs: Any) -> httpx.Response:
        """Send a request, as `httpx.AsyncClient.send`; a login that fails is an error of ours."""
        _mark(request, self._marks)
        try:
            return await super().send(request, **kwargs)
        except httpx.RequestError as error:
            if (failure := _failed_login(error)) is None:
                raise
            raise failure from error


def _endpoints(api_endpoint: str, auth_endpoint: str | None) -> dict[str, str]:
    """Give the extensions that tell an auth object where to log in."""
    endpoints = {"api_endpoint": clean_endpoint(api_endpoint, "api_endpoint")}
    if auth_endpoint is not None:
        endpoints["auth_endpoint"] = clean_endpoint(auth_endpoint, "auth_endpoint")
    return endpoints


def _mark(request: httpx.Request, marks: dict[str, str]) -> None:
    for name, endpoint in marks.items():
        request.extensions.setdefault(name, endpoint)


def _auth_object(auth: AuthArgument) -> httpx.Auth | None:
    if auth is None or isinstance(auth, httpx.Auth):
        return auth
    if isinstance(auth, tuple) and len(auth) == 2 and all(isinstance(part, str) for part in auth):
        return UsernamePassword(*auth)
    raise ConfigurationError(
        f"auth does not take an object of type {type(auth).__name__}.",
        hint="Give an auth object, such as ClientCredentials(id, secret), or a tuple of two texts, "
        "the user name and the password.",
    )


def _options(kwargs: dict[str, Any], base_url: str, transport: type[Any]) -> dict[str, Any]:
    """Give httpx's keywords, with our defaults, and with our transport in place of its own."""
    options: dict[str, Any] = {"base_url": base_url, "timeout": _TIMEOUT, **kwargs}
    options["headers"] = httpx.Headers(_headers())
    options["headers"].update(kwargs.get("headers"))
    if options.get("transport") is None:
        ours: dict[str, Any] = {
            name: options.pop(name) for name in TRANSPORT_KEYWORDS & options.keys()
        }
        if "trust_env" in options:
            ours["trust_env"] = options["trust_env"]
        if "http2" in ours:
            options["http2"] = ours["http2"]  # httpx says what to install for it
        options["transport"] = transport(TransportSettings(**ours))
    return options


_TIMEOUT = httpx.Timeout(60, read=None)  # a query may take any time before its first byte


def _patience(timeout: httpx.Timeout) -> float:
    """Give the seconds that a look-up may take: it is no query, so never any time."""
    return timeout.read or 60.0


def _headers() -> dict[str, str]:
    return {"User-Agent": user_agent(), "Firebolt-Protocol-Version": "2.4"}


def user_agent(
    clients: Sequence[tuple[str, str]] = (), drivers: Sequence[tuple[str, str]] = ()
) -> str:
    """Name this package, after the programs (name, version) that use it and before its drivers.

    >>> user_agent(clients=[("nightly-report", "1.2")]).split()[0]
    'nightly-report/1.2'
    """
    python = ".".join(platform.python_version_tuple()[:2])
    own = f"firebolt_like/{firebolt_like.__version__} (Python {python}; {platform.system()})"
    before, after = ([f"{name}/{version}" for name, version in part] for part in (clients, drivers))
    return " ".join([*before, own, *after])


def _failed_login(error: httpx.RequestError) -> Error | None:
    """Give the error of a login that got no answer, after telling those who wait for it."""
    try:
        session = error.request.extensions.get(LOGIN)
    except RuntimeError:  # an exception of a foreign transport may know no request
        return None
    if session is None:
        return None
    failure = login_failure(error, session.endpoint)
    failure.__cause__ = error
    session.failed(failure)
    return failure
