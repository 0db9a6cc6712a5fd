"""executemany: the rows of an INSERT share statements, and all else goes one by one."""

from decimal import Decimal

import pytest

from firebolt_like import errors
from tests.db.conftest import answer, refusal


def _executemany(face, connect, sql, rows, **keywords):
    """Run it, and give the cursor's rowcount and the next result."""

    async def scenario():
        async with connect(paramstyle=keywords.pop("paramstyle", "qmark")) as connection:
            cursor = connection.cursor()
            await cursor.executemany(sql, rows, **keywords)
            return cursor.rowcount, await cursor.nextset()

    return face.run(scenario)


def test_the_rows_of_an_insert_share_a_statement(face, connect, script):
    """One request brings them all, and their number is known."""
    sql = "INSERT INTO t (a, b) VALUES (?, 'x', ?);"
    assert _executemany(face, connect, sql, [[1, "p"], (None, "q")]) == (2, None)
    assert script.statements == ["INSERT INTO t (a, b) VALUES (1, 'x', 'p'), (NULL, 'x', 'q')"]


def test_long_statements_are_cut(face, connect, script):
    """None is longer than a mebibyte."""
    rows = [["x" * 400_000]] * 5
    assert _executemany(face, connect, "INSERT INTO t VALUES (?)", rows) == (5, None)
    assert [text.count("(") for text in script.statements] == [2, 2, 1]


@pytest.mark.parametrize(
    "sql", ["INSERT INTO t VALUES (upper(?))", "UPDATE t SET a = ?", "INSERT INTO t SELECT ?"]
)
def test_other_statements_go_one_by_one(face, connect, script, sql):
    """Many rows at once could do another thing."""
    _executemany(face, connect, sql, [["a"], ["b"]])
    assert script.statements == [sql.replace("?", "'a'"), sql.replace("?", "'b'")]


def test_batching_can_be_switched_off(face, connect, script):
    """Each set is a statement of its own, and has a result of its own."""
    sql = "INSERT INTO t VALUES (?)"
    assert _executemany(face, connect, sql, [[1], [2]], batch=False)[1] is True
    assert script.statements == ["INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (2)"]


def test_parameters_that_the_server_binds_go_one_by_one(face, connect, script):
    """They travel in the URL, which has room for few."""
    sql = "INSERT INTO t VALUES ($1)"
    _executemany(face, connect, sql, [[1], [2]], paramstyle="numeric_dollar")
    assert script.statements == [sql, sql]


def test_no_rows_send_nothing(face, connect, script):
    """As before."""
    assert _executemany(face, connect, "INSERT INTO t VALUES (?)", iter([])) == (-1, None)
    assert script.requests == []


@pytest.mark.parametrize(
    ("rows", "error", "text"),
    [
        ([[1], [2, 3]], errors.ProgrammingError, "Row 2 has 2 values"),
        ([[1], [object()]], errors.DataError, "Row 2, value 1: A object has no SQL form"),
        ([[1], "2"], errors.InterfaceError, "list or a tuple"),
        ([[1], {"a": 1}], errors.InterfaceError, "list or a tuple"),
    ],
)
def test_all_is_bound_before_anything_is_sent(face, connect, script, rows, error, text):
    """A set that does not fit raises while nothing has been inserted."""
    with pytest.raises(error, match=text):
        _executemany(face, connect, "INSERT INTO t VALUES (?)", rows)
    assert script.requests == []


def test_a_statement_that_fails_ends_it(face, connect, script):
    """Nothing is sent after it, and nothing twice."""
    script.entries = [answer(), refusal("the disk is full")]
    rows = [[1], ["a"], [2.5]]
    with pytest.raises(errors.DatabaseError, match="disk is full"):
        _executemany(face, connect, "INSERT INTO t VALUES (?)", rows)
    assert script.statements == ["INSERT INTO t VALUES (1)", "INSERT INTO t VALUES ('a')"]


def test_values_arrive_exact_whatever_their_company(face):
    """An engine gives each column of VALUES one type; no value is changed by its neighbours."""
    values = [Decimal("0.1"), 2**53 + 1, Decimal(10) ** 28, None, Decimal("1E-9"), -1]

    async def scenario():
        async with face.connect("local:") as connection, connection.cursor() as cursor:
            await cursor.execute("CREATE TABLE t (i int, n numeric(38, 9) null, t text)")
            rows = [(i, value, f"it's {i}") for i, value in enumerate(values)]
            await cursor.executemany("INSERT INTO t VALUES (?, ?, ?)", rows)
            await cursor.execute("SELECT n FROM t ORDER BY i")
            return await cursor.fetchall()

    assert face.run(scenario) == [(value,) for value in values]
