"""Small mappings and a world of two dictionaries, for the properties of the algebra."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st

from kobling.algebra.plan import plan_pair
from kobling.model.mapping import (
    Column,
    Condition,
    Conversion,
    Direction,
    FieldRow,
    Mapping,
    Side,
    Table,
    UpdateConflict,
)
from kobling.model.pair import Action, Base, Pair, Record
from kobling.model.values import Value, Values

DIRECTIONS = (Direction.BOTH, Direction.BOTH, Direction.BOTH, Direction.TO_RIGHT, Direction.TO_LEFT)
WIDTH = len(DIRECTIONS) + 1  # the last column holds the filter
LOOK_UPS = {("PEOPLE", Side.RIGHT, "ANN"): "1" * 8, ("PEOPLE", Side.LEFT, "1" * 8): "ANN"}


def mapping(policy: UpdateConflict = UpdateConflict.ASK, right_maximum: int | None = None) -> Mapping:
    """Five rows of all directions; the right side may be shorter than the left."""

    def table(name: str, blank: Value, maximum: int | None) -> Table:
        columns = tuple(
            Column(name=f"f{index}", caption=f"F {index}", blank=blank, maximum=maximum)
            for index in range(WIDTH)
        )
        condition = Condition(position=WIDTH - 1, name="blocked", values=(blank,))
        return Table(name=name, caption=name, route=name, columns=columns, conditions=(condition,))

    rows = tuple(
        FieldRow(name=f"F {index}", left=index, right=index, direction=direction)
        for index, direction in enumerate(DIRECTIONS)
    )
    return Mapping(
        name="TEST",
        left=table("left", "", None),
        right=table("right", None, right_maximum),
        direction=Direction.BOTH,
        rows=rows,
        update_conflict=policy,
    )


def look_up_mapping() -> Mapping:
    """One bidirectional, clearable look-up."""
    one = mapping()
    conversion = Conversion(kind="look_up", source="PEOPLE")
    row = FieldRow(
        name="Seller", left=0, right=0, direction=Direction.BOTH, conversion=conversion, clear_on_failed=True
    )
    return Mapping(name="TEST", left=one.left, right=one.right, direction=Direction.BOTH, rows=(row,))


texts = st.one_of(st.just(""), st.text(alphabet="aÅ😀 ", max_size=6))
left_values = st.tuples(*[texts] * (WIDTH - 1)).map(lambda values: (*values, ""))
right_values = st.tuples(*[texts.map(lambda text: text or None)] * (WIDTH - 1)).map(
    lambda values: (*values, None)
)


@dataclass
class World:
    """A pair as two services hold it, and the base that we hold."""

    left: Values
    right: Values
    base: Base

    def plan(self, one: Mapping) -> Action:
        pair = Pair(
            left=Record(id="l", values=self.left), right=Record(id="r", values=self.right), base=self.base
        )
        return plan_pair(one, pair, LOOK_UPS)

    def carry_out(self, action: Action) -> None:
        for write in action.writes:
            held = list(self.left if write.side is Side.LEFT else self.right)
            for position, value in write.values:
                held[position] = value
            if write.side is Side.LEFT:
                self.left = tuple(held)
            else:
                self.right = tuple(held)
        if action.base is not None:
            self.base = action.base


def settled(left: Values, right: Values) -> Base:
    """A base that says both sides were settled as they are."""
    made = tuple(
        (right[index] if direction is not Direction.TO_LEFT else left[index])
        for index, direction in enumerate(DIRECTIONS)
    )
    return Base(left=left, right=right, made=made)
