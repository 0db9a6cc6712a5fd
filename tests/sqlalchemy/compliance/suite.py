"""SQLAlchemy's own tests of dialects; `test_compliance` runs them in a process of their own.

What may live here: the tests, and what they have to be told about this engine.
"""

from unittest import mock

from sqlalchemy.testing import suite
from sqlalchemy.testing.suite import *  # noqa: F403  # that is how SQLAlchemy hands them out

from firebolt_like.dbapi.flight_result import FlightResult
from firebolt_like.dbapi.result import StreamedResult


class CTETest(suite.CTETest):
    @classmethod
    def define_tables(cls, metadata):
        """DuckDB deletes no row to which another row of its table refers, even both together."""
        super().define_tables(metadata)
        table = metadata.tables["some_table"]
        for constraint in list(table.foreign_key_constraints):
            table.constraints.discard(constraint)


def without_names(expected):
    """Allow any name: DuckDB keeps none of constraints."""
    for constraints in expected.values():
        for constraint in constraints:
            constraint["name"] = mock.ANY
    return expected


class ComponentReflectionTest(suite.ComponentReflectionTest):
    def exp_ccs(self, *args, **kwargs):
        return without_names(super().exp_ccs(*args, **kwargs))

    def exp_ucs(self, *args, **kwargs):
        return without_names(super().exp_ucs(*args, **kwargs))


class JoinTest(suite.JoinTest):
    run_deletes = None  # DuckDB deletes no row in the transaction that deleted its last reference
    run_inserts = "once"


class ServerSideCursorsTest(suite.ServerSideCursorsTest):
    def _is_server_side(self, cursor):
        driver_cursor = getattr(cursor, "_cursor", cursor)
        return isinstance(driver_cursor._core.result, StreamedResult | FlightResult)
