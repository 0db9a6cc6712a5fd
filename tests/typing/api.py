"""The public API as a type checker sees it; checked by mypy and pyright, never run.

What may live here: one statement for each public name, and the type it must have.
"""

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, TypedDict, assert_type

import httpx
import msgspec
import polars
import pydantic

from firebolt_like import async_db, db, errors
from firebolt_like.client.auth import (
    AccessToken,
    Auth,
    CacheKey,
    ClientCredentials,
    FileTokenCache,
    FireboltCore,
    MemoryTokenCache,
    ServiceAccount,
    Token,
    TokenCache,
    UsernamePassword,
)
from firebolt_like.client.client import AsyncClient, Client
from firebolt_like.client.retry import Retry
from firebolt_like.dbapi.ingest import IngestReport
from firebolt_like.rows import dict_row, namedtuple_row, tuple_row

Row = tuple[Any, ...]


def clients_in_scripts() -> None:
    with Client(auth=("user", "password"), api_endpoint="api.example.com", timeout=5) as client:
        assert_type(client, Client)
        assert_type(client.account_id, str)
        assert_type(client.get("/path"), httpx.Response)
        assert_type(client.send(client.build_request("GET", "/path")), httpx.Response)
    Client(auth=Token("t"), account_name="acme", auth_endpoint="https://id.example.com")


async def clients_in_tasks() -> None:
    named = ServiceAccount(client_id="id", client_secret="secret", use_token_cache=False)
    async with AsyncClient(auth=named, http2=True) as client:
        assert_type(client, AsyncClient)
        assert_type(await client.account_id, str)
        assert_type(await client.get("/path"), httpx.Response)


class Vault(Auth):
    """An auth class of a user's own, for all clients."""

    def fetch_token(self) -> AccessToken:
        return AccessToken("token", expires_in=600)


class AsyncVault(Auth):
    """One that is awaited."""

    async def fetch_token(self) -> str:
        return "token"


class Keyring:
    """A token cache of a user's own."""

    def load(self, key: CacheKey) -> AccessToken | None:
        return AccessToken(key.principal)

    def store(self, key: CacheKey, token: AccessToken) -> None:
        """Keep it."""

    def try_lock(self, key: CacheKey) -> Callable[[], None] | None:
        return lambda: None


def credentials(ways: list[httpx.Auth], caches: list[TokenCache]) -> None:
    caches += [Keyring(), MemoryTokenCache(), FileTokenCache("folder")]
    ways += [
        Vault(),
        AsyncVault(),
        FireboltCore(),
        Token("token"),
        UsernamePassword("user", "password", use_token_cache=False),
        ServiceAccount("id", "secret", token_cache=Keyring()),
        ClientCredentials("id", "secret", auth_endpoint="https://id.example.com"),
    ]


def connections_in_scripts() -> None:
    with db.connect("local:") as connection:
        assert_type(connection, db.Connection)
        assert_type(connection.cursor(), db.Cursor)
        assert_type(connection.cursor(paramstyle="numeric_dollar"), db.Cursor)
        assert_type(connection.commit(), None)
        assert_type(connection.rollback(), None)
        assert_type(connection.autocommit, bool)
        assert_type(connection.in_transaction, bool)
        assert_type(connection.closed, bool)
        assert_type(connection.Error, type[errors.Error])
    db.connect(auth=Vault(), account_name="acme", database="d", engine_name="e", timeout=5.5)
    db.connect(auth=("user", "password"), retry=Retry(attempts=1), verify=False)


def cursors_in_scripts(connection: db.Connection) -> None:
    with connection.cursor() as cursor:
        assert_type(cursor.execute("SELECT ?", [1], timeout=1), db.Cursor)
        assert_type(cursor.execute_stream("SELECT 1"), db.Cursor)
        assert_type(cursor.execute_arrow("SELECT ?", [1], timeout=1), db.Cursor)
        assert_type(cursor.executemany("SELECT ?", [(1,), [2]]), db.Cursor)
        assert_type(cursor.executemany("SELECT ?", [(1,)], batch=False, timeout=1.5), db.Cursor)
        report = cursor.ingest("t", [(1, "a")], "replace", columns=["n", "t"], progress=print)
        assert_type(report, IngestReport)
        assert_type((report.rows, report.bytes, report.statements), tuple[int, int, int])
        assert_type(cursor.fetchone(), Row | None)
        assert_type(cursor.fetchmany(10), list[Row])
        assert_type(cursor.execute("SELECT 1").fetchall(), list[Row])
        assert_type(cursor.nextset(), bool | None)
        assert_type(cursor.connection, db.Connection[Any])
        for row in cursor:
            assert_type(row, Row)


@dataclass
class Flight:
    """A row as a dataclass."""

    carrier: str
    delay: float | None = None


class FlightStruct(msgspec.Struct):
    """A row as a struct."""

    carrier: str


class FlightModel(pydantic.BaseModel):
    """A row as a model."""

    carrier: str


class FlightTuple(NamedTuple):
    """A row as a named tuple."""

    carrier: str


class FlightDict(TypedDict):
    """A row as a dict of known keys."""

    carrier: str


