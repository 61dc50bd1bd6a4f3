"""Aim: broken couplings are found and mended, sound ones are left alone, and a look changes nothing."""

from __future__ import annotations

import pytest

from engine.world import Document, World, wrote
from kobling.service.rebuilding import repair_couplings

Pair = tuple[str, str]


def repaired(world: World, mapping: str = "CUSTOMER", *, dry_run: bool = False) -> Document:
    return world.command(lambda one: repair_couplings(one, mapping, dry_run=dry_run, wait=lambda name: None))[
        0
    ]


def broken(world: World, account: str) -> list[Document]:
    """What is wrong with the coupling of an account; the tests of this module share their world."""
    return [one for one in repaired(world)["broken"] if one["crm_id"] == account]


@pytest.mark.parametrize("mapping", ["CUSTOMER", "CONTACT", "ITEM-PRODUCT", "PAYMENT TERMS"])
def test_nothing_is_said_of_what_is_sound(common: World, mapping: str) -> None:
    said = repaired(common, mapping)
    assert said["checked"] > 0
    assert (said["broken"], said["beside"]) == ([], [])


@pytest.mark.scenario("CP-17")
@pytest.mark.scenario("CP-18")
@pytest.mark.scenario("CP-19")
def test_what_is_broken_is_mended_and_the_rest_is_left_alone(
    common: World, pair: Pair, other_pair: Pair, third_pair: Pair
) -> None:
    before = {(one["bc_id"], one["crm_id"]) for one in common.couplings()}
    common.delete("bc", "customers", pair[0])
    common.delete("crm", "accounts", pair[1])
    common.delete("crm", "accounts", other_pair[1])
    made = common.create("crm", "bcbi_companies", bcbi_externalid="77777777-0000-4000-8000-000000000002")
    common.edit_account(
        third_pair[1], **{"bcbi_CompanyId@odata.bind": f"/bcbi_companies({made['bcbi_companyid']})"}
    )
    said = repaired(common, dry_run=True)
    assert {(one["bc_id"], one["crm_id"]) for one in common.couplings()} == before
    faults = {one["bc_id"]: one["fault"] for one in said["broken"]}
    assert faults == {
        pair[0]: "both records are gone",
        other_pair[0]: "the record of Sales is gone",
        third_pair[0]: "the record of Sales belongs to another company",
    }
    assert repaired(common)["broken"] == said["broken"]
    now = {(one["bc_id"], one["crm_id"]) for one in common.couplings()}
    assert now == before - {pair, third_pair}
    assert wrote(common.sync("CUSTOMER")) == 0
    assert other_pair[0] in {one["bc_id"] for one in common.skipped()}


def test_a_pair_with_a_record_of_another_table_is_removed(common: World, pair: Pair) -> None:
    vendor = common.create("bc", "vendors", name="No customer")["id"]
    common.query(
        f"update coupling set left_id = '{vendor}' where left_id = '{pair[0]}' returning 1"  # type: ignore[arg-type]
    )
    [said] = broken(common, pair[1])
    assert (said["bc_id"], said["crm_id"]) == (vendor, pair[1])
    assert (said["fault"], said["cure"]) == ("a record is one of another table: Vendor", "")
    assert broken(common, pair[1]) == []
    assert vendor not in {one["bc_id"] for one in common.couplings()}
    assert common.customer(pair[0])["id"] == pair[0]


def test_a_record_that_two_mappings_have_is_told(common: World, pair: Pair) -> None:
    vendor = common.create("bc", "vendors", name="Vendor, too")["id"]
    common.couple("VENDOR", vendor, f"crm:{pair[1]}")
    [said] = broken(common, pair[1])
    assert (said["crm_id"], said["fault"]) == (pair[1], "a record is coupled in another mapping, too: VENDOR")
    assert f"kobling uncouple CUSTOMER or kobling uncouple VENDOR --record crm:{pair[1]}" in said["cure"]
    assert pair in {(one["bc_id"], one["crm_id"]) for one in common.couplings()}
    common.uncouple("VENDOR", vendor)
    assert broken(common, pair[1]) == []


def test_a_second_record_made_of_the_same_one_is_told(common: World, pair: Pair) -> None:
    """As after a lost database, when somebody has coupled a customer with another account."""
    customer = common.create("bc", "customers", name="Made twice")["id"]
    common.counterparts("CUSTOMER", customer)
    [made] = [one["crm_id"] for one in common.couplings() if one["bc_id"] == customer]
    other = common.create("crm", "accounts", name="By hand", customertypecode=3)["accountid"]
    common.query(
        f"update coupling set right_id = '{other}' where left_id = '{customer}' returning 1"  # type: ignore[arg-type]
    )
    [said] = repaired(common)["beside"]
    assert (said["bc_id"], said["crm_id"], said["name"]) == (None, made, "Made twice")
    assert f"it was made of bc:{customer}" in said["reason"]
    common.delete("crm", "accounts", made)
    assert repaired(common)["beside"] == []


def test_a_record_with_our_mark_that_nobody_has_is_told(common: World, pair: Pair) -> None:
    marked = common.account(pair[1])["_bcbi_companyid_value"]
    bind = {"bcbi_CompanyId@odata.bind": f"/bcbi_companies({marked})"}
    lone = common.create("crm", "accounts", name="Marked", customertypecode=3, **bind)["accountid"]
    [said] = repaired(common)["beside"]
    assert (said["crm_id"], said["reason"]) == (
        lone,
        "it carries the mark of this company and is coupled with nothing",
    )
    common.delete("crm", "accounts", lone)


def test_what_a_person_uncoupled_is_no_double(common: World, pair: Pair) -> None:
    common.uncouple("CUSTOMER", pair[0])
    other = common.create("crm", "accounts", name="Its new partner", customertypecode=3)["accountid"]
    common.couple("CUSTOMER", pair[0], f"crm:{other}", use="bc")
    assert repaired(common)["beside"] == []
