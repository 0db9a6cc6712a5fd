"""The fixtures that other people's tests use, in runs of pytest of their own."""

import re
import subprocess
import sys

import pytest

from tests.docs.start import README

pytest_plugins = ["pytester"]

PAGE = README.parent / "docs" / "testing-your-application.md"
FILE = re.compile(r"^```python\n# (\w+\.py)\n(.*?)^```", re.DOTALL | re.MULTILINE)


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return pytester.runpytest_subprocess("-W", "error", "-p", "no:cacheprovider", *arguments)


def test_the_example_of_the_page_runs(pytester):
    """All files of the page, as they stand there, pass."""
    files = FILE.findall(PAGE.read_text(encoding="utf-8"))
    assert len(files) == PAGE.read_text(encoding="utf-8").count("```python") > 3
    for name, text in files:
        pytester.path.joinpath(name).write_text(text, encoding="utf-8")
    run(pytester).assert_outcomes(passed=10)


def test_nothing_is_loaded_unless_a_fixture_is_used(pytester):
    """A run that uses no fixture has the plugin, and loads none of what it needs."""
    pytester.makepyfile(
        """
        import sys

        def test_loaded(request):
            assert request.config.pluginmanager.hasplugin("firebolt_like")
            loaded = {name.split(".")[0] for name in sys.modules}
            heavy = {"duckdb", "httpx", "starlette", "uvicorn", "msgspec", "pydantic", "pyarrow"}
            assert loaded & heavy == set()
            ours = {name for name in sys.modules if name.startswith("firebolt_like.")}
            assert ours == {"firebolt_like.pytest_plugin"}
        """
    )
    run(pytester).assert_outcomes(passed=1)


TWO_TESTS = """
    import pytest

    @pytest.mark.parametrize("number", range(2))
    def test_alone(firebolt_like_connection, firebolt_like_database, number):
        cursor = firebolt_like_connection.cursor()
        cursor.execute("CREATE TABLE only_one (a INT)")
        cursor.execute("SELECT current_database(), count(*)::INT FROM only_one")
        assert cursor.fetchall() == [(firebolt_like_database, 0)]
"""


def test_every_test_has_a_database_of_its_own(pytester):
    """The same table is made in each test; nothing is left of it in the next."""
    pytester.makepyfile(TWO_TESTS)
    run(pytester).assert_outcomes(passed=2)


def test_processes_run_beside_each_other(pytester):
    """Two runs at once, as a parallel run has them, do not meet."""
    pytester.makepyfile(TWO_TESTS)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    runs = [subprocess.Popen(command, cwd=pytester.path, stdout=subprocess.PIPE) for _ in range(2)]
    assert [process.communicate(timeout=60)[0].count(b"2 passed") for process in runs] == [1, 1]


def test_faults_end_with_their_test(pytester):
    """What one test breaks works in the next; the server is the same."""
    pytester.makepyfile(
        """
        import pytest
        from firebolt_like import errors

        def test_broken(firebolt_like_fault, firebolt_like_connection):
            firebolt_like_fault("drop", times=None)
            with pytest.raises(errors.Error):
                firebolt_like_connection.cursor().execute("SELECT 1")

        def test_whole(firebolt_like_connection):
            assert firebolt_like_connection.cursor().execute("SELECT 1").fetchall() == [(1,)]
        """
    )
    run(pytester).assert_outcomes(passed=2)


def test_settings_of_the_environment_stay_out(pytester, monkeypatch):
    """Credentials and proxies of whoever runs the tests are not used."""
    for name in ("CLIENT_ID", "CLIENT_SECRET", "ACCOUNT", "DATABASE", "ENGINE_NAME"):
        monkeypatch.setenv(f"FIREBOLT_{name}", "somebody's")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    pytester.makepyfile(TWO_TESTS)
    run(pytester).assert_outcomes(passed=2)


def test_the_fixtures_explain_themselves(pytester):
    """`pytest --fixtures` lists each with its sentence, and the page names each."""
    listed = run(pytester, "--fixtures").stdout.str()
    names = set(re.findall(r"^(firebolt_like_\w+)", listed, re.MULTILINE))
    assert len(names) == 7
    assert [name for name in names if f"`{name}`" not in PAGE.read_text(encoding="utf-8")] == []
