"""What a session sends with every statement, and what answers' headers do to it.

What may live here: the table of headers and names, and `Session`, which is immutable: whoever holds
one replaces it by what `apply` gives.
"""

import dataclasses
import functools
import ipaddress
import re
from collections.abc import Iterable, Mapping
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from firebolt_like.errors import ConfigurationError, DataError, ServerResponseError

__all__ = ["FIXED", "HEADERS", "TRANSACTION", "Changes", "Session", "read_changes", "trusts"]

HEADERS = {
    # header: what it does to later requests, in the order of application
    "firebolt-update-endpoint": "they go to this URL; its query string joins the parameters",
    "firebolt-reset-session": "settings and the transaction are forgotten",
    "firebolt-update-parameters": "`name=value` joins the parameters",
    "firebolt-remove-parameters": "these names leave the parameters",
}

FIXED = ("database", "engine", "account_id", "output_format")
"""Parameters that belong to the connection: a reset keeps them, and SET refuses them."""

TRANSACTION = ("transaction_id", "transaction_sequence_id")
"""Parameters that belong to the transaction, which all cursors of a connection share."""


@dataclasses.dataclass(frozen=True, slots=True)
class Changes:
    """What the headers of one answer ask for."""

    endpoint: str | None = None
    reset: bool = False
    update: Mapping[str, str] = dataclasses.field(default_factory=dict)
    remove: frozenset[str] = frozenset()

    def transaction(self, before: Mapping[str, str]) -> dict[str, str]:
        """Give the transaction's parameters after this answer; empty when none is open."""
        kept = {} if self.reset else dict(before)
        kept |= {name: value for name, value in self.update.items() if name in TRANSACTION}
        return {name: value for name, value in kept.items() if name not in self.remove}


def read_changes(headers: Iterable[tuple[str, str]]) -> Changes | None:
    """Read the session headers of an answer; None when there are none.

    Both forms are read: a comma list, and the header repeated once a pair. A pair is split at its
    first `=`, so a value may hold others.

    >>> read_changes([("Firebolt-Update-Parameters", "database=a,engine=b=c")]).update
    {'database': 'a', 'engine': 'b=c'}
    """
    found: dict[str, list[str]] = {}
    for name, value in headers:
        if name.lower() in HEADERS:
            found.setdefault(name.lower(), []).extend(value.split(","))
    if not found:
        return None
    parts = [item.partition("=") for item in found.get("firebolt-update-parameters", ())]
    pairs = [(name.strip(), value.strip()) for name, mark, value in parts if mark]
    names = [name.strip() for name in found.get("firebolt-remove-parameters", ())]
    return Changes(
        endpoint=",".join(found.get("firebolt-update-endpoint", ())).strip() or None,
        reset=any(value.strip() for value in found.get("firebolt-reset-session", ())),
        update={name: value for name, value in pairs if name},
        remove=frozenset(filter(None, names)),
    )


_SHORT_QUERY = 500  # characters: longer ones hold the values of one statement


def _encode(parameters: tuple[tuple[str, str], ...]) -> str:
    return urlencode(parameters, quote_via=quote)


_encode_again = functools.lru_cache(maxsize=64)(_encode)
"""A session's statements go to the same URL, again and again."""

_LONGEST_QUERY = 60_000
"""Characters: HTTP libraries end at 65,536 for the whole URL, servers often earlier."""


