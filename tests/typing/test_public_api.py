"""The public API: its types, its names, and what importing it costs."""

import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import firebolt_like
from firebolt_like import async_db, db

API = Path(__file__).with_name("api.py")
PROJECT = Path(__file__).parents[2]
PUBLIC = [
    "firebolt_like.async_db",
    "firebolt_like.client.auth",
    "firebolt_like.client.client",
    "firebolt_like.client.retry",
    "firebolt_like.db",
    "firebolt_like.errors",
    "firebolt_like.rows",
    "firebolt_like.settings",
]
LATE = {
    "cryptography",
    "duckdb",
    "pandas",
    "polars",
    "pyarrow",
    "pydantic",
    "sqlalchemy",
    "sqlglot",
    "trio",
}


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command], cwd=PROJECT, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("checker", [("mypy", "--strict"), ("pyright",)], ids=["mypy", "pyright"])
def test_users_programs_type_check(checker):
    """A program that uses each public name has the types that the documentation says."""
    checked = run("-m", *checker, str(API))
    assert checked.returncode == 0, checked.stdout + checked.stderr


ASYNC_ONLY = {"aclose"}  # what contextlib.aclosing looks for; a sync object has contextlib.closing


def methods(face: type) -> dict[str, object]:
    renamed = {"__aenter__": "__enter__", "__aexit__": "__exit__", "__aiter__": "__iter__"}
    return {
        renamed.get(name, name): method
        for name, method in inspect.getmembers(face, inspect.isfunction)
        if name in renamed or name in renamed.values() or not name.startswith("_")
        if name not in ASYNC_ONLY
    }


def parameters(function: object) -> list[tuple[str, object, object, object]]:
    assert callable(function)
    return [
        (parameter.name, parameter.kind, parameter.default, parameter.annotation)
        for parameter in inspect.signature(function).parameters.values()
    ]


@pytest.mark.parametrize("name", ["Connection", "Cursor"])
def test_the_two_faces_have_equal_signatures(name):
    """Each method of one face is in the other: same parameters, same defaults."""
    sync, awaited = methods(getattr(db, name)), methods(getattr(async_db, name))
    assert sync.keys() == awaited.keys()
    for method, function in sync.items():
        assert parameters(function) == parameters(awaited[method]), method


AT_ONCE = {"__iter__", "cursor", "fetch_record_batch", "setinputsizes", "setoutputsize"}


@pytest.mark.parametrize("name", ["Connection", "Cursor"])
def test_what_waits_is_awaited(name):
    """In the async face every method that may ask the server is a coroutine, and no other."""
    for method, function in methods(getattr(async_db, name)).items():
        waits = inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)
        assert waits == (method not in AT_ONCE), method


def test_both_faces_connect_alike():
    """`connect` takes the same keywords in both faces."""
    assert parameters(db.connect) == parameters(async_db.connect)


def test_both_faces_have_the_same_names():
    """What is in one module is in the other; only what `await connect()` waits for has no twin."""
    assert set(async_db.__all__) - set(db.__all__) == {"Connecting"}
    assert set(db.__all__) <= set(async_db.__all__)


def order(name: str) -> tuple[int, str]:
    """Constants, then classes, then the rest."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2, name)


@pytest.mark.parametrize("name", PUBLIC)
def test_all_is_sorted_and_complete(name):
    """`__all__` lists the public names of a module, sorted, and nothing that is not there."""
    module = importlib.import_module(name)
    assert module.__all__ == sorted(set(module.__all__), key=order)
    assert [missing for missing in module.__all__ if not hasattr(module, missing)] == []
    own = {
        attribute
        for attribute, value in vars(module).items()
        if not (attribute.startswith("_") or inspect.ismodule(value))
        and (hasattr(module, "__path__") or getattr(value, "__module__", "") == name)
    }
    assert own - set(module.__all__) == set()


@pytest.mark.parametrize("name", ["firebolt_like", "firebolt_like.db", "firebolt_like.async_db"])
def test_an_import_loads_nothing_heavy(name):
    """Importing the package loads none of the libraries that only some uses need."""
    loaded = run("-c", f"import {name}, sys; print(*sys.modules)")
    assert loaded.returncode == 0, loaded.stderr
    assert LATE & set(loaded.stdout.split()) == set()


def test_the_package_gives_the_names_that_most_users_need():
    """Each name of `firebolt_like.__all__` is the one of the module that it lives in."""
    for name in firebolt_like.__all__:
        assert getattr(firebolt_like, name).__name__.rpartition(".")[2] == name
    assert firebolt_like.__all__ == sorted(firebolt_like.__all__, key=lambda n: (n.islower(), n))
    with pytest.raises(AttributeError, match="nonsense"):
        _ = firebolt_like.nonsense
