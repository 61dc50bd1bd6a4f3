"""Aim: whatever is wrong with an installation is named with its cure, and a sound one has no problem.

Method: each fault is really there, in the served sandbox, in the database, or between them; then the
examination of the command is asked.
"""

from __future__ import annotations

import asyncio
import uuid
from datetime import date, timedelta
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import pytest

from engine.pooler import transaction_pooler
from engine.test_full_synchronization import start
from engine.test_switches import turn
from engine.world import World
from kobling.adapters.postgres.examination import keeps_sessions
from kobling.model.errors import PausedError
from kobling.service.configuration import read_configuration
from kobling.service.doctor import examine, exit_status_of
from kobling.service.finding import Finding, Level
from kobling.service.mappings import set_mapping
from kobling.service.pausing import pause, resume
from kobling.service.schedule import list_entries

TODAY = date(2026, 11, 24)


def examined(world: World, **environment: str) -> list[Finding]:
    configuration = read_configuration(world.path, world.environment | environment)
    return asyncio.run(examine(configuration, TODAY))


def found(world: World, name: str, **environment: str) -> Finding:
    """The one finding of that name."""
    [one] = [each for each in examined(world, **environment) if each.name == name]
    return one


def execute(world: World, statement: LiteralString) -> None:
    """Done to the database behind the product's back."""
    with psycopg.connect(world.environment["KOBLING_DATABASE_URL"]) as database:
        database.execute(statement)


def problems(findings: list[Finding]) -> list[str]:
    return [one.name for one in findings if one.level is Level.PROBLEM]


def test_a_sound_installation_has_no_problem(synchronized: World) -> None:
    told = examined(synchronized)
    assert problems(told) == []
    assert exit_status_of(told) == 0
    names = {one.name for one in told}
    steps = {"bc rights", "crm change tracking", "database", "base currency"}
    assert steps | {"sessions", "locks", "place", "dependencies", "inbox", "journal", "schedule"} <= names
    assert all(one.message for one in told)


def test_a_service_out_of_reach_hides_nothing_of_the_database(world: World) -> None:
    world.sync("CURRENCY", full=True)
    told = examined(world, KOBLING_CRM_URL="http://127.0.0.1:9", KOBLING_CRM_TOKEN_URL="http://127.0.0.1:9/t")
    assert "crm sign-in" in problems(told)
    assert exit_status_of(told) == 3
    assert {"inbox", "journal"} <= {one.name for one in told}
    assert [one.level for one in told if one.name == "place"] == [Level.HINT]


def test_who_has_no_role_is_told(world: World) -> None:
    one = found(world, "crm roles", KOBLING_CRM_CLIENT_ID="Anna")
    assert (one.level, one.exit_status) == (Level.PROBLEM, 3)
    assert "'Anna' has no security role" in one.message


def test_a_persons_user_is_told(world: World) -> None:
    anna = world.send("crm", "GET", world.crm("WhoAmI"))["UserId"]
    [role] = world.get("crm", world.crm("roles?$filter=name%20eq%20'Salesperson'"))["value"]
    give(world, anna, role["roleid"])
    one = found(world, "crm roles", KOBLING_CRM_CLIENT_ID="Anna")
    assert (one.level, one.exit_status) == (Level.PROBLEM, 1)
    assert "a person's user" in one.message


def give(world: World, user: str, role: str) -> None:
    place = world.crm(f"systemusers({user})/systemuserroles_association/$ref")
    world.send("crm", "POST", place, {"@odata.id": world.crm(f"roles({role})")})


def another_application(world: World) -> str:
    """An application user beside ours, by the client id Robot."""
    robot = world.send("crm", "GET", world.crm("WhoAmI"), client="Robot")["UserId"]
    place = world.crm(f"systemusers({robot})")
    world.send("crm", "PATCH", place, {"applicationid": str(uuid.uuid5(uuid.NAMESPACE_URL, "robot"))})
    return str(robot)


def test_another_integration_is_told_by_what_it_writes(synchronized: World) -> None:
    world = synchronized
    another_application(world)
    assert found(world, "other integrations").level is Level.OK
    _, account = world.pair()
    world.send("crm", "PATCH", world.crm(f"accounts({account})"), {"name": "By the robot"}, client="Robot")
    one = found(world, "other integrations")
    assert one.level is Level.HINT
    assert "'Robot' wrote to accounts" in one.message


def test_the_built_in_integration_is_told_by_its_role(world: World) -> None:
    robot = another_application(world)
    [role] = world.get("crm", world.crm("roles?$filter=contains(name,'Business%20Central')"))["value"]
    give(world, robot, role["roleid"])
    one = found(world, "other integrations")
    assert one.level is Level.HINT
    assert "Microsoft's own integration may be on" in one.message
    assert "Dataverse Connection Setup" in one.cure


@pytest.mark.parametrize(
    ("days", "level", "status"), [(400, Level.OK, 0), (10, Level.HINT, 0), (-1, Level.PROBLEM, 2)]
)
def test_a_secret_is_told_before_it_expires(world: World, days: int, level: Level, status: int) -> None:
    expires = (TODAY + timedelta(days=days)).isoformat()
    told = examined(world, KOBLING_BC_SECRET_EXPIRES=expires)
    [one] = [each for each in told if each.name == "bc secret"]
    assert (one.level, exit_status_of(told)) == (level, status)
    assert expires in one.message


