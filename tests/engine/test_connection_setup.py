"""Aim: what must be there on both sides is named where it is missing, made where it can be, else said to a
person; what is there already is left alone.
"""

from __future__ import annotations

import asyncio

import pytest

from engine.test_switches import turn
from engine.world import World
from kobling.model.errors import ConfigurationError, UnreachableError
from kobling.service.checks import check_connection
from kobling.service.configuration import read_configuration
from kobling.service.connection_setup import Requirement, set_up

COMPANY, KEY, TRACKING = "company row in Sales", "key on accountnumber", "change tracking of account"


def setup(world: World, *, apply: bool = False, **environment: str) -> dict[str, Requirement]:
    configuration = read_configuration(world.path, world.environment | environment)
    return {one.name: one for one in asyncio.run(set_up(configuration, apply=apply))}


def missing(found: dict[str, Requirement]) -> set[str]:
    return {name for name, one in found.items() if not one.met}


def lacks(world: World) -> None:
    """A service that was never set up: no row of the company, no change tracking of accounts, no key."""
    world._control("crm", "variants", {"untracked": ["account"], "keyless": ["account"]})
    for row in world.get("crm", world.crm("bcbi_companies"))["value"]:
        world.delete("crm", "bcbi_companies", row["bcbi_companyid"])


def test_what_is_there_is_told_and_left_alone(world: World) -> None:
    world.reset_requests()
    found = setup(world, apply=True)
    assert missing(found) == set()
    assert {one.applied for one in found.values()} == {False}
    assert {COMPANY, KEY, TRACKING, "extension of Business Central", "rights in Sales"} <= set(found)
    asked = world.requests("crm")["outer"]
    assert {one["method"] for one in asked if "EntityDefinitions" in one["path"]} == {"GET"}
    assert all(one.message and not one.cure for one in found.values())


def test_a_check_names_what_is_missing_and_makes_nothing(world: World) -> None:
    lacks(world)
    for _ in range(2):
        found = setup(world)
        assert missing(found) == {COMPANY, KEY, TRACKING}
        assert all("kobling connection setup --apply" in found[one].cure for one in missing(found))


def test_a_connection_works_without_change_tracking_and_its_test_says_so(world: World) -> None:
    lacks(world)
    checked = asyncio.run(check_connection(world.configuration))
    [tracking] = [one for one in checked.checks if one.name == "crm change tracking"]
    assert (checked.ok, tracking.ok) == (True, True)
    assert "change tracking is off for account, so runs" in tracking.message
    assert "Track changes" in tracking.cure


def test_what_can_be_made_is_made_once(world: World) -> None:
    lacks(world)
    found = setup(world, apply=True)
    assert missing(found) == set()
    assert {name for name, one in found.items() if one.applied} == {COMPANY, KEY, TRACKING}
    [row] = world.get("crm", world.crm("bcbi_companies"))["value"]
    assert row["bcbi_externalid"] == world.company
    assert row["bcbi_name"] == f"Fjordlys ({world.company})"
    again = setup(world, apply=True)
    assert {name for name, one in again.items() if one.applied} == set()
    assert missing(again) == set()


def test_what_was_made_is_what_a_run_needs(world: World) -> None:
    lacks(world)
    setup(world, apply=True)
    world.sync("SALESPEOPLE", "CURRENCY", full=True)
    run = world.sync("CUSTOMER", full=True, direction="to")
    assert run["CUSTOMER"]["counts"]["to"]["inserted"] > 20
    [row] = world.get("crm", world.crm("bcbi_companies"))["value"]
    stamped = {one["_bcbi_companyid_value"] for one in world.accounts("accountnumber ne null")}
    stamped |= {one["_bcbi_companyid_value"] for one in world.accounts("_bcbi_companyid_value ne null")}
    assert row["bcbi_companyid"] in stamped


def test_a_right_that_is_missing_makes_it_a_persons(world: World) -> None:
    lacks(world)
    world.faults("crm", {"method": "PUT", "path": "EntityDefinitions", "action": "status", "status": 403})
    found = setup(world, apply=True)
    world.faults("crm")
    assert missing(found) == {TRACKING}
    assert "it could not be made" in found[TRACKING].message
    assert "System Customizer" in found[TRACKING].cure
    assert (found[COMPANY].applied, found[KEY].applied) == (True, True)


def test_rights_in_a_service_are_a_persons(world: World) -> None:
    world.faults("bc", {"method": "PATCH", "path": r"/customers\(", "action": "status", "status": 403})
    found = setup(world, apply=True)
    world.faults("bc")
    assert missing(found) == {"rights in Business Central"}
    assert "permission set" in found["rights in Business Central"].cure


@pytest.mark.scenario("SU-24")
def test_it_is_tested_and_set_up_whatever_takes_part(world: World) -> None:
    turn(world, "multi_company=on")
    lacks(world)
    assert missing(setup(world)) == {COMPANY, KEY, TRACKING}


def test_nothing_is_asked_of_a_service_that_cannot_be_reached(world: World) -> None:
    with pytest.raises(UnreachableError):
        setup(world, KOBLING_CRM_URL="http://127.0.0.1:9", KOBLING_CRM_TOKEN_URL="http://127.0.0.1:9/t")
    with pytest.raises(ConfigurationError, match="has no company"):
        setup(world, KOBLING_BC_COMPANY="Fjordlis")
