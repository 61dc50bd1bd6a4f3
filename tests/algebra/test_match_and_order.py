"""Aim: matching couples only what belongs together, and mappings run after what their look-ups need.

Method: Hypothesis draws records of both sides, and graphs of look-ups with firm and clearable edges.
"""

from __future__ import annotations

from decimal import Decimal
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from algebra.drawn import light
from kobling.algebra.match import Criterion, Miss, Unmatched, match, match_key, sought
from kobling.algebra.order import LookUpCycleError, depth, order
from kobling.model.look_up import KEEP
from kobling.model.mapping import Column, Conversion, Direction, FieldRow, Mapping, Side, Table
from kobling.model.pair import Record
from kobling.model.values import Value

ON = (Criterion(left=0, right=1), Criterion(left=1, right=0))
keys: st.SearchStrategy[Value] = st.sampled_from(
    ["", None, " ", "a", "A ", "b", "ß", "ss", 1, Decimal("1.00"), "\ud800"]
)
sides = st.lists(st.tuples(keys, keys), max_size=6)


def records(side: str, values: list[tuple[Value, Value]]) -> list[Record]:
    return [Record(id=f"{side}{number}", values=one) for number, one in enumerate(values)]


@light
@given(sides, sides, st.randoms(use_true_random=False))
def test_the_order_of_records_does_not_matter(
    left: list[tuple[Value, Value]], right: list[tuple[Value, Value]], random: object
) -> None:
    lefts, rights = records("l", left), records("r", right)
    found = match(lefts, rights, ON)
    random.shuffle(lefts)  # type: ignore[attr-defined]
    random.shuffle(rights)  # type: ignore[attr-defined]
    assert match(lefts, rights, ON) == found


@light
@given(sides, sides)
def test_the_sides_may_be_swapped(left: list[tuple[Value, Value]], right: list[tuple[Value, Value]]) -> None:
    there = match(records("l", left), records("r", right), ON)
    back = match(records("r", right), records("l", left), ON)
    assert set(there.matched) == {(one, other) for other, one in back.matched}
    assert set(there.ambiguous) == {(ones, others) for others, ones in back.ambiguous}


@light
@given(sides, sides)
def test_only_unique_pairs_with_equal_values_match_and_every_left_record_is_told(
    left: list[tuple[Value, Value]], right: list[tuple[Value, Value]]
) -> None:
    lefts = {one.id: match_key(one.values) for one in records("l", left)}
    rights = {one.id: match_key(one.values[::-1]) for one in records("r", right)}
    found = match(records("l", left), records("r", right), ON)
    for one, other in found.matched:
        key = lefts[one]
        assert key is not None
        assert [name for name, its in lefts.items() if its == key] == [one]
        assert [name for name, its in rights.items() if its == key] == [other]
    for ones, others in found.ambiguous:
        assert len(ones) > 1 or len(others) > 1
        assert {lefts[one] for one in ones} == {rights[one] for one in others} != {None}
    told = [
        *(one for one, _ in found.matched),
        *(one for ones, _ in found.ambiguous for one in ones),
        *(one.id for one in found.unmatched),
    ]
    assert sorted(told) == sorted(lefts)
    partners = set(rights.values())
    for one in found.unmatched:
        assert lefts[one.id] is None or lefts[one.id] not in partners
        assert one.reason is (Miss.BLANK if lefts[one.id] is None else Miss.NONE)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Adatum", " adatum ", True),
        ("STRASSE", "straße", True),
        ("10", 10, True),
        (1, Decimal("1.00"), True),
        (Decimal("1E+2"), 100, True),
        (Decimal("0.10"), Decimal("0.1"), True),
        (Decimal("-0.00"), 0, True),
        (1, Decimal("1.01"), False),
        ("0010", "10", False),
        ("a b", "ab", False),
    ],
)
def test_what_counts_as_equal(one: Value, other: Value, same: bool) -> None:
    assert (match_key([one]) == match_key([other])) is same


@pytest.mark.parametrize("blank", ["", None, "  ", "\t", "_x0020_", "0001-01-01"])
def test_a_blank_matches_nothing_not_even_another_blank(blank: Value) -> None:
    lefts, rights = [Record(id="l", values=(blank,))], [Record(id="r", values=(blank,))]
    found = match(lefts, rights, [Criterion(left=0, right=0)])
    assert (found.matched, found.ambiguous) == ((), ())
    assert found.unmatched == (Unmatched(id="l", reason=Miss.BLANK),)


