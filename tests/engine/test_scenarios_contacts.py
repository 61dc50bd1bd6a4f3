"""Aim: scenarios of the built-in integration about contacts and the accounts that they belong to.

Where kobling differs on purpose, the test says so: it waits or stays outside where the other one fails.
"""

from __future__ import annotations

from typing import Any

import pytest

from engine.test_contacts import (
    company_of,
    contact,
    edit_contact,
    edit_person,
    full,
    new_contact,
    partner,
    person,
    stays,
)
from engine.world import World, wrote


def in_bc(world: World, identifier: str) -> dict[str, Any]:
    """The contact of Business Central that one of Sales is coupled with."""
    pairs = {one["crm_id"]: one["bc_id"] for one in world.couplings("CONTACT")}
    return world.get("bc", f"{world.bc('contacts')}({pairs[identifier]})")


def of_account(world: World, account: str, **values: Any) -> str:
    """A new contact of that account in Sales."""
    place = {"parentcustomerid_account@odata.bind": f"/accounts({account})"}
    made = world.create("crm", "contacts", **{"firstname": "Tora", "lastname": "Vik"} | values | place)
    return str(made["contactid"])


@pytest.mark.scenario("CT-01")
def test_a_name_changed_in_sales_arrives_in_business_central(synchronized: World) -> None:
    one = contact(synchronized, "CT000101")
    edit_person(synchronized, partner(synchronized, one["id"]), firstname="Nora", lastname="Dal")
    run = synchronized.sync("CONTACT", direction="from")
    assert run["CONTACT"]["counts"]["from"]["modified"] == 1
    now = contact(synchronized, "CT000101")
    assert (now["firstName"], now["surname"]) == ("Nora", "Dal")


@pytest.mark.scenario("CT-02")
def test_a_name_changed_in_business_central_arrives_in_sales(synchronized: World) -> None:
    one = contact(synchronized, "CT000101")
    edit_contact(synchronized, one["id"], firstName="Nora", surname="Dal")
    run = synchronized.sync("CONTACT", direction="to")
    assert run["CONTACT"]["counts"]["to"]["modified"] == 1
    now = person(synchronized, partner(synchronized, one["id"]))
    assert (now["firstname"], now["lastname"]) == ("Nora", "Dal")


@pytest.mark.scenario("CT-04")
@pytest.mark.scenario("CT-15")
def test_a_new_contact_of_a_coupled_account_gets_a_number_and_the_company(synchronized: World) -> None:
    customer, account = synchronized.pair()
    new = of_account(synchronized, account)
    run = synchronized.sync("CONTACT", full=True, records=(f"crm:{new}",))
    assert (run[""], run["CONTACT"]["counts"]["from"]["inserted"]) == (0, 1)
    made = in_bc(synchronized, new)
    assert made["no"].startswith("CT")
    assert made["companyNo"] == company_of(synchronized, customer)
    assert (made["type"], made["firstName"], made["surname"]) == ("Person", "Tora", "Vik")


@pytest.mark.scenario("CT-15")
def test_a_new_contact_without_an_account_is_not_created(synchronized: World) -> None:
    """The built-in integration fails here; the filter keeps it outside."""
    made = synchronized.create("crm", "contacts", lastname="Alene")
    before = synchronized.count("bc", "Contact")
    synchronized.sync("CONTACT", full=True)
    assert synchronized.count("bc", "Contact") == before
    assert made["contactid"] not in {one["crm_id"] for one in synchronized.couplings("CONTACT")}


@pytest.mark.scenario("CT-05")
@pytest.mark.scenario("CT-06")
def test_a_company_contact_is_not_synchronized_also_when_somebody_couples_it(synchronized: World) -> None:
    """The built-in integration disables the buttons; a coupling is said to be outside at once."""
    number = company_of(synchronized, synchronized.pair()[0])
    company = contact(synchronized, number)
    run = full(synchronized, company["id"])
    assert (wrote(run), run["CONTACT"]["counts"]["to"]["failed"]) == (0, 0)
    assert partner(synchronized, company["id"]) == ""
    _, account = synchronized.pair()
    new = of_account(synchronized, account)
    made = synchronized.couple("CONTACT", f"bc:{company['id']}", f"crm:{new}", use="bc")
    assert "Type is Person" in made["outside"]
    assert wrote(synchronized.sync("CONTACT")) == 0
    assert person(synchronized, new)["lastname"] == "Vik"


@pytest.mark.scenario("CT-07")
def test_a_coupled_person_that_became_a_company_is_left_alone(synchronized: World) -> None:
    one = contact(synchronized, "CT000102")
    other = partner(synchronized, one["id"])
    before = person(synchronized, other)["lastname"]
    edit_contact(synchronized, one["id"], companyNo="", type="Company", name="Firma", pager="1881")
    run = synchronized.sync("CONTACT")
    assert (wrote(run), run["CONTACT"]["errors"]) == (0, [])
    assert run["CONTACT"]["counts"]["to"]["outside"] == 1
    now = person(synchronized, other)
    assert (now["lastname"], now["pager"]) == (before, None)


