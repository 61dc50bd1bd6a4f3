"""Aim: scenarios of the built-in integration about lists of mappings, their fields, and filters of records.

Method: the use cases of the commands against the served sandbox; runs are ordinary runs.
"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from engine.test_own_mappings import make, names, nobody, put, shown
from engine.world import World
from kobling.model.errors import ConfigurationError, UnreachableError
from kobling.service.connection_settings import set_connection
from kobling.service.fields import set_field
from kobling.service.mappings import list_mappings, set_mapping
from kobling.service.options import list_options
from kobling.service.session import open_session
from kobling.service.waiting import list_jobs


def change(world: World, name: str, *edits: str) -> None:
    world.command(lambda one: set_mapping(one, name, edits, existing=False, yes=True, wait=nobody))


def product(world: World, number: str, **values: Any) -> str:
    """A product of Sales that is offered, in the unit group of a coupled unit of measure."""
    group = next(one["crm_id"] for one in world.couplings("UNIT OF MEASURE") if one["number"] == "PCS")
    units = world.get("crm", world.crm("uoms"))["value"]
    unit = next(one["uomid"] for one in units if one["_uomscheduleid_value"] == group)
    given = {
        "name": f"Product {number}",
        "productnumber": number,
        "producttypecode": 1,
        "quantitydecimal": 2,
        "defaultuomid@odata.bind": f"/uoms({unit})",
        "defaultuomscheduleid@odata.bind": f"/uomschedules({group})",
    }
    made = str(world.create("crm", "products", **given | values)["productid"])
    world.send("crm", "PATCH", f"{world.crm('products')}({made})", {"statecode": 0, "statuscode": 1})
    return made


@pytest.fixture
def with_units(world: World) -> World:
    """Unit groups are off, and every unit of measure has its group in Sales."""
    world.command(lambda one: set_connection(one, ["unit_groups=off"], existing=False, wait=nobody))
    world.sync("UNIT OF MEASURE", full=True)
    return world


@pytest.mark.scenario("MP-01")
def test_runs_leave_no_mapping_of_their_own_in_the_list(synchronized: World) -> None:
    before = names(synchronized)
    customer, _ = synchronized.pair()
    synchronized.sync("CUSTOMER", full=True)
    synchronized.sync("CUSTOMER", records=(customer,))
    synchronized.match("CUSTOMER", "No.=accountnumber", dry_run=True)
    assert names(synchronized) == before
    assert len(before) == len(set(before))


@pytest.mark.scenario("MP-02")
def test_the_list_shows_both_tables_and_the_direction_of_each_mapping(world: World) -> None:
    change(world, "VENDOR", "direction=from_integration")
    listed = {one["name"]: one for one in world.command(list_mappings)["mappings"]}
    seen = {
        name: (listed[name]["bc_table"], listed[name]["direction"], listed[name]["crm_entity"])
        for name in ("CUSTOMER", "CURRENCY", "VENDOR")
    }
    assert seen == {
        "CUSTOMER": ("Customer", "bidirectional", "account"),
        "CURRENCY": ("Currency", "to_integration", "transactioncurrency"),
        "VENDOR": ("Vendor", "from_integration", "account"),
    }


@pytest.mark.scenario("MP-03")
def test_the_fields_of_one_mapping_are_its_own(world: World) -> None:
    make(world)
    world.command(
        lambda one: set_field(one, "CUSTOMER", "Fax No.", ["enabled=off"], existing=False, wait=nobody)
    )
    assert shown(world)["fields"] == []
    off = {
        name: {one["bc_field"] for one in shown(world, name)["fields"] if one.get("changed")}
        for name in ("CUSTOMER", "VENDOR")
    }
    assert off == {"CUSTOMER": {"Fax No."}, "VENDOR": set()}


@pytest.mark.scenario("MP-04")
@pytest.mark.parametrize("edit", ["bc=No.", "crm=name", "bc_field=No."])
def test_the_policy_of_a_field_can_be_edited_and_what_it_joins_cannot(world: World, edit: str) -> None:
    def turn(*edits: str) -> None:
        world.command(lambda one: set_field(one, "CUSTOMER", "Fax No.", edits, existing=False, wait=nobody))

    turn("conflict=send", "not_null=on", "match=on")
    [row] = [one for one in shown(world, "CUSTOMER")["fields"] if one["bc_field"] == "Fax No."]
    assert (row["conflict"], row["not_null"], row["match"]) == ("send", True, True)
    with pytest.raises(ConfigurationError, match="changes nothing"):
        turn(edit)


@pytest.mark.scenario("MP-05")
def test_the_jobs_of_a_mapping_are_its_own_with_the_newest_first(world: World) -> None:
    for mappings in (("SALESPEOPLE",), ("CURRENCY",), ("SALESPEOPLE", "CURRENCY"), ("CURRENCY",)):
        world.sync(*mappings)
    jobs = world.command(lambda one: list_jobs(one, ["CURRENCY"], 50))["jobs"]
    assert {one["mapping"] for one in jobs} == {"CURRENCY"}
    assert [one["started"] for one in jobs] == sorted((one["started"] for one in jobs), reverse=True)
    assert len(jobs) == 3


@pytest.mark.scenario("MP-07")
def test_the_key_that_is_chosen_says_whether_records_or_options_are_mapped(world: World) -> None:
    make(world, "VEHICLE", key="new_vehicleid")
    make(world, "KIND", bc_table="Shipment Method", key="new_kindcode")
    change(world, "KIND", "enabled=on")
    kinds = {name: shown(world, name) for name in ("VEHICLE", "KIND")}
    assert {name: (one["crm_key"], one["key_type"]) for name, one in kinds.items()} == {
        "VEHICLE": ("new_vehicleid", "guid"),
        "KIND": ("new_kindcode", "option"),
    }
    with pytest.raises(ConfigurationError, match="tells no records apart"):
        make(world, "OTHER", key="new_plate")


def test_an_option_mapping_that_a_person_made_makes_options_of_codes(world: World) -> None:
    make(world, "KIND", bc_table="Shipment Method", key="new_kindcode")
    put(world, "enabled=on", "synch_only_coupled=off", name="KIND")
    run = world.sync("KIND")
    codes = {one["code"] for one in world.get("bc", world.bc("shipmentMethods"))["value"]}
    assert run["KIND"]["counts"]["to"]["inserted"] == len(codes)
    assert {one["crm_name"] for one in world.couplings("KIND")} == codes


@pytest.mark.scenario("MP-54")
def test_the_list_shows_the_type_of_the_key_and_of_an_option_mapping_its_values(world: World) -> None:
    listed = {one["name"]: one["key_type"] for one in world.command(list_mappings)["mappings"]}
    assert (listed["CUSTOMER"], listed["PAYMENT TERMS"]) == ("guid", "option")
    options = world.command(lambda one: list_options(one, ["PAYMENT TERMS"]))["options"]
    assert {one["value"]: one["label"] for one in options} == {
        **{1: "Net 30", 2: "2% 10, Net 30"},
        **{3: "Net 45", 4: "Net 60"},
    }


@pytest.mark.scenario("FI-14")
def test_a_filter_is_edited_while_no_service_can_be_reached(world: World) -> None:
    """Nothing has to be connected for it: columns are known to the mapping, and the run connects."""
    away = msgspec.structs.replace(
        world.configuration,
        crm=msgspec.structs.replace(world.configuration.crm, url="http://127.0.0.1:1"),
        bc=msgspec.structs.replace(world.configuration.bc, url="http://127.0.0.1:1"),
    )

    async def edit() -> None:
        async with open_session(away) as session:
            await set_mapping(
                session, "CUSTOMER", ["crm_filter=name = Al*"], existing=False, wait=lambda name: None
            )

    async def ask() -> None:
        async with open_session(away) as session, session.context(_options()):
            pass

    import asyncio

    asyncio.run(edit())
    assert shown(world, "CUSTOMER")["crm_filter"] == "name = Al*"
    with pytest.raises(UnreachableError):
        asyncio.run(ask())


def _options() -> Any:
    from kobling.engine.task import Options

    return Options()


@pytest.mark.scenario("FI-11")
def test_matching_offers_the_products_that_each_filter_lets_through(with_units: World) -> None:
    for name, kind in (("Alpha", 1), ("Beta", 3), ("Gamma", 1)):
        product(with_units, name.upper(), name=name, producttypecode=kind)
        table = "resources" if kind == 3 else "items"
        named = {"name" if kind == 3 else "description": name}
        with_units.create("bc", table, no=name.upper(), baseUnitOfMeasure="PCS", **named)
    change(with_units, "ITEM-PRODUCT", "crm_filter=name = Alpha", "bc_filter=No. = ALPHA|GAMMA")
    change(with_units, "RESOURCE-PRODUCT", "crm_filter=name = Beta", "bc_filter=No. = BETA")
    matched = {
        name: with_units.match(name, "No.=productnumber", dry_run=True)
        for name in ("ITEM-PRODUCT", "RESOURCE-PRODUCT")
    }
    assert {name: len(one["matched"]) for name, one in matched.items()} == {
        "ITEM-PRODUCT": 1,
        "RESOURCE-PRODUCT": 1,
    }
    assert len(matched["ITEM-PRODUCT"]["unmatched"]) == 1, "Gamma is not offered"


@pytest.mark.scenario("FI-13")
def test_matching_offers_only_the_unit_groups_that_the_filter_lets_through(world: World) -> None:
    world.command(lambda one: set_connection(one, ["unit_groups=off"], existing=False, wait=nobody))
    for name in ("PCS", "BOX"):
        world.create("crm", "uomschedules", name=name, baseuomname=name)
    before = world.match("UNIT OF MEASURE", "Code=name", dry_run=True)["matched"]
    change(world, "UNIT OF MEASURE", "crm_filter=name = P*")
    after = world.match("UNIT OF MEASURE", "Code=name", dry_run=True)["matched"]
    assert (len(before), len(after)) == (2, 1)


@pytest.mark.scenario("FI-15")
@pytest.mark.scenario("FI-16")
def test_only_an_inventory_product_becomes_an_item_with_the_base_unit_that_is_coupled(
    with_units: World,
) -> None:
    inventory = product(with_units, "P100")
    product(with_units, "P200", producttypecode=3)
    before = with_units.count("bc", "Item")
    change(with_units, "ITEM-PRODUCT", "synch_only_coupled=off", "direction=from_integration")
    run = with_units.sync("ITEM-PRODUCT", records=(f"crm:{inventory}",), full=True)
    assert run["ITEM-PRODUCT"]["counts"]["from"]["inserted"] == 1
    with_units.sync("ITEM-PRODUCT")
    [made] = [one for one in with_units.couplings("ITEM-PRODUCT") if one["crm_id"] == inventory]
    item = with_units.get("bc", f"{with_units.bc('items')}({made['bc_id']})")
    assert item["baseUnitOfMeasure"] == "PCS"
    services = {
        one["productid"]
        for one in with_units.get("crm", with_units.crm("products"))["value"]
        if one["producttypecode"] == 3
    }
    coupled = {one["crm_id"] for one in with_units.couplings("ITEM-PRODUCT")}
    assert services & coupled == set()
    assert with_units.count("bc", "Item") >= before + 1
