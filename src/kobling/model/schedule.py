"""Job queue entries: what runs when, and what a run came to."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

MINUTES_OF_DAY = 24 * 60
EVERY_DAY = (0, 1, 2, 3, 4, 5, 6)


class Status(StrEnum):
    """What people read of an entry. IN_PROCESS and WAITING are never stored: they follow from what runs.

    INACTIVE: the last run found nothing; a change, or the end of the time-out, brings it back. WAITING: due,
    but another entry of its category or its mapping runs. ERROR: failed as often as it may. FINISHED: an
    entry that was to run once has.
    """

    READY = "Ready"
    IN_PROCESS = "In Process"
    ON_HOLD = "On Hold"
    INACTIVE = "On Hold Due to Inactivity"
    WAITING = "Waiting"
    ERROR = "Error"
    FINISHED = "Finished"


class Timing(msgspec.Struct, frozen=True, kw_only=True):
    """When an entry runs. inactivity_seconds: how long it is held after a run that found nothing; 0 until a
    change wakes it, None never. attempts_max: runs in a row that may fail. delay_seconds: after the first of
    them. Entries of one category do not run at the same time. days: 0 is Monday. Within a day it begins from
    the minute `opens` until before the minute `closes`, by the clock of the entry's time zone; the window may
    reach over midnight, and then belongs to the day on which it opens.
    """

    every_seconds: int = 1_800
    inactivity_seconds: int | None = 43_200
    attempts_max: int = 10
    delay_seconds: int = 30
    category: str = ""
    days: tuple[int, ...] = EVERY_DAY
    opens: int = 0
    closes: int = MINUTES_OF_DAY
    time_zone: str = "UTC"
    quiet_seconds: int | None = None

    def __post_init__(self) -> None:
        if self.every_seconds < 1 or self.attempts_max < 1 or self.delay_seconds < 0:
            raise ValueError("an entry runs at most once a second and at least once")
        if self.inactivity_seconds is not None and self.inactivity_seconds < 0:
            raise ValueError("an entry is held for no negative time")
        if not self.days or not set(self.days) <= set(EVERY_DAY):
            raise ValueError("an entry runs on at least one day of the week")
        if not (0 <= self.opens < MINUTES_OF_DAY and 0 < self.closes <= MINUTES_OF_DAY):
            raise ValueError("a window lies within a day")
        if self.opens == self.closes:
            raise ValueError("a window has a length")


class Work(StrEnum):
    """What a run does: what changed, or all records."""

    CHANGES = "changes"
    FULL = "full"


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One entry as it stands. recurring: else it runs once. next_start: None where only a change, or a
    person, brings it back. attempts: failed runs in a row. again: a change came while it ran. message: why
    the last run failed.
    """

    id: int
    mapping: str
    timing: Timing
    recurring: bool = True
    work: Work = Work.CHANGES
    status: Status = Status.READY
    next_start: datetime | None = None
    running: bool = False
    again: bool = False
    attempts: int = 0
    message: str = ""


class Ending(StrEnum):
    """How a run ended. STOPPED: the worker was told to stop, which is no fault of the entry.

    DIED: the worker is gone, whoever's fault it was; AT_WORK: but its run had got somewhere.
    FAILED_IN_PASSING: a service or the database could not be reached, which ends by itself.
    """

    ACTIVE = "active"
    EMPTY = "empty"
    STOPPED = "stopped"
    DIED = "died"
    DIED_AT_WORK = "died at work"
    FAILED = "failed"
    FAILED_IN_PASSING = "failed in passing"
