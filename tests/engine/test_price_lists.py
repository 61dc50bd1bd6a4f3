"""Aim: customer price groups and sales price lists become price lists of Sales, each in its one currency."""

from __future__ import annotations

from typing import Any

import pytest

from engine.world import World, wrote
from kobling.service.connection_settings import set_connection
from stages import Stages

GROUPS, LISTS = "CUSTPRCGRP-PRICE", "PLHEADER-PRICE"
GROUP_TYPE = "Customer_x0020_Price_x0020_Group"


def turn(world: World, *edits: str) -> dict[str, Any]:
    return world.command(lambda one: set_connection(one, edits, existing=False, wait=lambda name: None))


def group_prices(world: World) -> None:
    """Currencies are coupled, and a price list of each price group."""
    world.sync("CURRENCY", GROUPS, full=True)


@pytest.fixture
def grouped(world: World, stages: Stages) -> World:
    return stages.reach(world, group_prices)


def list_prices(world: World) -> None:
    """Currencies are coupled, and a price list of each sales price list."""
    turn(world, "extended_pricing=on")
    world.sync("CURRENCY", LISTS, full=True)


@pytest.fixture
def listed(world: World, stages: Stages) -> World:
    return stages.reach(world, list_prices)


def price_lists(world: World) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in world.get("crm", world.crm("pricelevels"))["value"]}


def currency(world: World, price_list: dict[str, Any]) -> str:
    rows = world.get("crm", world.crm("transactioncurrencies"))["value"]
    codes = {one["transactioncurrencyid"]: one["isocurrencycode"] for one in rows}
    return str(codes[price_list["_transactioncurrencyid_value"]])


def local_currency(world: World) -> str:
    [setup] = world.get("bc", world.bc("generalLedgerSetup"))["value"]
    return str(setup["lcyCode"])


def record(world: World, route: str, code: str) -> dict[str, Any]:
    rows = world.get("bc", world.bc(route))["value"]
    return next(one for one in rows if one["code"] == code)


def edit(world: World, route: str, code: str, **values: Any) -> None:
    identifier = record(world, route, code)["id"]
    world.send("bc", "PATCH", f"{world.bc(route)}({identifier})", values)


def price(world: World, group: str, item: str, **values: Any) -> dict[str, Any]:
    body = {"salesType": GROUP_TYPE, "salesCode": group, "itemNo": item, "unitPrice": 5} | values
    return world.create("bc", "salesPrices", **body)


def test_a_price_group_is_a_price_list_of_its_name(grouped: World) -> None:
    found = price_lists(grouped)["HOTEL"]
    assert found["description"] == "Hoteller og restauranter"
    assert found["statecode"] == 0
    assert found["_bcbi_companyid_value"]
    assert currency(grouped, found) == local_currency(grouped)
    assert wrote(grouped.sync(GROUPS)) == 0


@pytest.mark.scenario("CU-15")
def test_a_price_list_is_in_the_currency_of_the_prices_of_its_group(grouped: World) -> None:
    assert currency(grouped, price_lists(grouped)["EXPORT"]) == "USD"


@pytest.mark.scenario("CU-16")
def test_a_group_whose_currency_is_not_coupled_waits_for_it(world: World) -> None:
    run = world.sync(GROUPS, full=True)
    assert run[""] == 1
    [error] = run[GROUPS]["errors"]
    assert "the currency USD of its prices (US Dollar) is not coupled in CURRENCY" in error["message"]
    assert set(price_lists(world)) & {"HOTEL", "RETAIL", "EXPORT"} == {"HOTEL", "RETAIL"}
    assert world.sync("CURRENCY", GROUPS, full=True)[""] == 0
    assert currency(world, price_lists(world)["EXPORT"]) == "USD"


def test_prices_in_several_currencies_make_no_price_list_until_they_agree(grouped: World) -> None:
    grouped.create("bc", "customerPriceGroups", code="MIXED")
    price(grouped, "MIXED", "1000", currencyCode="USD")
    other = price(grouped, "MIXED", "1001")
    run = grouped.sync(GROUPS, full=True)
    [error] = run[GROUPS]["errors"]
    assert "in several currencies (USD, the local currency)" in error["message"]
    assert "MIXED" not in price_lists(grouped)
    grouped.delete("bc", "salesPrices", other["id"])
    assert grouped.sync(GROUPS)[""] == 0
    assert currency(grouped, price_lists(grouped)["MIXED"]) == "USD"


