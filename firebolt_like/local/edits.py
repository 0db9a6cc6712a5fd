"""Changes to a text, and the way from a place in the changed text back to the original.

What may live here: `Edit` and how edits are applied. No SQL.
"""

import bisect
import dataclasses
import re
from collections.abc import Iterable
from typing import NamedTuple

from firebolt_like.errors import Location
from firebolt_like.local.table_clauses import Noted

__all__ = ["Edit", "Translation", "apply"]


class Edit(NamedTuple):
    """`text` takes the place of the characters from `start` up to `end`."""

    start: int
    end: int
    text: str


@dataclasses.dataclass(frozen=True, slots=True)
class Translation:
    """A statement as DuckDB gets it; `places` are (offset here, offset in the body, verbatim).

    `noted` is what it says beside that, or None.
    """

    text: str
    body: str
    places: tuple[tuple[int, int, bool], ...]
    noted: Noted | None = None

    def locate(self, line: int, column: int) -> Location:
        """Turn a place in `text` into the place in the body that was sent, both from 1."""
        starts = [0, *(found.end() for found in re.finditer("\n", self.text))]
        return self.locate_offset(starts[min(line, len(starts)) - 1] + column - 1)

    def locate_offset(self, offset: int) -> Location:
        """Turn an offset in `text` into the place in the body that was sent."""
        at = max(0, bisect.bisect_right(self.places, (offset, len(self.body), True)) - 1)
        here, there, verbatim = self.places[at]
        return location(self.body, there + (offset - here if verbatim else 0))


def location(body: str, offset: int) -> Location:
    """Tell the line and the column of an offset, both from 1."""
    before = body[:offset]
    return Location(before.count("\n") + 1, offset - before.rfind("\n"))


def apply(edits: Iterable[Edit], sql: str, body: str, start: int) -> Translation:
    """Change `sql`, which begins at offset `start` of `body`.

    Of edits that overlap the first one counts, and of those that begin together the longer one.

    >>> apply([Edit(7, 8, "12")], "SELECT 1", "SELECT 1", 0).text
    'SELECT 12'
    """
    out: list[str] = []
    places: list[tuple[int, int, bool]] = []
    length = done = 0
    for edit in sorted(edits, key=lambda edit: (edit.start, -edit.end)):
        if edit.start < done:
            continue
        for text, at, verbatim in (
            (sql[done : edit.start], done, True),
            (edit.text, edit.start, False),
        ):
            if text:
                places.append((length, start + at, verbatim))
                out.append(text)
                length += len(text)
        done = edit.end
    if done < len(sql) or not places:
        places.append((length, start + done, True))
        out.append(sql[done:])
    return Translation("".join(out), body, tuple(places))
