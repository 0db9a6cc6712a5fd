"""`connect()` to Flight servers: where it goes, with which credentials, and what it asks there."""

import pyarrow as pa
import pytest
import trustme
from pyarrow import flight as pf

from firebolt_like.client.auth import Token
from firebolt_like.errors import AuthenticationError, NotSupportedError, ServerConnectionError
from firebolt_like.local import LocalServer
from firebolt_like.protocol import flight_sql as sql
from firebolt_like.protocol.protobuf import encode
from tests.db.conftest import Face
from tests.flight.scripted_server import ScriptedServer, credentials


@pytest.fixture
def face(way):
    return Face(way)


class Engine(ScriptedServer):
    """A server that runs nothing: it gives one row for each query, and keeps what it was sent.

    `updates` says what becomes of an update: "done", "refused", "pretended" (as ROAPI does it).
    """

    def __init__(self, updates: str = "done", text: str = r"a\\b'c") -> None:
        self.updates = updates
        self.text = text
        self.queries: list[str] = []
        self.updated: list[str] = []
        super().__init__()

    def get_flight_info(self, context, descriptor):
        message = sql.unpack(descriptor.command)
        if not isinstance(message, sql.CommandStatementQuery):
            raise NotImplementedError("only statements")
        self.queries.append(message.query)
        value = self.text if message.query.startswith("SELECT 'a") else 1
        table = pa.table({"count": [value]})
        self.streams[b"t"] = lambda _: pf.RecordBatchStream(table)
        return pf.FlightInfo(table.schema, descriptor, [pf.FlightEndpoint(b"t", [])], -1, -1)

    def do_put(self, context, descriptor, reader, writer):
        statement = sql.unpack(descriptor.command).query
        if self.updates == "refused":
            raise NotImplementedError("no updates")
        if self.updates == "done" and not statement.startswith("INSERT"):
            raise pf.FlightServerError("syntax error")
        self.updated.append(statement)
        writer.write(pa.py_buffer(encode(sql.DoPutUpdateResult(7))))


def run_on(face, server, *statements, **keywords):
    """Connect, run statements, and give the row counts."""

    async def scenario():
        counts = []
        async with face.connect(server.url, **keywords) as connection:
            for statement in statements:
                cursor = await connection.cursor().execute(statement)
                counts.append(cursor.rowcount)
        return counts

    return face.run(scenario)


@pytest.mark.parametrize("updates", ["refused", "pretended"])
def test_updates_that_a_server_does_not_do_go_as_queries(face, updates):
    """Their count is the one that the server gives as a row, not one that was made up."""
    with Engine(updates) as server:
        assert run_on(face, server, "INSERT INTO t VALUES (1)") == [1]
        assert server.queries[-1] == "INSERT INTO t VALUES (1)"
        assert "INSERT INTO t VALUES (1)" not in server.updated


def test_updates_go_as_such_where_they_are_done(face):
    """And their count is the server's."""
    with Engine("done") as server:
        assert run_on(face, server, "INSERT INTO t VALUES (1)", "SELECT 1") == [7, 1]
        assert server.updated == ["INSERT INTO t VALUES (1)"]


def test_the_questions_of_a_connection_change_nothing(face):
    """It reads a constant, and sends for an update only what is no statement."""
    with Engine("pretended") as server:
        run_on(face, server)
        assert [query.split()[0] for query in server.queries] == ["SELECT"]
        assert server.updated == ["THIS IS NO STATEMENT"]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        (r"a\\b'c", r"'it''s \'"),  # as the standard has it
        (r"a\b'c", r"'it''s \\'"),  # backslashes are escapes
        (r"a\bc", r"'it\'s \\'"),  # and a doubled quote is none: Spark
    ],
)
def test_text_is_written_as_the_server_reads_it(face, text, written):
    """What one text comes back as tells how others are to be quoted."""

    async def scenario(server):
        async with face.connect(server.url) as connection:
            await connection.cursor().execute("SELECT ?", ["it's \\"])

    with Engine(text=text) as server:
        face.run(lambda: scenario(server))
        assert server.queries[-1] == f"SELECT {written}"


