"""Aim: nothing is recommended that makes duplicates, and nothing starts before what it needs.

Method: the cases one by one, and lines of any shape (Hypothesis): whatever ends in whatever order, each line
starts behind those that it needs, and all that can be done is done.
"""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kobling.algebra.full_synchronization import is_done, recommended, startable, waits_for
from kobling.model.full_synchronization import Census, Line, LineStatus, Recommendation
from kobling.model.mapping import Direction, Side

FULL, COUPLE, NONE, UNSATISFIED = Recommendation
BOTH, TO, FROM = Direction


def line(
    name: str = "A",
    left: int = 0,
    right: int = 0,
    *,
    direction: Direction = BOTH,
    needs: tuple[str, ...] = (),
    finder: bool = False,
    status: LineStatus = LineStatus.BLANK,
    recommendation: Recommendation = NONE,
) -> Line:
    """left, right: uncoupled records; each side holds a coupled one beside them."""
    return Line(
        mapping=name,
        direction=direction,
        needs=needs,
        left=Census(records=left + 1, coupled=1),
        right=Census(records=right + 1, coupled=1),
        finder=finder,
        status=status,
        recommendation=recommendation,
    )


def named(lines: tuple[Line, ...]) -> list[str]:
    return [one.mapping for one in lines]


@pytest.mark.parametrize(
    ("left", "right", "direction", "finder", "expected"),
    [
        (0, 0, BOTH, False, NONE),
        (3, 0, BOTH, False, FULL),
        (0, 3, BOTH, False, FULL),
        (3, 4, BOTH, False, COUPLE),
        (3, 4, BOTH, True, FULL),
        (3, 4, TO, False, COUPLE),
        (0, 4, TO, False, NONE),
        (3, 0, TO, False, FULL),
        (3, 0, FROM, False, NONE),
        (0, 3, FROM, False, FULL),
    ],
)
def test_what_is_recommended_follows_from_what_is_uncoupled(
    left: int, right: int, direction: Direction, finder: bool, expected: Recommendation
) -> None:
    [judged] = recommended([line("A", left, right, direction=direction, finder=finder)])
    assert judged.recommendation is expected


def test_what_depends_on_uncoupled_records_is_judged_when_they_are_coupled() -> None:
    customers, contacts = line("CUSTOMER", 3, 3), line("CONTACT", 3, 3, needs=("CUSTOMER",))
    opportunities = line("OPPORTUNITY", 1, 1, needs=("CONTACT",))
    judged = recommended([customers, contacts, opportunities])
    assert [one.recommendation for one in judged] == [COUPLE, UNSATISFIED, UNSATISFIED]
    done = msgspec.structs.replace(customers, status=LineStatus.FINISHED, recommendation=COUPLE)
    assert [one.recommendation for one in recommended([done, contacts])] == [COUPLE, COUPLE]
    assert recommended([customers, contacts], left_out={"CUSTOMER"})[1].recommendation is COUPLE
    # Where only one side holds records there is nothing to take for something else.
    alone = recommended([customers, line("CONTACT", 3, 0, needs=("CUSTOMER",))])
    assert alone[1].recommendation is FULL


@pytest.mark.scenario("FS-05")
def test_a_line_that_has_begun_keeps_what_was_recommended_for_it() -> None:
    begun = line("A", 3, 3, status=LineStatus.IN_PROCESS, recommendation=FULL, needs=("GONE",))
    blank = line("B", 3, 3, recommendation=FULL)
    assert [one.recommendation for one in recommended([begun, blank])] == [FULL, COUPLE]


@pytest.mark.scenario("FS-19")
def test_at_first_only_lines_start_that_need_nothing() -> None:
    lines = recommended([line("A", 1), line("B", 1), line("C", 1, needs=("A", "B"))])
    assert named(startable(lines)) == ["A", "B"]


@pytest.mark.scenario("FS-20")
def test_a_line_starts_when_all_that_it_needs_is_finished_whatever_else_runs() -> None:
    done, runs = LineStatus.FINISHED, LineStatus.IN_PROCESS
    lines = (
        line("A", 1, status=done, recommendation=FULL),
        line("B", 1, status=done, recommendation=FULL),
        line("C", 1, status=runs, recommendation=FULL),
        line("D", 1, needs=("A", "B")),
        line("E", 1, needs=("A", "C")),
    )
    judged = recommended(lines)
    assert named(startable(judged)) == ["D"]
    assert waits_for(judged[4], judged) == ("C",)


@pytest.mark.scenario("FS-18")
@pytest.mark.scenario("FS-21")
def test_wave_after_wave_starts_as_what_it_needs_ends() -> None:
    lines = recommended(
        [
            line("CURRENCY", 1),
            line("ITEM", 1),
            line("HEADER", 1, needs=("CURRENCY", "ITEM")),
            line("LINES", 1, needs=("HEADER", "ITEM")),
        ]
    )
    waves = []
    while ready := startable(lines):
        waves.append(named(ready))
        ended = set(named(ready))
        lines = recommended(
            msgspec.structs.replace(one, status=LineStatus.FINISHED) if one.mapping in ended else one
            for one in lines
        )
    assert waves == [["CURRENCY", "ITEM"], ["HEADER"], ["LINES"]]


def test_what_failed_holds_back_what_needs_it_and_what_is_left_out_does_not() -> None:
    failed = line("A", 1, status=LineStatus.FAILED, recommendation=FULL)
    lines = recommended([failed, line("B", 1, needs=("A",))])
    assert named(startable(lines)) == []
    assert named(startable(lines, left_out={"A"})) == ["B"]
    assert named(startable(recommended([line("A", 0), line("B", 1, needs=("A",))]))) == ["B"]


@st.composite
def several(draw: st.DrawFn) -> tuple[Line, ...]:
    names = [f"M{at}" for at in range(draw(st.integers(1, 7)))]
    return tuple(
        line(
            name,
            draw(st.integers(0, 2)),
            draw(st.integers(0, 2)),
            direction=draw(st.sampled_from(Direction)),
            finder=draw(st.booleans()),
            needs=tuple(draw(st.sets(st.sampled_from(names[:at])))) if at else (),
        )
        for at, name in enumerate(names)
    )


@given(several(), st.randoms(use_true_random=False))
def test_everything_is_done_behind_what_it_needs(lines: tuple[Line, ...], chance: object) -> None:
    judged, done = recommended(lines), list[str]()
    while ready := startable(judged):
        chosen = chance.choice(ready)  # type: ignore[attr-defined]
        assert chosen.recommendation in {FULL, COUPLE}
        assert not waits_for(chosen, judged)
        done.append(chosen.mapping)
        judged = recommended(
            msgspec.structs.replace(one, status=LineStatus.FINISHED) if one is chosen else one
            for one in judged
        )
    assert all(is_done(one) for one in judged)
    assert len(done) == len(set(done))


@given(several())
def test_a_full_run_is_recommended_only_where_it_doubles_nothing(lines: tuple[Line, ...]) -> None:
    for one in recommended(lines):
        both = one.left.uncoupled and one.right.uncoupled and not one.finder
        assert one.recommendation is not FULL or not both
        flows = any(one.direction.allows(side) and one.census(side.other).uncoupled for side in Side)
        assert (one.recommendation is NONE) is not flows
