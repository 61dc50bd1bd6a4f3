"""Aim: without unit groups, units of measure become unit groups of Sales, once."""

from __future__ import annotations

import pytest

from engine.world import World, wrote
from kobling.service.connection_settings import set_connection


@pytest.fixture
def without_groups(world: World) -> World:
    world.command(
        lambda one: set_connection(one, ["unit_groups=off"], existing=False, wait=lambda name: None)
    )
    return world


@pytest.mark.scenario("UM-06")
@pytest.mark.scenario("UM-07")
@pytest.mark.scenario("MP-47")
def test_each_unit_of_measure_is_a_unit_group_with_a_base_unit(without_groups: World) -> None:
    world = without_groups
    codes = {one["code"] for one in world.get("bc", world.bc("unitsOfMeasure"))["value"]}
    assert codes
    assert wrote(world.sync("UNIT OF MEASURE")) == 0
    run = world.sync("UNIT OF MEASURE", full=True)
    assert run["UNIT OF MEASURE"]["counts"]["to"]["inserted"] == len(codes)
    assert run["UNIT OF MEASURE"]["errors"] == []
    coupled = {one["crm_id"] for one in world.couplings("UNIT OF MEASURE")}
    groups = world.get("crm", world.crm("uomschedules"))["value"]
    made = {one["name"]: one["baseuomname"] for one in groups if one["uomscheduleid"] in coupled}
    assert made == {f"NAV {code}": code for code in codes}
    assert wrote(world.sync("UNIT OF MEASURE")) == 0


def test_a_group_of_that_name_is_found_and_not_made_twice(without_groups: World) -> None:
    world = without_groups
    group = world.create("crm", "uomschedules", name="NAV PCS", baseuomname="PCS")
    world.sync("UNIT OF MEASURE", full=True)
    pairs = {one["number"]: one["crm_id"] for one in world.couplings("UNIT OF MEASURE")}
    assert pairs["PCS"] == group["uomscheduleid"]
    names = [one["name"] for one in world.get("crm", world.crm("uomschedules"))["value"]]
    assert names.count("NAV PCS") == 1


@pytest.mark.parametrize("wrong", ["inactive", "several"])
def test_a_group_that_cannot_take_the_unit_is_refused_by_name(without_groups: World, wrong: str) -> None:
    world = without_groups
    group = world.create("crm", "uomschedules", name="NAV PCS", baseuomname="PCS")["uomscheduleid"]
    if wrong == "inactive":
        place = f"{world.crm('uomschedules')}({group})"
        world.send("crm", "PATCH", place, {"statecode": 1, "statuscode": 2})
    else:
        bound = {"uomscheduleid@odata.bind": f"/uomschedules({group})"}
        world.create("crm", "uoms", name="BOX", quantity=6, **bound)
    run = world.sync("UNIT OF MEASURE", full=True)
    [error] = run["UNIT OF MEASURE"]["errors"]
    assert "NAV PCS" in error["message"]
    assert ("not active" if wrong == "inactive" else "2 units in Sales (BOX, PCS)") in error["message"]


@pytest.mark.scenario("UM-01")
def test_a_unit_that_is_coupled_anew_takes_the_other_group(without_groups: World) -> None:
    world = without_groups
    world.sync("UNIT OF MEASURE", full=True)
    pair = next(one for one in world.couplings("UNIT OF MEASURE") if one["number"] == "PCS")
    other = world.create("crm", "uomschedules", name="Pieces", baseuomname="PCS")["uomscheduleid"]
    world.uncouple("UNIT OF MEASURE", pair["bc_id"])
    world.couple("UNIT OF MEASURE", pair["bc_id"], other, use="bc")
    first = world.get("crm", f"{world.crm('uomschedules')}({pair['crm_id']})")
    world.send("crm", "PATCH", f"{world.crm('uomschedules')}({pair['crm_id']})", {"name": "Set free"})
    world.sync("UNIT OF MEASURE")
    assert first["name"] == "NAV PCS"
    now = world.get("crm", f"{world.crm('uomschedules')}({other})")
    assert now["name"] == "NAV PCS"
    coupled = {one["crm_id"] for one in world.couplings("UNIT OF MEASURE")}
    assert other in coupled
    assert pair["crm_id"] not in coupled
    assert wrote(world.sync("UNIT OF MEASURE")) == 0


