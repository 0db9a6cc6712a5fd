"""Views of information_schema are found however they are spelled, and only there."""

import duckdb
import pytest

from firebolt_like.local.information_schema import InformationSchema, Session, View
from firebolt_like.protocol.sql import Statement

_VIEWS = InformationSchema(
    {
        "engines": View({"engine_name": "text", "nodes": "integer"}, lambda _: [("a", 1)]),
        "nothing": View({"at": "timestamptz", "rate": "numeric"}, lambda _: []),
    }
)


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT engine_name FROM information_schema.engines", [("a",)]),
        ("SELECT engines.nodes FROM INFORMATION_SCHEMA . Engines", [(1,)]),
        ('SELECT e.nodes FROM "information_schema"."engines" e', [(1,)]),
        ("SELECT information_schema.engines.nodes FROM information_schema.engines", [(1,)]),
        ("SELECT * FROM information_schema.nothing", []),
        ("SELECT 'information_schema.engines' -- information_schema.engines", None),
        ("SELECT count(*) > 0 FROM information_schema.schemata", [(True,)]),
    ],
)
def test_a_statement_gets_the_views_it_names(sql: str, expected: list[object] | None) -> None:
    """In any case of letters, quoted or not; strings, comments and other views stay as they are."""
    with duckdb.connect() as cursor:
        session = Session(cursor, "memory", "system")
        prepared, names = _VIEWS.prepare(Statement(sql, 0), session)
        assert len(prepared.text) == len(sql)
        if expected is None:
            assert prepared.text == sql
        else:
            assert cursor.execute(prepared.text).fetchall() == expected
        _VIEWS.forget(cursor, names)
        left = cursor.execute(
            "SELECT view_name FROM duckdb_views() WHERE temporary AND NOT internal"
        )
        assert left.fetchall() == []
