"""Aim: sales prices and lines of price lists become items of price lists of Sales, and nothing else does."""

from __future__ import annotations

from typing import Any

import pytest

from engine.test_price_lists import GROUPS, LISTS, edit, price, price_lists, turn
from engine.world import World, wrote
from stages import Stages

PRICES, LINES = "SALESPRC-PRODPRICE", "PLLINE-PRODPRICE"
PRODUCTS = ("CURRENCY", "UNIT GROUP", "ITEM UOM", "RESOURCE UOM", "ITEM-PRODUCT", "RESOURCE-PRODUCT")


def couple_products(world: World) -> None:
    """Currencies, units, items and resources are coupled; no price list is."""
    world.sync(*PRODUCTS, full=True)


@pytest.fixture
def products(world: World, stages: Stages) -> World:
    return stages.reach(world, couple_products)


def price_by_group(world: World) -> None:
    """The same with all prices of price groups."""
    world.sync(GROUPS, PRICES, full=True)


@pytest.fixture
def priced(products: World, stages: Stages) -> World:
    return stages.reach(products, price_by_group)


def price_by_list(world: World) -> None:
    """The same with all lines of price lists."""
    turn(world, "extended_pricing=on")
    world.sync(LISTS, LINES, full=True)


@pytest.fixture
def listed(products: World, stages: Stages) -> World:
    return stages.reach(products, price_by_list)


def amounts(world: World, price_list: str) -> dict[tuple[str, str], Any]:
    """What a price list asks for a unit of a product, by the product's number and the unit's name."""
    identifier = price_lists(world)[price_list]["pricelevelid"]
    units = {one["uomid"]: one["name"] for one in world.get("crm", world.crm("uoms"))["value"]}
    return {
        (one["productnumber"], units[one["_uomid_value"]]): one["amount"]
        for one in world.get("crm", world.crm("productpricelevels"))["value"]
        if one["_pricelevelid_value"] == identifier
    }


def uncouple(world: World, mapping: str, number: str) -> None:
    [pair] = [one for one in world.couplings(mapping) if one["number"] == number]
    world.uncouple(mapping, pair["bc_id"])


def change(world: World, route: str, identifier: str, **values: Any) -> None:
    world.send("bc", "PATCH", f"{world.bc(route)}({identifier})", values)


@pytest.mark.scenario("PL-01")
@pytest.mark.scenario("PL-13")
def test_a_price_group_comes_with_its_prices(products: World) -> None:
    """Sales price -> product price list, of the sales type customer price group."""
    run = products.sync(GROUPS, PRICES, full=True)
    assert (run[""], run[PRICES]["errors"]) == (0, [])
    assert run[PRICES]["counts"]["to"]["inserted"] == len(products.couplings(PRICES)) == 8
    assert amounts(products, "EXPORT") == {("1012", "BOX"): 168, ("1013", "BOX"): 112.4}
    assert amounts(products, "HOTEL") == {
        ("1000", "PCS"): 1190,
        ("1001", "PCS"): 219.5,
        ("1001", "BOX"): 850,
        ("1014", "KG"): 11.9,
    }
    products.sync(GROUPS, PRICES)
    assert wrote(products.sync(GROUPS, PRICES)) == 0


def test_prices_of_other_sales_types_stay_in_business_central(priced: World) -> None:
    before = priced.count("crm", "productpricelevel")
    for kind, code in (("Customer", "C00020"), ("All_x0020_Customers", "")):
        price(priced, code, "1002", salesType=kind)
    run = priced.sync(PRICES, full=True)
    assert (wrote(run), run[PRICES]["errors"]) == (0, [])
    assert priced.count("crm", "productpricelevel") == before


def test_a_price_follows_and_prices_in_sales_make_nothing(priced: World) -> None:
    row = price(priced, "HOTEL", "1002", unitOfMeasureCode="PCS")
    priced.sync(PRICES)
    assert amounts(priced, "HOTEL")["1002", "PCS"] == 5
    change(priced, "salesPrices", row["id"], unitPrice=7.25)
    run = priced.sync(PRICES)
    assert run[PRICES]["counts"]["to"]["modified"] == 1
    assert amounts(priced, "HOTEL")["1002", "PCS"] == 7.25
    before = priced.count("bc", "Sales Price")
    assert priced.sync(PRICES, full=True)[PRICES]["counts"]["from"]["inserted"] == 0
    assert priced.count("bc", "Sales Price") == before


def test_a_price_without_a_unit_is_of_the_base_unit_and_may_be_nothing(priced: World) -> None:
    price(priced, "HOTEL", "1007", unitPrice=0)
    assert priced.sync(PRICES)[""] == 0
    assert amounts(priced, "HOTEL")["1007", "BOX"] == 0


