"""Aim: the queue's schema is that of the installed package, whoever waits behind a lock is woken when it is
freed, and connections take turns, however much one of them has queued.

Method: the migration's text against the package's file; two jobs of one lock, of which the second one is told
of by a notification; a worker whose jobs end when the test says so.
"""

from __future__ import annotations

import asyncio
from importlib.resources import files

import procrastinate
import psycopg

from kobling.adapters.postgres.queue import open_queue
from kobling.adapters.postgres.schema import migrations, open_database


def test_the_schema_is_that_of_the_installed_package() -> None:
    shipped = (files("procrastinate") / "sql" / "schema.sql").read_text(encoding="utf-8")
    [ours] = [text for _, text in migrations() if "create schema procrastinate" in text]
    assert shipped in ours, f"Procrastinate {procrastinate.__version__} needs a migration."


def test_a_freed_lock_wakes_whoever_waits_behind_it(database_url: str) -> None:
    async def work() -> list[str]:
        async with await open_database(database_url) as database, open_queue(database_url, [1]) as queue:
            numbers = []
            for entry in (1, 2):
                async with database.transaction():
                    numbers.append(await queue.put(database, 1, entry, "the lock"))
            async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as listener:
                await listener.execute('listen "procrastinate_queue_v1#connection-1"')
                await database.execute("set search_path = procrastinate, public")
                update = "update procrastinate_jobs set status = %s where id = %s"
                await database.execute(update, ["doing", numbers[0]])
                await database.execute("select procrastinate_finish_job_v1(%s, 'failed', true)", numbers[:1])
                told = [one.payload async for one in listener.notifies(timeout=60, stop_after=1)]
                row = await (
                    await database.execute("select (procrastinate_fetch_job_v2(null, null)).id")
                ).fetchone()
                assert row == (numbers[1],)
        return told

    [payload] = asyncio.run(work())
    assert "job_inserted" in payload


def test_connections_take_turns_and_none_takes_up_all_of_a_worker(database_url: str) -> None:
    async def work() -> list[tuple[int, int]]:
        begun: list[tuple[int, int]] = []
        news, stop = asyncio.Event(), asyncio.Event()
        ends = {entry: asyncio.Event() for entry in range(1, 8)}

        async def carry_out(connection: int, entry: int, job: int) -> None:
            begun.append((connection, entry))
            news.set()
            await ends[entry].wait()

        async def until(count: int) -> None:
            while len(begun) < count:
                await news.wait()
                news.clear()

        async with await open_database(database_url) as database, open_queue(database_url, [1, 2]) as queue:
            for connection, entry in ((1, 1), (1, 2), (1, 3), (1, 4), (2, 5), (2, 6), (1, 7)):
                async with database.transaction():
                    await queue.put(database, connection, entry, f"lock of {entry}")
            working = asyncio.create_task(queue.work(carry_out, 2, stop))
            await until(2)
            ends[5].set()
            await until(3)
            for one in ends.values():
                one.set()
            await until(7)
            stop.set()
            await working
        return begun

    begun = asyncio.run(work())
    # Two places: the second one is for the other connection, though three jobs were queued before its own.
    assert begun[:3] == [(1, 1), (2, 5), (2, 6)]
    assert sorted(begun) == [(1, 1), (1, 2), (1, 3), (1, 4), (1, 7), (2, 5), (2, 6)]
