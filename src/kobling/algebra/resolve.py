"""The decision table of a pair: every case of the two sides and of one field. Nothing else decides.

Theory of operation. The base of a pair says, for each side in its own raw form, what it held when each
field was last settled. A side has changed in a field only if its raw value differs from its own base, or an
input of the field does. So a text that the other side cuts, a code that it upper-cases or a template that it
lets win is no change, and nothing is sent back. Left is never compared with right, except to see that both
agree.

First `PAIR` is asked with the state of both sides. Where it answers MERGE, `FIELD` is asked for each row with
the row's direction and who changed it. This file does not know which service is left, so both sides get the
same rules.
"""

from __future__ import annotations

from enum import StrEnum
from itertools import product
from typing import Final

from kobling.model.mapping import Direction, Side
from kobling.model.pair import SideState


class Verdict(StrEnum):
    """What happens to the pair."""

    NOTHING = "neither side changed"
    MERGE = "the changed fields are settled one by one"
    OUTSIDE = "one side is outside the filter; the pair rests and is merged when it returns"
    DELETION = "one record is deleted; the deletion policy decides"
    ASK_DELETION = "one record is deleted and the other is outside the filter; a person decides"
    BOTH_DELETED = "both records are deleted; the coupling goes"
    READ = "one side is not known; it is read before anything is decided"


class FieldVerdict(StrEnum):
    """What happens to one field of a pair that is merged."""

    __hash__ = str.__hash__

    KEEP = "neither side changed it"
    TO_RIGHT = "left's value goes to right"
    TO_LEFT = "right's value goes to left"
    DRIFT = "only its destination changed; it is overwritten at the next change of its source"
    CONTEST = "both sides changed it"


_U, _C, _D, _O, _X = SideState
PAIR: Final[dict[tuple[SideState, SideState], Verdict]] = {
    (_U, _U): Verdict.NOTHING,
    (_U, _C): Verdict.MERGE,
    (_U, _D): Verdict.DELETION,
    (_U, _O): Verdict.OUTSIDE,
    (_U, _X): Verdict.READ,
    (_C, _U): Verdict.MERGE,
    (_C, _C): Verdict.MERGE,
    (_C, _D): Verdict.DELETION,
    (_C, _O): Verdict.OUTSIDE,
    (_C, _X): Verdict.READ,
    (_D, _U): Verdict.DELETION,
    (_D, _C): Verdict.DELETION,
    (_D, _D): Verdict.BOTH_DELETED,
    (_D, _O): Verdict.ASK_DELETION,
    (_D, _X): Verdict.READ,
    (_O, _U): Verdict.OUTSIDE,
    (_O, _C): Verdict.OUTSIDE,
    (_O, _D): Verdict.ASK_DELETION,
    (_O, _O): Verdict.OUTSIDE,
    (_O, _X): Verdict.READ,
    (_X, _U): Verdict.READ,
    (_X, _C): Verdict.READ,
    (_X, _D): Verdict.READ,
    (_X, _O): Verdict.READ,
    (_X, _X): Verdict.READ,
}

# (direction of the row, left changed, right changed)
FIELD: Final[dict[tuple[Direction, bool, bool], FieldVerdict]] = {
    (Direction.BOTH, False, False): FieldVerdict.KEEP,
    (Direction.BOTH, True, False): FieldVerdict.TO_RIGHT,
    (Direction.BOTH, False, True): FieldVerdict.TO_LEFT,
    (Direction.BOTH, True, True): FieldVerdict.CONTEST,
    (Direction.TO_RIGHT, False, False): FieldVerdict.KEEP,
    (Direction.TO_RIGHT, True, False): FieldVerdict.TO_RIGHT,
    (Direction.TO_RIGHT, False, True): FieldVerdict.DRIFT,
    (Direction.TO_RIGHT, True, True): FieldVerdict.TO_RIGHT,
    (Direction.TO_LEFT, False, False): FieldVerdict.KEEP,
    (Direction.TO_LEFT, True, False): FieldVerdict.DRIFT,
    (Direction.TO_LEFT, False, True): FieldVerdict.TO_LEFT,
    (Direction.TO_LEFT, True, True): FieldVerdict.TO_LEFT,
}

assert set(PAIR) == set(product(SideState, SideState)), "a case of the pair is missing"
assert set(FIELD) == set(product(Direction, (False, True), (False, True))), "a case of the field is missing"

FLOW: Final = {FieldVerdict.TO_RIGHT: Side.RIGHT, FieldVerdict.TO_LEFT: Side.LEFT}
