"""The servers that a process shares: one for each file, and one in memory.

What may live here: who uses which, and that the last one stops it.
"""

import dataclasses
import os
import secrets
import threading

from firebolt_like.local.server import LocalServer

__all__ = ["SharedServer", "acquire_shared_server", "release_shared_server"]


@dataclasses.dataclass(slots=True)
class _Shared:
    server: LocalServer
    users: int


_shared: dict[tuple[int, str | None], _Shared] = {}
_shared_lock = threading.Lock()


def acquire_shared_server(path: str | os.PathLike[str] | None) -> LocalServer:
    """Give this process's server on a file, or the one in memory; the first call starts it.

    Every call needs its `release_shared_server`; the last one stops the server. The server wants
    the bearer token `server.token`, so that other users of the machine cannot connect.
    """
    key = (os.getpid(), None if path is None else os.path.realpath(path))
    with _shared_lock:
        shared = _shared.get(key)
        if shared is None:
            server = LocalServer(key[1], token=secrets.token_urlsafe(32))
            server.start()
            shared = _shared[key] = _Shared(server, 0)
        shared.users += 1
        return shared.server


def release_shared_server(server: LocalServer) -> None:
    """Give back what `acquire_shared_server` gave."""
    with _shared_lock:
        for key, shared in _shared.items():
            if shared.server is server:
                shared.users -= 1
                if not shared.users:
                    del _shared[key]
                    server.stop()
                return


class SharedServer:
    """One use of a server that this process shares; it may end before it has begun.

    A task that is cancelled while a thread begins its use cannot wait for the thread.
    """

    def __init__(self, path: str | os.PathLike[str] | None) -> None:
        self._path = path
        self._server: LocalServer | None = None
        self._ended = False
        self._lock = threading.Lock()

    def begin(self) -> LocalServer:
        """Give the server; the first use starts it."""
        server = acquire_shared_server(self._path)
        with self._lock:
            if not self._ended:
                self._server = server
                return server
        release_shared_server(server)
        return server  # to nobody

    def end(self) -> None:
        """Let go of the server; the last use stops it. Again: nothing."""
        with self._lock:
            self._ended = True
            server, self._server = self._server, None
        if server is not None:
            release_shared_server(server)
