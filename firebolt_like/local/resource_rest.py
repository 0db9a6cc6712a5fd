"""Resources of password accounts (V1) by REST: databases, engines, bindings, and where they run.

What may live here: the routes and their bodies. What is allowed is known to `resources`, what
resources look like to `resource_nodes`, and how they are listed to `resource_lists`.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, TypeVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from firebolt_like.local import resource_lists
from firebolt_like.local.handlers import answering, missing, own_url, read_json
from firebolt_like.local.records import DatabaseRecord, EngineRecord
from firebolt_like.local.refusal import Refusal, invalid
from firebolt_like.local.resource_lists import Asked, Node
from firebolt_like.local.resource_nodes import Nodes
from firebolt_like.local.tenants import Tenant, Tenants
from firebolt_like.local.tokens import Gate

__all__ = ["routes"]


def routes(gate: Gate, tenants: Tenants) -> list[Route]:
    """List the routes; all of them want a token, where the server does."""

    def route(verb: str, path: str, answer: Callable[[Asked], Node]) -> Route:
        async def handle(request: Request) -> Response:
            body = await read_json(request) if verb in ("POST", "PATCH") else {}
            asked = _asked(tenants, request, body)
            # files may be made or removed
            return JSONResponse(await asyncio.to_thread(_as_404, answer, asked))

        return Route(path, answering(handle, gate), methods=[verb])

    return [route(*one) for one in _ROUTES]


def _asked(tenants: Tenants, request: Request, body: dict[str, Any]) -> Asked:
    tenant = _tenant(tenants, request)
    account = tenant.account.id
    nodes = Nodes(account, own_url(request), tenant.resources.clock())
    return Asked(tenant.resources, nodes, request.query_params, request.path_params, body)


def _tenant(tenants: Tenants, request: Request) -> Tenant:
    wanted = request.path_params.get("account")
    if wanted is not None:
        found = tenants.with_id(request.state.held, wanted)
    else:
        found = next(iter(tenants.listed(request.state.held)), None)
    if found is None:
        raise missing("Account", wanted or "default")
    return found


def _as_404(answer: Callable[[Asked], Node], asked: Asked) -> Node:
    """Say 404 for what does not exist, and 409 for what is there already."""
    try:
        return answer(asked)
    except Refusal as refusal:
        if "does not exist" in str(refusal):
            refusal.with_status(404)
        elif "already" in str(refusal):
            refusal.with_status(409)
        raise


# one of each


def _engine_of(asked: Asked) -> EngineRecord:
    return _with_id("Engine", asked.resources.engines, asked.path["engine"])


def _database_of(asked: Asked) -> DatabaseRecord:
    return _with_id("Database", asked.resources.databases, asked.path["database"])


T = TypeVar("T", DatabaseRecord, EngineRecord)


def _with_id(what: str, records: Iterable[T], id_: str) -> T:
    for record in records:
        if record.id == id_:
            return record
    raise missing(what, id_)


def _engine_url(asked: Asked) -> Node:
    database = asked.resources.database(asked.params.get("database_name", ""))
    engine = asked.resources.default_engine(database.name)
    if engine is None:
        raise missing("The default engine of database", database.name)
    return {"engine_url": asked.nodes.endpoint(engine)}


def _engine_id(asked: Asked) -> Node:
    engine = asked.resources.engine(asked.params.get("engine_name", ""))
    return {"engine_id": asked.nodes.engine(engine)["id"]}


def _database_id(asked: Asked) -> Node:
    database = asked.resources.database(asked.params.get("database_name", ""))
    return {"database_id": asked.nodes.database(database)["id"]}


def _get_engine(asked: Asked) -> Node:
    return {"engine": asked.nodes.engine(_engine_of(asked))}


def _get_engines(asked: Asked) -> Node:
    wanted = [_text(one, "engine_id") for one in asked.body.get("engine_ids") or []]
    known = {engine.id: engine for engine in asked.resources.engines}
    return {"engines": [asked.nodes.engine(known[id_]) for id_ in wanted if id_ in known]}


def _get_database(asked: Asked) -> Node:
    return {"database": asked.nodes.database(_database_of(asked))}


def _get_binding(asked: Asked) -> Node:
    engine, database = _engine_of(asked), _database_of(asked)
    if engine.database != database.name:
        raise missing("The binding of engine", engine.name)
    return {"binding": asked.nodes.binding(engine, database)}


# changes


def _text(given: Any, name: str, default: str = "") -> str:
    """Take a text out of a body; what is no object has none."""
    found = given.get(name) if isinstance(given, dict) else None
    if found is None:
        return default
    if not isinstance(found, str):
        raise invalid(f"{name} is not a text.")
    return found


def _create_database(asked: Asked) -> Node:
    given = asked.body.get("database")
    record = asked.resources.create_database(_text(given, "name"), _text(given, "description"))
    return {"database": asked.nodes.database(record)}


def _update_database(asked: Asked) -> Node:
    record = _database_of(asked)
    with asked.resources.change():
        record.description = _text(asked.body.get("database"), "description", record.description)
        record.altered = asked.resources.clock()
    return {"database": asked.nodes.database(record)}


def _delete_database(asked: Asked) -> Node:
    record = asked.resources.drop_database(_database_of(asked).name)
    return {"database": asked.nodes.database(record)}


def _set_engine(record: EngineRecord, given: Any) -> None:
    settings = given.get("settings") if isinstance(given, dict) else None
    record.description = _text(given, "description", record.description)
    record.preset = _text(settings, "preset", record.preset)
    record.warm_up = _text(settings, "warm_up", record.warm_up)
    delay = _text(settings, "auto_stop_delay_duration")
    if delay:
        number, unit = delay.rstrip("sm"), delay.lstrip("0123456789")
        if not number.isdecimal() or unit not in ("s", "m", ""):
            raise invalid(f"auto_stop_delay_duration is seconds, such as 1200s, not {delay!r}.")
        record.auto_stop = int(number) // (1 if unit == "m" else 60)


def _create_engine(asked: Asked) -> Node:
    given = asked.body.get("engine")
    # as in a password account: it stands still until it is started, and does not start by itself
    record = EngineRecord(name=_text(given, "name"), initially_stopped=True, auto_start=False)
    record.running = False
    _set_engine(record, given)
    asked.resources.create_engine(record)
    return {"engine": asked.nodes.engine(record)}


def _update_engine(asked: Asked) -> Node:
    record = _engine_of(asked)
    given = asked.body.get("engine")
    with asked.resources.change():
        name = _text(given, "name", record.name)
        if name != record.name:
            asked.resources.rename_engine(record, name)
        _set_engine(record, given)
        record.altered = asked.resources.clock()
    return {"engine": asked.nodes.engine(record)}


def _delete_engine(asked: Asked) -> Node:
    record = asked.resources.drop_engine(_engine_of(asked).name)
    return {"engine": asked.nodes.engine(record)}


def _start(asked: Asked) -> Node:
    return {"engine": asked.nodes.engine(asked.resources.start_engine(_engine_of(asked).name))}


def _restart(asked: Asked) -> Node:
    record = asked.resources.start_engine(_engine_of(asked).name, again=True)
    return {"engine": asked.nodes.engine(record)}


def _stop(asked: Asked) -> Node:
    return {"engine": asked.nodes.engine(asked.resources.stop_engine(_engine_of(asked).name))}


def _create_binding(asked: Asked) -> Node:
    engine, database = _engine_of(asked), _database_of(asked)
    with asked.resources.change():
        if engine.database not in (None, database.name):
            raise invalid(f"Engine '{engine.name}' is already bound to '{engine.database}'.")
        engine.database = database.name
        engine.is_default = asked.body.get("engine_is_default") is True
        if engine.is_default:
            for other in asked.resources.engines:
                if other.database == database.name and other is not engine:
                    other.is_default = False
    return {"binding": asked.nodes.binding(engine, database)}


def _delete_binding(asked: Asked) -> Node:
    binding = _get_binding(asked)
    with asked.resources.change():
        _engine_of(asked).database = None
    return binding


_ACCOUNT = "/core/v1/accounts/{account}"
_DATABASE = _ACCOUNT + "/databases/{database}"
_ENGINE = _ACCOUNT + "/engines/{engine}"
_BINDING = _DATABASE + "/bindings/{engine}"

_ROUTES: Final[Sequence[tuple[str, str, Callable[[Asked], Node]]]] = (
    ("GET", "/compute/v1/providers", resource_lists.providers),
    ("GET", "/compute/v1/regions", resource_lists.regions),
    ("GET", "/aws/v2/accounts/{account}/instanceTypes", resource_lists.instance_types),
    ("GET", "/core/v1/account/databases", resource_lists.databases),
    ("GET", "/core/v1/account/engines", resource_lists.engines),
    ("POST", "/core/v1/engines:getByIds", _get_engines),
    ("GET", _ACCOUNT + "/engines:getURLByDatabaseName", _engine_url),
    ("GET", _ACCOUNT + "/engines:getIdByName", _engine_id),
    ("GET", _ACCOUNT + "/databases:getIdByName", _database_id),
    ("GET", _ACCOUNT + "/databases", resource_lists.databases),
    ("POST", _ACCOUNT + "/databases", _create_database),
    ("GET", _DATABASE, _get_database),
    ("PATCH", _DATABASE, _update_database),
    ("DELETE", _DATABASE, _delete_database),
    ("GET", _ACCOUNT + "/engines", resource_lists.engines),
    ("POST", _ACCOUNT + "/engines", _create_engine),
    # these before the next ones: an id may hold a colon
    ("POST", _ENGINE + ":start", _start),
    ("POST", _ENGINE + ":stop", _stop),
    ("POST", _ENGINE + ":restart", _restart),
    ("GET", _ENGINE, _get_engine),
    ("PATCH", _ENGINE, _update_engine),
    ("DELETE", _ENGINE, _delete_engine),
    ("GET", _ACCOUNT + "/bindings", resource_lists.bindings),
    ("GET", _BINDING, _get_binding),
    ("POST", _BINDING, _create_binding),
    ("DELETE", _BINDING, _delete_binding),
)
