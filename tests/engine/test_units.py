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
