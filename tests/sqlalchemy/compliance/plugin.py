"""What pytest loads before SQLAlchemy's compliance suite, beside SQLAlchemy's own plugin.

What may live here: the preparations, and the leaving out of single tests.
"""

import pytest
from sqlalchemy.testing import provision

from tests.sqlalchemy.compliance.features import LEFT_OUT


@provision.temp_table_keyword_args.for_db("firebolt_like", "datafusion")
def _temporary_tables(config, engine):
    """They are asked for even where the tests of temporary tables are switched off."""
    return {"prefixes": ["TEMPORARY"]}


def pytest_collection_modifyitems(items):
    """Skip what is left out."""
    for item in items:
        for part, reason in LEFT_OUT.items():
            if part in item.name:
                item.add_marker(pytest.mark.skip(reason=reason))
