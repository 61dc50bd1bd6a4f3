"""Aim: items and resources are products of Sales, published once they are there, in step with their state."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from engine.world import World, wrote
from kobling.adapters.postgres.store import PostgresStore
from kobling.engine.apply import Apply
from kobling.service.connection_settings import set_connection
from stages import Stages

UNITS = ("UNIT GROUP", "ITEM UOM", "RESOURCE UOM")
PRODUCTS = ("ITEM-PRODUCT", "RESOURCE-PRODUCT")
KINDS = [("ITEM-PRODUCT", "items"), ("RESOURCE-PRODUCT", "resources")]
both_kinds = pytest.mark.parametrize(("mapping", "route"), KINDS, ids=["item", "resource"])


class _KilledError(BaseException):
    """The process is gone."""


def couple_units(world: World) -> None:
    """Currencies, groups and units have their partners."""
    world.sync("CURRENCY", *UNITS, full=True)


@pytest.fixture
def with_units(world: World, stages: Stages) -> World:
    return stages.reach(world, couple_units)


def stock(world: World) -> None:
    """Every item and resource that may be has its product."""
    world.sync(*PRODUCTS, full=True, direction="to")
    world.sync(*PRODUCTS)


@pytest.fixture
def stocked(with_units: World, stages: Stages) -> World:
    return stages.reach(with_units, stock)


def settings(world: World, *edits: str) -> None:
    world.command(lambda one: set_connection(one, edits, existing=False, wait=lambda name: None))


def pair(world: World, mapping: str, number: str = "") -> tuple[str, str]:
    """(item or resource, product): of that number, or of the first one."""
    found = sorted(world.couplings(mapping), key=lambda one: one["number"])
    one = next(each for each in found if each["number"] >= number)
    return one["bc_id"], one["crm_id"]


def texts(record: dict[str, Any], *columns: str) -> list[str]:
    return [record[one] or "" for one in columns]


def product(world: World, identifier: str) -> dict[str, Any]:
    return world.get("crm", f"{world.crm('products')}({identifier})")


def change(world: World, system: str, table: str, identifier: str, **values: Any) -> None:
    place = world.bc(table) if system == "bc" else world.crm(table)
    world.send(system, "PATCH", f"{place}({identifier})", values)


@pytest.mark.scenario("MP-11")
@pytest.mark.scenario("MP-38")
def test_items_become_products_of_sales_with_what_they_hold(with_units: World) -> None:
    world = with_units
    assert wrote(world.sync(*PRODUCTS)) == 0
    run = world.sync("ITEM-PRODUCT", full=True, direction="to")
    assert run["ITEM-PRODUCT"]["errors"] == []
    items = {one["id"]: one for one in world.get("bc", world.bc("items"))["value"]}
    write_in = world.get("bc", world.bc("salesReceivablesSetup"))["value"][0]["writeInProductNo"]
    wanted = {one for one, item in items.items() if not item["blocked"] and item["no"] != write_in}
    pairs = {one["bc_id"]: one["crm_id"] for one in world.couplings("ITEM-PRODUCT")}
    assert set(pairs) == wanted
    assert len(wanted) > 10
    vendors = {one["no"]: one["name"] for one in world.get("bc", world.bc("vendors"))["value"]}
    units = {one["uomid"]: one for one in world.get("crm", world.crm("uoms"))["value"]}
    for identifier, other in pairs.items():
        item, made = items[identifier], product(world, other)
        unit = units[made["_defaultuomid_value"]]
        assert (made["productnumber"], made["name"]) == (item["no"], item["description"])
        assert made["standardcost"] == made["currentcost"] == pytest.approx(item["unitCost"], abs=0.005)
        assert (made["price"], made["stockweight"]) == (max(item["unitPrice"], 0), item["grossWeight"])
        assert made["stockvolume"] == item["unitVolume"]
        assert made["quantityonhand"] == max(item["inventory"], 0)
        assert texts(made, "vendorid", "vendorpartnumber") == texts(item, "vendorNo", "vendorItemNo")
        assert (made["vendorname"] or "") == vendors.get(item["vendorNo"], "")
        assert (unit["name"], unit["quantity"]) == (item["baseUnitOfMeasure"], 1)
        assert unit["_uomscheduleid_value"] == made["_defaultuomscheduleid_value"]
        assert (made["producttypecode"], made["productstructure"], made["quantitydecimal"]) == (1, 1, 2)
        assert (made["statecode"], made["statuscode"]) == (0, 1)
        assert made["_transactioncurrencyid_value"] is not None
        assert made["_bcbi_companyid_value"] is not None
    assert wrote(world.sync(*PRODUCTS)) == 0


@pytest.mark.scenario("MP-12")
@pytest.mark.scenario("MP-39")
def test_resources_become_services_with_what_they_hold(with_units: World) -> None:
    world = with_units
    run = world.sync("RESOURCE-PRODUCT", full=True, direction="to")
    assert run["RESOURCE-PRODUCT"]["errors"] == []
    resources = {one["id"]: one for one in world.get("bc", world.bc("resources"))["value"]}
    pairs = {one["bc_id"]: one["crm_id"] for one in world.couplings("RESOURCE-PRODUCT")}
    assert set(pairs) == {one for one, each in resources.items() if not each["blocked"]}
    assert len(pairs) > 2
    units = {one["uomid"]: one["name"] for one in world.get("crm", world.crm("uoms"))["value"]}
    for identifier, other in pairs.items():
        resource, made = resources[identifier], product(world, other)
        assert (made["productnumber"], made["name"]) == (resource["no"], resource["name"])
        assert (made["price"], made["quantityonhand"]) == (resource["unitPrice"], resource["capacity"])
        assert units[made["_defaultuomid_value"]] == resource["baseUnitOfMeasure"]
        assert (made["producttypecode"], made["statecode"]) == (3, 0)
    assert wrote(world.sync(*PRODUCTS)) == 0


def test_a_new_product_is_counted_once_and_published_in_the_same_run(with_units: World) -> None:
    run = with_units.sync("ITEM-PRODUCT", full=True, direction="to")
    counts = run["ITEM-PRODUCT"]["counts"]["to"]
    pairs = with_units.couplings("ITEM-PRODUCT")
    assert (counts["inserted"], counts["modified"]) == (len(pairs), 0)
    assert len(pairs) > 10
    # The creation and the publication are both noted.
    noted = [(one[1], one[3], one[4].get("statecode")) for one in with_units.audit() if one[2] == "right"]
    for one in pairs:
        own = [(method, state) for identifier, method, state in noted if identifier == one["crm_id"]]
        assert own == [("create", None), ("update", [2, 0])]


@pytest.mark.parametrize("nth", [1, 2], ids=["creation", "publication"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(
    ("owner", "name"),
    [(PostgresStore, "journal"), (Apply, "send"), (PostgresStore, "settle")],
    ids=["journal", "writes", "outcome"],
)
def test_a_product_that_a_dead_run_left_a_draft_is_published_by_the_next(
    with_units: World, owner: type, name: str, after: bool, nth: int
) -> None:
    world, met = with_units, 0
    whole: Callable[..., Awaitable[Any]] = getattr(owner, name)

    async def die(*arguments: Any, **options: Any) -> Any:
        nonlocal met
        met += 1
        if met == nth and not after:
            raise _KilledError
        result = await whole(*arguments, **options)
        if met == nth:
            raise _KilledError
        return result

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, name, die)
        with pytest.raises(_KilledError):
            world.sync("RESOURCE-PRODUCT", full=True)
    world.sync("RESOURCE-PRODUCT")
    resources = world.get("bc", world.bc("resources"))["value"]
    wanted = sorted(one["no"] for one in resources if not one["blocked"])
    products = world.get("crm", world.crm("products"))["value"]
    made = [(one["productnumber"], one["statecode"]) for one in products if one["productnumber"] in wanted]
    assert sorted(made) == [(one, 0) for one in wanted]
    assert wrote(world.sync("RESOURCE-PRODUCT")) == 0
    assert world.query("select count(*) from intent") == [(0,)]


@both_kinds
def test_names_flow_both_ways_and_prices_one(stocked: World, mapping: str, route: str) -> None:
    own, other = pair(stocked, mapping)
    name = "description" if route == "items" else "name"
    change(stocked, "crm", "products", other, name="Named in Sales")
    stocked.sync(mapping)
    assert stocked.get("bc", f"{stocked.bc(route)}({own})")[name] == "Named in Sales"
    change(stocked, "bc", route, own, **{name: "Named in BC", "unitPrice": 12.5})
    stocked.sync(mapping)
    made = product(stocked, other)
    assert (made["name"], made["price"]) == ("Named in BC", 12.5)
    change(stocked, "crm", "products", other, price=99)
    stocked.sync(mapping)
    assert stocked.get("bc", f"{stocked.bc(route)}({own})")["unitPrice"] == 12.5
    assert wrote(stocked.sync(*PRODUCTS)) == 0


@both_kinds
@pytest.mark.scenario("IT-01")
@pytest.mark.scenario("IT-02")
@pytest.mark.scenario("IT-03")
@pytest.mark.scenario("IT-04")
@pytest.mark.scenario("IT-09")
def test_a_blocked_one_is_retired_where_blocked_ones_take_part_and_comes_back(
    stocked: World, mapping: str, route: str
) -> None:
    own, other = pair(stocked, mapping)
    settings(stocked, "blocked=off")
    change(stocked, "bc", route, own, blocked=True)
    assert wrote(stocked.sync(mapping)) == 1
    assert (product(stocked, other)["statecode"], product(stocked, other)["statuscode"]) == (1, 2)
    assert wrote(stocked.sync(mapping)) == 0
    change(stocked, "bc", route, own, blocked=False, unitPrice=31)
    assert wrote(stocked.sync(mapping)) == 1
    made = product(stocked, other)
    assert (made["statecode"], made["price"]) == (0, 31)
    assert wrote(stocked.sync(mapping)) == 0


@both_kinds
def test_a_blocked_one_is_outside_the_filter_and_its_product_stays_active(
    stocked: World, mapping: str, route: str
) -> None:
    own, other = pair(stocked, mapping)
    change(stocked, "bc", route, own, blocked=True, unitPrice=31)
    run = stocked.sync(mapping)
    assert wrote(run) == 0
    assert run[mapping]["counts"]["to"]["outside"] == 1
    assert product(stocked, other)["statecode"] == 0
    change(stocked, "bc", route, own, blocked=False)
    stocked.sync(mapping)
    assert product(stocked, other)["price"] == 31


@both_kinds
@pytest.mark.scenario("IT-05")
@pytest.mark.scenario("IT-06")
@pytest.mark.scenario("IT-07")
@pytest.mark.scenario("IT-08")
def test_a_retired_product_blocks_where_inactive_ones_take_part_and_an_active_one_unblocks(
    stocked: World, mapping: str, route: str
) -> None:
    own, other = pair(stocked, mapping)
    settings(stocked, "active=off")
    change(stocked, "crm", "products", other, statecode=1, statuscode=2)
    assert wrote(stocked.sync(mapping)) == 1
    assert stocked.get("bc", f"{stocked.bc(route)}({own})")["blocked"] is True
    assert wrote(stocked.sync(mapping)) == 0
    change(stocked, "crm", "products", other, statecode=0, statuscode=1)
    assert wrote(stocked.sync(mapping)) == 1
    assert stocked.get("bc", f"{stocked.bc(route)}({own})")["blocked"] is False
    assert wrote(stocked.sync(mapping)) == 0


@both_kinds
def test_a_product_that_a_person_retires_is_outside_the_filter_and_nothing_activates_it(
    stocked: World, mapping: str, route: str
) -> None:
    own, other = pair(stocked, mapping)
    change(stocked, "crm", "products", other, statecode=1, statuscode=2)
    change(stocked, "bc", route, own, unitPrice=31)
    assert wrote(stocked.sync(mapping)) == 0
    assert product(stocked, other)["statecode"] == 1
    assert stocked.get("bc", f"{stocked.bc(route)}({own})")["blocked"] is False


def test_negative_prices_and_stocks_are_zero_in_sales(stocked: World) -> None:
    own, other = pair(stocked, "RESOURCE-PRODUCT")
    change(stocked, "bc", "resources", own, unitPrice=-5)
    stocked.sync("RESOURCE-PRODUCT")
    assert product(stocked, other)["price"] == 0
    assert wrote(stocked.sync("RESOURCE-PRODUCT")) == 0


def test_the_name_of_a_vendor_follows_the_vendor(stocked: World) -> None:
    items = {one["id"]: one for one in stocked.get("bc", stocked.bc("items"))["value"]}
    pairs = stocked.couplings("ITEM-PRODUCT")
    own, other = next((one["bc_id"], one["crm_id"]) for one in pairs if items[one["bc_id"]]["vendorNo"])
    vendors = stocked.get("bc", stocked.bc("vendors"))["value"]
    vendor = next(one["id"] for one in vendors if one["no"] == items[own]["vendorNo"])
    change(stocked, "bc", "vendors", vendor, name="Renamed AS")
    stocked.sync("ITEM-PRODUCT")
    assert product(stocked, other)["vendorname"] == "Renamed AS"
    change(stocked, "bc", "items", own, vendorNo="")
    stocked.sync("ITEM-PRODUCT")
    assert texts(product(stocked, other), "vendorname", "vendorid") == ["", ""]


def test_the_write_in_product_is_never_a_product_of_sales(stocked: World) -> None:
    [setup] = stocked.get("bc", stocked.bc("salesReceivablesSetup"))["value"]
    numbers = {one["productnumber"] for one in stocked.get("crm", stocked.crm("products"))["value"]}
    assert setup["writeInProductNo"] not in numbers
    own, other = pair(stocked, "ITEM-PRODUCT")
    number = stocked.get("bc", f"{stocked.bc('items')}({own})")["no"]
    change(stocked, "bc", "salesReceivablesSetup", setup["id"], writeInProductNo=number)
    change(stocked, "bc", "items", own, unitPrice=77)
    stocked.sync("ITEM-PRODUCT")
    assert product(stocked, other)["price"] != 77
    # The one that was it before had been taken up by the full run, and comes inside by itself.
    numbers = {one["productnumber"] for one in stocked.get("crm", stocked.crm("products"))["value"]}
    assert setup["writeInProductNo"] in numbers
    change(stocked, "bc", "salesReceivablesSetup", setup["id"], writeInProductNo="")
    stocked.sync("ITEM-PRODUCT")
    assert product(stocked, other)["price"] == 77


def test_another_base_unit_is_another_default_unit_both_ways(stocked: World) -> None:
    own, other = pair(stocked, "ITEM-PRODUCT")
    item = stocked.get("bc", f"{stocked.bc('items')}({own})")
    unit = stocked.create("bc", "itemUnitsOfMeasure", itemNo=item["no"], code="HOUR", qtyPerUnitOfMeasure=1)
    change(stocked, "bc", "items", own, baseUnitOfMeasure="HOUR")
    run = stocked.sync("ITEM-PRODUCT")
    assert [one["class"] for one in run["ITEM-PRODUCT"]["errors"]] == ["dependency missing"]
    assert "the unit HOUR of item" in run["ITEM-PRODUCT"]["errors"][0]["message"]
    stocked.sync("ITEM UOM", full=True, records=(f"bc:{unit['id']}",))
    stocked.sync("ITEM-PRODUCT")
    units = {one["bc_id"]: one["crm_id"] for one in stocked.couplings("ITEM UOM")}
    assert product(stocked, other)["_defaultuomid_value"] == units[unit["id"]]
    before = next(
        one
        for one in stocked.get("bc", stocked.bc("itemUnitsOfMeasure"))["value"]
        if (one["itemNo"], one["code"]) == (item["no"], item["baseUnitOfMeasure"])
    )
    bound = {"defaultuomid@odata.bind": f"/uoms({units[before['id']]})"}
    change(stocked, "crm", "products", other, **bound)
    stocked.sync("ITEM-PRODUCT")
    now = stocked.get("bc", f"{stocked.bc('items')}({own})")
    assert now["baseUnitOfMeasure"] == item["baseUnitOfMeasure"]
    assert wrote(stocked.sync(*PRODUCTS)) == 0


def test_an_item_without_a_base_unit_is_refused_by_name(with_units: World) -> None:
    item = with_units.create("bc", "items", description="Without a unit")
    run = with_units.sync("UNIT GROUP", "ITEM-PRODUCT", full=True, direction="to")
    [error] = [one for one in run["ITEM-PRODUCT"]["errors"] if one["bc_id"] == item["id"]]
    assert error["field"] == "Base Unit of Measure"
    assert "blank" in error["message"]
