"""Aim: workers share a job: each holds its part of the slices, what a dead one left open is seen by whoever
gets its slices, and the sums are those of all.

Method: two sessions of one database, of which one ends when the test says so.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg

from kobling.adapters.postgres.connection_store import ConnectionStore
from kobling.adapters.postgres.inbox import SLICES
from kobling.adapters.postgres.schema import open_database
from kobling.adapters.postgres.shared_job import SharedJob
from kobling.adapters.postgres.store import PostgresStore
from kobling.catalogue.load import default_mappings
from kobling.model.mapping import Side
from kobling.model.state import Failure, Intent, Part, Tally

CUSTOMER = default_mappings()["CUSTOMER"]
RECORD = "00000000-0000-0000-0000-000000000001"
INTENT = Intent(side=Side.RIGHT, id=RECORD, partner=RECORD, method="create", body={})
FAILED = Failure(left=RECORD, right="", kind="rejected", field="Name", message="no", cure="mend it")


class Someone:
    """A worker's session, and the job as it sees it."""

    def __init__(self, database: psycopg.AsyncConnection[Any], state: ConnectionStore, store: PostgresStore):
        self.database, self.state, self.store = database, state, store

    def of(self, job: int) -> SharedJob:
        return self.state.shared("CUSTOMER", job)


@asynccontextmanager
async def someone(url: str) -> AsyncIterator[Someone]:
    async with await open_database(url) as database:
        state = await ConnectionStore.open(database, "test")
        yield Someone(database, state, await state.mapping(CUSTOMER))


def test_each_worker_holds_its_part_and_a_dead_one_leaves_both_slices_and_open_writes(
    database_url: str,
) -> None:
    async def story() -> None:
        async with someone(database_url) as one, someone(database_url) as other:
            job = await one.state.open_job("CUSTOMER", "full")
            mine, theirs = one.of(job), other.of(job)
            async with mine.joined(), theirs.joined(), theirs.slices(()) as held:
                assert len(held) == SLICES // 2
                await other.store.journal(job, [INTENT], held)
                async with mine.slices(()) as rest:
                    assert len(rest) == SLICES // 2
                    assert set(rest).isdisjoint(held)
                    # Whoever lives has its writes in hand.
                    assert await mine.orphans(rest) == []
                    await other.database.close()
                    while True:  # the server needs a moment to see that the session is gone
                        async with mine.slices(rest) as freed:
                            if set(freed) & set(held):
                                break
                    [(_, found)] = await mine.orphans(freed)
                    assert found == [INTENT]
                    await one.store.forget_intents(job)
                    assert await mine.orphans(freed) == []

    asyncio.run(story())


def test_what_workers_did_is_kept_with_its_transaction_and_summed(database_url: str) -> None:
    async def story() -> None:
        async with someone(database_url) as one, someone(database_url) as other:
            job = await one.state.open_job("CUSTOMER", "full")
            mine, theirs = one.of(job), other.of(job)
            async with mine.joined(), theirs.joined():
                first = Tally(key=RECORD, words={"right": "failed"}, failures=(FAILED,))
                part = Part(counts={"to": {"failed": 1}}, requests={"crm": 3})
                async with other.state.together():
                    await theirs.keep([first], part, [FAILED])
                try:
                    async with other.state.together():
                        await theirs.keep([Tally(key=RECORD)], Part(), [FAILED])
                        raise InterruptedError
                except InterruptedError:
                    pass
                assert await mine.known([RECORD, "another"]) == [first]
                assert await mine.others() == [part]
                assert await mine.failures() == [FAILED]
                assert await theirs.others() == [Part()]
                async with one.state.together():
                    await mine.keep([Tally(key=RECORD, words={"right": "inserted"})], Part(), ())
                assert await mine.failures() == []

    asyncio.run(story())


def test_a_wave_that_is_open_is_told_to_others_only_while_its_run_lives(database_url: str) -> None:
    async def story() -> None:
        async with someone(database_url) as one, someone(database_url) as other:
            async with one.state.lock("CUSTOMER", lambda name: None):
                job = await one.state.open_job("CUSTOMER", "full")
                assert await other.state.invitations() == []
                await one.of(job).invite(2, "as it is")
                [found] = await other.state.invitations()
                assert (found.job, found.mapping, found.full, found.fingerprint) == (
                    job,
                    "CUSTOMER",
                    True,
                    "as it is",
                )
                assert await other.of(job).turn() == 2
                await one.of(job).invite(None)
                assert await other.of(job).turn() is None
                await one.of(job).invite(0, "")
            # Its run is gone, and nobody has buried the job yet.
            assert await other.state.invitations() == []
            async with other.state.lock("CUSTOMER", lambda name: None):
                assert await other.of(job).turn() is None

    asyncio.run(story())


def test_no_run_begins_before_helpers_of_the_one_before_have_let_go(database_url: str) -> None:
    async def story() -> None:
        async with someone(database_url) as one, someone(database_url) as helper:
            job = await one.state.open_job("CUSTOMER", "full")
            async with helper.of(job).joined(), helper.of(job).slices(()) as held:
                assert held

                async def run() -> None:
                    async with one.state.lock("CUSTOMER", lambda name: None):
                        pass

                running = asyncio.create_task(run())
                waits = "select 1 from pg_locks where locktype = 'advisory' and not granted"
                while await (await helper.database.execute(waits)).fetchone() is None:
                    pass
                assert not running.done()
            await running

    asyncio.run(story())
