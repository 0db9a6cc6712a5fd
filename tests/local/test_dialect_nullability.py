"""Columns of answers that are said never to be NULL."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firebolt_like.local import LocalServer
from tests.local.conftest import Asker

_TABLES = (
    "CREATE OR REPLACE TABLE sure (id int NOT NULL, note text, s struct(id int) NOT NULL)",
    "INSERT INTO sure VALUES (1, 'a', {'id': 1}), (2, NULL, {'id': NULL})",
    'CREATE OR REPLACE TABLE other (id int NOT NULL, "Note" text NOT NULL)',
    "INSERT INTO other VALUES (2, 'b'), (3, 'c')",
    (
        "CREATE OR REPLACE VIEW joined AS SELECT sure.id, sure.note, other.id AS found"
        " FROM sure LEFT JOIN other ON sure.id = other.id"
    ),
)


@pytest.fixture(scope="module")
def ask_tables(ask_once: Asker) -> Asker:
    for sql in _TABLES:
        ask_once.answer(sql)
    return ask_once


@pytest.mark.parametrize(
    ("sql", "never"),
    [
        ("SELECT 1, -1.5, 'a', true AS t, E'\\n' x, pgdate '2020-01-01'", [True] * 6),
        (
            "SELECT 'inf'::float, CAST('1' AS numeric(9, 2)) AS n, [1]::array(int)",
            [True, True, False],
        ),
        ("SELECT NULL, 1 + 1, TRY_CAST('x' AS int), (SELECT 1), NULLIF(1, 1)", [False] * 5),
        (
            "SELECT count(*), count(id) AS n, count(DISTINCT id), sum(id) FROM sure",
            [True] * 3 + [False],
        ),
        ("SELECT id, note, ID AS other FROM sure WHERE note IS NULL", [True, False, True]),
        ("SELECT s.id, sure.id, x.id FROM sure x", [False, False, True]),
        ("SELECT *, 1 FROM sure ORDER BY id", [True, False, True, True]),
        ('SELECT "Note" FROM other AS o LIMIT 1', [True]),
        ("SELECT o.*, 1 FROM other o", [True, True, True]),
        ("SELECT other.id, 1 FROM sure LEFT JOIN other ON sure.id = other.id", [False, True]),
        ("SELECT id FROM (SELECT NULL AS id)", [False]),
        ("SELECT id, found, 1 FROM joined", [False, False, True]),
        ("WITH sure AS (SELECT NULL AS id) SELECT id FROM sure", [False]),
        ("SELECT id, count(*) FROM sure GROUP BY ROLLUP (id)", [False, True]),
        ("SELECT 1 UNION ALL SELECT NULL", [False]),
        ("VALUES (1)", [False]),
    ],
)
def test_what_is_never_null(ask_tables: Asker, sql: str, never: list[bool]) -> None:
    """Literals, counts, and NOT NULL columns of the one table that is read; no other."""
    if "x.id" in sql:
        sql = sql.replace("sure.id, ", "NULL, ")  # an alias hides the table's name
    told = [not column.type.nullable for column in ask_tables.answer(sql).columns]
    assert told == never


def test_columns_of_views_may_be_null(ask_tables: Asker) -> None:
    """Also in information_schema: what their tables say need not be true of them."""
    told = ask_tables.rows(
        "SELECT table_name, is_nullable FROM information_schema.columns"
        " WHERE table_name IN ('joined', 'sure') AND column_name = 'id' ORDER BY 1"
    )
    assert told == [("joined", "YES"), ("sure", "NO")]


_items = st.lists(
    st.sampled_from(
        [
            *(
                "id",
                "note",
                "x.id",
                "sure.id",
                "s.id",
                "s",
                "x",
                "*",
                "x.*",
                "o.id",
                '"Note"',
                "[id]",
            ),
            *("1", "'a'", "NULL", "NULL::int", "CAST(NULL AS int)", "CAST(id AS text)", "1 AS id"),
            *("count(*) OVER ()", "count(*)", "sum(id)", "max(id) id", "count(note) n", "id note"),
            *("CASE WHEN id = 1 THEN 1 END", "id + NULL", "coalesce(note, 'a')", "1::text || NULL"),
        ]
    ),
    min_size=1,
    max_size=3,
).map(", ".join)
_sources = st.sampled_from(
    [
        *("FROM joined", "FROM joined x WHERE found IS NULL"),
        *("", "FROM sure", "FROM sure x", "FROM sure AS x WHERE id = 1", "FROM sure, other"),
        *(
            "FROM sure x LEFT JOIN other o ON x.id = o.id",
            "FROM sure x FULL JOIN other o USING (id)",
        ),
        *(
            "FROM (SELECT NULL AS id, NULL AS note) x",
            "FROM sure x GROUP BY id",
            "FROM sure x LIMIT 1",
        ),
        *(
            "FROM sure GROUP BY ROLLUP (id)",
            "FROM sure GROUP BY CUBE (id)",
            "FROM sure WHERE false",
        ),
        *("FROM sure x UNION ALL SELECT NULL", "FROM sure RIGHT JOIN other o ON false"),
        *("FROM sure GROUP BY GROUPING SETS ((), (id))", "FROM sure x POSITIONAL JOIN range(9)"),
    ]
)


@settings(max_examples=300)
@given(_items, _sources)
def test_no_null_is_in_a_column_that_is_never_null(
    server: LocalServer, ask_tables: Asker, items: str, source: str
) -> None:
    """Whatever is selected from wherever."""
    reply = ask_tables.send(f"SELECT {items} {source}")
    if reply.status_code != 200:
        return
    answer = reply.json()
    for at, column in enumerate(answer["meta"]):
        if not column["type"].endswith(" null"):
            assert all(row[at] is not None for row in answer["data"]), (items, source)
