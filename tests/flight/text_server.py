"""Servers that take SQL as text, as Dremio does, and that take messages of Flight SQL alone."""

import threading
import time

from pyarrow import flight as pf

from firebolt_like import errors
from firebolt_like.protocol import flight_sql
from tests.flight.scripted_server import ScriptedServer, batches, generated, stream


class TextServer(ScriptedServer):
    """Takes SQL as text, as Dremio does; hangs in the rows of "endless" until it is cancelled."""

    def __init__(self, **options):
        super().__init__(**options)
        self.begun = threading.Event()
        self.ended = threading.Event()
        self.streams[b"endless"] = lambda context: generated(lambda: self.rows(context))
        self.offer("endless", {"endless": []})
        self.offer("q", {"t": []})
        self.streams[b"t"] = lambda _: stream([1])

    def get_flight_info(self, context, descriptor):
        if b"arrow.flight.protocol.sql" in descriptor.command:
            raise pf.FlightInternalError("messages are not known")
        return self.flights[descriptor.command.decode()]()

    def rows(self, context):
        yield from batches([1, 2])
        self.begun.set()
        end = time.monotonic() + 60
        while not context.is_cancelled() and time.monotonic() < end:
            time.sleep(0.01)
        self.ended.set()


class MessageServer(ScriptedServer):
    """Takes messages of Flight SQL alone."""

    def __init__(self, **options):
        super().__init__(**options)
        self.asked = []
        self.refusal = 'DecodeError { description: "invalid varint" }'

    def get_flight_info(self, context, descriptor):
        self.asked.append(descriptor.command)
        try:
            message = flight_sql.unpack(descriptor.command)
        except errors.Error:
            raise pf.FlightInternalError(self.refusal) from None
        if message.query not in self.flights:
            raise pf.FlightInternalError(f"table '{message.query}' not found")
        return self.flights[message.query]()
