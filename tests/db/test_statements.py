"""What goes over the wire for a statement, and what comes back of it."""

import httpx
import pytest

from firebolt_like import errors
from tests.db.conftest import answer, refusal


def test_a_statement_is_one_post_with_its_parameters_in_the_url(face, connect, script):
    """The SQL is the body; database and format are in the query string."""

    async def scenario():
        async with connect() as connection:
            cursor = await connection.cursor().execute("SELECT 1")
            return await cursor.fetchall()

    assert face.run(scenario) == [(1,)]
    assert script.statements == ["SELECT 1"]
    assert script.parameters == [{"database": "db", "output_format": "JSON_Compact"}]


def test_several_statements_run_one_after_another(face, connect, script):
    """Each statement of a text is a request of its own, and each result comes by nextset."""
    script.entries = [answer([[1]], {"a": "int"}), answer(), answer([["x"]], {"b": "text"})]

    async def scenario():
        async with connect() as connection:
            cursor = await connection.cursor().execute("SELECT 1; INSERT INTO t VALUES (';'); x ;")
            results = [await cursor.fetchall()]
            assert await cursor.nextset()
            results.append(cursor.description)
            assert await cursor.nextset()
            results.append(await cursor.fetchall())
            return results, await cursor.nextset()

    assert face.run(scenario) == ([[(1,)], None, [("x",)]], None)
    assert script.statements == ["SELECT 1", "INSERT INTO t VALUES (';')", "x"]


def test_parameters_are_bound_by_the_client(face, connect, script):
    """Question marks are replaced by literals; nothing else of the text changes."""

    async def scenario():
        async with connect() as connection:
            await connection.cursor().execute("SELECT ?, '?' -- ?", ["it's"])

    face.run(scenario)
    assert script.statements == ["SELECT 'it''s', '?' -- ?"]


def test_parameters_are_bound_by_the_server(face, connect, script):
    """With numeric_dollar the text is sent as it is and the values beside it."""

    async def scenario():
        async with connect(paramstyle="numeric_dollar") as connection:
            await connection.cursor().execute("SELECT $1, ?", [5])
            await connection.cursor(paramstyle="qmark").execute("SELECT ?", [6])

    face.run(scenario)
    assert script.statements == ["SELECT $1, ?", "SELECT 6"]
    assert '"$1"' in script.parameters[0]["query_parameters"]
    assert "query_parameters" not in script.parameters[1]


@pytest.mark.parametrize(
    ("sql", "parameters", "error"),
    [
        ("SELECT ?, ?", [1], errors.ProgrammingError),
        ("SELECT ?", [1, 2], errors.ProgrammingError),
        ("SELECT ?", [object()], errors.DataError),
        ("SELECT ?; SELECT ?", [1, 2], errors.NotSupportedError),
        ("SET a = ?", [1], errors.NotSupportedError),
        ("  -- nothing", None, errors.ProgrammingError),
        ("SET nonsense", None, errors.InterfaceError),
        ("SELECT '\ud800'", None, errors.DataError),
        (None, None, errors.InterfaceError),
        (b"SELECT 1", [], errors.InterfaceError),
    ],
)
def test_bad_input_is_refused_before_anything_is_sent(
    face, connect, script, sql, parameters, error
):
    """A statement that cannot be meant raises, and the server hears nothing."""

    async def scenario():
        async with connect() as connection:
            with pytest.raises(error):
                await connection.cursor().execute(sql, parameters)

    face.run(scenario)
    assert script.requests == []


def test_executemany_sends_one_statement_for_each_set(face, connect, script):
    """Every set of parameters is bound into the statement."""

    async def scenario():
        async with connect() as connection:
            await connection.cursor().executemany("DELETE FROM t WHERE a = ?", [[1], [2]])

    face.run(scenario)
    assert script.statements == ["DELETE FROM t WHERE a = 1", "DELETE FROM t WHERE a = 2"]


