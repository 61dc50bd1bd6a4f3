"""Whether a record is inside a mapping's filter, judged over whole rows on our side."""

from __future__ import annotations

from typing import Final, TypeAlias

import msgspec

from kobling.algebra.expressions import Predicate, predicate
from kobling.model.look_up import Keep, LookUps, Rejected
from kobling.model.mapping import Condition, Mapping, Side, Table
from kobling.model.pair import Missing
from kobling.model.values import BLANKS, Value, Values, is_blank

# A condition made ready: position, the values that are meant (None where the function judges), negated,
# the function. A plain tuple, as it is taken apart for every record.
_Judge: TypeAlias = tuple[int, frozenset[Value] | None, bool, Predicate, Condition]
# Filters are judged for every record of a run; a table lives as long as its mapping.
_KEPT: Final = 128
_known: Final[dict[int, tuple[Table, tuple[_Judge, ...]]]] = {}


def holds(condition: Condition, values: Values) -> bool:
    """Whether one condition holds for a record's values."""
    return _test(condition)(values[condition.position])


def outside(table: Table, values: Values) -> Condition | None:
    """The first condition that keeps the record outside, None when it is inside."""
    found = _known.get(id(table))
    ready = found[1] if found is not None and found[0] is table else _ready(table)
    for position, known, negated, test, condition in ready:
        held = values[position]
        if (held in known) is negated if known is not None else not test(held):
            return condition
    return None


def _ready(table: Table) -> tuple[_Judge, ...]:
    if len(_known) >= _KEPT:
        _known.clear()
    made = tuple(_judge(one) for one in table.conditions)
    _known[id(table)] = (table, made)
    return made


def _judge(condition: Condition) -> _Judge:
    listed = condition.test is None and not condition.entity
    known = _listed(condition) if listed else None
    return condition.position, known, condition.negated, _test(condition), condition


def _listed(condition: Condition) -> frozenset[Value]:
    known = frozenset(condition.values)
    return known | BLANKS if any(is_blank(one) for one in known) else known


def _test(condition: Condition) -> Predicate:
    if condition.test is not None:
        test = predicate(condition.test)
    else:
        known, negated = _listed(condition), condition.negated

        def test(held: Value) -> bool:
            return (held in known) is not negated

    return (lambda held: test(_entity(held))) if condition.entity else test


def _entity(held: Value) -> Value:
    """The table that a look-up to several tables points to."""
    return held.rpartition("/")[0] if isinstance(held, str) else held


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
