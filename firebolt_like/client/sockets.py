"""What sockets are told, and what they are asked.

What may live here: options of sockets, and facts about one.
"""

import select
import socket

__all__ = ["is_readable", "keepalive_options"]

_IDLE = 60  # seconds; load balancers drop connections that are silent for 350
_INTERVAL = 15
_PROBES = 4


def keepalive_options() -> list[tuple[int, int, int]]:
    """Give the socket options that keep a silent connection alive, as this platform names them."""
    options = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)]
    for names, value in (
        (("TCP_KEEPIDLE", "TCP_KEEPALIVE"), _IDLE),  # macOS has the second name
        (("TCP_KEEPINTVL",), _INTERVAL),
        (("TCP_KEEPCNT",), _PROBES),
    ):
        known = [getattr(socket, name) for name in names if hasattr(socket, name)]
        options.extend((socket.IPPROTO_TCP, option, value) for option in known[:1])
    return options


def is_readable(descriptor: int) -> bool:
    """Tell whether a socket has something to say; when nothing was asked, that it is closed."""
    if descriptor < 0:
        return True
    if hasattr(select, "poll"):  # which takes descriptors of any number
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        return bool(poll.poll(0))
    return bool(select.select([descriptor], [], [], 0)[0])
