"""The error tree: as it is drawn, and with attributes that survive copies and processes."""

import copy
import pickle
import re
import traceback

import pytest

from firebolt_like import errors
from firebolt_like.errors import (
    AccountNotFoundError,
    Error,
    Location,
    OperationalError,
    QueryTimeoutError,
)

CLASSES = [value for value in vars(errors).values() if isinstance(value, type)]
OURS = [kind for kind in CLASSES if issubclass(kind, Exception)]


def drawn():
    """The tree of the docstring, as class and parent."""
    line = re.compile(r"^ {4}((?:[│ ] {3})*)(?:[├└]── )?(\w+)(?: {2,}.*)?$", re.MULTILINE)
    path = []
    for found in line.finditer(errors.__doc__):
        branch = found[0].lstrip(" ").startswith(tuple("│├└"))
        depth = len(found[1]) // 4 + bool(re.search("[├└]", found[0])) if branch or path else 0
        path[depth:] = [found[2]]
        if depth:
            yield found[2], path[depth - 1]


def test_the_tree_is_the_one_that_is_drawn():
    """Every class stands in the drawing once, below its parent."""
    tree = list(drawn())
    assert dict(tree) == {kind.__name__: kind.__bases__[0].__name__ for kind in OURS}
    assert len(tree) == len(OURS)


def test_every_class_is_exported():
    """`__all__` has each class, sorted."""
    assert errors.__all__ == sorted(kind.__name__ for kind in [*OURS, Location])


def test_the_trunk_is_that_of_pep_249():
    """Programs written against PEP 249 catch what they mean to catch."""
    trunk = {
        "Warning": Exception, "Error": Exception, "InterfaceError": Error, "DatabaseError": Error,
        **dict.fromkeys(
            ("DataError", "OperationalError", "IntegrityError", "InternalError",
             "ProgrammingError", "NotSupportedError"), errors.DatabaseError,
        ),
    }  # fmt: skip
    assert {name: getattr(errors, name).__base__ for name in trunk} == trunk


def made(kind):
    if kind is AccountNotFoundError:
        error = kind("acme")
    elif issubclass(kind, Error):
        error = kind(
            "no", code="C", query_id="q", location=Location(1, 2), hint="h", retryable=True
        )
    else:
        error = kind("no")
    error.add_note("a note")
    return error


@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, lambda e: pickle.loads(pickle.dumps(e))]
)
@pytest.mark.parametrize("kind", OURS)
def test_an_error_survives_copies_and_processes(kind, again):
    """A worker's error arrives with all that it knows."""
    error = made(kind)
    error.late = "set later"
    twin = again(error)
    assert type(twin) is kind
    assert str(twin) == str(error)
    assert vars(twin) == vars(error)
    assert twin.args == error.args


def test_an_error_that_knows_nothing_says_so():
    """What the server did not tell is None, and nothing is retryable by itself."""
    error = OperationalError("no")
    assert vars(error) == {
        "code": None, "query_id": None, "location": None, "hint": None, "retryable": False,
    }  # fmt: skip


def test_a_timeout_is_a_timeout_error():
    """Who catches TimeoutError catches an expired budget; its text is the message."""
    error = QueryTimeoutError("late", query_id="q")
    assert isinstance(error, TimeoutError)
    assert (str(error), error.query_id) == ("late", "q")


@pytest.mark.parametrize(("name", "told"), [("acme", "'acme'"), (None, "default")])
def test_a_missing_account_is_named(name, told):
    """The name that was looked for is in the message."""
    error = AccountNotFoundError(name)
    assert told in str(error)
    assert error.account_name == name


def test_a_hint_is_shown_below_the_message():
    """What a traceback prints holds the hint, once, also of a copy."""
    error = errors.OperationalError("no answer", hint="Check the address.")
    for one in (error, copy.copy(error), pickle.loads(pickle.dumps(error))):
        shown = "".join(traceback.format_exception(one))
        assert shown.count("Check the address.") == 1
        assert str(one) == "no answer"


def test_a_traceback_says_what_to_do():
    """The hint is shown where people see errors, once, also after the error was copied."""
    error = OperationalError("The engine is gone.", hint="Start it.")
    for each in (error, copy.copy(error), pickle.loads(pickle.dumps(error))):
        shown = "".join(traceback.format_exception_only(each))
        assert shown.endswith("OperationalError: The engine is gone.\nStart it.\n")