@pytest.mark.parametrize("number", [Decimal("1e400"), Decimal("NaN"), Decimal("sNaN"), Decimal("-Infinity")])
def test_numbers_out_of_the_ordinary_do_not_stop_a_match(number: Decimal) -> None:
    assert match_key([number]) == match_key([number])


passes = st.lists(
    st.builds(
        Criterion,
        left=st.integers(0, 1),
        right=st.integers(0, 1),
        priority=st.integers(0, 2),
        case=st.booleans(),
    ),
    min_size=1,
    max_size=3,
)


@light
@given(sides, sides, sides, passes)
def test_each_search_goes_through_what_the_ones_before_have_left(
    left: list[tuple[Value, Value]],
    right: list[tuple[Value, Value]],
    taken: list[tuple[Value, Value]],
    on: list[Criterion],
) -> None:
    lefts, rights, coupled = records("l", left), records("r", right), records("c", taken)
    found = match(lefts, rights, on, coupled)
    matched: list[tuple[str, str]] = []
    for priority in sorted({one.priority for one in on}):
        # One search at a time, by hand, among what is left.
        criteria = [one for one in on if one.priority == priority]
        used = {one for pair in matched for one in pair}
        rest = [[one for one in side if one.id not in used] for side in (lefts, rights)]
        matched += match(*rest, criteria).matched
    assert found.matched == tuple(sorted(matched))
    told = [
        *(one for one, _ in found.matched),
        *(one for ones, _ in found.ambiguous for one in ones),
        *(one.id for one in found.unmatched),
    ]
    assert sorted(told) == sorted(one.id for one in lefts)
    assert len({other for _, other in found.matched}) == len(found.matched)
    assert not coupled or not {one.id for one in coupled} & {other for _, other in found.matched}


@light
@given(sides, sides, passes, st.sets(st.integers(0, 5)))
def test_what_is_found_of_a_record_does_not_depend_on_the_selection(
    left: list[tuple[Value, Value]], right: list[tuple[Value, Value]], on: list[Criterion], chosen: set[int]
) -> None:
    lefts = records("l", left)
    found = match(lefts, records("r", right), on)
    selected = {f"l{one}" for one in chosen}
    part = found.of(selected)
    rest = found.of({one.id for one in lefts} - selected)
    assert sorted([*part.matched, *rest.matched]) == list(found.matched)
    assert {one for one, _ in part.matched} <= selected
    assert {one.id for one in part.unmatched} <= selected


def keyed(side: str, *values: Value) -> list[Record]:
    return [Record(id=f"{side}{at}", values=(one, one)) for at, one in enumerate(values)]


def test_why_a_record_has_no_partner() -> None:
    on = [Criterion(left=0, right=0)]
    found = match(keyed("l", "a", "b", None, "c", "c"), keyed("r", "c"), on, keyed("x", "A"))
    assert [(one.id, one.reason) for one in found.unmatched] == [
        ("l0", Miss.COUPLED),
        ("l1", Miss.NONE),
        ("l2", Miss.BLANK),
    ]
    assert found.ambiguous == ((("l3", "l4"), ("r0",)),)


def test_case_counts_only_where_it_is_asked_for() -> None:
    lefts, rights = keyed("l", "Adatum"), keyed("r", "ADATUM")
    assert match(lefts, rights, [Criterion(left=0, right=0)]).matched == (("l0", "r0"),)
    assert match(lefts, rights, [Criterion(left=0, right=0, case=True)]).matched == ()


def test_a_lower_priority_goes_first_and_what_it_couples_is_gone() -> None:
    lefts = [Record(id="l", values=("1", "name"))]
    rights = [Record(id="by number", values=("1", "x")), Record(id="by name", values=("2", "name"))]
    number, name = Criterion(left=0, right=0, priority=2), Criterion(left=1, right=1, priority=1)
    assert match(lefts, rights, [number, name]).matched == (("l", "by name"),)
    number = Criterion(left=0, right=0, priority=0)
    assert match(lefts, rights, [number, name]).matched == (("l", "by number"),)


# The order of mappings

NAMES = "ABCDE"
edges = st.dictionaries(st.sampled_from(list(product(NAMES, NAMES))), st.booleans(), max_size=8)


def graph(needs: dict[tuple[str, str], bool]) -> dict[str, Mapping]:
    """A mapping for each name; needs: (who, whom) -> whether the look-up is clearable."""
    table = Table(name="t", caption="t", route="t", columns=())
    return {
        name: Mapping(
            name=name,
            left=table,
            right=table,
            direction=Direction.BOTH,
            rows=tuple(
                FieldRow(
                    name=whom,
                    left=0,
                    right=0,
                    direction=Direction.BOTH,
                    conversion=Conversion(kind="look_up", source=whom),
                    clear_on_failed=clearable,
                )
                for (who, whom), clearable in needs.items()
                if who == name
            ),
        )
        for name in NAMES
    }


