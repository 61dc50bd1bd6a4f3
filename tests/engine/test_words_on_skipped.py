"""A person's word on pairs of which one record is deleted, and on records that were refused."""

from __future__ import annotations

import pytest

from engine.world import Document, World, wrote
from kobling.model.mapping import DeletionConflict
from kobling.service.waiting import Word, speak

GONE = {"action": "status", "status": 404, "code": "0x80040217"}


def say(world: World, deletion: str = "", **about: str) -> tuple[Document, int]:
    asked = Word(deletion=DeletionConflict(deletion) if deletion else None, **about)
    return world.command(lambda one: speak(one, asked, wait=lambda name: None))


def _delete(world: World, system: str, pair: tuple[str, str]) -> None:
    table, identifier = ("customers", pair[0]) if system == "bc" else ("accounts", pair[1])
    world.delete(system, table, identifier)


def _counts(world: World) -> tuple[int, int]:
    return world.count("bc", "Customer"), world.count("crm", "account")


@pytest.mark.parametrize("system", ["bc", "crm"])
@pytest.mark.parametrize("word", ["restore", "remove-coupling", "delete"])
def test_each_word_does_what_it_says_whatever_the_policy(synchronized: World, system: str, word: str) -> None:
    world = synchronized
    pair, other = world.pair(), world.pair("C00020")
    before = _counts(world)
    _delete(world, system, pair)
    _delete(world, system, other)
    world.sync("CUSTOMER")
    assert {one["bc_id"] for one in world.skipped()} == {pair[0], other[0]}
    document, status = say(world, word, mapping="CUSTOMER", record=f"bc:{pair[0]}")
    assert (document["records"], document["done"], status) == (1, 1, 0)
    # The other pair still waits for its own word.
    assert [one["bc_id"] for one in world.skipped()] == [other[0]]
    # One record of the other pair is gone in any case.
    gone = {"bc": 0, "crm": 0} | {system: 1 if word == "restore" else 2}
    if word == "delete":
        gone |= {"crm" if system == "bc" else "bc": 1}
    assert _counts(world) == (before[0] - gone["bc"], before[1] - gone["crm"])
    coupled = [(one["bc_id"], one["crm_id"]) for one in world.couplings()]
    found = [one for one in coupled if pair[0] in one or pair[1] in one]
    assert len(found) == (1 if word == "restore" else 0)
    assert pair not in found
    assert wrote(world.sync("CUSTOMER")) == 0


def test_a_record_that_lives_is_not_deleted_by_a_word(synchronized: World) -> None:
    pair, before = synchronized.pair(), _counts(synchronized)
    for word in ("delete", "restore", "remove-coupling"):
        assert say(synchronized, word, mapping="CUSTOMER", record=pair[0])[1] == 1
    assert _counts(synchronized) == before
    assert pair[0] in {one["bc_id"] for one in synchronized.couplings()}


def test_a_record_that_came_back_meanwhile_is_left_alone(synchronized: World) -> None:
    pair = synchronized.pair()
    name = synchronized.customer(pair[0])["name"]
    _delete(synchronized, "bc", pair)
    synchronized.sync("CUSTOMER")
    synchronized.create("bc", "customers", id=pair[0], name=name, salespersonCode="")
    before = _counts(synchronized)
    say(synchronized, "delete", mapping="CUSTOMER", record=pair[0])
    assert _counts(synchronized) == before
    assert synchronized.skipped() == []


def test_what_merely_cannot_be_read_is_neither_deleted_nor_restored(synchronized: World) -> None:
    pair, before = synchronized.pair(), _counts(synchronized)
    _delete(synchronized, "crm", pair)
    synchronized.faults("crm", {"method": "GET", "path": r"/accounts\(", "every": 1, **GONE})
    synchronized.sync("CUSTOMER")
    assert [one["reason"] for one in synchronized.skipped()] == ["unproved"]
    for word in ("delete", "restore", "remove-coupling"):
        document, status = say(synchronized, word, mapping="CUSTOMER", record=pair[0])
        assert (document["done"], status) == (0, 1)
    assert _counts(synchronized) == (before[0], before[1] - 1)
    synchronized.faults("crm")
    assert say(synchronized, "remove-coupling", mapping="CUSTOMER", record=pair[0])[1] == 0


def test_what_is_outside_the_filter_restores_nothing(synchronized: World) -> None:
    pair = synchronized.pair()
    synchronized.edit_account(pair[1], statecode=1, statuscode=2)
    _delete(synchronized, "bc", pair)
    synchronized.sync("CUSTOMER")
    document, status = say(synchronized, "restore", mapping="CUSTOMER", record=pair[0])
    assert (document["done"], status) == (0, 1)
    [one] = synchronized.skipped()
    assert "Status is Active" in one["message"]
    assert say(synchronized, "remove-coupling", mapping="CUSTOMER", record=pair[0])[1] == 0
    assert synchronized.skipped() == []


def test_nothing_is_restored_against_the_direction_of_the_mapping(synchronized: World) -> None:
    synchronized.configure("CUSTOMER", direction="to_integration")
    pair, before = synchronized.pair(), _counts(synchronized)
    _delete(synchronized, "bc", pair)
    synchronized.sync("CUSTOMER")
    assert say(synchronized, "restore", mapping="CUSTOMER", record=pair[0])[1] == 1
    assert _counts(synchronized) == (before[0] - 1, before[1])
    assert say(synchronized, "delete", mapping="CUSTOMER", record=pair[0])[1] == 0
    assert _counts(synchronized) == (before[0] - 1, before[1] - 1)


def test_a_refused_record_is_tried_again_at_a_word(synchronized: World) -> None:
    customer, account = synchronized.pair()
    synchronized.plugins({"entity": "account", "on": "update", "field": "fax", "refuse": "no faxes"})
    synchronized.edit_customer(customer, faxNo="12121212")
    synchronized.sync("CUSTOMER")
    document, status = say(synchronized)
    assert (document["records"], document["done"], status) == (1, 0, 1)
    synchronized.plugins()
    assert wrote(synchronized.sync("CUSTOMER")) == 0
    document, status = say(synchronized, mapping="CUSTOMER", record=customer)
    assert (document["done"], status) == (1, 0)
    assert synchronized.account(account)["fax"] == "12121212"
    assert say(synchronized)[1] == 1
