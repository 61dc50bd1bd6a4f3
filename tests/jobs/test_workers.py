"""Aim: workers carry out the schedule, share it, and nothing is lost when one of them, a service or the
database goes away.

Method: worker processes on a database of the test's own and the served sandbox. A test follows their logs.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest
from psycopg import sql

from engine.world import World
from jobs.processes import Process, entry, only
from kobling.service.schedule import ask_for_run

Start = Callable[..., Process]


def test_what_is_due_runs_and_the_worker_stops_cleanly(synchronized: World, start: Start) -> None:
    customer, account = synchronized.pair()
    synchronized.edit_customer(customer, city="Tromsø")
    only(synchronized, "CUSTOMER")
    worker = start("worker")
    done = worker.said("finished", mapping="CUSTOMER")
    assert done["to"] == {"modified": 1}
    assert synchronized.account(account)["address1_city"] == "Tromsø"
    assert worker.stop() == 0
    after = entry(synchronized, "CUSTOMER")
    assert (after["status"], after["attempts"], after["message"]) == ("Ready", 0, "")


def test_a_run_that_found_nothing_puts_the_entry_on_hold(synchronized: World, start: Start) -> None:
    synchronized.sync()
    only(synchronized, "CURRENCY")
    worker = start("worker")
    worker.said("finished", mapping="CURRENCY")
    assert worker.stop() == 0
    assert entry(synchronized, "CURRENCY")["status"] == "On Hold Due to Inactivity"


def test_a_run_that_was_asked_for_is_carried_out_and_finished(world: World, start: Start) -> None:
    only(world, "CURRENCY")
    worker = start("worker")
    worker.said("finished", mapping="CURRENCY")
    world.command(lambda session: ask_for_run(session, "SALESPEOPLE", full=True))
    done = worker.said("finished", mapping="SALESPEOPLE")
    assert done["from"]["inserted"] >= 1
    assert worker.stop() == 0
    rows = world.query("select work, status, running from schedule_entry where not recurring")
    assert rows == [("full", "Finished", False)]
    assert world.query("select kind from job order by id desc limit 1") == [("full",)]


def test_what_one_run_couples_wakes_those_that_waited_for_it(world: World, start: Start) -> None:
    world.sync("CUSTOMER", full=True)
    assert world.query("select 1 from inbox where reason = 'waiting' limit 1")
    only(world, "CUSTOMER", "CURRENCY")
    worker = start("worker")
    worker.said("finished", mapping="CURRENCY")
    world.command(lambda session: ask_for_run(session, "CURRENCY", full=True))
    world.command(lambda session: ask_for_run(session, "SALESPEOPLE", full=True))
    done = worker.until(lambda line: line.get("mapping") == "CUSTOMER" and "inserted" in line.get("to", ()))
    assert done["to"]["inserted"] >= 1
    assert worker.stop() == 0


def test_the_work_of_a_killed_worker_goes_on_in_another_one(synchronized: World, start: Start) -> None:
    customer, account = synchronized.pair()
    synchronized.edit_customer(customer, city="Vadsø")
    only(synchronized, "CUSTOMER")
    _hang(synchronized)
    first = start("worker")
    _until_it_hangs(synchronized)
    second = start("worker")
    first.process.send_signal(signal.SIGKILL)
    synchronized.faults("bc")
    second.said("its worker is gone")
    done = second.said("finished", mapping="CUSTOMER")
    assert done["to"] == {"modified": 1}
    assert synchronized.account(account)["address1_city"] == "Vadsø"
    assert second.stop() == 0
    assert entry(synchronized, "CUSTOMER")["attempts"] == 0


def test_a_worker_that_is_told_to_stop_gives_back_what_it_has_in_hand(
    synchronized: World, start: Start
) -> None:
    only(synchronized, "CUSTOMER")
    _hang(synchronized)
    worker = start("worker")
    _until_it_hangs(synchronized)
    assert worker.stop() == 0
    after = entry(synchronized, "CUSTOMER")
    assert (after["status"], after["attempts"]) == ("Ready", 0)
    assert after["next_start"] is not None
    synchronized.faults("bc")
    again = start("worker")
    again.said("finished", mapping="CUSTOMER")
    assert again.stop() == 0


@pytest.mark.scenario("JQ-07")
def test_a_service_that_is_gone_costs_attempts_and_then_it_goes_on(synchronized: World, start: Start) -> None:
    only(synchronized, "CURRENCY")
    synchronized.faults("bc", {"path": ".", "action": "reset_before"})
    worker = start("worker")
    worker.said("begins", mapping="CURRENCY")
    worker.said("could not run")
    assert worker.stop() == 0
    failed = entry(synchronized, "CURRENCY")
    assert (failed["status"], failed["attempts"]) == ("Ready", 1)
    assert failed["message"].startswith("Business Central")
    synchronized.faults("bc")
    only(synchronized, "CURRENCY")
    again = start("worker")
    again.said("finished", mapping="CURRENCY")
    assert again.stop() == 0
    assert entry(synchronized, "CURRENCY")["attempts"] == 0


def test_database_connections_that_break_are_made_anew(synchronized: World, start: Start) -> None:
    only(synchronized, "CURRENCY")
    worker = start("worker")
    worker.said("finished", mapping="CURRENCY")
    with psycopg.connect(synchronized.environment["KOBLING_DATABASE_URL"], autocommit=True) as database:
        database.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()"
        )
    synchronized.command(lambda session: ask_for_run(session, "CUSTOMER", full=False))
    worker.said("finished", mapping="CUSTOMER")
    assert worker.stop() == 0


@pytest.mark.accept
def test_an_outage_of_the_database_is_outlived_and_what_was_in_hand_is_done_afterwards(
    synchronized: World, start: Start
) -> None:
    customer, account = synchronized.pair()
    synchronized.edit_customer(customer, city="Bodø")
    only(synchronized, "CUSTOMER")
    _hang(synchronized)
    worker = start("worker")
    _until_it_hangs(synchronized)
    with outage(synchronized):
        synchronized.faults("bc")
        worker.said("the queue cannot be reached")
    worker.said("its worker is gone")
    done = worker.said("finished", mapping="CUSTOMER")
    assert done["to"] == {"modified": 1}
    assert synchronized.account(account)["address1_city"] == "Bodø"
    assert worker.stop() == 0
    assert entry(synchronized, "CUSTOMER")["status"] == "Ready"


def test_two_workers_share_the_schedule_and_run_nothing_twice(synchronized: World, start: Start) -> None:
    [(before,)] = synchronized.query("select max(id) from job")
    names = ("CURRENCY", "SALESPEOPLE", "PAYMENT TERMS", "CUSTOMER")
    only(synchronized, *names)
    workers = [start("worker", "--concurrency", "2") for _ in range(2)]
    left = set(names)
    while left:
        # Whichever of them has taken it; the other one may have nothing to say.
        rows = synchronized.query(
            "select name, job.id from job join mapping on mapping.id = mapping_id where status = 'finished'"
        )
        left -= {name for name, number in rows if number > before}
    assert [one.stop() for one in workers] == [0, 0]
    ran = [name for name, number in rows if number > before]
    assert sorted(ran) == sorted(names)


@contextmanager
def outage(world: World) -> Iterator[None]:
    """Nobody is connected to the database, and nobody can connect."""
    url = world.environment["KOBLING_DATABASE_URL"]
    name = url.partition("///")[2].partition("?")[0]
    allow = sql.SQL("alter database {} with allow_connections {}")
    with psycopg.connect(url.replace(f"///{name}?", "///postgres?"), autocommit=True) as database:
        database.execute(allow.format(sql.Identifier(name), sql.SQL("false")))
        try:
            database.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [name]
            )
            yield
        finally:
            database.execute(allow.format(sql.Identifier(name), sql.SQL("true")))


def _hang(world: World) -> None:
    """From now on batches to Business Central get no answer for a minute."""
    world.reset_requests()
    world.faults("bc", {"method": "POST", "path": "batch", "every": 1, "action": "delay", "seconds": 60})


def _until_it_hangs(world: World) -> None:
    while not any("batch" in str(one) for one in world.requests("bc").values()):
        pass
