"""Aim: for rows of every kind at once the plan comes to rest, whatever the services make of what is sent.

Method: Hypothesis draws the mapping, the answers of its look-ups, a pair and edits on both sides of it; the
plan is carried out as the engine does, and the pair is looked at.
"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from algebra.drawn import Drawn, edited, heavy, met, mirrored, same_values
from kobling.model.mapping import Moment, Side
from kobling.model.pair import Action, First, Kind
from kobling.model.values import Value, same_value


def told(action: Action) -> tuple[Any, ...]:
    """What a person is told of an action, in no order."""
    troubles = [*action.waiting, *action.rejected]
    return (
        sorted(action.contested),
        sorted((one.field, one.reason, one.clearable, one.waits) for one in troubles),
        sorted(action.later),
    )


def written(action: Action) -> set[tuple[Side, int, Value]]:
    return {(write.side, at, value) for write in action.writes for at, value in write.values}


@heavy
@given(edited(), st.booleans())
def test_one_plan_is_enough_and_more_change_nothing(drawn: Drawn, woken: bool) -> None:
    first = drawn.round(woken=woken)
    base = drawn.base
    for again in (False, True):
        second = drawn.round(woken=again)
        assert second.writes == ()
        assert second.kind is Kind.NOTHING
        assert second.base is None or second.base == base
        if second.base is not None:
            assert told(second) == told(first)


@heavy
@given(edited())
def test_what_waits_or_is_contested_still_does_when_it_is_looked_at_again(drawn: Drawn) -> None:
    first = drawn.round()
    if first.contested or first.waiting or first.rejected:
        assert told(drawn.plan()) == told(first)


@heavy
@given(st.one_of(met(), edited()), st.sampled_from(First), st.booleans())
def test_only_differing_and_allowed_fields_are_written(drawn: Drawn, first: First, woken: bool) -> None:
    for side, at, value in written(drawn.plan(first=first, woken=woken)):
        owners = [row for row in drawn.mapping.rows if row.column(side) == at]
        assert [row.direction.allows(side) and row.moment is Moment.ALWAYS for row in owners] == [True]
        assert not same_value(value, drawn.now(side)[at])


@heavy
@given(st.one_of(met(), edited()), st.sampled_from([First.POLICY, First.LEAVE]))
def test_swapping_the_sides_mirrors_the_action(drawn: Drawn, first: First) -> None:
    there, back = drawn.plan(first=first), mirrored(drawn).plan(first=first)
    assert written(there) == {(side.other, at, value) for side, at, value in written(back)}
    assert there.kind is back.kind
    assert told(there) == told(back)


@heavy
@given(st.one_of(met(), edited()), st.data())
def test_the_order_of_the_rows_does_not_matter(drawn: Drawn, data: st.DataObject) -> None:
    other = drawn.copy()
    rows = data.draw(st.permutations(drawn.mapping.rows))
    other.mapping = msgspec.structs.replace(drawn.mapping, rows=tuple(rows))
    if drawn.base is not None:
        made = {row.name: one for row, one in zip(drawn.mapping.rows, drawn.base.made, strict=True)}
        other.base = msgspec.structs.replace(drawn.base, made=tuple(made[row.name] for row in rows))
    one, two = drawn.round(), other.round()
    assert written(one) == written(two)
    assert told(one) == told(two)
    if drawn.base is not None and other.base is not None:
        assert (drawn.base.left, drawn.base.right) == (other.base.left, other.base.right)


# Money goes by the currency of its moment; where the next one has no rate, what was sent before stays.
BY_ANY_WAY = st.one_of(edited(complete=True), edited(without=("money to right", "money to left")))


@heavy
@given(BY_ANY_WAY)
def test_runs_of_one_direction_lose_no_change_of_the_other(drawn: Drawn) -> None:
    apart = drawn.copy()
    together = drawn.round()
    for target in (Side.RIGHT, Side.LEFT, Side.RIGHT):
        action = apart.round(target=target)
        assert {write.side for write in action.writes} <= {target}
    assert same_values(apart.left, drawn.left)
    assert same_values(apart.right, drawn.right)
    last = apart.plan()
    assert last.writes == ()
    if last.base is not None and together.base is not None:
        assert told(last) == told(drawn.plan())


@heavy
@given(met(), st.sampled_from(First))
def test_the_second_plan_after_first_contact_writes_nothing(drawn: Drawn, first: First) -> None:
    action = drawn.round(first=first)
    if action.kind is Kind.CONFLICT:
        assert first is First.POLICY
        assert action.writes == ()
        assert action.base is None
        return
    for woken in (False, True):
        second = drawn.round(woken=woken, first=first)
        assert second.writes == ()


@heavy
@given(met(), st.sampled_from(First), st.booleans())
def test_at_first_contact_a_blank_never_beats_a_value(drawn: Drawn, first: First, complete: bool) -> None:
    before = {side: drawn.now(side) for side in Side}
    for side, at, value in written(drawn.plan(first=first)):
        row = next(row for row in drawn.mapping.rows if row.column(side) == at)
        origin = row.column(side.other)
        if same_value(value, None) and origin is not None and not row.clear_on_failed:
            assert not same_value(before[side.other][origin], None)


@pytest.mark.parametrize("first", [First.LEAVE])
@heavy
@given(drawn=met())
def test_left_as_they_are_means_that_nothing_is_written(drawn: Drawn, first: First) -> None:
    assert [at for _, at, _ in written(drawn.plan(first=first)) if at not in {11, 12}] == []
