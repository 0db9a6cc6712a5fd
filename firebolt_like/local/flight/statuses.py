"""Refusals as gRPC statuses: what a client is told, and that it is told nothing else.

pyarrow tells a client the server's traceback for every exception but its own Flight errors, and
those have no INVALID_ARGUMENT, NOT_FOUND or UNIMPLEMENTED. What may live here: the way around that,
and the table from refusals to statuses.
"""

import functools
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, ParamSpec, TypeVar

import pyarrow as pa
import pyarrow.flight as fl

from firebolt_like.errors import NotSupportedError, ServerResponseError
from firebolt_like.local.refusal import Refusal

__all__ = ["answering", "status_of", "telling"]

P = ParamSpec("P")
T = TypeVar("T")
_logger = logging.getLogger(__name__)


class _Untraceable:
    """Its traceback cannot be written, so that pyarrow tells the name of its class in its place."""

    @property
    def __cause__(self) -> BaseException:
        raise AttributeError


class InvalidArgument(_Untraceable, pa.ArrowInvalid):  # type: ignore[misc]  # see _Untraceable
    """INVALID_ARGUMENT."""


class NotFound(_Untraceable, pa.ArrowKeyError):  # type: ignore[misc]  # as above
    """NOT_FOUND."""

    __str__ = Exception.__str__  # a KeyError's is its argument's repr


class Unimplemented(_Untraceable, pa.ArrowNotImplementedError):  # type: ignore[misc]  # as above
    """UNIMPLEMENTED."""


_BY_NAME: Final[dict[str, type[Exception]]] = {
    # a refusal's name, where it is not a client's mistake in a statement
    "Cancelled": fl.FlightCancelledError,
    "NotSupported": Unimplemented,
    "OutOfMemory": fl.FlightInternalError,
    "PermissionDenied": fl.FlightUnauthorizedError,
}
_BY_STATUS: Final[dict[int, type[Exception]]] = {
    # that of a refusal by HTTP
    401: fl.FlightUnauthenticatedError,
    403: fl.FlightUnauthorizedError,
    404: NotFound,
    429: fl.FlightUnavailableError,
    504: fl.FlightTimedOutError,
}


def status_of(refusal: Refusal) -> Exception:
    """Give the exception that a client gets for a refusal."""
    kind = _BY_STATUS.get(refusal.status) or _BY_NAME.get(refusal.detail.name or "")
    # pyarrow goes on behind the text with a point of its own
    return (kind or InvalidArgument)(refusal.detail.description.removesuffix("."))


@contextmanager
def telling() -> Iterator[None]:
    """Turn what is raised into what a client may see."""
    try:
        yield
    except Refusal as refusal:
        raise status_of(refusal) from None
    except NotSupportedError as error:
        raise Unimplemented(str(error)) from None
    except ServerResponseError as error:
        raise InvalidArgument(str(error)) from None
    except (fl.FlightError, InvalidArgument, NotFound, Unimplemented):
        raise
    except Exception:
        _logger.exception("A call over Flight has failed.")
        raise fl.FlightInternalError("The server has failed at this; its log says how.") from None


def answering(handle: Callable[P, T]) -> Callable[P, T]:
    """Wrap a handler in `telling`."""

    @functools.wraps(handle)
    def answer(*args: P.args, **kwargs: P.kwargs) -> T:
        with telling():
            return handle(*args, **kwargs)

    return answer
