"""How requests reach the network: keepalive, proxies, TLS and limits, all made at first use.

What may live here: sockets and TLS contexts by httpx's public options; nothing of our protocol.
"""

import functools
import os
import ssl
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

import httpx

from firebolt_like.client.pool import AsyncConnectionPool, ConnectionPool
from firebolt_like.client.sockets import keepalive_options
from firebolt_like.errors import ConfigurationError

__all__ = ["TRANSPORT_KEYWORDS", "AsyncTransport", "Transport", "TransportSettings"]

T = TypeVar("T")

TRANSPORT_KEYWORDS = frozenset({"verify", "cert", "http1", "http2", "limits", "proxy", "aiohttp"})


def _default_limits() -> httpx.Limits:
    # httpx keeps 20, so that a burst of 100 tasks after another would connect 80 times
    return httpx.Limits(max_connections=100, max_keepalive_connections=100)


@dataclass(frozen=True, kw_only=True)
class TransportSettings:
    """The keywords of an httpx client that are for its transport, with the same meanings.

    The defaults are httpx's too, but that every free connection is kept for `keepalive_expiry`.

    `verify=True` trusts what the system trusts, or `SSL_CERT_FILE` and `SSL_CERT_DIR` where they
    are set and `trust_env` is. `aiohttp` is ours, and for `AsyncClient`: by default its faster
    connections are used under asyncio where the extra is installed, for requests that need neither
    HTTP/2 nor a proxy; False switches them off, True raises `ConfigurationError` without the extra.
    """

    verify: ssl.SSLContext | str | bool = True
    cert: str | tuple[str, ...] | None = field(default=None, repr=False)
    http1: bool = True
    http2: bool = False
    limits: httpx.Limits = field(default_factory=_default_limits)
    proxy: httpx.Proxy | httpx.URL | str | None = field(default=None, repr=False)
    trust_env: bool = True
    aiohttp: bool | None = None


class _Pools(Generic[T]):
    """One httpx transport for each scheme and proxy, and which of them serves an origin.

    `dict.setdefault` is atomic: of two threads that make the same pool at once, one's is dropped
    before it opened anything.
    """

    def __init__(self, settings: TransportSettings, make: Callable[..., T]) -> None:
        self._settings = settings
        self._make = make
        self._routes: dict[tuple[bytes, bytes, int | None, bool], T] = {}
        self._pools: dict[tuple[str, str | None, bool], T] = {}
        self._context: ssl.SSLContext | None = None

    def serving(self, request: httpx.Request) -> T:
        url = request.url
        # httpcore's own connections tell each of their steps to who wants to know
        traced = "trace" in request.extensions
        route = (url.raw_scheme, url.raw_host, url.port, traced)
        pool = self._routes.get(route)
        if pool is None:
            pool = self._routes.setdefault(route, self._pool(url, traced))
        return pool

    def all(self) -> list[T]:
        return list(self._pools.values())

    def _pool(self, url: httpx.URL, traced: bool) -> T:
        proxy = self._proxy(url)
        key = (url.scheme, str(proxy.url) if proxy else None, traced)
        pool = self._pools.get(key)
        return pool or self._pools.setdefault(key, self._made(url.scheme, proxy, traced))

    def _made(self, scheme: str, proxy: httpx.Proxy | None, traced: bool) -> T:
        settings = self._settings
        return self._make(
            direct=proxy is None and not settings.http2 and not traced,
            verify=self._tls() if scheme == "https" else _context_without_authorities(),
            http1=settings.http1,
            http2=settings.http2,
            limits=settings.limits,
            proxy=proxy,
            trust_env=False,  # what the environment says is in `verify` and `proxy` already
            socket_options=keepalive_options(),
        )

    def _tls(self) -> ssl.SSLContext:
        if self._context is None:
            self._context = tls_context(self._settings)
        return self._context

    def _proxy(self, url: httpx.URL) -> httpx.Proxy | None:
        given = self._settings.proxy
        if isinstance(given, httpx.Proxy):
            return given
        address = str(given) if given is not None else None
        if address is None and self._settings.trust_env:
            address = environment_proxy(url)
        if address is None:
            return None
        try:
            secure = address.startswith("https:")
            return httpx.Proxy(address, ssl_context=self._tls() if secure else None)
        except (ValueError, httpx.InvalidURL) as error:
            raise ConfigurationError(
                f"The proxy for {url.scheme}://{url.host} is not an address of a proxy.",
                hint="Look at proxy=, HTTPS_PROXY, HTTP_PROXY and ALL_PROXY.",
            ) from error


class Transport(httpx.BaseTransport):
    """The transport of `Client`; opens and loads nothing before its first request."""

    def __init__(self, settings: TransportSettings) -> None:
        if settings.aiohttp:
            raise ConfigurationError("aiohttp=True is for AsyncClient: aiohttp has no sync form.")
        self._pools = _Pools(settings, _pool)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request through the pool for its origin."""
        return self._pools.serving(request).handle_request(request)

    def close(self) -> None:
        """Close every connection."""
        for pool in self._pools.all():
            pool.close()


class AsyncTransport(httpx.AsyncBaseTransport):
    """The transport of `AsyncClient`; opens and loads nothing before its first request."""

    def __init__(self, settings: TransportSettings) -> None:
        installed = _has_aiohttp()
        if settings.aiohttp and not installed:
            raise ConfigurationError(
                "aiohttp=True needs the extra of this name.",
                hint='pip install "firebolt_like[aiohttp]"',
            )
        use_aiohttp = installed and settings.aiohttp is not False
        self._pools = _Pools(settings, functools.partial(_async_pool, use_aiohttp=use_aiohttp))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request through the pool for its origin."""
        pool = self._pools.serving(request)
        try:
            return await pool.handle_async_request(request)
        except ssl.SSLError as error:  # under asyncio httpcore lets it through, as when TLS 1.3
            raise httpx.ReadError(str(error), request=request) from error  # refuses a certificate

    async def aclose(self) -> None:
        """Close every connection."""
        for pool in self._pools.all():
            await pool.aclose()


