"""Aim: scenarios of the built-in integration about records that were changed on both sides.

A conflict is of a field here, not of a record: where the built-in integration fails a record of which
different fields were changed, both changes flow.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from engine.test_field_rows import turn
from engine.world import Document, World, wrote

Pair = tuple[str, str]


@pytest.fixture(autouse=True, scope="module")
def one_way_fields(common: World) -> None:
    """One field flows only to Sales, and one only from Sales."""
    turn(common, "Home Page", "direction=to_integration", existing=False)
    turn(common, "E-Mail", "direction=from_integration", existing=False)
    common.sync("CUSTOMER")


@pytest.fixture
def policy(common: World) -> Iterator[World]:
    """The common world, whose policy for conflicts is put back."""
    before = common.query("select settings from mapping where name = 'CUSTOMER'")[0][0]
    yield common
    common.configure("CUSTOMER", **before)


def with_policy(world: World, policy: str) -> None:
    [(settings,)] = world.query("select settings from mapping where name = 'CUSTOMER'")
    world.configure("CUSTOMER", **settings, update_conflict=policy)


def run(world: World, direction: str = "both") -> tuple[Document, Document]:
    """What a run counts, to Sales and from Sales."""
    counts = world.sync("CUSTOMER", direction=direction)["CUSTOMER"]["counts"]
    return counts["to"], counts["from"]


def rename_both(world: World, pair: Pair) -> None:
    world.edit_customer(pair[0], name="Name in BC")
    world.edit_account(pair[1], name="Name in Sales")


def names(world: World, pair: Pair) -> tuple[str, str]:
    return world.customer(pair[0])["name"], world.account(pair[1])["name"]


def contested(world: World, pair: Pair) -> list[str]:
    return [one["field"] for one in world.conflicts() if one["bc_id"] == pair[0]]


@pytest.mark.scenario("CF-01")
@pytest.mark.scenario("CF-02")
@pytest.mark.scenario("CF-12")
@pytest.mark.parametrize("direction", ["to", "from"])
def test_fields_without_a_row_make_no_conflict(common: World, pair: Pair, direction: str) -> None:
    common.edit_customer(pair[0], searchName="ANOTHER")
    common.edit_account(pair[1], description="Another")
    to, back = run(common, direction)
    assert (to if direction == "to" else back)["unchanged"] == 1
    assert sum(one[word] for one in (to, back) for word in ("modified", "failed", "conflicts")) == 0
    assert contested(common, pair) == []


@pytest.mark.scenario("CF-03")
def test_a_field_that_flows_to_sales_only_is_overwritten_there_without_conflict(
    common: World, pair: Pair
) -> None:
    common.edit_customer(pair[0], homePage="https://bc.example")
    common.edit_account(pair[1], websiteurl="https://sales.example")
    to, _ = run(common, "to")
    assert (to["modified"], to["failed"], to["conflicts"]) == (1, 0, 0)
    assert common.account(pair[1])["websiteurl"] == "https://bc.example"


@pytest.mark.scenario("CF-04")
def test_a_field_that_flows_from_sales_only_is_overwritten_without_conflict(
    common: World, pair: Pair
) -> None:
    common.edit_customer(pair[0], eMail="bc@x.example")
    common.edit_account(pair[1], emailaddress1="sales@x.example")
    _, back = run(common, "from")
    assert (back["modified"], back["failed"], back["conflicts"]) == (1, 0, 0)
    assert common.customer(pair[0])["eMail"] == "sales@x.example"


@pytest.mark.scenario("CF-05")
def test_different_fields_changed_on_both_sides_are_no_conflict(common: World, pair: Pair) -> None:
    """The built-in integration fails the record; here each field flows its way."""
    common.edit_customer(pair[0], faxNo="11111111")
    common.edit_account(pair[1], telephone1="22222222")
    to, back = run(common)
    assert (to["modified"], back["modified"], to["conflicts"], back["conflicts"]) == (1, 1, 0, 0)
    assert common.account(pair[1])["fax"] == "11111111"
    assert common.customer(pair[0])["phoneNo"] == "22222222"


@pytest.mark.scenario("CF-07")
@pytest.mark.scenario("CF-08")
@pytest.mark.parametrize("direction", ["to", "from"])
def test_one_field_changed_on_both_sides_stays_as_it_is_and_is_listed(
    common: World, pair: Pair, direction: str
) -> None:
    rename_both(common, pair)
    to, back = run(common, direction)
    assert (to if direction == "to" else back)["conflicts"] == 1
    assert (to["modified"], back["modified"]) == (0, 0)
    assert names(common, pair) == ("Name in BC", "Name in Sales")
    assert contested(common, pair) == ["Name"]


@pytest.mark.scenario("CF-09")
@pytest.mark.scenario("CF-10")
@pytest.mark.parametrize(("use", "way", "name"), [("send", 0, "Name in BC"), ("get", 1, "Name in Sales")])
def test_a_policy_decides_the_conflict(policy: World, pair: Pair, use: str, way: int, name: str) -> None:
    with_policy(policy, use)
    rename_both(policy, pair)
    counts = run(policy)
    assert [(one["modified"], one["failed"], one["conflicts"]) for one in counts] == [
        (int(way == at), 0, 0) for at in (0, 1)
    ]
    assert names(policy, pair) == (name, name)
    assert contested(policy, pair) == []


def test_a_field_has_a_policy_of_its_own_before_that_of_its_mapping(policy: World, pair: Pair) -> None:
    with_policy(policy, "send")
    turn(policy, "Fax No.", "conflict=get", existing=False)
    policy.edit_customer(pair[0], name="Name in BC", faxNo="1")
    policy.edit_account(pair[1], name="Name in Sales", fax="2")
    run(policy)
    assert names(policy, pair) == ("Name in BC", "Name in BC")
    assert policy.customer(pair[0])["faxNo"] == policy.account(pair[1])["fax"] == "2"
    turn(policy, "Fax No.", "conflict=default", existing=False)


@pytest.mark.scenario("CF-11")
def test_who_couples_by_hand_says_which_side_is_right(common: World, pair: Pair) -> None:
    common.uncouple("CUSTOMER", pair[0])
    rename_both(common, pair)
    common.couple("CUSTOMER", f"bc:{pair[0]}", f"crm:{pair[1]}", use="bc")
    assert names(common, pair) == ("Name in BC", "Name in BC")
    assert contested(common, pair) == []


@pytest.mark.scenario("CF-13")
def test_of_a_mapping_from_sales_the_change_in_business_central_is_overwritten(common: World) -> None:
    """Where the built-in integration asks, a dry run shows; to cancel is to leave it at that."""
    pair = common.couplings("SALESPEOPLE")[0]
    seller, user = pair["bc_id"], pair["crm_id"]
    place = f"{common.bc('salespeoplePurchasers')}({seller})"
    common.send("bc", "PATCH", place, {"phoneNo": "11"})
    common.send("crm", "PATCH", f"{common.crm('systemusers')}({user})", {"mobilephone": "22"})
    rehearsed = common.sync("SALESPEOPLE", dry_run=True)
    [action] = rehearsed["actions"]
    assert action["fields"]["bc"]["phoneNo"] == ["11", "22"]
    assert common.get("bc", place)["phoneNo"] == "11"
    done = common.sync("SALESPEOPLE")["SALESPEOPLE"]["counts"]["from"]
    assert (done["modified"], done["conflicts"]) == (1, 0)
    assert common.get("bc", place)["phoneNo"] == "22"


@pytest.mark.scenario("CF-14")
def test_a_conflict_is_told_with_its_record_and_its_job(common: World, pair: Pair) -> None:
    """The built-in integration counts it as failed; here it is a conflict, and no error."""
    rename_both(common, pair)
    done = common.sync("CUSTOMER", direction="to")["CUSTOMER"]
    assert (done["counts"]["to"]["conflicts"], done["counts"]["to"]["modified"]) == (1, 0)
    assert done["open"]["conflicts"] >= 1
    [one] = [one for one in common.conflicts() if one["bc_id"] == pair[0]]
    assert (one["bc"], one["crm"]) == ("Name in BC", "Name in Sales")
    assert one["base"] not in (one["bc"], one["crm"])


@pytest.mark.scenario("CF-15")
@pytest.mark.scenario("CF-16")
@pytest.mark.parametrize("direction", ["to", "from"])
def test_what_only_the_other_direction_concerns_is_left_to_it(
    common: World, pair: Pair, direction: str
) -> None:
    """The built-in integration counts it as unchanged; here a run of one direction does not count it."""
    if direction == "to":
        common.edit_account(pair[1], fax="33333333")
    else:
        common.edit_customer(pair[0], faxNo="33333333")
    to, back = run(common, direction)
    assert [value for one in (to, back) for value in one.values() if value] == []
    assert wrote(common.sync("CUSTOMER")) == 1
    assert common.customer(pair[0])["faxNo"] == common.account(pair[1])["fax"] == "33333333"
