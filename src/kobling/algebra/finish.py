"""Records that are finished by a second write, and what such a write does to the filter.

A service may make records in a state of its own: a new product of Sales is a draft until it is published, and
a retired one is outside the filter until it is active again. Both are the same here: the state that a row of
the moment FINISH is about to write is judged in the place of the one that stands there.
"""

from __future__ import annotations

from typing import Final

from kobling.algebra.compiled import CompiledRow, compiled
from kobling.algebra.filters import outside
from kobling.model.look_up import Keep, LookUps, Rejected
from kobling.model.mapping import Mapping, Side
from kobling.model.pair import Base, Missing, Pair, Record
from kobling.model.values import UNSET, Value, same_value

_NONE: Final[frozenset[int]] = frozenset()


def unfinished(mapping: Mapping, base: Base) -> frozenset[int]:
    """The rows that are still to finish the record that a creation made."""
    finishing = compiled(mapping).finishing
    return frozenset(at for at in finishing if base.made[at] is None) if finishing else _NONE


def returns(mapping: Mapping, pair: Pair, side: Side, look_ups: LookUps) -> bool:
    """Whether a record that is outside the filter is inside it once its finishing rows are written."""
    here, there = pair.record(side), pair.record(side.other)
    if here is None or there is None or pair.base is None or pair.target not in {None, side}:
        return False
    ready = compiled(mapping)
    values = list(here.values)
    for at in ready.finishing:
        one = ready.by_index[at]
        if _flows(one, pair, pair.base, here, there, side):
            convert = one.converter(side)
            assert convert is not None
            made = convert(there.values, look_ups)
            if not isinstance(made, Keep | Missing | Rejected):
                values[one.column(side)] = made
    return outside(mapping.table(side), tuple(values)) is None


def _flows(one: CompiledRow, pair: Pair, base: Base, here: Record, there: Record, side: Side) -> bool:
    """Whether the row is about to write to that side what nobody there has changed meanwhile."""
    if side not in one.targets or (side is Side.RIGHT and one.right in pair.held):
        return False
    if base.made[one.index] is None:
        return side is Side.RIGHT
    own, other = one.column(side), one.column(side.other)
    return _changed(base.values(side.other), there.values, other) and not _changed(
        base.values(side), here.values, own
    )


def _changed(before: tuple[Value, ...], now: tuple[Value, ...], at: int) -> bool:
    return before[at] is not UNSET and not same_value(now[at], before[at])
