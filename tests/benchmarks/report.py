"""What was measured as Markdown, and its place on the page.

What may live here: texts. They are written between two marks of `docs/performance.md`.
"""

import datetime
import os
import platform
import re
from collections.abc import Iterable
from pathlib import Path

from tests.benchmarks.cases import Line
from tests.benchmarks.curves import Curve, Points, growth

__all__ = ["circumstances", "curve_part", "script_part", "table_part", "write"]

_PLACE = re.compile(r"(?<=<!-- measured -->\n).*(?=<!-- end of what was measured -->)", re.DOTALL)


def circumstances(machine: str) -> str:
    """Say when and on what the figures were measured."""
    day = datetime.datetime.now(tz=datetime.UTC).date()
    load = f", load {os.getloadavg()[0]:.1f} at the start" if hasattr(os, "getloadavg") else ""
    return (
        f"Measured on {day} with Python {platform.python_version()} on {platform.system()}, "
        f"{machine}{load}.\n"
    )


def table_part(lines: Iterable[Line]) -> str:
    """Give the table of all comparisons; what is not met is bold."""
    head = ("", "firebolt_like", "beside", "that takes", "so ours is", "wanted")
    rows = [head, ("---",) * len(head)]
    last = ""
    for line in lines:
        ratio = line.ratio if line.met else f"**{line.ratio or line.ours}**"
        what, last = "" if line.what == last else line.what, line.what
        rows.append((what, line.ours, line.beside, line.theirs, ratio, line.wanted))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"


def curve_part(curve: Curve, points: Points) -> str:
    """Show a curve, and what its last step costs."""
    lines = [
        "| " + " | ".join(row) + " |"
        for row in (
            ("", "follows to", "which takes", "a unit there, beside the cheapest"),
            ("---",) * 4,
            *((legend, *growth(measured)) for legend, measured in points.items()),
        )
    ]
    picture = f"![Seconds by {curve.axis}](performance-{curve.name}.png)"
    return f"{picture}\n\n" + "\n".join(lines) + "\n"


def script_part(name: str, output: str) -> str:
    """Show what a measurement of its own printed."""
    return f"`python -m tests.benchmarks.{name}`\n\n```text\n{output.strip()}\n```\n"


def write(page: Path, parts: Iterable[str]) -> None:
    """Put the parts in the place of the last ones."""
    text, count = _PLACE.subn(lambda _: "\n" + "\n".join(parts) + "\n", page.read_text("utf-8"))
    assert count == 1, f"{page} has no place for what was measured."
    page.write_text(text, "utf-8")
