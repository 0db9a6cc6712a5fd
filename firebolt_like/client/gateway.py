"""How an account, a database and an engine are found: one small class for each way.

Each way is `async def open(wire) -> Session`, over the IO that both faces share. What may live
here: the ways, and the cache of what cloud accounts answered.
"""

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, cast
from urllib.parse import quote, urljoin, urlsplit

import msgspec

from firebolt_like.client.accounts import find_account_id
from firebolt_like.client.auth.base import AccountKind
from firebolt_like.client.io import IO, Request
from firebolt_like.client.retry import Budget, Retry, send
from firebolt_like.errors import (
    AccountNotFoundError,
    ConfigurationError,
    Error,
    NotSupportedError,
    ProgrammingError,
    ServerResponseError,
)
from firebolt_like.protocol import json_compact
from firebolt_like.protocol.server_error import server_error
from firebolt_like.protocol.session import Changes, Session, read_changes, trusts
from firebolt_like.protocol.sql import quote_name

__all__ = [
    "CLOUD_CACHE",
    "Cache",
    "Cloud",
    "Core",
    "Discovery",
    "Gateway",
    "PasswordAccount",
    "Wire",
]

CORE_URL = "http://localhost:3473"


@dataclass(frozen=True, slots=True)
class Wire:
    """What a lookup needs: a way to send, and how patiently."""

    io: IO
    retry: Retry
    budget: Budget

    async def get(self, url: str, *, auth: bool = True) -> tuple[int, bytes]:
        """Send a GET, which is safe to repeat; give status and body."""
        reply = await send(
            self.io,
            Request("GET", url, auth=auth),
            retry=self.retry,
            budget=self.budget,
            repeatable=True,
        )
        try:
            return reply.status, await reply.read(self.budget.left())
        finally:
            await reply.close()

    async def lookup(self, url: str, what: str) -> Any:
        """Send a GET about `what`; give its JSON. Raises what any status but 200 stands for."""
        status, body = await self.get(url)
        if status != 200:
            error = server_error(status, body)
            if type(error) is not ProgrammingError:
                raise error
            raise ProgrammingError(
                f"{what} could not be found (status {status}): {error}", code=error.code
            )
        return _json(body, url)

    async def use(self, session: Session, statement: str) -> Changes:
        """Run a USE statement; give what its answer changes."""
        request = Request("POST", session.target(output_format="JSON_Compact"), statement.encode())
        # USE changes nothing on the server, so it is safe to repeat
        reply = await send(self.io, request, retry=self.retry, budget=self.budget, repeatable=True)
        try:
            body = await reply.read(self.budget.left())
        finally:
            await reply.close()
        if reply.status != 200:
            raise server_error(reply.status, body)
        if body.strip():
            json_compact.decode(body)  # raises what stands under `errors`
        return read_changes(reply.headers) or Changes()


class Gateway(Protocol):
    """A way from what connect() was given to a session that can run statements."""

    async def open(self, wire: Wire) -> Session:
        """Find where statements go, with as few requests as the protocol allows."""

    def forget(self) -> None:
        """Drop what was cached, because it proved stale."""


@dataclass(frozen=True, slots=True)
class Core:
    """A self-hosted engine at a fixed URL: no request at all.

    Where `statements` go is the URL; without a database the server's own default is used.
    """

    url: str = CORE_URL
    database: str | None = None

    async def open(self, wire: Wire) -> Session:  # noqa: ARG002  # the protocol's signature
        """Make the session; the first statement shows whether the server is there."""
        return Session.at(self.url, database=self.database)

    def forget(self) -> None:
        """Nothing is cached."""


