"""Aim: for any record of either side it is said why it is as it is, and everything that was written of it."""

from __future__ import annotations

from typing import Any

import pytest

from engine.world import World
from kobling.model.errors import ConfigurationError
from kobling.service.explanations import history, why


def said(world: World, mapping: str, record: str) -> str:
    return " ".join(world.command(lambda session: why(session, mapping, record))["sentences"])


def written(world: World, record: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = world.command(lambda session: history(session, "CUSTOMER", record))[
        "changes"
    ]
    return found


@pytest.fixture
def settled(synchronized: World) -> tuple[World, str, str]:
    return synchronized, *synchronized.pair()


def test_a_pair_in_step_has_nothing_to_do(settled: tuple[World, str, str]) -> None:
    world, customer, account = settled
    for record in (f"bc:{customer}", f"crm:{account}", account):
        words = said(world, "CUSTOMER", record)
        assert "They are coupled." in words
        assert "Neither side has changed" in words
        assert "nothing to do" in words


def test_an_edit_is_told_with_what_will_be_written(settled: tuple[World, str, str]) -> None:
    world, customer, account = settled
    before = world.customer(customer)["city"]
    world.edit_customer(customer, city="Moss")
    words = said(world, "CUSTOMER", account)
    assert f"City changed in Business Central: {before!r} before, 'Moss' now." in words
    assert "The next run writes in Sales: Address 1: City" in words
    assert world.account(account)["address1_city"] == before, "an explanation writes nothing"
    world.sync()
    assert "City" in said(world, "CUSTOMER", customer)


def test_a_conflict_names_the_policy_that_decides(settled: tuple[World, str, str]) -> None:
    world, customer, account = settled
    world.edit_customer(customer, name="From BC")
    world.edit_account(account, name="From Sales")
    words = said(world, "CUSTOMER", customer)
    assert "Name was changed on both sides; the policy is none, so a person decides" in words
    world.sync()
    words = said(world, "CUSTOMER", customer)
    # Two rows wait, for one cause.
    assert words.count("It stands in the inbox since") == 1
    assert "(conflict) and waits" in words


def test_a_record_outside_names_the_condition(settled: tuple[World, str, str]) -> None:
    world, customer, account = settled
    world.edit_customer(customer, blocked="All")
    assert "outside the filter: not Blocked is blank" in said(world, "CUSTOMER", account)


def test_an_uncoupled_record_is_read_past_and_what_it_would_wait_for_is_told(world: World) -> None:
    waiting = next(one for one in world.customers() if one["no"] == "C00370")
    words = said(world, "CUSTOMER", "C00370")
    assert "only coupled records are synchronized" in words
    assert "waits" in words
    assert waiting["salespersonCode"] in words
    assert world.couplings() == []


def test_a_deleted_record_is_told(settled: tuple[World, str, str]) -> None:
    world, customer, account = settled
    world.delete("crm", "accounts", account)
    words = said(world, "CUSTOMER", customer)
    assert "Sales does not give the Account" in words
    assert "a person" in words or "decides" in words


def test_a_record_that_nobody_knows_is_refused(world: World) -> None:
    with pytest.raises(ConfigurationError, match="neither side has a record"):
        said(world, "CUSTOMER", "NO-SUCH")


def test_the_history_of_a_pair_has_each_field_with_its_job(settled: tuple[World, str, str]) -> None:
    world, customer, account = settled
    created = written(world, account)
    first = [one for one in created if one["method"] == "create"]
    assert {"Account Name", "Relationship Type"} <= {one["field"] for one in first}
    assert {one["before"] for one in first} == {None}
    before = world.customer(customer)["city"]
    world.edit_customer(customer, city="Moss")
    job = world.sync()["CUSTOMER"]["job"]
    [change] = written(world, f"bc:{customer}")[len(created) :]
    assert (change["field"], change["column"]) == ("Address 1: City", "address1_city")
    assert (change["before"], change["after"], change["system"]) == (before, "Moss", "crm")
    assert change["job"] == job
    assert f"Job {change['job']} wrote in Sales" in said(world, "CUSTOMER", customer)


def test_the_history_stays_when_the_coupling_goes(settled: tuple[World, str, str]) -> None:
    world, customer, account = settled
    world.uncouple("CUSTOMER", customer)
    assert written(world, f"bc:{customer}")
    assert written(world, f"crm:{account}")
