"""Aim: scenarios of the built-in integration about runs: what is taken up, created, changed and counted.

One run serves both directions here and is one job with counters for each; the built-in integration writes a
job for each direction.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from engine.test_contacts import company_of, contact
from engine.test_field_rows import turn
from engine.test_words_on_skipped import say
from engine.world import Document, World, wrote
from kobling.model.errors import ConfigurationError
from kobling.service.mappings import set_mapping, show_mappings

Pair = tuple[str, str]


@pytest.fixture(autouse=True)
def as_shipped(common: World) -> Iterator[None]:
    yield
    for name in ("CUSTOMER", "SALESPEOPLE", "VENDOR"):
        common.configure(name)
    common.plugins()
    common.sync("CUSTOMER")


def run(world: World, mapping: str = "CUSTOMER", **request: Any) -> tuple[Document, Document]:
    counts = world.sync(mapping, **request)[mapping]["counts"]
    return counts["to"], counts["from"]


def nothing(*counts: Document) -> bool:
    return not any(value for one in counts for value in one.values())


def new_customer(world: World, name: str, **values: Any) -> str:
    return str(world.create("bc", "customers", name=name, salespersonCode="", **values)["id"])


def new_account(world: World, name: str, **values: Any) -> str:
    made = world.create("crm", "accounts", name=name, customertypecode=3, **values)
    return str(made["accountid"])


def coupled(world: World, identifier: str) -> list[Pair]:
    pairs = [(one["bc_id"], one["crm_id"]) for one in world.couplings()]
    return [one for one in pairs if identifier in one]


@pytest.mark.scenario("TS-01")
@pytest.mark.scenario("RS-20")
def test_a_mapping_without_a_field_is_refused_with_what_to_do(common: World) -> None:
    [shown] = common.command(lambda one: show_mappings(one, "SALESPEOPLE"))["variants"]
    names = [one["bc_field"] for one in shown["fields"] if one["enabled"]]
    common.configure("SALESPEOPLE", fields={one: {"enabled": False} for one in names})
    with pytest.raises(ConfigurationError, match="SALESPEOPLE: no enabled field") as error:
        common.sync("SALESPEOPLE", full=True)
    assert "enable fields" in str(error.value)


@pytest.mark.scenario("TS-02")
@pytest.mark.scenario("TS-26")
@pytest.mark.parametrize("direction", ["to_integration", "from_integration", "bidirectional"])
def test_a_run_over_no_record_is_a_finished_job_that_counts_nothing(common: World, direction: str) -> None:
    edits = [f"direction={direction}", "bc_filter=No. = NONE", "crm_filter=name = NONE"]
    common.command(lambda one: set_mapping(one, "VENDOR", edits, existing=False, yes=True, wait=print))
    done = common.sync("VENDOR", full=True)["VENDOR"]
    assert done["status"] == "finished"
    written = ("inserted", "modified", "deleted", "failed", "conflicts")
    assert [done["counts"][way][word] for way in ("to", "from") for word in written] == [0] * 10


@pytest.mark.scenario("TS-03")
@pytest.mark.scenario("TS-05")
@pytest.mark.scenario("TS-14")
@pytest.mark.scenario("TS-32")
def test_a_changed_account_changes_its_customer_once(common: World, pair: Pair) -> None:
    common.edit_account(pair[1], fax="41")
    to, back = run(common)
    assert (back["modified"], back["inserted"], to["modified"]) == (1, 0, 0)
    assert common.customer(pair[0])["faxNo"] == "41"
    assert coupled(common, pair[0]) == [pair]


@pytest.mark.scenario("TS-15")
def test_a_changed_customer_changes_its_account_once(common: World, pair: Pair) -> None:
    common.edit_customer(pair[0], faxNo="42")
    to, back = run(common)
    assert (to["modified"], to["inserted"], back["modified"]) == (1, 0, 0)
    assert common.account(pair[1])["fax"] == "42"


@pytest.mark.scenario("TS-04")
@pytest.mark.scenario("TS-12")
@pytest.mark.scenario("TS-31")
@pytest.mark.parametrize("count", [1, 2])
def test_each_new_account_becomes_a_customer_where_uncoupled_ones_take_part(
    common: World, count: int
) -> None:
    common.configure("CUSTOMER", synch_only_coupled=False)
    new = [new_account(common, f"Ny {count} {at} AS") for at in range(count)]
    _, back = run(common)
    assert (back["inserted"], back["failed"]) == (count, 0)
    for one in new:
        [(customer, _)] = coupled(common, one)
        assert common.customer(customer)["name"] == common.account(one)["name"]


@pytest.mark.scenario("TS-13")
def test_a_new_customer_becomes_an_account_where_uncoupled_ones_take_part(common: World) -> None:
    common.configure("CUSTOMER", synch_only_coupled=False)
    new = new_customer(common, "Ny kunde AS")
    to, _ = run(common)
    assert (to["inserted"], to["failed"]) == (1, 0)
    [(_, account)] = coupled(common, new)
    assert common.account(account)["name"] == "Ny kunde AS"


@pytest.mark.scenario("TS-06")
@pytest.mark.scenario("TS-07")
def test_what_has_not_changed_is_not_looked_at_and_a_comparison_writes_nothing(common: World) -> None:
    """Nothing can claim a change: whoever asks for every record gets them compared, and no more."""
    run(common)
    assert nothing(*run(common))
    pairs = len(common.couplings())
    to, back = run(common, every_record=True)
    assert (to["modified"], back["modified"]) == (0, 0)
    assert (to["unchanged"], back["unchanged"]) == (pairs, pairs)


@pytest.mark.scenario("TS-08")
@pytest.mark.scenario("TS-10")
@pytest.mark.parametrize(("mapping", "direction"), [("CURRENCY", "from"), ("SALESPEOPLE", "to")])
def test_a_run_against_the_direction_of_a_mapping_is_refused(
    common: World, mapping: str, direction: str
) -> None:
    with pytest.raises(ConfigurationError, match=f"{mapping}: nothing flows that way"):
        common.sync(mapping, direction=direction)


@pytest.mark.scenario("TS-11")
def test_of_a_field_that_flows_one_way_the_change_at_its_destination_is_overwritten(
    common: World, pair: Pair
) -> None:
    turn(common, "Fax No.", "direction=to_integration", existing=False)
    common.edit_customer(pair[0], faxNo="43")
    common.edit_account(pair[1], fax="44")
    to, back = run(common)
    assert (to["modified"], to["conflicts"], back["conflicts"]) == (1, 0, 0)
    assert common.account(pair[1])["fax"] == "43"
    assert common.customer(pair[0])["faxNo"] == "43"


@pytest.mark.scenario("TS-16")
@pytest.mark.scenario("TS-17")
@pytest.mark.parametrize(("use", "name"), [("crm", "Name in Sales"), ("bc", "Name in BC")])
def test_what_both_changed_is_refused_until_a_person_takes_one_side(
    common: World, pair: Pair, use: str, name: str
) -> None:
    common.edit_customer(pair[0], name="Name in BC")
    common.edit_account(pair[1], name="Name in Sales")
    to, back = run(common, direction="from" if use == "crm" else "to")
    assert (to["modified"], back["modified"], to["conflicts"] + back["conflicts"]) == (0, 0, 1)
    _, status = common.resolve(use, mapping="CUSTOMER", record=pair[0])
    assert status == 0
    assert common.customer(pair[0])["name"] == common.account(pair[1])["name"] == name


@pytest.mark.scenario("TS-18")
def test_a_full_run_reads_everything_anew_and_goes_on_from_there(common: World, pair: Pair) -> None:
    run(common)
    pairs = len(common.couplings())
    to, back = run(common, full=True)
    assert (to["unchanged"] + to["waiting"], back["unchanged"]) == (pairs + to["waiting"], pairs)
    assert nothing(*run(common))
    common.edit_customer(pair[0], faxNo="45")
    assert run(common)[0]["modified"] == 1


@pytest.mark.scenario("TS-19")
def test_a_new_account_is_created_once_whatever_runs_follow(common: World) -> None:
    common.configure("CUSTOMER", synch_only_coupled=False)
    new_account(common, "Bare en gang AS")
    before = common.count("bc", "Customer")
    inserted = [run(common)[1]["inserted"] for _ in range(3)]
    assert inserted == [1, 0, 0]
    assert common.count("bc", "Customer") == before + 1


@pytest.mark.scenario("TS-20")
def test_a_finder_without_an_answer_of_its_own_ends_no_run(common: World) -> None:
    for code in ("TSA", "TSB"):
        common.create("bc", "salespeoplePurchasers", code=code, name=code, eMail="tvillinger@x.example")
    common.create("crm", "systemusers", internalemailaddress="tvillinger@x.example", islicensed=True)
    done = common.sync("SALESPEOPLE", full=True)["SALESPEOPLE"]
    assert (done["status"], done["counts"]["from"]["failed"], len(done["errors"])) == ("finished", 1, 1)
    assert "2 records of Salesperson have the same E-Mail" in done["errors"][0]["message"]


@pytest.mark.scenario("TS-21")
def test_a_customer_renamed_from_sales_takes_its_company_contact_along(common: World, pair: Pair) -> None:
    common.edit_account(pair[1], name="Omdøpt AS")
    run(common)
    assert common.customer(pair[0])["name"] == "Omdøpt AS"
    assert contact(common, company_of(common, pair[0]))["name"] == "Omdøpt AS"


@pytest.mark.scenario("TS-22")
def test_an_error_of_a_pair_names_both_records(common: World, pair: Pair) -> None:
    common.edit_account(pair[1], telephone1="call me")
    done = common.sync("CUSTOMER")["CUSTOMER"]
    assert [(one["bc_id"], one["crm_id"]) for one in done["errors"]] == [pair]
    assert done["counts"]["from"]["failed"] == 1
    common.edit_account(pair[1], telephone1="+47 1")


@pytest.mark.scenario("TS-24")
@pytest.mark.scenario("TS-25")
@pytest.mark.parametrize("system", ["bc", "crm"])
def test_an_error_of_a_record_without_a_partner_names_that_record(common: World, system: str) -> None:
    common.configure("CUSTOMER", synch_only_coupled=False)
    if system == "bc":
        common.plugins({"entity": "account", "on": "create", "field": "fax", "refuse": "no faxes"})
        new = new_customer(common, "Uten fax AS", faxNo="12121212")
    else:
        new = new_account(common, "Ring meg AS", telephone1="call me")
    done = common.sync("CUSTOMER")["CUSTOMER"]
    expected = (new, None) if system == "bc" else (None, new)
    assert [(one["bc_id"], one["crm_id"]) for one in done["errors"]] == [expected]
    common.plugins()
    if system == "crm":
        common.edit_account(new, telephone1="+47 2")
    common.sync("CUSTOMER")
    say(common, mapping="CUSTOMER")
    assert [one for one in common.skipped() if one["mapping"] == "CUSTOMER"] == []


@pytest.mark.scenario("TS-27")
def test_with_only_coupled_records_the_others_are_read_past(common: World, pair: Pair) -> None:
    new = new_account(common, "Utenfor AS")
    common.edit_account(pair[1], fax="46")
    _, back = run(common)
    assert (back["modified"], back["inserted"], back["skipped"], back["failed"]) == (1, 0, 0, 0)
    assert coupled(common, new) == []
    common.delete("crm", "accounts", new)


@pytest.mark.scenario("TS-29")
@pytest.mark.scenario("TS-30")
def test_new_records_of_both_sides_are_created_in_one_job(common: World) -> None:
    common.configure("CUSTOMER", synch_only_coupled=False)
    before = common.count("bc", "Customer"), common.count("crm", "account")
    for at in range(2):
        new_customer(common, f"Fra BC {at}")
        new_account(common, f"Fra Sales {at}")
    to, back = run(common)
    assert (to["inserted"], back["inserted"]) == (2, 2)
    after = common.count("bc", "Customer"), common.count("crm", "account")
    assert after == (before[0] + 4, before[1] + 4)


@pytest.mark.scenario("TS-35")
def test_one_coupled_record_is_synchronized_by_its_name(common: World, pair: Pair, other_pair: Pair) -> None:
    for one in (pair, other_pair):
        common.edit_customer(one[0], faxNo="47")
    to, _ = run(common, records=(pair[0],))
    assert to["modified"] == 1
    assert [common.account(one[1])["fax"] == "47" for one in (pair, other_pair)] == [True, False]
    assert wrote(common.sync("CUSTOMER")) == 1
