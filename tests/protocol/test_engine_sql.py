"""Values, names and types as engines read them; that these do is tested in `tests/flight`."""

import re
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebolt_like.errors import DataError
from firebolt_like.protocol.engine_sql import DATAFUSION, ESCAPING, SPARK, spark_literal
from firebolt_like.protocol.sql import Kind, tokens
from firebolt_like.protocol.table_ddl import create_table
from firebolt_like.protocol.types import Column, parse_type

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
NOON = datetime(2024, 7, 1, 12)
AWARE = NOON.replace(tzinfo=timezone(timedelta(hours=2)))


@given(TEXTS)
def test_text_for_spark_is_one_literal_that_reads_back(text):
    """Every quote and backslash is behind a backslash, so that nothing ends the text early."""
    literal = spark_literal(text)
    assert [token.kind for token in tokens(literal, backslash_escapes=True)] == [Kind.STRING]
    assert re.fullmatch(r"'(?:[^'\\]|\\.)*'", literal, re.DOTALL)
    assert re.sub(r"\\(.)", r"\1", literal[1:-1], flags=re.DOTALL) == text


@pytest.mark.parametrize(
    ("value", "spark", "datafusion"),
    [
        (None, "NULL", "NULL"),
        (True, "true", "true"),
        (-5, "(-5)", "(-5)"),
        (Decimal("1.50"), "CAST('1.50' AS NUMERIC(3, 2))", "CAST('1.50' AS NUMERIC(3, 2))"),
        (b"", "X''", "X''"),
        (date(1, 1, 1), "DATE '0001-01-01'", "DATE '0001-01-01'"),
        (
            NOON,
            "TIMESTAMP_NTZ '2024-07-01 12:00:00'",
            "arrow_cast('2024-07-01T12:00:00', 'Timestamp(Microsecond, None)')",
        ),
        (
            AWARE,
            "TIMESTAMP '2024-07-01 10:00:00+00:00'",
            "arrow_cast('2024-07-01T10:00:00+00:00', 'Timestamp(Microsecond, Some(\"UTC\"))')",
        ),
        ([1, ["it's"]], r"array(1, array('it\'s'))", "[1, ['it''s']]"),
        ({"a": 1}, "named_struct('a', 1)", "named_struct('a', 1)"),
    ],
    ids=repr,
)
def test_values(value, spark, datafusion):
    """Each kind of value has its literal."""
    assert SPARK.literal(value) == spark
    assert DATAFUSION.literal(value) == datafusion


def test_values_where_only_the_escapes_are_known():
    """Both a quote and a backslash are doubled."""
    assert ESCAPING.literal(["it's \\", AWARE]) == (
        r"ARRAY['it''s \\', TIMESTAMP '2024-07-01 12:00:00+02:00']"
    )


@pytest.mark.parametrize("writing", [DATAFUSION, ESCAPING, SPARK])
@pytest.mark.parametrize(
    "value",
    ["\0", "\ud800", {}, {1: 2}, object(), Decimal("nan"), NOON.astimezone(
        timezone(timedelta(microseconds=1))
    )],
    ids=ascii,
)  # fmt: skip
def test_what_would_not_arrive_is_refused(writing, value):
    """With an error, before anything is sent."""
    with pytest.raises(DataError):
        writing.literal([value])


@pytest.mark.parametrize(
    ("writing", "written"),
    [
        (
            SPARK,
            (
                "CREATE TABLE `s`.`a ``b` (`n` BIGINT NOT NULL, `x` ARRAY<DECIMAL(9, 2)>, "
                "`y` STRUCT<`f g`: STRING>, `t` TIMESTAMP_NTZ)"
            ),
        ),
        (
            DATAFUSION,
            (
                'CREATE TABLE "s"."a `b" ("n" BIGINT NOT NULL, "x" NUMERIC(9, 2)[], '
                '"y" STRUCT<"f g" TEXT>, "t" TIMESTAMP)'
            ),
        ),
    ],
)
def test_tables(writing, written):
    """Names are quoted, and types have the engine's names."""
    kinds = {
        "n": "bigint",
        "x": "array(numeric(9, 2) null) null",
        "y": "struct(`f g` text null) null",
        "t": "timestamp null",
    }
    columns = [Column(name, parse_type(kind)) for name, kind in kinds.items()]
    assert create_table(["s", "a `b"], columns, writing) == written
