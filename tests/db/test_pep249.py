"""PEP 249, section by section, on the embedded engine, for both faces."""

import datetime
import inspect

import pytest

from firebolt_like import async_db, db, errors
from tests.db.conftest import over_both

MODULES = pytest.mark.parametrize("module", [db, async_db])


@pytest.fixture
def on_table(face):
    """Run a scenario with a cursor on a database where table `booze` holds five names."""
    samples = ["Cooper's", "Victoria Bitter", "Xotic", "Fosters", "Carlton Cold"]

    def use(scenario):
        async def main():
            async with face.local() as connection, connection.cursor() as cursor:
                await cursor.execute("CREATE TABLE booze (name text)")
                await cursor.executemany("INSERT INTO booze VALUES (?)", [[s] for s in samples])
                return await scenario(cursor)

        return face.run(main)

    use.samples = sorted(samples)
    use.select = "SELECT name FROM booze ORDER BY name"
    return use


@MODULES
def test_the_module_says_what_it_is(module):
    """apilevel, threadsafety and paramstyle have values that PEP 249 allows."""
    assert module.apilevel == "2.0"
    assert module.threadsafety in (1, 2, 3)
    assert module.paramstyle in ("qmark", "numeric", "named", "format", "pyformat")


@MODULES
def test_the_exceptions_are_the_tree_of_the_pep(module):
    """Each name is there, and below the one that the PEP says."""
    tree = {
        "Warning": Exception,
        "Error": Exception,
        "InterfaceError": module.Error,
        "DatabaseError": module.Error,
        "DataError": module.DatabaseError,
        "OperationalError": module.DatabaseError,
        "IntegrityError": module.DatabaseError,
        "InternalError": module.DatabaseError,
        "ProgrammingError": module.DatabaseError,
        "NotSupportedError": module.DatabaseError,
    }
    for name, parent in tree.items():
        assert getattr(module, name).__bases__ == (parent,)
        assert getattr(module.Connection, name) is getattr(module, name)
    assert not issubclass(module.Warning, module.Error)


@MODULES
def test_constructors_make_values_that_can_be_bound(module):
    """Date, Time, Timestamp, Binary and the forms from ticks give Python's own values."""
    assert module.Date(2002, 12, 25) == datetime.date(2002, 12, 25)
    assert module.Time(13, 45, 30) == datetime.time(13, 45, 30)
    moment = datetime.datetime(2002, 12, 25, 13, 45, 30)  # naive, as the PEP has it
    assert module.Timestamp(2002, 12, 25, 13, 45, 30) == moment
    ticks = moment.timestamp()
    assert module.DateFromTicks(ticks) == moment.date()
    assert module.TimeFromTicks(ticks) == moment.time()
    assert module.TimestampFromTicks(ticks) == moment
    assert module.Binary(b"\x00\xff") == b"\x00\xff"


@over_both
def test_type_codes_compare_equal_to_the_type_objects(face):
    """Each column's type equals one type object and no other."""

    async def scenario():
        async with face.local() as connection:
            cursor = await connection.cursor().execute(
                "SELECT 'a' AS s, 1 AS i, 1.5::double AS f, 1::decimal(9, 2) AS d, true AS b, "
                "date '2020-01-01' AS day, now() AS moment, 'x'::bytea AS bytes"
            )
            return [column[1] for column in cursor.description]

    objects = [db.STRING, db.NUMBER, db.DATETIME, db.BINARY, db.ROWID]
    expected = [db.STRING, *[db.NUMBER] * 4, db.DATETIME, db.DATETIME, db.BINARY]
    for code, only in zip(face.run(scenario), expected, strict=True):
        assert [code == one for one in objects] == [one is only for one in objects]


@over_both
def test_a_new_cursor_has_run_nothing(face):
    """description is None, rowcount -1, and every fetch is an Error."""

    async def scenario():
        async with face.local() as connection:
            cursor = connection.cursor()
            assert (cursor.description, cursor.rowcount) == (None, -1)
            for fetch in (cursor.fetchone, cursor.fetchmany, cursor.fetchall):
                with pytest.raises(errors.Error):
                    await fetch()
            assert await cursor.nextset() is None

    face.run(scenario)


@over_both
def test_fetchone_gives_rows_and_then_none(on_table):
    """One sequence a call, None when there are no more."""

    async def scenario(cursor):
        await cursor.execute("SELECT name FROM booze WHERE name = 'Xotic'")
        return [await cursor.fetchone() for _ in range(3)]

    assert on_table(scenario) == [("Xotic",), None, None]


@over_both
def test_fetchmany_gives_arraysize_rows_by_default(on_table):
    """arraysize is 1 at first; a size overrides it; an empty list ends it."""

    async def scenario(cursor):
        await cursor.execute(on_table.select)
        sizes = [cursor.arraysize, len(await cursor.fetchmany())]
        cursor.arraysize = 2
        sizes += [len(await cursor.fetchmany()), len(await cursor.fetchmany(10))]
        return sizes, await cursor.fetchmany(10)

    assert on_table(scenario) == ([1, 1, 2, 2], [])