def test_prices_of_others_say_nothing_about_the_currency_of_a_group(grouped: World) -> None:
    grouped.create("bc", "customerPriceGroups", code="C00010")
    grouped.sync(GROUPS, full=True)
    # The customer of that number has a price in NOK.
    assert currency(grouped, price_lists(grouped)["C00010"]) == local_currency(grouped)


def test_a_group_without_prices_is_in_local_currency_and_follows_its_description(grouped: World) -> None:
    grouped.create("bc", "customerPriceGroups", code="EMPTY", description="Ingen priser")
    grouped.sync(GROUPS, full=True)
    assert currency(grouped, price_lists(grouped)["EMPTY"]) == local_currency(grouped)
    edit(grouped, "customerPriceGroups", "EMPTY", description="Fremdeles ingen")
    grouped.sync(GROUPS)
    assert price_lists(grouped)["EMPTY"]["description"] == "Fremdeles ingen"


@pytest.mark.scenario("PL-12")
def test_coupling_by_hand_overwrites_the_price_list(world: World) -> None:
    world.sync("CURRENCY", full=True)
    mine = price_lists(world)["Messepriser"]["pricelevelid"]
    world.couple(GROUPS, "HOTEL", f"crm:{mine}", use="bc")
    assert world.sync(GROUPS)[""] == 0
    found = price_lists(world)
    assert found["HOTEL"]["pricelevelid"] == mine
    assert found["HOTEL"]["description"] == "Hoteller og restauranter"
    assert "Messepriser" not in found


def test_a_price_list_of_another_company_is_outside(grouped: World) -> None:
    other = grouped.create("crm", "bcbi_companies", bcbi_externalid="x", bcbi_name="Another")
    mine = price_lists(grouped)["HOTEL"]["pricelevelid"]
    bound = {"bcbi_CompanyId@odata.bind": f"/bcbi_companies({other['bcbi_companyid']})"}
    grouped.send("crm", "PATCH", f"{grouped.crm('pricelevels')}({mine})", bound)
    edit(grouped, "customerPriceGroups", "HOTEL", description="Not theirs")
    assert grouped.sync(GROUPS)[GROUPS]["counts"]["to"]["outside"] == 1
    assert price_lists(grouped)["HOTEL"]["description"] == "Hoteller og restauranter"


def test_price_lists_of_sales_become_no_price_groups(grouped: World) -> None:
    grouped.create("crm", "pricelevels", name="FRASALG")
    run = grouped.sync(GROUPS, full=True)
    assert wrote(run) == 0
    assert run[GROUPS]["counts"]["from"]["inserted"] == 0


def test_a_sales_price_list_keeps_its_dates_and_its_currency(listed: World) -> None:
    found = price_lists(listed)
    assert (found["S00001"]["begindate"], found["S00001"]["enddate"]) == ("2026-01-01", "2026-12-31")
    assert (found["S00002"]["begindate"], found["S00002"]["enddate"]) == (None, None)
    assert found["S00001"]["description"] == "Alle kunder 2026"
    assert currency(listed, found["S00001"]) == local_currency(listed)
    assert currency(listed, found["S00003"]) == "USD"
    assert wrote(listed.sync(LISTS)) == 0


def test_an_expiring_price_list_expires_in_sales_too(listed: World) -> None:
    edit(listed, "priceListHeaders", "S00001", status="Draft")
    edit(listed, "priceListHeaders", "S00001", endingDate="2026-06-30")
    edit(listed, "priceListHeaders", "S00001", status="Active")
    listed.sync(LISTS)
    assert price_lists(listed)["S00001"]["enddate"] == "2026-06-30"


def test_a_price_list_is_active_in_sales_as_long_as_it_is(listed: World) -> None:
    states = {name: one["statecode"] for name, one in price_lists(listed).items()}
    assert (states["S00001"], states["S00005"]) == (0, 1)
    edit(listed, "priceListHeaders", "S00001", status="Inactive")
    edit(listed, "priceListHeaders", "S00005", status="Draft")
    edit(listed, "priceListHeaders", "S00005", status="Active")
    listed.sync(LISTS)
    found = price_lists(listed)
    assert (found["S00001"]["statecode"], found["S00001"]["statuscode"]) == (1, 100002)
    assert (found["S00005"]["statecode"], found["S00005"]["statuscode"]) == (0, 100001)
    assert wrote(listed.sync(LISTS)) == 0


