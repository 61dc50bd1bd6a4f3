"""Aim: with unit groups, each item and resource has a group in Sales with its units, each once."""

from __future__ import annotations

import pytest

from engine.world import World, wrote
from kobling.model.errors import ConfigurationError
from stages import Stages

UNITS = ("UNIT GROUP", "ITEM UOM", "RESOURCE UOM")


def group_units(world: World) -> None:
    """Every item's and resource's group and units have their partners in Sales."""
    world.sync(*UNITS, full=True)


@pytest.fixture
def grouped(world: World, stages: Stages) -> World:
    return stages.reach(world, group_units)


def group_of(world: World, number: str, kind: str = "Item") -> dict[str, object]:
    """The unit group in Sales of an item or resource."""
    rows = world.get("bc", world.bc("unitGroups"))["value"]
    own = next(one["id"] for one in rows if (one["sourceNo"], one["sourceType"]) == (number, kind))
    pair = next(one for one in world.couplings("UNIT GROUP") if one["bc_id"] == own)
    return world.get("crm", f"{world.crm('uomschedules')}({pair['crm_id']})")


def units_in(world: World, group: dict[str, object]) -> dict[str, float]:
    """The quantities of a group's units by name."""
    rows = world.get("crm", world.crm("uoms"))["value"]
    return {
        one["name"]: one["quantity"] for one in rows if one["_uomscheduleid_value"] == group["uomscheduleid"]
    }


@pytest.mark.scenario("UM-02")
@pytest.mark.scenario("UM-03")
@pytest.mark.scenario("MP-42")
def test_each_item_and_resource_has_a_unit_group_of_its_name(world: World) -> None:
    groups = world.get("bc", world.bc("unitGroups"))["value"]
    assert wrote(world.sync("UNIT GROUP")) == 0
    run = world.sync("UNIT GROUP", full=True)
    assert run["UNIT GROUP"]["counts"]["to"]["inserted"] == len(groups)
    coupled = {one["crm_id"] for one in world.couplings("UNIT GROUP")}
    made = [
        one for one in world.get("crm", world.crm("uomschedules"))["value"] if one["uomscheduleid"] in coupled
    ]
    names = {f"{one['sourceType'].upper()} {one['sourceNo']} UOM GR" for one in groups}
    assert {one["name"] for one in made} == {one["baseuomname"] for one in made} == names
    assert wrote(world.sync("UNIT GROUP", full=True)) == 0


@pytest.mark.scenario("UM-04")
@pytest.mark.scenario("UM-05")
@pytest.mark.scenario("MP-43")
def test_units_stand_in_the_group_of_their_item_or_resource_with_their_factor(grouped: World) -> None:
    for route, kind, key in (
        ("itemUnitsOfMeasure", "Item", "itemNo"),
        ("resourceUnitsOfMeasure", "Resource", "resourceNo"),
    ):
        units = grouped.get("bc", grouped.bc(route))["value"]
        assert units
        for unit in units:
            inside = units_in(grouped, group_of(grouped, unit[key], kind))
            assert inside[unit["code"]] == pytest.approx(unit["qtyPerUnitOfMeasure"])
    assert wrote(grouped.sync(*UNITS)) == wrote(grouped.sync(*UNITS, full=True)) == 0


def test_an_item_and_a_resource_with_one_number_have_their_own_groups(grouped: World) -> None:
    number = grouped.get("bc", grouped.bc("items"))["value"][0]["no"]
    grouped.create("bc", "resources", no=number, name="The same number", baseUnitOfMeasure="DAY")
    run = grouped.sync(*UNITS, full=True)
    assert [run[name]["errors"] for name in UNITS] == [[], [], []]
    item, resource = group_of(grouped, number), group_of(grouped, number, "Resource")
    assert item["uomscheduleid"] != resource["uomscheduleid"]
    assert "DAY" in units_in(grouped, resource)
    assert "DAY" not in units_in(grouped, item)


