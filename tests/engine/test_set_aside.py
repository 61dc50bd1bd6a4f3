"""Aim: a stored change that no longer fits is set aside and said with its cure; every command goes on.

Method: what an older or newer version may have stored is put into the database; the commands are as ever.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from engine.test_exchange import reset
from engine.test_own_mappings import make, nobody, put, shown
from engine.world import World
from kobling.model.errors import ConfigurationError
from kobling.service.checks import check_connection
from kobling.service.fields import set_field
from kobling.service.mappings import list_mappings, show_mappings


def aside(world: World, name: str = "CUSTOMER") -> dict[str, dict[str, Any]]:
    document = world.command(lambda one: show_mappings(one, name))
    return {one["what"]: one for one in document.get("set_aside", ())}


@pytest.mark.parametrize(
    ("changes", "what", "said"),
    [
        ({"fields": {"Colour": {"enabled": True}}}, "Colour", "no such field"),
        ({"fields": {"Fax No.": {"transformation": "sing"}}}, "Fax No.", "no transformation rule"),
        ({"fields": {"Fax No.": {"colour": "red"}}}, "Fax No.", "does not understand it"),
        ({"fields": {"Fax No.": {"direction": "sideways"}}}, "Fax No.", "does not understand it"),
        ({"new_fields": [{"bc": "colour", "crm": "fax"}]}, "new_fields[0]", "no column 'colour'"),
        ({"new_fields": [{"bc": "name2", "crm": "fax", "wings": 2}]}, "new_fields[0]", "does not understand"),
    ],
)
def test_an_edit_of_a_field_that_does_not_fit_is_set_aside_and_the_others_hold(
    world: World, changes: dict[str, Any], what: str, said: str
) -> None:
    """The field itself flows nowhere meanwhile."""
    fields = {"Home Page": {"enabled": False}, **changes.get("fields", {})}
    world.configure("CUSTOMER", **{"update_conflict": "send", **changes, "fields": fields})
    found = aside(world)
    assert list(found) == [what]
    assert said in found[what]["message"]
    assert found[what]["cure"]
    variant = shown(world, "CUSTOMER")
    assert variant["update_conflict"] == "send"
    off = {one["bc_field"] for one in variant["fields"] if not one["enabled"]}
    assert off >= {"Home Page", *({"Fax No."} & fields.keys())}
    assert world.sync("CUSTOMER", "SALESPEOPLE", "CURRENCY", full=True)["CUSTOMER"]["status"] == "finished"


@pytest.mark.parametrize(
    ("changes", "what", "said"),
    [
        ({"bc_filter": [{"column": "colour", "values": ["red"]}]}, "bc_filter", "no column 'colour'"),
        ({"direction": "sideways"}, "direction", "does not understand it"),
        ({"synch_only_coupled": "perhaps"}, "synch_only_coupled", "does not understand it"),
        ({"wings": 2}, "wings", "does not understand it"),
    ],
)
def test_without_a_change_that_might_hold_records_back_the_mapping_takes_no_part(
    world: World, changes: dict[str, Any], what: str, said: str
) -> None:
    world.configure("CUSTOMER", **changes)
    assert said in aside(world)[what]["message"]
    assert shown(world, "CUSTOMER")["enabled"] is False
    before = world.count("crm", "account")
    assert "CUSTOMER" not in world.sync(full=True)
    with pytest.raises(ConfigurationError, match=f"CUSTOMER takes no part: {what}: .*{said}"):
        world.sync("CUSTOMER")
    with pytest.raises(ConfigurationError, match="CUSTOMER takes no part"):
        put(world, "update_conflict=send", name="CUSTOMER")
    assert world.count("crm", "account") == before + 6, "of vendors alone"
    reset(world, "CUSTOMER")
    assert aside(world) == {}
    assert shown(world, "CUSTOMER")["enabled"] is True


def test_saying_it_anew_mends_it(world: World) -> None:
    world.configure("CUSTOMER", bc_filter=[{"column": "colour", "values": ["red"]}], update_conflict="send")
    put(world, "bc_filter=Name = A*", name="CUSTOMER")
    variant = shown(world, "CUSTOMER")
    assert (variant["bc_filter"], variant["update_conflict"]) == ("Name = A*", "send")
    assert variant["enabled"] is True
    assert aside(world) == {}


def test_the_next_change_of_the_mapping_drops_an_edit_of_a_field(world: World) -> None:
    world.configure("CUSTOMER", fields={"Colour": {"enabled": True}, "Fax No.": {"enabled": False}})
    world.command(
        lambda one: set_field(one, "CUSTOMER", "Home Page", ["enabled=off"], existing=False, wait=nobody)
    )
    assert aside(world) == {}
    [row] = [one for one in shown(world, "CUSTOMER")["fields"] if one["bc_field"] == "Fax No."]
    assert row["enabled"] is False


def test_a_mapping_that_cannot_be_carried_out_takes_no_part_and_says_why(world: World) -> None:
    make(world)
    [(stored,)] = world.query("select settings from mapping where name = 'VEHICLE'")
    world.configure("VEHICLE", **{**stored, "enabled": True})
    assert "no enabled field flows" in aside(world, "VEHICLE")[""]["message"]
    assert world.sync()[""] in {0, 1}
    listed = world.command(list_mappings)["mappings"]
    assert [one["enabled"] for one in listed if one["name"] == "VEHICLE"] == [False]


def test_a_definition_that_this_version_does_not_understand_leaves_the_others(world: World) -> None:
    world.configure("VEHICLE", definition={"name": "VEHICLE", "wings": 2})
    assert "VEHICLE" not in {one["name"] for one in world.command(list_mappings)["mappings"]}
    put(world, "update_conflict=send", name="CUSTOMER")


def test_the_connection_test_tells_of_it(world: World) -> None:
    def told() -> Any:
        checked = asyncio.run(check_connection(world.configuration))
        return [each for each in checked.checks if each.name == "mappings"], checked.exit_status

    assert told() == ([], 0)
    world.configure("CUSTOMER", fields={"Colour": {"enabled": True}})
    world.configure("VEHICLE", definition={"name": "VEHICLE", "wings": 2})
    [one], status = told()
    assert (one.ok, status) == (False, 2)
    assert "CUSTOMER Colour: the mapping has no such field any more" in one.message
    assert "VEHICLE definition: this version does not understand it" in one.message
    assert one.cure
