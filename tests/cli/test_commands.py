"""The commands as people and scripts call them: exit states, one JSON document on stdout, words on stderr."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from cli.program import call
from engine.conftest import synchronized, world
from engine.world import World

__all__ = ["synchronized", "world"]

Kobling = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def kobling(world: World) -> Kobling:
    """The program, configured by the environment alone."""
    environment = world.environment | {"KOBLING_CONFIG": str(world.path)}
    return lambda *words: call(*words, environment=environment)


@pytest.fixture
def started(world: World) -> Kobling:
    """The same in a process of its own."""
    environment = os.environ | world.environment | {"KOBLING_CONFIG": str(world.path)}

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "kobling", *words]
        return subprocess.run(
            command, capture_output=True, text=True, timeout=60, check=False, env=environment
        )

    return run


def document(done: subprocess.CompletedProcess[str]) -> Any:
    """The one JSON document that a command printed."""
    assert "Traceback" not in done.stderr
    return json.loads(done.stdout)


def test_a_first_day(started: Kobling, world: World) -> None:
    kobling = started
    tested = document(kobling("connection", "test", "--json"))
    assert tested["ok"]
    full = kobling("sync", "--all", "--full", "--json")
    assert full.returncode == 1
    jobs = {one["mapping"]: one for one in document(full)["jobs"]}
    options = {"PAYMENT TERMS", "SHIPMENT METHOD", "SHIPPING AGENT"}
    assert set(jobs) == {
        *("SALESPEOPLE", "CURRENCY", "CUSTOMER", "VENDOR", "CONTACT", "OPPORTUNITY"),
        *("UNIT GROUP", "ITEM UOM", "RESOURCE UOM", "ITEM-PRODUCT", "RESOURCE-PRODUCT"),
        *("DEFAULT-PRICE", "ITEM-PRICE", "RESOURCE-PRICE"),
        *("CUSTPRCGRP-PRICE", "SALESPRC-PRODPRICE", *options),
        *("POSTEDSALESINV-INV", "POSTEDSALESLINE-INV"),
    }
    job = jobs["CUSTOMER"]
    assert set(job["counts"]["to"]) == {
        *("inserted", "modified", "deleted", "unchanged", "skipped", "failed", "conflicts", "waiting"),
        *("outside", "coupled", "uncoupled"),
    }
    assert job["open"]["waiting"] == 1
    second = document(kobling("sync", "--all", "--json"))
    written = {
        (one["mapping"], way, word): one["counts"][way][word]
        for one in second["jobs"]
        for way in ("to", "from")
        for word in ("inserted", "modified")
        if one["counts"][way][word]
    }
    # The price of an item that the first run made of a product.
    assert written == {("ITEM-PRICE", "to", "inserted"): 1}
    shown = document(kobling("job", "show", job["job"], "--json"))
    assert shown["errors"] == job["errors"]
    assert [one["bc_id"] is not None for one in shown["errors"]] == [True]
    listed = document(kobling("job", "list", "--json"))["jobs"]
    assert len(listed) == 2 * len(jobs)
    couplings = document(kobling("coupling", "list", "CUSTOMER", "--json"))["couplings"]
    assert len(couplings) >= 20
    assert kobling("coupling", "list", "CUSTOMER").stdout.count("\n") == len(couplings) + 1


def test_a_conflict_on_the_command_line(kobling: Kobling, synchronized: World) -> None:
    world = synchronized
    customer, account = world.pair()
    world.edit_customer(customer, name="Name in BC")
    world.edit_account(account, name="Name in Sales", telephone1="+47 22 00 00 00")
    assert kobling("sync", "CUSTOMER").returncode == 1
    assert world.customer(customer)["phoneNo"] == "+47 22 00 00 00"
    [conflict] = document(kobling("conflict", "list", "--json"))["conflicts"]
    assert conflict == {
        "mapping": "CUSTOMER",
        "bc_id": customer,
        "crm_id": account,
        "field": "Name",
        "base": conflict["base"],
        "bc": "Name in BC",
        "crm": "Name in Sales",
    }
    done = kobling("conflict", "resolve", "--use", "bc")
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "1 resolved.")
    assert world.account(account)["name"] == "Name in BC"
    assert document(kobling("conflict", "list", "--json")) == {"conflicts": []}
    assert kobling("conflict", "resolve", "--use", "bc").returncode == 1


def test_couple_match_by_number_then_by_name(kobling: Kobling) -> None:
    dry = document(kobling("couple-match", "CUSTOMER", "--on", "No.=accountnumber", "--dry-run", "--json"))
    done = document(kobling("couple-match", "CUSTOMER", "--on", "No.=accountnumber", "--json"))
    assert len(done["matched"]) == 12
    assert dry["matched"] == done["matched"]
    again = document(kobling("couple-match", "CUSTOMER", "--on", "No.=accountnumber", "--json"))
    assert again["matched"] == []
    named = document(kobling("couple-match", "CUSTOMER", "--on", "Name=name", "--use", "bc", "--json"))
    assert len(named["matched"]) >= 8
    assert len(document(kobling("coupling", "list", "CUSTOMER", "--json"))["couplings"]) == 12 + len(
        named["matched"]
    )


def test_couple_and_uncouple_by_the_forms_of_an_id(kobling: Kobling, world: World) -> None:
    kobling("sync", "SALESPEOPLE", "CURRENCY", "--full")
    customer = world.customers("no eq 'C00010'")[0]["id"]
    account = world.accounts("accountnumber eq 'C00010'")[0]["accountid"]
    done = kobling("couple", "customer", "C00010", f"crm:{account}", "--use", "bc", "--json")
    assert done.returncode == 0
    assert (document(done)["bc_id"], document(done)["crm_id"]) == (customer, account)
    assert world.account(account)["name"] == world.customer(customer)["name"]
    assert world.account(account)["_bcbi_companyid_value"] is not None
    assert kobling("couple", "CUSTOMER", "C00010", account).returncode == 2
    missing = kobling("couple", "CUSTOMER", "NOBODY", account)
    assert (missing.returncode, "NOBODY" in missing.stderr) == (2, True)
    assert document(kobling("uncouple", "CUSTOMER", "--record", account, "--json"))["uncoupled"] == 1
    assert world.account(account)["_bcbi_companyid_value"] is None
    assert document(kobling("coupling", "list", "CUSTOMER", "--json"))["couplings"] == []
    assert kobling("uncouple", "CUSTOMER", "--record", f"bc:{customer}").returncode == 1


def test_one_record_alone(kobling: Kobling, world: World) -> None:
    kobling("sync", "SALESPEOPLE", "CURRENCY", "--full")
    refused = kobling("sync", "CUSTOMER", "--record", "C00010", "--json")
    assert refused.returncode == 1
    assert "not coupled" in document(refused)["jobs"][0]["errors"][0]["message"]
    before = world.count("crm", "account")
    done = kobling("sync", "CUSTOMER", "--record", "C00010", "--full", "--json")
    assert done.returncode == 0
    assert world.count("crm", "account") == before + 1
    [coupling] = document(kobling("coupling", "list", "CUSTOMER", "--json"))["couplings"]
    assert coupling["number"] == "C00010"


def test_a_dry_run_says_what_the_run_then_does(kobling: Kobling, world: World) -> None:
    before = world.count("crm", "account"), world.count("bc", "Customer")
    dry = document(kobling("sync", "--all", "--full", "--dry-run", "--json"))
    assert (world.count("crm", "account"), world.count("bc", "Customer")) == before
    assert document(kobling("job", "list", "--json"))["jobs"] == []
    assert document(kobling("coupling", "list", "CUSTOMER", "--json"))["couplings"] == []
    real = document(kobling("sync", "--all", "--full", "--json"))
    beside = {one["name"] for one in document(kobling("mapping", "list", "--json"))["beside"]}
    planned, done = (
        {
            (one["mapping"], way): one["counts"][way]["inserted"]
            for one in run["jobs"]
            for way in ("to", "from")
            # What Business Central makes along with a new record is not foreseen, nor its price.
            if one["mapping"] not in beside
        }
        for run in (dry, real)
    )
    assert planned == done
    created = [one for one in dry["actions"] if one["action"] == "create" and one["mapping"] not in beside]
    assert len(created) == sum(done.values()) > 100


def test_one_direction_leaves_the_other_for_later(kobling: Kobling, synchronized: World) -> None:
    world = synchronized
    customer, account = world.pair()
    world.edit_customer(customer, city="Moss")
    world.edit_account(account, fax="11223344")
    assert kobling("sync", "CUSTOMER", "--direction", "to").returncode == 1  # C00370 waits
    assert world.account(account)["address1_city"] == "Moss"
    assert world.customer(customer)["faxNo"] != "11223344"
    kobling("sync", "CUSTOMER", "--direction", "from")
    assert world.customer(customer)["faxNo"] == "11223344"


def test_mappings_are_listed_shown_and_set(kobling: Kobling) -> None:
    listed = document(kobling("mapping", "list", "--json"))["mappings"]
    names = [one["name"] for one in listed if one["ready"]]
    assert names == [
        *("SALESPEOPLE", "CUSTOMER", "VENDOR", "CONTACT", "CURRENCY"),
        *("PAYMENT TERMS", "SHIPMENT METHOD", "SHIPPING AGENT"),
        *("UNIT GROUP", "ITEM UOM", "RESOURCE UOM", "ITEM-PRODUCT", "RESOURCE-PRODUCT"),
        *("CUSTPRCGRP-PRICE", "SALESPRC-PRODPRICE", "OPPORTUNITY"),
        *("POSTEDSALESINV-INV", "POSTEDSALESLINE-INV"),
    ]
    beside = document(kobling("mapping", "list", "--json"))["beside"]
    assert [one["name"] for one in beside] == ["DEFAULT-PRICE", "ITEM-PRICE", "RESOURCE-PRICE"]
    every = document(kobling("mapping", "list", "--every-variant", "--json"))["mappings"]
    assert len(every) == 24
    orders = kobling("mapping", "show", "SALESORDER-ORDER", "--every-variant").stdout
    assert "switches: sales_orders=legacy" in orders
    assert "takes part: Document Type is Order; Status is Released" in orders
    assert "Set by a rule:" in orders
    assert kobling("mapping", "set", "CUSTOMER", "update_conflict=send").returncode == 0
    [variant] = document(kobling("mapping", "show", "CUSTOMER", "--json"))["variants"]
    assert variant["update_conflict"] == "send"
    assert {"SALESPEOPLE", "CURRENCY"} <= set(variant["depends_on"])
    fields = {(one["bc_field"], one["crm_field"]): one for one in variant["fields"]}
    assert fields["Phone No.", "telephone1"]["direction"] == "bidirectional"
    assert fields[None, "bcbi_companyid"]["rule"]
    assert not fields["No.", "accountnumber"]["enabled"]


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("sync",), 2, "--all"),
        (("sync", "CUSTOMERS"), 2, "CUSTOMER"),
        (("sync", "CUSTOMER", "--direction", "up"), 2, "direction"),
        (("job", "show", "99999"), 2, "job list"),
        (("couple", "CUSTOMER", "bc:1", "crm:2"), 2, "GUID"),
        (("mapping", "set", "CUSTOMER", "colour=red"), 2, "keys"),
        (("conflict", "resolve", "--use", "maybe"), 2, "bc nor crm"),
        (("couple-match", "CUSTOMER"), 2, "--on"),
        (("couple-match", "CUSTOMER", "--on", "Number"), 2, "BC FIELD=crm_field"),
    ],
)
def test_a_mistake_is_one_line_with_its_cure(
    kobling: Kobling, words: tuple[str, ...], status: int, said: str
) -> None:
    done = kobling(*words)
    assert done.returncode == status
    assert done.stdout == ""
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_what_the_integration_user_changed_on_the_command_line(kobling: Kobling, synchronized: World) -> None:
    world = synchronized
    customer, account = world.pair()
    other, other_account = world.pair("C00020")
    for one in (account, other_account):
        place = f"{world.crm('accounts')}({one})"
        world.send("crm", "PATCH", place, {"fax": "11112222"}, client="kobling")
    run = kobling("sync", "CUSTOMER", "--json")
    [job] = document(run)["jobs"]
    # C00370 waits for its salesperson; what is held does not make a run fail.
    assert (run.returncode, job["open"]["held"], job["errors"]) == (1, 2, [])
    found = document(kobling("held", "list", "--json"))["held"]
    assert {one["crm_id"] for one in found} == {account, other_account}
    assert kobling("held", "list").stdout.count("Fax No.") == 2
    done = kobling("held", "accept", "customer", f"crm:{account}")
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "1 accepted.")
    assert world.customer(customer)["faxNo"] == "11112222"
    assert world.customer(other)["faxNo"] != "11112222"
    ignored = kobling("held", "ignore", "--json")
    assert (ignored.returncode, document(ignored)["done"]) == (0, 1)
    assert document(kobling("held", "list", "--json")) == {"held": []}
    nothing = kobling("held", "accept")
    assert (nothing.returncode, "held list" in nothing.stdout) == (1, True)


def test_deleted_records_on_the_command_line(kobling: Kobling, synchronized: World) -> None:
    world = synchronized
    numbers = ["C00010", "C00020", "C00030"]
    for number in numbers:
        world.delete("crm", "accounts", world.pair(number)[1])
    kobling("sync", "CUSTOMER")
    found = document(kobling("skipped", "list", "--json"))["skipped"]
    assert sorted(one["number"] for one in found) == numbers
    assert all("in Sales is deleted" in one["message"] for one in found)
    for word, number in zip(("restore", "remove-coupling", "delete"), numbers, strict=True):
        assert kobling("skipped", word, "CUSTOMER", number).returncode == 0
    coupled = {
        one["number"] for one in document(kobling("coupling", "list", "CUSTOMER", "--json"))["couplings"]
    }
    assert coupled & set(numbers) == {"C00010"}
    assert {one["no"] for one in world.customers("no le 'C00030'")} == {"C00010", "C00020"}
    assert kobling("skipped", "retry").returncode == 1
    assert kobling("skipped", "delete", "CUSTOMER").returncode == 2


def test_a_killed_job_is_listed_as_dead(kobling: Kobling, world: World) -> None:
    slow = {"method": "GET", "path": "/accounts$", "every": 1, "action": "delay", "seconds": 5}
    world.faults("crm", slow)
    environment = os.environ | world.environment | {"KOBLING_CONFIG": str(world.path)}
    command = [sys.executable, "-m", "kobling", "sync", "CUSTOMER", "--full"]
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
        while not (listed := document(kobling("job", "list", "--json"))["jobs"]):
            assert process.poll() is None
        assert [one["status"] for one in listed] == ["running"]
        process.kill()
    world.faults("crm")
    # The database lets go of a dead process's locks in its own time.
    while [one["status"] for one in document(kobling("job", "list", "--json"))["jobs"]] != ["died"]:
        pass
    kobling("sync", "CUSTOMER")
    assert [one["status"] for one in document(kobling("job", "list", "--json"))["jobs"]] == [
        "finished",
        "died",
    ]
    assert world.query("select count(*) from job where status = 'running'") == [(0,)]


@pytest.mark.scenario("JQ-18")
@pytest.mark.scenario("JQ-19")
def test_the_schedule_says_how_many_entries_are_active(kobling: Kobling) -> None:
    kobling("schedule", "ready")
    listed = document(kobling("schedule", "list", "--json"))["entries"]
    assert {one["status"] for one in listed} == {"Ready"}
    count = len(listed)
    assert kobling("schedule", "list").stdout.endswith(f"{count} of {count} recurring entries are active.\n")
    kobling("schedule", "hold", "CURRENCY")
    kobling("schedule", "run", "CUSTOMER")
    said = kobling("schedule", "list").stdout
    assert said.endswith(f"{count - 1} of {count} recurring entries are active.\n")
    assert kobling("schedule", "set", "CUSTOMER", "every_minutes=0").returncode == 2
