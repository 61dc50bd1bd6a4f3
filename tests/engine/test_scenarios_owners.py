"""Aim: scenarios of the built-in integration about owners and salespeople, and about currencies in runs."""

from __future__ import annotations

from decimal import Decimal

import pytest

from engine.test_contacts import contact, edit_contact, partner, person
from engine.world import World, wrote


def codes(world: World) -> list[str]:
    """Salespeople who have a user, in the order of their codes."""
    return sorted(str(one["number"]) for one in world.couplings("SALESPEOPLE"))


def user_of(world: World, code: str) -> str:
    return next(str(one["crm_id"]) for one in world.couplings("SALESPEOPLE") if one["number"] == code)


def other_code(world: World, customer: str) -> str:
    """A salesperson with a user who is not the customer's."""
    return next(one for one in codes(world) if one != world.customer(customer)["salespersonCode"])


@pytest.mark.scenario("OW-02")
def test_the_salesperson_is_the_owner_of_a_new_account_and_of_a_new_contact(world: World) -> None:
    world.sync(full=True)
    pairs = {one["bc_id"]: one["crm_id"] for one in world.couplings()}
    checked = 0
    for customer in world.customers():
        code, there = customer["salespersonCode"], pairs.get(customer["id"])
        if code and there:
            assert world.account(there)["_ownerid_value"] == user_of(world, code)
            checked += 1
    assert checked > 20
    one = contact(world, "CT000101")
    made = person(world, partner(world, one["id"]))
    assert made["_ownerid_value"] == user_of(world, one["salespersonCode"])


@pytest.mark.scenario("OW-07")
def test_an_owner_that_is_right_already_is_not_written(synchronized: World) -> None:
    customer, account = synchronized.pair()
    code = other_code(synchronized, customer)
    place = f"/systemusers({user_of(synchronized, code)})"
    synchronized.edit_account(account, **{"ownerid@odata.bind": place})
    synchronized.edit_customer(customer, salespersonCode=code)
    assert wrote(synchronized.sync("CUSTOMER")) == 0
    assert wrote(synchronized.sync("CUSTOMER")) == 0


@pytest.mark.scenario("OW-08")
def test_the_owner_follows_the_salesperson_of_customer_and_contact(synchronized: World) -> None:
    customer, account = synchronized.pair()
    code = other_code(synchronized, customer)
    one = contact(synchronized, "CT000101")
    synchronized.edit_customer(customer, salespersonCode=code)
    edit_contact(synchronized, one["id"], salespersonCode=code)
    synchronized.sync("CUSTOMER", "CONTACT")
    user = user_of(synchronized, code)
    assert synchronized.account(account)["_ownerid_value"] == user
    assert person(synchronized, partner(synchronized, one["id"]))["_ownerid_value"] == user


@pytest.mark.scenario("OW-05")
def test_a_salesperson_who_is_not_coupled_keeps_only_the_owner_waiting(synchronized: World) -> None:
    """The built-in integration fails the record; here the rest of it flows, and the owner follows later."""
    customer, account = synchronized.pair()
    before = synchronized.account(account)["_ownerid_value"]
    synchronized.create("bc", "salespeoplePurchasers", code="TV", name="Tora Vik")
    synchronized.edit_customer(customer, salespersonCode="TV", address="Torget 3")
    run = synchronized.sync("CUSTOMER")
    [error] = [one for one in run["CUSTOMER"]["errors"] if one["bc_id"] == customer]
    assert (error["class"], error["field"]) == ("dependency missing", "Salesperson Code")
    now = synchronized.account(account)
    assert (now["address1_line1"], now["_ownerid_value"]) == ("Torget 3", before)


@pytest.mark.scenario("OW-06")
def test_without_the_mapping_of_salespeople_no_owner_is_asked_for(synchronized: World) -> None:
    customer, account = synchronized.pair()
    before = synchronized.account(account)["_ownerid_value"]
    synchronized.configure("SALESPEOPLE", enabled=False)
    synchronized.create("bc", "salespeoplePurchasers", code="TV", name="Tora Vik")
    synchronized.edit_customer(customer, salespersonCode="TV", address="Torget 4")
    run = synchronized.sync("CUSTOMER")
    assert [one for one in run["CUSTOMER"]["errors"] if one["bc_id"] == customer] == []
    now = synchronized.account(account)
    assert (now["address1_line1"], now["_ownerid_value"]) == ("Torget 4", before)


