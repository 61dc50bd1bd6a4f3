"""Aim: the queue's schema is that of the installed package, and whoever waits behind a lock is woken when it
is freed.

Method: the migration's text against the package's file; two jobs of one lock, of which the second one is told
of by a notification.
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
        async with await open_database(database_url) as database, open_queue(database_url, 1) as queue:
            numbers = []
            for entry in (1, 2):
                async with database.transaction():
                    numbers.append(await queue.put(database, entry, "the lock"))
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