def lists(names: tuple[str, ...]) -> Callable[[list[Row]], list[list[Any]]]:
    """Make rows of a user's own kind."""
    return lambda rows: [list(row) for row in rows]


def rows_in_scripts(connection: db.Connection) -> None:
    assert_type(connection.cursor(row_factory=Flight).fetchone(), Flight | None)
    assert_type(connection.cursor(row_factory=FlightStruct).fetchall(), list[FlightStruct])
    assert_type(connection.cursor(row_factory=FlightModel).fetchmany(), list[FlightModel])
    assert_type(connection.cursor(row_factory=FlightTuple).fetchone(), FlightTuple | None)
    assert_type(connection.cursor(row_factory=FlightDict).fetchone(), FlightDict | None)
    assert_type(connection.cursor(row_factory=dict_row).fetchone(), dict[str, Any] | None)
    assert_type(connection.cursor(row_factory=namedtuple_row).fetchall(), list[Any])
    assert_type(connection.cursor(row_factory=lists).fetchone(), list[Any] | None)
    for flight in connection.cursor(row_factory=Flight).execute("SELECT 1"):
        assert_type(flight, Flight)
    with db.connect("local:", row_factory=Flight) as flights:
        assert_type(flights, db.Connection[Flight])
        assert_type(flights.cursor(), db.Cursor[Flight])
        assert_type(flights.cursor(row_factory=tuple_row), db.Cursor)


def columns_in_scripts(cursor: db.Cursor) -> None:
    # pyarrow and pandas have no annotations, or not all
    print(cursor.fetch_arrow_table())  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
    print(cursor.fetch_record_batch())  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
    print(cursor.fetch_df().shape)
    assert_type(cursor.fetch_polars(), polars.DataFrame)
    assert_type(cursor.__arrow_c_stream__(), object)


async def columns_in_tasks(cursor: async_db.Cursor) -> None:
    assert_type(await cursor.fetch_polars(), polars.DataFrame)
    async for batch in cursor.fetch_record_batch():  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        print(batch)  # pyright: ignore[reportUnknownArgumentType]


async def rows_in_tasks(connection: async_db.Connection) -> None:
    assert_type(await connection.cursor(row_factory=Flight).fetchone(), Flight | None)
    assert_type(await connection.cursor(row_factory=dict_row).fetchall(), list[dict[str, Any]])
    async for flight in connection.cursor(row_factory=FlightTuple):
        assert_type(flight, FlightTuple)
    async with async_db.connect("local:", row_factory=Flight) as flights:
        assert_type(flights, async_db.Connection[Flight])
        assert_type(flights.cursor(), async_db.Cursor[Flight])


async def connections_in_tasks() -> None:
    async with async_db.connect("local:") as connection:
        assert_type(connection, async_db.Connection)
        assert_type(connection.cursor(), async_db.Cursor)
        assert_type(await connection.commit(), None)
        assert_type(await connection.rollback(), None)
        assert_type(connection.autocommit, bool)
    assert_type(await async_db.connect("local:"), async_db.Connection)


async def cursors_in_tasks(connection: async_db.Connection) -> None:
    async with connection.cursor() as cursor:
        assert_type(await cursor.execute("SELECT ?", [1], timeout=1), async_db.Cursor)
        assert_type(await cursor.execute_stream("SELECT 1"), async_db.Cursor)
        assert_type(await cursor.execute_arrow("SELECT 1"), async_db.Cursor)
        assert_type(await cursor.executemany("SELECT ?", [(1,), [2]]), async_db.Cursor)
        sent = await cursor.ingest("t", cursor, mode="create", schema="s", batch_bytes=1, timeout=5)
        assert_type(sent, IngestReport)
        assert_type(await cursor.fetchone(), Row | None)
        assert_type(await cursor.fetchmany(10), list[Row])
        assert_type(await (await cursor.execute("SELECT 1")).fetchall(), list[Row])
        assert_type(await cursor.nextset(), bool | None)
        assert_type(cursor.connection, async_db.Connection[Any])
        async for row in cursor:
            assert_type(row, Row)


def attributes_of_both(cursor: db.Cursor | async_db.Cursor) -> None:
    assert_type(cursor.rowcount, int)
    assert_type(cursor.arraysize, int)
    assert_type(cursor.query_id, str | None)
    assert_type(cursor.statistics, dict[str, Any])
    for column in cursor.description or []:
        assert_type(column[0], str)
        assert_type(column[1] == db.NUMBER, bool)
        assert_type(column[6], bool | None)


def modules() -> None:
    assert_type(db.apilevel, str)
    assert_type(db.threadsafety, int)
    assert_type(db.paramstyle, str)
    assert_type(db.Date(2013, 1, 1), datetime.date)
    assert_type(async_db.TimestampFromTicks(0), datetime.datetime)


def caught(error: errors.Error) -> None:
    assert_type(error.code, str | None)
    assert_type(error.query_id, str | None)
    assert_type(error.location, errors.Location | None)
    assert_type(error.hint, str | None)
    assert_type(error.retryable, bool)
    timeout: TimeoutError = errors.QueryTimeoutError("late")
    assert_type(errors.AccountNotFoundError("acme").account_name, str | None)
    raise timeout from error
