"""Aim: a record that is created gets the values of the template that fits its source, and they win over what
the source holds; afterwards they are values like any other.

Method: templates are set by the use case of `template set`; customers are created from accounts and back.
"""

from __future__ import annotations

from typing import Any

import pytest

from engine.test_own_mappings import nobody
from engine.world import World, wrote
from kobling.model.errors import ConfigurationError, UnreachableError
from kobling.service.templates import NewTemplate, list_templates, remove_template, set_template


def put(
    world: World, name: str, *values: str, side: str = "bc", mapping: str = "CUSTOMER", **request: Any
) -> list[dict[str, Any]]:
    asked = NewTemplate(name=name, side=side, **request)
    document = world.command(lambda one: set_template(one, mapping, asked, values, wait=nobody))
    found: list[dict[str, Any]] = document["templates"]
    return found


def listed(world: World, *mappings: str) -> list[str]:
    templates = world.command(lambda one: list_templates(one, mappings))["templates"]
    return [f"{one['mapping']} {one['side']} {one['name']}" for one in templates]


def account(world: World, name: str, **values: Any) -> str:
    """A new account of a customer to be."""
    given = {"name": name, "customertypecode": 3, **values}
    return str(world.create("crm", "accounts", **given)["accountid"])


def customer_of(world: World, identifier: str) -> dict[str, Any]:
    [found] = [one for one in world.couplings() if one["crm_id"] == identifier]
    return world.customer(found["bc_id"])


@pytest.fixture
def creating(synchronized: World) -> World:
    """Everything is coupled; what comes new is created on the other side."""
    synchronized.configure("CUSTOMER", synch_only_coupled=False)
    return synchronized


@pytest.mark.scenario("TR-01")
def test_a_template_sets_a_field_that_no_row_writes(creating: World) -> None:
    put(creating, "HOME", "Territory Code=NORD", "Tax Liable=yes")
    new = account(creating, "Alpha AS")
    assert creating.sync("CUSTOMER")["CUSTOMER"]["counts"]["from"]["inserted"] == 1
    made = customer_of(creating, new)
    assert (made["territoryCode"], made["taxLiable"]) == ("NORD", True)
    assert wrote(creating.sync()) == 0


def test_a_template_wins_over_the_source_and_is_no_change_afterwards(creating: World) -> None:
    put(creating, "HOME", "Country/Region Code=NO")
    new = account(creating, "Alpha AS", address1_country="SE")
    creating.sync("CUSTOMER")
    assert customer_of(creating, new)["countryRegionCode"] == "NO"
    assert wrote(creating.sync()) == 0
    assert creating.account(new)["address1_country"] == "SE", "nothing is sent back"
    creating.edit_account(new, address1_country="DK")
    creating.sync("CUSTOMER")
    assert customer_of(creating, new)["countryRegionCode"] == "DK", "a later change flows"


@pytest.mark.scenario("TR-02")
def test_a_template_with_a_value_that_the_service_refuses_fails_and_couples_nothing(creating: World) -> None:
    """A template names values, not a template of Business Central, so it is a value that can be unknown."""
    put(creating, "HOME", "Currency Code=XXX")
    new = account(creating, "Alpha AS")
    before, count = creating.count("bc", "Customer"), len(creating.couplings())
    run = creating.sync("CUSTOMER")
    assert run["CUSTOMER"]["counts"]["from"]["failed"] == 1
    assert any("XXX" in one["message"] for one in run["CUSTOMER"]["errors"])
    assert (creating.count("bc", "Customer"), len(creating.couplings())) == (before, count)
    assert creating.account(new)["accountnumber"] is None, "nothing comes back from what was not made"
    code = creating.get("bc", creating.bc("currencies"))["value"][0]["code"]
    put(creating, "HOME", f"Currency Code={code}")
    creating.sync("CUSTOMER")
    assert customer_of(creating, new)["currencyCode"] == code


@pytest.mark.scenario("TR-03")
def test_the_template_whose_filter_the_source_passes_is_taken(creating: World) -> None:
    put(creating, "NORTH", "Territory Code=NORD", filter="address1_city = Alta|Bodø")
    put(creating, "SOUTH", "Territory Code=SØR", filter="address1_city = Mandal")
    cities = {"Alta": "NORD", "Mandal": "SØR", "Oslo": ""}
    new = {city: account(creating, f"{city} AS", address1_city=city) for city in cities}
    creating.sync("CUSTOMER")
    assert {city: customer_of(creating, one)["territoryCode"] for city, one in new.items()} == cities


