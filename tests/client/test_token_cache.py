"""Tokens kept between processes: what is written, what is believed, and what a failure costs."""

import logging
import os
import stat
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor

import anyio
import httpx
import pytest

from firebolt_like.client.auth import (
    AccessToken,
    CacheKey,
    ClientCredentials,
    FileTokenCache,
    MemoryTokenCache,
    UsernamePassword,
)
from firebolt_like.client.client import AsyncClient, Client
from firebolt_like.errors import ConfigurationError, OperationalError

KEY = CacheKey("me@example.com", "secret", "https://id.example.com")
TOKEN = AccessToken("the-token", 3600, "the-refresh-token", 1_000_000.0)


def asks(face, warehouse, auth):
    async def scenario():
        async with face.client(auth=auth, transport=warehouse) as client:
            return (await client.get("/data")).json()["token"]

    return face.run(scenario)


def files(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


def token_file(folder):
    (file,) = folder.rglob("*.token")
    return file


@pytest.fixture
def new_auth(clock):
    """Make auth objects that share nothing in memory, as processes do not."""
    return lambda **more: UsernamePassword("me@example.com", "secret", clock=clock, **more)


def test_a_token_is_kept_in_the_users_cache_folder(face, warehouse, new_auth, cache_home):
    """The second process uses the token of the first; it lies in the user's cache folder."""
    assert asks(face, warehouse, new_auth()) == "token-1"
    assert asks(face, warehouse, new_auth()) == "token-1"
    assert len(warehouse.logins) == 1
    assert token_file(cache_home).parent == cache_home / "firebolt_like"


def test_files_are_for_their_owner_alone(warehouse, new_auth, cache_home):
    """Files have mode 0600 and lie in a folder of mode 0700, whatever the umask."""
    before = os.umask(0)
    try:
        with Client(auth=new_auth(), transport=warehouse) as client:
            client.get("/data")
    finally:
        os.umask(before)
    folder = cache_home / "firebolt_like"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in files(folder)} == {0o600}


def test_a_folder_that_others_may_enter_is_closed_to_them(warehouse, new_auth, cache_home):
    """The package's own folder gets mode 0700 though somebody made it with more."""
    folder = cache_home / "firebolt_like"
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    with Client(auth=new_auth(), transport=warehouse) as client:
        client.get("/data")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_files_tell_nothing(tmp_path):
    """Neither names nor contents show principal, endpoint, secret or token."""
    FileTokenCache(tmp_path).store(KEY, TOKEN)
    (file,) = files(tmp_path)
    shown = file.name.encode() + file.read_bytes()
    for hidden in ("me@example.com", "id.example.com", "secret", "the-token", "refresh", "3600"):
        assert hidden.encode() not in shown


def test_a_cache_gives_back_what_was_stored(tmp_path):
    """Expiry and refresh token are kept, for the same principal, secret and endpoint only."""
    for cache in (FileTokenCache(tmp_path), MemoryTokenCache()):
        assert cache.load(KEY) is None
        cache.store(KEY, TOKEN)
        assert cache.load(KEY) == TOKEN
        for other in (("you", "secret"), ("me@example.com", "other")):
            assert cache.load(CacheKey(*other, KEY.endpoint)) is None
        assert cache.load(CacheKey(KEY.principal, KEY.secret, "https://other")) is None


def test_a_cache_lock_is_had_by_one(tmp_path):
    """Of all who want to log in for a key one may, and the next one when it is done."""
    for cache in (FileTokenCache(tmp_path), MemoryTokenCache()):
        release = cache.try_lock(KEY)
        assert cache.try_lock(KEY) is None
        other = cache.try_lock(CacheKey("you", "s", "https://other"))
        assert other is not None
        with ThreadPoolExecutor(1) as thread:
            thread.submit(release).result(10)
        release = cache.try_lock(KEY)
        assert release is not None
        release()
        other()


def test_nothing_is_made_before_the_first_login(warehouse, new_auth, cache_home):
    """Imports and constructors write nothing; nor does a client that sends nothing."""
    with Client(auth=new_auth(), transport=warehouse):
        FileTokenCache()
    assert not cache_home.exists()


