"""The limit: bare httpx, and msgspec with the types of the answer known before.

No login, no look at the statement, no errors, no odd forms of values.
"""

import datetime
import decimal
from typing import Any

import httpx
import msgspec

_ROWS: dict[str, Any] = {
    # kind: the type of a row
    "mixed": tuple[
        int, str, float, decimal.Decimal, datetime.date, datetime.datetime, bool, int | None
    ],
    "ints": tuple[int],
    "text": tuple[int, str, str, str | None],
    "arrays": tuple[list[int], list[str | None], list[list[float]]],
}


class _Document(msgspec.Struct):
    meta: list[dict[str, str]]
    data: msgspec.Raw


class _Message(msgspec.Struct):
    message_type: str
    data: msgspec.Raw = msgspec.Raw(b"[]")


class Client:
    """One `httpx.Client`."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=url, timeout=60)
        self._document = msgspec.json.Decoder(_Document)
        self._message = msgspec.json.Decoder(_Message)
        self._rows = {kind: msgspec.json.Decoder(list[row]) for kind, row in _ROWS.items()}  # type: ignore[valid-type]  # made at run time

    def close(self) -> None:
        self._http.close()

    def fetchall(self, sql: str) -> int:
        body = self._http.post("/?output_format=JSON_Compact", content=sql).content
        rows = self._decoder(sql).decode(self._document.decode(body).data)
        return len(rows)

    def stream(self, sql: str) -> int:
        count, rows = 0, self._decoder(sql)
        with self._http.stream("POST", "/?output_format=JSONLines_Compact", content=sql) as answer:
            held: list[bytes] = []
            for chunk in answer.iter_raw():
                *whole, rest = chunk.split(b"\n")
                for line in whole:
                    for _ in rows.decode(self._message.decode(b"".join((*held, line))).data):
                        count += 1
                    held.clear()
                held.append(rest)
        return count

    def _decoder(self, sql: str) -> Any:
        return self._rows[sql.removeprefix("SELECT ").partition("_")[0]]
