"""Row factories: what a fetched row is, and what is said when columns and fields do not match."""

import dataclasses
import datetime
import enum
from decimal import Decimal
from typing import Annotated, Any, NamedTuple, NotRequired, TypedDict

import httpx
import msgspec
import pydantic
import pytest

from firebolt_like import errors
from firebolt_like.rows import dict_row, namedtuple_row, tuple_row
from tests.db.conftest import answer, over_both

COLUMNS = {"id": "long", "name": "text null", "price": "numeric(10, 2)"}
ROWS = [["1", "bolt", "1.10"], ["2", None, "2.20"]]


@dataclasses.dataclass
class Part:
    id: int
    name: str | None
    price: Decimal


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PartOfKeywords:
    id: int
    name: str | None
    price: Decimal
    note: str = "none"


class PartStruct(msgspec.Struct, frozen=True):
    id: int
    name: str | None
    price: Decimal


class RenamedStruct(msgspec.Struct, rename={"key": "id"}):
    price: Decimal
    name: str | None
    key: int


class PartModel(pydantic.BaseModel):
    id: int
    name: str | None
    price: Decimal


class AliasedModel(pydantic.BaseModel):
    key: int = pydantic.Field(alias="id")
    name: str | None
    price: Decimal


class PartTuple(NamedTuple):
    price: Decimal
    id: int
    name: Any


class PartTupleInOrder(NamedTuple):
    id: int
    name: str | None
    price: Decimal


class PartTupleOfItsOwn(PartTupleInOrder):
    def __new__(cls, id, name, price):  # noqa: A002  # the column's name
        return super().__new__(cls, id * 10, name, price)


class PartTupleWithDefault(NamedTuple):
    id: int
    name: str | None
    price: Decimal
    note: str = "none"


class PartDict(TypedDict):
    id: int
    name: str | None
    price: Decimal
    note: NotRequired[str]


FIRST = {
    # factory: the first row
    tuple: (1, "bolt", Decimal("1.10")),
    tuple_row: (1, "bolt", Decimal("1.10")),
    dict: {"id": 1, "name": "bolt", "price": Decimal("1.10")},
    dict_row: {"id": 1, "name": "bolt", "price": Decimal("1.10")},
    Part: Part(1, "bolt", Decimal("1.10")),
    PartOfKeywords: PartOfKeywords(id=1, name="bolt", price=Decimal("1.10")),
    PartStruct: PartStruct(1, "bolt", Decimal("1.10")),
    RenamedStruct: RenamedStruct(Decimal("1.10"), "bolt", 1),
    PartModel: PartModel(id=1, name="bolt", price=Decimal("1.10")),
    AliasedModel: AliasedModel(id=1, name="bolt", price=Decimal("1.10")),
    PartTuple: PartTuple(Decimal("1.10"), 1, "bolt"),
    PartTupleInOrder: PartTupleInOrder(1, "bolt", Decimal("1.10")),
    PartTupleOfItsOwn: PartTupleOfItsOwn(1, "bolt", Decimal("1.10")),
    PartTupleWithDefault: PartTupleWithDefault(1, "bolt", Decimal("1.10")),
    PartDict: {"id": 1, "name": "bolt", "price": Decimal("1.10")},
}


@pytest.fixture
def fetch(face, connect, script):
    """Fetch all rows of one scripted answer with a row factory."""

    def run(factory, rows, columns):
        async def scenario():
            async with connect() as connection:
                cursor = connection.cursor(row_factory=factory)
                return await (await cursor.execute("SELECT")).fetchall()

        script.entries.append(answer(rows, columns))
        return face.run(scenario)

    return run


@pytest.mark.parametrize("factory", FIRST, ids=lambda factory: factory.__name__)
def test_a_row_is_what_its_factory_makes(fetch, factory):
    """Each kind of class, and each function, gives rows of its own kind with every column."""
    first, second = fetch(factory, ROWS, COLUMNS)
    assert first == FIRST[factory]
    assert type(first) is type(second) is type(FIRST[factory])


def test_named_tuples_have_the_columns_as_attributes(fetch):
    """A name that cannot be an attribute, or is taken, is replaced by its place."""
    (row,) = fetch(namedtuple_row, [[1, 2, 3]], {"id": "int", "?column?": "int", "class": "int"})
    assert (row.id, row._1, row._2) == tuple(row) == (1, 2, 3)