def test_products_have_the_group_and_its_only_unit(without_groups: World) -> None:
    world = without_groups
    world.sync("CURRENCY", "UNIT OF MEASURE", full=True)
    run = world.sync("ITEM-PRODUCT", "RESOURCE-PRODUCT", full=True, direction="to")
    assert run["ITEM-PRODUCT"]["errors"] == run["RESOURCE-PRODUCT"]["errors"] == []
    groups = {one["crm_id"]: one["number"] for one in world.couplings("UNIT OF MEASURE")}
    units = {one["uomid"]: one for one in world.get("crm", world.crm("uoms"))["value"]}
    for mapping, route in (("ITEM-PRODUCT", "items"), ("RESOURCE-PRODUCT", "resources")):
        rows = {one["id"]: one for one in world.get("bc", world.bc(route))["value"]}
        pairs = world.couplings(mapping)
        assert pairs
        for pair in pairs:
            made = world.get("crm", f"{world.crm('products')}({pair['crm_id']})")
            assert groups[made["_defaultuomscheduleid_value"]] == rows[pair["bc_id"]]["baseUnitOfMeasure"]
            unit = units[made["_defaultuomid_value"]]
            assert unit["_uomscheduleid_value"] == made["_defaultuomscheduleid_value"]
            assert made["statecode"] == 0
    assert wrote(world.sync("UNIT OF MEASURE", "ITEM-PRODUCT", "RESOURCE-PRODUCT")) == 0


def test_products_are_refused_while_their_group_has_a_second_unit(without_groups: World) -> None:
    world = without_groups
    world.sync("CURRENCY", "UNIT OF MEASURE", full=True)
    group = next(one["crm_id"] for one in world.couplings("UNIT OF MEASURE") if one["number"] == "DAY")
    bound = {"uomscheduleid@odata.bind": f"/uomschedules({group})"}
    second = world.create("crm", "uoms", name="WEEK", quantity=5, **bound)
    run = world.sync("RESOURCE-PRODUCT", full=True, direction="to")
    errors = run["RESOURCE-PRODUCT"]["errors"]
    assert errors
    assert all("NAV DAY has 2 units in Sales (DAY, WEEK)" in one["message"] for one in errors)
    world.delete("crm", "uoms", second["uomid"])
    run = world.sync("RESOURCE-PRODUCT", direction="to")
    assert run["RESOURCE-PRODUCT"]["errors"] == []
    assert run["RESOURCE-PRODUCT"]["counts"]["to"]["inserted"] == len(errors)


@pytest.mark.scenario("UN-21")
def test_units_that_are_uncoupled_leave_the_others(without_groups: World) -> None:
    world = without_groups
    world.sync("UNIT OF MEASURE", full=True)
    before = world.couplings("UNIT OF MEASURE")
    gone, rest = before[:2], before[2:]
    assert rest
    done = world.uncouple("UNIT OF MEASURE", *(one["bc_id"] for one in gone))
    assert done["uncoupled"] == 2
    assert world.couplings("UNIT OF MEASURE") == rest


@pytest.mark.scenario("CP-33")
def test_a_unit_older_than_the_last_run_is_created_when_a_person_asks(without_groups: World) -> None:
    world = without_groups
    world.sync("UNIT OF MEASURE", full=True)
    unit = world.create("bc", "unitsOfMeasure", code="CP33", description="CP-33")["id"]
    # The run reads it past, as it is not coupled, and will not be told of it again.
    world.sync("UNIT OF MEASURE")
    [made] = world.counterparts("UNIT OF MEASURE", unit)[0]["created"]
    assert made["bc_id"] == unit
    groups = world.get("crm", world.crm("uomschedules"))["value"]
    assert {one["uomscheduleid"]: one["name"] for one in groups}[made["crm_id"]] == "NAV CP33"
