"""Whether a record is inside a mapping's filter, judged over whole rows on our side."""

from __future__ import annotations

import msgspec

from kobling.algebra.expressions import predicate
from kobling.model.look_up import Keep, LookUps, Rejected
from kobling.model.mapping import Condition, Mapping, Side, Table
from kobling.model.pair import Missing
from kobling.model.values import Values, is_blank


def holds(condition: Condition, values: Values) -> bool:
    """Whether one condition holds for a record's values."""
    held = values[condition.position]
    if condition.entity and isinstance(held, str):
        held = held.rpartition("/")[0]
    if condition.test is not None:
        return predicate(condition.test)(held)
    found = held in condition.values
    if not found and is_blank(held):
        found = any(is_blank(one) for one in condition.values)
    return found is not condition.negated


def outside(table: Table, values: Values) -> Condition | None:
    """The first condition that keeps the record outside, None when it is inside."""
    for condition in table.conditions:
        if not holds(condition, values):
            return condition
    return None


def outside_words(table: Table, condition: Condition) -> str:
    """That the condition keeps a record of the table outside, in words."""
    return f"{table.caption} is outside: not {condition.text}"


def bind(mapping: Mapping, look_ups: LookUps) -> Mapping:
    """The mapping with the answers of its conditions' sources put in; a condition without an answer goes."""
    left, right = (_bound(mapping.table(side), side, look_ups) for side in Side)
    return msgspec.structs.replace(mapping, left=left, right=right)


def _bound(table: Table, side: Side, look_ups: LookUps) -> Table:
    conditions = []
    for one in table.conditions:
        if one.source:
            answer = look_ups.get((one.source, side, ""))
            if answer is None or isinstance(answer, Keep | Missing | Rejected):
                continue
            one = msgspec.structs.replace(one, values=(*one.values, answer))
        conditions.append(one)
    return msgspec.structs.replace(table, conditions=tuple(conditions))