def reachable(needs: dict[tuple[str, str], bool], start: str, *, firm: bool) -> set[str]:
    """Whom `start` needs, directly or not."""
    found: set[str] = set()
    ahead = [start]
    while ahead:
        here = ahead.pop()
        for (who, whom), clearable in needs.items():
            if who == here and who != whom and not (firm and clearable) and whom not in found:
                found.add(whom)
                ahead.append(whom)
    return found


@light
@given(edges)
def test_dependencies_come_first_and_only_circles_are_broken(needs: dict[tuple[str, str], bool]) -> None:
    circle = {name for name in NAMES if name in reachable(needs, name, firm=True)}
    if circle:
        with pytest.raises(LookUpCycleError) as caught:
            order(graph(needs))
        names = caught.value.names
        assert set(names) <= circle
        for who, whom in zip(names, (*names[1:], names[0]), strict=True):
            assert needs[who, whom] is False
        return
    found = order(graph(needs))
    assert sorted(found) == sorted(NAMES)
    for (who, whom), clearable in needs.items():
        in_circle = who in reachable(needs, whom, firm=False)
        if who != whom and not (clearable and in_circle):
            assert found.index(whom) < found.index(who)


@light
@given(edges, st.permutations(NAMES))
def test_the_order_in_which_mappings_are_given_does_not_matter(
    needs: dict[tuple[str, str], bool], names: list[str]
) -> None:
    mappings = graph(dict.fromkeys(needs, True))
    assert order(mappings) == order({name: mappings[name] for name in names})
    assert depth(mappings) == depth({name: mappings[name] for name in names})


@light
@given(edges)
def test_the_depth_is_the_longest_chain(needs: dict[tuple[str, str], bool]) -> None:
    forwards = {(who, whom): False for who, whom in needs if who < whom}
    chains: list[tuple[str, ...]] = [(name,) for name in NAMES]
    for chain in chains:
        chains += [(*chain, whom) for who, whom in forwards if who == chain[-1]]
    assert depth(graph(forwards)) == max(len(chain) for chain in chains)


def test_names_that_do_not_need_each_other_stand_in_alphabetical_order() -> None:
    assert order(graph({("A", "D"): False})) == ("B", "C", "D", "A", "E")
    assert (depth(graph({})), depth(graph({("A", "D"): False})), depth({})) == (1, 2, 0)


def test_a_circle_does_not_break_what_lies_outside_it() -> None:
    needs = {("A", "B"): True, ("B", "C"): True, ("C", "B"): True}
    assert order(graph(needs)) == ("D", "E", "B", "A", "C")


def test_a_circle_that_may_not_be_cleared_is_named_without_the_others() -> None:
    needs = {("A", "B"): False, ("B", "C"): False, ("C", "B"): False}
    with pytest.raises(LookUpCycleError, match="B -> C -> B need each other"):
        order(graph(needs))


def finding() -> Mapping:
    """Partners are found by a look-up's answer and by a plain value."""
    columns = (Column(name="group", caption="Group"), Column(name="code", caption="Code"))
    row = FieldRow(
        name="Group",
        left=0,
        right=1,
        direction=Direction.TO_RIGHT,
        conversion=Conversion(kind="look_up", source="GROUPS"),
    )
    sides = [Table(name=one, caption=one, route=one, columns=columns) for one in ("left", "right")]
    return Mapping(
        name="FOUND",
        left=sides[0],
        right=sides[1],
        direction=Direction.TO_RIGHT,
        rows=(row,),
        finder=((0, 1), (1, 0)),
    )


def test_a_partner_is_sought_by_what_its_look_up_answers() -> None:
    read = sought(finding(), Side.LEFT)
    known = {("GROUPS", Side.RIGHT, "HOTEL"): "id of the hotels"}
    assert read(("HOTEL", "Ab"), known) == ("id of the hotels", "ab")
    assert read(("HOTEL", ""), known) is None
    # What is not coupled yet, or kept as it is, says nothing of a partner.
    assert read(("RETAIL", "Ab"), known) is None
    assert read(("HOTEL", "Ab"), {("GROUPS", Side.RIGHT, "HOTEL"): KEEP}) is None
    # A look-up that does not flow back is compared as it is.
    assert sought(finding(), Side.RIGHT)(("ab", "HOTEL"), {}) == ("hotel", "ab")
