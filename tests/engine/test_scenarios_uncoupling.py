"""Aim: scenarios of the built-in integration about removing couplings: the pairs that are named go, with the
company's mark on the record in Sales and what waits of them; the others stay.

It removes some couplings in a background job and others at once; here each is one job, whatever the mapping,
and counts what it removed as uncoupled only.
"""

from __future__ import annotations

from typing import Any

import pytest

from engine.test_contacts import company_of, new_contact
from engine.world import Document, World, wrote
from kobling.service.couplings import uncouple_records

ROUTES = {"CUSTOMER": "accounts", "CONTACT": "contacts", "OPPORTUNITY": "opportunities"} | dict.fromkeys(
    ("ITEM-PRODUCT", "RESOURCE-PRODUCT"), "products"
)
MARK = "_bcbi_companyid_value"


def pairs(world: World, mapping: str) -> list[tuple[str, str]]:
    return [(one["bc_id"], one["crm_id"]) for one in world.couplings(mapping)]


def in_sales(world: World, mapping: str, crm: str) -> Document:
    return world.get("crm", f"{world.crm(ROUTES[mapping])}({crm})")


def marks(world: World, mapping: str, some: list[tuple[str, str]]) -> list[Any]:
    return [in_sales(world, mapping, crm)[MARK] for _, crm in some] if mapping in ROUTES else []


def rehearsed(world: World, mapping: str, *records: str) -> Document:
    return world.command(
        lambda one: uncouple_records(one, mapping, records, wait=lambda name: None, dry_run=True)
    )[0]


@pytest.mark.parametrize(
    ("mapping", "number"),
    [
        pytest.param("CUSTOMER", 2, marks=pytest.mark.scenario("UN-07")),
        pytest.param("CUSTOMER", 1, marks=pytest.mark.scenario("UN-08")),
        pytest.param("SALESPEOPLE", 2, marks=pytest.mark.scenario("UN-10")),
        pytest.param("SALESPEOPLE", 1, marks=pytest.mark.scenario("UN-11")),
        pytest.param("OPPORTUNITY", 2, marks=pytest.mark.scenario("UN-14")),
        pytest.param("OPPORTUNITY", 1, marks=pytest.mark.scenario("UN-15")),
        pytest.param("CURRENCY", 2, marks=pytest.mark.scenario("UN-16")),
        pytest.param("CURRENCY", 1, marks=pytest.mark.scenario("UN-17")),
        pytest.param("CONTACT", 2, marks=pytest.mark.scenario("UN-18")),
        pytest.param("CONTACT", 1, marks=pytest.mark.scenario("UN-19")),
        pytest.param("ITEM-PRODUCT", 2, marks=pytest.mark.scenario("UN-12")),
        pytest.param("ITEM-PRODUCT", 1, marks=pytest.mark.scenario("UN-13")),
        pytest.param("RESOURCE-PRODUCT", 2, marks=pytest.mark.scenario("UN-20")),
        pytest.param("CUSTPRCGRP-PRICE", 2, marks=pytest.mark.scenario("UN-22")),
    ],
)
def test_what_is_named_goes_and_the_rest_stays(common: World, mapping: str, number: int) -> None:
    before = pairs(common, mapping)
    # From the end, as the pairs of other tests come from the beginning.
    gone, rest = before[-number:], before[:-number]
    assert rest
    assert None not in marks(common, mapping, gone)
    said = rehearsed(common, mapping, *(bc for bc, _ in gone))
    assert pairs(common, mapping) == before
    done = common.uncouple(mapping, *(bc for bc, _ in gone))
    own = [(one["bc_id"], one["crm_id"]) for one in said["pairs"] if one["mapping"] == mapping]
    assert sorted(own) == sorted(gone)
    assert done["uncoupled"] == said["uncoupled"] == number
    assert done["jobs"][0]["kind"] == "uncouple"
    assert done["jobs"][0]["counts"]["to"]["uncoupled"] == number
    assert pairs(common, mapping) == rest
    assert marks(common, mapping, gone) == [None] * (number if mapping in ROUTES else 0)
    assert None not in marks(common, mapping, rest[-2:])


