"""Records that are deleted, said to be deleted, or hidden from us."""

from __future__ import annotations

from typing import Any

import pytest

from engine.world import World, wrote
from kobling.model.errors import ProtocolError
from kobling.service.couplings import find_deleted_records


@pytest.mark.parametrize("system", ["bc", "crm"])
@pytest.mark.parametrize("policy", ["none", "restore", "remove-coupling", "delete"])
def test_each_policy_does_what_it_says(synchronized: World, system: str, policy: str) -> None:
    synchronized.configure("CUSTOMER", deletion_conflict=policy)
    customer, account = synchronized.pair()
    customers, accounts = synchronized.count("bc", "Customer"), synchronized.count("crm", "account")
    if system == "bc":
        synchronized.delete("bc", "customers", customer)
    else:
        synchronized.delete("crm", "accounts", account)
    run = synchronized.sync("CUSTOMER")
    way = "to" if system == "bc" else "from"
    counts = run["CUSTOMER"]["counts"][way]
    pairs = {(one["bc_id"], one["crm_id"]) for one in synchronized.couplings()}
    gone = {"bc": int(system == "bc"), "crm": int(system == "crm")}
    if policy == "restore":
        gone = {"bc": 0, "crm": 0}
        other = "from" if system == "bc" else "to"
        assert run["CUSTOMER"]["counts"][other]["inserted"] == 1
        [new] = [one for one in pairs if customer in one or account in one]
        assert new != (customer, account)
    elif policy == "delete":
        gone = {"bc": 1, "crm": 1}
        assert counts["deleted"] == 1
    elif policy == "remove-coupling":
        assert counts["uncoupled"] == 1
        assert (customer, account) not in pairs
    else:
        assert counts["skipped"] == 1
        assert run["CUSTOMER"]["open"]["skipped"] == 1
        assert [one["bc_id"] for one in synchronized.skipped()] == [customer]
    assert synchronized.count("bc", "Customer") == customers - gone["bc"]
    assert synchronized.count("crm", "account") == accounts - gone["crm"]
    for _ in range(3):
        again = synchronized.sync()
    assert wrote(again) == 0
    assert synchronized.query("select count(*) from inbox where due") == [(0,)]


def test_rights_that_are_gone_are_not_taken_for_deletions(synchronized: World) -> None:
    customer, _ = synchronized.pair()
    synchronized.configure("CUSTOMER", deletion_conflict="delete")
    synchronized.delete("bc", "customers", customer)
    before = synchronized.count("crm", "account")
    synchronized.faults(
        "bc", {"method": "GET", "path": r"/customers\(", "every": 1, "action": "status", "status": 404}
    )
    with pytest.raises(ProtocolError):
        synchronized.sync("CUSTOMER")
    assert synchronized.count("crm", "account") == before
    synchronized.faults("bc")
    run = synchronized.sync("CUSTOMER")
    assert run["CUSTOMER"]["counts"]["to"]["deleted"] == 1
    assert synchronized.count("crm", "account") == before - 1


def test_a_deletion_without_proof_is_looked_at_again_once_there_can_be_one(world: World) -> None:
    world.sync("SALESPEOPLE", "CURRENCY", full=True)
    world.configure("CUSTOMER", deletion_conflict="remove-coupling")
    one, other = world.customers("no eq 'C00010' or no eq 'C00020'")
    first, second = world.accounts("statecode eq 0 and customertypecode eq 3")[:2]
    world.couple("CUSTOMER", one["id"], f"crm:{first['accountid']}", use="leave")
    world.sync("CUSTOMER")
    world.delete("crm", "accounts", first["accountid"])
    run = world.sync("CUSTOMER")
    assert run["CUSTOMER"]["open"]["skipped"] == 1
    assert len(world.couplings()) == 1
    world.couple("CUSTOMER", other["id"], f"crm:{second['accountid']}", use="leave")
    world.sync("CUSTOMER")
    assert [each["bc_id"] for each in world.couplings()] == [other["id"]]
    assert world.skipped() == []


def test_a_record_that_was_deleted_twice_under_one_id_stops_no_run(synchronized: World) -> None:
    customer, account = synchronized.pair()
    before = synchronized.customer(customer)
    synchronized.delete("bc", "customers", customer)
    synchronized.create("bc", "customers", id=customer, name=before["name"])
    synchronized.delete("bc", "customers", customer)
    run = synchronized.sync("CUSTOMER")
    assert run["CUSTOMER"]["counts"]["to"]["skipped"] == 1
    assert synchronized.account(account)["statecode"] == 0


def test_a_living_record_cancels_its_tombstone(synchronized: World) -> None:
    customer, account = synchronized.pair()
    before = synchronized.customer(customer)
    synchronized.delete("bc", "customers", customer)
    synchronized.create(
        "bc",
        "customers",
        id=customer,
        no=before["no"],
        name="Back again",
        salespersonCode="",
    )
    synchronized.configure("CUSTOMER", deletion_conflict="delete")
    synchronized.sync("CUSTOMER")
    assert synchronized.account(account)["name"] == "Back again"


def test_a_record_coupled_anew_after_a_removal_gets_another_id(synchronized: World) -> None:
    customer, account = synchronized.pair()
    synchronized.uncouple("CUSTOMER", f"bc:{customer}")
    synchronized.sync("CUSTOMER", full=True, records=(f"bc:{customer}",))
    [now] = [one for one in synchronized.couplings() if one["bc_id"] == customer]
    assert now["crm_id"] != account
    assert synchronized.account(account)["_bcbi_companyid_value"] is None


