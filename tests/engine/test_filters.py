"""Aim: a filter in the language of Business Central decides which records take part, wherever it is judged.

Method: stories over the served sandbox. Some records stand inside a filter and some outside; what a run
creates, what it reads and what matching finds are looked at from outside.
"""

from __future__ import annotations

from typing import Any

import pytest

from engine.world import World
from kobling.model.errors import ConfigurationError
from kobling.service.mappings import set_mapping, show_mappings
from kobling.service.synchronize import Request, synchronize


def _nobody_waits(name: str) -> None:
    raise AssertionError(f"somebody else holds {name}")


def change(world: World, mapping: str, *edits: str, existing: bool = False) -> dict[str, Any]:
    def work(session: Any) -> Any:
        return set_mapping(session, mapping, edits, existing=existing, wait=_nobody_waits)

    return world.command(work)


def new_customer(world: World, number: str, **values: Any) -> str:
    body = {"no": number, "name": f"Filtered {number}", "salespersonCode": "AH"} | values
    return str(world.create("bc", "customers", **body)["id"])


def new_account(world: World, name: str, **values: Any) -> str:
    body = {"name": name, "customertypecode": 3} | values
    return str(world.create("crm", "accounts", **body)["accountid"])


def full_read(world: World, *mappings: str, direction: str) -> dict[str, int]:
    """A full run; how many rows it read, by what it read."""
    read: dict[str, int] = {}
    request = Request(mappings=mappings, full=True, direction=direction)
    world.command(lambda one: synchronize(one, request, progress=read.__setitem__, wait=_nobody_waits))
    return read


def numbers(world: World) -> list[str]:
    return sorted(one["number"] for one in world.couplings())


@pytest.mark.scenario("FI-01")
def test_only_what_the_filter_lets_through_is_created_and_all_is_updated_when_it_is_lifted(
    world: World,
) -> None:
    world.sync("SALESPEOPLE", "CURRENCY", full=True)
    ids = [new_customer(world, number) for number in ("F1", "F2", "F3")]
    change(world, "CUSTOMER", "bc_filter=Blocked = '' AND No. = F1..F2")
    run = world.sync("CUSTOMER", full=True, direction="to")
    assert run["CUSTOMER"]["counts"]["to"]["inserted"] == 2
    assert numbers(world) == ["F1", "F2"]
    change(world, "CUSTOMER", "bc_filter=default")
    account = new_account(world, "By hand")
    world.couple("CUSTOMER", ids[2], account, use="bc")
    world.edit_customer(ids[2], name="Renamed")
    world.sync("CUSTOMER")
    assert world.account(account)["name"] == "Renamed"


@pytest.mark.scenario("FI-02")
def test_only_the_accounts_that_the_filter_lets_through_become_customers(world: World) -> None:
    for name in ("Alpha AS", "alpine as", "Beta AS"):
        new_account(world, name)
    before = world.count("bc", "Customer")
    change(world, "CUSTOMER", "crm_filter=statecode = 0 AND name = Al*")
    run = world.sync("CUSTOMER", full=True, direction="from")
    assert run["CUSTOMER"]["counts"]["from"]["inserted"] == 1
    assert world.count("bc", "Customer") == before + 1
    assert [one["bc_name"] for one in world.couplings()] == ["Alpha AS"]


@pytest.mark.scenario("FS-12")
def test_a_full_run_has_the_filter_and_creates_what_is_not_coupled(world: World) -> None:
    world.sync("SALESPEOPLE", "CURRENCY", full=True)
    for number, city in (("F1", "Oslo"), ("F2", "Horten"), ("F3", "Bodø")):
        new_customer(world, number, city=city)
    change(world, "CUSTOMER", "bc_filter=No.: F*, City: @*o*&<>Horten")
    world.sync("CUSTOMER", full=True, direction="to")
    assert numbers(world) == ["F1", "F3"]
    assert world.sync("CUSTOMER")["CUSTOMER"]["counts"]["to"]["inserted"] == 0


def test_a_first_full_read_leaves_to_the_service_what_is_outside(world: World) -> None:
    world.sync("SALESPEOPLE", "CURRENCY", full=True)
    identifier = new_customer(world, "F3", city="Moss")
    new_customer(world, "F1", city="Oslo")
    change(world, "CUSTOMER", "bc_filter=City = Os*o AND No. = F*", "synch_only_coupled=off")
    read = full_read(world, "CUSTOMER", direction="to")
    assert read["read customers"] == 1
    assert numbers(world) == ["F1"]
    # Nobody had to remember it: that it comes inside is a change of its own.
    world.edit_customer(identifier, city="Oslo")
    assert world.sync("CUSTOMER", direction="to")["CUSTOMER"]["counts"]["to"]["inserted"] == 1
    assert numbers(world) == ["F1", "F3"]


