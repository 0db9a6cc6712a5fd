"""Lists of a password account's resources: their filters, their order and their pages.

What may live here: the lists, and the request that they answer.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from firebolt_like.local.refusal import invalid
from firebolt_like.local.resource_nodes import REGION_ID, Nodes
from firebolt_like.local.resources import Resources

__all__ = [
    "Asked",
    "Node",
    "bindings",
    "databases",
    "engines",
    "instance_types",
    "providers",
    "regions",
]

Node = dict[str, Any]


class Asked(msgspec.Struct, frozen=True):
    """A request for one account, read."""

    resources: Resources
    nodes: Nodes
    params: Mapping[str, str]
    path: Mapping[str, str]
    body: dict[str, Any]


_PAGE: Final = 5000


def _page(asked: Asked, nodes: Sequence[Node]) -> Node:
    """Cut out the page that begins after the cursor `page.after`, of `page.first` nodes."""
    after = asked.params.get("page.after", "")
    size = asked.params.get("page.first", "")
    start = int(after) + 1 if after.isdecimal() else 0
    count = int(size) if size.isdecimal() and int(size) else _PAGE
    edges = [{"cursor": str(at), "node": node} for at, node in enumerate(nodes)]
    page: Node = {
        "page_size": count,
        "total_size": len(nodes),
        "has_previous_page": start > 0,
        "has_next_page": start + count < len(nodes),
    }
    if edges[start : start + count]:
        page["start_cursor"] = edges[start]["cursor"]
        page["end_cursor"] = edges[start : start + count][-1]["cursor"]
    return {"page": page, "edges": edges[start : start + count]}


def _ordered(asked: Asked, nodes: list[Node], prefix: str) -> list[Node]:
    """Sort by `order_by`, such as ENGINE_ORDER_NAME_DESC: a field and a direction."""
    order = asked.params.get("order_by", "").removeprefix(prefix)
    field, _, direction = order.rpartition("_")
    if direction not in ("ASC", "DESC"):
        return nodes
    if nodes and field.lower() not in nodes[0]:
        raise invalid(f"order_by={prefix}{order[:100]} is not supported.")
    return sorted(nodes, key=lambda node: str(node[field.lower()]), reverse=direction == "DESC")


def _matches(asked: Asked, values: Mapping[str, Sequence[str]]) -> bool:
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


def engines(asked: Asked) -> Node:
    """List engines by name, status and region."""
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


def databases(asked: Asked) -> Node:
    """List databases by name and by the names of their engines."""
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


def bindings(asked: Asked) -> Node:
    """List which engine is bound to which database."""
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


def providers(asked: Asked) -> Node:
    """List the one provider."""
    provider = REGION_ID["provider_id"]
    return _page(asked, [{"id": provider, "name": provider, "display_name": "This machine"}])


def regions(asked: Asked) -> Node:
    """List the one region."""
    name = REGION_ID["region_id"]
    return _page(asked, [{"id": REGION_ID, "name": name, "display_name": "This machine"}])


def instance_types(asked: Asked) -> Node:
    """List the sizes of engines."""
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
