"""Aim: a paused connection writes nothing, a run stops before its next batch of writes, and nothing is lost;
a mapping that is observed shows what it would do and writes nothing.

Method: pauses are set by the use case, in the middle of a run by whoever watches its progress.
"""

from __future__ import annotations

import asyncio
from typing import Any

import psycopg
import pytest

from engine.test_exchange import edit
from engine.test_full_synchronization import start
from engine.test_own_mappings import nobody
from engine.world import World, wrote
from kobling.adapters.postgres.queue import open_queue
from kobling.model.errors import ConfigurationError, PausedError
from kobling.service.connection_settings import show_connection
from kobling.service.mappings import list_mappings
from kobling.service.pausing import pause, resume
from kobling.service.session import open_session
from kobling.service.synchronize import Request, synchronize
from kobling.service.worker import queue_due


def stop(world: World, reason: str = "") -> None:
    world.command(lambda one: pause(one, reason))


def go_on(world: World) -> Any:
    return world.command(resume)


def total(world: World) -> int:
    tables = ("account", "contact", "opportunity", "transactioncurrency")
    records = ("Customer", "Contact", "Vendor", "Salesperson/Purchaser", "Opportunity")
    return sum(world.count("crm", one) for one in tables) + sum(world.count("bc", one) for one in records)


def test_a_paused_connection_writes_nothing_and_goes_on_where_it_was(synchronized: World) -> None:
    customer, account = synchronized.pair()
    stop(synchronized, "month-end closing")
    synchronized.edit_customer(customer, name="Another Name")
    with pytest.raises(PausedError, match=r"paused \(since .*, month-end closing\).*kobling resume") as told:
        synchronized.sync("CUSTOMER")
    assert told.value.exit_status == 1
    assert synchronized.account(account)["name"] != "Another Name"
    assert go_on(synchronized)["was"].endswith("month-end closing")
    assert wrote(synchronized.sync("CUSTOMER")) == 1
    assert synchronized.account(account)["name"] == "Another Name"


def test_a_run_that_is_under_way_stops_before_its_next_batch_and_nothing_is_lost(world: World) -> None:
    done: list[str] = []

    def watch(mapping: str, count: int) -> None:
        """Whoever sees the first mapping done stops everything."""
        if not done:
            done.append(mapping)
            with psycopg.connect(world.environment["KOBLING_DATABASE_URL"], autocommit=True) as database:
                database.execute("insert into mark select id, 'paused', 'since now' from connection")

    request = Request(all=True, full=True)
    before = total(world)
    with pytest.raises(PausedError, match="paused"):
        world.command(lambda one: synchronize(one, request, progress=watch, wait=nobody))
    written = total(world)
    assert written < before + 20, "only what was in hand"
    jobs = dict(world.query("select status, count(*) from job group by status"))
    assert jobs.keys() == {"paused"}
    assert world.query("select count(*) from intent") == [(0,)]
    go_on(world)
    run = world.sync()
    assert run["CUSTOMER"]["counts"]["to"]["inserted"] > 20, "the full run goes on"
    world.sync()
    assert wrote(world.sync()) == 0
    numbers = [one["accountnumber"] for one in world.accounts() if one["accountnumber"]]
    assert len(numbers) == len(set(numbers)), "nothing was made twice"


@pytest.mark.parametrize("command", ["couple", "uncouple", "resolve"])
def test_no_command_writes_while_it_is_paused(synchronized: World, command: str) -> None:
    customer, account = synchronized.pair()
    if command == "couple":
        synchronized.uncouple("CUSTOMER", customer)
        synchronized.edit_customer(customer, name="Another Name")
    if command == "resolve":
        synchronized.edit_customer(customer, name="Name in BC")
        synchronized.edit_account(account, name="Name in Sales")
        synchronized.sync("CUSTOMER")
    held = synchronized.account(account)["@odata.etag"]
    stop(synchronized)
    acts = {
        "couple": lambda: synchronized.couple("CUSTOMER", customer, account, use="bc"),
        "uncouple": lambda: synchronized.uncouple("CUSTOMER", customer),
        "resolve": lambda: synchronized.resolve("bc"),
    }
    with pytest.raises(PausedError):
        acts[command]()
    assert synchronized.account(account)["@odata.etag"] == held
    go_on(synchronized)
    synchronized.sync("CUSTOMER")
    if command != "couple":
        acts[command]()
    if command != "uncouple":
        assert synchronized.account(account)["name"] == synchronized.customer(customer)["name"]


