"""Both sides are read afresh and every coupled pair is sorted; edits are made in the services alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from engine.world import World, wrote
from kobling.service.verify import verify

KINDS = ("in_step", "normalised", "accepted", "waiting", "different")


def look(world: World, *mappings: str) -> dict[str, Any]:
    """The document of `kobling verify`, with the status under ''. It wrote nothing."""
    before = _state(world)
    document, status = world.command(lambda one: verify(one, mappings, progress=lambda what, count: None))
    assert _state(world) == before
    assert document["checked"] == sum(document[kind] for kind in KINDS)
    return {"": status, **document}


def _state(world: World) -> list[Any]:
    """What both services and the database hold, as far as a write would show in it."""
    tables = world.query(
        "select (select count(*) from job), (select count(*) from inbox), (select count(*) from audit),"
        " (select string_agg(xmin::text, ',' order by left_id) from coupling),"
        " (select string_agg(name || mark, ',' order by name) from mark),"
        " (select count(*) from inbox where due), (select string_agg(xmin::text, ',') from feed)"
    )
    # The row version of a service moves with every write.
    return [tables, *(world.sandbox.control(one, "state")["row_version"] for one in _places(world))]


def _places(world: World) -> tuple[str, str]:
    return world.sandbox.business_central, world.sandbox.dataverse


def kinds_of(document: dict[str, Any], field: str) -> set[str]:
    return {one["kind"] for one in document["reasons"] if one["field"] == field}


def test_fresh_data_is_in_step_but_for_what_waits(synchronized: World) -> None:
    found = look(synchronized)
    assert found["differences"] == []
    # A customer whose salesperson has no user.
    assert (found[""], found["waiting"]) == (1, 1)
    assert found["in_step"] >= 20
    names = synchronized.command(lambda one: one.mappings())
    # The customer is not coupled yet.
    assert found["checked"] == 1 + sum(len(synchronized.couplings(one)) for one in names)


def test_only_what_is_named_is_looked_at(synchronized: World) -> None:
    found = look(synchronized, "currency")
    assert found["checked"] == len(synchronized.couplings("CURRENCY"))
    assert found[""] == 0


@pytest.mark.parametrize("side", ["bc", "crm"])
def test_an_edit_that_no_run_has_seen_is_a_difference_until_one_has(synchronized: World, side: str) -> None:
    customer, account = synchronized.pair()
    before = synchronized.customer(customer)["address"]
    if side == "bc":
        synchronized.edit_customer(customer, address="Torget 50")
    else:
        synchronized.edit_account(account, address1_line1="Torget 50")
    found = look(synchronized, "CUSTOMER")
    assert found[""] == 1
    [difference] = found["differences"]
    edited = {"bc": before, "crm": before} | {side: "Torget 50"}
    assert difference.pop("reason").endswith("was changed since it was settled")
    assert difference.pop("cure") == f"kobling sync CUSTOMER --record bc:{customer}"
    assert difference == {
        "mapping": "CUSTOMER",
        "bc_id": customer,
        "crm_id": account,
        "number": synchronized.customer(customer)["no"],
        "field": "Address",
        "base": {"bc": before, "crm": before},
        **edited,
    }
    synchronized.sync("CUSTOMER", records=(f"bc:{customer}",))
    assert look(synchronized, "CUSTOMER")["differences"] == []


def test_a_conflict_is_a_difference_until_it_is_resolved(synchronized: World) -> None:
    customer, account = synchronized.pair()
    synchronized.edit_customer(customer, name="Name in BC")
    synchronized.edit_account(account, name="Name in Sales")
    synchronized.sync("CUSTOMER")
    [difference] = look(synchronized, "CUSTOMER")["differences"]
    assert (difference["field"], difference["bc"], difference["crm"]) == (
        "Name",
        "Name in BC",
        "Name in Sales",
    )
    assert "both sides" in difference["reason"]
    assert f"kobling conflict resolve CUSTOMER bc:{customer}" in difference["cure"]
    synchronized.resolve("bc", mapping="CUSTOMER", record=f"bc:{customer}")
    assert look(synchronized, "CUSTOMER")["differences"] == []


def test_records_that_were_coupled_and_not_compared_yet_differ(synchronized: World) -> None:
    customer, account = synchronized.pair()
    synchronized.uncouple("CUSTOMER", customer)
    synchronized.edit_account(account, name="Name in Sales")
    synchronized.couple("CUSTOMER", customer, account)
    found = look(synchronized, "CUSTOMER")
    assert found["different"] == 1
    assert {one["crm_id"] for one in found["differences"]} == {account}
    assert "Name" in {one["field"] for one in found["differences"]}
    assert all(one["base"] == {"bc": None, "crm": None} for one in found["differences"])


def test_records_that_were_left_as_they_were_are_accepted(synchronized: World) -> None:
    customer, account = synchronized.pair()
    synchronized.uncouple("CUSTOMER", customer)
    synchronized.edit_account(account, name="Name in Sales")
    synchronized.couple("CUSTOMER", customer, account, use="leave")
    found = look(synchronized, "CUSTOMER")
    assert found["differences"] == [], found["differences"]
    assert kinds_of(found, "Name") == {"accepted"}


def test_what_an_undo_has_put_back_is_accepted(synchronized: World) -> None:
    customer, account = synchronized.pair()
    synchronized.edit_customer(customer, phoneNo="+47 99")
    synchronized.undo(synchronized.sync("CUSTOMER")["CUSTOMER"]["job"])
    assert synchronized.account(account)["telephone1"] != "+47 99"
    found = look(synchronized, "CUSTOMER")
    assert found["differences"] == [], found["differences"]
    assert kinds_of(found, "Phone No.") == {"accepted"}


def _upper(world: World, customer: str, account: str) -> str:
    rule = {"entity": "account", "on": "update", "field": "address1_line1", "upper": True}
    world.plugins(rule)
    world.edit_customer(customer, address="storgata 1")
    return "Address"


def _cut(world: World, customer: str, account: str) -> str:
    world.edit_account(account, name="x" * 150)
    return "Name"


def _code(world: World, customer: str, account: str) -> str:
    world.edit_account(account, address1_postalcode="sw1a 1aa")
    return "Post Code"


def _unknown_country(world: World, customer: str, account: str) -> str:
    world.edit_account(account, address1_country="Atlantis")
    return "Country/Region Code"


@pytest.mark.parametrize("edit", [_upper, _cut, _code, _unknown_country])
def test_what_a_service_holds_in_its_own_form_is_normalised(
    synchronized: World, edit: Callable[[World, str, str], str]
) -> None:
    before = look(synchronized, "CUSTOMER")
    field = edit(synchronized, *synchronized.pair())
    synchronized.sync("CUSTOMER")
    assert wrote(synchronized.sync("CUSTOMER")) == 0
    found = look(synchronized, "CUSTOMER")
    assert found["differences"] == [], found["differences"]
    assert "normalised" in kinds_of(found, field)
    assert found["normalised"] >= before["normalised"]
    assert found["waiting"] == before["waiting"]


def test_an_edit_against_the_direction_is_accepted_with_its_reason(synchronized: World) -> None:
    _, account = synchronized.pair()
    synchronized.edit_account(account, creditlimit=4711)
    synchronized.sync("CUSTOMER")
    found = look(synchronized, "CUSTOMER")
    assert found["differences"] == [], found["differences"]
    assert kinds_of(found, "Credit Limit (LCY)") == {"accepted"}


def test_a_pair_outside_the_filter_is_accepted_until_it_returns(synchronized: World) -> None:
    customer, _ = synchronized.pair()
    synchronized.edit_customer(customer, blocked="All", address="Torget 51")
    synchronized.sync("CUSTOMER")
    found = look(synchronized, "CUSTOMER")
    assert found["differences"] == [], found["differences"]
    assert any("outside the filter" in one["reason"] for one in found["reasons"])
    synchronized.edit_customer(customer, blocked="_x0020_")
    [difference] = look(synchronized, "CUSTOMER")["differences"]
    assert difference["field"] == "Address"


def test_a_record_that_is_gone_is_a_difference_of_the_pair(synchronized: World) -> None:
    _, account = synchronized.pair()
    synchronized.delete("crm", "accounts", account)
    [difference] = look(synchronized, "CUSTOMER")["differences"]
    assert (difference["crm_id"], difference["field"]) == (account, None)
    assert "deleted" in difference["reason"]


def test_a_look_up_whose_target_was_uncoupled_waits(synchronized: World) -> None:
    customer, _ = synchronized.pair()
    seller = synchronized.customer(customer)["salespersonCode"]
    [code] = [one for one in synchronized.couplings("SALESPEOPLE") if one["number"] == seller]
    synchronized.uncouple("SALESPEOPLE", code["bc_id"])
    found = look(synchronized, "CUSTOMER")
    assert found["differences"] == [], found["differences"]
    assert found["waiting"] > 1
    assert "waiting" in kinds_of(found, "Salesperson Code")


def test_what_is_held_is_accepted_and_what_a_person_edits_beside_it_differs(synchronized: World) -> None:
    customer, account = synchronized.pair()
    place = f"{synchronized.crm('accounts')}({account})"
    synchronized.send("crm", "PATCH", place, {"fax": "11112222"}, client="kobling")
    synchronized.sync("CUSTOMER")
    found = look(synchronized, "CUSTOMER")
    assert found["differences"] == [], found["differences"]
    assert kinds_of(found, "Fax No.") == {"accepted"}
    synchronized.edit_customer(customer, address="Torget 52")
    assert [one["field"] for one in look(synchronized, "CUSTOMER")["differences"]] == ["Address"]
