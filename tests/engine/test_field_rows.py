"""Aim: what a person says of a field row is what runs do with it, and what cannot be done is refused."""

from __future__ import annotations

from typing import Any

import pytest

from engine.world import World
from kobling.model.errors import ConfigurationError
from kobling.service.fields import NewField, new_field, set_field
from kobling.service.mappings import set_mapping, show_mappings


def _nobody_waits(name: str) -> None:
    raise AssertionError(f"somebody else holds {name}")


def turn(world: World, field: str, *edits: str, mapping: str = "CUSTOMER", existing: bool = True) -> Any:
    return world.command(
        lambda one: set_field(one, mapping, field, edits, existing=existing, wait=_nobody_waits)
    )


def add(world: World, bc: str, crm: str, *edits: str, **types: str) -> Any:
    request = NewField(bc=bc, crm=crm, **types)
    return world.command(lambda one: new_field(one, "CUSTOMER", request, edits, wait=_nobody_waits))


def row_of(world: World, crm: str) -> dict[str, Any]:
    shown = world.command(lambda one: show_mappings(one, "CUSTOMER"))
    [found] = [one for one in shown["variants"][0]["fields"] if one["crm_field"] == crm]
    return dict(found)


def counts(world: World, way: str = "to") -> dict[str, int]:
    return dict(world.sync("CUSTOMER")["CUSTOMER"]["counts"][way])


def test_a_disabled_field_flows_no_more_and_flows_again(synchronized: World) -> None:
    world = synchronized
    customer, account = world.pair()
    before = world.account(account)["fax"]
    assert turn(world, "Fax No.", "enabled=off")["changed"] == ["enabled"]
    world.edit_customer(customer, faxNo="+47 1", phoneNo="+47 2")
    world.sync("CUSTOMER")
    assert (world.account(account)["fax"], world.account(account)["telephone1"]) == (before, "+47 2")
    assert row_of(world, "fax")["changed"] == ["enabled"]
    turn(world, "fax no.", "enabled=default")
    assert "changed" not in row_of(world, "fax")
    world.edit_customer(customer, faxNo="+47 3")
    world.sync("CUSTOMER")
    assert world.account(account)["fax"] == "+47 3"


def test_an_enabled_field_takes_in_the_coupled_records(synchronized: World) -> None:
    world = synchronized
    customer, account = world.pair()
    world.edit_customer(customer, mobilePhoneNo="+47 900")
    world.sync("CUSTOMER")
    said = turn(world, "Mobile Phone No.", "enabled=on")
    assert said["couplings"] == len(world.couplings())
    world.sync("CUSTOMER")
    assert world.account(account)["telephone2"] == "+47 900"
    assert counts(world)["modified"] == 0


def test_an_enabled_field_that_differs_on_both_sides_is_contested(synchronized: World) -> None:
    world = synchronized
    customer, account = world.pair()
    world.edit_customer(customer, mobilePhoneNo="+47 900")
    world.edit_account(account, telephone2="+47 800")
    world.sync("CUSTOMER")
    turn(world, "Mobile Phone No.", "enabled=on")
    world.sync("CUSTOMER")
    assert [(one["field"], one["bc"], one["crm"]) for one in world.conflicts()] == [
        ("Mobile Phone No.", "+47 900", "+47 800")
    ]
    world.resolve("bc", field="Mobile Phone No.")
    assert world.account(account)["telephone2"] == "+47 900"


def test_an_enabled_field_leaves_the_coupled_records_when_only_what_changes_is_meant(
    synchronized: World,
) -> None:
    world = synchronized
    customer, account = world.pair()
    world.edit_customer(customer, mobilePhoneNo="+47 900")
    world.sync("CUSTOMER")
    turn(world, "Mobile Phone No.", "enabled=on", existing=False)
    world.sync("CUSTOMER")
    assert world.account(account)["telephone2"] is None
    world.edit_customer(customer, mobilePhoneNo="+47 901")
    world.sync("CUSTOMER")
    assert world.account(account)["telephone2"] == "+47 901"


