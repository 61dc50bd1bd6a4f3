"""Aim: a guard stops its mapping before the first write, leaves the inbox as it is, and says how to go on.

Method: people delete, change and empty what no ordinary day would; the run is then allowed to go on.
"""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

import psycopg
import pytest

from engine.world import Document, World, wrote
from kobling.service.mappings import set_mapping


def setting(world: World, *edits: str) -> Document:
    return world.command(
        lambda one: set_mapping(one, "CUSTOMER", edits, existing=False, wait=lambda name: None)
    )


def stopped_by(run: Document, mapping: str = "CUSTOMER") -> list[str]:
    """The guards that stopped the mapping, by the command that each names."""
    errors = [one for one in run[mapping]["errors"] if one["class"] == "guard"]
    assert all("stopped before anything is written" in one["message"] for one in errors)
    return [one["cure"].rpartition("--allow ")[2].rstrip(".") for one in errors]


def state(world: World) -> list[Any]:
    return world.query("select side, record_id::text, reason, due, version from inbox order by 1, 2")


def delete_accounts(world: World, count: int) -> list[str]:
    """Accounts without contacts of their own, which would go with them."""
    parents = {one["_parentcustomerid_value"] for one in world.get("crm", world.crm("contacts"))["value"]}
    there = {one["accountid"] for one in world.accounts()} - parents
    found = [one["crm_id"] for one in world.couplings() if one["crm_id"] in there][:count]
    for one in found:
        world.delete("crm", "accounts", one)
    return found


def test_more_deletions_than_allowed_stop_the_mapping_until_they_are_allowed(synchronized: World) -> None:
    setting(synchronized, "deletion_conflict=remove-coupling", "guard_deletions=2")
    gone = delete_accounts(synchronized, 3)
    survivor = next(one for one in synchronized.couplings() if one["crm_id"] not in gone)
    synchronized.edit_customer(survivor["bc_id"], address="Torget 32")
    before = len(synchronized.couplings()), len(synchronized.audit())
    run = synchronized.sync("CUSTOMER")
    assert (run[""], run["CUSTOMER"]["status"], stopped_by(run)) == (1, "stopped", ["deletions"])
    assert (len(synchronized.couplings()), len(synchronized.audit())) == before
    waiting = state(synchronized)
    assert len(waiting) >= 4
    again = synchronized.sync("CUSTOMER")
    assert (stopped_by(again), state(synchronized)) == (["deletions"], waiting)
    allowed = synchronized.sync("CUSTOMER", allow=("deletions",))
    assert stopped_by(allowed) == []
    assert len(synchronized.couplings()) == before[0] - 3
    assert synchronized.account(survivor["crm_id"])["address1_line1"] == "Torget 32"
    assert synchronized.sync("CUSTOMER")["CUSTOMER"]["status"] == "finished"


