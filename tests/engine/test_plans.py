"""Aim: a saved plan is carried out as it was saved, or refused by name; a bad file never comes so far.

Method: plans are saved and applied with and without edits in between; files are broken, forged and mixed up.
"""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engine.world import Document, World, wrote
from kobling.model.errors import ConfigurationError
from kobling.service.plan import _encoder, _raw, _seal


def written(actions: list[Document]) -> list[str]:
    """What these actions write, comparable; a number is the same however it is written."""
    shown = [
        [one["mapping"], one["action"], one["bc_id"], system, column, _plain(after)]
        for one in actions
        for system, fields in one["fields"].items()
        for column, (_, after) in fields.items()
    ]
    return sorted(json.dumps(one) for one in shown)


def _plain(value: Any) -> str:
    is_number = isinstance(value, int | Decimal) and not isinstance(value, bool)
    return format(Decimal(value).normalize()) if is_number else str(value)


def test_a_plan_that_nobody_has_overtaken_does_what_the_run_would_have_done(
    synchronized: World, tmp_path: Path
) -> None:
    customer, account = synchronized.pair()
    synchronized.edit_customer(customer, address="Torget 32", creditLimitLCY=500)
    synchronized.edit_account(account, fax="66778899")
    plan = tmp_path / "plan.json"
    noted = len(synchronized.audit())
    saved = synchronized.save_plan(plan, "CUSTOMER")
    assert (len(synchronized.audit()), synchronized.query("select count(*) from intent")) == (noted, [(0,)])
    assert synchronized.account(account)["address1_line1"] != "Torget 32"
    applied = synchronized.apply_plan(plan)
    assert applied["refused"] == []
    assert saved["actions"] == applied["actions"]
    assert synchronized.account(account)["address1_line1"] == "Torget 32"
    assert synchronized.customer(customer)["faxNo"] == "66778899"
    assert wrote(synchronized.sync("CUSTOMER")) == 0


