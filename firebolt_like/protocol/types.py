"""The SQL types of the protocol, in one table: names on the wire, Python, PEP 249 group.

What may live here: the table, and the way between a type's name and `SqlType`. Values are decoded
in `json_rows`.

>>> parse_type("array(numeric(10, 2) null)").item
SqlType('numeric(10, 2) null')
>>> str(parse_type("Decimal(10, 2)")), parse_type("bigint").json_compact
('numeric(10, 2)', 'long')
"""

import dataclasses
import datetime
import decimal
import functools
import re
from typing import NamedTuple


class TypeNames(NamedTuple):
    """One row of the table below."""

    json_compact: str
    json_lines: str
    also: tuple[str, ...]
    python: type
    group: str
    size: int | None = None


NUMBER, STRING, DATETIME, BINARY = "NUMBER", "STRING", "DATETIME", "BINARY"

TYPES: dict[str, TypeNames] = {
    # name: JSON_Compact, JSONLines_Compact, also accepted, in Python, PEP 249, bytes
    "integer": TypeNames(
        "int", "integer", ("int4", "int16", "int32", "uint8", "uint16"), int, NUMBER, 4
    ),
    "bigint": TypeNames("long", "bigint", ("int8", "int64", "uint32", "uint64"), int, NUMBER, 8),
    "real": TypeNames("float", "real", ("float4", "float32"), float, NUMBER, 4),
    "double precision": TypeNames(
        "double", "double precision", ("float8", "float64"), float, NUMBER, 8
    ),
    "numeric": TypeNames("Decimal", "numeric", ("decimal",), decimal.Decimal, NUMBER),
    "text": TypeNames("text", "text", ("string", "varchar"), str, STRING),
    "date": TypeNames("date", "date", ("pgdate", "date_ext", "date32"), datetime.date, DATETIME, 4),
    "timestamp": TypeNames(
        "timestamp",
        "timestamp",
        ("timestampntz", "timestamp_ext", "datetime", "datetime64"),
        datetime.datetime,
        DATETIME,
        8,
    ),
    "timestamptz": TypeNames("timestamptz", "timestamptz", (), datetime.datetime, DATETIME, 8),
    "boolean": TypeNames("boolean", "boolean", ("bool",), bool, NUMBER, 1),
    "bytea": TypeNames("bytea", "bytea", (), bytes, BINARY),
    "geography": TypeNames("geography", "geography", (), str, STRING),
    "json": TypeNames("json", "json", (), str, STRING),
    "array": TypeNames("array", "array", (), list, STRING),
    "struct": TypeNames("struct", "struct", (), dict, STRING),
}

_NAME_OF = {
    spelling.lower(): name
    for name, row in TYPES.items()
    for spelling in (name, row.json_compact, row.json_lines, *row.also)
}


@dataclasses.dataclass(frozen=True, slots=True, repr=False)
class SqlType:  # noqa: PLW1641  # frozen dataclasses are hashed by their fields
    """A column's type; `name` is a key of `TYPES`, or what the server said when it is not there.

    `precision` and `scale` are numeric's, `item` is array's, `fields` are struct's (name, type).
    Compares equal to PEP 249's type objects of the same group: `column[1] == NUMBER`.
    """

    name: str
    nullable: bool = False
    precision: int | None = None
    scale: int | None = None
    item: "SqlType | None" = None
    fields: tuple[tuple[str, "SqlType"], ...] = ()

    @property
    def _names(self) -> TypeNames | None:
        # what an array or a struct holds is not known without its items: its values stay text
        opaque = self.name in ("array", "struct") and not self.item and not self.fields
        return None if opaque else TYPES.get(self.name)

    @property
    def python(self) -> type:
        """The Python class of this column's values; `str` for a type that is not known."""
        return self._names.python if self._names else str

    @property
    def group(self) -> str:
        """The PEP 249 type object's name; STRING for a type that is not known."""
        return self._names.group if self._names else STRING

    @property
    def size(self) -> int | None:
        """The bytes that a value takes, None where it varies."""
        return self._names.size if self._names else None

    @property
    def json_compact(self) -> str:
        """The name in `meta` of JSON_Compact and in TabSeparated headers."""
        return self.spell(0)

    @property
    def json_lines(self) -> str:
        """The name in `result_columns` of JSONLines_Compact."""
        return self.spell(1)

    def __eq__(self, other: object) -> bool:
        # written out so that type checkers allow `column[1] == NUMBER`, which NUMBER answers
        if not isinstance(other, SqlType):
            return NotImplemented
        return dataclasses.astuple(self) == dataclasses.astuple(other)

    def __str__(self) -> str:
        return self.json_lines

    def __repr__(self) -> str:
        return f"SqlType({self.json_lines!r})"

    def spell(self, form: int) -> str:
        """Spell the type: `form` 0 for JSON_Compact, 1 for JSON lines."""
        word = str(self._names[form]) if self._names else self.name
        if self.item is not None:
            word += f"({self.item.spell(form)})"
        elif self.fields:
            word += f"({', '.join(_spell_field(*field, form) for field in self.fields)})"
        elif self.precision is not None and self.scale is not None:
            word += f"({self.precision}, {self.scale})"
        return word + " null" if self.nullable else word


