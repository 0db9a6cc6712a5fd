"""What importing loads: a program pays for what it uses."""

import subprocess
import sys

import pytest

HEAVY = {
    *(
        "aiohttp",
        "anyio",
        "asyncio",
        "cryptography",
        "duckdb",
        "grpc",
        "httpcore",
        "httpx",
        "pandas",
    ),
    *("polars", "pyarrow", "pydantic", "sqlalchemy", "sqlglot", "ssl", "trio", "truststore"),
}


def loaded_by(code):
    """Run code in an interpreter of its own; give what it imported."""
    look = f"import sys\nbefore = set(sys.modules)\n{code}\nprint(*sys.modules.keys() - before)"
    ran = subprocess.run([sys.executable, "-c", look], check=True, capture_output=True, text=True)
    return set(ran.stdout.split())


@pytest.mark.parametrize("package", ["firebolt_like.db", "firebolt_like.async_db"])
def test_a_face_loads_nothing_heavy(package):
    """Network, settings, engine and frames are loaded by connect(), or by what needs them."""
    loaded = loaded_by(f"import {package}")
    assert package in loaded
    assert HEAVY & loaded == set()


def test_the_package_itself_loads_nothing_of_its_own():
    """`import firebolt_like` gives names, each of which is loaded when it is first used."""
    loaded = loaded_by("import firebolt_like")
    assert [name for name in loaded if name.startswith("firebolt_like.")] == []


def test_connecting_to_core_loads_what_http_needs():
    """The sync face opens a connection without event loop, engine, TLS trust or token cache."""
    loaded = loaded_by(
        "from firebolt_like import db\ndb.connect('http://127.0.0.1:1/database').close()"
    )
    assert "httpx" in loaded
    unused = HEAVY - {"anyio", "asyncio", "httpx", "pydantic", "ssl"}
    assert unused & loaded == set()
