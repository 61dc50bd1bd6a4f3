"""Aim: people see and change the job queue entries, and each mapping has the one that is shipped for it.

Method: the use cases on a database of the test's own; what the settings of a connection leave out has none.
"""

from __future__ import annotations

from typing import Any

import pytest

from engine.world import World
from kobling.model.errors import ConfigurationError
from kobling.service.connection_settings import set_connection
from kobling.service.pausing import pause, resume
from kobling.service.schedule import ask_for_run, hold_entries, list_entries, ready_entries, set_timing


def entries(world: World) -> dict[str, dict[str, Any]]:
    return {one["mapping"]: one for one in world.command(list_entries)["entries"] if one["recurring"]}


def changed(world: World, mapping: str, *edits: str) -> dict[str, Any]:
    [one] = world.command(lambda session: set_timing(session, mapping, edits))["entries"]
    return dict(one)


@pytest.mark.scenario("JQ-10")
@pytest.mark.scenario("JQ-21")
def test_each_mapping_has_an_entry_with_its_interval_time_out_and_description(world: World) -> None:
    known = entries(world)
    assert {one["every_minutes"] for one in known.values()} == {30}
    slow = {"SALESPEOPLE", "PAYMENT TERMS", "SHIPMENT METHOD", "SHIPPING AGENT"}
    quick = {"CUSTOMER", "VENDOR", "CONTACT", "CURRENCY"}
    assert {known[one]["inactivity_minutes"] for one in slow} == {1_440}
    assert {known[one]["inactivity_minutes"] for one in quick} == {720}
    assert known["CUSTOMER"]["name"] == "CUSTOMER - Dynamics 365 Sales synchronization job"
    assert all(one["name"].startswith(mapping) for mapping, one in known.items())
    assert {(one["attempts_max"], one["delay_seconds"]) for one in known.values()} == {(10, 30)}
    assert {one for one in known if known[one]["category"] == "BCI CUST"} == {"CUSTOMER", "VENDOR", "CONTACT"}
    assert known["OPPORTUNITY"]["status"] == "On Hold"
    assert {one["status"] for name, one in known.items() if name != "OPPORTUNITY"} == {"Ready"}


def test_looks_at_the_schedule_use_up_no_ids(world: World) -> None:
    entries(world)
    query = "select sequencename, last_value from pg_sequences order by 1"
    before = world.query(query)
    entries(world)
    assert world.query(query) == before


@pytest.mark.scenario("JQ-22")
@pytest.mark.scenario("JQ-23")
def test_salespeople_have_an_entry_only_where_persons_own_records(world: World) -> None:
    assert "SALESPEOPLE" in entries(world)
    world.command(
        lambda one: set_connection(one, ["owner_model=team"], existing=False, wait=lambda name: None)
    )
    assert "SALESPEOPLE" not in entries(world)
    assert "CUSTOMER" in entries(world)


def test_a_disabled_mapping_is_on_hold(world: World) -> None:
    world.configure("CURRENCY", enabled=False)
    assert (entries(world)["CURRENCY"]["status"], entries(world)["CURRENCY"]["next_start"]) == (
        "On Hold",
        None,
    )


def test_hold_and_ready(world: World) -> None:
    world.command(lambda session: hold_entries(session, ["currency"]))
    held = entries(world)["CURRENCY"]
    assert (held["status"], held["next_start"]) == ("On Hold", None)
    assert entries(world)["CUSTOMER"]["status"] == "Ready"
    world.command(lambda session: hold_entries(session, []))
    assert {one["status"] for one in entries(world).values()} == {"On Hold"}
    world.command(lambda session: ready_entries(session, ["CURRENCY", "CUSTOMER"]))
    assert {one for one, each in entries(world).items() if each["status"] == "Ready"} == {
        "CURRENCY",
        "CUSTOMER",
    }


@pytest.mark.scenario("JQ-08")
@pytest.mark.scenario("JQ-09")
@pytest.mark.scenario("JQ-20")
def test_a_paused_connection_holds_all_entries_and_a_resumed_one_sets_them_going(world: World) -> None:
    before = {one: each["status"] for one, each in entries(world).items()}
    world.command(lambda session: pause(session, ""))
    assert {each["status"] for each in entries(world).values()} == {"On Hold"}
    assert {each["next_start"] for each in entries(world).values()} == {None}
    world.command(resume)
    after = {one: each["status"] for one, each in entries(world).items()}
    assert after == before
    assert after["CUSTOMER"] == "Ready"


@pytest.mark.scenario("JQ-17")
def test_synchronizing_all_makes_a_job_for_each_mapping_with_both_directions(world: World) -> None:
    done = world.sync(full=True)
    jobs = {name: one for name, one in done.items() if name not in {"", "actions"}}
    assert jobs.keys() == world.command(lambda session: session.mappings()).keys()
    assert {frozenset(one["counts"]) for one in jobs.values()} == {frozenset({"to", "from"})}
    assert world.query("select count(*) from job") == [(len(jobs),)]
    both = jobs["CUSTOMER"]["counts"]
    assert both["to"]["inserted"] > 0
    assert both["from"]["inserted"] > 0


def test_timing_is_changed_and_taken_back(world: World) -> None:
    one = changed(
        world,
        "CUSTOMER",
        *("every_minutes=5", "inactivity_minutes=never", "attempts=3", "delay_seconds=60", "category="),
        *("days=sun,mon", "hours=22:00-06:00", "time_zone=Europe/Oslo"),
    )
    assert (one["every_minutes"], one["inactivity_minutes"], one["attempts_max"]) == (5, None, 3)
    assert (one["delay_seconds"], one["category"]) == (60, "")
    assert (one["days"], one["hours"], one["time_zone"]) == (["mon", "sun"], "22:00-06:00", "Europe/Oslo")
    one = changed(
        world, "CUSTOMER", *(f"{key}=default" for key in ("every_minutes", "category", "days", "hours"))
    )
    assert (one["every_minutes"], one["category"], one["hours"]) == (30, "BCI CUST", "00:00-24:00")
    assert (one["attempts_max"], len(one["days"])) == (3, 7)


@pytest.mark.parametrize(
    "edit",
    [
        *("every_minutes=0", "every_minutes=-1", "every_minutes=٣", "every_minutes=1e3", "every_minutes="),
        *("attempts=0", "delay_seconds=never", "inactivity_minutes=99999999999", "category=a\nb"),
        *("days=", "days=monday", "hours=06:00", "hours=06:00-06:00", "hours=24:00-06:00", "hours=6:00-7:00"),
        *("hours=06:60-07:00", "time_zone=Mars/Olympus", "time_zone=../../etc/passwd", "colour=red", "every"),
    ],
)
def test_what_is_no_timing_is_refused_and_changes_nothing(world: World, edit: str) -> None:
    before = entries(world)["CUSTOMER"]
    with pytest.raises(ConfigurationError) as refused:
        changed(world, "CUSTOMER", "attempts=7", edit)
    assert refused.value.cure
    assert entries(world)["CUSTOMER"] == before


def test_a_run_that_is_asked_for_is_an_entry_of_its_own(world: World) -> None:
    [one] = world.command(lambda session: ask_for_run(session, "customer", full=True))["entries"]
    assert one["name"] == "CUSTOMER - Dynamics 365 Sales full synchronization job"
    assert (one["status"], one["recurring"], one["attempts_max"]) == ("Ready", False, 2)
    assert len(world.command(list_entries)["entries"]) == len(entries(world)) + 1
    with pytest.raises(ConfigurationError):
        world.command(lambda session: ask_for_run(session, "NOBODY", full=False))