def test_nothing_is_loaded_or_derived_by_an_import():
    """Importing the auth classes, and making them, loads no cryptography."""
    code = """
        import sys
        from firebolt_like.client.auth import UsernamePassword
        UsernamePassword("me", "secret")
        print({"cryptography", "filelock", "appdirs", "trio", "httpcore"} & sys.modules.keys())
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert done.stdout == "set()\n"


def test_no_cache_writes_nothing(face, warehouse, new_auth, cache_home):
    """`use_token_cache=False` keeps the token in the object."""
    asks(face, warehouse, new_auth(use_token_cache=False))
    asks(face, warehouse, new_auth(use_token_cache=False))
    assert len(warehouse.logins) == 2
    assert not cache_home.exists()


def test_a_cache_of_ones_own(face, warehouse, new_auth, cache_home):
    """`token_cache=` takes the place of the files."""
    cache = MemoryTokenCache()
    for _ in range(2):
        assert asks(face, warehouse, new_auth(token_cache=cache)) == "token-1"
    assert not cache_home.exists()


def test_a_cache_and_no_cache_contradict_each_other(new_auth):
    """Giving a cache and switching it off is an error."""
    with pytest.raises(ConfigurationError, match="use_token_cache=False"):
        new_auth(token_cache=MemoryTokenCache(), use_token_cache=False)


def test_an_expired_token_is_not_used(face, warehouse, new_auth, clock, caplog):
    """A token of the cache that is at its end is renewed, without a warning."""
    asks(face, warehouse, new_auth())
    clock.now += 3600
    assert asks(face, warehouse, new_auth()) == "token-2"
    assert asks(face, warehouse, new_auth()) == "token-2"
    assert not warnings_in(caplog)


def test_the_refresh_token_of_the_cache_is_used(face, warehouse, new_auth, clock):
    """A process that finds an expired token renews it by the refresh token beside it."""
    warehouse.refresh_tokens = True
    asks(face, warehouse, new_auth())
    for _ in range(2):
        clock.now += 4000
        asks(face, warehouse, new_auth())
    assert len(warehouse.logins) == 1
    assert len(warehouse.to("/auth/v1/refresh")) == 2


def test_the_token_after_a_refusal_is_written_too(face, warehouse, new_auth):
    """A token of the cache that was withdrawn is replaced, for the next process as well."""
    asks(face, warehouse, new_auth())
    warehouse.withdraw()
    assert asks(face, warehouse, new_auth()) == "token-2"
    assert asks(face, warehouse, new_auth()) == "token-2"
    assert len(warehouse.logins) == 2


def test_a_refused_token_gives_way_to_a_newer_one_of_the_cache(face, warehouse, new_auth):
    """When another process has renewed the token already, no further login is made."""
    first, second = new_auth(), new_auth()
    for auth in (first, second):
        asks(face, warehouse, auth)
    warehouse.withdraw()
    assert asks(face, warehouse, first) == "token-2"
    assert asks(face, warehouse, second) == "token-2"
    assert len(warehouse.logins) == 2


def test_a_token_of_unknown_life_is_not_kept(face, warehouse, new_auth):
    """Without expires_in nobody could tell when the file is stale."""
    warehouse.lifetime = None
    asks(face, warehouse, new_auth())
    asks(face, warehouse, new_auth())
    assert len(warehouse.logins) == 2


def test_endpoints_have_files_of_their_own(warehouse, cache_home):
    """A token is never found for another endpoint."""
    auth = ClientCredentials("me", "secret")
    for host in ("api.one.com", "api.two.com"):
        with Client(auth=auth, transport=warehouse, api_endpoint=host) as client:
            client.get("/data")
    assert len(list(cache_home.rglob("*.token"))) == 2


def warnings_in(caplog):
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def test_a_damaged_file_is_replaced_with_one_warning(face, warehouse, new_auth, cache_home, caplog):
    """A file that is cut or foreign is not believed, told once, and written anew."""
    asks(face, warehouse, new_auth())
    for logins, spoil in enumerate((b"", b"{}", b"x" * 200), start=2):
        caplog.clear()
        token_file(cache_home).write_bytes(spoil)
        assert asks(face, warehouse, new_auth()) == f"token-{logins}"
        assert asks(face, warehouse, new_auth()) == f"token-{logins}"
        (warning,) = warnings_in(caplog)
        assert "damaged" in warning


def test_the_file_of_another_endpoint_is_not_believed(tmp_path):
    """A file that was moved in the place of another one is not unsealed."""
    cache = FileTokenCache(tmp_path)
    other = CacheKey(KEY.principal, KEY.secret, "https://evil.example.com")
    cache.store(KEY, TOKEN)
    (first,) = files(tmp_path)
    cache.store(other, TOKEN)
    (second,) = set(files(tmp_path)) - {first}
    first.replace(second)
    with pytest.raises(Exception, match="damaged"):
        cache.load(other)


def test_a_failed_write_leaves_the_file_before(tmp_path):
    """Files are replaced as a whole: a write that fails leaves no piece and no trace."""
    cache = FileTokenCache(tmp_path)
    cache.store(KEY, TOKEN)
    with pytest.raises(TypeError):
        cache.store(KEY, object())
    assert len(files(tmp_path)) == 1
    assert cache.load(KEY) == TOKEN


def test_a_folder_that_cannot_be_made_costs_one_warning(
    face, warehouse, new_auth, tmp_path, caplog
):
    """Where nothing can be written a login works all the same, and says so once."""
    (tmp_path / "file").write_text("a file is no folder")
    auth = new_auth(token_cache=FileTokenCache(tmp_path / "file" / "below"))
    assert asks(face, warehouse, auth) == "token-1"
    warehouse.withdraw()
    assert asks(face, warehouse, auth) == "token-2"
    assert len(warnings_in(caplog)) == 1
    assert "secret" not in caplog.text


class Broken:
    """A cache of a user that fails with whatever is in its hand."""

    def load(self, key):
        raise RuntimeError(f"cannot find {key.secret}")

    store = try_lock = load


def test_a_broken_cache_costs_one_warning(face, warehouse, caplog):
    """A cache that raises never breaks a login, and its words are not logged."""

    class Storeless(Broken):
        def load(self, key):
            return None

        def store(self, key, token):
            raise KeyError(token.access_token)

    for cache in (Broken(), Storeless()):
        caplog.clear()
        auth = UsernamePassword("me", "hush", token_cache=cache)
        assert asks(face, warehouse, auth).startswith("token-")
        assert len(warnings_in(caplog)) == 1
        assert "hush" not in caplog.text
        assert "token-" not in caplog.text


def test_a_cancelled_wait_for_another_process_ends_at_once(warehouse, tmp_path):
    """A task that waits for the login of another process can be cancelled."""
    cache = FileTokenCache(tmp_path)
    key = CacheKey("me", "secret", "https://api.app.firebolt.io")

    async def scenario():
        release = cache.try_lock(key)
        auth = UsernamePassword("me", "secret", token_cache=cache)
        async with AsyncClient(auth=auth, transport=warehouse) as client:
            with anyio.move_on_after(0.2) as scope:
                await client.get("/data")
            assert scope.cancelled_caught
            assert warehouse.requests == []
            release()
            assert (await client.get("/data")).status_code == 200

    for backend in ("asyncio", "trio"):
        warehouse.requests.clear()
        for file in files(tmp_path):
            file.unlink()
        anyio.run(scenario, backend=backend)


LOG_IN = """
import sys
import anyio
from firebolt_like.client.auth import ClientCredentials, FileTokenCache
from firebolt_like.client.client import AsyncClient, Client

