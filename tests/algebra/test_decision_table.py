"""Aim: every combination of both sides' states, direction and deletion policy comes to the action that the
rules say, and so does every combination of a field's direction, who changed it and who wins.

Method: all cases are planned by `plan_pair`; what is expected is said here in rules of its own, not read from
the table that it tests.
"""

from __future__ import annotations

from itertools import product

import msgspec
import pytest

from algebra.mappings import WIDTH, mapping
from kobling.algebra.plan import plan_pair
from kobling.model.mapping import DeletionConflict, Direction, Mapping, Side, UpdateConflict
from kobling.model.pair import Base, Kind, Pair, Record, SideState
from kobling.model.values import Values

U, C, D, OUT, X = SideState
BEFORE: dict[Side, Values] = {
    Side.LEFT: (*["before"] * (WIDTH - 1), ""),
    Side.RIGHT: (*["before"] * (WIDTH - 1), None),
}
BASE = Base(left=BEFORE[Side.LEFT], right=BEFORE[Side.RIGHT], made=("",) * (WIDTH - 1))


def record(side: Side, state: SideState) -> Record | None:
    values = list(BEFORE[side])
    if state in {D, X}:
        return None
    if state is C:
        values[0] = f"changed {side}"
    if state is OUT:
        values[-1] = "All"
    return Record(id=str(side), values=tuple(values), version="1")


def pair_of(left: SideState, right: SideState) -> Pair:
    return Pair(
        left=record(Side.LEFT, left),
        right=record(Side.RIGHT, right),
        base=BASE,
        left_deleted=left is D,
        right_deleted=right is D,
    )


def expected(left: SideState, right: SideState, direction: Direction, policy: DeletionConflict) -> Kind:
    """What the rules say: not known comes first, then deleted, then outside, then changed."""
    if X in {left, right}:
        return Kind.READ
    if D in {left, right}:
        return expected_parting(left, right, direction, policy)
    if OUT in {left, right}:
        return Kind.OUTSIDE
    if left is right is U:
        return Kind.NOTHING
    if left is right is C:
        # The same field with different values, and nobody wins: nothing to write unless one way only flows.
        return Kind.NOTHING if direction is Direction.BOTH else Kind.WRITE
    source = Side.LEFT if left is C else Side.RIGHT
    return Kind.WRITE if direction.allows(source.other) else Kind.NOTHING


def expected_parting(
    left: SideState, right: SideState, direction: Direction, policy: DeletionConflict
) -> Kind:
    if left is right is D:
        return Kind.UNCOUPLE
    if OUT in {left, right} or policy is DeletionConflict.ASK:
        return Kind.ASK
    gone = Side.LEFT if left is D else Side.RIGHT
    if policy is DeletionConflict.REMOVE_COUPLING:
        return Kind.UNCOUPLE
    kind, target = (Kind.RESTORE, gone) if policy is DeletionConflict.RESTORE else (Kind.DELETE, gone.other)
    return kind if direction.allows(target) else Kind.ASK


def narrowed(direction: Direction, **settings: object) -> Mapping:
    """The mapping with that direction, as its first row has it, too."""
    one = mapping()
    row = msgspec.structs.replace(one.rows[0], direction=direction)
    return msgspec.structs.replace(one, direction=direction, rows=(row, *one.rows[1:]), **settings)


@pytest.mark.parametrize(("left", "right"), list(product(SideState, SideState)))
def test_every_case_of_a_pair(left: SideState, right: SideState) -> None:
    for direction, policy in product(Direction, DeletionConflict):
        one = narrowed(direction, deletion_conflict=policy)
        action = plan_pair(one, pair_of(left, right), {})
        assert action.kind is expected(left, right, direction, policy), (direction, policy)
        assert action.reason or action.kind is Kind.NOTHING
        if action.kind in {Kind.READ, Kind.ASK, Kind.OUTSIDE, Kind.RESTORE, Kind.NOTHING}:
            assert action.writes == ()
        for write in action.writes:
            assert direction.allows(write.side)


def test_outside_the_filter_says_which_condition() -> None:
    for left, right in ((OUT, U), (U, OUT), (OUT, OUT), (C, OUT)):
        action = plan_pair(mapping(), pair_of(left, right), {})
        assert "outside" in action.reason


@pytest.mark.parametrize(
    ("direction", "left", "right", "policy"),
    list(product(Direction, (False, True), (False, True), UpdateConflict)),
)
def test_every_case_of_a_field(direction: Direction, left: bool, right: bool, policy: UpdateConflict) -> None:
    one = narrowed(direction, update_conflict=policy)
    action = plan_pair(one, pair_of(C if left else U, C if right else U), {})
    writes = {write.side: dict(write.values) for write in action.writes}
    changed = {Side.LEFT: left, Side.RIGHT: right}
    flowing = [side for side in Side if changed[side] and direction.allows(side.other)]
    if len(flowing) == 2:
        winner = {UpdateConflict.SEND: Side.LEFT, UpdateConflict.GET: Side.RIGHT}.get(policy)
        assert (action.contested == (one.rows[0].name,)) is (winner is None)
        flowing = [] if winner is None else [winner]
    else:
        assert action.contested == ()
    assert writes == {side.other: {0: f"changed {side}"} for side in flowing}
