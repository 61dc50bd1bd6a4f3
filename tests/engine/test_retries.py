"""Aim: a failure is tried again by the clock after growing pauses, and at once when something has changed.

Method: instead of waiting, the time of the next try is moved into the past.
"""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from engine.world import Document, World, wrote
from kobling.service.explanations import why
from kobling.service.schedule import schedule_store
from kobling.service.waiting import Word, speak

Pair = tuple[str, str]


def entry(world: World, customer: str) -> Document:
    [found] = [one for one in world.skipped() if one["bc_id"] == customer]
    return found


def pauses(world: World) -> set[float]:
    """Minutes until the next try, rounded."""
    rows = world.query(
        "select round(extract(epoch from next_try - now()) / 60) from inbox where next_try is not null"
    )
    return {float(row[0]) for row in rows}


def pass_time(world: World) -> None:
    world.query("update inbox set next_try = now() where next_try is not null returning 1")


@pytest.fixture
def refused(common: World, pair: Pair) -> Pair:
    """A pair of which Business Central refuses the telephone number."""
    common.edit_account(pair[1], telephone1="call me")
    assert common.sync("CUSTOMER")["CUSTOMER"]["counts"]["from"]["failed"] == 1
    return pair


def end(world: World, pair: Pair) -> None:
    world.edit_account(pair[1], telephone1="+47 12 34 56 78")
    world.sync("CUSTOMER")
    assert world.skipped() == []


def test_the_pauses_of_what_is_refused_grow(common: World, refused: Pair) -> None:
    for attempts, minutes in ((1, 15), (2, 30), (3, 60)):
        assert (entry(common, refused[0])["attempts"], pauses(common)) == (attempts, {minutes})
        assert common.sync("CUSTOMER")["CUSTOMER"]["counts"]["from"]["failed"] == 0
        pass_time(common)
        assert common.sync("CUSTOMER")["CUSTOMER"]["counts"]["from"]["failed"] == 1
    end(common, refused)


def test_what_no_longer_fails_passes_by_itself(common: World, pair: Pair) -> None:
    fault = {"method": "PATCH", "path": "customers", "action": "status", "status": 400}
    common.faults("bc", fault)
    common.edit_account(pair[1], fax="40404040")
    assert common.sync("CUSTOMER")["CUSTOMER"]["counts"]["from"]["failed"] == 1
    common.faults("bc")
    assert wrote(common.sync("CUSTOMER")) == 0
    pass_time(common)
    assert wrote(common.sync("CUSTOMER")) == 1
    assert common.customer(pair[0])["faxNo"] == "40404040"
    assert common.skipped() == []


def test_a_changed_record_does_not_wait_and_begins_anew(common: World, refused: Pair) -> None:
    pass_time(common)
    common.sync("CUSTOMER")
    assert entry(common, refused[0])["attempts"] == 2
    common.edit_account(refused[1], telephone1="call me, please")
    assert common.sync("CUSTOMER")["CUSTOMER"]["counts"]["from"]["failed"] == 1
    assert (entry(common, refused[0])["attempts"], pauses(common)) == (1, {15})
    end(common, refused)


def test_a_person_and_the_mapping_do_not_wait_and_begin_anew(common: World, refused: Pair) -> None:
    pass_time(common)
    common.sync("CUSTOMER")
    common.command(lambda one: speak(one, Word(mapping="CUSTOMER"), wait=lambda name: None))
    assert (entry(common, refused[0])["attempts"], pauses(common)) == (1, {15})
    pass_time(common)
    common.sync("CUSTOMER")
    common.command(lambda one: one.state.mapping_changed("CUSTOMER", ()))
    assert common.sync("CUSTOMER")["CUSTOMER"]["counts"]["from"]["failed"] == 1
    assert (entry(common, refused[0])["attempts"], pauses(common)) == (1, {15})
    end(common, refused)


def test_workers_are_told_when_a_pause_is_over(common: World, refused: Pair) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    with_work = lambda: common.command(lambda one: schedule_store(one).with_work(now))  # noqa: E731
    assert "CUSTOMER" not in with_work()
    pass_time(common)
    assert "CUSTOMER" in with_work()
    end(common, refused)


def test_people_are_told_of_the_next_try(common: World, refused: Pair) -> None:
    told = common.command(lambda one: why(one, "CUSTOMER", f"bc:{refused[0]}"))["sentences"]
    moment = entry(common, refused[0])["next_try"]
    assert any(f"is tried again from {moment} on" in one for one in told)
    end(common, refused)


def test_a_failure_in_passing_is_tried_by_the_next_run_and_then_rests(common: World, pair: Pair) -> None:
    fault = {"method": "PATCH", "path": "accounts", "action": "status", "status": 503, "retry_after": 0}
    common.faults("crm", fault)
    common.edit_customer(pair[0], address="Torget 503")
    for minutes in (0, 1, 2):
        assert common.sync("CUSTOMER")["CUSTOMER"]["counts"]["to"]["failed"] == 1
        assert pauses(common) == {minutes}
        pass_time(common)
    common.faults("crm")
    assert wrote(common.sync("CUSTOMER")) == 1
    assert common.account(pair[1])["address1_line1"] == "Torget 503"
