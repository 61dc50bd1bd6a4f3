"""Aim: what a service allows one application user is kept by all processes together.

Method: gates on database connections of their own, as processes have them; two runs of the real thing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import psycopg
import pytest

from engine.world import World
from kobling.adapters.odata.gate import Gate
from kobling.adapters.odata.http import Credentials, Door
from kobling.adapters.postgres.gate import WINDOW_REQUESTS_MAX, PostgresGate, open_gate
from kobling.adapters.postgres.schema import open_database
from kobling.model.errors import UnreachableError
from sandboxes import Sandbox


def gate(url: str, user: str = "kobling") -> AbstractAsyncContextManager[PostgresGate]:
    return open_gate(url, "bc", "https://bc.example", user, 5)


@asynccontextmanager
async def two_processes(url: str) -> AsyncIterator[tuple[PostgresGate, PostgresGate]]:
    await (await open_database(url)).close()
    async with gate(url) as first, gate(url) as second:
        yield first, second


def test_no_more_are_in_flight_than_the_service_allows_and_a_dead_one_holds_no_place(
    database_url: str,
) -> None:
    async def work() -> list[float | None]:
        async with two_processes(database_url) as (first, second):
            taken = [await one.enter() for one in (first, first, first, second, second)]
            taken += [await first.enter(), await second.enter()]
            first.leave()
            await first.settled()
            taken += [await second.enter(), await second.enter()]
            async with gate(database_url) as third:
                second.leave()
                await second.settled()
                taken += [await third.enter(), await second.enter()]
            # The third one is gone without having left; PostgreSQL sees it when it gets round to it.
            while (place := await second.enter()) is None:
                pass
            taken.append(place)
        return taken

    assert asyncio.run(work()) == [*[0.0] * 5, None, None, 0.0, None, 0.0, None, 0.0]


def test_a_plea_for_patience_holds_for_all_processes_of_that_user_only(database_url: str) -> None:
    async def work() -> None:
        async with two_processes(database_url) as (first, second):
            await first.close_for(100)
            await second.close_for(50)
            wait = await second.enter()
            assert wait is not None
            assert 50 < wait <= 100
            async with gate(database_url, "somebody else") as other:
                assert await other.enter() == 0.0

    asyncio.run(work())
    with psycopg.connect(database_url) as database:
        rows = database.execute("select throttled_seconds from gate order by id").fetchall()
    assert rows[0][0] == pytest.approx(100, abs=1)
    assert rows[1:] == [(0.0,)]


def test_what_an_answer_asks_for_is_heeded_by_all_who_wait_at_the_gate(database_url: str) -> None:
    began: list[float] = []

    async def send(door: Gate) -> None:
        async with door:
            began.append(time.monotonic())

    async def work() -> float:
        await (await open_database(database_url)).close()
        async with gate(database_url) as shared:
            door = Gate("Business Central", 5, shared)
            async with door:
                waiting = [asyncio.create_task(send(door)) for _ in range(20)]
                await asyncio.sleep(0)
            told = time.monotonic()
            await door.close_for(1)
            await asyncio.gather(*waiting)
            return told

    told = asyncio.run(work())
    assert len(began) == 20
    assert [one for one in began if one < told + 1] == []


def test_requests_of_five_minutes_are_counted_together(database_url: str) -> None:
    async def work() -> None:
        async with two_processes(database_url) as (first, second):
            assert await first.enter() == 0.0
            with psycopg.connect(database_url) as database:
                assert database.execute("select sum(requests) from gate_requests").fetchone() == (1,)
                database.execute("update gate_requests set requests = %s", [WINDOW_REQUESTS_MAX])
            wait = await second.enter()
            assert wait is not None
            assert 0 < wait <= 300
            with psycopg.connect(database_url) as database:
                database.execute("update gate_requests set span = span - 30")
            assert await second.enter() == 0.0

    asyncio.run(work())


def test_a_door_behind_a_closed_gate_sends_nothing_but_its_token_request(
    database_url: str, sandbox: Sandbox
) -> None:
    async def work() -> int:
        async with two_processes(database_url) as (first, second):
            await first.close_for(1_000)
            base = sandbox.business_central
            credentials = Credentials(
                token_url=f"{base}/sandbox/oauth2/v2.0/token",
                client_id="kobling",
                secret="sandbox",
                scope=f"{base}/.default",
            )
            async with Door("The sandbox", credentials, 5, shared=second) as door:
                with pytest.raises(UnreachableError, match="asks to wait"):
                    await door.send("GET", f"{base}/v2.0/sandbox/production/api/v2.0/companies", {})
                return door.requests

    assert asyncio.run(work()) == 0


def test_a_run_that_is_told_to_wait_for_long_ends_and_the_next_process_does_not_ask(
    synchronized: World,
) -> None:
    throttled = {"path": "batch", "every": 1, "action": "status", "status": 429, "retry_after": 900}
    synchronized.faults("crm", throttled)
    with pytest.raises(UnreachableError, match="asks to wait"):
        synchronized.sync("CUSTOMER")
    synchronized.faults("crm")
    synchronized.reset_requests()
    with pytest.raises(UnreachableError, match="asks to wait"):
        synchronized.sync("VENDOR")
    asked = str(synchronized.requests("crm"))
    assert "accounts" not in asked
    assert "batch" not in asked
