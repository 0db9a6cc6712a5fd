"""Messages of Flight and Flight SQL against Google's own implementation of their encoding.

The descriptors that it needs are built from the same table which the codec reads.
"""

import contextlib
from typing import Any

import pytest
from google.protobuf import any_pb2, descriptor_pb2, descriptor_pool, message_factory
from hypothesis import given
from hypothesis import strategies as st

from firebolt_like.errors import NotSupportedError, ServerResponseError
from firebolt_like.protocol import flight, flight_sql
from firebolt_like.protocol.protobuf import Field, Message, decode, encode, fields_of

KINDS: list[type[Message]] = [
    kind
    for module in (flight, flight_sql)
    for kind in vars(module).values()
    if isinstance(kind, type) and issubclass(kind, Message) and kind.__module__ == module.__name__
    if not kind.__name__.startswith("_")
]
PACKAGE = "test"
NUMBERS = descriptor_pb2.FieldDescriptorProto
TYPES = {
    int: NUMBERS.TYPE_INT64,
    bool: NUMBERS.TYPE_BOOL,
    str: NUMBERS.TYPE_STRING,
    bytes: NUMBERS.TYPE_BYTES,
    memoryview: NUMBERS.TYPE_BYTES,
}
VALUES: dict[Any, st.SearchStrategy[Any]] = {
    int: st.integers(-(2**63), 2**63 - 1),
    bool: st.booleans(),
    str: st.text(),
    bytes: st.binary(),
    memoryview: st.binary(),
}


def declare(kind: type[Message], into: descriptor_pb2.FileDescriptorProto) -> None:
    proto = into.message_type.add(name=kind.__name__)
    for field in fields_of(kind):
        many = NUMBERS.LABEL_REPEATED if field.repeated else NUMBERS.LABEL_OPTIONAL
        made = proto.field.add(name=field.name, number=field.number, label=many)
        if field.kind is dict:
            entry = proto.nested_type.add(name=field.name.title().replace("_", "") + "Entry")
            entry.options.map_entry = True
            for number, name in enumerate(("key", "value"), 1):
                entry.field.add(name=name, number=number, label=1, type=NUMBERS.TYPE_STRING)
            made.type = NUMBERS.TYPE_MESSAGE
            made.type_name = f".{PACKAGE}.{kind.__name__}.{entry.name}"
        elif field.kind in TYPES:
            made.type = TYPES[field.kind]
        else:
            made.type = NUMBERS.TYPE_MESSAGE
            made.type_name = f".{PACKAGE}.{field.kind.__name__}"
        if field.optional and made.type != NUMBERS.TYPE_MESSAGE:
            proto.oneof_decl.add(name=f"_{field.name}")
            made.oneof_index = len(proto.oneof_decl) - 1
            made.proto3_optional = True


@pytest.fixture(scope="module")
def classes() -> dict[str, Any]:
    """Google's classes of our messages."""
    file = descriptor_pb2.FileDescriptorProto(name="t.proto", package=PACKAGE, syntax="proto3")
    for kind in KINDS:
        declare(kind, file)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        kind.__name__: message_factory.GetMessageClass(
            pool.FindMessageTypeByName(f"{PACKAGE}.{kind.__name__}")
        )
        for kind in KINDS
    }


def values(field: Field) -> st.SearchStrategy[Any]:
    if field.kind is dict:
        # maps have no order: one entry has only one encoding
        return st.dictionaries(st.text(), st.text(), max_size=1)
    one = VALUES[field.kind] if field.kind in VALUES else messages(field.kind)
    if field.repeated:
        return st.lists(one, max_size=4).map(tuple)
    return st.none() | one if field.optional else one


def messages(kind: type[Message]) -> st.SearchStrategy[Message]:
    return st.builds(kind, **{field.name: values(field) for field in fields_of(kind)})


def fill(google: Any, message: Message) -> Any:
    for field in fields_of(type(message)):
        value = getattr(message, field.name)
        if value is None:
            continue
        if field.kind is dict:
            getattr(google, field.name).update(value)
        elif field.repeated and field.kind not in VALUES:
            for each in value:
                fill(getattr(google, field.name).add(), each)
        elif field.repeated:
            getattr(google, field.name).extend(value)
        elif field.kind not in VALUES:
            getattr(google, field.name).SetInParent()
            fill(getattr(google, field.name), value)
        else:
            setattr(google, field.name, value)
    return google