def test_a_transformation_makes_the_values_of_both_ways(synchronized: World) -> None:
    world = synchronized
    customer, account = world.pair()
    turn(world, "Fax No.", "transformation=prefix('fax:')")
    world.edit_customer(customer, faxNo="+47 12")
    world.sync("CUSTOMER")
    assert world.account(account)["fax"] == "fax:+47 12"
    world.edit_account(account, fax="fax:+47 34")
    world.sync("CUSTOMER")
    assert world.customer(customer)["faxNo"] == "+47 34"
    for _ in range(3):
        assert (counts(world)["modified"], counts(world, "from")["modified"]) == (0, 0)


def test_a_value_is_looked_up_in_a_table_of_business_central(synchronized: World) -> None:
    world = synchronized
    customer, account = world.pair()
    turn(
        world,
        "Home Page",
        "transformation=trim > field_lookup('countriesRegions', 'code', 'name', 'original')",
        "direction=to_integration",
    )
    countries = world.get("bc", world.bc("countriesRegions"))["value"]
    country = next(one for one in countries if one["code"] == "SE")
    world.edit_customer(customer, homePage="se ")
    world.sync("CUSTOMER")
    assert world.account(account)["websiteurl"] == country["name"]
    world.send(
        "bc", "PATCH", f"{world.bc('countriesRegions')}({country['id']})", {"name": "Kingdom of Sweden"}
    )
    world.sync("CUSTOMER")
    assert world.account(account)["websiteurl"] == "Kingdom of Sweden"
    world.edit_customer(customer, homePage="no country")
    world.sync("CUSTOMER")
    assert world.account(account)["websiteurl"] == "no country"
    turn(
        world,
        "Home Page",
        "transformation=field_lookup('countriesRegions', 'code', 'name')",
        "direction=bidirectional",
    )
    world.edit_account(account, websiteurl="Kingdom of Sweden")
    world.sync("CUSTOMER")
    assert world.customer(customer)["homePage"] == "SE"
    assert counts(world)["modified"] == counts(world, "from")["modified"] == 0


def test_a_value_that_a_transformation_refuses_fails_by_name_and_the_rest_flows(synchronized: World) -> None:
    world = synchronized
    customer, account = world.pair()
    turn(world, "Fax No.", "transformation=prefix('fax:')")
    world.edit_account(account, fax="no prefix", telephone1="+47 77")
    errors = world.sync("CUSTOMER")["CUSTOMER"]["errors"]
    assert ("Fax No.", account) in [(one["field"], one["crm_id"]) for one in errors]
    assert world.customer(customer)["phoneNo"] == "+47 77"


def test_a_direction_of_its_own_lets_values_flow_one_way(synchronized: World) -> None:
    world = synchronized
    customer, account = world.pair()
    turn(world, "Home Page", "direction=to_integration")
    before = world.customer(customer)["homePage"]
    world.edit_account(account, websiteurl="https://sales.example")
    world.sync("CUSTOMER")
    assert world.customer(customer)["homePage"] == before
    world.edit_customer(customer, homePage="https://bc.example")
    world.sync("CUSTOMER")
    assert world.account(account)["websiteurl"] == "https://bc.example"


def test_a_new_field_is_disabled_until_it_is_enabled(synchronized: World) -> None:
    world = synchronized
    customer, account = world.pair()
    said = add(world, "Search Name", "tickersymbol", bc_type="text:100", crm_type="text:10")
    assert said["field"] == "Search Name"
    assert (row_of(world, "tickersymbol")["enabled"], row_of(world, "tickersymbol")["new"]) == (False, True)
    world.edit_customer(customer, searchName="ABC")
    world.sync("CUSTOMER")
    assert world.account(account)["tickersymbol"] is None
    turn(world, "Search Name", "enabled=on")
    world.edit_customer(customer, searchName="ABCD")
    world.sync("CUSTOMER")
    assert world.account(account)["tickersymbol"] == "ABCD"


def test_a_new_constant_field_is_written_to_what_is_created(synchronized: World) -> None:
    world = synchronized
    add(world, "none", "industrycode", "constant=5", "enabled=on", crm_type="integer")
    customer, account = world.pair()
    world.edit_customer(customer, name="Written anew")
    world.sync("CUSTOMER")
    assert world.account(account)["industrycode"] == 5


