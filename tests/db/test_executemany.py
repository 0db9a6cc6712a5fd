"""executemany: the rows of an INSERT share statements, and all else goes one by one."""

from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from firebolt_like import errors
from firebolt_like.local.multipart import read_form
from tests.db.conftest import answer, over_both, refusal


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


MANY = [(number, f"row {number}") for number in range(1000)]
COLUMNS = {"n": "long", "t": "text"}


def _forms(script):
    """The statements of uploads, and the others."""
    return [
        read_form(request.content, request.headers["Content-Type"]).sql.decode()
        if "Content-Type" in request.headers
        else request.content.decode()
        for request in script.requests
    ]


@pytest.mark.parametrize(
    ("sql", "look", "upload"),
    [
        ("INSERT INTO T VALUES (?,?)", 'SELECT * FROM "t" LIMIT 0', 'INTO "t" ("n", "t") '),
        (
            'INSERT INTO "S"."T" (n, "t") VALUES (?, ?)',
            'SELECT "n", "t" FROM "S"."T" LIMIT 0',
            'INTO "S"."T" ("n", "t") ',
        ),
    ],
)
def test_many_rows_are_uploaded(face, connect, script, sql, look, upload):
    """Where the engine takes uploads, and all values have their columns' types."""
    script.entries = [answer(), answer(), answer([], COLUMNS), answer([], COLUMNS)]
    assert _executemany(face, connect, sql, MANY) == (1000, None)
    assert _forms(script)[2] == look
    assert upload in _forms(script)[-1]
    assert "read_arrow" in _forms(script)[-1]


@pytest.mark.parametrize(
    ("columns", "rows"),
    [
        ({"n": "int", "t": "date"}, MANY),
        ({"n": "long", "t": "array(text)"}, [(number, ["a"]) for number in range(1000)]),
        ({"n": "long"}, MANY),
        ({"n": "int", "t": "text"}, [(2**40, "a")] * 1000),
        ({"n": "numeric(5, 1)", "t": "text"}, [(Decimal("1.25"), "a")] * 1000),
        (COLUMNS, [*MANY, ("a", 1)]),
        (COLUMNS, [*MANY, (2**70, "a")]),
    ],
)
def test_many_rows_of_other_types_go_as_text(face, connect, script, columns, rows):
    """The engine converts them as it does those of a single row."""
    script.entries = [answer(), answer(), answer([], columns)]
    assert _executemany(face, connect, "INSERT INTO t VALUES (?, ?)", rows) == (len(rows), None)
    assert not [text for text in _forms(script) if "INSERT" in text and "read_arrow" in text]
    assert sum(text.count("), (") + 1 for text in _forms(script) if "INSERT" in text) == len(rows)


@pytest.mark.parametrize("bad", [("a\0", "a"), (1, object()), (1,), (1, "\ud800")])
def test_many_rows_are_bound_before_one_is_sent(face, connect, script, bad):
    """What has no SQL form is refused by its row, by whatever way it would have gone."""
    script.entries = [answer(), answer(), answer([], COLUMNS)]
    with pytest.raises(errors.DatabaseError, match="Row 1001"):
        _executemany(face, connect, "INSERT INTO t VALUES (?, ?)", [*MANY, bad])
    assert not [text for text in _forms(script) if "INSERT" in text]


@over_both
def test_the_error_of_a_missing_table_is_the_inserts(face):
    """Whatever was asked before."""

    async def scenario():
        async with face.local() as connection, connection.cursor() as cursor:
            with pytest.raises(errors.ProgrammingError, match="nowhere"):
                await cursor.executemany("INSERT INTO nowhere VALUES (?, ?)", MANY)

    face.run(scenario)


@over_both
def test_many_rows_in_a_transaction(face):
    """They belong to it, and an error in it is the first one, not that it has ended."""

    async def scenario():
        async with face.local(autocommit=False) as connection:
            cursor = connection.cursor()
            await cursor.execute("CREATE TABLE t (n bigint, t text)")
            await connection.commit()
            await cursor.executemany("INSERT INTO t VALUES (?, ?)", MANY)
            await connection.rollback()
            with pytest.raises(errors.ProgrammingError, match="nowhere"):
                await cursor.executemany("INSERT INTO nowhere VALUES (?, ?)", MANY)
            await connection.rollback()
            await cursor.executemany("INSERT INTO t VALUES (?, ?)", MANY)
            await connection.commit()
            await cursor.execute("SELECT count(*) FROM t")
            return await cursor.fetchone()

    assert face.run(scenario) == (1000,)


@over_both
def test_many_rows_arrive_as_one_by_one(face):
    """Of every type, with NULL, by an upload and by text."""
    kinds = {
        "integer": [1, -(2**31), None],
        "bigint": [2**63 - 1, None, 0],
        "numeric(38, 9)": [Decimal("0.000000001"), 5, None],
        "double precision": [1.5, 3, float("inf"), None],
        "boolean": [True, None],
        "text": ["it's", "\\", "é", "", None],
        "bytea": [b"\0\xff", None],
        "date": [date(2024, 2, 29), None],
        "timestamp": [datetime(1, 1, 1), date(2024, 1, 1), None],
        "timestamptz": [datetime(2024, 1, 1, tzinfo=timezone(timedelta(hours=5.5))), None],
    }
    columns = ", ".join(f"c{place} {kind} null" for place, kind in enumerate(kinds))
    rows = [
        (number, *(values[number % len(values)] for values in kinds.values()))
        for number in range(1000)
    ]
    insert = f"INSERT INTO {{}} VALUES ({', '.join('?' * (len(kinds) + 1))})"

    async def scenario():
        async with face.local() as connection, connection.cursor() as cursor:
            for name, count in (("many", 1000), ("few", 60)):
                await cursor.execute(f"CREATE TABLE {name} (n int, {columns})")
                await cursor.executemany(insert.format(name), rows[:count])
                assert cursor.rowcount == count
            await cursor.execute("SELECT * FROM few ORDER BY n")
            few = await cursor.fetchall()
            await cursor.execute("SELECT * FROM many ORDER BY n")
            return few, await cursor.fetchall()

    few, many = face.run(scenario)
    assert few == many[:60]
    assert len(many) == 1000


@over_both
def test_values_arrive_exact_whatever_their_company(face):
    """An engine gives each column of VALUES one type; no value is changed by its neighbours."""
    values = [Decimal("0.1"), 2**53 + 1, Decimal(10) ** 28, None, Decimal("1E-9"), -1]

    async def scenario():
        async with face.local() as connection, connection.cursor() as cursor:
            await cursor.execute("CREATE TABLE t (i int, n numeric(38, 9) null, t text)")
            rows = [(i, value, f"it's {i}") for i, value in enumerate(values)]
            await cursor.executemany("INSERT INTO t VALUES (?, ?, ?)", rows)
            await cursor.execute("SELECT n FROM t ORDER BY i")
            return await cursor.fetchall()

    assert face.run(scenario) == [(value,) for value in values]
