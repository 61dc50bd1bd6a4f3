"""Aim: old jobs go by themselves where that is wanted, once a day, and counters do not fall."""

from __future__ import annotations

import msgspec
import psycopg

from engine.world import World
from kobling.adapters.postgres.measures import measures
from kobling.service.configuration import RetentionSection
from kobling.service.retention import purge_daily
from kobling.service.session import Session

Rows = dict[str, list[tuple[tuple[str, ...], float]]]


def counted(world: World) -> Rows:
    async def work(session: Session) -> Rows:
        found = await measures(session.state.database, session.state.connection_id)
        return {name: sorted(rows) for name, rows in found.items() if name.endswith("_total")}

    return world.command(work)


def age(world: World) -> None:
    with psycopg.connect(world.environment["KOBLING_DATABASE_URL"]) as database:
        database.execute("update job set ended_at = now() - interval '8 days'")


def test_old_jobs_go_once_a_day_and_counters_stay(common: World) -> None:
    jobs: list[int] = []

    def look() -> int:
        common.command(purge_daily)
        jobs.append(common.query("select count(*)::int from job")[0][0])
        return jobs[-1]

    before = counted(common)
    age(common)
    there = look()
    assert there > 20
    common.configuration = msgspec.structs.replace(
        common.configuration, retention=RetentionSection(job_days=7)
    )
    assert look() < there
    assert counted(common) == before
    assert [one for one in before["kobling_records_total"] if one[0][2] == "inserted" and one[1]]
    common.sync("CUSTOMER")
    age(common)
    # Tomorrow is another day.
    assert look() == jobs[-2] + 1
    after = counted(common)
    assert all(dict(after[name])[labels] >= value for name, rows in before.items() for labels, value in rows)
    assert (
        sum(dict(after["kobling_jobs_total"]).values())
        == sum(dict(before["kobling_jobs_total"]).values()) + 1
    )