@pytest.mark.scenario("OW-04")
def test_without_the_mapping_of_salespeople_a_team_as_owner_keeps_the_code(synchronized: World) -> None:
    customer, account = synchronized.pair()
    code = synchronized.customer(customer)["salespersonCode"]
    synchronized.configure("SALESPEOPLE", enabled=False)
    [team, *_] = synchronized.get("crm", synchronized.crm("teams"))["value"]
    place = f"/teams({team['teamid']})"
    synchronized.edit_account(account, fax="22334455", **{"ownerid@odata.bind": place})
    run = synchronized.sync("CUSTOMER")
    assert [one for one in run["CUSTOMER"]["errors"] if one["bc_id"] == customer] == []
    now = synchronized.customer(customer)
    assert (now["faxNo"], now["salespersonCode"]) == ("22334455", code)
    assert synchronized.account(account)["_owningteam_value"] == team["teamid"]


@pytest.mark.scenario("OW-01")
def test_a_user_who_becomes_a_salesperson_gets_the_next_code(synchronized: World) -> None:
    synchronized.create("bc", "salespeoplePurchasers", code="SP NO. 00041", name="Den siste")
    user = synchronized.create(
        "crm",
        "systemusers",
        fullname="Tora Vik",
        internalemailaddress="tora@x.example",
        islicensed=True,
        isdisabled=False,
    )
    synchronized.sync("SALESPEOPLE", full=True)
    [made] = [one for one in synchronized.couplings("SALESPEOPLE") if one["crm_id"] == user["systemuserid"]]
    assert made["number"] == "SP NO. 00042"


@pytest.mark.scenario("CU-01")
@pytest.mark.scenario("RS-19")
def test_a_new_currency_with_a_rate_is_made_in_sales_with_its_data(synchronized: World) -> None:
    new = synchronized.create("bc", "currencies", code="CHF", isoCode="CHF", description="Swiss franc")
    synchronized.create(
        "bc",
        "currencyExchangeRates",
        currencyCode="CHF",
        startingDate="2025-01-01",
        exchangeRateAmount=4,
        relationalExchRateAmount=5,
        relationalCurrencyCode="",
    )
    run = synchronized.sync("CURRENCY", full=True, records=(f"bc:{new['id']}",))
    assert run["CURRENCY"]["counts"]["to"]["inserted"] == 1
    [pair] = [one for one in synchronized.couplings("CURRENCY") if one["number"] == "CHF"]
    made = synchronized.get("crm", f"{synchronized.crm('transactioncurrencies')}({pair['crm_id']})")
    assert (made["isocurrencycode"], made["currencyname"]) == ("CHF", "Swiss franc")
    assert Decimal(str(made["exchangerate"])) == Decimal("0.8")
    assert made["currencyprecision"] == 2
    assert made["currencysymbol"]


@pytest.mark.scenario("CU-02")
def test_a_new_currency_without_a_rate_waits_for_one(synchronized: World) -> None:
    """The built-in integration fails; here it goes through by itself once there is a rate."""
    new = synchronized.create("bc", "currencies", code="CHF", isoCode="CHF", description="Swiss franc")
    run = synchronized.sync("CURRENCY", full=True, records=(f"bc:{new['id']}",))
    assert (run[""], run["CURRENCY"]["counts"]["to"]["inserted"]) == (1, 0)
    [error] = run["CURRENCY"]["errors"]
    assert "no exchange rate" in error["message"]
    assert "CHF" not in {one["number"] for one in synchronized.couplings("CURRENCY")}
    synchronized.create(
        "bc",
        "currencyExchangeRates",
        currencyCode="CHF",
        startingDate="2025-01-01",
        exchangeRateAmount=1,
        relationalExchRateAmount=1,
        relationalCurrencyCode="",
    )
    synchronized.sync("CURRENCY")
    assert "CHF" in {one["number"] for one in synchronized.couplings("CURRENCY")}


@pytest.mark.scenario("TS-09")
def test_what_a_finder_finds_is_coupled_and_not_created(world: World) -> None:
    before = world.count("crm", "transactioncurrency")
    counts = world.sync("CURRENCY", full=True)["CURRENCY"]["counts"]["to"]
    assert counts["coupled"] > 0
    assert world.count("crm", "transactioncurrency") == before + counts["inserted"]
    assert len(world.couplings("CURRENCY")) == counts["coupled"] + counts["inserted"]
