"""Messages in the encoding of protocol buffers, declared as classes, with no generated code.

Each field's annotation is its declaration: a Python type, and the field's number. With `| None` a
field may be absent, and its empty value is sent; without, the empty value is what absence means.

    int, bool                 varint; an int is signed and has 64 bits
    str, bytes, a message     length and content; `bytes | memoryview` is read without a copy
    tuple[..., ...]           repeated; numbers are packed
    dict[str, str]            map

Source: the Protocol Buffers documentation, "Encoding", and the proto3 language guide.

What may live here: the encoding. The messages themselves are in `flight_sql`.
"""

import types
from collections.abc import Callable, Iterator
from functools import cache
from typing import Annotated, Any, NamedTuple, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec

from firebolt_like.errors import ServerResponseError

__all__ = ["Field", "Message", "decode", "encode", "fields_of"]

_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
_LONGEST_VARINT = 64  # bits


class Message(msgspec.Struct, frozen=True):
    """The base of all messages; equal by value."""


M = TypeVar("M", bound=Message)


class Field(NamedTuple):
    """A field as its annotation declares it; `kind` is the type of one value."""

    name: str
    number: int
    kind: Any
    optional: bool
    repeated: bool


def encode(message: Message) -> bytes:
    r"""Write a message; fields go in the order of their declaration.

    >>> class Person(Message, frozen=True):
    ...     name: Annotated[str, 1] = ""
    ...     age: Annotated[int | None, 2] = None
    >>> encode(Person("Ada", 36))
    b'\n\x03Ada\x10$'
    """
    pieces: list[bytes | memoryview] = []
    for field in fields_of(type(message)):
        value = getattr(message, field.name)
        if value is None or not (value or field.optional):
            continue
        if field.repeated and field.kind in _NUMBERS:
            packed = b"".join([_varint(each) for each in value])
            pieces += _tag(field.number, _LENGTH), _varint(len(packed)), packed
        elif field.repeated:
            items = value.items() if field.kind is dict else value
            for item in items:
                _write(pieces, field, item)
        else:
            _write(pieces, field, value)
    return b"".join(pieces)


def decode(kind: type[M], data: bytes | memoryview) -> M:
    r"""Read a message; fields that it does not know are skipped.

    Raises `ServerResponseError` for bytes that are not of this encoding.

    >>> class Person(Message, frozen=True):
    ...     name: Annotated[str, 1] = ""
    >>> decode(Person, b"\n\x03Ada")
    Person(name='Ada')
    """
    try:
        return _decode(kind, memoryview(data))
    except (IndexError, ValueError) as error:
        raise ServerResponseError(
            f"{len(data)} bytes are cut off or are not a {kind.__name__}: {error}"
        ) from error


@cache
def fields_of(kind: type[Message]) -> tuple[Field, ...]:
    """Give the fields of a message, in the order of their declaration."""
    hints = get_type_hints(kind, include_extras=True)
    return tuple(_field(name, hints[name]) for name in kind.__struct_fields__)


def _field(name: str, hint: Any) -> Field:
    inner, number = get_args(hint)  # of Annotated
    choices = get_args(inner) if get_origin(inner) in (Union, types.UnionType) else (inner,)
    kind = memoryview if memoryview in choices else choices[0]
    outer = get_origin(kind)
    if outer is tuple:
        kind = get_args(kind)[0]
    elif outer is dict:
        kind = dict
    return Field(name, number, kind, type(None) in choices, outer in (tuple, dict))


# --- writing


class _Entry(Message, frozen=True):
    key: Annotated[str | None, 1] = None  # an empty one is sent, too
    value: Annotated[str | None, 2] = None


_NUMBERS = (int, bool)


def _write(pieces: list[bytes | memoryview], field: Field, value: Any) -> None:
    if field.kind in _NUMBERS:
        pieces += _tag(field.number, _VARINT), _varint(value)
        return
    if field.kind is str:
        value = value.encode()
    elif field.kind is dict:
        value = encode(_Entry(*value))
    elif isinstance(value, Message):
        value = encode(value)
    pieces += _tag(field.number, _LENGTH), _varint(len(value)), value


@cache
def _tag(number: int, wire_type: int) -> bytes:
    return _varint(number << 3 | wire_type)


def _varint(value: int) -> bytes:
    if 0 <= value < 0x80:
        return value.to_bytes()
    value &= (1 << 64) - 1
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


# --- reading


def _decode(kind: type[M], data: memoryview) -> M:
    known = _by_number(kind)
    found: dict[str, Any] = {}
    for number, wire_type, value in _read(data):
        field = known.get(number)
        if field is None:
            continue
        if isinstance(value, memoryview) and field.repeated and field.kind in _NUMBERS:
            found.setdefault(field.name, []).extend(_packed(value, field.kind))
        elif wire_type == (_VARINT if field.kind in _NUMBERS else _LENGTH):
            item = _reader(field.kind)(value)
            if field.repeated:
                found.setdefault(field.name, []).append(item)
            else:
                found[field.name] = item
    for name, value in found.items():
        if isinstance(value, list):
            field = next(each for each in known.values() if each.name == name)
            found[name] = dict(value) if field.kind is dict else tuple(value)
    return kind(**found)


@cache
def _by_number(kind: type[Message]) -> dict[int, Field]:
    return {field.number: field for field in fields_of(kind)}


def _read(data: memoryview) -> Iterator[tuple[int, int, Any]]:
    """Cut a message into fields."""
    place = 0
    while place < len(data):
        key, place = _read_varint(data, place)
        number, wire_type = key >> 3, key & 7
        value: Any
        if number == 0:
            raise ValueError("a field has no number")
        if wire_type == _VARINT:
            value, place = _read_varint(data, place)
        elif wire_type in _SIZES or wire_type == _LENGTH:
            size = _SIZES.get(wire_type)
            if size is None:
                size, place = _read_varint(data, place)
            if size > len(data) - place:
                raise ValueError(f"field {number} is cut off")
            value, place = data[place : place + size], place + size
        else:
            raise ValueError(f"field {number} is of the unknown wire type {wire_type}")
        yield number, wire_type, value


_SIZES = {_FIXED64: 8, _FIXED32: 4}


def _read_varint(data: memoryview, place: int) -> tuple[int, int]:
    value = shift = 0
    while (byte := data[place]) >= 0x80:
        value |= (byte & 0x7F) << shift
        shift += 7
        place += 1
        if shift >= _LONGEST_VARINT:
            raise ValueError("a number has more than 64 bits")
    return (value | byte << shift) & (1 << 64) - 1, place + 1


def _packed(data: memoryview, kind: Any) -> Iterator[Any]:
    place = 0
    while place < len(data):
        value, place = _read_varint(data, place)
        yield _READERS[kind](value)


def _reader(kind: Any) -> Callable[[Any], Any]:
    return _READERS.get(kind) or (lambda data: _decode(kind, data))


def _read_entry(data: memoryview) -> tuple[str, str]:
    entry = _decode(_Entry, data)
    return entry.key or "", entry.value or ""


_READERS: dict[Any, Callable[[Any], Any]] = {
    int: lambda value: value - (1 << 64) if value >> 63 else value,
    bool: bool,
    str: lambda data: str(data, "utf-8"),
    bytes: bytes,
    memoryview: lambda data: data,
    dict: _read_entry,
}
