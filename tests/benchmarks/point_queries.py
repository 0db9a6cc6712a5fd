"""One-row queries, beside firebolt-sdk: `python -m tests.benchmarks.point_queries`.

In sequence, by 8 threads and by 100 tasks on one connection, and connecting to a self-hosted
engine; each in a process of its own, in turns. Printed are medians. What may live here: both
clients, and the ways to use them. Ratios of CPU time hold on a busy machine too, where queries a
second do not.
"""

import argparse
import asyncio
import importlib
import json
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parents[2]
SQL = "SELECT mixed_1"
PACKAGES = {"ours": "firebolt_like", "theirs": "firebolt"}
WANTED = {
    # way: how many times as fast as firebolt-sdk, at least
    "sequence": 2.0,
    "threads": 1.8,
    "tasks": 3.0,
    "tasks, aiohttp": 6.0,
    "connect": 1.0,
}


class Program:
    """A client in this process; the ways give the seconds that each query took."""

    def __init__(self, package: str, url: str, queries: int, aiohttp: bool) -> None:
        self.db = importlib.import_module(f"{package}.db")
        self.async_db = importlib.import_module(f"{package}.async_db")
        core = importlib.import_module(f"{package}.client.auth").FireboltCore
        self.place: dict[str, Any] = {"auth": core(), "url": url, "database": "db"}
        self.choice = {"aiohttp": aiohttp} if package == "firebolt_like" else {}
        self.queries = queries
        self.begun = self.cpu = 0.0

    def begin(self) -> None:
        """Start the clocks; what was done before was to warm up."""
        self.begun, self.cpu = time.perf_counter(), time.process_time()

    def figures(self, times: list[float]) -> dict[str, float]:
        """Say what a query cost in seconds: waiting, of CPU, p50 and p99."""
        times = sorted(times)
        return {
            "each": (time.perf_counter() - self.begun) / len(times),
            "cpu": (time.process_time() - self.cpu) / len(times),
            "p50": times[len(times) // 2],
            "p99": times[int(len(times) * 0.99)],
        }

    def sequence(self) -> list[float]:
        """Ask one query after another."""
        with self.db.connect(**self.place) as connection:
            ask(connection, 50)
            self.begin()
            return ask(connection, self.queries)

    def threads(self) -> list[float]:
        """Ask by 8 threads on one connection."""
        times: list[float] = []
        with self.db.connect(**self.place) as connection:

            def work() -> None:
                times.extend(ask(connection, self.queries // 8))

            ask(connection, 1)
            self.begin()
            threads = [threading.Thread(target=work) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        return times

    def tasks(self) -> list[float]:
        """Ask by 100 tasks on one connection."""
        return asyncio.run(self._tasks())

    def connect(self) -> list[float]:
        """Connect, and close, without a query."""
        self.db.connect(**self.place).close()
        self.begin()
        return [taken(lambda: self.db.connect(**self.place).close()) for _ in range(50)]

    async def _tasks(self) -> list[float]:
        each = self.queries // 100
        async with await self.async_db.connect(**self.place, **self.choice) as connection:
            await asyncio.gather(*[ask_async(connection, 2) for _ in range(100)])
            self.begin()
            all_taken = await asyncio.gather(*[ask_async(connection, each) for _ in range(100)])
        return [seconds for some in all_taken for seconds in some]


def taken(work: Callable[[], object]) -> float:
    """Measure one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def ask(connection: Any, queries: int) -> list[float]:
    """Ask, and take the row each time."""

    def query() -> None:
        cursor = connection.cursor()
        cursor.execute(SQL)
        assert len(cursor.fetchall()) == 1
        cursor.close()

    return [taken(query) for _ in range(queries)]


async def ask_async(connection: Any, queries: int) -> list[float]:
    """Do the same in a task."""
    times = []
    for _ in range(queries):
        start = time.perf_counter()
        cursor = connection.cursor()
        await cursor.execute(SQL)
        assert len(await cursor.fetchall()) == 1
        closing = cursor.close()
        if closing is not None:
            await closing
        times.append(time.perf_counter() - start)
    return times


def run(package: str, way: str, url: str, queries: int) -> None:
    """Run a way of a client, and print its figures."""
    name, _, aiohttp = way.partition(", ")
    program = Program(package, url, queries, bool(aiohttp))
    print(json.dumps(program.figures(getattr(program, name)())))


def measured(python: str, *arguments: str) -> dict[str, float]:
    """Run a way in an interpreter of its own."""
    command = [python, __file__, "--run", *arguments]
    done = subprocess.run(command, cwd=PROJECT, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def compare(way: str, url: str, options: argparse.Namespace) -> None:
    """Measure both clients in turns, and print medians."""
    pythons = {"ours": sys.executable, "theirs": options.peer}
    runs: dict[str, list[dict[str, float]]] = {who: [] for who in pythons}
    for _ in range(options.turns):
        for who, python in pythons.items():
            runs[who].append(measured(python, PACKAGES[who], way, url, str(options.queries)))
    middle = {
        who: {name: statistics.median(run[name] for run in some) for name in some[0]}
        for who, some in runs.items()
    }
    ours, theirs = middle["ours"], middle["theirs"]
    print(
        f"{way:15} {ours['each'] * 1e6:7.0f} us to {theirs['each'] * 1e6:7.0f}: "
        f"x{theirs['each'] / ours['each']:.2f} as fast, wanted x{WANTED[way]:g}; "
        f"CPU {ours['cpu'] * 1e6:.0f} us to {theirs['cpu'] * 1e6:.0f}: "
        f"x{theirs['cpu'] / ours['cpu']:.2f}; "
        f"p99 to p50: {ours['p99'] / ours['p50']:.1f}, theirs {theirs['p99'] / theirs['p50']:.1f}"
    )


def main() -> None:
    """Print a line for each way."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.point_queries")
    parser.add_argument("names", nargs="*", help=f"of {', '.join(WANTED)}")
    parser.add_argument("--peer", help="an interpreter with firebolt-sdk; else one is made")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--queries", type=int, default=3000)
    options = parser.parse_args()

    from tests.benchmarks.measure import canned_server  # noqa: PLC0415  # not for the other
    from tests.benchmarks.peer import environment  # noqa: PLC0415  # likewise

    options.peer = str(options.peer or environment())
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, medians of {options.turns}")
    with canned_server() as url:
        for way in options.names or WANTED:
            compare(way, url, options)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--run"]:
        run(*sys.argv[2:5], int(sys.argv[5]))
    else:
        main()
