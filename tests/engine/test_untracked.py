"""Tables whose changes Sales does not track: read by time, with all ids, and nothing is missed."""

from __future__ import annotations

from typing import Any

import pytest

from engine.conftest import in_step
from engine.world import World, wrote
from stages import Stages


def fall_back(world: World) -> None:
    """Both sides in step, although Sales refuses to track."""
    world.track(False)
    in_step(world)


@pytest.fixture
def untracked(world: World, stages: Stages) -> World:
    return stages.reach(world, fall_back)


def tokens(world: World, table: str = "") -> list[str]:
    """The places of the feeds of Sales' tables, or of that table's; of options all is read."""
    feeds = world.query(
        "select table_name, token from feed where side = 'right' and table_name not like 'options/%'"
    )
    return [token for name, token in feeds if not table or name == table]


def asked(world: World) -> int:
    """Reads of accounts since the last reset of the record."""
    outer: Any = world.requests("crm")["outer"]
    return sum(one["count"] for one in outer if one["path"].endswith("/accounts"))


def test_changes_and_new_records_arrive_and_what_was_read_before_is_no_change(untracked: World) -> None:
    customer, account = untracked.pair()
    assert {one.partition(":")[0] for one in tokens(untracked)} == {"modifiedon"}
    untracked.configure("CUSTOMER", synch_only_coupled=False)
    untracked.edit_account(account, fax="11223344")
    seller = untracked.account(account)["_ownerid_value"]
    made = untracked.create(
        "crm",
        "accounts",
        name="Made in Sales",
        customertypecode=3,
        **{"ownerid@odata.bind": f"/systemusers({seller})"},
    )
    assert wrote(untracked.sync("CUSTOMER")) >= 2
    assert untracked.customer(customer)["faxNo"] == "11223344"
    assert made["accountid"] in {one["crm_id"] for one in untracked.couplings()}
    for _ in range(2):
        untracked.reset_requests()
        again = untracked.sync("CUSTOMER")
        assert wrote(again) == 0
        assert again["CUSTOMER"]["open"]["held"] == 0
        # Whether it is tracked by now, what was modified, and which ids there are.
        assert asked(untracked) == 3


def test_a_deletion_is_found_by_the_sweep_of_ids(untracked: World) -> None:
    untracked.configure("CUSTOMER", deletion_conflict="remove-coupling")
    customer, account = untracked.pair()
    untracked.delete("crm", "accounts", account)
    run = untracked.sync("CUSTOMER")
    assert run["CUSTOMER"]["counts"]["from"]["uncoupled"] == 1
    assert customer not in {one["bc_id"] for one in untracked.couplings()}


@pytest.mark.parametrize("first", [True, False], ids=["on again", "switched off"])
def test_nothing_is_lost_when_tracking_is_switched(world: World, stages: Stages, first: bool) -> None:
    stages.reach(world, fall_back if first else in_step)
    world.configure("CUSTOMER", deletion_conflict="remove-coupling")
    customer, account = world.pair()
    gone, other = next((one["bc_id"], one["crm_id"]) for one in world.couplings() if one["bc_id"] != customer)
    world.edit_account(account, fax="55667788")
    world.delete("crm", "accounts", other)
    world.track(first)
    world.sync("CUSTOMER")
    assert world.customer(customer)["faxNo"] == "55667788"
    assert gone not in {one["bc_id"] for one in world.couplings()}
    assert tokens(world, "accounts")[0].startswith("http" if first else "modifiedon:")
    assert wrote(world.sync("CUSTOMER")) == 0


def test_a_row_that_is_committed_with_an_earlier_time_is_not_missed(untracked: World) -> None:
    customer, account = untracked.pair()
    other = next(one["crm_id"] for one in untracked.couplings() if one["crm_id"] != account)
    untracked.edit_account(other, fax="10101010")
    untracked.sync("CUSTOMER")
    # The clock of whoever stores this one is five minutes behind.
    untracked.clock(-300)
    untracked.edit_account(account, fax="20202020")
    untracked.clock(0)
    untracked.sync("CUSTOMER")
    assert untracked.customer(customer)["faxNo"] == "20202020"
