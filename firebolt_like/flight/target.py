"""Where a Flight server is, and how its channel is secured.

What may live here: addresses and TLS settings as data, and the reading of locations.
"""

import dataclasses
import ipaddress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from firebolt_like.errors import ConfigurationError

__all__ = ["REUSE_CONNECTION", "Target", "Tls", "parse_location"]

DEFAULT_PORT = 32010  # of Dremio, which other servers took over
REUSE_CONNECTION = "arrow-flight-reuse-connection"

_SECURE = {
    # scheme: whether TLS
    "grpc": False,
    "grpc+tcp": False,
    "grpc+tls": True,
    "grpcs": True,
}
_UNIX = "grpc+unix"


@dataclass(frozen=True, slots=True)
class Tls:
    """`roots`, and `certificate` with `key` for mutual TLS, are PEM; `verify=False` trusts all."""

    roots: bytes | None = None
    certificate: bytes | None = None
    key: bytes | None = field(default=None, repr=False)
    override_hostname: str | None = None
    verify: bool = True


@dataclass(frozen=True, slots=True)
class Target:
    """One server: `host:port`, or a path of a socket."""

    host: str
    port: int | None = None
    tls: Tls | None = None

    @property
    def address(self) -> str:
        """The address as gRPC writes it."""
        if self.port is None:
            return f"unix:{self.host}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def uri(self) -> str:
        """The address as Arrow writes it."""
        if self.port is None:
            return f"{_UNIX}://{self.host}"
        return f"grpc+{'tls' if self.tls else 'tcp'}://{self.address}"

    def at(self, location: str) -> "Target | None":
        """Give another server by a location that this one names; None for one that is not usable.

        No location, one that means every interface, and one that says so mean this server. A
        server that is reached by TLS sends nobody to a place without.
        """
        if not location or location.startswith(f"{REUSE_CONNECTION}:"):
            return self
        try:
            other = parse_location(location)
        except ConfigurationError:
            return None
        if other.port is not None and _is_everywhere(other.host):
            return self
        if self.tls is not None and other.tls is None:
            return None
        return dataclasses.replace(other, tls=other.tls and (self.tls or other.tls))


def parse_location(uri: str, default_port: int | None = DEFAULT_PORT) -> Target:
    """Read a URI of Flight, without its options.

    Raises `ConfigurationError`, which does not show a password in it.

    >>> parse_location("grpc+tls://example.com:443").address
    'example.com:443'
    """
    try:
        parts = urlsplit(uri)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise ConfigurationError(
            f"The address of the Flight server is not valid: {error}"
        ) from None
    if parts.scheme == _UNIX and parts.path:
        return Target(parts.path)
    if parts.scheme not in _SECURE or not host:
        raise ConfigurationError(
            f"The address of a Flight server is grpc+tls://host:port or grpc://host:port, not "
            f"{parts.scheme or 'without a scheme'}://{host or ''}."
        )
    return Target(host, port or default_port, Tls() if _SECURE[parts.scheme] else None)


def _is_everywhere(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False