@pytest.mark.scenario("PL-04")
def test_a_price_of_a_group_that_is_not_coupled_waits_for_it(products: World) -> None:
    products.sync(GROUPS, full=True, records=("HOTEL",))
    run = products.sync(PRICES)
    assert (run[""], run[PRICES]["counts"]["to"]["inserted"]) == (1, 4)
    messages = {one["message"] for one in run[PRICES]["errors"]}
    assert any("its price group RETAIL (Retail, VAT included) is not coupled" in one for one in messages)
    run = products.sync(GROUPS, PRICES, full=True)
    assert (run[""], run[PRICES]["counts"]["to"]["inserted"]) == (0, 4)


@pytest.mark.scenario("PL-06")
def test_a_price_that_stands_in_sales_already_is_coupled_and_overwritten(priced: World) -> None:
    made = {one["bc_id"]: one["crm_id"] for one in priced.couplings(PRICES)}
    before = priced.count("crm", "productpricelevel")
    for bc, crm in made.items():
        priced.uncouple(PRICES, bc)
        priced.send("crm", "PATCH", f"{priced.crm('productpricelevels')}({crm})", {"amount": 1})
    run = priced.sync(PRICES, full=True)
    assert run[PRICES]["counts"]["to"]["inserted"] == 0
    assert run[PRICES]["counts"]["to"]["modified"] == 8
    assert {one["bc_id"]: one["crm_id"] for one in priced.couplings(PRICES)} == made
    assert priced.count("crm", "productpricelevel") == before
    assert amounts(priced, "EXPORT") == {("1012", "BOX"): 168, ("1013", "BOX"): 112.4}


@pytest.mark.scenario("PL-08")
def test_a_price_of_an_item_that_is_not_coupled_waits_and_names_it(products: World) -> None:
    uncouple(products, "ITEM-PRODUCT", "1013")
    run = products.sync(GROUPS, PRICES, full=True)
    assert run[PRICES]["counts"]["to"]["inserted"] == 7
    [error] = run[PRICES]["errors"]
    assert "its item 1013 (Steak knives, 6 pieces) is not coupled in ITEM-PRODUCT" in error["message"]
    assert amounts(products, "EXPORT") == {("1012", "BOX"): 168}


@pytest.mark.scenario("PL-10")
def test_the_price_of_an_item_is_not_that_of_the_group(priced: World) -> None:
    items = priced.get("bc", priced.bc("items"))["value"]
    item = next(one["id"] for one in items if one["no"] == "1000")
    change(priced, "items", item, unitPrice=2000)
    assert wrote(priced.sync("ITEM-PRODUCT", PRICES)) > 0
    assert amounts(priced, "HOTEL")["1000", "PCS"] == 1190


def test_a_price_of_a_blocked_item_is_outside(priced: World) -> None:
    items = priced.get("bc", priced.bc("items"))["value"]
    change(priced, "items", next(one["id"] for one in items if one["no"] == "1002"), blocked=True)
    price(priced, "HOTEL", "1002", unitOfMeasureCode="PCS")
    run = priced.sync("ITEM-PRODUCT", PRICES)
    assert (run[PRICES]["errors"], run[PRICES]["counts"]["to"]["outside"]) == ([], 1)
    assert ("1002", "PCS") not in amounts(priced, "HOTEL")


def test_a_price_in_another_currency_than_its_list_is_refused(priced: World) -> None:
    row = price(priced, "HOTEL", "1002", unitOfMeasureCode="PCS", currencyCode="USD")
    run = priced.sync(PRICES)
    assert run[""] == 1
    [error] = run[PRICES]["errors"]
    assert "the price is in USD, but the price list HOTEL is in EUR in Sales" in error["message"]
    assert ("1002", "PCS") not in amounts(priced, "HOTEL")
    change(priced, "salesPrices", row["id"], currencyCode="")
    assert priced.sync(PRICES)[""] == 0
    assert amounts(priced, "HOTEL")["1002", "PCS"] == 5
    # Of a pair that is coupled nothing flows either, as the amount would be in the wrong currency.
    change(priced, "salesPrices", row["id"], currencyCode="USD", unitPrice=6)
    run = priced.sync(PRICES)
    assert (run[""], run[PRICES]["counts"]["to"]["failed"]) == (1, 1)
    assert amounts(priced, "HOTEL")["1002", "PCS"] == 5


def test_two_prices_of_one_unit_are_one_too_many_for_sales(priced: World) -> None:
    price(priced, "HOTEL", "1000", unitOfMeasureCode="PCS", minimumQuantity=10)
    run = priced.sync(PRICES)
    [error] = run[PRICES]["errors"]
    assert "has a price for this price list" in error["message"]
    assert amounts(priced, "HOTEL")["1000", "PCS"] == 1190


