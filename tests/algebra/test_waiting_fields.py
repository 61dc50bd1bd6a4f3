"""Aim: a field that waits for a look-up goes through once there is an answer, whatever happened meanwhile."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from algebra.drawn import EXTRA, INSIDE, ROWS, WIDTH, Drawn, edited, heavy, mappings
from kobling.model.look_up import KEEP, Answer, LookUps, Rejected
from kobling.model.mapping import Column, Condition, Direction, FieldRow, Mapping, Side, Table, UpdateConflict
from kobling.model.pair import Base, First, Kind
from kobling.model.values import UNSET, Value, Values


def mapping_of(*rows: FieldRow, policy: UpdateConflict = UpdateConflict.ASK) -> Mapping:
    """A mapping of these rows; no column cuts or upper-cases."""

    def table(side: Side) -> Table:
        columns = tuple(Column(name=f"f{at}", caption=f"F {at}", blank=INSIDE[side]) for at in range(WIDTH))
        inside = Condition(position=WIDTH - 1, name="filter", values=(INSIDE[side],), text="it is blank")
        return Table(name=side, caption=side, route=side, columns=columns, conditions=(inside,))

    return Mapping(
        name="TEST",
        left=table(Side.LEFT),
        right=table(Side.RIGHT),
        direction=Direction.BOTH,
        rows=rows,
        update_conflict=policy,
    )


def record(side: Side, values: dict[int, Value]) -> Values:
    return tuple(values.get(at, INSIDE[side]) for at in range(WIDTH))


def partners(*codes: str) -> LookUps:
    """A-a, B-b, ... are coupled."""
    found: dict[tuple[str, Side, str], Answer] = {}
    for code in codes:
        found["PEOPLE", Side.RIGHT, code] = code.lower()
        found["PEOPLE", Side.LEFT, code.lower()] = code
    return found


def rates(**of: str) -> LookUps:
    return {("RATES", Side.RIGHT, code.strip("_")): Decimal(rate) for code, rate in of.items()}


def pair_of(
    *rows: FieldRow, left: dict[int, Value], right: dict[int, Value], look_ups: LookUps, made: Value = ""
) -> Drawn:
    """A settled pair."""
    one, other = record(Side.LEFT, left), record(Side.RIGHT, right)
    base = Base(left=one, right=other, made=tuple(made for _ in rows))
    return Drawn(mapping=mapping_of(*rows), look_ups=look_ups, left=one, right=other, base=base)


CLEARABLE = msgspec.structs.replace(ROWS["currency"], clear_on_failed=True)
FIRM = ROWS["currency"]
KEYED = msgspec.structs.replace(ROWS["keyed to right"], clear_on_failed=True)
MONEY = ROWS["money to right"]
AT = 4
EVERY_WAY = pytest.mark.parametrize("row", [CLEARABLE, FIRM], ids=["clearable", "firm"])


@EVERY_WAY
@pytest.mark.parametrize("woken", [False, True])
def test_a_waiting_field_goes_through_when_its_look_up_is_coupled(row: FieldRow, woken: bool) -> None:
    pair = pair_of(row, left={AT: "A"}, right={AT: "a"}, look_ups=partners("A"), made="a")
    pair.edit(Side.LEFT, AT, "B")
    waiting = pair.round()
    assert [(one.field, one.clearable) for one in waiting.waiting] == [("currency", row.clear_on_failed)]
    assert waiting.waiting[0].missing is not None
    assert (waiting.waiting[0].missing.mapping, waiting.waiting[0].missing.key) == ("PEOPLE", "B")
    assert pair.right[AT] == (None if row.clear_on_failed else "a")
    pair.look_ups = partners("A", "B")
    assert pair.round(woken=woken).waiting == ()
    assert (pair.left[AT], pair.right[AT]) == ("B", "b")


@EVERY_WAY
@pytest.mark.parametrize("woken", [False, True])
def test_a_waiting_field_that_returns_to_what_it_was_is_in_step_again(row: FieldRow, woken: bool) -> None:
    pair = pair_of(row, left={AT: "A"}, right={AT: "a"}, look_ups=partners("A"), made="a")
    pair.edit(Side.LEFT, AT, "B")
    pair.round()
    pair.edit(Side.LEFT, AT, "A")
    assert pair.round(woken=woken).waiting == ()
    assert (pair.left[AT], pair.right[AT]) == ("A", "a")


@EVERY_WAY
def test_while_a_field_waits_another_value_of_the_other_side_is_a_conflict(row: FieldRow) -> None:
    pair = pair_of(row, left={AT: "A"}, right={AT: "a"}, look_ups=partners("A", "C"), made="a")
    pair.edit(Side.LEFT, AT, "B")
    pair.round()
    pair.edit(Side.RIGHT, AT, "c")
    assert pair.round().contested == ("currency",)
    assert (pair.left[AT], pair.right[AT]) == ("B", "c")


@EVERY_WAY
def test_while_a_field_waits_the_same_value_on_the_other_side_settles_it(row: FieldRow) -> None:
    pair = pair_of(row, left={AT: "A"}, right={AT: "a"}, look_ups=partners("A"), made="a")
    pair.edit(Side.LEFT, AT, "B")
    pair.round()
    pair.edit(Side.RIGHT, AT, "b")
    pair.look_ups = partners("A", "B")
    action = pair.round()
    assert (action.writes, action.waiting, action.contested) == ((), (), ())


def test_the_cleared_blank_is_no_change_of_the_other_side() -> None:
    pair = pair_of(CLEARABLE, left={AT: "A"}, right={AT: "a"}, look_ups=partners("A"), made="a")
    pair.edit(Side.LEFT, AT, "B")
    pair.round()
    for woken in (False, True):
        again = pair.round(woken=woken)
        assert again.writes == ()
        assert again.contested == ()
        assert [one.field for one in again.waiting] == ["currency"]
    assert pair.left[AT] == "B"


@pytest.mark.parametrize(
    ("row", "look_ups"), [(KEYED, partners("A")), (MONEY, rates(A="2"))], ids=["keyed", "money"]
)
def test_what_waits_by_a_key_of_another_column_still_waits_after_any_other_edit(
    row: FieldRow, look_ups: LookUps
) -> None:
    key = row.conversion.key
    assert key is not None
    text = ROWS["both"]
    left, right = {key: "A", 7: 10}, {11: "a", 7: Decimal(20)}
    pair = pair_of(row, text, left=left, right=right, look_ups=look_ups)
    pair.base = msgspec.structs.replace(pair.base, made=("a" if row is KEYED else Decimal(20), ""))
    pair.edit(Side.LEFT, key, "B")
    assert [one.field for one in pair.round().waiting] == [row.name]
    # A new version of the record in which nothing of ours differs, and one in which something does.
    assert [one.field for one in pair.round().waiting] == [row.name]
    pair.edit(Side.LEFT, 0, "another name")
    assert [one.field for one in pair.round().waiting] == [row.name]
    pair.look_ups = {**look_ups, **partners("B"), **rates(B="3")}
    assert pair.round().waiting == ()
    assert (pair.right[11], pair.right[7]) in {("b", Decimal(20)), ("a", Decimal(30))}
    assert pair.round(woken=True).writes == ()


@pytest.mark.parametrize("answer", [None, Rejected("disabled", "PEOPLE/B")], ids=["missing", "rejected"])
def test_a_key_that_returns_to_what_it_was_is_in_step_again(answer: Answer) -> None:
    pair = pair_of(KEYED, left={EXTRA: "A"}, right={11: "a"}, look_ups=partners("A"), made="a")
    if answer is not None:
        pair.look_ups = {**pair.look_ups, ("PEOPLE", Side.RIGHT, "B"): answer}
    pair.edit(Side.LEFT, EXTRA, "B")
    pair.round()
    pair.edit(Side.LEFT, EXTRA, "A")
    action = pair.round()
    assert (action.waiting, action.rejected) == ((), ())
    assert pair.right[11] == "a"


def test_a_rejected_look_up_leaves_the_rest_and_goes_through_when_it_is_mended() -> None:
    pair = pair_of(FIRM, ROWS["both"], left={AT: "A"}, right={AT: "a"}, look_ups=partners("A"), made="a")
    disabled: Answer = Rejected("B is disabled", "PEOPLE/B")
    pair.look_ups = {**pair.look_ups, ("PEOPLE", Side.RIGHT, "B"): disabled}
    pair.edit(Side.LEFT, AT, "B")
    pair.edit(Side.LEFT, 0, "name")
    action = pair.round()
    assert [(one.field, one.reason, one.waits) for one in action.rejected] == [
        ("currency", "B is disabled", "PEOPLE/B")
    ]
    assert (pair.right[AT], pair.right[0]) == ("a", "name")
    pair.look_ups = partners("A", "B")
    assert pair.round().rejected == ()
    assert pair.right[AT] == "b"


def test_an_answer_that_says_keep_leaves_the_destination_and_settles() -> None:
    pair = pair_of(FIRM, left={AT: "A"}, right={AT: "a"}, look_ups={("PEOPLE", Side.RIGHT, "B"): KEEP})
    pair.edit(Side.LEFT, AT, "B")
    action = pair.round()
    assert (action.kind, action.waiting, action.rejected) == (Kind.NOTHING, (), ())
    assert pair.right[AT] == "a"
    assert pair.plan().base is None


# Another answer for the same key


def test_another_answer_is_a_change_of_the_source_and_the_same_answer_writes_nothing() -> None:
    pair = pair_of(FIRM, left={AT: "A"}, right={AT: "a"}, look_ups=partners("A"), made="a")
    assert pair.round(woken=True).writes == ()
    pair.look_ups = {("PEOPLE", Side.RIGHT, "A"): "z"}
    assert pair.plan().writes == ()
    pair.round(woken=True)
    assert pair.right[AT] == "z"
    assert pair.round(woken=True).writes == ()


def test_another_rate_overwrites_even_what_was_changed_at_its_destination_meanwhile() -> None:
    pair = pair_of(MONEY, left={7: 10}, right={7: Decimal(20)}, look_ups=rates(_="2"), made=Decimal(20))
    pair.edit(Side.RIGHT, 7, 99)
    assert pair.round().writes == ()
    pair.look_ups = rates(_="3")
    pair.round(woken=True)
    assert pair.right[7] == Decimal(30)


def test_another_look_up_overwrites_what_was_changed_at_a_one_way_destination_meanwhile() -> None:
    row = ROWS["owner to right"]
    pair = pair_of(row, left={5: "A"}, right={5: "a"}, look_ups=partners("A"), made="a")
    pair.edit(Side.RIGHT, 5, "c")
    assert pair.round().writes == ()
    pair.look_ups = {("PEOPLE", Side.RIGHT, "A"): "z"}
    pair.round(woken=True)
    assert pair.right[5] == "z"


def test_money_follows_the_currency_that_the_other_side_chose() -> None:
    look_ups = {**partners("A", "B"), **rates(A="2", B="3")}
    pair = pair_of(FIRM, MONEY, left={AT: "A", 7: 10}, right={AT: "a", 7: Decimal(20)}, look_ups=look_ups)
    pair.base = msgspec.structs.replace(pair.base, made=("a", Decimal(20)))
    pair.edit(Side.RIGHT, AT, "b")
    pair.round()
    assert (pair.left[AT], pair.right[7]) == ("B", Decimal(30))
    assert pair.round().writes == ()


@heavy
@given(edited(), st.booleans())
def test_once_every_look_up_is_coupled_nothing_waits_and_what_waited_has_arrived(
    drawn: Drawn, woken: bool
) -> None:
    before = {one.field for one in drawn.round(woken=woken).waiting}
    rate: LookUps = {("RATES", side, code): 2 for side in Side for code in ("", *"ABCDabcd")}
    drawn.look_ups = {**partners("A", "B", "C", "D"), **rate}
    action = drawn.round(woken=woken)
    assert action.waiting == ()
    assert [one for one in action.rejected if "after creation" not in one.reason] == []
    made = {
        "currency": (AT, AT),
        "owner to right": (5, 5),
        "owner to left": (6, 6),
        "keyed to right": (EXTRA, 11),
    }
    for name in before & made.keys():
        left, right = made[name]
        assert str(drawn.left[left] or "").lower() == str(drawn.right[right] or "").lower()


# Fields that came into the mapping after the base was made


@heavy
@given(mappings(plain=True), st.data())
def test_of_a_field_that_came_later_nothing_flows_until_it_changes(
    mapping: Mapping, data: st.DataObject
) -> None:
    look_ups = {**partners("A", "B", "C", "D"), **rates(_="1", A="2", B="3")}
    left = record(Side.LEFT, {0: "one", 4: "A", 5: "A", 7: 5, EXTRA: "B"})
    right = record(Side.RIGHT, {0: "two", 3: "three", 4: "b", 6: "c", EXTRA: "d"})
    unset = tuple(UNSET for _ in range(WIDTH))
    base = Base(left=unset, right=unset, made=tuple(UNSET for _ in mapping.rows))
    pair = Drawn(mapping=mapping, look_ups=look_ups, left=left, right=right, base=base)
    for woken in data.draw(st.permutations([False, True])):
        action = pair.round(woken=woken)
        assert (action.writes, action.contested, action.waiting) == ((), (), ())
    assert pair.base is not None
    assert (pair.base.left, pair.base.right) == (left, right)


@pytest.mark.parametrize("drift", [False, True])
def test_a_field_that_came_later_flows_when_it_changes(drift: bool) -> None:
    row = ROWS["to right"]
    pair = pair_of(row, left={2: "one"}, right={2: "two"}, look_ups={})
    assert pair.base is not None
    # Right's column served another row already.
    pair.base = msgspec.structs.replace(pair.base, left=(UNSET,) * WIDTH)
    if drift:
        pair.edit(Side.RIGHT, 2, "other")
    assert pair.round().writes == ()
    pair.edit(Side.LEFT, 2, "three")
    pair.round()
    assert pair.right[2] == "three"


# Runs to one side


@pytest.mark.parametrize("first", [Side.LEFT, Side.RIGHT])
def test_a_derived_field_that_a_run_left_for_later_is_written_by_the_next(first: Side) -> None:
    pair = pair_of(KEYED, left={EXTRA: "A"}, right={11: "a"}, look_ups=partners("A", "B"), made="a")
    pair.edit(Side.LEFT, EXTRA, "B")
    action = pair.round(target=first)
    if first is Side.LEFT:
        assert action.later == ("keyed to right",)
        assert action.writes == ()
        pair.round(target=Side.RIGHT)
    assert pair.right[11] == "b"


@heavy
@given(edited(), st.lists(st.sampled_from(Side), max_size=3))
def test_what_runs_of_one_direction_leave_is_named(drawn: Drawn, before: list[Side]) -> None:
    for target in before:
        drawn.round(target=target)
    action = drawn.copy().round(target=Side.LEFT)
    missed = {row.right: row.name for row in drawn.mapping.rows}
    for write in drawn.plan().writes:
        if write.side is Side.RIGHT:
            named = {missed[at] for at, _ in write.values}
            assert named <= {*action.later, *action.contested}


def test_first_contact_of_a_pair_whose_look_up_is_missing_waits_and_goes_through_later() -> None:
    pair = pair_of(CLEARABLE, left={AT: "A"}, right={}, look_ups={})
    pair.base = None
    assert [one.field for one in pair.round(first=First.LEFT).waiting] == ["currency"]
    assert pair.round().writes == ()
    pair.look_ups = partners("A")
    pair.round(woken=True)
    assert pair.right[AT] == "a"
    assert pair.round(woken=True).writes == ()


def test_first_contact_of_a_pair_whose_key_is_missing_waits_and_goes_through_later() -> None:
    pair = pair_of(KEYED, left={EXTRA: "A"}, right={11: "b"}, look_ups={})
    pair.base = None
    assert [one.field for one in pair.round(first=First.LEFT).waiting] == ["keyed to right"]
    assert [one.field for one in pair.round().waiting] == ["keyed to right"]
    pair.look_ups = partners("A")
    pair.round()
    assert pair.right[11] == "a"


def test_what_was_left_as_it_is_stays_when_its_look_up_is_coupled_later_and_flows_when_it_changes() -> None:
    pair = pair_of(FIRM, left={AT: "A"}, right={AT: "b"}, look_ups={})
    pair.base = None
    assert pair.round(first=First.LEAVE).writes == ()
    pair.look_ups = partners("A", "B", "C")
    assert pair.round(woken=True).writes == ()
    pair.edit(Side.LEFT, AT, "C")
    pair.round()
    assert pair.right[AT] == "c"


def test_a_derived_field_that_came_later_flows_when_what_it_reads_changes() -> None:
    pair = pair_of(KEYED, left={EXTRA: "A"}, right={11: "z"}, look_ups=partners("A", "B"), made=UNSET)
    assert pair.round(woken=True).writes == ()
    pair = pair_of(KEYED, left={EXTRA: "A"}, right={11: "z"}, look_ups=partners("A", "B"), made=UNSET)
    pair.edit(Side.LEFT, EXTRA, "B")
    pair.round()
    assert pair.right[11] == "b"


def test_the_base_of_a_one_way_field_keeps_what_was_settled_when_its_destination_drifts() -> None:
    pair = pair_of(ROWS["to right"], left={2: "one"}, right={2: "one"}, look_ups={})
    pair.edit(Side.RIGHT, 2, "other")
    pair.round()
    assert pair.base is not None
    assert (pair.base.left[2], pair.base.right[2]) == ("one", "one")
