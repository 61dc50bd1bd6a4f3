"""Aim: orders that are submitted in Sales become sales orders of Business Central, asked for or unasked."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from engine.test_settings import turn
from engine.world import World, wrote
from kobling.service.schedule import list_entries

Row = dict[str, Any]
ORDER, LINES = "SUBMITTED-ORDER", "SUBMITTED-ORDER-LINE"


@pytest.fixture(scope="module")
def shop(common: World) -> World:
    """Orders come from Sales."""
    turn(common, "sales_orders=legacy")
    common.sync(ORDER)
    return common


def coupled(world: World, mapping: str, number: str) -> str:
    return next(one["crm_id"] for one in world.couplings(mapping) if one["number"] == number)


def order(world: World, *, submitted: bool = True, **values: Any) -> Row:
    """An order of Sales of two tables, and of something that is no product."""
    bind = {
        "customerid_account@odata.bind": f"/accounts({coupled(world, 'CUSTOMER', 'C00060')})",
        "pricelevelid@odata.bind": f"/pricelevels({coupled(world, 'DEFAULT-PRICE', 'EUR')})",
    }
    made = world.create("crm", "salesorders", **{"name": "Kantina"} | bind | values)
    product = coupled(world, "ITEM-PRODUCT", "1000")
    shown = world.get("crm", f"{world.crm('products')}({product})")
    belongs = {"salesorderid@odata.bind": f"/salesorders({made['salesorderid']})"}
    sold = {
        "productid@odata.bind": f"/products({product})",
        "uomid@odata.bind": f"/uoms({shown['_defaultuomid_value']})",
    }
    priced = {"quantity": 2, "priceperunit": 1200, "ispriceoverridden": True}
    world.create("crm", "salesorderdetails", **belongs, **sold, **priced)
    free = {"isproductoverridden": True, "productdescription": "Montering på stedet"}
    world.create("crm", "salesorderdetails", **belongs, **free, quantity=1, priceperunit=500)
    if submitted:
        place = f"{world.crm('salesorders')}({made['salesorderid']})"
        world.send("crm", "PATCH", place, {"statecode": 1, "statuscode": 3})
    return made


def bought(world: World, made: Row) -> Row:
    """The sales order of Business Central."""
    [pair] = [one for one in world.couplings(ORDER) if one["crm_id"] == made["salesorderid"]]
    return world.get("bc", f"{world.bc('salesOrders')}({pair['bc_id']})")


def lines_of(world: World, header: Row) -> list[Row]:
    found = world.get("bc", world.bc("salesOrderLines"))["value"]
    return [one for one in found if one["documentNo"] == header["no"]]


@pytest.mark.scenario("OM-04")
def test_an_order_that_is_asked_for_is_made_with_its_lines_and_codes(shop: World) -> None:
    options = {"paymenttermscode": 3, "shippingmethodcode": 4, "freighttermscode": 1}
    made = order(shop, requestdeliveryby="2026-08-01", **options)
    assert wrote(shop.sync(ORDER)) == 0, "nobody has asked for it"
    run = shop.sync(ORDER, full=True, records=(made["salesorderid"],))
    assert run[""] == 0
    header = bought(shop, made)
    assert (header["paymentTermsCode"], header["shippingAgentCode"], header["shipmentMethodCode"]) == (
        *("NET45", "UPS", "FOB"),
    )
    assert (header["sellToCustomerNo"], header["yourReference"]) == ("C00060", made["ordernumber"])
    assert (header["externalDocumentNo"], header["requestedDeliveryDate"]) == ("KANTINA", "2026-08-01")
    lines = {one["no"]: one for one in lines_of(shop, header)}
    table, work = lines["1000"], lines["1021"]
    assert (table["type"], table["unitOfMeasureCode"], table["description"]) == (
        *("Item", "PCS", "Spisebord Fjord, eik"),
    )
    assert Decimal(str(table["amount"])) == 2400
    assert (work["type"], work["description"]) == ("Item", "Montering på stedet")
    assert shop.get("crm", f"{shop.crm('salesorders')}({made['salesorderid']})")["_bcbi_companyid_value"]
    for _ in range(2):
        assert wrote(shop.sync(ORDER)) == 0


@pytest.mark.scenario("CP-13")
def test_a_coupled_order_with_lines_may_be_deleted_and_its_coupling_goes(shop: World) -> None:
    made = order(shop)
    shop.sync(ORDER, full=True, records=(made["salesorderid"],))
    header = bought(shop, made)
    assert len(lines_of(shop, header)) == 2
    shop.delete("bc", "salesOrders", header["id"])
    run = shop.sync(ORDER)
    assert run[""] == 0
    assert made["salesorderid"] not in {one["crm_id"] for one in shop.couplings(ORDER)}
    assert header["no"] not in {one["number"] for one in shop.couplings(LINES)}
    assert wrote(shop.sync(ORDER)) == 0


def entries(world: World) -> set[str]:
    return {one["mapping"] for one in world.command(list_entries)["entries"]}


@pytest.mark.scenario("JQ-11")
@pytest.mark.scenario("JQ-12")
@pytest.mark.scenario("JQ-13")
@pytest.mark.scenario("JQ-14")
def test_the_switch_makes_and_removes_the_job_that_makes_orders_unasked(shop: World) -> None:
    assert ORDER not in entries(shop)
    turn(shop, "auto_create_orders=on")
    assert ORDER in entries(shop)
    assert LINES not in entries(shop)
    shop.command(lambda one: one.refresh())
    assert ORDER in entries(shop), "the configuration is read anew, and the job is still there"
    draft, made = order(shop, submitted=False), order(shop)
    run = shop.sync(ORDER)
    assert (run[""], run[ORDER]["counts"]["from"]["inserted"]) == (0, 1)
    assert len(lines_of(shop, bought(shop, made))) == 2
    assert draft["salesorderid"] not in {one["crm_id"] for one in shop.couplings(ORDER)}
    turn(shop, "auto_create_orders=off")
    assert ORDER not in entries(shop)
    order(shop)
    assert wrote(shop.sync(ORDER)) == 0
