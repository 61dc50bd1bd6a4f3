"""Runs that write to one side only: what they leave for the other is neither lost nor asked for anew."""

from __future__ import annotations

import pytest

from engine.world import World, wrote


def test_what_the_other_direction_changed_beside_a_conflict_flows_later(synchronized: World) -> None:
    customer, account = synchronized.pair()
    synchronized.edit_customer(customer, name="Name in BC")
    synchronized.edit_account(account, name="Name in Sales", fax="11223344")
    synchronized.sync("CUSTOMER", direction="to")
    assert synchronized.customer(customer)["faxNo"] != "11223344"
    synchronized.sync("CUSTOMER")
    assert synchronized.customer(customer)["faxNo"] == "11223344"
    assert [one["field"] for one in synchronized.conflicts()] == ["Name"]
    assert wrote(synchronized.sync("CUSTOMER")) == 0


def test_what_was_written_is_not_written_back_by_the_other_direction(synchronized: World) -> None:
    customer, account = synchronized.pair()
    synchronized.edit_customer(customer, address="Torget 11")
    synchronized.edit_account(account, fax="22334455")
    synchronized.transaction("open", "Currency")
    synchronized.sync("CUSTOMER", direction="from")
    assert synchronized.customer(customer)["faxNo"] == "22334455"
    synchronized.edit_account(account, fax="22334466")
    synchronized.sync("CUSTOMER")
    synchronized.transaction("commit", "Currency")
    synchronized.sync("CUSTOMER")
    assert synchronized.customer(customer)["faxNo"] == synchronized.account(account)["fax"] == "22334466"
    assert synchronized.account(account)["address1_line1"] == "Torget 11"


def test_a_full_run_to_sales_takes_no_account_up_for_creation(world: World) -> None:
    world.sync("SALESPEOPLE", "CURRENCY", full=True)
    customers = world.count("bc", "Customer")
    world.sync("CUSTOMER", full=True, direction="to")
    world.sync("CUSTOMER")
    assert world.count("bc", "Customer") == customers


def test_an_account_deactivated_during_a_run_to_sales_still_blocks_its_customer(synchronized: World) -> None:
    customer, account = synchronized.pair()
    synchronized.edit_account(account, statecode=1, statuscode=2)
    synchronized.edit_customer(customer, address="Torget 12")
    synchronized.sync("CUSTOMER", direction="to")
    assert synchronized.customer(customer)["blocked"] == "_x0020_"
    synchronized.sync("CUSTOMER")
    assert synchronized.customer(customer)["blocked"] == "All"


def test_a_resolution_does_not_hold_for_what_only_the_inbox_has_seen(synchronized: World) -> None:
    customer, account = synchronized.pair()
    synchronized.edit_customer(customer, name="Name in BC")
    synchronized.edit_account(account, name="Name in Sales")
    synchronized.sync("CUSTOMER")
    synchronized.edit_account(account, name="A newer name")
    synchronized.sync("CUSTOMER", direction="to")
    synchronized.resolve("bc")
    assert synchronized.account(account)["name"] == "A newer name"


@pytest.mark.parametrize("policy", ["delete", "restore"])
def test_a_deletion_policy_writes_in_the_direction_of_the_mapping_only(
    synchronized: World, policy: str
) -> None:
    synchronized.configure("CUSTOMER", deletion_conflict=policy, direction="to_integration")
    _, account = synchronized.pair()
    synchronized.delete("crm", "accounts", account)
    before = synchronized.count("bc", "Customer")
    run = synchronized.sync("CUSTOMER")
    assert synchronized.count("bc", "Customer") == before
    assert run["CUSTOMER"]["open"]["skipped"] == (1 if policy == "delete" else 0)
    assert len(synchronized.skipped()) == (1 if policy == "delete" else 0)


def test_a_finder_of_a_mapping_for_both_directions_couples_each_pair_once(world: World) -> None:
    world.configure("CURRENCY", direction="bidirectional")
    run = world.sync("CURRENCY", full=True)
    pairs = [(one["bc_id"], one["crm_id"]) for one in world.couplings("CURRENCY")]
    assert len(pairs) == len({one for one, _ in pairs}) == len({one for _, one in pairs})
    assert run["CURRENCY"]["status"] == "finished"
