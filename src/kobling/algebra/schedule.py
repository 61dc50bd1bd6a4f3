"""What is due, and what becomes of an entry after a run: every rule of the schedule.

Pure: the time comes as an argument, aware and in any zone, and so does the time zone of an entry.

- An entry is due when its next start has come. However long nobody looked, it runs once, not once for each
  start that was missed.
- The next start lies on the grid of the frequency, so a slow run does not shift it, and inside the window of
  the day. Where the clocks are put forward, a time that the day leaves out counts as much later as they were
  put; where they are put back, a window opens with the first and closes with the last of two equal times.
- A run that found nothing puts the entry on hold for its inactivity time-out; a change wakes it.
- A run that failed is tried again after a delay that doubles, up to six hours. Having failed as often as it
  may, the entry ends in error, unless the failure is one that ends by itself: then it goes on at its
  frequency.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Final

import msgspec

from kobling.model.schedule import MINUTES_OF_DAY, Ending, Entry, Status, Timing

# Changes come in swarms; one run should take what belongs together.
WAKE_SECONDS: Final = 2
DELAY_SECONDS_MAX: Final = 6 * 60 * 60
_STARTS: Final = frozenset({Status.READY, Status.INACTIVE})
_FAILURES: Final = frozenset({Ending.DIED, Ending.FAILED, Ending.FAILED_IN_PASSING})
# Yesterday's window may reach into today, and the next one may be a week away.
_DAYS_AHEAD: Final = 9


def due(entries: Sequence[Entry], now: datetime) -> list[Entry]:
    """Those to start now, the longest due first; of a mapping and of a category one at a time."""
    busy = {key for one in entries if one.running for key in _keys(one)}
    chosen = []
    # A full run asked for goes before the regular one of its mapping.
    for one in sorted(
        (one for one in entries if is_due(one, now)), key=lambda one: (one.recurring, _at(one))
    ):
        if not busy & _keys(one):
            chosen.append(one)
            busy |= _keys(one)
    return chosen


def is_due(entry: Entry, now: datetime) -> bool:
    """Whether its time has come, whoever else runs."""
    return (
        entry.status in _STARTS
        and not entry.running
        and entry.next_start is not None
        and entry.next_start <= now
    )


def postponed(entry: Entry, now: datetime, zone: tzinfo) -> Entry:
    """It as it is where its time has come outside its window: it waits for the next one."""
    if not is_due(entry, now) or (start := in_window(entry.timing, now, zone)) <= now:
        return entry
    return msgspec.structs.replace(entry, next_start=start)


def shown(entry: Entry, entries: Iterable[Entry], now: datetime) -> Status:
    """The status that people read."""
    if entry.running:
        return Status.IN_PROCESS
    if is_due(entry, now) and any(one.running and _keys(one) & _keys(entry) for one in entries):
        return Status.WAITING
    return entry.status


def overdue(entries: Sequence[Entry], now: datetime, limit: timedelta) -> dict[str, timedelta]:
    """For how long mappings have been due for longer than the limit without having begun. What only waits
    behind another entry of its category or its mapping is not late: that one may be."""
    found: dict[str, timedelta] = {}
    for one in entries:
        if is_due(one, now) and now - _at(one) > limit and shown(one, entries, now) is not Status.WAITING:
            found[one.mapping] = max(now - _at(one), found.get(one.mapping, limit))
    return found


def started(entry: Entry) -> Entry:
    """A run of it begins."""
    return msgspec.structs.replace(entry, status=Status.READY, running=True, again=False)


def woken(entry: Entry, now: datetime) -> Entry:
    """Something has changed that it should look at."""
    if entry.running:
        return msgspec.structs.replace(entry, again=True)
    soon = now + timedelta(seconds=WAKE_SECONDS)
    if entry.status not in _STARTS or not entry.recurring or _is_sooner(entry, soon):
        return entry
    # Before its next try, an entry that failed has no reason to hurry.
    if entry.attempts:
        return entry
    return msgspec.structs.replace(entry, status=Status.READY, next_start=soon)


def _is_sooner(entry: Entry, moment: datetime) -> bool:
    """Whether it starts before that moment anyway."""
    return entry.status is Status.READY and entry.next_start is not None and entry.next_start <= moment


def held(entry: Entry) -> Entry:
    """A person puts it on hold; what runs goes on to its end."""
    return msgspec.structs.replace(entry, status=Status.ON_HOLD, next_start=None)


def ready(entry: Entry, now: datetime) -> Entry:
    """A person sets it going: it starts at once, and its failures are forgotten."""
    return msgspec.structs.replace(
        entry,
        status=Status.READY,
        next_start=entry.next_start if entry.running else now,
        attempts=0,
        message="",
    )


def retimed(entry: Entry, timing: Timing, now: datetime, zone: tzinfo) -> Entry:
    """A person gives it another timing: the next start is where that puts it, if it is another time."""
    entry = msgspec.structs.replace(entry, timing=timing)
    if entry.next_start is None or entry.status is not Status.READY:
        return entry
    if is_due(entry, now):
        return postponed(entry, now, zone)
    soonest = following(msgspec.structs.replace(entry, next_start=now), now, zone)
    start = in_window(timing, min(entry.next_start, soonest), zone)
    return msgspec.structs.replace(entry, next_start=start)


def ended(entry: Entry, ending: Ending, now: datetime, zone: tzinfo, message: str = "") -> Entry:
    """What becomes of it after a run."""
    over = msgspec.structs.replace(entry, running=False, again=False)
    if ending in {Ending.STOPPED, Ending.DIED_AT_WORK}:
        # A run that gets somewhere each time comes to its end, however often it is interrupted.
        return over if over.status is Status.ON_HOLD else msgspec.structs.replace(over, next_start=now)
    if ending in _FAILURES:
        return _failed(over, ending, now, zone, message)
    over = msgspec.structs.replace(over, attempts=0, message="")
    if not over.recurring:
        return msgspec.structs.replace(over, status=Status.FINISHED, next_start=None)
    if over.status is Status.ON_HOLD:
        return over
    if entry.again:
        soon = now + timedelta(seconds=WAKE_SECONDS)
        return msgspec.structs.replace(over, status=Status.READY, next_start=soon)
    if ending is Ending.EMPTY and over.timing.inactivity_seconds is not None:
        return _inactive(over, now)
    return msgspec.structs.replace(over, status=Status.READY, next_start=following(over, now, zone))


def _inactive(entry: Entry, now: datetime) -> Entry:
    seconds = entry.timing.inactivity_seconds
    until = now + timedelta(seconds=seconds) if seconds else None
    return msgspec.structs.replace(entry, status=Status.INACTIVE, next_start=until)


def _failed(entry: Entry, ending: Ending, now: datetime, zone: tzinfo, message: str) -> Entry:
    attempts = entry.attempts + 1
    failed = msgspec.structs.replace(entry, attempts=attempts, message=message)
    if failed.status is Status.ON_HOLD:
        return failed
    if ending is Ending.DIED and attempts == 1:
        # Mostly a machine was switched off, and others can go on at once.
        return msgspec.structs.replace(failed, status=Status.READY, next_start=now)
    if attempts < failed.timing.attempts_max:
        again = now + timedelta(seconds=_delay_seconds(failed.timing, attempts))
        return msgspec.structs.replace(failed, status=Status.READY, next_start=again)
    if ending is Ending.FAILED_IN_PASSING and failed.recurring:
        return msgspec.structs.replace(failed, status=Status.READY, next_start=following(failed, now, zone))
    return msgspec.structs.replace(failed, status=Status.ERROR, next_start=None)


def _delay_seconds(timing: Timing, attempts: int) -> int:
    """How long to wait after that many failures in a row."""
    # The exponent is bounded, as somebody may allow a thousand attempts.
    return min(timing.delay_seconds << min(attempts - 1, 20), DELAY_SECONDS_MAX)


def following(entry: Entry, now: datetime, zone: tzinfo) -> datetime:
    """The first start after now on the grid of the frequency, inside the window."""
    last = entry.next_start if entry.next_start is not None and entry.next_start <= now else now
    steps = int((now - last).total_seconds() // entry.timing.every_seconds) + 1
    return in_window(entry.timing, last + timedelta(seconds=steps * entry.timing.every_seconds), zone)


def in_window(timing: Timing, moment: datetime, zone: tzinfo) -> datetime:
    """The moment itself if it lies in a window, else when the next one opens."""
    first = moment.astimezone(zone).date() - timedelta(days=1)
    for ahead in range(_DAYS_AHEAD + 1):
        day = first + timedelta(days=ahead)
        opens, closes = _window(timing, day, zone)
        if day.weekday() in timing.days and moment < closes:
            return max(moment, opens)
    raise AssertionError("a week has every day")


def _window(timing: Timing, day: date, zone: tzinfo) -> tuple[datetime, datetime]:
    until = timing.closes if timing.closes > timing.opens else timing.closes + MINUTES_OF_DAY
    opens, closes = _moment(day, timing.opens, zone, fold=0), _moment(day, until, zone, fold=1)
    # A window in the very hour that a spring day leaves out keeps its length.
    return opens, closes if closes > opens else opens + timedelta(minutes=until - timing.opens)


def _moment(day: date, minute: int, zone: tzinfo, *, fold: int) -> datetime:
    days, rest = divmod(minute, MINUTES_OF_DAY)
    local = datetime(day.year, day.month, day.day, rest // 60, rest % 60, tzinfo=zone) + timedelta(days=days)
    # In the hour that a spring day leaves out, fold 0 counts from before the clocks were put forward, and so
    # comes out that much later; fold 1 would come out earlier than times before it.
    later = local.replace(fold=fold).astimezone(UTC)
    return max(later, local.replace(fold=0).astimezone(UTC))


def _keys(entry: Entry) -> set[tuple[str, str]]:
    keys = {("mapping", entry.mapping)}
    return keys | {("category", entry.timing.category)} if entry.timing.category else keys


def _at(entry: Entry) -> datetime:
    assert entry.next_start is not None
    return entry.next_start
