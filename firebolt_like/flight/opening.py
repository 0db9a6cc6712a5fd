"""How a client comes about, from its options.

What may live here: what both faces put together, each from parts of its own kind.
"""

from collections.abc import Callable
from typing import Any

from firebolt_like.client.auth.bearer import MOUNTS
from firebolt_like.client.io import IO
from firebolt_like.flight.caller import Caller
from firebolt_like.flight.connect import TransportName
from firebolt_like.flight.options import ClientOptions, Options, read_options
from firebolt_like.flight.statements import StatementsCore
from firebolt_like.flight.target import Target
from firebolt_like.flight.transport import Transport

__all__ = ["open_core"]


def open_core(
    url: str | None,
    keywords: ClientOptions,
    make_io: Callable[..., IO],
    make_transport: Callable[[TransportName, Target], Transport],
) -> tuple[StatementsCore, Options]:
    """Make what is under a client; nothing is sent yet."""
    options = read_options(url, keywords)
    client: dict[str, Any] = {"auth": options.auth, "mounts": MOUNTS}
    if options.api_endpoint is not None:
        client["api_endpoint"] = options.api_endpoint
    caller = Caller(
        make_io(**client),
        options.target,
        lambda target: make_transport(options.transport, target),
        credentials=options.credentials,
        token=options.token,
        metadata=options.metadata,
        retry=options.retry,
    )
    return StatementsCore(caller, options.timeout), options
