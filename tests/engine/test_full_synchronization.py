"""Aim: a full synchronization carries out what its review recommends, in order and once, makes no duplicates
that nobody asked for, and goes on where it was left.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import Any

import psycopg
import pytest

from engine.test_filters import change
from engine.test_switches import turn
from engine.world import World
from kobling.adapters.postgres.full_synchronization_store import FullSynchronizationStore
from kobling.adapters.postgres.locks import Lock
from kobling.model.errors import ConfigurationError, KoblingError
from kobling.service.fields import set_field
from kobling.service.full_review import review
from kobling.service.full_synchronization import Full, Start, keep_creating
from kobling.service.mappings import list_mappings, show_mappings
from kobling.service.schedule import hold_entries
from kobling.service.session import Session
from kobling.service.waiting import list_jobs, show_job

OPTIONS = ("PAYMENT TERMS", "SHIPMENT METHOD", "SHIPPING AGENT")
ACCOUNTS = ("CUSTOMER", "VENDOR")
PEOPLE = (*ACCOUNTS, "CONTACT")
NEEDED = ("SALESPEOPLE", "CURRENCY", *OPTIONS)


def _nobody(name: str) -> None:
    raise AssertionError(f"somebody else holds {name}")


def reviewed(world: World) -> dict[str, dict[str, Any]]:
    return {one["mapping"]: one for one in world.command(review)["lines"]}


def start(world: World, *mappings: str, **request: Any) -> tuple[dict[str, dict[str, Any]], int]:
    """The lines by mapping, and the exit status."""
    asked = Start(mappings=mappings, **request)

    async def work(session: Session) -> tuple[dict[str, dict[str, Any]], int]:
        full = Full(session, asked, show=lambda what, done, total: None, wait=_nobody)
        chosen = await full.prepare(counting=lambda what, count: None)
        document = await full.carry_out(chosen)
        return {one["mapping"]: one for one in document["lines"]}, full.status

    return world.command(work)


def matched(world: World, mapping: str, field: str) -> None:
    world.command(lambda one: set_field(one, mapping, field, ["match=on"], existing=False, wait=_nobody))


def jobs(world: World) -> list[dict[str, Any]]:
    return world.command(lambda one: list_jobs(one, (), 1000))["jobs"]


def without_accounts(world: World) -> None:
    """Sales without accounts, contacts and what hangs on them: the case of a new environment."""
    for table, key in (
        ("salesorders", "salesorderid"),
        ("opportunities", "opportunityid"),
        ("contacts", "contactid"),
        ("accounts", "accountid"),
    ):
        for row in world.get("crm", world.crm(table))["value"]:
            world.delete("crm", table, row[key])


# The review.


@pytest.mark.scenario("FS-01")
@pytest.mark.scenario("FS-02")
def test_lines_stand_behind_what_they_depend_on(world: World) -> None:
    turn(world, "unit_groups=off")
    lines = reviewed(world)
    needed = {name: one["depends_on"] for name, one in lines.items()}
    assert [needed[one] for one in ("SALESPEOPLE", "CURRENCY", "UNIT OF MEASURE")] == [[], [], []]
    for name in ACCOUNTS:
        assert needed[name] == ["SALESPEOPLE", "CURRENCY", *OPTIONS]
    assert {"CUSTOMER", "VENDOR"} <= set(needed["CONTACT"])
    assert "CONTACT" in needed["OPPORTUNITY"]
    order = list(lines)
    assert all(order.index(one) < order.index(name) for name, needs in needed.items() for one in needs)


def needs_of(world: World) -> dict[str, list[str]]:
    return {one["name"]: one["depends_on"] for one in world.command(list_mappings)["mappings"]}


@pytest.mark.scenario("FS-03")
def test_with_extended_pricing_price_lists_have_dependencies_of_their_own(world: World) -> None:
    turn(world, "extended_pricing=on")
    needs = needs_of(world)
    assert {"CURRENCY", "ITEM-PRODUCT"} <= set(needs["PLHEADER-PRICE"])
    assert {"PLHEADER-PRICE", "ITEM-PRODUCT"} <= set(needs["PLLINE-PRODPRICE"])
    assert "PLHEADER-PRICE" in reviewed(world)


@pytest.mark.scenario("FS-04")
def test_with_unit_groups_items_depend_on_their_units_and_these_on_groups(world: World) -> None:
    turn(world, "unit_groups=on")
    needs = needs_of(world)
    assert "ITEM UOM" in needs["ITEM-PRODUCT"]
    assert "UNIT GROUP" in needs["ITEM UOM"]


@pytest.mark.scenario("FS-14")
def test_a_review_writes_nothing(world: World) -> None:
    def held() -> list[Any]:
        return [world._control(system, "state")["counts"] for system in ("bc", "crm")]

    before = held()
    lines = reviewed(world)
    assert (held(), world.audit(), jobs(world)) == (before, [], [])
    assert lines["CUSTOMER"]["bc"] == {"records": 37, "coupled": 0, "uncoupled": 37}
    assert lines["CUSTOMER"]["recommendation"] == "couple"
    assert lines["CONTACT"]["recommendation"] == "dependency not satisfied"
    assert "CUSTOMER, VENDOR" in lines["CONTACT"]["meaning"]
    assert lines["SALESPEOPLE"]["recommendation"] == "full"


def test_the_records_outside_the_filter_do_not_count(world: World) -> None:
    before = reviewed(world)["CUSTOMER"]["bc"]["records"]
    [one, *_] = world.customers("blocked eq '_x0020_'")
    world.edit_customer(one["id"], blocked="All")
    assert reviewed(world)["CUSTOMER"]["bc"]["records"] == before - 1


def test_what_a_service_brings_itself_does_not_count(world: World) -> None:
    def counted() -> int:
        return int(reviewed(world)["UNIT GROUP"]["crm"]["records"])

    before = counted()
    world.create("crm", "uomschedules", name="Default Unit", baseuomname="Primary Unit")
    assert counted() == before
    world.create("crm", "uomschedules", name="Somebody's", baseuomname="Piece")
    assert counted() == before + 1


@pytest.mark.scenario("FS-15")
@pytest.mark.scenario("FS-11")
def test_each_mapping_has_one_line_whatever_else_ran_or_is_scheduled(world: World) -> None:
    world.sync("SALESPEOPLE", full=True)
    lines = reviewed(world)
    mappings = world.command(lambda one: one.mappings())
    assert set(lines) == {name for name, one in mappings.items() if not one.part_of}
    assert {one["status"] for one in lines.values()} == {""}
    world.command(lambda one: hold_entries(one, ["SALESPEOPLE"]))
    assert reviewed(world) == lines


# The start.


@pytest.mark.scenario("FS-06")
@pytest.mark.scenario("FS-23")
@pytest.mark.scenario("FS-24")
@pytest.mark.scenario("FS-25")
def test_a_line_that_needs_nothing_has_its_job_and_no_other(world: World) -> None:
    lines, status = start(world, "CURRENCY")
    assert (list(lines), status) == (["CURRENCY"], 0)
    assert (lines["CURRENCY"]["status"], lines["CURRENCY"]["to"]) == ("finished", "success")
    [number] = lines["CURRENCY"]["jobs"]
    shown = world.command(lambda one: show_job(one, number))
    assert (shown["mapping"], shown["kind"]) == ("CURRENCY", "full")
    assert shown["counts"] == lines["CURRENCY"]["counts"]
    assert [one["job"] for one in jobs(world)] == [number]
    assert reviewed(world)["CURRENCY"]["jobs"] == [number]
    # The one direction that it has; nothing is said of the other.
    assert reviewed(world)["CURRENCY"]["from"] == ""


@pytest.mark.scenario("FS-07")
def test_what_depends_on_a_line_follows_by_itself(world: World) -> None:
    without_accounts(world)
    lines, _ = start(world, *NEEDED, *PEOPLE)
    ran = [one["mapping"] for one in reversed(jobs(world))]
    assert ran.index("CURRENCY") < ran.index("CUSTOMER") < ran.index("CONTACT")
    assert lines["CUSTOMER"]["recommendation"] == "full"
    assert lines["CUSTOMER"]["counts"]["to"]["inserted"] > 20
    assert world.count("crm", "account") == len(world.accounts()) > 20


@pytest.mark.scenario("FS-08")
def test_a_new_record_on_each_side_is_created_on_the_other(world: World) -> None:
    without_accounts(world)
    start(world, *NEEDED, *PEOPLE)
    world.create("bc", "customers", no="F1", name="New in BC")
    world.create("crm", "accounts", name="New in Sales", customertypecode=3)
    matched(world, "CUSTOMER", "No.")
    lines, _ = start(world, "CUSTOMER", create=True)
    line = lines["CUSTOMER"]
    assert (line["to"], line["from"], line["status"]) == ("success", "success", "finished")
    assert [line["counts"][way]["inserted"] for way in ("to", "from")] == [1, 1]


@pytest.mark.scenario("FS-09")
def test_where_all_records_fail_the_line_is_finished_and_both_directions_are_errors(world: World) -> None:
    start(world, "SALESPEOPLE", "CURRENCY", *OPTIONS)
    owed = world.create("bc", "customers", no="F1", name="Owes less than nothing", creditLimitLCY=-5)
    wrong = world.create("crm", "accounts", name="Bad telephone", customertypecode=3, telephone1="call me")
    change(world, "CUSTOMER", "bc_filter=No.: F1", "crm_filter=name = Bad*")
    lines, status = start(world, "CUSTOMER", create=True)
    line = lines["CUSTOMER"]
    assert (line["status"], line["to"], line["from"], status) == ("finished", "error", "error", 1)
    assert [line["counts"][way]["failed"] for way in ("to", "from")] == [1, 1]
    world.edit_customer(owed["id"], creditLimitLCY=5)
    world.edit_account(wrong["accountid"], telephone1="55 50 00 00")
    again, _ = start(world, "CUSTOMER", create=True)
    assert (again["CUSTOMER"]["to"], again["CUSTOMER"]["from"]) == ("success", "success")


@pytest.mark.scenario("FS-22")
def test_what_would_be_doubled_is_refused_before_anything_is_started(world: World) -> None:
    before = [world.count("bc", "Customer"), world.count("crm", "account")]
    with pytest.raises(ConfigurationError, match=r"CUSTOMER.*a second time.*match=on.*--create"):
        start(world)
    assert jobs(world) == []
    assert [world.count("bc", "Customer"), world.count("crm", "account")] == before


def test_records_are_coupled_where_a_field_tells_which_belong_together(world: World) -> None:
    for name in ACCOUNTS:
        matched(world, name, "No.")
    matched(world, "CONTACT", "E-Mail")
    before = [world.count("bc", "Customer"), world.count("crm", "account")]
    lines, _ = start(world, *NEEDED, *PEOPLE, use="bc")
    assert [lines[one]["recommendation"] for one in PEOPLE] == ["couple"] * 3
    assert {lines[one]["status"] for one in PEOPLE} == {"finished"}
    assert len(world.couplings()) == 12
    assert "25 records of Business Central found no partner" in lines["CUSTOMER"]["message"]
    assert [world.count("bc", "Customer"), world.count("crm", "account")] == before


@pytest.mark.scenario("FS-16")
def test_what_is_left_out_is_left_out_once(world: World) -> None:
    lines, _ = start(world, "SALESPEOPLE", "CURRENCY", left_out=("CURRENCY",))
    assert list(lines) == ["SALESPEOPLE"]
    assert reviewed(world)["CURRENCY"]["status"] == ""
    assert list(start(world, "CURRENCY")[0]) == ["CURRENCY"]


def test_a_line_is_not_started_without_what_it_waits_for(world: World) -> None:
    without_accounts(world)
    with pytest.raises(ConfigurationError, match=r"CUSTOMER waits for .*SALESPEOPLE.*--leave-out"):
        start(world, "CUSTOMER")
    lines, _ = start(world, "CUSTOMER", left_out=("SALESPEOPLE", "CURRENCY", *OPTIONS))
    assert list(lines) == ["CUSTOMER"]


@pytest.mark.scenario("FS-28")
def test_where_everything_is_finished_nothing_is_started(world: World) -> None:
    names = ("SALESPEOPLE", "CURRENCY", *OPTIONS)
    start(world, *names)
    ran = jobs(world)
    rest = tuple(name for name in reviewed(world) if name not in names)
    assert start(world, left_out=rest) == ({}, 0)
    assert jobs(world) == ran
    # By its name a line is carried out anew, or found to need nothing.
    world.create("bc", "currencies", code="ISK", isoCode="ISK", description="Icelandic króna")
    assert list(start(world, left_out=rest, again=True)[0]) == ["CURRENCY"]


@pytest.mark.scenario("FS-29")
def test_what_a_full_synchronization_has_read_is_not_read_again(world: World) -> None:
    start(world, "SALESPEOPLE", "CURRENCY")
    feeds = {
        (side, table) for side, table in world.query("select side, table_name from feed where token > ''")
    }
    assert {
        ("left", "salespeoplePurchasers"),
        ("right", "systemusers"),
        ("right", "transactioncurrencies"),
    } <= feeds
    world.sync("SALESPEOPLE", "CURRENCY")
    world.reset_requests()
    run = world.sync("SALESPEOPLE", "CURRENCY")
    assert {
        word
        for one in ("SALESPEOPLE", "CURRENCY")
        for way in ("to", "from")
        for word, count in run[one]["counts"][way].items()
        if count
    } == set()


@pytest.mark.scenario("FS-26")
def test_a_second_one_beside_a_running_one_is_refused(world: World) -> None:
    async def beside(session: Session) -> None:
        async with FullSynchronizationStore(session.state).alone() as alone:
            assert alone
            full = Full(session, Start(mappings=("CURRENCY",)), show=lambda *_: None, wait=_nobody)
            chosen = await full.prepare(counting=lambda what, count: None)
            from kobling.service.session import open_session

            async with open_session(world.configuration) as other:
                second = Full(other, Start(mappings=("CURRENCY",)), show=lambda *_: None, wait=_nobody)
                await second.prepare(counting=lambda what, count: None)
                with pytest.raises(ConfigurationError, match="is running already"):
                    await second.carry_out(chosen)

    world.command(beside)
    assert jobs(world) == []


@pytest.mark.scenario("FS-27")
def test_what_a_killed_process_left_is_interrupted_and_goes_on(world: World) -> None:
    reviewed(world)
    [(key,)] = world.query("select id from mapping where name = 'SALESPEOPLE'")
    command = [sys.executable, "-m", "kobling", "--config", str(world.path), "full-sync", "start"]
    with (
        psycopg.connect(world.environment["KOBLING_DATABASE_URL"], autocommit=True) as holder,
        subprocess.Popen(
            [*command, "CURRENCY", "SALESPEOPLE"],
            env={**os.environ, **world.environment},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        ) as process,
    ):
        holder.execute("select pg_advisory_lock(%s, %s)", [Lock.MAPPING, key])
        assert process.stderr is not None
        # Somebody holds the second mapping, so the process stands still in the midst of it.
        assert process.stderr.readline().startswith("SALESPEOPLE is being synchronized by another run")
        assert reviewed(world)["SALESPEOPLE"]["status"] == "in process"
        process.send_signal(signal.SIGKILL)
    lines = reviewed(world)
    assert (lines["CURRENCY"]["status"], lines["SALESPEOPLE"]["status"]) == ("finished", "interrupted")
    rest = tuple(name for name in lines if name not in {"CURRENCY", "SALESPEOPLE"})
    again, _ = start(world, left_out=rest)
    assert {name: one["status"] for name, one in again.items()} == {"SALESPEOPLE": "finished"}


def test_a_line_that_could_not_be_carried_out_has_failed_and_is_started_again(world: World) -> None:
    async def refused(session: Session) -> None:
        full = Full(session, Start(mappings=("CURRENCY",)), show=lambda *_: None, wait=_nobody)
        chosen = await full.prepare(counting=lambda what, count: None)
        world.faults("bc", {"method": "GET", "path": "/currencies", "action": "status", "status": 403})
        with pytest.raises(KoblingError):
            await full.carry_out(chosen)

    world.command(refused)
    world.faults("bc")
    line = reviewed(world)["CURRENCY"]
    assert line["status"] == "failed"
    assert line["message"]
    rest = tuple(name for name in reviewed(world) if name != "CURRENCY")
    assert start(world, left_out=rest)[0]["CURRENCY"]["status"] == "finished"


def test_whether_jobs_keep_creating_is_a_setting_of_each_mapping(world: World) -> None:
    def coupled_only(name: str) -> bool:
        return world.command(lambda one: show_mappings(one, name))["variants"][0]["synch_only_coupled"]

    start(world, "CURRENCY")
    assert coupled_only("CURRENCY")
    world.command(lambda one: keep_creating(one, ["CURRENCY"], wait=_nobody))
    assert not coupled_only("CURRENCY")
    assert coupled_only("CUSTOMER")
