"""Statements about resources: databases, engines, service accounts and users of an account.

What may live here: the table of statements, and how each is read. What is allowed is known to
`resources`.
"""

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Protocol

from firebolt_like.local.grammar import Reader
from firebolt_like.local.options import Options
from firebolt_like.local.records import EngineRecord, UserRecord
from firebolt_like.local.refusal import Refusal, invalid
from firebolt_like.local.resources import Resources

__all__ = ["ResourceStatements", "pick"]


class _Named(Protocol):
    name: str


def pick(name: tuple[str, bool], known: Iterable[str]) -> str:
    """Give the name that is meant; one without quotes is found in any case of letters."""
    text, quoted = name
    if quoted:
        return text
    return next((one for one in known if one.lower() == text.lower()), text.lower())


def _names(records: Iterable[_Named]) -> list[str]:
    return [record.name for record in records]


def _whole(name: str, text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 6:
        raise invalid(f"{name} wants a whole number, not {text!r}.")
    return int(text)


def _switch(name: str, text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise invalid(f"{name} wants true or false, not {text!r}.")
    return text.lower() == "true"


def _size(name: str, text: str) -> str:
    if text.upper() not in ("S", "M", "L", "XL"):
        raise invalid(f"{name} wants S, M, L or XL, not {text!r}.")
    return text.upper()


def _text(name: str, text: str) -> str:  # noqa: ARG001  # one signature for all checks
    return text


_Checks = Mapping[str, tuple[str, Callable[[str, str], Any]]]
_ENGINE: Final[_Checks] = {
    # what an option is called in SQL: in the record, and its check
    "TYPE": ("type", _size),
    "NODES": ("nodes", _whole),
    "CLUSTERS": ("clusters", _whole),
    "MIN_CLUSTERS": ("clusters", _whole),
    "MAX_CLUSTERS": ("clusters", _whole),
    "FAMILY": ("family", _text),
    "AUTO_START": ("auto_start", _switch),
    "AUTO_STOP": ("auto_stop", _whole),
    "INITIALLY_STOPPED": ("initially_stopped", _switch),
    "START_IMMEDIATELY": ("start_immediately", _switch),
    "DEFAULT_DATABASE": ("database", _text),
    "DESCRIPTION": ("description", _text),
}
_DESCRIBED: Final[_Checks] = {"DESCRIPTION": ("description", _text)}
_USER: Final[_Checks] = {
    "LOGIN": ("login", _text),
    "SERVICE_ACCOUNT": ("service_account", _text),
    "DEFAULT_DATABASE": ("default_database", _text),
    "DEFAULT_ENGINE": ("default_engine", _text),
}


def _checked(options: list[tuple[str, str]], checks: _Checks) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, text in options:
        if name not in checks:
            raise invalid(
                f"Unknown option {name[:100]}.", resolution=f"There are {', '.join(checks)}."
            )
        field, check = checks[name]
        found[field] = check(name, text)
    return found


def _assign(record: object, values: Mapping[str, Any]) -> None:
    for field, value in values.items():
        setattr(record, field, value)


@dataclasses.dataclass(frozen=True, slots=True)
class ResourceStatements:
    """Runs them on one account's resources; every method blocks."""

    resources: Resources

    def find(
        self, words: tuple[str, ...]
    ) -> Callable[[str, Options], list[tuple[str, str]]] | None:
        """Find the statement that begins with these two words."""
        run = _TABLE.get(words)
        if run is None:
            return None

        def statement(sql: str, options: Options) -> list[tuple[str, str]]:
            read = Reader(sql, options.parameters)
            read.need(*words)
            run(self.resources, read, options)
            read.end()
            return []

        return statement

    def make_key(self, sql: str) -> str | None:
        """Run `CALL fb_GENERATESERVICEACCOUNTKEY('name')`, or return None for any other statement.

        Gives the SELECT that has its answer.
        """
        read = Reader(sql)
        if not read.take("CALL", "FB_GENERATESERVICEACCOUNTKEY") or not read.mark("("):
            return None
        name = read.string()
        if not read.mark(")"):
            raise Refusal.of("SyntaxError", "syntax error: ) was expected")
        read.end()
        id_, secret = self.resources.make_key(name)
        quoted = name.replace("'", "''")
        return (
            f"SELECT '{quoted}' AS service_account_name, '{id_}' AS service_account_id,"
            f" '{secret}' AS secret"
        )


def _is_absent(resources: Iterable[_Named], read: Reader) -> tuple[str, bool]:
    """Read `[IF EXISTS] name`: the name, and whether to do nothing as there is none."""
    if_exists = read.take("IF", "EXISTS")
    known = _names(resources)
    name = pick(read.name(), known)
    return name, if_exists and name not in known


def _is_present(resources: Iterable[_Named], read: Reader) -> tuple[str, bool]:
    """Read `[IF NOT EXISTS] name`: the name, and whether to do nothing as there is one."""
    if_not_exists = read.take("IF", "NOT", "EXISTS")
    known = [name.lower() for name in _names(resources)]
    text, quoted = read.name()
    name = text if quoted else text.lower()
    return name, if_not_exists and name.lower() in known


def _create_database(resources: Resources, read: Reader, options: Options) -> None:
    name, present = _is_present(resources.databases, read)
    read.take("WITH")
    values = _checked(read.options(), _DESCRIBED)
    if not present:
        resources.create_database(name, values.get("description", ""), options.user)


def _alter_database(resources: Resources, read: Reader, options: Options) -> None:  # noqa: ARG001  # one signature for all
    name = pick(read.name(), _names(resources.databases))
    if read.take("OWNER", "TO"):
        values = {"owner": read.name()[0]}
    else:
        if not read.take("SET"):
            read.need("WITH")
        values = _checked(read.options(), _DESCRIBED)
    read.end()
    with resources.change():
        record = resources.database(name)
        _assign(record, values)
        record.altered = resources.clock()


def _drop_database(resources: Resources, read: Reader, options: Options) -> None:  # noqa: ARG001  # as above
    name, absent = _is_absent(resources.databases, read)
    if not read.take("CASCADE"):
        read.take("RESTRICT")
    read.end()
    if not absent:
        resources.drop_database(name)


def _engine_values(resources: Resources, read: Reader) -> dict[str, Any]:
    values = _checked(read.options(), _ENGINE)
    if values.get("database"):
        values["database"] = pick((values["database"], False), _names(resources.databases))
        resources.database(values["database"])
    if "start_immediately" in values:
        values["initially_stopped"] = not values.pop("start_immediately")
    return values


def _create_engine(resources: Resources, read: Reader, options: Options) -> None:
    name, present = _is_present(resources.engines, read)
    read.take("WITH")
    values = _engine_values(resources, read)
    if not present:
        resources.create_engine(EngineRecord(name=name, owner=options.user, **values))


def _alter_engine(resources: Resources, read: Reader, options: Options) -> None:  # noqa: ARG001  # as above
    name = pick(read.name(), _names(resources.engines))
    new_name = None
    if read.take("RENAME", "TO"):
        text, quoted = read.name()
        new_name = text if quoted else text.lower()
        values = {}
    elif read.take("OWNER", "TO"):
        values = {"owner": read.name()[0]}
    else:
        read.need("SET")
        values = _engine_values(resources, read)
    read.end()
    with resources.change():
        record = resources.engine(name)
        if new_name is not None:
            resources.rename_engine(record, new_name)
        _assign(record, values)
        record.altered = resources.clock()


def _drop_engine(resources: Resources, read: Reader, options: Options) -> None:  # noqa: ARG001  # as above
    name, absent = _is_absent(resources.engines, read)
    read.end()
    if not absent:
        resources.drop_engine(name)


def _start_engine(resources: Resources, read: Reader, options: Options) -> None:  # noqa: ARG001  # as above
    name, absent = _is_absent(resources.engines, read)
    read.end()
    if not absent:
        resources.start_engine(name)


def _stop_engine(resources: Resources, read: Reader, options: Options) -> None:  # noqa: ARG001  # as above
    name, absent = _is_absent(resources.engines, read)
    if read.take("WITH"):
        _checked(read.options(), {"TERMINATE": ("terminate", _switch)})
    read.end()
    if not absent:
        resources.stop_engine(name)


def _create_service_account(resources: Resources, read: Reader, options: Options) -> None:  # noqa: ARG001  # as above
    read.need("ACCOUNT")
    name, present = _is_present(resources.service_accounts, read)
    read.take("WITH")
    values = _checked(read.options(), _DESCRIBED)
    if not present:
        resources.create_service_account(name, values.get("description", ""))


def _alter_service_account(resources: Resources, read: Reader, options: Options) -> None:  # noqa: ARG001  # as above
    read.need("ACCOUNT")
    name = pick(read.name(), _names(resources.service_accounts))
    read.need("SET")
    values = _checked(read.options(), _DESCRIBED)
    with resources.change():
        _assign(resources.service_account(name), values)


def _drop_service_account(resources: Resources, read: Reader, options: Options) -> None:  # noqa: ARG001  # as above
    read.need("ACCOUNT")
    name, absent = _is_absent(resources.service_accounts, read)
    read.end()
    if not absent:
        resources.drop_service_account(name)


def _user_values(resources: Resources, read: Reader) -> dict[str, Any]:
    values = _checked(read.options(), _USER)
    account = values.get("service_account")
    if account:
        values["service_account"] = pick((account, False), _names(resources.service_accounts))
        resources.service_account(values["service_account"])
    return values


def _create_user(resources: Resources, read: Reader, options: Options) -> None:  # noqa: ARG001  # as above
    name, present = _is_present(resources.users, read)
    read.take("WITH")
    values = _user_values(resources, read)
    if not present:
        resources.create_user(UserRecord(name=name, **values))


def _alter_user(resources: Resources, read: Reader, options: Options) -> None:  # noqa: ARG001  # as above
    name = pick(read.name(), _names(resources.users))
    read.need("SET")
    values = _user_values(resources, read)
    with resources.change():
        _assign(resources.user(name), values)


def _drop_user(resources: Resources, read: Reader, options: Options) -> None:  # noqa: ARG001  # as above
    name, absent = _is_absent(resources.users, read)
    read.end()
    if not absent:
        resources.drop_user(name)


_TABLE: Final[Mapping[tuple[str, ...], Callable[[Resources, Reader, Options], None]]] = {
    ("CREATE", "DATABASE"): _create_database,
    ("ALTER", "DATABASE"): _alter_database,
    ("DROP", "DATABASE"): _drop_database,
    ("CREATE", "ENGINE"): _create_engine,
    ("ALTER", "ENGINE"): _alter_engine,
    ("DROP", "ENGINE"): _drop_engine,
    ("START", "ENGINE"): _start_engine,
    ("STOP", "ENGINE"): _stop_engine,
    ("CREATE", "SERVICE"): _create_service_account,
    ("ALTER", "SERVICE"): _alter_service_account,
    ("DROP", "SERVICE"): _drop_service_account,
    ("CREATE", "USER"): _create_user,
    ("ALTER", "USER"): _alter_user,
    ("DROP", "USER"): _drop_user,
}
