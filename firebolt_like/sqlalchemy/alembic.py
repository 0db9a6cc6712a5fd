"""Alembic's migrations; Alembic 1.18 and later finds this by an entry point, others import it.

What may live here: the implementation that Alembic wants of each dialect.
"""

from typing import Any

from alembic.ddl.impl import DefaultImpl

__all__ = ["FireboltLikeImpl", "setup"]


class FireboltLikeImpl(DefaultImpl):
    """Migrates and compares tables; DDL is part of the transaction."""

    __dialect__ = "firebolt_like"
    transactional_ddl = True

    def correct_for_autogen_constraints(
        self, conn_uniques: Any, conn_indexes: Any, metadata_unique_constraints: Any, *args: Any
    ) -> None:
        """Let constraints of the same columns be the same: the engine keeps no names of them."""
        found = {_columns(constraint): constraint for constraint in conn_uniques}
        for wanted in list(metadata_unique_constraints):
            if same := found.get(_columns(wanted)):
                conn_uniques.discard(same)
                metadata_unique_constraints.discard(wanted)


def _columns(constraint: Any) -> frozenset[str]:
    return frozenset(column.name for column in constraint.columns)


def setup(plugin: Any) -> None:
    """Do nothing more for Alembic's plugin: the class above is known when it is made."""
