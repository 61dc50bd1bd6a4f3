"""Aim: a product made in Sales becomes an item or a resource with its unit on both sides, in one run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from databases import databases
from engine.world import World, wrote
from kobling.adapters.postgres.store import PostgresStore
from sandboxes import Sandbox
from stages import Stages

UNITS = ("UNIT GROUP", "ITEM UOM", "RESOURCE UOM")
PRODUCTS = ("ITEM-PRODUCT", "RESOURCE-PRODUCT")
ALL = ("CURRENCY", *UNITS, *PRODUCTS)
KINDS = [("ITEM-PRODUCT", 1, "items", "item"), ("RESOURCE-PRODUCT", 3, "resources", "resource")]


class _KilledError(BaseException):
    """The process is gone."""


def stock(world: World) -> None:
    """Items, resources and products are in step."""
    world.sync(*ALL, full=True)


@pytest.fixture(scope="module")
def stocked(
    served: Sandbox, postgres_server: str, stages: Stages, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """The world of all tests here; each makes products of its own."""
    served.reset()
    with databases(postgres_server) as make:
        yield stages.reach(World(served, make(), tmp_path_factory.mktemp("stocked")), stock)


def new_product(world: World, name: str, *, unit: str = "PCS", group: str = "", kind: int = 1) -> Any:
    """An active product with a group of that name, or in the group that is given."""
    if not group:
        made = world.create("crm", "uomschedules", name=f"Units of {name}", baseuomname=unit)
        group = made["uomscheduleid"]
    units = world.get("crm", world.crm("uoms"))["value"]
    [base] = [
        one["uomid"] for one in units if one["isschedulebaseuom"] and one["_uomscheduleid_value"] == group
    ]
    bound = {
        "defaultuomscheduleid@odata.bind": f"/uomschedules({group})",
        "defaultuomid@odata.bind": f"/uoms({base})",
    }
    values: dict[str, Any] = {"productstructure": 1, "quantitydecimal": 2, "producttypecode": kind}
    made = world.create("crm", "products", name=name, productnumber=name, **values, **bound)
    place = world.crm(f"products({made['productid']})")
    return world.send("crm", "PATCH", place, {"statecode": 0, "statuscode": 1})


def sync_of(world: World, product: Any, mapping: str = "ITEM-PRODUCT", *beside: str) -> Any:
    return world.sync(mapping, *beside, full=True, records=(f"crm:{product['productid']}",))


def made_of(world: World, mapping: str, product: Any) -> str:
    pairs = {one["crm_id"]: one["bc_id"] for one in world.couplings(mapping)}
    return str(pairs[product["productid"]])


@pytest.mark.parametrize(("mapping", "kind", "route", "word"), KINDS, ids=["item", "resource"])
def test_a_product_becomes_an_item_or_resource_with_its_unit_in_one_run(
    stocked: World, mapping: str, kind: int, route: str, word: str
) -> None:
    product = new_product(stocked, f"A new {word}", unit="Box", kind=kind)
    run = stocked.sync(mapping, *UNITS, full=True)
    assert run[mapping]["errors"] == []
    assert run[mapping]["counts"]["from"]["inserted"] == 1
    own = stocked.get("bc", f"{stocked.bc(route)}({made_of(stocked, mapping, product)})")
    assert own["baseUnitOfMeasure"] == "BOX"
    units = stocked.get("bc", stocked.bc(f"{word}UnitsOfMeasure"))["value"]
    [unit] = [one for one in units if one[f"{word}No"] == own["no"]]
    coupled = {one["bc_id"]: one["crm_id"] for one in stocked.couplings(f"{word.upper()} UOM")}
    assert coupled[unit["id"]] == product["_defaultuomid_value"]
    groups = stocked.get("bc", stocked.bc("unitGroups"))["value"]
    [group] = [
        one["id"] for one in groups if (one["sourceNo"], one["sourceType"].lower()) == (own["no"], word)
    ]
    coupled = {one["bc_id"]: one["crm_id"] for one in stocked.couplings("UNIT GROUP")}
    assert coupled[group] == product["_defaultuomscheduleid_value"]
    there = stocked.get("crm", stocked.crm(f"uomschedules({coupled[group]})"))
    assert there["name"] == f"{word.upper()} {own['no']} UOM GR"
    assert wrote(stocked.sync(mapping, *UNITS)) == 0
    assert wrote(stocked.sync(mapping, *UNITS, full=True)) == 0


def test_the_units_wait_where_only_products_are_synchronized(stocked: World) -> None:
    product = new_product(stocked, "Alone")
    run = sync_of(stocked, product)
    assert run["ITEM-PRODUCT"]["errors"] == []
    own = made_of(stocked, "ITEM-PRODUCT", product)
    assert stocked.get("bc", f"{stocked.bc('items')}({own})")["baseUnitOfMeasure"] == "PCS"
    run = stocked.sync(*UNITS)
    assert [run[one]["errors"] for one in UNITS] == [[], [], []]
    assert wrote(run) > 0
    # The number of the new item goes to its product.
    assert wrote(stocked.sync(*PRODUCTS)) == 1
    assert wrote(stocked.sync(*UNITS, *PRODUCTS)) == 0


def test_an_edit_of_the_new_item_arrives_in_sales_and_its_other_units_too(stocked: World) -> None:
    product = new_product(stocked, "To be renamed")
    sync_of(stocked, product, "ITEM-PRODUCT", *UNITS)
    own = made_of(stocked, "ITEM-PRODUCT", product)
    stocked.send("bc", "PATCH", f"{stocked.bc('items')}({own})", {"description": "Renamed", "unitPrice": 12})
    number = stocked.get("bc", f"{stocked.bc('items')}({own})")["no"]
    unit = stocked.create("bc", "itemUnitsOfMeasure", itemNo=number, code="BOX", qtyPerUnitOfMeasure=6)
    stocked.sync("ITEM UOM", full=True, records=(f"bc:{unit['id']}",))
    stocked.sync(*UNITS, *PRODUCTS)
    now = stocked.get("crm", stocked.crm(f"products({product['productid']})"))
    assert (now["name"], now["price"]) == ("Renamed", 12)
    units = stocked.get("crm", stocked.crm("uoms"))["value"]
    held = {
        one["name"]: one["quantity"]
        for one in units
        if one["_uomscheduleid_value"] == product["_defaultuomscheduleid_value"]
    }
    assert held == {"PCS": 1, "BOX": 6}


def test_products_that_share_a_group_wait_and_say_so_until_one_is_alone(stocked: World) -> None:
    one = new_product(stocked, "Shares")
    other = new_product(stocked, "Shares too", group=one["_defaultuomscheduleid_value"])
    run = sync_of(stocked, one)
    [error] = run["ITEM-PRODUCT"]["errors"]
    assert error["class"] == "dependency missing"
    assert "2 products share the unit group Units of Shares" in error["message"]
    stocked.delete("crm", "products", other["productid"])
    run = stocked.sync(*UNITS, *PRODUCTS)
    assert run["ITEM-PRODUCT"]["counts"]["from"]["inserted"] == 1


def test_a_product_waits_for_a_unit_of_measure_of_its_name(stocked: World) -> None:
    product = new_product(stocked, "In bottles", unit="Bottle")
    run = sync_of(stocked, product)
    [error] = run["ITEM-PRODUCT"]["errors"]
    assert "no unit of measure in Business Central is called Bottle" in error["message"]
    stocked.create("bc", "unitsOfMeasure", code="BOTTLE", description="Bottle")
    run = stocked.sync(*UNITS, *PRODUCTS)
    assert run["ITEM-PRODUCT"]["counts"]["from"]["inserted"] == 1
    own = made_of(stocked, "ITEM-PRODUCT", product)
    assert stocked.get("bc", f"{stocked.bc('items')}({own})")["baseUnitOfMeasure"] == "BOTTLE"


def test_a_dry_run_makes_and_couples_nothing(stocked: World) -> None:
    new_product(stocked, "Only looked at")
    before = len(stocked.couplings("ITEM UOM"))
    run = stocked.sync("ITEM-PRODUCT", full=True, dry_run=True)
    assert run["ITEM-PRODUCT"]["counts"]["from"]["inserted"] == 1
    assert len(stocked.couplings("ITEM UOM")) == before


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_run_that_dies_over_a_new_item_leaves_its_unit_to_the_next(stocked: World, after: bool) -> None:
    product = new_product(stocked, f"Died over {after}")
    whole = PostgresStore.settle

    async def die(*arguments: Any, **options: Any) -> None:
        if after:
            await whole(*arguments, **options)
        raise _KilledError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PostgresStore, "settle", die)
        with pytest.raises(_KilledError):
            sync_of(stocked, product)
    stocked.sync(*UNITS, *PRODUCTS)
    own = made_of(stocked, "ITEM-PRODUCT", product)
    number = stocked.get("bc", f"{stocked.bc('items')}({own})")["no"]
    units = stocked.get("bc", stocked.bc("itemUnitsOfMeasure"))["value"]
    [unit] = [one["id"] for one in units if one["itemNo"] == number]
    coupled = {one["bc_id"]: one["crm_id"] for one in stocked.couplings("ITEM UOM")}
    assert coupled[unit] == product["_defaultuomid_value"]
    stocked.sync(*UNITS, *PRODUCTS)
    assert wrote(stocked.sync(*UNITS, *PRODUCTS)) == 0