@pytest.mark.scenario("PL-14")
def test_a_draft_is_nothing_for_sales_until_it_is_active(listed: World) -> None:
    assert "S00004" not in price_lists(listed)
    listed.sync(LISTS, full=True)
    assert "S00004" not in price_lists(listed)
    edit(listed, "priceListHeaders", "S00004", status="Active")
    listed.sync(LISTS)
    assert price_lists(listed)["S00004"]["statecode"] == 0


def test_a_price_list_that_is_edited_as_a_draft_rests_until_it_is_active_again(listed: World) -> None:
    edit(listed, "priceListHeaders", "S00001", status="Draft", description="Under arbeid")
    run = listed.sync(LISTS)
    assert (run[""], run[LISTS]["counts"]["to"]["outside"]) == (0, 1)
    found = price_lists(listed)["S00001"]
    assert (found["description"], found["statecode"]) == ("Alle kunder 2026", 0)
    edit(listed, "priceListHeaders", "S00001", status="Active")
    listed.sync(LISTS)
    assert price_lists(listed)["S00001"]["description"] == "Under arbeid"


@pytest.mark.scenario("PL-15")
def test_a_list_that_allows_to_change_defaults_is_meant_only_where_there_is_a_default_list(
    listed: World,
) -> None:
    listed.create("bc", "priceListHeaders", code="ALLOWS", amountType="Price", allowUpdatingDefaults=True)
    edit(listed, "priceListHeaders", "ALLOWS", status="Active")
    listed.sync(LISTS, full=True)
    assert "ALLOWS" not in price_lists(listed)
    [setup] = listed.get("bc", listed.bc("salesReceivablesSetup"))["value"]
    place = f"{listed.bc('salesReceivablesSetup')}({setup['id']})"
    listed.send("bc", "PATCH", place, {"defaultPriceListCode": "S00001"})
    listed.sync(LISTS, full=True)
    assert "ALLOWS" in price_lists(listed)
    edit(listed, "priceListHeaders", "S00002", status="Inactive")
    assert listed.sync(LISTS)[LISTS]["counts"]["to"]["outside"] == 1
    assert price_lists(listed)["S00002"]["statecode"] == 0


@pytest.mark.parametrize(
    "values",
    [
        {"priceType": "Purchase", "sourceType": "All_x0020_Vendors", "amountType": "Price"},
        {"amountType": "Discount"},
    ],
)
def test_purchase_prices_and_discounts_are_no_price_lists_of_sales(
    listed: World, values: dict[str, Any]
) -> None:
    listed.create("bc", "priceListHeaders", code="OTHER", **values)
    edit(listed, "priceListHeaders", "OTHER", status="Active")
    assert wrote(listed.sync(LISTS, full=True)) == 0
    assert "OTHER" not in price_lists(listed)


def test_a_price_list_does_not_change_its_currency(listed: World) -> None:
    edit(listed, "priceListHeaders", "S00002", status="Draft")
    edit(listed, "priceListHeaders", "S00002", currencyCode="USD", description="I dollar")
    edit(listed, "priceListHeaders", "S00002", status="Active")
    run = listed.sync(LISTS)
    assert run[""] == 1
    [error] = run[LISTS]["errors"]
    assert "Currency Code cannot change after creation" in error["message"]
    found = price_lists(listed)["S00002"]
    assert currency(listed, found) == local_currency(listed)
    assert found["description"] == "I dollar"


def test_turning_extended_pricing_says_which_mappings_come_and_leave(grouped: World) -> None:
    document = turn(grouped, "extended_pricing=on")
    changes = {one["mapping"]: (one["change"], one["couplings"]) for one in document["entails"]}
    assert changes[GROUPS] == ("leaves", 3)
    assert changes[LISTS] == ("comes", 0)
    again = turn(grouped, "extended_pricing=off")
    assert {one["mapping"]: one["change"] for one in again["entails"]}[GROUPS] == "comes"
    edit(grouped, "customerPriceGroups", "HOTEL", description="Still coupled")
    grouped.sync(GROUPS)
    assert price_lists(grouped)["HOTEL"]["description"] == "Still coupled"
