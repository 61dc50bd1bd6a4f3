"""How far the full synchronization of a connection has come, in PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from kobling.adapters.postgres.connection_store import ConnectionStore
from kobling.adapters.postgres.locks import Lock, is_held
from kobling.model.full_synchronization import LineStatus, Recommendation


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a mapping. jobs: their numbers. message: why it could not be carried out."""

    mapping: str
    recommendation: Recommendation
    status: LineStatus
    message: str = ""
    jobs: tuple[int, ...] = ()


class FullSynchronizationStore:
    """The lines of one connection that have begun."""

    def __init__(self, state: ConnectionStore) -> None:
        self._state = state
        self._database = state.database

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[bool]:
        """Whether this process alone carries it out; the right to it dies with the process."""
        key = [Lock.FULL_SYNCHRONIZATION, self._state.connection_id]
        cursor = await self._database.execute("select pg_try_advisory_lock(%s, %s)", key)
        row = await cursor.fetchone()
        held = row is not None and bool(row[0])
        try:
            yield held
        finally:
            if held and not self._database.closed:
                await self._database.execute("select pg_advisory_unlock(%s, %s)", key)

    async def running(self) -> bool:
        """Whether some process carries it out now."""
        cursor = await self._database.execute(
            f"select {is_held(Lock.FULL_SYNCHRONIZATION, '%s')}", [self._state.connection_id]
        )
        row = await cursor.fetchone()
        return row is not None and bool(row[0])

    async def progress(self) -> dict[str, Progress]:
        """What became of each mapping that has begun; one whose process is gone is interrupted."""
        running = await self.running()
        cursor = await self._database.execute(
            "select name, recommendation, status, message, jobs from full_synchronization"
            " join mapping on mapping.id = mapping_id where connection_id = %s",
            [self._state.connection_id],
        )
        return {row[0]: _progress(row, running) async for row in cursor}

    async def note(self, line: Progress) -> None:
        """Stores how far a mapping has come."""
        ended = line.status is not LineStatus.IN_PROCESS
        await self._database.execute(
            "insert into full_synchronization (mapping_id, recommendation, status, message, jobs, ended_at)"
            " values (%s, %s, %s, %s, %s, case when %s then clock_timestamp() end)"
            " on conflict (mapping_id) do update set recommendation = excluded.recommendation,"
            " status = excluded.status, message = excluded.message, jobs = excluded.jobs,"
            " started_at = case when %s then full_synchronization.started_at else clock_timestamp() end,"
            " ended_at = excluded.ended_at",
            [
                await self._state.mapping_id(line.mapping),
                line.recommendation,
                line.status,
                line.message,
                list(line.jobs),
                *[ended] * 2,
            ],
        )

    async def forget(self, names: Sequence[str]) -> None:
        """These mappings have not begun."""
        await self._database.execute(
            "delete from full_synchronization using mapping where mapping.id = mapping_id"
            " and connection_id = %s and name = any(%s)",
            [self._state.connection_id, list(names)],
        )


def _progress(row: tuple[Any, ...], running: bool) -> Progress:
    status = LineStatus(row[2])
    if status is LineStatus.IN_PROCESS and not running:
        status = LineStatus.INTERRUPTED
    return Progress(
        mapping=row[0],
        recommendation=Recommendation(row[1]),
        status=status,
        message=row[3],
        jobs=tuple(row[4]),
    )
