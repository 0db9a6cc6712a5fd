"""The pool of worker threads."""

import subprocess
import sys
import threading

import pytest

from firebolt_like.local.workers import Workers


def test_work_is_done_by_no_more_threads_than_allowed():
    """Jobs beyond the threads wait; all results come."""
    together = threading.Barrier(3)
    with Workers(3) as workers:
        names = [
            workers.submit(lambda: (together.wait(10), threading.current_thread().name))
            for _ in range(9)
        ]
        assert len({job.result(10)[1] for job in names}) == 3


def test_a_thread_that_is_free_is_used_again():
    """One job after another needs one thread."""
    with Workers(5) as workers:
        names = set()
        for _ in range(5):
            names.add(workers.submit(lambda: threading.current_thread().name).result(10))
    assert len(names) == 1


def test_an_error_is_the_callers():
    """What a job raises is raised by its result, and the thread goes on."""
    with Workers(1) as workers:
        with pytest.raises(ZeroDivisionError):
            workers.submit(lambda: 1 / 0).result(10)
        assert workers.submit(lambda: 1).result(10) == 1


def test_what_has_not_begun_can_be_dropped():
    """shutdown with cancel_futures cancels waiting jobs, and lets the running one end."""
    begun, let_end = threading.Event(), threading.Event()
    workers = Workers(1)
    running = workers.submit(lambda: (begun.set(), let_end.wait(10)))
    begun.wait(10)
    waiting = workers.submit(lambda: None)
    workers.shutdown(wait=False, cancel_futures=True)
    assert waiting.cancelled()
    let_end.set()
    assert running.result(10) == (None, True)
    with pytest.raises(RuntimeError):
        workers.submit(lambda: None)


PROGRAM = """
import threading
from firebolt_like import db
from firebolt_like.local import LocalServer

server = LocalServer()
server.start()
connection = db.connect(server.url)
sql = "SELECT sum(sin(a.range * b.range)) FROM range(10000000) a, range(1000000) b"
threading.Thread(target=connection.cursor().execute, args=[sql], daemon=True).start()
while not any(query.state == "RUNNING" for query in server.running_queries()):
    threading.Event().wait(0.01)
"""


def test_a_program_ends_though_a_query_is_running():
    """A daemon thread that waits for minutes does not keep its program from ending."""
    ended = subprocess.run([sys.executable, "-c", PROGRAM], timeout=60, check=False)
    assert ended.returncode == 0
