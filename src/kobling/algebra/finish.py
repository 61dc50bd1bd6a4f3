"""Records that are finished by a second write, and what such a write does to the filter.

A service may make records in a state of its own: a new product of Sales is a draft until it is published, and
a retired one is outside the filter until it is active again. Both are the same here: the state that a row of
the moment FINISH is about to write is judged in the place of the one that stands there. A record that such a
state closes, a paid invoice, takes nothing but another state.
"""

from __future__ import annotations

from typing import Final

from kobling.algebra.compiled import CompiledRow, compiled
from kobling.algebra.filters import holds, outside
from kobling.algebra.gates import shut_out
from kobling.model.look_up import Keep, LookUps, Rejected
from kobling.model.mapping import Mapping, Side
from kobling.model.pair import Action, Base, Kind, Missing, Pair, Record, Write
from kobling.model.values import UNSET, Value, same_value

_NONE: Final[frozenset[int]] = frozenset()


def unfinished(mapping: Mapping, base: Base) -> frozenset[int]:
    """The rows that are still to finish the record that a creation made."""
    finishing = compiled(mapping).finishing
    return frozenset(at for at in finishing if base.made[at] is None) if finishing else _NONE


def returns(mapping: Mapping, pair: Pair, side: Side, look_ups: LookUps) -> bool:
    """Whether a record that is outside the filter is inside it once its finishing rows are written."""
    here = pair.record(side)
    if here is None:
        return False
    values = list(here.values)
    for index, made in _about_to_write(mapping, pair, side, look_ups).items():
        values[compiled(mapping).by_index[index].column(side)] = made
    return outside(mapping.table(side), tuple(values)) is None


def closed(mapping: Mapping, pair: Pair, look_ups: LookUps, reason: str) -> Action | None:
    """What a record on the right takes that only its own state keeps outside: another state, else None."""
    left, right, base = pair.left, pair.right, pair.base
    if left is None or right is None or base is None or outside(mapping.left, left.values) is not None:
        return None
    ready = compiled(mapping)
    states = {ready.by_index[at].right for at in ready.finishing}
    shut = [one.position for one in mapping.right.conditions if not holds(one, right.values)]
    if not states.issuperset(shut) or shut_out(mapping, left.values, Side.LEFT, look_ups) is not None:
        return None
    news = _about_to_write(mapping, pair, Side.RIGHT, look_ups)
    return _another_state(mapping, base, right, news, reason) if news else None


def _another_state(
    mapping: Mapping, base: Base, right: Record, news: dict[int, Value], reason: str
) -> Action:
    rows, held, made = compiled(mapping).by_index, list(base.right), list(base.made)
    values = {rows[index].right: value for index, value in news.items()}
    for index, value in news.items():
        held[rows[index].right], made[index] = value, value
    changed = tuple((at, one) for at, one in sorted(values.items()) if not same_value(one, right.values[at]))
    return Action(
        kind=Kind.OUTSIDE,
        writes=(Write(side=Side.RIGHT, values=changed),) if changed else (),
        base=Base(left=base.left, right=tuple(held), made=tuple(made)),
        reason=reason,
    )


def _about_to_write(mapping: Mapping, pair: Pair, side: Side, look_ups: LookUps) -> dict[int, Value]:
    """What the finishing rows are about to write to that side, by row."""
    here, there = pair.record(side), pair.record(side.other)
    if here is None or there is None or pair.base is None or pair.target not in {None, side}:
        return {}
    ready = compiled(mapping)
    found: dict[int, Value] = {}
    for at in ready.finishing:
        one = ready.by_index[at]
        if side not in one.targets or (side is Side.RIGHT and one.right in pair.held):
            continue
        convert = one.converter(side)
        assert convert is not None
        made = convert(there.values, look_ups)
        if isinstance(made, Keep | Missing | Rejected):
            continue
        if _flows(one, pair.base, here, there, side, made):
            found[at] = made
    return found


def _flows(one: CompiledRow, base: Base, here: Record, there: Record, side: Side, made: Value) -> bool:
    """Whether the row makes something new of its source that nobody has changed there meanwhile."""
    before = base.made[one.index]
    if before is None:
        return side is Side.RIGHT
    own, other = one.column(side), one.column(side.other)
    anew = side is one.forward and before is not UNSET and not same_value(made, before)
    source = other >= 0 and _changed(base.values(side.other), there.values, other)
    return (anew or source) and not _changed(base.values(side), here.values, own)


def _changed(before: tuple[Value, ...], now: tuple[Value, ...], at: int) -> bool:
    return before[at] is not UNSET and not same_value(now[at], before[at])
