"""Aim: rows that are written at one moment only, resolutions by a person, creations, claims and filters."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from algebra.drawn import (
    FILTER,
    INSIDE,
    ROWS,
    WIDTH,
    Drawn,
    edited,
    heavy,
    look_ups,
    mappings,
    met,
    values_of,
)
from algebra.test_waiting_fields import AT, FIRM, mapping_of, pair_of, record
from kobling.algebra.create import plan_create
from kobling.algebra.deletion import unclaim
from kobling.algebra.filters import bind, holds, outside
from kobling.model.look_up import KEEP, Answer, LookUps, Rejected
from kobling.model.mapping import (
    Condition,
    Conversion,
    Direction,
    FieldRow,
    Mapping,
    Moment,
    Side,
    Template,
    UpdateConflict,
)
from kobling.model.pair import Choice, First, Kind, Missing, Record
from kobling.model.values import UNSET, Value, same_value

INSERT, EXIT = ROWS["insert right"], ROWS["exit"]
BOTH, TO_RIGHT = ROWS["both"], ROWS["to right"]


# Written in the create only


def test_a_field_that_is_written_at_creation_only_is_compared_later_and_never_sent() -> None:
    pair = pair_of(INSERT, BOTH, left={13: "one"}, right={13: "one"}, look_ups={})
    pair.edit(Side.LEFT, 13, "two")
    pair.edit(Side.LEFT, 0, "name")
    for _ in range(2):
        action = pair.round()
        assert [one.field for one in action.rejected] == ["insert right"]
        assert "cannot change after creation ('two' was to be written)" in action.rejected[0].reason
    assert (pair.right[13], pair.right[0]) == ("one", "name")


@pytest.mark.parametrize(("side", "value"), [(Side.LEFT, "one"), (Side.RIGHT, "two")])
def test_the_difference_is_gone_when_either_side_gives_way(side: Side, value: str) -> None:
    pair = pair_of(INSERT, left={13: "one"}, right={13: "one"}, look_ups={})
    pair.edit(Side.LEFT, 13, "two")
    pair.round()
    pair.edit(side, 13, value)
    assert pair.round().rejected == ()
    assert pair.plan().kind is Kind.NOTHING


def test_another_value_on_its_destination_only_is_no_difference_to_name() -> None:
    pair = pair_of(INSERT, left={13: "one"}, right={13: "one"}, look_ups={})
    pair.edit(Side.RIGHT, 13, "two")
    assert pair.round().rejected == ()


# Written once, when the other side leaves the filter


def leaves(pair: Drawn, side: Side, out: bool) -> None:
    pair.edit(side, FILTER, "out" if out else INSIDE[side])


def test_an_exit_row_is_written_once_at_the_transition_and_the_rest_rests() -> None:
    pair = pair_of(EXIT, BOTH, left={0: "a"}, right={0: "a"}, look_ups={})
    leaves(pair, Side.RIGHT, True)
    pair.edit(Side.RIGHT, 0, "b")
    action = pair.round()
    assert [(one.side, one.values) for one in action.writes] == [(Side.LEFT, ((15, "x"),))]
    assert action.kind is Kind.OUTSIDE
    assert (pair.left[0], pair.left[15]) == ("a", "x")
    # A person takes it back; it is not written again while the other side stays outside.
    pair.edit(Side.LEFT, 15, "")
    for woken in (False, True):
        assert pair.round(woken=woken).writes == ()
    leaves(pair, Side.RIGHT, False)
    pair.round()
    assert (pair.left[0], pair.left[15]) == ("b", "")
    leaves(pair, Side.RIGHT, True)
    pair.round()
    assert pair.left[15] == "x"


def test_every_exit_row_of_the_condition_is_written_and_only_where_it_differs() -> None:
    other = msgspec.structs.replace(EXIT, name="note", left=12, conversion=Conversion(constant="gone"))
    pair = pair_of(EXIT, other, left={15: "x"}, right={}, look_ups={})
    leaves(pair, Side.RIGHT, True)
    action = pair.round()
    assert [(one.side, one.values) for one in action.writes] == [(Side.LEFT, ((12, "gone"),))]
    assert pair.round().writes == ()


@pytest.mark.parametrize(
    "hindrance", ["left is outside", "run to right", "never compared", "came later", "deleted"]
)
def test_an_exit_row_is_not_written(hindrance: str) -> None:
    pair = pair_of(EXIT, left={}, right={}, look_ups={})
    leaves(pair, Side.RIGHT, True)
    assert pair.base is not None
    if hindrance == "left is outside":
        leaves(pair, Side.LEFT, True)
    elif hindrance == "never compared":
        pair.base = None
    elif hindrance == "came later":
        pair.base = msgspec.structs.replace(pair.base, right=(UNSET,) * WIDTH)
    target = Side.RIGHT if hindrance == "run to right" else None
    assert pair.plan(target=target, left_deleted=hindrance == "deleted").writes == ()


def test_an_exit_row_of_a_condition_that_was_not_there_before_is_not_written() -> None:
    pair = pair_of(EXIT, left={}, right={FILTER: "out"}, look_ups={})
    negated = Condition(position=FILTER, name="filter", values=("out",), negated=True)
    right = msgspec.structs.replace(pair.mapping.right, conditions=(negated,))
    pair.mapping = msgspec.structs.replace(pair.mapping, right=right)
    assert pair.base is not None
    pair.base = msgspec.structs.replace(pair.base, right=(UNSET,) * WIDTH)
    action = pair.plan(woken=True)
    assert (action.kind, action.writes) == (Kind.OUTSIDE, ())


@heavy
@given(edited(), st.sampled_from(Side), st.booleans())
def test_outside_the_filter_only_exit_rows_are_written(drawn: Drawn, side: Side, woken: bool) -> None:
    before = drawn.copy()
    leaves(drawn, side, True)
    first = drawn.round(woken=woken)
    assert first.kind is Kind.OUTSIDE
    for write in first.writes:
        assert (side, write.side, write.values) == (Side.RIGHT, Side.LEFT, ((15, "x"),))
    assert drawn.round(woken=woken).writes == ()
    # On return everything since is merged as if it had never been away.
    leaves(drawn, side, False)
    drawn.round(woken=woken)
    before.round(woken=woken)
    assert [one for at, one in enumerate(drawn.left) if at != 15] == [
        one for at, one in enumerate(before.left) if at != 15
    ]
    assert drawn.right == before.right


# Resolutions


@pytest.mark.parametrize(
    ("choice", "end"),
    [
        (Choice(winner=Side.LEFT), "one"),
        (Choice(winner=Side.RIGHT), "two"),
        (Choice(value="three"), "three"),
        (Choice(value=""), ""),
        (Choice(value="two"), "two"),
    ],
)
def test_a_resolution_brings_both_sides_to_one_value(choice: Choice, end: str) -> None:
    pair = pair_of(BOTH, left={}, right={}, look_ups={})
    pair.edit(Side.LEFT, 0, "one")
    pair.edit(Side.RIGHT, 0, "two")
    assert pair.round().contested == ("both",)
    action = pair.round(choices={"both": choice})
    assert action.contested == ()
    assert same_value(pair.left[0], end)
    assert same_value(pair.right[0], end)
    assert pair.plan().kind is Kind.NOTHING


@heavy
@given(edited(), st.sampled_from([Side.LEFT, Side.RIGHT]))
def test_a_resolution_for_one_side_does_what_its_policy_would(drawn: Drawn, winner: Side) -> None:
    by_policy, chosen = drawn.copy(), drawn
    policy = UpdateConflict.SEND if winner is Side.LEFT else UpdateConflict.GET
    rows = tuple(msgspec.structs.replace(row, conflict=None) for row in drawn.mapping.rows)
    chosen.mapping = msgspec.structs.replace(drawn.mapping, rows=rows, update_conflict=UpdateConflict.ASK)
    by_policy.mapping = msgspec.structs.replace(chosen.mapping, update_conflict=policy)
    one = chosen.round(choices={row.name: Choice(winner=winner) for row in rows})
    two = by_policy.round()
    assert (one.writes, one.contested, one.waiting) == (two.writes, (), two.waiting)


@pytest.mark.parametrize("value", ["B", "C"], ids=["missing", "rejected"])
def test_a_resolution_that_cannot_be_written_says_so_and_leaves_the_conflict(value: str) -> None:
    disabled: Answer = Rejected("C is disabled")
    pair = pair_of(FIRM, left={}, right={}, look_ups={("PEOPLE", Side.RIGHT, "C"): disabled})
    pair.edit(Side.LEFT, AT, "A")
    pair.edit(Side.RIGHT, AT, "d")
    action = pair.round(choices={"currency": Choice(value=value)})
    assert [one.field for one in action.rejected] == ["currency"]
    assert action.writes == ()
    assert pair.plan().contested == ("currency",)


@pytest.mark.parametrize("side", Side)
def test_a_resolution_writes_no_field_against_its_direction(side: Side) -> None:
    pair = pair_of(TO_RIGHT, left={}, right={}, look_ups={})
    pair.edit(side, 2, "one")
    writes = pair.plan(choices={"to right": Choice(value="other")}).writes
    expected = {Side.LEFT: [(Side.RIGHT, ((2, "one"),))], Side.RIGHT: []}
    assert [(one.side, one.values) for one in writes] == expected[side]


# First contact


@pytest.mark.parametrize(
    ("first", "policy", "end"),
    [
        (First.LEFT, UpdateConflict.ASK, ("one", "one")),
        (First.RIGHT, UpdateConflict.ASK, ("two", "two")),
        (First.LEAVE, UpdateConflict.SEND, ("one", "two")),
        (First.POLICY, UpdateConflict.SEND, ("one", "one")),
        (First.POLICY, UpdateConflict.GET, ("two", "two")),
        (First.POLICY, UpdateConflict.ASK, ("one", "two")),
        (First.RIGHT, UpdateConflict.SEND, ("two", "two")),
    ],
)
def test_who_is_right_at_first_contact(first: First, policy: UpdateConflict, end: tuple[str, str]) -> None:
    pair = pair_of(BOTH, left={0: "one"}, right={0: "two"}, look_ups={})
    pair.base = None
    pair.mapping = msgspec.structs.replace(pair.mapping, update_conflict=policy)
    action = pair.round(first=first)
    assert (pair.left[0], pair.right[0]) == end
    asked = first is First.POLICY and policy is UpdateConflict.ASK
    assert (action.kind is Kind.CONFLICT, action.contested) == (asked, ("both",) if asked else ())


@pytest.mark.parametrize("first", First)
@pytest.mark.parametrize("valued", Side)
@pytest.mark.parametrize("name", ["both", "to right", "to left"])
def test_at_first_contact_a_value_fills_a_blank_unless_all_is_left(
    name: str, valued: Side, first: First
) -> None:
    row = ROWS[name]
    at = row.left
    assert at is not None
    pair = pair_of(row, left={}, right={}, look_ups={})
    pair.edit(valued, at, "value")
    pair.base = None
    pair.round(first=first)
    assert pair.now(valued)[at] == "value"
    one_way = row.direction is not Direction.BOTH
    held_back = first is First.LEAVE or (one_way and first == str(valued.other))
    arrives = row.direction.allows(valued.other) and not held_back
    assert same_value(pair.now(valued.other)[at], "value" if arrives else None)


@heavy
@given(met(without=("keyed to right", "constant")))
def test_what_was_left_as_it_is_flows_when_it_changes(drawn: Drawn) -> None:
    drawn.round(first=First.LEAVE)
    rows = [row for row in drawn.mapping.rows if row.name in {"both", "to right"}]
    for row in rows:
        assert row.left is not None
        drawn.edit(Side.LEFT, row.left, "b" if drawn.left[row.left] in {"a", "A"} else "a")
    assert drawn.round().contested == ()
    for row in rows:
        assert row.left is not None
        assert row.right is not None
        assert str(drawn.right[row.right]).lower() == str(drawn.left[row.left]).lower()


# Creation


@heavy
@given(mappings(), st.data(), st.sampled_from(Side))
def test_a_created_pair_is_in_step_and_what_waits_still_waits(
    mapping: Mapping, data: st.DataObject, source: Side
) -> None:
    answers = data.draw(look_ups())
    record_of = Record(id="s", values=data.draw(values_of(mapping, source)))
    action = plan_create(mapping, record_of, source.other, answers)
    firm = [one for one in (*action.waiting, *action.rejected) if not one.clearable]
    assert (action.kind is Kind.CREATE) is (firm == [])
    if action.kind is not Kind.CREATE:
        assert action.writes == ()
        return
    [write] = action.writes
    assert write.side is source.other
    allowed = {
        row.column(source.other)
        for row in mapping.rows
        if row.direction.allows(source.other) and row.moment is not Moment.EXIT
    }
    assert {at for at, _ in write.values} <= allowed
    assert action.base is not None
    pair = Drawn(
        mapping=mapping,
        look_ups=answers,
        left=action.base.left if source is Side.RIGHT else record_of.values,
        right=action.base.right if source is Side.LEFT else record_of.values,
        base=action.base,
    )
    pair.base = action.base
    for woken in (False, True):
        second = pair.round(woken=woken)
        assert (second.writes, second.contested) == ((), ())
        assert {one.field for one in second.waiting} == {one.field for one in action.waiting}


def test_a_template_wins_over_the_source_and_is_no_change_afterwards() -> None:
    mapping = mapping_of(TO_RIGHT, BOTH)
    right = msgspec.structs.replace(mapping.right, template=(Template(position=2, value="ours"),))
    mapping = msgspec.structs.replace(mapping, right=right)
    source = record(Side.LEFT, {0: "name", 2: "theirs"})
    action = plan_create(mapping, Record(id="l", values=source), Side.RIGHT, {})
    assert [one.values for one in action.writes] == [((0, "name"), (2, "ours"))]
    assert action.base is not None
    pair = Drawn(mapping=mapping, look_ups={}, left=source, right=action.base.right, base=action.base)
    assert pair.plan(woken=True).writes == ()


STAMP = FieldRow(
    name="company",
    left=None,
    right=12,
    direction=Direction.TO_RIGHT,
    conversion=Conversion(kind="look_up", source="company"),
    claim=True,
)
OURS: LookUps = {("company", Side.RIGHT, ""): "us"}


@pytest.mark.parametrize(("marked", "claimed"), [(None, True), ("us", False), ("them", True)])
def test_a_record_is_claimed_before_its_counterpart_is_created(marked: str | None, claimed: bool) -> None:
    mapping = mapping_of(STAMP, BOTH)
    source = Record(id="r", values=record(Side.RIGHT, {0: "name", 12: marked}))
    action = plan_create(mapping, source, Side.LEFT, OURS)
    told = [(one.side, one.values, one.claim) for one in action.writes]
    create = (Side.LEFT, ((0, "name"),), False)
    assert told == ([(Side.RIGHT, ((12, "us"),), True), create] if claimed else [create])
    assert action.base is not None
    assert action.base.right[12] == "us"
    pair = Drawn(
        mapping=mapping, look_ups=OURS, left=action.base.left, right=action.base.right, base=action.base
    )
    for woken in (False, True):
        assert pair.round(woken=woken).writes == ()


@pytest.mark.parametrize("answer", [KEEP, Rejected("no"), None, Missing(mapping="c", key="", reason="no")])
def test_without_a_company_nothing_is_claimed(answer: Answer) -> None:
    source = Record(id="r", values=record(Side.RIGHT, {0: "name"}))
    found: LookUps = {} if answer is None else {("company", Side.RIGHT, ""): answer}
    [write] = plan_create(mapping_of(STAMP, BOTH), source, Side.LEFT, found).writes
    assert not write.claim


@pytest.mark.parametrize(("marked", "freed"), [("us", True), ("them", False), (None, False)])
def test_uncoupling_takes_off_our_mark_and_no_others(marked: str | None, freed: bool) -> None:
    held = Record(id="r", values=record(Side.RIGHT, {0: "us", 12: marked}))
    mapping = mapping_of(STAMP, BOTH)
    write = unclaim(mapping, held, Side.RIGHT, OURS)
    assert (None if write is None else (write.side, write.values)) == (
        (Side.RIGHT, ((12, None),)) if freed else None
    )
    assert unclaim(mapping, Record(id="l", values=record(Side.LEFT, {12: "us"})), Side.LEFT, OURS) is None


@pytest.mark.parametrize("kind", ["constant", "look-up"])
def test_a_row_without_a_source_column_is_written_at_first_contact_and_drifts_afterwards(kind: str) -> None:
    row, look_ups_of, end = (ROWS["constant"], {}, "k") if kind == "constant" else (STAMP, OURS, "us")
    pair = pair_of(row, BOTH, left={0: "a"}, right={0: "a"}, look_ups=look_ups_of)
    pair.base = None
    pair.round(first=First.LEFT)
    assert pair.right[12] == end
    pair.edit(Side.RIGHT, 12, "other")
    for woken in (False, True):
        assert pair.round(woken=woken).writes == ()


# Filters


@pytest.mark.parametrize(
    ("held", "values", "inside"),
    [
        ("a", ("a", "b"), True),
        ("c", ("a", "b"), False),
        (None, ("",), True),
        ("_x0020_", (None,), True),
        ("", ("a",), False),
        (0, (None,), False),
        (False, ("",), False),
        (1, ("1",), False),
    ],
)
def test_a_condition_holds_for_its_values_and_negated_for_all_others(
    held: Value, values: tuple[Value, ...], inside: bool
) -> None:
    one = Condition(position=0, name="c", values=values)
    assert holds(one, (held,)) is inside
    assert holds(msgspec.structs.replace(one, negated=True), (held,)) is not inside


def test_the_first_condition_that_fails_is_named() -> None:
    table = mapping_of(BOTH).left
    two = tuple(Condition(position=at, name=f"c{at}", values=("in",)) for at in (0, 1))
    table = msgspec.structs.replace(table, conditions=two)
    assert outside(table, record(Side.LEFT, {0: "in", 1: "in"})) is None
    failing = outside(table, record(Side.LEFT, {0: "in", 1: "out"}))
    assert failing is not None
    assert failing.name == "c1"


@pytest.mark.parametrize("answer", ["us", None, KEEP, Rejected("no")])
def test_a_condition_takes_the_answer_of_its_source_or_goes(answer: Answer) -> None:
    mapping = mapping_of(BOTH)
    asks = Condition(position=12, name="company", values=(None,), source="company")
    right = msgspec.structs.replace(mapping.right, conditions=(*mapping.right.conditions, asks))
    mapping = msgspec.structs.replace(mapping, right=right)
    found: LookUps = {} if answer is None else {("company", Side.RIGHT, ""): answer}
    bound = bind(mapping, found)
    for held, inside in [("us", True), (None, True), ("them", answer != "us")]:
        assert (outside(bound.right, record(Side.RIGHT, {12: held})) is None) is inside
    assert bound.left == mapping.left
