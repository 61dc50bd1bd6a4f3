"""Aim: scenarios of the built-in integration about items and resources that a person couples."""

from __future__ import annotations

import pytest

from engine.test_products import both_kinds, pair, product, stocked, with_units
from engine.world import World
from kobling.service.couplings import couple_records
from kobling.service.explanations import why

__all__ = ["stocked", "with_units"]


def outside(world: World, mapping: str, bc: str, crm: str) -> str:
    """Why nothing would flow if the two were coupled; '' where it would."""
    document, _ = world.command(
        lambda one: couple_records(one, mapping, bc, f"crm:{crm}", "", wait=lambda name: None, dry_run=True)
    )
    return str(document["outside"] or "")


@pytest.mark.scenario("CP-28")
@pytest.mark.scenario("CP-30")
@both_kinds
def test_a_product_that_is_made_by_hand_is_active(with_units: World, mapping: str, route: str) -> None:
    world = with_units
    one = world.get("bc", world.bc(route))["value"][0]
    document, status = world.counterparts(mapping, one["id"])
    [made] = document["created"]
    assert (status, made["bc_id"]) == (0, one["id"])
    now = product(world, made["crm_id"])
    assert (now["statecode"], now["productnumber"]) == (0, one["no"])
    assert float(now["price"]) == float(one["unitPrice"])


@pytest.mark.scenario("CP-29")
@pytest.mark.scenario("CP-32")
@both_kinds
def test_without_a_base_unit_no_product_is_made(with_units: World, mapping: str, route: str) -> None:
    world = with_units
    words = {"description": "Without a unit"} if route == "items" else {"name": "Without a unit"}
    lone = world.create("bc", route, **words)["id"]
    document, status = world.counterparts(mapping, lone)
    assert (status, document["created"]) == (1, [])
    [error] = document["jobs"][0]["errors"]
    assert error["field"] == "Base Unit of Measure"


@pytest.mark.scenario("CP-71")
@pytest.mark.scenario("CP-72")
def test_an_item_is_no_service_and_a_resource_no_stock(stocked: World) -> None:
    item, stock = pair(stocked, "ITEM-PRODUCT")
    resource, service = pair(stocked, "RESOURCE-PRODUCT")
    stocked.uncouple("ITEM-PRODUCT", item)
    stocked.uncouple("RESOURCE-PRODUCT", resource)
    assert "Product Type" in outside(stocked, "ITEM-PRODUCT", item, service)
    assert "Product Type" in outside(stocked, "RESOURCE-PRODUCT", resource, stock)
    assert outside(stocked, "ITEM-PRODUCT", item, stock) == ""
    assert outside(stocked, "RESOURCE-PRODUCT", resource, service) == ""


@pytest.mark.scenario("CP-31")
def test_looking_at_a_product_couples_nothing(stocked: World) -> None:
    resource, service = pair(stocked, "RESOURCE-PRODUCT")
    stocked.uncouple("RESOURCE-PRODUCT", resource)
    before = product(stocked, service)
    outside(stocked, "RESOURCE-PRODUCT", resource, service)
    assert resource not in {one["bc_id"] for one in stocked.couplings("RESOURCE-PRODUCT")}
    assert product(stocked, service) == before


@pytest.mark.scenario("CP-27")
def test_a_coupled_product_is_overwritten_from_its_item(stocked: World) -> None:
    item, stock = pair(stocked, "ITEM-PRODUCT")
    stocked.uncouple("ITEM-PRODUCT", item)
    url = f"{stocked.bc('items')}({item})"
    stocked.send("bc", "PATCH", url, {"description": "Named in Business Central"})
    stocked.couple("ITEM-PRODUCT", item, f"crm:{stock}", use="bc")
    now = product(stocked, stock)
    assert (now["name"], now["statecode"]) == ("Named in Business Central", 0)


@pytest.mark.scenario("MS-15")
def test_from_a_product_its_item_is_found(stocked: World) -> None:
    item, stock = pair(stocked, "ITEM-PRODUCT")
    document = stocked.command(lambda one: why(one, "ITEM-PRODUCT", f"crm:{stock}"))
    assert (document["coupled"], document["bc_id"]) == (True, item)
