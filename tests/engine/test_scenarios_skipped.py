"""Aim: scenarios of the built-in integration about records that failed and are skipped.

It tries a record twice and skips it when the second error reads like the first. Here a refused record is
listed at once and rests until something changes that can mend it, or until a person asks for it; what only
waits for another record is no failure and goes through by itself.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from engine.test_contacts import partner, person
from engine.test_scenarios_contacts import of_account
from engine.test_words_on_skipped import say
from engine.world import Document, World, wrote
from kobling.model.errors import ConfigurationError
from kobling.service.explanations import history, why
from kobling.service.waiting import list_jobs, purge_jobs

Pair = tuple[str, str]
NO_FAX = {"entity": "account", "on": "update", "field": "fax", "refuse": "no faxes"}


@pytest.fixture(autouse=True)
def mended(common: World) -> Iterator[None]:
    """What a test leaves open is over."""
    yield
    common.configure("CUSTOMER")
    common.plugins()
    say(common, "remove-coupling", mapping="CUSTOMER")
    say(common)
    assert listed(common) == set()


def refused(world: World, *pairs: Pair) -> None:
    """These pairs are refused by Sales and skipped; their cause is gone, but nobody has tried them again."""
    world.plugins(NO_FAX)
    for one in pairs:
        world.edit_customer(one[0], faxNo="12121212")
    world.sync("CUSTOMER")
    assert listed(world) == {one[0] for one in pairs}
    world.plugins()


def listed(world: World) -> set[str]:
    return {one["bc_id"] for one in world.skipped() if one["mapping"] == "CUSTOMER"}


def retried(world: World, pair: Pair) -> bool:
    return bool(world.account(pair[1])["fax"] == "12121212")


def counts(world: World, **request: object) -> Document:
    """What a run counts in both directions together."""
    done = world.sync("CUSTOMER", **request)["CUSTOMER"]["counts"]
    return {word: done["to"][word] + done["from"][word] for word in done["to"]}


@pytest.mark.scenario("SK-01")
def test_what_waits_for_a_salesperson_goes_through_once_there_is_one(common: World, pair: Pair) -> None:
    """The built-in integration fails it once; here it waits, and is no failure."""
    common.create("bc", "salespeoplePurchasers", code="SK1", name="Siri", eMail="siri@x.example")
    common.edit_customer(pair[0], salespersonCode="SK1")
    first = counts(common)
    assert (first["waiting"], first["failed"]) == (1, 0)
    user = common.create("crm", "systemusers", internalemailaddress="siri@x.example", islicensed=True)
    common.couple("SALESPEOPLE", "SK1", f"crm:{user['systemuserid']}", use="leave")
    second = counts(common)
    assert (second["modified"], second["failed"], second["waiting"]) == (1, 0, 0)
    assert listed(common) == set()


@pytest.mark.scenario("SK-03")
@pytest.mark.scenario("SK-26")
def test_a_refused_record_is_skipped_at_once_and_not_sent_again(common: World, pair: Pair) -> None:
    """The built-in integration sends it a second time, and skips it if the error reads the same."""
    common.plugins(NO_FAX)
    common.edit_customer(pair[0], faxNo="12121212")
    assert counts(common)["failed"] == 1
    common.reset_requests()
    assert [value for value in counts(common).values() if value] == []
    parts = common.requests("crm")["parts"]
    assert [one for one in parts if one["method"] == "PATCH"] == []
    assert listed(common) == {pair[0]}


@pytest.mark.scenario("SK-04")
def test_asking_for_a_skipped_record_tries_it_and_says_what_the_service_says(
    common: World, pair: Pair
) -> None:
    """The built-in integration only says that it is skipped."""
    refused(common, pair)
    common.plugins(NO_FAX)
    done = common.sync("CUSTOMER", records=(pair[0],))
    assert done[""] == 1
    assert ["no faxes" in one["message"] for one in done["CUSTOMER"]["errors"]] == [True]
    assert listed(common) == {pair[0]}


@pytest.mark.scenario("SK-05")
@pytest.mark.scenario("SK-10")
@pytest.mark.parametrize("how", ["retry", "sync"])
def test_one_of_two_is_tried_again(common: World, pair: Pair, other_pair: Pair, how: str) -> None:
    refused(common, pair, other_pair)
    if how == "retry":
        assert say(common, mapping="CUSTOMER", record=pair[0])[1] == 0
    else:
        common.sync("CUSTOMER", records=(pair[0],))
    assert listed(common) == {other_pair[0]}
    assert (retried(common, pair), retried(common, other_pair)) == (True, False)


@pytest.mark.scenario("SK-06")
def test_those_of_a_mapping_are_tried_again_and_counted(common: World, pair: Pair, other_pair: Pair) -> None:
    refused(common, pair, other_pair)
    vendor = common.couplings("VENDOR")[0]
    place = f"{common.crm('accounts')}({vendor['crm_id']})"
    common.send("crm", "PATCH", place, {"telephone1": "call me"})
    common.sync("VENDOR")
    assert len(common.skipped()) == 3
    document, status = say(common, mapping="CUSTOMER")
    assert (document["records"], document["done"], status) == (2, 2, 0)
    assert [one["mapping"] for one in common.skipped()] == ["VENDOR"]
    common.send("crm", "PATCH", place, {"telephone1": "+47 1"})
    common.sync("VENDOR")


@pytest.mark.scenario("SK-07")
@pytest.mark.scenario("SK-08")
@pytest.mark.scenario("SK-24")
def test_when_the_last_one_went_through_there_is_nothing_to_try(common: World, pair: Pair) -> None:
    refused(common, pair)
    document, _ = say(common, mapping="CUSTOMER", record=pair[0])
    assert document["jobs"][0]["counts"]["to"]["modified"] == 1
    assert common.skipped() == []
    document, status = say(common)
    assert (document["records"], document["jobs"], status) == (0, [], 1)


@pytest.mark.scenario("SK-09")
def test_all_are_tried_again(common: World, pair: Pair, other_pair: Pair, third_pair: Pair) -> None:
    refused(common, pair, other_pair, third_pair)
    document, status = say(common)
    assert (document["records"], document["done"], status) == (3, 3, 0)
    assert all(retried(common, one) for one in (pair, other_pair, third_pair))


@pytest.mark.scenario("SK-11")
def test_a_skipped_record_is_synchronized_in_the_direction_that_is_asked_for(
    common: World, pair: Pair, other_pair: Pair
) -> None:
    refused(common, pair, other_pair)
    common.edit_account(pair[1], telephone1="+47 5")
    before = common.customer(pair[0])["phoneNo"]
    done = common.sync("CUSTOMER", records=(pair[0],), direction="to")
    assert done["CUSTOMER"]["counts"]["to"]["modified"] == 1
    assert (retried(common, pair), retried(common, other_pair)) == (True, False)
    assert common.customer(pair[0])["phoneNo"] == before


@pytest.mark.scenario("SK-12")
def test_records_of_several_mappings_are_synchronized_at_once(
    common: World, pair: Pair, other_pair: Pair
) -> None:
    refused(common, pair, other_pair)
    seller = common.couplings("SALESPEOPLE")[0]
    place = f"{common.crm('systemusers')}({seller['crm_id']})"
    common.send("crm", "PATCH", place, {"mobilephone": "+47 6"})
    asked = (f"bc:{pair[0]}", f"bc:{other_pair[0]}", f"bc:{seller['bc_id']}")
    done = common.sync("SALESPEOPLE", "CUSTOMER", records=asked)
    written = {
        name: [done[name]["counts"][way]["modified"] for way in ("to", "from")]
        for name in ("SALESPEOPLE", "CUSTOMER")
    }
    assert written == {"SALESPEOPLE": [0, 1], "CUSTOMER": [2, 0]}
    assert common.skipped() == []


@pytest.mark.scenario("SK-14")
@pytest.mark.scenario("SK-25")
def test_a_skipped_pair_that_is_coupled_anew_is_listed_no_more(
    common: World, pair: Pair, other_pair: Pair
) -> None:
    refused(common, pair)
    for one in (pair, other_pair):
        common.uncouple("CUSTOMER", one[0])
    assert listed(common) == set()
    common.couple("CUSTOMER", f"bc:{pair[0]}", f"crm:{other_pair[1]}", use="bc")
    assert listed(common) == set()
    assert common.account(other_pair[1])["fax"] == "12121212"


@pytest.mark.scenario("SK-15")
def test_uncoupling_one_of_two_takes_it_off_the_list(common: World, pair: Pair, other_pair: Pair) -> None:
    refused(common, pair, other_pair)
    common.uncouple("CUSTOMER", pair[0])
    assert listed(common) == {other_pair[0]}
    assert pair[0] not in {one["bc_id"] for one in common.couplings()}


@pytest.mark.scenario("SK-16")
def test_the_coupling_of_a_deleted_customer_is_removed_by_a_word(common: World, pair: Pair) -> None:
    common.delete("bc", "customers", pair[0])
    common.sync("CUSTOMER")
    assert say(common, "remove-coupling", mapping="CUSTOMER", record=pair[0])[1] == 0
    assert pair[1] not in {one["crm_id"] for one in common.couplings()}
    assert common.skipped() == []


@pytest.mark.scenario("SK-17")
def test_the_list_has_for_each_record_what_is_the_matter_and_since_when(
    common: World, pair: Pair, other_pair: Pair
) -> None:
    common.plugins(NO_FAX)
    common.edit_customer(pair[0], faxNo="12121212")
    common.edit_account(other_pair[1], telephone1="call me")
    common.sync("CUSTOMER")
    found = {one["bc_id"]: one for one in common.skipped()}
    assert "Sales refuses it: no faxes" in found[pair[0]]["message"]
    assert "Business Central refuses it" in found[other_pair[0]]["message"]
    assert all(one["since"].endswith("Z") and one["number"] and one["name"] for one in found.values())
    common.edit_account(other_pair[1], telephone1="+47 7")
    common.sync("CUSTOMER")


@pytest.mark.scenario("SK-18")
def test_the_history_of_a_record_is_of_that_record_only(common: World, pair: Pair, other_pair: Pair) -> None:
    common.edit_customer(pair[0], address="Torget 80")
    common.edit_customer(other_pair[0], address="Torget 81")
    common.sync("CUSTOMER")
    changes = common.command(lambda one: history(one, "CUSTOMER", pair[0]))["changes"]
    assert [one["after"] for one in changes if one["column"] == "address1_line1"][-1:] == ["Torget 80"]
    assert {one["bc_id"] for one in changes} == {pair[0]}


@pytest.mark.scenario("SK-19")
def test_of_a_record_that_nobody_knows_nothing_is_told(common: World) -> None:
    with pytest.raises(ConfigurationError):
        common.command(lambda one: why(one, "CUSTOMER", "C-NOBODY"))


@pytest.mark.scenario("SK-20")
@pytest.mark.scenario("SK-21")
def test_the_last_job_of_a_skipped_record_is_not_purged_with_the_others(
    common: World, pair: Pair, other_pair: Pair
) -> None:
    """The built-in integration shows no text when the job is gone; here the record keeps its own."""
    refused(common, pair)
    common.edit_customer(other_pair[0], faxNo="13")
    common.sync("CUSTOMER")
    jobs = common.command(lambda one: list_jobs(one, (), 500))["jobs"]
    assert common.command(lambda one: purge_jobs(one, 1)) == {"purged": 0, "kept": 0}
    assert common.command(lambda one: purge_jobs(one, 0)) == {"purged": len(jobs) - 1, "kept": 1}
    [job] = common.command(lambda one: list_jobs(one, (), 500))["jobs"]
    assert [one["bc_id"] for one in job["errors"]] == [pair[0]]
    assert "no faxes" in common.skipped()[0]["message"]
    say(common, mapping="CUSTOMER")
    assert common.command(lambda one: purge_jobs(one, 0))["kept"] == 0
    assert common.audit() == []


@pytest.mark.scenario("SK-22")
def test_who_looks_at_a_skipped_record_is_told(common: World, pair: Pair) -> None:
    """There is no card of the record to put a notice on; `why` is asked instead."""
    refused(common, pair)
    sentences = " ".join(common.command(lambda one: why(one, "CUSTOMER", pair[0]))["sentences"])
    assert "no faxes" in sentences
    assert "stands in the inbox since" in sentences


@pytest.mark.scenario("SK-27")
def test_when_both_services_refuse_both_are_told(common: World, pair: Pair) -> None:
    """The built-in integration shows the error to Sales only."""
    common.plugins(NO_FAX)
    common.edit_customer(pair[0], faxNo="12121212")
    common.edit_account(pair[1], telephone1="call me")
    done = common.sync("CUSTOMER")["CUSTOMER"]
    assert [done["counts"][way]["failed"] for way in ("to", "from")] == [1, 1]
    assert sorted("no faxes" in one["message"] for one in done["errors"]) == [False, True]
    [one] = common.skipped()
    assert "no faxes" in one["message"]
    assert "Business Central refuses it" in one["message"]
    common.edit_account(pair[1], telephone1="+47 8")
    common.sync("CUSTOMER")


@pytest.mark.scenario("SK-28")
@pytest.mark.scenario("SK-29")
@pytest.mark.parametrize("system", ["Sales", "Business Central"])
def test_when_one_service_refuses_it_is_named(common: World, pair: Pair, system: str) -> None:
    if system == "Sales":
        common.plugins(NO_FAX)
        common.edit_customer(pair[0], faxNo="12121212")
    else:
        common.edit_account(pair[1], telephone1="call me")
    common.sync("CUSTOMER")
    [one] = common.skipped()
    assert one["message"].startswith(f"{system} refuses it")
    assert one["message"].count("refuses it") == 1
    common.edit_account(pair[1], telephone1="+47 9")
    common.sync("CUSTOMER")


@pytest.mark.scenario("SK-30")
def test_a_deleted_account_makes_its_pair_skipped(common: World, pair: Pair) -> None:
    common.delete("crm", "accounts", pair[1])
    assert counts(common)["skipped"] == 1
    [one] = common.skipped()
    assert (one["bc_id"], one["reason"]) == (pair[0], "deleted")
    assert "Sales is deleted" in one["message"]


@pytest.mark.scenario("SK-31")
def test_what_depends_on_a_skipped_record_is_not_skipped_with_it(common: World, pair: Pair) -> None:
    contact = of_account(common, pair[1])
    common.sync("CONTACT", full=True, records=(f"crm:{contact}",))
    refused(common, pair)
    [left] = [one["bc_id"] for one in common.couplings("CONTACT") if one["crm_id"] == contact]
    common.send("bc", "PATCH", f"{common.bc('contacts')}({left})", {"pager": "11"})
    assert wrote(common.sync("CONTACT")) == 1
    assert person(common, partner(common, left))["pager"] == "11"
    assert listed(common) == {pair[0]}