def test_a_share_counts_of_the_couplings(synchronized: World) -> None:
    setting(synchronized, "guard_deletions=10%")
    total = len(synchronized.couplings())
    delete_accounts(synchronized, total // 10)
    assert stopped_by(synchronized.sync("CUSTOMER")) == []
    # Those of before are skipped by now, and count no more.
    delete_accounts(synchronized, total // 10 + 1)
    assert stopped_by(synchronized.sync("CUSTOMER")) == ["deletions"]


def test_more_changes_than_allowed_stop_the_mapping(synchronized: World) -> None:
    setting(synchronized, "guard_changes=1")
    pairs = [synchronized.pair(one) for one in ("C00010", "C00020", "C00040")]
    for customer, _ in pairs[:1]:
        synchronized.edit_customer(customer, address="Torget 32")
    assert stopped_by(synchronized.sync("CUSTOMER")) == []
    for customer, _ in pairs:
        synchronized.edit_customer(customer, address="Torget 33")
    for full in (False, True):
        assert stopped_by(synchronized.sync("CUSTOMER", full=full)) == ["changes"]
        assert synchronized.account(pairs[1][1])["address1_line1"] != "Torget 33"
    run = synchronized.sync("CUSTOMER", allow=("all",))
    assert run["CUSTOMER"]["counts"]["to"]["modified"] == 3
    # What was written itself comes back as an echo, and counts as no change.
    assert stopped_by(synchronized.sync("CUSTOMER")) == []


def test_other_mappings_go_on(synchronized: World) -> None:
    setting(synchronized, "guard_changes=0")
    customer, account = synchronized.pair()
    synchronized.edit_customer(customer, address="Torget 32")
    run = synchronized.sync("SALESPEOPLE", "CUSTOMER", "CURRENCY")
    statuses = {name: run[name]["status"] for name in ("SALESPEOPLE", "CUSTOMER", "CURRENCY")}
    assert statuses == {"SALESPEOPLE": "finished", "CUSTOMER": "stopped", "CURRENCY": "finished"}
    # A person who names the record means it.
    synchronized.sync("CUSTOMER", records=(f"bc:{customer}",))
    assert synchronized.account(account)["address1_line1"] == "Torget 32"


def test_a_dry_run_tells_and_shows_all_the_same(synchronized: World) -> None:
    setting(synchronized, "guard_changes=0")
    customer, _ = synchronized.pair()
    synchronized.edit_customer(customer, address="Torget 32")
    run = synchronized.sync("CUSTOMER", dry_run=True)
    assert stopped_by(run) == ["changes"]
    assert customer in [one["bc_id"] for one in run["actions"] if one["action"] == "write"]


def test_a_side_that_answers_for_nothing_is_not_taken_for_deleted(synchronized: World) -> None:
    before = len(synchronized.couplings())
    for table, key in (
        ("salesorders", "salesorderid"),
        ("invoices", "invoiceid"),
        ("opportunities", "opportunityid"),
        ("contacts", "contactid"),
        ("accounts", "accountid"),
    ):
        for one in synchronized.get("crm", synchronized.crm(table))["value"]:
            synchronized.delete("crm", table, one[key])
    waiting = state(synchronized)
    run = synchronized.sync("CUSTOMER", full=True)
    assert stopped_by(run) == ["empty"]
    assert (len(synchronized.couplings()), state(synchronized)) == (before, waiting)
    # What was stopped has not begun: the next run is no full one.
    assert synchronized.query("select mark from mark where name = 'full CUSTOMER'") in ([("",)], [])
    setting(synchronized, "guard_empty=off")
    assert stopped_by(synchronized.sync("CUSTOMER", full=True)) == ["deletions"]
    assert stopped_by(synchronized.sync("CUSTOMER", allow=("deletions",))) == []


def rewrite(world: World, side: str, route: str, **columns: Document | None) -> None:
    """The table as it would have been described yesterday."""
    name = f"schema {side} {route}"
    with psycopg.connect(world.environment["KOBLING_DATABASE_URL"]) as database:
        [(text,)] = database.execute("select mark from mark where name = %s", [name]).fetchall()
        look = json.loads(text)
        look["on"] = (date.fromisoformat(look["on"]) - timedelta(days=1)).isoformat()
        look["columns"] |= columns
        database.execute("update mark set mark = %s where name = %s", [json.dumps(look), name])


@pytest.mark.parametrize(
    ("side", "route", "columns", "words"),
    [
        ("left", "customers", {"name": {"kind": "text", "maximum": 250}}, "name takes 100 characters now"),
        ("right", "accounts", {"fax": {"kind": "integer", "maximum": None}}, "fax is text now"),
        ("right", "accounts", {"address1_city": {"kind": "text", "maximum": 500}}, "address1_city takes"),
    ],
)
def test_a_table_that_is_another_one_stops_the_mapping(
    synchronized: World, side: str, route: str, columns: Document, words: str
) -> None:
    customer, account = synchronized.pair()
    synchronized.edit_customer(customer, address="Torget 32")
    rewrite(synchronized, side, route, **columns)
    for _ in range(2):
        run = synchronized.sync("CUSTOMER")
        assert stopped_by(run) == ["schema"]
        assert words in run["CUSTOMER"]["errors"][0]["message"]
        assert synchronized.account(account)["address1_line1"] != "Torget 32"
    assert stopped_by(synchronized.sync("CUSTOMER", allow=("schema",))) == []
    assert synchronized.account(account)["address1_line1"] == "Torget 32"
    assert stopped_by(synchronized.sync("CUSTOMER")) == []


def test_a_guard_that_is_off_stops_nothing(synchronized: World) -> None:
    rewrite(synchronized, "right", "accounts", telephone1={"kind": "text", "maximum": 9999})
    assert stopped_by(synchronized.sync("CUSTOMER")) == ["schema"]
    setting(synchronized, "guard_schema=off")
    assert stopped_by(synchronized.sync("CUSTOMER")) == []


def test_tables_are_described_once_a_day_at_most(synchronized: World) -> None:
    synchronized.reset_requests()
    synchronized.sync("CUSTOMER")
    asked = json.dumps([synchronized.requests(one) for one in ("bc", "crm")])
    assert "ManyToOneRelationships" not in asked
    assert "$metadata" not in asked


def test_a_changed_mapping_stops_the_run_where_that_is_asked_for(synchronized: World) -> None:
    setting(synchronized, "guard_mapping=on")
    customer, account = synchronized.pair()
    synchronized.edit_customer(customer, address="Torget 32")
    assert stopped_by(synchronized.sync("CUSTOMER")) == []
    setting(synchronized, "bc_filter=Blocked=''|Ship")
    synchronized.edit_customer(customer, address="Torget 33")
    assert stopped_by(synchronized.sync("CUSTOMER")) == ["mapping"]
    assert synchronized.account(account)["address1_line1"] == "Torget 32"
    assert stopped_by(synchronized.sync("CUSTOMER", allow=("mapping",))) == []
    assert stopped_by(synchronized.sync("CUSTOMER")) == []
    assert synchronized.account(account)["address1_line1"] == "Torget 33"


def test_an_ordinary_day_meets_no_guard(world: World) -> None:
    first = world.sync(full=True)
    second = world.sync(full=True)
    third = world.sync()
    for run in (first, second, third):
        classes = {
            one["class"] for name, job in run.items() if name not in {"", "actions"} for one in job["errors"]
        }
        assert "guard" not in classes
    assert wrote(world.sync()) == 0
