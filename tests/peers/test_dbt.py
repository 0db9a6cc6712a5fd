"""dbt with the public adapter, as its users install them, against the embedded engine."""

import shutil
from pathlib import Path

import pytest

from firebolt_like.client.auth import UsernamePassword
from firebolt_like.db import connect
from firebolt_like.local import LocalServer
from tests.peers.conftest import Install, Run

_SCRIPT = Path(__file__).with_name("dbt_commands.py")
_PROJECT = Path(__file__).with_name("dbt_project")
_PACKAGES = ("dbt-firebolt==1.11.0", "dbt-core==1.11.16", "firebolt-sdk==1.18.3")
_NUMBER = "double precision"
_BUILT = {
    **dict.fromkeys(["customers", "orders", "spending", "returns", "order_log"], "success"),
    "unique_spending_id": "pass",
    "not_null_spending_id": "pass",
    "unique_order_log_id": "pass",
    "not_null_order_log_id": "pass",
    "accepted_values_order_log_status__placed__returned": "pass",
}


@pytest.mark.parametrize("target", ["password", "cloud"])
def test_a_project(install: Install, run: Run, tmp_path: Path, target: str) -> None:
    """Seeds, models and tests are built twice and documented, by password and cloud accounts."""
    python = install("dbt-firebolt", *_PACKAGES)
    project = tmp_path / "project"
    shutil.copytree(_PROJECT, project)
    with LocalServer(
        databases=["sales"],
        users={"ada@example.com": "lovelace"},
        service_accounts={"robot": "s3cret"},
        accounts=["acme"],
    ) as server:
        found = run(python, _SCRIPT, target, str(server.port), str(project))
        assert found["first"] == found["second"] == _BUILT
        assert found["columns"] == {
            "customers": {"id": "integer", "name": "text", "since": "date"},
            "orders": {
                "id": "integer",
                "customer_id": "integer",
                "amount": _NUMBER,
                "status": "text",
            },
            "spending": {"id": "integer", "name": "text", "total": _NUMBER},
            "returns": {"id": "integer", "customer_id": "integer", "amount": _NUMBER},
            "order_log": {"id": "integer", "amount": _NUMBER, "status": "text"},
        }
        assert _rows(server, "SELECT name FROM customers ORDER BY id") == [
            ["Ada"],
            ["Grace"],
            ["O'Hara"],
        ]
        assert _rows(server, "SELECT * FROM spending ORDER BY id") == [
            [1, "Ada", 30.75],
            [2, "Grace", 5.0],
        ]
        assert _rows(server, "SELECT * FROM returns") == [[2, 1, 20.25]]
        assert _rows(server, "SELECT id FROM order_log ORDER BY id") == [[1], [2], [3]]


def _rows(server: LocalServer, sql: str) -> list[list[object]]:
    auth = UsernamePassword("ada@example.com", "lovelace", use_token_cache=False)
    with connect(auth=auth, database="sales", api_endpoint=server.url) as connection:
        return [list(row) for row in connection.cursor().execute(sql).fetchall()]
