"""Resources of password accounts (V1) by REST: databases, engines, bindings, and where they run.

What may live here: the routes, their filters and their bodies. What is allowed is known to
`resources`, what resources look like to `resource_nodes`.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from firebolt_like.local.handlers import answering, missing, own_url, read_json
from firebolt_like.local.records import DatabaseRecord, EngineRecord
from firebolt_like.local.refusal import Refusal, invalid
from firebolt_like.local.resource_nodes import REGION_ID, Nodes
from firebolt_like.local.resources import Resources
from firebolt_like.local.tenants import Tenant, Tenants
from firebolt_like.local.tokens import Gate

__all__ = ["routes"]

_Node = dict[str, Any]


class _Asked(msgspec.Struct, frozen=True):
    """A request for one account, read."""

    resources: Resources
    nodes: Nodes
    params: Mapping[str, str]
    path: Mapping[str, str]
    body: dict[str, Any]


def routes(gate: Gate, tenants: Tenants) -> list[Route]:
    """List the routes; all of them want a token, where the server does."""

    def route(verb: str, path: str, answer: Callable[[_Asked], _Node]) -> Route:
        async def handle(request: Request) -> Response:
            body = await read_json(request) if verb in ("POST", "PATCH") else {}
            asked = _asked(tenants, request, body)
            # files may be made or removed
            return JSONResponse(await asyncio.to_thread(_as_404, answer, asked))

        return Route(path, answering(handle, gate), methods=[verb])

    return [route(*one) for one in _ROUTES]


def _asked(tenants: Tenants, request: Request, body: dict[str, Any]) -> _Asked:
    tenant = _tenant(tenants, request)
    account = tenant.account.id
    nodes = Nodes(account, own_url(request), tenant.resources.clock())
    return _Asked(tenant.resources, nodes, request.query_params, request.path_params, body)


def _tenant(tenants: Tenants, request: Request) -> Tenant:
    wanted = request.path_params.get("account")
    if wanted is not None:
        found = tenants.with_id(request.state.held, wanted)
    else:
        found = next(iter(tenants.listed(request.state.held)), None)
    if found is None:
        raise missing("Account", wanted or "default")
    return found


def _as_404(answer: Callable[[_Asked], _Node], asked: _Asked) -> _Node:
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


def _engine_of(asked: _Asked) -> EngineRecord:
    return _with_id("Engine", asked.resources.engines, asked.path["engine"])


def _database_of(asked: _Asked) -> DatabaseRecord:
    return _with_id("Database", asked.resources.databases, asked.path["database"])


T = TypeVar("T", DatabaseRecord, EngineRecord)


def _with_id(what: str, records: Iterable[T], id_: str) -> T:
    for record in records:
        if record.id == id_:
            return record
    raise missing(what, id_)


def _engine_url(asked: _Asked) -> _Node:
    database = asked.resources.database(asked.params.get("database_name", ""))
    engine = asked.resources.default_engine(database.name)
    if engine is None:
        raise missing("The default engine of database", database.name)
    return {"engine_url": asked.nodes.endpoint(engine)}


def _engine_id(asked: _Asked) -> _Node:
    engine = asked.resources.engine(asked.params.get("engine_name", ""))
    return {"engine_id": asked.nodes.engine(engine)["id"]}


def _database_id(asked: _Asked) -> _Node:
    database = asked.resources.database(asked.params.get("database_name", ""))
    return {"database_id": asked.nodes.database(database)["id"]}


def _get_engine(asked: _Asked) -> _Node:
    return {"engine": asked.nodes.engine(_engine_of(asked))}


def _get_engines(asked: _Asked) -> _Node:
    wanted = [_text(one, "engine_id") for one in asked.body.get("engine_ids") or []]
    known = {engine.id: engine for engine in asked.resources.engines}
    return {"engines": [asked.nodes.engine(known[id_]) for id_ in wanted if id_ in known]}


def _get_database(asked: _Asked) -> _Node:
    return {"database": asked.nodes.database(_database_of(asked))}


def _get_binding(asked: _Asked) -> _Node:
    engine, database = _engine_of(asked), _database_of(asked)
    if engine.database != database.name:
        raise missing("The binding of engine", engine.name)
    return {"binding": asked.nodes.binding(engine, database)}


# lists

_PAGE: Final = 5000


def _page(asked: _Asked, nodes: Sequence[_Node]) -> _Node:
    """Cut out the page that begins after the cursor `page.after`, of `page.first` nodes."""
    after = asked.params.get("page.after", "")
    size = asked.params.get("page.first", "")
    start = int(after) + 1 if after.isdecimal() else 0
    count = int(size) if size.isdecimal() and int(size) else _PAGE
    edges = [{"cursor": str(at), "node": node} for at, node in enumerate(nodes)]
    page: _Node = {
        "page_size": count,
        "total_size": len(nodes),
        "has_previous_page": start > 0,
        "has_next_page": start + count < len(nodes),
    }
    if edges[start : start + count]:
        page["start_cursor"] = edges[start]["cursor"]
        page["end_cursor"] = edges[start : start + count][-1]["cursor"]
    return {"page": page, "edges": edges[start : start + count]}


def _ordered(asked: _Asked, nodes: list[_Node], prefix: str) -> list[_Node]:
    """Sort by `order_by`, such as ENGINE_ORDER_NAME_DESC: a field and a direction."""
    order = asked.params.get("order_by", "").removeprefix(prefix)
    field, _, direction = order.rpartition("_")
    if direction not in ("ASC", "DESC"):
        return nodes
    if nodes and field.lower() not in nodes[0]:
        raise invalid(f"order_by={prefix}{order[:100]} is not supported.")
    return sorted(nodes, key=lambda node: str(node[field.lower()]), reverse=direction == "DESC")


def _matches(asked: _Asked, values: Mapping[str, Sequence[str]]) -> bool:
    """Say whether all filters that were given hold; a filter's last word says how it compares."""
    for name, known in values.items():
        wanted = asked.params.get(f"filter.{name}")
        if not wanted:
            continue
        if name.endswith("_contains"):
            holds = any(wanted.lower() in one.lower() for one in known)
        else:
            holds = (wanted in known) is not name.endswith("_not_eq")
        if not holds:
            return False
    return True