def _pool(
    *, direct: bool, limits: httpx.Limits, http2: bool, **options: Any
) -> httpx.BaseTransport:
    """Make a pool; HTTP/2 needs httpcore's, because there requests share a connection."""
    if direct:
        from firebolt_like.client.http11 import HTTP11Transport  # noqa: PLC0415  # brings httpcore

        return ConnectionPool(
            functools.partial(HTTP11Transport, **_direct(limits, **options)), limits
        )
    if http2:
        return httpx.HTTPTransport(limits=limits, http2=True, **options)
    return ConnectionPool(
        functools.partial(httpx.HTTPTransport, limits=_one(limits), **options), limits
    )


def _async_pool(
    *, use_aiohttp: bool, direct: bool, limits: httpx.Limits, http2: bool, **options: Any
) -> httpx.AsyncBaseTransport:
    """Make a pool; HTTP/2 needs httpcore's, because there requests share a connection."""
    if direct:
        connect = _connect_by_aiohttp if use_aiohttp else _connect
        return AsyncConnectionPool(functools.partial(connect, **_direct(limits, **options)), limits)
    if http2:
        return httpx.AsyncHTTPTransport(limits=limits, http2=True, **options)
    make = functools.partial(httpx.AsyncHTTPTransport, limits=_one(limits), **options)
    return AsyncConnectionPool(make, limits)


@functools.cache
def _has_aiohttp() -> bool:
    try:
        return find_spec("aiohttp") is not None
    except ValueError:  # somebody shut it out of sys.modules
        return False


def _connect(**options: Any) -> httpx.AsyncBaseTransport:
    from firebolt_like.client.http11 import AsyncHTTP11Transport  # noqa: PLC0415  # likewise

    return AsyncHTTP11Transport(**options)


def _connect_by_aiohttp(**options: Any) -> httpx.AsyncBaseTransport:
    import asyncio  # noqa: PLC0415, TID251  # tells which event loop runs

    try:
        asyncio.get_running_loop()
    except RuntimeError:  # trio
        return _connect(**options)
    from firebolt_like.client.aiohttp_transport import AiohttpTransport  # noqa: PLC0415  # an extra

    return AiohttpTransport(**options)


def _direct(
    limits: httpx.Limits, *, verify: ssl.SSLContext, socket_options: Any, **_: Any
) -> dict[str, Any]:
    return {
        "verify": verify,
        "socket_options": socket_options,
        "keepalive_expiry": limits.keepalive_expiry,
    }


def _one(limits: httpx.Limits) -> httpx.Limits:
    expiry = limits.keepalive_expiry
    return httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=expiry)


def environment_proxy(url: httpx.URL) -> str | None:
    """Give the proxy that the environment names for a URL; `NO_PROXY` is obeyed."""
    proxies = urllib.request.getproxies()
    address = proxies.get(url.scheme) or proxies.get("all")
    host = url.host if url.port is None else f"{url.host}:{url.port}"
    if not address or urllib.request.proxy_bypass(host):
        return None
    return address if "://" in address else f"http://{address}"


def tls_context(settings: TransportSettings) -> ssl.SSLContext:
    """Give the TLS context for `verify` and `cert`; the usual one is shared by all clients."""
    named = _named_authorities() if settings.trust_env else _Authorities()
    if settings.verify is True and settings.cert is None:
        # connecting writes the HTTP versions into the context, so only equals may share it
        key = (named, settings.http1, settings.http2)
        return _shared.get(key) or _shared.setdefault(key, _verifying(named))
    context = _context_for(settings.verify, named)
    if settings.cert is not None:
        parts = (settings.cert,) if isinstance(settings.cert, str) else settings.cert
        context.load_cert_chain(*parts)
    return context


class _Authorities(NamedTuple):
    """Where the environment says the trusted authorities are."""

    file: str | None = None
    folder: str | None = None


_shared: dict[tuple[_Authorities, bool, bool], ssl.SSLContext] = {}


def _named_authorities() -> _Authorities:
    get = os.environ.get
    return _Authorities(get("SSL_CERT_FILE") or None, get("SSL_CERT_DIR") or None)


def _context_for(verify: ssl.SSLContext | str | bool, named: _Authorities) -> ssl.SSLContext:
    if verify is True:
        return _verifying(named)
    if isinstance(verify, str):
        if Path(verify).is_dir():
            return ssl.create_default_context(capath=verify)
        return ssl.create_default_context(cafile=verify)
    return httpx.create_ssl_context(verify=verify)


def _verifying(named: _Authorities) -> ssl.SSLContext:
    """Trust the authorities that the environment names, else those of the system."""
    if any(named):
        return ssl.create_default_context(cafile=named.file, capath=named.folder)
    import truststore  # noqa: PLC0415  # only https needs it

    return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _context_without_authorities() -> ssl.SSLContext:
    """Give what httpx asks for and http never uses; it trusts nobody, and costs next to nothing."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
