"""Aim: a dry run says of every record and field what a run would write and why, and writes nothing anywhere.

Method: people edit both systems, and each reason that a field can have is provoked once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engine.world import World
from kobling.service.coupling_sheet import import_couplings
from kobling.service.couplings import couple_records, uncouple_records
from kobling.service.rebuilding import rebuild_couplings, repair_couplings


def changes(run: dict[str, Any], identifier: str) -> dict[tuple[str, str], dict[str, Any]]:
    """The fields that the run would write of the pair with that customer, by system and column."""
    found = [one for one in run["actions"] if one["bc_id"] == identifier]
    return {(each["system"], each["column"]): each for one in found for each in one["changes"]}


def test_each_field_says_what_changed(synchronized: World) -> None:
    customer, account = synchronized.pair()
    before = synchronized.customer(customer), synchronized.account(account)
    synchronized.edit_customer(customer, address="Torget 32")
    synchronized.edit_account(account, fax="66778899")
    run = synchronized.sync("CUSTOMER", dry_run=True)
    found = changes(run, customer)
    street, fax = found["crm", "address1_line1"], found["bc", "faxNo"]
    assert (street["before"], street["after"]) == (before[1]["address1_line1"], "Torget 32")
    assert (street["field"], street["reason"]) == (
        "Address 1: Street 1",
        "Address changed in Business Central",
    )
    assert (fax["before"], fax["after"]) == (before[0]["faxNo"], "66778899")
    assert (fax["field"], fax["reason"]) == ("Fax No.", "Fax changed in Sales")
    assert synchronized.account(account)["address1_line1"] == before[1]["address1_line1"]
    assert synchronized.customer(customer)["faxNo"] == before[0]["faxNo"]


def test_a_field_that_a_policy_decides_says_so(synchronized: World) -> None:
    customer, account = synchronized.pair()
    synchronized.edit_customer(customer, name="Name in BC")
    synchronized.edit_account(account, name="Name in Sales")
    asked = synchronized.sync("CUSTOMER", dry_run=True)
    [action] = [one for one in asked["actions"] if one["bc_id"] == customer]
    assert (action["contested"], action["changes"]) == (["Name"], [])
    synchronized.configure("CUSTOMER", update_conflict="send")
    found = changes(synchronized.sync("CUSTOMER", dry_run=True), customer)
    assert found["crm", "name"]["reason"] == "was changed on both sides, and what Business Central has holds"


def test_a_creation_says_what_each_value_is_made_of(world: World) -> None:
    run = world.sync("SALESPEOPLE", "CURRENCY", "CUSTOMER", full=True, dry_run=True)
    customer = next(
        one for one in world.customers() if one["number" if "number" in one else "no"] == "C00010"
    )
    found = changes(run, customer["id"])
    name = found["crm", "name"]
    assert (name["before"], name["after"]) == (None, customer["name"])
    assert name["reason"] == "is made of Name in Business Central"
    assert found["crm", "customertypecode"]["reason"] == "is set in every new record"
    waiting = [one for one in run["actions"] if one["action"] == "wait"]
    assert waiting
    assert all(one["open"] and one["open"][0]["reason"] for one in waiting)


def test_a_first_meeting_says_who_holds(world: World) -> None:
    world.sync("SALESPEOPLE", "CURRENCY", full=True)
    customer = next(one for one in world.customers() if one["no"] == "C00010")
    account = next(one for one in world.accounts() if one["accountnumber"] == "C00010")
    world.couple("CUSTOMER", customer["id"], account["accountid"])
    world.edit_account(account["accountid"], name="Named in Sales")
    world.configure("CUSTOMER", update_conflict="send")
    found = changes(world.sync("CUSTOMER", dry_run=True), customer["id"])
    assert found["crm", "name"]["reason"].startswith("the records meet for the first time")


def test_a_look_up_that_comes_to_something_else_is_named(synchronized: World) -> None:
    customer, _ = synchronized.pair()
    synchronized.edit_customer(customer, creditLimitLCY=500)
    found = changes(synchronized.sync("CUSTOMER", dry_run=True), customer)
    assert found["crm", "creditlimit"]["reason"] == "Credit Limit (LCY) changed in Business Central"


def test_no_preview_leaves_anything_behind(common: World, pair: tuple[str, str], tmp_path: Path) -> None:
    customer, account = pair
    made = common.create("bc", "customers", name="Newcomer AS")["id"]
    free = common.create("crm", "accounts", name="Newcomer AS", customertypecode=3)["accountid"]
    gone = common.create("bc", "customers", name="Passing AS")["id"]
    common.edit_customer(customer, address="Torget 32")
    job = common.sync("CUSTOMER")["CUSTOMER"]["job"]
    # The log of deletions moves on: opening reads what nobody has read yet.
    common.delete("bc", "customers", gone)
    common.edit_account(account, fax="66778899")
    file = tmp_path / "pairs.csv"
    file.write_text(f"bc_id,crm_id\n{made},{free}\n", encoding="utf-8")
    alone = {"dry_run": True, "wait": lambda name: None}
    before = common.stored()
    common.sync(dry_run=True)
    common.match("CUSTOMER", "Name=name", dry_run=True)
    common.undo(job, dry_run=True)
    common.command(lambda one: couple_records(one, "CUSTOMER", made, free, "bc", **alone))
    common.command(lambda one: uncouple_records(one, "CUSTOMER", [customer], **alone))
    common.command(lambda one: import_couplings(one, "CUSTOMER", file, "bc", **alone))
    common.command(lambda one: repair_couplings(one, "CUSTOMER", **alone))
    common.command(lambda one: rebuild_couplings(one, "CUSTOMER", "", **alone))
    assert common.stored() == before