@pytest.mark.parametrize(
    ("field", "edits", "said"),
    [
        ("Colour", ["enabled=on"], "no field"),
        ("Fax No.", ["colour=red"], "changes nothing"),
        ("Fax No.", ["direction=sideways"], "unknown"),
        ("Fax No.", ["transformation=sing"], "no transformation rule"),
        ("Fax No.", ["transformation=field_lookup('none', 'code', 'name')"], "'none'"),
        ("Fax No.", ["transformation=field_lookup('items', 'no', 'nothing')"], "has no field 'nothing'"),
        ("Fax No.", ["transformation=field_lookup('items', 'no', 'description', 'x')"], "'original'"),
        ("Fax No.", ["transformation=both: field_lookup('a', 'b', 'c') > trim"], "Let it be the last"),
        ("Fax No.", ["transformation=uppercase"], "flows both ways"),
        ("Fax No.", ["constant=abc"], "a constant"),
        ("Fax No.", ["not_null=perhaps"], "neither on nor off"),
        ("Credit Limit (LCY)", ["transformation=round(1)"], "made by a rule"),
        ("Fax No.", [], "Nothing is to be changed"),
    ],
)
def test_an_edit_that_makes_no_sense_is_refused_and_changes_nothing(
    world: World, field: str, edits: list[str], said: str
) -> None:
    with pytest.raises(ConfigurationError, match=said):
        turn(world, field, *edits)
    assert world.query("select settings from mapping where settings <> '{}'") == []


@pytest.mark.parametrize(
    ("bc", "crm", "types", "said"),
    [
        ("Search Name", "numberofemployees", {"bc_type": "text", "crm_type": "integer"}, "cannot hold"),
        ("Fax No.", "telephone3", {"crm_type": "text:50"}, "has a row already"),
        ("Search Name", "fax", {"bc_type": "text:100"}, "has a row already"),
        ("Colour", "tickersymbol", {}, "Customer has no field 'Colour'"),
        ("Search Name", "colour", {}, "account has no field 'colour'"),
        ("Search Name", "tickersymbol", {"bc_type": "sound"}, "unknown"),
        ("Search Name", "tickersymbol", {"bc_type": "text:long"}, "no length"),
        ("none", "tickersymbol", {"crm_type": "text:10"}, "nothing says what the row writes"),
        ("none", "none", {}, "no column"),
    ],
)
def test_a_field_that_cannot_be_is_not_added(
    world: World, bc: str, crm: str, types: dict[str, str], said: str
) -> None:
    with pytest.raises(ConfigurationError, match=said):
        add(world, bc, crm, **types)
    assert world.query("select settings from mapping where settings <> '{}'") == []


def test_a_direction_against_that_of_the_mapping_is_refused(world: World) -> None:
    world.command(
        lambda one: set_mapping(
            one, "CUSTOMER", ["direction=to_integration"], existing=False, wait=_nobody_waits
        )
    )
    with pytest.raises(ConfigurationError, match="flows to_integration"):
        turn(world, "Fax No.", "direction=from_integration")


def test_a_field_that_is_used_for_matching_needs_no_condition(world: World) -> None:
    turn(world, "E-Mail", "match=on")
    assert world.match("CUSTOMER", dry_run=True)["matched"] is not None


@pytest.mark.parametrize(
    ("field", "edit", "said"),
    [
        ("Salesperson Code", "match=on", "is a look-up"),
        ("Name", "match_priority=first", "no priority"),
        ("Name", "match_case=perhaps", "match_case"),
    ],
)
def test_what_cannot_match_is_refused(world: World, field: str, edit: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        turn(world, field, edit)
    assert world.query("select settings from mapping where settings <> '{}'") == []


def test_fields_are_searched_by_what_a_person_said_of_them(world: World) -> None:
    turn(world, "E-Mail", "match=on", "match_priority=1")
    shown = turn(world, "Name", "match=on", "match_case=on")
    rows = {one["bc_field"]: one for one in shown["variants"][0]["fields"]}
    assert (rows["E-Mail"]["match_priority"], rows["Name"]["match_priority"]) == (1, 0)
    assert (rows["E-Mail"]["match_case"], rows["Name"]["match_case"]) == (False, True)
