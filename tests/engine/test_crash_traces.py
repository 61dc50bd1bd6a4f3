"""Aim: what a run wrote that died before it could note it stands in history, once, and can be undone."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from engine.test_crashes import STEPS, _Killed
from engine.world import World, wrote
from kobling.service.explanations import history, why


def killed(world: World, step: str, *mappings: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        STEPS[step](patch)
        with pytest.raises(_Killed):
            world.sync(*mappings)


def noted(world: World, customer: str, fields: Sequence[str]) -> list[tuple[object, ...]]:
    """(system, field, before, after) of these fields of a customer and its account."""
    document = world.command(lambda one: history(one, "CUSTOMER", f"bc:{customer}"))
    return [
        (one["system"], one["column"], one["before"], one["after"])
        for one in document["changes"]
        if one["method"] == "update" and one["column"] in fields
    ]


def last_job(world: World) -> str:
    """The newest job that wrote something."""
    [(job,)] = world.query("select max(job_id)::text from audit where method = 'update'")
    return str(job)


@pytest.mark.parametrize("step", ["after the writes", "before the outcome", "after the outcome"])
def test_an_update_is_in_history_whether_or_not_its_run_could_note_it(
    common: World, pair: tuple[str, str], step: str
) -> None:
    customer, account = pair
    fields = ("address1_line1", "faxNo")
    before = {
        "address1_line1": common.account(account)["address1_line1"],
        "faxNo": common.customer(customer)["faxNo"],
    }
    common.edit_customer(customer, address=f"Torget {step}")
    common.edit_account(account, fax="70007000")
    killed(common, step, "CUSTOMER")
    [(died, _)] = common.query("select max(id), count(*) from job")
    common.sync("CUSTOMER")
    assert last_job(common) == str(died)
    expected = {
        ("crm", "address1_line1", before["address1_line1"], f"Torget {step}"),
        ("bc", "faxNo", before["faxNo"], "70007000"),
    }
    seen = noted(common, customer, fields)
    assert (set(seen), len(seen)) == (expected, 2)
    told = common.command(lambda one: why(one, "CUSTOMER", f"bc:{customer}"))["sentences"]
    assert any(f"Job {died} wrote in Sales" in one for one in told)
    assert wrote(common.sync("CUSTOMER")) == 0
    assert len(noted(common, customer, fields)) == 2


def test_what_was_not_written_is_not_noted(common: World, pair: tuple[str, str]) -> None:
    common.edit_customer(pair[0], address="Torget, not sent")
    killed(common, "after the journal", "CUSTOMER")
    assert wrote(common.sync("CUSTOMER")) == 1
    assert len(noted(common, pair[0], ["address1_line1"])) == 1


def test_an_update_is_noted_once_though_the_run_that_found_it_dies_too(
    common: World, pair: tuple[str, str]
) -> None:
    common.edit_customer(pair[0], address="Torget, twice")
    killed(common, "before the outcome", "CUSTOMER")
    killed(common, "before the outcome", "CUSTOMER")
    killed(common, "after the outcome", "CUSTOMER")
    common.sync("CUSTOMER")
    assert len(noted(common, pair[0], ["address1_line1"])) == 1


def test_an_update_that_a_dead_run_made_can_be_undone(common: World, pair: tuple[str, str]) -> None:
    before = common.account(pair[1])["address1_line1"]
    common.edit_customer(pair[0], address="Torget, undone")
    killed(common, "before the outcome", "CUSTOMER")
    common.sync("CUSTOMER")
    assert common.undo(last_job(common))["refused"] == []
    assert common.account(pair[1])["address1_line1"] == before
    assert wrote(common.sync("CUSTOMER")) == 0


def test_the_mark_of_a_company_and_the_creation_behind_it_are_both_noted(common: World) -> None:
    values = {"name": "From Sales, killed", "customertypecode": 3}
    account = common.create("crm", "accounts", **values)["accountid"]
    with pytest.MonkeyPatch.context() as patch:
        STEPS["before the outcome"](patch)
        with pytest.raises(_Killed):
            common.sync("CUSTOMER", full=True, records=(f"crm:{account}",))
    common.sync("CUSTOMER", full=True, records=(f"crm:{account}",))
    [coupling] = [one for one in common.couplings() if one["crm_id"] == account]
    found = [one for one in common.audit() if one[1] == account]
    assert sorted((one[2], one[3]) for one in found) == [("left", "create"), ("right", "update")]
    assert found[0][0] == coupling["bc_id"]
    common.sync("CUSTOMER")
    assert len([one for one in common.audit() if one[1] == account]) == 2
