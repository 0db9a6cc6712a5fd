"""Row factories: what a fetched row is.

A row factory is a class of yours (dataclass, pydantic model, `msgspec.Struct`, `NamedTuple`,
`TypedDict`), one of the functions `tuple_row`, `dict_row` and `namedtuple_row`, or a function like
them: it is given the columns' names, and gives a function that turns a batch of tuples into rows.

What may live here: factories, and how columns are matched with the fields of a class. Nothing here
knows SQL types or the wire.
"""

import collections
import dataclasses
import functools
import inspect
import itertools
import operator
import re
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Generic, NamedTuple, cast

import msgspec
from typing_extensions import TypeVar

from firebolt_like.errors import ConfigurationError, DataError, InterfaceError

__all__ = [
    "Row",
    "RowFactory",
    "RowMaker",
    "Shape",
    "check_row_factory",
    "dict_row",
    "fit",
    "misfit",
    "namedtuple_row",
    "tuple_row",
]

Row = TypeVar("Row", default=tuple[Any, ...])
Tuples = list[tuple[Any, ...]]
RowMaker = Callable[[Tuples], list[Row]]
RowFactory = Callable[[tuple[str, ...]], RowMaker[Row]]


def tuple_row(names: tuple[str, ...]) -> RowMaker[tuple[Any, ...]]:  # noqa: ARG001  # a RowFactory
    """Give rows as tuples: the default, and the fastest.

    >>> tuple_row(("n",))([(1,), (2,)])
    [(1,), (2,)]
    """
    return _same


def dict_row(names: tuple[str, ...]) -> RowMaker[dict[str, Any]]:
    """Give rows as dicts by column name.

    Raises `DataError` when two columns have one name, because a dict would lose one of them.

    >>> dict_row(("n", "s"))([(1, "a")])
    [{'n': 1, 's': 'a'}]
    """
    _check_distinct(names)
    return lambda rows: [dict(zip(names, row)) for row in rows]  # noqa: B905  # they are as long, and checking costs


def namedtuple_row(names: tuple[str, ...]) -> RowMaker[Any]:
    """Give rows as named tuples.

    A column whose name is no identifier, or is taken, is called `_0`, `_1`, ... by its place.

    >>> namedtuple_row(("n", "?column?"))([(1, "a")])
    [Row(n=1, _1='a')]
    """
    make = functools.partial(tuple.__new__, _named_tuple(names))
    return lambda rows: list(map(make, rows))


class Shape(NamedTuple, Generic[Row]):
    """A factory that has met the columns of a result.

    `required` are the places of columns that may not be NULL, each with what needs it; whoever
    decodes the rows checks that, because there it costs nothing.
    """

    build: RowMaker[Row]
    required: Mapping[int, str] = {}

    def apply(self, rows: Tuples) -> list[Row]:
        """Turn tuples into rows, in place: a thousand at once, whose memory the next ones use.

        Raises `InterfaceError` for a factory that does not give one row for each tuple.
        """
        made = cast("list[Any]", rows)
        if self.build is not cast("Any", _same):
            for start in range(0, len(rows), _CHUNK):
                part = rows[start : start + _CHUNK]
                built = self.build(part)
                if len(built) != len(part):
                    raise InterfaceError(
                        f"The row factory gave {len(built)} rows for {len(part)} tuples: it must "
                        "give one for each."
                    )
                made[start : start + _CHUNK] = built
        return made


_CHUNK = 1000


def check_row_factory(factory: Any) -> None:
    """Raise `ConfigurationError` for what is no row factory."""
    if factory in _BUILTIN or _has_fields(factory):
        return
    if isinstance(factory, type) or not callable(factory):
        raise ConfigurationError(
            "row_factory is tuple_row, dict_row, namedtuple_row, a function like them, or a class "
            "with fields (dataclass, pydantic model, msgspec.Struct, NamedTuple, TypedDict), not "
            f"{factory!r}."
        )


def fit(
    factory: "type[Row] | RowFactory[Row]", names: tuple[str, ...], types: tuple[type, ...]
) -> Shape[Row]:
    """Prepare a factory for the columns of a result: their names, and the classes of their values.

    Raises `DataError` when the columns are not the fields of the class.
    """
    if isinstance(factory, type) and factory not in _BUILTIN:
        return _fit_class(factory, names, types)
    make: Any = _BUILTIN.get(factory, factory) if isinstance(factory, type) else factory
    return Shape(make(names))


