"""Aim: opportunities go both ways; who owns them, whom they are with, and when they take no part."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from engine.test_contacts import company_of, contact, edit_person, new_contact, partner
from engine.test_verify import look
from engine.world import World, wrote

Row = dict[str, Any]


def opportunity(world: World, **values: Any) -> Row:
    """A new opportunity of Business Central, with a person who works for customer C00010."""
    given = {"description": "Nye bord", "contactNo": "CT000101", "salespersonCode": code(world)}
    return world.create("bc", "opportunities", **given | values)


def entry(world: World, row: Row, **values: Any) -> None:
    """What "update" or "close" leaves behind in Business Central."""
    world.create("bc", "opportunityEntries", opportunityNo=row["no"], **values)


def in_bc(world: World, identifier: str) -> Row:
    return world.get("bc", f"{world.bc('opportunities')}({identifier})")


def in_sales(world: World, identifier: str) -> Row:
    return world.get("crm", f"{world.crm('opportunities')}({identifier})")


def edit(world: World, system: str, identifier: str, **values: Any) -> None:
    place = world.bc("opportunities") if system == "bc" else world.crm("opportunities")
    world.send(system, "PATCH", f"{place}({identifier})", values)


def close(world: World, identifier: str, action: str = "WinOpportunity") -> None:
    """Somebody wins or loses it in Sales."""
    activity = {"subject": "Done", "opportunityid@odata.bind": f"/opportunities({identifier})"}
    world.send("crm", "POST", world.crm(action), {"Status": -1, "OpportunityClose": activity})


def sold(world: World, row: Row) -> str:
    """The opportunity of Sales that one of Business Central is coupled with; '' for none."""
    pairs = {one["bc_id"]: one["crm_id"] for one in world.couplings("OPPORTUNITY")}
    return str(pairs.get(row["id"], ""))


def bought(world: World, identifier: str) -> str:
    """The opportunity of Business Central that one of Sales is coupled with; '' for none."""
    pairs = {one["crm_id"]: one["bc_id"] for one in world.couplings("OPPORTUNITY")}
    return str(pairs.get(identifier, ""))


def code(world: World) -> str:
    """A salesperson who has a user."""
    return min(str(one["number"]) for one in world.couplings("SALESPEOPLE"))


def user_of(world: World, number: str) -> str:
    return next(str(one["crm_id"]) for one in world.couplings("SALESPEOPLE") if one["number"] == number)


def stays(world: World) -> list[tuple[Any, ...]]:
    """(reason, words) of the opportunities that stay in the inbox."""
    return world.query(
        "select reason, message from inbox join mapping on mapping.id = mapping_id"
        " where name = 'OPPORTUNITY' and not due"
    )


def local_currency(world: World) -> str:
    local = world.get("bc", world.bc("generalLedgerSetup"))["value"][0]["lcyCode"]
    rows = world.get("crm", world.crm("transactioncurrencies"))["value"]
    return next(str(one["transactioncurrencyid"]) for one in rows if one["isocurrencycode"] == local)


@pytest.mark.scenario("CP-35")
def test_a_new_one_of_business_central_is_made_in_sales(synchronized: World) -> None:
    row = opportunity(synchronized)
    entry(synchronized, row, estimatedValueLCY=1234.5, probability=20, estimatedCloseDate="2026-06-30")
    run = synchronized.sync("OPPORTUNITY")
    assert run[""] == 0
    assert run["OPPORTUNITY"]["counts"]["to"]["inserted"] == 1
    made = in_sales(synchronized, sold(synchronized, row))
    person = contact(synchronized, "CT000101")
    customer = next(one for one in synchronized.customers() if one["no"] == "C00010")
    [account] = [one["crm_id"] for one in synchronized.couplings() if one["bc_id"] == customer["id"]]
    assert made["name"] == "Nye bord"
    assert made["_parentcontactid_value"] == partner(synchronized, person["id"])
    assert made["_parentaccountid_value"] == account
    assert made["_ownerid_value"] == user_of(synchronized, code(synchronized))
    assert Decimal(str(made["estimatedvalue"])) == Decimal("1234.5")
    assert made["estimatedclosedate"] == "2026-06-30"
    assert made["_transactioncurrencyid_value"] == local_currency(synchronized)
    assert made["_bcbi_companyid_value"]
    assert made["closeprobability"] is None
    for _ in range(2):
        assert wrote(synchronized.sync()) == 0


def test_a_new_one_of_sales_is_made_in_business_central_by_its_name(synchronized: World) -> None:
    """All else flows only to Sales; Business Central gives it a number, and the claim says whose it is."""
    made = synchronized.create("crm", "opportunities", name="Stoler til kantina", estimatedvalue=5000)
    run = synchronized.sync("OPPORTUNITY")
    assert (run[""], run["OPPORTUNITY"]["counts"]["from"]["inserted"]) == (0, 1)
    row = in_bc(synchronized, bought(synchronized, made["opportunityid"]))
    assert (row["description"], row["contactNo"], row["salespersonCode"]) == ("Stoler til kantina", "", "")
    assert row["no"].startswith("OP")
    assert row["status"] == "Not_x0020_Started"
    after = in_sales(synchronized, made["opportunityid"])
    assert after["_bcbi_companyid_value"]
    assert (after["estimatedvalue"], after["_ownerid_value"]) == (5000, made["_ownerid_value"])
    for _ in range(2):
        assert wrote(synchronized.sync()) == 0


def test_edits_go_both_ways_and_only_the_name_comes_back(synchronized: World) -> None:
    row = opportunity(synchronized)
    synchronized.sync("OPPORTUNITY")
    there = sold(synchronized, row)
    edit(synchronized, "crm", there, name="Nye benker", closeprobability=80, estimatedvalue=1)
    run = synchronized.sync("OPPORTUNITY")
    assert run["OPPORTUNITY"]["counts"]["from"]["modified"] == 1
    now = in_bc(synchronized, row["id"])
    assert (now["description"], now["probability"], now["estimatedValueLCY"]) == ("Nye benker", 0, 0)
    edit(synchronized, "bc", row["id"], description="Nye skap")
    synchronized.sync("OPPORTUNITY")
    assert in_sales(synchronized, there)["name"] == "Nye skap"
    assert wrote(synchronized.sync("OPPORTUNITY")) == 0


@pytest.mark.scenario("RS-04")
def test_a_new_estimate_reaches_sales_though_the_opportunity_itself_is_unchanged(
    synchronized: World,
) -> None:
    """Business Central keeps estimates in entries; their changes leave the opportunity's version alone."""
    row = opportunity(synchronized)
    other = opportunity(synchronized)
    for one in (row, other):
        entry(synchronized, one, estimatedValueLCY=1000, estimatedCloseDate="2026-06-30")
    synchronized.sync("OPPORTUNITY")
    version = in_bc(synchronized, row["id"])["systemRowVersion"]
    entry(
        synchronized, row, actionTaken="Updated", estimatedValueLCY=1500.25, estimatedCloseDate="2026-09-30"
    )
    assert in_bc(synchronized, row["id"])["systemRowVersion"] == version
    run = synchronized.sync("OPPORTUNITY")
    assert run["OPPORTUNITY"]["counts"]["to"]["modified"] == 1
    now = in_sales(synchronized, sold(synchronized, row))
    assert Decimal(str(now["estimatedvalue"])) == Decimal("1500.25")
    assert now["estimatedclosedate"] == "2026-09-30"
    assert in_sales(synchronized, sold(synchronized, other))["estimatedvalue"] == 1000
    assert wrote(synchronized.sync("OPPORTUNITY")) == 0


