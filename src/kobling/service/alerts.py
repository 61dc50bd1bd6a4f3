"""What is wrong now, among what people should be told of though nobody looks."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta

from kobling.adapters.postgres.alert_store import AlertStore
from kobling.adapters.postgres.examination import guarded_mappings
from kobling.adapters.postgres.schedule_store import Stored
from kobling.algebra.schedule import overdue
from kobling.engine.pause import paused_words
from kobling.model.alert import Alert, AlertKind, AlertLimits
from kobling.model.schedule import Status
from kobling.model.state import Open
from kobling.service.expiries import expiries
from kobling.service.schedule import enabled_names, known_entries, schedule_store
from kobling.service.session import Document, Session


def alert_store(session: Session) -> AlertStore:
    """The alerts of the session's connection."""
    return AlertStore(session.state.database, session.state.connection_id)


async def list_alerts(session: Session) -> Document:
    """What is wrong now, looked at now: `{"alerts": [...]}`."""
    async with schedule_store(session).changing() as now:
        found = await found_alerts(session, now)
    since = {one.key: one.raised_at for one in await alert_store(session).known() if not one.cleared_at}
    return {"alerts": [_document(one, since.get(one.key)) for one in found]}


async def found_alerts(session: Session, now: datetime) -> list[Alert]:
    """Every alert, by the limits of the configuration. To be called while nobody else changes entries."""
    limits, store = session.configuration.alerts, schedule_store(session)
    enabled = await enabled_names(session)
    known = [one for one in await known_entries(session, store, now) if one.entry.mapping in enabled]
    found = [*_failing(known, limits), *_standing_still(known, limits, now)]
    if not await paused_words(session.state):
        # While it is paused, it does nothing on purpose.
        found += [*_late(known, limits, now), *_quiet(known, now)]
    found += await _waiting(session, limits)
    found += await _guarded(session, enabled)
    if limits.expires_days:
        found += [
            Alert(
                kind=AlertKind.EXPIRES,
                subject=one.subject,
                message=_said(one.subject, one.words(now)),
                cure=one.cure,
            )
            for one in await expiries(session, now)
            if one.is_near(now, limits.expires_days)
        ]
    return found


def _failing(known: Iterable[Stored], limits: AlertLimits) -> list[Alert]:
    """Of each mapping the entry that is worst off: it also has entries that run once."""
    found: dict[tuple[str, str], Alert] = {}
    for entry in sorted((one.entry for one in known), key=lambda one: one.attempts):
        name, why = entry.mapping, entry.message or "no reason was kept"
        if entry.status is Status.ERROR:
            words = f"it has failed as often as it may: {why}"
            cure = f"Mend that, then: kobling schedule ready {shlex.quote(name)}."
            one = _alert(AlertKind.ERROR, name, words, cure)
        elif limits.failed_runs and entry.attempts >= limits.failed_runs:
            words = f"{entry.attempts} runs in a row have failed: {why}"
            one = _alert(
                AlertKind.FAILED, name, words, "It is tried again by itself; kobling doctor says more."
            )
        else:
            continue
        found[one.key] = one
    return list(found.values())


def _late(known: Sequence[Stored], limits: AlertLimits, now: datetime) -> list[Alert]:
    if not limits.late_minutes:
        return []
    late = overdue([one.entry for one in known], now, timedelta(minutes=limits.late_minutes))
    cure = "Start a worker: kobling worker, or kobling serve."
    return [
        _alert(AlertKind.LATE, name, f"it was due {_minutes(waits)} minutes ago and has not begun", cure)
        for name, waits in late.items()
    ]


def _standing_still(known: Iterable[Stored], limits: AlertLimits, now: datetime) -> list[Alert]:
    limit = timedelta(minutes=limits.stuck_minutes)
    found = {
        one.entry.mapping: now - one.moved_at
        for one in known
        if limit and one.entry.running and one.moved_at is not None and now - one.moved_at > limit
    }
    cure = "Look at the log of its worker. Stop that process, and another one takes the work over."
    return [
        _alert(AlertKind.STUCK, name, f"it runs, and has got nowhere for {_minutes(since)} minutes", cure)
        for name, since in found.items()
    ]


def _quiet(known: Iterable[Stored], now: datetime) -> list[Alert]:
    found = []
    for one in known:
        name, seconds = one.entry.mapping, one.entry.timing.quiet_seconds
        # Who put it on hold knows that it does nothing.
        if seconds is None or one.entry.status is Status.ON_HOLD or not one.entry.recurring:
            continue
        if now - one.active_at > timedelta(seconds=seconds):
            words = f"it has done nothing for {_minutes(now - one.active_at)} minutes"
            cure = "See what it reads: kobling job list {0}, kobling verify {0}.".format(shlex.quote(name))
            found.append(_alert(AlertKind.QUIET, name, words, cure))
    return found


async def _waiting(session: Session, limits: AlertLimits) -> list[Alert]:
    """What waits for a person, by mapping."""
    told: tuple[tuple[AlertKind, int, str, str, Callable[[Open], int]], ...] = (
        (AlertKind.SKIPPED, limits.skipped_records, "skipped", "skipped", lambda one: one.skipped),
        (AlertKind.CONFLICTS, limits.conflict_records, "in conflict", "conflict", lambda one: one.conflicts),
        (AlertKind.HELD, limits.held_records, "held", "held", lambda one: one.held),
    )
    found = []
    for name, mapping in (await session.mappings()).items():
        counts = await (await session.state.mapping(mapping)).open_counts()
        for kind, limit, word, group, count in told:
            if limit and count(counts) >= limit:
                words = f"{count(counts)} records are {word}"
                found.append(_alert(kind, name, words, f"A person decides: kobling {group} list."))
    return found


async def _guarded(session: Session, enabled: Collection[str]) -> list[Alert]:
    rows = await guarded_mappings(session.state.database, session.state.connection_id)
    cure = "See what it would do: kobling sync {} --dry-run. If that is wanted, go on with --allow."
    return [
        _alert(
            AlertKind.GUARD, name, f"a guard stopped its last run: {words}", cure.format(shlex.quote(name))
        )
        for name, words in rows
        if name in enabled
    ]


def _alert(kind: AlertKind, mapping: str, words: str, cure: str) -> Alert:
    return Alert(kind=kind, subject=mapping, message=_said(mapping, words), cure=cure)


def _said(subject: str, words: str) -> str:
    return f"{subject}: {words.rstrip('.')}"


def _minutes(time: timedelta) -> int:
    return int(time.total_seconds()) // 60


def _document(one: Alert, since: datetime | None) -> Document:
    return {
        "kind": one.kind.value,
        "subject": one.subject,
        "message": one.message,
        "cure": one.cure,
        "since": None if since is None else f"{since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
    }
