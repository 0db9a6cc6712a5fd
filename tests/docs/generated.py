"""The parts of the pages that the code dictates: `python -m tests.docs.generated` writes them.

A part stands between `<!-- generated: name -->` and `<!-- end -->`. What may live here: one
function for each part, and the table of them.
"""

import inspect
import re
import textwrap
import tomllib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pyarrow as pa

from firebolt_like import errors
from firebolt_like.client.retry import RULES
from firebolt_like.dbapi.cursor import PARAMSTYLES
from firebolt_like.local.options import SETTINGS
from firebolt_like.protocol.arrow_ingest import data_columns
from firebolt_like.protocol.arrow_types import arrow_type
from firebolt_like.protocol.table_ddl import without_null_types
from firebolt_like.protocol.types import TYPES, SqlType
from firebolt_like.settings import DSN_FORMS, ENVIRONMENT
from firebolt_like.sqlalchemy.flight_url import FLIGHT_OPTIONS
from firebolt_like.sqlalchemy.url import OPTIONS
from tests.docs.start import README
from tests.sqlalchemy.compliance.features import AT_LEAST, LEFT_OUT, OFF

PROJECT = README.parent


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def code(*names: str) -> str:
    return ", ".join(f"`{name}`" for name in names)


def dsn_forms() -> str:
    return table(("DSN", "reaches"), ((code(dsn), what) for dsn, what in DSN_FORMS.items()))


def environment() -> str:
    names: dict[str, list[str]] = {}
    for variable, setting in ENVIRONMENT.items():
        names.setdefault(setting, []).append(variable)
    rows = ((code(setting), code(*variables)) for setting, variables in names.items())
    return table(("setting", "environment variables, the first that is set wins"), rows)


def types() -> str:
    rows = ((code(name), code(row.python.__name__), row.group) for name, row in TYPES.items())
    return table(("SQL type", "in Python", "PEP 249 type object"), rows)


def arrow_types() -> str:
    kinds = [SqlType(name) for name in TYPES if name not in ("array", "struct")]
    item = SqlType("integer", nullable=True)
    nested = [SqlType("array", item=item), SqlType("struct", fields=(("n", item),))]
    rows = ((code(str(kind)), code(str(arrow_type(kind)))) for kind in kinds + nested)
    return table(("SQL type", "in Arrow"), rows)


def ingest_types() -> str:
    views = getattr(pa, "string_view", pa.string)
    kinds = [
        *(pa.bool_(), pa.int8(), pa.int16(), pa.int32(), pa.uint8(), pa.uint16()),
        *(pa.int64(), pa.uint32(), pa.uint64(), pa.float16(), pa.float32(), pa.float64()),
        *(pa.decimal128(10, 2), pa.string(), pa.large_string(), views(), pa.null()),
        *(pa.dictionary(pa.int32(), pa.string()), pa.binary(), pa.binary(16)),
        *(pa.date32(), pa.date64(), pa.timestamp("s"), pa.timestamp("ns")),
        *(pa.timestamp("us", "Europe/Vienna"), pa.list_(pa.int32()), pa.large_list(pa.string())),
        pa.struct([("n", pa.int32())]),
    ]
    names: dict[str, list[str]] = {}
    for kind in kinds:
        [column] = data_columns(pa.schema([pa.field("n", kind)]))
        name = str(without_null_types(column.type)).removesuffix(" null")
        names.setdefault(name, []).append(str(kind))
    rows = ((code(*arrow), code(sql)) for sql, arrow in names.items())
    return table(("Arrow type", "SQL type"), rows)


def paramstyles() -> str:
    rows = ((code(name), what) for name, what in PARAMSTYLES.items())
    return table(("paramstyle", "placeholders"), rows)


def retries() -> str:
    def word(again: bool) -> str:
        return "sent again" if again else "not sent again"

    rows = ((r.event, word(r.statement), word(r.repeatable), r.why) for r in RULES.values())
    return table(("what happened", "a statement", "a request safe to repeat", "because"), rows)


def error_tree() -> str:
    tree = inspect.cleandoc(errors.__doc__ or "").split("\n\n")[1]
    return f"```text\n{textwrap.dedent(tree)}\n```"


def engine_settings() -> str:
    return code(*sorted(SETTINGS))


def sqlalchemy_options() -> str:
    rows = ((code(name), option.meaning) for name, option in OPTIONS.items())
    return table(("option", "what it says"), rows)


def sqlalchemy_flight_options() -> str:
    rows = ((code(name), option.meaning) for name, option in FLIGHT_OPTIONS.items())
    return table(("option", "what it says"), rows)


def sqlalchemy_compliance() -> str:
    why: dict[str, list[str]] = {}
    for feature, reason in (OFF | LEFT_OUT).items():
        why.setdefault(reason, []).append(feature.rstrip("["))
    rows = ((reason, code(*names)) for reason, names in sorted(why.items()))
    off = table(("because", "switched off: features, and single tests"), rows)
    passed = " and ".join(f"{count:,} with {name}" for name, count in AT_LEAST.items())
    return f"At least {passed} pass, in each of the three ways.\n\n{off}"


def import_arrows() -> str:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    lines: list[str] = []
    for contract in project["tool"]["importlinter"]["contracts"]:
        lines += ["", *DRAWN[contract["type"]](contract)]
    return "\n".join(["```text", *lines[1:], "```"])


def short(modules: Iterable[str]) -> str:
    return ", ".join(module.removeprefix("firebolt_like.") for module in modules)


def draw_layers(contract: Mapping[str, Any]) -> list[str]:
    rows = [layer.replace(" | ", "     ") for layer in contract["layers"]]
    width = max(map(len, rows))
    arrow = ["|", "v"]
    lines = [line for row in rows for line in (row, *arrow)][: -len(arrow)]
    return [line.center(width).rstrip() for line in lines]


def draw_protected(contract: Mapping[str, Any]) -> list[str]:
    modules, importers = contract["protected_modules"], contract["allowed_importers"]
    return [f"{short(modules)} <-- {short(importers)}, and nobody else"]


def draw_forbidden(contract: Mapping[str, Any]) -> list[str]:
    forbidden = f"{short(contract['source_modules'])} --x-- {short(contract['forbidden_modules'])}"
    return [forbidden, *(f"  but {short([edge])}" for edge in contract.get("ignore_imports", ()))]


DRAWN: dict[str, Callable[[Mapping[str, Any]], list[str]]] = {
    "layers": draw_layers,
    "protected": draw_protected,
    "forbidden": draw_forbidden,
}

PARTS: dict[str, Callable[[], str]] = {
    "arrow types": arrow_types,
    "dsn forms": dsn_forms,
    "embedded settings": engine_settings,
    "environment": environment,
    "error tree": error_tree,
    "import arrows": import_arrows,
    "ingest types": ingest_types,
    "paramstyles": paramstyles,
    "retries": retries,
    "sqlalchemy compliance": sqlalchemy_compliance,
    "sqlalchemy flight options": sqlalchemy_flight_options,
    "sqlalchemy options": sqlalchemy_options,
    "types": types,
}

MARKED = re.compile(r"(<!-- generated: (.+?) -->\n).*?(<!-- end -->)", re.DOTALL)


def generate(page: str) -> str:
    """Give the page with its generated parts written anew."""
    return MARKED.sub(lambda found: f"{found[1]}{PARTS[found[2]]()}\n{found[3]}", page)


if __name__ == "__main__":
    for path in sorted((PROJECT / "docs").glob("*.md")):
        path.write_text(generate(path.read_text(encoding="utf-8")), encoding="utf-8")