@pytest.mark.scenario("OW-08")
def test_another_salesperson_is_another_owner(synchronized: World) -> None:
    row = opportunity(synchronized)
    synchronized.sync("OPPORTUNITY")
    there = sold(synchronized, row)
    other = max(str(one["number"]) for one in synchronized.couplings("SALESPEOPLE"))
    edit(synchronized, "bc", row["id"], salespersonCode=other)
    synchronized.sync("OPPORTUNITY")
    assert in_sales(synchronized, there)["_ownerid_value"] == user_of(synchronized, other)
    edit(synchronized, "bc", row["id"], salespersonCode="", description="Uten selger")
    synchronized.sync("OPPORTUNITY")
    now = in_sales(synchronized, there)
    assert (now["name"], now["_ownerid_value"]) == ("Uten selger", user_of(synchronized, other))


@pytest.mark.scenario("CP-37")
def test_one_without_a_salesperson_or_contact_goes_through(synchronized: World) -> None:
    row = synchronized.create("bc", "opportunities", description="Uten alt")
    run = synchronized.sync("OPPORTUNITY")
    assert (run[""], run["OPPORTUNITY"]["errors"]) == (0, [])
    made = in_sales(synchronized, sold(synchronized, row))
    assert (made["name"], made["_parentcontactid_value"], made["_parentaccountid_value"]) == (
        "Uten alt",
        None,
        None,
    )