def test_a_factory_may_be_a_function_of_ones_own(fetch):
    """It is given the names, and what it gives makes the rows."""
    rows = fetch(lambda names: lambda rows: [(names, *row) for row in rows], [[1]], {"n": "int"})
    assert rows == [(("n",), 1)]


def test_a_factory_gives_one_row_for_each_tuple(fetch):
    """A function that would drop rows is an error, as counts would be wrong."""
    rows = [[number] for number in range(2500)]
    assert fetch(lambda _names: list, rows, {"n": "int"}) == [tuple(row) for row in rows]
    with pytest.raises(errors.InterfaceError, match="999 rows for 1000"):
        fetch(lambda _names: lambda rows: rows[1:], rows, {"n": "int"})


def test_every_fetch_gives_the_factorys_rows(face, connect, script):
    """fetchone, fetchmany, fetchall and iteration agree, and nextset starts anew."""
    script.entries += [
        answer([[n] for n in range(6)], {"n": "int"}),
        answer([["x"]], {"s": "text"}),
    ]

    async def scenario():
        async with connect(row_factory=dict_row) as connection:
            cursor = await connection.cursor().execute("SELECT 1; SELECT 2")
            taken = [await cursor.fetchone(), *await cursor.fetchmany(2)]
            taken += [row async for row in cursor]
            assert await cursor.nextset()
            return taken, await cursor.fetchall(), cursor.rowcount

    numbers = [{"n": n} for n in range(6)]
    assert face.run(scenario) == (numbers, [{"s": "x"}], 1)


def test_a_loop_that_is_left_loses_no_row(face, connect, script):
    """What a loop did not take, the next fetch gives."""
    script.entries.append(answer([[n] for n in range(6)], {"n": "int"}))

    async def scenario():
        async with connect() as connection:
            cursor = await connection.cursor().execute("SELECT n")
            async for row in cursor:
                if row == (1,):
                    break
            async for row in cursor:
                assert row == (2,)
                break
            return await cursor.fetchone(), await cursor.fetchmany(2), await cursor.fetchall()

    assert face.run(scenario) == ((3,), [(4,), (5,)], [])


def test_the_cursors_factory_wins(face, connect, script):
    """The connection's is the default of its cursors."""

    async def scenario():
        async with connect(row_factory=dict_row) as connection:
            plain = connection.cursor(row_factory=tuple_row)
            return [
                await (await cursor.execute("SELECT 1")).fetchone()
                for cursor in (connection.cursor(), plain)
            ]

    assert face.run(scenario) == [{"n": 1}, (1,)]


class Color(enum.Enum):
    RED = "red"


class Point(msgspec.Struct):
    x: int
    y: float


@dataclasses.dataclass
class Shapes:
    color: Color
    points: list[Point]
    size: Annotated[int, msgspec.Meta(gt=0)]
    born: datetime.date


def test_fields_of_richer_types_are_converted(fetch):
    """Enums, nested structs, constraints and dates in text are read where fields ask for them."""
    columns = {
        "color": "text",
        "points": "array(struct(x int, y double))",
        "size": "int",
        "born": "text",
    }
    rows = [["red", [{"x": 1, "y": 0.5}], 3, "2024-02-29"]]
    (row,) = fetch(Shapes, rows, columns)
    assert row == Shapes(Color.RED, [Point(1, 0.5)], 3, datetime.date(2024, 2, 29))


class Strict(msgspec.Struct):
    id: int
    name: str


@dataclasses.dataclass
class Bytes:
    data: bytes


