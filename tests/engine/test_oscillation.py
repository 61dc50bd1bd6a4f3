"""Aim: a field that two programs each set to their own value waits for a person, and nothing else does."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from engine.world import World, wrote
from kobling.service.explanations import why

Pair = tuple[str, str]
# A program in Sales that puts its own fax number back whenever the account is changed.
OURS = {"entity": "account", "on": "update", "field": "fax", "set": "11", "as": "person"}
# What the program in Business Central does, played by the test.
THEIRS = "22"


@pytest.fixture(autouse=True)
def as_shipped(common: World) -> Iterator[None]:
    yield
    common.plugins()
    common.resolve("bc")


def rounds(world: World, pair: Pair, most: int) -> int:
    """How often the field is carried over both ways until nothing is written, at most so often."""
    for count in range(most):
        world.edit_customer(pair[0], faxNo=THEIRS)
        carried = 0
        for _ in range(3):
            carried += wrote(world.sync("CUSTOMER"))
        if not carried:
            return count
    return most


def test_what_two_programs_each_put_back_is_parked_and_listed(common: World, pair: Pair) -> None:
    common.plugins(OURS)
    assert rounds(common, pair, 10) == 2
    assert common.customer(pair[0])["faxNo"] == THEIRS
    assert common.account(pair[1])["fax"] == "11"
    [conflict] = common.conflicts()
    assert (conflict["field"], conflict["bc_id"]) == ("Fax No.", pair[0])
    assert (conflict["bc"], conflict["crm"]) == (THEIRS, "11")
    told = common.command(lambda one: why(one, "CUSTOMER", pair[0]))["sentences"]
    assert any("Fax No. went to and fro within the hour" in one for one in told)
    common.edit_customer(pair[0], address="Torget 90")
    common.sync("CUSTOMER")
    assert common.account(pair[1])["address1_line1"] == "Torget 90"


def test_a_person_ends_it(common: World, pair: Pair) -> None:
    common.plugins(OURS)
    rounds(common, pair, 10)
    common.plugins()
    _, status = common.resolve("bc", mapping="CUSTOMER", record=pair[0])
    assert status == 0
    assert common.account(pair[1])["fax"] == common.customer(pair[0])["faxNo"] == THEIRS
    assert pair[0] not in {one["bc_id"] for one in common.conflicts()}
    assert wrote(common.sync("CUSTOMER")) == 0


def test_people_who_take_turns_are_not_taken_for_programs(common: World, pair: Pair) -> None:
    for number in range(4):
        common.edit_customer(pair[0], faxNo=f"3{number}")
        assert wrote(common.sync("CUSTOMER")) == 1
        common.edit_account(pair[1], fax=f"4{number}")
        assert wrote(common.sync("CUSTOMER")) == 1
    assert pair[0] not in {one["bc_id"] for one in common.conflicts()}
