r"""Arrow Flight: the table of its messages, shared by client and embedded engine.

    >>> from firebolt_like.protocol.protobuf import encode
    >>> encode(FlightDescriptor(DescriptorType.CMD, b"select 1"))
    b'\x08\x02\x12\x08select 1'

Source: the Arrow documentation, "Arrow Flight RPC".

What may live here: messages of Flight and their enumerations. Those of Flight SQL, which travel
inside of them, are in `flight_sql`; `encode` and `decode` are in `protobuf`.
"""

from enum import IntEnum
from typing import Annotated

from firebolt_like.protocol.protobuf import Message

__all__ = [
    "Action",
    "ActionType",
    "BasicAuth",
    "CancelFlightInfoRequest",
    "CancelFlightInfoResult",
    "CancelStatus",
    "Criteria",
    "DescriptorType",
    "Empty",
    "FlightData",
    "FlightDescriptor",
    "FlightEndpoint",
    "FlightInfo",
    "HandshakeRequest",
    "HandshakeResponse",
    "Location",
    "PutResult",
    "Result",
    "SchemaResult",
    "Ticket",
    "Timestamp",
]


class DescriptorType(IntEnum):
    """What a descriptor names a flight by."""

    UNKNOWN = 0
    PATH = 1
    CMD = 2


class CancelStatus(IntEnum):
    """What became of a request to cancel."""

    UNSPECIFIED = 0
    CANCELLED = 1
    CANCELLING = 2
    NOT_CANCELLABLE = 3


class Empty(Message, frozen=True):
    """Nothing."""


class HandshakeRequest(Message, frozen=True):
    """One step of a login."""

    protocol_version: Annotated[int, 1] = 0
    payload: Annotated[bytes, 2] = b""

    def __repr__(self) -> str:
        return "HandshakeRequest(...)"  # a payload may hold a password


class HandshakeResponse(Message, frozen=True):
    """The answer to one step of a login."""

    protocol_version: Annotated[int, 1] = 0
    payload: Annotated[bytes, 2] = b""

    def __repr__(self) -> str:
        return "HandshakeResponse(...)"  # a payload may hold a token


class BasicAuth(Message, frozen=True):
    """The older form of a login, as the payload of a handshake."""

    username: Annotated[str, 2] = ""
    password: Annotated[str, 3] = ""

    def __repr__(self) -> str:
        return f"BasicAuth({self.username!r}, ...)"


class Criteria(Message, frozen=True):
    """Which flights to list."""

    expression: Annotated[bytes, 1] = b""


class ActionType(Message, frozen=True):
    """An action that a server has."""

    type: Annotated[str, 1] = ""
    description: Annotated[str, 2] = ""


class Action(Message, frozen=True):
    """A call of an action by its name."""

    type: Annotated[str, 1] = ""
    body: Annotated[bytes, 2] = b""


class Result(Message, frozen=True):
    """One of the answers of an action."""

    body: Annotated[bytes, 1] = b""


class SchemaResult(Message, frozen=True):
    """The schema of a flight, as an encapsulated message of Arrow IPC."""

    schema: Annotated[bytes, 1] = b""


class FlightDescriptor(Message, frozen=True):
    """What a flight is asked for by: a command or a path."""

    type: Annotated[int, 1] = DescriptorType.UNKNOWN
    cmd: Annotated[bytes, 2] = b""
    path: Annotated[tuple[str, ...], 3] = ()


class Ticket(Message, frozen=True):
    """What a stream is fetched by."""

    ticket: Annotated[bytes, 1] = b""


class Location(Message, frozen=True):
    """Where a stream can be fetched."""

    uri: Annotated[str, 1] = ""


class Timestamp(Message, frozen=True):
    """An instant, since 1970 in UTC."""

    seconds: Annotated[int, 1] = 0
    nanos: Annotated[int, 2] = 0


class FlightEndpoint(Message, frozen=True):
    """A part of a flight: its ticket, and where that is taken; no location: where it was given."""

    ticket: Annotated[Ticket | None, 1] = None
    location: Annotated[tuple[Location, ...], 2] = ()
    expiration_time: Annotated[Timestamp | None, 3] = None
    app_metadata: Annotated[bytes, 4] = b""


class FlightInfo(Message, frozen=True):
    """How to get a flight; totals are -1 where the server does not know."""

    schema: Annotated[bytes, 1] = b""
    flight_descriptor: Annotated[FlightDescriptor | None, 2] = None
    endpoint: Annotated[tuple[FlightEndpoint, ...], 3] = ()
    total_records: Annotated[int, 4] = 0
    total_bytes: Annotated[int, 5] = 0
    ordered: Annotated[bool, 6] = False
    app_metadata: Annotated[bytes, 7] = b""


class FlightData(Message, frozen=True):
    """One message of Arrow IPC in a stream: `data_header` is its metadata."""

    flight_descriptor: Annotated[FlightDescriptor | None, 1] = None
    data_header: Annotated[bytes | memoryview, 2] = b""
    app_metadata: Annotated[bytes, 3] = b""
    data_body: Annotated[bytes | memoryview, 1000] = b""


class PutResult(Message, frozen=True):
    """An answer to what was put."""

    app_metadata: Annotated[bytes, 1] = b""


class CancelFlightInfoRequest(Message, frozen=True):
    """The body of the action `CancelFlightInfo`."""

    info: Annotated[FlightInfo | None, 1] = None


class CancelFlightInfoResult(Message, frozen=True):
    """`status` is a `CancelStatus`."""

    status: Annotated[int, 1] = CancelStatus.UNSPECIFIED