@pytest.mark.scenario("CT-08")
@pytest.mark.scenario("CT-10")
def test_a_person_without_a_company_is_outside_coupled_or_not(synchronized: World) -> None:
    loose = synchronized.create("bc", "contacts", type="Person", firstName="Tora", surname="Vik")
    run = full(synchronized, loose["id"])
    assert (wrote(run), run["CONTACT"]["errors"]) == (0, [])
    assert partner(synchronized, loose["id"]) == ""
    one = contact(synchronized, "CT000102")
    other = partner(synchronized, one["id"])
    edit_contact(synchronized, one["id"], companyNo="", pager="1881")
    run = synchronized.sync("CONTACT")
    assert (wrote(run), run["CONTACT"]["errors"]) == (0, [])
    assert any("Company No. is not blank" in words for _, words in stays(synchronized))
    assert person(synchronized, other)["pager"] is None


@pytest.mark.scenario("CT-11")
def test_an_uncoupled_contact_that_is_named_is_said_to_be_uncoupled(synchronized: World) -> None:
    """The built-in integration counts it as skipped and says nothing."""
    customer = synchronized.create("bc", "customers", name="Ny AS")
    one = new_contact(synchronized, company_of(synchronized, customer["id"]))
    run = synchronized.sync("CONTACT", records=(f"bc:{one['id']}",))
    assert (wrote(run), run["CONTACT"]["counts"]["to"]["failed"]) == (0, 0)
    [error] = run["CONTACT"]["errors"]
    assert error["class"] == "not coupled"
    assert partner(synchronized, one["id"]) == ""


@pytest.mark.scenario("CT-12")
def test_a_coupled_contact_flows_though_its_customer_is_not_coupled(world: World) -> None:
    """The account itself waits for its coupling; the other fields do not."""
    world.sync("SALESPEOPLE", "CURRENCY", full=True)
    account = world.accounts("name eq 'Café Ålesund'")[0]["accountid"]
    people = world.get("crm", world.crm("contacts"))["value"]
    [other] = [one for one in people if one["_parentcustomerid_value"] == account]
    one = contact(world, "CT000101")
    world.couple("CONTACT", f"bc:{one['id']}", f"crm:{other['contactid']}", use="bc")
    run = world.sync("CONTACT", records=(f"bc:{one['id']}",))
    now = person(world, other["contactid"])
    assert (now["firstname"], now["lastname"]) == (one["firstName"], one["surname"])
    assert now["_parentcustomerid_value"] == account
    assert run["CONTACT"]["open"]["waiting"] == 1
    edit_contact(world, one["id"], pager="1881")
    run = world.sync("CONTACT", direction="to")
    assert run["CONTACT"]["counts"]["to"]["failed"] == 0
    assert person(world, other["contactid"])["pager"] == "1881"


@pytest.mark.scenario("CT-13")
def test_a_contact_of_an_account_that_is_no_customer_makes_neither(synchronized: World) -> None:
    """The built-in integration fails; here the contact is outside, and comes in with its account."""
    synchronized.configure("CUSTOMER", synch_only_coupled=False)
    synchronized.configure("CONTACT", synch_only_coupled=False)
    account = synchronized.create("crm", "accounts", name="Konkurrent", customertypecode=1)["accountid"]
    new = of_account(synchronized, account)
    before = synchronized.count("bc", "Customer"), synchronized.count("bc", "Contact")
    run = synchronized.sync("CUSTOMER", "CONTACT")
    assert (run["CONTACT"]["errors"], run["CONTACT"]["counts"]["from"]["outside"]) == ([], 1)
    assert (synchronized.count("bc", "Customer"), synchronized.count("bc", "Contact")) == before
    assert any("Konkurrent" in words for _, words in stays(synchronized))
    synchronized.edit_account(account, customertypecode=3)
    for _ in range(2):
        synchronized.sync("CUSTOMER", "CONTACT")
    assert in_bc(synchronized, new)["surname"] == "Vik"


@pytest.mark.scenario("CT-14")
@pytest.mark.parametrize("coupled", [True, False])
def test_another_owner_in_sales_leaves_the_salesperson_of_a_contact(
    synchronized: World, coupled: bool
) -> None:
    one = contact(synchronized, "CT000101")
    other = partner(synchronized, one["id"])
    owner = person(synchronized, other)["_ownerid_value"]
    users = {each["crm_id"] for each in synchronized.couplings("SALESPEOPLE")} - {owner}
    user = min(users) if coupled else _user(synchronized)
    edit_person(synchronized, other, fax="22334455", **{"ownerid@odata.bind": f"/systemusers({user})"})
    run = synchronized.sync("CONTACT")
    assert run["CONTACT"]["errors"] == []
    now = contact(synchronized, "CT000101")
    assert (now["faxNo"], now["salespersonCode"]) == ("22334455", one["salespersonCode"])


def _user(world: World) -> str:
    made = world.create("crm", "systemusers", fullname="Ny", internalemailaddress="ny@x.example")
    return str(made["systemuserid"])