def _engines(asked: _Asked) -> _Node:
    nodes = [asked.nodes.engine(engine) for engine in asked.resources.engines]
    found = [
        node
        for node in nodes
        if _matches(
            asked,
            {
                "name_contains": [node["name"]],
                "current_status_eq": [node["current_status"]],
                "current_status_not_eq": [node["current_status"]],
                "compute_region_id_region_id_eq": [REGION_ID["region_id"]],
            },
        )
    ]
    return _page(asked, _ordered(asked, found, "ENGINE_ORDER_"))


def _databases(asked: _Asked) -> _Node:
    attached: dict[str | None, list[str]] = {}
    for engine in asked.resources.engines:
        attached.setdefault(engine.database, []).append(engine.name)
    found = [
        asked.nodes.database(database)
        for database in asked.resources.databases
        if _matches(
            asked,
            {
                "name_contains": [database.name],
                "attached_engine_name_eq": attached.get(database.name, []),
                "attached_engine_name_contains": attached.get(database.name, []),
            },
        )
    ]
    return _page(asked, _ordered(asked, found, "DATABASE_ORDER_"))


def _bindings(asked: _Asked) -> _Node:
    databases = {database.name: database for database in asked.resources.databases}
    nodes = [
        asked.nodes.binding(engine, databases[engine.database])
        for engine in asked.resources.engines
        if engine.database in databases
    ]
    found = [
        node
        for node in nodes
        if _matches(
            asked,
            {
                "id_database_id_eq": [node["id"]["database_id"]],
                "id_engine_id_eq": [node["id"]["engine_id"]],
                "is_system_database_eq": ["false"],
            },
        )
    ]
    return _page(asked, found)


def _providers(asked: _Asked) -> _Node:
    provider = REGION_ID["provider_id"]
    return _page(asked, [{"id": provider, "name": provider, "display_name": "This machine"}])


def _regions(asked: _Asked) -> _Node:
    name = REGION_ID["region_id"]
    return _page(asked, [{"id": REGION_ID, "name": name, "display_name": "This machine"}])


def _instance_types(asked: _Asked) -> _Node:
    nodes = [
        {
            "id": {**REGION_ID, "instance_type_id": size},
            "name": size,
            "price_per_hour_cents": 0,
            "storage_size_bytes": 0,
            "is_spot_available": False,
            "cpu_virtual_cores_count": 0,
            "memory_size_bytes": 0,
        }
        for size in ("S", "M", "L", "XL")
    ]
    wanted = asked.params.get("filter.id_region_id_eq") or REGION_ID["region_id"]
    return _page(asked, nodes if wanted == REGION_ID["region_id"] else [])


# changes


