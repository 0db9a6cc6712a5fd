"""The features of `features`, in the form in which SQLAlchemy's compliance suite asks for them."""

from sqlalchemy.testing import exclusions
from sqlalchemy.testing.requirements import SuiteRequirements

from tests.sqlalchemy.compliance.features import OFF, ON


class Requirements(SuiteRequirements):
    """SQLAlchemy's own list of features, with the tables above applied."""

    def get_order_by_collation(self, config):
        return "nocase"


for _name in ON:
    setattr(Requirements, _name, property(lambda _: exclusions.open()))
for _name in OFF:
    setattr(Requirements, _name, property(lambda _: exclusions.closed()))
