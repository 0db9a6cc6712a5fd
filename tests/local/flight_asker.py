"""A bare client of Flight SQL over pyarrow, for the tests of the embedded engine over Flight."""

import dataclasses
from typing import Any

import pyarrow as pa
import pyarrow.flight as fl

from firebolt_like.local import LocalServer
from firebolt_like.protocol import flight_sql as messages
from firebolt_like.protocol.protobuf import Message, decode

EMPTY = pa.table({})


@dataclasses.dataclass
class FlightAsker:
    """Sends commands, messages or SQL text, to one server."""

    client: fl.FlightClient
    options: fl.FlightCallOptions = dataclasses.field(
        default_factory=lambda: fl.FlightCallOptions(timeout=30)
    )

    @classmethod
    def of(cls, server: LocalServer, **headers: str) -> "FlightAsker":
        """Connect, and send these headers with every call."""
        pairs = [(name.encode(), text.encode()) for name, text in headers.items()]
        return cls(fl.connect(server.flight_url), fl.FlightCallOptions(timeout=30, headers=pairs))

    def info(self, command: Message | str) -> fl.FlightInfo:
        return self.client.get_flight_info(_descriptor(command), self.options)

    def get(self, command: Message | str) -> pa.Table:
        """Fetch all rows."""
        return self.fetch(self.info(command))

    def fetch(self, info: fl.FlightInfo) -> pa.Table:
        readers = [self.client.do_get(one.ticket, self.options) for one in info.endpoints]
        return pa.concat_tables([reader.read_all() for reader in readers])

    def rows(self, command: Message | str) -> list[tuple[Any, ...]]:
        """Fetch all rows as tuples."""
        columns = [column.to_pylist() for column in self.get(command).columns]
        return list(zip(*columns, strict=True))

    def put(self, command: Message | str, rows: pa.Table = EMPTY) -> bytes:
        """Put rows, and give the answer."""
        writer, reader = self.client.do_put(_descriptor(command), rows.schema, self.options)
        with writer:
            if rows.num_columns:
                writer.write_table(rows)
            writer.done_writing()
            answer = reader.read()
        return b"" if answer is None else answer.to_pybytes()

    def update(self, command: Message | str, rows: pa.Table = EMPTY) -> int:
        """Put a command, with rows, and give its count."""
        if isinstance(command, str):
            command = messages.CommandStatementUpdate(command)
        return decode(messages.DoPutUpdateResult, self.put(command, rows)).record_count

    def act(self, name: str, body: Message | bytes) -> list[bytes]:
        """Have an action done, and give its answers."""
        packed = messages.pack(body) if isinstance(body, Message) else body
        found = self.client.do_action(fl.Action(name, packed), self.options)
        return [result.body.to_pybytes() for result in found]

    def prepare(
        self, sql: str, transaction: bytes | None = None
    ) -> messages.ActionCreatePreparedStatementResult:
        request = messages.ActionCreatePreparedStatementRequest(sql, transaction)
        (answer,) = self.act("CreatePreparedStatement", request)
        result = messages.unpack(answer)
        assert isinstance(result, messages.ActionCreatePreparedStatementResult)
        return result

    def query(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Run a query once with parameters; those of no Arrow type get one from pyarrow."""
        command = messages.CommandPreparedStatementQuery(
            self.prepare(sql).prepared_statement_handle
        )
        arrays = [one if isinstance(one, pa.Array) else pa.array([one]) for one in parameters]
        self.put(command, pa.Table.from_arrays(arrays, [str(at) for at in range(len(arrays))]))
        return self.rows(command)

    def begin(self) -> bytes:
        (answer,) = self.act("BeginTransaction", messages.ActionBeginTransactionRequest())
        result = messages.unpack(answer)
        assert isinstance(result, messages.ActionBeginTransactionResult)
        return result.transaction_id

    def end(self, transaction: bytes, how: messages.EndTransaction) -> None:
        self.act("EndTransaction", messages.ActionEndTransactionRequest(transaction, how))

    def close(self) -> None:
        self.client.close()


def _descriptor(command: Message | str) -> fl.FlightDescriptor:
    packed = command if isinstance(command, str) else messages.pack(command)
    return fl.FlightDescriptor.for_command(packed)
