"""Aim: a text that one side cannot hold whole is cut there, is told, and never loses its end unasked."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from engine.test_scenarios_conflicts import with_policy
from engine.world import World, wrote
from kobling.service.explanations import why
from kobling.service.verify import verify
from kobling.service.waiting import show_job

Pair = tuple[str, str]
LONG = "Vereinigte-Nordische-Leuchten-" * 5


@pytest.fixture(autouse=True)
def as_shipped(common: World) -> Iterator[None]:
    yield
    common.configure("CUSTOMER")
    common.resolve("bc")


def names(world: World, pair: Pair) -> tuple[str, str]:
    return world.customer(pair[0])["name"], world.account(pair[1])["name"]


def cut(world: World, pair: Pair) -> None:
    world.edit_account(pair[1], name=LONG)
    world.sync("CUSTOMER")
    assert names(world, pair) == (LONG[:100], LONG)


def test_a_cut_is_told_by_the_job_by_why_and_by_verify(common: World, pair: Pair) -> None:
    common.edit_account(pair[1], name=LONG)
    done = common.sync("CUSTOMER")["CUSTOMER"]
    [warning] = done["warnings"]
    assert (warning["class"], warning["field"], done["errors"]) == ("cut", "Name", [])
    assert (warning["bc_id"], warning["crm_id"]) == pair
    assert "Business Central holds only the first 100 characters of Name" in warning["message"]
    kept = common.command(lambda one: show_job(one, done["job"]))
    assert (kept["warnings"], kept["errors"]) == ([warning], [])
    told = common.command(lambda one: why(one, "CUSTOMER", pair[0]))["sentences"]
    assert any("holds only the first 100 characters of Name" in one for one in told)
    found = common.command(lambda one: verify(one, ["CUSTOMER"], progress=lambda what, count: None))[0]
    assert found["differences"] == []
    reasons = {(one["kind"], one["field"], one["reason"]) for one in found["reasons"]}
    assert ("normalised", "Name", "Customer holds the first 100 characters only") in reasons
    assert wrote(common.sync("CUSTOMER")) == 0


def test_a_new_record_is_cut_and_told_as_well(common: World) -> None:
    account = common.create("crm", "accounts", name=LONG, customertypecode=3)["accountid"]
    done = common.sync("CUSTOMER", full=True, records=(f"crm:{account}",))["CUSTOMER"]
    assert [one["field"] for one in done["warnings"]] == ["Name"]
    assert done["counts"]["from"]["inserted"] == 1


@pytest.mark.parametrize(("use", "kept"), [("bc", "Neuer Name"), ("crm", LONG)])
def test_a_change_of_the_cut_text_waits_for_a_person(common: World, pair: Pair, use: str, kept: str) -> None:
    cut(common, pair)
    common.edit_customer(pair[0], name="Neuer Name", faxNo="99")
    done = common.sync("CUSTOMER")["CUSTOMER"]
    assert done["open"]["conflicts"] == 1
    assert names(common, pair) == ("Neuer Name", LONG)
    assert common.account(pair[1])["fax"] == "99"
    assert [one["field"] for one in common.conflicts()] == ["Name"]
    common.resolve(use, mapping="CUSTOMER", record=pair[0])
    assert names(common, pair) == (kept[:100], kept)
    assert wrote(common.sync("CUSTOMER")) == 0
    assert common.conflicts() == []


@pytest.mark.parametrize(("policy", "kept"), [("send", "Neuer Name"), ("get", LONG)])
def test_a_policy_decides_for_the_cut_text(common: World, pair: Pair, policy: str, kept: str) -> None:
    cut(common, pair)
    with_policy(common, policy)
    common.edit_customer(pair[0], name="Neuer Name")
    common.sync("CUSTOMER")
    assert names(common, pair) == (kept[:100], kept)


def test_a_change_of_the_long_text_is_cut_again(common: World, pair: Pair) -> None:
    cut(common, pair)
    common.edit_account(pair[1], name=LONG.upper())
    done = common.sync("CUSTOMER")["CUSTOMER"]
    assert (done["open"]["conflicts"], len(done["warnings"])) == (0, 1)
    assert names(common, pair) == (LONG.upper()[:100], LONG.upper())


def test_a_long_text_that_became_short_flows_both_ways_again(common: World, pair: Pair) -> None:
    cut(common, pair)
    common.edit_account(pair[1], name="Kurz")
    common.sync("CUSTOMER")
    common.edit_customer(pair[0], name="Kurz und gut")
    common.sync("CUSTOMER")
    assert names(common, pair) == ("Kurz und gut", "Kurz und gut")
