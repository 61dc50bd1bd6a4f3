"""Aim: over a week with edits on both sides, a night without workers and the change of the clocks, every
entry runs exactly when it should, and both sides agree at the end.

Method: the product's own schedule, worker and engine on the served sandbox, in a database whose clock is the
test's. From one moment at which anything can happen to the next; which runs there were is held against a list
that was made by hand from the rules of the schedule.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest

from engine.conftest import synchronized, world
from engine.world import World
from kobling.adapters.postgres.queue import Queue, open_queue
from kobling.service.schedule import hold_entries, ready_entries, schedule_store, set_timing
from kobling.service.session import Session, open_session
from kobling.service.worker import Worker, inactive_names, look_for_changes, queue_due

__all__ = ["synchronized", "world"]
pytestmark = [pytest.mark.accept, pytest.mark.timeout(900)]

OSLO = ZoneInfo("Europe/Oslo")
# Monday; in the night to Sunday clocks are put forward.
BEGIN = datetime(2026, 3, 23, tzinfo=UTC)
END = BEGIN + timedelta(days=7)
MINUTE = timedelta(minutes=1)
# A worker looks for changes once a minute; a look without any changes nothing, so most are left out.
LOOK = timedelta(hours=3)
OFF = BEGIN + timedelta(days=3, hours=22), BEGIN + timedelta(days=4, hours=11, minutes=30)


def at(day: int, clock: str) -> datetime:
    hours, minutes, *seconds = (int(one) for one in clock.split(":"))
    return BEGIN + timedelta(days=day, hours=hours, minutes=minutes, seconds=sum(seconds))


class Clock:
    """What the database takes for its clock."""

    def __init__(self, url: str) -> None:
        self._database = psycopg.connect(url, autocommit=True)
        self._database.execute("create table clock (at timestamptz not null)")
        self._database.execute(
            "create function clock_timestamp() returns timestamptz language sql volatile"
            " as 'select at from public.clock'"
        )
        self._database.execute("insert into clock values (%s)", [BEGIN])
        [name] = self._database.execute("select current_database()").fetchone() or [""]
        self._database.execute(f'alter database "{name}" set search_path = public, pg_catalog')

    def set(self, moment: datetime) -> None:
        self._database.execute("update clock set at = %s", [moment])

    def close(self) -> None:
        self._database.close()


@pytest.fixture
def clock(synchronized: World) -> Iterator[Clock]:
    synchronized.sync()
    one = Clock(synchronized.environment["KOBLING_DATABASE_URL"])
    yield one
    one.close()


class Week:
    """Lives through the week; runs: (mapping, when it was taken up) in order."""

    def __init__(self, world: World, clock: Clock, edits: dict[datetime, Any]) -> None:
        self.world, self._clock, self._edits = world, clock, dict(sorted(edits.items()))
        self.runs: list[tuple[str, datetime]] = []
        self._looks = {BEGIN + LOOK * number for number in range(1, (END - BEGIN) // LOOK)}
        self._looks |= {_next_minute(moment) for moment in edits}

    async def live(self) -> None:
        url = self.world.environment["KOBLING_DATABASE_URL"]
        async with (
            open_session(self.world.configuration) as session,
            open_queue(url, [session.state.connection_id]) as queue,
        ):
            worker = Worker([self.world.configuration], url, 1)
            worker._known = {session.state.connection_id: self.world.configuration}
            now = BEGIN
            while now < END:
                self._clock.set(now)
                if now in self._edits:
                    await asyncio.to_thread(self._edits[now])
                if not OFF[0] <= now < OFF[1]:
                    await self._work(session, queue, worker, now)
                now = await self._following(session, now)

    async def _work(self, session: Session, queue: Queue, worker: Worker, now: datetime) -> None:
        if now in self._looks and (names := await inactive_names(session)):
            await look_for_changes(session, names)
        await queue_due(session, queue)
        # A worker carries out what is queued, and queues what is due by then.
        while jobs := await _queued(session):
            for number, job in jobs:
                stored = await schedule_store(session).entry(number)
                assert stored is not None
                self.runs.append((stored.entry.mapping, now))
                await worker._carry_out(session.state.connection_id, number, job)
                await _over(session, job)
            await queue_due(session, queue)

    async def _following(self, session: Session, now: datetime) -> datetime:
        cursor = await session.state.database.execute(
            "select next_start from schedule_entry where next_start > %s and status in"
            " ('Ready', 'On Hold Due to Inactivity')",
            [now],
        )
        coming = [row[0].astimezone(UTC) for row in await cursor.fetchall()]
        coming += [one for one in (*self._edits, *self._looks, OFF[1], END) if one > now]
        return min(coming)


def _next_minute(moment: datetime) -> datetime:
    return moment.replace(second=0) + MINUTE


async def _queued(session: Session) -> list[tuple[int, int]]:
    cursor = await session.state.database.execute(
        "select (args->>'entry')::int, id from procrastinate.procrastinate_jobs where status = 'todo'"
        " order by id"
    )
    return [(row[0], row[1]) for row in await cursor.fetchall()]


async def _over(session: Session, job: int) -> None:
    async with session.state.database.transaction():
        await session.state.database.execute("set local search_path = procrastinate")
        await session.state.database.execute("delete from procrastinate_jobs where id = %s", [job])


def working_hours() -> list[datetime]:
    """CURRENCY: every four hours from 06:00 to 20:00 on working days, by the clock in Oslo."""
    days = [datetime(2026, 3, 23 + day, tzinfo=OSLO) for day in range(5)]
    starts = [one.replace(hour=hour).astimezone(UTC) for one in days for hour in (6, 10, 14, 18)]
    # Workers were off in the night to Friday and until half past eleven: of 06:00 and 10:00 one run is left,
    # and the grid goes on from where it was.
    lost = {datetime(2026, 3, 27, hour, tzinfo=OSLO).astimezone(UTC) for hour in (6, 10)}
    return sorted({*starts} - lost | {OFF[1]})


# Found nothing: on hold for twelve hours. Woken by a look at the full minute after an edit: two seconds later
# and again half an hour after it, on its grid. Days from Monday.
CUSTOMER_RUNS = """
0 00:00:00
0 09:11:02  the address in Business Central
0 09:41:02
0 21:41:02
1 09:41:02
1 15:01:02  the telephone in Sales
1 15:31:02
2 03:31:02
2 08:01:02  address and fax, of both sides
2 08:31:02
2 20:31:02
3 08:31:02
3 20:31:02
4 11:30:00  workers are back: due since 08:31:02, and the address has changed
4 11:31:02  on the grid
4 23:31:02
5 11:31:02
5 23:31:02
6 01:31:02  the city in Sales
6 02:01:02
6 14:01:02
"""
VENDOR_RUNS = """
0 00:00:00
0 12:00:00
1 00:00:00
1 12:00:00
2 00:00:00
2 12:00:00
3 00:00:00
3 12:00:00
3 12:31:02  the address in Business Central
3 13:01:02
4 11:30:00  workers are back: due since 01:01:02
4 23:30:00
5 11:30:00
5 23:30:00
6 11:30:00
6 23:30:00
"""


def moments(listed: str) -> list[datetime]:
    return [at(int(line.split()[0]), line.split()[1]) for line in listed.strip().splitlines()]


def test_a_week_of_schedules_with_edits_on_both_sides(synchronized: World, clock: Clock) -> None:
    world = synchronized
    customer, account = world.pair()
    [vendor, *_] = world.get("bc", world.bc("vendors"))["value"]
    names = ["CURRENCY", "CUSTOMER", "VENDOR"]
    world.command(lambda one: hold_entries(one, []))
    hours = ["hours=06:00-20:00", "days=mon,tue,wed,thu,fri", "time_zone=Europe/Oslo"]
    often = ["every_minutes=240", "inactivity_minutes=never"]
    world.command(lambda one: set_timing(one, "CURRENCY", [*hours, *often]))
    world.command(lambda one: ready_entries(one, names))
    edits = {
        at(0, "09:10:20"): lambda: world.edit_customer(customer, address="Monday 1"),
        at(1, "15:00:40"): lambda: world.edit_account(account, telephone1="+47 22 00 00 02"),
        # Two edits between two looks are one run.
        at(2, "08:00:10"): lambda: world.edit_customer(customer, address="Wednesday 1"),
        at(2, "08:00:50"): lambda: world.edit_account(account, fax="+47 22 00 00 03"),
        # A vendor wakes its own mapping.
        at(3, "12:30:00"): lambda: world.send(
            "bc", "PATCH", f"{world.bc('vendors')}({vendor['id']})", {"address": "Thursday 1"}
        ),
        # While all workers are off.
        at(4, "03:00:00"): lambda: world.edit_customer(customer, address="Friday 1"),
        at(6, "01:30:00"): lambda: world.edit_account(account, address1_city="Søndag"),
    }
    week = Week(world, clock, edits)
    asyncio.run(week.live())
    told = {name: [moment for mapping, moment in week.runs if mapping == name] for name in names}
    assert told["CURRENCY"] == working_hours()
    assert told["CUSTOMER"] == moments(CUSTOMER_RUNS)
    assert told["VENDOR"] == moments(VENDOR_RUNS)
    assert {name for name, _ in week.runs} == {*names}
    found = world.customer(customer)
    assert (found["address"], found["city"]) == ("Friday 1", "Søndag")
    assert (found["phoneNo"], found["faxNo"]) == ("+47 22 00 00 02", "+47 22 00 00 03")
    assert world.account(account)["address1_line1"] == "Friday 1"