@over_both
def test_fetchall_gives_what_is_left(on_table):
    """After some rows were taken the others come, and then an empty list."""

    async def scenario(cursor):
        await cursor.execute(on_table.select)
        await cursor.fetchone()
        await cursor.fetchmany(2)
        return [name for (name,) in await cursor.fetchall()], await cursor.fetchall()

    assert on_table(scenario) == (on_table.samples[3:], [])


@over_both
def test_rowcount_is_the_number_of_rows(on_table):
    """A SELECT's rowcount is known after execute; DDL leaves it at -1."""

    async def scenario(cursor):
        await cursor.execute(on_table.select)
        count = cursor.rowcount
        await cursor.execute("DROP TABLE booze")
        return count, cursor.rowcount

    assert on_table(scenario) == (5, -1)


@over_both
def test_a_cursor_is_iterated(on_table):
    """Iteration gives the rows that fetchone would."""

    async def scenario(cursor):
        await cursor.execute(on_table.select)
        return [name async for (name,) in cursor]

    assert on_table(scenario) == on_table.samples


@over_both
def test_execute_gives_the_cursor_back(on_table):
    """`execute(...).fetchall()` reads in one line."""

    async def scenario(cursor):
        return await cursor.execute("SELECT 1") is cursor

    assert on_table(scenario)


@over_both
def test_none_is_null(on_table):
    """None goes in as NULL and comes out as None."""

    async def scenario(cursor):
        await cursor.execute("INSERT INTO booze VALUES (?)", [None])
        await cursor.execute("SELECT name FROM booze WHERE name IS NULL")
        return await cursor.fetchall()

    assert on_table(scenario) == [(None,)]


@over_both
def test_input_and_output_sizes_may_be_set(on_table):
    """setinputsizes and setoutputsize exist and change nothing."""

    async def scenario(cursor):
        cursor.setinputsizes([25])
        cursor.setoutputsize(1000)
        cursor.setoutputsize(2000, 0)
        return await (await cursor.execute(on_table.select)).fetchmany(1)

    assert on_table(scenario) == [(on_table.samples[0],)]


@over_both
def test_nothing_works_on_a_closed_connection(face):
    """Every method of a closed connection and of its cursors is an Error; close may be repeated."""

    async def scenario():
        connection = await face.local()
        cursor = connection.cursor()
        await connection.close()
        await connection.close()
        for method in (connection.commit, connection.rollback, cursor.fetchall):
            with pytest.raises(errors.InterfaceError):
                await method()
        with pytest.raises(errors.InterfaceError):
            await cursor.execute("SELECT 1")
        with pytest.raises(errors.InterfaceError):
            connection.cursor()

    face.run(scenario)


@over_both
def test_nothing_works_on_a_closed_cursor(face):
    """A closed cursor raises an Error; its connection goes on."""

    async def scenario():
        async with face.local() as connection:
            cursor = connection.cursor()
            await cursor.close()
            await cursor.close()
            with pytest.raises(errors.InterfaceError):
                await cursor.execute("SELECT 1")
            with pytest.raises(errors.InterfaceError):
                await cursor.fetchone()
            return await (await connection.cursor().execute("SELECT 1")).fetchone()

    assert face.run(scenario) == (1,)


@over_both
@pytest.mark.parametrize("size", [0, -1])
def test_an_arraysize_that_cannot_be_meant_is_refused(face, size):
    """arraysize is at least 1, and fetchmany takes no negative size."""

    async def scenario():
        async with face.local() as connection:
            cursor = await connection.cursor().execute("SELECT 1")
            with pytest.raises(errors.InterfaceError):
                cursor.arraysize = size
            with pytest.raises(errors.InterfaceError):
                await cursor.fetchmany(-1)

    face.run(scenario)


@over_both
def test_rollback_undoes_and_commit_keeps(face):
    """What was rolled back is gone; what was committed is seen by others."""

    async def scenario():
        async with (
            face.local() as other,
            face.local(autocommit=False) as connection,
        ):
            cursor = connection.cursor()
            await cursor.execute("CREATE TABLE kept (n int)")
            await connection.commit()
            await cursor.execute("INSERT INTO kept VALUES (1)")
            await connection.rollback()
            await cursor.execute("INSERT INTO kept VALUES (2)")
            unseen = await (await other.cursor().execute("SELECT n FROM kept")).fetchall()
            await connection.commit()
            seen = await (await other.cursor().execute("SELECT n FROM kept")).fetchall()
            return unseen, seen

    assert face.run(scenario) == ([], [(2,)])


def test_nothing_of_the_pep_is_missing_on_either_face():
    """Every attribute and method that the PEP names is there; methods are awaited in async_db."""
    for name in ("close", "commit", "rollback", "cursor"):
        assert callable(getattr(db.Connection, name))
    fetches = ("fetchone", "fetchmany", "fetchall")
    awaited = {"execute", "executemany", *fetches, "nextset", "close"}
    for name in {*awaited, "setinputsizes", "setoutputsize"}:
        assert callable(getattr(db.Cursor, name))
        waits = inspect.iscoroutinefunction(getattr(async_db.Cursor, name))
        assert waits == (name in awaited)
    assert {"description", "rowcount", "arraysize"} <= set(dir(db.Cursor))
