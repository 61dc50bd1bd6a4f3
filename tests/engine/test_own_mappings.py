"""Aim: a table and an entity of which no default mapping knows are kept in step by configuration alone, and
what neither service has is refused by name.

Method: the sandbox has one such pair, service vehicles and vehicles; everything goes through the use cases
of `mapping new` and `field new`, and runs are ordinary runs.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from engine.world import World, wrote
from kobling.model.errors import ConfigurationError
from kobling.service.checks import check_connection
from kobling.service.fields import NewField, new_field
from kobling.service.mappings import list_mappings, set_mapping, show_mappings
from kobling.service.own_mappings import NewMapping, delete_mapping, new_mapping

NAME = "VEHICLE"
FIELDS = (
    ("No.", "new_number"),
    ("Description", "new_name"),
    ("Registration No.", "new_plate"),
    ("Mileage", "new_mileage"),
    ("Value", "new_value"),
    ("In Service", "new_inservice"),
    ("Bought On", "new_boughton"),
)


def nobody(name: str) -> None:
    raise AssertionError(f"somebody else holds {name}")


def make(world: World, name: str = NAME, **request: Any) -> dict[str, Any]:
    asked = {"bc_table": "Service Vehicle", "crm_entity": "new_vehicle", "table_id": 70200} | request
    edits = asked.pop("edits", ())
    return world.command(lambda one: new_mapping(one, NewMapping(name=name, **asked), edits, wait=nobody))


def add(world: World, bc: str, crm: str, *edits: str, name: str = NAME, **request: Any) -> dict[str, Any]:
    asked = NewField(bc=bc, crm=crm, **request)
    return world.command(lambda one: new_field(one, name, asked, edits, wait=nobody))


def put(world: World, *edits: str, name: str = NAME) -> dict[str, Any]:
    return world.command(lambda one: set_mapping(one, name, edits, existing=True, wait=nobody))


def shown(world: World, name: str = NAME) -> dict[str, Any]:
    [variant] = world.command(lambda one: show_mappings(one, name))["variants"]
    found: dict[str, Any] = variant
    return found


def names(world: World) -> list[str]:
    return [one["name"] for one in world.command(list_mappings)["mappings"]]


@pytest.fixture
def mapped(synchronized: World) -> World:
    """Vehicles are mapped and enabled; customers are coupled."""
    make(synchronized)
    for bc, crm in FIELDS:
        add(synchronized, bc, crm, "enabled=on")
    add(synchronized, "Customer No.", "new_accountid", "enabled=on", look_up="CUSTOMER")
    put(synchronized, "enabled=on", "synch_only_coupled=off")
    return synchronized


def test_the_test_of_a_connection_asks_for_the_rights_on_the_tables_of_own_mappings(mapped: World) -> None:
    def tested() -> Any:
        checks = asyncio.run(check_connection(mapped.configuration)).checks
        return next(one for one in checks if one.name == "own mappings")

    found = tested()
    assert found.ok
    assert "serviceVehicles" in found.message
    assert "new_vehicles" in found.message
    mapped.faults("crm", {"method": "GET", "path": "/new_vehicles", "action": "status", "status": 403})
    found = tested()
    mapped.faults("crm")
    assert not found.ok
    assert "read new_vehicles" in found.message


def test_a_custom_table_and_a_custom_entity_are_kept_in_step_both_ways(mapped: World) -> None:
    customer, account = mapped.pair()
    number = mapped.customer(customer)["no"]
    van = mapped.create(
        "bc",
        "serviceVehicles",
        **{"no": "VH1", "description": "Blue van", "registrationNo": "AB 12345", "customerNo": number},
        **{"mileage": 1200, "value": 250000.5, "inService": True, "boughtOn": "2025-03-01"},
    )
    run = mapped.sync(NAME)
    assert run[""] == 0
    assert run[NAME]["counts"]["to"]["inserted"] == 1
    [coupling] = mapped.couplings(NAME)
    held = mapped.get("crm", f"{mapped.crm('new_vehicles')}({coupling['crm_id']})")
    wanted = {
        **{"new_number": "VH1", "new_name": "Blue van", "new_plate": "AB 12345", "new_mileage": 1200},
        **{"new_value": 250000.5, "new_inservice": True, "new_boughton": "2025-03-01"},
    }
    assert {name: held[name] for name in wanted} == wanted
    assert held["_new_accountid_value"] == account
    mapped.send("crm", "PATCH", f"{mapped.crm('new_vehicles')}({coupling['crm_id']})", {"new_mileage": 1300})
    assert mapped.sync(NAME)[NAME]["counts"]["from"]["modified"] == 1
    assert mapped.get("bc", f"{mapped.bc('serviceVehicles')}({van['id']})")["mileage"] == 1300
    assert wrote(mapped.sync()) == 0


def test_a_custom_entity_becomes_a_custom_record_with_its_look_up(mapped: World) -> None:
    customer, account = mapped.pair()
    mapped.create(
        "crm", "new_vehicles", **{"new_name": "Truck", "new_AccountId@odata.bind": f"/accounts({account})"}
    )
    assert mapped.sync(NAME)[NAME]["counts"]["from"]["inserted"] == 1
    [made] = mapped.get("bc", mapped.bc("serviceVehicles"))["value"]
    assert (made["description"], made["customerNo"]) == ("Truck", mapped.customer(customer)["no"])


def test_deletions_of_a_custom_table_are_told_by_its_number(mapped: World) -> None:
    van = mapped.create("bc", "serviceVehicles", no="VH1", description="Blue van")
    mapped.sync(NAME)
    mapped.delete("bc", "serviceVehicles", van["id"])
    mapped.sync(NAME)
    assert [one["mapping"] for one in mapped.skipped()] == [NAME]


@pytest.mark.scenario("MP-26")
def test_a_new_mapping_is_stored_disabled_and_without_fields(world: World) -> None:
    document = make(world, edits=["direction=to_integration", "bc_filter=No. = VH*"])
    assert document["note"] == ""
    found = shown(world)
    assert (found["enabled"], found["bc_table"], found["crm_entity"]) == (
        False,
        "Service Vehicle",
        "new_vehicle",
    )
    assert (found["direction"], found["fields"]) == ("to_integration", [])
    assert found["bc_filter"] == "No. = VH*"
    assert names(world)[-1] == NAME, "those of a person come last"
    with pytest.raises(ConfigurationError, match="no enabled field flows"):
        put(world, "enabled=on")


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        pytest.param({"name": " "}, "has no name", marks=pytest.mark.scenario("MP-50")),
        pytest.param({"name": ""}, "has no name", marks=pytest.mark.scenario("MP-53")),
        pytest.param({"crm_entity": ""}, "has no Sales table", marks=pytest.mark.scenario("MP-51")),
        pytest.param({"bc_table": ""}, "has no BC table", marks=pytest.mark.scenario("MP-52")),
        ({"name": "customer"}, "There is a mapping CUSTOMER already"),
        ({"name": "A;B"}, "is no name of a mapping"),
        ({"name": "X" * 21}, "is no name of a mapping"),
        ({"bc_table": "Unicorn"}, "no table 'Unicorn'.*There are businessRelations"),
        ({"crm_entity": "new_unicorn"}, "Dataverse has no table 'new_unicorn'"),
        ({"crm_entity": "account') or ('1"}, "Dataverse has no table"),
        ({"key": "new_plate"}, "new_vehicle.new_plate tells no records apart"),
        ({"key": "new_wings"}, "new_vehicle has no field 'new_wings'"),
        ({"number": "Wings"}, "Service Vehicle has no field 'Wings'"),
        ({"edits": ["wings=2"]}, "'wings=2' changes nothing"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_stored(
    world: World, request_: dict[str, Any], words: str
) -> None:
    before = names(world)
    with pytest.raises(ConfigurationError, match=words):
        make(world, **request_)
    assert names(world) == before


@pytest.mark.parametrize(
    ("bc", "crm", "edits", "words"),
    [
        ("Wings", "new_number", (), "Service Vehicle has no field 'Wings'"),
        ("No.", "new_wings", (), "new_vehicle has no field 'new_wings'"),
        ("Description", "new_mileage", (), "cannot hold"),
        ("Kind", "new_kindcode", (), "cannot hold"),
        ("Inspections", "new_mileage", (), "Inspections is read-only"),
        ("Mileage", "new_trips", (), "Trips is read-only"),
        ("Customer No.", "new_accountid", (), "several mappings couple: CUSTOMER, VENDOR"),
        ("Mileage", "new_mileage", ("direction=from_integration",), "VEHICLE flows to_integration"),
    ],
)
def test_a_field_that_the_services_do_not_have_or_cannot_hold_is_refused(
    world: World, bc: str, crm: str, edits: tuple[str, ...], words: str
) -> None:
    make(world, edits=["direction=to_integration"] if edits else [])
    with pytest.raises(ConfigurationError, match=words):
        add(world, bc, crm, *edits)
    assert shown(world)["fields"] == []


def test_a_read_only_field_flows_away_from_its_side(world: World) -> None:
    make(world)
    add(world, "Inspections", "new_mileage", "direction=to_integration")
    assert [one["bc_field"] for one in shown(world)["fields"]] == ["Inspections"]


def test_a_look_up_to_a_table_that_nothing_couples_names_what_is_missing(world: World) -> None:
    """A field of contacts that points to users, with the mapping of users left out."""
    world.command(lambda one: one.turn({"owner_model": "team"}))
    make(world, "PEOPLE", bc_table="Contact", crm_entity="contact")
    with pytest.raises(ConfigurationError, match=r"no mapping couples.*kobling mapping new"):
        add(world, "Salesperson Code", "preferredsystemuserid", name="PEOPLE")


def test_mappings_that_need_each_other_are_refused_until_one_may_wait(world: World) -> None:
    make(world, "FIRM", bc_table="Customer", crm_entity="account", table_id=18)
    make(world, "PERSON", bc_table="Contact", crm_entity="contact", table_id=5050)
    for name, field in (("FIRM", "name"), ("PERSON", "lastname")):
        add(world, "Name", field, "enabled=on", name=name)
        put(world, "enabled=on", name=name)
    add(world, "Primary Contact No.", "primarycontactid", "enabled=on", name="FIRM", look_up="PERSON")
    with pytest.raises(ConfigurationError, match=r"FIRM.* need each other.*clear_on_failed=on"):
        add(world, "Company No.", "parentcustomerid", "enabled=on", name="PERSON", look_up="FIRM")
    assert len(shown(world, "PERSON")["fields"]) == 1
    add(
        world,
        "Company No.",
        "parentcustomerid",
        "enabled=on",
        "clear_on_failed=on",
        name="PERSON",
        look_up="FIRM",
    )
    assert shown(world, "FIRM")["depends_on"] == ["PERSON"]


def test_a_look_up_of_another_table_is_refused(world: World) -> None:
    make(world)
    with pytest.raises(ConfigurationError, match="new_accountid does not point to contact"):
        add(world, "Customer No.", "new_accountid", look_up="CONTACT")


@pytest.mark.scenario("MP-06")
def test_a_mapping_is_deleted_with_its_fields_and_others_stay(mapped: World) -> None:
    mapped.create("bc", "serviceVehicles", no="VH1", description="Blue van")
    mapped.sync(NAME)
    with pytest.raises(ConfigurationError, match=r"VEHICLE has 1 coupled pairs.*kobling uncouple"):
        mapped.command(lambda one: delete_mapping(one, NAME, wait=nobody))
    mapped.uncouple(NAME)
    before = shown(mapped, "CUSTOMER")
    mapped.command(lambda one: delete_mapping(one, NAME, wait=nobody))
    assert NAME not in names(mapped)
    assert shown(mapped, "CUSTOMER") == before
    with pytest.raises(ConfigurationError, match="CUSTOMER is a default mapping"):
        mapped.command(lambda one: delete_mapping(one, "CUSTOMER", wait=nobody))
    make(mapped)
    assert shown(mapped)["fields"] == [], "nothing of the old one comes back"
