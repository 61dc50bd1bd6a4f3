"""The outside checker on demo data: contacts, the company of each, and who is the primary one."""

from __future__ import annotations

from checker.compare import Services, complaints
from engine.world import World

NAMES = ("SALESPEOPLE", "CURRENCY", "CUSTOMER", "VENDOR", "CONTACT")


def demo_said(world: World) -> list[str]:
    pairs = {name: [(one["bc_id"], one["crm_id"]) for one in world.couplings(name)] for name in NAMES}
    assert all(pairs.values())
    services = Services(world.sandbox.business_central, world.sandbox.dataverse)
    # The limit flows to Sales alone, and of customers that were made from accounts nobody has set one.
    return [one for one in complaints(services, pairs) if "Credit Limit" not in one]


def test_contacts_are_compared_with_their_companies_and_as_primary_contacts(
    synchronized: World,
) -> None:
    world = synchronized
    assert demo_said(world) == []
    customer = next(one for one in world.customers() if one["primaryContactNo"])
    contact = next(
        one["id"]
        for one in world.get("bc", world.bc("contacts"))["value"]
        if one["no"] == customer["primaryContactNo"]
    )
    [person] = [one["crm_id"] for one in world.couplings("CONTACT") if one["bc_id"] == contact]
    [account] = [one["crm_id"] for one in world.couplings() if one["bc_id"] == customer["id"]]
    other = next(one["crm_id"] for one in world.couplings() if one["bc_id"] != customer["id"])
    world.edit_account(account, **{"primarycontactid": None})
    assert ["primarycontactid" in one for one in demo_said(world)] == [True]
    change = {"parentcustomerid_account@odata.bind": f"/accounts({other})", "middlename": "von"}
    world.send("crm", "PATCH", f"{world.crm('contacts')}({person})", change)
    said_now = demo_said(world)
    assert [sum(word in one for one in said_now) for word in ("middlename", "parentcustomerid")] == [1, 1]
