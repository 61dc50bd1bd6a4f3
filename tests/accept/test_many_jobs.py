"""Aim: a million finished jobs slow nothing down that is done every second or minute.

Method: the rows are made by SQL. PostgreSQL counts which rows are read by the schedule, the queue, the lists
and the metrics: only a few of the million. How long the steps take is printed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import psycopg
import pytest

from engine.conftest import synchronized, world
from engine.world import World
from kobling.adapters.postgres.measures import count_jobs, measures
from kobling.adapters.postgres.queue import open_queue
from kobling.service.alerts import list_alerts
from kobling.service.schedule import ready_entries
from kobling.service.session import Session, open_session
from kobling.service.waiting import list_jobs
from kobling.service.worker import queue_due

__all__ = ["synchronized", "world"]
pytestmark = [pytest.mark.accept, pytest.mark.timeout(900)]
JOBS = 1_000_000
FEW = 10_000
BIG = ("job", "procrastinate_jobs", "procrastinate_events")


@pytest.fixture
def filled(synchronized: World) -> World:
    with psycopg.connect(synchronized.environment["KOBLING_DATABASE_URL"]) as database:
        database.execute(
            "insert into job (mapping_id, kind, status, counts, requests, started_at, ended_at)"
            " select (select min(id) from mapping where name = 'CUSTOMER') + number %% 5, 'changes',"
            """ 'finished', '{"to": {"modified": 1}, "from": {"unchanged": 2}}', '{"bc": 3, "crm": 2}',"""
            " now() - make_interval(mins => number), now() - make_interval(mins => number)"
            " from generate_series(1, %s) as number order by number desc",
            [JOBS],
        )
        # The queue deletes what is done; what a former version or a person left there is no hindrance either.
        database.execute("set session_replication_role = replica")
        database.execute("set local search_path = procrastinate")
        database.execute(
            "insert into procrastinate_jobs (queue_name, task_name, lock, args, status, attempts)"
            " select 'connection-1', 'entry', '1/CUSTOMER', '{\"entry\": 1}', 'succeeded', 1"
            " from generate_series(1, %s)",
            [JOBS],
        )
        database.commit()
        database.autocommit = True
        database.execute("analyze")
    return synchronized


async def read_whole(session: Session, work: Callable[[], Awaitable[Any]]) -> tuple[dict[str, int], float]:
    """The big tables of which many rows were read meanwhile, with how many, and the seconds that it took."""
    database = session.state.database

    async def scans() -> dict[str, int]:
        await database.execute("select pg_stat_force_next_flush()")
        cursor = await database.execute(
            "select relname, seq_tup_read + coalesce(idx_tup_fetch, 0) from pg_stat_all_tables"
            " where relname = any(%s)",
            [list(BIG)],
        )
        return {row[0]: row[1] async for row in cursor}

    before, began = await scans(), time.monotonic()
    await work()
    seconds = time.monotonic() - began
    after = await scans()
    return {name: after[name] - before[name] for name in after if after[name] > before[name] + FEW}, seconds


def test_a_million_jobs_slow_nothing_down(filled: World, capsys: pytest.CaptureFixture[str]) -> None:
    filled.command(lambda one: ready_entries(one, ["CUSTOMER"]))
    told: dict[str, tuple[dict[str, int], float]] = {}

    async def work() -> None:
        url = filled.environment["KOBLING_DATABASE_URL"]
        async with open_session(filled.configuration) as session:
            key = session.state.connection_id
            async with open_queue(url, [key]) as queue:
                # Once, after an upgrade, everything is added up.
                _, seconds = await read_whole(session, lambda: count_jobs(session.state.database, key))
                told["the first count"] = {}, seconds
                steps: dict[str, Callable[[], Awaitable[Any]]] = {
                    "queue what is due": lambda: queue_due(session, queue),
                    "look again": lambda: queue_due(session, queue),
                    "alerts": lambda: list_alerts(session),
                    "count": lambda: count_jobs(session.state.database, key),
                    "metrics": lambda: measures(session.state.database, key),
                    "job list": lambda: list_jobs(session, (), 50),
                }
                for name, step in steps.items():
                    told[name] = await read_whole(session, step)

    asyncio.run(work())
    with capsys.disabled():
        print("".join(f"\n  {name}: {seconds * 1000:.0f} ms" for name, (_, seconds) in told.items()), end="")
    assert {name: tables for name, (tables, _) in told.items() if tables} == {}


def test_the_next_job_is_fetched_by_an_index(filled: World) -> None:
    with psycopg.connect(filled.environment["KOBLING_DATABASE_URL"]) as database:
        database.execute("set search_path = procrastinate, public")
        # Deep inside the function, so each of its statements is told.
        database.execute("load 'auto_explain'")
        database.execute("set auto_explain.log_min_duration = 0")
        database.execute("set auto_explain.log_nested_statements = on")
        database.execute("set client_min_messages = log")
        plans: list[str] = []
        database.add_notice_handler(lambda notice: plans.append(notice.message_primary or ""))
        database.execute("select * from procrastinate_fetch_job_v2(array['connection-1'], null)")
        text = "\n".join(plans)
        assert "Index Scan" in text
        assert "Seq Scan on procrastinate_jobs" not in text
