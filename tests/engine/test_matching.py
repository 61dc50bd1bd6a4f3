"""Aim: match-based coupling couples what its fields make one, says why of the rest, and does what it said.

Method: customers and accounts of the test's own on both sides of a served sandbox, told apart by a fax
number that nobody else has. That a rehearsal tells what is done: tests/properties.
"""

from __future__ import annotations

from typing import Any

import pytest

from engine.world import World, wrote
from kobling.model.errors import ConfigurationError
from stages import Stages

FAX = "Fax No.=fax"
NAME = "Name=name"


def customer(world: World, name: str, phone: str, **values: Any) -> str:
    return str(world.create("bc", "customers", name=name, faxNo=phone, **values)["id"])


def account(world: World, name: str, phone: str | None, **values: Any) -> str:
    made = world.create("crm", "accounts", name=name, fax=phone, customertypecode=3, **values)
    return str(made["accountid"])


def both(world: World, number: int) -> tuple[str, str]:
    """A customer and an account with one fax number and different names."""
    phone = f"+47 99 00 00 {number:02}"
    return customer(world, f"Left {number}", phone), account(world, f"Right {number}", phone)


def pairs(document: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one["bc_id"], one["crm_id"]) for one in document["matched"]]


def coupled(world: World) -> set[tuple[str, str]]:
    return {(one["bc_id"], one["crm_id"]) for one in world.couplings()}


def couple_people(world: World) -> None:
    """Salespeople and currencies are coupled; customers are not."""
    world.sync("SALESPEOPLE", "CURRENCY", full=True)


@pytest.fixture
def people(world: World, stages: Stages) -> World:
    return stages.reach(world, couple_people)


@pytest.mark.scenario("MB-01")
def test_one_more_pair_is_coupled_and_the_old_ones_stay(people: World) -> None:
    old = both(people, 1)
    people.couple("CUSTOMER", *old)
    new = both(people, 2)
    found = people.match("CUSTOMER", FAX)
    assert pairs(found) == [new]
    assert coupled(people) == {old, new}
    [job] = found["jobs"]
    assert job["kind"] == "match"
    assert job["counts"]["to"]["coupled"] == 1


@pytest.mark.scenario("MB-02")
def test_all_pairs_of_a_mapping_are_coupled_and_counted(people: World) -> None:
    made = {both(people, number) for number in range(5)}
    found = people.match("CUSTOMER", FAX)
    assert set(pairs(found)) == made == coupled(people)
    assert found["jobs"][0]["counts"]["to"]["coupled"] == 5


@pytest.mark.scenario("MB-03")
def test_of_a_mixed_selection_only_the_uncoupled_match_is_coupled_then_synchronized(people: World) -> None:
    old = both(people, 1)
    people.couple("CUSTOMER", *old, use="leave")
    new, left_out = both(people, 2), both(people, 3)
    alone = customer(people, "Alone", "+47 99 00 00 50")
    chosen = (old[0], new[0], alone)
    found = people.match("CUSTOMER", FAX, use="bc", records=chosen)
    assert pairs(found) == [new]
    assert [one["bc_id"] for one in found["skipped"]] == [old[0]]
    assert [one["bc_id"] for one in found["unmatched"]] == [alone]
    assert coupled(people) == {old, new}
    assert people.account(new[1])["name"] == "Left 2"
    assert people.account(old[1])["name"] == "Right 1"
    assert people.account(left_out[1])["name"] == "Right 3"
    assert found["jobs"][0]["counts"]["to"]["skipped"] == 1


@pytest.mark.scenario("MB-04")
def test_all_selected_matches_are_coupled_and_then_synchronized(people: World) -> None:
    made = [both(people, number) for number in range(4)]
    chosen = made[:3]
    found = people.match("CUSTOMER", FAX, use="bc", records=tuple(one for one, _ in chosen))
    assert set(pairs(found)) == set(chosen) == coupled(people)
    names = [people.account(other)["name"] for _, other in made]
    assert names == ["Left 0", "Left 1", "Left 2", "Right 3"]
    assert [one["kind"] for one in found["jobs"]] == ["match", "changes"]
    assert wrote(people.sync("CUSTOMER")) == 0


@pytest.mark.scenario("MB-05")
def test_what_does_not_match_is_failed_with_its_reason_and_the_others_follow_the_policy(
    people: World,
) -> None:
    people.configure("CUSTOMER", update_conflict="send")
    made = [both(people, number) for number in range(2)]
    lone = [customer(people, f"Lone {number}", f"+47 99 00 01 {number:02}") for number in range(3)]
    found = people.match("CUSTOMER", FAX, records=(*(one for one, _ in made), *lone))
    assert set(pairs(found)) == set(made)
    [job] = found["jobs"]
    assert (job["counts"]["to"]["coupled"], job["counts"]["to"]["failed"]) == (2, 3)
    assert {one["bc_id"] for one in job["errors"]} == set(lone)
    assert {one["class"] for one in job["errors"]} == {"not matched"}
    people.sync("CUSTOMER")
    assert [people.account(other)["name"] for _, other in made] == ["Left 0", "Left 1"]


