"""The gate that all processes share, in PostgreSQL and by its clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import psycopg

from kobling.adapters.postgres.locks import Lock

# Both services refuse more than 6,000 requests of a user in five minutes; others may be that user, too.
WINDOW_REQUESTS_MAX: Final = 5_400
_PLACES: Final = 64
_KEPT_SPANS: Final = 60


class PostgresGate:
    """One gate, on a database connection of its own: its places are locks that die with it."""

    def __init__(self, database: psycopg.AsyncConnection[Any], number: int, at_once: int) -> None:
        self._database = database
        self._number = number
        self._at_once = at_once
        self._have: list[int] = []
        self._left: list[int] = []
        self._leaving: asyncio.Task[None] | None = None
        # What is asked twice at once would be given one place twice.
        self._turn = asyncio.Lock()

    async def enter(self) -> float | None:
        """0.0 where a place was taken; else how many seconds to wait, or None while all places are taken."""
        async with self._turn:
            cursor = await self._database.execute(
                "select wait, place from enter_gate(%s, %s, %s, %s)",
                [self._number, WINDOW_REQUESTS_MAX, self._at_once, self._have],
            )
            row = await cursor.fetchone()
            assert row is not None
            if row[1] is None:
                return float(row[0]) or None
            self._have.append(row[1])
            return 0.0

    def leave(self) -> None:
        """A place is free again, once the database was told; which one does not matter."""
        self._left.append(self._have.pop())
        if self._leaving is None or self._leaving.done():
            self._leaving = asyncio.create_task(self._give_back())

    async def _give_back(self) -> None:
        # A lost connection has given its places back, and tells so whoever enters next.
        with suppress(psycopg.Error):
            while self._left:
                async with self._turn:
                    place = self._number * _PLACES + self._left.pop()
                    await self._database.execute("select pg_advisory_unlock(%s, %s)", [Lock.GATE, place])

    async def settled(self) -> None:
        """Every place that was left is free."""
        if self._leaving is not None:
            await self._leaving

    async def close_for(self, seconds: float) -> None:
        """No process enters for that long."""
        await self._database.execute(
            "update gate set throttled_seconds = throttled_seconds + extract(epoch from"
            " given.until - least(given.until, greatest(closed_until, clock_timestamp()))),"
            " closed_until = greatest(closed_until, given.until)"
            " from (select clock_timestamp() + make_interval(secs => %s) as until) as given where id = %s",
            [seconds, self._number],
        )


@asynccontextmanager
async def open_gate(
    url: str, service: str, environment: str, application_user: str, at_once: int
) -> AsyncIterator[PostgresGate]:
    """The gate of an application user of a service; made if it is new."""
    known = [service, environment, application_user]
    async with await psycopg.AsyncConnection.connect(url, autocommit=True, connect_timeout=15) as database:
        find = "select id from gate where service = %s and environment = %s and application_user = %s"
        row = await (await database.execute(find, known)).fetchone()
        if row is None:
            insert = "insert into gate (service, environment, application_user) values (%s, %s, %s)"
            await database.execute(f"{insert} on conflict do nothing", known)
            row = await (await database.execute(find, known)).fetchone()
        assert row is not None
        await database.execute(
            "delete from gate_requests where gate_id = %s"
            " and span < floor(extract(epoch from clock_timestamp()) / 10) - %s",
            [row[0], _KEPT_SPANS],
        )
        gate = PostgresGate(database, row[0], at_once)
        try:
            yield gate
        finally:
            await gate.settled()
