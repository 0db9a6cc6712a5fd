"""The SQL types of the protocol, in one table: names on the wire, Python, PEP 249 group.

What may live here: the table, and the way between a type's name and `SqlType`. Values are decoded
in `json_rows`.

>>> parse_type("array(numeric(10, 2) null)").item
SqlType(name='numeric', nullable=True, precision=10, scale=2, item=None, fields=())
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


@dataclasses.dataclass(frozen=True, slots=True)
class SqlType:
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
    def python(self) -> type:
        """The Python class of this column's values; `str` for a type that is not known."""
        return TYPES[self.name].python if self.name in TYPES else str

    @property
    def group(self) -> str:
        """The PEP 249 type object's name; STRING for a type that is not known."""
        return TYPES[self.name].group if self.name in TYPES else STRING

    @property
    def size(self) -> int | None:
        """The bytes that a value takes, None where it varies."""
        return TYPES[self.name].size if self.name in TYPES else None

    @property
    def json_compact(self) -> str:
        """The name in `meta` of JSON_Compact and in TabSeparated headers."""
        return self.spell(0)

    @property
    def json_lines(self) -> str:
        """The name in `result_columns` of JSONLines_Compact."""
        return self.spell(1)

    def __str__(self) -> str:
        return self.json_lines

    def spell(self, form: int) -> str:
        """Spell the type: `form` 0 for JSON_Compact, 1 for JSON lines."""
        word = str(TYPES[self.name][form]) if self.name in TYPES else self.name
        if self.item is not None:
            word += f"({self.item.spell(form)})"
        elif self.name == "struct":
            word += f"({', '.join(_spell_field(*field, form) for field in self.fields)})"
        elif self.precision is not None and self.scale is not None:
            word += f"({self.precision}, {self.scale})"
        return word + " null" if self.nullable else word


def _spell_field(name: str, kind: SqlType, form: int) -> str:
    plain = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name)
    return f"{name if plain else '`' + name.replace('`', '``') + '`'} {kind.spell(form)}"


_NULL = re.compile(r"\s+null$", re.IGNORECASE)
_NOT_NULL = re.compile(r"\s+not\s+null$", re.IGNORECASE)
_CALL = re.compile(r"(?P<name>[A-Za-z_]\w*)\s*\((?P<arguments>.*)\)", re.DOTALL)


@functools.lru_cache(4096)
def parse_type(text: str) -> SqlType:
    """Read a type's name in any spelling of any engine generation.

    A name that is not of the protocol gives a `SqlType` of that name, whose values are text; it is
    never an error.
    """
    word = text.strip()
    if _NOT_NULL.search(word):
        return parse_type(_NOT_NULL.sub("", word))
    if _NULL.search(word):
        return dataclasses.replace(parse_type(_NULL.sub("", word)), nullable=True)
    if word.lower() in ("null", "nothing"):
        return SqlType("text", nullable=True)
    call = _CALL.fullmatch(word)
    known = _parse_word(word) if call is None else _parse_call(call["name"], call["arguments"])
    return known or SqlType(word)


def _parse_word(word: str) -> SqlType | None:
    name = _NAME_OF.get(" ".join(word.lower().split()))
    return None if name is None or name in ("array", "struct") else SqlType(name)


def _parse_call(name: str, arguments: str) -> SqlType | None:
    known = _NAME_OF.get(name.lower())
    if known == "array":
        return SqlType("array", item=parse_type(arguments))
    if known == "struct":
        return _parse_struct(arguments)
    if name.lower() == "nullable":
        return dataclasses.replace(parse_type(arguments), nullable=True)
    if known == "numeric":
        numbers = re.fullmatch(r"\s*(\d+)\s*(?:,\s*(\d+)\s*)?", arguments)
        if numbers is None:
            return None
        return SqlType("numeric", precision=int(numbers[1]), scale=int(numbers[2] or 0))
    return SqlType(known) if known in ("timestamp", "text") else None


def _parse_struct(arguments: str) -> SqlType | None:
    fields = []
    for part in _split_at_commas(arguments):
        field = re.fullmatch(r"(?:`((?:[^`]|``)*)`|(\S+))\s+(.+)", part.strip(), re.DOTALL)
        if field is None:
            return None
        quoted, plain, kind = field.groups()
        name = plain if quoted is None else quoted.replace("``", "`")
        fields.append((name, parse_type(kind)))
    return SqlType("struct", fields=tuple(fields))


def _split_at_commas(text: str) -> list[str]:
    parts, depth, start = [], 0, 0
    for found in re.finditer(r"`(?:[^`]|``)*`|[(),]", text):
        mark = found[0]
        depth += (mark == "(") - (mark == ")")
        if mark == "," and depth == 0:
            parts.append(text[start : found.start()])
            start = found.end()
    return [*parts, text[start:]] if text.strip() else []


class Column(NamedTuple):
    """A result column: its name and its type."""

    name: str
    type: SqlType