def _text(given: Any, name: str, default: str = "") -> str:
    """Take a text out of a body; what is no object has none."""
    found = given.get(name) if isinstance(given, dict) else None
    if found is None:
        return default
    if not isinstance(found, str):
        raise invalid(f"{name} is not a text.")
    return found


def _create_database(asked: _Asked) -> _Node:
    given = asked.body.get("database")
    record = asked.resources.create_database(_text(given, "name"), _text(given, "description"))
    return {"database": asked.nodes.database(record)}


def _update_database(asked: _Asked) -> _Node:
    record = _database_of(asked)
    with asked.resources.change():
        record.description = _text(asked.body.get("database"), "description", record.description)
        record.altered = asked.resources.clock()
    return {"database": asked.nodes.database(record)}


def _delete_database(asked: _Asked) -> _Node:
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


def _create_engine(asked: _Asked) -> _Node:
    given = asked.body.get("engine")
    # as in a password account: it stands still until it is started, and does not start by itself
    record = EngineRecord(name=_text(given, "name"), initially_stopped=True, auto_start=False)
    record.running = False
    _set_engine(record, given)
    asked.resources.create_engine(record)
    return {"engine": asked.nodes.engine(record)}


def _update_engine(asked: _Asked) -> _Node:
    record = _engine_of(asked)
    given = asked.body.get("engine")
    with asked.resources.change():
        name = _text(given, "name", record.name)
        if name != record.name:
            asked.resources.rename_engine(record, name)
        _set_engine(record, given)
        record.altered = asked.resources.clock()
    return {"engine": asked.nodes.engine(record)}


def _delete_engine(asked: _Asked) -> _Node:
    record = asked.resources.drop_engine(_engine_of(asked).name)
    return {"engine": asked.nodes.engine(record)}


def _start(asked: _Asked) -> _Node:
    return {"engine": asked.nodes.engine(asked.resources.start_engine(_engine_of(asked).name))}


def _restart(asked: _Asked) -> _Node:
    record = asked.resources.start_engine(_engine_of(asked).name, again=True)
    return {"engine": asked.nodes.engine(record)}


def _stop(asked: _Asked) -> _Node:
    return {"engine": asked.nodes.engine(asked.resources.stop_engine(_engine_of(asked).name))}


def _create_binding(asked: _Asked) -> _Node:
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


def _delete_binding(asked: _Asked) -> _Node:
    binding = _get_binding(asked)
    with asked.resources.change():
        _engine_of(asked).database = None
    return binding


_ACCOUNT = "/core/v1/accounts/{account}"
_DATABASE = _ACCOUNT + "/databases/{database}"
_ENGINE = _ACCOUNT + "/engines/{engine}"
_BINDING = _DATABASE + "/bindings/{engine}"

_ROUTES: Final[Sequence[tuple[str, str, Callable[[_Asked], _Node]]]] = (
    ("GET", "/compute/v1/providers", _providers),
    ("GET", "/compute/v1/regions", _regions),
    ("GET", "/aws/v2/accounts/{account}/instanceTypes", _instance_types),
    ("GET", "/core/v1/account/databases", _databases),
    ("GET", "/core/v1/account/engines", _engines),
    ("POST", "/core/v1/engines:getByIds", _get_engines),
    ("GET", _ACCOUNT + "/engines:getURLByDatabaseName", _engine_url),
    ("GET", _ACCOUNT + "/engines:getIdByName", _engine_id),
    ("GET", _ACCOUNT + "/databases:getIdByName", _database_id),
    ("GET", _ACCOUNT + "/databases", _databases),
    ("POST", _ACCOUNT + "/databases", _create_database),
    ("GET", _DATABASE, _get_database),
    ("PATCH", _DATABASE, _update_database),
    ("DELETE", _DATABASE, _delete_database),
    ("GET", _ACCOUNT + "/engines", _engines),
    ("POST", _ACCOUNT + "/engines", _create_engine),
    # these before the next ones: an id may hold a colon
    ("POST", _ENGINE + ":start", _start),
    ("POST", _ENGINE + ":stop", _stop),
    ("POST", _ENGINE + ":restart", _restart),
    ("GET", _ENGINE, _get_engine),
    ("PATCH", _ENGINE, _update_engine),
    ("DELETE", _ENGINE, _delete_engine),
    ("GET", _ACCOUNT + "/bindings", _bindings),
    ("GET", _BINDING, _get_binding),
    ("POST", _BINDING, _create_binding),
    ("DELETE", _BINDING, _delete_binding),
)