_BUILTIN: dict[Any, RowFactory[Any]] = {tuple: tuple_row, dict: dict_row}


def _same(rows: Tuples) -> Tuples:
    return rows


def _check_distinct(names: tuple[str, ...]) -> None:
    twice = [name for name, count in collections.Counter(names).items() if count > 1]
    if twice:
        raise DataError(
            f"Several columns are called {twice[0]!r}, and a row by names would lose one.",
            hint="Give the columns different names, by AS.",
        )


@functools.lru_cache(256)
def _named_tuple(names: tuple[str, ...]) -> Any:
    return collections.namedtuple("Row", names, rename=True)  # noqa: PYI024  # the names are known at run time


class _Fields(NamedTuple):
    """What a class wants, by the names that columns have."""

    types: dict[str, Any]
    parameters: dict[str, inspect.Parameter]
    needed: frozenset[str]


def _has_fields(kind: Any) -> bool:
    if not isinstance(kind, type):
        return False
    named = issubclass(kind, tuple) and hasattr(kind, "_fields")
    struct = issubclass(kind, msgspec.Struct)
    return named or struct or _is_pydantic(kind) or _is_plain(kind)


def _is_plain(kind: type) -> bool:
    return dataclasses.is_dataclass(kind) or typing.is_typeddict(kind)


def _is_pydantic(kind: type) -> bool:
    return hasattr(kind, "__pydantic_validator__")


@functools.lru_cache(256)
def _fit_class(kind: type, names: tuple[str, ...], types: tuple[type, ...]) -> Shape[Any]:
    check_row_factory(kind)
    _check_distinct(names)
    if _is_pydantic(kind):
        return _pydantic_shape(kind, names)
    fields = _read_fields(kind)
    _match(kind, names, set(fields.types), fields.needed)
    wanted = [fields.types[name] for name in names]
    labels = [_label(kind, *field) for field in zip(names, wanted, strict=True)]
    build = _constructor(kind, fields, names)
    plain = [_is_given(hint, given) for hint, given in zip(wanted, types, strict=True)]
    if not all(plain):
        convert, construct = _converting(kind, names, wanted, labels), build

        def build(rows: Tuples) -> list[Any]:
            return construct(convert(rows))

    required = {i: labels[i] for i, hint in enumerate(wanted) if plain[i] and hint is types[i]}
    return Shape(build, required)


def _read_fields(kind: Any) -> _Fields:
    try:
        hints = typing.get_type_hints(kind, include_extras=True)
    except (NameError, TypeError) as error:
        raise ConfigurationError(
            f"The annotations of {kind.__name__} cannot be read: {error}",
            hint="Define what they name where the class is defined, outside of functions.",
        ) from error
    if typing.is_typeddict(kind):
        hints = typing.get_type_hints(kind)
        return _Fields(hints, {}, kind.__required_keys__)
    parameters = inspect.signature(kind).parameters
    renamed = {}
    if issubclass(kind, msgspec.Struct):
        renamed = {field.name: field.encode_name for field in msgspec.structs.fields(kind)}
    by_column = {renamed.get(name, name): parameter for name, parameter in parameters.items()}
    needed = (name for name, parameter in by_column.items() if parameter.default is parameter.empty)
    types = {name: hints.get(parameter.name, Any) for name, parameter in by_column.items()}
    return _Fields(types, by_column, frozenset(needed))


def _match(kind: type, names: tuple[str, ...], known: set[str], needed: Iterable[str]) -> None:
    for name in names:
        if name not in known:
            raise DataError(
                f"Column {name!r} has no field in {kind.__name__}, whose fields are "
                f"{', '.join(sorted(known))}.",
                hint="Select fewer columns, or name this one like its field, by AS.",
            )
    for name in sorted(needed):
        if name not in names:
            raise DataError(
                f"Field {name!r} of {kind.__name__} has no column and no default; the columns are "
                f"{', '.join(names)}.",
                hint="Select it, or name a column like it, by AS.",
            )


