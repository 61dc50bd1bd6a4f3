"""The plan converges, is idempotent and symmetric, and writes only what differs and may be written.

Method: Hypothesis edits both sides of a settled pair, the plan is carried out, the pair is looked at.
"""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from algebra.drawn import light
from algebra.mappings import (
    DIRECTIONS,
    World,
    left_values,
    look_up_mapping,
    mapping,
    right_values,
    settled,
)
from kobling.algebra.create import plan_create
from kobling.algebra.plan import plan_pair
from kobling.model.mapping import DeletionConflict, Direction, Mapping, Side, UpdateConflict
from kobling.model.pair import Base, Kind, Pair, Record
from kobling.model.values import Values, same_value


@st.composite
def edited(draw: st.DrawFn) -> World:
    """A pair that was in step, then edited on either side."""
    start = draw(left_values)
    left, right = draw(left_values), draw(right_values)
    base = settled(start, tuple(value or None for value in start))
    return World(left=left, right=right, base=base)


@light
@given(edited(), st.sampled_from(UpdateConflict))
def test_a_second_plan_writes_nothing(world: World, policy: UpdateConflict) -> None:
    one = mapping(policy)
    first = world.plan(one)
    world.carry_out(first)
    second = world.plan(one)
    assert second.writes == ()
    assert second.contested == first.contested


@light
@given(edited(), st.sampled_from([UpdateConflict.SEND, UpdateConflict.GET]))
def test_with_a_policy_the_bidirectional_fields_agree(world: World, policy: UpdateConflict) -> None:
    one = mapping(policy)
    action = world.plan(one)
    world.carry_out(action)
    assert action.contested == ()
    for index, direction in enumerate(DIRECTIONS):
        if direction is Direction.BOTH:
            assert same_value(world.left[index], world.right[index])


@light
@given(edited())
def test_without_a_policy_only_fields_changed_on_both_sides_are_contested(world: World) -> None:
    one = mapping()
    left, right, base = world.left, world.right, world.base
    action = world.plan(one)
    world.carry_out(action)
    for index, direction in enumerate(DIRECTIONS):
        changed_left = not same_value(left[index], base.left[index])
        changed_right = not same_value(right[index], base.right[index])
        expected = (
            direction is Direction.BOTH
            and changed_left
            and changed_right
            and not same_value(left[index], right[index])
        )
        assert (f"F {index}" in action.contested) is expected
        if expected:
            assert (world.left[index], world.right[index]) == (left[index], right[index])


@light
@given(edited(), st.sampled_from(UpdateConflict))
def test_only_differing_and_allowed_fields_are_written(world: World, policy: UpdateConflict) -> None:
    one = mapping(policy)
    before = {Side.LEFT: world.left, Side.RIGHT: world.right}
    for write in world.plan(one).writes:
        for position, value in write.values:
            assert one.rows[position].direction.allows(write.side)
            assert not same_value(value, before[write.side][position])


def _mirrored(one: Mapping) -> Mapping:
    turned = {
        Direction.BOTH: Direction.BOTH,
        Direction.TO_LEFT: Direction.TO_RIGHT,
        Direction.TO_RIGHT: Direction.TO_LEFT,
    }
    policy = {
        UpdateConflict.SEND: UpdateConflict.GET,
        UpdateConflict.GET: UpdateConflict.SEND,
        UpdateConflict.ASK: UpdateConflict.ASK,
    }
    rows = tuple(
        type(row)(name=row.name, left=row.right, right=row.left, direction=turned[row.direction])
        for row in one.rows
    )
    return Mapping(
        name=one.name,
        left=one.right,
        right=one.left,
        direction=turned[one.direction],
        rows=rows,
        update_conflict=policy[one.update_conflict],
    )


@light
@given(edited(), st.sampled_from(UpdateConflict))
def test_swapping_the_sides_mirrors_the_result(world: World, policy: UpdateConflict) -> None:
    one = mapping(policy)
    mirror = World(
        left=world.right,
        right=world.left,
        base=Base(left=world.base.right, right=world.base.left, made=world.base.made),
    )
    there, back = world.plan(one), mirror.plan(_mirrored(one))
    assert {(write.side, write.values) for write in there.writes} == {
        (write.side.other, write.values) for write in back.writes
    }
    assert there.contested == back.contested


@light
@given(left_values, st.integers(min_value=1, max_value=4))
def test_a_text_that_the_other_side_cuts_does_not_bounce(values: Values, maximum: int) -> None:
    one = mapping(right_maximum=maximum)
    created = plan_create(one, Record(id="l", values=values), Side.RIGHT, {})
    assert created.base is not None
    world = World(left=values, right=created.base.right, base=created.base)
    assert world.plan(one).writes == ()


