"""What a connection sends again, and what it never does."""

import httpx
import pytest

from firebolt_like import errors
from firebolt_like.client.retry import Retry
from tests.db.conftest import answer

AT_ONCE = Retry(attempts=4, jitter=lambda: 0.0)
INSERT = "INSERT INTO t SELECT 1"


def failed(status, **headers):
    return lambda _: httpx.Response(status, text="busy", headers=headers)


@pytest.mark.parametrize(
    "fault",
    [
        httpx.ConnectError("refused"),
        httpx.ConnectTimeout("no answer"),
        failed(429),
        failed(503, **{"Retry-After": "0"}),
    ],
)
def test_a_statement_that_did_not_run_is_sent_again(face, connect, script, fault):
    """Nothing was sent, or the server refused it before it ran: the caller hears nothing of it."""
    script.entries = [fault, fault, answer()]

    async def scenario():
        async with connect(retry=AT_ONCE) as connection:
            await connection.cursor().execute(INSERT)

    face.run(scenario)
    assert script.statements == [INSERT] * 3


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (httpx.ReadError("reset"), errors.ServerConnectionError),
        (httpx.RemoteProtocolError("disconnected"), errors.ServerConnectionError),
        (httpx.WriteError("broken pipe"), errors.ServerConnectionError),
        (httpx.ReadTimeout("silence"), errors.QueryTimeoutError),
        (failed(502), errors.OperationalError),
        (failed(504), errors.OperationalError),
        (failed(500), errors.OperationalError),
    ],
)
@pytest.mark.parametrize("sql", [INSERT, "SELECT 1"])
def test_a_statement_that_may_have_run_is_never_sent_again(
    face, connect, script, sql, fault, error
):
    """The fault is told, with an error that says it is not known; the connection goes on."""
    script.entries = [fault]

    async def scenario():
        async with connect(retry=AT_ONCE) as connection:
            with pytest.raises(error) as caught:
                await connection.cursor().execute(sql)
            assert not caught.value.retryable
            await connection.cursor().execute("SELECT 2")

    face.run(scenario)
    assert script.statements == [sql, "SELECT 2"]


def test_the_tries_end(face, connect, script):
    """After `attempts` tries the server's own refusal is raised, and says it may be repeated."""
    script.entries = [failed(503)] * 9

    async def scenario():
        async with connect(retry=AT_ONCE) as connection:
            with pytest.raises(errors.OperationalError, match="busy") as caught:
                await connection.cursor().execute(INSERT)
            assert caught.value.retryable

    face.run(scenario)
    assert script.statements == [INSERT] * 4


def test_a_wait_that_the_timeout_does_not_allow_is_not_begun(face, connect, script):
    """With Retry-After beyond the budget the refusal is raised at once."""
    script.entries = [failed(503, **{"Retry-After": "60"})]

    async def scenario():
        async with connect(retry=AT_ONCE) as connection:
            with pytest.raises(errors.OperationalError, match="busy"):
                await connection.cursor().execute(INSERT, timeout=5)

    face.run(scenario)
    assert script.statements == [INSERT]


def test_retries_can_be_switched_off(face, connect, script):
    """Retry(attempts=1) sends everything once."""
    script.entries = [failed(503)]

    async def scenario():
        async with connect(retry=Retry(attempts=1)) as connection:
            with pytest.raises(errors.OperationalError):
                await connection.cursor().execute(INSERT)

    face.run(scenario)
    assert script.statements == [INSERT]


def test_a_stream_that_was_refused_is_sent_again_but_not_one_that_broke(face, connect, script):
    """Before its first byte a stream is a statement like others; after it nothing is repeated."""
    script.entries = [failed(503), httpx.Response(200, content=b'{"message_type": "START"}\n')]

    async def scenario():
        async with connect(retry=AT_ONCE) as connection, connection.cursor() as cursor:
            with pytest.raises(errors.ServerResponseError):
                await cursor.execute_stream("SELECT 1")

    face.run(scenario)
    assert len(script.requests) == 2
