"""What importing costs: `python -m tests.benchmarks.imports`.

Each import in an interpreter of its own, in turns, less what an empty program takes. Printed are
medians, and the ratio to `import httpx, msgspec`.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time

CASES = {
    # name: program
    "empty": "pass",
    "limit": "import httpx, msgspec",
    "db": "import firebolt_like.db",
    "async_db": "import firebolt_like.async_db",
    "db and connect": "from firebolt_like import db; db.connect('http://127.0.0.1:1/db').close()",
}


def seconds(program: str) -> float:
    """Run a program in a new interpreter."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", program], check=True)
    return time.perf_counter() - start


def main() -> None:
    """Print a line for each import."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.imports")
    parser.add_argument("--turns", type=int, default=15)
    turns = parser.parse_args().turns
    times: dict[str, list[float]] = {name: [] for name in CASES}
    for _ in range(turns):
        for name, program in CASES.items():
            times[name].append(seconds(program))
    empty = statistics.median(times["empty"])
    own = {name: statistics.median(taken) - empty for name, taken in times.items()}
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, medians of {turns}")
    for name in list(CASES)[1:]:
        print(f"{name:15} {own[name] * 1e3:6.0f} ms  x{own[name] / own['limit']:.2f}")
    print("wanted: db at most x1.4 of the limit, `import httpx, msgspec`")


if __name__ == "__main__":
    main()