def test_another_place_than_the_bound_one_is_told(synchronized: World) -> None:
    execute(synchronized, "update connection set left_identity = '00000000-0000-0000-0000-000000000001'")
    one = found(synchronized, "place")
    assert (one.level, one.exit_status) == (Level.PROBLEM, 2)
    assert "company 00000000-0000-0000-0000-000000000001, the configuration leads to" in one.message


def test_what_is_looked_up_in_a_disabled_mapping_is_told(world: World) -> None:
    def nobody(name: str) -> None:
        raise AssertionError(name)

    world.command(lambda one: set_mapping(one, "CURRENCY", ["enabled=off"], existing=False, wait=nobody))
    told = [one for one in examined(world) if one.name == "dependencies"]
    assert {one.level for one in told} == {Level.PROBLEM}
    assert any("CUSTOMER is enabled and looks up records of CURRENCY" in one.message for one in told)
    assert all("kobling mapping set CURRENCY enabled=on" in one.cure for one in told)


def test_what_stays_for_long_is_told_with_who_decides(synchronized: World) -> None:
    world = synchronized
    customer, account = world.pair()
    world.edit_customer(customer, name="Here")
    world.edit_account(account, name="There")
    world.sync("CUSTOMER")
    assert found(world, "inbox").level is Level.OK
    execute(world, "update inbox set since = since - interval '8 days' where reason = 'conflict'")
    one = found(world, "inbox")
    assert (one.level, one.exit_status) == (Level.PROBLEM, 1)
    assert "CUSTOMER" in one.message
    assert "kobling conflict list" in one.cure


@pytest.mark.scenario("SU-18")
def test_writes_of_a_run_that_is_gone_are_told(synchronized: World) -> None:
    execute(
        synchronized,
        "insert into intent (job_id, mapping_id, entries) select job.id, mapping_id, '[]' from job"
        " join mapping on mapping.id = mapping_id where name = 'CUSTOMER' limit 1",
    )
    one = found(synchronized, "journal")
    assert one.level is Level.PROBLEM
    assert "CUSTOMER: 1 batches of writes" in one.message
    synchronized.sync("CUSTOMER")
    assert found(synchronized, "journal").level is Level.OK


def test_a_schedule_that_nobody_carries_out_is_told(world: World) -> None:
    world.command(list_entries)
    assert "no worker has taken anything up yet" in found(world, "schedule").message
    execute(
        world,
        "update schedule_entry set started_at = now() - interval '2 hours',"
        " next_start = case when mapping.name = 'CUSTOMER' then now() - interval '1 hour'"
        " else now() + interval '1 hour' end from mapping where mapping.id = mapping_id and status = 'Ready'",
    )
    one = found(world, "schedule")
    assert (one.level, one.exit_status) == (Level.PROBLEM, 1)
    assert "CUSTOMER was due 60 minutes ago" in one.message
    assert "kobling worker" in one.cure
    execute(world, "update schedule_entry set status = 'Error', message = 'It broke.' where status = 'Ready'")
    told = [each for each in examined(world) if each.name == "schedule"]
    assert any("CUSTOMER has failed as often as it may: It broke." in each.message for each in told)


def test_a_paused_connection_is_told_and_starts_nothing(world: World) -> None:
    world.command(lambda one: pause(one, "stocktaking"))
    one = found(world, "pause")
    assert (one.level, one.exit_status, one.cure) == (Level.PROBLEM, 1, "kobling resume")
    assert "stocktaking" in one.message
    with pytest.raises(PausedError):
        start(world, "CURRENCY")
    world.command(resume)
    assert found(world, "pause").level is Level.OK
    assert start(world, "CURRENCY")[0]["CURRENCY"]["status"] == "finished"


def test_old_jobs_are_told(synchronized: World) -> None:
    assert "retention" not in {one.name for one in examined(synchronized)}
    execute(synchronized, "update job set ended_at = now() - interval '100 days'")
    one = found(synchronized, "retention")
    assert one.level is Level.HINT
    assert "kobling job purge" in one.cure


def test_a_pooler_in_transaction_mode_is_refused_with_the_reason(world: World, tmp_path: Path) -> None:
    url = world.environment["KOBLING_DATABASE_URL"]
    assert asyncio.run(keeps_sessions(url))
    with transaction_pooler(url) as pooled:
        assert not asyncio.run(keeps_sessions(pooled))
        told = examined(world, KOBLING_DATABASE_URL=pooled)
    [one] = [each for each in told if each.name == "sessions"]
    assert (one.level, one.exit_status) == (Level.PROBLEM, 2)
    assert "pooler in transaction mode" in one.message


def test_a_setting_that_leaves_a_mapping_out_is_no_problem(world: World) -> None:
    turn(world, "extended_pricing=on")
    told: list[Any] = [one for one in examined(world) if one.name == "dependencies"]
    assert [one.level for one in told] == [Level.OK]
