"""How the cost grows: with rows, columns, the statement's length and the number of tasks.

What may live here: the curves, what is measured for them, and how they are drawn.
"""

import math
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from tests.benchmarks.cases import LIMIT, OURS, PEER, in_words
from tests.benchmarks.measure import MeasurementError, Workers

__all__ = ["CURVES", "Curve", "Points", "draw", "growth", "measure"]

_TURNS = 3
_LONG = 2.0  # seconds from which on one call is enough
_TOO_LONG = 10.0  # seconds that the next step must not take


class Way(NamedTuple):
    """A client's way to do it, as the legend calls it, up to a step."""

    legend: str
    client: str
    way: str
    last: int


class Curve(NamedTuple):
    """Steps along one axis, the ways that are measured there, and their arguments at a step."""

    name: str
    axis: str
    steps: tuple[int, ...]
    ways: tuple[Way, ...]
    arguments: Callable[[int], tuple[Any, ...]]


Points = dict[str, dict[int, float]]
"""What the legend says: seconds by step."""


def _statement(size: int) -> tuple[str]:
    """Give an INSERT of so many bytes."""
    row = ", (12345, 'a text of a row', 2.5)"
    rows = max(1, size // len(row))
    return ("INSERT INTO table_of_rows VALUES " + (row * rows)[2:],)


_FIREBOLT_SDK, _BARE = "firebolt-sdk", "httpx + msgspec"
CURVES = (
    Curve(
        "rows", "rows of 8 mixed columns", (10**3, 10**4, 10**5, 10**6, 10**7),
        (
            Way("fetchall", OURS, "fetchall", 10**6),
            Way("execute_stream", OURS, "stream", 10**7),
            Way("execute_arrow", OURS, "arrow_stream", 10**7),
            Way(f"{_FIREBOLT_SDK} fetchall", PEER, "fetchall", 10**6),
            Way(f"{_BARE} fetchall", LIMIT, "fetchall", 10**6),
        ),
        lambda rows: (f"SELECT mixed_{rows}",),
    ),
    Curve(
        "columns", "columns of integers, 2,000 rows", (1, 3, 10, 30, 100, 300, 1000),
        (
            Way("fetchall", OURS, "fetchall", 1000),
            Way("fetch_arrow_table", OURS, "arrow", 1000),
            Way(f"{_FIREBOLT_SDK} fetchall", PEER, "fetchall", 1000),
        ),
        lambda columns: (f"SELECT wide_2000_{columns}",),
    ),
    Curve(
        "statement", "bytes of an INSERT", tuple(2**power for power in range(10, 25, 2)),
        (
            Way("execute", OURS, "fetchall", 2**24),
            Way(f"{_FIREBOLT_SDK} execute", PEER, "fetchall", 2**24),
        ),
        _statement,
    ),
    Curve(
        "tasks", "tasks at once on one connection, a query each", (1, 10, 100, 500, 1000, 2000),
        (
            Way("firebolt_like", OURS, "tasks", 2000),
            Way(_FIREBOLT_SDK, PEER, "tasks", 2000),
        ),
        lambda tasks: ("SELECT mixed_1", tasks),
    ),
)  # fmt: skip


def measure(workers: Workers, curve: Curve, *, scale: int) -> Points:
    """Measure every way at every step, in turns, as far as each can follow."""
    steps = sorted({max(1, step // scale) for step in curve.steps})
    points: Points = {each.legend: {} for each in curve.ways}
    going = [each for each in curve.ways if workers.knows(each.client)]
    workers.warm_up([(each.client, each.way) for each in going], *curve.arguments(1))
    for step, following in zip(steps, [*steps[1:], steps[-1]], strict=True):
        going = [each for each in going if step <= max(1, each.last // scale)]
        for legend, seconds in _at(workers, going, curve.arguments(step)):
            points[legend][step] = seconds
        going = [
            each for each in going
            if points[each.legend].get(step, math.inf) * following / step < _TOO_LONG
        ]  # fmt: skip
    return {legend: measured for legend, measured in points.items() if measured}


def _at(
    workers: Workers, ways: list[Way], arguments: tuple[Any, ...]
) -> Iterator[tuple[str, float]]:
    times: dict[str, list[float]] = {}
    for turn in range(_TURNS):
        for legend, client, way, _ in ways:
            taken = times.setdefault(legend, [])
            if turn and (not taken or taken[0] > _LONG):
                continue
            try:
                taken.append(workers.cost(client, way, *arguments).seconds)
            except MeasurementError as failure:
                print(f"  {legend} cannot follow: {failure}", file=sys.stderr)
    yield from ((legend, min(taken)) for legend, taken in times.items() if taken)


def growth(measured: dict[int, float]) -> tuple[str, str, str]:
    """Say what the largest step is, what it takes, and how dear a unit of it is."""
    last = max(measured)
    units = {step: seconds / step for step, seconds in measured.items()}
    return f"{last:,}", in_words(measured[last]), f"x{units[last] / min(units.values()):.2f}"


def draw(curve: Curve, points: Points, folder: Path) -> Path:
    """Draw one curve as a PNG, on axes where a straight line of slope 1 is linear growth."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415  # for drawing only
    from matplotlib.figure import Figure  # noqa: PLC0415  # for drawing only

    figure = Figure(figsize=(6.4, 4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for (legend, client, *_), style in zip(
        curve.ways, ("o-", "s-", "^-", "d--", "v--"), strict=False
    ):
        if legend in points:
            colour = {OURS: None, PEER: "tab:gray", LIMIT: "black"}[client]
            axes.plot(*zip(*sorted(points[legend].items()), strict=True), style, label=legend,
                      color=colour)  # fmt: skip
    axes.set(xscale="log", yscale="log", xlabel=curve.axis, ylabel="seconds")
    axes.grid(visible=True, which="major", alpha=0.3)
    axes.legend()
    path = folder / f"performance-{curve.name}.png"
    figure.savefig(path, dpi=110, metadata={"Software": None})
    return path
