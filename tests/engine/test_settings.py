"""Aim: the settings of the connection choose which mappings and rows there are, and say what that entails."""

from __future__ import annotations

from typing import Any

import pytest

from engine.world import World, wrote
from kobling.model.errors import ConfigurationError
from kobling.service.connection_settings import set_connection
from kobling.service.mappings import list_mappings, show_mappings
from kobling.service.variants import show_every_variant


def turn(world: World, *edits: str) -> dict[str, dict[str, Any]]:
    """What a change of settings entails, by mapping."""
    document = world.command(lambda one: set_connection(one, edits, existing=False, wait=lambda name: None))
    return {one["mapping"]: one for one in document["entails"]}


def listed(world: World) -> set[str]:
    return {one["name"] for one in world.command(list_mappings)["mappings"]}


def test_unit_groups_choose_between_mappings_and_between_rows(world: World) -> None:
    assert {"UNIT GROUP", "ITEM UOM", "RESOURCE UOM"} <= listed(world)
    assert "UNIT OF MEASURE" not in listed(world)
    with pytest.raises(ConfigurationError) as refused:
        world.command(lambda one: show_mappings(one, "unit of measure"))
    assert "unit_groups=off" in refused.value.cure
    said = turn(world, "unit_groups=off")
    changes = {name: one["change"] for name, one in said.items()}
    assert changes["UNIT OF MEASURE"] == "comes"
    assert [changes[name] for name in ("UNIT GROUP", "ITEM UOM", "RESOURCE UOM")] == ["leaves"] * 3
    assert "Base Unit of Measure - defaultuomscheduleid" in said["ITEM-PRODUCT"]["rows_come"]
    assert "Base Unit of Measure - defaultuomid" in said["ITEM-PRODUCT"]["rows_leave"]
    assert "UNIT OF MEASURE" in listed(world)
    assert "UNIT GROUP" not in listed(world)


def test_every_variant_is_shown_whatever_the_settings(world: World) -> None:
    document = world.command(lambda one: show_every_variant(one, "salesorder-order"))
    variants = {one["switches"]["sales_orders"]: one for one in document["variants"]}
    assert set(variants) == {"legacy", "bidirectional"}
    assert "SALESORDER-ORDER" not in listed(world)
    submitted = {"SUBMITTED-ORDER", "SUBMITTED-ORDER-LINE"}
    assert set(turn(world, "sales_orders=legacy")) == {"SALESORDER-ORDER", *submitted}
    said = turn(world, "sales_orders=bidirectional")
    assert {name: one["change"] for name, one in said.items()} == {
        "SALESORDER-ORDER": "stays",
        "SOLINE-ORDERDETAIL": "comes",
        **dict.fromkeys(submitted, "leaves"),
    }


def test_what_is_only_defined_is_never_run(world: World) -> None:
    turn(world, "sales_orders=bidirectional")
    with pytest.raises(ConfigurationError, match="only defined"):
        world.sync("SOLINE-ORDERDETAIL", full=True)
    assert "SOLINE-ORDERDETAIL" not in world.sync()


@pytest.mark.parametrize(
    ("edit", "words"),
    [("owner_model=nobody", "nobody"), ("owner=team", "owner=team"), ("sales_orders=on", "sales_orders=on")],
)
def test_what_is_unknown_is_refused(world: World, edit: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        turn(world, edit)
    assert "SALESPEOPLE" in listed(world)


@pytest.mark.scenario("MC-03")
def test_with_the_owner_model_team_the_default_team_owns_what_is_created(synchronized: World) -> None:
    world = synchronized
    customer, account = world.pair()
    owner = world.account(account)["_ownerid_value"]
    pairs = len(world.couplings("CUSTOMER"))
    said = turn(world, "owner_model=team")
    assert said["SALESPEOPLE"]["change"] == "leaves"
    assert said["CUSTOMER"]["rows_leave"] == ["owneridtype", "Salesperson Code - ownerid"]
    assert said["CUSTOMER"]["couplings"] == pairs
    [team] = [one for one in world.get("crm", world.crm("teams"))["value"] if one["isdefault"]]
    made = world.create("bc", "customers", name="Eid av Laget AS")
    world.sync("CUSTOMER", full=True, records=(f"bc:{made['id']}",))
    [new] = [one["crm_id"] for one in world.couplings("CUSTOMER") if one["bc_id"] == made["id"]]
    assert world.account(new)["_ownerid_value"] == team["teamid"]
    # Who owns an account later stays.
    world.edit_customer(customer, city="Bergen")
    world.sync("CUSTOMER")
    assert world.account(account)["address1_city"] == "Bergen"
    assert world.account(account)["_ownerid_value"] == owner
    assert wrote(world.sync()) == 0


def test_a_customer_whose_salesperson_has_no_user_waits_no_more_with_the_owner_model_team(
    world: World,
) -> None:
    run = world.sync(full=True)
    assert run["CUSTOMER"]["open"]["waiting"] == 1
    turn(world, "owner_model=team")
    assert world.sync("CUSTOMER")["CUSTOMER"]["open"]["waiting"] == 0


def test_with_several_companies_accounts_of_another_company_take_part_and_carry_no_stamp(
    synchronized: World,
) -> None:
    world = synchronized
    turn(world, "multi_company=on")
    made = world.create("bc", "customers", name="Felles Kunde AS")
    world.sync("CUSTOMER", full=True, records=(f"bc:{made['id']}",))
    [new] = [one["crm_id"] for one in world.couplings("CUSTOMER") if one["bc_id"] == made["id"]]
    assert world.account(new)["_bcbi_companyid_value"] is None
    assert wrote(world.sync()) == 0
