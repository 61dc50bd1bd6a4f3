"""Aim: what a creation leaves to a second write is written once the record is there, and may bring a record
back inside the filter; nobody else's state is overruled by it."""

from __future__ import annotations

import pytest

from kobling.algebra.create import plan_create
from kobling.algebra.plan import plan_pair
from kobling.model.mapping import (
    Column,
    Condition,
    Conversion,
    Direction,
    FieldRow,
    Mapping,
    Moment,
    Side,
    Table,
)
from kobling.model.pair import Action, Base, Kind, Pair, Record, Write
from kobling.model.values import Value, Values

STATES = {("STATES", Side.RIGHT, str(key)): value for key, value in ((True, 1), (False, 0))} | {
    ("STATES", Side.LEFT, str(key)): value for key, value in ((0, False), (1, True), (2, True))
}
ACTIVE, RETIRED, DRAFT = 0, 1, 2


def _table(name: str, second: Column, position: int, inside: Value) -> Table:
    columns = (Column(name="name", caption="Name", blank=""), second)
    condition = Condition(position=position, name=second.name, values=(inside,), text="it takes part")
    return Table(name=name, caption=name, route=name, columns=columns, conditions=(condition,))


def mapping(direction: Direction = Direction.BOTH) -> Mapping:
    return Mapping(
        name="TEST",
        left=_table("left", Column(name="blocked", caption="Blocked", blank=False), 1, False),
        right=_table("right", Column(name="state", caption="State"), 1, ACTIVE),
        direction=direction,
        rows=(
            FieldRow(name="Name", left=0, right=0, direction=direction),
            FieldRow(
                name="Blocked",
                left=1,
                right=1,
                direction=direction,
                moment=Moment.FINISH,
                conversion=Conversion(kind="look_up", source="STATES"),
            ),
        ),
    )


def plan(left: Values, right: Values, base: Base, target: Side | None = None) -> Action:
    pair = Pair(
        left=Record(id="l", values=left), right=Record(id="r", values=right), base=base, target=target
    )
    return plan_pair(mapping(), pair, STATES)


def in_step(left: Values, right: Values) -> Base:
    return Base(left=left, right=right, made=("", STATES["STATES", Side.RIGHT, str(left[1])]))


def test_a_creation_leaves_the_state_to_a_second_write() -> None:
    action = plan_create(mapping(), Record(id="l", values=("A", False)), Side.RIGHT, STATES)
    assert action.writes == (Write(side=Side.RIGHT, values=((0, "A"),)),)
    assert action.base is not None
    assert action.base.made[1] is None
    second = plan(("A", False), ("A", DRAFT), action.base)
    assert second.writes == (Write(side=Side.RIGHT, values=((1, ACTIVE),)),)
    assert second.base is not None
    third = plan(("A", False), ("A", ACTIVE), second.base)
    assert third.kind is Kind.NOTHING


def test_a_creation_on_the_left_holds_the_state_from_the_start() -> None:
    action = plan_create(mapping(), Record(id="r", values=("A", ACTIVE)), Side.LEFT, STATES)
    assert action.base is not None
    assert None not in action.base.made
    assert plan(("A", False), ("A", ACTIVE), action.base).kind is Kind.NOTHING


def test_a_run_to_the_left_leaves_the_unfinished_for_later() -> None:
    created = plan_create(mapping(), Record(id="l", values=("A", False)), Side.RIGHT, STATES)
    assert created.base is not None
    assert plan(("A", False), ("A", DRAFT), created.base, Side.LEFT).kind is Kind.OUTSIDE


@pytest.mark.parametrize(
    ("left", "right", "base", "written"),
    [
        # Unblocked: the product that was retired with it returns.
        (("A", False), ("A", RETIRED), in_step(("A", True), ("A", RETIRED)), {Side.RIGHT: (1, ACTIVE)}),
        # Active again: what was blocked with it returns.
        (("A", True), ("A", ACTIVE), in_step(("A", True), ("A", RETIRED)), {Side.LEFT: (1, False)}),
        # Retired by a person, whatever else is edited on the left.
        (("B", False), ("A", RETIRED), in_step(("A", False), ("A", ACTIVE)), {}),
        # Blocked by a person, whatever else is edited on the right.
        (("A", True), ("B", ACTIVE), in_step(("A", False), ("A", ACTIVE)), {}),
        # A draft that nobody of us made.
        (("B", False), ("A", DRAFT), in_step(("A", False), ("A", ACTIVE)), {}),
        # Both changed: a person's state is not overruled.
        (("A", False), ("A", DRAFT), in_step(("A", True), ("A", RETIRED)), {}),
    ],
)
def test_only_what_the_other_side_has_just_changed_brings_a_record_back(
    left: Values, right: Values, base: Base, written: dict[Side, tuple[int, Value]]
) -> None:
    action = plan(left, right, base)
    assert {one.side: one.values[0] for one in action.writes} == written
    assert action.kind is (Kind.WRITE if written else Kind.OUTSIDE)


@pytest.mark.parametrize("target", [Side.LEFT, Side.RIGHT])
def test_a_record_returns_only_in_a_run_that_may_write_it(target: Side) -> None:
    action = plan(("A", False), ("A", RETIRED), in_step(("A", True), ("A", RETIRED)), target)
    assert action.kind is (Kind.WRITE if target is Side.RIGHT else Kind.OUTSIDE)
