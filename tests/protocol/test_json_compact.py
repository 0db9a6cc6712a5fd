"""JSON_Compact: what is encoded is decoded, and what is cut is an error."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebolt_like.errors import DataError, ProgrammingError, ServerResponseError
from firebolt_like.protocol.json_compact import decode, encode_head, encode_tail, statistics
from firebolt_like.protocol.json_rows import decode_rows
from firebolt_like.protocol.types import Column, parse_type

COLUMNS = (Column("id", parse_type("long")), Column("note", parse_type("text null")))
ROWS = [(1, "a"), (2**60, None)]
BODY = (
    encode_head(COLUMNS, query_id="q1", label="mine")
    + b'["1","a"],["1152921504606846976",null]'
    + encode_tail(2, statistics(0.5, 2, 16))
)


def document(**members) -> bytes:
    meta = [{"name": "n", "type": "int"}]
    return json.dumps({"meta": meta, "data": [[1]], **members}).encode()


def test_what_an_engine_encodes_is_decoded():
    """Columns, rows, statistics and the query's id arrive."""
    answer = decode(BODY)
    assert answer.columns == COLUMNS
    assert decode_rows(answer.columns, answer.data) == ROWS
    assert answer.query_id == "q1"
    assert answer.statistics["rows_read"] == 2


_columns = st.lists(
    st.builds(Column, st.text(), st.sampled_from(["int", "array(text)", "new"]).map(parse_type))
)


@given(_columns, st.lists(st.lists(st.integers())), st.text())
def test_any_head_and_tail_are_read_back(columns, rows, query_id):
    """Names of any characters and any number of rows survive."""
    body = encode_head(columns, query_id=query_id)
    body += b",".join(map(msgspec.json.encode, rows)) + encode_tail(len(rows), {"elapsed": 1})
    answer = decode(body)
    assert answer.columns == tuple(columns)
    assert msgspec.json.decode(answer.data) == rows
    assert (answer.query_id or "") == query_id


def test_stock_clients_find_the_keys_that_they_demand():
    """The members and the statistics are exactly those of the protocol."""
    body = json.loads(BODY)
    assert list(body) == ["query", "meta", "data", "rows", "statistics"]
    assert body["meta"] == [{"name": "id", "type": "long"}, {"name": "note", "type": "text null"}]
    assert body["query"] == {"query_id": "q1", "request_id": "q1", "query_label": "mine"}
    assert body["rows"] == 2
    assert set(body["statistics"]) == {
        *("elapsed", "rows_read", "bytes_read", "time_before_execution", "time_to_execute"),
        *("scanned_bytes_cache", "scanned_bytes_storage"),
    }


@pytest.mark.parametrize("end", range(len(BODY) - 1))
def test_a_body_that_is_cut_anywhere_is_an_error(end):
    """A cut body is never fewer rows, wherever it is cut."""
    with pytest.raises(ServerResponseError):
        decode(BODY[:end])


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b"1", b"<html>", b"{}", b'{"meta": 1}', b'{"data": [[1]]}', BODY + BODY,
     b'{"meta": [{"name": "n"}], "data": []}', b'{"meta": [null]}', b'{"a":' + b"[" * 200_000],
)  # fmt: skip
def test_what_is_not_of_the_format_is_an_error(body):
    """No answer of another shape is taken for an empty result."""
    with pytest.raises(ServerResponseError):
        decode(body)


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"errors": []},
        {"errors": None, "statistics": None, "query": None, "rows": "many"},
        {"statistics": [], "query": "q", "new": {"deep": [1]}},
        {"meta": [{"name": "n", "type": "int", "nullable": True}]},
    ],
)
def test_members_that_rows_do_not_need_may_be_missing_or_odd(members):
    """A newer or older engine's envelope is no reason to lose a result."""
    answer = decode(document(**members))
    assert decode_rows(answer.columns, answer.data) == [(1,)]
    assert answer.query_id is None
    assert answer.statistics == {}


def test_white_space_of_any_kind_is_skipped():
    """Engines indent with tabs."""
    answer = decode(json.dumps(json.loads(BODY), indent="\t").replace("\n", "\r\n").encode())
    assert decode_rows(answer.columns, answer.data) == ROWS


@pytest.mark.parametrize("errors", [["boom"], "boom", [{"description": "boom"}], {"name": "boom"}])
def test_errors_under_status_200_are_raised(errors):
    """A body with errors is never a result, even with rows in it."""
    with pytest.raises(ProgrammingError, match="boom") as caught:
        decode(document(errors=errors, query={"query_id": "q7"}))
    assert caught.value.query_id == "q7"


def test_errors_under_status_200_have_their_class():
    """The text chooses the class, as it does under status 400."""
    with pytest.raises(DataError):
        decode(document(errors=[{"description": "division by zero"}]))
