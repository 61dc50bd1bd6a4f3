"""Aim: undoing a job puts back, field by field, what nobody has touched since, and nothing flows back then.

Method: people edit both systems, jobs carry that over, and `undo` takes it back; what the systems hold is
read as a person would.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from engine.test_crashes import _Killed, crash
from engine.world import Document, World, wrote
from kobling.model.errors import ConfigurationError

__all__ = ["crash"]

# Customer and account.
Rows = tuple[Document, Document]


def job_of(run: Document, mapping: str = "CUSTOMER") -> str:
    return str(run[mapping]["job"])


def another_salesperson(world: World, customer: str) -> str:
    """Whose user would own the account instead."""
    present = world.customer(customer)["salespersonCode"]
    return next(one["number"] for one in world.couplings("SALESPEOPLE") if one["number"] != present)


def quiet(world: World) -> None:
    """Nothing flows any more."""
    assert wrote(world.sync("CUSTOMER")) == 0
    assert wrote(world.sync("CUSTOMER", every_record=True)) == 0


def test_what_a_job_wrote_on_both_sides_is_put_back_and_nothing_flows_after_it(synchronized: World) -> None:
    customer, account = synchronized.pair()
    before = synchronized.customer(customer), synchronized.account(account)
    synchronized.edit_customer(customer, address="Torget 32", creditLimitLCY=500)
    synchronized.edit_account(account, fax="66778899")
    run = synchronized.sync("CUSTOMER")
    assert synchronized.account(account)["address1_line1"] == "Torget 32"
    undone = synchronized.undo(job_of(run))
    assert (undone[""], undone["refused"]) == (0, [])
    after = synchronized.customer(customer), synchronized.account(account)
    assert after[1]["address1_line1"] == before[1]["address1_line1"]
    assert after[1]["creditlimit"] == before[1]["creditlimit"]
    assert after[0]["faxNo"] == before[0]["faxNo"]
    # What people wrote stays.
    assert (after[0]["address"], after[1]["fax"]) == ("Torget 32", "66778899")
    quiet(synchronized)
    assert synchronized.conflicts() == []


def test_a_field_flows_again_when_somebody_edits_it(synchronized: World) -> None:
    customer, account = synchronized.pair()
    synchronized.edit_customer(customer, address="Torget 32", city="Moss")
    city = synchronized.account(account)["address1_city"]
    synchronized.undo(job_of(synchronized.sync("CUSTOMER")))
    synchronized.edit_customer(customer, address="Torget 33")
    synchronized.sync("CUSTOMER")
    found = synchronized.account(account)
    assert (found["address1_line1"], found["address1_city"]) == ("Torget 33", city)


def test_what_was_touched_since_is_refused_by_name_and_the_rest_put_back(synchronized: World) -> None:
    customer, account = synchronized.pair()
    city = synchronized.account(account)["address1_city"]
    synchronized.edit_customer(customer, address="Torget 32", city="Moss", phoneNo="11111111")
    job = job_of(synchronized.sync("CUSTOMER"))
    # One is edited where the job wrote it and has come back, one where it came from and has not flowed yet.
    synchronized.edit_account(account, address1_line1="Torget 99")
    synchronized.edit_customer(customer, phoneNo="22222222")
    undone = synchronized.undo(job)
    assert undone[""] == 1
    assert {one["field"]: one["reason"] for one in undone["refused"]} == {
        "Address 1: Street 1": "it was changed since",
        "Main Phone": "a later change of it has not been synchronized yet, or is in conflict",
    }
    assert [(one["bc_id"], one["crm_id"]) for one in undone["refused"]] == [(customer, account)] * 2
    assert synchronized.account(account)["address1_city"] == city
    synchronized.sync("CUSTOMER")
    found = synchronized.account(account), synchronized.customer(customer)
    assert (found[0]["telephone1"], found[1]["address"]) == ("22222222", "Torget 99")
    assert (found[0]["address1_city"], found[1]["city"]) == (city, "Moss")


def test_undo_of_undo_is_redo(synchronized: World) -> None:
    customer, account = synchronized.pair()
    synchronized.edit_customer(customer, address="Torget 32")
    synchronized.edit_account(account, fax="66778899")
    first = synchronized.undo(job_of(synchronized.sync("CUSTOMER")))
    again = synchronized.undo(first["jobs"][0]["job"])
    assert (again[""], again["refused"]) == (0, [])
    found = synchronized.account(account), synchronized.customer(customer)
    assert (found[0]["address1_line1"], found[1]["faxNo"]) == ("Torget 32", "66778899")
    quiet(synchronized)


def test_an_undo_is_a_job_with_a_history_of_its_own(synchronized: World) -> None:
    customer, _ = synchronized.pair()
    synchronized.edit_customer(customer, address="Torget 32")
    job = job_of(synchronized.sync("CUSTOMER"))
    noted = len(synchronized.audit())
    undone = synchronized.undo(job)
    [done] = undone["jobs"]
    assert (done["kind"], done["status"], done["counts"]["to"]["modified"]) == (
        f"undo {job}",
        "finished",
        1,
    )
    [(_, _, side, method, values)] = synchronized.audit()[noted:]
    assert (side, method, values["address1_line1"][0]) == ("right", "update", "Torget 32")
    [(reason,)] = synchronized.query("select reason from audit order by id desc limit 1")
    assert reason == f"undoes job {job}"


def test_a_dry_undo_says_what_the_undo_then_does_and_writes_nothing(synchronized: World) -> None:
    customer, account = synchronized.pair()
    synchronized.edit_customer(customer, address="Torget 32")
    job = job_of(synchronized.sync("CUSTOMER"))
    jobs = synchronized.query("select count(*) from job")
    dry = synchronized.undo(job, dry_run=True)
    assert synchronized.account(account)["address1_line1"] == "Torget 32"
    assert synchronized.query("select count(*) from job") == jobs
    assert synchronized.query("select count(*) from intent") == [(0,)]
    real = synchronized.undo(job)
    assert dry["actions"] == real["actions"]
    assert [one["column"] for one in real["actions"][0]["changes"]] == ["address1_line1"]


def test_what_a_job_created_is_deleted_and_its_source_left_out_until_it_is_released(
    synchronized: World,
) -> None:
    synchronized.configure("CUSTOMER", synch_only_coupled=False)
    made = synchronized.create("bc", "customers", name="Newcomer AS")
    count = synchronized.count("crm", "account")
    job = job_of(synchronized.sync("CUSTOMER"))
    assert synchronized.count("crm", "account") == count + 1
    undone = synchronized.undo(job)
    assert (undone[""], undone["refused"]) == (0, [])
    assert synchronized.count("crm", "account") == count
    assert [one["bc_id"] for one in undone["left_out"]] == [made["id"]]
    assert undone["left_out"][0]["cure"] == f"kobling skipped release CUSTOMER {made['id']}"
    # Neither an edit nor a full run takes it up.
    synchronized.edit_customer(made["id"], name="Newcomer Norge AS")
    for full in (False, True):
        synchronized.sync("CUSTOMER", full=full)
        assert synchronized.count("crm", "account") == count
    [skipped] = synchronized.skipped()
    assert (skipped["bc_id"], skipped["reason"]) == (made["id"], "undone")
    assert f"kobling skipped release CUSTOMER {made['id']}" in skipped["message"]
    document, status = synchronized.release("CUSTOMER", f"bc:{made['id']}")
    assert (document["done"], status) == (1, 0)
    assert synchronized.count("crm", "account") == count + 1
    assert synchronized.skipped() == []
    quiet(synchronized)


def test_what_was_created_and_touched_since_stays(synchronized: World) -> None:
    synchronized.configure("CUSTOMER", synch_only_coupled=False)
    made = synchronized.create("bc", "customers", name="Newcomer AS")
    job = job_of(synchronized.sync("CUSTOMER"))
    account = next(one["crm_id"] for one in synchronized.couplings() if one["bc_id"] == made["id"])
    synchronized.edit_account(account, description="Somebody works with it")
    undone = synchronized.undo(job)
    assert [(one["crm_id"], one["field"]) for one in undone["refused"]] == [(account, None)]
    assert undone["refused"][0]["reason"] == "the record was changed since it was created"
    assert synchronized.account(account)["name"] == "Newcomer AS"


def test_a_creation_that_another_job_has_written_since_waits_for_the_undo_of_that_one(
    synchronized: World,
) -> None:
    synchronized.configure("CUSTOMER", synch_only_coupled=False)
    made = synchronized.create("bc", "customers", name="Newcomer AS")
    created = job_of(synchronized.sync("CUSTOMER"))
    synchronized.edit_customer(made["id"], city="Moss")
    changed = job_of(synchronized.sync("CUSTOMER"))
    [refused] = synchronized.undo(created)["refused"]
    assert refused["reason"] == f"job {changed} has written it since: undo that one first"


def test_a_record_that_others_need_is_not_deleted(world: World) -> None:
    world.sync("SALESPEOPLE", "CURRENCY", full=True)
    made = world.sync("CUSTOMER", full=True)
    contacts = world.sync("CONTACT", full=True)
    assert contacts["CONTACT"]["counts"]["to"]["inserted"] > 0
    undone = world.undo(job_of(made))
    reasons = [one["reason"] for one in undone["refused"]]
    assert any("CONTACT needs it" in one for one in reasons)
    needed = {one["bc_id"] for one in undone["refused"] if "CONTACT needs it" in one["reason"]}
    assert needed <= {one["bc_id"] for one in world.couplings()}


def test_undoing_the_undo_of_a_creation_creates_it_anew(synchronized: World) -> None:
    synchronized.configure("CUSTOMER", synch_only_coupled=False)
    made = synchronized.create("crm", "accounts", name="Newcomer AS", customertypecode=3)
    count = synchronized.count("bc", "Customer")
    company = synchronized.account(made["accountid"])["_bcbi_companyid_value"]
    first = synchronized.undo(job_of(synchronized.sync("CUSTOMER")))
    assert (first["refused"], synchronized.count("bc", "Customer")) == ([], count)
    # The mark of whose it is was taken off as well.
    assert synchronized.account(made["accountid"])["_bcbi_companyid_value"] == company
    again = synchronized.undo(first["jobs"][0]["job"])
    assert (again["refused"], synchronized.count("bc", "Customer")) == ([], count + 1)
    assert made["accountid"] in {one["crm_id"] for one in synchronized.couplings()}
    quiet(synchronized)


def _undo_that_dies(world: World, crash: Callable[[pytest.MonkeyPatch], None]) -> tuple[str, Rows]:
    """The job that was to be undone, and customer and account as they were before it."""
    customer, account = world.pair()
    before = world.customer(customer), world.account(account)
    world.edit_customer(customer, address="Torget 32", salespersonCode=another_salesperson(world, customer))
    world.edit_account(account, fax="66778899")
    job = job_of(world.sync("CUSTOMER"))
    with pytest.MonkeyPatch.context() as patch:
        crash(patch)
        with pytest.raises(_Killed):
            world.undo(job)
    return job, before


def test_an_undo_that_died_is_ended_by_the_next_one(
    synchronized: World, crash: Callable[[pytest.MonkeyPatch], None]
) -> None:
    job, before = _undo_that_dies(synchronized, crash)
    assert synchronized.undo(job)["refused"] == []
    _is_undone(synchronized, before)


def test_a_run_after_an_undo_that_died_does_not_take_it_back(
    synchronized: World, crash: Callable[[pytest.MonkeyPatch], None]
) -> None:
    job, before = _undo_that_dies(synchronized, crash)
    assert wrote(synchronized.sync("CUSTOMER")) == 0
    assert synchronized.undo(job)["refused"] == []
    _is_undone(synchronized, before)


def _is_undone(world: World, before: Rows) -> None:
    quiet(world)
    after = world.customer(before[0]["id"]), world.account(before[1]["accountid"])
    assert after[1]["address1_line1"] == before[1]["address1_line1"]
    assert after[1]["_ownerid_value"] == before[1]["_ownerid_value"]
    assert after[0]["faxNo"] == before[0]["faxNo"]
    assert (after[0]["address"], after[1]["fax"]) == ("Torget 32", "66778899")


@pytest.mark.parametrize("first", ["run", "undo"])
def test_a_creation_whose_undo_died_is_gone_and_stays_so(
    synchronized: World, crash: Callable[[pytest.MonkeyPatch], None], first: str
) -> None:
    synchronized.configure("CUSTOMER", synch_only_coupled=False)
    made = synchronized.create("bc", "customers", name="Newcomer AS")
    count = synchronized.count("crm", "account")
    job = job_of(synchronized.sync("CUSTOMER"))
    with pytest.MonkeyPatch.context() as patch:
        crash(patch)
        with pytest.raises(_Killed):
            synchronized.undo(job)
    if first == "run":
        synchronized.sync("CUSTOMER")
    synchronized.undo(job)
    assert synchronized.count("crm", "account") == count
    assert synchronized.query("select count(*) from generation where left_out_by is not null") == [(1,)]
    synchronized.sync("CUSTOMER", full=True)
    assert synchronized.count("crm", "account") == count
    assert [one["bc_id"] for one in synchronized.skipped()] == [made["id"]]


def test_a_pair_that_changes_under_the_undo_is_looked_at_again(synchronized: World) -> None:
    customer, account = synchronized.pair()
    city = synchronized.account(account)["address1_city"]
    synchronized.edit_customer(customer, address="Torget 32", city="Moss")
    job = job_of(synchronized.sync("CUSTOMER"))
    # Somebody writes between our reading and our writing.
    synchronized.plugins(
        {"entity": "account", "on": "update", "field": "description", "set": "x", "as": "person"}
    )
    undone = synchronized.undo(job)
    assert undone["refused"] == []
    assert synchronized.account(account)["address1_city"] == city


def test_what_cannot_be_undone_says_so(synchronized: World) -> None:
    for wrong in ("999999", "-1", "abc", "99999999999999999999999"):
        with pytest.raises(ConfigurationError, match="There is no job"):
            synchronized.undo(wrong)
    customer, account = synchronized.pair()
    synchronized.edit_customer(customer, address="Torget 32")
    job = job_of(synchronized.sync("CUSTOMER"))
    synchronized.uncouple("CUSTOMER", f"bc:{customer}")
    [refused] = synchronized.undo(job)["refused"]
    assert refused["reason"] == "the two records are not coupled any more"
    assert synchronized.account(account)["address1_line1"] == "Torget 32"


def test_nothing_outside_the_filter_is_put_back(synchronized: World) -> None:
    customer, account = synchronized.pair()
    synchronized.edit_customer(customer, address="Torget 32")
    job = job_of(synchronized.sync("CUSTOMER"))
    synchronized.edit_customer(customer, blocked="All")
    [refused] = synchronized.undo(job)["refused"]
    assert "Customer is outside" in refused["reason"]
    assert synchronized.account(account)["address1_line1"] == "Torget 32"
