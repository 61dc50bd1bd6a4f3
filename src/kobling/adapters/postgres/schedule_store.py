"""Job queue entries in PostgreSQL. Its clock is the only one, as workers stand on many machines."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
import psycopg

from kobling.adapters.postgres.locks import Lock
from kobling.adapters.postgres.packing import encoder
from kobling.catalogue.schedule import ONCE, TimingEdits, edited, shipped_status, timing_of
from kobling.model.schedule import Entry, Status, Work

# What ran once is kept for people to look at, not for ever.
_KEPT_DAYS: Final = 30
# Two mappings that always found work in each other's inbox would never rest.
_REST_SECONDS: Final = 15
_COLUMNS: Final = (
    "schedule_entry.id, mapping.name, recurring, work, edits, status, next_start, running, again, attempts,"
    " message, queue_job, started_at, progress_at, active_at"
)


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """An entry, what a person changed of its timing, and the job of the queue that carries it out.

    moved_at: when its last run began, or last got somewhere; None before the first. active_at: when one last
    did something.
    """

    entry: Entry
    edits: TimingEdits
    queue_job: int | None
    moved_at: datetime | None
    active_at: datetime


class ScheduleStore:
    """The entries of one connection, on one database connection."""

    def __init__(self, database: psycopg.AsyncConnection[Any], connection_id: int) -> None:
        self.database = database
        self.connection_id = connection_id

    @asynccontextmanager
    async def changing(self) -> AsyncIterator[datetime]:
        """One transaction in which nobody else changes entries; the time of the database."""
        async with self.database.transaction():
            await self.database.execute(
                "select pg_advisory_xact_lock(%s, %s)", [Lock.SCHEDULE, self.connection_id]
            )
            yield await self.now()

    async def now(self) -> datetime:
        """The time of the database."""
        row = await (await self.database.execute("select clock_timestamp()")).fetchone()
        assert row is not None
        return _utc(row[0])

    async def ensure(self, names: Sequence[str], now: datetime) -> None:
        """Makes the recurring entry of each of these mappings that has none."""
        rows = [(one, shipped_status(one)) for one in names]
        # Workers ask every second, and a row that conflicts uses up an id all the same.
        await self.database.execute(
            "insert into mapping (connection_id, name) select %s, name from unnest(%s::text[]) as given(name)"
            " where not exists (select 1 from mapping where connection_id = %s and mapping.name = given.name)"
            " on conflict do nothing",
            [self.connection_id, list(names), self.connection_id],
        )
        await self.database.execute(
            "insert into schedule_entry (mapping_id, recurring, status, next_start)"
            " select mapping.id, true, given.status,"
            f" case when given.status = '{Status.READY}' then %s end"
            " from unnest(%s::text[], %s::text[]) as given(name, status)"
            " join mapping on mapping.name = given.name and connection_id = %s"
            " where not exists (select 1 from schedule_entry where mapping_id = mapping.id and recurring)",
            [now, [row[0] for row in rows], [str(row[1]) for row in rows], self.connection_id],
        )

    async def entries(self, names: Sequence[str]) -> list[Stored]:
        """The entries of these mappings, in their order; those that run once behind the recurring one."""
        cursor = await self.database.execute(
            f"select {_COLUMNS} from schedule_entry join mapping on mapping.id = mapping_id"
            " where connection_id = %s and mapping.name = any(%s)"
            " order by array_position(%s, mapping.name), recurring desc, schedule_entry.id",
            [self.connection_id, list(names), list(names)],
        )
        return [_stored(row) async for row in cursor]

    async def entry(self, number: int) -> Stored | None:
        """One entry."""
        cursor = await self.database.execute(
            f"select {_COLUMNS} from schedule_entry join mapping on mapping.id = mapping_id"
            " where connection_id = %s and schedule_entry.id = %s",
            [self.connection_id, number],
        )
        row = await cursor.fetchone()
        return None if row is None else _stored(row)

    async def with_work(self, now: datetime) -> dict[str, datetime]:
        """The mappings in whose inbox something is due: what another run read or coupled is theirs to take
        up, and failures whose pause is over. With each the time before which it should not run again."""
        cursor = await self.database.execute(
            "select mapping.name, greatest(%s, max(ended_at) + make_interval(secs => %s))"
            " from mapping left join schedule_entry on schedule_entry.mapping_id = mapping.id"
            " where connection_id = %s"
            " and exists (select 1 from inbox where inbox.mapping_id = mapping.id"
            " and (due or next_try <= now()))"
            " group by mapping.name",
            [now, _REST_SECONDS, self.connection_id],
        )
        return {row[0]: _utc(row[1]) async for row in cursor}

    async def save(self, entry: Entry, queue_job: int | None = None) -> None:
        """Stores an entry as it is now."""
        await self.database.execute(
            "update schedule_entry set status = %s, next_start = %s, again = %s, attempts = %s,"
            " message = %s, queue_job = %s, running = %s,"
            " started_at = case when %s and not running then clock_timestamp() else started_at end,"
            " ended_at = case when running and not %s then clock_timestamp() else ended_at end"
            " where id = %s",
            [
                entry.status,
                entry.next_start,
                entry.again,
                entry.attempts,
                entry.message,
                queue_job,
                *[entry.running] * 3,
                entry.id,
            ],
        )

    async def note_progress(self, numbers: Sequence[int]) -> None:
        """The runs of these entries get somewhere."""
        await self.database.execute(
            "update schedule_entry set progress_at = clock_timestamp() where id = any(%s)", [list(numbers)]
        )

    async def note_active(self, number: int) -> None:
        """A run of this entry did something."""
        await self.database.execute(
            "update schedule_entry set active_at = clock_timestamp() where id = %s", [number]
        )

    async def has_written(self, name: str) -> bool:
        """Whether the last job of a mapping has written anything."""
        cursor = await self.database.execute(
            "select exists (select 1 from audit where job_id = (select max(job.id) from job"
            " join mapping on mapping.id = mapping_id where connection_id = %s and name = %s))",
            [self.connection_id, name],
        )
        row = await cursor.fetchone()
        return row is not None and bool(row[0])

    async def edit(self, entry: Entry, edits: TimingEdits) -> None:
        """Stores what a person changed of its timing."""
        await self.database.execute(
            "update schedule_entry set edits = %s::jsonb where id = %s",
            [encoder.encode(edits).decode(), entry.id],
        )

    async def ask_once(self, name: str, work: Work, now: datetime) -> int:
        """A new entry that runs once; its number. Old ones that are over go."""
        await self.database.execute(
            f"delete from schedule_entry where not recurring and not running"
            f" and ended_at < now() - interval '{_KEPT_DAYS} days'"
        )
        cursor = await self.database.execute(
            "insert into schedule_entry (mapping_id, recurring, work, status, next_start)"
            " select id, false, %s, %s, %s from mapping where connection_id = %s and name = %s returning id",
            [work, Status.READY, now, self.connection_id, name],
        )
        row = await cursor.fetchone()
        assert row is not None
        return int(row[0])


def _stored(row: tuple[Any, ...]) -> Stored:
    name, recurring, edits = row[1], row[2], msgspec.convert(row[4], TimingEdits)
    entry = Entry(
        id=row[0],
        mapping=name,
        timing=edited(timing_of(name), edits) if recurring else ONCE,
        recurring=recurring,
        work=Work(row[3]),
        status=Status(row[5]),
        next_start=None if row[6] is None else _utc(row[6]),
        running=row[7],
        again=row[8],
        attempts=row[9],
        message=row[10],
    )
    moved = max((_utc(one) for one in row[12:14] if one is not None), default=None)
    return Stored(entry=entry, edits=edits, queue_job=row[11], moved_at=moved, active_at=_utc(row[14]))


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)