def _label(kind: type, name: str, hint: Any) -> str:
    return f"field '{name}: {inspect.formatannotation(hint)}' of {kind.__name__}"


def _is_given(hint: Any, given: type) -> bool:
    """Tell whether decoded values are what the annotation asks for, so that nothing converts."""
    return hint in (Any, object, given, given | None)


def _constructor(kind: type, fields: _Fields, names: tuple[str, ...]) -> RowMaker[Any]:
    if typing.is_typeddict(kind):
        return dict_row(names)
    parameters = [fields.parameters[name] for name in names]
    places = [p.name for p in fields.parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
    keywords = [parameter.name for parameter in parameters]
    if set(places[: len(names)]) != set(keywords):
        return lambda rows: [kind(**dict(zip(keywords, row, strict=True))) for row in rows]
    if places[: len(names)] == keywords:
        if _is_made_by_tuple(kind) and len(names) == len(places):
            make = functools.partial(tuple.__new__, kind)
            return lambda rows: list(map(make, rows))
        return lambda rows: list(itertools.starmap(kind, rows))
    ordered = operator.itemgetter(*(keywords.index(place) for place in places[: len(names)]))
    return lambda rows: list(itertools.starmap(kind, map(ordered, rows)))


def _is_made_by_tuple(kind: type) -> bool:
    """Tell whether a class of named tuples adds nothing of its own to how one is made."""
    origin: Any = next((each for each in kind.__mro__ if "_fields" in vars(each)), None)
    return (
        origin is not None
        and issubclass(kind, tuple)
        and kind.__new__ is origin.__new__
        and kind.__init__ is object.__init__
    )


def _converting(
    kind: type, names: tuple[str, ...], wanted: Sequence[Any], labels: Sequence[str]
) -> RowMaker[Any]:
    target = _list_of(tuple.__class_getitem__(tuple(wanted)))
    # text for a field of bytes would be read as base64 otherwise
    convert = functools.partial(msgspec.convert, type=target, builtin_types=(bytes,))
    try:
        convert([])
    except (NameError, TypeError) as error:
        raise ConfigurationError(
            f"{kind.__name__} cannot be a row: a field's type is not supported: {error}"
        ) from error

    def make(rows: Tuples) -> Tuples:
        try:
            return cast("Tuples", convert(rows))
        except msgspec.ValidationError as error:
            reason, _, path = str(error).partition(" - at `$")
            column = int(_INDEX.findall(path)[1])
            raise misfit(names[column], labels[column], reason) from error

    return make


_INDEX = re.compile(r"\[([0-9]+)\]")


def misfit(column: str, label: str, reason: str) -> DataError:
    """Make the error for a value that its field does not take."""
    return DataError(f"Column {column!r} does not fit {label}: {reason.rstrip('.')}.")


def _pydantic_shape(kind: Any, names: tuple[str, ...]) -> Shape[Any]:
    import pydantic  # noqa: PLC0415  # who has such a class has loaded it

    known, rule = _pydantic_names(kind)
    if rule is None:
        _match(kind, names, known, ())
    validate = pydantic.TypeAdapter(_list_of(kind)).validate_python

    def build(rows: Tuples) -> list[Any]:
        try:
            return cast("list[Any]", validate([dict(zip(names, row, strict=True)) for row in rows]))
        except pydantic.ValidationError as error:
            details = error.errors(include_url=False, include_input=False)[0]
            _, *place = details["loc"] or (0,)
            column = str(place[0]) if place else "?"
            label = f"field {column!r} of {kind.__name__}"
            raise misfit(column, label, details["msg"]) from error

    return Shape(build)


def _pydantic_names(kind: Any) -> tuple[set[str], str | None]:
    """Give the names that a model knows its fields by, and its own rule for other names."""
    fields = kind.__pydantic_fields__
    config = getattr(kind, "model_config", None) or getattr(kind, "__pydantic_config__", None) or {}
    names = set(fields)
    for field in fields.values():
        aliases = getattr(field.validation_alias, "choices", [field.validation_alias])
        names.update(alias for alias in aliases if isinstance(alias, str))
    return names, config.get("extra")


def _list_of(item: Any) -> Any:
    return list.__class_getitem__(item)  # `list[item]` is for checkers, which want a fixed type
