"""A worker: it queues what is due, and carries out what is queued. Any number may share a database."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

import msgspec

from kobling.adapters.postgres.queue import UNREACHABLE, Queue, live_jobs, open_queue, workers_alive
from kobling.adapters.postgres.schedule_store import ScheduleStore, Stored
from kobling.adapters.postgres.schema import open_database
from kobling.algebra.schedule import due, ended, is_due, postponed, started, woken
from kobling.engine.pause import paused_words
from kobling.engine.synchronize import Synchronization
from kobling.engine.task import Options
from kobling.model.errors import PausedError
from kobling.model.schedule import Ending, Entry, Status, Work
from kobling.service.configuration import Configuration
from kobling.service.failing import PASSING, described, is_passing
from kobling.service.helpers import Helpers
from kobling.service.notify import watch
from kobling.service.pausing import start_again
from kobling.service.retention import purge_daily
from kobling.service.schedule import enabled_names, known_entries, schedule_store, zone_of
from kobling.service.session import Document, Session, session_on, session_over
from kobling.service.synchronize import Request, synchronize

_LOOK_SECONDS: Final = 1.0
# An entry on hold is woken within that time; a look costs a request to each table that is read.
_LOOK_AGAIN: Final = timedelta(seconds=60)
_PROGRESS_SECONDS: Final = 10.0
# The job keeps them all.
_TOLD_ERRORS_MAX: Final = 20
_LOOKED: Final = "looked"
# What makes a run one that found something; what is merely unchanged, skipped or coupled does not.
_ACTIVITY: Final = ("inserted", "modified", "deleted", "failed")
_logger = logging.getLogger(__name__)


class Worker:
    """One worker process of some connections of one database. url: of that database."""

    def __init__(self, configurations: Sequence[Configuration], url: str, concurrency: int) -> None:
        self._configurations = configurations
        self._url = url
        self._concurrency = concurrency
        # By the ids of their connections; known once the database is there.
        self._known: dict[int, Configuration] = {}
        self._looking: dict[int, asyncio.Task[None]] = {}
        # Entries whose runs have got somewhere, and when that was last stored.
        self._moved: set[int] = set()
        self._noted = time.monotonic()
        self._helpers = Helpers(url, concurrency)

    async def run(self, stop: asyncio.Event) -> None:
        """Works until told to stop; outages of the services and of the database are outlived.

        Raises what cannot pass by itself: ConfigurationError, and UnreachableError at the very beginning.
        """
        async with self._sessions() as sessions:
            self._known = {one.state.connection_id: one.configuration for one in sessions}
            for one in sessions:
                await start_again(one)
        async with open_queue(self._url, list(self._known)) as queue:
            beside = [
                asyncio.create_task(self._again_and_again(partial(queue_due, queue=queue), stop)),
                asyncio.create_task(self._again_and_again(self._look_when_it_is_time, stop)),
                asyncio.create_task(self._again_and_again(watch, stop)),
                asyncio.create_task(self._again_and_again(purge_daily, stop)),
                asyncio.create_task(self._again_and_again(self._note_progress, stop)),
                asyncio.create_task(self._again_and_again(self._helpers.offer, stop)),
            ]
            try:
                await queue.work(self._carry_out, self._concurrency, stop)
            finally:
                stop.set()
                await asyncio.gather(*beside)
                await self._stop_looking()
                await self._helpers.stop()

    @asynccontextmanager
    async def _sessions(self) -> AsyncIterator[list[Session]]:
        """A session of each connection, all of them on one connection to the database."""
        database = await open_database(self._url)
        async with database:
            yield [await session_over(one, database, self._url) for one in self._configurations]

    async def _again_and_again(self, work: Callable[[Session], Awaitable[None]], stop: asyncio.Event) -> None:
        """Does the work for each connection every second; the way to the database is made anew where it
        breaks."""
        while not stop.is_set():
            try:
                async with self._sessions() as sessions:
                    while not stop.is_set():
                        for session in sessions:
                            await self._once(work, session)
                        await _pause(stop)
            except Exception as error:
                if not is_passing(error):
                    _logger.error("the schedule cannot be worked through: %s", described(error))
                await _pause(stop)

    async def _once(self, work: Callable[[Session], Awaitable[None]], session: Session) -> None:
        """What goes wrong in one connection does not hold up the others, unless it is the database."""
        try:
            await work(session)
        except Exception as error:
            if session.state.database.closed or isinstance(error, UNREACHABLE):
                raise
            if not is_passing(error):
                # Somebody may be editing what it stumbles over; a worker that is gone helps nobody.
                about = {"connection": session.configuration.connection.name}
                _logger.error("the schedule cannot be worked through: %s", described(error), extra=about)

    async def _look_when_it_is_time(self, session: Session) -> None:
        """The look itself may take long, and nobody waits for it."""
        number = session.state.connection_id
        if number in self._looking and not self._looking[number].done():
            return
        names = await inactive_names(session)
        if names:
            self._looking[number] = asyncio.create_task(self._look(session.configuration, names))

    async def _look(self, configuration: Configuration, names: Sequence[str]) -> None:
        try:
            async with session_on(configuration, self._url) as session:
                await look_for_changes(session, names)
        except Exception as error:
            if not is_passing(error):
                about = {"connection": configuration.connection.name}
                _logger.error("nobody can look for changes: %s", described(error), extra=about)

    async def _stop_looking(self) -> None:
        for one in self._looking.values():
            one.cancel()
        await asyncio.gather(*self._looking.values(), return_exceptions=True)

    async def _note_progress(self, session: Session) -> None:
        if self._moved and time.monotonic() > self._noted + _PROGRESS_SECONDS:
            moved, self._moved, self._noted = self._moved, set(), time.monotonic()
            await schedule_store(session).note_progress(sorted(moved))

    async def _carry_out(self, connection: int, number: int, job: int) -> None:
        """One job of the queue: the run that its entry asks for."""
        configuration = self._known[connection]
        about = {"connection": configuration.connection.name, "entry": number}
        try:
            async with session_on(configuration, self._url) as session:
                entry = await _claimed(session, number, job)
                if entry is None:
                    return
                with self._helpers.busy(session.state.connection_id, entry.mapping):
                    ending, message = await _outcome(
                        session, entry, lambda what, count: self._moved.add(number)
                    )
        except asyncio.CancelledError:
            await self._settle(configuration, number, job, Ending.STOPPED, "")
            raise
        except PASSING as error:
            ending, message = Ending.FAILED_IN_PASSING, described(error)
            _logger.warning("could not run: %s", message, extra=about)
        await self._settle(configuration, number, job, ending, message)

    async def _settle(
        self, configuration: Configuration, number: int, job: int, ending: Ending, message: str
    ) -> None:
        """What becomes of the entry. The connection of the run may be broken, so this takes another one."""
        try:
            async with session_on(configuration, self._url) as session:
                await settle(session, number, job, ending, message)
        except PASSING as error:
            # Once the database is back, a worker finds the entry without its job.
            _logger.warning("an outcome could not be stored: %s", described(error), extra={"entry": number})


async def queue_due(session: Session, queue: Queue) -> None:
    """One look at the schedule: what lost its worker is set free, what is due is queued."""
    await queue.rescue(session.state.database)
    await session.refresh()
    if await paused_words(session.state):
        # Nothing would be written: what is due stays due.
        return
    store, enabled = schedule_store(session), await enabled_names(session)
    async with store.changing() as now:
        known = [one for one in await known_entries(session, store, now) if one.entry.mapping in enabled]
        known = await _set_free(store, known, now)
        known = await _set_in_hours(store, known, now)
        for entry in due([one.entry for one in known], now):
            lock = f"{store.connection_id}/{entry.mapping}"
            number = await queue.put(store.database, store.connection_id, entry.id, lock)
            await store.save(started(entry), number)


async def inactive_names(session: Session) -> list[str]:
    """The mappings whose entries are on hold as their last run found nothing, if it is time to look whether
    something has changed. One worker gets them, from time to time, and in between this costs one query."""
    store = schedule_store(session)
    async with store.changing() as now:
        looked = (await session.state.marks()).get(_LOOKED)
        if looked is not None and now < datetime.fromisoformat(looked) + _LOOK_AGAIN:
            return []
        await session.refresh()
        enabled = await enabled_names(session)
        known = [one.entry for one in await known_entries(session, store, now)]
        names = [one.mapping for one in known if one.status is Status.INACTIVE and one.mapping in enabled]
        if names:
            await session.state.keep_mark(_LOOKED, now.isoformat())
        return names


async def look_for_changes(session: Session, names: Sequence[str]) -> None:
    """Reads what changed for these mappings, and wakes those for which something did."""
    async with session.context(Options()) as context:
        await Synchronization(context, []).look(names)
    store = schedule_store(session)
    async with store.changing() as now:
        work = {name: at for name, at in (await store.with_work(now)).items() if name in names}
        moved = await wake(session, store, work, now)
    if moved:
        about = {"connection": session.configuration.connection.name, "mappings": sorted(work)}
        _logger.info("found changes", extra=about)


async def settle(session: Session, number: int, job: int, ending: Ending, message: str) -> None:
    """Stores what a run came to, unless somebody else has taken the entry over meanwhile."""
    store = schedule_store(session)
    async with store.changing() as now:
        stored = await store.entry(number)
        if stored is None or stored.queue_job != job:
            return
        await store.save(ended(stored.entry, ending, now, zone_of(stored.entry.timing), message))
        if ending is Ending.ACTIVE:
            await store.note_active(number)
        if ending in {Ending.ACTIVE, Ending.EMPTY}:
            work = await store.with_work(now)
            work.pop(stored.entry.mapping, None)
            await wake(session, store, work, now)


async def wake(session: Session, store: ScheduleStore, work: Mapping[str, datetime], now: datetime) -> int:
    """Something has changed that these mappings should look at, from these times on; how many entries that
    brings forward."""
    moved = 0
    for stored in await known_entries(session, store, now):
        if stored.entry.mapping not in work:
            continue
        after = woken(stored.entry, work[stored.entry.mapping])
        if after != stored.entry:
            await store.save(after, stored.queue_job)
            moved += 1
    return moved


async def _set_free(store: ScheduleStore, known: list[Stored], now: datetime) -> list[Stored]:
    """Entries whose job is gone can be queued again."""
    running = [one for one in known if one.entry.running]
    if not running:
        return known
    live = await live_jobs(store.database, [one.queue_job for one in running if one.queue_job is not None])
    free = {}
    for one in running:
        if one.queue_job not in live:
            ending = Ending.DIED_AT_WORK if await store.has_written(one.entry.mapping) else Ending.DIED
            entry = ended(one.entry, ending, now, zone_of(one.entry.timing), "The worker was gone.")
            _logger.warning("its worker is gone", extra={"mapping": entry.mapping, "entry": entry.id})
            await store.save(entry)
            free[entry.id] = entry
    return [msgspec.structs.replace(one, entry=free.get(one.entry.id, one.entry)) for one in known]


async def _set_in_hours(store: ScheduleStore, known: list[Stored], now: datetime) -> list[Stored]:
    after = []
    for one in known:
        entry = one.entry
        if is_due(entry, now) and (moved := postponed(entry, now, zone_of(entry.timing))) != entry:
            await store.save(moved, one.queue_job)
            entry = moved
        after.append(msgspec.structs.replace(one, entry=entry))
    return after


async def _claimed(session: Session, number: int, job: int) -> Entry | None:
    """The entry, if this job is still the one that carries it out."""
    stored = await schedule_store(session).entry(number)
    return stored.entry if stored is not None and stored.queue_job == job else None


async def _outcome(
    session: Session, entry: Entry, progress: Callable[[str, int], None]
) -> tuple[Ending, str]:
    """Runs, and says what it came to; what only passes by itself is raised."""
    name = session.configuration.connection.name
    about = {"connection": name, "mapping": entry.mapping, "entry": entry.id}
    _logger.info("begins", extra=about)
    try:
        shared = await workers_alive(session.state.database) > 1
        request = Request(mappings=(entry.mapping,), full=entry.work is Work.FULL, shared=shared)
        document, _ = await synchronize(session, request, progress=progress, wait=_waits)
    except PASSING:
        raise
    except PausedError as error:
        _logger.info("paused", extra=about)
        return Ending.STOPPED, described(error)
    except Exception as error:
        _logger.error("failed: %s", described(error), extra=about)
        return Ending.FAILED, described(error)
    return _noted(document, about), ""


def _noted(document: Document, about: Mapping[str, Any]) -> Ending:
    """What a run that went to its end came to; it is logged, by ids alone."""
    for job in document["jobs"]:
        counts = {way: {word: n for word, n in job["counts"][way].items() if n} for way in ("to", "from")}
        _logger.info("finished", extra={**about, "job": job["job"], "seconds": job["seconds"], **counts})
        for one in job["errors"][:_TOLD_ERRORS_MAX]:
            ids = {"bc_id": one["bc_id"], "crm_id": one["crm_id"], "class": one["class"]}
            _logger.warning("could not settle a record", extra={**about, "job": job["job"], **ids})
    told = [job["counts"][way] for job in document["jobs"] for way in ("to", "from")]
    active = any(one.get(word) for one in told for word in _ACTIVITY)
    return Ending.ACTIVE if active else Ending.EMPTY


async def _pause(stop: asyncio.Event) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), _LOOK_SECONDS)


def _waits(name: str) -> None:
    _logger.info("another run holds it", extra={"mapping": name})
