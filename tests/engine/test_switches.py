"""Aim: a named condition is turned off and on for all mappings, and what that entails is what happens."""

from __future__ import annotations

from typing import Any

import pytest

from engine.world import World
from kobling.model.errors import ConfigurationError
from kobling.service.connection_settings import set_connection, show_connection
from kobling.service.mappings import show_mappings


def _nobody_waits(name: str) -> None:
    raise AssertionError(f"somebody else holds {name}")


def turn(world: World, *edits: str, existing: bool = False) -> dict[str, Any]:
    return world.command(lambda one: set_connection(one, edits, existing=existing, wait=_nobody_waits))


def entailed(document: dict[str, Any], mapping: str = "CUSTOMER") -> tuple[int, int]:
    [one] = [each for each in document["entails"] if each["mapping"] == mapping]
    return one["inside"], one["outside"]


def test_a_coupled_record_comes_inside_when_its_condition_is_turned_off(synchronized: World) -> None:
    world = synchronized
    customer, account = world.pair()
    world.edit_customer(customer, blocked="Ship", name="Changed while outside")
    assert world.sync("CUSTOMER")["CUSTOMER"]["counts"]["to"]["outside"] == 1
    assert world.account(account)["name"] != "Changed while outside"
    assert entailed(turn(world, "blocked=off")) == (1, 0)
    assert world.sync("CUSTOMER")["CUSTOMER"]["counts"]["to"]["modified"] == 1
    assert world.account(account)["name"] == "Changed while outside"


def test_a_coupled_record_goes_outside_when_its_condition_is_turned_on(synchronized: World) -> None:
    world = synchronized
    turn(world, "blocked=no")
    customer, account = world.pair()
    world.edit_customer(customer, blocked="Ship", name="Blocked, and in step")
    world.sync("CUSTOMER")
    assert world.account(account)["name"] == "Blocked, and in step"
    assert entailed(turn(world, "blocked=default")) == (0, 1)
    world.edit_customer(customer, name="Blocked, and outside")
    assert world.sync("CUSTOMER")["CUSTOMER"]["counts"]["to"]["outside"] == 1
    assert world.account(account)["name"] == "Blocked, and in step"


def test_a_switch_begins_no_feed_anew_unless_it_is_asked_to(synchronized: World) -> None:
    world = synchronized
    feeds = world.query("select side, table_name, token from feed order by 1, 2")
    turn(world, "blocked=off")
    assert world.query("select side, table_name, token from feed order by 1, 2") == feeds
    turn(world, "blocked=on", existing=True)
    left = world.query("select table_name from feed where table_name in ('customers', 'accounts')")
    assert left == []


def test_what_is_set_is_shown_and_taken_back(world: World) -> None:
    def values() -> dict[str, str]:
        return {one["name"]: one["value"] for one in world.command(show_connection)["settings"]}

    def crm_filter() -> str:
        shown = world.command(lambda one: show_mappings(one, "CONTACT"))
        return str(shown["variants"][0]["crm_filter"])

    assert {values()[name] for name in ("blocked", "active", "company")} == {"on"}
    assert "statecode" in crm_filter()
    assert turn(world, "active=off")["changed"] == ["active"]
    assert values()["active"] == "off"
    assert "statecode" not in crm_filter()
    turn(world, "active=default")
    assert values()["active"] == "on"
    assert world.query("select settings from connection") == [({},)]


@pytest.mark.parametrize("edit", ["inactive=off", "blocked", "blocked=perhaps", "="])
def test_what_cannot_be_set_is_refused_with_what_can(world: World, edit: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        turn(world, edit)
    assert "blocked" in caught.value.cure