@pytest.mark.scenario("MB-07")
def test_looking_alone_couples_nothing_and_makes_no_job(people: World) -> None:
    made = both(people, 1)
    before = people.query("select count(*) from job")
    assert pairs(people.match("CUSTOMER", FAX, dry_run=True)) == [made]
    assert coupled(people) == set()
    assert people.query("select count(*) from job") == before
    assert people.query(
        "select count(*) from inbox where mapping_id = (select id from mapping where name = 'CUSTOMER')"
    ) == [(0,)]


@pytest.mark.scenario("MB-08")
def test_without_a_word_of_synchronizing_the_data_stays_untouched(people: World) -> None:
    made = both(people, 1)
    found = people.match("CUSTOMER", FAX)
    assert coupled(people) == {made}
    assert [one["kind"] for one in found["jobs"]] == ["match"]
    assert people.account(made[1])["name"] == "Right 1"
    assert people.customer(made[0])["name"] == "Left 1"
    left = people.match("CUSTOMER", FAX, use="leave")
    assert left["matched"] == []


def test_the_reasons_of_the_rest(people: World) -> None:
    taken = both(people, 1)
    people.couple("CUSTOMER", *taken, use="leave")
    rival = customer(people, "Rival", "+47 99 00 00 01")
    blank = customer(people, "Blank", "")
    twins = [customer(people, f"Twin {one}", "+47 99 00 00 02") for one in "AB"]
    account(people, "Twins", "+47 99 00 00 02")
    account(people, "Blank", None)
    found = people.match("CUSTOMER", FAX, records=(rival, blank, *twins))
    reasons = {one["bc_id"]: one["reason"] for one in found["unmatched"]}
    assert "coupled already" in reasons[rival]
    assert "blank" in reasons[blank]
    assert [sorted(one["bc_ids"]) for one in found["ambiguous"]] == [sorted(twins)]
    assert {one["reason"]: one["records"] for one in found["reasons"]}[
        "several records share the same values"
    ] == 2
    assert found["matched"] == []


def test_fields_of_the_mapping_are_searched_by_priority_and_case(people: World) -> None:
    people.configure(
        "CUSTOMER",
        fields={
            "Name": {"match": True, "match_priority": 2, "match_case": True},
            "Fax No.": {"match": True, "match_priority": 1},
        },
    )
    phone = both(people, 1)
    people.edit_account(account(people, "Left 1", None), telephone1="1")
    named = customer(people, "Only By Name", "+47 99 00 00 70"), account(people, "Only By Name", None)
    shouted = customer(people, "Shouted Name", ""), account(people, "SHOUTED NAME", None)
    found = people.match("CUSTOMER", records=(phone[0], named[0], shouted[0]))
    assert set(pairs(found)) == {phone, named}
    assert [one["bc_id"] for one in found["unmatched"]] == [shouted[0]]


def test_what_nothing_matches_is_created_when_asked_and_the_ambiguous_is_not(people: World) -> None:
    lone = customer(people, "Lone One AS", "+47 99 00 00 80")
    twins = [customer(people, f"Twin {one}", "+47 99 00 00 81") for one in "AB"]
    account(people, "Twins", "+47 99 00 00 81")
    before = people.count("crm", "account")
    found = people.match("CUSTOMER", FAX, create=True, records=(lone, *twins))
    assert [one["created"] for one in found["unmatched"]] == [True]
    assert people.count("crm", "account") == before + 1
    [made] = people.accounts("name eq 'Lone One AS'")
    assert coupled(people) == {(lone, made["accountid"])}
    assert found["jobs"][1]["counts"]["to"]["inserted"] == 1
    assert wrote(people.sync("CUSTOMER")) == 0


def test_a_mapping_that_creates_nothing_in_sales_refuses_to(people: World) -> None:
    with pytest.raises(ConfigurationError, match="SALESPEOPLE flows from_integration only"):
        people.match("SALESPEOPLE", create=True)


@pytest.mark.parametrize(
    ("pair", "words"),
    [
        ("Salesperson Code=ownerid", "can never be equal"),
        ("Blocked=customertypecode", "can never be equal"),
        ("Credit Limit (LCY)=name", "can never be equal"),
        ("Nothing=name", "no column 'Nothing'"),
        ("Name=nothing", "no column 'nothing'"),
        ("Name", "no pair of fields"),
    ],
)
def test_fields_that_cannot_match_are_refused(people: World, pair: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        people.match("CUSTOMER", pair, dry_run=True)


def test_a_record_outside_the_filter_is_said_to_be_so(people: World) -> None:
    made = both(people, 1)
    people.edit_customer(made[0], blocked="All")
    found = people.match("CUSTOMER", FAX, records=(made[0],))
    assert found["matched"] == []
    assert "Blocked is blank" in found["skipped"][0]["reason"]
    assert coupled(people) == set()