def test_headers_go_with_every_call(face):
    """Those of the DSN, its path, and `headers=`."""
    with Engine() as server:

        async def scenario():
            dsn = f"{server.url}/sales?routing-tag=reports&timeout=20"
            headers = {"X-Queue": "slow"}
            async with face.connect(dsn, headers=headers) as connection:
                await connection.cursor().execute("SELECT 1")

        face.run(scenario)
        for method in ("GET_FLIGHT_INFO", "DO_GET", "DO_PUT"):
            sent = [server.headers(method, name) for name in ("database", "routing-tag", "x-queue")]
            assert {tuple(each[0]) for each in zip(*sent, strict=True)} == {("sales",)}
            assert {tuple(header) for header in sent[1]} == {("reports",)}
            assert {tuple(header) for header in sent[2]} == {("slow",)}
            assert set(server.headers(method, "timeout")) == {None}


@pytest.mark.parametrize("how", ["auth", "dsn"])
def test_a_login_by_name(face, how):
    """A tuple, or a user in the DSN, logs in by handshake when the connection opens."""
    with Engine() as server:
        server.tokens = ["given"]
        dsn = server.url.replace("//", "//ada:s%40cret@") if how == "dsn" else server.url

        async def scenario():
            keywords = {} if how == "dsn" else {"auth": ("ada", "s@cret")}
            async with face.connect(dsn, **keywords) as connection:
                assert "cret" not in repr(connection)
                await connection.cursor().execute("SELECT 1")

        face.run(scenario)
        [sent] = server.headers("HANDSHAKE", "authorization")
        assert credentials(sent[0]) == "ada:s@cret"
        assert server.headers("DO_GET", "authorization")[-1] == ["Bearer given"]


@pytest.mark.parametrize("how", ["auth", "dsn"])
def test_a_token(face, how):
    """An auth object's token, or the DSN's, goes with every call."""
    with Engine() as server:

        async def scenario():
            dsn = f"{server.url}?token=mine" if how == "dsn" else server.url
            keywords = {} if how == "dsn" else {"auth": Token("mine")}
            async with face.connect(dsn, **keywords):
                pass

        face.run(scenario)
        sent = server.headers("GET_FLIGHT_INFO", "authorization")
        assert [header and header[0] for header in sent] == ["Bearer mine"] * len(sent)


@pytest.mark.parametrize(
    "names", [["FIREBOLT_TOKEN"], ["FIREBOLT_USER", "FIREBOLT_PASSWORD"]], ids=lambda n: n[0]
)
def test_credentials_of_the_environment_are_for_another_place(face, monkeypatch, names):
    """A Flight server that is named by a DSN does not get them."""
    for name in names:
        monkeypatch.setenv(name, "of-another-place")
    with Engine() as server:
        run_on(face, server, "SELECT 1")
        assert "of-another-place" not in repr(server.calls)
        assert not server.headers("HANDSHAKE", "authorization")
        assert set(server.headers("GET_FLIGHT_INFO", "authorization")) == {None}


def test_a_login_that_is_refused_is_an_error_of_connect(face):
    """With no secret in it, and nothing stays open."""

    async def scenario():
        with LocalServer(flight_port=0, users={"ada": "right"}) as server:
            with pytest.raises(AuthenticationError) as caught:
                await face.connect(server.flight_url, auth=("ada", "wrong"))
            assert "wrong" not in str(caught.value)
            async with face.connect(server.flight_url, auth=("ada", "right")) as connection:
                cursor = await connection.cursor().execute("SELECT 1")
                assert await cursor.fetchone() == (1,)

    face.run(scenario)


@pytest.fixture(scope="module")
def secure(tmp_path_factory):
    """A server with a certificate of an authority that only its file names."""
    folder = tmp_path_factory.mktemp("tls")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "roots.pem")
    issued = authority.issue_cert("127.0.0.1", "localhost")
    issued.private_key_pem.write_to_path(folder / "key.pem")
    for number, blob in enumerate(issued.cert_chain_pems):
        blob.write_to_path(folder / "chain.pem", append=number > 0)
    tls = (folder / "chain.pem", folder / "key.pem")
    with LocalServer(flight_port=0, flight_tls=tls) as server:
        yield server.flight_url, folder / "roots.pem"


