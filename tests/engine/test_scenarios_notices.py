"""Aim: scenarios of the built-in integration about notices on a record's card, and its counters of failures.

There a card shows a notice when the record's last synchronization failed. Here `why` says it in words, for
any record of either side, and the lists and the counters of each run say it for all.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from engine.test_words_on_skipped import say
from engine.world import Document, World
from kobling.service.explanations import history, why
from kobling.service.waiting import list_jobs, purge_jobs

Pair = tuple[str, str]
SAID = "no faxes here"
NO_FAX = {"entity": "account", "on": "update", "field": "fax", "refuse": SAID}
NO_NEW_FAX = {"entity": "account", "on": "create", "field": "fax", "refuse": SAID}


@pytest.fixture(autouse=True)
def mended(common: World) -> Iterator[None]:
    """What a test leaves open is over."""
    yield
    common.plugins()
    say(common)
    common.sync("CUSTOMER")
    assert common.skipped() == []


def notice(world: World, record: str) -> str:
    return " ".join(world.command(lambda session: why(session, "CUSTOMER", record))["sentences"])


def fail(world: World, pair: Pair) -> Document:
    """The pair's last synchronization failed."""
    world.plugins(NO_FAX)
    world.edit_customer(pair[0], faxNo="12121212")
    return dict(world.sync("CUSTOMER")["CUSTOMER"])


def jobs_of(world: World, record: str) -> set[str]:
    changes = world.command(lambda session: history(session, "CUSTOMER", record))["changes"]
    return {one["job"] for one in changes}


@pytest.mark.scenario("NO-01")
@pytest.mark.scenario("NO-09")
def test_a_record_whose_last_run_failed_says_so(common: World, pair: Pair) -> None:
    common.edit_customer(pair[0], city="Moss")
    common.sync("CUSTOMER")
    assert SAID not in notice(common, pair[0])
    fail(common, pair)
    for record in pair:
        assert SAID in notice(common, record)


@pytest.mark.scenario("NO-02")
@pytest.mark.scenario("NO-05")
def test_the_jobs_of_a_record_are_its_own_and_those_of_its_mapping_are_listed_beside(
    common: World, pair: Pair, other_pair: Pair
) -> None:
    common.edit_customer(pair[0], city="Ski")
    first = common.sync("CUSTOMER")["CUSTOMER"]["job"]
    common.edit_customer(other_pair[0], city="Vik")
    second = common.sync("CUSTOMER")["CUSTOMER"]["job"]
    common.sync("CONTACT")
    assert first in jobs_of(common, pair[0])
    assert second not in jobs_of(common, pair[0])
    assert second in jobs_of(common, other_pair[0])
    listed = common.command(lambda session: list_jobs(session, ["CUSTOMER"], 100))["jobs"]
    assert {first, second} <= {one["job"] for one in listed}
    assert {one["mapping"] for one in listed} == {"CUSTOMER"}


@pytest.mark.scenario("NO-03")
def test_the_failure_of_a_record_without_a_coupling_is_told(common: World) -> None:
    common.plugins(NO_NEW_FAX)
    made = common.create(
        "bc",
        "customers",
        name="Notis AS",
        faxNo="1",
        salespersonCode=common.customers()[0]["salespersonCode"],
    )
    common.sync("CUSTOMER", full=True, records=(f"bc:{made['id']}",))
    assert made["id"] not in {one["bc_id"] for one in common.couplings()}
    assert SAID in notice(common, made["id"])


@pytest.mark.scenario("NO-04")
@pytest.mark.scenario("NO-08")
def test_a_failure_before_the_last_success_is_told_no_more(common: World, pair: Pair) -> None:
    fail(common, pair)
    common.plugins()
    say(common)
    assert common.account(pair[1])["fax"] == "12121212"
    assert SAID not in notice(common, pair[0])


@pytest.mark.scenario("NO-06")
def test_the_failure_of_a_job_that_was_purged_is_told_only_while_it_still_holds(
    common: World, pair: Pair
) -> None:
    """The built-in integration forgets a failure with its log; here what still fails goes on being told."""
    job = fail(common, pair)["job"]
    common.command(lambda session: purge_jobs(session, 0))
    assert SAID in notice(common, pair[0])
    common.plugins()
    say(common)
    common.command(lambda session: purge_jobs(session, 0))
    left = common.command(lambda session: list_jobs(session, ["CUSTOMER"], 100))["jobs"]
    assert job not in {one["job"] for one in left}
    assert SAID not in notice(common, pair[0])


@pytest.mark.scenario("NO-07")
def test_a_failure_is_told_whichever_direction_ran_last(common: World, pair: Pair) -> None:
    fail(common, pair)
    common.edit_account(pair[1], telephone1="+47 11 22 33 44")
    common.sync("CUSTOMER", direction="from")
    # The account's edit was let in, so what failed is due again, and why it failed may have gone.
    for record in pair:
        assert "(failed) and is due in the next run" in notice(common, record)


@pytest.mark.scenario("NO-10")
@pytest.mark.scenario("NO-11")
@pytest.mark.scenario("NO-12")
def test_failures_are_counted_and_none_are_none(common: World, pair: Pair) -> None:
    before = common.sync("CUSTOMER")["CUSTOMER"]
    assert (before["counts"]["to"]["failed"], before["open"]["skipped"], before["errors"]) == (0, 0, [])
    failed = fail(common, pair)
    assert (failed["counts"]["to"]["failed"], failed["open"]["skipped"]) == (1, 1)
    assert common.sync("CUSTOMER")["CUSTOMER"]["open"]["skipped"] == 1