@pytest.mark.scenario("TR-04")
def test_of_two_that_fit_the_lower_priority_is_taken(creating: World) -> None:
    put(creating, "ALL", "Territory Code=ALLE", priority=20)
    put(creating, "NORTH", "Territory Code=NORD", filter="address1_city = Alta", priority=10)
    first = account(creating, "Alta AS", address1_city="Alta")
    second = account(creating, "Oslo AS", address1_city="Oslo")
    creating.sync("CUSTOMER")
    assert customer_of(creating, first)["territoryCode"] == "NORD"
    assert customer_of(creating, second)["territoryCode"] == "ALLE"
    assert listed(creating, "CUSTOMER") == [
        *("CUSTOMER bc NORTH", "CUSTOMER bc ALL"),
        "CUSTOMER crm shipped",
    ]
    put(creating, "ALL", "Territory Code=ALLE", priority=1)
    third = account(creating, "Alta To AS", address1_city="Alta")
    creating.sync("CUSTOMER")
    assert customer_of(creating, third)["territoryCode"] == "ALLE"


def test_into_sales_a_template_stands_beside_what_was_shipped(creating: World) -> None:
    put(creating, "BIG", "industrycode=5", side="crm", filter="Credit Limit (LCY) > 1000")
    big = creating.create("bc", "customers", name="Big AS", creditLimitLCY=5000)
    small = creating.create("bc", "customers", name="Small AS", creditLimitLCY=500)
    creating.sync("CUSTOMER")
    accounts = {one["bc_id"]: creating.account(one["crm_id"]) for one in creating.couplings()}
    made = [accounts[one["id"]] for one in (big, small)]
    assert [one["industrycode"] for one in made] == [5, None]
    assert [one["customertypecode"] for one in made] == [3, 3]


def test_a_run_that_died_takes_the_template_into_account(creating: World) -> None:
    put(creating, "HOME", "Country/Region Code=NO")
    new = account(creating, "Alpha AS", address1_country="SE")
    creating.faults("bc", {"path": r"\$batch", "method": "POST", "nth": 2, "action": "reset_after"})
    with pytest.raises(UnreachableError, match="broke off"):
        creating.sync("CUSTOMER")
    creating.faults("bc")
    creating.sync("CUSTOMER")
    assert customer_of(creating, new)["countryRegionCode"] == "NO"
    assert creating.account(new)["address1_country"] == "SE"
    assert wrote(creating.sync()) == 0


def test_a_template_is_removed_and_leaves_records_as_they_are(creating: World) -> None:
    put(creating, "HOME", "Territory Code=NORD")
    new = account(creating, "Alpha AS")
    creating.sync("CUSTOMER")
    creating.command(lambda one: remove_template(one, "CUSTOMER", "HOME", wait=nobody))
    assert listed(creating, "CUSTOMER") == ["CUSTOMER crm shipped"]
    assert wrote(creating.sync()) == 0
    assert customer_of(creating, new)["territoryCode"] == "NORD"
    with pytest.raises(ConfigurationError, match="CUSTOMER has no template 'HOME'"):
        creating.command(lambda one: remove_template(one, "CUSTOMER", "HOME", wait=nobody))


@pytest.mark.parametrize(
    ("name", "values", "request_", "words"),
    [
        ("A", ["Wings=2"], {}, "Customer has no field 'Wings'"),
        ("A", ["Territory Code"], {}, "gives no value"),
        ("A", [], {}, "gives no value"),
        ("A", ["Tax Liable=perhaps"], {}, "neither on nor off"),
        ("A", ["industrycode=much"], {"side": "crm"}, "no whole number"),
        ("A", ["primarycontactid=x"], {"side": "crm"}, "is a look-up"),
        ("A", ["Territory Code=N"], {"filter": "wings = 2"}, "wrong at position"),
        ("A", ["Territory Code=N"], {"side": "west"}, "no side 'west'"),
        (" ", ["Territory Code=N"], {}, "no name of a template"),
        ("shipped", ["Territory Code=N"], {}, "no name of a template"),
    ],
)
def test_a_template_that_cannot_be_is_refused(
    world: World, name: str, values: list[str], request_: dict[str, Any], words: str
) -> None:
    with pytest.raises(ConfigurationError, match=words):
        put(world, name, *values, **request_)
    assert world.query("select name from mapping where settings <> '{}'") == []
