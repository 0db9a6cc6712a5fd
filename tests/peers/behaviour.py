"""What a client of this protocol does, told as JSON: `behaviour.py PACKAGE KIND PORT`.

PACKAGE is `firebolt` or `firebolt_like`: the file runs unchanged on both, as `db` and `client.auth`
have the same names. KIND is core, v1 or v2. It runs in environments that have one of the two
packages, and not pytest.
"""

import importlib
import json
import socket
import sys
from typing import Any

lookup = socket.getaddrinfo

VALUES = {
    "integer": "SELECT 1, -2147483648, NULL::int",
    "bigint": "SELECT 9223372036854775807::bigint",
    "double": "SELECT 1.5::double, 'inf'::double, '-inf'::double",
    "numeric": "SELECT 1.10::numeric(10, 2), '12345678901234567890.123456789'::numeric(38, 9)",
    "text": "SELECT 'x', '', 'naïve \"quoted\" \t日本語', 'it''s', E'a\\nb'",
    "boolean": "SELECT true, false, NULL::boolean",
    "date": "SELECT '0001-01-01'::date, '9999-12-31'::date",
    "timestamp": "SELECT '2020-02-29 12:34:56.789'::timestamp, '2020-02-29'::timestamp",
    "timestamptz": "SELECT '2020-02-29 12:34:56+05:30'::timestamptz",
    "bytea": "SELECT E'\\x61\\x00\\xff'",
    "array": "SELECT [1, NULL, 3], [['a'], []], [1.5::numeric(3, 1)]",
    "struct": "SELECT {'a': 1, 'b': 'x'}",
    "null": "SELECT NULL",
    "no rows": "SELECT 1 AS a WHERE false",
    "many rows": "SELECT range, 'n' || range FROM range(1000) ORDER BY 1",
}
PARAMETERS = [None, True, 5, -1.5, "it's \\ a", [1, 2], [["a"], []]]


def shown(value: Any) -> Any:
    """Tell a value with its type, the types of what it holds included."""
    if isinstance(value, (list, tuple)):
        return ["sequence", *map(shown, value)]
    if isinstance(value, dict):
        return {name: shown(item) for name, item in value.items()}
    return f"{type(value).__name__} {value.isoformat() if hasattr(value, 'isoformat') else value!r}"


def told(work: Any) -> Any:
    """Give what `work` gives, or the kind of error of PEP 249 that it raises."""
    try:
        return shown(work())
    except Exception as error:  # noqa: BLE001  # whatever it is, it is told
        return [kind.__name__ for kind in type(error).__mro__ if kind.__name__ in ERRORS][:1]


ERRORS = (
    *("ProgrammingError", "DataError", "OperationalError", "InterfaceError", "NotSupportedError"),
    "Error",
)


def find(host: Any, *rest: Any, **more: Any) -> Any:
    """Resolve *.localhost, as some systems do: cloud accounts log in at a host beside the API's."""
    name = host.decode() if isinstance(host, bytes) else host
    return lookup("127.0.0.1" if str(name).endswith(".localhost") else host, *rest, **more)


def place(auth: Any, kind: str, port: str) -> dict[str, Any]:
    """Give the arguments that connect to an account of this kind."""
    url = f"http://127.0.0.1:{port}"
    if kind == "core":
        return {"auth": auth.FireboltCore(), "url": url, "database": "sales"}
    account = {"account_name": "acme", "database": "sales"}
    if kind == "v1":
        login = auth.UsernamePassword("ada@example.com", "lovelace", use_token_cache=False)
        return {"auth": login, "api_endpoint": url, **account}
    robot = auth.ClientCredentials("robot", "s3cret", use_token_cache=False)
    return {"auth": robot, "api_endpoint": f"http://api.localhost:{port}", **account}


def behaviour(db: Any, where: dict[str, Any]) -> dict[str, Any]:
    """Run everything on one connection and on streams."""
    found: dict[str, Any] = {}
    with db.connect(**where) as connection:
        cursor = connection.cursor()

        def ask(sql: str, *parameters: Any) -> Any:
            cursor.execute(sql, *parameters)
            return cursor.fetchall()

        def stream(sql: str) -> Any:
            cursor.execute_stream(sql)
            return list(cursor)

        def in_steps() -> Any:
            cursor.execute(VALUES["many rows"])
            return [cursor.fetchone(), cursor.fetchmany(3), len(cursor.fetchall()), cursor.rowcount]

        def two_results() -> Any:
            cursor.execute("SELECT 1; SELECT 2")
            return [cursor.fetchall(), bool(cursor.nextset()), cursor.fetchall()]

        for name, sql in VALUES.items():
            found[name] = told(lambda sql=sql: ask(sql))
            found[f"{name}, streamed"] = told(lambda sql=sql: stream(sql))
        for number, value in enumerate(PARAMETERS):
            found[f"parameter {number}"] = told(lambda value=value: ask("SELECT ?", [value]))
        found["in steps"] = told(in_steps)
        found["two results"] = told(two_results)
        found["names"] = told(lambda: [ask("SELECT 1 AS a, 2"), [c[0] for c in cursor.description]])
        found["too few parameters"] = told(lambda: ask("SELECT ?, ?", [1]))
        found["syntax error"] = told(lambda: ask("SELEC 1"))
        found["missing table"] = told(lambda: ask("SELECT * FROM nowhere"))
        found["zone"] = told(
            lambda: [
                cursor.execute("SET timezone = 'Asia/Calcutta'") and None,
                ask("SELECT '2020-01-01 00:00:00+00'::timestamptz"),
            ]
        )
    return found


if __name__ == "__main__":
    package, kind, port = sys.argv[1:]
    socket.getaddrinfo = find  # type: ignore[assignment]  # of two signatures, the wider
    db, auth = (importlib.import_module(f"{package}.{part}") for part in ("db", "client.auth"))
    print(json.dumps(behaviour(db, place(auth, kind, port))))
