"""Measuring clients in turns: each in a process of its own, one call at a time.

What may live here: the processes, and how their times become medians. Turns (A B A B) make a
machine that is busy for a while slow for all of them, so that ratios hold where times do not.
"""

import contextlib
import json
import select
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

__all__ = ["Cost", "Interpreters", "MeasurementError", "Workers", "canned_server"]

PROJECT = Path(__file__).parents[2]

Interpreters = Mapping[str, Path | str]
"""The interpreter for each client that can run here."""


_LIMIT = 120  # seconds for one call
_PATIENCE = 10  # seconds for a client to close its connections


class MeasurementError(RuntimeError):
    """A client did not do what it was asked for; its own words."""


class Cost(NamedTuple):
    """Medians of several calls: seconds, bytes of memory above the start, and rows."""

    seconds: float
    memory: float
    rows: float


class _Worker:
    def __init__(self, interpreter: Path | str, client: str, url: str) -> None:
        command = [str(interpreter), "-m", "tests.benchmarks.worker", client, url]
        self.process = subprocess.Popen(
            command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def call(self, way: str, *arguments: Any) -> Cost:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps([way, *arguments]) + "\n")
        self.process.stdin.flush()
        if not select.select([self.process.stdout], [], [], _LIMIT)[0]:
            self.process.kill()
            raise MeasurementError(f"it takes longer than {_LIMIT} s")
        answer = json.loads(self.process.stdout.readline() or '{"error": "it ended"}')
        if "error" in answer:
            raise MeasurementError(answer["error"])
        return Cost(**answer)

    def end(self) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        try:
            self.process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


class Workers:
    """The clients of some interpreters; a context manager, which ends their processes."""

    def __init__(self, interpreters: Interpreters, url: str) -> None:
        self._interpreters = interpreters
        self._url = url
        self._workers: dict[str, _Worker] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers.values():
            worker.end()

    def knows(self, client: str) -> bool:
        return client in self._interpreters

    def cost(self, client: str, way: str, *arguments: Any) -> Cost:
        """Call a client once."""
        if client not in self._workers:
            self._workers[client] = _Worker(self._interpreters[client], client, self._url)
        try:
            return self._workers[client].call(way, *arguments)
        except MeasurementError:
            self._workers.pop(client).end()  # the next call has a client that is in order
            raise

    def warm_up(self, calls: Sequence[tuple[str, str]], *arguments: Any) -> None:
        """Let clients load what they need, and the server make what it sends."""
        _, *rest = arguments
        for number, call in enumerate(calls):
            self.cost(*call, *(["SELECT mixed_1", *rest] if number else arguments))

    def fresh(self, client: str, way: str, *arguments: Any) -> Cost:
        """Call a client once in a new process, where no earlier call has left memory."""
        worker = _Worker(self._interpreters[client], client, self._url)
        try:
            worker.call("fetchall", "SELECT mixed_1")
            return worker.call(way, *arguments)
        finally:
            worker.end()

    def in_turns(self, calls: Sequence[tuple[str, str]], *arguments: Any, turns: int) -> list[Cost]:
        """Call (client, way) after (client, way), so many times; give the medians of each."""
        self.warm_up(calls, *arguments)
        costs = [[self.cost(*call, *arguments) for call in calls] for _ in range(turns)]
        return [
            Cost(*(statistics.median(figures) for figures in zip(*each, strict=True)))
            for each in zip(*costs, strict=True)
        ]


@contextlib.contextmanager
def canned_server() -> Iterator[str]:
    """Start the canned server in a process of its own; give its address."""
    command = [sys.executable, "-m", "tests.benchmarks.canned_server"]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()