def test_a_token_that_expired_makes_a_full_read_and_nothing_else(synchronized: World) -> None:
    _, account = synchronized.pair()
    synchronized.edit_account(account, fax="44556677")
    gone = {"method": "GET", "path": "deltatoken", "nth": 1, "times": 1, "action": "status", "status": 410}
    synchronized.faults("crm", gone)
    run = synchronized.sync("CUSTOMER")
    assert wrote(run) == 1
    assert run["CUSTOMER"]["counts"]["from"]["modified"] == 1
    assert wrote(synchronized.sync()) == 0


def test_a_coupling_removed_by_policy_takes_the_company_off_its_account(synchronized: World) -> None:
    synchronized.configure("CUSTOMER", deletion_conflict="remove-coupling")
    customer, account = synchronized.pair()
    assert synchronized.account(account)["_bcbi_companyid_value"] is not None
    synchronized.delete("bc", "customers", customer)
    synchronized.sync("CUSTOMER")
    assert synchronized.account(account)["_bcbi_companyid_value"] is None


def test_what_nobody_told_of_is_found_on_request(synchronized: World) -> None:
    synchronized.configure("CUSTOMER", deletion_conflict="remove-coupling")
    customer, account = synchronized.pair()
    synchronized.delete("crm", "accounts", account)
    checked = len(synchronized.couplings())
    found, status = synchronized.command(
        lambda one: find_deleted_records(one, "CUSTOMER", wait=lambda name: None)
    )
    missing = {"bc": [], "crm": [account]}
    assert (found, status) == ({"mapping": "CUSTOMER", "checked": checked, "missing": missing}, 0)
    # A hint is no proof: who only looks leaves the coupling alone.
    assert customer in {one["bc_id"] for one in synchronized.couplings()}
    synchronized.sync("CUSTOMER", records=(customer,))
    assert customer not in {one["bc_id"] for one in synchronized.couplings()}


def test_a_mapping_that_was_enabled_all_along_is_not_swept(synchronized: World) -> None:
    synchronized.reset_requests()
    synchronized.sync("CUSTOMER")
    assert [one for one in synchronized.requests("crm")["parts"] if "/accounts(" in one["path"]] == []


def test_a_deletion_is_not_forgotten_while_its_mapping_is_disabled(synchronized: World) -> None:
    customer, _ = synchronized.pair()
    synchronized.configure("CUSTOMER", enabled=False)
    synchronized.delete("bc", "customers", customer)
    synchronized.sync("SALESPEOPLE")
    synchronized.configure("CUSTOMER", enabled=True, deletion_conflict="remove-coupling")
    synchronized.sync("CUSTOMER")
    assert customer not in {one["bc_id"] for one in synchronized.couplings()}


def test_a_deletion_is_found_although_the_token_expired_meanwhile(synchronized: World) -> None:
    synchronized.configure("CUSTOMER", deletion_conflict="remove-coupling")
    customer, account = synchronized.pair()
    synchronized.delete("crm", "accounts", account)
    gone = {"method": "GET", "path": "deltatoken", "nth": 1, "times": 1, "action": "status", "status": 410}
    synchronized.faults("crm", gone)
    synchronized.sync("CUSTOMER")
    assert customer not in {one["bc_id"] for one in synchronized.couplings()}


def test_a_right_that_is_missing_for_one_record_proves_no_deletion(synchronized: World) -> None:
    synchronized.configure("CUSTOMER", deletion_conflict="remove-coupling")
    customer, account = synchronized.pair()
    synchronized.delete("crm", "accounts", account)
    refused = {"method": "GET", "path": rf"accounts\({account}\)", "every": 1}
    synchronized.faults("crm", refused | {"action": "status", "status": 403})
    run = synchronized.sync("CUSTOMER")
    assert run["CUSTOMER"]["open"]["skipped"] == 1
    assert customer in {one["bc_id"] for one in synchronized.couplings()}
    synchronized.faults("crm")
    synchronized.sync("CUSTOMER")
    assert customer not in {one["bc_id"] for one in synchronized.couplings()}


def test_a_full_read_that_misses_nothing_looks_at_nothing(synchronized: World) -> None:
    synchronized.reset_requests()
    for how in ({"dry_run": True}, {}):
        assert wrote(synchronized.sync("CUSTOMER", full=True, **how)) == 0
    for system, place in (("bc", "customers("), ("crm", "accounts(")):
        asked: Any = synchronized.requests(system)["parts"]
        assert [one for one in asked if one["method"] == "GET" and place in one["path"]] == []


def test_a_restored_account_keeps_its_options_though_its_contact_is_gone(synchronized: World) -> None:
    customer, account = next(
        (one["bc_id"], one["crm_id"])
        for one in synchronized.couplings()
        if (found := synchronized.customer(one["bc_id"]))["primaryContactNo"] and found["paymentTermsCode"]
    )
    terms = synchronized.account(account)["paymenttermscode"]
    assert terms is not None
    synchronized.configure("CUSTOMER", deletion_conflict="restore")
    # Its contacts go with it, so that Sales refuses the primary contact of the one that is made anew.
    synchronized.delete("crm", "accounts", account)
    synchronized.sync("CUSTOMER")
    [anew] = [one["crm_id"] for one in synchronized.couplings() if one["bc_id"] == customer]
    found = synchronized.account(anew)
    assert (found["paymenttermscode"], found["_primarycontactid_value"]) == (terms, None)
