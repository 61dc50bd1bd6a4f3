"""What an installation's own database tells of its health."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final

from kobling.adapters.postgres import examination
from kobling.algebra.schedule import overdue
from kobling.catalogue.definition import changed
from kobling.catalogue.describe import depends_on
from kobling.engine.pause import paused_words
from kobling.engine.rebuild import RESTORED
from kobling.model.errors import ConfigurationError, KoblingError
from kobling.service.connection import Connection, connect
from kobling.service.database import EMBEDDED_FOLDER
from kobling.service.expiries import Expiry, kept
from kobling.service.finding import Finding, hint, problem
from kobling.service.schedule import enabled_names, known_entries, schedule_store
from kobling.service.session import Session

_OLD_DAYS: Final = 7
_LATE: Final = timedelta(minutes=10)
_JOBS_DAYS: Final = 90
_FREE_BYTES_MIN: Final = 1_000_000_000
# What has stayed this long was not going to be settled by itself; conflicts and the like wait for a person.
_BY_ITSELF: Final = frozenset({"new", "input", "stale", "transient", "guard"})


async def examine_state(session: Session, url: str) -> list[Finding]:
    """The findings of the database, in order."""
    found = [await _sessions(url), await _locks(session), await _place(session)]
    for check in _CHECKS:
        found += await check(session)
    return found


async def _sessions(url: str) -> Finding:
    if await examination.keeps_sessions(url):
        return Finding(name="sessions", message="connections keep their sessions")
    return problem(
        "sessions",
        "a pooler in transaction mode stands before PostgreSQL. Locks that keep two runs of one mapping apart"
        " belong to a session, and such a pooler hands sessions on",
        "Name PostgreSQL itself in the database's URL, or put the pooler into session mode.",
        2,
    )


async def _locks(session: Session) -> Finding:
    held = await examination.held_mappings(session.state.database, session.state.connection_id)
    return Finding(name="locks", message=f"runs hold {', '.join(held)} now" if held else "no run is going on")


async def _paused(session: Session) -> list[Finding]:
    words = await paused_words(session.state)
    if not words:
        return [Finding(name="pause", message="the connection is not paused")]
    return [
        problem("pause", f"a person has paused the connection {words}: nothing is written", "kobling resume")
    ]


async def _place(session: Session) -> Finding:
    """Whether the database belongs to where the configuration leads."""
    company, organization, _ = await session.state.identities()
    if not company and not organization:
        return Finding(name="place", message="the database is not bound yet; the first run binds it")
    try:
        async with connect(session.configuration) as connection:
            wrong = await _elsewhere(connection, company, organization)
    except KoblingError as error:
        return hint("place", f"not tested: {error.message}", "See the step of that service.")
    if wrong:
        return problem(
            "place",
            f"the database belongs to {wrong}",
            "Name another database or another connection name for this one, or correct the configuration.",
            2,
        )
    return Finding(name="place", message=f"company {company}, organization {organization}")


async def _elsewhere(connection: Connection, company: str, organization: str) -> str:
    pairs = (
        ("company", company, await connection.company_id()),
        ("organization", organization, (await connection.organization()).id),
    )
    return ", ".join(
        f"{what} {old}, the configuration leads to {new}" for what, old, new in pairs if old and old != new
    )


async def _dependencies(session: Session) -> list[Finding]:
    """Enabled mappings whose records look others up that are in no mapping that runs."""
    changes = await session.changes()
    now = {name: changed(one, changes[name]) for name, one in session.definitions.items() if one.ready}
    found = [
        problem(
            "dependencies",
            f"{name} is enabled and looks up records of {other}, which is disabled",
            f"Enable it: kobling mapping set {shlex.quote(other)} enabled=on. Or disable {name}.",
        )
        for name, definition in now.items()
        if changes[name].is_enabled
        for other in depends_on(definition, now)
        if not changes[other].is_enabled
    ]
    return found or [Finding(name="dependencies", message="what enabled mappings look up is enabled, too")]


async def _inbox(session: Session) -> list[Finding]:
    rows = await examination.old_rows(session.state.database, session.state.connection_id, _OLD_DAYS)
    found = [_stays(*row) for row in rows]
    return found or [Finding(name="inbox", message=f"nothing has waited for longer than {_OLD_DAYS} days")]


def _stays(mapping: str, reason: str, count: int, days: int) -> Finding:
    message = f"{mapping}: {count} records have stayed for {days} days ({reason})"
    if reason in _BY_ITSELF:
        return problem("inbox", message, f"Nobody has run it since: kobling sync {shlex.quote(mapping)}.")
    cures = {"conflict": "kobling conflict list", "held": "kobling held list", "waiting": "kobling why"}
    return problem("inbox", message, f"A person decides: {cures.get(reason, 'kobling skipped list')}.")


async def _intents(session: Session) -> list[Finding]:
    rows = await examination.open_intents(session.state.database, session.state.connection_id)
    found = [
        problem(
            "journal",
            f"{mapping}: {count} batches of writes were begun by a run that is gone, and never settled",
            f"The next run looks what became of them: kobling sync {shlex.quote(mapping)}.",
        )
        for mapping, count in rows
    ]
    return found or [Finding(name="journal", message="every write is settled")]


async def _home(session: Session) -> list[Finding]:
    """Whether this is the database that was written to before, and no copy of it."""
    try:
        await session.check_home()
    except ConfigurationError as error:
        return [problem("home", error.message, error.cure, error.exit_status)]
    return [Finding(name="home", message="the database is where it was")]


async def _restored(session: Session) -> list[Finding]:
    """Mappings that do not know what was coupled after the state that was restored."""
    marks, enabled = await session.state.marks(), await enabled_names(session)
    found = [
        problem(
            "restored",
            f"{name}: an older state was restored ({marks[f'{RESTORED}{name}']}), and what was coupled after"
            " it is not known",
            f"kobling coupling rebuild {shlex.quote(name)}",
        )
        for name in sorted(enabled)
        if marks.get(f"{RESTORED}{name}")
    ]
    return found or [Finding(name="restored", message="no older state waits for its couplings")]


async def _schedule(session: Session) -> list[Finding]:
    database, key = session.state.database, session.state.connection_id
    if not await examination.worked(database, key):
        message = "no worker has taken anything up yet"
        return [Finding(name="schedule", message=message)]
    store, enabled = schedule_store(session), await enabled_names(session)
    async with store.changing() as now:
        known = [one.entry for one in await known_entries(session, store, now)]
    late = overdue([one for one in known if one.mapping in enabled], now, _LATE)
    if await paused_words(session.state):
        # It stands still on purpose.
        late = {}
    found = [
        problem(
            "schedule",
            f"{mapping} was due {int(waits.total_seconds()) // 60} minutes ago and has not begun",
            "Start a worker: kobling worker, or kobling serve.",
        )
        for mapping, waits in late.items()
    ]
    found += [
        problem(
            "schedule",
            f"{mapping} has failed as often as it may: {message or 'no reason was kept'}",
            f"Mend that, then: kobling schedule ready {shlex.quote(mapping)}.",
        )
        for mapping, message in await examination.failed_entries(database, key)
    ]
    return found or [Finding(name="schedule", message="what was due has run")]


async def _expiries(session: Session) -> list[Finding]:
    """Subscriptions and tokens; they are renewed by themselves, so only what is near its end is told."""
    now, early_days = await schedule_store(session).now(), session.configuration.alerts.expires_days
    found = [one for one in await kept(session, now) if one.is_near(now, early_days)]
    if not found:
        return [Finding(name="expiries", message="no subscription and no place in the changes ends soon")]
    return [expiry_finding(one, now, early_days) for one in found]


def expiry_finding(one: Expiry, now: datetime, early_days: int) -> Finding:
    """How near the end of something is. early_days: from when on people are told of what they renew."""
    if one.days_left(now) < 0:
        return problem(one.subject, one.words(now), one.cure, 2)
    if one.is_near(now, early_days):
        return hint(one.subject, one.words(now), one.cure)
    return Finding(name=one.subject, message=one.words(now))


async def _space(session: Session) -> list[Finding]:
    database, key = session.state.database, session.state.connection_id
    size = await examination.size_bytes(database)
    found = [Finding(name="size", message=f"the database takes {_told(size)}")]
    old = await examination.old_jobs(database, key, _JOBS_DAYS)
    if old:
        message = f"{old} jobs ended more than {_JOBS_DAYS} days ago; what they wrote is kept, with names"
        found.append(hint("retention", message, f"kobling job purge --older-than {_JOBS_DAYS}"))
    folder = session.configuration.folder / EMBEDDED_FOLDER
    if not session.configuration.database.url and folder.exists():
        free = shutil.disk_usage(folder).free
        enough = free >= _FREE_BYTES_MIN
        message = f"{_told(free)} are free where the embedded database lies"
        cure = "Make room: a full disk stops every run."
        found.append(Finding(name="disk", message=message) if enough else problem("disk", message, cure))
    return found


def _told(size: int) -> str:
    return f"{size / 1_000_000:,.0f} MB" if size < 10_000_000_000 else f"{size / 1_000_000_000:,.0f} GB"


_CHECKS: Final[tuple[Callable[[Session], Awaitable[list[Finding]]], ...]] = (
    _paused,
    _dependencies,
    _inbox,
    _intents,
    _home,
    _restored,
    _schedule,
    _expiries,
    _space,
)
