"""A client in a process of its own: `python -m tests.benchmarks.worker CLIENT URL`.

It reads calls from its standard input, a JSON list of a method and its arguments on each line, and
answers on a line what they cost. What may live here: nothing that a client's interpreter may lack.
"""

import gc
import importlib
import json
import sys
import time
from pathlib import Path
from typing import Any

_STATUS = Path("/proc/self/status")


def _memory(name: str) -> int:
    """Give a figure of this process in bytes; 0 where there is no /proc."""
    if not _STATUS.exists():
        return 0
    lines = dict(line.split(":", 1) for line in _STATUS.read_text().splitlines())
    return 1024 * int(lines[name].split()[0])


def _forget_peak() -> int:
    """Let the peak of memory begin anew; give the memory now."""
    if _STATUS.exists():
        Path("/proc/self/clear_refs").write_text("5")
    return _memory("VmRSS")


def measure(client: Any, way: str, *arguments: Any) -> dict[str, float]:
    """Call a client's method; give seconds, rows, and bytes of memory at most above the start."""
    gc.collect()
    before = _forget_peak()
    start = time.perf_counter()
    rows = getattr(client, way)(*arguments)
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "rows": rows, "memory": _memory("VmHWM") - before}


def main() -> None:
    """Serve calls until the input ends."""
    name, url = sys.argv[1:]
    client = importlib.import_module(f"tests.benchmarks.clients.{name}").Client(url)
    for line in sys.stdin:
        try:
            answer: dict[str, Any] = measure(client, *json.loads(line))
        except Exception as error:  # noqa: BLE001  # the other side says what it was
            answer = {"error": f"{type(error).__name__}: {error}"[:300]}
        print(json.dumps(answer), flush=True)
    client.close()


if __name__ == "__main__":
    main()
