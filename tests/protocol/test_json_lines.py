"""JSON lines: the same events however the bytes are cut, and never fewer rows than were sent."""

import json
import time
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebolt_like.errors import DataError, Error, ServerResponseError
from firebolt_like.protocol.json_compact import statistics
from firebolt_like.protocol.json_lines import (
    Decoder,
    Finished,
    Rows,
    Started,
    encode_data,
    encode_error,
    encode_finish,
    encode_start,
)
from firebolt_like.protocol.server_error import ErrorDetail
from firebolt_like.protocol.types import Column, parse_type

COLUMNS = (Column("id", parse_type("long")), Column("é\n", parse_type("text null")))
START = encode_start(COLUMNS, query_id="q1", label="mine")
DATA = encode_data('["1","a\u00e9"],["2",null]'.encode())
FINISH = encode_finish(statistics(0.5, 3, 40))
STREAM = START + DATA + encode_data(b'["3","b"]') + FINISH


def events(*chunks: bytes):
    """Everything that a stream gives."""
    decoder = Decoder()
    found = [event for chunk in chunks for event in decoder.feed(chunk)]
    return found + list(decoder.close())


def plain(found):
    """Events in a form that compares."""
    return [bytes(event.data) if isinstance(event, Rows) else event for event in found]


def line(**message) -> bytes:
    return json.dumps(message).encode() + b"\n"


def test_what_an_engine_encodes_is_decoded():
    """Columns, batches and statistics arrive in order, with the query's id."""
    started, *batches, finished = events(STREAM)
    assert started == Started(COLUMNS, "q1")
    assert [msgspec.json.decode(batch.data) for batch in batches] == [
        [["1", "aé"], ["2", None]],
        [["3", "b"]],
    ]
    assert finished == Finished(statistics(0.5, 3, 40))


@given(st.lists(st.integers(0, len(STREAM))))
def test_cuts_make_no_difference(cuts):
    """The network may cut the bytes anywhere, also inside of a character."""
    places = [0, *sorted(cuts), len(STREAM)]
    chunks = [STREAM[start:end] for start, end in pairwise(places)]
    assert plain(events(*chunks)) == plain(events(STREAM))


def test_every_byte_alone_makes_no_difference():
    """The smallest pieces give the same events."""
    assert plain(events(*(bytes([byte]) for byte in STREAM))) == plain(events(STREAM))


@pytest.mark.parametrize("end", range(len(STREAM) - 1))
def test_a_stream_that_is_cut_anywhere_is_an_error(end):
    """A stream without its end marker is never fewer rows."""
    with pytest.raises(ServerResponseError):
        events(STREAM[:end])


@given(st.lists(st.sampled_from([START, DATA, FINISH, b"\n", b"{}\n", DATA[:30]]), max_size=6))
def test_only_a_stream_in_order_is_taken(lines):
    """Any other order of messages is an error; nothing is taken twice or left out."""
    marks = [text for text in lines if text != b"\n"]
    in_order = len(marks) >= 2 and marks == [START, *[DATA] * (len(marks) - 2), FINISH]
    try:
        found = events(b"".join(lines))
    except ServerResponseError:
        assert not in_order
    else:
        assert in_order
        assert len(found) == len(marks)


@pytest.mark.parametrize(
    "stream",
    [
        START + START + FINISH,
        DATA + START + FINISH,
        START + FINISH + DATA,
        START + FINISH + FINISH,
        START + FINISH + START,
        START + line(message_type="NEWS") + FINISH,
        START + line(message_type=None) + FINISH,
        START + b'{"message_type": "DATA", "data": [[1]}\n' + FINISH,
        START + b"[1]\n" + FINISH,
        START + b"null\n" + FINISH,
        START + b"\xff\n" + FINISH,
        START + b"[" * 200_000 + b"\n" + FINISH,
        line(message_type="START", result_columns=[{"name": "n"}]) + FINISH,
        START + DATA.rstrip() + FINISH,
        b"",
        b"\n\n",
    ],
    ids=range(16),
)
def test_what_is_not_of_the_format_is_an_error(stream):
    """START twice, DATA outside of START and FINISH, and broken lines are errors."""
    with pytest.raises(ServerResponseError):
        events(stream)


def test_an_error_knows_the_query():
    """Who sees a broken stream can look for the query in the history."""
    with pytest.raises(ServerResponseError) as caught:
        events(START, b"nonsense\n")
    assert caught.value.query_id == "q1"
    with pytest.raises(ServerResponseError) as caught:
        events(START)
    assert caught.value.query_id == "q1"