@dataclass(frozen=True, slots=True)
class Discovery:
    """A server that says itself where it takes statements, in `/.well-known/firebolt`.

    `guarded` says that statements carry a token, which goes to the server's own domain only.
    """

    origin: str
    database: str | None = None
    engine_name: str | None = None
    guarded: bool = False

    async def open(self, wire: Wire) -> Session:
        """Read the discovery document, without credentials."""
        url = urljoin(self.origin, "/.well-known/firebolt")
        status, body = await wire.get(url, auth=False)
        if status != 200:
            raise ServerResponseError(
                f"{self.origin} has no discovery document (status {status} for {url}).",
                hint="Is it a server of this protocol? For Core, give url= instead of host=.",
            )
        document = _json(body, url)
        if _object(document, "instance").get("auth"):
            raise NotSupportedError(
                f"{self.origin} asks for a login that its discovery document describes; only "
                "servers without one can be found this way.",
                hint="With a token, give url= in place of host=, and "
                "auth=Token(token, account_kind=AccountKind.CORE).",
            )
        given = {name: str(value) for name, value in _object(document, "parameters").items()}
        chosen = {"database": self.database, "engine": self.engine_name}
        given |= {name: value for name, value in chosen.items() if value is not None}
        session = Session.at(_discovered(document, self.origin), **given)
        if self.guarded and not trusts(self.origin, session.url):
            raise ServerResponseError(
                f"{self.origin} sends statements to {session.url}, which is outside its domain or "
                "without TLS: the token was not sent there."
            )
        return session

    def forget(self) -> None:
        """Nothing is cached."""


_DISCOVERY_KEYS = ("query_url", "queryUrl", "engine_url", "engineUrl", "endpoint", "url")
_ENDPOINT_KEYS = ("query", "query_url", "queryUrl", "sql", "engine")


def _discovered(document: dict[str, Any], origin: str) -> str:
    endpoints = _object(document, "endpoints")
    found = [document.get(key) for key in _DISCOVERY_KEYS]
    found += [endpoints.get(key) for key in _ENDPOINT_KEYS]
    address = next((each for each in found if isinstance(each, str) and each), "/")
    if address.startswith("/"):
        return urljoin(origin, address)
    return with_scheme(address, urlsplit(origin).scheme)


def _object(document: dict[str, Any], name: str) -> dict[str, Any]:
    found = document.get(name)
    return found if isinstance(found, dict) else {}


@dataclass(frozen=True, slots=True)
class PasswordAccount:
    """A password account: the engine is found by its URL, its name, or the database's default."""

    api_endpoint: str
    account_name: str | None = None
    database: str | None = None
    engine_name: str | None = None
    engine_url: str | None = None

    def __post_init__(self) -> None:
        if self.engine_name and self.engine_url:
            raise ConfigurationError("Give engine_name or engine_url, not both.")
        if not self.database:
            raise ConfigurationError("database is needed for a password account.")

    async def open(self, wire: Wire) -> Session:
        """Look up the account and the engine; no request when the engine's URL is given."""
        scheme = urlsplit(self.api_endpoint).scheme
        if self.engine_url:
            if self.account_name:
                await self._account_id(wire)
            return Session.at(with_scheme(self.engine_url, scheme), database=self.database)
        account = quote(await self._account_id(wire), safe="")
        engines = f"{self.api_endpoint}/core/v1/accounts/{account}/engines"
        found = await (self._by_name if self.engine_name else self._default)(wire, engines)
        return Session.at(_answered(found, self.api_endpoint), database=self.database)

    async def _account_id(self, wire: Wire) -> str:
        kind = AccountKind.PASSWORD
        return await find_account_id(wire.get, self.api_endpoint, self.account_name, kind)

    async def _by_name(self, wire: Wire, engines: str) -> str:
        name = quote(self.engine_name or "", safe="")
        what = f"The engine {self.engine_name!r}"
        found = await wire.lookup(f"{engines}:getIdByName?engine_name={name}", what)
        engine_id = quote(_member(found, "engine_id", "engine_id"), safe="")
        return _member(await wire.lookup(f"{engines}/{engine_id}", what), "engine", "endpoint")

    async def _default(self, wire: Wire, engines: str) -> str:
        name = quote(self.database or "", safe="")
        url = f"{engines}:getURLByDatabaseName?database_name={name}"
        found = await wire.lookup(url, f"The default engine of the database {self.database!r}")
        return _member(found, "engine_url")

    def forget(self) -> None:
        """Nothing is cached."""


@dataclass(slots=True, eq=False)
class Cache:
    """What was resolved, for an hour: `(principal, account), question -> answer`.

    The key of the principal is a digest, so no secret is held here.
    """

    lifetime: float = 3600.0
    clock: Callable[[], float] = time.monotonic
    _entries: dict[tuple[str, str], tuple[float, Any]] = field(default_factory=dict)

    def get(self, key: str, question: str) -> Any:
        """Give the answer, or None when it is not known or too old."""
        expires, answer = self._entries.get((key, question), (0.0, None))
        return answer if self.clock() < expires else None

    def put(self, key: str, question: str, answer: Any) -> None:
        """Keep an answer."""
        self._entries[key, question] = (self.clock() + self.lifetime, answer)

    def forget(self, key: str) -> None:
        """Drop all answers of one principal and account."""
        for entry in [entry for entry in self._entries.copy() if entry[0] == key]:
            self._entries.pop(entry, None)