def test_executemany_binds_all_sets_before_the_first_is_sent(face, connect, script):
    """A set that does not fit raises while nothing has been inserted."""

    async def scenario():
        async with connect() as connection:
            with pytest.raises(errors.ProgrammingError):
                await connection.cursor().executemany("INSERT INTO t VALUES (?)", [[1], [2, 3]])

    face.run(scenario)
    assert script.requests == []


def test_set_is_validated_and_kept_by_its_cursor(face, connect, script):
    """SET asks the server with `select 1`, and later statements of that cursor carry it."""

    async def scenario():
        async with connect() as connection:
            cursor = connection.cursor()
            await cursor.execute("SET timezone = 'Europe/Rome'")
            assert (cursor.rowcount, cursor.description) == (-1, None)
            await cursor.execute("SELECT 2")
            await connection.cursor().execute("SELECT 3")

    face.run(scenario)
    assert script.statements == ["select 1", "SELECT 2", "SELECT 3"]
    assert [p.get("timezone") for p in script.parameters] == ["Europe/Rome", "Europe/Rome", None]
    assert "output_format" not in script.parameters[0]


def test_a_setting_that_the_server_refuses_is_not_kept(face, connect, script):
    """The refusal is an OperationalError, and later statements do not carry the setting."""
    script.entries = [refusal("Unknown setting nonsense")]

    async def scenario():
        async with connect() as connection:
            cursor = connection.cursor()
            with pytest.raises(errors.OperationalError, match="Unknown setting"):
                await cursor.execute("SET nonsense = 1")
            await cursor.execute("SELECT 2")

    face.run(scenario)
    assert "nonsense" not in script.parameters[1]


@pytest.mark.parametrize("name", ["database", "engine", "output_format", "transaction_id"])
def test_set_refuses_what_belongs_to_the_connection(face, connect, script, name):
    """Database, engine and format are not settings; nothing is sent."""

    async def scenario():
        async with connect() as connection:
            with pytest.raises(errors.ConfigurationError, match=name):
                await connection.cursor().execute(f"SET {name} = x")

    face.run(scenario)
    assert script.requests == []


def test_session_headers_change_later_statements_of_the_cursor(face, connect, script):
    """USE DATABASE concerns its cursor; other cursors stay where they were."""
    script.entries = [answer(Firebolt_Update_Parameters="database=other")]

    async def scenario():
        async with connect() as connection:
            cursor = await connection.cursor().execute("USE DATABASE other")
            await cursor.execute("SELECT 2")
            await connection.cursor().execute("SELECT 3")

    face.run(scenario)
    assert [p["database"] for p in script.parameters] == ["db", "other", "db"]


def test_a_session_is_not_sent_to_a_foreign_domain(face, connect, script):
    """An Update-Endpoint outside of the server's domain is an error, and no token goes there."""
    script.entries = [answer(Firebolt_Update_Endpoint="http://attacker.net/")]

    async def scenario():
        async with connect() as connection:
            cursor = connection.cursor()
            with pytest.raises(errors.ServerResponseError, match="attacker"):
                await cursor.execute("USE ENGINE e")
            await cursor.execute("SELECT 1")

    face.run(scenario)
    assert {request.url.host for request in script.requests} == {"core.test"}


def test_a_statement_without_rows_has_no_description(face, connect, script):
    """PEP 249: description is None, rowcount -1, and fetching is an error."""
    script.entries = [answer()]

    async def scenario():
        async with connect() as connection:
            cursor = await connection.cursor().execute("CREATE TABLE t (a int)")
            assert (cursor.description, cursor.rowcount) == (None, -1)
            with pytest.raises(errors.QueryNotRunError):
                await cursor.fetchall()

    face.run(scenario)


