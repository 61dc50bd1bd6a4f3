"""Aim: an entry that is on hold as its last run found nothing is woken by a change on either side.

Method: worker processes; that nobody has looked just now is made so behind the product's back.
"""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest

from engine.test_invoices import invoice
from engine.world import World
from jobs.processes import Process, entry, only
from kobling.service.connection_settings import set_connection
from stages import Stages

Start = Callable[..., Process]


@pytest.fixture
def resting(synchronized: World, start: Start, stages: Stages) -> World:
    """CUSTOMER is on hold for its inactivity, and nobody has looked since."""

    def rest(world: World) -> None:
        world.sync()
        only(world, "CUSTOMER")
        worker = start("worker")
        while worker.said("finished", mapping="CUSTOMER")["to"]:
            only(world, "CUSTOMER")
        assert worker.stop() == 0
        assert entry(world, "CUSTOMER")["status"] == "On Hold Due to Inactivity"
        with psycopg.connect(world.environment["KOBLING_DATABASE_URL"]) as database:
            database.execute("delete from mark where name = 'looked'")

    return stages.reach(synchronized, rest)


@pytest.mark.parametrize("side", ["bc", "crm"])
def test_a_change_on_either_side_wakes_it(resting: World, start: Start, side: str) -> None:
    customer, account = resting.pair()
    if side == "bc":
        resting.edit_customer(customer, city="Hamar")
    else:
        resting.edit_account(account, address1_city="Hamar")
    worker = start("worker")
    assert worker.said("found changes")["mappings"] == ["CUSTOMER"]
    done = worker.said("finished", mapping="CUSTOMER")
    assert {"modified": 1} in (done["to"], done["from"])
    assert (resting.account(account)["address1_city"], resting.customer(customer)["city"]) == (
        "Hamar",
        "Hamar",
    )
    assert worker.stop() == 0


def test_a_deletion_wakes_it(resting: World, start: Start) -> None:
    customer, _ = resting.pair()
    resting.delete("bc", "customers", customer)
    worker = start("worker")
    assert worker.said("found changes")["mappings"] == ["CUSTOMER"]
    worker.said("finished", mapping="CUSTOMER")
    assert worker.stop() == 0


def test_what_nobody_synchronizes_wakes_nothing(resting: World, start: Start) -> None:
    before = resting.query("select count(*) from job")
    resting.create("crm", "accounts", name="Nobody's")
    worker = start("worker")
    while not resting.query("select 1 from mark where name = 'looked'"):
        pass
    assert worker.stop() == 0
    assert resting.query("select count(*) from job") == before
    assert entry(resting, "CUSTOMER")["status"] == "On Hold Due to Inactivity"


@pytest.mark.scenario("JQ-05")
@pytest.mark.scenario("JQ-06")
def test_statistics_rest_while_nothing_changes_and_wake_with_the_ledger(
    synchronized: World, start: Start
) -> None:
    name, edits = "CUSTOMER-STATISTICS", ["account_statistics=on"]
    synchronized.command(lambda one: set_connection(one, edits, existing=True, wait=lambda each: None))
    synchronized.sync(name, full=True)
    customer, _ = synchronized.pair("C00060")
    synchronized.edit_customer(customer, city="Vejle")
    only(synchronized, name)
    worker = start("worker")
    assert worker.said("finished", mapping=name)["to"] == {"unchanged": 1}
    assert worker.stop() == 0
    assert entry(synchronized, name)["status"] == "On Hold Due to Inactivity"
    invoice(synchronized, sellToCustomerNo="C00060")
    with psycopg.connect(synchronized.environment["KOBLING_DATABASE_URL"]) as database:
        database.execute("delete from mark where name = 'looked'")
    worker = start("worker")
    assert worker.said("found changes")["mappings"] == [name]
    assert worker.said("finished", mapping=name)["to"] == {"modified": 1}
    assert worker.stop() == 0
