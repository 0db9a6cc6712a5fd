"""What a request's query string asks for, read and checked.

What may live here: the table of settings with their checks, and `Options`. A name that is in no
table is refused, which is how clients learn that a `SET` was wrong.
"""

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any, Final

from firebolt_like.local.refusal import Refusal, invalid, not_supported
from firebolt_like.local.translate import read_parameters

__all__ = ["SETTINGS", "Options", "read_options", "read_setting"]


def _whole_number(name: str, text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise invalid(f"The setting {name} wants a whole number, not {text!r}.")
    return int(text)


def _switch(name: str, text: str) -> bool:
    if text.lower() not in ("0", "1", "true", "false", "on", "off"):
        raise invalid(f"The setting {name} wants true or false, not {text!r}.")
    return text.lower() in ("1", "true", "on")


def _text(name: str, text: str) -> str:
    if not text.isprintable() or "," in text:
        raise invalid(f"The setting {name} wants printable text without commas.")
    return text


def _drop_policy(name: str, text: str) -> str:
    if text.upper() not in ("NONE", "ALL", "TYPE_DEPENDENT"):
        raise invalid(f"The setting {name} wants NONE, ALL or TYPE_DEPENDENT, not {text!r}.")
    return text.upper()


SETTINGS: Final[dict[str, Callable[[str, str], Any]]] = {
    # may be set by SET and by the query string
    "timezone": _text,
    "time_zone": _text,
    "max_result_rows": _whole_number,
    "statement_timeout": _whole_number,  # milliseconds, 0 is off
    "max_execution_time": _whole_number,  # seconds, 0 is off
    "cancel_query_on_connection_drop": _drop_policy,
    "query_label": _text,
    "standard_conforming_strings": _switch,  # false: a backslash in a plain string is an escape
    # accepted, and without effect here
    "enable_result_cache": _switch,
    "enable_subresult_cache": _switch,
    "warmup": _text,
    "advanced_mode": _switch,
}

_REQUEST: Final = frozenset(
    # of one request only: SET refuses them
    (
        *("database", "engine", "account_id", "output_format", "default_format"),
        *("query_parameters", "transaction_id", "transaction_sequence_id"),
        *("async", "execution_mode", "compress", "auto_start_stop_control", "internal"),
    )
)

_FOLLOWED: Final = {
    # what one statement of a body may change for the next one: the field
    "database": "database",
    "engine": "engine",
    "query_parameters": "parameters",
    "transaction_id": "transaction_id",
    "transaction_sequence_id": "sequence_id",
    "timezone": "zone",
    "time_zone": "zone",
    "max_result_rows": "limit",
}

_DEFAULT_FORMAT: Final = "TabSeparatedWithNamesAndTypes"


@dataclasses.dataclass(frozen=True, slots=True)
class Options:
    """A request's options; `timeout` in seconds, `limit` in rows, None where there is none."""

    database: str | None = None
    engine: str | None = None
    account_id: str | None = None
    user: str = ""
    output_format: str = _DEFAULT_FORMAT
    zone: str = "UTC"
    limit: int | None = None
    timeout: float | None = None
    on_drop: str = "TYPE_DEPENDENT"
    label: str | None = None
    backslash_escapes: bool | None = None
    parameters: dict[str, Any] = dataclasses.field(default_factory=dict)
    transaction_id: str | None = None
    sequence_id: str | None = None
    is_async: bool = False
    describe: bool = False

    def limited(self, rows: int | None) -> "Options":
        """Give these options with at most so many rows."""
        if rows is None:
            return self
        return dataclasses.replace(self, limit=min(rows, self.limit or rows))

    def follow(self, headers: Iterable[tuple[str, str]]) -> "Options":
        """Give the options of the next request, where a client has got these session headers."""
        told: dict[str, str] = {}
        for header, text in headers:
            name, _, value = text.partition("=")
            told[name] = value if header == "Firebolt-Update-Parameters" else ""
        fields = {_FOLLOWED[name] for name in told if name in _FOLLOWED}
        read = read_options(told.items())
        return dataclasses.replace(self, **{field: getattr(read, field) for field in fields})


def read_setting(name: str, text: str) -> Any:
    """Check a setting's value and read it. Raises `Refusal`."""
    check = SETTINGS.get(name.lower())
    if check is None:
        raise unknown_setting(name)
    return check(name, text)


def unknown_setting(name: str) -> Refusal:
    """Refuse a name that is no setting."""
    return invalid(
        f"Unknown setting '{name[:100]}': query param not allowed.",
        resolution=f"The settings are {', '.join(sorted(SETTINGS))}.",
    )


def read_options(query_string: Iterable[tuple[str, str]]) -> Options:
    """Read the query string of a request; the last of repeated names counts. Raises `Refusal`."""
    given = {name: text for name, text in query_string if text or name in _REQUEST}
    settings = {
        name.lower(): read_setting(name, text)
        for name, text in given.items()
        if name not in _REQUEST
    }
    mode = given.get("execution_mode") or None
    if mode not in (None, "describe_parameters"):
        raise not_supported(f"execution_mode={mode[:100]}")
    milliseconds = settings.get("statement_timeout") or 0
    seconds = settings.get("max_execution_time") or 0
    conforming = settings.get("standard_conforming_strings")
    return Options(
        database=given.get("database") or None,
        engine=given.get("engine") or None,
        account_id=given.get("account_id") or None,
        output_format=given.get("output_format") or given.get("default_format") or _DEFAULT_FORMAT,
        zone=settings.get("time_zone") or settings.get("timezone") or "UTC",
        limit=settings.get("max_result_rows") or None,
        timeout=milliseconds / 1000 or seconds or None,
        on_drop=settings.get("cancel_query_on_connection_drop", "TYPE_DEPENDENT"),
        label=settings.get("query_label"),
        backslash_escapes=None if conforming is None else not conforming,
        parameters=read_parameters(given["query_parameters"])
        if given.get("query_parameters")
        else {},
        transaction_id=given.get("transaction_id") or None,
        sequence_id=given.get("transaction_sequence_id") or None,
        describe=mode is not None,
        is_async=_switch("async", given.get("async") or "false"),
    )