url, folder, face = sys.argv[1:]
keywords = dict(
    auth=ClientCredentials("me", "secret", token_cache=FileTokenCache(folder)), api_endpoint=url
)

async def main():
    async with AsyncClient(**keywords) as client:
        print((await client.get("/data")).text)

print("ready", flush=True)
sys.stdin.readline()
if face == "sync":
    with Client(**keywords) as client:
        print(client.get("/data").text)
else:
    anyio.run(main, backend=face)
"""


def test_ten_processes_that_start_together_log_in_once(serve, tmp_path):
    """Processes wait for the login of the first, and use its token."""

    def answer(method, path, headers, body):
        if path == "/oauth/token":
            return 200, {}, b'{"access_token": "shared", "expires_in": 3600}'
        return 200, {}, headers["Authorization"].encode()

    server = serve(answer)
    faces = ["sync", "asyncio", "trio", "sync", "asyncio"] * 2
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", LOG_IN, server.url, str(tmp_path), face],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for face in faces
    ]  # fmt: skip
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    outputs = [process.communicate(timeout=60)[0] for process in processes]
    assert outputs == ["Bearer shared\n"] * 10
    assert [path for _, path in server.asked].count("/oauth/token") == 1
    assert [path for _, path in server.asked].count("/data") == 10


def test_a_failed_login_lets_go_of_the_lock(face, warehouse, new_auth):
    """A login that fails, in whatever way, leaves the way free for others."""

    def refuse(request):
        raise httpx.ConnectError("gone", request=request)

    cache = MemoryTokenCache()
    key = CacheKey("me@example.com", "secret", "https://api.example.com")
    for answer in ((503,), refuse):
        warehouse.answers["/auth/v1/login"] = answer
        with pytest.raises(OperationalError):
            asks(face, warehouse, new_auth(token_cache=cache))
        release = cache.try_lock(key)
        assert release is not None
        release()