@pytest.mark.scenario("UN-09")
def test_an_uncoupled_pair_keeps_both_records_and_is_synchronized_no_more(
    common: World, pair: tuple[str, str]
) -> None:
    names = common.customer(pair[0])["name"], common.account(pair[1])["name"]
    common.uncouple("CUSTOMER", pair[0])
    assert common.account(pair[1])[MARK] is None
    assert (common.customer(pair[0])["name"], common.account(pair[1])["name"]) == names
    common.edit_customer(pair[0], name="UN-09")
    assert wrote(common.sync("CUSTOMER")) == 0
    assert common.account(pair[1])["name"] == names[1]


def test_contacts_go_with_their_customer_and_those_of_others_stay(
    common: World, pair: tuple[str, str], other_pair: tuple[str, str]
) -> None:
    made = []
    for one in (pair, other_pair):
        contact = new_contact(common, company_of(common, one[0]), surname="Goes along")
        assert common.counterparts("CONTACT", contact["id"])[1] == 0
        made.append(contact["id"])
    said = rehearsed(common, "CUSTOMER", pair[0])
    assert made[0] in {one["bc_id"] for one in said["pairs"] if one["mapping"] == "CONTACT"}
    done = common.uncouple("CUSTOMER", pair[0])
    assert [one["mapping"] for one in done["jobs"]] == ["CUSTOMER", "CONTACT"]
    left = {bc for bc, _ in pairs(common, "CONTACT")}
    assert (made[0] in left, made[1] in left) == (False, True)


@pytest.mark.scenario("UN-04")
@pytest.mark.scenario("UN-05")
@pytest.mark.scenario("UN-06")
@pytest.mark.scenario("UN-23")
@pytest.mark.scenario("UN-24")
@pytest.mark.scenario("UN-25")
def test_of_skipped_records_only_the_named_ones_are_uncoupled(
    common: World, pair: tuple[str, str], other_pair: tuple[str, str], third_pair: tuple[str, str]
) -> None:
    common.plugins({"entity": "account", "on": "update", "field": "fax", "refuse": "no faxes"})
    for one in (pair, other_pair):
        common.edit_customer(one[0], faxNo="24242424")
    common.delete("crm", "accounts", third_pair[1])
    run = common.sync("CUSTOMER")
    common.plugins()
    named = (pair, other_pair, third_pair)
    skipped = {one["bc_id"] for one in common.skipped()}
    assert {one[0] for one in named} <= skipped
    assert {one["bc_id"] for one in run["CUSTOMER"]["errors"]} >= {pair[0], other_pair[0]}
    # One record twice, by both its ids, and one whose account is gone.
    done = common.uncouple("CUSTOMER", pair[0], f"crm:{pair[1]}", third_pair[0])
    assert done["uncoupled"] == 2
    assert done["jobs"][0]["errors"] == []
    left = {bc for bc, _ in pairs(common, "CUSTOMER")}
    assert [one[0] in left for one in named] == [False, True, False]
    assert {one["bc_id"] for one in common.skipped()} == skipped - {pair[0], third_pair[0]}
    assert common.account(pair[1])[MARK] is None
    assert common.account(other_pair[1])[MARK] is not None


def test_a_record_that_is_coupled_anew_gets_another_counterpart(common: World) -> None:
    bc = common.create("bc", "customers", name="Coupled anew")["id"]
    [first] = common.counterparts("CUSTOMER", bc)[0]["created"]
    common.uncouple("CUSTOMER", bc)
    document, status = common.counterparts("CUSTOMER", bc)
    assert status == 0
    assert document["created"][0]["crm_id"] != first["crm_id"]
