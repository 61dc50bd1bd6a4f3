"""Aim: the company's own price list in Sales holds each unit of a coupled product at its item's price."""

from __future__ import annotations

from typing import Any

import pytest

from engine.test_price_lists import currency, local_currency, price_lists, turn
from engine.test_prices import PRODUCTS, amounts, change, uncouple
from engine.world import World, wrote
from stages import Stages

LIST = "Business Central Default Price List"
OWN = ("DEFAULT-PRICE", "ITEM-PRICE", "RESOURCE-PRICE")


def price_products(world: World) -> None:
    """Items, resources and the prices of both are in Sales."""
    world.sync(*PRODUCTS, *OWN, full=True)


@pytest.fixture
def priced(world: World, stages: Stages) -> World:
    return stages.reach(world, price_products)


def item(world: World, number: str, route: str = "items") -> str:
    rows = world.get("bc", world.bc(route))["value"]
    return next(str(one["id"]) for one in rows if one["no"] == number)


def new_list(world: World, code: str) -> str:
    """A price list of that name that stands in Sales already, in that currency."""
    rows = world.get("crm", world.crm("transactioncurrencies"))["value"]
    held = next(one["transactioncurrencyid"] for one in rows if one["isocurrencycode"] == code)
    bound = {"transactioncurrencyid@odata.bind": f"/transactioncurrencies({held})"}
    return str(world.create("crm", "pricelevels", name=LIST, **bound)["pricelevelid"])


@pytest.mark.scenario("PL-17")
@pytest.mark.scenario("PL-22")
@pytest.mark.scenario("PL-23")
def test_with_the_products_comes_a_price_list_in_local_currency(priced: World) -> None:
    found = price_lists(priced)[LIST]
    assert currency(priced, found) == local_currency(priced)
    assert found["_bcbi_companyid_value"]
    held = amounts(priced, LIST)
    assert (held["1001", "PCS"], held["1001", "BOX"], held["1001", "PALLET"]) == (245, 980, 11760)
    assert (held["R0010", "HOUR"], held["R0010", "DAY"]) == (110, 825)
    products = priced.get("crm", priced.crm("products"))["value"]
    mine = {one["crm_id"] for one in priced.couplings("ITEM-PRODUCT")}
    # A product that was made in Sales keeps what a person chose there.
    own = [one for one in products if one["productid"] in mine and one["name"] != "Skreddersydd stol"]
    assert {one["_pricelevelid_value"] for one in own} == {found["pricelevelid"]}
    priced.sync(*PRODUCTS, *OWN)
    assert wrote(priced.sync(*PRODUCTS, *OWN)) == 0


@pytest.mark.scenario("PL-18")
def test_the_list_that_is_there_is_taken(world: World) -> None:
    there = new_list(world, "EUR")
    run = world.sync("CURRENCY", "DEFAULT-PRICE", full=True)
    assert run["DEFAULT-PRICE"]["counts"]["to"]["inserted"] == 0
    assert [one["crm_id"] for one in world.couplings("DEFAULT-PRICE")] == [there]


def test_a_list_of_that_name_in_another_currency_is_not_taken(world: World) -> None:
    world.sync("CURRENCY", full=True)
    there = new_list(world, "USD")
    world.sync("DEFAULT-PRICE", full=True)
    found = price_lists(world)
    assert found[LIST]["pricelevelid"] == there
    assert currency(world, found["Business Central EUR Default Price List"]) == "EUR"


@pytest.mark.scenario("PL-19")
@pytest.mark.scenario("PL-20")
def test_uncoupled_the_list_is_let_go_and_found_again(priced: World) -> None:
    [pair] = priced.couplings("DEFAULT-PRICE")
    priced.uncouple("DEFAULT-PRICE", pair["bc_id"])
    change(priced, "items", item(priced, "1000"), unitPrice=1500)
    run = priced.sync("ITEM-PRODUCT", "ITEM-PRICE")
    assert run["ITEM-PRICE"]["errors"] == []
    before = priced.count("crm", "pricelevel")
    priced.sync(*OWN, full=True)
    assert [one["crm_id"] for one in priced.couplings("DEFAULT-PRICE")] == [pair["crm_id"]]
    assert priced.count("crm", "pricelevel") == before
    assert amounts(priced, LIST)["1000", "PCS"] == 1500


@pytest.mark.scenario("PL-21")
def test_of_an_item_without_product_nothing_is_written_until_it_is_coupled(world: World) -> None:
    world.sync(*PRODUCTS, full=True)
    [product] = [one["crm_id"] for one in world.couplings("ITEM-PRODUCT") if one["number"] == "1000"]
    uncouple(world, "ITEM-PRODUCT", "1000")
    run = world.sync(*OWN, full=True)
    assert (run["ITEM-PRICE"]["errors"], run["RESOURCE-PRICE"]["errors"]) == ([], [])
    assert ("1000", "PCS") not in amounts(world, LIST)
    world.couple("ITEM-PRODUCT", "1000", f"crm:{product}", use="bc")
    world.sync("ITEM-PRODUCT", *OWN)
    assert amounts(world, LIST)["1000", "PCS"] == 1290


@pytest.mark.scenario("PL-24")
def test_the_price_follows_its_item_and_a_negative_one_is_nothing(priced: World) -> None:
    change(priced, "items", item(priced, "1001"), unitPrice=250)
    change(priced, "resources", item(priced, "R0010", "resources"), unitPrice=111)
    priced.sync(*PRODUCTS, *OWN)
    held = amounts(priced, LIST)
    assert (held["1001", "PCS"], held["1001", "BOX"], held["R0010", "HOUR"]) == (250, 1000, 111)


def test_a_price_that_somebody_changed_in_sales_is_put_right_with_the_next_one(priced: World) -> None:
    pairs = {one["crm_id"] for one in priced.couplings("ITEM-PRICE")}
    rows = priced.get("crm", priced.crm("productpricelevels"))["value"]
    mine = next(
        one["productpricelevelid"]
        for one in rows
        if one["productpricelevelid"] in pairs and one["productnumber"] == "1000"
    )
    priced.send("crm", "PATCH", f"{priced.crm('productpricelevels')}({mine})", {"amount": 1})
    priced.sync(*OWN)
    change(priced, "items", item(priced, "1000"), unitPrice=1291)
    priced.sync("ITEM-PRODUCT", *OWN)
    assert amounts(priced, LIST)["1000", "PCS"] == 1291


def test_without_a_full_synchronization_nobody_gets_a_price_list(world: World) -> None:
    before = world.count("crm", "pricelevel")
    run = world.sync(*PRODUCTS, *OWN)
    assert [run[one]["errors"] for one in OWN] == [[], [], []]
    assert world.count("crm", "pricelevel") == before
    assert all(run[one]["counts"]["to"]["inserted"] == 0 for one in OWN)


def test_without_unit_groups_each_product_has_one_price(world: World) -> None:
    turn(world, "unit_groups=off")
    names = ("CURRENCY", "UNIT OF MEASURE", "ITEM-PRODUCT", "RESOURCE-PRODUCT", *OWN)
    run: dict[str, Any] = world.sync(*names, full=True)
    assert [run[one]["errors"] for one in OWN] == [[], [], []]
    held = amounts(world, LIST)
    assert held["1001", "PCS"] == 245
    assert ("1001", "BOX") not in held
    assert held["R0010", "HOUR"] == 110
    change(world, "items", item(world, "1001"), unitPrice=246)
    world.sync(*names)
    assert amounts(world, LIST)["1001", "PCS"] == 246
