"""Aim: several workers share one large mapping; whichever of them is killed with work in hand, the others go
on, and in the end each customer has one account.

Method: three `kobling worker` processes load all customers of a sandbox. Ten times one of them is killed with
`kill -9` while it holds slices, and another one is started in its place. ACCEPT_RECORDS makes it smaller.
"""

from __future__ import annotations

import itertools
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from accept.loads import assert_all_in_step, serve
from engine.world import World
from jobs.processes import Process, only
from kobling.adapters.postgres.locks import Lock
from kobling.service.schedule import ask_for_run

RECORDS = int(os.environ.get("ACCEPT_RECORDS", "200000"))
KILLS = int(os.environ.get("ACCEPT_KILLS", "10"))
WORKERS = 3
TAKEN_OVER_SECONDS = 12.0

pytestmark = [pytest.mark.accept, pytest.mark.timeout(3000)]

# Slices of a mapping are locks whose class is a negative number.
_IN_HAND = (
    f"select substr(application_name, 9)::int, bool_or(classid = {Lock.MAPPING:d}),"
    " bool_or(classid::bigint > 2147483647) from pg_locks join pg_stat_activity using (pid)"
    " where locktype = 'advisory' and granted and datname = current_database()"
    " and application_name like 'kobling %' group by 1"
)
_JOBS = (
    "select started_at, ended_at, status, counts::text from job join mapping on mapping.id = mapping_id"
    " where mapping.name = 'CUSTOMER' order by job.id"
)
_SHARES = (
    "select job_id, count(*), sum((part::jsonb->'requests'->>'crm')::int) from job_share"
    " where part <> '{}' group by 1 order by 1"
)


@pytest.fixture
def load(database_url: str, tmp_path: Path) -> Iterator[World]:
    with serve(RECORDS) as sandbox:
        world = World(sandbox, database_url, tmp_path)
        world.sync("SALESPEOPLE", "CURRENCY", full=True)
        only(world)
        yield world


class Fleet:
    """Worker processes, by their ids."""

    def __init__(self, world: World, stack: ExitStack) -> None:
        self._world = world
        self._stack = stack
        self.processes: dict[int, Process] = {}

    def start(self) -> None:
        process = self._stack.enter_context(Process(self._world, "worker", "--concurrency", "2"))
        self.processes[process.process.pid] = process

    def kill(self, *, leader: bool) -> str:
        """Kills one that holds slices and runs the mapping, or helps to; when, by the database's clock."""
        pid = until(lambda: self._holder(leader=leader))
        [(moment,)] = self._world.query("select clock_timestamp()")
        self.processes.pop(pid).process.send_signal(signal.SIGKILL)
        return str(moment)

    def _holder(self, *, leader: bool) -> int | None:
        rows = self._world.query(_IN_HAND)
        found = [pid for pid, leads, holds in rows if holds and leads is leader and pid in self.processes]
        return found[0] if found else None


def until(found: Callable[[], Any]) -> Any:
    """Asks until there is an answer."""
    while not (answer := found()):
        time.sleep(0.02)
    return answer


def test_a_mapping_that_three_workers_share_survives_the_death_of_any_of_them(load: World) -> None:
    waits: list[float] = []
    with ExitStack() as stack:
        fleet = Fleet(load, stack)
        for _ in range(WORKERS):
            fleet.start()
        load.command(lambda session: ask_for_run(session, "CUSTOMER", full=True))
        made = 0
        for kill in range(KILLS):
            made = until(lambda before=made: _more(load, before))
            assert made < RECORDS
            leads = kill % 3 == 0
            moment, begun = fleet.kill(leader=leads), time.monotonic()
            until(lambda moment=moment, leads=leads: _goes_on(load, moment, anew=leads))
            waits.append(time.monotonic() - begun)
            fleet.start()
        until(lambda: load.query("select 1 from schedule_entry where not recurring and status = 'Finished'"))
        assert [one.stop() for one in fleet.processes.values()] == [0] * WORKERS
    jobs = load.query(_JOBS)
    print(f"\n{RECORDS:,} records, taken over after seconds: {[round(one, 1) for one in waits]}")
    print(
        f"jobs: {[(status, round((ended - begun).total_seconds(), 1)) for begun, ended, status, _ in jobs]}"
    )
    print(f"workers and requests to Sales by job: {load.query(_SHARES)}")
    assert max(waits) < TAKEN_OVER_SECONDS
    assert [one[2] for one in jobs] == ["died"] * len(jobs[:-1]) + ["finished"]
    # It runs once at a time: each job ends before the next one begins.
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(jobs))
    assert max(row[1] for row in load.query(_SHARES)) >= WORKERS
    load.sync("CUSTOMER")
    assert_all_in_step(load, RECORDS)


def _more(world: World, before: int) -> int:
    """How many accounts there are, once a good part has come to those of before."""
    made = world.count("crm", "account")
    return made if made >= before + RECORDS // (KILLS + 5) else 0


def _goes_on(world: World, moment: str, *, anew: bool) -> bool:
    """Whether a batch was settled since; or, where the run itself died, whether another one has begun."""
    since = f"job_share where last_at > '{moment}' and part <> '{{}}'"
    begun = f"job where started_at > '{moment}'"
    return bool(world.query(f"select 1 from {begun if anew else since} limit 1"))