@pytest.mark.scenario("PL-03")
@pytest.mark.scenario("PL-16")
def test_a_price_list_comes_with_its_lines_of_items_and_resources(products: World) -> None:
    turn(products, "extended_pricing=on")
    run = products.sync(LISTS, LINES, full=True)
    assert (run[""], run[LINES]["errors"]) == (0, [])
    found = amounts(products, "S00001")
    # The price from 20 pieces on is left out.
    assert {key: one for key, one in found.items() if key[0] != "R0010"} == {
        ("1000", "PCS"): 1290,
        ("1001", "PCS"): 239,
        ("1001", "BOX"): 920,
    }
    assert found["R0010", "HOUR"] == 105
    products.sync(LISTS, LINES)
    assert wrote(products.sync(LISTS, LINES)) == 0


@pytest.mark.scenario("PL-02")
def test_without_unit_groups_lines_take_the_only_unit_of_their_group(world: World) -> None:
    turn(world, "unit_groups=off", "extended_pricing=on")
    names = ("CURRENCY", "UNIT OF MEASURE", "ITEM-PRODUCT", "RESOURCE-PRODUCT", LISTS)
    world.sync(*names, full=True)
    world.sync(LINES)
    assert amounts(world, "S00003") == {("1012", "BOX"): 168, ("1013", "BOX"): 112.4}
    assert amounts(world, "S00002")["1004", "PCS"] == 349


@pytest.mark.scenario("PL-05")
def test_a_line_of_a_list_that_is_not_coupled_waits_for_it(products: World) -> None:
    turn(products, "extended_pricing=on")
    products.sync(LISTS, full=True, records=("S00001",))
    run = products.sync(LINES)
    assert run[""] == 1
    messages = {one["message"] for one in run[LINES]["errors"]}
    assert any("its price list S00003 (US customers) is not coupled" in one for one in messages)
    assert len(amounts(products, "S00001")) == 4


@pytest.mark.scenario("PL-09")
def test_a_line_of_an_item_or_resource_that_is_not_coupled_waits_and_names_it(products: World) -> None:
    turn(products, "extended_pricing=on")
    uncouple(products, "ITEM-PRODUCT", "1013")
    uncouple(products, "RESOURCE-PRODUCT", "R0020")
    run = products.sync(LISTS, LINES, full=True)
    messages = [one["message"] for one in run[LINES]["errors"]]
    assert len(messages) == 2
    assert any(
        "its item 1013 (Steak knives, 6 pieces) is not coupled in ITEM-PRODUCT" in one for one in messages
    )
    assert any("its resource R0020" in one and "RESOURCE-PRODUCT" in one for one in messages)


@pytest.mark.scenario("PL-11")
def test_the_price_of_an_item_is_not_that_of_the_list(listed: World) -> None:
    items = listed.get("bc", listed.bc("items"))["value"]
    change(listed, "items", next(one["id"] for one in items if one["no"] == "1000"), unitPrice=2000)
    assert wrote(listed.sync("ITEM-PRODUCT", LINES)) > 0
    assert amounts(listed, "S00001")["1000", "PCS"] == 1290


@pytest.mark.parametrize(
    "values",
    [
        {"minimumQuantity": 3},
        {"amountType": "Discount", "lineDiscount": 5},
        {"assetType": "Resource_x0020_Group", "assetNo": "MONTØR"},
    ],
)
def test_lines_that_are_no_price_of_a_product_stay_in_business_central(
    listed: World, values: dict[str, Any]
) -> None:
    edit(listed, "priceListHeaders", "S00001", status="Draft")
    body = {"assetType": "Item", "assetNo": "1002", "unitPrice": 5} | values
    listed.create("bc", "priceListLines", priceListCode="S00001", **body)
    edit(listed, "priceListHeaders", "S00001", status="Active")
    run = listed.sync(LISTS, LINES)
    assert run[LINES]["counts"]["to"]["inserted"] == 0
    assert len(amounts(listed, "S00001")) == 4


def test_lines_that_are_edited_in_a_draft_rest_until_it_is_active(listed: World) -> None:
    edit(listed, "priceListHeaders", "S00001", status="Draft")
    lines = listed.get("bc", listed.bc("priceListLines"))["value"]
    line = next(one["id"] for one in lines if (one["priceListCode"], one["assetNo"]) == ("S00001", "1000"))
    change(listed, "priceListLines", line, unitPrice=1300)
    listed.create("bc", "priceListLines", priceListCode="S00001", assetType="Item", assetNo="1002")
    run = listed.sync(LISTS, LINES)
    assert (run[""], wrote(run)) == (0, 0)
    assert amounts(listed, "S00001")["1000", "PCS"] == 1290
    edit(listed, "priceListHeaders", "S00001", status="Active")
    assert listed.sync(LISTS, LINES)[""] == 0
    found = amounts(listed, "S00001")
    assert (found["1000", "PCS"], found["1002", "PCS"]) == (1300, 129)
