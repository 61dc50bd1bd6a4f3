"""Aim: whatever people do on both sides, no value of theirs disappears without a word.

Method: a history of edits and plans over services that cut, upper-case or rewrite what they are given. Beside
it runs a model that knows only who edited what since the field was last settled.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from algebra.drawn import KINDS, Drawn, Service, heavy, held, in_step, value_of
from kobling.algebra.transform import convert
from kobling.model.mapping import Column, Direction, FieldRow, Side, UpdateConflict
from kobling.model.pair import Action
from kobling.model.values import Value, same_value


def rewritten(column: Column, value: Value) -> Value:
    """A service whose rules rewrite what people and we write; what it holds already it leaves alone."""
    value = held(column, value)
    return value.replace("a", "b").replace(" ", "") or column.blank if isinstance(value, str) else value


def filled(column: Column, value: Value) -> Value:
    """A service that puts something of its own where it is given nothing."""
    value = held(column, value)
    return "b" if same_value(value, None) and column.name in {"f0", "f1"} else value


SERVICES: tuple[Service, ...] = (held, rewritten, filled)
# In these columns no row writes what another has made, so a model needs no knowledge of the planner.
TEXTS = tuple(row for kind, row in KINDS[:4])


@dataclass
class Model:
    """What is known of one field: its settled values and what each side holds now."""

    row: FieldRow
    settled: dict[Side, Value]
    now: dict[Side, Value] = field(default_factory=dict)

    def edited(self) -> set[Side]:
        return {side for side in Side if not same_value(self.now[side], self.settled[side])}

    def translates(self, drawn: Drawn, target: Side) -> bool:
        """Whether the target holds what is made for it of the other side's value."""
        own = drawn.mapping.table(target.other).columns
        values = tuple(self.now[target.other] for _ in own)
        made = convert(drawn.mapping, self.row, values, target, {})
        return same_value(made, self.now[target])  # type: ignore[arg-type]

    def expect(self, drawn: Drawn) -> tuple[Side | None, bool]:
        """The side whose value must arrive at the other, if any, and whether the field is contested."""
        edited = self.edited()
        if self.row.direction is not Direction.BOTH:
            source = Side.LEFT if self.row.direction is Direction.TO_RIGHT else Side.RIGHT
            return (source if source in edited else None), False
        if len(edited) < 2:
            return next(iter(edited), None), False
        if any(self.translates(drawn, side) for side in Side):
            return None, False
        policy = self.row.conflict or drawn.mapping.update_conflict
        if policy is UpdateConflict.ASK:
            return None, True
        return (Side.LEFT if policy is UpdateConflict.SEND else Side.RIGHT), False


def check(drawn: Drawn, models: list[Model], action: Action) -> None:
    """Compares what happened with what each model expects, and settles the models."""
    for model in models:
        at = model.row.left
        assert at is not None
        source, contested = model.expect(drawn)
        assert (model.row.name in action.contested) is contested
        for side in Side:
            value = drawn.now(side)[at]
            if source is not None and side is source.other:
                column = drawn.mapping.table(side).columns[at]
                values = tuple(model.now[source] for _ in drawn.mapping.left.columns)
                made = convert(drawn.mapping, model.row, values, side, {})
                kept = model.row.not_null and same_value(model.now[source], None)
                wanted = model.now[side] if kept else made
                # What is there already is not written again.
                same = same_value(wanted, model.now[side])  # type: ignore[arg-type]
                expected = model.now[side] if kept or same else drawn.service(column, made)  # type: ignore[arg-type]
                assert same_value(value, expected)
            else:
                assert value == model.now[side]
        one_way = model.row.direction is not Direction.BOTH
        if not contested and not (one_way and source is None):
            model.settled = {side: drawn.now(side)[at] for side in Side}
        model.now = {side: drawn.now(side)[at] for side in Side}


steps = st.lists(
    st.one_of(
        st.none(),
        st.tuples(st.sampled_from(Side), st.sampled_from(TEXTS), st.text(alphabet="abÅ😀 ", max_size=4)),
    ),
    max_size=12,
)


@heavy
@given(in_step(), st.sampled_from(SERVICES), steps, st.booleans())
def test_every_value_arrives_or_is_overwritten_later_or_is_contested(
    drawn: Drawn, service: Service, history: list[tuple[Side, FieldRow, str] | None], woken: bool
) -> None:
    drawn.service = service
    rows = {row.left: row for row in drawn.mapping.rows if row.name in {one.name for one in TEXTS}}
    assert drawn.base is not None
    models = [
        Model(
            row=row,
            settled={side: drawn.base.values(side)[at] for side in Side},
            now={side: drawn.now(side)[at] for side in Side},
        )
        for at, row in rows.items()
        if at is not None
    ]
    for step in (*history, None):
        if step is None:
            check(drawn, models, drawn.round(woken=woken))
            continue
        side, row, text = step
        assert row.left is not None
        drawn.edit(side, row.left, text)
        for model in models:
            model.now[side] = drawn.now(side)[model.row.left or 0]
    assert drawn.plan(woken=woken).writes == ()


@heavy
@given(in_step(without=("currency",)), st.data())
def test_editing_back_and_forth_within_one_plan_is_no_edit(drawn: Drawn, data: st.DataObject) -> None:
    before = (drawn.left, drawn.right)
    for side in Side:
        for at in data.draw(st.sets(st.integers(min_value=0, max_value=14))):
            value = drawn.now(side)[at]
            column = drawn.mapping.table(side).columns[at]
            drawn.edit(side, at, data.draw(value_of(column, at, side)))
            values = list(drawn.now(side))
            values[at] = value
            drawn.put(side, tuple(values))
    assert drawn.round().writes == ()
    assert (drawn.left, drawn.right) == before


def test_the_services_of_this_module_do_rewrite() -> None:
    """The properties above would show nothing over services that keep what they are given."""
    column = Column(name="f0", caption="F 0", maximum=2, blank=None)
    assert [service(column, "a Å") for service in SERVICES] == ["a ", "b", "a "]
    assert [service(column, "") for service in SERVICES] == [None, None, "b"]
