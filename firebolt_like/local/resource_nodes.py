"""How a password account's REST faces show resources: the JSON of databases, engines and bindings.

What may live here: those shapes, and what the states of engines are called in them.
"""

from datetime import UTC, datetime
from typing import Any, Final

from firebolt_like.local.records import DatabaseRecord, EngineRecord
from firebolt_like.local.resource_views import REGION

__all__ = ["REGION_ID", "Nodes"]

_PROVIDER: Final = "embedded"
REGION_ID: Final = {"provider_id": _PROVIDER, "region_id": REGION}
_STATES: Final = {
    # status, summary
    "STARTING": ("ENGINE_STATUS_RUNNING_REVISION_STARTING", "ENGINE_STATUS_SUMMARY_STARTING"),
    "RUNNING": ("ENGINE_STATUS_RUNNING_REVISION_SERVING", "ENGINE_STATUS_SUMMARY_RUNNING"),
    "STOPPING": ("ENGINE_STATUS_RUNNING_REVISIONS_TERMINATING", "ENGINE_STATUS_SUMMARY_STOPPING"),
    "STOPPED": ("ENGINE_STATUS_RUNNING_IDLE", "ENGINE_STATUS_SUMMARY_STOPPED"),
}
_HEALTHY: Final = {"health_status": "HEALTH_STATUS_HEALTHY"}


class Nodes:
    """Writes the resources of one account; `now` is in seconds, `url` is the server's own."""

    def __init__(self, account_id: str, url: str, now: float) -> None:
        self._account = account_id
        self._url = url
        self._now = now

    def database(self, record: DatabaseRecord) -> dict[str, Any]:
        """Write a database."""
        return {
            "id": {"account_id": self._account, "database_id": record.id},
            "name": record.name,
            "compute_region_id": REGION_ID,
            "description": record.description,
            "emoji": "",
            "current_status": "DATABASE_STATUS_RUNNING",
            "desired_status": "DATABASE_STATUS_RUNNING",
            "data_size_full": 0,
            "data_size_compressed": 0,
            "is_system_database": False,
            "storage_bucket_name": "",
            **_HEALTHY,
            **_history(record),
        }

    def engine(self, record: EngineRecord) -> dict[str, Any]:
        """Write an engine, which has an endpoint of its own."""
        status, summary = _STATES[record.status(self._now)]
        revision = {"account_id": self._account, "engine_id": record.id}
        revision["engine_revision_id"] = record.id
        return {
            "id": {"account_id": self._account, "engine_id": record.id},
            "name": record.name,
            "compute_region_id": REGION_ID,
            "settings": {
                "preset": record.preset,
                "auto_stop_delay_duration": f"{record.auto_stop * 60}s",
                "minimum_logging_level": "ENGINE_SETTINGS_LOGGING_LEVEL_INFO",
                "is_read_only": record.preset.endswith("DATA_ANALYTICS"),
                "warm_up": record.warm_up,
            },
            "description": record.description,
            "emoji": "",
            "current_status": status,
            "current_status_summary": summary,
            "desired_status": _STATES["RUNNING" if record.running else "STOPPED"][0],
            "latest_revision_id": revision,
            "endpoint": self.endpoint(record),
            "endpoint_serving_revision_id": revision,
            "endpoint_desired_revision_id": revision,
            "last_use_time": _time(record.started),
            **_HEALTHY,
            **_history(record),
        }

    def endpoint(self, record: EngineRecord) -> str:
        """Give the URL that statements for an engine go to, whatever its name becomes."""
        return f"{self._url}/engine/{record.id}"

    def binding(self, engine: EngineRecord, database: DatabaseRecord) -> dict[str, Any]:
        """Write the binding of an engine to its database."""
        return {
            "id": {
                "account_id": self._account,
                "database_id": database.id,
                "engine_id": engine.id,
            },
            "engine_is_default": engine.is_default,
            "current_status": "BINDING_STATUS_CREATED",
            "desired_status": "BINDING_STATUS_CREATED",
            **_HEALTHY,
            **_history(engine),
        }


def _history(record: DatabaseRecord | EngineRecord) -> dict[str, Any]:
    return {
        "create_time": _time(record.created),
        "create_actor": record.owner,
        "last_update_time": _time(record.altered),
        "last_update_actor": record.owner,
    }


def _time(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat()
