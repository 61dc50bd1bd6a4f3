"""Aim: scenarios of the built-in integration about what a run remembers, so that the next one takes up what
is new and nothing else.

It keeps times of the last change, on each coupling and for each mapping, with slack for clocks that differ.
Here the base says what each side held, and feeds have marks without clocks; so the same holds whatever the
clocks say.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from engine.test_contacts import company_of, full, new_contact, partner
from engine.test_scenarios_contacts import of_account
from engine.test_words_on_skipped import say
from engine.world import Document, World, wrote
from kobling.service.explanations import history, why
from kobling.service.waiting import show_job

Pair = tuple[str, str]
NO_FAX = {"entity": "account", "on": "update", "field": "fax", "refuse": "no faxes"}
CLOCKS = [pytest.param(0, id="same"), pytest.param(-300, id="behind"), pytest.param(300, id="ahead")]


@pytest.fixture(autouse=True)
def as_shipped(common: World) -> Iterator[None]:
    yield
    common.configure("CUSTOMER")
    common.plugins()
    common.clock(0)
    say(common)
    common.sync("CUSTOMER")


@pytest.fixture
def clocks(common: World, pair: Pair, clock: int) -> World:
    """The common world, with the clock of Sales that many seconds off."""
    common.clock(clock)
    return common


def run(world: World, mapping: str = "CUSTOMER", **request: Any) -> tuple[Document, Document]:
    counts = world.sync(mapping, **request)[mapping]["counts"]
    return counts["to"], counts["from"]


def nothing(*counts: Document) -> bool:
    return not any(value for one in counts for value in one.values())


def remembered(world: World, pair: Pair) -> list[tuple[Any, ...]]:
    """The versions and the base of a pair."""
    rows = world.query(
        "select left_id::text, left_version, right_version, left_base, right_base from coupling"
    )
    return [one for one in rows if one[0] == pair[0]]


def marks(world: World) -> dict[str, str]:
    """How far each table was read."""
    # Sales adds the time at which it was told.
    return dict(world.query("select side || ' ' || table_name, split_part(token, '%21', 1) from feed"))


@pytest.mark.scenario("BK-01")
@pytest.mark.parametrize("clock", CLOCKS)
def test_a_fresh_coupling_is_open_until_it_is_settled_and_then_only_a_change_is_new(
    clocks: World, pair: Pair
) -> None:
    clocks.uncouple("CUSTOMER", pair[0])
    clocks.couple("CUSTOMER", f"bc:{pair[0]}", f"crm:{pair[1]}", use="bc")
    [one] = [one for one in clocks.couplings() if one["bc_id"] == pair[0]]
    assert one["settled"]
    assert [one["modified"] for one in run(clocks)] == [0, 0]
    clocks.edit_account(pair[1], fax="50")
    assert [one["modified"] for one in run(clocks)] == [0, 1]
    assert [one["modified"] for one in run(clocks)] == [0, 0]


@pytest.mark.scenario("BK-02")
def test_what_a_run_created_is_not_read_again(common: World, pair: Pair) -> None:
    common.configure("CUSTOMER", synch_only_coupled=False)
    for at in range(2):
        common.create("bc", "customers", name=f"Ny {at}", salespersonCode="")
        common.create("crm", "accounts", name=f"Ny {at}", customertypecode=3)
    before = marks(common)
    to, back = run(common)
    assert (to["inserted"], back["inserted"]) == (2, 2)
    after = marks(common)
    assert {one for one in after if after[one] != before[one]} >= {"left customers", "right accounts"}
    for _ in range(2):
        to, back = run(common)
        assert (to["inserted"], to["modified"], back["inserted"], back["modified"]) == (0, 0, 0, 0)


@pytest.mark.scenario("BK-03")
def test_a_change_of_which_no_field_is_mapped_is_read_once(common: World, pair: Pair) -> None:
    before = marks(common)
    common.edit_customer(pair[0], searchName="ANNET")
    common.edit_account(pair[1], description="Annet")
    to, back = run(common)
    assert (to["unchanged"], back["unchanged"]) == (1, 1)
    after = marks(common)
    assert after["left customers"] != before["left customers"]
    assert after["right accounts"] != before["right accounts"]
    assert nothing(*run(common))


@pytest.mark.scenario("BK-04")
def test_when_nothing_changed_the_mark_stays(common: World, pair: Pair) -> None:
    run(common)
    before = marks(common)
    assert nothing(*run(common))
    assert marks(common) == before


@pytest.mark.scenario("BK-05")
@pytest.mark.scenario("BK-06")
@pytest.mark.scenario("BK-07")
@pytest.mark.parametrize("clock", CLOCKS)
def test_when_all_is_in_step_nothing_moves(clocks: World, pair: Pair) -> None:
    """The built-in integration reads the last row again, and counts it as unchanged."""
    clocks.sync("CUSTOMER", "CONTACT")
    before = remembered(clocks, pair)
    done = clocks.sync("CUSTOMER", "CONTACT")
    assert all(nothing(*done[name]["counts"].values()) for name in ("CUSTOMER", "CONTACT"))
    assert remembered(clocks, pair) == before


@pytest.mark.scenario("BK-08")
@pytest.mark.scenario("BK-09")
@pytest.mark.scenario("BK-10")
@pytest.mark.parametrize("clock", CLOCKS)
def test_a_conflict_leaves_the_base_of_its_field_and_the_feeds_go_on(clocks: World, pair: Pair) -> None:
    name = clocks.customer(pair[0])["name"]
    clocks.edit_customer(pair[0], name="Name in BC")
    clocks.edit_account(pair[1], name="Name in Sales")
    before = marks(clocks)
    to, back = run(clocks)
    assert (to["conflicts"], back["conflicts"], to["modified"], back["modified"]) == (1, 1, 0, 0)
    [one] = [one for one in clocks.conflicts() if one["bc_id"] == pair[0]]
    assert one["base"] == name
    after = marks(clocks)
    assert all(after[one] != before[one] for one in ("left customers", "right accounts"))
    assert nothing(*run(clocks))


@pytest.mark.scenario("BK-11")
@pytest.mark.scenario("BK-12")
@pytest.mark.scenario("BK-13")
@pytest.mark.parametrize("clock", CLOCKS)
def test_after_a_success_the_base_is_what_both_sides_hold(clocks: World, pair: Pair) -> None:
    clocks.edit_customer(pair[0], faxNo="51")
    clocks.edit_account(pair[1], telephone1="52")
    to, back = run(clocks)
    assert (to["modified"], back["modified"]) == (1, 1)
    [(_, left, right, base_left, base_right)] = remembered(clocks, pair)
    assert left == clocks.customer(pair[0])["@odata.etag"]
    assert right == clocks.account(pair[1])["@odata.etag"]
    assert all('"51"' in base and '"52"' in base for base in (base_left, base_right))


@pytest.mark.scenario("BK-14")
def test_the_primary_contact_of_a_customer_that_follows_a_contact_is_no_change_of_it(
    common: World, pair: Pair
) -> None:
    person = of_account(common, pair[1])
    common.edit_account(pair[1], **{"primarycontactid@odata.bind": f"/contacts({person})"})
    common.sync("CUSTOMER")
    assert common.customer(pair[0])["primaryContactNo"] == ""
    common.sync("CONTACT", full=True, records=(f"crm:{person}",))
    [number] = [one["number"] for one in common.couplings("CONTACT") if one["crm_id"] == person]
    common.sync("CUSTOMER", "CONTACT")
    assert common.customer(pair[0])["primaryContactNo"] == number
    assert wrote(common.sync("CUSTOMER", "CONTACT")) == 0


@pytest.mark.scenario("BK-15")
def test_the_primary_contact_of_an_account_that_follows_a_contact_is_no_change_of_it(
    common: World, pair: Pair
) -> None:
    person = new_contact(common, company_of(common, pair[0]))
    common.edit_customer(pair[0], primaryContactNo=person["no"])
    common.sync("CUSTOMER")
    assert common.account(pair[1])["_primarycontactid_value"] is None
    full(common, person["id"])
    common.sync("CUSTOMER", "CONTACT")
    assert common.account(pair[1])["_primarycontactid_value"] == partner(common, person["id"])
    assert wrote(common.sync("CUSTOMER", "CONTACT")) == 0


# Which side is changed, one time after the other.
TWICE = [
    pytest.param("bc", "bc", marks=[pytest.mark.scenario("BK-16"), pytest.mark.scenario("BK-17")]),
    pytest.param("crm", "crm", marks=[pytest.mark.scenario("BK-18"), pytest.mark.scenario("BK-19")]),
    pytest.param("bc", "crm", marks=pytest.mark.scenario("BK-20")),
    pytest.param("crm", "bc", marks=[pytest.mark.scenario("BK-22"), pytest.mark.scenario("BK-23")]),
]


@pytest.mark.parametrize("clock", CLOCKS)
@pytest.mark.parametrize(("first", "second"), TWICE)
def test_two_changes_one_after_the_other_move_once_each_and_do_not_bounce(
    clocks: World, pair: Pair, first: str, second: str
) -> None:
    for number, system in (("53", first), ("54", second)):
        if system == "bc":
            clocks.edit_customer(pair[0], faxNo=number)
        else:
            clocks.edit_account(pair[1], fax=number)
        to, back = run(clocks)
        assert (to["modified"], back["modified"]) == ((1, 0) if system == "bc" else (0, 1))
        assert clocks.customer(pair[0])["faxNo"] == clocks.account(pair[1])["fax"] == number
    to, back = run(clocks)
    assert (to["modified"], back["modified"]) == (0, 0)


@pytest.mark.scenario("BK-24")
@pytest.mark.scenario("BK-25")
@pytest.mark.parametrize("system", ["Sales", "Business Central"])
def test_a_refused_write_is_kept_with_its_job_and_changes_nothing(
    common: World, pair: Pair, system: str
) -> None:
    before = common.customer(pair[0])["phoneNo"], common.account(pair[1])["fax"]
    if system == "Sales":
        common.plugins(NO_FAX)
        common.edit_customer(pair[0], faxNo="55")
    else:
        common.edit_account(pair[1], telephone1="call me")
    done = common.sync("CUSTOMER")["CUSTOMER"]
    assert done["counts"]["to" if system == "Sales" else "from"]["failed"] == 1
    kept = common.command(lambda one: show_job(one, done["job"]))
    assert [one["bc_id"] for one in kept["errors"]] == [pair[0]]
    assert system in kept["errors"][0]["message"]
    assert (common.customer(pair[0])["phoneNo"], common.account(pair[1])["fax"]) == before
    if system == "Business Central":
        common.edit_account(pair[1], telephone1="56")


@pytest.mark.scenario("BK-26")
@pytest.mark.scenario("BK-27")
@pytest.mark.parametrize("system", ["bc", "crm"])
def test_a_write_is_kept_with_its_job(common: World, pair: Pair, system: str) -> None:
    if system == "crm":
        common.edit_customer(pair[0], faxNo="57")
    else:
        common.edit_account(pair[1], fax="57")
    done = common.sync("CUSTOMER")["CUSTOMER"]
    kept = common.command(lambda one: show_job(one, done["job"]))
    assert (kept["status"], kept["errors"]) == ("finished", [])
    assert kept["counts"]["to" if system == "crm" else "from"]["modified"] == 1
    last = common.command(lambda one: history(one, "CUSTOMER", pair[0]))["changes"][-1]
    assert (last["job"], last["system"], last["after"]) == (done["job"], system, "57")


@pytest.mark.scenario("BK-28")
@pytest.mark.scenario("BK-29")
def test_of_two_errors_of_a_record_the_last_one_is_told_from_either_side(common: World, pair: Pair) -> None:
    common.plugins(NO_FAX)
    common.edit_customer(pair[0], faxNo="58")
    run(common)
    common.plugins(NO_FAX | {"refuse": "no faxes today"})
    common.edit_customer(pair[0], faxNo="59")
    run(common)
    for text in (f"bc:{pair[0]}", f"crm:{pair[1]}"):
        told = common.command(lambda one, text=text: why(one, "CUSTOMER", text))["sentences"]
        assert any("no faxes today" in one for one in told)
    [one] = common.skipped()
    assert "no faxes today" in one["message"]
