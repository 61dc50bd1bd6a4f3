"""Whether a record is inside a mapping's filter, judged over whole rows on our side."""

from __future__ import annotations

from kobling.model.mapping import Condition, Table
from kobling.model.values import Values, same_value


def holds(condition: Condition, values: Values) -> bool:
    """Whether one condition holds for a record's values."""
    held = values[condition.position]
    return any(same_value(held, wanted) for wanted in condition.values) is not condition.negated


def outside(table: Table, values: Values) -> Condition | None:
    """The first condition that keeps the record outside, None when it is inside."""
    return next((one for one in table.conditions if not holds(one, values)), None)
