"""Aim: scenarios of the built-in integration about records that a person synchronizes by name.

It asks for a direction each time; here a run carries what changed the way that its mapping allows. With a
direction, that side of the named records holds, as there, and what flows only the other way is for later.
"""

from __future__ import annotations

import pytest

from engine.world import World, wrote
from kobling.model.errors import ConfigurationError
from kobling.service.explanations import why
from kobling.service.synchronize import Request, overwritten

Pair = tuple[str, str]


def seller(world: World, number: int) -> dict[str, str]:
    """A coupled salesperson."""
    return sorted(world.couplings("SALESPEOPLE"), key=lambda one: str(one["number"]))[number]


def edit_user(world: World, identifier: str, **values: str) -> None:
    world.send("crm", "PATCH", f"{world.crm('systemusers')}({identifier})", values)


def salesperson(world: World, identifier: str) -> dict[str, str]:
    return world.get("bc", f"{world.bc('salespeoplePurchasers')}({identifier})")


@pytest.mark.scenario("MS-06")
def test_several_customers_go_to_sales_in_one_job(common: World, pair: Pair, other_pair: Pair) -> None:
    for one in (pair, other_pair):
        common.edit_customer(one[0], address="Gate 6")
    run = common.sync("CUSTOMER", records=(pair[0], other_pair[0]), direction="to")
    assert run["CUSTOMER"]["counts"]["to"]["modified"] == 2
    assert [common.account(one[1])["address1_line1"] for one in (pair, other_pair)] == ["Gate 6"] * 2


@pytest.mark.scenario("MS-07")
def test_several_accounts_go_to_business_central_in_one_job(
    common: World, pair: Pair, other_pair: Pair
) -> None:
    for one in (pair, other_pair):
        common.edit_account(one[1], address1_line1="Gate 7")
    run = common.sync("CUSTOMER", records=(f"crm:{pair[1]}", f"crm:{other_pair[1]}"), direction="from")
    assert run["CUSTOMER"]["counts"]["from"]["modified"] == 2
    assert [common.customer(one[0])["address"] for one in (pair, other_pair)] == ["Gate 7"] * 2


@pytest.mark.scenario("MS-08")
@pytest.mark.scenario("MS-09")
@pytest.mark.scenario("MS-19")
def test_of_several_mappings_each_goes_the_way_that_it_may(common: World, pair: Pair) -> None:
    one = seller(common, 0)
    common.edit_customer(pair[0], address="Gate 8")
    edit_user(common, one["crm_id"], mobilephone="+47 40 00 00 08")
    records = (f"bc:{pair[0]}", f"crm:{one['crm_id']}")
    run = common.sync("CUSTOMER", "SALESPEOPLE", records=records)
    assert common.account(pair[1])["address1_line1"] == "Gate 8"
    assert run["CUSTOMER"]["counts"]["to"]["modified"] == 1
    assert run["SALESPEOPLE"]["counts"]["to"]["modified"] == 0
    assert run["SALESPEOPLE"]["counts"]["from"]["modified"] == 1
    assert salesperson(common, one["bc_id"])["phoneNo"] == "+47 40 00 00 08"


@pytest.mark.scenario("MS-18")
def test_the_side_that_is_asked_for_holds_whatever_the_other_holds(common: World, pair: Pair) -> None:
    name, address = common.customer(pair[0])["name"], common.customer(pair[0])["address"]
    common.edit_account(pair[1], name="Named in Sales", address1_line1="Gate in Sales")
    common.edit_customer(pair[0], address="Gate 18")
    request = Request(mappings=("CUSTOMER",), records=(pair[0],), direction="to")
    said = common.command(lambda one: overwritten(one, request))
    assert any("'Named in Sales'" in one and repr(name) in one for one in said)
    assert common.account(pair[1])["name"] == "Named in Sales", "what will be overwritten is only said"
    run = common.sync("CUSTOMER", records=(pair[0],), direction="to")["CUSTOMER"]
    assert (run["counts"]["to"]["modified"], run["open"]["conflicts"]) == (1, 0)
    held = common.account(pair[1])
    assert (held["name"], held["address1_line1"]) == (name, "Gate 18") != (name, address)
    assert (common.customer(pair[0])["name"], common.customer(pair[0])["address"]) == (name, "Gate 18")
    assert wrote(common.sync("CUSTOMER")) == 0


@pytest.mark.scenario("MS-20")
def test_a_salesperson_takes_what_its_user_holds_if_a_person_says_so(common: World) -> None:
    one = seller(common, 1)
    before = salesperson(common, one["bc_id"])["name"]
    place = f"{common.bc('salespeoplePurchasers')}({one['bc_id']})"
    common.send("bc", "PATCH", place, {"name": "Named in BC"})
    common.sync("SALESPEOPLE")
    assert salesperson(common, one["bc_id"])["name"] == "Named in BC"
    common.sync("SALESPEOPLE", records=(f"bc:{one['bc_id']}",), direction="from")
    assert salesperson(common, one["bc_id"])["name"] == before


def test_what_flows_only_the_other_way_is_not_lost_by_it(common: World, pair: Pair) -> None:
    limit = common.customer(pair[0])["creditLimitLCY"] + 1000
    common.edit_customer(pair[0], creditLimitLCY=limit)
    common.edit_account(pair[1], address1_line1="Gate 21")
    common.sync("CUSTOMER", records=(pair[0],), direction="from")
    assert common.customer(pair[0])["address"] == "Gate 21"
    before = common.account(pair[1])["creditlimit"]
    common.sync("CUSTOMER")
    assert common.account(pair[1])["creditlimit"] != before


@pytest.mark.scenario("MS-10")
def test_an_uncoupled_record_is_said_to_be_so(common: World) -> None:
    lone = common.create("bc", "customers", name="MS-10")["id"]
    document = common.command(lambda one: why(one, "CUSTOMER", lone))
    assert (document["coupled"], document["crm_id"]) == (False, None)


@pytest.mark.scenario("MS-13")
def test_a_table_without_a_mapping_is_refused(common: World, pair: Pair) -> None:
    with pytest.raises(ConfigurationError, match="There is no mapping 'CASE'"):
        common.command(lambda one: why(one, "CASE", pair[0]))


@pytest.mark.scenario("MS-14")
def test_from_an_account_its_customer_is_found(common: World, pair: Pair) -> None:
    document = common.command(lambda one: why(one, "CUSTOMER", f"crm:{pair[1]}"))
    assert (document["coupled"], document["bc_id"]) == (True, pair[0])


@pytest.mark.scenario("MS-16")
def test_a_pair_that_nobody_changed_is_unchanged(common: World, pair: Pair) -> None:
    run = common.sync("CUSTOMER", records=(pair[0],))
    counts = run["CUSTOMER"]["counts"]
    assert [counts[way]["modified"] for way in ("to", "from")] == [0, 0]
    assert counts["to"]["unchanged"] + counts["from"]["unchanged"] > 0


@pytest.mark.scenario("MS-17")
def test_a_customer_that_changed_overwrites_its_account(common: World, pair: Pair) -> None:
    common.edit_customer(pair[0], address="Gate 17")
    common.sync("CUSTOMER", records=(pair[0],))
    assert common.account(pair[1])["address1_line1"] == "Gate 17"