def test_a_plan_of_a_full_run_creates_what_it_says(world: World, tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    names = ("SALESPEOPLE", "CURRENCY", "CUSTOMER")
    saved = world.save_plan(plan, *names, full=True)
    before = world.count("bc", "Customer"), world.count("crm", "account")
    applied = world.apply_plan(plan)
    assert applied["refused"] == []
    assert written(applied["actions"]) == written(saved["actions"])
    for one, other in zip(saved["jobs"], applied["jobs"], strict=True):
        assert one["counts"] == other["counts"]
    assert (world.count("bc", "Customer"), world.count("crm", "account")) != before


def test_an_action_whose_record_has_changed_since_is_refused_by_name(
    synchronized: World, tmp_path: Path
) -> None:
    plan = tmp_path / "plan.json"
    (first, account), (second, other) = synchronized.pair(), synchronized.pair("C00020")
    third, third_account = synchronized.pair("C00040")
    for one in (first, second):
        synchronized.edit_customer(one, address="Torget 32")
    synchronized.save_plan(plan, "CUSTOMER")
    synchronized.edit_customer(first, city="Moss")
    synchronized.edit_customer(third, city="Moss")
    applied = synchronized.apply_plan(plan)
    assert applied[""] == 1
    assert {one["bc_id"]: one["reason"] for one in applied["refused"]} == {
        first: "it is not as it was when the plan was saved",
        third: "the plan does not hold it",
    }
    assert all("Customer C000" in one["record"] for one in applied["refused"])
    assert synchronized.account(other)["address1_line1"] == "Torget 32"
    assert synchronized.account(account)["address1_line1"] != "Torget 32"
    assert synchronized.account(third_account)["address1_city"] != "Moss"
    # Nothing is forgotten.
    run = synchronized.sync("CUSTOMER")
    assert run["CUSTOMER"]["counts"]["to"]["modified"] == 2
    assert synchronized.account(account)["address1_city"] == "Moss"
    assert synchronized.account(third_account)["address1_city"] == "Moss"


def test_a_plan_that_was_overtaken_says_what_is_over(synchronized: World, tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    customer, _ = synchronized.pair()
    synchronized.edit_customer(customer, address="Torget 32")
    synchronized.save_plan(plan, "CUSTOMER")
    synchronized.sync("CUSTOMER")
    for _ in range(2):
        [refused] = synchronized.apply_plan(plan)["refused"]
        assert (refused["bc_id"], refused["reason"].partition(":")[0]) == (
            customer,
            "it is no longer to be done",
        )


def test_new_records_that_the_plan_does_not_hold_are_not_created(world: World, tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    world.sync("SALESPEOPLE", "CURRENCY", full=True)
    world.save_plan(plan, "CUSTOMER", full=True)
    made = world.create("bc", "customers", name="Newcomer AS")
    applied = world.apply_plan(plan)
    assert [one["bc_id"] for one in applied["refused"]] == [made["id"]]
    assert made["id"] not in {one["bc_id"] for one in world.couplings()}
    world.sync("CUSTOMER")
    assert made["id"] in {one["bc_id"] for one in world.couplings()}


@pytest.fixture
def saved(world: World, tmp_path: Path) -> Path:
    plan = tmp_path / "plan.json"
    world.save_plan(plan, "CURRENCY", full=True)
    return plan


BROKEN = {
    "empty": (b"", "it is no JSON"),
    "half": (b'{"kobling_plan": 1, "act', "it is no JSON"),
    "binary": (b"\x00\xff\xfe{}", "it is no JSON"),
    "deep": (b"[" * 200_000, "it is no JSON"),
    "a list": (b"[]", "is no plan"),
    "another document": (b'{"jobs": []}', "is no plan"),
    "another form": (b'{"kobling_plan": 2}', "of form 2, this kobling reads form 1"),
    "nothing in it": (b'{"kobling_plan": 1}', "is a broken plan"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_refused(world: World, tmp_path: Path, name: str) -> None:
    content, words = BROKEN[name]
    (tmp_path / "plan.json").write_bytes(content)
    with pytest.raises(ConfigurationError, match=words):
        world.apply_plan(tmp_path / "plan.json")


def _forged(plan: Path, *, sealed: bool, **values: Any) -> None:
    content = _raw.decode(plan.read_bytes()) | values
    if sealed:
        content["seal"] = _seal(content)
    plan.write_bytes(_encoder.encode(content))


def test_a_file_that_was_edited_is_refused(world: World, saved: Path) -> None:
    _forged(saved, sealed=False, actions=[])
    with pytest.raises(ConfigurationError, match="its seal is broken"):
        world.apply_plan(saved)


def test_a_file_that_is_laid_out_anew_is_the_same_plan(world: World, saved: Path) -> None:
    saved.write_text(json.dumps(json.loads(saved.read_text(encoding="utf-8"))), encoding="utf-8")
    assert world.apply_plan(saved)["refused"] == []


def test_a_plan_of_another_connection_is_refused(world: World, saved: Path) -> None:
    other = "11111111-2222-3333-4444-555555555555"
    of = _raw.decode(saved.read_bytes())["connection"]
    _forged(saved, sealed=True, connection=of | {"bc_company": other})
    with pytest.raises(ConfigurationError, match=f"saved for BC company {other}"):
        world.apply_plan(saved)
    _forged(saved, sealed=True, connection=of | {"crm_organization": other})
    with pytest.raises(ConfigurationError, match=f"saved for Dataverse organization {other}"):
        world.apply_plan(saved)


def test_what_somebody_forges_is_never_written(synchronized: World, tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    customer, account = synchronized.pair()
    synchronized.edit_customer(customer, address="Torget 32")
    synchronized.save_plan(plan, "CUSTOMER")
    text = plan.read_text(encoding="utf-8").replace("Torget 32", "Elsewhere 1")
    plan.write_text(text, encoding="utf-8")
    _forged(plan, sealed=True)
    [refused] = synchronized.apply_plan(plan)["refused"]
    assert refused["bc_id"] == customer
    assert synchronized.account(account)["address1_line1"] not in {"Elsewhere 1", "Torget 32"}
    _forged(plan, sealed=True, request={"direction": "sideways"})
    with pytest.raises(ConfigurationError, match="there is no direction 'sideways'"):
        synchronized.apply_plan(plan)


def test_a_plan_is_saved_over_a_plan_and_over_nothing_else(world: World, saved: Path) -> None:
    world.save_plan(saved, "CURRENCY", full=True)
    assert saved.stat().st_mode & 0o077 == 0
    other = saved.with_name("letter.txt")
    other.write_text("Dear Anna,", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="is there already and no plan"):
        world.save_plan(other, "CURRENCY")
    assert other.read_text(encoding="utf-8") == "Dear Anna,"
    with pytest.raises(ConfigurationError, match="cannot be written"):
        world.save_plan(saved.parent / "nowhere" / "plan.json", "CURRENCY")
