"""How one server takes statements, which is found out with the first ones.

What may live here: the two forms in which a statement is sent, and the question how text is read.
"""

import re
from collections.abc import Sequence
from typing import Any

from firebolt_like.errors import (
    AuthenticationError,
    DatabaseError,
    QueryTimeoutError,
    ServerConnectionError,
)
from firebolt_like.flight.client import FlightSQLClient
from firebolt_like.flight.dremio.parameters import (
    Reading,
    is_delicate,
    parameterize_query,
    put_parameters,
)
from firebolt_like.flight.rows import FlightResult
from firebolt_like.flight.statements import CallOptions
from firebolt_like.protocol.sql import checked_text

__all__ = ["Server"]

_NO_MESSAGE = re.compile(
    # what a server says that takes messages of Flight SQL alone, and met a text
    r"DecodeError|protobuf|varint|wire ?type|type_url|defined request is invalid",
    re.IGNORECASE,
)
_QUESTION = r"SELECT 'a\\b''c' AS x"


class Server:
    """Sends statements as text, as Dremio takes them, or as messages of Flight SQL.

    A server that wants messages refuses the first text, and is sent messages from then on. One that
    might read a parameter otherwise than Dremio is asked how it reads text, once.
    """

    def __init__(self, client: FlightSQLClient) -> None:
        self._client = client
        self._takes_text: bool | None = None  # None while nothing was sent
        self._reading: Reading | None = None  # None while it was not asked

    def query(
        self, query: str, parameters: Sequence[Any] | None, options: CallOptions
    ) -> FlightResult:
        """Run a statement, and begin to read its rows."""
        statement = self._statement(query, parameters, options)
        if self._takes_text is not False:
            try:
                info = self._client.get_flight_info(statement.encode(), **options)
            except DatabaseError as error:
                if self._takes_text or not _NO_MESSAGE.search(str(error)):
                    raise
                self._takes_text = False
                statement = self._statement(query, parameters, options)
            else:
                self._takes_text = True
                return self._client.do_get(info, **options)
        return self._client.query(statement, **options)

    def _statement(self, query: str, parameters: Sequence[Any] | None, options: CallOptions) -> str:
        statement = parameterize_query(checked_text(query), parameters)  # says what does not fit
        if not parameters:
            return statement
        delicate = "\\" in query or is_delicate(list(parameters))
        if self._takes_text is not False and not delicate:
            return statement
        reading = self._ask(options)
        return put_parameters(
            query, parameters, reading.write, backslash_escapes=reading.backslash_escapes
        )

    def _ask(self, options: CallOptions) -> Reading:
        if self._reading is None:
            try:
                with self.query(_QUESTION, None, options) as result:
                    text = str(result.read_all().column(0)[0].as_py())
            except (AuthenticationError, QueryTimeoutError, ServerConnectionError):
                raise
            except (DatabaseError, IndexError):
                text = r"a\\b'c"  # as the standard says
            takes_text = self._takes_text is not False
            self._reading = Reading(r"\\" not in text, "'" in text, takes_text)
        return self._reading
