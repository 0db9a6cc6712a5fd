"""Codes and words of Flight servers as errors of ours."""

import pickle

import pytest

from firebolt_like.errors import (
    AuthenticationError,
    DataError,
    IntegrityError,
    InternalError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
    QueryTimeoutError,
    ServerConnectionError,
    ServerResponseError,
)
from firebolt_like.flight.failure import failure

KINDS = [
    ("INVALID_ARGUMENT", "x", ProgrammingError),
    ("INVALID_ARGUMENT", 'UNIQUE constraint violation: duplicate key "1"', IntegrityError),
    ("INVALID_ARGUMENT", "the constraint of a window is wrong", ProgrammingError),
    ("NOT_FOUND", "x", ProgrammingError),
    ("ALREADY_EXISTS", "x", ProgrammingError),
    ("PERMISSION_DENIED", "x", ProgrammingError),
    ("UNAUTHENTICATED", "x", AuthenticationError),
    ("DEADLINE_EXCEEDED", "x", QueryTimeoutError),
    ("UNIMPLEMENTED", "x", NotSupportedError),
    ("OUT_OF_RANGE", "x", DataError),
    ("DATA_LOSS", "x", ServerResponseError),
    ("RESOURCE_EXHAUSTED", "x", OperationalError),
    ("CANCELLED", "x", OperationalError),
    ("UNAVAILABLE", "x", ServerConnectionError),
    ("CANCELLED", "Flight cancelled call, with message: Timeout expired", QueryTimeoutError),
    ("INTERNAL", "the disk burns", InternalError),
    ("UNKNOWN", "the disk burns", OperationalError),
    # how real servers tell of errors in SQL
    ("INTERNAL", "Error during planning: table 'a.b.c' not found", ProgrammingError),
    ("INTERNAL", 'SQL error: ParserError("Expected: an SQL statement")', ProgrammingError),
    ("INTERNAL", "Schema error: No field named x.", ProgrammingError),
    ("INTERNAL", "plan error: analysis error: Table not found: [X]", ProgrammingError),
    ("INTERNAL", "Arrow error: Divide by zero error", DataError),
    ("INTERNAL", "Cast error: Cannot cast string 'x' to value of Int32 type", DataError),
    ("UNKNOWN", "Constraint Error: Duplicate key", IntegrityError),
    ("INTERNAL", "This feature is not implemented: DELETE", NotSupportedError),
]


@pytest.mark.parametrize(("code", "words", "kind"), KINDS)
def test_the_kind_of_an_error(code, words, kind):
    """Codes tell the kind; where a server uses a vague one, its words do."""
    error = failure(code, words)
    assert type(error) is kind
    assert error.code == ("DEADLINE_EXCEEDED" if kind is QueryTimeoutError else code)
    assert type(pickle.loads(pickle.dumps(error))) is kind


@pytest.mark.parametrize(
    "noise",
    [
        ". Detail: Python exception: ValueError. gRPC client debug context: UNKNOWN:x",
        '. Detail: Failed\nTraceback (most recent call last):\n  File "/srv/server.py", line 1',
        ". gRPC client debug context: UNKNOWN:Error received from peer",
        ". Client context: IOError: Server never sent a data message. Detail: Internal",
        ". Detail: Unauthenticated",
    ],
)
@pytest.mark.parametrize("prefix", ["", "Flight returned invalid argument error, with message: "])
def test_only_the_words_of_the_server_stay(noise, prefix):
    """Tracebacks of the server, and what libraries add for their makers, are cut off."""
    assert str(failure("INVALID_ARGUMENT", f"{prefix}no such column: x{noise}")) == (
        "no such column: x"
    )


def test_a_server_without_words():
    """An error always says something."""
    assert "INTERNAL" in str(failure("INTERNAL", ""))


def test_what_was_not_sent_may_be_sent_again():
    """A server that cannot be reached saw nothing; one that hung up may have."""
    error = failure("UNAVAILABLE", "failed to connect to all addresses", "example.com:1")
    assert error.retryable
    assert "example.com:1" in str(error)
    assert not failure("UNAVAILABLE", "Socket closed", "example.com:1").retryable
