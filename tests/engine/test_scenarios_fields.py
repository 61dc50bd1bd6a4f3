"""Aim: scenarios of the built-in integration about the fields of a record: what is transferred, what is left,
what becomes of look-ups without a partner.

Where it fails a record for one field, here that field waits or is refused by its name, and the rest flows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from engine.test_contacts import (
    company_of,
    edit_contact,
    edit_person,
    full,
    new_contact,
    partner,
    person,
)
from engine.test_field_rows import turn
from engine.world import Document, World, wrote
from kobling.model.errors import ConfigurationError
from kobling.service.mappings import show_mappings

Pair = tuple[str, str]


@pytest.fixture(autouse=True)
def as_shipped(common: World) -> Iterator[None]:
    yield
    common.configure("CUSTOMER")
    common.sync("CUSTOMER", "CONTACT")


def run(world: World, mapping: str = "CUSTOMER", **request: Any) -> tuple[Document, Document]:
    counts = world.sync(mapping, **request)[mapping]["counts"]
    return counts["to"], counts["from"]


def written(world: World, after: int) -> list[Document]:
    """What was written since then, by column."""
    return [one[4] for one in world.audit()[after:]]


def contact_pair(world: World, pair: Pair) -> Pair:
    """A new coupled contact of that customer and account."""
    made = new_contact(world, company_of(world, pair[0]))
    full(world, made["id"])
    return made["id"], partner(world, made["id"])


@pytest.mark.scenario("RS-01")
def test_a_new_record_gets_every_mapped_value(common: World) -> None:
    given = {"name": "Alt med AS", "address": "Torget 1", "city": "Bodø", "faxNo": "60", "phoneNo": "61"}
    made = common.create("bc", "customers", **given, salespersonCode="")
    to, _ = run(common, full=True, records=(f"bc:{made['id']}",))
    assert to["inserted"] == 1
    [account] = [one["crm_id"] for one in common.couplings() if one["bc_id"] == made["id"]]
    now = common.account(account)
    names = ("name", "address1_line1", "address1_city", "fax", "telephone1")
    assert [now[one] for one in names] == list(given.values())


@pytest.mark.scenario("RS-02")
def test_what_is_equal_is_not_written_and_of_what_differs_only_that(common: World, pair: Pair) -> None:
    common.edit_customer(pair[0], faxNo=common.customer(pair[0])["faxNo"])
    before = len(common.audit())
    to, _ = run(common)
    assert (to["unchanged"], to["modified"]) == (1, 0)
    common.edit_customer(pair[0], faxNo="62")
    to, _ = run(common)
    assert to["modified"] == 1
    assert [list(one) for one in written(common, before)] == [["fax"]]


@pytest.mark.scenario("RS-03")
@pytest.mark.parametrize("field", ["Colour", "favouritecolour"])
def test_a_field_that_a_side_does_not_have_is_refused(common: World, field: str) -> None:
    """There is no call to make with a wrong source or destination; a row can only be of known columns."""
    with pytest.raises(ConfigurationError, match="no field"):
        turn(common, field, "enabled=on")


@pytest.mark.scenario("RS-05")
@pytest.mark.scenario("RS-10")
def test_a_change_of_no_mapped_field_is_unchanged_and_remembered(common: World, pair: Pair) -> None:
    common.edit_customer(pair[0], searchName="ANNET NAVN")
    to, back = run(common)
    assert (to["unchanged"], to["modified"], back["modified"]) == (1, 0, 0)
    known = dict(common.query("select left_id::text, left_version from coupling"))
    assert known[pair[0]] == common.customer(pair[0])["@odata.etag"]
    to, _ = run(common)
    assert to["unchanged"] == 0


@pytest.mark.scenario("RS-06")
@pytest.mark.scenario("RS-07")
def test_a_field_that_flows_one_way_is_transferred_once_and_never_contested(
    common: World, pair: Pair
) -> None:
    turn(common, "Fax No.", "direction=to_integration", existing=False)
    common.edit_customer(pair[0], faxNo="63")
    to, back = run(common)
    assert (to["modified"], to["conflicts"], back["modified"]) == (1, 0, 0)
    to, back = run(common)
    assert (to["modified"], back["modified"]) == (0, 0)


@pytest.mark.scenario("RS-08")
@pytest.mark.scenario("RS-09")
def test_a_field_that_flows_both_ways_is_transferred_once_and_may_be_contested(
    common: World, pair: Pair
) -> None:
    common.edit_customer(pair[0], faxNo="64")
    assert run(common)[0]["modified"] == 1
    to, back = run(common)
    assert (to["modified"], back["modified"]) == (0, 0)
    common.edit_customer(pair[0], faxNo="65")
    common.edit_account(pair[1], fax="66")
    to, back = run(common)
    assert (to["conflicts"], back["conflicts"], to["modified"], back["modified"]) == (1, 1, 0, 0)
    common.resolve("bc", mapping="CUSTOMER", record=pair[0])


@pytest.mark.scenario("RS-11")
def test_the_owner_that_a_rule_sets_is_a_change_of_the_customer(common: World, pair: Pair) -> None:
    now = common.customer(pair[0])["salespersonCode"]
    sellers = [one for one in common.couplings("SALESPEOPLE") if one["number"] != now]
    common.edit_customer(pair[0], salespersonCode=sellers[0]["number"])
    to, _ = run(common)
    assert to["modified"] == 1
    assert common.account(pair[1])["_ownerid_value"] == sellers[0]["crm_id"]


@pytest.mark.scenario("RS-12")
def test_a_primary_contact_that_is_taken_off_an_account_is_taken_off_its_customer(
    common: World, pair: Pair
) -> None:
    _, right = contact_pair(common, pair)
    common.edit_account(pair[1], **{"primarycontactid@odata.bind": f"/contacts({right})"})
    run(common)
    assert common.customer(pair[0])["primaryContactNo"] != ""
    common.edit_account(pair[1], primarycontactid=None)
    _, back = run(common)
    assert back["modified"] == 1
    assert common.customer(pair[0])["primaryContactNo"] == ""


@pytest.mark.scenario("RS-13")
def test_the_country_of_a_customer_flows_both_ways(common: World, pair: Pair) -> None:
    [shown] = common.command(lambda one: show_mappings(one, "CUSTOMER"))["variants"]
    [row] = [one for one in shown["fields"] if one["bc_field"] == "Country/Region Code"]
    assert row["direction"] == "bidirectional"
    common.edit_account(pair[1], address1_country="SE")
    run(common)
    assert common.customer(pair[0])["countryRegionCode"] == "SE"
    common.edit_customer(pair[0], countryRegionCode="DK")
    run(common)
    assert common.account(pair[1])["address1_country"] == "DK"


@pytest.mark.scenario("RS-14")
def test_a_look_up_without_a_partner_is_emptied_where_it_may_be(common: World, pair: Pair) -> None:
    _, right = contact_pair(common, pair)
    common.edit_account(pair[1], **{"primarycontactid@odata.bind": f"/contacts({right})"})
    run(common)
    loose = new_contact(common, company_of(common, pair[0]), surname="Løs")
    common.edit_customer(pair[0], primaryContactNo=loose["no"])
    done = common.sync("CUSTOMER")["CUSTOMER"]
    assert done["errors"] == []
    assert common.account(pair[1])["_primarycontactid_value"] is None
    assert common.customer(pair[0])["primaryContactNo"] == loose["no"]


@pytest.mark.scenario("RS-15")
def test_a_look_up_without_a_partner_keeps_its_value_where_it_may_not_be_emptied(
    common: World, pair: Pair
) -> None:
    """The built-in integration fails the record; here the field waits, and the rest flows."""
    before = common.account(pair[1])["_transactioncurrencyid_value"]
    new = common.create("bc", "currencies", code="CHF", isoCode="CHF", description="Swiss franc")
    rate = {"startingDate": "2025-01-01", "exchangeRateAmount": 4, "relationalExchRateAmount": 5}
    common.create("bc", "currencyExchangeRates", currencyCode="CHF", relationalCurrencyCode="", **rate)
    common.edit_customer(pair[0], currencyCode="CHF", faxNo="67")
    done = common.sync("CUSTOMER")["CUSTOMER"]
    assert {(one["class"], one["field"]) for one in done["errors"]} == {
        ("dependency missing", "Currency Code")
    }
    now = common.account(pair[1])
    assert (now["_transactioncurrencyid_value"], now["fax"]) == (before, "67")
    common.sync("CURRENCY", full=True, records=(f"bc:{new['id']}",))
    run(common)
    [coupled] = [one["crm_id"] for one in common.couplings("CURRENCY") if one["number"] == "CHF"]
    assert common.account(pair[1])["_transactioncurrencyid_value"] == coupled


@pytest.mark.scenario("RS-17")
def test_a_coupled_primary_contact_of_a_customer_is_that_of_its_account(common: World, pair: Pair) -> None:
    left, right = contact_pair(common, pair)
    number = common.get("bc", f"{common.bc('contacts')}({left})")["no"]
    common.edit_customer(pair[0], primaryContactNo=number)
    assert run(common)[0]["modified"] == 1
    assert common.account(pair[1])["_primarycontactid_value"] == right


@pytest.mark.scenario("RS-18")
def test_a_coupled_primary_contact_of_an_account_is_that_of_its_customer(common: World, pair: Pair) -> None:
    left, right = contact_pair(common, pair)
    common.edit_account(pair[1], **{"primarycontactid@odata.bind": f"/contacts({right})"})
    assert run(common)[1]["modified"] == 1
    number = common.get("bc", f"{common.bc('contacts')}({left})")["no"]
    assert common.customer(pair[0])["primaryContactNo"] == number


@pytest.mark.scenario("RS-21")
def test_a_disabled_field_is_left_out_of_what_is_created(common: World) -> None:
    turn(common, "Fax No.", "enabled=off")
    made = common.create("bc", "customers", name="Uten faks AS", faxNo="68", phoneNo="69", salespersonCode="")
    run(common, full=True, records=(f"bc:{made['id']}",))
    [account] = [one["crm_id"] for one in common.couplings() if one["bc_id"] == made["id"]]
    now = common.account(account)
    assert (now["name"], now["telephone1"], now["fax"]) == ("Uten faks AS", "69", None)


@pytest.mark.scenario("RS-22")
@pytest.mark.scenario("RS-23")
@pytest.mark.parametrize("keys", [("not_null", "clear_on_failed"), ("clear_on_failed", "not_null")])
def test_a_field_is_not_both_kept_and_cleared(common: World, keys: tuple[str, str]) -> None:
    field = "Currency Code"
    turn(common, field, f"{keys[0]}=on")
    with pytest.raises(ConfigurationError, match="not_null and clear_on_failed"):
        turn(common, field, f"{keys[1]}=on")


@pytest.mark.scenario("RS-24")
def test_a_blank_keeps_the_value_of_any_field_that_is_said_to_be_not_null(common: World, pair: Pair) -> None:
    """The built-in integration has it for look-ups only; here it holds for every field."""
    turn(common, "Fax No.", "not_null=on", existing=False)
    common.edit_customer(pair[0], faxNo="70")
    run(common)
    common.edit_customer(pair[0], faxNo="", phoneNo="71")
    run(common)
    now = common.account(pair[1])
    assert (now["fax"], now["telephone1"]) == ("70", "71")


@pytest.mark.scenario("RS-25")
@pytest.mark.scenario("RS-26")
@pytest.mark.parametrize("system", ["bc", "crm"])
def test_the_county_of_a_contact_follows_both_ways(common: World, pair: Pair, system: str) -> None:
    left, right = contact_pair(common, pair)
    if system == "bc":
        edit_contact(common, left, county="Troms", salespersonCode="")
    else:
        edit_person(common, right, address1_stateorprovince="Troms")
    common.sync("CONTACT")
    assert common.get("bc", f"{common.bc('contacts')}({left})")["county"] == "Troms"
    now = person(common, right)
    assert now["address1_stateorprovince"] == "Troms"
    assert now["_ownerid_value"] is not None


@pytest.mark.scenario("RS-27")
@pytest.mark.scenario("RS-28")
@pytest.mark.parametrize("system", ["bc", "crm"])
def test_the_county_of_a_customer_follows_both_ways(common: World, pair: Pair, system: str) -> None:
    if system == "bc":
        common.edit_customer(pair[0], county="Nordland")
    else:
        common.edit_account(pair[1], address1_stateorprovince="Nordland")
    run(common)
    assert common.customer(pair[0])["county"] == "Nordland"
    assert common.account(pair[1])["address1_stateorprovince"] == "Nordland"


@pytest.mark.scenario("RS-29")
@pytest.mark.scenario("RS-30")
@pytest.mark.scenario("RS-32")
def test_the_currency_of_a_contact_is_the_coupled_one_both_ways(common: World, pair: Pair) -> None:
    left, right = contact_pair(common, pair)
    one, other = common.couplings("CURRENCY")[:2]
    edit_contact(common, left, currencyCode=one["number"])
    common.sync("CONTACT")
    assert person(common, right)["_transactioncurrencyid_value"] == one["crm_id"]
    place = f"/transactioncurrencies({other['crm_id']})"
    edit_person(common, right, **{"transactioncurrencyid@odata.bind": place})
    common.sync("CONTACT")
    assert common.get("bc", f"{common.bc('contacts')}({left})")["currencyCode"] == other["number"]
    edit_person(common, right, transactioncurrencyid=None)
    common.sync("CONTACT")
    assert common.get("bc", f"{common.bc('contacts')}({left})")["currencyCode"] == ""
    assert wrote(common.sync("CONTACT")) == 0
