"""What tests/peers/test_dlt_by_sqlalchemy.py has dlt do, its answers as JSON.

This runs in an environment that has dlt and this package with its dialects.
"""

import json
import os
import sys
import tempfile
from typing import Any

import dlt
from dlt.sources.sql_database import sql_table
from sqlalchemy import create_engine, text

FIRST = [{"id": 1, "name": "Ada", "tags": [{"tag": "x"}]}, {"id": 2, "name": "Grace"}]
SECOND = [{"id": 1, "name": "Ada L."}, {"id": 3, "name": "Barbara"}]


def play(url: str) -> Any:
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    engine = create_engine(url)
    pipeline = dlt.pipeline(
        "people",
        destination=dlt.destinations.sqlalchemy(engine),
        dataset_name="raw",
        pipelines_dir=tempfile.mkdtemp(),
    )
    pipeline.run(FIRST, table_name="people", write_disposition="replace", primary_key="id")
    pipeline.run(SECOND, table_name="people", write_disposition="merge", primary_key="id")
    with engine.connect() as connection:
        merged = connection.execute(text("SELECT id, name FROM raw.people ORDER BY id")).all()
        tags = connection.execute(text("SELECT tag FROM raw.people__tags")).scalars().all()
    read = sorted(row["name"] for row in sql_table(engine, table="people", schema="raw"))
    engine.dispose()
    return {"merged": [tuple(row) for row in merged], "tags": tags, "read": read}


if __name__ == "__main__":
    print(json.dumps(play(sys.argv[1])))