def test_one_whose_contact_is_not_coupled_waits_and_goes_through(synchronized: World) -> None:
    company = company_of(synchronized, synchronized.pair()[0])
    one = new_contact(synchronized, company)
    row = opportunity(synchronized, contactNo=one["no"])
    run = synchronized.sync("OPPORTUNITY")
    assert run[""] == 1
    assert run["OPPORTUNITY"]["counts"]["to"]["waiting"] == 1
    [error] = run["OPPORTUNITY"]["errors"]
    assert error["class"] == "dependency missing"
    assert one["no"] in error["message"]
    assert "CONTACT" in error["cure"]
    assert sold(synchronized, row) == ""
    assert wrote(synchronized.sync("OPPORTUNITY")) == 0
    run = synchronized.sync("CONTACT", "OPPORTUNITY", full=True)
    assert run["OPPORTUNITY"]["open"]["waiting"] == 0
    made = in_sales(synchronized, sold(synchronized, row))
    assert made["_parentcontactid_value"] == partner(synchronized, one["id"])
    assert wrote(synchronized.sync()) == 0


def test_one_whose_salesperson_is_not_coupled_waits_and_goes_through(synchronized: World) -> None:
    new = synchronized.create(
        "bc", "salespeoplePurchasers", code="TV", name="Tora Vik", eMail="tora@x.example"
    )
    row = opportunity(synchronized, salespersonCode="TV")
    run = synchronized.sync("OPPORTUNITY")
    [error] = run["OPPORTUNITY"]["errors"]
    assert error["class"] == "dependency missing"
    assert "TV" in error["message"]
    assert sold(synchronized, row) == ""
    user = synchronized.create(
        "crm",
        "systemusers",
        fullname="Tora Vik",
        internalemailaddress="tora@x.example",
        islicensed=True,
        isdisabled=False,
    )
    synchronized.couple("SALESPEOPLE", f"bc:{new['id']}", f"crm:{user['systemuserid']}", use="leave")
    synchronized.sync("OPPORTUNITY")
    made = in_sales(synchronized, sold(synchronized, row))
    assert made["_ownerid_value"] == user["systemuserid"]