any_message = st.sampled_from(KINDS).flatmap(messages)


@given(message=any_message)
def test_bytes_equal_those_of_protobuf(message: Message, classes: dict[str, Any]) -> None:
    """Every message has the very bytes that Google's implementation writes."""
    google = fill(classes[type(message).__name__](), message)
    assert encode(message) == google.SerializeToString(deterministic=True)


@given(message=any_message)
def test_a_message_survives(message: Message) -> None:
    """What is written is read back."""
    assert decode(type(message), encode(message)) == message


@given(kind=st.sampled_from(KINDS), data=st.binary())
def test_any_bytes_are_a_message_or_our_error(kind: type[Message], data: bytes) -> None:
    """Bytes from anywhere raise nothing but our error."""
    with contextlib.suppress(ServerResponseError):
        assert isinstance(decode(kind, data), kind)


@given(message=any_message.filter(encode), data=st.data())
def test_a_cut_message_is_no_other_message(message: Message, data: st.DataObject) -> None:
    """A message that is cut off within its last field is refused."""
    whole = encode(message)
    last = [
        f
        for f in fields_of(type(message))
        if encode(type(message)(**{f.name: getattr(message, f.name)}))
    ][-1]
    if last.repeated:
        return  # a list without its last items is a list
    size = len(encode(type(message)(**{last.name: getattr(message, last.name)})))
    cut = data.draw(st.integers(1, size - 1))
    with pytest.raises(ServerResponseError):
        decode(type(message), whole[:-cut])


def test_numbers_that_were_not_packed_are_read() -> None:
    """A writer may send repeated numbers one by one."""
    assert decode(flight_sql.CommandGetSqlInfo, b"\x08\x01\x08\x02").info == (1, 2)


def test_unknown_fields_are_skipped() -> None:
    """Fields of a newer protocol, of any wire type, do not disturb."""
    unknown = b"\xf8\x07\x01" + b"\xf9\x07" + bytes(8) + b"\xfa\x07\x01x" + b"\xfd\x07" + bytes(4)
    assert decode(flight.Ticket, unknown + b"\x0a\x01t" + unknown) == flight.Ticket(b"t")


def test_a_body_is_read_without_a_copy() -> None:
    """The body of a stream's message is a view of the bytes that arrived."""
    data = encode(flight.FlightData(data_body=b"x" * 100))
    body = decode(flight.FlightData, data).data_body
    assert isinstance(body, memoryview)
    assert body.obj is data


@given(
    message=st.sampled_from([k for k in KINDS if k.__module__ == flight_sql.__name__]).flatmap(
        messages
    )
)
def test_the_envelope_is_that_of_protobuf(message: Message) -> None:
    """A packed message is `google.protobuf.Any` with the name of its type."""
    packed = flight_sql.pack(message)
    envelope = any_pb2.Any.FromString(packed)
    assert envelope.type_url.endswith(f"/arrow.flight.protocol.sql.{type(message).__name__}")
    assert envelope.value == encode(message)
    assert flight_sql.unpack(packed) == message


def test_sql_text_is_no_message() -> None:
    """A server can tell raw SQL in a descriptor from a message."""
    for text in (b"select 1", b"", b"\n\nselect 1", b"SHOW TABLES"):
        with pytest.raises(ServerResponseError):
            flight_sql.unpack(text)


def test_an_unknown_command_is_not_supported() -> None:
    """A command of a newer protocol is told apart from broken bytes."""
    data = any_pb2.Any(type_url="type.googleapis.com/arrow.flight.protocol.sql.CommandNew")
    with pytest.raises(NotSupportedError, match="CommandNew"):
        flight_sql.unpack(data.SerializeToString())


def test_no_password_is_shown() -> None:
    """A login's messages do not show what they hold."""
    payload = encode(flight.BasicAuth("ada", "secret"))
    shown = repr([flight.BasicAuth("ada", "secret"), flight.HandshakeRequest(0, payload)])
    assert "secret" not in shown
