"""Hanging up on gRPC's clients, which pyarrow has no way for.

What may live here: the search for a server's connections among the open files of this process.
"""

import contextlib
import os
import socket
from pathlib import Path
from typing import Final

__all__ = ["hang_up"]

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