@pytest.mark.parametrize("lost", [{"islicensed": False}, {"isdisabled": True}])
def test_a_user_without_a_license_owns_nothing_and_the_rest_flows(synchronized: World, lost: Row) -> None:
    row = opportunity(synchronized)
    synchronized.sync("OPPORTUNITY")
    there = sold(synchronized, row)
    number = max(str(one["number"]) for one in synchronized.couplings("SALESPEOPLE"))
    user = user_of(synchronized, number)
    synchronized.send("crm", "PATCH", f"{synchronized.crm('systemusers')}({user})", lost)
    edit(synchronized, "bc", row["id"], salespersonCode=number, description="Ny eier")
    run = synchronized.sync("SALESPEOPLE", "OPPORTUNITY")
    [error] = run["OPPORTUNITY"]["errors"]
    assert (error["class"], error["field"]) == ("rejected", "Salesperson Code")
    now = in_sales(synchronized, there)
    assert now["name"] == "Ny eier"
    assert now["_ownerid_value"] == user_of(synchronized, code(synchronized))
    back = {name: not value for name, value in lost.items()}
    synchronized.send("crm", "PATCH", f"{synchronized.crm('systemusers')}({user})", back)
    synchronized.sync("SALESPEOPLE")
    synchronized.sync("OPPORTUNITY")
    assert in_sales(synchronized, there)["_ownerid_value"] == user


@pytest.mark.parametrize("action", ["WinOpportunity", "LoseOpportunity"])
def test_one_that_is_closed_in_sales_is_outside_and_says_so(synchronized: World, action: str) -> None:
    row = opportunity(synchronized)
    synchronized.sync("OPPORTUNITY")
    there = sold(synchronized, row)
    close(synchronized, there, action)
    edit(synchronized, "bc", row["id"], description="For sent")
    run = synchronized.sync("OPPORTUNITY")
    assert (run[""], run["OPPORTUNITY"]["errors"]) == (0, [])
    assert wrote(run) == 0
    [(reason, words)] = {(one[0], one[1]) for one in stays(synchronized)}
    assert reason == "outside"
    assert "Status is Open" in words
    assert "closed" in words
    assert in_sales(synchronized, there)["name"] == "Nye bord"
    edit(synchronized, "crm", there, statecode=0, statuscode=1)
    synchronized.sync("OPPORTUNITY")
    assert in_sales(synchronized, there)["name"] == "For sent"


def test_one_that_was_closed_in_sales_before_is_not_made(synchronized: World) -> None:
    made = synchronized.create("crm", "opportunities", name="Gammel")
    close(synchronized, made["opportunityid"])
    run = synchronized.sync("OPPORTUNITY", full=True)
    assert (run[""], run["OPPORTUNITY"]["errors"]) == (0, [])
    assert wrote(run) == 0
    assert bought(synchronized, made["opportunityid"]) == ""


@pytest.mark.parametrize("action", ["Won", "Lost"])
def test_one_that_is_won_or_lost_in_business_central_leaves_the_filter(
    synchronized: World, action: str
) -> None:
    row = opportunity(synchronized)
    entry(synchronized, row, estimatedValueLCY=10)
    synchronized.sync("OPPORTUNITY")
    there = sold(synchronized, row)
    entry(synchronized, row, actionTaken=action, estimatedValueLCY=99)
    edit(synchronized, "crm", there, name="Nytt navn")
    run = synchronized.sync("OPPORTUNITY")
    assert (run[""], wrote(run)) == (0, 0)
    assert in_bc(synchronized, row["id"])["description"] == "Nye bord"
    now = in_sales(synchronized, there)
    assert (now["statecode"], now["estimatedvalue"]) == (0, 10)
    new = opportunity(synchronized, description="Tapt før den kom")
    entry(synchronized, new, actionTaken=action)
    assert wrote(synchronized.sync("OPPORTUNITY", full=True)) == 0


def test_one_with_a_company_is_outside_as_companies_are_no_contacts_of_sales(synchronized: World) -> None:
    company = company_of(synchronized, synchronized.pair()[0])
    opportunity(synchronized, contactNo=company)
    run = synchronized.sync("OPPORTUNITY")
    assert (run[""], run["OPPORTUNITY"]["errors"]) == (0, [])
    assert run["OPPORTUNITY"]["counts"]["to"]["outside"] == 1
    [(reason, words)] = stays(synchronized)
    assert reason == "outside"
    assert company in words
    assert "Type is Person" in words


