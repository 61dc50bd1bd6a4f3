"""Aim: several companies share one organization of Sales, and none takes or overwrites what is another's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.companies import Branch, branches, served_companies
from engine.world import wrote
from kobling.model.errors import ConfigurationError
from kobling.service.connection_settings import set_connection

__all__ = ["branches", "served_companies"]
Branches = tuple[Branch, Branch]


def turn(branch: Branch, *edits: str) -> dict[str, Any]:
    return branch.command(lambda one: set_connection(one, edits, existing=True, wait=lambda name: None))


def begin(branches: Branches) -> None:
    """Salespeople and currencies are coupled in both companies."""
    for each in branches:
        each.sync("SALESPEOPLE", "CURRENCY", full=True)


def company_row(branch: Branch) -> str:
    rows = branch.get("crm", branch.crm("bcbi_companies"))["value"]
    return next(str(one["bcbi_companyid"]) for one in rows if one["bcbi_externalid"] == branch.company)


def stamp(branch: Branch, account: str) -> str:
    return str(branch.account(account)["_bcbi_companyid_value"])


@pytest.mark.scenario("MC-01")
@pytest.mark.scenario("MC-10")
def test_what_a_company_sends_to_sales_carries_the_id_of_that_company(branches: Branches) -> None:
    begin(branches)
    for one in branches:
        one.sync("CUSTOMER", direction="to", full=True)
    rows = [company_row(one) for one in branches]
    assert rows[0] != rows[1]
    for one, row in zip(branches, rows, strict=True):
        accounts = [each["crm_id"] for each in one.couplings()]
        assert accounts
        assert {stamp(one, each) for each in accounts} == {row}


@pytest.mark.scenario("MC-02")
def test_an_account_of_another_company_is_left_alone(branches: Branches) -> None:
    one, other = branches
    begin(branches)
    one.sync("CUSTOMER", direction="to", full=True)
    before = other.count("bc", "Customer")
    theirs = {each["crm_id"] for each in one.couplings()}
    other.sync("CUSTOMER", full=True)
    assert theirs.isdisjoint({each["crm_id"] for each in other.couplings()})
    assert {stamp(one, each) for each in theirs} == {company_row(one)}
    # What came into the second company are accounts that belonged to nobody.
    assert other.count("bc", "Customer") > before


def test_an_account_of_nobody_becomes_a_customer_of_one_company_only(branches: Branches) -> None:
    one, other = branches
    begin(branches)
    made = one.create("crm", "accounts", name="Ingens kunde AS", customertypecode=3)["accountid"]
    other.sync("CUSTOMER", direction="from", full=True)
    assert stamp(one, made) == company_row(other)
    one.sync("CUSTOMER", direction="from", full=True)
    assert made in {each["crm_id"] for each in other.couplings()}
    assert made not in {each["crm_id"] for each in one.couplings()}
    assert not one.customers("name eq 'Ingens kunde AS'")
    assert len(other.customers("name eq 'Ingens kunde AS'")) == 1


def test_who_comes_second_to_a_claim_makes_no_customer(branches: Branches) -> None:
    one, other = branches
    begin(branches)
    made = one.create("crm", "accounts", name="Omstridt AS", customertypecode=3)["accountid"]
    # The other company claims the account between the reading and the claim of the first one.
    bound = f"/bcbi_companies({company_row(other)})"
    one.plugins({"entity": "account", "on": "update", "field": "name", "upper": True, "as": "person"})
    other.send(
        "crm", "PATCH", f"{other.crm('accounts')}({made})", {"bcbi_CompanyId@odata.bind": bound}, client="Bo"
    )
    one.plugins()
    one.sync("CUSTOMER", direction="from", full=True)
    assert not one.customers("name eq 'Omstridt AS'")
    assert stamp(one, made) == company_row(other)


def test_uncoupling_gives_an_account_free_for_the_other_company(branches: Branches) -> None:
    one, other = branches
    begin(branches)
    one.sync("CUSTOMER", direction="to", full=True)
    pair = one.couplings()[0]
    one.uncouple("CUSTOMER", pair["bc_id"])
    assert other.account(pair["crm_id"])["_bcbi_companyid_value"] is None


@pytest.mark.scenario("MC-08")
def test_another_row_of_the_company_is_stamped_from_the_next_run_on(branches: Branches) -> None:
    """There is no copy of the id that would have to be reset first, as in the built-in integration."""
    one, _ = branches
    one.sync("SALESPEOPLE", "CURRENCY", full=True)
    place = f"{one.crm('bcbi_companies')}({company_row(one)})"
    one.send("crm", "PATCH", place, {"bcbi_externalid": "somebody else"})
    body = {"bcbi_externalid": one.company, "bcbi_name": "The same company"}
    row = one.create("crm", "bcbi_companies", **body)["bcbi_companyid"]
    one.sync("CUSTOMER", direction="to", full=True)
    assert {stamp(one, each["crm_id"]) for each in one.couplings()} == {row}


def test_two_companies_with_two_currencies_keep_what_blank_means_to_each(branches: Branches) -> None:
    one, other = branches
    iso = {
        each["transactioncurrencyid"]: each["isocurrencycode"]
        for each in one.get("crm", one.crm("transactioncurrencies"))["value"]
    }
    begin(branches)
    for each, local in zip(branches, ("EUR", "NOK"), strict=True):
        each.sync("CUSTOMER", direction="to", full=True)
        pairs = {pair["bc_id"]: pair["crm_id"] for pair in each.couplings()}
        blank = [row["id"] for row in each.customers("currencyCode eq ''") if row["id"] in pairs]
        assert blank
        held = {each.account(pairs[row])["_transactioncurrencyid_value"] for row in blank}
        assert {iso[one] for one in held} == {local}
    foreign = other.customers("currencyCode eq 'EUR'")
    pairs = {pair["bc_id"]: pair["crm_id"] for pair in other.couplings()}
    assert {iso[other.account(pairs[row["id"]])["_transactioncurrencyid_value"]] for row in foreign} == {
        "EUR"
    }
    assert [wrote(each.sync("CURRENCY", "CUSTOMER")) for each in branches] == [0, 0]


def test_only_the_first_connection_writes_currencies_the_others_couple_them(branches: Branches) -> None:
    one, other = branches
    one.sync("CURRENCY", full=True)
    rates = {
        each["isocurrencycode"]: each["exchangerate"]
        for each in one.get("crm", one.crm("transactioncurrencies"))["value"]
    }
    other.create("bc", "currencies", code="CHF", isoCode="CHF", description="Swiss Franc")
    run = other.sync("CURRENCY", full=True)
    assert run[""] == 0
    assert {each["number"] for each in other.couplings("CURRENCY")} >= {"SEK", "USD"}
    now = {
        each["isocurrencycode"]: each["exchangerate"]
        for each in one.get("crm", one.crm("transactioncurrencies"))["value"]
    }
    assert now == rates
    messages = [text for (text,) in other.query("select message from inbox")]
    assert sum("belongs to no company" in one for one in messages) == 1
    # Made by hand in Sales, it is coupled by its code.
    franc = {"isocurrencycode": "CHF", "currencyname": "Franc", "currencysymbol": "CHF"}
    one.create("crm", "transactioncurrencies", **franc, exchangerate=1, currencyprecision=2)
    other.sync("CURRENCY", full=True)
    assert "CHF" in {each["number"] for each in other.couplings("CURRENCY")}


def test_two_connections_of_the_same_company_are_refused(branches: Branches, tmp_path: Path) -> None:
    one, _ = branches
    one.sync("CURRENCY")
    again = Branch(one.sandbox, one.environment["KOBLING_DATABASE_URL"], tmp_path / "again", 0, "again")
    with pytest.raises(ConfigurationError, match="would make every record twice"):
        again.sync("CURRENCY")


def test_what_another_connection_wrote_is_a_change_and_not_held(branches: Branches) -> None:
    one, other = branches
    for each in branches:
        turn(each, "multi_company=on")
    begin(branches)
    shared = one.create("crm", "accounts", name="Felles kunde AS", customertypecode=3)["accountid"]
    for each in branches:
        each.sync("CUSTOMER", direction="from", full=True, records=(f"crm:{shared}",))
    [mine] = one.customers("name eq 'Felles kunde AS'")
    [theirs] = other.customers("name eq 'Felles kunde AS'")
    one.edit_customer(mine["id"], phoneNo="+47 22 00 00 01")
    one.sync("CUSTOMER")
    run = other.sync("CUSTOMER")
    assert run["CUSTOMER"]["open"]["held"] == 0
    assert other.customer(theirs["id"])["phoneNo"] == "+47 22 00 00 01"
    assert [wrote(each.sync("CUSTOMER")) for each in branches] == [0, 0]


def test_with_several_companies_an_opportunity_still_says_whose_it_is(branches: Branches) -> None:
    one, _ = branches
    turn(one, "multi_company=on")
    begin(branches)
    one.sync("CUSTOMER", "CONTACT", "OPPORTUNITY", direction="to", full=True)
    coupled = [each["crm_id"] for each in one.couplings("OPPORTUNITY")]
    assert coupled
    rows = {each["opportunityid"]: each for each in one.get("crm", one.crm("opportunities"))["value"]}
    assert {rows[each]["_bcbi_companyid_value"] for each in coupled} == {company_row(one)}
    assert one.sync("OPPORTUNITY")["OPPORTUNITY"]["counts"]["to"]["outside"] == 0


@pytest.mark.scenario("MC-04")
@pytest.mark.scenario("MC-05")
def test_the_salesperson_owns_whatever_the_business_unit_of_its_user(branches: Branches) -> None:
    """The built-in integration looks at the business unit or not; here it never does."""
    one, _ = branches
    begin(branches)
    users = {each["number"]: each["crm_id"] for each in one.couplings("SALESPEOPLE")}
    above = {"parentbusinessunitid@odata.bind": f"/businessunits({root(one)})"}
    unit = one.create("crm", "businessunits", name="Nord", **above)["businessunitid"]
    bound = {"businessunitid@odata.bind": f"/businessunits({unit})"}
    one.send("crm", "PATCH", f"{one.crm('systemusers')}({users['AH']})", bound)
    one.sync("CUSTOMER", direction="to", full=True)
    pairs = {each["bc_id"]: each["crm_id"] for each in one.couplings()}
    owners = {
        row["salespersonCode"]: one.account(pairs[row["id"]])["_ownerid_value"]
        for row in one.customers()
        if row["id"] in pairs and row["salespersonCode"]
    }
    assert "AH" in owners
    assert len(owners) > 1
    assert owners == {code: users[code] for code in owners}


@pytest.mark.scenario("MC-09")
def test_another_team_of_the_company_owns_from_the_next_run_on(branches: Branches) -> None:
    """There is no copy of the team that would have to be reset first, as in the built-in integration."""
    one, other = branches
    for each in branches:
        turn(each, "owner_model=team")
        each.sync("CURRENCY", full=True)
    first, theirs = team(one), team(other)
    assert owners_of(one) == {first}
    assert owners_of(other) == {theirs}
    one.send("crm", "PATCH", f"{one.crm('teams')}({first})", {"name": "Formerly"})
    second = team(one)
    one.create("bc", "customers", name="Etter teambytte AS")
    assert owners_of(one) == {first, second}


def team(branch: Branch) -> str:
    """A new team of the company, as the built-in integration names it."""
    rows = branch.get("crm", branch.crm("bcbi_companies"))["value"]
    name = next(one["bcbi_name"] for one in rows if one["bcbi_externalid"] == branch.company)
    bound = {"businessunitid@odata.bind": f"/businessunits({root(branch)})"}
    made = str(branch.create("crm", "teams", name=f"BCI - {name}", teamtype=0, **bound)["teamid"])
    role = branch.get("crm", branch.crm("roles"))["value"][0]["roleid"]
    place = f"{branch.crm('teams')}({made})/teamroles_association/$ref"
    branch.send("crm", "POST", place, {"@odata.id": f"{branch.crm('roles')}({role})"})
    return made


def root(branch: Branch) -> str:
    """The business unit above all others."""
    units = branch.get("crm", branch.crm("businessunits"))["value"]
    return next(str(one["businessunitid"]) for one in units if one["_parentbusinessunitid_value"] is None)


def owners_of(branch: Branch) -> set[str]:
    """Who owns the accounts of the company's customers, once all are synchronized."""
    branch.sync("CUSTOMER", direction="to", full=True)
    return {branch.account(one["crm_id"])["_ownerid_value"] for one in branch.couplings()}