def test_a_dry_run_may_look_while_it_is_paused(synchronized: World) -> None:
    stop(synchronized)
    customer, _ = synchronized.pair()
    synchronized.edit_customer(customer, name="Another Name")
    assert synchronized.sync("CUSTOMER", dry_run=True)["CUSTOMER"]["counts"]["to"]["modified"] == 1


def test_it_is_shown_and_only_the_first_pause_counts(world: World) -> None:
    assert world.command(show_connection)["paused"] is None
    stop(world, "the first")
    stop(world, "the second")
    assert world.command(show_connection)["paused"].endswith("the first")
    assert world.command(list_mappings)["paused"].endswith("the first")
    go_on(world)
    assert go_on(world)["was"] is None
    assert world.command(list_mappings)["paused"] is None
    with pytest.raises(ConfigurationError, match="no short line"):
        stop(world, "a\nb")


def test_a_worker_queues_nothing_while_it_is_paused(world: World) -> None:
    async def look() -> int:
        url = world.environment["KOBLING_DATABASE_URL"]
        async with open_session(world.configuration) as session:
            async with open_queue(url, [session.state.connection_id]) as queue:
                await queue_due(session, queue)
            cursor = await session.state.database.execute(
                "select count(*) from procrastinate.procrastinate_jobs"
            )
            row = await cursor.fetchone()
            return int(row[0]) if row else -1

    stop(world)
    assert asyncio.run(look()) == 0
    go_on(world)
    assert asyncio.run(look()) > 0


def test_an_observed_mapping_shows_what_it_would_do_and_writes_nothing(synchronized: World) -> None:
    customer, account = synchronized.pair()
    edit(synchronized, "observe=on")
    synchronized.edit_customer(customer, name="Another Name")
    for _ in range(2):
        run = synchronized.sync()
        assert run["CUSTOMER"]["observed"] is True
        assert run["CUSTOMER"]["counts"]["to"]["modified"] == 1
        [action] = [
            one for one in run["actions"] if one["mapping"] == "CUSTOMER" and one["fields"].get("crm")
        ]
        assert action["fields"]["crm"]["name"][1] == "Another Name"
        assert synchronized.account(account)["name"] != "Another Name"
    listed = synchronized.command(list_mappings)["mappings"]
    assert [one["name"] for one in listed if one["observe"]] == ["CUSTOMER"]
    edit(synchronized, "observe=off")
    assert synchronized.sync()["CUSTOMER"]["counts"]["to"]["modified"] == 1
    assert synchronized.account(account)["name"] == "Another Name"


def test_other_mappings_write_in_the_same_run(synchronized: World) -> None:
    edit(synchronized, "observe=on")
    [contact, *_] = synchronized.couplings("CONTACT")
    synchronized.send(
        "crm",
        "PATCH",
        f"{synchronized.crm('contacts')}({contact['crm_id']})",
        {"telephone1": "+47 99 00 00 99"},
    )
    run = synchronized.sync()
    assert "observed" not in run["CONTACT"]
    assert run["CONTACT"]["counts"]["from"]["modified"] == 1
    held = synchronized.get("bc", f"{synchronized.bc('contacts')}({contact['bc_id']})")
    assert held["phoneNo"] == "+47 99 00 00 99"


def test_a_full_run_of_an_observed_mapping_creates_and_couples_nothing(world: World) -> None:
    edit(world, "observe=on")
    before = total(world)
    run = world.sync("CUSTOMER", full=True)
    assert run["CUSTOMER"]["counts"]["to"]["inserted"] + run["CUSTOMER"]["counts"]["to"]["waiting"] > 0
    assert total(world) == before
    edit(world, "observe=off")
    assert world.couplings() == []


def test_nothing_else_writes_what_is_only_observed(synchronized: World) -> None:
    customer, account = synchronized.pair()
    synchronized.uncouple("CUSTOMER", customer)
    synchronized.edit_customer(customer, name="Another Name")
    edit(synchronized, "observe=on")
    with pytest.raises(ConfigurationError, match="CUSTOMER is only observed"):
        synchronized.couple("CUSTOMER", customer, account, use="bc")
    assert synchronized.account(account)["name"] != "Another Name"


def test_a_full_synchronization_says_that_it_leaves_what_is_observed(world: World) -> None:
    edit(world, "observe=on", name="CURRENCY")
    before = total(world)
    lines, status = start(world, "CURRENCY")
    assert (lines["CURRENCY"]["status"], status) == ("failed", 1)
    assert "CURRENCY is only observed" in lines["CURRENCY"]["message"]
    assert total(world) == before
    assert world.couplings("CURRENCY") == []
