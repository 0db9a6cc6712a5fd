"""What tests/peers/test_firebolt_sqlalchemy.py has the public dialect do, its answers as JSON.

This runs in an environment that has firebolt-sqlalchemy, and neither pytest nor this package.
"""

import json
import sys
from typing import Any

from sqlalchemy import (
    Column,
    Integer,
    MetaData,
    String,
    Table,
    create_engine,
    func,
    inspect,
    select,
    text,
)

TABLE = "CREATE TABLE people (id INT NOT NULL, name TEXT, wage NUMERIC(9, 2), tags ARRAY(TEXT))"


def play(url: str) -> Any:
    engine = create_engine(f"firebolt://firebolt?url={url}")
    with engine.connect() as connection:
        connection.execute(text(TABLE))
        connection.execute(text("INSERT INTO people VALUES (1, 'Ada', 1.50, ['x', 'y'])"))
        connection.execute(text("CREATE VIEW names AS SELECT name FROM people"))
        inspector = inspect(connection)
        known = MetaData()
        people = Table("people", known, autoload_with=connection)
        made = Table("made", known, Column("a", Integer), Column("b", String))
        made.create(connection)
        connection.execute(made.insert(), [{"a": 1, "b": "it's"}, {"a": 2, "b": "\\"}])
        query = select(made.c.b).where(made.c.a > 0).order_by(made.c.a.desc()).limit(2)
        counted = select(func.count()).select_from(people).where(people.c.name.in_(["Ada", "x"]))
        found = {
            "columns": [
                [column["name"], str(column["type"])] for column in inspector.get_columns("people")
            ],
            "tables": sorted(inspector.get_table_names(schema="public")),
            "has": [inspector.has_table("people"), inspector.has_table("nix")],
            "row": [str(value) for value in connection.execute(select(people)).one()],
            "rows": [row.b for row in connection.execute(query)],
            "count": connection.execute(counted).scalar_one(),
        }
        made.drop(connection)
    engine.dispose()
    return found


if __name__ == "__main__":
    print(json.dumps(play(sys.argv[1])))