def test_certificates(face, secure):
    """One that is trusted, one that is not, and one that is not looked at."""
    url, roots = secure

    async def scenario():
        trusting = ({"tls_root_certs": roots}, {"disable_server_verification": True})
        for keywords in trusting:
            async with face.connect(url, **keywords) as connection:
                cursor = await connection.cursor().execute("SELECT 1")
                assert await cursor.fetchone() == (1,)
        async with face.connect(f"{url}?tls_root_certs={roots}") as connection:
            await connection.cursor().execute("SELECT 1")
        with pytest.raises(ServerConnectionError, match="could not be reached"):
            await face.connect(url, timeout=5)

    face.run(scenario)


def test_a_transaction_that_is_there_is_used(face, embedded):
    """BEGIN by its own statement, and what cannot be meant in it."""

    async def scenario():
        async with face.connect(embedded.flight_url) as connection:
            cursor = connection.cursor()
            await cursor.execute("CREATE TABLE begun (n int)")
            await cursor.execute("BEGIN TRANSACTION")
            assert connection.in_transaction
            await cursor.execute("INSERT INTO begun VALUES (1)")
            await cursor.execute("ROLLBACK")
            assert not connection.in_transaction
            with pytest.raises(NotSupportedError):
                await cursor.execute("BEGIN READ ONLY")
            await cursor.execute("SELECT count(*) FROM begun")
            rows = await cursor.fetchall()
            await cursor.execute("DROP TABLE begun")
            return rows

    assert face.run(scenario) == [(0,)]


def test_statements_tell_what_they_changed(face, embedded):
    """Counts of changes, and rows where a statement returns some."""

    async def scenario():
        async with face.connect(embedded.flight_url) as connection:
            cursor = connection.cursor()
            await cursor.execute("CREATE TABLE changed (n int, s text)")
            counts = [cursor.rowcount]
            for statement, values in (
                ("INSERT INTO changed VALUES (?, ?), (2, 'RETURNING'), (3, NULL)", [1, "it's"]),
                ("UPDATE changed SET s = ? WHERE n > 1", ["x"]),
                ("DELETE FROM changed WHERE n = ?", [3]),
            ):
                await cursor.execute(statement, values)
                assert cursor.description is None
                counts.append(cursor.rowcount)
            await cursor.execute("DELETE FROM changed RETURNING n")
            rows = sorted(await cursor.fetchall())
            await cursor.execute("DROP TABLE changed")
            return counts, rows

    assert face.run(scenario) == ([-1, 3, 2, 1], [(1,), (2,)])


@pytest.mark.parametrize("form", ["execute", "execute_stream", "execute_arrow"])
def test_all_rows_of_all_endpoints(face, embedded, form):
    """An answer in several parts is read to its end, in order."""

    async def scenario():
        headers = {"flight_endpoints": "4"}
        async with face.connect(embedded.flight_url, headers=headers) as connection:
            cursor = connection.cursor()
            await getattr(cursor, form)("SELECT range AS n FROM range(50000) ORDER BY n")
            return await cursor.fetchall()

    assert face.run(scenario) == [(n,) for n in range(50_000)]


MANY = [
    # a statement, sets of parameters, and how many calls send it
    ("UPDATE many SET s = ? WHERE n = ?", [("it's", 1), (None, 2), ("x", 3)], 1),
    ("UPDATE many SET s = ? WHERE n = ?", [("it's", 1), (None, 2.0), ("x", 3)], 3),
    ("DELETE FROM many WHERE n = $1", [[1], [7]], 1),
]


@pytest.mark.parametrize(("statement", "rows", "calls"), MANY)
def test_many_sets_of_parameters_go_together(face, embedded, statement, rows, calls):
    """As one batch that the server binds, unless one would change another's type."""
    style = "numeric_dollar" if "$" in statement else "qmark"

    async def scenario():
        async with face.connect(embedded.flight_url, paramstyle=style) as connection:
            cursor = connection.cursor()
            await cursor.execute(
                "CREATE OR REPLACE TABLE many AS SELECT range AS n, 'a' AS s FROM range(5)"
            )
            await cursor.executemany(statement, rows)
            counts = [cursor.rowcount]
            while await cursor.nextset():
                counts.append(cursor.rowcount)
            await cursor.execute("SELECT s FROM many ORDER BY n")
            return counts, [s for (s,) in await cursor.fetchall()]

    counts, found = face.run(scenario)
    assert len(counts) == calls
    if statement.startswith("UPDATE"):
        assert (sum(counts), found) == (3, ["a", "it's", None, "x", "a"])
    else:
        assert (sum(counts), found) == (1, ["a"] * 4)
