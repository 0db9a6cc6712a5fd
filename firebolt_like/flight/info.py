"""What a server answers a statement with: how to get its rows.

What may live here: the answer as users see it.
"""

from typing import TYPE_CHECKING

from firebolt_like.flight.framing import read_schema
from firebolt_like.protocol import flight
from firebolt_like.protocol.flight import FlightEndpoint

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["FlightInfo"]


class FlightInfo:
    """How to get the rows of a statement: `client.do_get(info)` reads all of its endpoints.

    `schema` is None where the server did not announce it. `total_records` and `total_bytes` are -1
    where it does not know them. `message` is the answer itself.
    """

    def __init__(self, message: flight.FlightInfo) -> None:
        self.message = message
        self.schema: pa.Schema | None = read_schema(message.schema)

    def __repr__(self) -> str:
        return f"FlightInfo(endpoints={len(self.endpoints)}, total_records={self.total_records})"

    @property
    def endpoints(self) -> tuple[FlightEndpoint, ...]:
        """The parts of the answer, each with its ticket and its locations."""
        return self.message.endpoint

    @property
    def ordered(self) -> bool:
        """Whether the endpoints are in the order of the rows."""
        return self.message.ordered

    @property
    def total_records(self) -> int:
        """The number of rows."""
        return self.message.total_records

    @property
    def total_bytes(self) -> int:
        """The size of the rows in bytes."""
        return self.message.total_bytes

    @property
    def app_metadata(self) -> bytes:
        """What the server's application adds."""
        return self.message.app_metadata
