"""Contacts: whose account they belong to, for what they wait, and which never take part."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from engine.world import World, wrote

NAMES = ("SALESPEOPLE", "CURRENCY", "CUSTOMER", "CONTACT")


def contact(world: World, number: str) -> dict[str, Any]:
    """A contact of Business Central."""
    [found] = world.get("bc", world.bc("contacts") + f"?$filter=no%20eq%20'{number}'")["value"]
    return dict(found)


def person(world: World, identifier: str) -> dict[str, Any]:
    """A contact of Sales."""
    return world.get("crm", f"{world.crm('contacts')}({identifier})")


def partner(world: World, identifier: str) -> str:
    """The contact of Sales that a contact of Business Central is coupled with; '' for none."""
    pairs = {one["bc_id"]: one["crm_id"] for one in world.couplings("CONTACT")}
    return str(pairs.get(identifier, ""))


def company_of(world: World, customer: str) -> str:
    """The number of the company contact of a customer."""
    number = world.customer(customer)["no"]
    rows = world.get("bc", world.bc("contactBusinessRelations"))["value"]
    return next(str(one["contactNo"]) for one in rows if one["no"] == number)


def new_contact(world: World, company: str, **values: Any) -> dict[str, Any]:
    """A person of that company, made in Business Central."""
    given = {"type": "Person", "companyNo": company, "firstName": "Tora", "surname": "Vik"} | values
    return world.create("bc", "contacts", **given)


def edit_contact(world: World, identifier: str, **values: Any) -> None:
    world.send("bc", "PATCH", f"{world.bc('contacts')}({identifier})", values)


def edit_person(world: World, identifier: str, **values: Any) -> None:
    world.send("crm", "PATCH", f"{world.crm('contacts')}({identifier})", values)


def full(world: World, record: str) -> dict[str, Any]:
    """A run that takes up one contact."""
    return world.sync("CONTACT", full=True, records=(f"bc:{record}",))


def stays(world: World) -> list[tuple[Any, ...]]:
    """(reason, words) of the contacts that stay in the inbox."""
    return world.query(
        "select reason, message from inbox join mapping on mapping.id = mapping_id"
        " where name = 'CONTACT' and not due"
    )


def test_on_fresh_data_every_contact_goes_through_and_nothing_is_written_twice(world: World) -> None:
    """28 persons stand in Business Central and 26 in Sales, two of them without an account."""
    run = world.sync(full=True)
    counts = run["CONTACT"]["counts"]
    assert (counts["to"]["inserted"], counts["from"]["inserted"]) == (28, 24)
    for name in NAMES:
        assert run[name]["counts"]["to"]["failed"] == run[name]["counts"]["from"]["failed"] == 0
        assert run[name]["open"] | {"waiting": 0} == dict.fromkeys(run[name]["open"], 0)
    assert [run[name]["open"]["waiting"] for name in NAMES] == [0, 0, 1, 0]
    assert len(world.couplings("CONTACT")) == 52
    # The price of an item that the full run made of a product.
    assert wrote(world.sync("ITEM-PRICE")) == 1
    for _ in range(2):
        again = world.sync()
        assert wrote(again) == 0
        assert again["CONTACT"]["errors"] == []


def test_each_contact_of_the_full_run_belongs_to_the_partner_of_its_company(synchronized: World) -> None:
    accounts = {one["crm_id"]: one["bc_id"] for one in synchronized.couplings("CUSTOMER")}
    relations = synchronized.get("bc", synchronized.bc("contactBusinessRelations"))["value"]
    companies = {one["no"]: one["contactNo"] for one in relations}
    numbers = {one["id"]: one["no"] for one in synchronized.customers()}
    left = {one["id"]: one for one in synchronized.get("bc", synchronized.bc("contacts"))["value"]}
    right = {one["contactid"]: one for one in synchronized.get("crm", synchronized.crm("contacts"))["value"]}
    pairs = [(left[one["bc_id"]], right[one["crm_id"]]) for one in synchronized.couplings("CONTACT")]
    for bc, crm in pairs:
        assert bc["companyNo"] == companies[numbers[accounts[crm["_parentcustomerid_value"]]]]
        assert bc["type"] == "Person"
        assert (bc["surname"], bc["firstName"]) == (crm["lastname"], crm["firstname"] or "")
    assert len(pairs) == 52


def test_primary_contacts_follow_in_the_same_run_on_both_sides(world: World) -> None:
    world.sync(full=True)
    left = {one["bc_id"]: one["crm_id"] for one in world.couplings("CONTACT")}
    numbers = {one["no"]: one["id"] for one in world.get("bc", world.bc("contacts"))["value"]}
    found = Counter[str]()
    for one in world.couplings("CUSTOMER"):
        customer, account = world.customer(one["bc_id"]), world.account(one["crm_id"])
        number = customer["primaryContactNo"]
        assert account["_primarycontactid_value"] == (left[numbers[number]] if number else None)
        found["with" if number else "without"] += 1
    # One a customer in Business Central, and those of the accounts of Sales.
    assert found["with"] >= 40


def test_a_contact_waits_for_its_account_and_goes_through_once_that_is_coupled(world: World) -> None:
    """The acceptance of the issue: it waits, goes through by itself, and the primary contact follows."""
    world.sync("SALESPEOPLE", "CURRENCY", full=True)
    number = "C00010"
    customer = next(one for one in world.customers() if one["no"] == number)
    one = contact(world, "CT000101")
    run = full(world, one["id"])
    assert run[""] == 1
    assert run["CONTACT"]["counts"]["to"]["waiting"] == 1
    [error] = run["CONTACT"]["errors"]
    assert error["class"] == "dependency missing"
    assert "CT000101 Øystein Ødegård" in error["message"]
    assert company_of(world, customer["id"]) in error["message"]
    assert number in error["message"]
    assert number in error["cure"]
    assert "CUSTOMER" in error["cure"]
    assert partner(world, one["id"]) == ""

    world.sync("CUSTOMER", full=True, records=(f"bc:{customer['id']}",))
    world.sync("CUSTOMER", "CONTACT")
    [account] = [each["crm_id"] for each in world.couplings("CUSTOMER")]
    made = person(world, partner(world, one["id"]))
    assert made["_parentcustomerid_value"] == account
    assert world.account(account)["_primarycontactid_value"] == made["contactid"]
    assert wrote(world.sync("CUSTOMER", "CONTACT")) == 0


def test_the_same_run_couples_customer_contact_and_primary_contact(world: World) -> None:
    world.sync("SALESPEOPLE", "CURRENCY", full=True)
    one = contact(world, "CT000101")
    assert full(world, one["id"])["CONTACT"]["counts"]["to"]["waiting"] == 1
    run = world.sync("CUSTOMER", "CONTACT", full=True)
    assert run["CONTACT"]["open"]["waiting"] == 0
    customer = next(each for each in world.customers() if each["no"] == "C00010")
    [account] = [each["crm_id"] for each in world.couplings() if each["bc_id"] == customer["id"]]
    assert world.account(account)["_primarycontactid_value"] == partner(world, one["id"])


@pytest.mark.scenario("CT-03")
def test_a_contact_of_sales_waits_for_its_account_by_name(world: World) -> None:
    world.sync("SALESPEOPLE", "CURRENCY", full=True)
    account = world.accounts("name eq 'Café Ålesund'")[0]["accountid"]
    people = world.get("crm", world.crm("contacts"))["value"]
    [one] = [each for each in people if each["_parentcustomerid_value"] == account]
    run = world.sync("CONTACT", full=True, records=(f"crm:{one['contactid']}",))
    [error] = run["CONTACT"]["errors"]
    assert "Café Ålesund" in error["message"]
    world.sync("CUSTOMER", full=True, records=(f"crm:{account}",))
    world.sync("CUSTOMER", "CONTACT")
    [pair] = world.couplings("CONTACT")
    customer = world.couplings("CUSTOMER")[0]["bc_id"]
    made = world.get("bc", f"{world.bc('contacts')}({pair['bc_id']})")
    assert made["companyNo"] == company_of(world, customer)
    assert made["surname"] == "Lie"


def test_a_contact_of_a_vendor_is_outside_and_does_not_change_the_exit_status(synchronized: World) -> None:
    relations = synchronized.get("bc", synchronized.bc("contactBusinessRelations"))["value"]
    vendor = next(one for one in relations if one["linkToTable"] == "Vendor")
    synchronized.configure("VENDOR", enabled=False)
    one = new_contact(synchronized, vendor["contactNo"])
    run = full(synchronized, one["id"])
    assert (run[""], run["CONTACT"]["errors"]) == (0, [])
    assert run["CONTACT"]["counts"]["to"]["outside"] == 1
    [(reason, words)] = stays(synchronized)
    assert reason == "outside"
    assert f"vendor {vendor['no']}" in words
    assert "not synchronized" in words
    assert wrote(synchronized.sync("CONTACT")) == 0


def test_a_contact_outside_comes_in_when_its_company_becomes_a_customers(synchronized: World) -> None:
    company = synchronized.create("bc", "contacts", type="Company", name="Ny Kunde AS")
    one = new_contact(synchronized, company["no"])
    assert full(synchronized, one["id"])["CONTACT"]["counts"]["to"]["outside"] == 1
    [(_, words)] = stays(synchronized)
    assert "no business relation to a customer" in words
    customer, account = synchronized.pair()
    rows = synchronized.get("bc", synchronized.bc("contactBusinessRelations"))["value"]
    old = next(row for row in rows if row["contactNo"] == company_of(synchronized, customer))
    synchronized.delete("bc", "contactBusinessRelations", old["id"])
    synchronized.create(
        "bc",
        "contactBusinessRelations",
        contactNo=company["no"],
        businessRelationCode="CUST",
        linkToTable="Customer",
        no=synchronized.customer(customer)["no"],
    )
    synchronized.sync("CONTACT")
    synchronized.sync("CONTACT")
    made = person(synchronized, partner(synchronized, one["id"]))
    assert made["_parentcustomerid_value"] == account
    # Those of the former company are outside now, and keep what they hold.
    assert {reason for reason, _ in stays(synchronized)} == {"outside"}


def test_a_contact_of_a_customer_outside_its_filter_is_outside(synchronized: World) -> None:
    customer = synchronized.create("bc", "customers", name="Sperret AS", blocked="All")
    one = new_contact(synchronized, company_of(synchronized, customer["id"]))
    run = full(synchronized, one["id"])
    assert (run["CONTACT"]["counts"]["to"]["outside"], run["CONTACT"]["errors"]) == (1, [])
    [(_, words)] = stays(synchronized)
    assert customer["no"] in words
    assert "Blocked is blank" in words


def test_while_its_customer_is_blocked_nothing_of_a_contact_flows(synchronized: World) -> None:
    customer, account = synchronized.pair()
    one = contact(synchronized, "CT000101")
    other = partner(synchronized, one["id"])
    synchronized.edit_customer(customer, blocked="All")
    synchronized.sync("CUSTOMER")
    edit_contact(synchronized, one["id"], pager="1881")
    run = synchronized.sync("CONTACT")
    assert run["CONTACT"]["counts"]["to"]["outside"] == 1
    assert person(synchronized, other)["pager"] is None
    synchronized.edit_customer(customer, blocked="_x0020_")
    synchronized.sync("CUSTOMER", "CONTACT")
    assert person(synchronized, other)["pager"] == "1881"
    assert person(synchronized, other)["_parentcustomerid_value"] == account


def test_company_contacts_and_contacts_of_contacts_are_read_past(synchronized: World) -> None:
    before = synchronized.count("crm", "contact"), synchronized.count("bc", "Contact")
    company = synchronized.create("bc", "contacts", type="Company", name="Bare Firma AS")
    inside = synchronized.get("crm", synchronized.crm("contacts"))["value"][0]["contactid"]
    synchronized.create(
        "crm",
        "contacts",
        lastname="Child",
        **{"parentcustomerid_contact@odata.bind": f"/contacts({inside})"},
    )
    run = synchronized.sync("CONTACT", full=True)
    assert wrote(run) == 0
    assert company["no"]
    assert (synchronized.count("crm", "contact"), synchronized.count("bc", "Contact")) == (
        before[0] + 1,
        before[1] + 1,
    )
    assert stays(synchronized) == []


def test_edits_on_both_sides_merge_and_a_name_in_both_is_one_conflict(synchronized: World) -> None:
    one = contact(synchronized, "CT000102")
    other = partner(synchronized, one["id"])
    edit_contact(synchronized, one["id"], pager="1881", surname="Berg")
    edit_person(synchronized, other, fax="22334455", lastname="Dal")
    synchronized.sync("CONTACT")
    assert person(synchronized, other)["pager"] == "1881"
    assert contact(synchronized, "CT000102")["faxNo"] == "22334455"
    assert [each["field"] for each in synchronized.conflicts()] == ["name"]
    synchronized.resolve("crm")
    assert contact(synchronized, "CT000102")["surname"] == "Dal"
    assert contact(synchronized, "CT000102")["name"].endswith("Dal")
    assert wrote(synchronized.sync()) == 0


@pytest.mark.parametrize("side", ["bc", "crm"])
def test_a_contact_that_changes_its_company_changes_its_account_and_back(
    synchronized: World, side: str
) -> None:
    one = contact(synchronized, "CT000102")
    other = partner(synchronized, one["id"])
    customer, account = synchronized.pair("C00020")
    company = company_of(synchronized, customer)
    if side == "bc":
        edit_contact(synchronized, one["id"], companyNo=company)
    else:
        edit_person(synchronized, other, **{"parentcustomerid_account@odata.bind": f"/accounts({account})"})
    run = synchronized.sync("CONTACT")
    assert wrote(run) == 1
    assert contact(synchronized, "CT000102")["companyNo"] == company
    assert person(synchronized, other)["_parentcustomerid_value"] == account
    assert wrote(synchronized.sync()) == 0


def test_a_contact_without_surname_gets_the_last_word_of_its_name(synchronized: World) -> None:
    company = company_of(synchronized, synchronized.pair()[0])
    one = new_contact(synchronized, company, firstName="Cher", surname="", name="Cher")
    full(synchronized, one["id"])
    made = person(synchronized, partner(synchronized, one["id"]))
    assert (made["firstname"], made["lastname"]) == ("Cher", "Cher")
    assert wrote(synchronized.sync("CONTACT")) == 0


def test_a_contact_without_any_name_is_refused_by_name(synchronized: World) -> None:
    company = company_of(synchronized, synchronized.pair()[0])
    one = new_contact(synchronized, company, firstName="", surname="")
    run = full(synchronized, one["id"])
    [error] = run["CONTACT"]["errors"]
    assert (error["class"], error["field"]) == ("rejected", "Surname")
    assert one["no"] in error["message"]
    edit_contact(synchronized, one["id"], surname="Nå")
    synchronized.sync("CONTACT")
    assert person(synchronized, partner(synchronized, one["id"]))["lastname"] == "Nå"


def test_a_primary_contact_of_another_company_does_not_keep_the_account_from_flowing(
    synchronized: World,
) -> None:
    """Business Central takes only a contact of the customer's own company."""
    customer, account = synchronized.pair("C00020")
    stranger = partner(synchronized, contact(synchronized, "CT000101")["id"])
    synchronized.edit_account(
        account, telephone1="+47 22 11 00 99", **{"primarycontactid@odata.bind": f"/contacts({stranger})"}
    )
    run = synchronized.sync("CUSTOMER")
    assert run["CUSTOMER"]["errors"] == []
    assert run["CUSTOMER"]["open"]["clearable"] == 1
    assert synchronized.customer(customer)["phoneNo"] == "+47 22 11 00 99"
    assert synchronized.customer(customer)["primaryContactNo"] == ""
    for _ in range(2):
        assert wrote(synchronized.sync()) == 0
    assert synchronized.account(account)["_primarycontactid_value"] == stranger


def test_a_rehearsal_of_a_full_run_counts_contacts_as_the_run_then_does(world: World) -> None:
    rehearsed = world.sync(full=True, dry_run=True)
    run = world.sync(full=True)
    assert run["CONTACT"]["counts"]["to"]["inserted"] > 0
    for name in NAMES:
        for way in ("to", "from"):
            assert rehearsed[name]["counts"][way]["inserted"] == run[name]["counts"][way]["inserted"]
            assert rehearsed[name]["counts"][way]["waiting"] == run[name]["counts"][way]["waiting"]


def test_a_run_with_nothing_due_loads_no_relations(synchronized: World) -> None:
    """The relations of a large company are many; only their changes are asked for. Here they cannot even be
    read any more."""
    broken = synchronized.query(
        "update reference set body = 'broken' where name = 'contactBusinessRelations' returning name"
    )
    assert len(broken) > 60
    assert wrote(synchronized.sync()) == 0
    customer, account = synchronized.pair()
    synchronized.edit_customer(customer, address="Torget 77")
    synchronized.sync()
    assert synchronized.account(account)["address1_line1"] == "Torget 77"
