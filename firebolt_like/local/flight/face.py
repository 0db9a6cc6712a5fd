"""How a server comes to speak Flight: addresses, certificates, and errors in our own words.

What may live here: what is known before pyarrow.flight is imported.
"""

import os
import socket
import ssl
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from firebolt_like.errors import ConfigurationError

if TYPE_CHECKING:
    from firebolt_like.local.flight.server import FlightServer
    from firebolt_like.local.shared import Shared

__all__ = ["FlightFace"]


class FlightFace:
    """A server's face over Flight: started once, at most.

    `tls` is a certificate chain and its private key, files in PEM. Raises `ConfigurationError` for
    files that cannot be read.
    """

    def __init__(
        self,
        host: str,
        port: int,
        tls: tuple[str | os.PathLike[str], str | os.PathLike[str]] | None,
    ) -> None:
        self._host = f"[{host}]" if ":" in host else host
        self._tls = None if tls is None else _read(tls)
        self._port = port
        self._server: FlightServer | None = None
        self._lock = threading.Lock()

    @property
    def url(self) -> str | None:
        """`grpc://host:port`, or `grpc+tls://host:port`, as clients on this machine write it."""
        server = self._server
        if server is None:
            return None
        host = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}.get(self._host, self._host)  # noqa: S104  # compared, not bound
        return f"{self._scheme}://{host}:{server.port}"

    @property
    def _scheme(self) -> str:
        return "grpc" if self._tls is None else "grpc+tls"

    def start(self, shared: "Shared", uploads: int) -> None:
        """Start it, if it has not been; `uploads`: how many clients may put rows at once.

        Raises `ConfigurationError` for an address that cannot be bound.
        """
        with self._lock:
            if self._server is None:
                self._server = self._start(shared, uploads)
                self._port = self._server.port  # the next start takes the same one

    def _start(self, shared: "Shared", uploads: int) -> "FlightServer":
        try:
            import pyarrow as pa  # noqa: PLC0415  # of the `local` extra

            from firebolt_like.local.flight.server import FlightServer  # noqa: PLC0415  # slow
        except ImportError as error:
            raise ConfigurationError(
                f"The embedded engine needs {error.name!r} to speak Flight.",
                hint='pip install "firebolt_like[local]"',
            ) from error
        location = f"{self._scheme}://{self._host}:{self._port}"
        try:
            _check_port(self._host.strip("[]"), self._port)
            return FlightServer(shared, location, uploads=uploads, tls=self._tls)
        except (pa.ArrowException, OSError, OverflowError) as error:
            raise ConfigurationError(
                f"The server cannot speak Flight on {self._host}, port {self._port}.",
                hint="Choose another port; 0 takes a free one.",
            ) from error

    def stop(self) -> None:
        """End it. Again: nothing."""
        with self._lock:
            server, self._server = self._server, None
        if server is not None:
            server.end()


def _check_port(host: str, port: int) -> None:
    """Raise `OSError` for a port that is taken: gRPC would share it with another gRPC server."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        if os.name == "posix":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))


def _read(tls: tuple[str | os.PathLike[str], str | os.PathLike[str]]) -> tuple[bytes, bytes]:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(*tls)
        certificate, key = (Path(path).read_bytes() for path in tls)
    except (OSError, TypeError, ValueError) as error:  # an SSLError is an OSError
        raise ConfigurationError(
            "flight_tls= wants two files in PEM: a certificate chain, and its private key."
        ) from error
    return certificate, key