MISFITS = [
    # factory, rows, columns, what the message tells
    (Strict, [[1, "a"], [2, None]], {"id": "int", "name": "text null"}, ["'name'", "name: str"]),
    (Strict, [["x", "a"]], {"id": "text", "name": "text"}, ["'id'", "id: int", "str"]),
    (Strict, [["+1", None]], {"id": "int", "name": "text"}, ["'name'", "name: str", "NULL"]),
    (Part, [["1", "a", "cheap"]], COLUMNS | {"price": "text"}, ["'price'", "price: ", "Part"]),
    (PartTuple, [["1", "a", None]], COLUMNS, ["'price'", "PartTuple"]),
    (PartDict, [["1", 2, "x"]], COLUMNS | {"price": "text"}, ["'price'", "PartDict"]),
    (PartModel, [["1", 2, "x"]], COLUMNS | {"price": "text"}, ["'price'", "PartModel"]),
    (Bytes, [["YWJj"]], {"data": "text"}, ["'data'", "data: bytes"]),
    (Shapes, [["blue", [], 1, "2024-01-01"]],
     {"color": "text", "points": "array(int)", "size": "int", "born": "date"}, ["'color'", "blue"]),
]  # fmt: skip


@pytest.mark.parametrize(("factory", "rows", "columns", "told"), MISFITS)
def test_a_value_that_does_not_fit_names_column_and_field(fetch, factory, rows, columns, told):
    """Nothing is coerced in silence: the error says which column and which field."""
    with pytest.raises(errors.DataError) as caught:
        fetch(factory, rows, columns)
    assert [part for part in told if part not in str(caught.value)] == []


class Open(pydantic.BaseModel, extra="ignore"):
    n: int


NAMES = [
    (Part, {"id": "int"}, "'name'"),
    (Part, {**COLUMNS, "color": "text"}, "'color'"),
    (PartDict, {"id": "int", "price": "int"}, "'name'"),
    (PartModel, {**COLUMNS, "color": "text"}, "'color'"),
    (dict_row, {"a": "int", "b": "int", "A": "int"}, None),
    (Open, {"n": "int", "more": "int"}, None),
]


@pytest.mark.parametrize(("factory", "columns", "told"), NAMES)
def test_columns_and_fields_are_matched_by_name(fetch, factory, columns, told):
    """A column without a field, or a field without column and default, is an error naming it."""
    if told is None:
        assert len(fetch(factory, [[1] * len(columns)], columns)) == 1
        return
    with pytest.raises(errors.DataError, match=told):
        fetch(factory, [], columns) or fetch(factory, [["1"] * len(columns)], columns)


@pytest.mark.parametrize("factory", [dict_row, Part])
def test_two_columns_of_one_name_are_an_error(face, connect, script, factory):
    """Rows by names would lose one of the two."""
    columns = [{"name": "id", "type": "int"}] * 2
    script.entries.append(httpx.Response(200, json={"meta": columns, "data": [[1, 2]]}))

    async def scenario():
        async with connect() as connection:
            cursor = connection.cursor(row_factory=factory)
            await cursor.execute("SELECT")
            with pytest.raises(errors.DataError, match="'id'"):
                await cursor.fetchall()

    face.run(scenario)


class Unreadable(msgspec.Struct):
    n: "Missing"  # noqa: F821  # what the test is about


class Unsupported(msgspec.Struct):
    n: int | complex


@pytest.mark.parametrize("factory", [int, object, "dict", 7, errors.Error])
def test_what_is_no_factory_is_refused_at_once(face, connect, script, factory):
    """Before anything is sent, with a list of what would do."""

    async def scenario():
        async with connect() as connection:
            with pytest.raises(errors.ConfigurationError, match="dataclass"):
                connection.cursor(row_factory=factory)
        with pytest.raises(errors.ConfigurationError, match="dataclass"):
            await connect(row_factory=factory)

    face.run(scenario)
    assert script.requests == []


@pytest.mark.parametrize("factory", [Unreadable, Unsupported])
def test_a_class_that_cannot_be_read_is_refused(fetch, factory):
    """An annotation that names nothing, or is not supported, is said to be the reason."""
    with pytest.raises(errors.ConfigurationError, match=factory.__name__):
        fetch(factory, [[1]], {"n": "int"})


@over_both
def test_rows_of_a_stream_come_from_the_factory_too(local_rows):
    """Streamed and buffered rows are alike, from a real engine."""
    assert local_rows == [Point(1, 0.5), Point(2, 1.0)]


@pytest.fixture
def local_rows(face):
    async def scenario():
        async with face.local(row_factory=Point) as connection:
            cursor = connection.cursor()
            await cursor.execute_stream("SELECT i::int AS x, i / 2 AS y FROM range(1, 3) AS t(i)")
            return await cursor.fetchall()

    return face.run(scenario)
