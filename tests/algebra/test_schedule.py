"""Aim: what is due, and what becomes of an entry after a run, is right at every moment, in every time zone.

Method: each rule by examples; properties over drawn entries and moments, among them the days on which clocks
are put forward and back; a week is lived through minute by minute with a clock of the test's own.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kobling.algebra.schedule import (
    DELAY_SECONDS_MAX,
    WAKE_SECONDS,
    due,
    ended,
    following,
    held,
    in_window,
    is_due,
    postponed,
    ready,
    shown,
    started,
    woken,
)
from kobling.model.schedule import Ending, Entry, Status, Timing

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
OSLO = ZoneInfo("Europe/Oslo")
ZONES = [OSLO, ZoneInfo("America/New_York"), ZoneInfo("Australia/Lord_Howe"), ZoneInfo("Asia/Kathmandu")]
TIMING = Timing(every_seconds=1_800, inactivity_seconds=43_200)


def entry(**values: object) -> Entry:
    return msgspec.structs.replace(Entry(id=1, mapping="CUSTOMER", timing=TIMING, next_start=NOW), **values)


def after(ending: Ending, one: Entry | None = None, now: datetime = NOW, message: str = "") -> Entry:
    return ended(started(one or entry()), ending, now, UTC, message)


@pytest.mark.scenario("JQ-01")
def test_a_run_that_found_nothing_puts_it_on_hold_for_its_time_out() -> None:
    over = after(Ending.EMPTY)
    assert (over.status, over.next_start) == (Status.INACTIVE, NOW + timedelta(hours=12))
    assert is_due(over, NOW + timedelta(hours=12))
    assert not is_due(over, NOW + timedelta(hours=11))


@pytest.mark.scenario("JQ-02")
def test_with_no_time_out_only_a_change_brings_it_back() -> None:
    over = after(Ending.EMPTY, entry(timing=Timing(inactivity_seconds=0)))
    assert (over.status, over.next_start) == (Status.INACTIVE, None)
    assert not is_due(over, NOW + timedelta(days=999))
    assert is_due(woken(over, NOW), NOW + timedelta(seconds=WAKE_SECONDS))


def test_it_may_be_told_never_to_be_held() -> None:
    over = after(Ending.EMPTY, entry(timing=Timing(inactivity_seconds=None)))
    assert (over.status, over.next_start) == (Status.READY, NOW + timedelta(minutes=30))


@pytest.mark.scenario("JQ-03")
def test_a_run_that_changed_something_leaves_it_ready() -> None:
    over = after(Ending.ACTIVE)
    assert (over.status, over.next_start) == (Status.READY, NOW + timedelta(minutes=30))


@pytest.mark.scenario("JQ-07")
def test_a_failed_run_is_tried_again_and_counted() -> None:
    over = after(Ending.FAILED, message="no answer")
    assert (over.status, over.attempts, over.message) == (Status.READY, 1, "no answer")
    assert over.next_start == NOW + timedelta(seconds=30)
    assert after(Ending.FAILED, over).next_start == NOW + timedelta(seconds=60)
    assert after(Ending.ACTIVE, over).attempts == 0


def test_the_delay_is_bounded() -> None:
    patient = entry(timing=Timing(attempts_max=1_000), attempts=900)
    assert after(Ending.FAILED, patient).next_start == NOW + timedelta(seconds=DELAY_SECONDS_MAX)


def test_having_failed_as_often_as_it_may_it_ends_in_error_until_a_person_acts() -> None:
    over = after(Ending.FAILED, entry(attempts=9))
    assert (over.status, over.next_start, over.attempts) == (Status.ERROR, None, 10)
    assert woken(over, NOW) == over
    again = ready(over, NOW)
    assert (again.status, again.next_start, again.attempts, again.message) == (Status.READY, NOW, 0, "")


def test_what_passes_by_itself_never_ends_in_error() -> None:
    over = after(Ending.FAILED_IN_PASSING, entry(attempts=9))
    assert (over.status, over.next_start) == (Status.READY, NOW + timedelta(minutes=30))
    once = after(Ending.FAILED_IN_PASSING, entry(recurring=False, timing=Timing(attempts_max=2), attempts=1))
    assert once.status is Status.ERROR


def test_the_work_of_a_dead_worker_goes_on_at_once_but_not_for_ever() -> None:
    first = after(Ending.DIED)
    assert (first.status, first.next_start, first.attempts) == (Status.READY, NOW, 1)
    second = after(Ending.DIED, first)
    assert second.next_start == NOW + timedelta(seconds=60)
    assert after(Ending.DIED, entry(attempts=9)).status is Status.ERROR


def test_a_worker_that_is_told_to_stop_costs_no_attempt() -> None:
    over = after(Ending.STOPPED)
    assert (over.status, over.next_start, over.attempts) == (Status.READY, NOW, 0)


def test_hold_does_not_stop_what_runs_and_outlives_it() -> None:
    running = held(started(entry()))
    assert shown(running, [running], NOW) is Status.IN_PROCESS
    for ending in Ending:
        over = ended(running, ending, NOW, UTC)
        assert (over.status, over.next_start) == (Status.ON_HOLD, None)
        assert woken(over, NOW) == over


def test_a_change_during_a_run_brings_another_one() -> None:
    running = woken(started(entry()), NOW)
    over = ended(running, Ending.EMPTY, NOW, UTC)
    assert (over.status, over.next_start, over.again) == (
        Status.READY,
        NOW + timedelta(seconds=WAKE_SECONDS),
        False,
    )


def test_a_change_does_not_put_off_what_is_due_nor_hurry_what_fails() -> None:
    soon = entry(next_start=NOW + timedelta(seconds=1))
    assert woken(soon, NOW) == soon
    failing = entry(next_start=NOW + timedelta(hours=1), attempts=5)
    assert woken(failing, NOW) == failing
    later = entry(next_start=NOW + timedelta(hours=1))
    assert woken(later, NOW).next_start == NOW + timedelta(seconds=WAKE_SECONDS)


def test_what_runs_once_is_finished() -> None:
    over = after(Ending.ACTIVE, entry(recurring=False))
    assert (over.status, over.next_start) == (Status.FINISHED, None)
    assert not is_due(over, NOW)


def test_one_of_a_category_and_of_a_mapping_at_a_time() -> None:
    shared = Timing(category="BCI CUST")
    first = entry(id=1, mapping="CUSTOMER", timing=shared)
    second = entry(id=2, mapping="VENDOR", timing=shared, next_start=NOW - MINUTE)
    third = entry(id=3, mapping="CURRENCY")
    assert [one.id for one in due([first, second, third], NOW)] == [2, 3]
    running = [first, started(second), third]
    assert [one.id for one in due(running, NOW)] == [3]
    assert shown(first, running, NOW) is Status.WAITING
    assert shown(third, running, NOW) is Status.READY


@pytest.mark.scenario("FS-13")
def test_the_regular_entry_waits_while_a_full_run_of_its_mapping_is_there() -> None:
    regular = entry(id=1, next_start=NOW - timedelta(hours=1))
    full = entry(id=2, recurring=False)
    assert [one.id for one in due([regular, full], NOW)] == [2]
    running = [regular, started(full)]
    assert due(running, NOW) == []
    assert shown(regular, running, NOW) is Status.WAITING
    over = [regular, ended(running[1], Ending.ACTIVE, NOW, UTC)]
    assert [one.id for one in due(over, NOW)] == [1]


@pytest.mark.scenario("JQ-24")
def test_runs_that_are_asked_for_are_carried_out_one_after_the_other() -> None:
    entries = {one: entry(id=one, recurring=False) for one in (1, 2)}
    order = []
    for _ in range(3):
        for one in due(list(entries.values()), NOW):
            order.append(one.id)
            entries[one.id] = ended(started(one), Ending.ACTIVE, NOW, UTC)
    assert order == [1, 2]


def test_the_start_stays_on_its_grid_however_long_a_run_takes() -> None:
    assert following(entry(), NOW + timedelta(minutes=7), UTC) == NOW + timedelta(minutes=30)
    assert following(entry(), NOW + timedelta(minutes=61), UTC) == NOW + timedelta(minutes=90)


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        # Clocks go from 02:00 to 03:00: 02:30 does not exist and counts as 03:30.
        (datetime(2026, 3, 29, 0, 0, tzinfo=UTC), datetime(2026, 3, 29, 1, 30, tzinfo=UTC)),
        # The day before it is 02:30 in winter time, the day after in summer time.
        (datetime(2026, 3, 28, 0, 0, tzinfo=UTC), datetime(2026, 3, 28, 1, 30, tzinfo=UTC)),
        (datetime(2026, 3, 30, 0, 0, tzinfo=UTC), datetime(2026, 3, 30, 0, 30, tzinfo=UTC)),
        # Clocks go from 03:00 to 02:00: there are two of 02:30, and the first one opens the window.
        (datetime(2026, 10, 25, 0, 0, tzinfo=UTC), datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        # The second 02:45 is still inside.
        (datetime(2026, 10, 25, 1, 45, tzinfo=UTC), datetime(2026, 10, 25, 1, 45, tzinfo=UTC)),
    ],
)
def test_the_days_on_which_clocks_are_changed(moment: datetime, expected: datetime) -> None:
    night = Timing(opens=150, closes=180, time_zone="Europe/Oslo")
    assert in_window(night, moment, OSLO) == expected


def test_it_waits_for_its_hours_when_it_becomes_due_outside_them() -> None:
    office = entry(timing=Timing(opens=8 * 60, closes=16 * 60, days=(0, 1, 2, 3, 4)))
    evening = datetime(2026, 3, 13, 20, 0, tzinfo=UTC)
    moved = postponed(msgspec.structs.replace(office, next_start=evening), evening, UTC)
    assert moved.next_start == datetime(2026, 3, 16, 8, 0, tzinfo=UTC)
    assert postponed(office, NOW, UTC) == office


MOMENTS = st.one_of(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC)),
    # Around the hours in which clocks are changed.
    *(
        st.timedeltas(-timedelta(hours=30), timedelta(hours=30)).map(lambda by, at=at: at + by)
        for at in (
            datetime(2026, 3, 29, 1, tzinfo=UTC),
            datetime(2026, 10, 25, 1, tzinfo=UTC),
            datetime(2026, 4, 4, 15, tzinfo=UTC),
        )
    ),
)
TIMINGS = st.builds(
    lambda days, window, every, inactivity, attempts, category: Timing(
        days=tuple(sorted(days)),
        opens=window[0] * 30,
        closes=window[1] * 30,
        every_seconds=every,
        inactivity_seconds=inactivity,
        attempts_max=attempts,
        category=category,
    ),
    st.sets(st.integers(0, 6), min_size=1),
    st.tuples(st.integers(0, 47), st.integers(1, 48)).filter(lambda one: one[0] != one[1]),
    st.integers(1, 200_000),
    st.one_of(st.none(), st.integers(0, 200_000)),
    st.integers(1, 12),
    st.sampled_from(["", "A", "B"]),
)
ENTRIES = st.builds(
    lambda number, mapping, timing, recurring, status, start, running, attempts: Entry(
        id=number,
        mapping=mapping,
        timing=timing,
        recurring=recurring,
        status=status,
        next_start=start,
        running=running,
        attempts=attempts,
    ),
    st.integers(1, 1_000),
    st.sampled_from(["CUSTOMER", "VENDOR", "CURRENCY"]),
    TIMINGS,
    st.booleans(),
    st.sampled_from([Status.READY, Status.ON_HOLD, Status.INACTIVE, Status.ERROR, Status.FINISHED]),
    st.one_of(st.none(), MOMENTS),
    st.booleans(),
    st.integers(0, 20),
)


@given(TIMINGS, MOMENTS, st.sampled_from(ZONES))
def test_a_start_is_never_early_and_lies_in_the_window_by_the_clock_on_the_wall(
    timing: Timing, moment: datetime, zone: ZoneInfo
) -> None:
    start = in_window(timing, moment, zone)
    assert start >= moment
    assert in_window(timing, start, zone) == start
    assert start - moment < timedelta(days=8)
    local = start.astimezone(zone)
    around = {(start + timedelta(hours=by)).astimezone(zone).utcoffset() for by in (-25, 0, 25)}
    if len(around) > 1:
        return  # the examples show what the clock on the wall says then
    minute = local.hour * 60 + local.minute
    yesterday = (local.weekday() - 1) % 7
    if timing.opens < timing.closes:
        assert timing.opens <= minute < timing.closes
        assert local.weekday() in timing.days
    elif minute >= timing.opens:
        assert local.weekday() in timing.days
    else:
        assert minute < timing.closes
        assert yesterday in timing.days


@given(st.lists(ENTRIES, max_size=8), MOMENTS)
def test_what_is_due_never_meets_in_a_mapping_or_category(entries: list[Entry], now: datetime) -> None:
    chosen = due(entries, now)
    together = [one for one in entries if one.running] + chosen
    for one in chosen:
        assert is_due(one, now)
        others = [each for each in together if each is not one]
        assert one.mapping not in {each.mapping for each in others}
        assert not one.timing.category or one.timing.category not in {each.timing.category for each in others}
    # Nothing that could have started is left.
    for one in entries:
        if is_due(one, now) and one not in chosen:
            assert any(
                one.mapping == each.mapping
                or (one.timing.category and one.timing.category == each.timing.category)
                for each in together
            )


@given(ENTRIES, st.sampled_from(Ending), MOMENTS, st.sampled_from(ZONES))
def test_after_a_run_nothing_is_lost_and_nothing_runs_on(
    one: Entry, ending: Ending, now: datetime, zone: ZoneInfo
) -> None:
    over = ended(started(one), ending, now, zone)
    assert not over.running
    if over.status in {Status.ERROR, Status.FINISHED, Status.ON_HOLD}:
        assert over.next_start is None
    else:
        assert over.next_start is None or over.next_start >= now
        # Only a time-out of 0 leaves an entry to a change alone.
        assert over.next_start is not None or over.timing.inactivity_seconds == 0
    # A run that is over does not start again at once, unless it was cut off.
    if ending in {Ending.ACTIVE, Ending.EMPTY, Ending.FAILED, Ending.FAILED_IN_PASSING}:
        assert not is_due(over, now) or one.timing.delay_seconds == 0 or over.timing.inactivity_seconds == 0


@given(ENTRIES, MOMENTS, st.integers(1, 400), st.sampled_from(ZONES))
def test_a_long_silence_is_made_up_for_by_one_run(
    one: Entry, now: datetime, days: int, zone: ZoneInfo
) -> None:
    late = msgspec.structs.replace(one, next_start=now - timedelta(days=days), running=False)
    assert following(late, now, zone) > now


def test_a_week_minute_by_minute() -> None:
    """Monday to Sunday: changes on Tuesday at noon, services gone on Wednesday from 08:00 to 14:00, workers
    off from Thursday evening to Saturday morning."""
    start = datetime(2026, 3, 9, tzinfo=UTC)
    one = entry(next_start=start, timing=Timing(every_seconds=1_800, inactivity_seconds=43_200))
    runs: list[datetime] = []
    change = start + timedelta(days=1, hours=12)
    gone = (start + timedelta(days=2, hours=8), start + timedelta(days=2, hours=14))
    off = (start + timedelta(days=3, hours=20), start + timedelta(days=5, hours=9))
    unread = False
    for minutes in range(7 * 24 * 60):
        now = start + minutes * MINUTE
        if now in {change, gone[0] + MINUTE}:
            unread, one = True, woken(one, now)
        if off[0] <= now < off[1] or not due([one], now):
            continue
        runs.append(now)
        if gone[0] <= now < gone[1]:
            one = ended(started(one), Ending.FAILED_IN_PASSING, now, UTC, "no answer")
        else:
            one = ended(started(one), Ending.ACTIVE if unread else Ending.EMPTY, now, UTC)
            unread = False
    monday = [one for one in runs if one < start + timedelta(days=1)]
    assert monday == [start, start + timedelta(hours=12)]
    # Woken within a minute, then every half hour until a run finds nothing.
    assert change + MINUTE in runs
    assert change + 31 * MINUTE in runs
    # It goes on by itself soon after the services are back, and what was unread is read.
    assert any(gone[1] <= one <= gone[1] + timedelta(hours=3) for one in runs)
    assert not unread
    # One run makes up for a day and a half.
    assert len([one for one in runs if off[1] <= one < off[1] + 10 * MINUTE]) == 1
    assert one.status in {Status.READY, Status.INACTIVE}