def test_with_couplings_everything_is_read_and_leaving_is_seen(world: World) -> None:
    world.sync("SALESPEOPLE", "CURRENCY", full=True)
    identifier = new_customer(world, "F1", city="Oslo")
    change(world, "CUSTOMER", "bc_filter=City = Os*o AND No. = F*")
    assert full_read(world, "CUSTOMER", direction="to")["read customers"] == 1
    world.edit_customer(identifier, city="Moss", name="Changed outside")
    read = full_read(world, "CUSTOMER", direction="to")
    assert read["read customers"] == len(world.customers())
    [coupling] = world.couplings()
    assert world.account(coupling["crm_id"])["name"] == "Filtered F1"
    world.edit_customer(identifier, city="Oslo")
    world.sync("CUSTOMER", direction="to")
    assert world.account(coupling["crm_id"])["name"] == "Changed outside"


def test_what_waits_is_read_again_though_it_has_left_the_filter(world: World) -> None:
    """Its row in the inbox holds the record as it was inside: a full read that leaves it out creates it."""
    world.sync("CURRENCY", full=True)
    identifier = new_customer(world, "F1", city="Oslo")
    change(world, "CUSTOMER", "bc_filter=City = Oslo AND No. = F*")
    world.sync("CUSTOMER", full=True, direction="to")
    assert world.couplings() == []
    world.edit_customer(identifier, city="Moss")
    before = world.count("crm", "account")
    world.sync("SALESPEOPLE", "CUSTOMER", full=True, direction="to")
    world.sync("SALESPEOPLE", full=True)
    world.sync("CUSTOMER", full=True, direction="to")
    assert world.count("crm", "account") == before


@pytest.mark.scenario("FI-08")
@pytest.mark.scenario("CP-66")
def test_matching_offers_only_the_accounts_that_the_filter_lets_through(world: World) -> None:
    for number, name in (("F1", "Alpha"), ("F2", "Beta")):
        new_customer(world, number, name=name)
        new_account(world, name)
    change(world, "CUSTOMER", "crm_filter=name = @alpha", "bc_filter=No. = F1..F9")
    matched = world.match("CUSTOMER", "Name=name", dry_run=True)
    assert len(matched["matched"]) == 1
    assert len(matched["unmatched"]) == 1


@pytest.mark.scenario("FI-09")
@pytest.mark.scenario("CP-67")
def test_matching_offers_only_the_contacts_that_the_filter_lets_through(world: World) -> None:
    for number, name in (("P1", "Alpha"), ("P2", "Beta")):
        world.create("bc", "contacts", no=number, type="Person", name=name, eMail=f"{name}@example.com")
        world.create("crm", "contacts", lastname=name, emailaddress1=f"{name}@example.com")
    change(world, "CONTACT", "crm_filter=fullname = Al*", "bc_filter=No. = P1|P2")
    matched = world.match("CONTACT", "E-Mail=emailaddress1", dry_run=True)
    assert len(matched["matched"]) == 1
    assert len(matched["unmatched"]) == 1


@pytest.mark.scenario("FI-12")
@pytest.mark.scenario("CP-69")
def test_matching_offers_only_the_currencies_that_the_filter_lets_through(world: World) -> None:
    everything = world.match("CURRENCY", dry_run=True)["matched"]
    assert len(everything) > 1
    change(world, "CURRENCY", "crm_filter=isocurrencycode = S?K")
    assert len(world.match("CURRENCY", dry_run=True)["matched"]) == 1


@pytest.mark.scenario("CP-68")
def test_matching_offers_only_the_users_that_the_filter_lets_through(world: World) -> None:
    everything = world.match("SALESPEOPLE", dry_run=True)["matched"]
    assert len(everything) > 1
    change(world, "SALESPEOPLE", "crm_filter=internalemailaddress = nobody@*")
    assert world.match("SALESPEOPLE", dry_run=True)["matched"] == []


@pytest.mark.scenario("TS-28")
def test_a_stored_filter_that_cannot_be_read_ends_the_run_with_its_place(world: World) -> None:
    world.configure("CUSTOMER", bc_filter=[{"column": "city", "expression": "A..|("}])
    with pytest.raises(
        ConfigurationError, match=r"bc.filter\[0\]: The filter 'A..|\(' is wrong at position 6"
    ):
        world.sync("CUSTOMER")


def test_a_filter_of_an_earlier_version_is_read(world: World) -> None:
    old = [
        {"column": "city", "values": ["Oslo", "Moss"], "negated": False, "source": "", "text": "City is one"}
    ]
    world.configure("CUSTOMER", bc_filter=old)
    shown = world.command(lambda one: show_mappings(one, "CUSTOMER"))
    assert shown["variants"][0]["bc_filter"] == "City = Oslo|Moss"


@pytest.mark.parametrize(
    "text",
    [
        "Blocked = '' AND City = A..F|@*holm*|<>X*&<>''",
        "No. = 10000..20000|'A|B'",
        "Credit Limit (LCY) >= 1000.5",
        "",
    ],
)
def test_what_is_shown_can_be_set_again(world: World, text: str) -> None:
    shown = change(world, "CUSTOMER", f"bc_filter={text}")["variants"][0]["bc_filter"]
    assert shown == text
    assert change(world, "CUSTOMER", f"bc_filter={shown}")["variants"][0]["bc_filter"] == text
