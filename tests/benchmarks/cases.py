"""The table of what is measured on the canned server, and of what is wanted.

What may live here: cases, and how one becomes lines of the table.
"""

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

from tests.benchmarks.measure import Cost, MeasurementError, Workers

__all__ = ["CASES", "LIMIT", "OURS", "PEER", "Case", "Line", "failure", "in_words", "measure"]

OURS, PEER, LIMIT = "firebolt_like", "firebolt_sdk", "httpx_msgspec"
_NAMES = {OURS: "firebolt_like", PEER: "firebolt-sdk", LIMIT: "httpx + msgspec"}


class Beside(NamedTuple):
    """What a case is compared with: `faster` at least so many times, or `longer` at most."""

    client: str
    way: str
    faster: float | None = None
    longer: float | None = None


class Case(NamedTuple):
    """A way of ours to fetch an answer, what it is compared with, and its memory if it counts."""

    name: str
    what: str
    way: str
    kind: str
    rows: int
    beside: tuple[Beside, ...] = ()
    memory: float | None = None  # MB above the start, at most


class Line(NamedTuple):
    """One comparison, as the table shows it."""

    what: str
    ours: str
    beside: str
    theirs: str
    ratio: str
    wanted: str
    met: bool


def _rows(name: str, what: str, kind: str, rows: int, faster: float) -> Case:
    beside = (Beside(PEER, "fetchall", faster), Beside(LIMIT, "fetchall", longer=1.10))
    return Case(name, f"fetchall, {what}", "fetchall", kind, rows, beside)


def _each(way: str, what: str, than: str, rows: int = 200_000, most: float = 1.3) -> Case:
    return Case(way, what, way, "mixed", rows, (Beside(OURS, than, longer=most),))


def _arrow(kind: str, what: str, faster: float, rows: int = 200_000) -> Case:
    beside = (Beside(PEER, "arrow", faster),)
    return Case(f"arrow-{kind}", f"Arrow from JSON, {what}", "arrow", kind, rows, beside)


CASES = (
    _rows("mixed", "200k rows of 8 mixed columns", "mixed", 200_000, 7.5),
    _rows("ints", "1M integers", "ints", 1_000_000, 15),
    _rows("text", "100k rows of long text", "text", 100_000, 3.7),
    _rows("arrays", "100k rows of 3 arrays", "arrays", 100_000, 5.5),
    Case("async", "awaited fetchall, 200k rows of 8 mixed columns", "async_fetchall", "mixed",
         200_000, (Beside(PEER, "async_fetchall", 7.5), Beside(OURS, "fetchall", longer=1.10))),
    Case("stream", "execute_stream, 1M rows of 8", "stream", "mixed", 1_000_000,
         (Beside(PEER, "stream", 10.5), Beside(LIMIT, "stream", longer=1.10)), memory=20),
    Case("stream-memory", "execute_stream, 10M rows of 8", "stream", "mixed", 10_000_000,
         memory=20),
    Case("first-row", "the first row of 1M by execute_stream", "first_of_stream", "mixed",
         1_000_000, (Beside(OURS, "stream", 10),)),
    _each("stream_fetchall", "fetchall after execute_stream", "fetchall"),
    _each("fetchone", "fetchone until the end", "fetchall"),
    _each("fetchmany", "fetchmany(1000) until the end", "fetchall"),
    _each("iterate", "for row in cursor", "fetchall"),
    _each("async_fetchone", "awaited fetchone until the end", "async_fetchall"),
    _each("async_fetchmany", "awaited fetchmany(1000) until the end", "async_fetchall"),
    _each("async_iterate", "async for row in cursor", "async_fetchall"),
    _each("async_stream", "async for after execute_stream", "async_fetchall"),
    _each("structs", "rows as msgspec.Struct", "fetchall"),
    _each("named_tuples", "rows as NamedTuple", "fetchall", most=2),
    _each("dataclasses", "rows as dataclass", "fetchall", most=2),
    _each("dicts", "rows as dict", "fetchall", most=3),
    _arrow("mixed", "200k rows of 8 mixed columns", 12),
    _arrow("ints", "1M integers", 20, 1_000_000),
    _arrow("pretty", "the 200k rows pretty-printed", 6),
    _arrow("quoted", "the 200k rows with quotes, commas, brackets and backslashes", 6),
    _arrow("escaped", "the 200k rows with \\u escapes", 6),
    Case("arrow-stream", "ArrowStream, 200k rows of 8 mixed columns", "arrow_stream", "mixed",
         200_000, (Beside(PEER, "arrow", 40),)),
)  # fmt: skip


def measure(workers: Workers, case: Case, *, turns: int, scale: int) -> Iterator[Line]:
    """Measure a case in turns with all that it is compared with."""
    rows = max(1, case.rows // scale)
    sql = f"SELECT {case.kind}_{rows}"
    beside = [each for each in case.beside if workers.knows(each.client)]
    if beside:
        calls = [(OURS, case.way), *((each.client, each.way) for each in beside)]
        costs = workers.in_turns(calls, sql, turns=turns)
        for call, cost in zip(calls, costs, strict=True):
            _check(*call, cost, rows)
        yield from map(partial(_line, case, costs[0]), beside, costs[1:])
    if case.memory is not None:
        yield _memory(workers, case, sql, [each for each in beside if each.client == PEER])


def failure(case: Case, error: MeasurementError) -> Line:
    """Say in the table that a case could not be measured."""
    return Line(case.what, "failed", "", "", str(error), "", met=False)


def _memory(workers: Workers, case: Case, sql: str, beside: list[Beside]) -> Line:
    """Measure memory, once: it does not depend on how busy the machine is."""
    used = workers.fresh(OURS, case.way, sql).memory / 1e6
    theirs = [workers.fresh(each.client, each.way, sql).memory / 1e6 for each in beside]
    return Line(
        f"{case.what}: memory above the start",
        f"{used:.1f} MB",
        ", ".join(_NAMES[each.client] for each in beside),
        ", ".join(f"{each:.0f} MB" for each in theirs),
        "",
        f"at most {case.memory:g} MB",
        used <= case.memory,
    )


def _check(client: str, way: str, cost: Cost, rows: int) -> None:
    expected = 1 if way == "first_of_stream" else rows
    if cost.rows != expected:
        raise MeasurementError(f"{way} of {client} gave {cost.rows} rows, and not {expected}.")


def _line(case: Case, ours: Cost, beside: Beside, theirs: Cost) -> Line:
    name = _NAMES[beside.client] + (f", {beside.way}" if beside.client == OURS else "")
    if beside.faster is not None:
        ratio = theirs.seconds / ours.seconds
        shown, wanted = f"x{ratio:.1f} as fast", f"at least x{beside.faster:g}"
        met = ratio >= beside.faster
    else:
        ratio, most = ours.seconds / theirs.seconds, beside.longer or 1.0
        shown, wanted, met = f"x{ratio:.2f} the time", f"at most x{most:g}", ratio <= most
    return Line(
        case.what, in_words(ours.seconds), name, in_words(theirs.seconds), shown, wanted, met
    )


def in_words(seconds: float) -> str:
    """Spell a time with three digits.

    >>> in_words(0.01234), in_words(1.234)
    ('12.3 ms', '1.23 s')
    """
    return f"{seconds:.3g} s" if seconds >= 1 else f"{seconds * 1e3:.3g} ms"