def test_description_has_seven_items(face, connect, script):
    """Name, type, display size, internal size, precision, scale, null_ok."""
    script.entries = [answer([["1.10", None]], {"d": "numeric(10, 2)", "l": "long null"})]

    async def scenario():
        async with connect() as connection:
            cursor = await connection.cursor().execute("SELECT d, l")
            return cursor.description, cursor.rowcount

    description, rowcount = face.run(scenario)
    assert [tuple(map(str, column[:2])) + column[2:] for column in description] == [
        ("d", "numeric(10, 2)", None, None, 10, 2, False),
        ("l", "bigint null", None, 8, None, None, True),
    ]
    assert rowcount == 1


def test_an_error_tells_what_the_server_told(face, connect, script):
    """Code, place and hint of a structured error are attributes of the exception."""
    script.entries = [
        refusal(
            "Line 1, Column 8: syntax error",
            code="FB-1",
            resolution="Write it right",
            location={"failing_line": 1, "start_offset": 8},
        )
    ]

    async def scenario():
        async with connect() as connection:
            with pytest.raises(errors.ProgrammingError, match="syntax error") as caught:
                await connection.cursor().execute("SELECT ]")
            return caught.value

    error = face.run(scenario)
    assert (error.code, error.location, error.hint) == ("FB-1", (1, 8), "Write it right")


@pytest.mark.parametrize(
    "body",
    [b'{"errors": [{"description": "boom"}]}', b'{"meta": [], "data": [[1', b"<html>", b"{}"],
)
def test_a_broken_answer_under_status_200_is_an_error(face, connect, script, body):
    """An errors body, a cut body, another format: never fewer rows."""
    script.entries = [httpx.Response(200, content=body)]

    async def scenario():
        async with connect() as connection:
            with pytest.raises(errors.DatabaseError):
                await connection.cursor().execute("SELECT 1")
            return await (await connection.cursor().execute("SELECT 1")).fetchall()

    assert face.run(scenario) == [(1,)]


def test_an_unknown_type_arrives_as_text(face, connect, script):
    """A type that the table does not know is no error; its values are text."""
    script.entries = [answer([["a"], [None], [{"b": 1.50}]], {"x": "hyperlink null"})]

    async def scenario():
        async with connect() as connection:
            return await (await connection.cursor().execute("SELECT x")).fetchall()

    assert face.run(scenario) == [("a",), (None,), ('{"b":1.5}',)]


def test_writes_ask_to_be_cancelled_when_the_client_hangs_up(face, connect, script):
    """A statement with effects carries the setting, a query leaves the server its default."""

    async def scenario():
        async with connect() as connection:
            cursor = connection.cursor()
            await cursor.execute("INSERT INTO t SELECT 1")
            await cursor.execute("SELECT 1")

    face.run(scenario)
    settings = [p.get("cancel_query_on_connection_drop") for p in script.parameters]
    assert settings == ["ALL", None]


def test_an_engine_that_does_not_know_the_setting_gets_the_write_without_it(face, connect, script):
    """The write was refused before it ran, so it is sent again, and the lesson is kept."""
    script.entries = [refusal("Unknown setting cancel_query_on_connection_drop")]

    async def scenario():
        async with connect() as connection:
            cursor = connection.cursor()
            await cursor.execute("INSERT INTO t SELECT 1")
            await cursor.execute("INSERT INTO t SELECT 2")

    face.run(scenario)
    settings = [p.get("cancel_query_on_connection_drop") for p in script.parameters]
    assert settings == ["ALL", None, None]
    assert script.statements == ["INSERT INTO t SELECT 1"] * 2 + ["INSERT INTO t SELECT 2"]


def test_a_refused_write_keeps_its_text_under_a_timeout(face, connect, script):
    """What the server said is told, also where it was read to see whether a setting was meant."""
    script.entries.append(refusal("table t exists already"))

    async def scenario():
        async with connect(timeout=5) as connection:
            with pytest.raises(errors.ProgrammingError, match="table t exists already"):
                await connection.cursor().execute("CREATE TABLE t (a int)")

    face.run(scenario)
    assert len(script.requests) == 1