CLOUD_CACHE = Cache()


@dataclass(frozen=True, slots=True)
class Cloud:
    """A cloud account: its gateway names the system engine, where USE chooses the others.

    `key` stands for principal, endpoint and account in the cache; None switches the cache off.
    """

    api_endpoint: str
    account_name: str | None = None
    database: str | None = None
    engine_name: str | None = None
    key: str | None = None
    cache: Cache = CLOUD_CACHE

    def __post_init__(self) -> None:
        if not self.account_name:
            raise ConfigurationError("account_name is needed for a cloud account.")

    async def open(self, wire: Wire) -> Session:
        """Ask the gateway, then USE DATABASE and USE ENGINE, each only where it is not cached."""
        session = await self._system_engine(wire)
        try:
            if self.database:
                session = session.apply(await self._use(wire, session, "DATABASE", self.database))
            if self.engine_name:
                session = await self._with_engine(wire, session, self.engine_name)
        except Error:
            # what was cached may be the reason
            self.forget()
            raise
        return session

    def forget(self) -> None:
        """Ask anew next time."""
        if self.key is not None:
            self.cache.forget(self.key)

    async def _with_engine(self, wire: Wire, session: Session, name: str) -> Session:
        found = session.apply(await self._use(wire, session, "ENGINE", name))
        database = session.fixed.get("database")
        if database is None:
            return found
        # the answer may be a cached one, which was given to a session in another database
        return dataclasses.replace(found, fixed={**found.fixed, "database": database})

    async def _use(self, wire: Wire, session: Session, what: str, name: str) -> Changes:
        statement = f"USE {what} {quote_name(name)}"
        # without a database an engine may choose its default one: that is another answer
        question = f"{statement} {'in' if self.database else 'without'} a database"
        changes = self._cached(question)
        if changes is None:
            changes = await wire.use(session, statement)
            self._keep(question, changes)
        return cast("Changes", changes)

    async def _system_engine(self, wire: Wire) -> Session:
        known = self._cached("engineUrl")
        if known is not None:
            return cast("Session", known)
        name = quote(self.account_name or "", safe="")
        url = f"{self.api_endpoint}/web/v3/account/{name}/engineUrl"
        status, body = await wire.get(url)
        if status == 404:
            raise AccountNotFoundError(self.account_name)
        if status != 200:
            raise server_error(status, body)
        found = _member(_json(body, url), "engineUrl")
        session = Session.at(_answered(found, self.api_endpoint))
        self._keep("engineUrl", session)
        return session

    def _cached(self, question: str) -> Any:
        return None if self.key is None else self.cache.get(self.key, question)

    def _keep(self, question: str, answer: Any) -> None:
        if self.key is not None:
            self.cache.put(self.key, question, answer)


def with_scheme(address: str, scheme: str = "https") -> str:
    """Add a scheme to an address without one.

    >>> with_scheme("api.example.com"), with_scheme("http://127.0.0.1:9000")
    ('https://api.example.com', 'http://127.0.0.1:9000')
    """
    # the query of an address may hold another one
    has_scheme = "://" in address.partition("?")[0]
    return address if has_scheme else f"{scheme or 'https'}://{address}"


def _answered(address: str, api_endpoint: str) -> str:
    """Give the address that a look-up answered with; the token must not leave TLS for it."""
    scheme = urlsplit(api_endpoint).scheme
    url = with_scheme(address, scheme)
    if scheme == "https" and urlsplit(url).scheme != "https":
        raise ServerResponseError(
            f"{api_endpoint} names an engine without TLS ({url.partition('?')[0]}): the token was "
            "not sent there."
        )
    return url


def _json(body: bytes, url: str) -> Any:
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ServerResponseError(
            f"{url.partition('?')[0]} answered with something that is not a JSON object.",
            hint="Is the address an API endpoint of this protocol?",
        ) from error


def _member(found: Any, *path: str) -> str:
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    if not isinstance(found, str) or not found:
        raise ServerResponseError(f"The lookup's answer has no {'.'.join(path)!r}.")
    return found