def test_a_second_unit_of_an_item_comes_into_its_group_and_follows_its_factor(grouped: World) -> None:
    number = grouped.get("bc", grouped.bc("items"))["value"][0]["no"]
    unit = grouped.create("bc", "itemUnitsOfMeasure", itemNo=number, code="PALLET", qtyPerUnitOfMeasure=48)
    assert "PALLET" not in units_in(grouped, group_of(grouped, number))
    grouped.sync("ITEM UOM", full=True, records=(f"bc:{unit['id']}",))
    assert units_in(grouped, group_of(grouped, number))["PALLET"] == 48
    grouped.send(
        "bc", "PATCH", f"{grouped.bc('itemUnitsOfMeasure')}({unit['id']})", {"qtyPerUnitOfMeasure": 60}
    )
    grouped.sync("ITEM UOM")
    assert units_in(grouped, group_of(grouped, number))["PALLET"] == 60
    assert wrote(grouped.sync(*UNITS)) == 0


def test_a_unit_is_named_by_its_item_and_its_code(grouped: World) -> None:
    number = grouped.get("bc", grouped.bc("items"))["value"][0]["no"]
    grouped.create("bc", "itemUnitsOfMeasure", itemNo=number, code="PALLET", qtyPerUnitOfMeasure=48)
    with pytest.raises(
        ConfigurationError, match=r"records of Item Unit of Measure are called 'PCS'"
    ) as error:
        grouped.sync("ITEM UOM", full=True, records=("PCS",))
    assert "Item No./Code" in error.value.cure
    run = grouped.sync("ITEM UOM", full=True, records=(f"{number}/pallet",))
    assert run["ITEM UOM"]["counts"]["to"]["inserted"] == 1
    assert units_in(grouped, group_of(grouped, number))["PALLET"] == 48


def test_a_unit_waits_for_the_group_of_its_item_and_then_goes_through_by_itself(world: World) -> None:
    units = world.get("bc", world.bc("itemUnitsOfMeasure"))["value"]
    run = world.sync("ITEM UOM", full=True)
    counts = run["ITEM UOM"]["counts"]["to"]
    assert (counts["inserted"], counts["waiting"]) == (0, len(units))
    words = [one["message"] for one in run["ITEM UOM"]["errors"]]
    assert any(f"the unit group of item {units[0]['itemNo']}" in one for one in words)
    world.sync("UNIT GROUP", full=True)
    run = world.sync("ITEM UOM")
    assert run["ITEM UOM"]["counts"]["to"]["inserted"] == len(units)


def test_a_unit_of_a_group_that_is_not_active_is_refused_and_comes_with_it(grouped: World) -> None:
    number = grouped.get("bc", grouped.bc("items"))["value"][0]["no"]
    group = f"{grouped.crm('uomschedules')}({group_of(grouped, number)['uomscheduleid']})"
    grouped.send("crm", "PATCH", group, {"statecode": 1, "statuscode": 2})
    unit = grouped.create("bc", "itemUnitsOfMeasure", itemNo=number, code="PALLET", qtyPerUnitOfMeasure=48)
    run = grouped.sync("UNIT GROUP", "ITEM UOM", full=True)
    assert [one["bc_id"] for one in run["ITEM UOM"]["errors"]] == [unit["id"]]
    assert "the unit group is active" in run["ITEM UOM"]["errors"][0]["message"]
    grouped.send("crm", "PATCH", group, {"statecode": 0, "statuscode": 1})
    grouped.sync("UNIT GROUP", "ITEM UOM")
    assert units_in(grouped, group_of(grouped, number))["PALLET"] == 48


def test_groups_and_units_that_stand_in_sales_already_are_found(world: World) -> None:
    unit = world.get("bc", world.bc("itemUnitsOfMeasure"))["value"][0]
    name = f"ITEM {unit['itemNo']} UOM GR"
    group = world.create("crm", "uomschedules", name=name, baseuomname=unit["code"])["uomscheduleid"]
    world.sync(*UNITS, full=True)
    assert group_of(world, unit["itemNo"])["uomscheduleid"] == group
    # Its base unit is the unit of that name; another group's unit of the same name is not.
    inside = world.get("crm", world.crm("uoms"))["value"]
    own = [one["uomid"] for one in inside if one["_uomscheduleid_value"] == group]
    coupled = {one["bc_id"]: one["crm_id"] for one in world.couplings("ITEM UOM")}
    assert coupled[unit["id"]] in own
    assert wrote(world.sync(*UNITS)) == 0
