"""A job that several workers share: which slices of its inbox each of them holds, and what they came to.

Slices are held by locks of the session, so whoever dies frees its own at once. What a worker settled is told
in the transaction that settled it, so the sums are right however it ends.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any, Final

import msgspec
import psycopg

from kobling.adapters.postgres.history import keep_errors
from kobling.adapters.postgres.inbox import SLICES, bits
from kobling.adapters.postgres.locks import Lock, is_held, sessions_that_hold
from kobling.adapters.postgres.packing import BETWEEN, as_text
from kobling.model.state import Failure, Intent, Invitation, Part, Tally

_TAKE: Final = (
    # Each begins elsewhere, so that a pair mostly stays with the worker that had it before.
    "with free as materialized (select slice from generate_series(0, %s) as slice"
    " where not slice = any(%s) order by (slice + pg_backend_pid()) %% %s)"
    " select slice from free where pg_try_advisory_lock(%s, slice) limit %s"
)
_tallies: Final = msgspec.json.Decoder(Tally)
_parts: Final = msgspec.json.Decoder(Part)
_intents: Final = msgspec.json.Decoder(list[Intent], float_hook=Decimal)


class SharedJob:
    """One job, as one of its workers sees it; on one database connection."""

    def __init__(self, database: psycopg.AsyncConnection[Any], mapping_id: int, job: int) -> None:
        self._database = database
        self._mapping_id = mapping_id
        self._job = job
        self._share = 0

    async def invite(self, turn: int | None, fingerprint: str = "") -> None:
        """Other workers may take part in this wave; None: in none."""
        await self._database.execute(
            "update job set shared_turn = %s, shared_as = %s where id = %s", [turn, fingerprint, self._job]
        )

    async def turn(self) -> int | None:
        """The wave in which others may take part; None where the job is over, wants nobody, or its worker is
        dead and a later run waits until we let go of our slices."""
        cursor = await self._database.execute(
            "select shared_turn from job where id = %s and status = 'running' and not exists"
            " (select 1 from pg_locks where locktype = 'advisory' and not granted"
            " and classid = %s::bigint::oid"
            " and database = (select oid from pg_database where datname = current_database()))",
            [self._job, 2**32 - self._mapping_id],
        )
        row = await cursor.fetchone()
        return None if row is None else row[0]

    @asynccontextmanager
    async def joined(self) -> AsyncIterator[None]:
        """We take part, and count as one of those who do until the end or our death."""
        key = [Lock.SHARE, self._mapping_id]
        await self._database.execute("select pg_advisory_lock_shared(%s, %s)", key)
        try:
            if not self._share:
                cursor = await self._database.execute(
                    "insert into job_share (job_id) values (%s) returning id", [self._job]
                )
                row = await cursor.fetchone()
                assert row is not None
                self._share = row[0]
            yield
        finally:
            if not self._database.closed:
                await self._database.execute("select pg_advisory_unlock_shared(%s, %s)", key)

    async def due(self, turn: int, limit: int) -> int:
        """How many rows are due by that wave, counted up to a limit."""
        cursor = await self._database.execute(
            "select count(*) from (select from inbox where mapping_id = %s and due and turn <= %s limit %s)"
            " as one",
            [self._mapping_id, turn, limit],
        )
        row = await cursor.fetchone()
        return 0 if row is None else row[0]

    @asynccontextmanager
    async def slices(self, but: Collection[int]) -> AsyncIterator[list[int]]:
        """Holds our share of the slices, of those that nobody else holds."""
        query = f"select {sessions_that_hold(Lock.SHARE, '%s')}"
        row = await (await self._database.execute(query, [self._mapping_id])).fetchone()
        most = math.ceil(SLICES / max(1, row[0] if row else 1))
        key = -self._mapping_id
        cursor = await self._database.execute(_TAKE, [SLICES - 1, list(but), SLICES, key, most])
        held = [row[0] async for row in cursor]
        try:
            yield held
        finally:
            if held and not self._database.closed:
                await self._database.execute(
                    "select pg_advisory_unlock(%s, slice) from unnest(%s::int[]) as slice", [key, held]
                )

    async def orphans(self, slices: Collection[int]) -> list[tuple[int, list[Intent]]]:
        """What workers of this job journalled while they held one of these slices, and have not settled.

        Whoever lives settles before it lets go, so for slices that we hold their worker is gone.
        """
        cursor = await self._database.execute(
            "select id, entries from intent where mapping_id = %s and job_id = %s and slices & %s <> 0"
            " order by id",
            [self._mapping_id, self._job, bits(slices)],
        )
        return [(row[0], _intents.decode(row[1])) async for row in cursor]

    async def known(self, keys: Sequence[str]) -> list[Tally]:
        """What these pairs came to so far in this job."""
        cursor = await self._database.execute(
            "select body from job_pair where job_id = %s and key = any(string_to_array(%s, %s))",
            [self._job, BETWEEN.join(keys), BETWEEN],
        )
        return [_tallies.decode(row[0]) async for row in cursor]

    async def keep(self, tallies: Sequence[Tally], part: Part, warnings: Sequence[Failure]) -> None:
        """What pairs came to, and all that this worker has done so far; in the transaction in hand."""
        await self._database.execute(
            "insert into job_pair (job_id, key, body) select %s, * from unnest(%s::text[], %s::text[])"
            " on conflict (job_id, key) do update set body = excluded.body",
            [self._job, [one.key for one in tallies], [as_text(one) for one in tallies]],
        )
        await self._database.execute(
            "update job_share set part = %s, last_at = clock_timestamp() where id = %s",
            [as_text(part), self._share],
        )
        if warnings:
            await keep_errors(self._database, self._job, warnings)

    async def others(self) -> list[Part]:
        """What the other workers of the job have done."""
        cursor = await self._database.execute(
            "select part from job_share where job_id = %s and id <> %s", [self._job, self._share]
        )
        return [_parts.decode(row[0]) async for row in cursor]

    async def failures(self) -> list[Failure]:
        """What could not be settled in this job, by whomever."""
        cursor = await self._database.execute(
            "select body from job_pair where job_id = %s and body like %s order by key",
            [self._job, '%"failures":[{%'],
        )
        return [each async for row in cursor for each in _tallies.decode(row[0]).failures]


async def invitations(database: psycopg.AsyncConnection[Any], connection_id: int) -> list[Invitation]:
    """The jobs of a connection in whose present wave others may take part."""
    cursor = await database.execute(
        "select job.id, mapping.name, kind, shared_as from job join mapping on mapping.id = mapping_id"
        " where connection_id = %s and status = 'running' and shared_turn is not null"
        f" and {is_held(Lock.MAPPING, 'mapping_id')} order by job.id",
        [connection_id],
    )
    return [
        Invitation(job=row[0], mapping=row[1], full=row[2] == "full", fingerprint=row[3])
        async for row in cursor
    ]


async def bury(database: psycopg.AsyncConnection[Any], mapping_id: int) -> None:
    """Marks the jobs whose worker died, by whoever holds the mapping now; not before all who took part in
    them have let go of what they had in hand."""
    slices = "generate_series(0, %s) as slice"
    key = [-mapping_id, SLICES - 1]
    await database.execute(f"select pg_advisory_lock(%s, slice) from {slices}", key)
    await database.execute(
        "with dead as (update job set status = 'died', ended_at = now(), shared_turn = null"
        " where mapping_id = %s and status = 'running' returning id)"
        " delete from job_pair using dead where job_id = dead.id",
        [mapping_id],
    )
    await database.execute(f"select pg_advisory_unlock(%s, slice) from {slices}", key)