@light
@given(st.text(alphabet="aÅ1", min_size=1))
def test_a_look_up_that_is_not_coupled_waits_and_goes_through_later(name: str) -> None:
    one = look_up_mapping()
    values = (name, "", "", "", "", "")
    created = plan_create(one, Record(id="l", values=values), Side.RIGHT, {})
    assert created.kind is Kind.CREATE
    assert [trouble.missing.key for trouble in created.waiting if trouble.missing] == [name]
    assert created.base is not None
    world = World(left=values, right=created.base.right, base=created.base)
    pair = Pair(
        left=Record(id="l", values=world.left),
        right=Record(id="r", values=world.right),
        base=world.base,
        woken=True,
    )
    still = plan_pair(one, pair, {})
    assert still.writes == ()
    assert still.waiting
    arrived = plan_pair(one, pair, {("PEOPLE", Side.RIGHT, name): "id-of-name"})
    assert [write.values for write in arrived.writes] == [((0, "id-of-name"),)]


def _pair(left: Record | None, right: Record | None, base: Base, **deleted: bool) -> Pair:
    return Pair(left=left, right=right, base=base, **deleted)


VALUES: Values = ("a", "", "", "", "", "")
BLOCKED: Values = ("b", "", "", "", "", "All")
IN_STEP = settled(VALUES, ("a", None, None, None, None, None))
RIGHT = Record(id="r", values=IN_STEP.right)


def test_a_record_outside_the_filter_is_not_written_and_is_merged_on_return() -> None:
    one = mapping()
    assert plan_pair(one, _pair(Record(id="l", values=BLOCKED), RIGHT, IN_STEP), {}).kind is Kind.OUTSIDE
    back = Record(id="l", values=(*BLOCKED[:-1], ""))
    assert plan_pair(one, _pair(back, RIGHT, IN_STEP), {}).kind is Kind.WRITE


@pytest.mark.parametrize(
    ("policy", "kind"),
    [
        (DeletionConflict.ASK, Kind.ASK),
        (DeletionConflict.RESTORE, Kind.RESTORE),
        (DeletionConflict.REMOVE_COUPLING, Kind.UNCOUPLE),
        (DeletionConflict.DELETE, Kind.DELETE),
    ],
)
def test_the_deletion_policy_decides(policy: DeletionConflict, kind: Kind) -> None:
    one = mapping()
    chosen = Mapping(
        name="T",
        left=one.left,
        right=one.right,
        direction=one.direction,
        rows=one.rows,
        deletion_conflict=policy,
    )
    assert plan_pair(chosen, _pair(None, RIGHT, IN_STEP, left_deleted=True), {}).kind is kind


def test_both_deleted_ends_the_coupling() -> None:
    pair = _pair(None, None, IN_STEP, left_deleted=True, right_deleted=True)
    assert plan_pair(mapping(), pair, {}).kind is Kind.UNCOUPLE


def test_an_unknown_side_is_read_first() -> None:
    assert plan_pair(mapping(), _pair(None, RIGHT, IN_STEP), {}).kind is Kind.READ


GROUP = (0, 1, 2)


def grouped(policy: UpdateConflict) -> Mapping:
    """The mapping whose fields of both directions are one merge group."""
    one = mapping(policy)
    rows = [
        msgspec.structs.replace(row, group="group") if index in GROUP else row
        for index, row in enumerate(one.rows)
    ]
    return msgspec.structs.replace(one, rows=tuple(rows))


@light
@given(edited(), st.sampled_from(UpdateConflict))
def test_a_merge_group_is_never_half_of_each_side(world: World, policy: UpdateConflict) -> None:
    def held(values: Values) -> list[object]:
        return [values[index] or None for index in GROUP]

    before = [held(world.left), held(world.right)]
    action = world.plan(grouped(policy))
    world.carry_out(action)
    after = [held(world.left), held(world.right)]
    assert all(one in before for one in after)
    if policy is not UpdateConflict.ASK:
        assert after[0] == after[1]
    assert (after[0] == after[1]) is not ("group" in action.contested)
    again = world.plan(grouped(policy))
    assert (again.writes, again.contested) == ((), action.contested)


@light
@given(left_values, right_values, st.integers(min_value=1, max_value=4))
def test_the_end_of_a_cut_text_is_never_lost_unasked(values: Values, edits: Values, maximum: int) -> None:
    one = mapping(right_maximum=maximum)
    created = plan_create(one, Record(id="l", values=values), Side.RIGHT, {})
    assert created.base is not None
    edited_right = tuple(
        edit if direction is Direction.BOTH else held
        for direction, edit, held in zip((*DIRECTIONS, None), edits, created.base.right, strict=True)
    )
    world = World(left=values, right=edited_right, base=created.base)
    action = world.plan(one)
    world.carry_out(action)
    for index, direction in enumerate(DIRECTIONS):
        if direction is not Direction.BOTH:
            continue
        was_cut = not same_value(created.base.right[index], values[index])
        whole = same_value(edited_right[index], values[index])
        changed = not same_value(edited_right[index], created.base.right[index]) and not whole
        if was_cut:
            assert world.left[index] == values[index]
            assert (f"F {index}" in action.contested) is changed
        else:
            assert same_value(world.left[index], edited_right[index])
