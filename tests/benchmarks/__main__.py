"""Measure everything, or what is named: `python -m tests.benchmarks [NAME ...]`.

With no name, all of it is measured in full, and written into docs/performance.md with its plots.
"""

import argparse
import importlib.util
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.benchmarks import cases, curves, report
from tests.benchmarks.measure import PROJECT, Interpreters, MeasurementError, Workers, canned_server
from tests.benchmarks.peer import PACKAGES, environment
from tests.benchmarks.scripts import SCRIPTS, output

NAMES = (
    *(case.name for case in cases.CASES),
    *(curve.name for curve in curves.CURVES),
    *SCRIPTS,
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and write."""
    options = _options(arguments)
    parts = [report.circumstances(options.machine)]
    for part in _parts(options):
        print(part, flush=True)
        parts.append(part)
    if options.docs is not None:
        report.write(options.docs / "performance.md", parts)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    option = parser.add_argument
    option("names", nargs="*", metavar="NAME", help=f"one of {', '.join(NAMES)}")
    option("--quick", action="store_true", help="a tenth of the sizes, each measured once")
    option("--scale", type=int, help="divide all sizes by this")
    option("--turns", type=int, help="how often each is measured; 5 by default")
    option("--peer", default="install", metavar="PYTHON",
           help=f"an interpreter with {' and '.join(PACKAGES)}; 'none' measures without; "
           "by default an environment is made for it")  # fmt: skip
    option("--machine", default=f"{os.cpu_count()} cores", help="what to call this machine")
    option("--docs", type=Path, help="the folder to write into, whatever was measured")
    options = parser.parse_args(arguments)
    unknown = sorted(set(options.names) - set(NAMES))
    if unknown:
        parser.error(f"there is no {unknown[0]}; there are {', '.join(NAMES)}")
    options.scale = options.scale or (10 if options.quick else 1)
    options.turns = options.turns or (1 if options.quick else 5)
    options.names = options.names or list(NAMES)
    if options.docs is None and options.scale == 1 and len(options.names) == len(NAMES):
        options.docs = PROJECT / "docs"
    drawn = {curve.name for curve in curves.CURVES} & set(options.names)
    if options.docs is not None and drawn and not importlib.util.find_spec("matplotlib"):
        parser.error("the plots need matplotlib: pip install -e '.[benchmarks]'")
    return options


def _interpreters(peer: str) -> Interpreters:
    own = {cases.OURS: sys.executable, cases.LIMIT: sys.executable}
    if peer == "none":
        return own
    return {**own, cases.PEER: environment() if peer == "install" else peer}


def _parts(options: argparse.Namespace) -> Iterator[str]:
    interpreters, wanted = _interpreters(options.peer), set(options.names)
    with canned_server() as url, Workers(interpreters, url) as workers:
        lines = list(_lines(workers, options, wanted))
        if lines:
            yield report.table_part(lines)
        for curve in curves.CURVES:
            if curve.name in wanted:
                yield _curve(workers, curve, options)
    for name in SCRIPTS:
        if name in wanted:
            _tell(name)
            printed = output(name, interpreters)
            if printed is not None:
                yield report.script_part(name, printed)


def _curve(workers: Workers, curve: curves.Curve, options: argparse.Namespace) -> str:
    _tell(curve.name)
    points = curves.measure(workers, curve, scale=options.scale)
    if options.docs is not None:
        curves.draw(curve, points, options.docs)
    return report.curve_part(curve, points)


def _lines(workers: Workers, options: argparse.Namespace, wanted: set[str]) -> Iterator[cases.Line]:
    for case in cases.CASES:
        if case.name in wanted:
            _tell(case.name)
            try:
                yield from cases.measure(workers, case, turns=options.turns, scale=options.scale)
            except MeasurementError as error:
                yield cases.failure(case, error)


def _tell(name: str) -> None:
    print(f"measuring {name}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