@pytest.mark.parametrize(
    "stream",
    [
        STREAM.replace(b"\n", b"\r\n"),
        STREAM.replace(b"\n", b"\n\n \r\n"),
        b"\n" + STREAM,
        STREAM.rstrip(b"\n"),
        STREAM + b"\n\n",
    ],
)
def test_line_ends_of_any_kind_are_taken(stream):
    """CRLF, blank lines and a last line without its end change nothing."""
    assert [msgspec.json.decode(raw) if isinstance(raw, bytes) else raw
            for raw in plain(events(stream))] == [
        Started(COLUMNS, "q1"), [["1", "aé"], ["2", None]], [["3", "b"]],
        Finished(statistics(0.5, 3, 40)),
    ]  # fmt: skip


def test_keys_may_be_missing_or_new():
    """Old and new engines differ in what stands beside the rows."""
    stream = (
        line(message_type="START", update_endpoint="x", query_id=7)
        + line(message_type="DATA", more=[1])
        + line(message_type="DATA", data=[], errors=[])
        + line(message_type="FINISH_SUCCESSFULLY", statistics="none", errors=None)
    )
    started, first, second, finished = events(stream)
    assert started == Started((), "7")
    assert (bytes(first.data), bytes(second.data)) == (b"[]", b"[]")
    assert finished == Finished({})


def test_an_engines_error_is_raised_after_the_rows_before_it():
    """A statement that fails on its way gives its rows, then its error."""
    detail = ErrorDetail(
        "Unable to cast TEXT 'x' to date", location={"failing_line": 1, "start_offset": 8}
    )
    decoder = Decoder()
    found = []
    with pytest.raises(DataError, match="Unable to cast") as caught:
        for event in decoder.feed(START + DATA + encode_error([detail], {}, query_id="q1")):
            found.append(event)  # noqa: PERF402  # what came before the error counts
    assert len(found) == 2
    assert caught.value.location == (1, 8)
    assert caught.value.query_id == "q1"


@pytest.mark.parametrize(
    "message",
    [
        {"message_type": "FINISH_WITH_ERRORS", "errors": ["boom"]},
        {"message_type": "FINISH_WITH_ERRORS"},
        {"message_type": "ERROR", "errors": [{"description": "boom"}]},
        {"message_type": "ERROR", "errors": "boom"},
        {"errors": [{"description": "boom"}]},
        {"message_type": "FINISH_SUCCESSFULLY", "errors": ["boom"]},
        {"message_type": "DATA", "data": [], "errors": ["boom"]},
    ],
)
@pytest.mark.parametrize("before", [b"", START, START + DATA])
def test_errors_in_any_message_are_raised(message, before):
    """A message with errors is an error, whatever it calls itself and wherever it stands."""
    with pytest.raises(Error) as caught:
        events(before + line(**message) + FINISH)
    assert not isinstance(caught.value, ServerResponseError)


def test_stock_clients_find_the_keys_that_they_demand():
    """Every message has exactly the keys of the protocol."""
    error = encode_error([ErrorDetail("x")], {"elapsed": 1}, query_id="q1")
    keys = [set(json.loads(text)) for text in (START, DATA, FINISH, error)]
    ids = {"message_type", "query_id", "query_label", "request_id"}
    assert keys == [
        ids | {"result_columns"},
        {"message_type", "data"},
        {"message_type", "statistics"},
        ids | {"errors", "statistics"},
    ]
    assert json.loads(START)["result_columns"][0] == {"name": "id", "type": "bigint"}


def seconds_for(chunks) -> float:
    started = time.process_time()
    assert len(events(START, *chunks, FINISH)) == 3
    return time.process_time() - started


def test_a_message_in_very_many_pieces_costs_linear_time():
    """Four times the bytes take about four times as long, and not sixteen times."""
    message = encode_data(b",".join([b'["1","abcdefgh"]'] * 60_000))
    whole = [message[start : start + 8] for start in range(0, len(message), 8)]
    small = encode_data(b",".join([b'["1","abcdefgh"]'] * 15_000))
    quarter = [small[start : start + 8] for start in range(0, len(small), 8)]
    least = min(seconds_for(quarter) for _ in range(3))
    assert min(seconds_for(whole) for _ in range(3)) < 10 * least


def test_many_small_messages_in_one_chunk_cost_linear_time():
    """A chunk of a hundred thousand lines is read once."""
    started = time.process_time()
    found = events(START + encode_data(b'["1","a"]') * 100_000 + FINISH)
    assert len(found) == 100_002
    assert time.process_time() - started < 5
