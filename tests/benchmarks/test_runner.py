"""The measurements themselves: they run on answers of a few rows, and say what they found."""

import importlib.util

import pytest

from tests.benchmarks.__main__ import main
from tests.benchmarks.cases import CASES
from tests.benchmarks.curves import CURVES, draw
from tests.benchmarks.payloads import FORMATS, payload
from tests.benchmarks.scripts import SCRIPTS

SMALL = ["--scale", "10000", "--turns", "1", "--peer", "none"]


def test_every_case_and_curve_runs(capsys):
    """Each gives a line with a ratio or a step, and the number of rows that it should."""
    main([*SMALL, *(case.name for case in CASES), *(curve.name for curve in CURVES)])
    printed = capsys.readouterr().out
    table, _, curves = printed.partition("![")
    assert "failed" not in table
    assert len(table.splitlines()) > len(CASES) / 2
    assert curves.count("follows to") == len(CURVES)


def test_a_name_that_is_not_there_is_told(capsys):
    """Together with those that are."""
    with pytest.raises(SystemExit):
        main(["nothing"])
    assert "arrow-stream" in capsys.readouterr().err


def test_what_is_measured_is_written(tmp_path):
    """The page gets the table, and keeps what was written by hand."""
    page = tmp_path / "performance.md"
    page.write_text("before\n<!-- measured -->\nold\n<!-- end of what was measured -->\nafter\n")
    main([*SMALL, "--docs", str(tmp_path), "--machine", "a machine", "ints"])
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "a machine" in text
    assert "httpx + msgspec" in text
    assert "old" not in text


def test_every_script_is_there():
    """Each measurement without a canned server is a module that can be run."""
    for name in SCRIPTS:
        assert importlib.util.find_spec(f"tests.benchmarks.{name}"), name


@pytest.mark.parametrize("form", FORMATS)
def test_a_long_answer_is_held_once(form):
    """Ten million rows take no more of the server than its batch and what is left over."""
    parts = payload(form, "mixed", 10_000_000).parts
    assert sum(len(piece) for piece, _ in parts) < 5_000_000
    assert payload(form, "mixed", 10_000_000).size > 400_000_000


@pytest.mark.parametrize("curve", CURVES, ids=lambda curve: curve.name)
def test_each_curve_is_drawn(curve, tmp_path):
    """As a PNG beside the page that shows it."""
    points = {legend: {1: 0.1, 10: 1.0} for legend, *_ in curve.ways}
    assert draw(curve, points, tmp_path).read_bytes().startswith(b"\x89PNG")
