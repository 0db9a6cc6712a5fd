"""Two things that the end of a server needs, and that pyarrow has no way for.

What may live here: hanging up on gRPC's clients, and letting go of a server of another process.
"""

import contextlib
import os
import socket
import weakref
from pathlib import Path
from typing import Final

__all__ = ["forget", "hang_up"]

_FILES: Final = Path("/dev/fd")


def hang_up(port: int) -> None:
    """Shut the connections to a port of this process; on systems without `/dev/fd`, nothing."""
    if not _FILES.is_dir():
        return
    for file in list(_FILES.iterdir()):
        with (
            contextlib.suppress(OSError, ValueError),  # no socket, no connection, gone by now
            socket.socket(fileno=os.dup(int(file.name))) as connection,
        ):
            here = connection.getsockname()
            if connection.getpeername() and here[1:2] == (port,):
                connection.shutdown(socket.SHUT_RDWR)


def forget(server: object) -> None:
    """Have a forked process not shut the server of its parent: it would wait for ever."""
    for finalizer in list(weakref.finalize._registry):  # type: ignore[attr-defined]  # noqa: SLF001  # pyarrow's own is not to be had otherwise
        found = finalizer.peek()
        if found is not None and found[0] is server:
            finalizer.detach()
