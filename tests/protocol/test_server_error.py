"""Error answers: the class, the text and the details that each becomes."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebolt_like import errors as e
from firebolt_like.errors import Location
from firebolt_like.protocol.server_error import (
    STATUS_ERRORS,
    ErrorDetail,
    encode_errors,
    server_error,
)


def structured(*entries) -> bytes:
    return json.dumps({"errors": entries}).encode()


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, e.ProgrammingError),
        (401, e.AuthenticationError),
        (403, e.ProgrammingError),
        (404, e.ProgrammingError),
        (408, e.OperationalError),
        (409, e.ProgrammingError),
        (413, e.DataError),
        (429, e.OperationalError),
        (500, e.OperationalError),
        (501, e.NotSupportedError),
        (502, e.OperationalError),
        (503, e.OperationalError),
        (504, e.OperationalError),
        (302, e.ServerResponseError),
        (307, e.ServerResponseError),
    ],
)
@pytest.mark.parametrize(
    "body", [b"", b"no luck", b'{"message": "no luck"}', structured("no luck")]
)
def test_a_status_has_its_class(status, kind, body):
    """Where the text says nothing more precise, the status decides, whatever the body's form."""
    error = server_error(status, body)
    assert type(error) is kind
    assert "no luck" in str(error) or str(status) in str(error)
    assert error.retryable is (status in (429, 503))


def test_a_status_says_what_to_do_unless_the_server_does():
    """Who gave no credentials, or an address that moved, reads what to give."""
    assert "auth=" in server_error(401, b"who are you?").hint
    assert "redirects" in server_error(302, b"").hint
    assert server_error(401, structured({"resolution": "Ask Ada."})).hint == "Ask Ada."
    assert server_error(400, b"").hint is None


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Engine 'e' exists, but it is stopped", e.EngineNotRunningError),
        ("engine e is not running", e.EngineNotRunningError),
        ("Unable to cast TEXT 'invalid' to date", e.DataError),
        ("Could not convert string", e.DataError),
        ("Division by zero", e.DataError),
        ("value out of range", e.DataError),
        ("integer overflow", e.DataError),
        ("Duplicate key", e.IntegrityError),
        ("Constraint violated", e.IntegrityError),
        ("This is not yet supported", e.NotSupportedError),
        ("not implemented", e.NotSupportedError),
        ("system engine doesn't support INSERT statements", e.NotSupportedError),
        ("the query was cancelled", e.OperationalError),
        ("Line 1, Column 8: syntax error", e.ProgrammingError),
        ("Database 'd' does not exist or not authorized", e.ProgrammingError),
    ],
)
@pytest.mark.parametrize("body", [structured, lambda text: text.encode()])
def test_a_text_can_be_more_precise_than_its_status(text, kind, body):
    """What the server says chooses the class of a refused statement, in JSON and in plain text."""
    for status in (400, 404, 409):
        assert type(server_error(status, body(text))) is kind


def test_a_status_with_a_meaning_of_its_own_is_not_overruled():
    """A refused token stays a refused token, whatever the words beside it."""
    assert set(STATUS_ERRORS) >= {401, 403}
    for status, kind in STATUS_ERRORS.items():
        assert type(server_error(status, b"constraint: it is stopped")) is kind
    assert type(server_error(500, b"division by zero")) is e.OperationalError


@pytest.mark.parametrize(
    ("entry", "location"),
    [
        ({"location": {"failing_line": 3, "start_offset": 8, "end_offset": 9}}, (3, 8)),
        ({"location": {"failingLine": 3, "startOffset": 8, "endOffset": 9}}, (3, 8)),
        ({"location": {"failing_line": 1, "start_offset": 0}}, (1, 0)),
        ({"description": "Line 12, Column 7: syntax error"}, (12, 7)),
        ({"description": "Line 2, Column 7: x", "location": {"failingLine": 3}}, (2, 7)),
        ({"description": "Line 2, Column 7: x", "location": None}, (2, 7)),
        ({"location": {"failing_line": None, "start_offset": None}}, None),
        ({"location": "line 3"}, None),
        ({"location": {"failing_line": "3", "start_offset": True}}, None),
        ({"description": "near Line 2, Column 7: x"}, None),
        ({"description": f"Line {'9' * 5000}, Column 1: x"}, None),
    ],
)
def test_the_place_of_an_error_is_found(entry, location):
    """Both spellings of a location, and one that is only in the text, give line and column."""
    error = server_error(400, structured(entry))
    assert error.location == (None if location is None else Location(*location))


def test_a_plain_text_has_a_place_too():
    """An old engine's text error tells where it is."""
    assert server_error(400, b"Line 1, Column 8: no").location == Location(1, 8)