def _spell_field(name: str, kind: SqlType, form: int) -> str:
    plain = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name)
    return f"{name if plain else '`' + name.replace('`', '``') + '`'} {kind.spell(form)}"


_CALL = re.compile(r"(?P<name>[A-Za-z_]\w*)\s*\((?P<arguments>.*)\)", re.DOTALL)
_MARK = re.compile(r"`(?:[^`]|``)*`|[(),]")
_FIELD = re.compile(r"(?:`(?P<quoted>(?:[^`]|``)*)`|(?P<plain>\S+))\s+(?P<kind>.+)", re.DOTALL)
_NUMBERS = re.compile(r"\s*([0-9]{1,4})\s*(?:,\s*([0-9]{1,4})\s*)?")

_DEEPEST = 64  # no engine nests deeper; beyond it a name is text, so that no name is too much


@functools.lru_cache(4096)
def parse_type(text: str) -> SqlType:
    """Read a type's name in any spelling of any engine generation.

    A name that is not of the protocol gives a `SqlType` of that name, whose values are text; it is
    never an error.
    """
    return _parse(text, _DEEPEST)


def _parse(text: str, levels: int) -> SqlType:
    word, nullable = _split_null(text.strip())
    if word.lower() in ("null", "nothing"):
        return SqlType("text", nullable=True)
    call = _CALL.fullmatch(word)
    if call is None:
        known = _parse_word(word)
    else:
        known = _parse_call(call["name"], call["arguments"], levels) if levels else None
    known = known or SqlType(word)
    return dataclasses.replace(known, nullable=True) if nullable else known


def _split_null(word: str) -> tuple[str, bool]:
    kind, *mark = word.rsplit(None, 1)[:2] or [""]
    if not mark or mark[0].lower() != "null":
        return word, False
    rest, *negation = kind.rsplit(None, 1)
    return (rest, False) if negation and negation[0].lower() == "not" else (kind, True)


def _parse_word(word: str) -> SqlType | None:
    name = _NAME_OF.get(" ".join(word.lower().split()))
    return None if name is None or name in ("array", "struct") else SqlType(name)


def _parse_call(name: str, arguments: str, levels: int) -> SqlType | None:
    parts = _split_at_commas(arguments)
    known = _NAME_OF.get(name.lower())
    if parts is None:
        return None
    if known == "struct":
        return _parse_struct(parts, levels - 1)
    if known == "array" and len(parts) == 1:
        return SqlType("array", item=_parse(arguments, levels - 1))
    if name.lower() == "nullable" and len(parts) == 1:
        return dataclasses.replace(_parse(arguments, levels - 1), nullable=True)
    if known == "numeric" and (numbers := _NUMBERS.fullmatch(arguments)):
        return SqlType("numeric", precision=int(numbers[1]), scale=int(numbers[2] or 0))
    return SqlType(known) if known in ("timestamp", "timestamptz", "text") else None


def _parse_struct(parts: list[str], levels: int) -> SqlType | None:
    fields = []
    for part in parts:
        field = _FIELD.fullmatch(part.strip())
        if field is None:
            return None
        quoted, plain, kind = field.groups()
        name = plain if quoted is None else quoted.replace("``", "`")
        fields.append((name, _parse(kind, levels)))
    return SqlType("struct", fields=tuple(fields)) if fields else None


def _split_at_commas(text: str) -> list[str] | None:
    """Split arguments at the commas outside of parentheses; None where these do not match."""
    parts, depth, start = [], 0, 0
    for found in _MARK.finditer(text):
        mark = found[0]
        depth += (mark == "(") - (mark == ")")
        if depth < 0:
            return None
        if mark == "," and depth == 0:
            parts.append(text[start : found.start()])
            start = found.end()
    if depth:
        return None
    return [*parts, text[start:]] if text.strip() else []


class Column(NamedTuple):
    """A result column: its name and its type."""

    name: str
    type: SqlType
