"""Aim: vendors and their accounts go both ways beside the customers, and so do the contacts of vendors."""

from __future__ import annotations

from typing import Any

import pytest

from engine.world import World, wrote
from kobling.service.mappings import set_mapping


def vendors(world: World) -> list[dict[str, Any]]:
    return list(world.get("bc", world.bc("vendors"))["value"])


def pair(world: World) -> tuple[str, str]:
    """The first vendor and its account."""
    one = min(world.couplings("VENDOR"), key=lambda each: str(each["number"]))
    return one["bc_id"], one["crm_id"]


def vendor(world: World, identifier: str) -> dict[str, Any]:
    return world.get("bc", f"{world.bc('vendors')}({identifier})")


def edit_vendor(world: World, identifier: str, **values: Any) -> None:
    world.send("bc", "PATCH", f"{world.bc('vendors')}({identifier})", values)


def company_of(world: World, number: str) -> str:
    """The company contact of a vendor."""
    rows = world.get("bc", world.bc("contactBusinessRelations"))["value"]
    return next(
        str(one["contactNo"]) for one in rows if one["no"] == number and one["linkToTable"] == "Vendor"
    )


def new_contact(world: World, company: str) -> dict[str, Any]:
    return world.create("bc", "contacts", type="Person", companyNo=company, firstName="Tora", surname="Vik")


def partner(world: World, identifier: str) -> dict[str, Any]:
    """The contact of Sales that a contact is coupled with."""
    [found] = [one["crm_id"] for one in world.couplings("CONTACT") if one["bc_id"] == identifier]
    return world.get("crm", f"{world.crm('contacts')}({found})")


def test_vendors_become_accounts_of_type_vendor(world: World) -> None:
    world.sync("SALESPEOPLE", "CURRENCY", full=True)
    there = vendors(world)
    mine = there[0]
    person = world.couplings("SALESPEOPLE")[0]
    edit_vendor(world, mine["id"], purchaserCode=person["number"])
    run = world.sync("VENDOR", full=True)
    assert run["VENDOR"]["counts"]["to"]["inserted"] == len(there)
    assert (run["VENDOR"]["counts"]["to"]["failed"], run["VENDOR"]["errors"]) == (0, [])
    [coupled] = [one["crm_id"] for one in world.couplings("VENDOR") if one["bc_id"] == mine["id"]]
    account = world.account(coupled)
    assert (account["customertypecode"], account["name"]) == (11, mine["name"])
    assert account["_ownerid_value"] == person["crm_id"]
    assert account["_bcbi_companyid_value"] is not None
    assert wrote(world.sync("VENDOR", "CUSTOMER")) == 0


@pytest.mark.scenario("MP-37")
def test_only_vendor_accounts_that_are_active_and_vendors_that_are_not_blocked_take_part(
    synchronized: World,
) -> None:
    world = synchronized
    bc, crm = pair(world)
    edit_vendor(world, bc, blocked="All")
    edit_vendor(world, bc, name="Not To Be Seen")
    run = world.sync("VENDOR")
    assert run["VENDOR"]["counts"]["to"]["outside"] == 1
    assert world.account(crm)["name"] != "Not To Be Seen"
    edit_vendor(world, bc, blocked="_x0020_")
    world.sync("VENDOR")
    assert world.account(crm)["name"] == "Not To Be Seen"
    world.edit_account(crm, customertypecode=3)
    world.sync("VENDOR", "CUSTOMER")
    world.edit_account(crm, fax="22334455")
    world.sync("VENDOR", "CUSTOMER")
    assert vendor(world, bc)["faxNo"] != "22334455"


def test_an_account_becomes_a_vendor_and_both_sides_follow_each_other(synchronized: World) -> None:
    world = synchronized
    account = world.create("crm", "accounts", name="Nordlys Lager AS", customertypecode=11)["accountid"]
    run = world.sync("VENDOR", "CUSTOMER", full=True, records=(f"crm:{account}",))
    assert run["VENDOR"]["counts"]["from"]["inserted"] == 1
    assert run["CUSTOMER"]["counts"]["from"]["inserted"] == 0
    [made] = [one for one in vendors(world) if one["name"] == "Nordlys Lager AS"]
    edit_vendor(world, made["id"], city="Bergen")
    world.edit_account(account, telephone1="+47 22 33 44 55")
    world.sync("VENDOR")
    assert world.account(account)["address1_city"] == "Bergen"
    assert vendor(world, made["id"])["phoneNo"] == "+47 22 33 44 55"
    assert wrote(world.sync()) == 0


def test_an_account_that_is_deactivated_does_not_block_its_vendor(synchronized: World) -> None:
    bc, crm = pair(synchronized)
    synchronized.edit_account(crm, statecode=1)
    synchronized.sync("VENDOR")
    assert vendor(synchronized, bc)["blocked"] == "_x0020_"


def test_a_contact_of_a_vendor_belongs_to_the_vendors_account(synchronized: World) -> None:
    world = synchronized
    bc, crm = pair(world)
    one = new_contact(world, company_of(world, vendor(world, bc)["no"]))
    run = world.sync("CONTACT", full=True, records=(f"bc:{one['id']}",))
    assert (run[""], run["CONTACT"]["counts"]["to"]["inserted"]) == (0, 1)
    assert partner(world, one["id"])["_parentcustomerid_value"] == crm
    person = world.create(
        "crm",
        "contacts",
        firstname="Liv",
        lastname="Moe",
        **{"parentcustomerid_account@odata.bind": f"/accounts({crm})"},
    )["contactid"]
    run = world.sync("CONTACT", full=True, records=(f"crm:{person}",))
    assert (run[""], run["CONTACT"]["counts"]["from"]["inserted"]) == (0, 1)
    [made] = [each["bc_id"] for each in world.couplings("CONTACT") if each["crm_id"] == person]
    found = world.get("bc", f"{world.bc('contacts')}({made})")
    assert found["companyNo"] == company_of(world, vendor(world, bc)["no"])
    assert wrote(world.sync()) == 0


def test_a_contact_waits_for_its_vendor_and_goes_through_once_that_is_coupled(world: World) -> None:
    world.sync("SALESPEOPLE", "CURRENCY", full=True)
    mine = vendors(world)[0]
    one = new_contact(world, company_of(world, mine["no"]))
    run = world.sync("CONTACT", full=True, records=(f"bc:{one['id']}",))
    [error] = run["CONTACT"]["errors"]
    assert f"vendor {mine['no']}" in error["message"]
    assert "not coupled in VENDOR" in error["message"]
    world.sync("VENDOR", full=True, records=(f"bc:{mine['id']}",))
    world.sync("VENDOR", "CONTACT")
    [coupled] = world.couplings("VENDOR")
    assert partner(world, one["id"])["_parentcustomerid_value"] == coupled["crm_id"]


def test_contacts_of_vendors_come_in_when_vendors_are_synchronized_again(synchronized: World) -> None:
    world = synchronized
    bc, crm = pair(world)
    world.configure("VENDOR", enabled=False)
    one = new_contact(world, company_of(world, vendor(world, bc)["no"]))
    run = world.sync("CONTACT", full=True, records=(f"bc:{one['id']}",))
    assert run["CONTACT"]["counts"]["to"]["outside"] == 1
    world.command(
        lambda session: set_mapping(session, "VENDOR", ["enabled=on"], existing=False, wait=lambda name: None)
    )
    world.sync("CONTACT")
    assert partner(world, one["id"])["_parentcustomerid_value"] == crm
