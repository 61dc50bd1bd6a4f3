"""Runs over some records, over every record, or rehearsed; couplings made by hand and by matching."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from engine.world import World, wrote
from kobling.model.errors import ConfigurationError


@pytest.mark.scenario("CP-01")
@pytest.mark.scenario("CP-02")
@pytest.mark.parametrize("form", ["bc:{bc}", "crm:{crm}", "{bc}", "{crm}", "{number}", "BC:{{{bc}}}"])
def test_every_form_of_an_id_means_the_same_pair(synchronized: World, form: str) -> None:
    customer, account = synchronized.pair()
    other, other_account = synchronized.pair("C00020")
    number = synchronized.customer(customer)["no"]
    synchronized.edit_customer(customer, address="Torget 30")
    synchronized.edit_account(account, fax="55667788")
    synchronized.edit_customer(other, address="Torget 31")
    text = form.format(bc=customer, crm=account.upper(), number=number)
    run = synchronized.sync("CUSTOMER", records=(text,))
    assert wrote(run) == 2
    assert synchronized.account(account)["address1_line1"] == "Torget 30"
    assert synchronized.customer(customer)["faxNo"] == "55667788"
    assert synchronized.account(other_account)["address1_line1"] != "Torget 31"
    assert wrote(synchronized.sync("CUSTOMER")) == 1


def test_a_record_named_twice_is_taken_up_once(world: World) -> None:
    world.sync("SALESPEOPLE", "CURRENCY", full=True)
    [customer] = world.customers("no eq 'C00010'")
    run = world.sync("CUSTOMER", full=True, records=("C00010", f"bc:{customer['id']}"))
    assert run["CUSTOMER"]["counts"]["to"]["inserted"] == 1
    assert run[""] == 0


def test_an_uncoupled_record_is_named_as_such(world: World) -> None:
    run = world.sync("CUSTOMER", records=("C00010",))
    assert run[""] == 1
    [error] = run["CUSTOMER"]["errors"]
    assert error["class"] == "not coupled"
    assert wrote(run) == 0


def test_a_record_that_does_not_exist_is_an_error_also_in_a_full_run(world: World) -> None:
    missing = "bc:00000000-0000-4000-8000-000000000001"
    assert world.sync("CUSTOMER", records=(missing,))[""] == 1
    with pytest.raises(ConfigurationError):
        world.sync("CUSTOMER", records=("C-NOBODY",))
    with pytest.raises(ConfigurationError):
        world.sync("CUSTOMER", full=True, records=(missing,))


def test_every_record_compares_all_pairs_and_creates_nothing(synchronized: World) -> None:
    pairs = len(synchronized.couplings())
    before = synchronized.count("bc", "Customer"), synchronized.count("crm", "account")
    run = synchronized.sync("CUSTOMER", every_record=True)
    assert wrote(run) == 0
    assert run["CUSTOMER"]["counts"]["to"]["unchanged"] == pairs
    assert (synchronized.count("bc", "Customer"), synchronized.count("crm", "account")) == before


def test_every_record_creates_nothing_where_uncoupled_records_are_synchronized_too(world: World) -> None:
    world.sync("SALESPEOPLE", "CURRENCY", full=True)
    world.configure("CUSTOMER", synch_only_coupled=False)
    before = world.count("bc", "Customer"), world.count("crm", "account")
    assert wrote(world.sync("CUSTOMER", every_record=True)) == 0
    assert (world.count("bc", "Customer"), world.count("crm", "account")) == before
    made = world.create("bc", "customers", name="Newcomer AS")
    world.sync("CUSTOMER", every_record=True)
    assert world.count("crm", "account") == before[1]
    world.sync("CUSTOMER", records=(f"bc:{made['id']}",), full=True)
    assert world.count("crm", "account") == before[1] + 1


def _written(actions: list[dict[str, Any]], existing: set[str]) -> list[str]:
    """What a rehearsal says that it would write, one entry a written record, comparable with the audit."""
    found = []
    for one in actions:
        for system, values in one["fields"].items():
            after = {key: _plain(pair[1]) for key, pair in values.items()}
            known = one["bc_id"] if system == "crm" else one["crm_id"]
            found.append(json.dumps([system, known if known in existing else "", after], sort_keys=True))
    return sorted(found)


def _plain(value: Any) -> str:
    return format(Decimal(str(value)).normalize()) if type(value) in {int, float, Decimal} else str(value)


def _audited(world: World, after: int, existing: set[str]) -> list[str]:
    names = {"left": "bc", "right": "crm"}
    found = []
    for left, right, side, _, values in world.audit()[after:]:
        known = left if side == "right" else right
        written = {key: _plain(pair[1]) for key, pair in values.items()}
        found.append(json.dumps([names[side], known if known in existing else "", written], sort_keys=True))
    return sorted(found)


def test_a_rehearsal_of_a_full_run_says_what_the_run_then_does(world: World) -> None:
    existing = {one["id"] for one in world.customers()} | {one["accountid"] for one in world.accounts()}
    # Numbers that Business Central gives, and so what is coupled by them, nobody knows beforehand.
    names = ("SALESPEOPLE", "CURRENCY", "CUSTOMER")
    rehearsed = world.sync(*names, full=True, dry_run=True)
    assert world.query("select count(*) from coupling") == [(0,)]
    assert world.query("select count(*) from job") == [(0,)]
    assert world.query("select count(*) from intent") == [(0,)]
    assert wrote(rehearsed) > 0
    before = world.count("bc", "Customer"), world.count("crm", "account")
    run = world.sync(*names, full=True)
    assert (world.count("bc", "Customer"), world.count("crm", "account")) != before
    assert _audited(world, 0, existing) == _written(rehearsed["actions"], existing)
    for name in names:
        assert rehearsed[name]["counts"] == run[name]["counts"]
        assert rehearsed[name]["open"] == run[name]["open"]
    assert rehearsed[""] == run[""]


def test_a_rehearsal_of_changes_says_what_the_run_then_does(synchronized: World) -> None:
    customer, account = synchronized.pair()
    other, other_account = synchronized.pair("C00020")
    # A customer without contacts, as a deleted account takes them along.
    third, third_account = synchronized.pair("C00040")
    synchronized.edit_customer(customer, address="Torget 32", name="Name in BC")
    synchronized.edit_account(account, fax="66778899", name="Name in Sales")
    synchronized.edit_customer(other, creditLimitLCY=500)
    synchronized.configure("CUSTOMER", deletion_conflict="restore")
    synchronized.delete("crm", "accounts", third_account)
    tables = ("coupling", "inbox", "feed", "mark", "reference", "job", "intent", "audit", "generation")
    before = [synchronized.query(_all(one)) for one in tables]
    noted = len(synchronized.audit())
    counts = synchronized.count("bc", "Customer"), synchronized.count("crm", "account")
    rehearsed = synchronized.sync(dry_run=True)
    assert [synchronized.query(_all(one)) for one in tables] == before
    assert (synchronized.count("bc", "Customer"), synchronized.count("crm", "account")) == counts
    assert synchronized.account(other_account)["creditlimit"] != 500
    run = synchronized.sync()
    existing = {customer, account, other, other_account, third}
    assert _audited(synchronized, noted, existing) == _written(rehearsed["actions"], existing)
    for name in ("SALESPEOPLE", "CURRENCY", "CUSTOMER"):
        assert rehearsed[name]["counts"] == run[name]["counts"]
    assert third in {one["bc_id"] for one in synchronized.couplings()}


def _all(table: str) -> Any:
    return f"select {table}::text from {table} order by 1"


def _inside(world: World) -> str:
    """An account inside the filter of CUSTOMER."""
    return str(world.accounts("statecode eq 0 and customertypecode eq 3")[0]["accountid"])


@pytest.mark.parametrize(("use", "name"), [("bc", "Left"), ("crm", "Right"), ("leave", "")])
def test_the_choice_at_first_contact(world: World, use: str, name: str) -> None:
    world.sync("SALESPEOPLE", "CURRENCY", full=True)
    customer, account = world.customers("no eq 'C00010'")[0]["id"], _inside(world)
    world.edit_customer(customer, name="Left", faxNo="", address2="")
    world.edit_account(account, name="Right", fax="99001122", address1_line2="Floor 2")
    world.couple("CUSTOMER", f"bc:{customer}", f"crm:{account}", use)
    left, right = world.customer(customer), world.account(account)
    assert [left["name"], right["name"]] == ([name, name] if name else ["Left", "Right"])
    assert left["faxNo"] == ("" if use == "leave" else "99001122")
    for _ in range(3):
        run = world.sync("CUSTOMER")
    assert wrote(run) == 0
    world.edit_customer(customer, address="Torget 33")
    world.sync("CUSTOMER")
    assert world.account(account)["address1_line1"] == "Torget 33"
    assert world.account(account)["name"] == right["name"]


@pytest.mark.parametrize("use", ["", "bc", "leave"])
def test_a_first_contact_outside_the_filter_waits_and_keeps_its_choice(world: World, use: str) -> None:
    world.sync("SALESPEOPLE", "CURRENCY", full=True)
    customer, account = world.customers("no eq 'C00010'")[0]["id"], _inside(world)
    world.edit_customer(customer, name="Left", blocked="All")
    world.edit_account(account, name="Right")
    made = world.couple("CUSTOMER", f"bc:{customer}", f"crm:{account}", use)
    assert "Blocked is blank" in made["outside"]
    run = world.sync("CUSTOMER")
    assert wrote(run) == 0
    world.edit_customer(customer, blocked="_x0020_")
    run = world.sync("CUSTOMER")
    names = [world.customer(customer)["name"], world.account(account)["name"]]
    assert names == (["Left", "Left"] if use == "bc" else ["Left", "Right"])
    assert run["CUSTOMER"]["open"]["conflicts"] == (1 if use == "" else 0)


def test_matching_couples_what_is_unique_and_settles_it_as_asked(world: World) -> None:
    world.sync("SALESPEOPLE", "CURRENCY", full=True)
    customer, account = world.customers("no eq 'C00010'")[0], _inside(world)
    world.edit_customer(customer["id"], name="Only One of the Kind")
    world.edit_account(account, name="ONLY ONE OF THE KIND", fax="12312312")
    found = world.match("CUSTOMER", "Name=name", use="leave", dry_run=True)
    assert world.couplings() == []
    found = world.match("CUSTOMER", "Name=name", use="bc")
    assert (customer["id"], account) in [(one["bc_id"], one["crm_id"]) for one in found["matched"]]
    assert world.account(account)["name"] == "Only One of the Kind"
    assert wrote(world.sync("CUSTOMER")) == 0


def test_a_partner_that_two_records_could_mean_is_counted_and_told(world: World) -> None:
    for code in ("TWIN1", "TWIN2"):
        world.create("bc", "salespeoplePurchasers", code=code, name=code, eMail="twins@x.example")
    world.create(
        "crm",
        "systemusers",
        fullname="Twin",
        internalemailaddress="twins@x.example",
        islicensed=True,
        isdisabled=False,
    )
    run = world.sync("SALESPEOPLE", full=True)
    assert run["SALESPEOPLE"]["counts"]["from"]["failed"] == 1
    [error] = run["SALESPEOPLE"]["errors"]
    assert "E-Mail" in error["message"]
    assert run[""] == 1


@pytest.mark.parametrize("form", ["{number}", "bc:{bc}", "crm:{crm}", "{crm}"])
def test_a_record_is_found_in_whichever_mapping_knows_it(synchronized: World, form: str) -> None:
    customer, account = synchronized.pair()
    number = synchronized.customer(customer)["no"]
    synchronized.edit_customer(customer, address="Torget 70")
    run = synchronized.sync(records=(form.format(number=number, bc=customer, crm=account),))
    assert synchronized.account(account)["address1_line1"] == "Torget 70"
    # An account may be a vendor's, too.
    assert run.keys() - {"", "actions", "VENDOR"} == {"CUSTOMER"}
    assert run["CUSTOMER"]["errors"] == []


def test_a_record_that_no_mapping_knows_is_refused(synchronized: World) -> None:
    for text in ("C-NOBODY", "bc:00000000-0000-4000-8000-000000000001"):
        with pytest.raises(ConfigurationError, match="None of"):
            synchronized.sync(records=(text,))


def _pairs(world: World, mapping: str) -> list[tuple[str, str]]:
    return [(one["bc_id"], one["crm_id"]) for one in world.couplings(mapping)]


@pytest.mark.scenario("UN-02")
@pytest.mark.scenario("UN-03")
def test_all_of_the_chosen_mappings_go_and_the_others_stay(synchronized: World) -> None:
    world = synchronized
    chosen = ("SALESPEOPLE", "CUSTOMER")
    before = {name: _pairs(world, name) for name in (*chosen, "CURRENCY", "VENDOR", "CONTACT")}
    contacts = len(before["CONTACT"])
    for name in chosen:
        assert world.uncouple(name)["uncoupled"] == len(before[name]) > 0
        assert _pairs(world, name) == []
    accounts = {one["accountid"]: one["_bcbi_companyid_value"] for one in world.accounts()}
    assert {accounts[crm] for _, crm in before["CUSTOMER"]} == {None}
    for name in ("CURRENCY", "VENDOR"):
        assert _pairs(world, name) == before[name]
    assert contacts - len(_pairs(world, "CONTACT")) > 0
    assert wrote(world.sync("CUSTOMER", "SALESPEOPLE", "CURRENCY", "CONTACT", "VENDOR")) == 0
