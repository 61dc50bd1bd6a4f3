"""Aim: the fields of a merge group flow, and are in conflict, as one; half of each side is never written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from engine.test_field_rows import turn
from engine.test_scenarios_conflicts import with_policy
from engine.world import Document, World, wrote
from kobling.model.errors import ConfigurationError
from kobling.service.explanations import why

Pair = tuple[str, str]
FIELDS = {
    "Address": ("address", "address1_line1"),
    "Address 2": ("address2", "address1_line2"),
    "Post Code": ("postCode", "address1_postalcode"),
    "City": ("city", "address1_city"),
    "Country/Region Code": ("countryRegionCode", "address1_country"),
    "County": ("county", "address1_stateorprovince"),
}


@pytest.fixture(autouse=True)
def as_shipped(common: World) -> Iterator[None]:
    yield
    common.configure("CUSTOMER")
    common.resolve("bc")


def addresses(world: World, pair: Pair) -> tuple[Document, Document]:
    """The address in Business Central and in Sales, by field."""
    here, there = world.customer(pair[0]), world.account(pair[1])
    return (
        {name: here[bc] or None for name, (bc, _) in FIELDS.items()},
        {name: there[crm] or None for name, (_, crm) in FIELDS.items()},
    )


def change(world: World, pair: Pair) -> tuple[Document, Document]:
    """A street changed in Business Central and a city in Sales, and what both sides hold then."""
    world.edit_customer(pair[0], address="Torget 1")
    world.edit_account(pair[1], address1_city="Bodø")
    return addresses(world, pair)


def run(world: World) -> list[int]:
    counts = world.sync("CUSTOMER")["CUSTOMER"]["counts"]
    return [counts[way][word] for word in ("modified", "conflicts") for way in ("to", "from")]


def test_two_fields_of_an_address_changed_on_two_sides_are_one_conflict(common: World, pair: Pair) -> None:
    before = addresses(common, pair)[0]
    changed = change(common, pair)
    common.edit_account(pair[1], telephone1="+47 90")
    assert run(common) == [0, 0, 1, 1]
    assert addresses(common, pair) == changed
    assert common.customer(pair[0])["phoneNo"] == "+47 90"
    [one] = common.conflicts()
    assert (one["field"], one["bc_id"], one["crm_id"]) == ("address", *pair)
    shown = [{name: value or None for name, value in one[key].items()} for key in ("base", "bc", "crm")]
    assert shown == [before, *changed]
    told = common.command(lambda one: why(one, "CUSTOMER", pair[0]))["sentences"]
    assert any("address (Address, Address 2" in sentence for sentence in told)
    assert wrote(common.sync("CUSTOMER")) == 0


@pytest.mark.parametrize(("use", "field"), [("bc", "address"), ("crm", "address"), ("crm", "City")])
def test_a_person_takes_the_whole_address_of_one_side(
    common: World, pair: Pair, use: str, field: str
) -> None:
    here, there = change(common, pair)
    common.sync("CUSTOMER")
    _, status = common.resolve(use, mapping="CUSTOMER", record=pair[0], field=field)
    assert status == 0
    expected = here if use == "bc" else there
    assert addresses(common, pair) == (expected, expected)
    assert common.conflicts() == []
    assert wrote(common.sync("CUSTOMER")) == 0


@pytest.mark.parametrize("policy", ["send", "get"])
def test_a_policy_takes_the_whole_address_of_one_side(common: World, pair: Pair, policy: str) -> None:
    with_policy(common, policy)
    here, there = change(common, pair)
    assert run(common)[2:] == [0, 0]
    expected = here if policy == "send" else there
    assert addresses(common, pair) == (expected, expected)


def test_the_policy_of_one_of_its_fields_is_that_of_the_group(common: World, pair: Pair) -> None:
    turn(common, "City", "conflict=get", existing=False)
    _, there = change(common, pair)
    run(common)
    assert addresses(common, pair) == (there, there)


def test_a_value_of_its_own_is_no_answer_to_a_group(common: World, pair: Pair) -> None:
    change(common, pair)
    common.sync("CUSTOMER")
    with pytest.raises(ConfigurationError, match="in conflict as one"):
        common.resolve("Torget 2", mapping="CUSTOMER", record=pair[0], field="address")


@pytest.mark.parametrize("system", ["bc", "crm"])
def test_what_one_side_changed_flows(common: World, pair: Pair, system: str) -> None:
    if system == "bc":
        common.edit_customer(pair[0], address="Torget 3", address2="Inngang B")
    else:
        common.edit_account(pair[1], address1_line1="Torget 3", address1_line2="Inngang B")
    common.sync("CUSTOMER")
    here, there = addresses(common, pair)
    assert here == there
    assert (here["Address"], here["Address 2"]) == ("Torget 3", "Inngang B")
    assert common.conflicts() == []


def test_what_both_sides_changed_alike_is_no_conflict(common: World, pair: Pair) -> None:
    common.edit_customer(pair[0], address="Torget 4")
    common.edit_account(pair[1], address1_line1="Torget 4", address1_line2="Inngang C")
    common.sync("CUSTOMER")
    here, there = addresses(common, pair)
    assert here == there
    assert (here["Address"], here["Address 2"]) == ("Torget 4", "Inngang C")
    assert common.conflicts() == []


def test_a_country_that_cannot_be_written_does_not_contest_the_street(common: World, pair: Pair) -> None:
    common.edit_account(pair[1], address1_country="Atlantis")
    common.sync("CUSTOMER")
    common.edit_customer(pair[0], address="Torget 5")
    assert run(common)[2:] == [0, 0]
    now: Any = common.account(pair[1])
    assert (now["address1_line1"], now["address1_country"]) == ("Torget 5", "Atlantis")


def test_the_parts_of_a_name_flow_as_one(common: World) -> None:
    coupling = common.couplings("CONTACT")[0]
    left, right = (
        f"{common.bc('contacts')}({coupling['bc_id']})",
        f"{common.crm('contacts')}({coupling['crm_id']})",
    )
    common.send("bc", "PATCH", left, {"firstName": "Tora"})
    common.send("crm", "PATCH", right, {"lastname": "Vik"})
    common.sync("CONTACT")
    [one] = common.conflicts()
    assert (one["field"], list(one["bc"])) == ("name", ["First Name", "Middle Name", "Surname"])
    common.resolve("crm", mapping="CONTACT")
    here, there = common.get("bc", left), common.get("crm", right)
    assert (here["firstName"], here["surname"]) == (there["firstname"], "Vik")
