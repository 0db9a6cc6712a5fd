"""The budget of a call holds for the login that it needs, too."""

import socket

import pytest

from firebolt_like import errors
from firebolt_like.client.auth import UsernamePassword
from firebolt_like.client.retry import Retry


@pytest.fixture
def silent_server():
    """A server that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_a_login_that_hangs_ends_with_the_timeout(face, silent_server):
    """A server that takes the login and never answers cannot hold its caller."""
    auth = UsernamePassword("user", "password", use_token_cache=False)

    async def scenario():
        with pytest.raises(errors.OperationalError):
            await face.connect(
                auth=auth,
                database="db",
                api_endpoint=silent_server,
                timeout=0.3,
                retry=Retry(attempts=1),
            )

    face.run(scenario)


def test_a_statement_that_hangs_ends_with_the_timeout(face, silent_server):
    """Sent and never answered: QueryTimeoutError."""

    async def scenario():
        async with face.connect(silent_server) as connection:
            with pytest.raises(errors.QueryTimeoutError):
                await connection.cursor().execute("SELECT 1", timeout=0.3)

    face.run(scenario)
