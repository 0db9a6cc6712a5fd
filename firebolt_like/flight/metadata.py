"""Headers that a caller gives, as gRPC takes them.

Source: "gRPC over HTTP/2", Custom-Metadata. What may live here: the check of names and values.
"""

import re
from collections.abc import Mapping

from firebolt_like.errors import ConfigurationError
from firebolt_like.flight.transport import Pair

__all__ = ["check_metadata"]

_NAME = re.compile(r"[a-z0-9_.-]+")
_VALUE = re.compile(r"[\x20-\x7e]*")


def check_metadata(headers: Mapping[str, str | bytes]) -> tuple[Pair, ...]:
    """Give headers with their names in lower case.

    Raises `ConfigurationError` for what gRPC cannot carry; it does not show the value.

    >>> check_metadata({"Routing-Tag": "reports"})
    (('routing-tag', 'reports'),)
    """
    found: list[Pair] = []
    for name, value in headers.items():
        key = str(name).lower()
        if not _NAME.fullmatch(key) or key.startswith("grpc-"):
            raise ConfigurationError(f"{name!r} is not a name that a header of gRPC can have.")
        if key.endswith("-bin"):
            value = value.encode() if isinstance(value, str) else value  # noqa: PLW2901  # its form
        elif isinstance(value, bytes) or not _VALUE.fullmatch(str(value)):
            raise ConfigurationError(
                f"The value of the header {name!r} is not printable ASCII.",
                hint="Names that end with -bin carry any bytes.",
            )
        found.append((key, value if isinstance(value, bytes) else str(value)))
    return tuple(found)