def test_one_with_a_person_of_no_customer_is_outside_until_that_contact_is_coupled(
    synchronized: World,
) -> None:
    company = synchronized.create("bc", "contacts", type="Company", name="Ny Kunde AS")
    one = new_contact(synchronized, company["no"])
    row = opportunity(synchronized, contactNo=one["no"])
    run = synchronized.sync("OPPORTUNITY")
    assert (run[""], run["OPPORTUNITY"]["counts"]["to"]["outside"]) == (0, 1)
    [(_, words)] = stays(synchronized)
    assert "no business relation to a customer" in words
    other = partner(synchronized, contact(synchronized, "CT000101")["id"])
    synchronized.uncouple("CONTACT", f"crm:{other}")
    synchronized.couple("CONTACT", f"bc:{one['id']}", f"crm:{other}", use="leave")
    synchronized.sync("OPPORTUNITY")
    made = in_sales(synchronized, sold(synchronized, row))
    assert (made["_parentcontactid_value"], made["_parentaccountid_value"]) == (other, None)


def test_one_of_a_coupled_contact_flows_also_when_that_contact_is_inactive_in_sales(
    synchronized: World,
) -> None:
    other = partner(synchronized, contact(synchronized, "CT000101")["id"])
    edit_person(synchronized, other, statecode=1, statuscode=2)
    synchronized.sync("CONTACT")
    row = opportunity(synchronized)
    run = synchronized.sync("OPPORTUNITY")
    assert (run[""], run["OPPORTUNITY"]["errors"]) == (0, [])
    assert in_sales(synchronized, sold(synchronized, row))["_parentcontactid_value"] == other


def test_one_of_another_company_is_not_ours(synchronized: World) -> None:
    other = synchronized.create("crm", "bcbi_companies", bcbi_name="Other", bcbi_externalid="other")
    place = f"/bcbi_companies({other['bcbi_companyid']})"
    synchronized.create("crm", "opportunities", name="Deres", **{"bcbi_CompanyId@odata.bind": place})
    assert wrote(synchronized.sync("OPPORTUNITY", full=True)) == 0


def test_a_conflict_of_names_is_listed_and_settled(synchronized: World) -> None:
    row = opportunity(synchronized)
    synchronized.sync("OPPORTUNITY")
    there = sold(synchronized, row)
    edit(synchronized, "bc", row["id"], description="BC")
    edit(synchronized, "crm", there, name="Salg")
    run = synchronized.sync("OPPORTUNITY")
    assert run["OPPORTUNITY"]["open"]["conflicts"] == 1
    assert [one["field"] for one in synchronized.conflicts()] == ["Description"]
    synchronized.resolve("crm", mapping="OPPORTUNITY")
    assert in_bc(synchronized, row["id"])["description"] == "Salg"


def test_verify_finds_opportunities_in_step(synchronized: World) -> None:
    row = opportunity(synchronized)
    entry(synchronized, row, estimatedValueLCY=1000, estimatedCloseDate="2026-06-30")
    synchronized.create("crm", "opportunities", name="Fra Salg", estimatedvalue=7)
    synchronized.sync("OPPORTUNITY")
    document = look(synchronized, "OPPORTUNITY")
    assert (document[""], document["different"], document["waiting"]) == (0, 0, 0)
    edit(synchronized, "crm", sold(synchronized, row), name="Et annet")
    assert look(synchronized, "OPPORTUNITY")["different"] == 1


def test_the_demo_company_and_its_opportunities_go_through_in_one_run(world: World) -> None:
    """Three of Business Central and two of Sales are open; one of each side is closed."""
    run = world.sync(full=True)
    counts = run["OPPORTUNITY"]["counts"]
    assert (counts["to"]["inserted"], counts["from"]["inserted"]) == (3, 2)
    assert run["OPPORTUNITY"]["errors"] == []
    world.sync()
    assert wrote(world.sync()) == 0
