"""Alerts: what people are told of when nobody looks."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec


class AlertKind(StrEnum):
    """What an alert is about.

    FAILED: runs of an entry fail one after the other. ERROR: an entry has failed as often as it may. LATE: it
    was due and has not begun. STUCK: it runs and gets nowhere. QUIET: it runs and has done nothing for longer
    than its limit. SKIPPED, CONFLICTS, HELD: so many records wait for a person. GUARD: a guard has stopped
    the last run. EXPIRES: a secret, a certificate, a subscription or the token of a feed ends soon.
    """

    FAILED = "failed"
    ERROR = "error"
    LATE = "late"
    STUCK = "stuck"
    QUIET = "quiet"
    SKIPPED = "skipped"
    CONFLICTS = "conflicts"
    HELD = "held"
    GUARD = "guard"
    EXPIRES = "expires"


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong now. subject: a mapping, or what expires; with the kind it tells alerts apart.
    message, cure: in words, without the data of records."""

    kind: AlertKind
    subject: str
    message: str
    cure: str

    @property
    def key(self) -> tuple[str, str]:
        """What tells it apart."""
        return self.kind, self.subject


class KeptAlert(Alert, frozen=True, kw_only=True):
    """One that was seen. cleared_at: None while it stands. told, told_over: the channels that know that it
    came, and that it went."""

    id: int
    raised_at: datetime
    cleared_at: datetime | None = None
    told: tuple[str, ...] = ()
    told_over: tuple[str, ...] = ()


class AlertLimits(msgspec.Struct, frozen=True, kw_only=True):
    """From when on something is an alert; 0 for never. failed_runs: in a row, of one entry. skipped_records,
    conflict_records, held_records: of one mapping."""

    failed_runs: int = 1
    late_minutes: int = 10
    stuck_minutes: int = 30
    skipped_records: int = 10
    conflict_records: int = 1
    held_records: int = 1
    expires_days: int = 30