@dataclasses.dataclass(frozen=True, slots=True)
class Session:
    """Where statements go, and the parameters that go with them.

    `home` is the URL that the connection was made to: a bearer token goes to hosts of its domain
    only. `fixed` are database, engine and what the gateway gave; `settings` are what SET set.
    """

    url: str
    home: str
    fixed: Mapping[str, str] = dataclasses.field(default_factory=dict)
    settings: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @classmethod
    def at(cls, url: str, /, **fixed: str | None) -> "Session":
        """Start a session at a URL, whose query string joins the fixed parameters.

        Raises `ConfigurationError` for what is not a URL.

        >>> Session.at("https://sys.example.com?account_id=7", database="db").target()
        'https://sys.example.com/?account_id=7&database=db'
        """
        try:
            address, parameters = _split(url)
        except ValueError:
            # not chained and not repeated: it may hold a password
            raise ConfigurationError(
                "The server's address is not a usable URL: check its host and its port, and that "
                "it holds no user name."
            ) from None
        known = {name: value for name, value in fixed.items() if value is not None}
        return cls(address, address, parameters | known)

    @property
    def engine(self) -> tuple[str, str | None]:
        """What tells engines apart: the URL, and the name where several share it."""
        return self.url, self.fixed.get("engine")

    def target(self, **more: str) -> str:
        """Give the URL for one request; `more` are the parameters of that request alone.

        Raises `DataError` for a parameter with a lone surrogate, which is not valid text, and for
        parameters that are too long for a URL.
        """
        parameters = {**self.fixed, **self.settings, **more}
        short = sum(map(len, parameters.values())) < _SHORT_QUERY
        try:
            query = (_encode_again if short else _encode)(tuple(parameters.items()))
        except UnicodeEncodeError as error:
            name = next(name for name, value in parameters.items() if error.object in (name, value))
            raise DataError(
                f"The parameter {name!r} has a lone surrogate: it is not valid text."
            ) from error
        if len(query) > _LONGEST_QUERY:
            longest = max(parameters, key=lambda name: len(parameters[name]))
            raise DataError(
                f"The parameters take {len(query)} characters of a URL, which holds "
                f"{_LONGEST_QUERY}; the longest is {longest!r}.",
                hint="Let the client bind large values, by `?`: they travel with the SQL.",
            )
        return f"{self.url}?{query}" if query else self.url

    def with_setting(self, name: str, value: str) -> "Session":
        """Give the session after `SET name = value`.

        Raises `ConfigurationError` for names that belong to the connection.
        """
        if name.lower() in (*FIXED, *TRANSACTION):
            raise ConfigurationError(
                f"SET {name} is not possible: it belongs to the connection. "
                "Use USE DATABASE, USE ENGINE, or other arguments of connect()."
            )
        return dataclasses.replace(self, settings={**self.settings, name: value})

    def without_settings(self) -> "Session":
        """Give the session with all that SET set forgotten."""
        return dataclasses.replace(self, settings={})

    def apply(self, changes: Changes) -> "Session":
        """Give the session after an answer.

        Raises `ServerResponseError` when the answer points to no URL, or to a host of a foreign
        domain.
        """
        url, fixed, settings = self.url, dict(self.fixed), dict(self.settings)
        if changes.endpoint:
            url, parameters = self._redirect(changes.endpoint)
            fixed |= parameters
        if changes.reset:
            settings.clear()
        for name, value in changes.update.items():
            if name not in TRANSACTION:
                (fixed if name in FIXED else settings)[name] = value
        for name in changes.remove:
            fixed.pop(name, None)
            settings.pop(name, None)
        return dataclasses.replace(self, url=url, fixed=fixed, settings=settings)

    def _redirect(self, endpoint: str) -> tuple[str, dict[str, str]]:
        scheme = urlsplit(self.home).scheme
        absolute = re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", endpoint)
        try:
            url, parameters = _split(endpoint if absolute else f"{scheme}://{endpoint}")
        except ValueError as error:
            raise ServerResponseError(
                f"The server at {self.home} sends this session to {endpoint!r}, which is not a URL."
            ) from error
        if not trusts(self.home, url):
            raise ServerResponseError(
                f"The server at {self.home} sends this session to {url}, which is outside its "
                "domain: the token was not sent there."
            )
        return url, parameters


def trusts(home: str, url: str) -> bool:
    """Tell whether a token given for `home` may be sent to `url`.

    It may when the host is the same or below the parent domain of `home`, and TLS is not given up.

    >>> trusts("https://system.example.com", "https://engine.example.com:444/x")
    True
    >>> trusts("https://system.example.com", "https://example.com.attacker.net")
    False
    """
    ours, theirs = urlsplit(home), urlsplit(url)
    if theirs.scheme not in (ours.scheme, "https"):
        return False
    host, other = (ours.hostname or "").rstrip("."), (theirs.hostname or "").rstrip(".")
    parent = _parent_domain(host)
    return other == host or (parent is not None and other.endswith("." + parent))


def _parent_domain(host: str) -> str | None:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        _, _, parent = host.partition(".")
        return parent if "." in parent else None
    return None


def _split(url: str) -> tuple[str, dict[str, str]]:
    """Give a URL without its query, and the query; raises `ValueError` for what is not a URL."""
    parts = urlsplit(url)
    _ = parts.port  # reading it checks it
    # readers of URLs disagree about these, so that a check could see another host than the client
    if not parts.hostname or re.search(r"[@\\,\s]", parts.netloc):
        raise ValueError("no host, or a user name")
    parameters = dict(parse_qsl(parts.query, keep_blank_values=True))
    return urlunsplit((parts.scheme, parts.netloc, parts.path or "/", "", "")), parameters