def test_everything_the_server_told_is_kept():
    """Code, query id, resolution and help link reach the user."""
    entry = {
        "code": "FB-0001", "name": "SyntaxError", "severity": "ERROR", "source": "User Error",
        "description": "unexpected ]", "resolution": "Check it.", "helpLink": "https://x.example",
    }  # fmt: skip
    body = {"errors": [entry], "query": {"query_id": "q1", "request_id": "r1", "query_label": None}}
    error = server_error(400, json.dumps(body).encode())
    assert str(error) == "SyntaxError (FB-0001): unexpected ]"
    assert (error.code, error.query_id) == ("FB-0001", "q1")
    assert error.hint == "Check it. https://x.example"


def test_all_errors_of_an_answer_are_told():
    """Several errors are one message, a line each; details are the first one's."""
    body = structured({"description": "one", "code": "A"}, {"description": "two"})
    error = server_error(400, body, query_id="q2")
    assert str(error) == "(A): one\ntwo"
    assert (error.code, error.query_id) == ("A", "q2")


@pytest.mark.parametrize(
    ("body", "text", "code"),
    [
        (b'{"error": "bad", "code": 3, "message": "no engine", "details": []}', "no engine", "3"),
        (b'{"error": "bad", "code": 3}', "bad", "3"),
        (b'{"message": {"deep": 1}}', '{"deep":1}', None),
        (b'{"errors": "gone"}', "gone", None),
        (b'{"errors": {"description": "gone", "code": 7}}', "(7): gone", "7"),
        (b'{"errors": [null]}', "the server gave no reason", None),
        (b'{"errors": ["a", 5]}', "a\n5", None),
        (b'{"errors": [{"description": ["a"], "name": 1}]}', '1: ["a"]', None),
        (b'{"errors": [{}]}', "the server gave no reason", None),
        (b'{"errors": [], "message": "m"}', "m", None),
        (b'{"errors": null, "query": 5}', '{"errors": null, "query": 5}', None),
        (b'["a"]', '["a"]', None),
        (b'"a"', '"a"', None),
        (b"\xff\xfe", "\ufffd\ufffd", None),
        (b'{"message": "\xff"}', '{"message": "\ufffd"}', None),
        (b"  plain \n", "plain", None),
        (b"", "The server answered with status 418 and no text.", None),
        (b" \n", "The server answered with status 418 and no text.", None),
    ],
)
def test_a_body_of_any_shape_gives_a_text(body, text, code):
    """Whatever stands in a body is told as well as it can be."""
    error = server_error(418, body)
    assert (str(error), error.code) == (text, code)


def test_a_web_page_is_told_by_its_title():
    """A proxy's page does not fill the screen with HTML."""
    page = b"<!DOCTYPE html>\n<html><head><title> 502 Bad\nGateway </title></head>" + b"x" * 50_000
    assert str(server_error(502, page)).endswith("a web page: 502 Bad Gateway")
    assert "no title" in str(server_error(502, b"<html>oops"))
    assert str(server_error(400, b"<not html>")) == "<not html>"


@pytest.mark.parametrize("body", [b"x" * 5_000_000, structured({"description": "x" * 5_000_000})])
def test_a_huge_body_gives_a_message_of_some_length(body):
    """An error message is for a person."""
    assert len(str(server_error(400, body))) == 10_000


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(
        ["errors", "query", "query_id", "message", "error", "code", "location", "description"]
    ), inner),
    max_leaves=15,
)  # fmt: skip
_bodies = st.binary() | _json.map(lambda value: json.dumps(value).encode())
_errors = _json.map(lambda value: json.dumps({"errors": value, "query": value}).encode())


@given(st.sampled_from([200, 400, 401, 404, 500, 503]), _bodies | _errors)
def test_reading_an_error_never_fails_itself(status, body):
    """Any bytes at all give an error of ours with a text."""
    error = server_error(status, body)
    assert isinstance(error, e.Error)
    assert str(error)


@pytest.mark.parametrize(
    "body", [b"[" * 200_000, b'{"errors":' + b"[" * 200_000, b'{"a":' * 200_000]
)
def test_a_hostile_body_gives_an_error_of_ours(body):
    """A body nested without end is told as text."""
    assert isinstance(server_error(400, body), e.ProgrammingError)


_details = st.builds(
    ErrorDetail,
    description=st.text(min_size=1),
    name=st.none() | st.text(min_size=1),
    code=st.none() | st.text(min_size=1),
    resolution=st.none() | st.text(min_size=1),
    location=st.none()
    | st.fixed_dictionaries(
        {"failing_line": st.integers(1, 10**6), "start_offset": st.integers(1, 10**6)}
    ),
)


@given(st.lists(_details, min_size=1, max_size=3), st.text(min_size=1))
def test_what_an_engine_writes_is_read_back(details, query_id):
    """The body that the embedded engine writes gives the error that it meant."""
    error = server_error(400, encode_errors(details, query_id=query_id))
    assert str(error) == "\n".join(map(str, details))[:10_000]
    assert (error.code, error.query_id) == (details[0].code, query_id)
    assert error.location == details[0].place
    assert error.hint == details[0].resolution
