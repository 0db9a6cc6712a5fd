"""`firebolt-like serve --flight-port`, and programs that end while they serve Flight."""

import os
import re
import signal
import subprocess
import sys

import pyarrow.flight as fl
import pytest

from tests.local.flight_asker import FlightAsker

_COMMAND = [sys.executable, "-c", "from firebolt_like.cli.main import app; app()", "serve"]


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX")
def test_the_command_speaks_flight() -> None:
    """It prints both URLs, answers, and ends with code 0 and without a word, under a client."""
    arguments = ["--port", "0", "--flight-port", "0"]
    with subprocess.Popen(
        [*_COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        found = re.search(r"http://127\.0\.0\.1:\d+ and (grpc://\S+)", process.stdout.readline())
        assert found is not None
        ask = FlightAsker(fl.connect(found[1]))
        ask.update("CREATE TABLE t AS SELECT a FROM range(1000) AS t(a)")
        info = ask.info("SELECT a.a FROM t AS a, t AS b, t AS c, t AS d")
        reader = ask.client.do_get(info.endpoints[0].ticket)
        reader.read_chunk()
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        assert process.stderr.read() == ""
        reader.cancel()
        ask.close()


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--flight-port", "99999"], "port 99999"),
        (["--flight-key", "key.pem"], "--flight-certificate and --flight-key together"),
        (["--flight-key", "nix", "--flight-certificate", "nix"], "two files in PEM"),
    ],
)
def test_the_command_says_what_is_wrong(arguments: list[str], text: str) -> None:
    """A bad option is one sentence and code 2."""
    done = subprocess.run(
        [*_COMMAND, "--port", "0", *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert text in re.sub(r"\s+", " ", done.stderr)
    assert "Traceback" not in done.stderr


PROGRAMS = {
    "a server that nobody stops": """
        server = LocalServer(flight_port=0)
        server.start()
        client = fl.connect(server.flight_url)
        info = client.get_flight_info(fl.FlightDescriptor.for_command(ENDLESS))
        reader = client.do_get(info.endpoints[0].ticket)
        reader.read_chunk()
    """,
    "a server that is stopped": """
        with LocalServer(flight_port=0) as server:
            client = fl.connect(server.flight_url)
            info = client.get_flight_info(fl.FlightDescriptor.for_command("SELECT nix"))
    """,
    "a transaction that nobody ends": """
        server = LocalServer(flight_port=0)
        server.start()
        client = fl.connect(server.flight_url)
        client.get_flight_info(fl.FlightDescriptor.for_command("BEGIN"))
    """,
}


@pytest.mark.parametrize("what", PROGRAMS)
def test_a_program_ends(what: str) -> None:
    """It ends by itself, with nothing but its own words on stderr."""
    lines = [
        "import pyarrow.flight as fl",
        "from firebolt_like.local import LocalServer",
        "ENDLESS = 'SELECT a FROM range(1000000000000) AS t(a)'",
        "try:",
        *(line[4:] for line in PROGRAMS[what].splitlines()),
        "except Exception as error:",
        "    assert 'nix' in str(error)",
    ]
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_forked_process_ends() -> None:
    """A child of a process that serves Flight ends by itself, and leaves the server as it is."""
    program = (
        "import os, sys\n"
        "from firebolt_like.local import LocalServer\n"
        "with LocalServer(flight_port=0) as server:\n"
        "    child = os.fork()\n"
        "    if not child:\n"
        "        sys.exit(7)\n"
        "    _, status = os.waitpid(child, 0)\n"
        "    import pyarrow.flight as fl\n"
        "    with fl.connect(server.flight_url) as client:\n"
        "        client.get_flight_info(fl.FlightDescriptor.for_command('SELECT 1'))\n"
        "sys.exit(os.waitstatus_to_exitcode(status))\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        check=False,
        capture_output=True,
        timeout=30,
    )
    assert done.returncode == 7
