"""DuckDB's errors as answers: names and texts that clients look for, places in what they sent.

What may live here: the two tables, and the reading of DuckDB's `LINE n:` and caret lines.
"""

import dataclasses
import re
from collections.abc import Callable
from typing import Final

import duckdb

from firebolt_like.errors import Location
from firebolt_like.local.refusal import Refusal
from firebolt_like.local.translate import Translation
from firebolt_like.local.types import sql_type
from firebolt_like.protocol.types import parse_type

__all__ = ["refusal"]

_NAMES: Final[tuple[tuple[type[Exception], str], ...]] = (
    # the first class that fits gives the error's name
    (duckdb.ParserException, "SyntaxError"),
    (duckdb.SyntaxException, "SyntaxError"),
    (duckdb.BinderException, "SemanticError"),
    (duckdb.CatalogException, "CatalogError"),
    (duckdb.ConversionException, "ConversionError"),
    (duckdb.OutOfRangeException, "OutOfRange"),
    (duckdb.ConstraintException, "ConstraintViolation"),
    (duckdb.TransactionException, "TransactionError"),
    (duckdb.PermissionException, "PermissionDenied"),
    (duckdb.NotImplementedException, "NotSupported"),
    (duckdb.InterruptException, "Cancelled"),
    (duckdb.OutOfMemoryException, "OutOfMemory"),
    (duckdb.InvalidInputException, "InvalidInput"),
)


def _cast(found: re.Match[str]) -> str:
    return f"Unable to cast TEXT '{found[1]}' to {parse_type(found[2])}"


def _nested_cast(found: re.Match[str]) -> str:
    try:
        kind = str(dataclasses.replace(sql_type(duckdb.sqltype(found[2])), nullable=False))
    except duckdb.Error:
        kind = found[2]
    return f"Unable to cast TEXT '{found[1]}' to {kind}"


_TEXTS: Final[tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...]] = (
    # what DuckDB says: what clients of this protocol know
    (r'invalid (\w+) field format: "(.*?)", expected.*', r"Unable to cast TEXT '\2' to \1"),
    (r"Could not convert string ['\"](.*?)['\"] to (\w+(?:\([\d, ]+\))?).*", _cast),
    (r"Type VARCHAR with value '(.*?)' can't be cast to the destination type (.+)", _nested_cast),
    (r"Table with name (\S+) does not exist!", r"relation '\1' does not exist"),
    (
        r"(?:Scalar |Aggregate |Table )*Function with name (\S+) does not exist!",
        r"function '\1' does not exist",
    ),
    (
        r'(?:\w+ )*Function with name "?(\w+)"? is not in the catalog.* the (\w+) extension\..*',
        r"function '\1' is of DuckDB's extension \2, which the embedded engine does not load",
    ),
    (r"View with name (\S+) does not exist!", r"relation '\1' does not exist"),
    (r"Failed to parse geometry: ", "Unable to cast TEXT to geography: "),
    (r"Use TRY\(.*", ""),
)

_PREFIX = re.compile(r"[A-Z]\w*(?: \w+)?? Error: ")
_PLACE = re.compile(r"\n+LINE (\d+): (.*)\n( *)\^")


def refusal(error: Exception, statement: Translation, *, lines_before: int = 0) -> Refusal:
    """Turn an error of DuckDB into an answer.

    `lines_before` is the number of lines that stood before the statement when it ran.
    """
    message = str(error)
    found = _PLACE.search(message)
    text = message if found is None else message[: found.start()]
    text = _PREFIX.sub("", text, count=1).strip()
    for pattern, replacement in _TEXTS:
        text = re.sub(pattern, replacement, text, flags=re.DOTALL).strip()
    name = next((name for kind, name in _NAMES if isinstance(error, kind)), "ExecutionError")
    return Refusal.of(name, text, place=found and _place(found, statement, lines_before))


def _place(found: re.Match[str], statement: Translation, lines_before: int) -> Location | None:
    number, excerpt = int(found[1]), found[2]
    line = number - lines_before
    lines = statement.text.split("\n")
    if not 0 < line <= len(lines):
        return None  # in the text that was put around the statement
    column = len(found[3]) - len(f"LINE {number}: ") + 1
    if excerpt.startswith("..."):
        # a long line is cut on both sides: find the shown part again
        shown = excerpt[3:].removesuffix("...")
        column += lines[line - 1].find(shown) - 3
    return statement.locate(line, column)
