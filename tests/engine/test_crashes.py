"""Runs that die at each step of a batch, or whose writes are half done: the next run ends the work, once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from engine.world import World, wrote
from kobling.adapters.postgres.store import PostgresStore
from kobling.engine.apply import Apply


class _Killed(BaseException):
    """The process is gone."""


def _dies_before(owner: type, name: str) -> Callable[[pytest.MonkeyPatch], None]:
    def arrange(patch: pytest.MonkeyPatch) -> None:
        async def die(*arguments: Any, **options: Any) -> None:
            raise _Killed

        patch.setattr(owner, name, die)

    return arrange


def _dies_after(owner: type, name: str) -> Callable[[pytest.MonkeyPatch], None]:
    def arrange(patch: pytest.MonkeyPatch) -> None:
        whole: Callable[..., Awaitable[Any]] = getattr(owner, name)

        async def die(*arguments: Any, **options: Any) -> None:
            await whole(*arguments, **options)
            raise _Killed

        patch.setattr(owner, name, die)

    return arrange


STEPS = {
    "before the journal": _dies_before(PostgresStore, "journal"),
    "after the journal": _dies_after(PostgresStore, "journal"),
    "after the claims": _dies_after(Apply, "_claims"),
    "after the writes": _dies_after(Apply, "send"),
    "before the outcome": _dies_before(PostgresStore, "settle"),
    "after the outcome": _dies_after(PostgresStore, "settle"),
}


@pytest.fixture(params=STEPS.values(), ids=STEPS.keys())
def crash(request: pytest.FixtureRequest) -> Callable[[pytest.MonkeyPatch], None]:
    step: Callable[[pytest.MonkeyPatch], None] = request.param
    return step


@pytest.mark.parametrize("again", [False, True], ids=["changes", "full"])
def test_a_full_run_that_died_is_finished_without_a_double(
    world: World, crash: Callable[[pytest.MonkeyPatch], None], again: bool
) -> None:
    world.sync("SALESPEOPLE", "CURRENCY", full=True)
    customers, accounts = world.count("bc", "Customer"), world.count("crm", "account")
    with pytest.MonkeyPatch.context() as patch:
        crash(patch)
        with pytest.raises(_Killed):
            world.sync("CUSTOMER", full=True)
    run = world.sync("CUSTOMER", full=again)
    assert [one["class"] for one in run["CUSTOMER"]["errors"]] == ["dependency missing"]
    pairs = world.couplings()
    known = {(one["bc_id"], one["crm_id"]) for one in pairs}
    assert len(known) == len({one for one, _ in known}) == len({one for _, one in known})
    created = len(pairs)
    assert world.count("bc", "Customer") - customers + world.count("crm", "account") - accounts == created
    world.sync("CUSTOMER")
    assert wrote(world.sync("CUSTOMER")) == 0
    assert world.conflicts() == []
    assert world.query("select count(*) from intent") == [(0,)]


def test_changes_of_both_sides_arrive_after_a_crash(
    synchronized: World, crash: Callable[[pytest.MonkeyPatch], None]
) -> None:
    customer, account = synchronized.pair()
    synchronized.edit_customer(customer, address="Torget 40", postCode="0150")
    synchronized.edit_account(account, fax="77889900")
    with pytest.MonkeyPatch.context() as patch:
        crash(patch)
        with pytest.raises(_Killed):
            synchronized.sync("CUSTOMER")
    synchronized.sync("CUSTOMER")
    assert synchronized.account(account)["address1_line1"] == "Torget 40"
    assert synchronized.customer(customer)["faxNo"] == "77889900"
    assert synchronized.conflicts() == []
    synchronized.sync("CUSTOMER")
    assert wrote(synchronized.sync("CUSTOMER")) == 0


def test_an_edit_after_a_crash_is_no_conflict_with_what_we_wrote_ourselves(synchronized: World) -> None:
    customer, account = synchronized.pair()
    synchronized.edit_customer(customer, address="Torget 41")
    with pytest.MonkeyPatch.context() as patch:
        STEPS["before the outcome"](patch)
        with pytest.raises(_Killed):
            synchronized.sync("CUSTOMER")
    assert synchronized.account(account)["address1_line1"] == "Torget 41"
    synchronized.edit_customer(customer, address="Torget 42")
    synchronized.sync("CUSTOMER")
    synchronized.sync("CUSTOMER")
    assert synchronized.conflicts() == []
    assert synchronized.account(account)["address1_line1"] == "Torget 42"


@pytest.mark.parametrize("deaths", [1, 2])
def test_what_a_person_changed_before_our_write_is_not_held_as_ours_after_a_crash(
    synchronized: World, deaths: int
) -> None:
    customer, account = synchronized.pair()
    synchronized.edit_account(account, fax="77889901")
    for number in range(deaths):
        synchronized.edit_customer(customer, **{("address", "address2")[number]: f"Torget 6{number}"})
        with pytest.MonkeyPatch.context() as patch:
            STEPS["before the outcome"](patch)
            with pytest.raises(_Killed):
                # The fax waits for a run of its direction.
                synchronized.sync("CUSTOMER", direction="to")
    run = synchronized.sync("CUSTOMER")
    assert run["CUSTOMER"]["open"]["held"] == 0
    assert synchronized.customer(customer)["faxNo"] == "77889901"
    assert synchronized.conflicts() == []
    synchronized.sync("CUSTOMER")
    assert wrote(synchronized.sync("CUSTOMER")) == 0


def test_what_a_plug_in_made_of_our_write_is_held_after_a_crash(synchronized: World) -> None:
    customer, account = synchronized.pair()
    synchronized.plugins({"entity": "account", "on": "update", "field": "address1_line1", "upper": True})
    synchronized.edit_customer(customer, address="Torget 43 b")
    with pytest.MonkeyPatch.context() as patch:
        STEPS["before the outcome"](patch)
        with pytest.raises(_Killed):
            synchronized.sync("CUSTOMER")
    assert synchronized.account(account)["address1_line1"] == "TORGET 43 B"
    run = synchronized.sync("CUSTOMER")
    assert synchronized.conflicts() == []
    assert synchronized.customer(customer)["address"] == "Torget 43 b"
    # Our own write and another program's as the same user cannot be told apart here.
    assert run["CUSTOMER"]["open"]["held"] == 1


def test_what_one_side_took_is_audited_and_counted_where_the_other_refused(synchronized: World) -> None:
    customer, account = synchronized.pair()
    noted = len(synchronized.audit())
    synchronized.edit_customer(customer, address="Torget 44")
    synchronized.edit_account(account, telephone1="call me")
    run = synchronized.sync("CUSTOMER")
    assert run["CUSTOMER"]["counts"]["from"]["failed"] == 1
    assert run["CUSTOMER"]["counts"]["to"]["modified"] == 1
    assert synchronized.account(account)["address1_line1"] == "Torget 44"
    [effect] = synchronized.audit()[noted:]
    assert (effect[2], effect[4]["address1_line1"][1]) == ("right", "Torget 44")
    synchronized.edit_account(account, telephone1="+47 12 34 56 78")
    synchronized.sync("CUSTOMER")
    assert synchronized.customer(customer)["phoneNo"] == "+47 12 34 56 78"
    assert synchronized.conflicts() == []
    assert wrote(synchronized.sync("CUSTOMER")) == 0


def test_what_a_plug_in_made_of_a_half_done_write_is_no_conflict(synchronized: World) -> None:
    customer, account = synchronized.pair()
    synchronized.plugins({"entity": "account", "on": "update", "field": "address1_line1", "upper": True})
    synchronized.edit_customer(customer, address="Torget 45 b")
    synchronized.edit_account(account, telephone1="call me")
    synchronized.sync("CUSTOMER")
    assert synchronized.account(account)["address1_line1"] == "TORGET 45 B"
    synchronized.edit_account(account, telephone1="+47 12 34 56 79")
    synchronized.sync("CUSTOMER")
    assert synchronized.conflicts() == []
    assert synchronized.customer(customer)["phoneNo"] == "+47 12 34 56 79"
    assert synchronized.customer(customer)["address"] == "Torget 45 b"


@pytest.mark.parametrize("nth", [1, 2, 3, 4])
def test_a_killed_process_leaves_nothing_that_the_next_cannot_end(world: World, nth: int) -> None:
    world.sync("SALESPEOPLE", "CURRENCY", full=True)
    world.reset_requests()
    customers, accounts = world.count("bc", "Customer"), world.count("crm", "account")
    slow = {"method": "POST", "path": r"\$batch$", "nth": nth, "action": "delay", "seconds": 1}
    world.faults("crm", slow)
    command = [sys.executable, "-m", "kobling", "--config", str(world.path), "sync", "CUSTOMER", "--full"]
    with subprocess.Popen(
        command, env={**os.environ, **world.environment}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        carried_out, under_way = _carried_out(world), False
        while process.poll() is None and not under_way:
            carried_out, under_way = _carried_out(world), _arrived(world) >= nth
        process.send_signal(signal.SIGKILL)
    world.faults("crm")
    # The service carries out what has arrived, also when the sender is gone.
    while under_way and _carried_out(world) == carried_out:
        pass
    # The database lets go of a dead process's locks in its own time.
    world.sync("CUSTOMER", full=True, alone=False)
    pairs = world.couplings()
    made = world.count("bc", "Customer") - customers + world.count("crm", "account") - accounts
    assert made == len(pairs) >= 20
    world.sync("CUSTOMER")
    assert wrote(world.sync("CUSTOMER")) == 0
    assert world.conflicts() == []


def _arrived(world: World) -> int:
    outer: Any = world.requests("crm")["outer"]
    return sum(one["count"] for one in outer if one["path"].endswith("$batch"))


def _carried_out(world: World) -> int:
    parts: Any = world.requests("crm")["parts"]
    return sum(one["count"] for one in parts)
